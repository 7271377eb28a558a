#!/bin/bash
# podman with vxe-runtime as its runtime, by the configuration of docs/engines: root, the systemd cgroup driver.
. "$(dirname "$0")/../../e2e/tap.sh"
. test/vm/tests-engines/lib.sh
limit=120
subject podman "$(podman --version | sed "s/.* //")", root
make_rootfs
mkdir -p /etc/containers/containers.conf.d
cp "$snippets/containers.conf" /etc/containers/containers.conf.d/vxe.conf
# Ids for --userns auto.
grep -q '^containers:' /etc/subuid || { echo containers:300000:655360 >>/etc/subuid; echo containers:300000:655360 >>/etc/subgid; }
trap 'podman rm -fa >/dev/null 2>&1; podman volume prune -f >/dev/null 2>&1' EXIT

shows 'podman takes vxe-runtime for its runtime' vxe-runtime podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
shows 'it knows its version' 'vxe-runtime version' podman info --format '{{.Host.OCIRuntime.Version}}'
check 'an image is imported' podman import "$rootfs_tar" busybox
gives 'run gives the output' hello podman run --rm busybox echo hello
ends 'run gives the exit code' 7 podman run --rm busybox sh -c 'exit 7'
ends 'a program that is not there is 127' 127 podman run --rm busybox /nowhere
ends 'one that is no program is 126' 126 podman run --rm busybox /etc/passwd
gives 'it is process 1' 1 podman run --rm busybox sh -c 'echo $$'
gives '--hostname' box podman run --rm --hostname box busybox hostname
gives '--user' '1000 1000' podman run --rm --user user busybox sh -c 'echo $(id -u) $(id -g)'
gives '--env and --workdir' 'x /tmp' podman run --rm --env A=x --workdir /tmp busybox sh -c 'echo $A $PWD'
shows '--read-only' 'Read-only file system' podman run --rm --read-only busybox touch /file
shows '--tmpfs' 'tmpfs' podman run --rm --tmpfs /data busybox sh -c 'mount | grep " /data "'
shows '--cap-drop all' 'CapEff:[[:space:]]*0000000000000000' podman run --rm --cap-drop all busybox grep CapEff /proc/self/status
shows 'the default filter is in force' 'Seccomp:[[:space:]]*2' podman run --rm busybox grep Seccomp: /proc/self/status
gives 'standard input' line podman run --rm -i busybox sh -c 'cat' < <(echo line)
shows '--memory' '67108864' podman run --rm --memory 64m busybox cat /sys/fs/cgroup/memory.max
shows '--pids-limit' '^33' podman run --rm --pids-limit 33 busybox cat /sys/fs/cgroup/pids.max
shows '--cpus' '^50000 100000' podman run --rm --cpus 0.5 busybox cat /sys/fs/cgroup/cpu.max
shows '--ulimit' '^123' podman run --rm --ulimit nofile=123:123 busybox sh -c 'ulimit -n'
gives '--sysctl' 1 podman run --rm --sysctl net.ipv4.ip_forward=1 busybox cat /proc/sys/net/ipv4/ip_forward
shows '--device' '10, *229|fuse' podman run --rm --device /dev/fuse busybox ls -l /dev/fuse
gives '--userns with ids of its own' '0' podman run --rm --userns auto busybox id -u
shows '--init' '1 .*(catatonit|podman-init)' podman run --rm --init busybox ps

check 'a container runs in the background' podman run -d --name web busybox sh -c 'echo started; sleep 1000'
check 'its state is ours' [ -s "/run/vxe/$(podman inspect web --format '{{.Id}}')/state.json" ]
shows 'it is in a scope of systemd' 'libpod-.*\.scope' sh -c 'cat /proc/$(podman inspect web --format "{{.State.Pid}}")/cgroup'
gives 'logs' started podman logs web
gives 'exec' inside podman exec web echo inside
ends 'exec gives the exit code' 9 podman exec web sh -c 'exit 9'
gives 'exec --user' 1000 podman exec --user user web id -u
shows 'exec with a terminal' '^/dev/(pts/|console)' podman exec -t web sh -c 'ls -l /proc/self/fd/0 | sed "s/.*-> //"'
shows 'top' 'sleep 1000' podman top web
shows 'stats has the memory' '[0-9]' podman stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' web
check 'pause' podman pause web
gives 'it is paused' paused podman inspect web --format '{{.State.Status}}'
check 'unpause' podman unpause web
check 'update of the limits' podman update --memory 80m web
shows 'the new limit is in force' '83886080' podman exec web cat /sys/fs/cgroup/memory.max
check 'stop' podman stop -t 1 web
gives 'it is stopped' exited podman inspect web --format '{{.State.Status}}'
check 'start once more' podman start web
check 'rm --force' podman rm -f web

check 'a volume' podman volume create vol
ends 'is written to' 0 podman run --rm -v vol:/data busybox sh -c 'echo kept >/data/file'
gives 'and keeps it' kept podman run --rm -v vol:/data:ro busybox cat /data/file
shows 'and is read-only where that is asked' 'Read-only' podman run --rm -v vol:/data:ro busybox touch /data/other

check 'a network' podman network create net
check 'a server on it' podman run -d --name server --network net -p 8099:8080 busybox sh -c 'echo page >/tmp/index.html; httpd -f -p 8080 -h /tmp'
address=$(podman inspect server --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}')
answers() { [[ $(curl -s -m 5 "http://$1/index.html") == page ]]; }
check 'answers on its address' eventually 30 answers "$address:8080"
check 'and on the published port' eventually 30 answers 127.0.0.1:8099
shows 'another container on the network reaches it' page podman run --rm --network net busybox wget -q -O - "http://$address:8080/index.html"
check 'gone' podman rm -f -t 0 server
check 'the network too' podman network rm net

check 'a healthcheck' podman run -d --name health --health-cmd 'test -e /tmp/well' --health-interval disable busybox sleep 1000
ends 'says that it is not well' 1 podman healthcheck run health
check 'after that' podman exec health touch /tmp/well
ends 'that it is' 0 podman healthcheck run health
gives 'and podman knows' healthy podman inspect health --format '{{.State.Health.Status}}'
check 'gone, too' podman rm -f -t 0 health

cat >/var/tmp/pod.yaml <<'EOF'
apiVersion: v1
kind: Pod
metadata:
  name: pod
spec:
  containers:
    - name: one
      image: localhost/busybox:latest
      command: [sh, -c, 'echo from the pod; sleep 1000']
      resources: { limits: { memory: 48Mi } }
    - name: two
      image: localhost/busybox:latest
      command: [sleep, '1000']
EOF
check 'kube play' podman kube play /var/tmp/pod.yaml
shows 'its container says so' 'from the pod' podman logs pod-one
shows 'the containers share their network' 'net:\[' sh -c 'podman exec pod-one stat -L -c "" / >/dev/null; for c in pod-one pod-two; do readlink /proc/$(podman inspect $c --format "{{.State.Pid}}")/ns/net; done | uniq'
check 'kube down' podman kube down /var/tmp/pod.yaml

none_left() { [[ -z $(find /run/vxe -mindepth 1 -maxdepth 1 2>/dev/null) ]]; }
check 'no state of a container is left' none_left
no_scopes() { [[ -z $(systemctl list-units --no-legend --plain 'libpod-*.scope' | grep -v conmon) ]]; }
check 'and no scope' eventually 20 no_scopes

end_of_tests
