#!/bin/bash
# Static files, ranges, errors, a thousand requests over few connections, a reload while they come, a rotation of the logs.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"
site=$WORKLOAD_FOLDER/www/html
log=$WORKLOAD_FOLDER/log
base=http://127.0.0.1

http_table "$base" <<ROWS
200  19       /
200  11       /plain.txt
200  11       /link.txt
200  4        /docs/
301  -        /docs
200  0        /zero.bin
200  8000000  /large.bin
206  100      /large.bin    --range 0-99
206  8000     /large.bin    --range 100000-107999
206  10       /large.bin    --range -10
416  -        /large.bin    --range 9000000-
404  -        /missing
404  -        /docs/missing.html
403  -        /empty/
403  -        /private.txt
# a link that leads out of what is mounted leads nowhere
404  -        /outside.txt
400  -        /../../etc/passwd
405  -        /plain.txt    --request POST --data x=1
200  0        /plain.txt    --head
200  11       /plain.txt    --http1.0
ROWS

step 'a large file arrives whole' cmp <(curl -s $base/large.bin) "$site/large.bin"
step 'what can be compressed comes compressed' \
  bash -c "curl -s -D - -o /dev/null -H 'Accept-Encoding: gzip' $base/docs/long.html | grep -qi '^content-encoding: gzip'"
modified=$(curl -s -I $base/plain.txt | sed -n 's/^Last-Modified: //p' | tr -d '\r')
step 'what is unchanged is not sent again' \
  [ "$(curl -s -o /dev/null -w '%{http_code}' -H "If-Modified-Since: $modified" $base/plain.txt)" = 304 ]

# A thousand requests over kept connections, several at a time, and two reloads among them: none may fail.
codes=$(mktemp)
curl --silent --parallel --parallel-max 8 --output /dev/null --write-out '%{http_code}\n' "$base/plain.txt?[1-1000]" >"$codes" 2>/dev/null &
client=$!
for _ in 1 2; do
  sleep 0.1
  step 'it takes SIGHUP' signal_daemon HUP
done
wait "$client"
step 'a thousand requests are answered, through two reloads' [ "$(sort "$codes" | uniq -c | xargs)" = '1000 200' ]
rm -f "$codes"

# What logrotate does.
mv "$log/access.log" "$log/access.log.1"
mv "$log/error.log" "$log/error.log.1"
step 'it takes SIGUSR1' signal_daemon USR1
step 'it opens its logs again' within 10 test -s "$log/error.log" -o -e "$log/access.log"
after=after-rotation-$$-$RANDOM
curl -s -o /dev/null "$base/$after"
step 'the next request is in the new log' within 10 grep -q "GET /$after " "$log/access.log"
step 'the next error is not in the old one' bash -c "! grep -q $after '$log/access.log.1'"
step 'the old log has what came before' grep -q 'GET /missing ' "$log/access.log.1"
end_of_exercise
