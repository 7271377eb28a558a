#!/bin/bash
# What a program does not get of who starts it, even where the kernel refuses to take it away; and what is left of a launcher that is killed.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/inherited.test.sh "$@"

bundle=$world/bundle
user=54321
mkdir -p "$bundle/rootfs/proc"
gcc -O2 -static -o "$bundle/rootfs/holder" test/e2e/fixtures/holder.c 2>"$world/gcc.log" ||
  { not_ok 'the program compiles' "$(<"$world/gcc.log")"; end_of_tests; }
cp build/bin/vxe "$world/vxe-runtime"

# config UID PROCESS MORE [NAMESPACE [LINUX [MOUNT]]]: members of the document, each part with a comma before it.
config() {
  cat >"$bundle/config.json" <<JSON
{"ociVersion": "1.2.0", "root": {"path": "rootfs", "readonly": true}$3,
 "process": {"user": {"uid": $1, "gid": $1}, "cwd": "/", "args": ["/holder"$args]$2},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}${6-}],
 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"}${4-}]${5-}}}
JSON
}
args=
runtime() { "$world/vxe-runtime" --root "$world/oci" --cgroup-manager disabled "$@"; }
run() { timeout -k 3 200 "$world/vxe-runtime" --root "$world/oci" --cgroup-manager disabled run --bundle "$bundle" "$@"; }

# Capabilities. Root has all of its bounding set again after an execve, unless no_new_privs is set.
chown_only=', "capabilities": {"bounding": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"]}'
config 0 "$chown_only" ''
try run one
check 'a program has the capabilities that it is given' contains "$output" $'CapPrm:\t0000000000000001'
refused 'where the bounding set cannot be cut it is not started' 1 'bounding set.*CAP_SETPCAP' \
  setpriv --bounding-set=-setpcap timeout -k 3 200 "$world/vxe-runtime" --root "$world/oci" run --bundle "$bundle" one
config 0 "$chown_only"', "noNewPrivileges": true' ''
try setpriv --bounding-set=-setpcap timeout -k 3 200 "$world/vxe-runtime" --root "$world/oci" run --bundle "$bundle" one
check 'unless it can gain nothing' contains "$output" $'CapPrm:\t0000000000000001'

# Groups.
try setpriv --groups 4,20 timeout -k 3 200 "$world/vxe-runtime" --root "$world/oci" run --bundle "$bundle" one
check "root's groups are not the program's" contains "$output" 'groups\.'
refused 'where they cannot be dropped it is not started' 1 'groups.*CAP_SETGID' \
  setpriv --groups 4,20 --bounding-set=-setgid timeout -k 3 200 "$world/vxe-runtime" --root "$world/oci" run --bundle "$bundle" one

# Keys. perl is essential in Debian: add_key is call 248 of x86-64, keyctl 250, and 1 makes a session's keyring.
keys='sub key { my ($t, $d, $p) = ("user", $_[0], "x"); syscall(248, $t, $d, $p, 1, -3) } syscall(250, 1, 0); key("vxe-secret") > 0 or die "add_key: $!\n";'
full='for (1 .. 1000) { key("fill$_") > 0 or last } $!{EDQUOT} or die "not full: $!\n";'
# as_user UID COMMAND...: as an ordinary user who maps only itself. The kernel counts a user's keys for a while after they are gone, so each has a number of its own.
as_user() {
  local folder=$world/user$1 id=$1
  shift
  mkdir -p "$folder"
  chown "$id" "$folder"
  config 0 ', "noNewPrivileges": true' '' ', {"type": "user"}' \
    ', "uidMappings": [{"containerID": 0, "hostID": '"$id"', "size": 1}], "gidMappings": [{"containerID": 0, "hostID": '"$id"', "size": 1}]'
  setpriv --reuid "$id" --regid "$id" --clear-groups env XDG_RUNTIME_DIR="$folder" HOME="$folder" VXE_LOGS="$folder/logs" VXE_ROOT="$folder/run" "$@" \
    timeout -k 3 200 "$world/vxe-runtime" --cgroup-manager disabled run --bundle "$bundle" one
}
config 0 "$chown_only" ''
try perl -e "$keys"'exec @ARGV' "$bundle/rootfs/holder"
if contains "$output" 'key found'; then
  try perl -e "$keys"'exec @ARGV' timeout -k 3 200 "$world/vxe-runtime" --root "$world/oci" run --bundle "$bundle" one
  check "the caller's keys are not the program's" contains "$output" 'key not found'
  try as_user $((100000 + RANDOM)) perl -e "$keys"'exec @ARGV'
  check "nor a user's" contains "$output" 'key not found'
  refused 'where there is no room for a keyring of its own it is not started' 1 'session keyring.*maxkeys' \
    as_user $((200000 + RANDOM)) perl -e "use Errno; $keys$full"'exec @ARGV'
else
  skip 'keys' "the kernel keeps none: $errors"
fi

# Ids on the command line. The last number means "leave it as it is" to the kernel, and the one after it is root's.
args=', "600"'
config 0 "$chown_only" ''
run one >/dev/null &
running() { runtime state one 2>/dev/null | grep -q running; }
check 'a program runs' eventually 60 running
try runtime exec --user 1000:1001 one /holder
check 'a further one as another user' contains "$output" '^uid 1000 gid 1001'
for id in -1:-1 4294967295:0 4294967296:0 1000:-1 1000:4294967296 1000:1x '' : 0x0 +0:0 18446744073709551616; do
  refused "exec --user '$id' is refused" 2 'user' runtime exec --user "$id" one /holder
done
check 'it is ended' runtime delete --force one
wait

# Whoever runs a further program in an instance that has a profile is root outside, and no rule of the profile is lost by that.
held=', "noNewPrivileges": true, "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 77}], "landlock": {"disableBestEffort": true,
  "ruleset": {"handledAccessFS": ["make_fifo"]}}'
config 0 "$chown_only$held" ', "annotations": {"org.vxe.version": "1"}'
run one >/dev/null &
check 'a program with a profile runs' eventually 60 running
refused 'a capability beyond the profile is refused' 255 'does not grant CAP_SYS_ADMIN' runtime exec --cap CAP_SYS_ADMIN one /holder
try runtime exec --cap CAP_CHOWN one /holder
check 'one of its own is not' contains "$output" $'CapPrm:\t0000000000000001'
process() { printf '{"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/holder"]%s}' "$1" >"$world/process.json"; }
process ', "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_MODULE"]}'
refused 'nor can a process of a file have one' 255 'does not grant CAP_SYS_MODULE' runtime exec --process "$world/process.json" one
process ', "landlock": {"disableBestEffort": true, "ruleset": {"handledAccessFS": ["make_char"]}}'
refused 'nor Landlock of its own' 255 'landlock' runtime exec --process "$world/process.json" one
process ', "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 500, "hard": 500}]'
try runtime exec --process "$world/process.json" one
check 'and its limits are those of the profile' contains "$output" 'files 77'
check 'it is ended as well' runtime delete --force one
wait
args=

# A startContainer hook is a program of the container, and whoever made its image says which: it finds what the program finds.
cp build/conformance/probe "$bundle/rootfs/probe"
mkdir "$bundle/rootfs/own"
hooked() { # PROCESS HOOK-ARGUMENTS
  config 0 "$1" ', "hooks": {"startContainer": [{"path": "/'"${2%% *}"'", "args": ["'"${2// /\", \"}"'"]}]}' '' '' \
    ', {"destination": "/own", "type": "tmpfs", "source": "tmpfs"}'
  perl -e "$keys"'exec @ARGV' timeout -k 3 200 "$world/vxe-runtime" --root "$world/oci" run --bundle "$bundle" one
}
try hooked "$chown_only" holder
lines=$(($(wc -l <<<"$output") / 2))
check 'a hook in the container finds what its program finds: ids, groups, capabilities, keys, limits' \
  [ "$lines" -gt 2 -a "$(head -n "$lines" <<<"$output")" = "$(tail -n +$((lines + 1)) <<<"$output")" ]
try hooked "$chown_only" 'probe mkdir:/own/made'
check 'control: it makes a folder' contains "$output" '"ask":"mkdir:/own/made","ok":true'
for nnp in true false; do
  try hooked "$chown_only, \"noNewPrivileges\": $nnp"', "landlock": {"disableBestEffort": true, "ruleset": {"handledAccessFS": ["make_dir"]}}' 'probe mkdir:/own/made'
  check "where Landlock refuses that to the program, to the hook as well (noNewPrivileges: $nnp)" contains "$output" '"ask":"mkdir:/own/made","ok":false,"errno":"EACCES"'
done

# The launcher's own file, where an ordinary user owns it: who is in the user's container is the user (CVE-2019-5736). An exec of a script that
# names it puts it before the intruder, and there it waits for a reader of its log; when it has ended, nothing but its own file is in the way.
id=$((300000 + RANDOM))
gcc -D_GNU_SOURCE -O2 -static -o "$bundle/rootfs/intruder" test/holes/intruder.c 2>"$world/gcc.log" || not_ok 'the intruder compiles' "$(<"$world/gcc.log")"
printf '#!/proc/self/exe --log=/log\n' >"$bundle/rootfs/self"
mkfifo -m 666 "$bundle/rootfs/log"
chmod 755 "$bundle/rootfs/self"
overwrites() { # PROGRAM: $output is what the intruder in a container of the user's says, who owns it
  local own=$world/user$id/own
  rm -rf "$own"
  mkdir -p "$own"
  cp "$1" "$own/vxe-runtime"
  chown -R "$id" "$world/user$id"
  local runtime=(setpriv --reuid "$id" --regid "$id" --clear-groups env XDG_RUNTIME_DIR="$own" HOME="$own" VXE_ROOT="$own/run" VXE_LOGS="$own/logs"
    timeout -k 3 200 "$own/vxe-runtime" --cgroup-manager disabled)
  ptrace=', "capabilities": {"bounding": ["CAP_SYS_PTRACE"], "permitted": ["CAP_SYS_PTRACE"], "effective": ["CAP_SYS_PTRACE"]}'
  config 0 "$ptrace" '' ', {"type": "user"}' \
    ', "uidMappings": [{"containerID": 0, "hostID": '"$id"', "size": 1}], "gidMappings": [{"containerID": 0, "hostID": '"$id"', "size": 1}]'
  sed -i 's|"/holder"|"/intruder", "overwrite", "100000"|' "$bundle/config.json"
  "${runtime[@]}" create --bundle "$bundle" own >"$own/out" 2>&1 </dev/null && "${runtime[@]}" start own || { cat "$own/out"; return 1; }
  "${runtime[@]}" exec own /self >"$own/self" 2>&1 </dev/null &
  local self=$!
  waits() { pgrep -f -- '--log=/log' && grep -q found "$own/out"; }
  eventually 60 waits
  kill -KILL "$self"
  pkill -KILL -f 'exec own /self'
  # Time for the intruder, with nothing but the file itself in its way.
  sleep 1
  "${runtime[@]}" kill own TERM
  eventually 60 grep -q written "$own/out"
  output=$(<"$own/out")
  "${runtime[@]}" delete --force own
  cmp "$1" "$own/vxe-runtime"
}
kept=0
overwrites build/bin/vxe >"$world/overwrites.log" 2>&1 || kept=$?
if ((kept == 0)); then ok "a user's container leaves the user's own launcher as it is"; else not_ok "a user's container leaves the user's own launcher as it is" "$(<"$world/overwrites.log")"; fi
if grep -qa /lib64/ld-linux build/bin/vxe; then
  skip 'which it has found' 'this launcher needs libraries, which are not in the container: it cannot be executed there (make asan)'
else
  check 'which it has found' contains "$output" '"programs":[1-9]'
fi

# Whose word a bundle is: its hooks are run as who starts it, on the host.
config 0 "$chown_only" ', "hooks": {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "touch '"$world/hooked"'"]}]}'
start() { timeout -k 3 200 env "$@" build/bin/vxe --root "$world/run" start "$bundle"; }
not_hooked() { [ ! -e "$world/hooked" ]; }
chown 1234 "$bundle/config.json"
refused "another's config.json starts nothing" 1 'config.json of the bundle .* belongs to user 1234' start
check 'under sudo that of who called it does' start SUDO_UID=1234
rm -f "$world/hooked"
refused 'and not that of a user whose number is like it' 1 'belongs to user 1234' start SUDO_UID=12345
chown 0 "$bundle/config.json"
chmod 646 "$bundle/config.json"
refused 'one that others can write starts nothing' 1 'config.json .* can be written by others' start
chmod 644 "$bundle/config.json"
chown 1234 "$bundle"
refused "nor does another's folder" 1 'the folder of the bundle .* belongs to user 1234' start
chown 0 "$bundle"
mkdir -m 777 "$bundle/vxe"
refused 'nor plans that others can write' 1 'the folder vxe .* can be written by others' start
chmod 755 "$bundle/vxe"
check 'and no hook of them was run' not_hooked
check "root's own starts" start
check 'and its hook is run' [ -e "$world/hooked" ]
rmdir "$bundle/vxe"

# A hook that does not read its state, which is larger than a pipe holds, holds nobody up beyond its timeout.
note=$(head -c 200000 /dev/zero | tr '\0' x)
hook() { printf ', "annotations": {"note": "%s"}, "hooks": {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "%s"], "timeout": %s}]}' "$note" "$1" "$2"; }
config 0 "$chown_only" "$(hook "cat >$world/state" 20)"
check 'a hook reads a large state' run one
whole() { node -e 'if (JSON.parse(require("node:fs").readFileSync(process.argv[1])).annotations.note.length !== 200000) process.exit(1)' "$world/state"; }
check 'and has it whole' whole
config 0 "$chown_only" "$(hook 'sleep 40' 1)"
refused 'one that reads nothing of it is ended at its timeout' 1 'longer than its timeout' run one
config 0 "$chown_only" "$(hook 'sleep 2' 4294968)"
check 'a timeout beyond what counts in milliseconds is not a short one' run one

# A launcher that comes to look when the program is over: it has run, and its end is told.
if command -v strace >/dev/null; then
  config 0 "$chown_only" ', "annotations": {"org.vxe.init": "true"}'
  try strace -qq -o "$world/trace" -e trace=recvmsg -e inject=recvmsg:delay_exit=1000000 \
    "$world/vxe-runtime" --root "$world/oci" --cgroup-manager disabled run --bundle "$bundle" one
  check 'a program that is over before its launcher looks has run' [ "$status:$errors" = 0: ]
  check 'control: the launcher was late' grep -q DELAYED "$world/trace"
else
  skip 'a program that is over before its launcher looks' 'strace is missing'
fi

# kill -9 of the launcher at the moments at which nobody but the child could know of it.
if command -v strace >/dev/null; then
  gone() { ! pgrep -f '^/holder|^[^ ]*vxe-runtime.* run ' >/dev/null; }
  rests() { # NUMBER: strace keeps a process in that call, and not for a moment
    local process
    for process in /proc/[0-9]*; do
      [[ $(cat "$process/syscall" 2>/dev/null) == "$1 "* ]] && grep -q '^State:.t' "$process/status" 2>/dev/null || continue
      sleep 0.3
      [[ $(cat "$process/syscall" 2>/dev/null) == "$1 "* ]] && return
    done
    return 1
  }
  killed_in() { # CALL NUMBER enter|exit: the launcher is killed while the process that makes CALL first rests before or after it
    strace -qqf -o "$world/trace" -e trace="$1" -e inject="$1:delay_$3=4000000:when=1" \
      "$world/vxe-runtime" --root "$world/oci" --cgroup-manager disabled run --bundle "$bundle" one >/dev/null 2>&1 &
    local tracer=$!
    eventually 60 rests "$2" || { cat "$world/trace"; return 1; }
    pkill -KILL -o -f '^[^ ]*vxe-runtime.* run ' || { cat "$world/trace"; return 1; }
    wait "$tracer"
    eventually 60 gone || { pgrep -af .; pkill -KILL -f '^/holder|^[^ ]*vxe-runtime'; return 1; }
    runtime delete --force one
  }
  args=', "600"'
  config "$user" "$chown_only" ''
  check 'killed before the program knows of its end, after its change of user, it ends too' killed_in capset 126 exit
  check 'and before it is bound to the launcher at all' killed_in prctl 157 enter
  # The maker of an id-mapped mount's user namespace holds what the launcher has open.
  args=
  mkdir -p "$world/mapped"
  map='[{"containerID": 0, "hostID": 1000, "size": 1}]'
  config 0 "$chown_only" '' '' '' ', {"destination": "/mnt", "type": "bind", "source": "'"$world/mapped"'", "options": ["bind"], "uidMappings": '"$map"', "gidMappings": '"$map"'}'
  mkdir -p "$bundle/rootfs/mnt"
  try run one
  if ((status == 0)); then
    check 'and before an id-mapped mount is made' killed_in clone3 435 exit
    check 'the name is free then' run one
  else
    skip 'killed before an id-mapped mount is made' "$errors"
  fi
else
  skip 'killed launchers' 'strace is missing'
fi
end_of_tests
