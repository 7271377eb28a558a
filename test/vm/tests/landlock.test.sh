#!/bin/bash
# What Landlock has had since the kernels of the other machines, held for a profile over the machine's own tree: unix sockets by path (ABI 9) and ports of
# UDP (ABI 10), beside files, ports of TCP, abstract names and signals. Each act is tried outside first, where it succeeds.
. "$(dirname "$0")/../../e2e/tap.sh"
abi=$(perl -e 'print syscall(444, 0, 0, 1)')
((abi >= 10)) || skip_all "Landlock ABI $abi has neither unix sockets nor UDP"
machine_world 120
servers=''
trap 'kill $servers 2>/dev/null; wait; rm -rf "$world"' EXIT
mkdir "$world"/{open,open/shut,closed,closed/let,own,made,plain}
echo secret >"$world/secret"
echo text >"$world/open/file"
echo text >"$world/open/text"
ln -s "$world/closed/s" "$world/open/link"

cat >"$world/servers.pl" <<'PERL'
use strict; use Socket; use IO::Select;
my ($w) = @ARGV;
my ($select, %name) = (IO::Select->new);
sub keep { my ($socket, $name) = @_; $name{fileno $socket} = $name; $select->add($socket) }
sub unix_socket { my ($name, $path) = @_;
  for my $type (SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM) {
    my $suffix = {SOCK_STREAM, '', SOCK_SEQPACKET, 'q', SOCK_DGRAM, 'd'}->{$type};
    socket(my $s, PF_UNIX, $type, 0) or die $!;
    bind($s, pack_sockaddr_un("$path$suffix")) or die "$path: $!";
    $type == SOCK_DGRAM or listen($s, 64) or die $!;
    keep($s, "$name$suffix") } }
unix_socket("open", "$w/open/s"); unix_socket("shut", "$w/open/shut/s"); unix_socket("closed", "$w/closed/s");
unix_socket("let", "$w/closed/let/s"); unix_socket("plain", "$w/plain/s"); unix_socket("abstract", "\0vxe-outside");
for my $port (7002, 7004) {
  socket(my $t, PF_INET, SOCK_STREAM, 0) or die $!; setsockopt($t, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($t, pack_sockaddr_in($port, INADDR_LOOPBACK)) or die $!; listen($t, 64) or die $!; keep($t, "tcp$port");
  socket(my $u, PF_INET, SOCK_DGRAM, 0) or die $!;
  bind($u, pack_sockaddr_in($port, INADDR_LOOPBACK)) or die $!; keep($u, "udp$port") }
$| = 1; print "ready\n";
while (1) { for my $s ($select->can_read) {
  my $name = $name{fileno $s};
  if (getsockopt($s, SOL_SOCKET, SO_TYPE) eq pack('i', SOCK_DGRAM)) { recv($s, my $got, 64, 0); print "$name $got\n" }
  else { accept(my $peer, $s); print "$name connected\n" } } }
PERL

# Does what it is asked, each with `ok` or the errno on a line.
cat >"$world/acts.pl" <<'PERL'
use strict; use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6); use POSIX ();
my $tag = shift @ARGV;
sub unix_to { my ($path) = @_; $path =~ s/^@/\0/; pack_sockaddr_un($path) }
sub open_socket { my ($family, $type) = @_; socket(my $s, $family, $type, 0) or die "socket: $!"; $s }
sub message { my ($to) = @_; my $piece = pack('PQ', $tag, length $tag); (pack('PLx4PQQQlx4', $to, length $to, $piece, 1, 0, 0, 0), $piece) }
sub by { my ($way, $s, $to) = @_;
  return defined send($s, $tag, 0, $to) if $way eq 'sendto';
  return connect($s, $to) && defined send($s, $tag, 0) if $way eq 'connect-send';
  my ($header, $piece) = message($to);
  return syscall(46, fileno $s, $header, 0) >= 0 if $way eq 'sendmsg';
  my $many = $header . pack('Lx4', 0);
  return syscall(307, fileno $s, $many, 1, 0) >= 0 if $way eq 'sendmmsg';
  die $way }
my %acts = (
  read => sub { open(my $f, '<', $_[0]) or return; defined readline $f },
  write => sub { open(my $f, '>>', $_[0]) },
  truncate => sub { truncate($_[0], 0) },
  stream => sub { connect(open_socket(PF_UNIX, SOCK_STREAM), unix_to($_[0])) },
  seqpacket => sub { connect(open_socket(PF_UNIX, SOCK_SEQPACKET), unix_to($_[0])) },
  below => sub { my ($folder, $name) = $_[0] =~ m{(.*)/(.*)}; chdir $folder or die $!; connect(open_socket(PF_UNIX, SOCK_STREAM), unix_to("./$name")) },
  descriptor => sub { my ($folder, $name) = $_[0] =~ m{(.*)/(.*)}; sysopen(my $d, $folder, 0200000) or die $!;
    connect(open_socket(PF_UNIX, SOCK_STREAM), unix_to('/proc/self/fd/' . fileno($d) . "/$name")) },
  (map { my $way = $_; ("dgram-$way" => sub { by($way, open_socket(PF_UNIX, SOCK_DGRAM), unix_to($_[0])) },
    "udp-$way" => sub { by($way, open_socket(PF_INET, SOCK_DGRAM), pack_sockaddr_in($_[0], INADDR_LOOPBACK)) },
    "udp6-$way" => sub { by($way, open_socket(PF_INET6, SOCK_DGRAM), pack_sockaddr_in6($_[0], inet_pton(AF_INET6, '::ffff:127.0.0.1'))) },
    "bound-$way" => sub { my $s = open_socket(PF_INET, SOCK_DGRAM); bind($s, pack_sockaddr_in(7001, INADDR_ANY)) or die "bind: $!";
      by($way, $s, pack_sockaddr_in($_[0], INADDR_LOOPBACK)) }) } qw(sendto connect-send sendmsg sendmmsg)),
  'udp-bind' => sub { bind(open_socket(PF_INET, SOCK_DGRAM), pack_sockaddr_in($_[0], INADDR_LOOPBACK)) },
  'udp6-bind' => sub { bind(open_socket(PF_INET6, SOCK_DGRAM), pack_sockaddr_in6($_[0], inet_pton(AF_INET6, '::1'))) },
  'tcp-bind' => sub { my $s = open_socket(PF_INET, SOCK_STREAM); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1); bind($s, pack_sockaddr_in($_[0], INADDR_LOOPBACK)) },
  'tcp-connect' => sub { connect(open_socket(PF_INET, SOCK_STREAM), pack_sockaddr_in($_[0], INADDR_LOOPBACK)) },
  signal => sub { kill(0, $_[0]) },
  'signal-own' => sub { my $child = fork; if (!$child) { sleep 60; POSIX::_exit(0) } my $sent = kill('KILL', $child); waitpid($child, 0); $sent },
  'own-socket' => sub { my $s = open_socket(PF_UNIX, SOCK_STREAM); unlink $_[0]; bind($s, unix_to($_[0])) or die "bind: $!"; listen($s, 1);
    my $done = connect(open_socket(PF_UNIX, SOCK_STREAM), unix_to($_[0])); my $errno = $!; unlink $_[0]; $! = $errno; $done },
);
my %names = reverse map { $_ => eval "POSIX::$_()" } qw(EACCES EPERM ESRCH ENOENT ECONNREFUSED EADDRINUSE EINVAL ENOSYS EAFNOSUPPORT EXDEV);
for (@ARGV) { my ($act, $of) = split /=/, $_, 2; my ($done, $errno);
  my $child = fork;
  if (!$child) { $done = eval { $acts{$act}->($of) }; $errno = $! + 0;
    print $@ ? "died $@" : $done ? "ok\n" : ($names{$errno} // $errno) . "\n"; $| = 1; print ''; POSIX::_exit(0) }
  waitpid($child, 0) }
PERL

cat >"$world/profiles/reach.vxed.yaml" <<PROFILE
vxed: 1
name: reach
type: filesystem
files:
  /: read execute
  $world/open: read write
  $world/own: read write create remove
  $world/made: read create remove
  $world/open/shut: read
  $world/closed: read
  $world/secret: none
exec: any
network:
  interface: host
  accept: [tcp/7001, udp/7001]
  connect: [tcp/7002]
  sockets:
    udp/7002: connect send
PROFILE
# The same with rules for sockets, which hold whatever the files grant.
sed -e 's/^name: reach/name: ruled/' "$world/profiles/reach.vxed.yaml" >"$world/profiles/ruled.vxed.yaml"
printf '    unix:%s: connect send\n    unix:%s: none\n    unix:%s: connect send\n    unix:@*: connect send\n' "$world/open" "$world/open/shut" "$world/closed/let" >>"$world/profiles/ruled.vxed.yaml"

# The kernel alone: the rights that it knows, as masks of files, network and scopes, and what becomes of a datagram from a socket that is not bound, where
# 7002 may be sent to and nothing, or port 0, be bound.
cat >"$world/kernel.pl" <<'PERL'
use strict; use Socket; use POSIX ();
my @known = (0, 0, 0);
for my $field (0 .. 2) { for my $bit (0 .. 63) { my @asked = (0, 0, 0); $asked[$field] = 1 << $bit;
  my $attr = pack('QQQ', @asked); my $fd = syscall(444, $attr, length $attr, 0);
  if ($fd >= 0) { $known[$field] |= 1 << $bit; POSIX::close($fd) } } }
printf "%x %x %x", @known;
for my $bound ([], [0]) { pipe(my $from, my $to); my $child = fork;
  if (!$child) { my $attr = pack('QQQ', 0, 12, 0); my $fd = syscall(444, $attr, length $attr, 0);
    for my $rule ([8, 7002], map { [4, $_] } @$bound) { my $port = pack('QQ', @$rule); syscall(445, $fd, 2, $port, 0) == 0 or die "rule: $!" }
    syscall(157, 38, 1, 0, 0, 0) == 0 && syscall(446, $fd, 0) == 0 or die "restrict: $!";
    socket(my $s, PF_INET, SOCK_DGRAM, 0) or die $!;
    syswrite($to, defined send($s, 'kernel', 0, pack_sockaddr_in(7002, INADDR_LOOPBACK)) ? ' ok' : $! == POSIX::EACCES() ? ' EACCES' : " $!"); POSIX::_exit(0) }
  close $to; my $said = <$from>; $| = 1; print $said; waitpid($child, 0) }
PERL

perl "$world/servers.pl" "$world" >"$world/heard" 2>"$world/servers.err" &
servers=$!
eventually 60 grep -qx ready "$world/heard" || cat "$world/servers.err" >&2
sleep 600 &
outside=$!
servers="$servers $outside"

# What Landlock knows is what is handled: a right that the table of ABIs lacks would be open to everybody.
check 'the kernel has the rights of the table, and asks for port 0 of who sends without being bound' [ "$(perl "$world/kernel.pl")" = '1ffff f 3 EACCES ok' ]
for name in reach ruled; do check "the profile $name is compiled for this kernel" vxe profile compile "$name"; done
coverage=$(vxe explain reach)
check "files:unix-sockets is Landlock's" contains "$coverage" 'files:unix-sockets +full +landlock'
check 'and says of whose' contains "$coverage" "files:unix-sockets +full +landlock .*own sockets are within its reach"
check 'network:udp is held' contains "$coverage" 'network:udp +full .*landlock'
check "doctor says which ABI it is" contains "$(vxe doctor)" "landlock \(ABI $abi\) +yes"
for right in resolve_unix bind_udp connect_send_udp; do check "doctor: landlock:$right" contains "$(vxe doctor)" "landlock:$right +yes"; done

acts=()
expected=()
of() { # VERDICT ACT...
  local verdict=$1 act
  shift
  for act; do acts+=("$act") expected+=("$verdict"); done
}
run_acts() { # TAG COMMAND...: one line for each act
  local tag=$1
  shift
  timeout "$limit" "$@" perl "$world/acts.pl" "$tag" "${acts[@]}" 2>"$world/acts.err" >"$world/results" || cat "$world/acts.err" >>"$world/results"
}
outside_all() {
  run_acts free
  mapfile -t results <"$world/results"
  check 'control: each act was tried' [ "${#results[@]}" = "${#acts[@]}" ]
  local i
  for i in "${!acts[@]}"; do check "control: ${acts[i]//$world/} succeeds outside" [ "${results[i]}" = ok ]; done
}
inside_all() { # PROFILE
  run_acts "$1" "$PWD/build/bin/vxe" run "$1" --
  mapfile -t results <"$world/results"
  check "$1: each act was tried" [ "${#results[@]}" = "${#acts[@]}" ]
  local i
  for i in "${!acts[@]}"; do check "$1: ${acts[i]//$world/}: ${expected[i]}" [ "${results[i]}" = "${expected[i]}" ]; done
}
ways() { # PATH: each way to the socket there
  printf '%s\n' "stream=$1/s" "seqpacket=$1/sq" "below=$1/s" "descriptor=$1/s" dgram-{sendto,connect-send,sendmsg,sendmmsg}="$1/sd"
}
mapfile -t open < <(ways "$world/open")
mapfile -t shut < <(ways "$world/open/shut")
mapfile -t closed < <(ways "$world/closed")
mapfile -t let < <(ways "$world/closed/let")
mapfile -t plain < <(ways "$world/plain")

of ok "read=$world/open/text" "write=$world/open/file" "truncate=$world/open/file" "${open[@]}"
of EACCES "read=$world/secret" "write=$world/closed/x" "${shut[@]}" "${closed[@]}" "stream=$world/open/link" "${let[@]}" "${plain[@]}"
of EPERM stream=@vxe-outside seqpacket=@vxe-outsideq dgram-{sendto,connect-send,sendmsg,sendmmsg}=@vxe-outsided
of ok {udp,udp6,bound}-{sendto,connect-send,sendmsg,sendmmsg}=7002
of EACCES {udp,udp6,bound}-{sendto,connect-send,sendmsg,sendmmsg}=7004
of ok tcp-connect=7002 tcp-bind=7001 udp-bind=7001 udp6-bind=7001
of EACCES tcp-connect=7004 tcp-bind=7003 udp-bind=7003 udp6-bind=7003 udp-bind=0 udp6-bind=0
# One's own socket is no matter of the rules, as the coverage says.
of ok signal-own= "own-socket=$world/own/s" "own-socket=$world/made/s"
# Who is outside has no number in the instance's process namespace.
of ESRCH "signal=$outside"
outside_all
inside_all reach

acts=() expected=()
of ok "${open[@]}" "${let[@]}" stream=@vxe-outside dgram-sendto=@vxe-outsided
of EACCES "${shut[@]}" "${closed[@]}" "${plain[@]}"
inside_all ruled

# The evaluator says what the kernel did, and by what it was held.
says() { # ACT PATTERN
  contains "$(vxe explain reach "$1" | tr '\n' ' ')" "$2"
}
check 'explain: a socket below a folder that is written' says "connect(unix:$world/open/s)" '^allowed .*held by .*landlock'
check 'explain: one where the files are only read' says "connect(unix:$world/closed/s)" '^refused with EACCES .*held by .*landlock'
check 'explain: an abstract name' says 'connect(unix:@vxe-outside)' '^refused with EPERM .*held by .*landlock'
check 'explain: a port of UDP to send to' says 'connect(udp/127.0.0.1:7002)' '^allowed'
check 'explain: another one' says 'connect(udp/127.0.0.1:7004)' '^refused with EACCES .*held by .*landlock'
check 'explain: a bind to port 0, which is the programs of the cgroup' says 'bind(udp/127.0.0.1:0)' '^refused with EACCES .*held by .*cgroup'

# What arrived is what was granted, and nothing else.
heard() { grep -qx "$1 $2" "$world/heard"; }
not_heard() { ! heard "$@"; }
check 'control: what was sent outside has arrived everywhere' eval 'for to in opend shutd closedd letd plaind abstractd udp7002 udp7004; do heard $to free || exit 1; done'
check 'what was granted has arrived' eval 'heard opend reach && heard udp7002 reach && heard opend ruled && heard letd ruled && heard abstractd ruled'
for to in shutd closedd letd plaind abstractd udp7004; do check "nothing of what was refused has arrived at $to" not_heard "$to" reach; done
end_of_tests
