#!/bin/bash
# kill -9 at every step of a launch and of a recording, a system call that fails at every step of a launch, two commands at once on one container,
# and many launches in a row: nothing is left on the host.
# KILL_EVERY=1 kills at each system call (make kill-test), not at every 18th; CYCLES is how many containers come and go.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/kill.test.sh "$@"

umount -l /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 none /sys/fs/cgroup || skip_all 'no cgroup v2'
mount -t tmpfs none /run
every=${KILL_EVERY:-18}
cycles=${CYCLES:-40}

# A static program, and the same that waits.
program=$PWD/build/bench/nothing
mkdir "$world/sources"
sed "s#@PROGRAM@#$program#g" test/bench/idle.vxed.yaml >"$world/sources/idle.vxed.yaml"
for name in idle waiting; do
  words=$program
  [[ $name == idle ]] || words="$program, wait"
  printf 'recipe: 1\nname: %s\nsource: {exec: %s}\nprofile: idle\nprogram: [%s]\n' "$name" "$program" "$words" >"$world/sources/$name.yaml"
  VXE_RECIPES=$world/sources VXE_PROFILES=$world/sources vxe bundle create "$name" >"$world/create.log" 2>&1 ||
    { not_ok "the bundle $name is made" "$(<"$world/create.log")"; end_of_tests; }
done
# The waiting one once more, with a profile that has hooks after calls.
hooked=$world/hooked/waiting
mkdir "$world/hooks"
{ cat "$world/sources/idle.vxed.yaml" && echo '  after: {openat: [{}]}'; } >"$world/hooks/idle.vxed.yaml"
idle=$VXE_BUNDLES/idle
waiting=$VXE_BUNDLES/waiting
# The first one as an engine has it, in a user namespace, with what its root can neither open nor make.
apart=$world/apart
cp -a "$idle" "$apart"
mkdir -m 700 "$world/closed" && mkdir -p "$world/closed/open" "$apart/rootfs/open"
node -e '
  const { readFileSync, writeFileSync } = require("node:fs");
  const [file, source] = process.argv.slice(1);
  const config = JSON.parse(readFileSync(file));
  const map = [{ containerID: 0, hostID: 100000, size: 1000 }];
  config.annotations = {};
  delete config.process.landlock;
  delete config.linux.seccomp;
  config.linux.namespaces.push({ type: "user" });
  Object.assign(config.linux, { uidMappings: map, gidMappings: map });
  config.linux.devices = [{ path: "/dev/made", type: "c", major: 1, minor: 5, uid: 12 }];
  config.mounts.push({ destination: "/open", type: "bind", source, options: ["rbind"] });
  writeFileSync(file, JSON.stringify(config));' "$apart/config.json" "$world/closed/open"
# And in a cgroup that is another's. The container's name is not in its.
export VXE_KILL_OTHERS=/sys/fs/cgroup/others-${world##*.}
placed=$world/placed
cp -a "$idle" "$placed"
node -e '
  const { readFileSync, writeFileSync } = require("node:fs");
  const [file, path] = process.argv.slice(1);
  const config = JSON.parse(readFileSync(file));
  config.annotations = {};
  delete config.process.landlock;
  delete config.linux.seccomp;
  config.linux.cgroupsPath = path;
  writeFileSync(file, JSON.stringify(config));' "$placed/config.json" "${VXE_KILL_OTHERS#/sys/fs/cgroup}"

# A container as an engine has it, whose hooks are counted; what takes its name meanwhile; and limits for it.
counted=$world/counted
cp -a "$waiting" "$counted"
export VXE_KILL_HOOKED=$world/hooked.log VXE_KILL_SWAP=$world/swap VXE_KILL_RULES=$world/rules.json
: >"$VXE_KILL_HOOKED"
printf '#!/bin/sh\necho "$2" >>"$1"\n' >"$world/hook"
cat >"$VXE_KILL_SWAP" <<'SWAP'
#!/bin/sh
"$1" delete --force "$3" && "$1" create --bundle "$2" "$3" </dev/null >/dev/null && exec "$1" start "$3"
SWAP
chmod +x "$world/hook" "$VXE_KILL_SWAP"
echo '{"devices": [{"allow": true, "access": "rwm"}, {"allow": false, "type": "c", "major": 1, "minor": 7, "access": "r"}]}' >"$VXE_KILL_RULES"
node -e '
  const { readFileSync, writeFileSync } = require("node:fs");
  const [file, hook, log] = process.argv.slice(1);
  const config = JSON.parse(readFileSync(file));
  config.annotations = {};
  delete config.process.landlock;
  delete config.linux.seccomp;
  const each = (name) => [{ path: hook, args: [hook, log, name] }];
  config.hooks = { poststart: each("poststart"), poststop: each("poststop") };
  writeFileSync(file, JSON.stringify(config));' "$counted/config.json" "$world/hook" "$VXE_KILL_HOOKED"

# Cgroups are the whole host's.
name=kill-${world##*.}
export VXE_RECORDINGS=$world/recordings
scenarios=(run oci ended detached apart given unmade own deleted stopped trace-notify trace-bundle)
if vxe trace --recorder bpf -o "$world/probe.ndjson" --host true 2>"$world/probe.err"; then
  scenarios+=(trace-bpf)
  VXE_RECIPES=$world/sources VXE_PROFILES=$world/hooks vxe bundle create waiting --output "${hooked%/*}" >"$world/create.log" 2>&1 &&
    scenarios+=(hooked) || not_ok 'the bundle with hooks is made' "$(<"$world/create.log")"
else
  skip 'the BPF recorder is killed at its calls' "$(tail -n 1 "$world/probe.err")"
fi
# In bundles whose program tells all that confines it, a system call fails in place of killing who makes it.
probe=$PWD/build/conformance/probe
confined=$world/confined
chmod 711 "$world"
mkdir "$confined" "$confined/own"
VXE_KILL_STANDING=$(node test/kill/confined.mjs "$confined" "$probe")
export VXE_KILL_STANDING VXE_KILL_PROCESS=$confined/process.json VXE_KILL_RESOURCES=$confined/resources.json
cat >"$confined/own/told.vxed.yaml" <<PROFILE
vxed: 1
name: told
type: filesystem
program: $probe
files: {/: read, $probe: read execute}
network: {interface: none}
exec: once
limits: {nofile: 64}
PROFILE
for bundle in told waiting; do
  words="$probe, '$VXE_KILL_STANDING', 'write:/unwritten'"
  [[ $bundle == told ]] || words="$probe, 'sleep:1000000'"
  printf 'recipe: 1\nname: %s\nsource: {exec: %s}\nprofile: told\nprogram: [%s]\n' "$bundle" "$probe" "$words" >"$confined/own/$bundle.yaml"
  VXE_RECIPES=$confined/own VXE_PROFILES=$confined/own vxe bundle create "$bundle" --output "$confined/own" >"$world/create.log" 2>&1 ||
    not_ok "the bundle $bundle is made" "$(<"$world/create.log")"
done
if [[ $(uname -m) == x86_64 ]]; then
  scenarios+=(fail-run fail-apart fail-oci fail-exec fail-own fail-stop)
else
  skip 'system calls fail' 'the injector changes the registers of x86_64 only'
fi
pairs=(create-create start-start start-delete start-pause delete-create delete-state exec-delete pause-resume pause-delete
  update-update kill-swap pause-swap exec-swap)
# By hand, all that there are.
((every > 1)) || pairs+=(start-kill delete-start delete-delete delete-exec delete-pause delete-resume delete-update delete-kill exec-exec exec-kill
  pause-pause pause-start resume-pause resume-delete update-delete kill-delete state-delete list-delete ps-delete events-delete run-run
  kill-one-swap kill-each-swap delete-swap start-swap update-swap)
# The injector's tests are counted on with ours.
planned=0
while IFS= read -r line; do
  case $line in
    'ok '*) ok "${line#* - }" ;;
    'not ok '*) not_ok "${line#* - }" "$before" ;;
    1..*) planned=$((planned + ${line#1..})) ;;
    *) before=$line ;;
  esac
done < <(for scenario in "${scenarios[@]}" "${pairs[@]}"; do
  first=$idle second=$waiting steps=$every started=$program
  [[ $scenario != apart ]] || first=$apart
  [[ $scenario != given && $scenario != unmade ]] || first=$placed
  case $scenario in
    fail-*) started=$probe steps=$((every * 2)) ;;&
    fail-apart) first=$confined/apart ;;
    fail-own | fail-stop) first=$confined/own/told second=$confined/own/waiting ;;
    fail-*) first=$confined/full second=$confined/waiting ;;
  esac
  # Loading a program for the kernel is many calls that are much alike.
  [[ $scenario != hooked ]] || second=$hooked steps=$((every * 4))
  [[ " ${pairs[*]} " != *" $scenario "* ]] || first=$counted steps=$((every > 1 ? every * 2 : 1))
  # The next command waits five seconds for the bystander each time.
  [[ $scenario != unmade ]] || steps=$((every * 6))
  build/kill/inject "$scenario" "$steps" "$PWD/build/bin/vxe" /run/kill /sys/fs/cgroup "$first" "$second" "$started" "$name" ||
    echo "not ok 0 - the injector does $scenario"
done)
rmdir "$VXE_KILL_OTHERS" 2>/dev/null
check 'the injector came to its end' [ "$planned" -ge $((${#scenarios[@]} * 4)) ]
readable() { # Of recordings that ended anyhow: whole lines up to the last one, and counts that add up or no trailer.
  node -e '
    const { readFileSync } = require("node:fs");
    let whole = 0, cut = 0;
    for (const name of process.argv.slice(1)) {
      const lines = readFileSync(name, "utf8").split("\n");
      lines.pop();
      const records = lines.map((line) => JSON.parse(line));
      const trailer = records.at(-1)?.record === "trailer" ? records.pop() : undefined;
      if (records.length > 0 && records[0].record !== "header") throw new Error(`${name} has no header`);
      if (trailer === undefined) { cut++; continue; }
      whole++;
      const made = records.reduce((sum, each) => sum + (each.record === undefined || each.record === "repeat" ? each.count : 0), 0);
      const lost = Object.values(trailer.lost).reduce((sum, each) => sum + each, 0);
      if (made !== trailer.recorded || trailer.recorded + lost !== trailer.calls) throw new Error(`${name} does not add up`);
    }
    console.log(`${whole} whole, ${cut} cut off`);
    if (whole < 10 || cut < 10) process.exit(1);' "$VXE_RECORDINGS"/*/*.ndjson
}
check 'recordings of recorders that were killed can be read to their last line, and say that they are not complete' readable
rm -rf "$VXE_RECORDINGS"

# What a host counts: processes, mounts, cgroups, state and logs, network namespaces that the kernel still has.
count() {
  # All but this shell, its subshells and what they count with.
  echo "processes $(cat /proc/[0-9]*/comm 2>/dev/null | grep -vxcE 'bash|cat|grep')"
  echo "mounts $(wc -l </proc/self/mountinfo)"
  echo "cgroups $(find /sys/fs/cgroup -type d -name "*$name*" | wc -l)"
  echo "state $(find /run/cycle "$VXE_ROOT" -mindepth 1 2>/dev/null | wc -l)"
  echo "logs $(find "$VXE_LOGS" 2>/dev/null | wc -l)"
}
namespaces() { awk '$1 == "net_namespace" { print $2 }' /proc/slabinfo; }
unreclaimable() { awk '$1 == "SUnreclaim:" { print $2 }' /proc/meminfo; }

runtime() { build/bin/vxe-runtime --root /run/cycle "$@"; }
one_cycle() {
  runtime run --bundle "$idle" "$name" && runtime create --bundle "$waiting" "$name" </dev/null >/dev/null 2>&1 && runtime start "$name" &&
    runtime delete --force "$name" && vxe start "$waiting" --detach && vxe stop waiting >/dev/null
}
many_cycles() { for ((i = 0; i < $1; i++)); do one_cycle || { echo "cycle $i"; return 1; }; done; }
check 'the first containers come and go' many_cycles 3

# Without the descriptors that it takes, delete ends the container or says why not, and a name that is taken stays so.
container_lives() { [[ $(cut -d ' ' -f 3 "/proc/$(<"$world/pid")/stat" 2>/dev/null) == [SRD] ]]; }
few_descriptors() {
  local few said status
  for few in {4..14}; do
    runtime create --pid-file "$world/pid" --bundle "$waiting" "$name" </dev/null >/dev/null 2>&1 || { echo "create"; return 1; }
    for words in "create --bundle $waiting" "delete --force"; do
      status=0
      # shellcheck disable=SC2086
      said=$( (ulimit -Sn "$few" && exec build/bin/vxe-runtime --root /run/cycle $words "$name") 2>&1 </dev/null) || status=$?
      case $words:$status in
        create*:0) echo "$few: it is made twice"; return 1 ;;
        delete*:0) ! container_lives || { echo "$few: deleted, and alive"; return 1; } ;;
        *) [[ $said == vxe-runtime:* ]] || { echo "$few: $words ends with $status: $said"; return 1; } ;;
      esac
      [[ $words == delete* ]] || container_lives || { echo "$few: the container is gone"; return 1; }
    done
    runtime delete --force "$name" || return 1
    ! container_lives || { echo "$few: the container is left"; return 1; }
  done
}
check 'with few descriptors create and delete do what they are to, or say why not' few_descriptors

# More than the 128 inotify instances that a user has, and other limits of that size.
at_once=140
all_up() {
  for ((i = 0; i < at_once; i++)); do
    runtime create --bundle "$waiting" "$name-$i" </dev/null >/dev/null 2>&1 && runtime start "$name-$i" || { echo "container $i"; return 1; }
  done
  (($(runtime list --quiet | wc -l) == at_once))
}
all_gone() { for ((i = 0; i < at_once; i++)); do runtime delete --force "$name-$i" || return 1; done; }
check "$at_once containers run at once" all_up
check 'and go' all_gone
# They have left log folders, which the cycles have not.
rm -rf "${VXE_LOGS:?}/$name"-*
none_run() { [[ $(count) == 'processes 0'* ]]; }
check 'no process of theirs is left' eventually 60 none_run
before=$(count)
nets=$(namespaces)
slab=$(unreclaimable)
check "$cycles times three containers come and go" many_cycles "$cycles"
same_count() { [[ $(count) == "$before" ]] || { diff <(echo "$before") <(count); return 1; }; }
check 'processes, mounts, cgroups, state and logs are as many as before' eventually 60 same_count
# Other programs of the host have network namespaces too; a leak would be one for each container.
few_namespaces() { (($(namespaces) - nets < cycles)); }
check 'the kernel has let go of the network namespaces' eventually 60 few_namespaces
# The rest of the host is at work as well: only a leak of each cycle shows.
grown() { (($(unreclaimable) - slab < cycles * 16)); }
printf '# %d cycles: network namespaces %d, then %d; memory of the kernel that it does not take back %d KiB, then %d\n' \
  "$cycles" "$nets" "$(namespaces)" "$slab" "$(unreclaimable)"
if ((cycles >= 1000)); then
  check "the kernel's own memory has not grown with them" eventually 60 grown
else
  skip "the kernel's own memory has not grown with them" "$cycles cycles tell nothing; make kill-test makes 1000"
fi

end_of_tests
