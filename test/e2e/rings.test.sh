#!/bin/bash
# Rings of io_uring that a profile asks for: each operation has the verdict of its call, by every way into it, and what is not permitted as a call is refused.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/rings.test.sh "$@"

export VXE_PROFILES=$world VXE_BUNDLES=$world/bundles VXE_COMPILED=$world/compiled VXE_ROOT=$world/run VXE_LOGS=$world/logs
acts=$PWD/build/rings/acts
place=$world/place
if ! vxe doctor | grep -Eq '^io_uring:restricted +yes'; then
  skip 'rings' 'this kernel makes no rings that can be restricted'
  end_of_tests
fi
addresses=yes
vxe doctor | grep -Eq '^bpf:cgroup-addresses +yes' || addresses=

fresh() { # what acts works on
  rm -rf "$place"
  mkdir -p "$place"/{open,closed,secret}
  for folder in open closed secret; do echo "$folder" >"$place/$folder/file"; done
  ln -s ../secret/file "$place/open/link"
}

# What acts needs for itself, and what the rings are asked for.
own='execve pause arch_prctl brk set_tid_address set_robust_list rseq prlimit64 readlinkat readlink getrandom mprotect mmap munmap newfstatat fstat
  close_range epoll_create1 eventfd2 socketpair clone wait4 exit_group setsockopt lseek setresuid setresgid write
  io_uring_setup io_uring_enter io_uring_register'
calls='dup dup3 read pread64 pwrite64 readv writev preadv2 pwritev2 fsync fdatasync poll sync_file_range sendmsg recvmsg accept4 connect fallocate openat close
  statx fadvise64 madvise sendto recvfrom openat2 epoll_ctl splice tee shutdown renameat2 unlinkat mkdirat symlinkat linkat setxattr getxattr
  fsetxattr fgetxattr socket waitid futex_wait futex_wake futex_waitv ftruncate bind listen epoll_wait pipe2 fcntl'
list() { xargs <<<"$*" | tr ' ' ,; }
udp=
[[ -z $addresses ]] || udp=', udp/127.0.0.1:9: connect send'
profile() { # NAME CALLS [MORE]
  cat >"$world/$1.vxed.yaml" <<PROFILE
vxed: 1
name: $1
description: rings
type: strict
files: {/: read execute, $place/open: read write create remove, $place/secret: none}
network:
  interface: loopback
  sockets: {tcp/127.0.0.1:9: connect, tcp/127.0.0.1:20010: accept, tcp/127.0.0.1:20012: accept$udp}
exec: any
capabilities: [CAP_SETUID, CAP_SETGID]
limits: {nofile: 256}
calls:
  permit: [$(list "$2")]
${3:-}
PROFILE
}
profile wide "$own $calls"
profile narrow "$own" '  when:
    openat: [{flags: {without: O_WRONLY|O_RDWR}}]
    socket: [{domain: AF_INET}]
    dup3: [{flags: O_CLOEXEC}]
  quiet:
    statx: [{flags: 0, errno: EACCES}]'
profile none "$calls ${own%%io_uring*}"

run() { # PROFILE OUT [ARGUMENT]: from a fresh place
  fresh
  (cd "$place" && timeout 120 "$bin" run "$1" "$acts" "${@:3}") >"$world/$2" 2>"$world/.err"
}
bin=$PWD/build/bin/vxe

fresh
(cd "$place" && timeout 120 "$acts") >"$world/bare"
fresh
chmod 755 "$world" "$place"
(cd "$place" && timeout 120 "$acts" 65534) >"$world/bare.nobody"

# Lines of an act with a call whose answers differ.
unlike() { awk -F'\t' '$1 != "-" && $3 != "-" && !($3 == $4 && $4 == $5 && $5 == $6 && $6 == $7)' "$1"; }
same_everywhere() {
  [[ $(awk -F'\t' '$1 != "-"' "$1" | wc -l) -ge 80 ]] || { tail -n 3 "$1"; return 1; }
  [[ -z $(unlike "$1") ]] || { unlike "$1"; return 1; }
}
check 'control: without VXE a ring answers as the calls do' same_everywhere "$world/bare"
check 'control: as another user, too' same_everywhere "$world/bare.nobody"

listed() { # PROFILE: what its rings perform, a word each line
  vxe explain "$1" --json | node -e '
    const { coverage } = JSON.parse(require("fs").readFileSync(0, "utf8"));
    const note = coverage.find(({ rule }) => rule === "rings:performed").note;
    for (const part of note.split("; ")) console.log(part.slice(part.lastIndexOf(":") + 2).split(" ").join("\n"));'
}
# Of what is listed each way answers as the call does (what is about the ring alone: not EACCES); all else is refused by each.
parity() { # PROFILE OUT
  local wrong
  listed "$1" >"$world/listed"
  wrong=$(awk -F'\t' '
    NR == FNR { listed[$1]; next }
    $1 == "-" { next }
    $1 in listed { if ($3 == "-" ? $4 == 13 : !($3 == $4 && $4 == $5 && $5 == $6 && $6 == $7)) print "unlike: " $0; next }
    { for (i = 4; i <= NF; i++) if ($i != 13) { print "not refused: " $0; next } }' "$world/listed" "$world/$2")
  [[ -z $wrong ]] || { echo "$wrong"; return 1; }
  [[ $(wc -l <"$world/$2") == "$(wc -l <"$world/bare")" ]] || { tail -n 3 "$world/$2" "$world/.err"; return 1; }
}
check 'with a profile that permits much it starts' run wide inside
check 'each operation has the verdict of its call' parity wide inside
tried() { # every operation that is listed
  local missing
  missing=$(grep -v / "$world/listed" | grep -vxFf <(cut -f1 "$world/inside"))
  [[ -z $missing ]] || { echo "$missing"; return 1; }
}
check 'and each was tried' tried
both_refused() { # at least so many were refused inside as calls and as operations, that are done outside
  local count
  count=$(paste "$world/bare" "$world/inside" | awk -F'\t' '$1 != "-" && $3 != 13 && $10 == 13 && $11 == 13' | wc -l)
  ((count >= $1)) || { echo "$count"; return 1; }
}
check 'files, ports and addresses that are not granted among them' both_refused "$([[ -n $addresses ]] && echo 24 || echo 18)"
check 'as another user it starts' run wide nobody 65534
check 'a ring that root made gives another user that user'\''s rights' parity wide nobody
check 'where calls have rows or are not permitted it starts' run narrow narrowed
check 'no operation of theirs is performed' parity narrow narrowed
only_own() { ! grep -qxE 'OPENAT|SOCKET|STATX|READ|WRITE|CONNECT' "$world/listed"; }
check 'which is what the profile comes to' only_own

# Without root: no cgroup, no addresses, and the supervisor's own user is the caller's.
mine=$world/mine
install -d -o 65534 -g 65534 "$mine"
sed -E 's/^name: .*/name: mine/; s/^capabilities.*//; s/,(sendmsg|sendto)\b//g
  s#^  sockets:.*#  connect: [tcp/9]\n  accept: [tcp/20010, tcp/20012]#' "$world/wide.vxed.yaml" >"$mine/mine.vxed.yaml"
echo 'accept-unenforced: ["files:unix-sockets", "network:udp", "network:raw"]' >>"$mine/mine.vxed.yaml"
rootless() { # ARGUMENT...: vxe as another user
  setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$mine" VXE_PROFILES="$mine" VXE_COMPILED="$mine/compiled" VXE_ROOT="$mine/run" VXE_LOGS="$mine/logs" "$bin" "$@"
}
run_rootless() {
  fresh
  chown -R 65534:65534 "$place"
  (cd "$place" && rootless run mine "$acts") >"$world/rootless" 2>"$world/.err" || { cat "$world/.err"; return 1; }
}
check 'without root it starts' run_rootless
check 'and each operation has the verdict of its call' parity "$mine/mine.vxed.yaml" rootless

answers() { # OUT WANTED WHAT
  local found
  found=$(awk -F'\t' -v what="$3" '$1 == "-" && $2 == what { print $3 }' "$world/$1")
  [[ $found == "$2" ]] || { echo "$3: ${found:-not there}"; return 1; }
}
while IFS=: read -r outside inside what; do
  [[ $outside == '*' ]] || check "control: $what" answers bare "$outside" "$what"
  check "$what gets $inside" answers inside "$inside" "$what"
done <<'ROWS'
0:0:a ring
0:0:COOP_TASKRUN
0:0:CQSIZE
22:22:no entries
0:22:SQPOLL
22:22:ATTACH_WQ
0:22:R_DISABLED
0:22:SINGLE_ISSUER
0:22:DEFER_TASKRUN
14:22:NO_MMAP
0:22:too many entries
0:0:too many entries, clamped
0:22:too many completions
14:14:parameters nowhere
14:14:parameters that are not to be written
0:0:close-on-exec
0:13:a personality
77:13:other restrictions
77:13:enabling
22:22:a message without a ring
22:22:that with garbage above
1:1:code in a ring
13:13:code in a ring later
22:22:passing it on
24:24:one more than there may be descriptors
ROWS

# What joins a running instance is under the same filter, and its own supervisor makes its rings.
joined() { # OUT PROFILE MODE ARGUMENT...: acts, beside the instance's own program
  local out=$1 profile=$2 mode=$3 status=0 program
  fresh
  (cd "$place" && exec "$bin" run --mode "$mode" --name held "$profile" "$acts" wait) &
  program=$!
  until "$bin" status held 2>/dev/null | grep -q 'running, process'; do
    kill -0 "$program" 2>/dev/null || return 1
    sleep 0.05
  done
  timeout 120 "$bin" exec --cwd "$place" held "$acts" "${@:4}" >"$world/$out" 2>"$world/.err" || status=$?
  "$bin" stop held || kill "$program"
  wait "$program"
  return $status
}
check 'a program that joins an instance has rings' joined joined wide production
check 'each operation has the verdict of its call' parity wide joined
told() { # what the log says of the rings that were asked for
  local found
  found=$(grep '"call":"io_uring_setup"' "$VXE_LOGS/held/violations.ndjson" |
    sed -E 's/.*"detail":"([^"]*)".*"rule":"([^"]*)".*"errno":"([^"]*)","mechanism":"([^"]*)".*/\1 \2 \3 \4/' | sort -u)
  [[ $found == "$(sort -u)" ]] || { echo "$found"; return 1; }
}
check 'the log tells of rings that could do more than the profile permits, and of no wish that older kernels lack' told <<'ROWS'
io_uring_setup(8, {flags=IORING_SETUP_SQPOLL}) calls:io_uring_setup EINVAL supervisor
io_uring_setup(8, {flags=IORING_SETUP_ATTACH_WQ}) calls:io_uring_setup EINVAL supervisor
io_uring_setup(8, {flags=IORING_SETUP_R_DISABLED}) calls:io_uring_setup EINVAL supervisor
io_uring_setup(8, {flags=IORING_SETUP_NO_MMAP}) calls:io_uring_setup EINVAL supervisor
io_uring_setup(4097, {cq_entries=0}) calls:io_uring_setup EINVAL supervisor
io_uring_setup(8, {cq_entries=32769}) calls:io_uring_setup EINVAL supervisor
ROWS
check 'as another user, too' joined joined.nobody wide production 65534
check 'with the verdicts of that user' parity wide joined.nobody
check 'where calls have rows or are not permitted it joins' joined joined.narrow narrow production
check 'and no operation of theirs is performed' parity narrow joined.narrow
joins_without() { # PROFILE MODE
  joined none "$1" "$2"
  [[ $(<"$world/none") == $'-\ta ring\t38' ]] || { cat "$world/none" "$world/.err"; return 1; }
}
check 'in an instance whose profile does not ask it gets no ring' joins_without none production
check 'nor in one in soft mode' joins_without wide soft

# Where the kernel makes no rings: nothing starts, and the reason is said.
without=$PWD/build/rings/without
disabled() { # what kernel.io_uring_disabled says, for a command and its children
  echo "$1" >"$world/disabled"
  unshare --mount sh -c 'mount --bind "$1" /proc/sys/kernel/io_uring_disabled && shift && exec "$@"' - "$world/disabled" "${@:2}"
}
row() { grep -E "^io_uring:restricted +no +$1: a profile that permits io_uring_setup does not start" <<<"$output"; }
forbidden() { # SYSCTL ERRNO ROW HINT: doctor tells, the profile is not compiled, and what was compiled does not start
  try disabled "$1" "$without" "$2" "$bin" doctor
  row "$3" || { echo "$output"; return 1; }
  try disabled "$1" "$without" "$2" "$bin" profile compile wide
  [[ $status != 0 && $errors == *'calls:io_uring_setup cannot be held here'* ]] || { echo "$status $errors"; return 1; }
  try disabled "$1" "$without" "$2" "$bin" run wide /bin/true
  [[ $status == 1 && $errors == *'calls:io_uring_setup cannot be held here: making a ring that does only what the profile permits'*"$4"* ]] ||
    { echo "$status $errors"; return 1; }
}
check 'control: it starts' "$bin" run wide /bin/true
check 'kernel.io_uring_disabled is 1: doctor says so, and nothing starts' forbidden 1 1 \
  'kernel.io_uring_disabled forbids rings to those without CAP_SYS_ADMIN, or to all' 'kernel.io_uring_disabled forbids it'
check 'likewise where it is 2' forbidden 2 1 \
  'kernel.io_uring_disabled forbids rings to those without CAP_SYS_ADMIN, or to all' 'kernel.io_uring_disabled forbids it'
check 'a filter around VXE refuses rings: that is said' forbidden 0 1 'this user may not \(EPERM\)' 'what VXE runs in refuses it'
check 'a kernel without rings: that is said' forbidden 0 38 'this kernel does not have it' 'it needs io_uring and Linux 6.16'

absent() { # WORDS...: the first answer is that there is no such call
  local found
  fresh
  found=$(cd "$place" && "$bin" run "$@" "$acts" 2>&1)
  [[ $found == $'-\ta ring\t38' ]] || { echo "$found"; return 1; }
}
check 'a profile that does not ask gets no ring' absent none
check 'nor does soft mode make any, where nobody would see what they do' absent --mode soft wide
check 'nor the record of files' absent --record-files wide
proved() { vxe prove "$world/$1.vxed.yaml" | grep -q '^yes a ring does nothing that the profile refuses as a call'; }
check 'the wide profile is proved' proved wide
check 'the narrow one, too' proved narrow
explained() { vxe explain wide 'io_uring_setup(8)' | grep -q '^allowed (calls:io_uring_setup)'; }
check 'explain tells of the call' explained

# A program of Debian's that was written for rings.
export VXE_RECIPES=$world
mkdir "$world/disk"
truncate -s 8M "$world/disk/disk.raw"
cat >"$world/disks.yaml" <<'RECIPE'
recipe: 1
name: disks
description: writes a disk image by a ring
source: {package: qemu-utils}
profile: disks
program: [/usr/bin/qemu-img, bench, -i, io_uring, -w, -f, raw, -t, none, -c, "256", -d, "16", -s, "4096", /disk/disk.raw]
kind: simple
RECIPE
cat >"$world/disks.vxed.yaml" <<PROFILE
vxed: 1
name: disks
type: filesystem
program: /usr/bin/qemu-img
files: {/usr: read execute, /etc: read, /disk: read write, /dev/null: read write}
exec: once
network: {interface: none}
calls: {permit: [io_uring_setup, io_uring_enter, io_uring_register]}
PROFILE
made() { limit=300 vxe bundle create disks --mount "/disk=$world/disk:rw"; }
writes() { vxe start "$@" 2>&1 | grep -q '^Run completed'; }
lacks_rings() {
  local said
  said=$("$@" 2>&1)
  grep -q 'failed to init linux io_uring ring' <<<"$said" || { echo "$said"; return 1; }
}
check 'a bundle of qemu-img is made' made
check 'it writes a disk image by a ring' writes disks
nothing_recorded() { vxe violations disks | grep -q 'no violations'; }
check 'and nothing is refused' nothing_recorded
check 'in soft mode it has none' lacks_rings vxe start --mode soft disks
export VXE_RECORDINGS=$world/recordings
recorded() { # RECORDER: the call is in the recording, and nothing that a ring did is missing from it
  local said
  said=$(vxe trace --recorder "$1" disks 2>&1)
  grep -q 'failed to init linux io_uring ring' <<<"$said" || { echo "$said"; return 1; }
  grep -q '"call":"io_uring_setup"' "$VXE_RECORDINGS"/disks/*.ndjson || { echo "$said"; return 1; }
  rm -r "$VXE_RECORDINGS/disks"
}
check 'nor under the recorder that takes calls by notification' recorded notify
if vxe trace --recorder bpf --host /bin/true >/dev/null 2>&1; then
  check 'nor under the one in BPF' recorded bpf
else
  skip 'nor under the one in BPF' 'it is not to be had here'
fi
attacked() { # what comes of an intruder's attempts by rings where rings are had
  vxe attack disks --json --quick "${@/#/--only=}" >"$world/attack.json" 2>"$world/.err" || { cat "$world/.err"; return 1; }
  node -e '
    const { attempts } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    const left = attempts.filter(({ name, verdict }) => verdict !== (name === "io-uring" ? "open" : "held"));
    if (attempts.length !== 7 || left.length > 0) { console.log(JSON.stringify(left)); process.exit(1); }' "$world/attack.json"
}
check 'an intruder gets no further by them' attacked io-uring alias-io-uring alias-ring-thread ring-socket ring-connect ring-send ring-option

# crun refuses a host on which both cgroup versions are mounted; in this mount namespace there is version 2 alone.
umount -l /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 none /sys/fs/cgroup
for engine in crun runc; do
  if command -v "$engine" >/dev/null; then
    by_engine() { (cd "$VXE_BUNDLES/disks" && timeout 30 "$engine" --root "$world/$engine" run "rings-$engine-$$"); }
    check "nor under $engine" lacks_rings by_engine
  else
    skip "nor under $engine" "$engine is not installed"
  fi
done
end_of_tests
