#!/bin/bash
# Files that are opened by their handles (CAP_DAC_READ_SEARCH), which no path leads to: in soft mode they are refused, by every way into the kernel.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/handles.test.sh "$@"

service=$world/handled
export VXE_PROFILES=$world
gcc -O1 -static -no-pie -o "$service" test/e2e/fixtures/handled.c || { not_ok 'the fixture compiles'; end_of_tests; }
# One file system below both folders, and one that knows handles.
mkdir "$world/files" && mount -t tmpfs tmpfs "$world/files" && mkdir "$world/files/data" "$world/files/other"
echo open >"$world/files/data/open" && echo other >"$world/files/other/file"
cat >"$world/handled.vxed.yaml" <<PROFILE
vxed: 1
name: handled
description: opens files by their handles
type: strict
files:
  $service: read execute
  /data: read
network: {interface: none}
exec: once
capabilities: [CAP_DAC_READ_SEARCH]
calls:
  permit: [open_by_handle_at, name_to_handle_at, write, open, openat, close, clock_nanosleep, brk, mmap, mprotect, munmap, arch_prctl, set_tid_address,
    set_robust_list, rseq, prlimit64, getrandom, newfstatat, readlinkat, readlink]
PROFILE
refused 'a profile that permits handles, which no rule of files holds' 1 'files:handles cannot be held here' build/bin/vxe bundle create handled --exec "$service" --profile handled --mount "/data=$world/files/data"
echo 'accept-unenforced: ["files:handles"]' >>"$world/handled.vxed.yaml"
try vxe bundle create handled --exec "$service" --profile handled --mount "/data=$world/files/data" --mount "/other=$world/files/other"
check 'the bundle is made' [ "$status" = 0 ]
[[ $status == 0 ]] || { sed 's/^/# /' <<<"$errors"; end_of_tests; }
said() { grep -qx -- "$1" "$VXE_LOGS/handled/output.log" 2>/dev/null; }
recorded() { grep -q -- "$1" "$VXE_LOGS/handled/violations.ndjson" 2>/dev/null; }
opened_none() { ! grep 'opened' "$VXE_LOGS/handled/output.log"; }

for records in never always; do
  vxe start handled --detach --mode production --record-files=$records >"$world/start.log" 2>&1 || not_ok 'it starts' "$(<"$world/start.log")"
  check "control: in production ($records recorded by the supervisor) a granted file is opened by its handle" eventually 60 said 'native /data/open: opened'
  check 'its 32-bit entries are refused' eventually 60 said 'i386 /data/open: EPERM'
  vxe stop handled >/dev/null 2>&1
  rm -r "$VXE_LOGS/handled"
done

vxe mode handled soft >"$world/mode.log"
check 'that it is soft is no way out of the bundle' lacks "$world/mode.log" 'could leave the bundle'
vxe start handled --detach >"$world/start.log" 2>&1 || not_ok 'it starts' "$(<"$world/start.log")"
for file in /data/open /other/file; do
  for way in native x32 i386; do check "in soft mode $way does not open $file" eventually 60 said "$way $file: EPERM"; done
done
check 'nothing was opened' opened_none
check 'the record says why' recorded '"call":"open_by_handle_at".*"detail":"open_by_handle_at([0-9]*): in soft mode nothing holds what a handle opens".*"verdict":"refused","errno":"EPERM","mechanism":"supervisor"'
# Production that is asked for now has no Landlock before a restart.
vxe mode handled production >/dev/null
rm "$VXE_LOGS/handled/output.log"
vxe stop handled >/dev/null 2>&1
vxe mode handled soft >/dev/null
vxe start handled --detach >"$world/start.log" 2>&1
vxe mode handled production >/dev/null
check 'nor where production is asked for and Landlock is not there' eventually 60 said 'native /other/file: EPERM'
check 'nothing was opened then either' opened_none
vxe stop handled >/dev/null 2>&1

# The other powers are told of by both commands.
sed -i 's/^capabilities: .*/capabilities: [CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN, CAP_MKNOD]/' "$world/handled.vxed.yaml"
vxe bundle create handled --exec "$service" --profile handled --mount "/data=$world/files/data" --replace >/dev/null 2>&1
beyond='the profile grants CAP_SYS_ADMIN, CAP_MKNOD: in soft mode its program is held no more than that is, and could leave the bundle$'
check 'what leads out of a bundle is said by vxe mode' contains "$(vxe mode handled soft)" "^handled: $beyond"
vxe mode handled production >/dev/null
check 'and by vxe start --mode soft' contains "$(vxe start --detach --mode soft handled 2>&1)" "^vxe: warning: handled: $beyond"
vxe stop handled >/dev/null 2>&1
check 'control: in production it is not' lacks <(vxe start --detach handled 2>&1) 'could leave'
vxe stop handled >/dev/null 2>&1
end_of_tests
