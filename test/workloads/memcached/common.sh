# Sourced by both halves.
# shellcheck shell=bash

letters() { head -c "$1" /dev/zero | tr '\0' x; }

# says EXPECTED LINE...: sends the lines and `quit` over one connection; all that comes back, its lines joined by |, must match.
says() {
  local expected=$1 answer
  shift
  answer=$({ exec 3<>/dev/tcp/127.0.0.1/11211 && printf '%s\r\n' "$@" quit >&3 && timeout 20 cat <&3; } 2>/dev/null | tr -d '\r' | paste -sd'|')
  # shellcheck disable=SC2053  # a pattern
  [[ $answer == $expected ]] || step_failed "$*: ${answer:0:300} came"
}
