#!/bin/bash
# What an ordinary user learns is what root learns: the same bundle under the same exercise, recorded by root with BPF, by root with
# notifications, and by a user in a user namespace; the profiles are compared rule by rule.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/unprivileged.test.sh "$@"
export WORKLOAD_FOLDER=$world/host

if ! setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user true 2>"$world/probe.err"; then
  skip 'an ordinary user learns' "no user namespace for an ordinary user here: $(<"$world/probe.err")"
  end_of_tests
fi

# redis-server as the root of its namespaces: an ordinary user has no other there.
mkdir -p "$WORKLOAD_FOLDER" "$world/recipes" "$world/home"
sed '/^user:/d' bundles/redis.yaml >"$world/recipes/redis.yaml"
# shellcheck source=/dev/null
. test/workloads/redis/start.sh
prepare
chown -R 0:0 "$WORKLOAD_FOLDER" && chmod -R a+rX "$WORKLOAD_FOLDER"
check 'the bundle is made' env VXE_RECIPES="$world/recipes" bash -c '. test/demo/lib.sh; demo=$1; vxe bundle create redis --mount /var/lib/redis=$1/data:rw --mount /etc/redis/conf.d=$1/host/conf.d' \
  bash "$world"

cat >"$world/exercise.sh" <<'EXERCISE'
node test/workloads/resp.mjs 6379 <<'ROWS'
AUTH open-sesame                          => OK
SET greeting hello                        => OK
GET greeting                              => hello
CLIENT LIST                               => id=*
SAVE                                      => OK
BGSAVE                                    => 'Background saving started'
!WITHIN 20 EVAL 'return redis.call("info","persistence"):match("rdb_bgsave_in_progress:(%d)")' 0  => 0
BGREWRITEAOF                              => 'Background append only file rewriting started'
!WITHIN 20 EVAL 'return redis.call("info","persistence"):match("aof_rewrite_in_progress:(%d)")' 0 => 0
INFO                                      => '# Server*'
ROWS
EXERCISE

# The bundle with a data folder of its own, as WHO's.
bundle_for() { # WHO UID
  mkdir -p "$world/$1/bundles" "$world/$1/run" "$world/$1/data"
  cp -a "$VXE_BUNDLES/redis" "$world/$1/bundles/"
  sed -i "s#$world/data#$world/$1/data#" "$world/$1/bundles/redis/config.json"
  chmod 700 "$world/$1/run"
  chown -R "$2:$2" "$world/$1"
}
# as WHO COMMAND...
as() {
  local who=$1 uid=0
  shift
  [[ $who != user ]] || uid=65534
  env HOME="$world/$who" XDG_RUNTIME_DIR="$world/$who/run" VXE_BUNDLES="$world/$who/bundles" VXE_ROOT="$world/$who/run" VXE_LOGS="$world/$who/log" \
    VXE_RECORDINGS="$world/$who/recordings" timeout 200 setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}
runs() { # WHO RECORDER N
  as "$1" build/bin/vxe trace --recorder "$2" -o "$world/$1/run$3.ndjson" redis -- bash "$world/exercise.sh"
}
learns() { # WHO: from all that was recorded so far
  rm -f "$world/$1/learned.vxed.yaml"
  as "$1" build/bin/vxe learn redis "$world/$1"/run*.ndjson --output "$world/$1/learned.vxed.yaml"
}
recorded() { # WHO RECORDER
  bundle_for "$1" "$([[ $1 == user ]] && echo 65534 || echo 0)"
  check "$1: it is recorded with $2" runs "$1" "$2" 1
  check "$1: and learned" learns "$1"
}

# Exit 0: the rules are the same but for what is listed here, with its reason.
cat >"$world/compare.mjs" <<'COMPARE'
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
const LISTED = [
  { only: 'second', rule: /^file \/dev\/\S+ ioctl$/, why: 'whether a device understood a request is in the result of the call, which notifications do not tell' },
];
function rules(file) {
  const { files, network, exec, capabilities, services = [], calls } = parse(readFileSync(file, 'utf8'));
  const rows = (kind, of = {}) => Object.entries(of).flatMap(([call, all]) => all.map((row) => `${kind} ${call} ${JSON.stringify(row)}`));
  return new Set([
    ...Object.entries(files).flatMap(([path, words]) => words.split(' ').map((word) => `file ${path} ${word}`)),
    ...network.accept.map((each) => `accept ${each}`),
    ...network.connect.map((each) => `connect ${each}`),
    ...Object.entries(network.sockets ?? {}).map(([object, words]) => `socket ${object} ${words}`),
    `exec ${JSON.stringify(exec)}`,
    ...capabilities.map((each) => `capability ${each}`),
    ...services.map((each) => `service ${each}`),
    ...calls.permit.map((each) => `call ${each}`),
    ...rows('when', calls.when),
    ...rows('quiet', calls.quiet),
  ]);
}
const [first, second] = process.argv.slice(2, 4).map(rules);
const listed = process.argv[4] === 'listed' ? LISTED : [];
const differences = [
  ...[...first].filter((rule) => !second.has(rule)).map((rule) => ({ only: 'first', rule })),
  ...[...second].filter((rule) => !first.has(rule)).map((rule) => ({ only: 'second', rule })),
];
const others = differences.filter(({ only, rule }) => !listed.some((each) => each.only === only && each.rule.test(rule)));
for (const { only, rule } of others) console.log(`only in the ${only}: ${rule}`);
console.log(`${first.size} and ${second.size} rules, ${differences.length} differences, ${others.length} of them not listed`);
process.exitCode = others.length > 0 || first.size < 50 ? 1 : 0;
COMPARE
compared() { node --input-type=module - "$world/$1/learned.vxed.yaml" "$world/$2/learned.vxed.yaml" "${3-}" <"$world/compare.mjs"; }

# What the clock decides (a connection that is gone before it is looked at) is not in each run: where they differ both see more runs.
agree() { # WHO RECORDER [listed]: with the user
  local more
  for more in 2 3 4; do
    compared "$1" user "${3-}" && return 0
    runs user notify $more && runs "$1" "$2" $more && learns user && learns "$1" || return 1
  done
  compared "$1" user "${3-}"
}

recorded user notify
recorded notified notify
check 'with the same recorder a user learns what root learns, rule by rule' agree notified notify
mkdir "$world/less"
sed '/somaxconn: read$/d' "$world/user/learned.vxed.yaml" >"$world/less/learned.vxed.yaml"
check 'control: a rule that is missing is found' contains "$(compared user less)" '^only in the first: file /proc/sys/net/core/somaxconn read$'
try as user build/bin/vxe trace --recorder bpf redis
check 'control: the user has no BPF' [ "$status" = 1 ]
if as root build/bin/vxe-recorder --recorder bpf -o "$world/probe.ndjson" --host true 2>"$world/probe.err"; then
  recorded root bpf
  check 'root with BPF learns the same, but for what the results of calls tell' agree root bpf listed
else
  skip 'root with BPF learns the same' "$(tail -n 1 "$world/probe.err")"
fi
end_of_tests
