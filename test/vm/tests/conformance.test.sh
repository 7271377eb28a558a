#!/bin/bash
# The OCI runtime, case by case, where cgroup v2 has its controllers.
cd "$(dirname "$0")/../../.." || exit 1
exec node test/conformance/run.mjs --tap vxe-runtime
