#!/bin/bash
# The limits of a profile's `resources` and `limits`, where cgroup v2 has its controllers: what is beyond them is refused, killed or made to wait,
# in every way that a profile is started by. Without VXE the same attempts succeed. A limit that nothing holds is an error that names it.
. "$(dirname "$0")/../../e2e/tap.sh"
. "$(dirname "$0")/limits.sh"
# The modules' disk, which nothing else reads by now.
disk=$(lsblk -dno PKNAME /dev/disk/by-partuuid/76786502-01)
numbers=$(lsblk -dno MAJ:MIN "/dev/$disk" | tr -d ' ')
cleanup() {
  echo "$numbers enable=0" >/sys/fs/cgroup/io.cost.qos
  vxe bundle remove fenced >/dev/null 2>&1
  loginctl disable-linger fenced 2>/dev/null
  rm -rf "$world"
}
trap cleanup EXIT

unruled='accept-unenforced: ["files:unix-sockets"]'
tree_profile free '' "$unruled"
tree_profile loose '' "$unruled"$'\n'"$resources"
tree_profile tight '' "$unruled"$'\nresources: {pids: 5, memory: 1G}'
tree_profile slow '' "$unruled"$'\nresources: {io: 10}'
probe_profile fenced once
cat >"$world/profiles/fenced.yaml" <<RECIPE
recipe: 1
name: fenced
description: asks for more than it gets
source: {exec: $probe}
profile: fenced
program: [$probe$(printf ', "%s"' "${questions[@]}")]
RECIPE

free_of_limits() { # ANSWERS: all that was asked for was had
  [[ $(answer "$1" memory:64) == 'exit 0' && $(answer "$1" forks:30) == '30 ' && $(answer "$1" opens:200) == '200 ' ]] &&
    (($(answer "$1" spin:1500) > 900)) || { cat "$1" "$1.err"; return 1; }
}
ask "$world/control" "$probe" "${questions[@]}"
check 'without VXE nothing of that is limited' free_of_limits "$world/control"
ask "$world/free" vxe run free -- "$probe" "${questions[@]}"
check 'nor by a profile without limits' free_of_limits "$world/free"

# From here, as from any shell, the own cgroup cannot be divided: systemd makes one.
check 'a bundle is made' vxe bundle create fenced
export -f vxe
ask "$world/start" build/bin/vxe start fenced
held 'vxe start' "$world/start"
ask "$world/run" build/bin/vxe run loose -- "$probe" "${questions[@]}"
held 'vxe run' "$world/run"
cgroup_of() { answer "$1" read:/proc/self/cgroup; }
check 'its cgroup is a scope of systemd' contains "$(cgroup_of "$world/run")" '^0::/system\.slice/vxe-loose-[0-9]+\.scope'
no_scope() { [[ -z $(systemctl list-units --no-legend --plain 'vxe-*.scope') ]]; }
check 'nothing of it is left in systemd' eventually 10 no_scope

# In a unit, as vxe@.service is one, it is the unit's cgroup that is divided.
unit=(systemd-run --quiet --wait --pipe --collect -E "VXE_PROFILES=$VXE_PROFILES" -E "VXE_COMPILED=$VXE_COMPILED")
ask "$world/unit" "${unit[@]}" --unit limits-unit -p Delegate=yes "$PWD/build/bin/vxe" start fenced
held 'a unit with Delegate=' "$world/unit"
ask "$world/shared" "${unit[@]}" --unit limits-shared "$PWD/build/bin/vxe" start fenced
held 'a unit without' "$world/shared"
ask "$world/divided" "${unit[@]}" --unit limits-divided -p Delegate=yes "$PWD/build/bin/vxe" run loose -- "$probe" read:/proc/self/cgroup
check "with Delegate= it is the unit's that is divided" contains "$(cgroup_of "$world/divided")" '^0::/system\.slice/limits-divided\.service/vxe-loose-[0-9]+'

# Limits within limits: of a stack the lower of each kind, and there is no VXE within VXE.
ask "$world/stack" build/bin/vxe run -p tight -p loose -- "$probe" "${questions[@]}"
held 'a stack' "$world/stack"
check 'of a stack the lowest limit is in force' eval '(($(answer "$world/stack" forks:30 | cut -d" " -f1) < 5))'
refused 'an instance starts none' 1 'inside the instance' vxe run tight -- "$PWD/build/bin/vxe" run loose -- "$probe" exit:0

# From inside, the limits cannot be raised nor left, whatever the rules of files permit.
ask "$world/outside" "$probe" open:/sys/fs/cgroup/cgroup.procs
check 'outside, the tree of cgroups can be written to' grep -q '"ok":true' "$world/outside"
ask "$world/inside" build/bin/vxe run loose -- "$probe" open:/sys/fs/cgroup/cgroup.procs open:/sys/fs/cgroup/system.slice/memory.max
check 'inside, none of it' [ "$(grep -c '"ok":false,"errno":"EROFS"' "$world/inside")" = 2 ]

# A user's own limits, by the user's systemd.
user_with_systemd
as_ask "$world/user" "$PWD/build/bin/vxe" run loose -- "$probe" "${questions[@]}"
held 'a user' "$world/user"
check "in a scope of the user's systemd" contains "$(cgroup_of "$world/user")" "/user@$uid\.service/user\.slice/vxe-loose-[0-9]+\.scope"
own_tree=/sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service
as_ask "$world/user-out" "$probe" "open:$own_tree/cgroup.procs"
check "outside, the user's tree can be written to" grep -q '"ok":true' "$world/user-out"
as_ask "$world/user-in" "$PWD/build/bin/vxe" run loose -- "$probe" "open:$own_tree/cgroup.procs"
check 'inside it cannot' grep -q '"ok":false,"errno":"EROFS"' "$world/user-in"
as_ask "$world/user-io" "$PWD/build/bin/vxe" run slow -- "$probe" exit:0
check 'a controller that the user does not have is named' contains "$(<"$world/user-io.err")" 'resources:io cannot be held here: .* offers this user the controller io'
as_ask "$world/user-none" env -u XDG_RUNTIME_DIR "$PWD/build/bin/vxe" run loose -- "$probe" exit:0
check 'without a systemd of its own, the user is told so' contains "$(<"$world/user-none.err")" 'resources: .*no systemd to ask'

# Time of a disk by weight: somebody has to divide it.
refused 'without anything that divides a disk by weight, the rule is named' 1 'resources:io' vxe run slow -- "$probe" exit:0
echo "$numbers ctrl=user model=linear rbps=4000000 rseqiops=60 rrandiops=60 wbps=4000000 wseqiops=60 wrandiops=60" >/sys/fs/cgroup/io.cost.model
echo "$numbers enable=1 ctrl=user rpct=0 rlat=0 wpct=0 wlat=0 min=100.00 max=100.00" >/sys/fs/cgroup/io.cost.qos
check 'the kernel divides the disk' grep -q "$numbers enable=1" /sys/fs/cgroup/io.cost.qos
check 'then the rule can be held' vxe profile compile slow
# Beside a reader of the usual weight, which reads all the time.
systemd-run --quiet --unit limits-reader --collect -p IOWeight=100 "$probe" "disk:900000:/dev/$disk"
beside_reader() { # NAME COMMAND...: what is read in four seconds, in $mine
  ask "$world/disk-$1" "${@:2}" "disk:4000:/dev/$disk"
  mine=$(answer "$world/disk-$1" "disk:4000:/dev/$disk")
  printf '# %s: %s KiB\n' "$1" "$mine"
}
beside_reader usual systemd-run --quiet --wait --pipe --collect -p IOWeight=100 "$probe"
usual=$mine
check 'at the usual weight it reads beside the other' eval '((usual > 0))'
beside_reader tenth build/bin/vxe run slow -- "$probe"
check 'at a tenth of the weight less than half of that' eval '((mine > 0 && 2 * mine < usual))'
systemctl stop limits-reader

# No cgroup v2 at all: neither what is compiled then nor what was made before starts.
without() { unshare --mount sh -c 'umount -l /sys/fs/cgroup && exec "$@"' sh "$@"; }
refused 'without cgroup v2 the rules are named' 1 'resources:memory cannot be held' without build/bin/vxe profile compile loose --output "$world/other"
refused 'and a bundle does not start' 1 'cgroup v2' without build/bin/vxe start fenced

end_of_tests
