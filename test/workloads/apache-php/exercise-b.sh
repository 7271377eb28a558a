#!/bin/bash
# The same kinds of work in other words: kept connections, many notes, a list of a folder, a larger upload, a restart by SIGHUP.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"
base='http://[::1]'
says() { [[ $(curl -g -s --max-time 30 "${@:2}") == "$1" ]]; }

http_table "$base" <<ROWS
200  8       /index.php?x=1
200  12      /plain.txt       --http1.0
200  0       /plain.txt       --head
206  -       /large.bin       --range 1000000-1999999
404  -       /lib/none.php
400  -       /%zz
405  -       /plain.txt       --request DELETE
500  -       /broken.php?again
ROWS
for i in 1 2 3 4 5; do step "note $i is kept" says kept --data-urlencode "text=number $i" "$base/note.php?name=note-$i"; done
step 'a folder is listed' bash -c "curl -g -s '$base/list.php' | grep -q 'note-1 note-2 note-3 note-4 note-5'"
step 'notes that exist are written again' says kept --data 'text=other' "$base/note.php?name=note-3"
step 'and read' says other "$base/note.php?name=note-3"
for i in 1 2 3 4 5; do step "note $i is removed" says removed "$base/note.php?name=note-$i&remove="; done
jar=$(mktemp)
for i in 1 2 3; do step "visit $i" says "visit $i" --cookie "$jar" --cookie-jar "$jar" "$base/visit.php"; done
rm -f "$jar"
head -c 1500000 /dev/zero >"$WORKLOAD_FOLDER/part"
step 'a larger file is uploaded' says 1500000 --form "file=@$WORKLOAD_FOLDER/part;filename=large" "$base/upload.php"
step 'six clients share the work' bash -c "curl -s -Z --parallel-max 6 -o /dev/null -w '%{http_code}\n' 'http://127.0.0.1/tools.php?[1-60]' 2>/dev/null | sort | uniq -c | grep -q '60 200'"
step 'it takes SIGHUP, a restart of its children' signal_daemon HUP
step 'a page is computed after it' within 15 says 'sum: 42' "$base/index.php"
step 'it restarts' restart_daemon
step 'a page is computed again' within 30 says 'sum: 42' "$base/index.php"
step 'the uploaded file is still there' bash -c "curl -g -s '$base/list.php' | grep -q large"
end_of_exercise
