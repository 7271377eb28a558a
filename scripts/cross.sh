#!/usr/bin/env bash
# Builds the launcher for aarch64 and runs there what user-mode emulation can run; nothing of the host is changed.
# Needs gcc-aarch64-linux-gnu and libc6-dev-arm64-cross; with qemu-user-static the tests run, without it they are only built.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly tree=build/cross
readonly compiler=aarch64-linux-gnu-gcc
readonly emulator=qemu-aarch64-static

if ! command -v $compiler >/dev/null; then
  echo "cross: $compiler is missing (apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross)" >&2
  exit 1
fi

# libseccomp for the other machine, by apt with lists of its own: the host's architectures stay as they are.
library() {
  local apt
  apt=$PWD/$tree/apt
  mkdir -p "$apt"/{lists/partial,cache/archives/partial}
  : >"$apt/status"
  local options=(-q -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o "Dir::State::status=$apt/status"
    -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update
  (cd "$apt" && apt-get "${options[@]}" download libseccomp-dev)
  rm -rf "$tree/root"
  dpkg-deb -x "$apt"/libseccomp-dev_*_arm64.deb "$tree/root"
  rm -rf "$apt"
}
if [[ ! -e $tree/root/usr/lib/aarch64-linux-gnu/libseccomp.a ]]; then
  mkdir -p $tree
  if ! library >$tree/library.log 2>&1; then
    tail -5 $tree/library.log >&2
    echo 'cross: libseccomp-dev for arm64 could not be had' >&2
    exit 1
  fi
fi

make -s --no-print-directory -j"$(nproc)" cross-programs
file=$(LC_ALL=C od -An -tu2 -j18 -N2 $tree/bin/vxe | tr -d ' ')
[[ $file == 183 ]] || { echo "cross: $tree/bin/vxe is for machine $file, not for aarch64" >&2; exit 1; }

# Every constant of the tables against the headers of that machine: what differs is what src/policy/data/machines.ts says.
if [[ -e build/ts/.stamp ]]; then node scripts/cross-constants.mjs $compiler; fi

if ! command -v $emulator >/dev/null; then
  echo "cross: built, and nothing run: $emulator is missing (apt-get install qemu-user-static)"
  exit 0
fi
$emulator $tree/bin/vxe --version
for program in $tree/test/test_*; do
  [[ -x $program && $program != *.* ]] || continue
  name=${program##*/}
  log=$tree/$name.log
  if ! $emulator "$program" >"$log" 2>&1 || grep -q '^not ok' "$log"; then
    grep -E '^not ok|^#' "$log" | head -20 >&2 || true
    echo "cross: $name failed, see $log" >&2
    exit 1
  fi
  echo "cross: $name $(grep -c '^ok' "$log") ok"
done
echo "cross: not run: the tests of filters, memory, cgroups, modes, mounts, sockets and the supervisor need a kernel of that machine"
