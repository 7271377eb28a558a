#!/bin/bash
# start, stop, restart, status, exec, run, logs; and the truth after kill -9 of any part.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/lifecycle.test.sh "$@"

popd_bundle >"$world/create.log" 2>&1 || { not_ok 'the bundle is made' "$(<"$world/create.log")"; end_of_tests; }

member() { # NAME: a number in the instance's state.json, 0 where absent
  node -e 'const s = JSON.parse(require("node:fs").readFileSync(process.argv[1])); let v = s;
    for (const k of process.argv[2].split(".")) v = v?.[k]; console.log(v?.pid ?? v ?? 0)' "$VXE_ROOT/popd/state.json" "$1"
}
silent() { ! (exec 3<>/dev/tcp/127.0.0.1/110) 2>/dev/null; }
says() { contains "$(vxe status popd 2>&1)" "$1"; }
alive() { kill -0 "$1" 2>/dev/null; }
dead() { ! alive "$1"; }
none_left() { no_process popa3d; }

check 'status of nothing started' vxe status
try vxe status nosuch
check 'status of a name that is none exits with 3' [ "$status" = 3 ]
check 'it starts' vxe start popd --detach
check 'it serves' serves
check 'status says running' says running
refused 'a second start is refused' 1 'popd.*(running|already|taken)' vxe start popd --detach
check 'the first still serves' serves
supervisor=$(member supervisor)
check 'the launcher is there' alive "$supervisor"
filters() { sed -n 's/^Seccomp_filters:[[:space:]]*//p' "/proc/$1/status"; }
one_filter() { [ "$(filters "$1")" = $(($(filters self) + 1)) ]; }
check 'the program has one filter more than who starts it' one_filter "$(process_of popa3d)"
check 'so has the reaper' one_filter "$(member init)"
check 'restart works' vxe restart popd --detach
check 'it serves after the restart' serves
check 'another launcher is there' [ "$(member supervisor)" != "$supervisor" ]
check 'stop works' vxe stop popd
check 'no process is left' none_left
check 'the port is silent' silent
refused 'stop of what does not run says so' 1 'popd.*(not running|does not exist)' vxe stop popd

# The foreground form: signals go through, the exit code comes back.
build/bin/vxe start popd >"$world/fg.log" 2>&1 &
foreground=$!
check 'in the foreground it serves' serves
kill -TERM "$foreground"
wait "$foreground"
foreground_status=$?
check 'SIGTERM reaches the program and its code comes back' [ "$foreground_status" = 143 -o "$foreground_status" = 0 ]
check 'nothing is left of it' eventually 60 none_left

# The server answers before it has forked away from the program that was started, which then ends.
forked_away() { pid=$(process_of popa3d) && [[ $pid != "$(member program)" ]]; }

# kill -9 of each part: the launcher, pid 1 of the instance, the server itself.
for part in supervisor init server; do
  vxe start popd --detach >"$world/start.log" 2>&1 || not_ok "it starts before the kill of its $part" "$(<"$world/start.log")"
  wait_for_port 110
  if [[ $part == server ]]; then eventually 60 forked_away; else pid=$(member "$part"); fi
  check "the $part is there" alive "$pid"
  kill -KILL "$pid"
  check "after kill -9 of the $part every process ends" eventually 60 none_left
  check "after kill -9 of the $part status tells it" eventually 60 says 'stopped|not running|ended'
  check "after kill -9 of the $part it starts again" vxe start popd --detach
  check "after kill -9 of the $part it serves again" serves
  vxe stop popd >/dev/null 2>&1
done

# exec: what the profile executes once, it does not execute twice; the confinement is the same.
vxe start popd --detach
wait_for_port 110
refused 'exec of a program that the bundle does not hold is refused' 1 '/bin/sh' vxe exec popd -- /bin/sh -c true
vxe exec popd -- /usr/sbin/popa3d -V >"$world/exec.log" 2>&1
exec_status=$?
check 'exec starts a second program in the instance' [ "$exec_status" = 0 ]
try vxe logs popd
check 'logs works' [ "$status" = 0 ]
vxe stop popd >/dev/null 2>&1

# run: a program of the host under a profile.
cat >"$world/quiet.vxed.yaml" <<'EOF'
vxed: 1
name: quiet
description: Reads the system's programs and libraries, writes nothing, connects nowhere
type: filesystem
files:
  /usr: read execute
  /lib: read execute
  /lib64: read execute
  /bin: read execute
  /etc/ld.so.cache: read
  /dev/null: read write
network:
  interface: none
exec: any
EOF
export VXE_PROFILES=$world
check 'run runs a program under a profile' vxe run quiet /usr/bin/true
try vxe run quiet /usr/bin/false
check "run returns the program's code" [ "$status" = 1 ]
try vxe run quiet /usr/bin/cat /etc/hostname
check 'run refuses a file that the profile does not grant' [ "$status" = 1 ]
check 'the refusal reaches the program as an error' contains "$errors" 'Permission denied|Operation not permitted'
try vxe run quiet /usr/bin/touch "$world/made"
check 'run refuses writing' test ! -e "$world/made"
# The program loads its filter, which raises calls to the supervisor, before the process that made it has told of it.
sed '/^exec:/a calls: {quiet: {lseek: [{offset: {from: 7, to: 4096}, errno: EXDEV}]}}' "$world/quiet.vxed.yaml" | sed 's/^name: quiet/name: early/' >"$world/early.vxed.yaml"
if command -v strace >/dev/null; then
  early() { strace -qqf -e trace=clone3 -e inject=clone3:delay_exit=100000 -o /dev/null build/bin/vxe run early /usr/bin/true; }
  check 'run works when the program is ready before its maker' early
  # The launch rests before the first process is made.
  launches() {
    strace -qqf -e trace=clone3 -e inject=clone3:delay_enter=1000000 -o /dev/null build/bin/vxe start popd --detach 2>"$world/early.err" &
    launching=$!
    check "$1: a launch is under way" eventually 60 is_early
  }
  is_early() { grep -q '"status": *"creating"' "$VXE_ROOT/popd/state.json" 2>/dev/null && [ "$(member init)" = 0 ]; }
  launches stop
  check 'stop: ends it' vxe stop popd
  wait "$launching"
  check 'stop: no process is left' none_left
  launches delete
  check 'delete: ends it' build/bin/vxe-runtime --root "$VXE_ROOT" delete --force popd
  wait "$launching"
  check 'delete: no process is left' none_left
else
  skip 'run works when the program is ready before its maker' 'strace is missing'
  skip 'stop and delete of what is being started' 'strace is missing'
fi
# Control from inside: refused in words, and by the kernel where the words are got around.
cp test/e2e/fixtures/all.vxed.yaml "$world"
vxe start popd --detach
wait_for_port 110
for verb in 'stop popd --timeout 1' 'exec popd /usr/sbin/popa3d -V' 'start popd --name other' 'run all /bin/true'; do
  refused "vxe ${verb%% *} inside is refused" 1 'inside the instance' vxe run all build/bin/vxe $verb
  inside_unmarked() { ! vxe run all /usr/bin/env -u VXE_INSTANCE build/bin/vxe $verb; }
  check "vxe ${verb%% *} inside, unmarked, fails" inside_unmarked
done
# SIGRTMIN is one of those that a C library lets nobody set.
ignoring() { (trap '' HUP PIPE RTMIN RTMAX && "$@" /bin/grep SigIgn /proc/self/status); }
# Who runs the tests may ignore others besides.
ignored_outside() { local mask; mask=0x$(ignoring env | cut -f 2) && (((mask & 0x8000000200001001) == 0x8000000200001001)); }
check 'control: signals that the caller ignores are ignored in what it starts' ignored_outside
check 'but not in an instance' contains "$(ignoring vxe run all)" 'SigIgn:.0000000000000000'
kills_from_inside() { vxe run all /bin/sh -c 'kill -9 "$1"' sh "$(vxe status popd --json | sed -n 's/.*"program":{"pid":\([0-9]*\).*/\1/p')"; }
try kills_from_inside
check 'a signal from inside reaches no other instance' [ "$status" != 0 ]
check 'control: what was attempted from inside works outside' serves
check 'control: outside it stops' vxe stop popd

refused 'run of a program that is not there' 1 'no-such-program' vxe run quiet /usr/bin/no-such-program

end_of_tests
