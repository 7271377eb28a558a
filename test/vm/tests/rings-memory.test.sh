#!/bin/bash
# What a ring of io_uring has the kernel hold is the instance's own memory, by a real memory controller: none of it is the supervisor's, who makes the
# ring, and the limit of the instance is the limit of its rings. Without VXE, and by a profile without limits, the same is had.
. "$(dirname "$0")/../../e2e/tap.sh"
vxe doctor | grep -Eq '^io_uring:restricted +yes' || skip_all 'this kernel makes no rings that can be restricted'
machine_world 240
trap 'systemctl stop vxeouter.slice 2>/dev/null; rm -rf "$world"' EXIT
rings='accept-unenforced: ["files:unix-sockets"]
calls: {permit: [io_uring_setup, io_uring_enter, io_uring_register]}
limits: {nofile: 1024}'
tree_profile ring-free '' "$rings"
tree_profile ring-wide '' "$rings"$'\nresources: {memory: 512M}'
tree_profile ring-tight '' "$rings"$'\nresources: {memory: 24M, pids: 8}'
# A user's locked memory is counted beside, and is not what holds here.
ulimit -l unlimited

# Compiling is not what is measured.
for name in ring-free ring-wide ring-tight; do check "the profile $name is compiled" vxe profile compile "$name"; done

# Who runs it is in a scope of its own, of a slice that remembers the most that was used in it.
systemctl start vxeouter.slice
outer=/sys/fs/cgroup/vxeouter.slice
size() { # CGROUP: KiB
  local bytes=0
  read -r bytes <"$1/memory.current"
  echo $((bytes / 1024))
}
# $got: how many, and the errno of the next one; or `killed` and the status. $inside, $beside: by how many KiB the program's cgroup and that of who
# runs it have grown.
take() { # WHAT COUNT [COMMAND...]
  local what=$1 count=$2 said cgroup status=0 was_inside was_beside
  shift 2
  got='' inside='' beside=''
  coproc RUN { exec timeout "$limit" systemd-run --quiet --scope --slice vxeouter "$@" "$PWD/build/rings/memory" "$what" "$count" 2>"$world/err"; }
  # Its own go when it ends, and it is to end when ours are closed.
  exec {from}<&"${RUN[0]}" {to}>&"${RUN[1]}"
  local pid=$RUN_PID first=${RUN[0]} second=${RUN[1]}
  exec {first}<&- {second}>&-
  if ! read -r -t "$limit" said cgroup <&"$from" || [[ $said != ready ]]; then
    got="did not begin: $(<"$world/err")"
  else
    where=$cgroup
    cgroup=/sys/fs/cgroup$cgroup
    was_inside=$(size "$cgroup") was_beside=$(size "$outer")
    echo >&"$to"
    if read -r -t "$limit" got <&"$from"; then
      inside=$(($(size "$cgroup") - was_inside)) beside=$(($(size "$outer") - was_beside))
      peak=$(($(<"$cgroup/memory.peak") / 1024))
    else
      got=killed
    fi
  fi
  exec {from}<&- {to}>&-
  wait "$pid" || status=$?
  [[ $got != killed ]] || got="killed $status"
}
all() { [[ $got == "$1 0" ]] || { echo "$got"; return 1; }; }

# 64 rings are 49 MiB, and so on: each more than twice the limit.
ways='rings:64 buffers:64 provided:128 polls:300000'
for way in $ways; do
  take "${way%:*}" "${way#*:}"
  check "control: without VXE, $way is had" all "${way#*:}"
  check "and is of who made it ($inside KiB)" eval '((inside > 45000))'
done
take rings 64 "$PWD/build/bin/vxe" run ring-free --
check 'by a profile without limits too' all 64
systemctl stop vxeouter.slice
systemctl start vxeouter.slice
for way in $ways; do
  take "${way%:*}" "${way#*:}" "$PWD/build/bin/vxe" run ring-wide --
  check "with room for it, $way is had" all "${way#*:}"
  check "and is the instance's ($inside KiB)" eval '((inside > 45000))'
  check "in a cgroup that is not of who runs it ($where)" eval '[[ $where == *vxe-ring-wide-* && $where != /vxeouter.slice/* ]]'
  check "none of it is of who runs it ($beside KiB)" eval '[[ $beside =~ ^-?[0-9]+$ ]] && ((beside < 2048))'
done
killed() { # so often, in the instances
  sed -n 's/^oom_kill //p' /sys/fs/cgroup/system.slice/memory.events
}
held() { # WAY: fewer were had, or somebody was killed for it
  if [[ $got =~ ^killed\ (137|1)$ ]]; then
    (($(killed) > kills)) || { echo "$got, and nobody for want of memory: $(<"$world/err")"; return 1; }
  else
    [[ $got =~ ^([0-9]+)\ (ENOMEM|EAGAIN)$ ]] && ((BASH_REMATCH[1] < ${1#*:} && peak <= 24576)) || { echo "$got, at most $peak KiB"; return 1; }
  fi
}
for way in $ways; do
  kills=$(killed)
  take "${way%:*}" "${way#*:}" "$PWD/build/bin/vxe" run ring-tight --
  check "of 24 MiB, $way is not had ($got)" held "$way"
done
most=$(($(<"$outer/memory.peak") / 1024))
check "all that time who runs them had $most KiB at most" eval '((most < 16384))'

# The kernel's threads that work for a ring are processes of the instance.
take workers 64
check "control: without VXE a ring has as many threads as it has work ($got)" eval '((${got% *} >= 32))'
take workers 64 "$PWD/build/bin/vxe" run ring-tight --
check "of eight processes, no more than are left ($got)" eval '((${got% *} < 8))'
end_of_tests
