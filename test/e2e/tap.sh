# TAP for shell programs, and a place of their own to run in. Sourced by bash.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
# shellcheck source=test/demo/lib.sh
. test/demo/lib.sh

# A verb that hangs is a failure of that verb, not of the whole program.
limit=60
tests=0
failures=0

# in_own_world SCRIPT "$@": runs SCRIPT again as first process of its own namespaces, with a temporary folder in $world. Whatever it
# starts ends with it, and VXE's folders are below $world. Not as root there is nothing to run in, which the summary says.
in_own_world() {
  local script=$1
  shift
  if [[ ${1:-} == --inside ]]; then
    world=$2
    demo=$world
    ip link set lo up
    mail_world "$world"
    return
  fi
  if ((EUID != 0)); then
    echo '1..0 # skip not root'
    exit 0
  fi
  world=$(mktemp -d)
  trap 'rm -rf --one-file-system "$world"' EXIT
  trap true INT TERM
  own_namespaces "$world" bash "$script" --inside "$world"
  exit $?
}

ok() { # TEXT: passes
  tests=$((tests + 1))
  printf 'ok %d - %s\n' "$tests" "$1"
}

not_ok() { # TEXT [DETAILS]
  tests=$((tests + 1))
  failures=$((failures + 1))
  printf 'not ok %d - %s\n' "$tests" "$1"
  [[ -z ${2:-} ]] || sed 's/^/#   /' <<<"$2"
}

skip() { # TEXT REASON
  tests=$((tests + 1))
  printf 'ok %d - %s # SKIP %s\n' "$tests" "$1" "$2"
}

check() { # TEXT COMMAND...: passes when the command does
  local text=$1 output status=0
  shift
  output=$("$@" 2>&1) || status=$?
  if ((status == 0)); then ok "$text"; else not_ok "$text" "exit $status: $*"$'\n'"$output"; fi
}

# Runs COMMAND and keeps what came of it in $status, $output and $errors, for the checks that follow.
try() {
  status=0
  "$@" >"$world/.out" 2>"$world/.err" </dev/null || status=$?
  output=$(<"$world/.out")
  errors=$(<"$world/.err")
}

# refused TEXT CODE PATTERN COMMAND...: ends with CODE (an extended expression) and says why on standard error: one message of vxe,
# which matches PATTERN. Progress may stand before it, an excerpt of the source behind.
refused() {
  local text=$1 code=$2 pattern=$3 message
  shift 3
  try "$@"
  message=$(grep -E '^vxe(-runtime)?: ' <<<"$errors")
  if ! [[ $status =~ ^($code)$ ]]; then
    not_ok "$text" "exit $status, not $code: $*"$'\n'"$output"$'\n'"$errors"
  elif [[ $(grep -c . <<<"$message") != 1 ]]; then
    not_ok "$text" "not one message of vxe:"$'\n'"$errors"
  elif ! grep -qE -- "$pattern" <<<"$message"; then
    not_ok "$text" "the message does not match $pattern:"$'\n'"$errors"
  else
    ok "$text"
  fi
}

contains() { grep -qE -- "$2" <<<"$1"; }

eventually() { # SECONDS COMMAND...
  local until=$((SECONDS + $1))
  shift
  while ! "$@" >/dev/null 2>&1; do
    ((SECONDS < until)) || return 1
    sleep 0.05
  done
}

popd_bundle() { # the popd bundle over the accounts and the spool of this world
  vxe bundle create popd --account alice --accounts-from "$world/accounts" \
    --mount "/etc/shadow=$world/accounts/shadow" --mount "/var/mail=$world/mail"
}

end_of_tests() {
  printf '1..%d\n' "$tests"
  ((failures == 0))
  exit
}
