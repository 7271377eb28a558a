#!/bin/bash
# Containers whose cgroup has little memory: whatever a runtime does in there is paid for by the container. vxe-runtime has to run them;
# what crun and runc do is told beside it.
. "$(dirname "$0")/../../e2e/tap.sh"
world=$(mktemp -d)
chmod 711 "$world"
runtimes=(/usr/local/bin/vxe-runtime crun runc)
trap 'for r in "${runtimes[@]}"; do "$r" --root "$world/state" delete --force held >/dev/null 2>&1; done; rm -rf "$world"' EXIT

bundle() { # NAME LIMIT PROBE_QUESTIONS...
  local folder=$world/$1 limit=$2
  shift 2
  mkdir -p "$folder"/rootfs/{bin,proc,dev}
  cp /usr/local/vm/build/conformance/probe "$folder/rootfs/bin/probe"
  node -e '
    const [file, limit, ...args] = process.argv.slice(1);
    const memory = { limit: Number(limit), swap: Number(limit) };
    require("node:fs").writeFileSync(file, JSON.stringify({
      ociVersion: "1.0.2",
      process: { user: { uid: 0, gid: 0 }, args: ["/bin/probe", ...args], cwd: "/", noNewPrivileges: true },
      root: { path: "rootfs" },
      mounts: [{ destination: "/proc", type: "proc", source: "proc" }, { destination: "/dev", type: "tmpfs", source: "tmpfs" }],
      linux: { cgroupsPath: "/vxe-small-memory", resources: { memory }, namespaces: ["pid", "mount", "ipc", "uts", "network", "cgroup"].map((type) => ({ type })) },
    }));' "$folder/config.json" "$limit" "$@"
}

runs() { # RUNTIME: three times of three
  local i code
  for i in 1 2 3; do
    code=0
    timeout 60 "$1" --root "$world/state" run --bundle "$world/small" "small$i" </dev/null >"$world/out" 2>&1 || code=$?
    [[ $code == 5 ]] || { "$1" --root "$world/state" delete --force "small$i" >/dev/null 2>&1; echo "exit $code: $(tail -n 1 "$world/out")"; return 1; }
  done
}
executes() { # RUNTIME: further programs in a container that waits
  local i code=0
  timeout 60 "$1" --root "$world/state" run --detach --bundle "$world/held" held </dev/null >"$world/out" 2>&1 || { tail -n 1 "$world/out"; return 1; }
  for i in 1 2 3; do
    timeout 60 "$1" --root "$world/state" exec held /bin/probe exit:6 </dev/null >"$world/out" 2>&1 || code=$?
    [[ $code == 6 ]] || { echo "exit $code: $(tail -n 1 "$world/out")"; code=1; break; }
    code=0
  done
  "$1" --root "$world/state" delete --force held >/dev/null 2>&1
  return "$code"
}
limit_held() {
  timeout 60 /usr/local/bin/vxe-runtime --root "$world/state" run --bundle "$world/large" large </dev/null >"$world/out" 2>&1
  grep -q 'signal 9' "$world/out" || { cat "$world/out"; return 1; }
}

for mebibytes in 4 2; do
  limit=$((mebibytes << 20))
  bundle small "$limit" exit:5
  bundle held "$limit" sleep:1000000
  check "vxe-runtime runs a container in $mebibytes MiB" runs /usr/local/bin/vxe-runtime
  check "and executes a further program there" executes /usr/local/bin/vxe-runtime
  for other in crun runc; do
    said=$(runs "$other") && said=runs
    printf '# %s in %s MiB: run: %s\n' "$other" "$mebibytes" "$said"
    said=$(executes "$other") && said=runs
    printf '# %s in %s MiB: exec: %s\n' "$other" "$mebibytes" "$said"
  done
done
bundle large $((4 << 20)) memory:16 exit:0
check 'control: what takes more than the limit is killed' limit_held

end_of_tests
