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
end_of_tests
