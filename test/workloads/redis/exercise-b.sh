#!/bin/bash
# The same kinds of work in other words: sets, streams, blocking reads, watched keys, many clients, large values, the log of slow commands.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"

. "$(dirname "$0")/common.sh"

table 'a client works' <<'ROWS'
PING                                      => -NOAUTH*
HELLO 2 AUTH default open-sesame          => *
SELECT 3                                  => OK
FLUSHDB                                   => OK
MSET a 1 b 2 c 3                          => OK
MGET a b nothing c                        => '1 2 nil 3'
SADD colours red green blue               => 3
SISMEMBER colours red                     => 1
ZADD scores 3 carol 1 alice 2 bob         => 3
ZRANGE scores 0 -1 WITHSCORES             => 'alice 1 bob 2 carol 3'
SETEX brief 1 x                           => OK
TTL brief                                 => 1
EXPIRE a 100                              => 1
PERSIST a                                 => 1
XADD stream 1-1 field value               => 1-1
XLEN stream                               => 1
WATCH a                                   => OK
&other HELLO 2 AUTH default open-sesame
&other SELECT 3                           => OK
&other SET a changed                      => OK
MULTI                                     => OK
SET a mine                                => QUEUED
EXEC                                      => nil
GET a                                     => changed
MULTI                                     => OK
SET a dropped                             => QUEUED
DISCARD                                   => OK
SCRIPT LOAD 'return ARGV[1] .. "!"'       => 0815e6b44e4b6542850b6cc0556ea601cce2ca20
EVAL 'local t = {} for i = 1, 1000 do t[i] = redis.call("incr", "counter") end return #t' 0  => 1000
EVAL 'return redis.error_reply("MINE own")' 0  => '-MINE own*'
EVALSHA 0815e6b44e4b6542850b6cc0556ea601cce2ca20 0 loud                         => loud!
&reader HELLO 2 AUTH default open-sesame
&reader SELECT 3                          => OK
&reader PSUBSCRIBE a* b*                  => 'psubscribe a* 1'
&reader                                   => 'psubscribe b* 2'
PUBLISH apples red                        => 1
PUBLISH cherries red                      => 0
&reader                                   => 'pmessage a* apples red'
EVAL 'return redis.call("set", "large", string.rep("x", 3000000))' 0  => OK
STRLEN large                              => 3000000
RENAME large larger                       => OK
UNLINK larger                             => 1
SCAN 0 COUNT 1000                         => 0*
CONFIG SET maxmemory 200mb                => OK
CONFIG SET dir /tmp                       => -ERR*
CONFIG GET maxmemory                      => 'maxmemory 209715200'
SLOWLOG RESET                             => OK
CLIENT LIST                               => id=*
MEMORY USAGE counter                      => *
OBJECT ENCODING counter                   => int
DEBUG SLEEP 0                             => -ERR*
INFO everything                           => '# Server*'
SAVE                                      => OK
ROWS

clients=()
for i in 1 2 3 4 5 6; do
  node "$workloads/resp.mjs" 6379 <<ROWS &
AUTH open-sesame => OK
SELECT 4 => OK
!REPEAT 500 RPUSH queue $i:%i
!REPEAT 500 LPOP queue
ROWS
  clients+=($!)
done
for client in "${clients[@]}"; do wait "$client" || step_failed 'six clients at a time are served'; done

table 'a child at work is called off' <<'ROWS'
AUTH open-sesame                          => OK
SELECT 5                                  => OK
FLUSHDB                                   => OK
!REPEAT 100 SET key:%i x                  => OK
CONFIG SET auto-aof-rewrite-percentage 0  => OK
CONFIG SET rdb-key-save-delay 100000      => OK
BGREWRITEAOF                              => 'Background append only file rewriting started'
CONFIG SET appendonly no                  => OK
CONFIG SET rdb-key-save-delay 0           => OK
EVAL 'local t = string.rep("0123456789", 1000000) redis.call("set", "digits", t) return #t' 0  => 10000000
CONFIG SET appendonly yes                 => OK
!WITHIN 20 EVAL 'return redis.call("info","persistence"):match("aof_rewrite_in_progress:(%d)")' 0 => 0
!WITHIN 20 EVAL 'return redis.call("info","persistence"):match("aof_rewrite_scheduled:(%d)")' 0   => 0
INCR after-all                            => 1
ROWS

ends_by SHUTDOWN SAVE
printf '*2\r\n$6\r\nSELECT\r\n' >>"$(last_file)"
step 'it starts again' start_daemon
serves_again
table 'the data is there after SHUTDOWN' <<'ROWS'
AUTH open-sesame                          => OK
SELECT 3                                  => OK
GET counter                               => 1000
ZSCORE scores carol                       => 3
EVAL 'return redis.call("select", 4).ok .. redis.call("exists", "queue")' 0  => OK0
ROWS
end_of_exercise
