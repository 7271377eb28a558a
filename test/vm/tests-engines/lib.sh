# What the tests of engines share. Sourced by bash, after tap.sh.
# shellcheck shell=bash

vxe_runtime=/usr/local/bin/vxe-runtime
snippets=/usr/local/vm/docs/engines
rootfs_tar=/var/tmp/busybox.tar

# A root file system of busybox alone: there is no network to fetch one from.
make_rootfs() {
  local root
  [[ -s $rootfs_tar ]] && return
  root=$(mktemp -d)
  mkdir -p "$root"/{bin,etc,tmp,var,root,home/user,proc,sys,dev,data}
  # It becomes the root of the container, whose user has to get through.
  chmod 755 "$root"
  chmod 1777 "$root/tmp"
  cp /bin/busybox "$root/bin/busybox"
  local applet
  for applet in sh ls cat echo sleep id ip ps mount env true false stat grep wc touch wget httpd hostname kill head sed tr mkdir rm nc test stty; do
    ln -s busybox "$root/bin/$applet"
  done
  printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nuser:x:1000:\n' >"$root/etc/group"
  tar -C "$root" -cf "$rootfs_tar" .
  chmod 644 "$rootfs_tar"
  rm -rf "$root"
}

# subject ENGINE VERSION...: what is tried, for the table of docs/measured.
subject() { printf '# subject: %s\n' "$*"; }

# One that hangs is ended. A function cannot be run by timeout.
limited() {
  if [[ $(type -t "$1") == function ]]; then "$@"; else timeout 120 "$@"; fi
}

# gives TEXT WANTED COMMAND...: the output is this.
gives() {
  local text=$1 wanted=$2 output status=0
  shift 2
  output=$(limited "$@" 2>&1) || status=$?
  if [[ $output == "$wanted" ]]; then ok "$text"; else not_ok "$text" "exit $status: $*"$'\n'"is: $output"$'\n'"wanted: $wanted"; fi
}

# ends TEXT CODE COMMAND...: the exit code is this.
ends() {
  local text=$1 wanted=$2 output status=0
  shift 2
  output=$(limited "$@" 2>&1) || status=$?
  if [[ $status == "$wanted" ]]; then ok "$text"; else not_ok "$text" "exit $status, not $wanted: $*"$'\n'"$output"; fi
}

# shows TEXT PATTERN COMMAND...: the output matches.
shows() {
  local text=$1 pattern=$2 output status=0
  shift 2
  output=$(limited "$@" 2>&1) || status=$?
  if [[ $output =~ $pattern ]]; then ok "$text"; else not_ok "$text" "exit $status: $*"$'\n'"is: $output"$'\n'"wanted: $pattern"; fi
}
