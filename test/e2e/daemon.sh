# What is true of every daemon that ships with a strict profile. Sourced by bash, after tap.sh and in_own_world.
# shellcheck shell=bash

# shellcheck source=test/workloads/lib.sh
. test/workloads/lib.sh

refusals() { cat "$VXE_LOGS/$1/violations.ndjson" 2>/dev/null; }
nothing_refused() { [[ -z $(refusals "$1") ]] || { refusals "$1" | head -n 20; return 1; }; }
dead() { ! kill -0 "$1" 2>/dev/null; }
refused_call() { # PID CALL ARGUMENTS...: the process is made to call it and is refused
  local answer
  answer=$(build/demo/inject "$@" 2>&1)
  echo "$answer"
  [[ $answer == refused:* ]]
}

# daemon_starts NAME: its bundle over the folder of its workload, and its first start.
daemon_starts() {
  local name=$1 program
  export WORKLOAD_FOLDER=$world/host-$name WORKLOAD_INSTANCE=$name
  # The program of the package would be there if it had been installed along the way.
  program=$(sed -n 's/^program: \[\([^],]*\).*/\1/p; /^program:$/{n;s/^ *- //p}' "bundles/$name.yaml" | head -n 1)
  [[ -e $program ]] && before=there || before=absent
  mkdir "$WORKLOAD_FOLDER"
  # shellcheck source=/dev/null
  . "test/workloads/$name/start.sh"
  prepare
  check 'the bundle is made, from its name alone' vxe bundle create "${create[@]}"
  [[ -e $program ]] && after=there || after=absent
  check 'its package is unpacked, not installed' [ "$before" = "$after" ]
  check 'the audit admits every executable' vxe bundle audit "$name"
  check 'files that it is refused are told, too' vxe mode "$name" production --record-files
  check 'it starts in the background' vxe start "$name" --detach
  check 'it serves' ready
}

# daemon_works NAME: both halves of the workload, with nothing refused.
daemon_works() {
  local half
  for half in a b; do check "its workload, half $half" timeout 300 bash "test/workloads/$1/exercise-$half.sh"; done
  check 'nothing of it was refused' nothing_refused "$1"
}

# daemon_is_held NAME PROCESS: what an intruder in the daemon gets. PROCESS is a program's name.
daemon_is_held() {
  local name=$1 process
  process=$(process_of "$2")
  # shellcheck disable=SC2154  # numbers of system calls, from the demo's library
  check 'taken over, it executes no program' refused_call "$process" "$execve" /bin/sh 0 0
  check 'taken over, it opens no password file' refused_call "$process" "$openat" -100 /etc/shadow 0 0
  check 'taken over, it makes no packet socket' refused_call "$process" "$socket" "$af_packet" 3 0
  check 'the refusal is on record, so an empty record means something' violation_recorded "$name" execve
  check 'it serves as before' ready
  limit=180 check 'the attack gets nothing that the profile does not grant' vxe attack "$name"
  try vxe explain "$name"
  check 'explain tells what holds each rule' contains "$output" 'calls:socket +full +seccomp'
  try vxe explain "$name" 'openat("/etc/shadow", O_RDONLY)'
  check 'explain refuses reading the shadow file' contains "$output" '^refused'
  limit=180 check 'the proof holds' vxe prove "$name"
}

# daemon_stops NAME PROGRAM PORT
daemon_stops() {
  local name=$1 program=$2 port=$3
  silent() { ! port_answers "$port"; }
  check 'it stops' vxe stop "$name"
  check 'no process of it is left' eventually 60 no_process "$program"
  check 'the port is free again' eventually 60 silent
  check 'the bundle is removed' vxe bundle remove "$name"
}
