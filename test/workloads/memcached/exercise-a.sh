#!/bin/bash
# Storing, reading, counting, expiry, errors, many clients at a time.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.sh"

says 'STORED|VALUE greeting 0 5|hello|END' 'set greeting 0 0 5' hello 'get greeting'
says 'END' 'get nothing'
says 'NOT_STORED' 'add greeting 0 0 1' x
says 'STORED|STORED|VALUE list 7 6|ab,c,d|END' 'set list 7 0 4' 'ab,c' 'append list 0 0 2' ',d' 'get list'
says 'STORED|43|42' 'set n 0 0 2' 42 'incr n 1' 'decr n 1'
says 'STORED|END' 'set gone 0 -1 1' x 'get gone'
says 'DELETED|NOT_FOUND' 'delete n' 'delete n'
says 'ERROR' 'no such command'
says 'CLIENT_ERROR*' 'set greeting 0 0 x'
says 'VERSION *' version
says 'STAT pid *END' stats
big=$(letters 100000)
says "STORED|VALUE big 0 100000|$big|END" 'set big 0 0 100000' "$big" 'get big'
many() {
  local i
  for i in {1..60}; do printf 'set c%s:%s 0 0 3\r\nabc\r\nget c%s:%s\r\n' "$1" "$i" "$1" "$i"; done
}
clients=()
for client in 1 2 3 4 5 6 7 8; do
  { exec 3<>/dev/tcp/127.0.0.1/11211 && { many $client; printf 'quit\r\n'; } >&3 && [[ $(timeout 20 grep -c '^VALUE' <&3) == 60 ]]; } &
  clients+=($!)
done
for client in "${clients[@]}"; do wait "$client" || step_failed 'eight clients at a time are served'; done
step 'it restarts' restart_daemon
step 'it serves again' within 20 port_answers 11211
says END 'get greeting'
end_of_exercise
