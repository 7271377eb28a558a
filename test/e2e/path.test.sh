#!/bin/bash
# From a bundle without a profile to production: no mode starts what has none, the tutorial's commands run as they stand, and the whole way of a daemon.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/path.test.sh "$@"
export VXE_RECORDINGS=$world/recordings VXE_HISTORY=$world/history VXE_PROFILES=$world/profiles
mkdir "$world/profiles"

# Without a profile nothing starts, whoever asks and in which mode.
service=$world/service
gcc -O1 -static-pie -o "$service" test/e2e/fixtures/acting.c || { not_ok 'the fixture compiles'; end_of_tests; }
try vxe bundle create acting --exec "$service"
check 'a program that has no profile gets a bundle' [ "$status" = 0 ]
check 'and is told what to do with it' contains "$output" 'no profile yet: vxe trace acting'
refused 'production does not start it' 1 "no profile yet, so it can be traced and nothing else; record what it does with 'vxe trace acting" vxe start acting
refused 'nor in the background' 1 'no profile yet' vxe start --detach acting
try vxe --json start --detach acting
check 'which is told as an object, too' contains "$output" '^\{"error":.*no profile yet.*"hint":.*vxe trace acting'
refused 'nor soft mode, which performs what is refused' 1 'no profile yet' vxe start --mode soft acting
refused 'it has no mode to be set' 1 "make one with 'vxe trace acting" vxe mode acting soft
echo soft >"$VXE_BUNDLES/acting/vxe/mode"
refused 'nor does a mode that somebody writes into the bundle' 1 'no profile yet' vxe start acting
rm "$VXE_BUNDLES/acting/vxe/mode"
refused "the engines' verb does not either" 1 'no profile yet' build/bin/vxe-runtime --root "$world/run" run --bundle "$VXE_BUNDLES/acting" one
refused 'nor is it created' 1 'no profile yet' build/bin/vxe-runtime --root "$world/run" create --bundle "$VXE_BUNDLES/acting" two
for verb in explain violations upgrade why prove attack 'profile diff'; do
  # shellcheck disable=SC2086  # a verb of two words
  refused "vxe $verb says so" 1 "vxe trace acting" vxe $verb acting
done
# What another engine finds in it refuses every call besides the start.
without_annotations() { # the bundle as an engine sees it that knows nothing of VXE, run by our own runtime
  cp -a "$VXE_BUNDLES/acting" "$world/plain"
  node -e 'const f = process.argv[1], c = JSON.parse(require("fs").readFileSync(f)); delete c.annotations; delete c.process.landlock; require("fs").writeFileSync(f, JSON.stringify(c))' \
    "$world/plain/config.json"
  ! timeout 20 build/bin/vxe-runtime --root "$world/run" run --bundle "$world/plain" plain >"$world/plain.out" 2>&1 && ! grep -q 'getppid' "$world/plain.out"
}
check 'without what VXE reads in it, its filter still lets nothing be done' without_annotations

# A recording whose exercise did not pass shows nothing of the work.
try timeout 60 build/bin/vxe trace --wait 0.5 acting -- false
check 'an exercise that fails is told' [ "$status" = 1 ]
check 'by its status' contains "$errors" 'the exercise failed \(status 1\)'
refused 'and is not learned from alone' 1 'passed its exercise in none of 1 recordings; in the last one the exercise failed' vxe learn acting
check 'the bundle has no profile then' test ! -e "$VXE_BUNDLES/acting/vxe/mode"
rm -r "$world/recordings/acting"

# What fails before it can be exercised is explained from the recording: here its folder is mounted read-only.
mkdir "$world/state"
state_bundle() { vxe bundle create touching --replace --exec /usr/bin/touch --admit '/usr/bin/touch=makes the file' --mount "/var/lib/state=$world/state$1" -- /var/lib/state/file; }
try state_bundle ''
check 'a program that writes gets a bundle' [ "$status" = 0 ]
refused 'before it was recorded there is nothing to explain' 1 'vxe trace touching' vxe why touching
try timeout 60 build/bin/vxe trace touching -- true
check 'a program that fails at once is told, and who knows why' contains "$errors" "touching ended \\(status 1\\) before its exercise began: 'vxe why' says what failed; recorded"
refused 'by learn, too' 1 "before its exercise began; see what failed with 'vxe why touching'" vxe learn touching
try vxe why touching
check 'why names the mount' contains "$output" 'mount: /var/lib/state is mounted read-only, so /var/lib/state/file cannot be changed'
check 'and what it takes' contains "$output" 'mounts: /var/lib/state: options: \[..., rw\]'
check 'as an object, too' contains "$(vxe why touching --json)" '"errno": "EROFS"'
check 'a call that somebody asks about as well' contains "$(vxe why touching 'mkdir("/var/lib/state/x") = EROFS')" 'is mounted read-only'
state_bundle :rw >/dev/null 2>&1
try timeout 60 build/bin/vxe trace touching
check 'with it the program does its work' test -e "$world/state/file"
try vxe why touching
check 'and nothing is left to explain' contains "$output" 'touching: nothing failed in .*ndjson'

# Control: the recorder runs it, and with what was learned it starts.
try timeout 60 build/bin/vxe trace --wait 0.5 acting -- sh -c 'sleep 1000 & sleep 1'
check 'the recorder runs it, and does not wait for what an exercise leaves behind' [ "$status" = 0 ]
check 'and it does what it does' eval 'grep -q "getppid" "$world"/recordings/acting/*.ndjson'
try vxe learn acting
check 'a profile is learned' [ "$status" = 0 ]
check 'after it has passed the exercise again' contains "$errors" 'replayed: the exercise passes under the profile'
check 'and is in the bundle' contains "$output" 'version 1 of its profile is in place$'
check 'as an ordinary one' vxe explain acting
check 'whole' vxe bundle audit acting
check 'now it starts' vxe start acting --detach
check 'and runs' vxe status acting
refused 'beside it no exercise is replayed' 1 'is running \(pid [0-9]*\).*--no-replay' vxe learn acting --apply
try vxe learn acting --apply --no-replay
check 'unless it is said that none is to be' contains "$output" 'is in place.*; it was not replayed$'
vxe stop acting >/dev/null 2>&1
before=$(sha256sum <"$VXE_BUNDLES/acting/vxe/profile.vxed.yaml")
try vxe learn acting
check 'a bundle that has one keeps it' [ "$(sha256sum <"$VXE_BUNDLES/acting/vxe/profile.vxed.yaml")" = "$before" ]
check 'unless it is asked to take the new one' vxe learn acting --apply
refused 'a profile that is named must be there' 1 'no profile of this name.*--no-profile' vxe bundle create other --exec "$service" --profile nosuch
refused 'with and without one is misuse' 2 'profile' vxe bundle create other --exec "$service" --profile acting --no-profile

# The tutorial in one shell, block by block, as a newcomer has it: without a profile of nginx.
commands_of docs/learning.md 1
# Its own folders are the tutorial's.
sed -i 's#^export PATH=.*#export PATH="'"$world"'/bin:$PWD/build/bin:$PATH"#' "$world/tutorial.sh"
begun=$SECONDS
env -u VXE_PROFILES TMPDIR="$world" bash -e "$world/tutorial.sh" >"$world/tutorial.out" 2>&1 </dev/null
took=$((SECONDS - begun))
commands_ran 1
shows() { grep -qE -- "$1" "$world/tutorial.out"; }
check 'tutorial: without a profile it does not start' shows '^not yet$'
check 'tutorial: the replay passes' shows 'the exercise passes under the profile, and nothing is refused'
check 'tutorial: soft mode finds what the recording missed' shows 'permit by '
check 'tutorial: the upgrade is the second version' shows '^2 .*upgraded'
check 'tutorial: in production the page is listed' [ "$(grep -c 'Index of /' "$world/tutorial.out")" -ge 2 ]
check 'tutorial: why names a cause' shows '^  landlock:'
printf '# the tutorial took %d s\n' "$took"

end_of_tests
