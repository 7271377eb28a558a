#!/bin/bash
# The same kinds of work in other words: compare and swap, the meta commands, eviction, settings, half requests, a flush.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.sh"

says 'STORED|VALUE a 1 2 *|xy|END' 'set a 1 0 2' xy 'gets a'
says 'EXISTS' 'cas a 0 0 1 999999' z
says 'NOT_FOUND' 'cas nowhere 0 0 1 1' z
says 'STORED|STORED|VALUE a 1 4|xyzz|END' 'prepend a 0 0 0' '' 'append a 0 0 2' zz 'get a'
says 'HD|VA 4|xyzz|EN' 'ms m 4' data 'mg a v' 'mg nowhere v'
says 'TOUCHED|VALUE a 1 4|xyzz|END' 'touch a 100' 'gat 100 a'
says 'CLIENT_ERROR*' 'incr a 1'
says 'STAT *END' 'stats items'
says 'STAT *END' 'stats settings'
says 'STAT *END' 'stats slabs'
says 'OK' 'verbosity 1'
says 'SERVER_ERROR object too large for cache*' 'set huge 0 0 2000000' "$(letters 2000000)"
# More than it may hold: the oldest goes, the process stays.
fill() {
  local i value
  value=$(letters 500000)
  for i in {1..180}; do printf 'set f%s 0 0 500000 noreply\r\n%s\r\n' "$i" "$value"; done
  printf 'get f180\r\nquit\r\n'
}
step 'it makes room' bash -c 'exec 3<>/dev/tcp/127.0.0.1/11211; { '"$(declare -f letters fill)"'; fill; } >&3; timeout 60 grep -q "^VALUE f180" <&3'
step 'half a request and a client that goes away' bash -c 'exec 3<>/dev/tcp/127.0.0.1/11211; printf "set half 0 0 10\r\nabc" >&3'
says 'OK|END' flush_all 'get a'
# It takes SIGHUP and SIGUSR1 for nothing worth dying of, and SIGTERM as the end.
step 'it ends by SIGTERM' signal_daemon TERM
gone() { ! port_answers 11211; }
step 'it is gone' within 20 gone
step 'it starts again' start_daemon
step 'it serves again' within 20 port_answers 11211
end_of_exercise
