#!/bin/bash
# vxe trace: whole recordings of a storm, exact losses, bundles and ordinary users. oracle.test.sh holds them against strace.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/trace.test.sh "$@"
export VXE_RECORDINGS=$world/recordings
storm=$PWD/build/trace/storm
signaled=$world/signaled
gcc -O1 -o "$signaled" test/e2e/fixtures/signaled.c || { not_ok 'the fixture compiles'; end_of_tests; }

recorded() { # FILE JQ-LIKE KEY: a number of the trailer
  tail -n 1 "$1" | grep -oE "\"$2\":[0-9]+" | grep -oE '[0-9]+$'
}
lost() { tail -n 1 "$1" | grep -oE '"lost":\{[^}]*\}' | grep -oE ':[0-9]+' | tr -d : | awk '{ n += $1 } END { print n + 0 }'; }
adds_up() { [[ $(recorded "$1" calls) == $(($(recorded "$1" recorded) + $(lost "$1"))) ]]; }
# How often a call is in a recording, with what the repeats count.
times() { # FILE CALL
  awk -v call="\"call\":\"$2\"" '
    /^\{"seq":/ { match($0, /[0-9]+/); seq = substr($0, RSTART, RLENGTH); if (index($0, call)) { n++; of[seq] = 1 } }
    /^\{"record":"repeat"/ { match($0, /"of":[0-9]+/); seq = substr($0, RSTART + 5, RLENGTH - 5)
      if (seq in of) { match($0, /"count":[0-9]+/); n += substr($0, RSTART + 8, RLENGTH - 8) } }
    END { print n + 0 }' "$1"
}

recorders=(notify)
if vxe trace --recorder bpf -o "$world/probe.ndjson" --host true 2>"$world/probe.err"; then
  recorders=(bpf notify)
else
  skip 'the BPF recorder' "$(tail -n 1 "$world/probe.err")"
fi

for recorder in "${recorders[@]}"; do
  calls=1000000
  file=$world/storm-$recorder.ndjson
  limit=300 check "$recorder: a storm of $calls calls is recorded" vxe trace --recorder "$recorder" -o "$file" --host "$storm" $calls
  check "$recorder: recorded and lost are all that were made" adds_up "$file"
  check "$recorder: nothing was lost" [ "$(lost "$file")" = 0 ]
  check "$recorder: every single one is counted" [ "$(times "$file" getppid)" = $calls ]
  check "$recorder: what looks the same has one line" [ "$(wc -l <"$file")" -lt 500 ]

  file=$world/every-$recorder.ndjson
  check "$recorder: each call has a line where that is asked for" vxe trace --every --recorder "$recorder" -o "$file" --host "$storm" 20000
  check "$recorder: as many lines as calls" [ "$(grep -c '"call":"getppid"' "$file")" = 20000 ]

  # Four processes of four threads at once.
  file=$world/wide-$recorder.ndjson
  check "$recorder: a storm from many threads" vxe trace --recorder "$recorder" -o "$file" --host "$storm" 5000 4 4
  check "$recorder: adds up" adds_up "$file"
  check "$recorder: none of them is missing" [ "$(times "$file" getppid)" = $((5000 * 16)) ]

  # A signal that comes while the handler of another returns.
  check "$recorder: signals of a recorded program come and go" vxe trace --recorder "$recorder" -o "$world/signaled-$recorder.ndjson" --host "$signaled" 3000

  # Killed, it leaves no trailer, and nothing of what it watched.
  file=$world/killed-$recorder.ndjson
  lasting=(sh -c 'sleep 1234 & sleep 1234; sleep 1234')
  watched() { pgrep -fx 'sleep 1234' >/dev/null; } # not the words of who is to start it
  ended() { ! watched; }
  begin_lasting() {
    rm -f "$file"
    build/bin/vxe-recorder --recorder "$recorder" -o "$file" --host "${lasting[@]}" 2>"$world/killed.err" &
    guard=$!
    eventually 60 watched
  }
  begin_lasting
  kill -KILL "$(cat "/proc/$guard/task/$guard/children")"
  wait $guard 2>/dev/null
  check "$recorder: killed, that is told" [ $? = 137 ]
  check "$recorder: in a sentence" grep -q "^vxe: the recorder was killed (signal 9), what it recorded is ended, and $file is not complete; record again" "$world/killed.err"
  check "$recorder: its recording is not complete" lacks "$file" '"record":"trailer"'
  check "$recorder: what it recorded does not go on by itself" ended
  begin_lasting
  kill -KILL $guard
  wait $guard 2>/dev/null
  complete() { grep -q '"record":"trailer".*"end":"stopped"' "$file"; }
  check "$recorder: whoever waits for it killed, it stops what it records, and the recording is whole" eventually 60 complete
  check "$recorder: nothing goes on there either" eventually 60 ended
  # What is written within a second can be read while it is recorded, and after a kill.
  begin_lasting
  check "$recorder: what it has seen is in the file soon" eventually 60 grep -qs '"call":"execve"' "$file"
  kill -TERM $guard
  wait $guard 2>/dev/null
  check "$recorder: told to end, it ends in good order" complete
  # Of what a killed recorder has left, something is learned only if asked, and the profile says so.
  begin_lasting
  eventually 60 grep -qs '"call":"execve"' "$file"
  kill -KILL "$(cat "/proc/$guard/task/$guard/children")"
  wait $guard 2>/dev/null
  profile=$world/killed-$recorder.vxed.yaml
  refused "$recorder: what was cut off is not learned from" 1 "$file is not complete: .*--lossy" vxe learn lasting "$file" --output "$profile"
  check "$recorder: and nothing is written" [ ! -e "$profile" ]
  try vxe learn lasting "$file" --lossy --output "$profile"
  check "$recorder: with --lossy it is" [ "$status" = 0 ]
  check "$recorder: and that is said" contains "$errors" "^learned all the same: $file is not complete"
  check "$recorder: in the profile, too" grep -q '^  lossy: true$' "$profile"
  check "$recorder: which has what was recorded" grep -q "^program: /usr/bin/sh\$" "$profile"
  check "$recorder: and is well formed" vxe profile check "$profile"
  refused "$recorder: a program that is not there" 127 'executing /nonexistent' vxe trace --recorder "$recorder" -o "$world/none-$recorder" --host /nonexistent
done

if [[ ${recorders[0]} == bpf ]]; then
  # A ring of 64 KiB, and a line for each call: too little, so that something must be lost.
  file=$world/lossy.ndjson
  VXE_RECORDER_RING=65536 limit=300 check 'with a ring that is too small calls are lost' vxe trace --every --recorder bpf -o "$file" --host "$storm" 200000 2 2
  check 'and counted' [ "$(lost "$file")" -gt 0 ]
  check 'so that all is accounted for' adds_up "$file"
  made=$(recorded "$file" calls)
  vxe trace --recorder bpf -o "$world/whole.ndjson" --host "$storm" 200000 2 2 2>/dev/null
  check 'the ring is the only reason' grep -qE '"lost":\{"ring":[0-9]+\}' <(tail -n 1 "$file")
  # Waiting for threads takes a call more or less; the storm itself does not.
  difference=$((made - $(recorded "$world/whole.ndjson" calls)))
  check 'as many were made as in a run where none was lost' [ "${difference#-}" -lt 100 ]
  check 'of these, each of the storm is in the books of the recording that lacks none' [ "$(times "$world/whole.ndjson" getppid)" = 800000 ]

  # Processes begin and end in the middle of a storm: their lines are missing then, too, and what is missing is counted.
  printf '%s 300000 2 2 & i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done; wait\n' "$storm" >"$world/busy.sh"
  processes() { echo $(($(grep -c '^{"record":"process"' "$1") + $(tail -n 1 "$1" | grep -oE '"lostProcesses":[0-9]+' | grep -oE '[0-9]+' || echo 0))); }
  check 'processes that come and go are recorded' vxe trace --recorder bpf -o "$world/come.ndjson" --host sh "$world/busy.sh"
  check 'control: none of their lines is missing' lacks "$world/come.ndjson" lostProcesses
  check 'each of them' [ "$(processes "$world/come.ndjson")" = $((102 + 104 + 105)) ] # executed, begun (of these three by the storm), ended
  VXE_RECORDER_RING=65536 limit=300 check 'and in a storm' vxe trace --every --recorder bpf -o "$world/gone.ndjson" --host sh "$world/busy.sh"
  check 'some are lost' grep -q '"lostProcesses":[1-9]' "$world/gone.ndjson"
  check 'and counted, each of them' [ "$(processes "$world/gone.ndjson")" = "$(processes "$world/come.ndjson")" ]
fi

# A program of many paths, folded and not: the same calls, and the same files. What is looked up beside the call may be gone by then, and whether
# a shell has to wait for its child is the scheduler's choice.
script=$PWD/test/e2e/fixtures/paths.sh
sets() { grep -vE '^\{"record"' "$1" | sed -E 's/.*"exe":"([^"]*)".*"call":"([^"]*)".*"paths":(\[.*\]),"address".*/\1 \2 \3/' | sed -E "s#/proc/[0-9]+#/proc/N#g" |
  sed -E 's/("given":"[^"]*"),"path":"[^"]*","kind":"[a-z]+","known":"(walked|joined)"/\1/g' | grep -vE ' (rt_sigsuspend|rt_sigreturn) ' | sort -u; }
for recorder in "${recorders[@]}"; do
  mkdir "$world/p1-$recorder" "$world/p2-$recorder"
  (cd "$world/p1-$recorder" && exec "$OLDPWD/build/bin/vxe" trace --recorder "$recorder" -o "$world/p1.$recorder" --host sh "$script" >/dev/null 2>&1)
  (cd "$world/p2-$recorder" && exec "$OLDPWD/build/bin/vxe" trace --every --recorder "$recorder" -o "$world/p2.$recorder" --host sh "$script" >/dev/null 2>&1)
  check "$recorder: of many kinds of calls none is lost" eval 'for each in p1 p2; do adds_up "$world/$each.$recorder" && [[ $(lost "$world/$each.$recorder") == 0 ]] || exit 1; done'
  check "$recorder: counting repeats hides no path" diff <(sets "$world/p1.$recorder" | sed s/p1-/p-/g) <(sets "$world/p2.$recorder" | sed s/p2-/p-/g)
done

# A daemon in its bundle, with a real client.
if popd_bundle >/dev/null 2>&1; then
  cat >"$world/exercise.sh" <<E2
pop() { curl --silent --max-time 20 --user "\$1" "\${@:3}" "pop3://127.0.0.1:110\$2"; }
again() { for i in {1..100}; do "\$@" && return; sleep 0.3; done; return 1; }
again pop alice:$password / && ! pop alice:wrong / && again pop alice:$password /3
E2
  for recorder in "${recorders[@]}"; do
    try vxe trace --recorder "$recorder" popd -- bash "$world/exercise.sh"
    check "$recorder: popd serves its client while it is recorded" [ "$status" = 0 ]
    file=$(printf '%s\n' "$world"/recordings/popd/*.ndjson | tail -n 1)
    check "$recorder: its recording is whole" adds_up "$file"
    check "$recorder: paths are those of its own root" grep -q '"path":"/etc/shadow","kind":"file"' "$file"
    check "$recorder: also below a chroot" grep -q '"call":"chdir".*"given":"/","path":"/var/lib/popa3d"' "$file"
    check "$recorder: its port is an address" grep -q '"call":"bind".*"text":"tcp/0.0.0.0:110"' "$file"
  done
  if [[ ${recorders[0]} == bpf ]]; then
    check 'what it needs as root is known' grep -q '"capabilities":{"CAP_SETGID":\[.*"CAP_SYS_CHROOT":\["chroot"\]}' <<<"$(tail -n 1 "$(ls "$world"/recordings/popd/*.ndjson | head -n 1)")"
  fi
  refused 'an exercise that fails fails' 7 '.*' vxe trace popd -- sh -c 'echo vxe: no; exit 7' || true
else
  not_ok 'the popd bundle is made'
fi

# Without root.
if setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null; then
  mkdir -p "$world/home"
  chown 65534 "$world/home"
  as_nobody() { HOME=$world/home VXE_RECORDINGS= setpriv --reuid 65534 --regid 65534 --clear-groups env -u VXE_RECORDINGS build/bin/vxe "$@"; }
  try as_nobody trace --host cat /etc/hosts
  check 'an ordinary user records with notifications' [ "$status" = 0 ]
  file=$(printf '%s\n' "$world"/home/.local/share/vxe/recordings/cat/*.ndjson)
  check 'into the own folder' adds_up "$file"
  check 'with paths' grep -q '"path":"/etc/hosts","kind":"file","known":"walked"' "$file"
  refused 'and is told why there is no BPF' 1 'BPF|bpf' as_nobody trace --recorder bpf --host true
else
  skip 'an ordinary user records' 'setpriv cannot change the user here'
fi

refused 'a bundle that is not there' 1 'no bundle nosuch' vxe trace nosuch
refused 'no name at all' 2 'needs the name' vxe trace
refused 'another recorder' 2 'bpf or notify' vxe trace --recorder ptrace --host true
try vxe trace --json -o "$world/j.ndjson" --host sh -c 'exit 3'
check "the program's code is the verb's" [ "$status" = 3 ]
check 'JSON on demand' contains "$output" '"recording":"[^"]*j.ndjson","calls":[0-9]+,"lost":0,"lostProcesses":0,"end":"exited"'
refused 'a recording is not written over' 1 'File exists' vxe trace -o "$world/j.ndjson" --host true

end_of_tests
