#!/bin/bash
# minimize.sh NAME: a daemon that has no profile is recorded twice under half a of its workload and learned without each rule in turn (vxe learn
# --minimize). Writes a row of build/learn/minimize.md: how many rules there are, and which of them nothing misses.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/demo/lib.sh
. test/demo/lib.sh
# shellcheck source=test/workloads/lib.sh
. test/workloads/lib.sh

[[ ${1:-} == --inside ]] || alone minimize.sh "$@"
folder=$2
name=${3:?which workload?}
export VXE_RECORDINGS=$folder/recordings VXE_HISTORY=$folder/history
accept=()
workload "$folder" "$name"
yes=()
for rule in "${accept[@]}"; do yes+=(--accept "$rule"); done
{
  vxe bundle create "${create[@]}" --no-profile &&
    # The second run finds what the first one left.
    recorded "$name" && recorded "$name"
} >&2 || exit 1
vxe learn "$name" "${yes[@]}" --minimize --output "$folder/learned.vxed.yaml" --json >"$folder/learned.json" || exit 1
mkdir -p build/learn
node test/workloads/minimize.mjs "$name" "$folder/learned.json"
