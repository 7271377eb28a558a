#!/bin/bash
# path.sh [--quick] NAME: leads a daemon that has no profile to production, as an administrator would: recorded twice under half a of its workload,
# learned, one round in soft mode under half b, upgraded from its log, then half b in production. Prints one line of JSON that says what was
# refused and how much is open. Exit 0: nothing was refused in production, and every step of the workload held. --quick: without the attack.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/demo/lib.sh
. test/demo/lib.sh
# shellcheck source=test/workloads/lib.sh
. test/workloads/lib.sh

[[ ${1:-} == --inside ]] || alone path.sh "$@"
folder=$2
shift 2
quick=
[[ ${1:-} != --quick ]] || { quick=1; shift; }
name=${1:?which workload?}
export VXE_RECORDINGS=$folder/recordings VXE_HISTORY=$folder/history
accept=() decided=()
workload "$folder" "$name"

problems=0
said() { # TEXT COMMAND...: what went wrong is told, and is counted
  local text=$1 output
  shift
  output=$("$@" 2>&1) && return
  problems=$((problems + 1))
  printf 'not so: %s %s: %s\n' "$name" "$text" "$(tail -n 12 <<<"$output")" >&2
}
told() { # what the daemon and the log say of it
  echo "what $name printed, and what was not permitted:" >&2
  vxe logs "$name" 2>&1 | tail -n 20 >&2
  vxe violations "$name" 2>&1 | tail -n 20 >&2
}
must() { said "$@"; ((problems == 0)) || { told; exit 1; }; }
log=$VXE_LOGS/$name/violations.ndjson
of_log() { [[ ! -s $log ]] || cat "$log"; }

must 'the bundle is made' vxe bundle create "${create[@]}" --no-profile
# The second run finds what the first one left.
must 'is recorded' recorded "$name"
must 'is recorded again' recorded "$name"
yes=()
for rule in "${accept[@]}"; do yes+=(--accept "$rule"); done
must 'is learned' vxe learn "$name" "${yes[@]}"
vxe mode "$name" soft >/dev/null
must 'starts in soft mode' vxe start "$name" --detach
must 'serves in soft mode' ready
said 'half b in soft mode' bash "test/workloads/$name/exercise-b.sh"
said 'stops' vxe stop "$name"
of_log >"$folder/soft.ndjson"
decisions=$(vxe violations "$name" --json)
printf '%s\n' "$decisions" >"$folder/decisions.json"
vxe upgrade "$name" --auto "${decided[@]}" --json >"$folder/upgrade.json" 2>"$folder/upgrade.err" || said 'is upgraded' cat "$folder/upgrade.err"
rm -f "$log"
# What Landlock refuses is told too: a refusal that nobody reads of is one all the same.
vxe mode "$name" production --record-files >/dev/null
said 'starts in production' vxe start "$name" --detach
said 'serves in production' ready
said 'half b in production' bash "test/workloads/$name/exercise-b.sh"
of_log >"$folder/production.ndjson"
said 'stops' vxe stop "$name"
# The battery runs in a copy of the instance, whose cgroup is the instance's own.
if [[ -z $quick ]]; then limit=300 vxe attack "$name" --json >"$folder/attack.json" 2>"$folder/attack.err" || true; fi
node test/workloads/path.mjs "$name" "$folder" "${accept[@]}" "${decided[@]}" || problems=$((problems + 1))
((problems == 0)) || { told; exit 1; }
