#!/bin/bash
# The same cases for vxe-runtime and for Debian's runc and crun: the table is among the machine's logs.
cd "$(dirname "$0")/../../.." || exit 1
# What was measured in such a machine, or, as long as nothing was, on a host.
record=conformance-vm
[[ -e docs/measured/$record.md ]] || record=conformance
exec node test/conformance/run.mjs --tap --record "$record" --out "$VXE_VM_LOGS/conformance"
