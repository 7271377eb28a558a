#!/bin/bash
# Files that are gone, or have become others, between the compiling of a profile for the host's tree and the start of a program under it.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/gone.test.sh "$@"

export VXE_PROFILES=$world VXE_BUNDLES=$world/bundles VXE_COMPILED=$world/compiled VXE_ROOT=$world/run VXE_LOGS=$world/logs

mkdir "$world/tree" "$world/tree/secret" "$world/other"
echo hidden >"$world/tree/secret/key"
for file in plain gone changed; do echo "$file" >"$world/tree/$file"; done
for file in a b c; do echo "$file" >"$world/other/$file.txt"; done
cat >"$world/reader.vxed.yaml" <<PROFILE
vxed: 1
name: reader
type: filesystem
files: {/: read execute, $world/tree: read, $world/tree/secret: none, $world/other: none, '$world/other/*.txt': read}
exec: any
accept-unenforced: [files:unix-sockets]
PROFILE
reads() { # WORD FILE
  local found
  found=$(vxe run reader /bin/cat "$world/$2" 2>&1)
  [[ $found == "$1" ]] || { echo "$found"; return 1; }
}
unread() { not vxe run reader /bin/cat "$world/$1"; }
check 'a sibling of what is refused can be read' reads changed tree/changed
check 'so can what a pattern matches' reads b other/b.txt
check 'and nothing of what is refused' unread tree/secret/key
rm "$world/tree/gone" "$world/other/a.txt" "$world/tree/changed" "$world/other/c.txt"
ln -s secret/key "$world/tree/changed"
ln -s ../tree/secret/key "$world/other/c.txt"
check 'with a sibling gone it starts' reads plain tree/plain
check 'with a matched file gone, too' reads b other/b.txt
check 'a link in place of a sibling opens nothing behind it' unread tree/changed
check 'nor one in place of a matched file' unread other/c.txt
check 'nor is what it leads to open by its own name' unread tree/secret/key
echo again >"$world/other/a.txt"
check 'a matched file that is there again is matched again' reads again other/a.txt

end_of_tests
