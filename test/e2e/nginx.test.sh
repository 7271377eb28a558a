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
check 'its workers are www-data, without capabilities' eventually 10 workers_are_www_data
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
check 'SIGHUP to the launcher reloads it: other workers serve' eventually 10 new_workers
check 'and it serves' ready
# A download that is under way when it is told to end by SIGQUIT comes to its end.
curl -s --limit-rate 4M -o "$world/download" http://127.0.0.1/large.bin &
download=$!
eventually 10 test -s "$world/download"
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

end_of_tests
