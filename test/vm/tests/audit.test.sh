#!/bin/bash
# What Landlock refuses in production is recorded from the kernel's audit stream where that is on: the same acts with it and without, and what is recorded
# of them by the stream and by the supervisor. Of what is made, removed or moved the stream tells the folder.
. "$(dirname "$0")/../../e2e/tap.sh"
abi=$(perl -e 'print syscall(444, 0, 0, 1)')
((abi >= 7)) || skip_all "Landlock ABI $abi tells the audit stream nothing"
machine_world 120
# audit on|off|said: the kernel's switch (audit_status of linux/audit.h), and what it is now
audit() {
  perl -e 'use Socket; my %to = (on => 1, off => 0);
    socket(my $s, 16, 3, 9) or die "no audit: $!"; my $kernel = pack("SSLL", 16, 0, 0, 0);
    if (defined(my $on = $to{$ARGV[0]})) {
      send($s, pack("LSSLL", 60, 1001, 5, 1, 0) . pack("L11", 1, $on, (0) x 9), 0, $kernel) or die $!; recv($s, my $done, 4096, 0);
      my (undef, undef, undef, undef, undef, $error) = unpack("LSSLLl", $done); die "audit: $error" if $error; exit 0 }
    send($s, pack("LSSLL", 16, 1000, 1, 2, 0), 0, $kernel) or die $!; recv($s, my $got, 4096, 0);
    my @words = unpack("LSSLL L11", $got); print $words[6] ? "on\n" : "off\n"' "$1"
}
before=$(audit said)
trap 'audit "$before"; rm -rf "$world" /var/log/vxe/told-*; wait' EXIT

mkdir -p "$world"/{open,shut/folder}
echo text | tee "$world/open/file" "$world/shut/file" "$world/shut/old" >/dev/null
ln -s "$world/shut/file" "$world/open/link"
cat >"$world/acts.pl" <<'PERL'
use strict; use Fcntl; use Socket; use POSIX ();
my ($w, $wait) = @ARGV; my @said;
sub act { my ($name, $done) = @_; push @said, "$name " . ($done ? 'ok' : $! == POSIX::EACCES() ? 'EACCES' : "$!") }
sub opened { my ($name, $flags) = @_; sysopen(my $f, "$w/$name", $flags) }
act('granted', opened('open/file', O_RDONLY));
act('read', opened('shut/file', O_RDONLY)); act('write', opened('shut/file', O_WRONLY)); act('list', opened('shut/folder', O_RDONLY));
act('link', opened('open/link', O_RDONLY)); act('create', opened('shut/new', O_CREAT | O_WRONLY));
act('mkdir', mkdir "$w/shut/made"); act('unlink', unlink "$w/shut/old"); act('rename', rename "$w/open/file", "$w/shut/moved");
act('truncate', truncate "$w/shut/file", 0); act('rmdir', rmdir "$w/shut/folder");
my $child = fork; if (!$child) { opened('shut/file', O_RDWR); POSIX::_exit(0) } waitpid($child, 0);
socket(my $s, PF_INET, SOCK_STREAM, 0); act('connect', connect($s, pack_sockaddr_in(81, INADDR_LOOPBACK)));
socket(my $t, PF_INET, SOCK_STREAM, 0); act('bind', bind($t, pack_sockaddr_in(7081, INADDR_LOOPBACK)));
$| = 1; print join("\n", @said), "\n"; sleep $wait;
PERL
refusals='granted ok read EACCES write EACCES list EACCES link EACCES create EACCES mkdir EACCES unlink EACCES rename EACCES truncate EACCES rmdir EACCES connect EACCES bind EACCES'
for name in stream supervised; do
  cat >"$world/profiles/told-$name.vxed.yaml" <<PROFILE
vxed: 1
name: told-$name
type: filesystem
files: {/: read execute, $world/open: read write create remove, $world/shut: none}
exec: any
network: {interface: host}
PROFILE
done
# runs NAME OPTION...: its acts, and what status says meanwhile of who records
runs() {
  vxe run --name "told-$1" "${@:2}" "told-$1" perl "$world/acts.pl" "$world" 4 >"$world/$1.said" 2>&1 &
  eventually 60 grep -q '^bind' "$world/$1.said"
  sleep 1
  who=$(vxe status "told-$1")
  wait $!
}
# What of the records both sources can tell: the call's own file or folder, what it was for.
told() { node -e 'const lines = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n").map((each) => JSON.parse(each));
  console.log([...new Set(lines.filter(({ verdict }) => verdict === "refused").map(({ path, to, needs, rule }) => `${path ?? to} ${needs} ${rule}`))].sort().join("\n"))' "/var/log/vxe/told-$1/violations.ndjson"; }

check 'the audit stream is off' audit off
runs supervised
check 'without it all is refused that is to be' [ "$(grep -v '^vxe' "$world/supervised.said" | tr '\n' ' ')" = "$refusals " ]
check 'and the supervisor records it' contains "$who" 'refused files, ports and addresses are recorded by the supervisor'
check 'the audit stream is on' audit on
check 'as the kernel says' [ "$(audit said)" = on ]
runs stream
check 'with it the same is refused' [ "$(grep -v '^vxe' "$world/stream.said" | tr '\n' ' ')" = "$refusals " ]
check 'and recorded from it' contains "$who" "refused files, ports and addresses are recorded from the kernel's audit stream"
told supervised >"$world/supervised.told"
told stream >"$world/stream.told"
sed 's/^/# supervisor: /' "$world/supervised.told"
sed 's/^/# stream: /' "$world/stream.told"
check 'the supervisor has a record of each' [ "$(wc -l <"$world/supervised.told")" = 11 ]
sed -E "s|^($world/shut)/moved create |\1 create remove |; s|^($world/shut)/[a-z]+ (write )?(create\|remove) |\1 \3 |" "$world/supervised.told" | sort -u >"$world/expected.told"
check 'and so has the stream' diff "$world/expected.told" "$world/stream.told"
check 'for each time' [ "$(grep -c . /var/log/vxe/told-stream/violations.ndjson)" = "$(grep -c . /var/log/vxe/told-supervised/violations.ndjson)" ]
check 'status counts them' contains "$who" 'violations: [1-9][0-9]* refused, 0 performed'
check 'why explains one' contains "$(vxe why told-stream 1 2>&1)" 'landlock|network|no bundle'
end_of_tests
