#!/bin/bash
# A profile that was promoted too early does not fail in silence: Apache with PHP, learned without a page of PHP, put in production.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/promoted.test.sh "$@"
. test/workloads/lib.sh
export VXE_RECORDINGS=$world/recordings VXE_HISTORY=$world/history WORKLOAD_FOLDER=$world/host WORKLOAD_INSTANCE=apache-php
mkdir "$WORKLOAD_FOLDER"
. test/workloads/apache-php/start.sh
prepare
name=apache-php
check 'the bundle is made without a profile' vxe bundle create "${create[@]}" --no-profile
cat >"$world/static.sh" <<'E2'
set -e
for i in 1 2 3; do curl --fail --silent --output /dev/null http://127.0.0.1/plain.txt http://127.0.0.1/large.bin; done
curl --silent --output /dev/null http://127.0.0.1/missing
build/bin/vxe-runtime --root "$VXE_ROOT" kill apache-php USR1
sleep 1
curl --retry 60 --retry-connrefused --retry-delay 1 --fail --silent --output /dev/null http://127.0.0.1/plain.txt
E2
check 'it is recorded without a page of PHP' vxe trace $name -- bash "$world/static.sh"
check 'and again' vxe trace $name -- bash "$world/static.sh"
check 'and learned' vxe learn $name

# As the service manager starts it, with what Landlock refuses on record.
vxe mode --record-files $name production >/dev/null
manager_listens 60 900
log=$VXE_LOGS/$name/violations.ndjson
starts=0
start_it() {
  starts=$((starts + 1))
  NOTIFY_SOCKET=$world/manager.sock vxe start $name --detach && ready
}
page() { curl --silent --max-time 20 "$@"; }
computed() { [[ $(page http://127.0.0.1/index.php) == 'sum: 42' ]]; }
now() { date -u +%Y-%m-%dT%H:%M:%S.%3NZ; }
begun_at=$(now)
check 'in production it starts' start_it
check 'and serves what it was seen to serve' page --fail --output /dev/null http://127.0.0.1/plain.txt
try page --output /dev/null --write-out '%{http_code}, %{size_download} bytes' http://127.0.0.1/index.php
printf '# the page of PHP: %s\n' "$output"
check 'a page of PHP does not come' eval '! computed'
told_by_status() { vxe status $name | grep -qE 'violations: [1-9][0-9]* refused'; }
told_to_manager() { grep -qE '^STATUS=[1-9][0-9]* refused by the profile, the last: .*; see vxe violations apache-php' "$world/heard"; }
# Seconds on a machine that has them; a machine that stands still is waited for.
begun=$SECONDS
check 'vxe status tells it' eventually 60 told_by_status
check "the unit's status tells it" eventually 60 told_to_manager
check 'the log tells it' eventually 60 test -s "$log"
printf '# told within %d s\n' $((SECONDS - begun))
check 'why names a cause' eval '[[ -n "$(vxe why $name)" ]]'

since=$begun_at
# What is refused is a person's decision: each is taken by a yes. Calls take effect at once; a file needs a restart, and the upgrade says so.
rounds=0
until computed || ((rounds == 4)); do
  rounds=$((rounds + 1))
  next=$(now)
  yes yes | timeout 60 build/bin/vxe upgrade $name --since "$since" >"$world/upgrade.out" 2>"$world/upgrade.err"
  check "round $rounds: the upgrade is taken" grep -q 'version [0-9]* of its profile is in place' "$world/upgrade.out"
  if grep -q 'permits it from now on' "$world/upgrade.out"; then
    printf '# round %d took effect at once\n' "$rounds"
    eventually 60 computed
  else
    check "round $rounds: it says that a restart is needed" grep -q "vxe restart $name" "$world/upgrade.out"
    vxe stop $name >/dev/null 2>&1
    start_it >/dev/null 2>&1
    eventually 60 computed
  fi
  since=$next
done
printf '# %d upgrades, %d restarts\n' "$rounds" $((starts - 1))
check 'after it the page comes' computed
check 'with two restarts at the most' [ $((starts - 1)) -le 2 ]
check 'the versions are kept' contains "$(vxe profile log $name)" 'upgraded'
check 'control: what nobody approved is still refused' contains "$(vxe explain $name 'openat("/etc/shadow", O_RDONLY)')" '^refused'
vxe stop $name >/dev/null 2>&1
end_of_tests
