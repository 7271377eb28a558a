#!/bin/bash
# The same cases for vxe-runtime and for Debian's runc and crun: the table is among the machine's logs.
cd "$(dirname "$0")/../../.." || exit 1
exec node test/conformance/run.mjs --tap --record conformance-vm --out "$VXE_VM_LOGS/conformance"
