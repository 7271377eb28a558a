#!/bin/bash
# install.sh [--uninstall] DESTDIR PREFIX: puts what `make product` built below DESTDIR/PREFIX, or removes it again.
# lib/vxe has the layout of the source tree, so that every part finds the others the same way in both places.
set -euo pipefail
cd "$(dirname "$0")/.."

uninstall=false
if [[ ${1:-} == --uninstall ]]; then
  uninstall=true
  shift
fi
destdir=${1-}
prefix=${2:-}
if [[ $prefix != /* ]]; then
  printf 'install: PREFIX is %s; it must be an absolute path\n' "${prefix:-empty}" >&2
  exit 2
fi
root=$destdir$prefix
library=$root/lib/vxe
units=$root/lib/systemd/system
mapfile -t pages < <(sed -sn '1s#^<!-- man: \(.*\) \([1-8]\) -->$#build/man/\1.\2#p' docs/reference/*.md)
completions=(share/bash-completion/completions/vxe share/zsh/site-functions/_vxe share/fish/vendor_completions.d/vxe.fish)

if $uninstall; then
  rm -rf "$library"
  rm -f "$root/bin/vxe" "$root/bin/vxe-runtime" "$units/vxe@.service"
  for page in "${pages[@]}"; do rm -f "$root/share/man/man${page##*.}/${page##*/}"; done
  for file in "${completions[@]}"; do rm -f "$root/$file"; done
  rm -f "$root/share/doc/vxe/"{LICENSE,README.md,CHANGELOG.md}
  rmdir --ignore-fail-on-non-empty "$root/share/doc/vxe" 2>/dev/null || true
  exit 0
fi

put() { install -D -m "$1" "$2" "$3"; } # MODE FROM TO

put_tree() { # FOLDER: files of a source folder, without what the build does not need
  [[ -d $1 ]] || return 0
  local file
  while IFS= read -r -d '' file; do
    put 644 "$file" "$library/$file"
  done < <(find "$1" -type f ! -name '*.d.ts' -print0)
}

# What an earlier version had and this one has not must not stay behind.
rm -rf "$library"

put 755 build/bin/vxe "$root/bin/vxe"
ln -sfn vxe "$root/bin/vxe-runtime"

for folder in build/ts/src profiles bundles schemas; do put_tree "$folder"; done
put 644 package.json "$library/package.json"
for file in bin/*; do put 755 "$file" "$library/$file"; done
[[ ! -f build/node-seccomp/node_seccomp.node ]] || put 644 build/node-seccomp/node_seccomp.node "$library/build/node-seccomp/node_seccomp.node"
[[ ! -f build/bin/vxe-attack ]] || put 755 build/bin/vxe-attack "$library/build/bin/vxe-attack"
[[ ! -f build/bin/vxe-recorder ]] || put 755 build/bin/vxe-recorder "$library/build/bin/vxe-recorder"
mkdir -p "$library/build/bin"
ln -sfn ../../../../bin/vxe "$library/build/bin/vxe"
ln -sfn ../../../../bin/vxe "$library/build/bin/vxe-runtime"

# The packages of the lock file that are not for development only.
while IFS= read -r package; do
  mkdir -p "$library/${package%/*}"
  cp -R --no-preserve=ownership "$package" "$library/${package%/*}/"
done < <(node --input-type=module -e '
  import { existsSync, readFileSync } from "node:fs";
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
  for (const [path, entry] of Object.entries(packages)) {
    const nested = path.lastIndexOf("node_modules/") > 0;
    if (path !== "" && !nested && !entry.dev && existsSync(path)) console.log(path);
  }')

node scripts/man.mjs build/man
for page in "${pages[@]}"; do put 644 "$page" "$root/share/man/man${page##*.}/${page##*/}"; done
for file in LICENSE README.md CHANGELOG.md; do put 644 "$file" "$root/share/doc/vxe/$file"; done

mkdir -p "$units"
sed "s#@PREFIX@#$prefix#g" contrib/systemd/vxe@.service.in >"$units/vxe@.service"
chmod 644 "$units/vxe@.service"

scripts/completions.sh build/completions
put 644 build/completions/vxe.bash "$root/${completions[0]}"
put 644 build/completions/_vxe "$root/${completions[1]}"
put 644 build/completions/vxe.fish "$root/${completions[2]}"
