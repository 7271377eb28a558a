# What both halves do in the same words. Sourced by bash.
# shellcheck shell=bash

table() { step "$1" node "$workloads/resp.mjs" 6379; }

serves_again() {
  step 'it serves again' within 30 reading 'AUTH open-sesame => OK
PING => PONG' node "$workloads/resp.mjs" 6379
}

gone() { ! port_answers 6379; }
ends_by() { # COMMAND: a client's word ends it, and with it the client's connection
  node "$workloads/resp.mjs" 6379 <<<"AUTH open-sesame => OK
$*" >/dev/null 2>&1
  step "$* ends it" within 20 gone
}

last_file() { # of the append-only files, the one that grows
  find "$WORKLOAD_FOLDER/data/appendonlydir" -name '*.incr.aof' | sort -V | tail -n 1
}
