#!/bin/bash
# A container that an ordinary user starts: what only root could open or make is an error that names the folder or the field.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/rootless-mounts.test.sh "$@"

if ! setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user true 2>"$world/probe.err"; then
  skip "an ordinary user's mounts and devices" "no user namespace for an ordinary user here: $(<"$world/probe.err")"
  end_of_tests
fi

bundle=$world/bundle
mkdir -p "$bundle"/rootfs/{bin,proc,dev,data} "$world"/open/{closed/inner,inner} "$world/run"
cp build/conformance/probe "$bundle/rootfs/bin/probe"
for place in open/closed/inner open/inner; do echo content >"$world/$place/file"; done
chmod 700 "$world/open/closed" "$world/run"
chown -R 65534:65534 "$bundle" "$world/run"

# starts SOURCE DEVICE: a container with SOURCE on /data and the device, which reads a file of the one and looks at the other.
starts() {
  node -e '
    import("./test/conformance/subject.mjs").then(({ baseConfig }) => {
      const [source, device] = process.argv.slice(1);
      const config = baseConfig("rootfs", ["read:/data/file", "stat:/dev/full"]);
      config.mounts.push({ destination: "/data", type: "bind", source, options: ["rbind"] });
      config.mounts = config.mounts.filter(({ type }) => type !== "devpts");
      config.linux.namespaces.push({ type: "user" });
      config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 65534, size: 1 }];
      config.linux.devices = [{ path: "/dev/full", type: "c", major: 1, minor: 7, ...JSON.parse(device) }];
      console.log(JSON.stringify(config));
    })' "$1" "$2" >"$bundle/config.json"
  setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$world/run" XDG_RUNTIME_DIR="$world/run" VXE_LOGS="$world/run/log" \
    timeout -k 3 60 build/bin/vxe-runtime --root "$world/run/oci" run --bundle "$bundle" one
}

try starts "$world/open/inner" '{}'
check 'a source that it can reach is mounted' contains "$output" '"value":"content'
check "and the host's device" contains "$output" '"value":"char 666 1:7 '
refused 'a source below a closed folder is an error that names the folder and the right' 1 "may not search the folder $world/open/closed: .*\(x\)" \
  starts "$world/open/closed/inner" '{}'
try starts "$world/open/inner" '{"fileMode":438}'
check "a mode that is the host's is held" [ "$status" = 0 ]
refused "another mode is an error that names the field" 1 'linux\.devices\[0\]\.fileMode' starts "$world/open/inner" '{"fileMode":384}'
refused 'so is an owner' 1 'linux\.devices\[0\]\.uid' starts "$world/open/inner" '{"uid":0}'
refused 'and a group' 1 'linux\.devices\[0\]\.gid' starts "$world/open/inner" '{"gid":0}'
refused 'a device that the host does not have is an error that names it' 1 'linux\.devices\[0\]: no device can be made here.*/dev/nonesuch' \
  starts "$world/open/inner" '{"path":"/dev/nonesuch"}'
chown -R 0:0 "$bundle" && chmod 700 "$bundle/rootfs" && chmod 755 "$bundle"
refused 'a rootfs that it may not search is an error' 1 "rootfs" starts "$world/open/inner" '{}'

# Root of a user namespace makes no devices, and what it would mount in a mount namespace that is not the container's alone would stay there.
chmod 755 "$bundle/rootfs"
mkdir -p "$bundle/rootfs/dev"
inherits() { # ENTRIES of namespaces: the container; then what is mounted in the rootfs for others to see
  node -e '
    import("./test/conformance/subject.mjs").then(({ baseConfig }) => {
      const config = baseConfig("rootfs", ["stat:/dev/null"]);
      config.linux.namespaces = JSON.parse(process.argv[1]).map((type) => ({ type }));
      if (!process.argv[1].includes("mount")) config.mounts = [];
      config.mounts = config.mounts.filter(({ type }) => type !== "devpts");
      console.log(JSON.stringify(config));
    })' "$1" >"$bundle/config.json"
  unshare --user --map-root-user --mount -- sh -c '
    timeout -k 3 60 build/bin/vxe-runtime --root "$1/oci" run --bundle "$2" two; code=$?
    echo "left $(grep -c "$2/rootfs" /proc/self/mountinfo)"
    exit $code' sh "$world" "$bundle"
}
refused 'devices of a container without a mount namespace are an error that names the field' 1 'linux\.namespaces: .*/dev/null' inherits '["pid","uts"]'
check 'and nothing was mounted' contains "$output" 'left 0'
try inherits '["pid","uts","mount"]'
check 'control: with one they are there' contains "$output" '"value":"char 666 1:3 '
check 'and nothing is left' contains "$output" 'left 0'

end_of_tests
