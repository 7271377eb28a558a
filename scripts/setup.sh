#!/bin/bash
# Installs what building, the demo and the tests need from Debian, and the npm packages of package-lock.json.
# Does nothing, fast, when nothing is missing. `setup.sh bench` also installs what `make bench` compares with, and
# `setup.sh vm` what the virtual machines of test/vm are made with.
set -euo pipefail
cd "$(dirname "$0")/.."

build=(gcc make libc6-dev musl-dev libseccomp-dev libbpf-dev libelf-dev)
demo=(curl openssl iproute2 util-linux mount)
tests=(crun runc procps groff-base strace clang-19 libclang-rt-19-dev)
bench=(bubblewrap firejail hyperfine strace wrk)
vm=(qemu-system-x86 mmdebstrap e2fsprogs kmod util-linux zstd)

packages=("${build[@]}" "${demo[@]}" "${tests[@]}")
[[ ${1:-} != bench ]] || packages+=("${bench[@]}")
[[ ${1:-} != vm ]] || packages+=("${vm[@]}")

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# Messages of package tools name the mirror in use, which is nobody else's business.
without_hosts() { sed -E 's#[a-z+]+://[^/ ]+#(mirror)#g'; }

run_quietly() { # WHAT COMMAND...: shows the output only of a command that failed
  local what=$1 log status=0
  shift
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if ((status != 0)); then
    without_hosts <"$log" | sed -n '1,15p;16i\...' >&2
    without_hosts <"$log" | sed 1,15d | tail -n 10 >&2
    rm -f "$log"
    fail "$what failed with status $status; the lines above say why"
  fi
  rm -f "$log"
}

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${packages[@]}" 2>/dev/null |
    sed -n 's/^[hi]i  *//p') || true
  local p
  for p in "${packages[@]}"; do
    grep -qxF "$p" <<<"$installed" || printf '%s\n' "$p"
  done
}

check_node() {
  command -v node >/dev/null || fail 'Node.js is missing; install Node 20.19 or newer (package nodejs), then try again'
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "Node.js is $(node --version); VXE needs 20.19 or newer"
  command -v npm >/dev/null || fail 'npm is missing; it comes with Node.js from most sources, or as the package npm'
}

install_debian() {
  command -v dpkg-query >/dev/null || fail 'this is not Debian (no dpkg); VXE builds bundles from Debian packages and needs Debian 12'
  local missing=()
  mapfile -t missing < <(missing_packages)
  # The demo makes its bundle from the archive, so apt must know the archive's contents.
  local lists
  lists=$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -print -quit 2>/dev/null || true)
  ((${#missing[@]} == 0)) && [[ -n $lists ]] && return

  local todo="apt-get install --no-install-recommends ${missing[*]}"
  ((${#missing[@]} > 0)) || todo='apt-get update'
  ((EUID == 0)) || fail "not root, and something is missing; as root: $todo"
  export DEBIAN_FRONTEND=noninteractive
  say 'asking Debian for its package lists'
  run_quietly 'apt-get update' apt-get -q update
  if ((${#missing[@]} > 0)); then
    say "installing ${missing[*]}"
    run_quietly 'apt-get install' apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install "${missing[@]}"
  fi
}

# Whether npm's record of what it installed already agrees with the lock file.
npm_agrees() {
  [[ -f node_modules/.package-lock.json ]] && node --input-type=module -e '
    import { readFileSync } from "node:fs";
    const read = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
    const wanted = read("package-lock.json"), there = read("node_modules/.package-lock.json");
    const differs = ([path, entry]) => path !== "" && !entry.optional && there[path]?.version !== entry.version;
    process.exit(Object.entries(wanted).some(differs) ? 1 : 0);'
}

install_npm() {
  local stamp=node_modules/.vxe-setup want
  want=$(sha256sum package-lock.json | cut -d' ' -f1)
  [[ -f $stamp && $(<"$stamp") == "$want" ]] && return
  check_node
  if ! npm_agrees; then
    say 'installing npm packages'
    run_quietly 'npm ci' npm ci --ignore-scripts --no-audit --no-fund --no-progress
  fi
  printf '%s\n' "$want" >"$stamp"
}

install_debian
install_npm
