# What upgrades are tried on: a daemon that reads one file of two, asks for others, and makes a call that its profile does not have. Sourced by
# bash, after tap.sh and in_own_world.
# shellcheck shell=bash

# acting_bundle: the daemon as $service, its folders and its profile in $world, and its bundle.
acting_bundle() {
  service=$world/service
  export VXE_PROFILES=$world VXE_HISTORY=$world/history
  gcc -O1 -static-pie -o "$service" test/e2e/fixtures/acting.c || return
  mkdir "$world/data" "$world/other" && echo secret >"$world/data/secret" && echo open >"$world/data/open" && echo other >"$world/other/file"
  cat >"$world/acting.vxed.yaml" <<PROFILE
vxed: 1
name: acting
description: reads one file of two
type: strict
files:
  $service: read execute
  # what it is for
  /data: read
  /data/secret: none
network: {interface: none}
exec: once
calls:
  permit: [read, write, openat, close, clock_nanosleep, brk, mmap, mprotect, munmap, arch_prctl, set_tid_address, set_robust_list, rseq, prlimit64,
    getrandom, newfstatat, readlinkat, readlink]
PROFILE
  vxe bundle create acting --exec "$service" --profile acting --mount "/data=$world/data" --mount "/other=$world/other"
}
