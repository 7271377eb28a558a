#!/bin/bash
# A service that says when it is ready is up for systemd from then on, and no sooner. What it is refused is in the journal, by fields; a journal that is
# killed holds nobody up.
. "$(dirname "$0")/../../e2e/tap.sh"
unit=vxe@ready.service
dropin=/etc/systemd/system/$unit.d
trap 'systemctl stop "$unit"; rm -rf "$dropin"; systemctl daemon-reload' EXIT

((VXE_VM_LANDLOCK >= 6)) || skip_all "Landlock ABI $VXE_VM_LANDLOCK cannot hold the profile"

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
# entries COUNT FIELD...: so many entries of the journal have these fields.
entries() { [[ $(journalctl --no-pager -q -o cat "${@:2}" | wc -l) == "$1" ]]; }
refuse() { systemctl kill --kill-who=main -s USR1 "$unit"; }
log=/var/log/vxe/ready/violations.ndjson
records() { [[ $(grep -c '"call":"getpriority".*"verdict":"refused"' "$log") == "$1" ]]; }
check 'nothing was refused so far' entries 0 VXE_INSTANCE=ready
refuse
check 'a refusal is in the log' eventually 20 records 1
check 'it is in the journal, under the instance and the call' eventually 20 entries 1 VXE_INSTANCE=ready VXE_CALL=getpriority
check 'with all that a reader looks for' entries 1 VXE_PROFILE=ready VXE_MODE=production VXE_VERDICT=refused VXE_ERRNO=EPERM \
  VXE_MECHANISM=seccomp VXE_COUNT=1 VXE_RULE=calls:default PRIORITY=4 SYSLOG_IDENTIFIER=vxe MESSAGE_ID=5c4f0d3f3a6b4c1e9d8a7f2b6e1c0a95
check 'control: another rule has no entry' entries 0 VXE_INSTANCE=ready VXE_RULE=calls:socket
check 'the journal is killed' systemctl kill -s KILL systemd-journald.service
refuse
check 'the next call is refused and logged all the same' eventually 20 records 2
check 'the service has not ended' is_state active
check 'what was refused meanwhile reaches the journal when it is back' eventually 60 entries 2 VXE_INSTANCE=ready VXE_CALL=getpriority
check 'it stops' systemctl stop "$unit"
check 'systemd counts that as a clean end' is_state inactive

end_of_tests
