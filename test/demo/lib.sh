# What the demo and the end-to-end tests share: a small world of mail, and ways to tell what held. Sourced by bash.
# shellcheck shell=bash

# System calls and constants of x86-64, for build/demo/inject.
execve=59 openat=257 socket=41 mount=165 bpf=321 o_wronly=1 af_packet=17

started=$(date +%s%N)
problems=()
checks=0
password=correct-horse

# own_namespaces FOLDER COMMAND...: runs COMMAND as first process of its own mount, pid and network namespaces; what it starts ends with
# it. The way back to the network outside is kept as FOLDER/outside, for what has to fetch.
own_namespaces() {
  local folder=$1
  shift
  touch "$folder/outside"
  unshare --mount --pid --fork --kill-child=KILL --mount-proc --propagation private -- \
    bash -c 'mount --bind /proc/self/ns/net "$0/outside" && exec unshare --net -- "$@"' "$folder" "$@"
}

# Packages are fetched from outside; everything else stays in. $limit, where set, ends what takes longer than so many seconds.
vxe() {
  local words=() limit=${limit-}
  # With nothing cached a bundle takes as long as its packages do.
  [[ "${1-} ${2-}" != 'bundle create' || -z $limit ]] || ((limit > 300)) || limit=300
  [[ "${1-} ${2-}" != 'bundle create' || ! -e ${demo-}/outside ]] || words+=(nsenter --net="$demo/outside" --)
  [[ -z $limit ]] || words+=(timeout --foreground --kill-after=5 "$limit")
  "${words[@]}" build/bin/vxe "$@"
}

seconds() { # since NANOSECONDS
  local ms=$((($(date +%s%N) - $1) / 1000000))
  printf '%d.%03d' $((ms / 1000)) $((ms % 1000))
}

step() { printf '\n[%6s s] %s\n' "$(seconds "$started")" "$*"; }

shown() { # COMMAND...: prints the command, runs it, prints how long it took
  local begun status=0
  printf '    $'
  printf ' %s' "$@"
  printf '\n'
  begun=$(date +%s%N)
  "$@" 2>&1 | sed 's/^/      /'
  status=${PIPESTATUS[0]}
  printf '      (%s s)\n' "$(seconds "$begun")"
  return "$status"
}

held() {
  checks=$((checks + 1))
  printf '    ok: %s\n' "$*"
}

broken() {
  problems+=("$*")
  printf '    NOT HELD: %s\n' "$*"
}

expect() { # TEXT COMMAND...
  local text=$1
  shift
  if "$@"; then held "$text"; else broken "not so: $text"; fi
}

stop_here() {
  broken "$*"
  exit 1
}

finish() { # the demo's last words; runs on every way out
  local status=$?
  trap - EXIT INT TERM
  vxe stop popd >/dev/null 2>&1
  echo
  if ((status == 0 && ${#problems[@]} == 0 && checks > 0)); then
    printf 'All of it held: %d checks in %s s.\n' "$checks" "$(seconds "$started")"
    exit 0
  fi
  if ((status == 130)); then printf 'Interrupted after %s s.\n' "$(seconds "$started")"; exit 130; fi
  printf 'It did NOT all hold: %s.\n' "$(IFS=';'; echo "${problems[*]:-the demo broke off}")"
  exit 1
}

message() { # FROM-ADDRESS SUBJECT BODY
  printf 'From %s Thu Jan  1 00:00:00 2026\nFrom: %s\nTo: alice@example.org\nSubject: %s\n\n%s\n\n' "$1" "$1" "$2" "$3"
}

mail_world() { # FOLDER: accounts, a spool, and VXE's own folders, all below it
  local folder=$1 hash
  export VXE_BUNDLES=$folder/bundles VXE_COMPILED=$folder/compiled VXE_ROOT=$folder/run VXE_LOGS=$folder/log
  # Packages that were fetched once are kept between runs.
  export VXE_CACHE=${VXE_CACHE:-$PWD/build/cache}
  chmod 755 "$folder"
  mkdir -p "$folder/accounts" "$folder/mail"
  hash=$(openssl passwd -6 -salt vxe.demo "$password")
  cat >"$folder/accounts/passwd" <<EOF
root:x:0:0:root:/root:/usr/sbin/nologin
popa3d:x:112:65534::/var/lib/popa3d:/usr/sbin/nologin
alice:x:12001:12001:Alice:/home/alice:/usr/sbin/nologin
bob:x:12002:12002:Bob:/home/bob:/usr/sbin/nologin
EOF
  printf 'root:x:0:\nmail:x:8:\nnogroup:x:65534:\nalice:x:12001:\nbob:x:12002:\n' >"$folder/accounts/group"
  printf 'alice:%s:20000:0:99999:7:::\nbob:!:20000:0:99999:7:::\n' "$hash" >"$folder/accounts/shadow"
  chmod 640 "$folder/accounts/shadow"

  {
    message carol@example.org Lunch 'At noon?'
    message dave@example.org 'Delete me' 'You will not miss this.'
    message erin@example.org Report 'The figures are fine.'
  } >"$folder/mail/alice"
  message carol@example.org Secret 'For Bob alone.' >"$folder/mail/bob"
  cp "$folder/mail/bob" "$folder/mail.bob.before"
  chown root:mail "$folder/mail"
  chmod 2775 "$folder/mail"
  chown 12001:8 "$folder/mail/alice"
  chown 12002:8 "$folder/mail/bob"
  chmod 660 "$folder/mail/alice" "$folder/mail/bob"
}

port=110
pop3() { # TITLE USER:PASSWORD PATH [CURL OPTIONS]
  local user=$2 path=$3
  shift 3
  curl --silent --show-error --max-time 20 --user "$user" "$@" "pop3://127.0.0.1:$port$path" 2>>"${demo:-/tmp}/curl.err"
}

wait_for_port() { # PORT: up to a minute, on a machine that stands still
  local i
  for ((i = 0; i < 1200; i++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
    sleep 0.05
  done
  return 1
}

lacks() { ! grep -q "$2" "$1"; }
holds_both() { grep -q "$2" "$1" && grep -q "$3" "$1"; }

violation_recorded() { # INSTANCE CALL: a record with everything that a reader wants to know
  grep -E "\"call\":\"$2\"" "$VXE_LOGS/$1/violations.ndjson" |
    grep -E '"rule":"[a-z-]+(:[^"]*)?"' | grep -E '"verdict":"refused"' | grep -qE '"mechanism":"[a-z]+"'
}

process_of() { # NAME: the first process in this namespace that runs a program of that name
  local link
  for link in $(printf '%s\n' /proc/[0-9]*/exe | sort -V); do
    if [[ $(readlink "$link" 2>/dev/null) == */"$1" ]]; then
      link=${link#/proc/}
      printf '%s\n' "${link%/exe}"
      return
    fi
  done
  return 1
}
no_process() { ! process_of "$1" >/dev/null; }

serves() { wait_for_port "$port" && pop3 'list' "alice:$password" / >/dev/null; }
