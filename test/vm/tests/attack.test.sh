#!/bin/bash
# The battery inside popd, on this kernel.
. "$(dirname "$0")/../../e2e/tap.sh"

((VXE_VM_LANDLOCK >= 6)) || skip_all "Landlock ABI $VXE_VM_LANDLOCK cannot hold the profile, so there is nothing to attack"
limit=110
# An attempt has seconds, and a busy machine may take longer to load this for one.
modprobe -q sctp
check 'the attack gets nothing that the profile does not grant' vxe attack popd --quick

end_of_tests
