#!/bin/bash
# Runs the tests that the kernel's command line names (vxe.tests=a,b) and tells of them on the second serial line:
#   @begin NAME, the test's TAP, @end NAME STATUS; after the last one @done.
# What is worth keeping is written to a disk of its own as a tar archive.
set -uo pipefail

results=/dev/ttyS1
stty -F "$results" raw -echo
exec >"$results" 2>&1 </dev/null

parameter() { # NAME: its value on the kernel's command line
  local word
  for word in $(</proc/cmdline); do
    [[ $word != "$1="* ]] || printf '%s\n' "${word#*=}"
  done
}

. /usr/local/vm/test/vm/inside/world.sh
cd "$machine" || exit 1
limit=$(parameter vxe.limit)
export VXE_VM_KERNEL VXE_VM_LANDLOCK VXE_VM_LANDLOCK_OR VXE_VM_LOGS=/run/vxe-vm-logs
VXE_VM_KERNEL=$(parameter vxe.kernel)
VXE_VM_LANDLOCK=$(parameter vxe.landlock)
# 7+: of a kernel that the archive replaces by newer ones.
VXE_VM_LANDLOCK_OR=${VXE_VM_LANDLOCK//[0-9]/}
VXE_VM_LANDLOCK=${VXE_VM_LANDLOCK%+}
logs=$VXE_VM_LOGS
mkdir -p "$logs"

echo '@up'
IFS=, read -ra names <<<"$(parameter vxe.tests)"
for name in "${names[@]}"; do
  seconds=$limit
  [[ $name != *@* ]] || seconds=${name#*@}
  name=${name%@*}
  printf '@begin %s\n' "$name"
  case $name in
    native/*) program=("$machine/$name") ;;
    *) program=(bash "test/vm/$name.test.sh") ;;
  esac
  status=0
  timeout --kill-after=5 "${seconds:-120}" "${program[@]}" 2>"$logs/${name//\//-}.err" || status=$?
  ((status == 0)) || sed 's/^/# /' "$logs/${name//\//-}.err" | tail -n 30
  printf '@end %s %d\n' "$name" "$status"
done

journalctl --no-pager -o short-monotonic >"$logs/journal.log" 2>&1
cp -a /var/log/vxe "$logs/vxe" 2>/dev/null
tar -C "$logs" -cf /dev/disk/by-partuuid/76786504-01 .
sync
echo '@done'
