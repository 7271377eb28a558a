#!/bin/bash
# Rules for files of the calling process (/proc/self/...): what is granted comes by every way to it, and nothing else does by any.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/own-files.test.sh "$@"

program=$world/own
gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -pthread -static -o "$program" test/e2e/fixtures/own.c || { not_ok 'the fixture compiles'; end_of_tests; }
mkdir "$world/data"
ln -s /proc/self/stat "$world/data/stat"
ln -s /proc/self/mem "$world/data/mem"
export VXE_PROFILES=$world
profile() { # NAME RULE...
  cat >"$world/$1.vxed.yaml" <<PROFILE
vxed: 1
name: $1
description: opens files of its own process
type: filesystem
files:
  $program: read execute
  /data: read
$(printf '  %s\n' "${@:2}")
network: {interface: none}
exec: once
capabilities: [CAP_SETUID, CAP_SETGID]
PROFILE
}
outcome() { sed -n "s|^$1: ||p" "$world/$name.out"; } # WHAT: of the program's line
is() { check "$name: $1: $2" [ "$(outcome "$1")" = "$2" ]; }
runs() { # NAME
  name=$1
  try vxe bundle create "$name" --exec "$program" --profile "$name" --mount "/data=$world/data"
  check "$name: the bundle is made" [ "$status" = 0 ]
  [[ $status == 0 ]] || { sed 's/^/# /' <<<"$errors"; end_of_tests; }
  limit=60 vxe start "$name" "${@:2}" >"$world/$name.out" 2>"$world/$name.err" || sed 's/^/# /' "$world/$name.err"
  is end ok
}
records() { grep -c -- "$1" "$VXE_LOGS/$name/violations.ndjson" 2>/dev/null || true; }

names=(self number thread-self dots thread 'thread by number' 'threads listed' relative 'relative mem' 'descriptors listed' 'through /dev' link
  'link to mem' mem 'mem behind fd' 'mem of a thread' maps 'written stat' 'cut stat' 'process 1' 'named only' 'closed on exec' child
  'parent of the child' 'another user')
name=control
"$program" "$world/data" >"$world/control.out"
for what in "${names[@]}"; do is "$what" ok; done
is race 'another file'
is 'no descriptor left' EMFILE

profile own '/proc/self/stat: read' '"/proc/self/task/*/stat": read' '/proc/self/task: read' '"/proc/self/task/*/comm": read write' '/proc/self/fd: read'
runs own
for what in self number thread-self dots thread 'thread by number' 'threads listed' relative 'descriptors listed' 'through /dev' link 'named only' \
  'closed on exec' child 'another user' race; do is "$what" ok; done
for what in 'relative mem' 'link to mem' mem 'mem behind fd' 'mem of a thread' maps 'written stat' 'cut stat' 'process 1' 'parent of the child'; do
  is "$what" EACCES
done
is 'no descriptor left' EMFILE
check 'explain names who holds it' contains "$(vxe explain own)" 'files:/proc/self/stat .*supervisor'
check 'a single call is answered by the rule' contains "$(vxe explain own 'openat("/proc/self/task/7/comm", O_RDWR)')" '^allowed'
check 'and one for what lies below a folder is not' contains "$(vxe explain own 'openat("/proc/self/task/7/mem", O_RDWR)')" '^refused with EACCES \(files:default\)'

profile none '/proc/meminfo: read'
runs none
for what in self number thread-self thread 'threads listed' 'descriptors listed' child; do is "$what" EACCES; done

# What Landlock refuses is told by the same names, and what the rules give is not.
rm -f "$VXE_LOGS/own/violations.ndjson"
vxe mode own production --record-files >/dev/null
name=own
limit=60 vxe start own >"$world/own.out" 2>&1
is self ok
is mem EACCES
check 'a refusal is recorded by the name that rules have' [ "$(records '"path":"/proc/self/mem","needs":"read write"')" -ge 1 ]
check 'that of a thread, too' [ "$(records '"path":"/proc/self/task/[0-9]*/mem"')" -ge 1 ]
check 'another process has its number' [ "$(records '"path":"/proc/1/stat"')" -ge 1 ]
check 'nothing that is granted is recorded' [ "$(records '"path":"/proc/self/\(stat","needs":"read"\|fd\|task","\|task/[0-9]*/comm\)')" = 0 ]

# Soft: performed, and recorded, by the same names.
rm -f "$VXE_LOGS/own/violations.ndjson"
vxe mode own soft >/dev/null
limit=60 vxe start own >"$world/own.out" 2>&1
is maps ok
is 'process 1' ok
check 'soft records what the rules do not give' [ "$(records '"path":"/proc/self/maps".*"verdict":"performed","errno":"EACCES"')" -ge 1 ]
check 'and nothing that they give' [ "$(records '"path":"/proc/self/\(stat","needs":"read"\|fd\|task","\|task/[0-9]*/comm\)')" = 0 ]

# What a round in soft mode shows is taken over by the name that the next run has, and what would be too much is not.
check 'why offers the rule' contains "$(vxe why own 'openat("/proc/self/maps", O_RDONLY) = EACCES' 2>&1)" 'files: /proc/self/maps: read'
try vxe upgrade own --auto
check 'upgrade takes it' contains "$(<"$VXE_BUNDLES/own/vxe/profile.vxed.yaml")" '/proc/self/maps: read'
leaves() { ! contains "$(<"$VXE_BUNDLES/own/vxe/profile.vxed.yaml")" '/mem|/proc/1'; }
check 'and leaves the memory, and what is of others' leaves
vxe mode own production >/dev/null
limit=60 vxe start own >"$world/own.out" 2>&1
is maps ok
is mem EACCES
is 'process 1' EACCES

# In a root with another /proc than the instance's own, here that of the namespace around it, the program's number is somebody else's.
profile foreign '/proc/self/stat: read'
runs foreign
is number ok
node -e '
  const { readFileSync, writeFileSync } = require("node:fs");
  const [path] = process.argv.slice(1);
  const config = JSON.parse(readFileSync(path, "utf8"));
  const proc = config.mounts.find((each) => each.destination === "/proc");
  Object.assign(proc, { type: "none", source: "/proc", options: ["rbind"] });
  writeFileSync(path, JSON.stringify(config));' "$VXE_BUNDLES/foreign/config.json"
# The program is the second process of the instance.
if [[ ! -e /proc/2 ]]; then
  echo 1 >/proc/sys/kernel/ns_last_pid
  sleep 600 &
fi
check 'there is another process of the number' [ -e /proc/2/stat ]
limit=60 vxe start foreign >"$world/foreign.out" 2>"$world/foreign.err"
is end ok
for what in self number thread-self mem 'process 1'; do is "$what" EACCES; done
is 'named only' ok

told_error() { [[ $1 == 1 ]] && contains "$2" "^vxe: .*$3"; }
refuses() { # RULE TEXT: the rule is an error that says so
  profile wrong "$1"
  try vxe bundle create wrong --exec "$program" --profile wrong --mount "/data=$world/data"
  check "$1 is refused: $2" told_error "$status" "$errors" "$2"
}
refuses '/proc/self/mem: read' 'files:/proc/self/mem cannot be held'
refuses '/proc/self: read' 'files:/proc/self cannot be held'
refuses '/proc/self/stat: read write' 'cannot grant write'
refuses '/proc/thread-self/comm: read' 'for one thread'
refuses '"/proc/self/*": read' 'cannot be held'
profile wrong '/proc: read' '/proc/self/stat: none'
try vxe bundle create wrong --exec "$program" --profile wrong --mount "/data=$world/data"
check 'what /proc grants cannot be taken from one process' told_error "$status" "$errors" 'cannot take read away'

end_of_tests
