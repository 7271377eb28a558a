#!/bin/bash
# The prompt of `make vm-shell`.
. /usr/local/vm/test/vm/inside/world.sh
size=$(sed -n 's/.*vxe\.size=\([0-9]*x[0-9]*\).*/\1/p' /proc/cmdline)
[[ -z $size ]] || stty rows "${size%x*}" cols "${size#*x}"
dmesg -n 1
cd /root || exit 1
printf '\nLinux %s with systemd; vxe is installed, the bundles are %s.\n' "$(uname -r)" "$(ls -m /var/lib/vxe/bundles)"
printf 'Leave the shell to end the machine (or press ^A X); nothing in it is kept.\n\n'
export TERM=${TERM:-vt220} PS1='vm# '
exec bash --norc -i
