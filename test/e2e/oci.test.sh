#!/bin/bash
# The popd bundle as any engine sees it: vxe-runtime's OCI verbs, and the very same folder under runc and crun.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/oci.test.sh "$@"

# crun refuses a host on which both cgroup versions are mounted; in this mount namespace there is version 2 alone.
umount -l /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 none /sys/fs/cgroup || skip_all 'no cgroup v2'

popd_bundle >"$world/create.log" 2>&1 || { not_ok 'the bundle is made' "$(<"$world/create.log")"; end_of_tests; }
bundle=$VXE_BUNDLES/popd

# The server forks away from its first process, which ends a container without VXE's reaper; so that an engine has something to wait
# for, the same program speaks POP3 on its standard input here, which it does without its option -D.
inetd=$world/inetd
cp -a "$bundle" "$inetd"
# As text, since the file holds numbers that JavaScript's do not.
sed -Ezi 's/,[[:space:]]*"-D"//' "$inetd/config.json"

dialogue() { # COMMAND...: a POP3 session on standard input and output, each line after the answer to the one before
  local said=$world/dialogue line answers=0
  : >"$said"
  answered() { (($(grep -cE '^(\+OK|-ERR)' "$said") > answers)); }
  for line in '' 'USER alice' "PASS $password" LIST QUIT; do
    [[ -z $line ]] || printf '%s\r\n' "$line"
    eventually 20 answered || break
    answers=$((answers + 1))
  done | timeout 100 "$@" >"$said" 2>&1
  cat "$said"
}
logs_in() {
  local answer
  answer=$(dialogue "$@")
  grep -q '^3 ' <<<"$answer" || { printf '%s\n' "$answer"; return 1; }
}

for engine in runc crun; do
  if ! command -v "$engine" >/dev/null; then
    skip "$engine" 'not installed'
    continue
  fi
  check "$engine starts the bundle as it is" timeout 30 "$engine" --root "$world/$engine" run --bundle "$bundle" "as-is-$engine"
  check "a client logs in to it under $engine" logs_in "$engine" --root "$world/$engine" run --bundle "$inetd" "inetd-$engine"
done

runtime() { build/bin/vxe-runtime --root "$world/oci" "$@"; }
check 'a client logs in to it under vxe-runtime' logs_in build/bin/vxe-runtime --root "$world/oci" run --bundle "$inetd" inetd-vxe

# create, state, start, kill, delete.
sleeper=$world/sleeper
cp -a "$inetd" "$sleeper"
mkfifo "$world/input"
exec 7<>"$world/input"
state_is() { [[ $(runtime state one | node -e 'console.log(JSON.parse(require("node:fs").readFileSync(0)).status)') == "$1" ]]; }
member() { runtime state one | node -e 'console.log(JSON.parse(require("node:fs").readFileSync(0))[process.argv[1]])' "$1"; }
creates() { runtime create --bundle "$sleeper" one <&7 >"$world/one.out" 2>&1 || { cat "$world/one.out"; return 1; }; }
check 'create' creates
check 'state says created' state_is created
check 'state names the bundle' [ "$(member bundle)" = "$sleeper" ]
not_started() { ! grep -q '+OK' "$world/one.out"; }
check 'the program was not executed yet' not_started
refused 'a second create with that id is refused' 1 'one' runtime create --bundle "$sleeper" one
check 'start' runtime start one
check 'state says running' eventually 60 state_is running
check 'the program speaks' eventually 60 grep -q '+OK' "$world/one.out"
refused 'delete of a running container is refused' 1 'one' runtime delete one

# A state that somebody has cut off.
mkdir "$world/oci/cut"
head -c 40 "$world/oci/one/state.json" >"$world/oci/cut/state.json"
ids() { node -e 'console.log(JSON.parse(require("node:fs").readFileSync(0)).map(({ id }) => id).join())'; }
check 'list has those that can be read' [ "$(runtime list --format json 2>"$world/list.err" | ids)" = one ]
check 'and says which cannot, and why' contains "$(<"$world/list.err")" 'cut is not in the list: its state is damaged: state.json: line'
refused 'state of it says the same' 1 'cut: its state is damaged' runtime state cut
refused 'so does delete' 1 'cut: its state is damaged' runtime delete cut
check 'delete --force clears it' runtime delete --force cut
check 'and it is gone' [ ! -e "$world/oci/cut" ]
mkdir -m 777 "$world/open"
chmod 777 "$world/open"
refused 'list of a folder that is no state of ours is no empty list' 1 'open' build/bin/vxe-runtime --root "$world/open" list
check 'of one that is not there it is' [ "$(build/bin/vxe-runtime --root "$world/none" list --format json)" = '[]' ]

check 'kill' runtime kill one KILL
check 'state says stopped' eventually 60 state_is stopped
check 'delete' runtime delete one
refused 'its state is gone' 1 'one' runtime state one

# An engine's streams are the container's; vxe start has its log. A terminal would be shared with whoever uses it next.
detaches() { runtime run --detach --bundle "$sleeper" two <&7 >"$world/two.out" 2>&1 || { cat "$world/two.out"; return 1; }; }
check 'run --detach' detaches
check "its program speaks to the caller's standard output" eventually 60 grep -q '+OK' "$world/two.out"
printf 'QUIT\r\n' >&7
two_ends() { [[ $(runtime state two) == *'"stopped"'* ]]; }
check 'and listens to its standard input' eventually 60 two_ends
not_logged() { ! grep -q '+OK' "$VXE_LOGS/two/output.log"; }
check 'what it says is in no log' not_logged
check 'delete after run --detach' runtime delete two
exec 7>&-
on_terminal() { # WORDS: vxe-runtime of a shell's session on a terminal, as a person has it
  printf 'QUIT\n' | timeout -k 3 200 script -qec "build/bin/vxe-runtime --root $world/oci $*" /dev/null
}
try on_terminal run --bundle "$sleeper" three
check 'run on a terminal speaks there' contains "$output" '\+OK'
for words in "run --detach --bundle $sleeper three" "create --bundle $sleeper three"; do
  try on_terminal "$words"
  check "${words%% --b*} leaves no terminal to a program with a profile" contains "$output" 'descriptor 0 is a terminal.*when its caller has gone'
  refused 'and nothing was made' 1 'three' runtime state three
done

try runtime features
check 'features is a JSON document with ociVersionMax' contains "$output" '"ociVersionMax"'

# Same inputs, same bytes.
tree_digest() { (cd "$1" && find . -printf '%y %m %U:%G %p %l\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum) | sha256sum; }
first=$(cd "$bundle" && tree_digest .)
vxe bundle remove popd
popd_bundle >/dev/null 2>&1
check 'the same inputs make the same bytes' [ "$(cd "$bundle" && tree_digest .)" = "$first" ]

end_of_tests
