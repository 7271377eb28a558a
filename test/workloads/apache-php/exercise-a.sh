#!/bin/bash
# Pages of PHP that read and write, sessions, an upload, files, errors, a reload; the answers are looked at, not only their codes.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"
base=http://127.0.0.1
says() { [[ $(curl -s --max-time 30 "${@:2}") == "$1" ]]; }

http_table "$base" <<ROWS
200  8        /
200  12       /plain.txt
206  10       /plain.txt     --range 2-11
404  -        /missing
404  -        /missing.php
404  -        /lib/
500  -        /broken.php
200  3000000  /large.bin
ROWS
step 'a page is computed' says 'sum: 42' $base/index.php
step 'a page includes another and writes a file' says kept --data 'text=a <b> c' "$base/note.php?name=one"
step 'what was written is read' says 'a &lt;b&gt; c' "$base/note.php?name=one"
step 'what is not there is told' says none "$base/note.php?name=two"
step 'a file is removed' says removed "$base/note.php?name=one&remove"
jar=$(mktemp)
step 'a session begins' says 'visit 1' --cookie-jar "$jar" $base/visit.php
step 'and goes on' says 'visit 2' --cookie "$jar" $base/visit.php
rm -f "$jar"
step 'a file is uploaded' says 11 --form "file=@-;filename=up" $base/upload.php <<<'0123456789'
step 'it has functions' says 'now {"a":[1,2],"h":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"} v_w_ls8' $base/tools.php
step 'twenty requests at a time' bash -c "curl -s -Z --parallel-max 20 -o /dev/null -w '%{http_code}\n' '$base/index.php?[1-200]' 2>/dev/null | sort | uniq -c | grep -q '200 200'"
echo 'Alias /more /var/www/html/lib' >"$WORKLOAD_FOLDER/conf.d/more.conf"
step 'it takes SIGUSR1, a graceful reload' signal_daemon USR1
step 'what the reload added is there' within 15 says '' $base/more/shown.php
step 'and a page is computed' within 10 says 'sum: 42' $base/index.php
step 'the error of PHP is in the log' grep -q nosuchfunction "$WORKLOAD_FOLDER/log/error.log"
end_of_exercise
