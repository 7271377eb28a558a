#!/bin/bash
# nginx under its strict profile: a real client's work with nothing refused, reload and rotation, and what an intruder in it gets.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/nginx.test.sh "$@"
. test/e2e/daemon.sh

daemon_starts nginx
workers_are_www_data() { # and have no capability left
  local pid
  for pid in $(pgrep -f 'nginx: worker'); do
    grep -qE '^Uid:\s+33\s+33\s+33\s+33$' "/proc/$pid/status" && grep -qE '^CapEff:\s+0+$' "/proc/$pid/status" || return 1
  done
  [[ -n $pid ]]
}
check 'its workers are www-data, without capabilities' eventually 60 workers_are_www_data
daemon_works nginx

# As a service manager does it: the launcher in the foreground, which hands signals on.
vxe stop nginx >/dev/null
build/bin/vxe start nginx >"$world/foreground.log" 2>&1 &
launcher=$!
check 'it serves in the foreground' ready
old=$(pgrep -f 'nginx: worker' | sort | xargs)
new_workers() {
  local now
  now=$(pgrep -f 'nginx: worker' | sort | xargs)
  [[ -n $now && -z $(comm -12 <(xargs -n1 <<<"$old" | sort) <(xargs -n1 <<<"$now" | sort)) ]]
}
kill -HUP "$launcher"
check 'SIGHUP to the launcher reloads it: other workers serve' eventually 60 new_workers
check 'and it serves' ready
# A download that is under way when it is told to end by SIGQUIT comes to its end.
curl -s --limit-rate 4M -o "$world/download" http://127.0.0.1/large.bin &
download=$!
eventually 60 test -s "$world/download"
kill -QUIT "$launcher"
wait "$download"
download_status=$?
wait "$launcher"
launcher_status=$?
check 'SIGQUIT lets a download end' [ "$download_status" = 0 ]
check 'and the download is whole' cmp "$world/download" "$WORKLOAD_FOLDER/www/html/large.bin"
check 'SIGQUIT ends it with its own code' [ "$launcher_status" = 0 ]
check 'still nothing was refused' nothing_refused nginx

check 'it starts again' vxe start nginx --detach
check 'it serves again' ready
daemon_is_held nginx nginx
# The most narrow of its rules, each against the running process.
master=$(pgrep -of 'nginx: master')
check 'taken over, it does not remove a log' refused_call "$master" 87 /var/log/nginx/access.log
check 'taken over, it does not read a log' refused_call "$master" "$openat" -100 /var/log/nginx/access.log 0 0
check 'taken over, it does not write to the site' refused_call "$master" "$openat" -100 /var/www/html/index.html "$o_wronly" 0
check 'taken over, it connects nowhere' refused_call "$master" 42 3 0 0
check 'control: what it may do, it may do so too' [ "$(build/demo/inject "$master" 39 | tail -n 1 | grep -c .)" = 1 ]
daemon_stops nginx nginx 80

# With a certificate, as docs/nginx.md has it: another port in the profile, the key mounted.
mkdir "$world/tls" "$world/profiles"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -keyout "$world/tls/site.key" -out "$world/tls/site.pem" 2>"$world/openssl.log"
export VXE_PROFILES=$world/profiles
grep -A 1 '^sed -e .*nginx-tls' docs/nginx.md | sed "s#/etc/vxe/profiles#$world/profiles#; s#\$(vxe profile list#\$(build/bin/vxe profile list#" >"$world/derive.sh"
check 'the profile for certificates is derived as the document says' bash -e "$world/derive.sh"
check 'and grants two ports' grep -q 'accept: \[tcp/80, tcp/443\]' "$world/profiles/nginx-tls.vxed.yaml"
cat >"$WORKLOAD_FOLDER/conf.d/tls.conf" <<'CONF'
server {
  listen 443 ssl http2;
  server_name localhost;
  ssl_certificate /etc/nginx/tls/site.pem;
  ssl_certificate_key /etc/nginx/tls/site.key;
  root /var/www/html;
}
CONF
check 'a bundle with certificates is made' vxe bundle create nginx-tls --recipe nginx --profile nginx-tls "${create[@]:1}" \
  --mount "/etc/nginx/tls=$world/tls"
no_key() { ! find "$VXE_BUNDLES/nginx-tls" -name '*.key' -size +0 | grep -q .; }
check 'the key is not in it' no_key
check 'it starts' vxe start nginx-tls --detach
check 'it serves on port 443' within 60 port_answers 443
tls() { curl --silent --max-time 30 --cacert "$world/tls/site.pem" --resolve localhost:443:127.0.0.1 "$@"; }
check 'over TLS a file arrives whole' cmp <(tls https://localhost/middle.bin) "$WORKLOAD_FOLDER/www/html/middle.bin"
check 'over HTTP/2 too' [ "$(tls --http2 --output /dev/null --write-out '%{http_version}' https://localhost/)" = 2 ]
vxe-reload() { build/bin/vxe-runtime --root "$VXE_ROOT" kill nginx-tls HUP; }
check 'it reloads with its key' vxe-reload
check 'and serves' within 60 tls --output /dev/null --fail https://localhost/
check 'nothing of it was refused' nothing_refused nginx-tls
try vxe prove nginx-tls --implies nginx
check 'the prover tells that it is wider, and where' contains "$output$errors" '443'
check 'it stops' vxe stop nginx-tls

end_of_tests
