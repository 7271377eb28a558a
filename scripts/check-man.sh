#!/bin/bash
# Every manual page must render without a warning.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v groff >/dev/null; then
  echo 'man: groff is missing, the pages were not checked; apt-get install groff-base' >&2
  exit 1
fi
status=0
for page in man/*.[1-8]; do
  warnings=$(groff -man -ww -z -Tutf8 "$page" 2>&1)
  if [[ -n $warnings ]]; then
    printf '%s\n' "$warnings" >&2
    status=1
  fi
done
exit "$status"
