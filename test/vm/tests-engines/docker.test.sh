#!/bin/bash
# Docker Engine with vxe-runtime as a further runtime, by the configuration of docs/engines.
. "$(dirname "$0")/../../e2e/tap.sh"
. test/vm/tests-engines/lib.sh
limit=120
subject Docker Engine "$(docker --version | sed "s/.*version \([^,]*\),.*/\1/")"
make_rootfs
mkdir -p /etc/docker
cp "$snippets/daemon.json" /etc/docker/daemon.json
trap 'docker rm -f $(docker ps -aq) >/dev/null 2>&1; systemctl stop docker.socket docker containerd' EXIT

check 'the engine starts' systemctl start docker
shows 'it knows the runtime' 'vxe' docker info --format '{{json .Runtimes}}'
check 'an image is imported' docker import "$rootfs_tar" busybox
run() { docker run --runtime vxe "$@"; }
export -f run
gives 'run gives the output' hello docker run --runtime vxe --rm busybox echo hello
ends 'run gives the exit code' 7 docker run --runtime vxe --rm busybox sh -c 'exit 7'
ends 'a program that is not there is 127' 127 docker run --runtime vxe --rm busybox /nowhere
gives '--user' 1000 docker run --runtime vxe --rm --user user busybox id -u
shows 'the default filter is in force' 'Seccomp:[[:space:]]*2' docker run --runtime vxe --rm busybox grep Seccomp: /proc/self/status
shows '--memory' '67108864' docker run --runtime vxe --rm --memory 64m busybox cat /sys/fs/cgroup/memory.max
shows '--pids-limit' '^33' docker run --runtime vxe --rm --pids-limit 33 busybox cat /sys/fs/cgroup/pids.max
shows '--cpus' '^50000 100000' docker run --runtime vxe --rm --cpus 0.5 busybox cat /sys/fs/cgroup/cpu.max
shows '--read-only' 'Read-only file system' docker run --runtime vxe --rm --read-only busybox touch /file
shows '--tmpfs' 'tmpfs' docker run --runtime vxe --rm --tmpfs /data busybox sh -c 'mount | grep " /data "'
# As many capabilities as the engine knows of, which are not all of a new kernel's: the same as with its own runtime.
all_capabilities=$(docker run --runtime runc --rm --privileged busybox grep CapEff /proc/self/status)
shows 'runc with --privileged' 'CapEff:[[:space:]]*[0-9a-f]*ffffffff' echo "$all_capabilities"
gives '--privileged' "$all_capabilities" docker run --runtime vxe --rm --privileged busybox grep CapEff /proc/self/status
shows '--init' '1 root .*docker-init' docker run --runtime vxe --rm --init busybox ps
check 'a container runs in the background' docker run --runtime vxe -d --name web busybox sh -c 'echo started; sleep 1000'
gives 'logs' started docker logs web
gives 'exec' inside docker exec web echo inside
ends 'exec gives the exit code' 9 docker exec web sh -c 'exit 9'
shows 'exec with a terminal' '^/dev/pts/' docker exec -t web sh -c 'ls -l /proc/self/fd/0 | sed "s/.*-> //"'
shows 'top' 'sleep 1000' docker top web
shows 'stats has the memory' '[1-9]' docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' web
check 'pause' docker pause web
check 'unpause' docker unpause web
check 'update of the limits' docker update --memory 80m --memory-swap 80m web
shows 'the new limit is in force' '83886080' docker exec web cat /sys/fs/cgroup/memory.max
check 'stop' docker stop -t 1 web
check 'start once more' docker start web
check 'rm --force' docker rm -f web
ends 'a volume is written to' 0 docker run --runtime vxe --rm -v vol:/data busybox sh -c 'echo kept >/data/file'
gives 'and keeps it' kept docker run --runtime vxe --rm -v vol:/data busybox cat /data/file
check 'a server' docker run --runtime vxe -d --name server -p 8098:8080 busybox sh -c 'echo page >/tmp/index.html; httpd -f -p 8080 -h /tmp'
answers() { [[ $(curl -s -m 5 "http://$1/index.html") == page ]]; }
check 'answers on the published port' eventually 30 answers 127.0.0.1:8098
check 'gone' docker rm -f server
check 'a healthcheck' docker run --runtime vxe -d --name health --health-cmd 'test -e /tmp/well' --health-interval 1s busybox sh -c 'touch /tmp/well; sleep 1000'
healthy() { [[ $(docker inspect health --format '{{.State.Health.Status}}') == healthy ]]; }
check 'says that it is well' eventually 40 healthy
check 'gone, too' docker rm -f health
none_left() { [[ -z $(find /run/docker/runtime-vxe /run/docker/runtime-runc /run/vxe -name state.json 2>/dev/null) ]]; }
check 'no state of a container is left' none_left

end_of_tests
