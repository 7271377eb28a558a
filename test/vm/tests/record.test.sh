#!/bin/bash
# The BPF programs of the recorder on this kernel: what is recorded of a program is what it did, and a profile's hooks are told of what the kernel has
# performed, in the order of a stack, and of nothing that the filter refuses.
. "$(dirname "$0")/../../e2e/tap.sh"
machine_world 240
trap 'rm -rf "$world"' EXIT
export VXE_LOGS=$world/log VXE_RECORDINGS=$world/recordings
cat >"$world/acts.pl" <<'PERL'
use strict; use Fcntl; use POSIX ();
my ($w) = @ARGV;
sub made { my ($name) = @_; sysopen(my $f, "$w/$name", O_CREAT | O_WRONLY) or print "$name: ", $! + 0, "\n" }
made('made'); open(my $f, '<', "$w/made"); made('none/x');
my $child = fork; if (!$child) { made('child'); POSIX::_exit(0) } waitpid($child, 0);
# getpriority of a process, and of a user.
print 'process: ', syscall(140, 0, 0), "\n"; print 'user: ', syscall(140, 2, 0), "\n";
PERL
perl=$(command -v perl)

# The recorder.
check 'a program is recorded by BPF' vxe trace --recorder bpf -o "$world/r.ndjson" --host "$perl" "$world/acts.pl" "$world"
recorded() { # CALL PATH RESULT
  grep "\"call\":\"$1\"" "$world/r.ndjson" | grep "\"path\":\"$2\"" | grep -Eq "\"result\":$3[,}]"
}
check 'a file that it made is in it, with its descriptor' recorded openat "$world/made" '[0-9]+'
check 'one that is in no folder, with the error' recorded openat "$world/none/x" -2
check 'and what its child did' recorded openat "$world/child" '[0-9]+'
check 'nothing was lost, and it is whole' grep -q '"record":"trailer".*"lost":{},' "$world/r.ndjson"

# Hooks.
vxe doctor | grep -Eq '^bpf:tracepoints +yes' || not_ok 'programs are loaded on the tracepoints of calls'
if ! vxe doctor | grep -Eq '^landlock:truncate +yes'; then
  skip 'hooks after calls' "no profile starts under this kernel's Landlock"
  end_of_tests
fi
hooked() { # NAME CALLS
  cat >"$VXE_PROFILES/$1.vxed.yaml" <<PROFILE
vxed: 1
name: $1
type: filesystem
files: {/: read execute, $world: read write create}
exec: any
network: {interface: none}
calls:
$2
PROFILE
}
hooked first '  when: {getpriority: [{which: PRIO_PROCESS}]}
  after:
    openat: [{flags: {with: O_CREAT}}]
    getpriority: [{}]'
hooked second '  after:
    openat: [{flags: {with: O_CREAT}}]'
rm -f "$world/made" "$world/child"
told() { # RULE: of which profile, where it was, and the error or +
  perl -MJSON::PP -ne 'my $r = decode_json($_); next unless $r->{rule} eq "'"$1"'"; my ($at) = split /:/, $r->{at};
    print join(" ", $at, $r->{path} // "-", $r->{errno} // "+"), "\n"' "$VXE_LOGS/told/after.ndjson"
}
said=$(vxe run --name told --profile first --profile second "$perl" "$world/acts.pl" "$world" 2>&1)
check 'control: the filter refuses what is not permitted' contains "$said" '^user: -1$'
check 'and permits the rest' contains "$said" '^process: [0-9]+$'
check 'what was made is told by both profiles, the first one first' [ "$(told after:openat | grep "$world/made")" = "$(printf '%s\n' "first.vxed.yaml $world/made +" "second.vxed.yaml $world/made +")" ]
check 'what was not found is told with its error' contains "$(told after:openat)" "^second.vxed.yaml $world/none/x ENOENT$"
check "and what a child made" contains "$(told after:openat)" "^first.vxed.yaml $world/child \+$"
check 'the call that was refused is not told' [ "$(told after:getpriority)" = 'first.vxed.yaml - +' ]
end_of_tests
