#!/bin/bash
# buildah: the RUN steps of a build by vxe-runtime.
. "$(dirname "$0")/../../e2e/tap.sh"
. test/vm/tests-engines/lib.sh
limit=120
subject buildah "$(buildah --version | cut -d" " -f3)"
make_rootfs
mkdir -p /etc/containers/containers.conf.d
cp "$snippets/containers.conf" /etc/containers/containers.conf.d/vxe.conf
work=$(mktemp -d)
trap 'buildah rm -a >/dev/null 2>&1; rm -rf "$work"' EXIT

cp "$rootfs_tar" "$work/rootfs.tar"
cat >"$work/Containerfile" <<'EOF'
FROM scratch
ADD rootfs.tar /
RUN echo built >/data/file
RUN cat /data/file && id -u
USER user
RUN id -u
EOF
ends 'a build with RUN steps' 0 buildah bud --runtime "$vxe_runtime" --isolation oci --network none -t localhost/built "$work"
container=$(buildah from --pull-never localhost/built)
check 'a container of it' [ -n "$container" ]
gives 'buildah run' built buildah run --runtime "$vxe_runtime" --isolation oci "$container" -- cat /data/file
ends 'gives the exit code' 7 buildah run --runtime "$vxe_runtime" --isolation oci "$container" -- sh -c 'exit 7'
gives 'as the user' 1000 buildah run --runtime "$vxe_runtime" --isolation oci "$container" -- id -u

end_of_tests
