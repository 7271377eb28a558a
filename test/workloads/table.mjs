// What learning comes to on daemons that nobody here wrote: leads each to production with path.sh, and writes build/learn/table.md and table.json.
//   node test/workloads/table.mjs [NAME...]     by default all; rows of others are kept as they were
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { callNumber } from '../../build/ts/src/policy/index.js';

const DAEMONS = ['nginx', 'popd', 'redis', 'memcached', 'dnsmasq', 'apache-php'];
const PROGRAMS = { popd: 'popa3d', redis: 'redis-server', 'apache-php': 'Apache with PHP' };
// seccomp/default.json of github.com/moby/profiles at 02e898b137aed1024e232d59bcb05e6179b72177: names that are calls of x86-64 and are
// permitted, if only with some arguments, to a container with Docker's default capabilities.
const DOCKER = 309;
// Where there is no systemd-analyze: systemd 252.
const SYSTEM_SERVICE = { calls: 299, version: '252' };
const OUT = 'build/learn';

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !DAEMONS.includes(name));
if (unknown !== undefined) {
  console.error(`table: there is no daemon ${unknown}; there are ${DAEMONS.join(', ')}`);
  process.exit(2);
}
mkdirSync(OUT, { recursive: true });
const file = `${OUT}/table.json`;
const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).daemons : {};
const daemons = {};
for (const name of DAEMONS) {
  const row = asked.length === 0 || asked.includes(name) ? led(name) : before[name];
  if (row !== undefined) daemons[name] = row;
}
const system = systemService();
const host = readableOnHost();
const results = { docker: DOCKER, systemService: system, host, daemons };
writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
writeFileSync(`${OUT}/table.md`, text(results));
console.log(readFileSync(`${OUT}/table.md`, 'utf8'));
process.exitCode = Object.values(daemons).every(({ passed }) => passed) ? 0 : 1;

function led(name) {
  console.error(`table: ${name}`);
  const run = spawnSync('bash', ['test/workloads/path.sh', name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
  });
  writeFileSync(`${OUT}/${name}.log`, run.stderr);
  const line = run.stdout.trim().split('\n').at(-1) ?? '';
  const sum = line.startsWith('{') ? JSON.parse(line) : undefined;
  const said = run.stderr.split('\n').find((each) => each.startsWith('not so:'));
  if (said !== undefined) console.error(said);
  return { passed: run.status === 0, said: said ?? null, sum: sum ?? null };
}

/** The calls of x86-64 in systemd's group for services, of the systemd that is there. */
function systemService() {
  const run = spawnSync('systemd-analyze', ['syscall-filter', '--no-pager'], { encoding: 'utf8' });
  const version = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
  if (run.status !== 0) return SYSTEM_SERVICE;
  const sets = new Map();
  let current;
  for (const line of run.stdout.split('\n')) {
    if (/^@\S+$/.test(line)) {
      current = [];
      sets.set(line, current);
    } else if (/^\s+[@\w]/.test(line)) current?.push(line.trim());
  }
  const calls = new Set();
  const add = (set) => {
    for (const word of sets.get(set) ?? []) {
      if (word.startsWith('@')) add(word);
      else if (callNumber(word) !== undefined) calls.add(word);
    }
  };
  add('@system-service');
  return { calls: calls.size, version: /^systemd (\d+)/.exec(version.stdout)?.[1] ?? 'unknown' };
}

/** Regular files of the root file system that a user without any rights of its own can open here. */
function readableOnHost() {
  const find = ['find', '/', '-xdev', '-type', 'f', '-readable', '-printf', '.'];
  const ids = ['--reuid=65534', '--regid=65534', '--clear-groups', '--'];
  const run = spawnSync('setpriv', [...ids, ...find], { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (run.error !== undefined) throw run.error;
  return run.stdout.length;
}

function text({ docker, systemService: service, host: files, daemons: rows }) {
  const refusals = ({ kinds, calls }) => (calls === 0 ? '0' : `${calls} (${kinds.length} different)`);
  const battery = (attack) =>
    attack === null || attack.error !== undefined
      ? `did not end${attack === null ? '' : `: ${attack.error}`}`
      : `${attack.held} held, ${attack.unproven} unproven, ${attack.open} open, ${attack.failed} failed, of ${attack.attempts}`;
  const lines = Object.entries(rows).map(([name, { passed, said, sum }]) => {
    const shown = PROGRAMS[name] ?? name;
    if (sum === null) return [shown, `**did not come so far**: ${said ?? 'no result'}`, '', '', '', '', ''];
    return [
      shown,
      refusals(sum.soft),
      passed ? '0' : `**${refusals(sum.production)}**${said === null ? '' : `; ${said}`}`,
      `${sum.calls} (${sum.conditional})`,
      String(sum.files),
      battery(sum.attack),
      sum.accepted
        .filter((id) => !id.startsWith('--'))
        .map((id) => `\`${id}\``)
        .join(' '),
    ];
  });
  const cell = (value) => value.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const kinds = Object.entries(rows).flatMap(([name, { sum }]) =>
    sum === null ? [] : sum.production.kinds.map((kind) => `- ${PROGRAMS[name] ?? name}: \`${kind}\``),
  );
  const failed = Object.entries(rows).flatMap(([name, { sum }]) =>
    (sum?.attack?.failedAre ?? []).map((each) => `- ${PROGRAMS[name] ?? name}: ${each}`),
  );
  return [
    `Docker's default profile permits ${docker} calls, systemd ${service.version}'s \`@system-service\` ${service.calls}. A user without rights of its own can open ${files} files of this host.`,
    '',
    '| daemon | calls of half b that were not permitted, in soft mode | refused in half b after `vxe upgrade --auto` | calls permitted (of these, with conditions) | files it can open | the battery of `vxe attack` | accepted by the administrator |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...lines.map((line) => `| ${line.map(cell).join(' | ')} |`),
    '',
    ...(kinds.length === 0 ? [] : ['Refused in production:', '', ...kinds, '']),
    ...(failed.length === 0 ? [] : ['Attempts of the battery that failed:', '', ...failed, '']),
  ].join('\n');
}
