# TAP for shell programs, and a place of their own to run in. Sourced by bash.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
# shellcheck source=test/demo/lib.sh
. test/demo/lib.sh

export WORKLOAD_PATIENCE=6
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
  ((EUID == 0)) || skip_all 'not root'
  world=$(mktemp -d)
  trap 'rm -rf --one-file-system "$world"' EXIT
  trap true INT TERM
  own_namespaces "$world" bash "$script" --inside "$world"
  exit $?
}

skip_all() { # REASON: nothing of this program can be tried here
  printf '1..0 # skip %s\n' "$1"
  exit 0
}

# In a machine: a folder of its own in $world, with the profiles that are written there. A busy machine can stand still for a while, so a verb has
# SECONDS. Who calls it removes the folder.
machine_world() { # SECONDS
  limit=$1
  world=$(mktemp -d)
  chmod 755 "$world"
  mkdir "$world/profiles"
  export VXE_PROFILES=$world/profiles VXE_COMPILED=$world/compiled
}

# A profile over the whole tree, in the folder of profiles: what holds is NETWORK and MORE.
tree_profile() { # NAME NETWORK [MORE]
  cat >"$VXE_PROFILES/$1.vxed.yaml" <<PROFILE
vxed: 1
name: $1
type: filesystem
files: {/: read write execute}
exec: any
network: {${2:+$2, }interface: host}
${3:-}
PROFILE
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

# not COMMAND...: fails, because something is refused to it.
not() {
  local said status=0
  said=$("$@" 2>&1) || status=$?
  # The program itself tells of the refusal: it was started.
  ((status != 0)) && grep -Eqi 'permission denied|not permitted|cross-device' <<<"$said" || { echo "exit $status: $said"; return 1; }
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

# The manager's side of sd_notify, as systemd has it: a datagram socket, for which NOTIFY_SOCKET is to be $world/manager.sock. What it hears
# is asked with hears PATTERN; its process is $manager. perl is essential in Debian; Node has no datagram sockets with a path.
manager_listens() { # SECONDS until it does at the latest, SECONDS after which it ends by itself
  cat >"$world/manager.pl" <<'PERL'
use Socket;
my ($path, $heard, $life) = @ARGV;
my ($manager, $out, $message);
open($out, '>', $heard) or die "$heard: $!";
socket($manager, PF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($manager, sockaddr_un($path)) or die "$path: $!";
alarm $life;
while (defined recv($manager, $message, 4096, 0)) { syswrite($out, "$message--\n") }
PERL
  perl "$world/manager.pl" "$world/manager.sock" "$world/heard" "$2" &
  manager=$!
  eventually "$1" test -S "$world/manager.sock"
}
hears() { grep -qE "$1" "$world/heard"; }

# The commands of a page's sh blocks, each block from the FIRST on followed by a line that says that it is done; $blocks is how many there are.
# With AWK, more is written into the program that makes them.
commands_of() { # PAGE FIRST [AWK]
  awk -v first="$2" '
    /^```sh$/ { inside = 1; n++; next }
    /^```$/ { if (inside && n >= first) printf "printf \"== done %%d\\n\" %d\n", n; inside = 0; next }
    inside && n >= first { print }
    '"${3:-}" "$1" >"$world/tutorial.sh"
  blocks=$(grep -c '== done' "$world/tutorial.sh")
  # Its vxe reaches the packages outside, as the tests' own does.
  mkdir "$world/bin"
  cat >"$world/bin/vxe" <<EOF
#!/bin/bash
demo=$world
. test/demo/lib.sh
vxe "\$@"
EOF
  chmod 755 "$world/bin/vxe"
}

commands_ran() { # FIRST: a check for each block, up to one that failed
  local n
  for ((n = $1; n < $1 + blocks; n++)); do
    if grep -qx "== done $n" "$world/tutorial.out"; then
      ok "tutorial: its commands $n run as they stand"
    else
      not_ok "tutorial: its commands $n run as they stand" "$(tail -n 25 "$world/tutorial.out")"
      break
    fi
  done
}

end_of_tests() {
  printf '1..%d\n' "$tests"
  ((failures == 0))
  exit
}
