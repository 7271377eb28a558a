#!/bin/bash
# Hooks after calls: what the kernel has performed is told, with its result, in the order of the profiles; what the filter refuses is not. And an
# instance whose hooks nobody holds does not start, and does not go on.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/hooks.test.sh "$@"

if ! vxe doctor | grep -Eq '^bpf:tracepoints +yes'; then
  skip 'hooks after calls' 'no programs are loaded on the tracepoints of calls here'
  end_of_tests
fi
if build/bin/vxe-recorder --recorder bpf --host -o "$world/none" /bin/true 2>&1 | grep -q 'built without'; then
  skip 'hooks after calls' 'vxe-recorder was built without its BPF program'
  end_of_tests
fi

service=$world/service
gcc -O1 -static-pie -pthread -o "$service" test/e2e/fixtures/hooked.c || { not_ok 'the fixture compiles'; end_of_tests; }
mkdir "$world/data" "$world/other"
export VXE_PROFILES=$world
profile() { # NAME HOOKS [PORT]
  cat >"$world/$1.vxed.yaml" <<PROFILE
vxed: 1
name: $1
description: calls that are told
type: strict
files: {$service: read execute, /data: read write create, /other: read}
network: {interface: none, accept: [${3:+tcp/$3}]}
exec: once
calls:
  permit: [openat, write, lseek, close, brk, mmap, mprotect, munmap, arch_prctl, set_tid_address, set_robust_list, rseq, prlimit64, getrandom, newfstatat,
    readlinkat, readlink, fork, vfork, clone, wait4, rt_sigprocmask, rt_sigaction, futex, madvise, seccomp, prctl, pause, bind, listen]
  when:
    getpriority: [{which: PRIO_PROCESS}]
    socket: [{domain: AF_INET, type: SOCK_STREAM}]
  after:
$2
PROFILE
}
profile hooked '    openat: [{flags: {with: O_CREAT}}]
    getpriority: [{}]
    clone: [{}]'
profile second '    openat: [{flags: {with: O_CREAT}}]'

bundle() { # NAME PROFILES [ARGUMENT...]
  local name=$1 each args=()
  for each in $2; do args+=(--profile "$each"); done
  shift 2
  try vxe bundle create "$name" --exec "$service" "${args[@]}" --mount "/data=$world/data:rw" --mount "/other=$world/other:rw" -- "$@"
  [[ $status == 0 ]] || { not_ok "the bundle $name is made" "$errors"; end_of_tests; }
}
# What was told, one line each: RULE PATH RESULT, results of descriptors as "+".
told() { # NAME
  node -e '
    const { existsSync, readFileSync } = require("node:fs");
    const file = `${process.argv[1]}/after.ndjson`;
    const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line)) : [];
    for (const { rule, at, path, result, errno, verdict, count } of lines)
      console.log([rule, at?.split(":")[0], path ?? "-", errno ?? (result < 0 ? result : "+"), verdict, count].join(" "));' "$VXE_LOGS/$1"
}
says() { # WHAT: what the program itself saw
  sed -n "s/^$1: //p" "$world/said"
}
is_told() { told hooked | grep -qx "$1"; }

bundle hooked hooked
vxe start hooked >"$world/said" 2>"$world/errors"
check 'control: the program made a file' [ "$(says made)" -ge 0 ]
check 'it is told, with the profile and the result' is_told 'after:openat hooked.vxed.yaml /data/made + told 1'
check 'what is opened otherwise is not' [ "$(told hooked | grep -c ' /data/made ')" = 1 ]
check 'control: no folder is there' [ "$(says 'no folder')" = -2 ]
check 'what the kernel did not find is told with its error' is_told 'after:openat hooked.vxed.yaml /data/none/x ENOENT told 1'
check 'control: Landlock refuses a file' [ "$(says 'not granted')" = -13 ]
check 'that is told with its error' is_told 'after:openat hooked.vxed.yaml /other/x EACCES told 1'
check 'what a thread does is told' is_told 'after:openat hooked.vxed.yaml /data/thread + told 1'
check "and a child's child" is_told 'after:openat hooked.vxed.yaml /data/grandchild + told 1'
check 'a call whose arguments a row holds for is told' is_told 'after:getpriority hooked.vxed.yaml - + told 1'
check 'control: the filter refuses it with others' [ "$(says "user's priority")" = -1 ]
check 'which is recorded as a violation' grep -q '"call":"getpriority".*"verdict":"refused"' "$VXE_LOGS/hooked/violations.ndjson"
check "control: a filter of the program's own answers in its place" [ "$(says pretended)" = 0 ]
check 'neither is told' [ "$(told hooked | grep -c after:getpriority)" = 1 ]
check 'children are told of by their parent alone' [ "$(told hooked | grep -c after:clone)" = 4 ]
check 'by the process that made the call' grep -q '"comm":"service","exe":"'"$service"'".*"call":"openat"' "$VXE_LOGS/hooked/after.ndjson"
check 'the verb tells them' contains "$(vxe violations hooked --hooks)" '/data/made'

# Two profiles: the hooks of both, in their order.
bundle both 'hooked second'
vxe start both >"$world/said" 2>&1
order=$(told both | grep ' /data/made ' | cut -d ' ' -f 2 | tr '\n' ' ')
check 'the hooks of a stack run in the order of its profiles' [ "$order" = 'hooked.vxed.yaml second.vxed.yaml ' ]
bundle turned 'second hooked'
vxe start turned >"$world/said" 2>&1
order=$(told turned | grep ' /data/made ' | cut -d ' ' -f 2 | tr '\n' ' ')
check 'and in the other, if that is the other' [ "$order" = 'second.vxed.yaml hooked.vxed.yaml ' ]

# What the supervisor performs in the program's place.
profile serves '    listen: [{}]' 7311
bundle serves serves serve 7311
vxe start serves >"$world/said" 2>&1
check 'control: it listens where it may' [ "$(says listen)" = 0 ]
check 'and nowhere else' [ "$(says 'listen elsewhere')" -lt 0 ]
check 'a call that the supervisor performs is told, one that it refuses is not' [ "$(told serves)" = 'after:listen serves.vxed.yaml - + told 1' ]

# Soft mode: what a profile refuses is performed, and told.
vxe start hooked --mode soft >"$world/said" 2>&1
check 'in soft mode the call is performed' [ "$(says "user's priority")" -ge 0 ]
check 'and told' [ "$(told hooked | grep -c after:getpriority)" = 3 ]

# Many: nothing is lost without being told.
bundle many hooked flood 300000
vxe start many >"$world/said" 2>&1
sum=$(node -e '
  const lines = require("node:fs").readFileSync(process.argv[1], "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
  console.log(lines.filter(({ call, verdict }) => call === "getpriority" || verdict === "lost").reduce((sum, { count }) => sum + count, 0), lines.length < 100);' "$VXE_LOGS/many/after.ndjson")
check 'of 300000 calls each is told or counted' [ "$sum" = '300000 true' ]

# One that stays.
bundle stays hooked stay
companion() { pgrep -f -- "vxe-recorder --after stays " | head -n 1; }
grown() { (($(told stays | awk '{ sum += $6 } END { print sum + 0 }') > $1)); }
gone() { vxe status stays >/dev/null 2>&1; [ $? = 3 ]; }
no_companion() { [ -z "$(companion)" ]; }
try vxe start stays --detach
check 'a detached start returns' [ "$status" = 0 ]
check 'and tells' eventually 60 grown 0
vxe exec stays "$service" /data/joined >"$world/said" 2>&1
check 'control: what joins has made a file' [ "$(says joined)" -ge 0 ]
check 'and is told' eventually 60 grep -q '"path":"/data/joined"' "$VXE_LOGS/stays/after.ndjson"
vxe stop stays >/dev/null 2>&1
check 'with the instance its companion ends' eventually 60 no_companion

try vxe start stays --detach
kill -KILL "$(companion)"
check 'an instance whose companion is killed is ended' eventually 60 gone
try vxe start stays --detach
supervisor=$(node -e 'console.log(JSON.parse(require("node:fs").readFileSync(process.argv[1])).supervisor.pid)' "$VXE_ROOT/stays/state.json")
kill -KILL "$supervisor"
check 'and a companion whose supervisor is killed' eventually 60 no_companion
vxe stop stays >/dev/null 2>&1

# As an engine starts it.
try build/bin/vxe-runtime create --bundle "$VXE_BUNDLES/hooked" made-oci
check 'an engine makes it' [ "$status" = 0 ]
try build/bin/vxe-runtime start made-oci
check 'by create and start it is told as well' eventually 60 grep -qs '"path":"/data/made"' "$VXE_LOGS/made-oci/after.ndjson"
build/bin/vxe-runtime delete --force made-oci >/dev/null 2>&1

# Nobody who could tell: it does not start.
printf '#!/bin/sh\nexit 1\n' >"$world/fails" && chmod +x "$world/fails"
VXE_RECORDER=$world/fails try vxe start hooked
check 'without a companion nothing starts' [ "$status" = 1 ]
check 'and that is said' contains "$errors" 'what tells calls after they are performed has ended'
VXE_RECORDER=$world/missing try vxe start hooked
check 'nor without its program' [ "$status" = 1 ]
end_of_tests
