#!/bin/bash
# Rules on addresses, descriptors and resources of a profile over the host's own tree: what is granted works, what is not is refused, and what
# cannot be held is an error that names it.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/addresses.test.sh "$@"

export VXE_PROFILES=$world VXE_BUNDLES=$world/bundles VXE_COMPILED=$world/compiled VXE_ROOT=$world/run VXE_LOGS=$world/logs
tree=$(awk '$9 == "cgroup2" || / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
if ! vxe doctor | grep -Eq '^bpf:cgroup-addresses +yes'; then
  skip 'rules on addresses' 'no programs are loaded into a cgroup v2 tree here'
  end_of_tests
fi

: >"$world/out"
bin=$PWD/build/bin/vxe
tree_profile near 'sockets: {tcp/127.0.0.0/8:7000-7009: connect accept, tcp/127.0.0.2: none, udp/127.0.0.1:7053: connect send}'
tree_profile ports 'connect: [tcp/7001], accept: [tcp/7099]' 'accept-unenforced: ["files:unix-sockets"]'
tree_profile takes 'accept: [tcp/7099]' 'descriptors: [stdio, listen]
accept-unenforced: ["files:unix-sockets"]'
tree_profile silent 'accept: []' 'descriptors: []'
tree_profile fat 'accept: []' 'resources: {io: 50, memory: 64M}'

# reach ADDRESS PORT: connects from inside; prints the error's name, or open.
cat >"$world/reach.mjs" <<'NODE'
import { connect } from 'node:net';
const [host, port] = process.argv.slice(2);
const socket = connect(host.startsWith('/') ? { path: host } : { host, port: Number(port) });
socket.on('connect', () => { console.log('open'); process.exit(); }).on('error', (error) => console.log(error.code));
NODE
cat >"$world/listen.mjs" <<'NODE'
import { createServer } from 'node:net';
createServer((socket) => socket.on('error', () => {}).end('hello')).listen(7001, '127.0.0.1');
createServer((socket) => socket.on('error', () => {}).end('hello')).listen(7001, '::1');
createServer((socket) => socket.on('error', () => {}).end('hello')).listen(process.argv[2], () => console.log('ready'));
NODE
node=$(command -v node)
"$node" "$world/listen.mjs" "$world/socket" >"$world/listening" 2>&1 &
eventually 60 grep -q ready "$world/listening" || not_ok "something listens" "$(<"$world/listening")"

reach() { vxe run near "$node" "$world/reach.mjs" "$@" 2>&1 | tail -n 1; }
reaches() { # WANTED ADDRESS [PORT]
  local found
  found=$(reach "${@:2}")
  [[ $found == "$1" ]] || { echo "$found"; return 1; }
}
check 'without a profile it is open' [ "$("$node" "$world/reach.mjs" 127.0.0.1 7001)" = open ]
check 'an address that is granted is open' reaches open 127.0.0.1 7001
check 'as an IPv4-mapped address too' reaches open ::ffff:127.0.0.1 7001
check 'another family is refused' reaches EACCES ::1 7001
check 'a narrower none is refused' reaches EACCES 127.0.0.2 7001
check 'and as a mapped address' reaches EACCES ::ffff:127.0.0.2 7001
check 'whichever address it may be is refused' reaches EACCES 0.0.0.0 7001
check 'another port is refused' reaches EACCES 127.0.0.1 7010
check 'without a profile the unix socket is open' [ "$("$node" "$world/reach.mjs" "$world/socket")" = open ]
check 'a unix socket is refused where nothing can tell it from others' reaches EACCES "$world/socket"

explains() { vxe explain near "$1" | grep -q "$2"; }
check 'explain says what the kernel did' explains 'connect(tcp/127.0.0.1:7001)' 'allowed (network:tcp/127.0.0.0/8:7000-7009)'
check 'and what it refused' explains 'connect(tcp/127.0.0.2:7001)' 'refused with EACCES (network:tcp/127.0.0.2)'

# What soft mode finds is offered as this profile says it: by address and port.
check 'soft mode performs it, where nothing listens' [ "$(vxe run --mode soft --name offered near "$node" "$world/reach.mjs" 127.0.0.1 7010 2>&1 | tail -n 1)" = ECONNREFUSED ]
offer=$(vxe violations offered 2>&1)
check 'a rule on the address and the port is offered' contains "$offer" 'permit by network: sockets: tcp/127\.0\.0\.1:7010: connect'
check 'and none that opens the port of every address' lacks <(echo "$offer") 'network: connect:\|sockets: tcp/7010'
tree_profile near 'sockets: {tcp/127.0.0.0/8:7000-7009: connect accept, tcp/127.0.0.1:7010: connect}'
check 'with it the address is reached' reaches ECONNREFUSED 127.0.0.1 7010
check 'and no other at that port' reaches EACCES 127.0.0.3 7010

left_alone() { [[ -z $(find "$tree" -maxdepth 3 -name 'vxe-near*') ]]; }
check 'no cgroup is left' left_alone
leaves() {
  local said
  said=$(vxe run near /bin/sh -c "echo 0 >$tree/cgroup.procs" 2>&1)
  grep -q 'Read-only' <<<"$said" || { echo "$said"; return 1; }
}
check 'it cannot leave its cgroup, whatever it may write' leaves

# With a connected TCP socket as standard input, as inetd has it.
with_socket() { "$node" -e '
  const { spawn } = require("node:child_process");
  const socket = require("node:net").connect(7001, "127.0.0.1", () => {
    const child = spawn(process.argv[1], process.argv.slice(2), { stdio: [socket._handle.fd, "inherit", "inherit"] });
    child.on("exit", (code) => process.exit(code ?? 1));
  });' "$bin" "$@"; }
refused 'a socket that was made outside is not passed on' 1 'descriptor 0 is a socket that was made outside' with_socket run near /bin/true
check 'where ports alone are ruled it is' with_socket run ports /bin/true

# Sockets of LISTEN_FDS.
activated() { bash -c 'exec 3<"$2"; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$3" run "$1" /bin/sh -c "test -e /proc/self/fd/3"' - "$1" "$world/out" "$bin"; }
check 'descriptors of LISTEN_FDS reach a profile that takes them' activated takes
refused 'and no other' 1 'takes no descriptors.*LISTEN_FDS' activated ports
quiet() { [[ -z $(vxe run silent /bin/sh -c 'echo out; echo err >&2' 2>&1) ]]; }
check 'a profile without stdio writes nowhere' quiet

refused 'a limit that nothing here holds is named' 1 'resources:io cannot be held' vxe run fat /bin/true
as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$world" VXE_ROOT="$world/user" VXE_COMPILED="$world/user" VXE_LOGS="$world/user/logs" "$bin" "$@"; }
mkdir "$world/user"; chown 65534 "$world/user"
chmod 755 "$world"
tree_profile plain 'accept: []' 'accept-unenforced: ["files:unix-sockets"]'
# VXE's log lies in the folder of its state here, so that one mask lies in another.
try as_user run plain /bin/sh -c 'grep Seccomp: /proc/self/status; perl -e "syscall(165, 0, 0, 0, 0, 0)"; exit 7'
check "without root a program runs under its filter" [ "$status/${output//[[:space:]]/}" = 7/Seccomp:2 ]
check 'and what it refuses is recorded' grep -q '"call":"mount".*"verdict":"refused"' "$world"/user/logs/plain-*/violations.ndjson
refused 'without root, rules on addresses are named' 1 'network:tcp/127.0.0.0/8:7000-7009 cannot be held' as_user run near /bin/true

end_of_tests
