#!/bin/bash
# Stacks: a program under several profiles may do what each of them permits. Every act that only one of them permits is really tried, under
# that one alone first, where it works. And what nothing holds, as a profile accepts it, shows in every view.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/stack.test.sh "$@"

export VXE_PROFILES=$world VXE_RECIPES=$world VXE_BUNDLES=$world/bundles VXE_COMPILED=$world/compiled
export VXE_ROOT=$world/run VXE_LOGS=$world/logs VXE_HISTORY=$world/history
mkdir "$world/left" "$world/right" "$world/shared"

profile() { # NAME FOLDER PORTS [MORE]: what both need, a folder of its own, its ports
  cat >"$world/$1.vxed.yaml" <<PROFILE
vxed: 1
name: $1
type: filesystem
files: {/: read execute, $world/$2: read write create remove, $world/shared: read write create remove}
exec: any
network: {connect: [$3], sockets: {'unix:@bus': connect send}, interface: host}
accept-unenforced: [scope:abstract-unix, files:unix-sockets]
${4:-}
PROFILE
}
# One abstract name of others: nothing keeps back the rest then.
profile left left 'tcp/7001, tcp/7002'
profile right right 'tcp/7002, tcp/7003' 'processes: {signal: none}'
profile strictly shared 'tcp/7002' 'calls: {quiet: {mkdir: [{errno: EXDEV}], mkdirat: [{errno: EXDEV}]}}'
sed -i 's/^files: .*/files: {\/: read write create remove execute}/' "$world/strictly.vxed.yaml"

cat >"$world/listen.mjs" <<'NODE'
import { createServer } from 'node:net';
let left = 3;
for (const port of [7001, 7002, 7003])
  createServer((socket) => socket.on('error', () => {}).end()).listen(port, '127.0.0.1', () => --left || console.log('ready'));
NODE
node "$world/listen.mjs" >"$world/listening" 2>&1 &
eventually 60 grep -q ready "$world/listening" || not_ok 'something listens' "$(<"$world/listening")"

writes() { touch "$world/$1/file" && rm "$world/$1/file"; }
run() { vxe run "$@"; }
may_write() { # FOLDER OPTION...
  local folder=$1
  shift
  run "$@" /bin/sh -c "echo x >$world/$folder/file && rm $world/$folder/file"
}
may_connect() { # PORT OPTION...
  local port=$1
  shift
  run "$@" /bin/bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
}
may_signal() { run "$@" /bin/bash -c 'kill -0 $$'; }
makes_folder() { run "$@" /bin/sh -c "mkdir $world/shared/folder && rmdir $world/shared/folder"; }
check 'without a profile all of it works' writes left
both=(-p left -p right)
for folder in left right; do
  check "files: $folder alone may write in its folder" may_write "$folder" "$folder"
  check "files: the stack may not" not may_write "$folder" "${both[@]}"
  check "files: nor the other way round" not may_write "$folder" --profile right --profile left
done
check 'files: what both permit the stack permits' may_write shared "${both[@]}"
check 'ports: left alone reaches 7001' may_connect 7001 left
check 'ports: the stack does not' not may_connect 7001 "${both[@]}"
check 'ports: right alone reaches 7003' may_connect 7003 right
check 'ports: the stack does not either' not may_connect 7003 "${both[@]}"
check 'ports: what both permit the stack reaches' may_connect 7002 "${both[@]}"
check 'calls: left alone may send signals' may_signal left
check 'calls: the stack may not' not may_signal "${both[@]}"
check 'quiet refusals: left alone makes folders' makes_folder left
check 'quiet refusals: a member that refuses it refuses it for the stack' not makes_folder -p left -p strictly
check 'three members: what all permit' may_write shared -p left -p right -p strictly
check 'three members: what two of them permit' not may_write left -p left -p strictly -p right

touch -d '1 hour ago' "$world/right.vxed.yaml"
sed -i 's/7002, tcp\/7003/7003/' "$world/right.vxed.yaml"
check 'a member that changed is taken up' not may_connect 7002 "${both[@]}"
sed -i 's/tcp\/7003/tcp\/7002, tcp\/7003/' "$world/right.vxed.yaml"

# --- what tells of it
says() { # PATTERN COMMAND...
  local pattern=$1 said
  shift
  said=$("$@" 2>&1)
  grep -Eq -- "$pattern" <<<"$said" || { echo "$said"; return 1; }
}
check 'explain names the members' says 'each of left and right permits' vxe explain left+right
check 'explain tells which member refuses' says 'right: .*refused' vxe explain left+right "openat(\"$world/left/x\", O_WRONLY|O_CREAT)"
check 'and which permits' says 'left: .*allowed' vxe explain left+right "openat(\"$world/left/x\", O_WRONLY|O_CREAT)"
check 'explain tells of what nothing holds' says 'scope:abstract-unix +none \(accepted\)' vxe explain left+right
check 'the stack is what prove says it is' says '^yes left stacked with right permits exactly' vxe prove left --stack right
check 'and is nowhere wider than a member' says '^yes left\+right permits nothing that right refuses' vxe prove left+right --implies right
sed 's/^name: .*/name: careful/; /^accept-unenforced/d' "$world/right.vxed.yaml" >"$world/careful.vxed.yaml"
refused 'what one member alone accepts as not held is not accepted' 1 'scope:abstract-unix cannot be held here' \
  vxe run -p left -p careful /bin/true
refused 'a member twice is misuse' 2 'left twice' vxe run -p left -p left /bin/true
refused 'a member that is not there is named' 1 'nobody' vxe run -p left -p nobody /bin/true
refused 'a stack without a program is misuse' 2 'names no program' vxe run -p left -p right

vxe run --name both -p left -p right /bin/sleep 300 &
waiting() { vxe status both | grep -q 'running, process'; }
eventually 60 waiting || not_ok 'the stack runs' "$(vxe status)"
check 'status names the members' says 'each of these profiles permits: left right$' vxe status both
check 'status tells of what nothing holds' says 'not enforced, as the profile accepts: scope:abstract-unix' vxe status both
check 'so does the list of instances' says 'not enforced, as the profile accepts: scope:abstract-unix' vxe status
as_json() {
  vxe status --json both | node -e '
    const state = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    const want = (key, value) => { if (JSON.stringify(state[key]) !== JSON.stringify(value)) throw new Error(`${key}: ${JSON.stringify(state[key])}`); };
    want("profiles", ["left", "right"]);
    want("unenforced", ["scope:abstract-unix", "files:unix-sockets"]);
    if (state.mode.calls !== "production") throw new Error("mode");'
}
check 'and as JSON' as_json
vxe stop --timeout 1 both
wait %2 2>/dev/null

# --- bundles
bundle() { # NAME PROFILE FILE: a bundle that makes a file in a mount, and ends
  cat >"$world/$1.yaml" <<RECIPE
recipe: 1
name: $1
source: {exec: /usr/bin/touch}
program: [/usr/bin/touch, $3]
profile: $2
admit: {/usr/bin/touch: makes the file that is looked for}
mounts: {/srv: {source: $world/shared, options: [rw]}}
RECIPE
  vxe bundle create "$1"
}
for name in one two; do
  cat >"$world/$name.vxed.yaml" <<PROFILE
vxed: 1
name: $name
type: filesystem
files: {/: read, /usr: read execute, /srv/$name/: read write create, /srv/all/: read write create}
exec: any
network: {sockets: {'unix:@bus': connect send}, interface: host}
accept-unenforced: [scope:abstract-unix]
PROFILE
done
mkdir "$world/shared/one" "$world/shared/two" "$world/shared/all"
check 'a bundle of one profile is made' bundle alone one /srv/one/file
check 'a bundle of a stack is made' bundle stacked '[one, two]' /srv/one/file
check 'and another' bundle stacked-all '[one, two]' /srv/all/file
starts() { vxe start "$1" && [[ -e $world/shared/$2 ]]; }
check 'the one profile lets its program write' starts alone one/file
rm -f "$world/shared/one/file"
check 'the stack does not' not starts stacked one/file
check 'it was not written' [ ! -e "$world/shared/one/file" ]
check 'what both permit is written' starts stacked-all all/file
check 'the bundle tells of what nothing holds' says '^not enforced +scope:abstract-unix' vxe bundle inspect stacked
check 'so does the list of bundles' says 'scope:abstract-unix' vxe bundle list
check 'the bundle names its members' says 'the stack of one and two' vxe bundle inspect stacked
check 'so does the list' says 'one\+two' vxe bundle list
check 'explain knows the bundle for a stack' says 'each of one and two permits' vxe explain stacked
check 'and the member that refuses' says 'two: .*refused' vxe explain stacked 'openat("/srv/one/file", O_WRONLY|O_CREAT)'
check 'the filter is proved' says '^yes the filter decides every call as the profile does' vxe prove stacked
check 'and what is accepted as not held counts as held' says 'accepted as not enforced \(scope:abstract-unix\)' vxe prove stacked
refused 'no one text of a stack is changed in the bundle' 1 'is confined by a stack, of one and two' vxe profile diff stacked

end_of_tests
