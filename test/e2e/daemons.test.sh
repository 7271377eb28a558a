#!/bin/bash
# Further daemons of other kinds under their strict profiles: threads and no files (memcached), a language inside a server (Apache with PHP).
# And datagrams (dnsmasq), held by programs on its own cgroup.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/daemons.test.sh "$@"
. test/e2e/daemon.sh

daemon_starts memcached
daemon_works memcached
daemon_is_held memcached memcached
check 'taken over, it forks no process' refused_call "$(process_of memcached)" 56 17 0 0 0 0
daemon_stops memcached memcached 11211

daemon_starts apache-php
daemon_works apache-php
daemon_is_held apache-php apache2
child=$(pgrep -u www-data apache2 | head -n 1)
check 'taken over, a child writes nothing where PHP is run' refused_call "$child" "$openat" -100 /var/www/html/own.php 65 420
check 'taken over, it connects nowhere' refused_call "$child" 42 3 0 0
daemon_stops apache-php apache2 80

daemon_starts dnsmasq
daemon_works dnsmasq
try vxe explain dnsmasq
check 'explain tells what holds its datagrams' contains "$output" 'network:udp +full +cgroup'
daemon_stops dnsmasq dnsmasq 53

end_of_tests
