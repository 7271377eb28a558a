#!/bin/bash
# podman of a user who is not root, with vxe-runtime as its runtime.
. "$(dirname "$0")/../../e2e/tap.sh"
. test/vm/tests-engines/lib.sh
limit=120
subject podman "$(podman --version | sed "s/.* //")", without root
make_rootfs
modprobe tun
mkdir -p /etc/containers/containers.conf.d
cp "$snippets/containers.conf" /etc/containers/containers.conf.d/vxe.conf
id mover >/dev/null 2>&1 || useradd -m -s /bin/bash mover
grep -q '^mover:' /etc/subuid || { echo mover:200000:65536 >>/etc/subuid; echo mover:200000:65536 >>/etc/subgid; }
loginctl enable-linger mover
uid=$(id -u mover)
trap 'as podman rm -fa >/dev/null 2>&1; loginctl disable-linger mover' EXIT
ready() { [[ -S /run/user/$uid/systemd/private ]]; }
check 'the user has a systemd' eventually 60 ready
as() { # a command of the user, with a session's surroundings
  (cd /home/mover && exec timeout 120 runuser -u mover -- env HOME=/home/mover XDG_RUNTIME_DIR="/run/user/$uid" \
    DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$uid/bus" PATH="$PATH" "$@")
}

check 'an image is imported' as podman import "$rootfs_tar" busybox
shows 'podman takes vxe-runtime for its runtime' vxe-runtime as podman info --format '{{.Host.OCIRuntime.Name}}'
shows 'and is rootless' 'true systemd' as podman info --format '{{.Host.Security.Rootless}} {{.Host.CgroupManager}}'
gives 'run gives the output' hello as podman run --rm busybox echo hello
ends 'run gives the exit code' 7 as podman run --rm busybox sh -c 'exit 7'
gives 'root within' 0 as podman run --rm busybox id -u
shows 'is a user of the host' "0[[:space:]]+$uid[[:space:]]+1" as podman run --rm busybox cat /proc/self/uid_map
gives '--userns keep-id' "$uid" as podman run --rm --userns keep-id busybox id -u
shows 'the default filter is in force' 'Seccomp:[[:space:]]*2' as podman run --rm busybox grep Seccomp: /proc/self/status
shows '--memory' '67108864' as podman run --rm --memory 64m busybox cat /sys/fs/cgroup/memory.max
ends 'a volume is written to' 0 as podman run --rm -v vol:/data busybox sh -c 'echo kept >/data/file'
gives 'and keeps it' kept as podman run --rm -v vol:/data busybox cat /data/file
check 'a container runs in the background' as podman run -d --name web busybox sh -c 'echo started; sleep 1000'
gives 'logs' started as podman logs web
gives 'exec' inside as podman exec web echo inside
check 'pause' as podman pause web
check 'unpause' as podman unpause web
check 'stop' as podman stop -t 1 web
check 'rm' as podman rm web
none_left() { [[ -z $(find "/run/user/$uid/vxe" -mindepth 1 -maxdepth 1 2>/dev/null) ]]; }
check 'no state of a container is left' none_left

end_of_tests
