#!/bin/bash
# What a user executes in a running instance is in the instance's cgroup, from wherever the user does it, so that the limits hold for all of it
# together; where nobody can put it there, it is refused. Without vxe exec the same attempts succeed from each of these places.
. "$(dirname "$0")/../../e2e/tap.sh"
. "$(dirname "$0")/limits.sh"
cleanup() {
  as vxe stop waits >/dev/null 2>&1
  loginctl disable-linger fenced 2>/dev/null
  rm -rf "$world"
}
trap cleanup EXIT
probe_profile waits any
export -f vxe
user_with_systemd
check 'a bundle is made' as vxe bundle create waits --profile waits --exec "$probe" -- sleep:1000000

vxe=$PWD/build/bin/vxe
runtime=$PWD/build/bin/vxe-runtime
root=/run/user/$uid/vxe
state() { # KEY.KEY of the instance's state
  node -e 'let v = JSON.parse(require("node:fs").readFileSync(process.argv[1])); for (const k of process.argv[2].split(".")) v = v?.[k]; console.log(v)' "$root/waits/state.json" "$1"
}
here() { # ANSWERS COMMAND...: from this test's own cgroup, which is a unit of the system's
  as_ask "$@"
}
session() { # from a login session
  local file=$1
  shift
  timeout "$limit" setsid --wait runuser -l fenced -c "cd /home/fenced && XDG_RUNTIME_DIR=/run/user/$uid exec $*" >"$file" 2>"$file.err" </dev/null
}
manager() { # from a unit of the user's systemd
  local file=$1
  shift
  as_ask "$file" systemd-run --user --quiet --scope "$@"
}
declare -A cgroup=([here]='^/system\.slice/' [session]="^/user\.slice/user-$uid\.slice/session-" [manager]="^/user\.slice/user-$uid\.slice/user@$uid\.service/")
free_of_limits() { # ANSWERS PATTERN: from a cgroup like that, all that was asked for was had
  [[ $(answer "$1" memory:64) == 'exit 0' && $(answer "$1" forks:30) == '30 ' ]] && grep -qE "0::${2#^}" "$1" || { cat "$1" "$1.err"; return 1; }
}
inside() { # ANSWERS: from the instance's cgroup, at which its namespace of cgroups begins; from another there would be a way up
  [[ $(answer "$1" read:/proc/self/cgroup) == '0::/\u000a' ]] || { cat "$1" "$1.err"; return 1; }
}
check 'the instance is started, by its user' as vxe start waits --detach
where=$(state cgroup)
where=${where#/sys/fs/cgroup}
check "in a scope of the user's systemd ($where)" contains "$where" "/user@$uid\.service/.*/vxe-waits\.scope\$"
for place in here session manager; do
  "$place" "$world/$place-free" "$probe" "${questions[@]}"
  check "control: from there nothing is limited ($place)" free_of_limits "$world/$place-free" "${cgroup[$place]}"
  "$place" "$world/$place" "$vxe" exec waits "$probe" "${questions[@]}"
  held "vxe exec ($place)" "$world/$place"
  check "it is in the instance's cgroup ($place)" inside "$world/$place"
done
session "$world/engine" "$runtime" --root "$root" exec waits "$probe" forks:30 read:/proc/self/cgroup
check "so it is of the engines' verb" inside "$world/engine"
check 'whose processes count together with the others' eval '(($(answer "$world/engine" forks:30 | cut -d" " -f1) < 8))'
detaches() { as "$runtime" --root "$root" exec --detach --pid-file /home/fenced/exec-pid waits "$probe" sleep:1000000 >"$world/detached" 2>&1 </dev/null; }
check 'one that is left running' detaches
stays() { [[ $(sed -n 's/^0:://p' "/proc/$(</home/fenced/exec-pid)/cgroup") == "$where" ]]; }
check "is in the instance's cgroup" stays

# Nobody to ask.
refused 'without a systemd to ask it is refused' 1 'there is no systemd of the user' as env -u XDG_RUNTIME_DIR VXE_ROOT="$root" "$vxe" exec waits "$probe" exit:0
check 'control: with it, it is done' as env VXE_ROOT="$root" "$vxe" exec waits "$probe" exit:0
check 'it is stopped' as vxe stop waits
gone() { [[ ! -e /sys/fs/cgroup$where ]]; }
check 'its cgroup is gone' eventually 10 gone

# In a unit that is delegated to the user the instance's cgroup is no unit of its own, so that nobody can be asked.
unit=system.slice/exec-own.service
systemd-run --quiet --collect --unit exec-own --uid fenced -p Delegate=yes -E "HOME=/home/fenced" -E "XDG_RUNTIME_DIR=/run/user/$uid" \
  -E "VXE_PROFILES=$VXE_PROFILES" "$vxe" start waits
runs() { [[ $(as "$vxe" status waits --json 2>/dev/null) == *'"running"'* ]]; }
check 'the instance in a unit' eventually 60 runs
where=$(state cgroup)
check "is in the unit's own cgroup ($where)" [ "$where" = "/sys/fs/cgroup/$unit/vxe-waits" ]
for place in here session manager; do
  "$place" "$world/$place" "$vxe" exec waits "$probe" exit:0
  check "from elsewhere it is refused ($place)" grep -q 'making a process for the instance waits: Permission denied' "$world/$place.err"
  check "with what to do ($place)" grep -q 'systemd-run --user' "$world/$place.err"
done
beside() { # ANSWERS COMMAND...: from beside it, in the unit
  local file=$1
  shift
  # shellcheck disable=SC2016
  (echo "$BASHPID" >"/sys/fs/cgroup/$unit/launcher/cgroup.procs" && as_ask "$file" "$@")
}
beside "$world/beside" "$vxe" exec waits "$probe" "${questions[@]}"
held 'vxe exec (in the unit)' "$world/beside"
check "it is in the instance's cgroup (in the unit)" inside "$world/beside"
check 'it is stopped, too' as "$vxe" stop waits
end_of_tests
