# What the workloads share. Sourced by bash.
# shellcheck shell=bash

workloads=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vxe_programs=$(cd "$workloads/../../build/bin" && pwd)
steps_failed=0

# alone SCRIPT "$@": runs SCRIPT --inside FOLDER "$@" as first process of its own namespaces, with a temporary folder, and ends with it.
alone() {
  local script=$1
  shift
  ((EUID == 0)) || { echo "$script: must be started as root, for the namespaces" >&2; exit 2; }
  folder=$(mktemp -d)
  trap 'rm -rf --one-file-system "$folder"' EXIT
  trap true INT TERM
  own_namespaces "$folder" bash "$workloads/$script" --inside "$folder" "$@"
  exit $?
}

# workload FOLDER NAME: gives VXE its folders below FOLDER, takes over what NAME's start.sh says, and prepares what is the host's.
workload() {
  [[ -f $workloads/$2/start.sh ]] || { echo "${0##*/}: there is no workload $2" >&2; exit 2; }
  ip link set lo up
  demo=$1
  chmod 755 "$1"
  export VXE_BUNDLES=$1/bundles VXE_ROOT=$1/run VXE_LOGS=$1/log VXE_CACHE=${VXE_CACHE:-$PWD/build/cache}
  export WORKLOAD_FOLDER=$1/host WORKLOAD_INSTANCE=$2
  mkdir "$WORKLOAD_FOLDER"
  # shellcheck source=/dev/null
  . "$workloads/$2/start.sh"
  prepare
}

# A step that does not hold is named, and the exercise goes on: one run shows everything that is wrong.
step_failed() {
  steps_failed=$((steps_failed + 1))
  printf 'not so: %s\n' "$*" >&2
}

step() { # TEXT COMMAND...
  local text=$1 output
  shift
  output=$("$@" 2>&1) || step_failed "$text: $(head -c 600 <<<"$output")"
}

end_of_exercise() { exit $((steps_failed > 0)); }

signal_daemon() { # SIGNAL
  if [[ -n ${WORKLOAD_SIGNAL:-} ]]; then
    $WORKLOAD_SIGNAL "$1"
  else
    "$vxe_programs/vxe-runtime" --root "${VXE_ROOT:-/run/vxe}" kill "$WORKLOAD_INSTANCE" "$1"
  fi
}

start_daemon() { # after it ended by itself
  if [[ -n ${WORKLOAD_START:-} ]]; then
    $WORKLOAD_START
  else
    # What ended by itself may still be being taken down.
    within 20 "$vxe_programs/vxe" start "$WORKLOAD_INSTANCE" --detach
  fi
}

restart_daemon() {
  if [[ -n ${WORKLOAD_RESTART:-} ]]; then
    $WORKLOAD_RESTART
  else
    "$vxe_programs/vxe" restart "$WORKLOAD_INSTANCE" --detach
  fi
}

# Times so many seconds: a test has patience with a machine that stands still, a search that counts on failures has none.
within() { # SECONDS COMMAND...: until it succeeds
  local until=$((SECONDS + $1 * ${WORKLOAD_PATIENCE:-1}))
  shift
  while ! "$@" >/dev/null 2>&1; do
    ((SECONDS < until)) || return 1
    sleep 0.05
  done
}

# recorded NAME: the daemon is recorded under half a of its workload, and has ended then.
recorded() {
  local name=$1
  gone() { ! vxe status "$name" >/dev/null 2>&1; }
  WORKLOAD_RESTART="bash $workloads/traced.sh restart" WORKLOAD_START="bash $workloads/traced.sh start" \
    vxe trace "$name" -- bash "$workloads/$name/exercise-a.sh" || return
  gone || vxe stop "$name" || return
  within 30 gone
}

# reading TEXT COMMAND...: of what is tried more than once, each try reads it all.
reading() { "${@:2}" <<<"$1"; }

port_answers() { (exec 3<>"/dev/tcp/${2:-127.0.0.1}/$1") 2>/dev/null; }

# http_table BASE <<ROWS: each row is STATUS, BYTES (- for any), PATH and options of curl; # begins a comment.
http_table() {
  local base=$1 wanted bytes path options got
  while read -r wanted bytes path options; do
    [[ -n $wanted && $wanted != '#'* ]] || continue
    # shellcheck disable=SC2086  # options are words; none of them holds a space
    got=$(curl --globoff --path-as-is --silent --max-time 60 --output /dev/null --write-out '%{http_code} %{size_download}' $options "$base$path")
    if [[ $bytes == - ]]; then got=${got%% *}; else wanted="$wanted $bytes"; fi
    [[ $got == "$wanted" ]] || step_failed "$path $options: $wanted was expected, $got came"
  done
}
