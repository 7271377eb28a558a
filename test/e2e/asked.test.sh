#!/bin/bash
# vxe upgrade asks a person at a terminal, and changes nothing before the last yes: by answers, interrupted, cut off, on a narrow terminal, beside another
# change, and killed at every step of what it writes.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/asked.test.sh "$@"

# shellcheck source=test/e2e/acting.sh
. test/e2e/acting.sh
typing=$world/typing
{ acting_bundle && gcc -O1 -o "$typing" test/e2e/fixtures/typing.c -lutil; } >"$world/create.log" 2>&1 ||
  { not_ok 'the bundle and the typist are made' "$(<"$world/create.log")"; end_of_tests; }
# What soft mode would have written, once each: the order of the questions is that of their keys then.
mkdir -p "$VXE_LOGS/acting"
record() { # CALL NUMBER PATH NEEDS RULE MECHANISM
  printf '{"time":"2026-01-01T00:00:00.000000000Z","vxe":"acting","instance":"acting","mode":"soft","pid":42,"comm":"service","exe":"%s","arch":"x86_64","call":"%s","nr":%s,"args":["0x0","0x0","0x0","0x0","0x0","0x0"],"detail":"%s()","path":%s,%s"rule":"%s","verdict":"performed","errno":"EACCES","mechanism":"%s","count":1}\n' \
    "$service" "$1" "$2" "$1" "$3" "${4:+\"needs\":\"$4\",}" "$5" "$6"
}
{
  record getppid 110 null '' calls:default seccomp
  record openat 257 '"/data/secret"' read files:/data/secret mount
  record openat 257 '"/other/file"' read files:default landlock
} >"$VXE_LOGS/acting/violations.ndjson"
cp -a "$VXE_BUNDLES" "$world/bundles.first" && cp "$world/acting.vxed.yaml" "$world/first.yaml"
afresh() {
  rm -rf "$VXE_BUNDLES" "$VXE_HISTORY"
  cp -a "$world/bundles.first" "$VXE_BUNDLES" && cp "$world/first.yaml" "$world/acting.vxed.yaml"
}
# All that an upgrade writes, and what it may leave half-written.
written() { (cd "$world" && find bundles history acting.vxed.yaml* -type f -exec sha256sum {} + 2>/dev/null | sort) || true; }
afresh
untouched=$(written)
typed() { # COLUMNS <LINES: $status, and $output, which is all that was on the terminal
  status=0
  output=$(timeout -k 3 200 "$typing" "$1" build/bin/vxe upgrade acting 2>&1) || status=$?
}
unchanged() { [[ $(written) == "$untouched" ]] || { diff <(echo "$untouched") <(written); return 1; }; }

typed 100 <<'LINES'
> 1 of 3: calls getppid
> [y]es, [n]o, [q]uit?
< x\x7fy\r
> 2 of 3: reads /data/secret
> "yes", "wider", [n]o, [q]uit?
< y\r
> the whole word
> "yes", "wider", [n]o, [q]uit?
< no\r
> 3 of 3: reads /other/file
> [y]es, "wider", [n]o, [q]uit?
< wider\r
> its profile would change so
> getppid() is permitted
> /other may be used for read
> Put this in place: [y]es, [n]o?
< y\r
LINES
check 'yes, no and the wider rule are taken one at a time, and put in place after the proof' [ "$status" = 0 ]
check 'it is said' contains "$output" 'version 2 of its profile is in place'
profile=$VXE_BUNDLES/acting/vxe/profile.vxed.yaml
check 'what was said yes to is in the profile' eval 'grep -q getppid "$profile" && grep -q "/other/: read" "$profile"'
check 'what was said no to is not' grep -q '/data/secret: none' "$profile"
check 'a letter is not enough for what is marked' contains "$output" 'takes the whole word'

nothing() { # TEXT EXIT COLUMNS <LINES: the bundle, its versions and the profile's file are as they were
  local text=$1 code=$2
  afresh
  typed "$3"
  check "$text: nothing is changed" unchanged
  check "$text: it ends with $code" [ "$status" = "$code" ]
}
nothing 'a no to the proof' 0 100 <<'LINES'
> 1 of 3
< y\r
> 2 of 3
< q\r
> getppid() is permitted
> Put this in place
< maybe\r
> Put this in place
< n\r
LINES
check 'it says so' contains "$output" 'nothing was changed'
nothing 'no to all' 0 100 <<'LINES'
> 1 of 3
< n\r
> 2 of 3
< n\r
> 3 of 3
< n\r
LINES
check 'it says that, too' contains "$output" 'nothing to take over'
nothing 'quit at once' 0 100 <<'LINES'
> 1 of 3
< q\r
LINES
nothing 'Ctrl-C after a yes' 130 100 <<'LINES'
> 1 of 3
< y\r
> 2 of 3
< \x03
LINES
check 'on a line of its own' contains "$output" '^vxe: interrupted'
nothing 'Ctrl-C at the last question' 130 100 <<'LINES'
> 1 of 3
< y\r
> 2 of 3
< q\r
> Put this in place
< \x03
LINES
nothing 'the end of the input after a yes' 1 100 <<'LINES'
> 1 of 3
< y\r
> 2 of 3
< \x04
LINES
check 'it says what to do' contains "$output" 'ended before the last answer; nothing was changed'
nothing 'ended by a signal after a yes' 143 100 <<'LINES'
> 1 of 3
< y\r
> 2 of 3
! 15
LINES
nothing 'killed while it asks' 137 100 <<'LINES'
> 1 of 3
< y\r
> 2 of 3
! 9
LINES
nothing 'killed at the last question' 137 100 <<'LINES'
> 1 of 3
< y\r
> 2 of 3
< q\r
> Put this in place
! 9
LINES

# Forty columns: what can be broken is, and nothing is cut.
afresh
typed 40 <<'LINES'
> 1 of 3
< n\r
> 2 of 3
> forbids it by
> name
> [q]uit?
< wider\r
> 3 of 3
< n\r
> Put this in place
< y\r
LINES
check 'on forty columns it is put in place' contains "$output" 'version 2'
# What the tests put in, the file's name, has no space to break at.
too_long() { sed "s#$world##g" <<<"$output" | grep -v 'version 2' | awk 'length($0) > 40' | grep ' .* ' | grep -vE '^.? *\S+ *$'; }
check 'no line is longer, where it has spaces to be broken at' eval '! too_long'

# Through a pipe.
afresh
printf 'y\nq\n' | build/bin/vxe upgrade acting >"$world/piped" 2>&1
check 'a pipe that ends before the last yes changes nothing' unchanged

# Beside another change, which is made while a person thinks.
afresh
{
  printf '> 1 of 3\n< y\\r\n> 2 of 3\n< q\\r\n> Put this in place\n'
  vxe upgrade acting --narrow file:/other/file >"$world/beside" 2>&1
  printf '< y\\r\n'
} | { typed 100; printf '%s\n' "$status" >"$world/status"; printf '%s\n' "$output" >"$world/typed"; }
check 'another change meanwhile is not undone' grep -q '/other/file: read' "$profile"
check 'who comes later is told' eval 'grep -q "was changed by another process" "$world/typed" && [ "$(<"$world/status")" = 1 ]'

# Killed at each step, with two instances of the bundle running, one of them by another name.
afresh
vxe mode acting production >/dev/null
check 'an instance runs' vxe start acting --detach
check 'and one by another name' vxe start --name second acting --detach
sed 's/readlinkat, readlink]/readlinkat, readlink, getppid]/' "$world/first.yaml" >"$world/next.yaml"
limit=300 check 'killed before each of its writes it leaves the old profile or the new one, whole, and made again it is done' node test/kill/changes.mjs acting "$world/next.yaml"
afresh
rm -f "$VXE_ROOT"/*/filter
try vxe upgrade acting --narrow call:getppid
check 'an instance by another name takes it up as well' contains "$output" 'the instance second of it permits it from now on'
answers() { grep -c 'getppid: 0' "$VXE_LOGS/$1/output.log" 2>/dev/null; }
check 'and so it does' eventually 60 answers second
cp "$world/next.yaml" "$world/acting.vxed.yaml" && rm "$VXE_ROOT/second/filter"
try vxe upgrade acting --narrow call:getppid --dry-run
check 'control: there is nothing to take over twice' contains "$output" 'nothing to take over'
vxe stop second >/dev/null 2>&1
vxe stop acting >/dev/null 2>&1
end_of_tests
