#!/bin/bash
# traced.sh start|restart: while a daemon is recorded, in place of `vxe start` and `vxe restart`. The daemon that was recorded ends, and is
# recorded anew, without an exercise: the one that goes on is still the first's. Whoever began it all stops it (vxe stop).
set -euo pipefail
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/lib.sh"
gone() { ! "$vxe_programs/vxe" status "$WORKLOAD_INSTANCE" >/dev/null 2>&1; }
[[ $1 == start ]] || "$vxe_programs/vxe" stop "$WORKLOAD_INSTANCE"
within 20 gone
setsid "$vxe_programs/vxe" trace "$WORKLOAD_INSTANCE" >>"$WORKLOAD_FOLDER.traced" 2>&1 </dev/null &
started() { "$vxe_programs/vxe" status "$WORKLOAD_INSTANCE" >/dev/null 2>&1; }
within 20 started
