#!/bin/bash
# make install into a DESTDIR, and npm install -g of the packed package: both give a vxe that works away from the source tree.
. "$(dirname "$0")/tap.sh"

world=$(mktemp -d)
trap 'rm -rf --one-file-system "$world"' EXIT
chmod 755 "$world"

works() { # BIN-FOLDER: launch side and authoring side, in a folder that knows nothing of the source
  local bin=$1
  shift
  (
    cd "$world" || exit 1
    export VXE_BUNDLES=$world/b VXE_ROOT=$world/r VXE_LOGS=$world/l
    unset VXE_AUTHOR VXE_PROFILES VXE_RECIPES
    "$bin/vxe" --version && "$bin/vxe" status && "$bin/vxe" bundle list && "$bin/vxe-runtime" features >/dev/null &&
      "$bin/vxe" bundle create --help >/dev/null
  )
}
creates() { # BIN-FOLDER: the whole authoring side, addon included, from the recipes and profiles that were installed
  (
    cd "$world" || exit 1
    mail_world "$world"
    "$1/vxe" bundle create popd --account alice --accounts-from "$world/accounts" \
      --mount "/etc/shadow=$world/accounts/shadow" --mount "/var/mail=$world/mail" &&
      "$1/vxe" bundle audit popd && "$1/vxe" explain popd >/dev/null && "$1/vxe" bundle remove popd
  )
}
export VXE_CACHE=$PWD/build/cache

root=$world/root
check 'make install' make --no-print-directory -s install DESTDIR="$root" PREFIX=/opt/vxe
check 'the installed vxe works' works "$root/opt/vxe/bin"
if ((EUID == 0)); then check 'the installed vxe makes a bundle' creates "$root/opt/vxe/bin"; fi
for file in share/man/man1/vxe.1 share/man/man8/vxe-runtime.8 share/man/man5/vxe-profile.5 lib/systemd/system/vxe@.service \
  share/bash-completion/completions/vxe lib/vxe/build/bin/vxe-attack share/doc/vxe/LICENSE; do
  check "$file is installed" test -s "$root/opt/vxe/$file"
done
check 'the unit names the installed program' grep -qx 'ExecStart=/opt/vxe/bin/vxe start %i' "$root/opt/vxe/lib/systemd/system/vxe@.service"
none_for_development() { [[ ! -e $root/opt/vxe/lib/vxe/node_modules/typescript ]]; }
check 'packages for development are not installed' none_for_development
no_source_path() { ! grep -rlF "$PWD/" "$root/opt/vxe" --include='*.js' --include='*.json' --include='*.service' --exclude-dir=node_modules; }
check 'no installed text names the source folder' no_source_path
check 'make uninstall' make --no-print-directory -s uninstall DESTDIR="$root" PREFIX=/opt/vxe
nothing_left() { [[ -z $(find "$root" ! -type d) ]]; }
check 'uninstall leaves no file' nothing_left

packs() { npm pack --silent --pack-destination "$world" >"$world/pack.log" 2>&1; }
check 'npm pack' packs
package=("$world"/vxe-*.tgz)
tar -tzf "${package[0]}" >"$world/files"
check 'the package holds the compiled authoring side' grep -q '^package/build/ts/src/commands/' "$world/files"
# npm packs the files of `bin` whether wanted or not; nothing else that is compiled for this machine may be in there.
no_native() { ! grep -qE '\.(o|a|node)$|^package/build/native|^package/test/' "$world/files"; }
check 'the package holds no objects and no tests' no_native
installs() { npm install --global --allow-scripts=vxe --prefix "$world/npm" --no-audit --no-fund --prefer-offline "${package[0]}" >"$world/npm.log" 2>&1 || { tail -30 "$world/npm.log"; return 1; }; }
check 'npm install --global' installs
check 'its native parts were compiled in place' test -s "$world/npm/lib/node_modules/vxe/build/native/libvxe.a"
check 'the vxe from npm works' works "$world/npm/bin"
if ((EUID == 0)); then check 'the vxe from npm makes a bundle' creates "$world/npm/bin"; fi

# Without a compiler the installation says which packages are missing.
explains() {
  local output
  mkdir -p "$world/bare" "$world/path"
  tar -xzf "${package[0]}" -C "$world/bare"
  ln -sf "$(command -v node)" "$world/path/node"
  output=$(PATH=$world/path node "$world/bare/package/scripts/preinstall.mjs" 2>&1) && return 1
  grep -q 'apt-get install .*make gcc libc6-dev libseccomp-dev' <<<"$output" || { echo "$output"; return 1; }
}
check 'a missing compiler is told by package names' explains

end_of_tests
