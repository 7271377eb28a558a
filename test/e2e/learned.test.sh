#!/bin/bash
# A daemon that nobody here wrote, from no profile to production, as make learn-table leads six: after one round in soft mode nothing that it does is refused.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/learned.test.sh "$@"

led() { # NAME
  try bash test/workloads/path.sh --quick "$1"
  check "$1: half of its work, one round in soft mode with the other, and in production nothing is refused" [ "$status" = 0 ]
  [[ $status == 0 ]] || tail -n 20 <<<"$errors" | sed 's/^/# /'
  check "$1: and so its log says" contains "$output" '"production":\{"kinds":\[\],"calls":0\}'
}
led memcached

end_of_tests
