#!/bin/bash
# Strings, expiry, transactions, scripts, messages, a snapshot by a fork; then a graceful end and the data again.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"

. "$(dirname "$0")/common.sh"

table 'a client works' <<'ROWS'
GET greeting                              => -NOAUTH*
AUTH wrong                                => -WRONGPASS*
AUTH open-sesame                          => OK
FLUSHALL                                  => OK
SET greeting hello                        => OK
GET greeting                              => hello
APPEND greeting ', world'                 => 12
GETRANGE greeting 0 4                     => hello
GET nothing                               => nil
INCR visits                               => 1
INCRBY visits 41                          => 42
SET soon gone PX 100                      => OK
PTTL greeting                             => -1
!WITHIN 5 EXISTS soon                     => 0
LPUSH list a b c                          => 3
LRANGE list 0 -1                          => c b a
GET list                                  => -WRONGTYPE*
HSET hash name Ada born 1815              => 2
HGETALL hash                              => name Ada born 1815
NOSUCHCOMMAND                             => -ERR*
MULTI                                     => OK
INCR visits                               => QUEUED
SET in-transaction yes                    => QUEUED
EXEC                                      => 43 OK
EVAL 'return redis.call("get", KEYS[1])' 1 greeting  => 'hello, world'
EVAL 'return 6 * 7' 0                     => 42
EVAL 'return os.execute("id")' 0          => -*
&listener AUTH open-sesame                => OK
&listener SUBSCRIBE news                  => subscribe news 1
PUBLISH news 'it works'                   => 1
&listener                                 => message news 'it works'
!REPEAT 2000 SET many:%i 'value number %i of a good many'  => OK
DBSIZE                                    => 2005
INFO                                      => '# Server*'
CONFIG SET auto-aof-rewrite-percentage 0  => OK
EVAL 'for i = 1, 12 do redis.call("set", "large:" .. i, string.rep(i .. " and on ", 150000)) end return 1' 0  => 1
# a snapshot by a child, and the append-only file written anew by another
BGSAVE                                    => 'Background saving started'
!WITHIN 20 EVAL 'return redis.call("info","persistence"):match("rdb_bgsave_in_progress:(%d)")' 0  => 0
EVAL 'return redis.call("info","persistence"):match("rdb_last_bgsave_status:(%a+)")' 0            => ok
BGREWRITEAOF                              => 'Background append only file rewriting started'
!WITHIN 20 EVAL 'return redis.call("info","persistence"):match("aof_rewrite_in_progress:(%d)")' 0 => 0
EVAL 'return redis.call("info","persistence"):match("aof_last_bgrewrite_status:(%a+)")' 0         => ok
ROWS
step 'the snapshot is on disk' test -s "$WORKLOAD_FOLDER/data/dump.rdb"
step 'the append-only file is on disk' bash -c "ls '$WORKLOAD_FOLDER'/data/appendonlydir/*.base.rdb"

step 'it restarts' restart_daemon
serves_again
table 'the data is there after a restart' <<'ROWS'
AUTH open-sesame                          => OK
GET greeting                              => 'hello, world'
GET visits                                => 43
HGET hash born                            => 1815
GET many:1999                             => 'value number 1999 of a good many'
STRLEN large:7                            => 1350000
DBSIZE                                    => 2017
SET last before-the-crash                 => OK
CONFIG SET rdb-key-save-delay 20000       => OK
BGSAVE                                    => 'Background saving started'
ROWS

# It ends while a child is at work, and the last write to disk was cut off: the rest of it is dropped at the next start.
ends_by SHUTDOWN NOSAVE
printf '*3\r\n$3\r\nSET\r\n$4\r\nhal' >>"$(last_file)"
step 'it starts again' start_daemon
serves_again
table 'what was written whole is there' <<'ROWS'
AUTH open-sesame                          => OK
GET last                                  => before-the-crash
EXISTS half                               => 0
ROWS
end_of_exercise
