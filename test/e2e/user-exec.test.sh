#!/bin/bash
# vxe exec into an instance that an ordinary user has started: under the same confinement, for the owner alone.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/user-exec.test.sh "$@"

if ! setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user true 2>"$world/probe.err"; then
  skip 'an ordinary user enters an instance' "no user namespace for an ordinary user here: $(<"$world/probe.err")"
  end_of_tests
fi

# What answers questions about where it is.
probe=$world/probe
cp build/conformance/probe "$probe"
export VXE_PROFILES=$world VXE_BUNDLES=$world/bundles
cat >"$world/held.vxed.yaml" <<EOF
vxed: 1
name: held
description: Answers questions
type: filesystem
program: $probe
files: {$probe: read execute, /proc: read}
network: {interface: none}
exec: any
calls: {when: {personality: [{persona: 8}]}}
EOF
check 'the bundle is made' vxe bundle create held --profile held --exec "$probe" -- sleep:1000000
mkdir -p "$world/user"
cp -a "$VXE_BUNDLES" "$world/user"
chown -R 65534:65534 "$world/user"
chmod 700 "$world/user"
as() { # UID COMMAND...
  setpriv --reuid "$1" --regid "$1" --clear-groups env HOME="$world/user" XDG_RUNTIME_DIR="$world/user" VXE_BUNDLES="$world/user/bundles" \
    VXE_ROOT="$world/user/run" VXE_LOGS="$world/user/log" timeout -k 3 60 "${@:2}"
}
user() { as 65534 build/bin/vxe "$@"; }

check 'the user starts it' user start held --detach
state() { node -e 'let v = JSON.parse(require("node:fs").readFileSync(process.argv[1])); for (const k of process.argv[2].split(".")) v = v?.[k]; console.log(v)' "$world/user/run/held/state.json" "$1"; }
init=$(state init.pid) program=$(state program.pid) supervisor=$(state supervisor.pid) held_by=$(state namespaces.mnt)

# What makes it needed: the first process may not be looked at, by its own user either.
try as 65534 readlink "/proc/$init/ns/mnt"
check 'the first process tells its user nothing' [ "$status" != 0 ]

answer() { node -e '
  for (const line of require("node:fs").readFileSync(0, "utf8").split("\n"))
    if (line.startsWith("{") && JSON.parse(line).ask === process.argv[1]) { const { ok, value, errno } = JSON.parse(line); console.log(ok ? value : errno); }' "$1" <<<"$answers"; }
kinds=(user pid net ipc uts mnt)
try user exec held "$probe" read:/proc/self/status personality list:/ "${kinds[@]/#/link:/proc/self/ns/}" exit:7
answers=$output
check 'the owner enters it, and gets the code' [ "$status" = 7 ]
[[ $status == 7 ]] || sed 's/^/# /' <<<"$output$errors"
in_all() { # the namespaces of what was executed are the program's
  local kind
  for kind in "${kinds[@]}"; do
    [[ $(answer "link:/proc/self/ns/$kind") == "$(readlink "/proc/$program/ns/$kind")" ]] || { echo "$kind: $(answer "link:/proc/self/ns/$kind")"; return 1; }
    [[ $(readlink "/proc/self/ns/$kind") != "$(readlink "/proc/$program/ns/$kind")" ]] || { echo "$kind is the host's"; return 1; }
  done
}
check 'in all of its namespaces' in_all
same_rights() { # filter, capabilities and no_new_privs
  local line
  for line in Seccomp Seccomp_filters NoNewPrivs CapInh CapPrm CapEff CapBnd CapAmb Uid Gid; do
    [[ $(answer read:/proc/self/status | sed -n "s/^$line:[[:space:]]*//p") == "$(sed -n "s/^$line:[[:space:]]*//p" <"$world/status")" ]] ||
      { echo "$line: $(answer read:/proc/self/status | grep "^$line:"), not $(grep "^$line:" "$world/status")"; return 1; }
  done
}
# Ids as they are inside.
nsenter --target "$program" --user --preserve-credentials cat "/proc/$program/status" >"$world/status"
check 'with the same filter, capabilities and ids' same_rights
check 'the filter refuses it what it refuses the program' [ "$(answer personality)" = EPERM ]
recorded() { grep -q '"call":"personality' "$world/user/log/held/violations.ndjson"; }
check 'which is recorded' eventually 5 recorded
check 'and Landlock' [ "$(answer list:/)" = EACCES ]
answers=$(as 65534 "$probe" personality list:/)
check 'control: without both there is another answer' [ "$(answer personality) $(answer list:/ | grep -c '^proc$')" = '0 1' ]
# The way is the supervisor's descriptors, on which the kernel has the word.
mount_namespace=$(stat -L -c %i "/proc/$program/ns/mnt")
look() { [[ $(stat -L -c %i "/proc/$supervisor/fd/$held_by") == "$mount_namespace" ]]; }
export -f look
export supervisor mount_namespace held_by
check 'the owner can open what the supervisor holds' as 65534 bash -c look
try as 65533 bash -c look
check 'another user cannot' [ "$status" != 0 ]
try as 65534 unshare --user --map-root-user bash -c look
check 'nor the root of a user namespace who is the same user, as whoever is inside' [ "$status" != 0 ]
check 'control: who is in none can' as 65534 unshare --fork bash -c look
refused 'another user is refused' 1 . as 65533 build/bin/vxe exec held "$probe" exit:0
refused 'who is marked as inside is refused' 1 'inside the instance' as 65534 env VXE_INSTANCE=held build/bin/vxe exec held "$probe" exit:0
ways=("list:/proc/$supervisor/fd" "link:/proc/$supervisor/fd/$held_by" "openread:/proc/$supervisor/fd/$held_by")
reached() { for way in "${ways[@]}"; do answer "$way"; done | grep -vc '^E[A-Z]*$'; }
answers=$(user exec held "$probe" "${ways[@]}")
check 'from inside the supervisor is not to be seen' [ "$(reached)" = 0 ]
answers=$(as 65534 "$probe" "${ways[@]}")
check 'control: its owner reaches it by each of these ways' eval '(($(reached) >= 3))'
check 'control: it still runs, and its owner enters' user exec held "$probe" exit:0

# The engines' verb, which leaves it running.
# What it starts keeps its streams.
detaches() { as 65534 build/bin/vxe-runtime --root "$world/user/run" exec --detach --pid-file "$world/user/pid" held "$probe" sleep:1000000 >"$world/detached" 2>&1 </dev/null; }
check 'vxe-runtime exec --detach' detaches
[[ -s $world/user/pid ]] && other=$(<"$world/user/pid")
check 'what it has started is in the instance' [ "$(readlink "/proc/${other-0}/ns/pid")" = "$(readlink "/proc/$program/ns/pid")" ]
check 'under a filter' grep -q '^Seccomp:.*2' "/proc/${other-0}/status"
check 'it is stopped' user stop held
ended() { [[ ! -e /proc/$program && ! -e /proc/${other-0} ]]; }
check 'and all of it has ended' eventually 5 ended

check 'soft mode' user start held --detach --mode soft
answers=$(user exec held "$probe" list:/ personality)
check 'performs for who enters, too' [ "$(answer list:/ | grep -c '^proc$') $(answer personality)" = '1 0' ]
user stop held

# What the engines' verbs make has no supervisor that could hold its namespaces: its program is looked at, which is the user's own.
plain=$world/user/plain
mkdir -p "$plain"/rootfs/{bin,proc,etc}
cp "$probe" "$plain/rootfs/bin/probe"
configure() { # ANNOTATIONS
  cat >"$plain/config.json" <<EOF
{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "annotations": {$1},
 "process": {"args": ["/bin/probe", "sleep:1000000"], "env": ["PATH=/bin"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "noNewPrivileges": true,
   "landlock": {"ruleset": {"handledAccessFS": ["read_dir"]}, "disableBestEffort": true,
     "rules": {"pathBeneath": [{"allowedAccess": ["read_dir"], "paths": ["/proc"]}]}}},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
 "linux": {"namespaces": [{"type": "user"}, {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
   "uidMappings": [{"containerID": 0, "hostID": 65534, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": 65534, "size": 1}],
   "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ERRNO"}]}}}
EOF
  chown -R 65534:65534 "$plain"
}
runtime() { as 65534 build/bin/vxe-runtime --root "$world/user/run" "$@"; }
creates() { runtime create --bundle "$plain" "$1" >"$world/created" 2>&1 </dev/null || { cat "$world/created"; return 1; }; }
pid_of() { runtime state "$1" | sed -E 's/.*"pid":([0-9]+).*/\1/'; }
configure ''
check 'vxe-runtime create, without root' creates plain
refused 'before it is started its user cannot enter, and is told so' 255 'entering the instance plain: .*once it is started' runtime exec plain /bin/probe exit:0
check 'it is started' runtime start plain
program=$(pid_of plain)
check 'its program runs' eventually 5 grep -q '^probe$' "/proc/$program/comm"
try runtime exec plain /bin/probe list:/proc/self/fd read:/proc/self/status personality list:/ "${kinds[@]/#/link:/proc/self/ns/}" exit:7
answers=$output
check 'then its user enters it, and gets the code' [ "$status" = 7 ]
[[ $status == 7 ]] || sed 's/^/# /' <<<"$output$errors"
check 'in all of its namespaces, without a supervisor' in_all
nsenter --target "$program" --user --preserve-credentials cat "/proc/$program/status" >"$world/status"
check 'with the same filter, capabilities and ids there, too' same_rights
check 'under the filter and Landlock of the configuration' [ "$(answer personality) $(answer list:/)" = 'EPERM EACCES' ]
# The fourth is that of the folder itself, while it is read.
check 'with the standard streams alone' [ "$(answer list:/proc/self/fd | xargs)" = '0 1 2 3' ]
refused 'another user does not' 255 . as 65533 build/bin/vxe-runtime --root "$world/user/run" exec plain /bin/probe exit:0
runtime delete --force plain
configure '"org.vxe.init": "true"'
check 'with the reaper' creates reaped
runtime start reaped
refused 'its user cannot enter at all' 255 'entering the instance reaped: .*a supervisor' runtime exec reaped /bin/probe exit:0
runtime delete --force reaped
as 65534 build/bin/vxe-runtime --root "$world/user/run" run --bundle "$plain" watched >"$world/ran" 2>&1 </dev/null &
check 'with a supervisor' eventually 5 runtime exec watched /bin/probe exit:0
runtime delete --force watched
wait
end_of_tests
