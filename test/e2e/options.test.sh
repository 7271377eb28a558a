#!/bin/bash
# Every option of runc and crun is taken, has no effect for a reason that is given, or is an error that names it.
cd "$(dirname "$0")/../.." && exec node test/e2e/options.mjs
