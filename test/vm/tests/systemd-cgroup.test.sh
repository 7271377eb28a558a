#!/bin/bash
# The systemd cgroup driver: --systemd-cgroup makes a scope around the container, with the limits that systemd and the kernel agree on.
. "$(dirname "$0")/../../e2e/tap.sh"
printf '# subject: systemd %s, cgroup driver\n' "$(systemctl --version | sed -n "1s/[^0-9]*\([0-9]*\).*/\1/p")"
world=$(mktemp -d)
chmod 711 "$world"
runtime=/usr/local/bin/vxe-runtime
trap 'for id in one two three; do "$runtime" delete --force "$id" >/dev/null 2>&1; done; rm -rf "$world"' EXIT

bundle() { # NAME CGROUPS_PATH RESOURCES PROBE_QUESTIONS...
  local folder=$world/$1 path=$2 resources=$3
  shift 3
  mkdir -p "$folder"/rootfs/{bin,proc,dev,sys/fs/cgroup}
  cp /usr/local/vm/build/conformance/probe "$folder/rootfs/bin/probe"
  node -e '
    const [file, cgroupsPath, resources, ...args] = process.argv.slice(1);
    const caps = ["CAP_KILL"];
    require("node:fs").writeFileSync(file, JSON.stringify({
      ociVersion: "1.2.0",
      process: { user: { uid: 0, gid: 0 }, args: ["/bin/probe", ...args], cwd: "/", capabilities: { bounding: caps, effective: caps, permitted: caps } },
      root: { path: "rootfs" },
      mounts: [{ destination: "/proc", type: "proc", source: "proc" }, { destination: "/dev", type: "tmpfs", source: "tmpfs" },
               { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid", "nodev", "noexec"] }],
      linux: { cgroupsPath, resources: JSON.parse(resources), namespaces: ["pid", "mount", "ipc", "uts", "network", "cgroup"].map((type) => ({ type })) },
    }));' "$folder/config.json" "$path" "$resources" "$@"
}
cgroup_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
pid_of() { "$runtime" state "$1" | node -p 'JSON.parse(require("node:fs").readFileSync(0)).pid'; }
property() { systemctl show -P "$2" "$1"; }
limits='{"memory":{"limit":67108864,"swap":67108864},"pids":{"limit":40},"cpu":{"quota":20000,"period":100000,"shares":2048,"cpus":"0"},"devices":[{"allow":false,"access":"rwm"}]}'

bundle one vmtest-deep.slice:vxe:one "$limits" sleep:1000000
# Its streams are the container's, which would hold a pipe open.
creates() { "$runtime" --systemd-cgroup create --bundle "$world/$1" "$1" </dev/null >"$world/out" 2>&1 || { cat "$world/out"; return 1; }; }
check 'a container is created' creates one
pid=$(pid_of one)
path=$(cgroup_of "$pid")
check 'its first process is in the scope, in the slice' [ "$path" = /vmtest.slice/vmtest-deep.slice/vxe-one.scope ]
check 'systemd knows the scope' [ "$(property vxe-one.scope ActiveState)" = active ]
check 'which is delegated' [ "$(property vxe-one.scope Delegate)" = yes ]
check "systemd's memory limit" [ "$(property vxe-one.scope MemoryMax)" = 67108864 ]
check "systemd's limit of tasks" [ "$(property vxe-one.scope TasksMax)" = 40 ]
folder=/sys/fs/cgroup$path
check "the kernel's memory limit" [ "$(<"$folder/memory.max")" = 67108864 ]
check 'of swap' [ "$(<"$folder/memory.swap.max")" = 0 ]
check 'of processes' [ "$(<"$folder/pids.max")" = 40 ]
check 'of the processor' [ "$(<"$folder/cpu.max")" = '20000 100000' ]
check 'of the set of processors' [ "$(<"$folder/cpuset.cpus")" = 0 ]
check 'it starts' "$runtime" start one
check 'the limits stay when systemd is reloaded' systemctl daemon-reload
check 'that of memory' [ "$(<"$folder/memory.max")" = 67108864 ]
check 'that of processes' [ "$(<"$folder/pids.max")" = 40 ]
check 'update changes them' "$runtime" update --memory 83886080 --memory-swap 83886080 --pids-limit 50 one
check "in systemd's eyes" [ "$(property vxe-one.scope MemoryMax)" = 83886080 ]
check "and in the kernel's" [ "$(<"$folder/memory.max") $(<"$folder/pids.max")" = '83886080 50' ]
# A part of what belongs together: the other part is what it was.
check 'update of the quota alone' "$runtime" update --cpu-quota 30000 one
check 'of the period alone' "$runtime" update --cpu-period 200000 one
check 'is in force' [ "$(<"$folder/cpu.max")" = '30000 200000' ]
check 'and stays when systemd is reloaded' systemctl daemon-reload
check 'as it was' [ "$(<"$folder/cpu.max")" = '30000 200000' ]
# systemd counts in hundredths of a processor.
check 'update to a share that is none of those' "$runtime" update --cpu-quota 12345 --cpu-period 100000 one
check 'is exact in the kernel' [ "$(<"$folder/cpu.max")" = '12345 100000' ]
check 'and the next greater one in systemd' [ "$(property vxe-one.scope CPUQuotaPerSecUSec)" = 130ms ]
inside=$("$runtime" exec one /bin/probe read:/proc/self/cgroup)
check 'exec is in the scope' contains "$inside" '0::/\\u000a'
# As a service manager in the container would divide it: nobody can be in the cgroup itself then.
divide() { mkdir "$folder/inner" && echo "$pid" >"$folder/inner/cgroup.procs" && echo +memory >"$folder/cgroup.subtree_control"; }
check 'the cgroup is divided from within' divide
check 'control: it cannot be entered' bash -c '! (echo "$BASHPID" >"$1/cgroup.procs") 2>/dev/null' bash "$folder"
divided=$("$runtime" exec one /bin/probe read:/proc/self/cgroup)
check 'exec is beside the first process then' contains "$divided" '0::/inner\\u000a'
check 'pause' "$runtime" pause one
check 'the kernel says so' grep -q 'frozen 1' "$folder/cgroup.events"
check 'resume' "$runtime" resume one
check 'it is deleted' "$runtime" delete --force one
gone() { [[ ! -e $folder && $(property vxe-one.scope LoadState) == not-found ]]; }
check 'and the scope is gone' eventually 20 gone

# The kernel's own names of limits: systemd is told of these as well.
unified='{"unified":{"memory.max":"67108864","memory.high":"62914560","memory.swap.max":"0","pids.max":"40","cpu.max":"5000 50000","cpu.weight":"42","cpuset.cpus":"0","io.weight":"default 50"},"devices":[{"allow":false,"access":"rwm"}]}'
bundle three vmtest-deep.slice:vxe:three "$unified" sleep:1000000
check 'a container with limits in `unified` is created' creates three
folder=/sys/fs/cgroup/vmtest.slice/vmtest-deep.slice/vxe-three.scope
in_kernel() { (cd "$folder" && cat memory.max memory.high memory.swap.max pids.max cpu.max cpu.weight cpuset.cpus && head -n 1 io.weight) | tr '\n' ' '; }
in_systemd() { for name in MemoryMax MemoryHigh MemorySwapMax TasksMax CPUQuotaPerSecUSec CPUWeight AllowedCPUs IOWeight; do property vxe-three.scope "$name"; done | tr '\n' ' '; }
check 'the kernel has them' [ "$(in_kernel)" = '67108864 62914560 0 40 5000 50000 42 0 default 50 ' ]
check 'and systemd' [ "$(in_systemd)" = '67108864 62914560 0 40 100ms 42 0 50 ' ]
check 'they stay when systemd is reloaded' systemctl daemon-reload
check 'all of them' [ "$(in_kernel)" = '67108864 62914560 0 40 5000 50000 42 0 default 50 ' ]
updates() { "$runtime" update --resources - three <<<'{"unified":{"memory.high":"max","pids.max":"30","cpu.max":"max 100000","cpu.weight":"16"}}'; }
check 'update by `unified`' updates
check 'in the eyes of systemd' [ "$(in_systemd)" = '67108864 infinity 0 30 infinity 16 0 50 ' ]
check 'and of the kernel' [ "$(in_kernel)" = '67108864 max 0 30 max 100000 16 0 default 50 ' ]
check 'it is deleted, too' "$runtime" delete --force three

bundle two '' '{"devices":[{"allow":false,"access":"rwm"}]}' exit:5
"$runtime" --systemd-cgroup run --bundle "$world/two" two </dev/null
check 'run returns the exit code' [ $? = 5 ]
two_gone() { [[ $(property vxe-two.scope LoadState) == not-found ]]; }
check 'its scope, in system.slice by default, is gone' eventually 20 two_gone
bundle two /absolute '{}' exit:0
refused 'a cgroupsPath of the other driver is refused' 1 'SLICE:PREFIX:NAME' "$runtime" --systemd-cgroup run --bundle "$world/two" two

end_of_tests
