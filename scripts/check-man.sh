#!/bin/bash
# Makes the manual pages and has each rendered: a warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

node scripts/man.mjs build/man
if ! command -v groff >/dev/null; then
  echo 'man: groff is missing, the pages were not checked; apt-get install groff-base' >&2
  exit 1
fi
status=0
for page in build/man/*.[1-8]; do
  warnings=$(groff -man -ww -z -Tutf8 "$page" 2>&1) || status=1
  if [[ -n $warnings ]]; then
    printf '%s\n' "$warnings" >&2
    status=1
  fi
done
exit "$status"
