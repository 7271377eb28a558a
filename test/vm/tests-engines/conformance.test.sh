#!/bin/bash
# The same cases for vxe-runtime and for Debian's runc and crun: the table is among the machine's logs.
cd "$(dirname "$0")/../../.." || exit 1
out=$VXE_VM_LOGS/conformance
mkdir -p "$out"
node test/conformance/run.mjs --tap vxe-runtime
status=$?
node test/conformance/run.mjs --out "$out" >/dev/null 2>"$out/times"
sed 's/^/# /' "$out/times"
grep -E '^- (vxe-runtime|runc|crun): [0-9]+ of' "$out/table.md" | sed 's/^/# /'
exit "$status"
