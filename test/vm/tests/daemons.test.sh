#!/bin/bash
# nginx and redis-server under systemd, as docs/nginx.md has it: started, reloaded and ended by the unit.
. "$(dirname "$0")/../../e2e/tap.sh"
world=$(mktemp -d)
trap 'systemctl stop vxe@nginx vxe@redis; systemctl reset-failed; rm -rf "$world" /etc/systemd/system/vxe@nginx.service.d' EXIT

if ((VXE_VM_LANDLOCK < 6)); then
  refused 'nginx is refused, for this kernel cannot hold its profile' 1 'nginx: the profile needs Landlock' vxe start nginx
  refused 'so is redis' 1 'redis: the profile needs Landlock' vxe start redis
  end_of_tests
fi

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
is_state() { [[ $(systemctl show -P ActiveState "$1") == "$2" ]]; }
workers() { pgrep -f 'nginx: worker' | sort | xargs; }

# The folders that `bundle create` makes on the machine that it runs on.
install -d /etc/nginx/conf.d /var/www/html /var/log/nginx /etc/redis/conf.d
owner=$(sed -n 's/^redis:x:\([0-9]*\):\([0-9]*\):.*/\1:\2/p' /var/lib/vxe/bundles/redis/rootfs/etc/passwd)
install -d -m 750 /var/lib/redis && chown "$owner" /var/lib/redis
echo 'It serves' >/var/www/html/index.html
sed -n '/^cat >.*signals.conf/,/^UNIT/p' "$(dirname "$0")/nginx.md" | sed '1d;$d' >"$world/signals.conf"
check 'the document has the drop-in' grep -q '^KillSignal=SIGQUIT' "$world/signals.conf"
install -D -m 644 "$world/signals.conf" /etc/systemd/system/vxe@nginx.service.d/signals.conf
systemctl daemon-reload

check 'the unit of nginx starts' systemctl start vxe@nginx
check 'it serves' eventually 20 answers 80
check 'the page is that of the host' [ "$(curl -s http://127.0.0.1/)" = 'It serves' ]
before=$(workers)
other_workers() { local now; now=$(workers); [[ -n $now && $now != "$before" ]]; }
check 'systemctl reload works' systemctl reload vxe@nginx
check 'it has other workers then' eventually 20 other_workers
check 'SIGUSR1 to the launcher goes through' systemctl kill --kill-whom=main --signal=USR1 vxe@nginx
check 'and the unit stays up' is_state vxe@nginx active
check 'it stops' systemctl stop vxe@nginx
check 'systemd counts that as a clean end' is_state vxe@nginx inactive
no_nginx() { [[ -z $(process_of nginx) ]]; }
check 'no process is left' no_nginx

check 'the unit of redis starts' systemctl start vxe@redis
check 'it answers' eventually 20 answers 6379
says() { local line; exec 3<>/dev/tcp/127.0.0.1/6379; printf '%s\r\n' "$1" >&3; IFS= read -r -t 10 line <&3; exec 3>&-; [[ $line == "$2"* ]]; }
check 'it keeps a value' says 'SET kept yes' +OK
check 'it restarts' systemctl restart vxe@redis
check 'it answers again' eventually 20 answers 6379
check 'the value is there after a restart' says 'STRLEN kept' :3
check 'it stops' systemctl stop vxe@redis
check 'systemd counts that as a clean end' is_state vxe@redis inactive

end_of_tests
