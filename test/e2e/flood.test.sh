#!/bin/bash
# A program that does nothing but what is refused: it is the one that waits, in either mode, when the mode changes meanwhile, and when the disk of the log is full.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/flood.test.sh "$@"

service=$world/service
gcc -O1 -static-pie -o "$service" test/e2e/fixtures/flooding.c || { not_ok 'the fixture compiles'; end_of_tests; }
mkdir "$world/data" && echo >"$world/data/counts"
export VXE_PROFILES=$world
cat >"$world/flooding.vxed.yaml" <<PROFILE
vxed: 1
name: flooding
description: calls what it may not
type: strict
files: {$service: read execute, /data: read write}
network: {interface: none}
exec: once
calls:
  permit: [open, openat, pwrite64, close, brk, mmap, mprotect, munmap, arch_prctl, set_tid_address, set_robust_list, rseq, prlimit64, getrandom, newfstatat,
    readlinkat, readlink, access, faccessat]
PROFILE
try vxe bundle create flooding --exec "$service" --profile flooding --mount "/data=$world/data:rw"
check 'the bundle is made' [ "$status" = 0 ]
[[ $status == 0 ]] || { sed 's/^/# /' <<<"$errors"; end_of_tests; }
logs=$VXE_LOGS/flooding

counts() { local numbers; read -r -a numbers <"$world/data/counts"; echo "${numbers[$1]:-0}"; }
refused_calls() { counts 0; }
performed_calls() { counts 1; }
past() { # NUMBER COMMAND: prints more than that
  (($("$2") > $1))
}
more() { # TEXT COMMAND HOW-MANY: so many more come about
  check "$1" eventually 120 past $(($($2) + $3)) "$2"
}
begin() { # OPTION...
  rm -f "$world/data/end"
  echo >"$world/data/counts"
  vxe start flooding --detach "$@" >"$world/start.log" 2>&1 || not_ok 'it starts' "$(<"$world/start.log")"
}
supervisor() { node -e 'console.log(JSON.parse(require("node:fs").readFileSync(process.argv[1])).supervisor.pid)' "$VXE_ROOT/flooding/state.json"; }
held() { node -e 'console.log(JSON.parse(require("node:fs").readFileSync(process.argv[1]))[process.argv[2]])' "$VXE_ROOT/flooding/held.json" "$1"; }
is_held() { [ "$(held "$1")" = "$2" ]; }
memory() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
# What the log says in all: calls with that verdict, and lines.
logged() { node -e '
  const { existsSync, readFileSync } = require("node:fs");
  const lines = ["violations.ndjson.1", "violations.ndjson"].map((f) => `${process.argv[1]}/${f}`).filter((f) => existsSync(f))
    .flatMap((f) => readFileSync(f, "utf8").split("\n").filter(Boolean)).map((l) => JSON.parse(l)).filter(({ call }) => call === "getppid");
  const of = (verdict) => lines.filter((r) => r.verdict === verdict).reduce((sum, { count }) => sum + count, 0);
  console.log(of("refused"), of("performed"), lines.length);' "$logs"; }
production_holds() { # TITLE: from a word on, while it goes on
  local performed
  vxe mode flooding production >/dev/null
  check "$1: production is held" eventually 60 is_held calls production
  more "$1: calls are refused" refused_calls 200
  performed=$(performed_calls)
  more "$1: and go on to be" refused_calls 2000
  check "$1: none is performed any more" [ "$(performed_calls)" = "$performed" ]
}
gone() { vxe status flooding >/dev/null 2>&1; [ $? = 3 ]; }
ends() {
  touch "$world/data/end"
  eventually 60 gone || not_ok 'it ends' "$(vxe status flooding 2>&1)"
  rm "$world/data/end"
}

# The program is the one that waits.
for mode in production soft; do
  rm -rf "$logs"
  begin --mode "$mode" || end_of_tests
  counted=refused_calls
  [[ $mode == production ]] || counted=performed_calls
  check "$mode: the flood begins" eventually 60 past 1000 "$counted"
  pid=$(supervisor)
  before=$(memory "$pid")
  more "$mode: it goes on" "$counted" 20000
  check "$mode: it takes no memory of its supervisor's" [ $(($(memory "$pid") - before)) -lt 2048 ]
  ends
  read -r refused performed lines <<<"$(logged)"
  check "$mode: each call is counted in the log, and told as what came of it ($refused $performed)" \
    [ "$refused $performed" = "$(refused_calls) $(performed_calls)" ]
  check "$mode: in few lines ($lines)" [ "$lines" -lt 500 ]
done
check 'in soft mode none was refused' [ "$(refused_calls)" = 0 ]

# The mode changes while it runs: at once, whole, and without a call that is answered by neither.
rm -rf "$logs"
begin --mode production
check 'a flood in production' eventually 60 past 1000 refused_calls
check 'nothing is performed' [ "$(performed_calls)" = 0 ]
for turn in 1 2 3; do
  vxe mode flooding soft >/dev/null
  check "$turn: soft is held" eventually 60 is_held calls soft
  more "$turn: calls are performed" performed_calls 2000
  production_holds "$turn"
done
ends
read -r refused performed lines <<<"$(logged)"
check "each is told as what came of it ($refused $performed, $lines lines)" [ "$refused $performed" = "$(refused_calls) $(performed_calls)" ]

# A full disk.
for mode in production soft; do
  rm -rf "$logs" && mkdir -p "$logs"
  mount -t tmpfs -o size=64k tmpfs "$logs"
  begin --mode "$mode" || end_of_tests
  cat /dev/zero >"$logs/filler" 2>/dev/null
  lost() { (($(held lost) > 0)); }
  check "$mode, full disk: what is not written is counted" eventually 120 lost
  check "$mode, full disk: the status says so" contains "$(vxe status flooding)" 'are missing in the log'
  if [[ $mode == production ]]; then
    more "$mode, full disk: calls are refused" refused_calls 2000
    check "$mode, full disk: none is performed" [ "$(performed_calls)" = 0 ]
  else
    more "$mode, full disk: calls are performed" performed_calls 2000
    production_holds "$mode, full disk, at a word"
  fi
  ends
  umount "$logs"
done
vxe mode flooding production >/dev/null

end_of_tests
