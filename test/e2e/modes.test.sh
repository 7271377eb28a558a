#!/bin/bash
# Soft and production: what is recorded, performed and refused in each, changes while an instance runs, and who may make them.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/modes.test.sh "$@"

. test/e2e/acting.sh

try acting_bundle
check 'the bundle is made' [ "$status" = 0 ]
[[ $status == 0 ]] || { sed 's/^/# /' <<<"$errors"; end_of_tests; }
log=$VXE_LOGS/acting/violations.ndjson

records() { grep -c -- "$1" "$log" 2>/dev/null || true; }
said() { grep -c -- "$1" "$VXE_LOGS/acting/output.log" 2>/dev/null || true; }
grows() { # COMMAND... : its number is larger than it was
  local was=$1 now
  shift
  now=$("$@")
  ((now > was))
}
mode_is() { contains "$(vxe mode acting)" "$1"; }

check 'a new bundle is in production' mode_is '^acting: production; not running$'
vxe start acting --detach >"$world/start.log" 2>&1 || not_ok 'it starts' "$(<"$world/start.log")"
check 'it is refused the file that no rule names' eventually 60 grows 0 said 'open other: EACCES'
check 'and finds nothing in the one that a mount holds' eventually 60 grows 0 said 'open secret: 0 bytes'
check 'and the call' eventually 60 grows 0 said 'getppid: EPERM'
check 'control: it reads the one that is granted' eventually 60 grows 0 said 'open open: 5 bytes'
check 'the refused call is recorded with its rule' eventually 60 grows 0 records '"call":"getppid".*"rule":"calls:default","verdict":"refused","errno":"EPERM"'
check 'status says the mode' contains "$(vxe status acting)" 'running, process [0-9]+, production$'
status_says() { contains "$(vxe status acting)" "$1"; }
check 'and counts' eventually 60 status_says 'violations: [1-9][0-9]* refused, 0 performed, .*getppid'

# Live, from production to soft: calls at once, files not.
vxe mode acting soft >"$world/mode.log"
check 'the verb says that files need a restart' contains "$(<"$world/mode.log")" 'soft asked for, held: calls soft, files and ports production; restart due'
check 'the call is performed now' eventually 60 grows "$(said 'getppid: 0')" said 'getppid: 0'
check 'and recorded as performed' eventually 60 grows 0 records '"call":"getppid".*"verdict":"performed","errno":"EPERM"'
before=$(said 'open other: EACCES')
check 'the file is still refused' eventually 60 grows "$before" said 'open other: EACCES'
check 'status says both' contains "$(vxe status acting)" 'soft asked for, held: calls soft, files and ports production'
check 'for machines too' contains "$(vxe status acting --json)" '"mode":\{"asked":"soft","calls":"soft","objects":"production","restartDue":true'

vxe restart acting --detach >"$world/restart.log" 2>&1
check 'after a restart it reads the file' eventually 60 grows 0 said 'open other: 6 bytes'
check 'and the record says what would have refused it' eventually 60 grows 0 records '"path":"/other/file","needs":"read","rule":"files:default","verdict":"performed","errno":"EACCES","mechanism":"landlock"'
check 'it reads what a mount would hide' eventually 60 grows 0 said 'open secret: 7 bytes'
check 'and the record names the rule and its place' eventually 60 grows 0 records '"path":"/data/secret","needs":"read","rule":"files:/data/secret","at":"acting.vxed.yaml:9:[0-9]*","verdict":"performed","errno":null,"mechanism":"mount"'
none_of() { [ "$(records "$1")" = 0 ]; }
check 'what is permitted is not recorded' none_of '"/data/open"'

# Back to production while it runs.
vxe mode acting production >"$world/mode.log"
check 'the verb says what is not refused yet' contains "$(<"$world/mode.log")" 'files, ports and scopes are not refused until a restart'
check 'the call is refused again' eventually 60 grows "$(said 'getppid: EPERM')" said 'getppid: EPERM'
before=$(said 'open other: 6 bytes')
check 'the file is still read' eventually 60 grows "$before" said 'open other: 6 bytes'
vxe stop acting >/dev/null 2>&1

# A mode that is set while the instance is being started reaches it, whatever the launcher has read by then.
late=
for ((i = 0; i < 12; i++)); do
  vxe mode acting soft >/dev/null
  vxe start acting --detach >"$world/start.log" 2>&1 &
  sleep "0.00$((i % 6 * 2))"
  vxe mode acting production >"$world/mode.log" 2>&1 || late+="$(<"$world/mode.log")"$'\n'
  wait $! || late+="start: $(<"$world/start.log")"$'\n'
  contains "$(vxe mode acting --json)" '"asked":"production"' || late+="try $i: $(vxe mode acting)"$'\n'
  vxe stop acting >/dev/null 2>&1
done
check 'production that is asked for during a start is what is held' [ -z "$late" ]
[[ -z $late ]] || sed 's/^/# /' <<<"$late"

# A mode that is set while other plans are put in place, by a process that is killed the moment after, is not lost with its folder.
cat >"$world/exchange.mjs" <<'NODE'
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { replacePlan } from '../ts/src/bundle/generation.js';
import { readManifest } from '../ts/src/bundle/manifest.js';
import { exchangeFolders } from '../ts/src/native/index.js';
const [bundle] = process.argv.slice(2);
const { manifest } = readManifest(bundle);
const parts = new Map(Object.keys(manifest.plan).map((file) => [file, readFileSync(`${bundle}/${file}`)]));
replacePlan(bundle, parts, manifest, (one, other) => {
  spawn('build/bin/vxe', ['mode', 'acting', 'production'], { detached: true, stdio: 'ignore' });
  // Until it has been written into the folder that goes.
  while (readFileSync(`${bundle}/vxe/mode`, 'utf8') !== 'production\n');
  exchangeFolders(one, other);
  process.kill(process.pid, 'SIGKILL');
  for (;;);
});
NODE
mkdir -p build/e2e && cp "$world/exchange.mjs" build/e2e/exchange.mjs
vxe mode acting soft >/dev/null
killed_between() { node build/e2e/exchange.mjs "$VXE_BUNDLES/acting"; [ $? = 137 ]; }
check 'plans trade places, and who put them there is killed' killed_between
check 'the mode that was set before is the one that stays' eventually 60 mode_is '^acting: production'
rm -f build/e2e/exchange.mjs
check 'the bundle is whole' vxe bundle audit acting

# A mode that cannot be read is none: it does not start, and what runs refuses.
printf 'sfot\n' >"$VXE_BUNDLES/acting/vxe/mode"
refused 'a mode that is none is no leave to start' 1 'sfot' vxe start acting --detach
rm "$VXE_BUNDLES/acting/vxe/mode"
vxe start acting --detach --mode soft >"$world/start.log" 2>&1
check 'for once, soft' eventually 60 status_says ', soft$'
printf 'nonsense\n' >"$VXE_ROOT/acting/mode.new" && mv "$VXE_ROOT/acting/mode.new" "$VXE_ROOT/acting/mode"
check 'what a running supervisor cannot read makes it refuse' eventually 60 grows "$(said 'getppid: EPERM')" said 'getppid: EPERM'
check 'and it says so' eventually 60 status_says 'production asked for, held: calls production'

# A dead supervisor: the instance dies with it; no call is performed for want of an answer.
supervisor=$(node -e 'console.log(JSON.parse(require("node:fs").readFileSync(process.argv[1])).supervisor.pid)' "$VXE_ROOT/acting/state.json")
vxe mode acting soft >/dev/null
kill -KILL "$supervisor"
stopped() { contains "$(vxe status acting 2>&1)" 'stopped|not running'; }
check 'in soft mode too, nothing outlives the supervisor' eventually 60 stopped
vxe stop acting >/dev/null 2>&1
vxe mode acting production >/dev/null

# Landlock's refusals in production: recorded unless it is asked not to, by the supervisor where the kernel's audit stream cannot be read (here
# or not), and for once or for all starts.
recorded() { records '"path":"/other/file".*"verdict":"refused"'; }
starts() { vxe start acting --detach "$@" >"$world/start.log" 2>&1 || not_ok 'it starts' "$(<"$world/start.log")"; }
says_records() { eventually 60 status_says "^ +refused files, ports and addresses are $1" && contains "$(vxe mode acting)" "^acting: refused files, ports and addresses are $1"; }
by_default='recorded (by the supervisor|from the kernel.s audit stream)$'
last=$(recorded)
for how in '' --record-files --record-files=auto; do
  starts ${how:+"$how"}
  check "what Landlock refuses is in the log${how:+ with $how}" eventually 60 grows "$last" recorded
  check 'and it is refused' eventually 60 grows "$(said 'open other: EACCES')" said 'open other: EACCES'
  [[ $how == --record-files ]] && says='recorded by the supervisor$' || says=$by_default
  check 'status and mode say by whom' says_records "$says"
  vxe stop acting >/dev/null 2>&1
  last=$(recorded)
done
supervised() { contains "$(vxe status acting --json)" '"objectRecords":"supervisor"'; }
starts --record-files
check 'a supervisor that records dies' eventually 60 supervised
kill -KILL "$(node -e 'console.log(JSON.parse(require("node:fs").readFileSync(process.argv[1])).supervisor.pid)' "$VXE_ROOT/acting/state.json")"
check 'and with it what it records of' eventually 60 stopped
vxe stop acting >/dev/null 2>&1
last=$(recorded)
vxe mode acting --no-record-files >"$world/mode.log"
check 'the verb says that they are not recorded' contains "$(<"$world/mode.log")" 'not recorded, as asked; from the next start on they are after: vxe mode --record-files=auto acting$'
# Where the kernel tells it for nothing, it is told all the same.
starts
refused_before=$(said 'open other: EACCES')
check 'a file is refused that nobody was asked to record' eventually 60 grows "$refused_before" said 'open other: EACCES'
if contains "$(vxe status acting --json)" '"objectRecords":"audit"' >/dev/null; then
  skip 'it is not recorded' 'the kernel tells of it: its audit stream is on'
else
  check 'it is not recorded' [ "$(recorded)" = "$last" ]
  check 'status and mode say so' says_records 'not recorded, as asked'
  vxe mode acting --record-files=auto >"$world/mode.log"
  check 'what will be is said, too' contains "$(<"$world/mode.log")" "^acting: from the next start on, refused files, ports and addresses are $by_default"
fi
vxe stop acting >/dev/null 2>&1
printf 'nevre\n' >"$VXE_BUNDLES/acting/vxe/record-objects"
refused 'a word that is none is no leave to start' 1 'nevre.*none of auto, always and never' vxe start acting --detach
vxe mode acting --record-files=auto >/dev/null

# A full disk: records are lost and counted, refusals are not.
mount -t tmpfs -o size=64k tmpfs "$VXE_LOGS/acting"
vxe start acting --detach >"$world/start.log" 2>&1 || not_ok 'it starts on a small disk' "$(<"$world/start.log")"
head -c 60k /dev/zero >"$VXE_LOGS/acting/filler" 2>/dev/null; cat /dev/zero >"$VXE_LOGS/acting/filler2" 2>/dev/null
lost() { node -e 'process.exit(JSON.parse(require("node:fs").readFileSync(process.argv[1])).lost > 0 ? 0 : 1)' "$VXE_ROOT/acting/held.json"; }
check 'on a full disk losses are counted' eventually 60 lost
held() { node -e 'console.log(JSON.parse(require("node:fs").readFileSync(process.argv[1]))[process.argv[2]])' "$VXE_ROOT/acting/held.json" "$1"; }
# By what the supervisor keeps in its own file: the program's output is lost with the disk.
check 'and it goes on refusing' eventually 60 grows "$(held refused)" held refused
check 'and performs nothing' [ "$(held performed)" = 0 ]
rm -f "$VXE_LOGS/acting/filler" "$VXE_LOGS/acting/filler2"
whole() { node -e 'const n = require("node:fs").readFileSync(process.argv[1], "utf8").split("\n").filter(Boolean).map((l) => { try { JSON.parse(l); return 1 } catch { return 0 } });
  process.exit(n.at(-1) === 1 && n.filter((x) => !x).length <= 1 ? 0 : 1)' "$log"; }
grown() { grows "$was" records getppid && whole; }
was=$(records getppid)
check 'with room again, whole records follow' eventually 60 grown
vxe stop acting >/dev/null 2>&1
umount "$VXE_LOGS/acting"

# Who may: the bundle's owner, outside.
cp test/e2e/fixtures/all.vxed.yaml "$world"
vxe start acting --detach >/dev/null 2>&1
refused 'vxe mode from inside is refused' 1 'inside the instance' vxe run all build/bin/vxe mode acting soft
inside_unmarked() { ! vxe run all /usr/bin/env -u VXE_INSTANCE build/bin/vxe mode acting soft; }
check 'unmarked, it fails' inside_unmarked
check 'and nothing has changed' mode_is '^acting: production; running: production$'
writes_inside() { vxe run "$@" all /bin/sh -c 'echo soft >"$0/vxe/mode" || echo soft >"$1/acting/mode"' "$VXE_BUNDLES/acting" "$VXE_ROOT"; }
check 'nor by writing the files from inside' eval '! writes_inside'
check 'nor from inside a program in soft mode, which Landlock does not hold' eval '! writes_inside --mode soft'
check 'and still nothing has changed' mode_is '^acting: production; running: production$'
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups env VXE_BUNDLES="$VXE_BUNDLES" VXE_ROOT="$VXE_ROOT" build/bin/vxe mode acting soft; }
check 'another user cannot' eval '! nobody'
check 'control: its owner can' vxe mode acting soft
vxe stop acting >/dev/null 2>&1

# Without root, the program may search folders of its user's that the supervisor may not: what it does there cannot be judged, and that is said.
closing=$world/closing
gcc -O1 -static -o "$closing" test/e2e/fixtures/closing.c || not_ok 'the fixture compiles'
cat >"$world/closing.vxed.yaml" <<PROFILE
vxed: 1
name: closing
description: closes folders
type: filesystem
files: {$closing: read execute, /data: read}
network: {interface: none}
exec: any
capabilities: [CAP_DAC_OVERRIDE]
PROFILE
closing_as() { # UID: in a bundle of its own, in soft mode
  local at=$world/closing-$1
  mkdir -p "$at/data"
  env VXE_BUNDLES="$at/bundles" build/bin/vxe bundle create closing --exec "$closing" --profile closing --mount "/data=$at/data:rw" >"$at/create.log" 2>&1 || return
  chmod 755 "$world"
  chown -R "$1:$1" "$at"
  env HOME="$at" VXE_BUNDLES="$at/bundles" VXE_ROOT="$at/run" VXE_LOGS="$at/log" setpriv --reuid "$1" --regid "$1" --clear-groups build/bin/vxe start closing --mode soft >"$at/out"
}
unseen() { grep '"rule":"files:unseen","verdict":"performed"' "$world/closing-$1/log/closing/violations.ndjson" | grep -oE '"detail":"[a-z0-9]+\(' | cut -d'"' -f4 | tr -d '(' | tr '\n' ' '; }
judged() { grep -c '"rule":"files:/data".*"verdict":"performed"' "$world/closing-$1/log/closing/violations.ndjson"; }
if setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user true 2>"$world/probe.err"; then
  check 'an ordinary user runs what closes its folders' closing_as 65534
  check 'where it may do as it likes' [ "$(grep -c ' 0$' "$world/closing-65534/out")" = 9 ]
  check 'each act there is told as one that was not judged' [ "$(unseen 65534)" = 'openat openat openat mkdir rename link unlink bind execve ' ]
  unseen_said() { env VXE_LOGS="$world/closing-65534/log" VXE_BUNDLES="$world/closing-65534/bundles" build/bin/vxe violations closing | grep -A3 -F 'rename("/data/closed/file")'; }
  check 'and shown so' contains "$(unseen_said)" 'not judged'
  check 'with no rule that would permit it' contains "$(unseen_said)" 'no rule comes of it'
else
  skip 'what an ordinary user closes' "no user namespace for an ordinary user here: $(<"$world/probe.err")"
fi
check 'root runs it' closing_as 0
check 'and judges all of it' [ -z "$(unseen 0)" ]
check 'control: as many acts' [ "$(judged 0)" = 12 ]

end_of_tests
