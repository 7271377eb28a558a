#!/bin/bash
# The mail server under systemd. A kernel whose Landlock cannot hold the profile must not start it at all.
. "$(dirname "$0")/../../e2e/tap.sh"
world=$(mktemp -d)
trap 'systemctl stop vxe@popd; systemctl reset-failed; rm -rf "$world"' EXIT
unit=vxe@popd.service

silent() { ! (exec 3<>/dev/tcp/127.0.0.1/110) 2>/dev/null; }
none_left() { [[ -z $(process_of popa3d) ]]; }
active_state() { systemctl show -P ActiveState "$1"; }
is_state() { [[ $(active_state "$1") == "$2" ]]; }

# The profile rules TCP ports, which Landlock knows since ABI 4, and signals and abstract sockets, since ABI 6.
if ((VXE_VM_LANDLOCK < 6)); then
  refused 'popd is refused, and the error names a right that this kernel cannot hold' 1 \
    "popd: the profile needs Landlock.s truncate \\(ABI 3\\), bind_tcp and connect_tcp \\(ABI 4\\), .*and this kernel has Landlock ABI $VXE_VM_LANDLOCK" vxe start popd
  refused 'in the background too' 1 'popd.*Landlock' vxe start popd --detach
  check 'nothing of it was started' none_left
  check 'nothing answers on its port' silent
  systemctl start "$unit"
  check 'the unit does not stay up' eventually 20 is_state "$unit" failed
  check 'its journal says why' contains "$(journalctl --no-pager -u "$unit")" 'Landlock'
  check 'still nothing answers' silent
  end_of_tests
fi

check 'the unit starts' systemctl start "$unit"
check 'it answers on port 110' eventually 20 wait_for_port 110
check 'systemd has it as active' is_state "$unit" active
main_pid=$(systemctl show -P MainPID "$unit")
check 'its main process is the launcher' [ "$(readlink "/proc/$main_pid/exe")" = /usr/local/bin/vxe ]
listing=$(pop3 list "alice:$password" /)
check 'alice logs in and sees three messages' [ "$(grep -c '^[123] ' <<<"$listing")" = 3 ]
check 'a message arrives whole' contains "$(pop3 retrieve "alice:$password" /3)" 'The figures are fine\.'
refuses_wrong_password() { ! pop3 wrong alice:wrong /; }
check 'a wrong password is refused' refuses_wrong_password
told() { journalctl --no-pager -o cat -t vxe-popd | grep -q 'popa3d.*alice'; }
check "the host's log has its messages, under the tag of the instance" eventually 10 told
forged() { [[ -n $(journalctl --no-pager -q -t popa3d) ]]; }
untold() { ! forged; }
check "and under no program's own" untold
server=$(process_of popa3d)
check 'the server is in the cgroup of its unit' grep -q "/vxe@popd.service" "/proc/$server/cgroup"
check 'it stops' systemctl stop "$unit"
check 'systemd counts that as a clean end' is_state "$unit" inactive
check 'no process is left' none_left
check 'the port is free' silent
check 'its cgroup is gone' [ ! -e /sys/fs/cgroup/system.slice/system-vxe.slice/$unit ]

end_of_tests
