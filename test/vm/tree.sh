#!/bin/bash
# tree.sh FOLDER: what a machine finds below /usr/local: VXE as `make install` puts it there with the node that runs it, and in vm/ the
# tests with their bundles, accounts and mail.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$1
machine=$folder/vm

scripts/install.sh "$folder.install" /usr/local
mv "$folder.install/usr/local" "$folder"
rm -rf "$folder.install"
install -m 755 "$(command -v node)" "$folder/bin/node"

mkdir -p "$machine/build/bin" "$machine/native" "$machine/bundles" "$machine/world"
for program in vxe vxe-runtime; do ln -s "../../../bin/$program" "$machine/build/bin/$program"; done
cp -R --no-preserve=ownership test "$machine/test"
mkdir -p "$machine/docs"
cp -R --no-preserve=ownership docs/engines docs/measured "$machine/docs/"
cp build/native-test/* "$machine/native/"
mkdir -p "$machine/build/conformance"
cp build/conformance/probe "$machine/build/conformance/"
mkdir -p "$machine/build/rings"
cp build/rings/acts build/rings/memory "$machine/build/rings/"
mkdir -p "$machine/schemas"
cp -R --no-preserve=ownership schemas/examples "$machine/schemas/"
mkdir -p "$machine/runtime-native/fuzz"
cp -R --no-preserve=ownership runtime-native/fuzz/corpus "$machine/runtime-native/fuzz/"

. test/demo/lib.sh
mail_world "$machine/world"
export VXE_BUNDLES=$machine/bundles VXE_RECIPES=$folder.sources VXE_PROFILES=$folder.sources
mkdir "$folder.sources"
for file in ready.yaml ready.vxed.yaml; do
  sed "s#@PROGRAM@#$PWD/build/vm/ready#g" "test/vm/bundles/$file" >"$folder.sources/$file"
done
vxe bundle create popd --account alice --accounts-from "$machine/world/accounts"
vxe bundle create ready
# For the machine, not for this host: no folders are made here.
for name in nginx redis; do VXE_RECIPES=bundles VXE_PROFILES=profiles vxe bundle create "$name" --output "$machine/bundles"; done
cp docs/nginx.md "$machine/test/vm/tests/"
rm -rf "$folder.sources"
