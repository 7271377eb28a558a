#!/bin/bash
# strace as the oracle of what programs did: it runs under the recorder, so that both see the same run of a shell script and of three daemons
# with real clients, and each call of each thread is compared. What may differ is said in oracle.mjs.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/oracle.test.sh "$@"
# shellcheck source=test/workloads/lib.sh
. test/workloads/lib.sh

command -v strace >/dev/null || { skip 'programs as strace sees them' 'strace is missing'; end_of_tests; }
recorders=(notify)
if build/bin/vxe-recorder --recorder bpf -o "$world/probe.ndjson" --host true 2>"$world/probe.err"; then
  recorders=(bpf notify)
else
  skip 'the BPF recorder' "$(tail -n 1 "$world/probe.err")"
fi

# oracle RECORDER NAME COMMAND...
oracle() {
  local recorder=$1 name=$2
  shift 2
  mkdir -p "$world/strace.$name.$recorder"
  timeout 300 build/bin/vxe-recorder --every --recorder "$recorder" -o "$world/$name.$recorder" --host \
    strace -ff -y -xx -s 5000 -o "$world/strace.$name.$recorder/st" "$@" >"$world/oracle.out" 2>&1
  node test/e2e/oracle.mjs "$world/$name.$recorder" "$world/strace.$name.$recorder/st"
}

# What the notify recorder did not take, it was interrupted in: strace tells the attempt, and which of some calls in a row it was, nobody.
# Whatever is not an attempt is a difference.
# told RESULT: what strace tells of a thread of thirty calls with one before its last two that ended so.
told() {
  local i
  mkdir -p "$world/told"
  {
    echo '{"record":"header","recorder":{"name":"notify","results":false}}'
    for ((i = 0; i < 30; i++)); do
      echo '{"tid":7,"exe":"/bin/sh","comm":"sh","call":"wait4","args":[],"paths":[],"detail":"wait4()","result":null,"errno":null}'
    done
    echo '{"tid":7,"exe":"/bin/sh","comm":"sh","call":"exit_group","args":[],"paths":[],"detail":"exit_group()","result":null,"errno":null}'
  } >"$world/told.ndjson"
  {
    for ((i = 0; i < 28; i++)); do echo 'wait4(-1, NULL, 0, NULL) = 12'; done
    echo "wait4(-1, NULL, 0, NULL) = $1"
    for ((i = 0; i < 2; i++)); do echo 'wait4(-1, NULL, 0, NULL) = -1 ECHILD (No child processes)'; done
    echo 'exit_group(0) = ?'
  } >"$world/told/st.7"
  node test/e2e/oracle.mjs "$world/told.ndjson" "$world/told/st"
}
check "an attempt among calls of its name is left out" told '? ERESTARTSYS (To be restarted if SA_RESTART is set)'
check "and nothing else is" eval '! told 13'

script=$PWD/test/e2e/fixtures/paths.sh
for recorder in "${recorders[@]}"; do
  mkdir "$world/o-$recorder"
  check "$recorder: a forking shell script, as strace sees it" oracle "$recorder" script env -C "$world/o-$recorder" sh "$script"
done

# A process takes its threads with it, wherever they are.
if gcc -O1 -pthread -o "$world/ending" test/e2e/fixtures/ending.c; then
  for recorder in "${recorders[@]}"; do
    check "$recorder: threads that others end, as strace sees them" oracle "$recorder" ending "$world/ending" 60
  done
else
  not_ok "the fixture compiles"
fi

# What the program's own filter ends or answers was not performed, whatever stands in the register of the result.
outcomes() { # FILE CALL: how often, and what is told of it
  node -e '
    const { readFileSync } = require("node:fs");
    const lines = readFileSync(process.argv[1], "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
    const calls = lines.filter((line) => line.call === process.argv[2]);
    const count = (seq) => lines.filter((line) => line.record === "repeat" && line.of === seq).reduce((sum, line) => sum + line.count, 1);
    console.log(calls.map((line) => `${count(line.seq)} ${line.verdict} ${line.mechanism} ${line.result > 0 ? "+" : line.result} ${line.errno}`).join(", "));
  ' "$1" "$2"
}
outcome() { # WANTED CALL
  local found
  found=$(outcomes "$filtered" "$2")
  [[ $found == "$1" ]] || { echo "$found"; return 1; }
}
if gcc -O1 -pthread -o "$world/filtering" test/e2e/fixtures/filtering.c; then
  check "control: a program with filters of its own" "$world/filtering"
  if [[ ${recorders[0]} == bpf ]]; then
    check "bpf: calls that a filter of the program's own ends, as strace sees them" oracle bpf filtering "$world/filtering"
    for every in --every ''; do
      filtered=$world/filtered$every
      # shellcheck disable=SC2086
      check "bpf${every:+ $every}: it is recorded by itself" vxe trace $every --recorder bpf -o "$filtered" --host "$world/filtering"
      check 'one that ended its process was not performed, and has no result' outcome '1 refused own-filter null null' getppid
      check 'nor one that ended its thread' outcome '1 refused own-filter null null' getsid
      if [[ -n $every ]]; then trapped='1 refused own-filter null null, 1 refused own-filter null null'; else trapped='2 refused own-filter null null'; fi
      check 'nor one that it sent a signal for' outcome "$trapped" getuid
      check 'one that it answers is told with the answer, and apart from one that was performed' outcome '1 performed record-bpf 0 null, 1 refused own-filter -1 EPERM' getgid
      check 'as if all were well, too' outcome '1 performed record-bpf 0 null, 1 refused own-filter 0 null' geteuid
      if [[ -n $every ]]; then synced='1 refused own-filter -1 EPERM, 1 refused own-filter -1 EPERM'; else synced='2 refused own-filter -1 EPERM'; fi
      check 'nor is the first call of a thread performed that a filter of another one ends' outcome "$synced" getegid
      check 'the call that a thread was in meanwhile is' outcome '1 performed record-bpf + null' rt_sigtimedwait
      check 'what it lets through is performed' outcome '1 performed record-bpf + null, 1 performed record-bpf + null, 1 performed record-bpf + null' gettid
    done
    learned=$world/filtering.vxed.yaml
    check 'a profile is learned of it' vxe learn filtering "$filtered" --output "$learned"
    check 'with what was performed' grep -q 'getgid' "$learned"
    check 'and without what was not' lacks "$learned" 'getppid\|getsid\|getuid\|getegid'
  fi
else
  not_ok "the fixture compiles"
fi

# The recorder's own filter answers one call, by every table of calls that there is; beside it a program needs no note of what it calls.
cat >"$world/ringing.c" <<'RINGING'
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
static void *beside(void *unused) {
  syscall(SYS_io_uring_setup, 1, 0);
  syscall(SYS_getppid);
  return unused;
}
int main(void) {
  pthread_t thread;
  long result;
  syscall(SYS_io_uring_setup, 1, 0);
  syscall(SYS_io_uring_setup | 0x40000000, 1, 0);
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(425), "b"(1), "c"(0) : "memory");
  syscall(SYS_getppid);
  pthread_create(&thread, 0, beside, 0);
  pthread_join(thread, 0);
  syscall(SYS_io_uring_setup, 1, 0);
  syscall(SYS_getppid);
  return 0;
}
RINGING
if [[ ${recorders[0]} == bpf ]] && gcc -O1 -pthread -o "$world/ringing" "$world/ringing.c"; then
  filtered=$world/ringing.ndjson
  check 'bpf: a program that wants rings is recorded' vxe trace --every --recorder bpf -o "$filtered" --host "$world/ringing"
  ring='1 refused own-filter -38 ENOSYS' parent='1 performed record-bpf + null'
  check 'none is told as performed' outcome "$ring, $ring, $ring, $ring, $ring" io_uring_setup
  check 'and what is beside it is' outcome "$parent, $parent, $parent" getppid
fi

# Below the root of a bundle, in its mounts and as its user, but without the rest of VXE: strace could not follow it there.
cat >"$world/serve.mjs" <<'SERVE'
import { readFileSync, writeFileSync } from 'node:fs';
const [bundle, out] = process.argv.slice(2);
const { process: { args, user }, mounts } = JSON.parse(readFileSync(`${bundle}/config.json`));
const word = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const root = `${bundle}/rootfs`;
const kinds = { bind: (from) => `--bind ${word(from)}`, proc: () => '-t proc proc', tmpfs: () => '-t tmpfs tmpfs' };
const mounting = mounts.map(({ type, source, destination }) => {
  const how = destination === '/dev' ? '--bind /dev' : kinds[type](source);
  // A file's place is there already.
  return `mkdir -p ${word(root + destination)} 2>/dev/null || :; mount ${how} ${word(root + destination)}`;
});
writeFileSync(`${out}.mount`, `${mounting.join('\n')}\n`);
writeFileSync(
  `${out}.serve`,
  `while :; do
  chroot --userspec=${user.uid}:${user.gid} ${word(root)} ${args.map(word).join(' ')}
  until [ -e ${out}.again ] || [ -e ${out}.end ]; do sleep 0.1; done
  [ ! -e ${out}.end ] || exit 0
  rm ${out}.again
done
`,
);
SERVE

# What a workload does to the daemon, in place of vxe: signals, and starting it again.
cat >"$world/control.sh" <<'CONTROL'
[[ $1 == start ]] || pid=$(pgrep -o -x "$2")
case $1 in
signal) kill -s "$4" "$pid" ;;
start) touch "$3.again" ;;
restart)
  kill -s TERM "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  touch "$3.again"
  ;;
end)
  touch "$3.end"
  kill -s TERM "$pid"
  ;;
esac
CONTROL

# daemon_oracle RECORDER NAME PROCESS
daemon_oracle() {
  local recorder=$1 name=$2 process=$3 out=$world/$2 outcome
  export WORKLOAD_SIGNAL="bash $world/control.sh signal $process $out" WORKLOAD_START="bash $world/control.sh start $process $out"
  export WORKLOAD_RESTART="bash $world/control.sh restart $process $out"
  rm -f "$world/$name".{again,end}
  {
    ready && bash "test/workloads/$name/exercise-a.sh"
    echo $? >"$out.outcome"
    bash "$world/control.sh" end "$process" "$out"
  } >"$out.said" 2>&1 &
  oracle "$recorder" "$name" sh "$out.serve"
  outcome=$?
  wait
  [[ $(<"$out.outcome") == 0 ]] || { cat "$out.said" "$world/oracle.out"; return 1; }
  return $outcome
}

for each in popd:popa3d nginx:nginx redis:redis-server; do
  name=${each%:*}
  export WORKLOAD_FOLDER=$world/host-$name WORKLOAD_INSTANCE=$name
  mkdir "$WORKLOAD_FOLDER"
  # shellcheck source=/dev/null
  . "test/workloads/$name/start.sh"
  prepare
  if ! vxe bundle create "${create[@]}" >"$world/create.log" 2>&1; then
    not_ok "the bundle $name is made" "$(<"$world/create.log")"
    continue
  fi
  node "$world/serve.mjs" "$world/bundles/$name" "$world/$name"
  check "$name: its mounts are there" sh -e "$world/$name.mount"
  for recorder in "${recorders[@]}"; do
    check "$recorder: $name with its client, as strace sees it" daemon_oracle "$recorder" "$name" "${each#*:}"
  done
done
end_of_tests
