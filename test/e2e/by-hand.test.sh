#!/bin/bash
# A profile by hand, as a newcomer writes it from the page: its commands run as they stand, and say what the page says.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/by-hand.test.sh "$@"

commands_of docs/by-hand.md 2
# Its own folders are the page's.
env -u VXE_PROFILES -u VXE_RECIPES TMPDIR="$world" VXE_CACHE="${VXE_CACHE:-$PWD/build/cache}" PATH="$world/bin:$PWD/build/bin:$PATH" \
  bash -e "$world/tutorial.sh" >"$world/tutorial.out" 2>&1 </dev/null
commands_ran 2

said() { grep -qE "$1" "$world/tutorial.out"; }
check 'an empty file is told what it lacks' said 'webfs.vxed.yaml:1:1: '
check 'a call is explained with its rule, its line and what holds it' \
  eval 'grep -A1 "^refused with EACCES (files:/etc/hosts).*webfs.vxed.yaml:11:3$" "$world/tutorial.out" | grep -q "^  held by landlock"'
for form in 'list\.acl:10:1' 'program\.vxed:9:7'; do
  check "the same by $form" said "^refused with EACCES \\(files:/etc/hosts\\).*$form"
done
check 'each form served its page' [ "$(grep -c '^<h1>hello</h1>$' "$world/tutorial.out")" = 5 ]
check 'both ways the forms permit nothing that the other refuses' [ "$(grep -c '^yes .* permits nothing that .* refuses$' "$world/tutorial.out")" = 5 ]
check 'a no comes with the call' eval 'grep -A1 "^NO  never read of /etc" "$world/tutorial.out" | grep -q "^    open.*\"/etc"'
recorded() { grep -A1 "^  [0-9]* times*, $1, " "$world/tutorial.out" | grep -c "^  refused by files:/etc/hosts "; }
check 'in production what the profile forbids by name is recorded' [ "$(recorded refused)" = 1 ]
check 'in soft mode the same, with what was recorded before' [ "$(recorded '[0-9]* refused, [0-9]* performed')" = 1 ]
check 'and nothing else in either' [ "$(grep -c '^  refused by' "$world/tutorial.out")" = 2 ]

check 'nothing that an intruder tries succeeds' said 'attempts on webfs, .* none succeeded'
end_of_tests
