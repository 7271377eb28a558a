#!/bin/bash
# A service that says when it is ready is up for systemd from then on, and no sooner.
. "$(dirname "$0")/../../e2e/tap.sh"
unit=vxe@ready.service
dropin=/etc/systemd/system/$unit.d
trap 'systemctl stop "$unit"; rm -rf "$dropin"; systemctl daemon-reload' EXIT

if ((VXE_VM_LANDLOCK < 6)); then
  printf '1..0 # skip Landlock ABI %s cannot hold the profile\n' "$VXE_VM_LANDLOCK"
  exit 0
fi

mkdir -p "$dropin"
printf '[Service]\nType=notify\n' >"$dropin/notify.conf"
systemctl daemon-reload
state() { systemctl show -P ActiveState "$unit"; }
is_state() { [[ $(state) == "$1" ]]; }

systemctl start --no-block "$unit"
sleep 1
check 'it is not up before it says so' is_state activating
check 'it is up when it has said so' eventually 20 is_state active
check 'its status line arrived' [ "$(systemctl show -P StatusText "$unit")" = 'ready for what comes' ]
check 'it stops' systemctl stop "$unit"
check 'systemd counts that as a clean end' is_state inactive

end_of_tests
