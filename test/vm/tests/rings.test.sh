#!/bin/bash
# Where the kernel's own setting forbids rings, root's without capabilities too: doctor says so, and none is made.
. "$(dirname "$0")/../../e2e/tap.sh"
setting=/proc/sys/kernel/io_uring_disabled
[[ -e $setting ]] || skip_all 'this kernel has no kernel.io_uring_disabled'
was=$(<$setting)
trap 'echo "$was" >$setting' EXIT

row() { vxe doctor | grep '^io_uring:restricted '; }
maker() { native/test_ring_maker | grep '^# calls:io_uring_setup cannot be held here'; }
not_forbidden() { ! grep -q 'kernel.io_uring_disabled forbids' <<<"$(row)$(maker)"; }
echo 0 >$setting
check 'control: where it is not forbidden, that is not said' not_forbidden
for value in 1 2; do
  echo $value >$setting
  check "kernel.io_uring_disabled=$value: doctor says so" contains "$(row)" ' no +kernel.io_uring_disabled forbids rings'
  check "kernel.io_uring_disabled=$value: no ring is made, and the reason is said" contains "$(maker)" \
    'Operation not permitted; kernel.io_uring_disabled forbids it'
done
end_of_tests
