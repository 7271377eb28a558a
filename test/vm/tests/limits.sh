# What the tests of limits share: a world, limits and questions that ask for more, and a user with a systemd.
# shellcheck shell=bash
((VXE_VM_LANDLOCK >= 6)) || skip_all "Landlock ABI $VXE_VM_LANDLOCK cannot hold the profiles"
machine_world 240
probe=/usr/local/vm/build/conformance/probe
export VXE_RECIPES=$world/profiles
resources='resources: {memory: 24M, pids: 8, cpu: 20%}
limits: {nofile: 64}'
questions=(memory:4 memory:64 forks:30 opens:200 spin:1500 read:/proc/self/cgroup)

probe_profile() { # NAME EXEC: the probe with limits, in a tree of its own
  cat >"$VXE_PROFILES/$1.vxed.yaml" <<PROFILE
vxed: 1
name: $1
type: filesystem
program: $probe
files: {$probe: read execute, /proc: read}
exec: $2
network: {interface: none}
$resources
PROFILE
}
answer() { # ANSWERS QUESTION: the value
  sed -n 's/^{"ask":"'"${2//\//\\/}"'","ok":true,"value":"\(.*\)"}$/\1/p' "$1"
}
held() { # WAY ANSWERS: each limit
  local file=$2 forks opens spin
  read -r forks why <<<"$(answer "$file" forks:30)"
  read -r opens which <<<"$(answer "$file" opens:200)"
  spin=$(answer "$file" spin:1500)
  if [[ -z $spin ]]; then
    not_ok "$1: it ran" "$(tail -n 5 "$file" "$file.err")"
    return
  fi
  check "$1: memory that fits is had" [ "$(answer "$file" memory:4)" = 'exit 0' ]
  check "$1: more than the limit is killed" [ "$(answer "$file" memory:64)" = 'signal 9' ]
  check "$1: processes beyond the limit are refused ($forks)" eval "((forks < 8)) && [[ $why == EAGAIN ]]"
  check "$1: open files beyond the limit are refused ($opens)" eval "((opens < 64)) && [[ $which == EMFILE ]]"
  check "$1: a fifth of a processor is a fifth ($spin of 1500 ms)" eval '((spin > 100 && spin < 600))'
}
# Asking for too many processes ends with a signal to the group: a session of its own keeps it from this program.
ask() { # ANSWERS COMMAND...
  local file=$1
  shift
  timeout "$limit" setsid --wait "$@" >"$file" 2>"$file.err" </dev/null
}

user_with_systemd() { # an account `fenced` with a systemd of its own; its number in $uid
  id fenced >/dev/null 2>&1 || useradd -m -s /bin/bash fenced
  loginctl enable-linger fenced
  uid=$(id -u fenced)
  ready() { [[ -S /run/user/$uid/systemd/private ]]; }
  check 'a user has a systemd' eventually 60 ready
}
as() { (cd /home/fenced && exec runuser -u fenced -- env -u VXE_COMPILED HOME=/home/fenced XDG_RUNTIME_DIR="/run/user/$uid" PATH="$PATH" VXE_PROFILES="$VXE_PROFILES" "$@"); }
as_ask() { # ANSWERS COMMAND...
  local file=$1
  shift
  export -f as
  export uid
  # shellcheck disable=SC2016
  timeout "$limit" setsid --wait bash -c 'as "$@"' bash "$@" >"$file" 2>"$file.err" </dev/null
}
