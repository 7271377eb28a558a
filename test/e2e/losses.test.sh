#!/bin/bash
# The supervisor is killed at each of its system calls while it records and answers, that of a program which joined as well: what the program was answered is in the log, in whole
# lines, and nothing is performed for want of an answer. And what is refused in production is told to the service manager.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/losses.test.sh "$@"
export VXE_PROFILES=$world

service=$world/service
gcc -O1 -static-pie -o "$service" test/e2e/fixtures/counting.c || { not_ok 'the fixture compiles'; end_of_tests; }
mkdir "$world/data"
: >"$world/data/noted"
cat >"$world/counting.vxed.yaml" <<PROFILE
vxed: 1
name: counting
description: notes what it is refused
type: strict
files:
  $service: read execute
  /data: read write
network: {interface: none}
exec: once
services: [notify]
calls:
  permit: [read, write, open, openat, close, chdir, fstat, newfstatat, nanosleep, clock_nanosleep, brk, mmap, mprotect, munmap, arch_prctl, set_tid_address,
    set_robust_list, rseq, prlimit64, getrandom, readlinkat, readlink]
PROFILE
vxe bundle create counting --exec "$service" --profile counting --mount "/data=$world/data:rw" >"$world/create.log" 2>&1 ||
  { not_ok 'the bundle is made' "$(<"$world/create.log")"; end_of_tests; }
log=$VXE_LOGS/counting/violations.ndjson
noted() { wc -l <"$world/data/noted"; }
all_noted() { (($(noted) == 200)); }
supervisor_of() { node -e 'console.log(JSON.parse(require("node:fs").readFileSync(process.argv[1])).supervisor.pid)' "$VXE_ROOT/counting/state.json"; }

# begin MODE: an instance that waits for /data/go. In production what it opens meanwhile is not the supervisor's to look at, so that its first calls
# are those for what is refused.
begin() {
  local records=
  [[ $1 != production ]] || records=--no-record-files
  rm -f "$world/data/go" "$log"
  : >"$world/data/noted"
  vxe start counting --detach --mode "$1" $records >"$world/start.log" 2>&1
}
# What the program noted against what the log says: prints what does not fit.
cat >"$world/compare.mjs" <<'COMPARE'
import { existsSync, readFileSync } from 'node:fs';
const [mode, log, notes] = process.argv.slice(2);
const EPERM = 1, ENOSYS = 38;
const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : [''];
if (lines.pop() !== '') console.log('the log ends within a line');
const records = new Map();
for (const line of lines) {
  const record = JSON.parse(line);
  if (record.call === 'getpriority') records.set(Number(record.args[1]), record.verdict);
}
for (const line of readFileSync(notes, 'utf8').trim().split('\n').filter(Boolean)) {
  const [number, errno] = line.split(' ').map(Number);
  const verdict = records.get(number);
  const expected = mode === 'soft' ? [0, 'performed'] : [EPERM, 'refused'];
  // Of a dead supervisor the kernel says ENOSYS, whether it had recorded the call or not.
  if (errno === ENOSYS) continue;
  if (errno !== expected[0]) console.log(`${mode}: call ${number} came back with ${errno}`);
  if (verdict !== expected[1]) console.log(`${mode}: call ${number} came back with ${errno}, and the log says ${verdict}`);
}
console.log(`${records.size} recorded`);
COMPARE
compare() { node "$world/compare.mjs" "$1" "$log" "${2:-$world/data/noted}"; }
agrees() { # MOMENT MODE [NOTED]: what the log does not say of the calls that came back is wrong, and the instance is done with
  local said
  said=$(compare "${@:2}")
  contains "$said" '^[0-9]+ recorded$' && [[ $said != *$'\n'* ]] || wrong+="moment $1: $said"$'\n'
  vxe stop counting >/dev/null 2>&1
  [[ -z $wrong ]]
}

# killed_at PID N GO: strace kills the process at its Nth call from when it came; then the program is let go. Is the process gone?
killed_at() {
  local tracer status=0
  strace -q -o "$world/strace.out" -p "$1" -e trace=all -e inject=all:signal=KILL:when="$2" 2>/dev/null &
  tracer=$!
  traced() { grep -qE "^TracerPid:.[1-9]" "/proc/$1/status" 2>/dev/null || ! kill -0 "$1" 2>/dev/null; }
  eventually 60 traced "$1"
  touch "$3"
  gone() { ! kill -0 "$1" 2>/dev/null; }
  eventually 60 gone "$1" || status=1
  kill "$tracer" 2>/dev/null
  wait "$tracer" 2>/dev/null
  return $status
}

for mode in production soft; do
  begin $mode
  touch "$world/data/go"
  check "$mode: control: unharmed, it is answered 200 times" eventually 60 all_noted
  check "$mode: control: and each is in the log" [ "$(compare $mode)" = '200 recorded' ]
  vxe stop counting >/dev/null 2>&1
done

# Whose filter lets no process get another root is asked for its root once, and not at each of its calls.
cat >"$world/opens.c" <<'OPENS'
#include <fcntl.h>
#include <unistd.h>
int main(void) {
  for (int i = 0; i < 100; i++) close(open("/data/noted", O_RDONLY));
  for (int i = 0; i < 100; i++) close(open("/data/refused", O_RDONLY));
  return 0;
}
OPENS
roots_asked() { # VXE...: how often the supervisor opens a caller's root
  strace -q -o "$world/opens.trace" -e trace=open,openat "$@" >"$world/opens.log" 2>&1 && grep -cE '"/proc/[0-9]+/root"' "$world/opens.trace"
}
if gcc -O1 -static-pie -o "$world/opens" "$world/opens.c" && command -v strace >/dev/null; then
  echo x >"$world/data/refused"
  sed "s#^  $service:#  $world/opens:#; s#^  /data:.*#  /data/noted: read#; s/^name: .*/name: opens/" "$world/counting.vxed.yaml" >"$world/opens.vxed.yaml"
  sed 's/^name: .*/name: roots/; s/permit: \[/permit: [chroot, /' "$world/opens.vxed.yaml" >"$world/roots.vxed.yaml"
  for name in opens roots; do
    vxe bundle create $name --exec "$world/opens" --profile $name --mount "/data=$world/data:rw" >"$world/create.log" 2>&1 || not_ok "the bundle $name is made" "$(<"$world/create.log")"
  done
  few() { local asked; asked=$(roots_asked build/bin/vxe start opens --record-files=always); ((asked >= 1 && asked <= 9)) || { echo "asked $asked times"; return 1; }; }
  check 'the root is asked for a few times, of 200 calls' few
  check 'control: what was refused is recorded' grep -q '"path":"/data/refused"' "$VXE_LOGS/opens/violations.ndjson"
  many() { local asked; asked=$(roots_asked build/bin/vxe start roots --record-files=always); ((asked >= 200)) || { echo "asked $asked times"; return 1; }; }
  check 'and at each call where the profile permits chroot' many
else
  skip 'how often a root is asked for' 'gcc or strace is missing'
fi

if ! command -v strace >/dev/null; then
  skip 'the supervisor is killed at each of its calls' 'strace is missing'
else
  # strace kills at the Nth call from when it came; a violation takes the supervisor some fifteen.
  killed=0 answered=0 wrong=
  for ((moment = 1; moment <= 30; moment++)); do
    mode=production
    ((moment % 2)) || mode=soft
    begin $mode || { wrong+="moment $moment: $(<"$world/start.log")"$'\n'; continue; }
    supervisor=$(supervisor_of)
    killed_at "$supervisor" $moment "$world/data/go" && killed=$((killed + 1))
    ended() { contains "$(vxe status counting 2>&1)" 'stopped|not running'; }
    eventually 60 ended || wrong+="moment $moment: the instance outlives its supervisor"$'\n'
    answered=$((answered + $(noted)))
    agrees "$moment" $mode || break
  done
  check 'at every moment it was killed' [ "$killed" = 30 ]
  check 'control: calls were answered before it' [ "$answered" -gt 0 ]
  check 'no answered call is missing in the log, and none was performed for want of an answer' [ -z "$wrong" ]
  [[ -z $wrong ]] || sed 's/^/# /' <<<"$wrong"
fi

# The same of a program that joins a running instance, which has a supervisor of its own.
mkdir "$world/data/joined"

join_it() {
  rm -f "$world/data/joined/go"
  : >"$world/data/joined/noted"
  build/bin/vxe exec counting "$service" /data/joined >/dev/null 2>"$world/join.err" &
  joiner=$!
}
if command -v strace >/dev/null; then
  killed=0 answered=0 wrong=
  for ((moment = 1; moment <= 29; moment += 4)); do
    mode=production
    ((moment % 8 == 1)) || mode=soft
    begin $mode || { wrong+="moment $moment: $(<"$world/start.log")"$'\n'; continue; }
    join_it
    waits() { ls -l "/proc/$joiner/fd" 2>/dev/null | grep -q 'seccomp notify'; }
    eventually 60 waits || wrong+="moment $moment: $(<"$world/join.err")"$'\n'
    killed_at "$joiner" $moment "$world/data/joined/go" && killed=$((killed + 1))
    wait "$joiner" 2>/dev/null
    # What goes on without a supervisor is answered ENOSYS, and by nobody.
    sleep 0.2
    answered=$((answered + $(grep -cv ' 38$' "$world/data/joined/noted")))
    agrees "$moment" $mode "$world/data/joined/noted" || break
  done
  check 'joined: at every moment its supervisor was killed' [ "$killed" = 8 ]
  check 'joined: control: calls were answered before it' [ "$answered" -gt 0 ]
  check 'joined: no answered call is missing in the log, and none was performed for want of an answer' [ -z "$wrong" ]
  [[ -z $wrong ]] || sed 's/^/# /' <<<"$wrong"
fi

manager_listens 60 600
silent() { ! grep -q refused "$world/heard"; }
export NOTIFY_SOCKET=$world/manager.sock
begin production
check 'while nothing is refused the manager is told of no refusal' silent
touch "$world/data/go"
check 'within seconds it is told how many were refused, the last of them, and what to do' eventually 60 hears '^STATUS=[0-9]+ refused by the profile, the last: getpriority \(calls:default\); see vxe violations counting$'
vxe stop counting >/dev/null 2>&1
kill "$manager"
end_of_tests
