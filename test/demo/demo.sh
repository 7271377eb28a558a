#!/bin/bash
# A mail server with everything it needs and nothing else: makes the popd bundle, serves a real client from it, attacks it
# from inside, and takes it away again. Runs in namespaces of its own and a temporary folder; nothing on the host is changed.
# The last line says whether all of it held.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/demo/lib.sh
. test/demo/lib.sh

if [[ ${1:-} != --inside ]]; then
  if ((EUID != 0)); then
    echo 'demo: popd takes port 110 and other people'"'"'s identities, so the demo has to be started as root' >&2
    exit 2
  fi
  folder=$(mktemp -d)
  # The namespaces end with their first process, and all that the demo started with them, however it ends.
  trap 'rm -rf --one-file-system "$folder"' EXIT
  trap 'true' INT TERM
  own_namespaces "$folder" bash test/demo/demo.sh --inside "$folder"
  exit $?
fi

demo=$2
trap finish EXIT
trap 'exit 130' INT TERM

ip link set lo up
mail_world "$demo"

step 'Make an environment that holds popa3d, what it needs, and nothing else'
shown vxe bundle create popd --account alice --accounts-from "$demo/accounts" \
  --mount "/etc/shadow=$demo/accounts/shadow" --mount "/var/mail=$demo/mail" ||
  stop_here 'the bundle was not made'
shown vxe bundle audit popd || broken 'the audit found an executable that nobody admitted'

step 'Start the server in it'
shown vxe start popd --detach || stop_here 'popd did not start'
wait_for_port 110 || stop_here 'popd does not answer on port 110'
shown vxe status || broken 'status failed'

step 'Fetch and delete mail with a POP3 client'
pop3 'wrong password' 'alice:wrong' / && broken 'a wrong password was accepted'
held 'a wrong password is refused'
list=$(pop3 'list' "alice:$password" /) || broken 'alice could not log in'
printf '%s\n' "$list" | sed 's/^/      /'
expect 'three messages are listed' [ "$(grep -c '^[123] ' <<<"$list")" = 3 ]
first=$(pop3 'retrieve' "alice:$password" /1)
expect 'message 1 arrives whole' grep -q '^Subject: Lunch' <<<"$first"
pop3 'delete' "alice:$password" /2 --head -X DELE >/dev/null
expect 'message 2 is gone from the spool' lacks "$demo/mail/alice" 'Subject: Delete me'
expect 'the others are still there' holds_both "$demo/mail/alice" 'Subject: Lunch' 'Subject: Report'
expect "bob's mail was not touched" cmp -s "$demo/mail/bob" "$demo/mail.bob.before"

step 'Let an intruder loose in it, as root, with everything that the server has'
limit=120 shown vxe attack popd && held 'nothing got through that the profile does not grant' || broken 'an attempt got through'

step 'Take the running server over, and have it call what an intruder would'
server=$(process_of popa3d)
while IFS='|' read -r attempt call; do
  # shellcheck disable=SC2086  # a call and its arguments are words
  answer=$(build/demo/inject "$server" $call 2>&1)
  if [[ $answer == refused:* ]]; then held "$attempt: $answer"; else broken "$attempt: $answer"; fi
done <<EOF
execve("/bin/sh")|$execve /bin/sh 0 0
openat("/etc/shadow", O_WRONLY)|$openat -100 /etc/shadow $o_wronly 0
socket(AF_PACKET, SOCK_RAW)|$socket $af_packet 3 0
mount("none", "/var/mail", "tmpfs")|$mount none /var/mail tmpfs 0 0
bpf(BPF_MAP_CREATE)|$bpf 0 0 0
EOF
expect 'the server still serves' serves

step 'What was refused is on record'
shown vxe logs popd --violations
expect 'the record of the shell names the call, the rule and the mechanism' violation_recorded popd execve

step 'Stop, and leave nothing behind'
shown vxe stop popd || broken 'popd did not stop'
expect 'no process of it is left' no_process popa3d
shown vxe bundle remove popd || broken 'the bundle was not removed'
expect 'no bundle is left' test ! -e "$VXE_BUNDLES/popd"
