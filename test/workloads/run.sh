#!/bin/bash
# run.sh [--profile NAME] NAME [a|b ...]: makes the bundle, starts it in a network of its own, runs the halves of its workload
# (both if none is named), stops it, and prints what was refused. Exit 0: every step held and nothing was refused.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/demo/lib.sh
. test/demo/lib.sh
# shellcheck source=test/workloads/lib.sh
. test/workloads/lib.sh

[[ ${1:-} == --inside ]] || alone run.sh "$@"
folder=$2
shift 2
more=()
if [[ ${1:-} == --profile ]]; then
  more=(--profile "$2")
  shift 2
fi
name=${1:?which workload?}
shift
(($# > 0)) || set -- a b
workload "$folder" "$name"
vxe bundle create "${create[@]}" "${more[@]}" || exit 1
vxe start "$name" --detach || exit 1
status=0
ready || { echo "run.sh: $name does not serve" >&2; status=1; }
for half in "$@"; do
  begun=$(date +%s%N)
  if bash "test/workloads/$name/exercise-$half.sh"; then outcome=held; else outcome='did not hold' status=1; fi
  printf '%s exercise %s %s (%s s)\n' "$name" "$half" "$outcome" "$(seconds "$begun")"
done
vxe stop "$name" || status=1
refused=$folder/log/$name/violations.ndjson
if [[ -s $refused ]]; then
  status=1
  sed -E 's/.*"call":"([^"]*)".*"detail":("[^"]*"|null).*"rule":"([^"]*)".*/refused: \1 \2 by \3/' "$refused" | sort | uniq -c
fi
((status == 0)) || { echo "what $name printed:"; vxe logs "$name" | tail -n 40; }
exit "$status"
