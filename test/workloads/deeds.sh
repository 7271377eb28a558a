#!/bin/bash
# deeds.sh NAME: a client that does some of what it can, each deed with a chance of its own, so that runs differ as days do.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/lib.sh"
chance() { ((RANDOM % 100 < $1)); }
case $1 in
nginx)
  b=http://127.0.0.1
  get() { curl --globoff --path-as-is -s -o /dev/null --max-time 20 "$@"; }
  get $b/
  chance 90 && get $b/plain.txt
  chance 70 && get $b/missing
  chance 60 && get $b/docs/
  chance 50 && get $b/large.bin
  chance 40 && get --range 0-99 $b/large.bin
  chance 30 && get $b/link.txt
  chance 30 && get -X POST -d x=1 $b/plain.txt
  chance 25 && get "http://[::1]/docs/deep/er/page.html"
  chance 20 && get $b/private.txt
  chance 20 && get $b/empty/
  chance 15 && get -H 'Accept-Encoding: gzip' $b/docs/long.html
  chance 15 && get --data-binary @package-lock.json $b/docs/
  chance 12 && { signal_daemon HUP; sleep 0.5; get $b/; }
  chance 8 && { signal_daemon USR1; sleep 0.3; get $b/; }
  chance 6 && get --http1.0 $b/zero.bin
  chance 5 && get $b/outside.txt
  chance 4 && (exec 3<>/dev/tcp/127.0.0.1/80; printf 'HELO\r\n\r\n' >&3; timeout 5 head -c 12 <&3 >/dev/null)
  true ;;
redis)
  r() { { echo 'AUTH open-sesame => OK'; printf '%s => *\n' "$@"; } | timeout 30 node "$workloads/resp.mjs" 6379 >/dev/null 2>&1; }
  l=('SET a b' 'GET a')
  chance 60 && l+=('SAVE')
  chance 50 && l+=("EVAL 'return 1' 0")
  chance 40 && l+=('INFO everything')
  chance 30 && l+=('CONFIG SET maxmemory 200mb')
  chance 25 && l+=('CLIENT LIST')
  chance 15 && l+=('MEMORY USAGE a')
  chance 15 && l+=('DEBUG SLEEP 0')
  chance 10 && l+=('CONFIG REWRITE')
  chance 8 && l+=('SLOWLOG RESET')
  r "${l[@]}"
  chance 35 && { r 'BGSAVE'; sleep 0.5; }
  chance 20 && { r 'BGREWRITEAOF'; sleep 0.6; }
  chance 10 && r 'CONFIG SET appendonly no'
  chance 5 && { r 'FLUSHALL' ; sleep 0.1; }
  true ;;
popd)
  pop() { curl -s -o /dev/null --max-time 20 --user "$1" "${@:3}" "pop3://127.0.0.1:110$2"; }
  pop alice:open-sesame /
  chance 70 && pop alice:open-sesame /3
  chance 50 && pop alice:wrong /
  chance 30 && pop bob:open-sesame /
  chance 25 && pop nobody:x /
  chance 15 && pop bob:open-sesame /2
  chance 12 && (exec 3<>/dev/tcp/127.0.0.1/110; printf 'USER bob\r\n' >&3)
  chance 10 && { printf 'From d@x Thu Jan  1 00:00:00 2026\nFrom: d@x\nSubject: n\n\nNew.\n\n' >>"$WORKLOAD_FOLDER/mail/alice"; pop alice:open-sesame /7 --head --request DELE; }
  chance 8 && (exec 3<>/dev/tcp/127.0.0.1/110; printf 'USER bob\r\nPASS open-sesame\r\nUIDL\r\nTOP 4 0\r\nQUIT\r\n' >&3; timeout 5 cat <&3 >/dev/null)
  chance 4 && (exec 3<>/dev/tcp/127.0.0.1/110; printf 'NONSENSE\r\nQUIT\r\n' >&3; timeout 5 cat <&3 >/dev/null)
  true ;;
esac
