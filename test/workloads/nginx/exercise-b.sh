#!/bin/bash
# The same kinds of work in other words: IPv6, names to decode, several ranges, a virtual host that a reload adds and one that it takes away.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"
site=$WORKLOAD_FOLDER/www/html
log=$WORKLOAD_FOLDER/log
base='http://[::1]'

http_table "$base" <<ROWS
200  19      /index.html
200  13      /a%20b.txt
200  7       /gr%C3%BC%C3%9Fe.txt
200  4       /docs/deep/er/page.html
200  4       /docs/./deep/../index.html
200  300000  /middle.bin     --http1.0 --header Connection:close
206  1       /middle.bin     --range 299999-299999
206  -       /middle.bin     --range 0-9,100-109,1000-1009
206  20      /large.bin      --range 4000000-4000019
404  -       /docs/deep/none
403  -       /docs/deep/
404  -       /plain.txt/below
405  -       /               --request DELETE
405  -       /docs/          --request PUT --data-binary @$site/middle.bin
400  -       /               --header Host:
412  -       /plain.txt      --header If-Match:"0"
ROWS

step 'a name of eight thousand letters is too long' \
  [ "$(curl -s -o /dev/null -w '%{http_code}' "$base/$(printf 'x%.0s' {1..9000})")" = 414 ]
step 'what is no HTTP gets an answer' \
  bash -c "exec 3<>/dev/tcp/127.0.0.1/80 && printf 'HELO there\r\n\r\n' >&3 && timeout 10 head -c 12 <&3 | grep -q 'HTTP/1.1 400'"
step 'two requests on one line of bytes are both answered' \
  bash -c "exec 3<>/dev/tcp/127.0.0.1/80 && printf 'GET /plain.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /zero.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&3 && [ \"\$(timeout 10 grep -ac '^HTTP/1.1 200' <&3)\" = 2 ]"
step 'a client that goes away in the middle is survived' \
  bash -c "exec 3<>/dev/tcp/127.0.0.1/80 && printf 'GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n' >&3 && head -c 1000 <&3 >/dev/null"

fetch_middle() { curl -s "$base/middle.bin" | cmp - "$site/middle.bin"; }
clients=()
for _ in {1..12}; do
  fetch_middle &
  clients+=($!)
done
for client in "${clients[@]}"; do wait "$client" || step_failed 'twelve clients at a time get the whole file'; done

code_of_other() { curl -s -o /dev/null -w '%{http_code}' -H 'Host: other.example' http://127.0.0.1/"$1"; }
cat >"$WORKLOAD_FOLDER/conf.d/other.conf" <<'CONF'
server {
  listen 80;
  server_name other.example;
  root /var/www/other;
  location /moved { return 307 /; }
  location /listing { alias /var/www/html/docs; autoindex on; index none; }
}
CONF
step 'it takes SIGHUP' signal_daemon HUP
has() { [[ $(code_of_other moved) == "$1" ]]; }
step 'a virtual host is there after the reload' within 10 has 307
step 'and has its own files' [ "$(curl -s -H 'Host: other.example' http://127.0.0.1/)" = elsewhere ]
step 'a folder is listed' bash -c "curl -s -H 'Host: other.example' http://127.0.0.1/listing/ | grep -q 'href=\"deep/\"'"

# A configuration that is wrong: the old one goes on.
echo 'server { listen 80; server_name broken.example; no_such_directive on; }' >"$WORKLOAD_FOLDER/conf.d/wrong.conf"
step 'it takes SIGHUP with an error in it' signal_daemon HUP
step 'the error is in the log' within 10 grep -q no_such_directive "$log/error.log"
step 'it serves as before' has 307
rm "$WORKLOAD_FOLDER/conf.d/wrong.conf" "$WORKLOAD_FOLDER/conf.d/other.conf"
step 'it takes SIGHUP' signal_daemon HUP
step 'the virtual host is gone after the reload' within 10 has 404
end_of_exercise
