#!/bin/bash
# redis-server under its strict profile: a real client's work with nothing refused, data over restarts, and what an intruder in it gets.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/redis.test.sh "$@"
. test/e2e/daemon.sh

daemon_starts redis
server=$(process_of redis-check-rdb)
has_no_rights() { grep -qE '^Uid:\s+12003\s+12003\s+12003\s+12003$' "/proc/$1/status" && ! grep -qE '^Cap(Inh|Prm|Eff|Bnd|Amb):\s+0*[1-9a-f]' "/proc/$1/status"; }
check 'it is the user redis, without capabilities' has_no_rights "$server"
daemon_works redis
check 'its data belongs to redis' [ "$(stat -c %u "$WORKLOAD_FOLDER/data/dump.rdb")" = 12003 ]
password_stays_outside() { ! grep -rq open-sesame "$VXE_BUNDLES/redis"; }
check 'the password is mounted, not copied' password_stays_outside
ip addr add 192.0.2.1/32 dev lo
other_address_is_silent() { ! port_answers 6379 192.0.2.1; }
check 'it listens on loopback alone' other_address_is_silent

daemon_is_held redis redis-check-rdb
server=$(process_of redis-check-rdb)
check 'taken over, it does not change its configuration' refused_call "$server" "$openat" -100 /etc/redis/conf.d/local.conf "$o_wronly" 0
check 'taken over, it signals nobody with SIGKILL' refused_call "$server" 62 1 9
check 'taken over, it makes no unix socket' refused_call "$server" "$socket" 1 1 0
daemon_stops redis redis-check-rdb 6379

end_of_tests
