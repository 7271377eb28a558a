#!/bin/bash
# Runs each fuzz target for SECONDS from its corpus and prints TAP, one test for each. What is found is kept in build/fuzz, to be put
# into runtime-native/fuzz/corpus when it is mended.
#   fuzz.sh SECONDS
set -uo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?how many seconds for each target}
tests=0 failures=0
for target in build/fuzz/fuzz_*; do
  [[ -x $target && ! -d $target ]] || continue
  name=${target##*/fuzz_}
  mkdir -p "build/fuzz/corpus/$name"
  folders=("build/fuzz/corpus/$name")
  [[ ! -d runtime-native/fuzz/corpus/$name ]] || folders+=("runtime-native/fuzz/corpus/$name")
  tests=$((tests + 1))
  # The time limit of one input is far above what it takes: a busy machine can stand still for minutes.
  if output=$("$target" -max_total_time="$seconds" -timeout=300 -rss_limit_mb=1024 -artifact_prefix="build/fuzz/$name-" \
    -print_final_stats=1 "${folders[@]}" 2>&1); then
    printf 'ok %d - fuzz %s for %s s: %s inputs\n' "$tests" "$name" "$seconds" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' <<<"$output")"
  else
    failures=$((failures + 1))
    printf 'not ok %d - fuzz %s for %s s\n' "$tests" "$name" "$seconds"
    grep -E 'ERROR|SUMMARY|runtime error|Test unit written|^    #[0-9]' <<<"$output" | head -n 20 | sed 's/^/# /'
  fi
done
printf '1..%d\n' "$tests"
((failures == 0))
