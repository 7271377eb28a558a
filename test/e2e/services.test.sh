#!/bin/bash
# What the launcher owes a service: its exit code, its signals, reaped orphans, systemd's sockets, sd_notify, a log; and nothing of
# the caller beside that.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/services.test.sh "$@"

service=$world/service
gcc -O2 -static -o "$service" test/e2e/fixtures/service.c 2>"$world/gcc.log" ||
  { not_ok 'the service compiles' "$(<"$world/gcc.log")"; end_of_tests; }
export VXE_PROFILES=$world VXE_BUNDLES=$world/bundles VXE_ROOT=$world/run VXE_LOGS=$world/logs
cat >"$world/service.vxed.yaml" <<EOF
vxed: 1
name: service
description: The service of the launcher's tests
type: filesystem
program: $service
files:
  $service: read execute
  /proc: read
network: {interface: none}
exec: any
descriptors: [stdio, listen]
services: [notify]
EOF

# starts ARGUMENTS...: runs the service with them in a bundle of its own; $output is what it wrote.
starts() {
  vxe bundle create service --replace --profile service --exec "$service" -- "$@" >"$world/create.log" 2>&1 || cat "$world/create.log"
  try vxe start service
}

starts exit=42
check "start returns the program's code" [ "$status" = 42 ]
starts kill=9
check 'a signal that ended it is told as 128 and its number' [ "$status" = 137 ]
starts orphan
check 'an orphan is reaped' contains "$output" 'orphan: reaped'

SECRET_OF_THE_CALLER=1 starts env
inherits_nothing() { ! grep -q SECRET_OF_THE_CALLER <<<"$output"; }
check "the caller's environment stays outside" inherits_nothing

try vxe bundle audit service
check 'starting leaves the bundle as it was made' [ "$status" = 0 ]

# The manager's side of sd_notify, as systemd has it: a datagram socket.
cat >"$world/manager.mjs" <<'EOF'
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
const [...command] = process.argv.slice(2);
const server = createServer().listen(0, '127.0.0.1', () => {
  // The shell makes LISTEN_PID the launcher's own number, as systemd does.
  const child = spawn('bash', ['-c', 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"', 'bash', ...command],
    { stdio: ['ignore', 'inherit', 'inherit', server._handle.fd], env: { ...process.env } });
  child.on('exit', (code) => process.exit(code ?? 1));
});
EOF
vxe bundle create service --replace --profile service --exec "$service" -- listen >/dev/null 2>&1
listened='descriptor 3: listens, LISTEN_FDS=1, LISTEN_PID is mine'
try node "$world/manager.mjs" build/bin/vxe start service
check "systemd's sockets reach the program under its own number" contains "$output" "$listened"
check 'with --detach, too' node "$world/manager.mjs" build/bin/vxe start service --detach
in_its_log() { build/bin/vxe logs service | grep -q "$listened"; }
check 'as its log says' eventually 5 in_its_log
runtime() { build/bin/vxe-runtime --root "$world/oci" "$@"; }
try node "$world/manager.mjs" build/bin/vxe-runtime --root "$world/oci" run --bundle "$VXE_BUNDLES/service" listens
check 'and by vxe-runtime' contains "$output" "$listened"

manager_listens 60 600
export NOTIFY_SOCKET=$world/manager.sock
starts notify
check 'the program can tell the manager' contains "$output" 'notify: sent'
check 'the manager hears that it is ready' eventually 60 hears '^READY=1$'
check 'and its status' hears '^STATUS=at work$'
names_itself() { ! hears '^MAINPID'; }
check 'but not that another process is the main one' names_itself
: >"$world/heard"
try runtime run --bundle "$VXE_BUNDLES/service" notifies
check 'by vxe-runtime the manager hears it of a profile that has the service' eventually 5 hears '^READY=1$'
check 'and that the container is the main process, by our word' hears '^MAINPID=[0-9]{2,}$'
one_main() { [ "$(grep -c '^MAINPID' "$world/heard")" = 1 ]; }
check 'not by its own' one_main
kill "$manager"
rm -f "$world/manager.sock"
manager_listens 5 20
cp -a "$VXE_BUNDLES/service" "$world/mute"
sed -i 's/"org.vxe.services": "notify"/"org.vxe.services": ""/' "$world/mute/config.json"
try runtime run --bundle "$world/mute" mute
check 'a profile without it gets no socket' contains "$output" '^notify: [^s]'
check 'and the manager hears that it was started' eventually 5 hears '^READY=1$'
mute() { ! hears '^STATUS'; }
check 'and nothing else' mute
kill "$manager"
unset NOTIFY_SOCKET

# Signals: a program that handles them, as pid 2 below the reaper.
vxe bundle create service --replace --profile service --exec "$service" -- wait exit=7 >/dev/null 2>&1
build/bin/vxe start service >"$world/wait.out" 2>&1 &
launcher=$!
waiting() { grep -q waiting "$world/wait.out"; }
check 'it waits' eventually 60 waiting
kill -HUP "$launcher"
wait "$launcher"
launcher_status=$?
check 'a signal to the launcher reaches the program' contains "$(<"$world/wait.out")" 'signal 1$'
check 'and its code comes back' [ "$launcher_status" = 7 ]

# What stays behind holds no descriptor of its caller: who reads the other end of a pipe sees its end.
mkfifo "$world/held"
lets_go() { # COMMAND...: with descriptor 7 open on the pipe
  timeout 60 cat "$world/held" >"$world/read" &
  local reader=$!
  "$@" 7>"$world/held" >"$world/lets-go.log" 2>&1 </dev/null || { kill "$reader"; cat "$world/lets-go.log"; return 1; }
  wait "$reader"
}
check 'vxe start --detach leaves no descriptor of the caller open' lets_go build/bin/vxe start service --detach
check 'while it runs' contains "$(build/bin/vxe status service)" running
check 'and stops' build/bin/vxe stop service
check 'nor does the supervisor of vxe-runtime create' lets_go build/bin/vxe-runtime --root "$world/oci" create --bundle "$VXE_BUNDLES/service" one
check 'while it waits' contains "$(build/bin/vxe-runtime --root "$world/oci" state one)" '"status":"created"'
check 'and is deleted' build/bin/vxe-runtime --root "$world/oci" delete --force one

# What the program chooses (a path, its name, its output) is made to fool who reads of it: it changes no terminal, and begins no line.
sed -i 's/exec: any/exec: once/; s/services: .*/services: []/' "$world/service.vxed.yaml"
vxe bundle create service --replace --profile service --exec "$service" -- escapes wait >/dev/null 2>&1
rm -f "$world/manager.sock"
manager_listens 60 600
NOTIFY_SOCKET=$world/manager.sock build/bin/vxe start service --detach >"$world/lets-go.log" 2>&1 </dev/null
on_terminal() { script -qec "$*" /dev/null </dev/null | tr -d '\r'; }
acts_not() { # COMMAND...: prints something, and on a terminal nothing that acts on it
  local shown
  shown=$(on_terminal "$@")
  [ -n "$shown" ] && ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' <<<"$shown" || { cat -v <<<"$shown"; return 1; }
}
told() { build/bin/vxe status service | grep -q '1 refused'; }
check 'a refused call with such a path is counted' eventually 60 told
check 'status of it changes no terminal' acts_not build/bin/vxe status service
# The line of who records refused files is status's own.
one_line() { [ "$(build/bin/vxe status service | grep -v ' refused files, ports and addresses are ' | grep -c .)" = 2 ]; }
check 'and has no line of its own' one_line
check 'the manager hears of it' eventually 60 hears '^STATUS=1 refused'
forges_nothing() { ! hears '^STOPPING'; }
check 'and nothing that the path says beside that' forges_nothing
check 'nor do its records' acts_not build/bin/vxe logs --violations service
check 'nor the list of violations' acts_not build/bin/vxe violations service --all
check 'nor its decisions' acts_not build/bin/vxe violations service
check 'nor what it wrote' acts_not build/bin/vxe logs service
byte_for_byte() { build/bin/vxe logs service | LC_ALL=C grep -qP '\x1b]0;title\x07'; }
check 'which goes into a pipe as it is' byte_for_byte
check 'nor its name' acts_not build/bin/vxe-runtime --root "$VXE_ROOT" ps service
build/bin/vxe stop service
kill "$manager" 2>/dev/null

# /dev/log goes to the instance's log.
sed -i 's/exec: once/exec: any/; s/services: .*/services: [syslog]/' "$world/service.vxed.yaml"
starts log
try vxe logs service
check 'what it sends to /dev/log is in its log' contains "$output" 'service\[[0-9]+\]: a line for the log'

end_of_tests
