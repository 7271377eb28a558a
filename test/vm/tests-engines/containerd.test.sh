#!/bin/bash
# containerd with ctr: vxe-runtime as BinaryName of the runc shim, by the configuration of docs/engines.
. "$(dirname "$0")/../../e2e/tap.sh"
. test/vm/tests-engines/lib.sh
limit=120
subject containerd "$(containerd --version | cut -d" " -f3)", ctr
make_rootfs
mkdir -p /etc/containerd
cp "$snippets/containerd.toml" /etc/containerd/config.toml
trap 'ctr task kill -s KILL web >/dev/null 2>&1; ctr task rm -f web >/dev/null 2>&1; ctr container rm web >/dev/null 2>&1; systemctl stop containerd' EXIT

check 'containerd starts with the configuration' systemctl start containerd
up() { ctr version >/dev/null 2>&1; }
check 'and answers' eventually 30 up
shows 'the CRI plugin has the handler' 'vxe-runtime' containerd config dump
# An archive of an image, made without a network.
podman image exists busybox 2>/dev/null || podman import "$rootfs_tar" busybox >/dev/null 2>&1
rm -f /var/tmp/image.tar
check 'an image is saved' podman save -o /var/tmp/image.tar localhost/busybox:latest
check 'and imported' ctr image import /var/tmp/image.tar
run=(ctr run --runtime io.containerd.runc.v2 --runc-binary "$vxe_runtime")
gives 'run gives the output' hello "${run[@]}" --rm localhost/busybox:latest one echo hello
ends 'run gives the exit code' 7 "${run[@]}" --rm localhost/busybox:latest two sh -c 'exit 7'
shows 'the systemd cgroup driver' 'vxe-test-three.scope|0::/' "${run[@]}" --runc-systemd-cgroup --cgroup system.slice:vxe-test:three --rm localhost/busybox:latest three cat /proc/self/cgroup
shows '--memory-limit' '67108864' "${run[@]}" --memory-limit 67108864 --mount type=bind,src=/sys/fs/cgroup,dst=/sys/fs/cgroup,options=rbind:ro --rm localhost/busybox:latest four sh -c 'cat /sys/fs/cgroup$(sed s/0::// /proc/self/cgroup)/memory.max'
check 'a container runs in the background' "${run[@]}" -d localhost/busybox:latest web sh -c 'echo started; sleep 1000'
shows 'it is running' 'web +[0-9]+ +RUNNING' ctr task ls
gives 'exec' inside ctr task exec --exec-id e1 web echo inside
ends 'exec gives the exit code' 9 ctr task exec --exec-id e2 web sh -c 'exit 9'
shows 'ps' '[0-9]+' ctr task ps web
check 'metrics' ctr task metrics web
check 'pause' ctr task pause web
shows 'it is paused' 'PAUSED' ctr task ls
check 'resume' ctr task resume web
check 'kill' ctr task kill -s KILL web
stopped() { ctr task ls | grep -qE 'web +[0-9]+ +STOPPED'; }
check 'it is stopped' eventually 20 stopped
check 'its task is removed' ctr task rm web
check 'and the container' ctr container rm web

end_of_tests
