#!/bin/bash
# Bad input: one clear sentence that names the thing, exit code 2 for misuse and 1 for failure, nothing left behind.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/bad-input.test.sh "$@"

mkdir -p "$VXE_BUNDLES"
export VXE_RECIPES=$world/recipes VXE_PROFILES=$world/profiles
mkdir "$VXE_RECIPES" "$VXE_PROFILES"

empty() { [[ -z $(find "$1" -mindepth 1 -print -quit 2>/dev/null) ]]; }
# A state folder may remain as the record of how an instance ended; nothing may say that one is being made or runs.
empty_state() { ! grep -qsE '"status": *"(creating|created|running)"' "$VXE_ROOT"/*/state.json; }
leaves_nothing() { check "$1 leaves nothing behind" empty "$VXE_BUNDLES"; }

cat >"$VXE_PROFILES/plain.vxed.yaml" <<'EOF'
vxed: 1
name: plain
description: Reads and executes what is there
type: filesystem
files:
  /: read execute
exec: any
EOF

recipe() { # NAME EXEC: a recipe for an executable of the host
  printf 'recipe: 1\nname: %s\nsource: {exec: %s}\nprofile: plain\nprogram: [%s]\n' "$1" "$2" "$2" >"$VXE_RECIPES/$1.yaml"
}

refused 'an unknown verb' 2 'frobnicate' vxe frobnicate
refused 'an unknown option of a native verb' 2 '--frobnicate' vxe start popd --frobnicate
refused 'an unknown option of an authoring verb' 2 'frobnicate' vxe bundle list --frobnicate
refused 'start without a name' 2 'name|NAME' vxe start

for name in ../evil ../../etc a/b .hidden -x '' "$(printf 'n%.0s' {1..300})"; do
  # A launch may also name a bundle by its folder, so what is no name is looked for as one.
  refused "start refuses the name '${name:0:20}'" '(1|2)' 'name|bundle' vxe start -- "$name"
  refused "bundle create refuses the name '${name:0:20}'" 2 'name' vxe bundle create -- "$name"
done
leaves_nothing 'a bad name'

refused 'a bundle that is not there' '1' 'nosuch' vxe start nosuch
refused 'a recipe that is not there' 1 'nosuch' vxe bundle create nosuch
refused 'a package that does not exist' 1 'no-such-package-at-all' vxe bundle create x --package no-such-package-at-all --profile plain
leaves_nothing 'a package that does not exist'

recipe missing /usr/bin/no-such-program
refused 'a program that is not there' 1 '/usr/bin/no-such-program' vxe bundle create missing
leaves_nothing 'a missing program'

head -c 100 /usr/bin/true >"$world/broken"
chmod 755 "$world/broken"
recipe broken "$world/broken"
refused 'an ELF file that ends too early' 1 "$world/broken" vxe bundle create broken
leaves_nothing 'a broken ELF'
printf 'not a program\n' >"$world/text"
chmod 755 "$world/text"
recipe text "$world/text"
refused 'a program that is none' 1 "$world/text" vxe bundle create text
leaves_nothing 'a text file'

cp "$VXE_PROFILES/plain.vxed.yaml" "$VXE_PROFILES/typo.vxed.yaml"
sed -i 's/^name: plain/name: typo\nfilles: {}/' "$VXE_PROFILES/typo.vxed.yaml"
refused 'a profile with an unknown key' 2 'typo\.vxed\.yaml:3.*filles' vxe run typo /usr/bin/true
printf 'vxed: 1\nname: [\n' >"$VXE_PROFILES/torn.vxed.yaml"
refused 'a profile that is no YAML' 2 'torn\.vxed\.yaml' vxe run torn /usr/bin/true
refused 'a profile that is not there' '1' 'nosuch' vxe run nosuch /usr/bin/true
printf 'recipe: 1\nname: odd\nsauce: {exec: /usr/bin/true}\n' >"$VXE_RECIPES/odd.yaml"
refused 'a recipe with an unknown key' 2 'odd\.yaml.*sauce' vxe bundle create odd
leaves_nothing 'a bad recipe'

# A port that is taken.
unset VXE_RECIPES VXE_PROFILES
popd_bundle >"$world/create.log" 2>&1 || not_ok 'the popd bundle is made' "$(<"$world/create.log")"
node -e 'require("node:net").createServer().listen(110, "0.0.0.0", () => console.log("up"))' >"$world/taken" &
taken=$!
eventually 60 grep -q up "$world/taken"
refused 'a port that is taken' 1 '110' vxe start popd
refused 'a port that is taken, detached' 1 '110' vxe start popd --detach
check 'nothing is left of the refused start' contains "$(vxe status 2>&1)" '^(|.*(no|stopped).*|NAME.*)$'
kill "$taken"
wait "$taken" 2>/dev/null
check 'it starts when the port is free again' vxe start popd --detach
vxe stop popd >/dev/null 2>&1

# A bundle that was tampered with.
cp -a "$VXE_BUNDLES/popd" "$VXE_BUNDLES/torn"
printf '{ "ociVersion": ' >"$VXE_BUNDLES/torn/config.json"
refused 'a config.json that ends too early' '1' 'config\.json' vxe start torn
cp -a "$VXE_BUNDLES/popd" "$VXE_BUNDLES/cut"
truncate -s 13 "$VXE_BUNDLES/cut/vxe/filter.bpf"
refused 'a filter that was cut' 1 'filter' vxe start cut
cp -a "$VXE_BUNDLES/popd" "$VXE_BUNDLES/gone"
rm "$VXE_BUNDLES/gone/rootfs/usr/sbin/popa3d"
refused 'a program that is gone from the rootfs' 1 'popa3d' vxe start gone
check 'no state is left of starts that failed' eventually 60 empty_state

# Neither root nor user namespaces: a user namespace of our own in which no further one can be made, and an ordinary user in it.
cp -a "$VXE_BUNDLES/popd" "$world/popd.copy"
install -d -o 65534 -g 65534 "$world/nobody" "$world/nobody/run" "$world/nobody/log"
mkdir "$world/nobody/bundles"
mv "$world/popd.copy" "$world/nobody/bundles/popd"
chmod -R a+rX "$world/nobody/bundles"
# What another has put into the folder in which an administrator happens to be.
mkdir "$world/planted"
printf 'vxed: 1\nname: planted\nprogram: /usr/bin/true\ntype: filesystem\nfiles: {/: read write execute}\n' >"$world/planted/planted.vxed.yaml"
printf 'recipe: 1\nname: planted\nsource: {exec: /usr/bin/true}\nprofile: planted\nprogram: [/usr/bin/true]\n' >"$world/planted/planted.yaml"
chown -R 1234 "$world/planted"
source=$PWD
in_planted() { (cd "$world/planted" && timeout -k 3 60 env VXE_PROFILES= VXE_RECIPES= "$@" "$source/build/bin/vxe" "${words[@]}"); }
words=(run planted /usr/bin/true)
refused "another's profile in the working folder confines nothing" 1 'planted.vxed.yaml.*belongs to user 1234.*by its path' in_planted env
words=(bundle create planted)
refused "nor is a bundle made by another's recipe" 1 'planted.yaml.*belongs to user 1234' in_planted env
words=(profile list)
try in_planted env
not_listed() { ! grep -q planted <<<"$output"; }
check 'nor are they listed' not_listed
words=(profile check ./planted.vxed.yaml)
try in_planted env
check 'named by its path it is read' contains "$output$errors$status" '0$'
words=(profile list)
try in_planted env SUDO_UID=1234
check 'and under sudo the files of who called it are taken' contains "$output" planted

# The source folder may be one that others cannot enter.
cp build/bin/vxe "$world/nobody/vxe"
as_nobody() {
  local launcher status
  # The first shell has no identity yet when it is executed; the second has, and with it the right to set the limit.
  unshare --user bash -c '
    for ((tries = 0; tries < 3000; tries++)); do
      grep -q . /proc/self/uid_map && grep -q . /proc/self/gid_map && break
      sleep 0.02
    done
    exec bash -c "
      echo 0 >/proc/sys/user/max_user_namespaces || exit 99
      exec setpriv --reuid 65534 --regid 65534 --clear-groups -- \"\$@\"" bash "$@"' bash \
    env VXE_BUNDLES="$world/nobody/bundles" VXE_ROOT="$world/nobody/run" VXE_LOGS="$world/nobody/log" "$world/nobody/vxe" "$@" &
  launcher=$!
  # Nothing can be written before it is in its namespace.
  eventually 60 maps "$launcher" || kill -KILL "$launcher"
  status=0
  wait "$launcher" || status=$?
  return "$status"
}
maps() { # PID
  [[ $(readlink "/proc/$1/ns/user") != $(readlink "/proc/$$/ns/user") ]] &&
    echo '0 0 65536' >"/proc/$1/uid_map" && echo '0 0 65536' >"/proc/$1/gid_map"
}
refused 'no root and no user namespaces' '1' 'user namespace' as_nobody start popd

end_of_tests
