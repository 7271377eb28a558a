# redis-server with a password, an append-only file and its data in a folder of the host. Sourced by bash.
# shellcheck shell=bash disable=SC2034

create=(redis --mount "/var/lib/redis=$WORKLOAD_FOLDER/data" --mount "/etc/redis/conf.d=$WORKLOAD_FOLDER/conf.d"
  --accounts-from "$WORKLOAD_FOLDER/etc")

prepare() {
  mkdir -p "$WORKLOAD_FOLDER/data" "$WORKLOAD_FOLDER/conf.d" "$WORKLOAD_FOLDER/etc"
  printf 'root:x:0:0:root:/root:/usr/sbin/nologin\nredis:x:12003:12003::/var/lib/redis:/usr/sbin/nologin\n' >"$WORKLOAD_FOLDER/etc/passwd"
  printf 'root:x:0:\nredis:x:12003:\n' >"$WORKLOAD_FOLDER/etc/group"
  printf 'requirepass open-sesame\nappendonly yes\nauto-aof-rewrite-min-size 1mb\n' >"$WORKLOAD_FOLDER/conf.d/local.conf"
  chown 0:12003 "$WORKLOAD_FOLDER/conf.d/local.conf"
  chmod 640 "$WORKLOAD_FOLDER/conf.d/local.conf"
  chown 12003:12003 "$WORKLOAD_FOLDER/data"
  chmod 750 "$WORKLOAD_FOLDER/data"
}

ready() {
  within 20 reading 'AUTH open-sesame => OK
PING => PONG' node "$workloads/resp.mjs" 6379
}
