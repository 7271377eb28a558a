#!/bin/bash
# Control is the owner's, outside: trace, learn, mode, violations, upgrade, why, and the kept versions of a profile. Tried from inside of instances,
# whose profiles grant as much as there is, by every name that a file or process has; by another user of the host; and by the owner, as the control.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/control.test.sh "$@"
export VXE_PROFILES=$world VXE_HISTORY=$world/history VXE_RECORDINGS=$world/recordings VXE_COMPILED=$world/compiled VXE_RECIPES=$world

service=$world/controlling
gcc -O1 -static -o "$service" test/e2e/fixtures/controlling.c || { not_ok 'the fixture compiles'; end_of_tests; }
mkdir "$world/data" "$world/tried"
chmod 1777 "$world/tried"
# All calls, and strong capabilities: what is held is held by what VXE's files and processes are, not by a narrow profile.
strong='capabilities: [CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_CHOWN, CAP_KILL, CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_MKNOD]'
profile() { # NAME FILES MORE
  printf 'vxed: 1\nname: %s\ndescription: grants what it can\ntype: filesystem\nfiles: %s\nnetwork: {interface: host}\nexec: any\nprocesses: {signal: instance, trace: instance}\n%s\n' \
    "$1" "$2" "$3" >"$world/$1.vxed.yaml"
}
profile held "{$service: read execute, /data: read write create remove, /proc: read}" "$strong"
profile wide '{/: read write create remove execute}' 'capabilities: [CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_CHOWN, CAP_KILL]'
profile named "{/: read execute, $world/log/held: read}" ''
try vxe bundle create held --exec "$service" --profile held --mount "/data=$world/data:rw"
check 'a bundle whose profile grants what it can' [ "$status" = 0 ]
[[ $status == 0 ]] || { sed 's/^/# /' <<<"$errors"; end_of_tests; }

# Something of each kind to be reached: a recording, a kept version, a mode, a log with a record in it.
vxe trace held -- true >"$world/trace.log" 2>&1 &
runs() { vxe status held | grep -q 'running, process'; }
check 'it is recorded' eventually 60 runs
vxe stop held >/dev/null 2>&1
wait
check 'soft mode of it is told to hold it no more than its capabilities do' contains "$(vxe mode held soft)" \
  'grants CAP_SYS_ADMIN, CAP_MKNOD: in soft mode .* could leave the bundle$'
vxe mode held production >/dev/null
check 'it starts' vxe start held --detach
supervisor=$(node -e 'console.log(JSON.parse(require("node:fs").readFileSync(process.argv[1])).supervisor.pid)' "$VXE_ROOT/held/state.json")
log=$VXE_LOGS/held/violations.ndjson
record='{"time":"2026-01-01T00:00:00.000000000Z","vxe":"held","instance":"held","mode":"production","pid":42,"comm":"x","exe":"/x","arch":"x86_64","call":"openat","nr":257,"args":["0x0","0x0","0x0","0x0","0x0","0x0"],"detail":"openat(-100, \"/data/x\", O_RDONLY)","path":"/etc/hosts","needs":"read","rule":"files:default","verdict":"refused","errno":"EACCES","mechanism":"landlock","count":1}'
printf '%s\n' "$record" >>"$log"
check 'its owner upgrades it' vxe upgrade held --narrow file:/etc/hosts
recording=$(find "$VXE_RECORDINGS/held" -name '*.ndjson' | head -n 1)
files=("$VXE_ROOT/held/config.json" "$VXE_ROOT/held/state.json" "$log" "$VXE_BUNDLES/held/vxe/mode" "$VXE_BUNDLES/held/vxe/filter.bpf" "$VXE_HISTORY/held/000001.json" "$recording")
missing=
for file in "${files[@]}"; do [[ -s $file ]] || missing+="$file "; done
check 'there is a file of each kind' [ -z "$missing" ]
handle=$("$service" handle "$log" 2>/dev/null || echo 1:00)
mkdir -p "$VXE_COMPILED"
digests() { find "$VXE_ROOT/held" "$VXE_LOGS" "$VXE_BUNDLES" "$VXE_HISTORY" "$VXE_RECORDINGS" "$VXE_COMPILED" -type f ! -regex '.*/compiled/\(mighty\|kept\|over\)/.*' ! -name held.json ! -name output.log ! -name violations.ndjson -exec sha256sum {} + | sort; }
arguments=("$supervisor" "$world/tried" "$handle" "${files[@]}")

# Root outside gets through, by nearly every attempt: they can succeed.
exec 9<"$log"
"$service" "${arguments[@]}" >"$world/by-root" 2>&1
exec 9<&-
for attempt in read write 'by its own root' 'by folders upward' 'a file beside it' 'renaming it' 'a hard link' 'a symbolic link' 'below a symbolic link' 'a bind mount' 'a detached tree' \
  'by the root of a process' 'by a descriptor of a process' 'an inherited descriptor' 'a handle' 'a signal' 'a signal by pidfd' prlimit ptrace; do
  if grep -q "^THROUGH $attempt:" "$world/by-root"; then ok "control: root outside gets through: $attempt"
  elif [[ $attempt == 'a handle' && $handle == 1:00 ]]; then skip "control: $attempt" 'this file system has no handles'
  else not_ok "control: root outside gets through: $attempt" "$(grep "^held $attempt:" "$world/by-root" | head -n 2)"; fi
done

held_back() { # TEXT COMMAND...: the attempts are made, and none gets through
  local text=$1
  shift
  # What this shell itself was started with is not VXE's to pass on.
  (
    for fd in /proc/self/fd/*; do fd=${fd##*/}; ((fd < 3)) || eval "exec $fd>&-"; done
    exec timeout -k 3 60 "$@"
  ) >"$world/inside" 2>"$world/inside.err" </dev/null
  if ! grep -qx done "$world/inside"; then not_ok "$text" "not all was tried: $(tail -n 3 "$world/inside" "$world/inside.err")"
  elif grep -q '^THROUGH' "$world/inside"; then not_ok "$text" "$(grep '^THROUGH' "$world/inside")"
  else ok "$text"; fi
}
check 'a profile over the tree of the host' vxe profile compile wide
check 'and one that names a folder of the log' vxe profile compile named
was=$(digests)
inside=("${arguments[@]}")
inside[1]=/data
held_back 'from inside of a bundle' build/bin/vxe exec held "$service" "${inside[@]}"
held_back 'over the tree of the host, all of which is granted' build/bin/vxe run wide "$service" "${arguments[@]}"
held_back 'the same in soft mode, which Landlock does not hold' build/bin/vxe run --mode soft wide "$service" "${arguments[@]}"
# What leads past a mask is refused by its name, and folders that were not there when it started are masked as those that were.
for capability in DAC_READ_SEARCH SYS_ADMIN SYS_PTRACE SYS_MODULE SYS_RAWIO MKNOD; do
  profile mighty '{/: read write create remove execute}' "capabilities: [CAP_$capability]"
  refused "soft mode over the tree of the host with CAP_$capability" 1 "grants CAP_$capability, which leads past the mask" \
    build/bin/vxe run --mode soft mighty "$service" "${arguments[@]}"
done
profile mighty '{/: read write create remove execute}' 'capabilities: [CAP_DAC_READ_SEARCH]'
refused 'production with CAP_DAC_READ_SEARCH, where a rule grants what lies above' 1 'grants CAP_DAC_READ_SEARCH' build/bin/vxe run mighty "$service" "${arguments[@]}"
profile mighty '{/: read write create remove execute}' 'capabilities: [CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_CHOWN, CAP_KILL, CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_MKNOD]'
held_back 'the others in production, where Landlock holds mounts and processes' build/bin/vxe run mighty "$service" "${arguments[@]}"
late() { # MODE: its recordings and kept versions come into being while it runs
  rm -rf "$world/late" "$world/entered" "$world/go"
  VXE_RECORDINGS=$world/late/recordings VXE_HISTORY=$world/late/history vxe run --mode "$1" wide /bin/sh -c '
    : >"$1/entered"; while ! [ -e "$1/go" ]; do :; done; cat "$1/late/recordings/x" "$1/late/history/x" "$1/late/control"' sh "$world" >"$world/late.out" 2>&1 &
  check "$1: it runs" eventually 60 [ -e "$world/entered" ]
  mkdir -p "$world/late/recordings" "$world/late/history"
  echo recording >"$world/late/recordings/x" && echo version >"$world/late/history/x" && echo control >"$world/late/control"
  : >"$world/go"
  wait $!
  check "$1: they are their owner's alone" [ "$(stat -c %a "$world/late/recordings" "$world/late/history" | sort -u)" = 700 ]
  check "$1: folders of VXE that had nothing in them before stay shut" [ "$(grep -v 'No such file\|ermission denied' "$world/late.out")" = control ]
}
late production
late soft
# Folders of VXE within each other, in either order, one of them by a link, and what the profile itself masks above and below them.
mkdir -p "$world/nest/state/logs/x" "$world/nest/history/recordings" "$world/nest/state/kept"
ln -s nest/state/logs "$world/nest-logs"
for file in state/s state/logs/l state/kept/k history/h history/recordings/r; do echo "secret $file" >"$world/nest/$file"; done
nested() { # MODE NAME: what of them it can read
  VXE_ROOT=$world/nest/state VXE_LOGS=$world/nest-logs VXE_HISTORY=$world/nest/history VXE_RECORDINGS=$world/nest/history/recordings \
    vxe run --mode "$1" "$2" /bin/sh -c 'find "$1/nest" -type f 2>/dev/null | sort; cat "$1/nest-logs/l" "$1/control"' sh "$world" 2>/dev/null
}
echo control >"$world/control"
profile kept "{/: read execute, $world/nest/state/kept: none, $world/nest/history/recordings/r: none}" ''
profile over "{/: read execute, $world/nest: none}" ''
for mode in production soft; do
  check "$mode: folders of VXE within each other are shut, and it starts" [ "$(nested "$mode" wide)" = control ]
  check "$mode: with masks of the profile's own below" [ "$(nested "$mode" kept)" = control ]
done
check 'production: with one of them above' [ "$(nested production over)" = control ]
check 'control: without a profile they can be read' [ "$(cat "$world/nest-logs/l" "$world/nest/history/recordings/r" | wc -l)" = 2 ]
check 'control: a profile that names a folder of VXE means it' contains "$(vxe run named /bin/cat "$log")" '"call":"openat"'
check 'and no other' eval '! vxe run named /bin/cat "$recording"'
other=(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/)
# A folder that everybody may look into can be linked to; what is in it stays unread.
held_back 'as another user of the host, who may read a bundle' "${other[@]}" "$service" "${arguments[@]:0:3}" "$VXE_ROOT/held/config.json" "$VXE_ROOT/held/state.json" "$log" "$VXE_HISTORY/held/000001.json" "$recording"
check 'nothing was changed by any of it' [ "$(digests)" = "$was" ]

# The verbs, each with what it takes to succeed for the owner.
verbs=('mode held' 'mode held soft' 'violations held' 'upgrade held --narrow file:/etc/hosts' 'why held 1' 'learn held' 'profile log held' 'profile diff held' 'profile rollback held 1'
  'trace held -- true' 'stop held' "exec held $service handle /data")
for verb in "${verbs[@]}"; do
  # shellcheck disable=SC2086  # the words of a verb
  refused "another user: $verb" '1|2|3' . "${other[@]}" build/bin/vxe $verb
  # shellcheck disable=SC2086
  refused "from inside: $verb" 1 'inside the instance' vxe run wide build/bin/vxe $verb
  # shellcheck disable=SC2086
  try vxe run wide /usr/bin/env -u VXE_INSTANCE build/bin/vxe $verb
  # shellcheck disable=SC2086
  check "from inside, unmarked: $verb" [ "$status" != 0 ]
done
check 'and nothing was changed by that' [ "$(digests)" = "$was" ]
check 'it still runs, in production' contains "$(vxe mode held)" '^held: production; running: production$'
for verb in "${verbs[@]}"; do
  [[ $verb != trace* && $verb != stop* ]] || continue
  # shellcheck disable=SC2086
  try vxe $verb
  [[ $verb == 'profile diff'* && $status == 1 ]] && status=0
  check "control, its owner: $verb" [ "$status" = 0 ]
done
vxe stop held >/dev/null 2>&1

# Not root: the owner is the user whose bundle it is, and neither another user nor root's own instances are.
if setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user true 2>"$world/probe.err"; then
  mkdir -p "$world/user"
  cp -a "$VXE_BUNDLES" "$VXE_HISTORY" "$VXE_RECORDINGS" "$VXE_LOGS" "$world/user"
  chown -R 65534:65534 "$world/user"
  as() { setpriv --reuid "$1" --regid "$1" --clear-groups env HOME="$world/user" VXE_BUNDLES="$world/user/bundles" VXE_HISTORY="$world/user/history" VXE_LOGS="$world/user/log" \
    VXE_RECORDINGS="$world/user/recordings" VXE_ROOT="$world/user/run" build/bin/vxe "${@:2}"; }
  for verb in 'mode held soft' 'violations held' 'why held 1' 'profile log held' 'profile rollback held 2' 'learn held'; do
    # shellcheck disable=SC2086
    refused "rootless, another user: $verb" '1|2' '.' as 65533 $verb
    # shellcheck disable=SC2086
    check "control, rootless, the owner: $verb" as 65534 $verb
  done
else
  skip 'rootless' "no user namespace for an ordinary user here: $(<"$world/probe.err")"
fi
end_of_tests
