#!/bin/bash
# A service that says when it is ready is up for systemd from then on, and no sooner. What it is refused is in the journal, by fields; a journal that is
# killed holds nobody up. Every field of every entry is what the record says, whatever a program has put into it.
. "$(dirname "$0")/../../e2e/tap.sh"
unit=vxe@ready.service
dropin=/etc/systemd/system/$unit.d
trap 'systemctl stop "$unit"; rm -rf "$dropin"; systemctl daemon-reload' EXIT

((VXE_VM_LANDLOCK >= 6)) || skip_all "Landlock ABI $VXE_VM_LANDLOCK cannot hold the profile"

mkdir -p "$dropin"
printf '[Service]\nType=notify\n' >"$dropin/notify.conf"
systemctl daemon-reload
state() { systemctl show -P ActiveState "$unit"; }
is_state() { [[ $(state) == "$1" ]]; }

systemctl start --no-block "$unit"
sleep 1
check 'it is not up before it says so' is_state activating
check 'it is up when it has said so' eventually 20 is_state active
check 'its status line arrived' [ "$(systemctl show -P StatusText "$unit")" = 'ready for what comes' ]
# entries COUNT FIELD...: so many entries of the journal have these fields.
entries() { [[ $(journalctl --no-pager -q -o cat "${@:2}" | wc -l) == "$1" ]]; }
refuse() { systemctl kill --kill-who=main -s USR1 "$unit"; }
log=/var/log/vxe/ready/violations.ndjson
records() { [[ $(grep -c '"call":"getpriority".*"verdict":"refused"' "$log") == "$1" ]]; }
check 'nothing was refused so far' entries 0 VXE_INSTANCE=ready
refuse
check 'a refusal is in the log' eventually 20 records 1
check 'it is in the journal, under the instance and the call' eventually 20 entries 1 VXE_INSTANCE=ready VXE_CALL=getpriority
check 'with all that a reader looks for' entries 1 VXE_PROFILE=ready VXE_MODE=production VXE_VERDICT=refused VXE_ERRNO=EPERM \
  VXE_MECHANISM=seccomp VXE_COUNT=1 VXE_RULE=calls:default PRIORITY=4 SYSLOG_IDENTIFIER=vxe MESSAGE_ID=5c4f0d3f3a6b4c1e9d8a7f2b6e1c0a95
check 'control: another rule has no entry' entries 0 VXE_INSTANCE=ready VXE_RULE=calls:socket
check 'the journal is killed' systemctl kill -s KILL systemd-journald.service
refuse
check 'the next call is refused and logged all the same' eventually 20 records 2
check 'the service has not ended' is_state active
check 'what was refused meanwhile reaches the journal when it is back' eventually 60 entries 2 VXE_INSTANCE=ready VXE_CALL=getpriority

# One of each: refused by its registers, by what it names, by an address; names that are long, that act on a terminal, that are no text; more of a kind than
# are told one by one; and what hooks tell.
told=$(mktemp -d)
trap 'systemctl stop "$unit"; rm -rf "$dropin" "$told" /var/log/vxe/told /var/log/vxe/told-soft; systemctl daemon-reload' EXIT
deep=$(printf '\303\251%.0s' {1..100})
mkdir -p "$told/open" "$told/shut/$deep/$deep/$deep"
cat >"$told/told.vxed.yaml" <<PROFILE
vxed: 1
name: told
type: filesystem
files: {/: read execute, $told/open: read write create, $told/shut: none}
exec: any
network: {interface: loopback}
calls:
  when: {getpriority: [{which: PRIO_PROCESS}]}
  after:
    openat: [{flags: {with: O_CREAT}}]
    lseek: [{}]
PROFILE
cat >"$told/acts.pl" <<'PERL'
use strict; use Fcntl; use Socket;
my ($w) = @ARGV;
sub opened { my ($name, $flags) = @_; sysopen(my $f, "$w/$name", $flags) }
opened('open/made', O_CREAT | O_WRONLY); opened('open/none/x', O_CREAT | O_WRONLY);
opened('shut/x', O_CREAT | O_WRONLY); opened('shut', O_RDONLY); opened("shut/\x1b[31m\xff\nVXE_RULE=forged\xc2\x9b \xc3\xa9\xe2\x80\xae", O_CREAT | O_RDWR);
opened('shut/' . "\xc3\xa9" x 100 . ('/' . "\xc3\xa9" x 100) x 2 . "/x", O_CREAT | O_WRONLY);
socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in(81, inet_aton('127.0.0.1')));
syscall(140, 2, 0) for 1 .. 40;
my $m; open($m, '<', '/proc/self/mem') and sysseek($m, 4611686018427387905, 0);
PERL
# compared INSTANCE WHAT OPTION...: its run, and every entry beside its record; WHAT has to be among them
compared() {
  local instance=$1 what=$2 said
  VXE_PROFILES=$told vxe run --name "$instance" "${@:3}" told perl "$told/acts.pl" "$told" >"$told/output" 2>&1 || cat "$told/output"
  journalctl --sync
  said=$(journalctl -a -q --no-pager -o json "VXE_INSTANCE=$instance" | node test/vm/inside/journal.mjs /var/log/vxe "$instance") || { echo "$said"; return 1; }
  echo "$said"
  [[ $said =~ ^compared\ [0-9]+:\ $what$ ]]
}
if vxe doctor | grep -Eq '^bpf:tracepoints +yes'; then
  hooked='result failed wide '
else
  hooked=
  skip 'what hooks tell in the journal' 'no program can be put on a tracepoint here'
  sed -i '/^  after:/,$d' "$told/told.vxed.yaml"
fi
check 'control: the journal has room for all that is sent at once' [ "$(</proc/sys/net/unix/max_dgram_qlen)" -ge 100 ]
check 'every field of every entry is what its record has' compared told "long bytes acting folded address needs ${hooked}refused" --record-files
check 'of what soft mode performs, too' compared told-soft "long bytes acting folded address needs ${hooked}performed" --mode soft

check 'it stops' systemctl stop "$unit"
check 'systemd counts that as a clean end' is_state inactive

end_of_tests
