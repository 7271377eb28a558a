#!/bin/bash
# From soft mode to production: what the log shows becomes rules, kept by version, and takes effect as the kernel permits.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/upgrade.test.sh "$@"

# shellcheck source=test/e2e/acting.sh
. test/e2e/acting.sh
acting_bundle >"$world/create.log" 2>&1 || { not_ok 'the bundle is made' "$(<"$world/create.log")"; end_of_tests; }
cp "$world/acting.vxed.yaml" "$world/first.vxed.yaml"
log=$VXE_LOGS/acting/violations.ndjson
said() { grep -c -- "$1" "$VXE_LOGS/acting/output.log" 2>/dev/null || true; }
grows() { local was=$1; shift; (($("$@") > was)); }

vxe mode acting soft >/dev/null
vxe start acting --detach >"$world/start.log" 2>&1 || not_ok 'it starts' "$(<"$world/start.log")"
logged() { grep -q getppid "$log" && grep -q /other/file "$log" && grep -q /data/secret "$log"; }
check 'soft mode logs what it would refuse' eventually 60 logged
try vxe violations acting
check 'a call is a decision, with its rule' contains "$output" 'calls getppid'
check 'so is a file, with a wider choice' contains "$output" 'permit by files: /other/file: read'
check 'what the profile forbids by name is marked' contains "$output" 'files: /data/secret: read +! the profile forbids it by name'
check 'none is lost to those who read by machine' contains "$(vxe violations acting --json)" '"key": ?"file:/other/file"'
refused 'a time that is none is misuse' 2 'no time' vxe violations acting --since sometime
try vxe violations acting --since 2100-01-01
check 'nothing is later than the future' contains "$output" 'no violations'
# until_says FILE PATTERN COMMAND...: until COMMAND, which does not end by itself, has written a line like that into FILE.
until_says() {
  local status=0
  # Who was killed the last time may have left somebody who still writes.
  rm -f "$1"
  "${@:3}" >"$1" 2>&1 &
  eventually 60 grep -q "$2" "$1" || status=1
  kill -KILL $!
  wait $! 2>/dev/null
  return $status
}
follows() { until_says "$world/followed" 'getppid.* performed' build/bin/vxe violations acting --follow --since 2100-01-01; }
check 'following shows records as they come' follows

try vxe upgrade acting --auto --dry-run
check 'a dry run shows the change' contains "$output" '^\+ .*/other/file: read'
check 'of the long list of calls it shows the new one, and where' contains "$output" '^\+   permit: getppid \(after [a-z_0-9]+\)$'
check 'to a machine it shows the lines as they are' contains "$(vxe upgrade acting --auto --dry-run --json)" '"\+ .*, getppid'
check 'and the proof' contains "$output" '/other/file may be used for read'
check 'and leaves what is marked, saying why' contains "$output" 'left: file:/data/secret: the profile forbids it by name'
same() { cmp -s "$world/acting.vxed.yaml" "$VXE_BUNDLES/acting/vxe/profile.vxed.yaml"; }
check 'and changes nothing' same
try vxe upgrade acting --auto
check 'upgrade --auto works' [ "$status" = 0 ]
check 'it says that files need a restart' contains "$output" 'vxe restart acting'
check 'the bundle says it now' grep -q '/other/file: read' "$VXE_BUNDLES/acting/vxe/profile.vxed.yaml"
check "the author's comments stay" grep -q '# what it is for' "$VXE_BUNDLES/acting/vxe/profile.vxed.yaml"
check "the administrator's own file says the same" cmp "$world/acting.vxed.yaml" "$VXE_BUNDLES/acting/vxe/profile.vxed.yaml"
check 'the bundle is whole' vxe bundle audit acting
check 'and its plans hold the new profile' vxe prove acting
# What was taken over is in the log still, and nothing to decide any more.
try vxe upgrade acting --auto
check 'what is permitted by now is not taken over again' contains "$output" 'acting: nothing to take over$'
check 'that is said, and what it takes for what was started before' contains "$output" '2 kinds of violations that the profile permits by now; .*vxe restart acting$'
check 'nor is it asked about' lacks <(vxe upgrade acting </dev/null 2>&1) 'reads /other/file'
check 'control: what is left is' contains "$(vxe upgrade acting </dev/null 2>&1)" '^1 of 1: reads /data/secret'
check 'the log says so, too' contains "$(vxe violations acting)" 'permitted by now: files: /other/file: read$'
check 'and to a machine' contains "$(vxe violations acting --json)" '"settled": true'
check 'a wider rule of it can still be had' contains "$(vxe upgrade acting --wide file:/other/file --dry-run)" '^\+ .*/other/: read'
check 'there is no further version' lacks <(vxe profile log acting) '^3 '
try vxe mode acting production
check 'the mode says who records refused files' contains "$output" '^acting: from the next start on, refused files, ports and addresses are recorded (by the supervisor|from the kernel.s audit stream)$'
vxe restart acting --detach >/dev/null 2>&1
status_names() { contains "$(vxe status acting)" '^ +refused files, ports and addresses are recorded (by the supervisor|from the kernel.s audit stream)$'; }
check 'so does status' eventually 60 status_names
check 'in production the file is read' eventually 60 grows "$(said 'open other: 6 bytes')" said 'open other: 6 bytes'
check 'the call is made' eventually 60 grows "$(said 'getppid: 0')" said 'getppid: 0'
before=$(said 'open secret: 7 bytes')
sleep 1
check 'control: what was not admitted is not there' [ "$(said 'open secret: 7 bytes')" = "$before" ]

# Versions.
try vxe profile log acting
check 'both versions are kept' contains "$output" '^1 .*as the bundle was made'
check 'with the rules that came' contains "$output" '2 .*upgraded.*/other/file: read'
try vxe profile diff acting
check 'diff shows the rule' contains "$output" '^\+ .*getppid'
try vxe profile rollback acting
check 'rollback works' [ "$status" = 0 ]
check 'and needs a restart for what is refused again' contains "$output" 'vxe restart acting'
vxe restart acting --detach >/dev/null 2>&1
check 'after it the call is refused again' eventually 60 grows "$(said 'getppid: EPERM')" said 'getppid: EPERM'
check 'and the file' eventually 60 grows "$(said 'open other: EACCES')" said 'open other: EACCES'
status_says() { contains "$(vxe status acting)" "$1"; }
check 'status says so' eventually 60 status_says 'violations: [1-9][0-9]* refused'

# A call rule takes effect while it runs.
try vxe upgrade acting --narrow call:getppid
check 'one decision by its key' [ "$status" = 0 ]
check 'the running instance permits it at once' contains "$output" 'permits it from now on'
check 'and so it does' eventually 60 grows "$(said 'getppid: 0')" said 'getppid: 0'
before=$(said 'open other: 6 bytes')
check 'control: nothing else is permitted' [ "$(said 'open other: 6 bytes')" = "$before" ]
refused 'a key that is none is misuse' 2 'nothing of this kind' vxe upgrade acting --wide file:/nowhere
# What joins the instance is held by what holds the instance: its launch's plans and what was permitted since.
joined() { until_says "$world/joined" "^$2" build/bin/vxe exec "$1" "$service"; grep -m 1 "^$2" "$world/joined"; }
check 'a program that joins it has the call, too' contains "$(joined acting getppid)" '^getppid: 0'
check 'and is refused what the instance is' contains "$(joined acting 'open other')" '^open other: EACCES'

# Asked one at a time, by a person who says no, and yes.
refuses() { ! printf 'n\nn\nn\nn\n' | build/bin/vxe upgrade acting 2>/dev/null | grep -q 'version'; }
check 'nothing is taken that nobody said yes to' refuses
answers() { printf 'yes\nq\ny\n' | build/bin/vxe upgrade acting >"$world/asked.out" 2>"$world/asked.err"; grep -q 'in place' "$world/asked.out"; }
check 'a yes is taken' answers
check 'each question shows who, how often and the rule' contains "$(<"$world/asked.err")" '1 of [0-9]+: .*'
vxe stop acting >/dev/null 2>&1

# An instance by another name takes up what it can, too. What joins it is held by what it holds, whatever the bundle says by now.
check 'the first version is put back' vxe profile rollback acting 1
check 'an instance of it by another name' vxe start --name second acting --detach
check 'a program that joins is refused the call, as the instance is' contains "$(joined second getppid)" '^getppid: EPERM'
try vxe upgrade acting --narrow call:getppid --narrow file:/other/file
check 'what it takes up is told' contains "$output" 'of the instance second of it, calls that are permitted now go through; for all else: vxe restart second'
check 'a program that joins is permitted it, as the instance is' contains "$(joined second getppid)" '^getppid: 0'
check 'and refused the file, as the instance is' contains "$(joined second 'open other')" '^open other: EACCES'
check 'control: after a restart it is permitted' eval 'vxe restart second --detach >/dev/null 2>&1 && contains "$(joined second "open other")" "^open other: 6"'
vxe stop second >/dev/null 2>&1

# A table of what holds each rule that another kernel made is told as such.
check 'explain has nothing to say of other kernels' eval '! contains "$(vxe explain acting)" otherwise'
cp "$VXE_BUNDLES/acting/vxe/coverage.json" "$world/coverage.json"
sed -i '0,/"status": "full"/s//"status": "partial"/' "$VXE_BUNDLES/acting/vxe/coverage.json"
check 'explain tells what this kernel holds otherwise than the one of the plans' contains "$(vxe explain acting)" '^  [a-z]+:.*: partial .* then, full .* now'
cp "$world/coverage.json" "$VXE_BUNDLES/acting/vxe/coverage.json"

# The other forms: a list of rules is written anew, and a program is a person's to change.
formed() { # NAME ENDING SOURCE: a bundle with the profile in another form, and the log of the one that ran
  vxe profile convert "$3" --to "$1" --output "$world/$1$2" >/dev/null && rm "$3" &&
    vxe bundle create "$1" --exec "$service" --profile "$1" --mount "/data=$world/data" --mount "/other=$world/other" >/dev/null 2>&1 &&
    mkdir -p "$VXE_LOGS/$1" && sed 's/"vxe":"acting","instance":"acting"/"vxe":"'"$1"'","instance":"'"$1"'"/' "$log" >"$VXE_LOGS/$1/violations.ndjson"
}
# Rule lists do not name calls.
sed -e 's/^name: .*/name: acl/' -e 's/^type: .*/type: filesystem/' -e '/^calls:/,$d' "$world/first.vxed.yaml" >"$world/acl.vxed.yaml"
check 'a bundle whose profile is a list of rules' formed acl .acl "$world/acl.vxed.yaml"
try vxe upgrade acl --narrow file:/other/file
check 'is upgraded' contains "$output" 'version 2 of its profile is in place'
check 'in its own form' grep -q /other/file "$VXE_BUNDLES/acl/vxe/profile.acl"
check 'is whole' vxe bundle audit acl
sed 's/^name: .*/name: lisp/' "$world/first.vxed.yaml" >"$world/lisp.vxed.yaml"
check 'a bundle whose profile is a program' formed lisp .vxed "$world/lisp.vxed.yaml"
was=$(sha256sum "$VXE_BUNDLES/lisp/vxe/"*)
refused 'is not upgraded, with what to do' 1 'program in vxelisp.*profile convert --to yaml' vxe upgrade lisp --narrow file:/other/file
check 'and is as it was' [ "$(sha256sum "$VXE_BUNDLES/lisp/vxe/"*)" = "$was" ]

# Not for others, and not from inside.
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups env VXE_BUNDLES="$VXE_BUNDLES" VXE_LOGS="$VXE_LOGS" VXE_HISTORY="$VXE_HISTORY" VXE_PROFILES="$world" HOME=/ build/bin/vxe "$@"; }
digest() { sha256sum "$VXE_BUNDLES/acting/vxe/filter.bpf"; }
was=$(digest)
check 'another user does not even read the log' eval '! nobody violations acting'
check 'nor upgrades' eval '! nobody upgrade acting --wide call:getppid'
check 'nor rolls back' eval '! nobody profile rollback acting 1'
cp test/e2e/fixtures/all.vxed.yaml "$world"
check 'from inside nothing is upgraded' eval '! vxe run all /usr/bin/env -u VXE_INSTANCE build/bin/vxe profile rollback acting 1'
check 'the bundle is as it was' [ "$(digest)" = "$was" ]

end_of_tests
