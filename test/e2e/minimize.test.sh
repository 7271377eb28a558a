#!/bin/bash
# vxe learn --minimize: each rule is taken away once and the exercise replayed; what nothing misses is marked, and what it needs is not.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/minimize.test.sh "$@"
export VXE_RECORDINGS=$world/recordings VXE_PROFILES=$world

service=$world/service
gcc -O1 -static -nostdlib -ffreestanding -fno-stack-protector -o "$service" test/e2e/fixtures/answering.c || { not_ok 'the fixture compiles'; end_of_tests; }
mkdir "$world/data" && echo needed >"$world/data/needed" && echo optional >"$world/data/optional"
cat >"$world/answering.vxed.yaml" <<PROFILE
vxed: 1
name: answering
description: answers with a file
type: strict
files:
  $service: read execute
  /data/needed: read
  /data/optional: read
network: {accept: [tcp/7007], interface: host}
exec: once
calls:
  permit: [setsockopt, bind, listen, accept, openat, read, write, close]
  when:
    socket: [{domain: AF_INET, type: SOCK_STREAM, protocol: 0}]
PROFILE
cat >"$world/exercise.sh" <<'EXERCISE'
exec 3<>/dev/tcp/127.0.0.1/7007 && read -r -t 20 line <&3 && [[ $line == needed ]]
EXERCISE
vxe bundle create answering --exec "$service" --profile answering --mount "/data=$world/data" >"$world/create.log" 2>&1 ||
  { not_ok 'the bundle is made' "$(<"$world/create.log")"; end_of_tests; }
check 'it is recorded' vxe trace -o "$world/run.ndjson" answering -- bash "$world/exercise.sh"

learned=$world/learned.vxed.yaml
limit=240 try vxe learn answering "$world/run.ndjson" --minimize --output "$learned"
check 'it is learned' [ "$status" = 0 ]
[[ $status == 0 ]] || { sed 's/^/# /' <<<"$errors"; end_of_tests; }
check 'the exercise passes under the whole' contains "$errors" 'nothing is refused'
marked() { grep -q "\"$1\": {.*unjustified: true}" "$learned"; }
unmarked() { grep -q "\"$1\": {" "$learned" && ! marked "$1"; }
for rule in files:/data/needed files:"$service" calls:openat calls:read calls:write calls:close calls:accept calls:bind; do
  check "$rule is needed" unmarked "$rule"
done
for rule in files:/data/optional calls:writev calls:readv calls:munmap; do
  check "$rule is missed by nothing, and marked" marked "$rule"
done
check 'it is said as well' contains "$errors" '^files:/data/optional: the exercise passes without it'
check 'what is needed is not' lacks <(echo "$errors") '^files:/data/needed'
check 'the profile with its marks is well formed' vxe profile check "$learned"
check 'the bundle itself has its own profile still' cmp "$world/answering.vxed.yaml" "$VXE_BUNDLES/answering/vxe/profile.vxed.yaml"
check 'of a static program nobody says what it was not made to do' contains "$errors" 'what was not exercised is not known'
check 'and nothing of it is left running' eval '! pgrep -f "^$service"'
end_of_tests
