#!/bin/bash
# Runs each fuzz target from its corpus for SECONDS of processor time, as many at a time as there are processors, and prints TAP, one test for
# each. What is found is kept in build/fuzz, to be put into runtime-native/fuzz/corpus when it is mended. With VXE_FUZZ_IDLE it takes
# what others leave: it may take longer then, but does no less.
#   fuzz.sh SECONDS
set -uo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?how many seconds for each target}
work=$(mktemp -d)
# Those that run are ended with this program.
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 143' INT TERM
if [[ -n ${VXE_FUZZ_IDLE:-} ]]; then
  chrt --idle --pid 0 $$
  # Where each session is scheduled as one, that says nothing to the others.
  [[ ! -w /proc/self/autogroup ]] || echo 19 >"/proc/$$/autogroup"
fi

names=()
for target in build/fuzz/fuzz_*; do
  [[ -x $target && ! -d $target ]] || continue
  names+=("${target##*/fuzz_}")
done

fuzz() { # NAME: its output and its end are kept in $work
  local folders=("build/fuzz/corpus/$1")
  mkdir -p "build/fuzz/corpus/$1"
  [[ ! -d runtime-native/fuzz/corpus/$1 ]] || folders+=("runtime-native/fuzz/corpus/$1")
  # The time limit of one input is far above what it takes: a busy machine can stand still for minutes.
  exec "build/fuzz/fuzz_$1" -max_total_time=7200 -timeout=300 -rss_limit_mb=1024 -artifact_prefix="build/fuzz/$1-" \
    -print_final_stats=1 "${folders[@]}" >"$work/$1" 2>&1
}

failures=0
report() { # NUMBER NAME STATUS
  if (($3 == 0)); then
    printf 'ok %d - fuzz %s for %s s: %s inputs\n' "$1" "$2" "$seconds" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$2")"
  else
    failures=$((failures + 1))
    printf 'not ok %d - fuzz %s for %s s\n' "$1" "$2" "$seconds"
    grep -E 'ERROR|SUMMARY|runtime error|Test unit written|^    #[0-9]' "$work/$2" | head -n 20 | sed 's/^/# /'
    # Where the machine is thrown away afterwards, this is all that is left of the input.
    local input
    input=$(sed -n 's/.*Test unit written to //p' "$work/$2" | tail -n 1)
    [[ -z $input ]] || printf '# the input, in base64: %s\n' "$(head -c 65536 "$input" | base64 -w 0)"
  fi
}

width=$(nproc)
ticks=$(($(getconf CLK_TCK) * seconds))
declare -A running=() ended=() # numbers of targets: their processes, and how they ended

# Those that have had their time are told to end, which they do with 0 after the input at hand.
look_after() {
  local number pid fields alive
  alive=$'\n'$(jobs -p -r)$'\n'
  for number in "${!running[@]}"; do
    pid=${running[$number]}
    if [[ $alive != *$'\n'$pid$'\n'* ]]; then
      ended[$number]=0
      wait "$pid" || ended[$number]=$?
      unset "running[$number]"
      continue
    fi
    fields=
    read -r fields 2>/dev/null <"/proc/$pid/stat"
    # Behind the name, which may have anything in it.
    read -r -a fields <<<"${fields##*) }"
    ((${fields[11]:-0} + ${fields[12]:-0} < ticks)) || kill -USR1 "$pid" 2>/dev/null
  done
}

begun=0
told=0
while ((told < ${#names[@]})); do
  while ((begun < ${#names[@]} && ${#running[@]} < width)); do
    fuzz "${names[begun]}" &
    running[$begun]=$!
    begun=$((begun + 1))
  done
  sleep 0.2
  look_after
  while [[ -n ${ended[$told]:-} ]]; do
    report $((told + 1)) "${names[told]}" "${ended[$told]}"
    told=$((told + 1))
  done
done
printf '1..%d\n' "$told"
((failures == 0))
