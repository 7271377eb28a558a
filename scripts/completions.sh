#!/bin/bash
# completions.sh FOLDER: the completion files of bash, zsh and fish, as `vxe completion` prints them.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$1
mkdir -p "$folder"
build/bin/vxe completion bash >"$folder/vxe.bash"
build/bin/vxe completion zsh >"$folder/_vxe"
build/bin/vxe completion fish >"$folder/vxe.fish"
