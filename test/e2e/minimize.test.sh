#!/bin/bash
# vxe learn --minimize: each rule is taken away once and the exercise replayed; what nothing misses is marked, and what it needs is not.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/minimize.test.sh "$@"
export VXE_RECORDINGS=$world/recordings VXE_PROFILES=$world

service=$world/service
gcc -O1 -static -nostdlib -ffreestanding -fno-stack-protector -o "$service" test/e2e/fixtures/answering.c || { not_ok 'the fixture compiles'; end_of_tests; }
mkdir "$world/data" && echo needed >"$world/data/needed" && echo optional >"$world/data/optional"
mkdir "$world/data/more" && echo asked >"$world/data/more/asked"
cat >"$world/answering.vxed.yaml" <<PROFILE
vxed: 1
name: answering
description: answers with a file
type: strict
files:
  $service: read execute
  /data/needed: read
  /data/optional: read
  /data/more/asked: read
network: {accept: [tcp/707], interface: host}
exec: once
capabilities: [CAP_NET_BIND_SERVICE, CAP_SETGID, CAP_SETUID]
calls:
  permit: [setsockopt, setgroups, setuid, bind, listen, accept, openat, read, write, close]
  when:
    socket: [{domain: AF_INET, type: SOCK_STREAM, protocol: 0}]
PROFILE
# What was recorded first asks for more than the exercise that is replayed.
ask() { # LETTER
  printf 'exec 3<>/dev/tcp/127.0.0.1/707 && printf %s >&3 && read -r -t 600 line <&3 && [[ $line == needed ]]\n' "$1"
}
{ ask o; ask n; } >"$world/more.sh"
ask n >"$world/exercise.sh"
vxe bundle create answering --exec "$service" --profile answering --mount "/data=$world/data" >"$world/create.log" 2>&1 ||
  { not_ok 'the bundle is made' "$(<"$world/create.log")"; end_of_tests; }
check 'it is recorded' vxe trace -o "$world/run1.ndjson" answering -- bash "$world/more.sh"
check 'and once more, with less to do' vxe trace -o "$world/run2.ndjson" answering -- bash "$world/exercise.sh"

learned=$world/learned.vxed.yaml
limit=240 try vxe learn answering "$world/run1.ndjson" "$world/run2.ndjson" --minimize --output "$learned"
check 'it is learned' [ "$status" = 0 ]
[[ $status == 0 ]] || { sed 's/^/# /' <<<"$errors"; end_of_tests; }
check 'the exercise passes under the whole' contains "$errors" 'nothing is refused'

# Every rule that was seen, with what of it nothing missed: all, these parts, or nothing.
cat >"$world/marks.mjs" <<'MARKS'
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
const rules = Object.entries(parse(readFileSync(process.argv[2], 'utf8')).learned.rules);
const seen = rules.filter(([, { count }]) => (count !== undefined) === (process.argv[3] === 'seen'));
for (const [id, { unjustified }] of seen) console.log(`${id}: ${unjustified === undefined ? 'needed' : unjustified === true ? 'missed by nothing' : `needed without ${unjustified}`}`);
MARKS
marks() { node --input-type=module - "$learned" "$1" <"$world/marks.mjs" | sort; }
cat >"$world/expected" <<EXPECTED
calls:accept: needed
calls:bind: needed
calls:close: needed
calls:listen: needed
calls:openat: needed
calls:read: needed
calls:setgroups: needed
calls:setsockopt: needed without {level: IPPROTO_TCP, name: TCP_NODELAY}
calls:setuid: missed by nothing
calls:socket: needed
calls:write: needed
capabilities:CAP_NET_BIND_SERVICE: needed
capabilities:CAP_SETGID: needed
capabilities:CAP_SETUID: missed by nothing
files:$service: needed
files:/data/more/asked: needed
files:/data/needed: needed
files:/data/optional: missed by nothing
network:tcp/707: needed
EXPECTED
check 'of the rules that were seen, each that the exercise uses is missed, and the others are marked' diff <(sort "$world/expected") <(marks seen)
check 'of those that were not seen, all are marked' eval '[[ -n $(marks inferred) ]] && ! marks inferred | grep -v "missed by nothing"'
check 'it is said as well' contains "$errors" '^files:/data/optional: the exercise passes without it'
check 'and of which part' contains "$errors" '^calls:setsockopt: the exercise passes without \{level: IPPROTO_TCP, name: TCP_NODELAY\}$'
# Without it the daemon keeps its client waiting, and no record tells why.
check 'a trial that hangs is called off, and what it was without is needed' contains "$errors" '^capabilities:CAP_SETGID: needed, since without it the exercise did not come to an end, and was called off$'
check 'only that one hung' [ "$(grep -c 'did not come to an end' <<<"$errors")" = 1 ]
check 'what is needed is not' lacks <(echo "$errors") '^files:/data/needed'
check 'the profile with its marks is well formed' vxe profile check "$learned"
check 'the bundle itself has its own profile still' cmp "$world/answering.vxed.yaml" "$VXE_BUNDLES/answering/vxe/profile.vxed.yaml"
check 'of a static program nobody says what it was not made to do' contains "$errors" 'what was not exercised is not known'
check 'and nothing of it is left running' eval '! pgrep -f "^$service"'
end_of_tests
