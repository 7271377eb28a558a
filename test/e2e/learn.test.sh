#!/bin/bash
# vxe learn: from a recording to a profile that starts the daemon and passes its exercise with refusals in force.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/learn.test.sh "$@"
export VXE_RECORDINGS=$world/recordings


check 'the popd bundle is made' popd_bundle
cat >"$world/exercise.sh" <<E2
pop() { curl --silent --max-time 20 --user "\$1" "\${@:3}" "pop3://127.0.0.1:110\$2"; }
again() { for i in {1..100}; do "\$@" && return; sleep 0.3; done; return 1; }
again pop alice:$password / && ! pop alice:wrong / && again pop alice:$password /3 && ! pop nobody:x /
E2
recorders=(notify)
! vxe trace --recorder bpf -o "$world/probe.ndjson" --host true 2>/dev/null || recorders=(bpf notify)
for recorder in "${recorders[@]}"; do
  check "$recorder: it is recorded twice" vxe trace --recorder "$recorder" --name "popd" -o "$world/$recorder-1.ndjson" popd -- bash "$world/exercise.sh"
  vxe trace --recorder "$recorder" -o "$world/$recorder-2.ndjson" popd -- bash "$world/exercise.sh" 2>/dev/null
  limit=300 try vxe learn popd "$world/$recorder-1.ndjson" "$world/$recorder-2.ndjson" --replay --output "$world/$recorder.vxed.yaml"
  check "$recorder: a profile is learned that passes its own exercise" [ "$status" = 0 ]
  [[ $status == 0 ]] || printf '# %s\n' "$errors" "$output"
  check "$recorder: and says so" contains "$errors" '^replayed: the exercise passes under the profile'
  check "$recorder: it is well formed" vxe profile check "$world/$recorder.vxed.yaml"
  check "$recorder: it keeps what speaks for each rule" grep -q '"files:/etc/shadow": {count: [0-9]*, runs: 2, by: \[/usr/sbin/popa3d\]' "$world/$recorder.vxed.yaml"
  check "$recorder: the mail of others is not in it" lacks "$world/$recorder.vxed.yaml" '/var/mail: \|/var/mail/: \|/var/mail/bob'
  check "$recorder: nothing but the launch is executed" grep -q '^exec: once' "$world/$recorder.vxed.yaml"
done

# What the C library does with a lock that is taken, and with much memory, was in no recording: where futex is refused it ends the program.
gcc -O1 -static-pie -pthread -o "$world/contending" test/e2e/fixtures/contending.c || { not_ok 'the fixture compiles'; end_of_tests; }
mkdir "$world/load" && : >"$world/load/load"
contending() { vxe bundle create "$1" --exec "$world/contending" "${@:2}" --mount "/load=$world/load" -- /load/load >/dev/null 2>&1; }
contending contending --no-profile
check 'a program with threads is recorded while none of them waits' vxe trace contending
check 'which makes no use of futex' lacks "$(echo "$world"/recordings/contending/*.ndjson)" '"call":"futex"'
check 'it is learned' vxe learn contending
try timeout 20 build/bin/vxe start contending
check 'in production it does what it did' contains "$output" '^free$'
echo much >"$world/load/load"
try timeout 20 build/bin/vxe start contending
check 'and waits for a lock, and holds much memory' contains "$output" '^contended$'
check 'with nothing refused' contains "$(vxe violations contending)" 'no violation'
sed '/^ *futex:/,/^ *- /d; s/^name: .*/name: unawaited/' "$VXE_BUNDLES/contending/vxe/profile.vxed.yaml" | sed '/"calls:futex"/d' >"$world/unawaited.vxed.yaml"
refused 'a profile is given by its name, which an error says' 2 'is not a profile name; .*copy the file to /etc/vxe/profiles' \
  vxe bundle create unawaited --exec "$world/contending" --profile "$world/unawaited.vxed.yaml"
VXE_PROFILES=$world contending unawaited --profile unawaited
try timeout 20 build/bin/vxe start unawaited
check 'control: without what follows from threads the C library ends it' contains "$errors$output" 'futex facility returned an unexpected error'
end_of_tests
