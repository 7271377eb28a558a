#!/bin/bash
# novelty.sh NAME RUNS FOLDER: records RUNS runs of a daemon under deeds.sh into FOLDER, for novelty.mjs.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/demo/lib.sh
. test/demo/lib.sh
# shellcheck source=test/workloads/lib.sh
. test/workloads/lib.sh

[[ ${1:-} == --inside ]] || alone novelty.sh "$@"
folder=$2 name=$3 runs=$4 out=$5
workload "$folder" "$name"
vxe bundle create "${create[@]}" || exit 1
mkdir -p "$out"
for ((run = 1; run <= runs; run++)); do
  vxe trace -o "$out/$run.ndjson" "$name" -- bash test/workloads/deeds.sh "$name" >"$folder/run.log" 2>&1 || { cat "$folder/run.log"; exit 1; }
done
