#!/bin/bash
# That the machine is what the other tests take it for.
. "$(dirname "$0")/../../e2e/tap.sh"
world=$(mktemp -d)
trap 'rm -rf "$world"' EXIT

check 'the kernel is the one that was asked for' [ "$(uname -r)" = "$VXE_VM_KERNEL" ]
check 'the first process is systemd' [ "$(readlink -f /proc/1/exe)" = /usr/lib/systemd/systemd ]
check 'cgroup v2 is mounted, alone' [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
controllers=$(</sys/fs/cgroup/cgroup.controllers)
for controller in cpu io memory pids cpuset; do
  check "the $controller controller is there" contains " $controllers " " $controller "
done
landlock_abi() { perl -e 'my $abi = syscall(444, 0, 0, 1); print $abi'; }
as_expected() { [[ $1 == "$VXE_VM_LANDLOCK" ]] || { [[ $VXE_VM_LANDLOCK_OR == + ]] && (($1 >= VXE_VM_LANDLOCK)); }; }
check "Landlock's ABI is the one that the tests expect of this kernel" as_expected "$(landlock_abi)"
check 'vxe is there, installed' contains "$(/usr/local/bin/vxe --version)" '^vxe [0-9]'
check 'so are the bundles' contains "$(vxe bundle list)" 'popd'
check 'modules of the kernel can be loaded' modprobe overlay
failed_units() { systemctl list-units --failed --no-legend --plain; }
check 'no unit failed while it booted' [ -z "$(failed_units)" ]

end_of_tests
