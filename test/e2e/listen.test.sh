#!/bin/bash
# Ports are listened at by rule alone, also where a port is not chosen by bind(2).
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/listen.test.sh "$@"

program=$world/listening
gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -pthread -static -o "$program" test/e2e/fixtures/listening.c || { not_ok 'the fixture compiles'; end_of_tests; }
# Half of the ports that the kernel chooses from are listed.
echo 40000 40999 >/proc/sys/net/ipv4/ip_local_port_range
export VXE_PROFILES=$world
cat >"$world/race.vxed.yaml" <<PROFILE
vxed: 1
name: race
description: listens at some of the ports that the kernel chooses
type: filesystem
files: {$program: read execute}
network: {accept: [tcp/30000], connect: [tcp/30000], sockets: {tcp/40000-40499: accept}, interface: host}
exec: once
PROFILE
count() { sed -n "s/^$2 //p" "$world/$1.out"; } # RUN WHAT

# At a port of its own: an end of a connection that was reset at a bad moment keeps one taken for a minute.
"$program" 2 40499 30001 >"$world/control.out"
check "control: without VXE it listens where the list says nothing ($(count control others) of $(count control tries))" [ "$(count control others)" -gt 0 ]
try vxe bundle create race --exec "$program" --profile race -- 4 40499 30000
check 'the bundle is made' [ "$status" = 0 ]
limit=60 vxe start race >"$world/race.out" 2>"$world/race.err" || sed 's/^/# /' "$world/race.err"
check "it may listen where the list says so, and tries the rest ($(count race tries) times)" [ "$(count race tries)" -gt 100 ]
check "and listens nowhere else ($(count race others), $(count race allowed) as listed)" [ "$(count race others)" = 0 ]
end_of_tests
