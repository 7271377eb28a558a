// path.mjs NAME FOLDER [ACCEPTED...]: sums up what path.sh left in FOLDER, as one line of JSON. Exit 1 where production refused something.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BundleStore, readBundleProfile } from '../../build/ts/src/bundle/index.js';
import { callNumber, fileVerdict } from '../../build/ts/src/policy/index.js';

const [name, folder, ...accepted] = process.argv.slice(2);
const store = new BundleStore(join(folder, 'bundles'));
const bundle = store.require(name);
const { policy } = readBundleProfile(bundle);
const { mounts, entries } = store.inspect(name);

/** Refused calls by what would permit them: the decisions of `vxe violations`, and how many calls they stand for. */
function refused(file) {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  const records = lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  const kinds = new Map();
  for (const record of records) {
    const kind = `${record.rule} ${record.call} ${record.path ?? ''}`.trim();
    kinds.set(kind, (kinds.get(kind) ?? 0) + (record.count ?? 1));
  }
  return { kinds: [...kinds.keys()].sort(), calls: [...kinds.values()].reduce((sum, each) => sum + each, 0) };
}

/** Regular files that the profile lets the daemon read, write or execute: in the root file system, and below what is mounted into it. */
function reachable() {
  const mounted = (path) =>
    mounts.some(({ destination }) => path === destination || path.startsWith(`${destination}/`));
  const inside = entries
    .filter((entry) => entry.type === 'file' && !mounted(entry.path))
    .map((entry) => entry.path);
  for (const { source, destination } of mounts)
    for (const below of filesBelow(source)) inside.push(`${destination}${below}`);
  const rules = { files: policy.files, patterns: policy.patterns, programs: policy.programs };
  const opened = ['read', 'write', 'execute'];
  return inside.filter((path) => opened.some((word) => fileVerdict(rules, path)?.access.has(word))).length;
}

function* filesBelow(path, below = '') {
  if (!existsSync(path)) return;
  let children;
  try {
    children = readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (error.code !== 'ENOTDIR') throw error;
    yield below;
    return;
  }
  for (const child of children) {
    if (child.isFile()) yield `${below}/${child.name}`;
    else if (child.isDirectory()) yield* filesBelow(join(path, child.name), `${below}/${child.name}`);
  }
}

function attack() {
  const file = join(folder, 'attack.json');
  if (!existsSync(file)) return null;
  const report = JSON.parse(readFileSync(file, 'utf8'));
  if (report.attempts === undefined) return { error: report.error?.message ?? JSON.stringify(report) };
  const { held, unproven, open, failed, attempts } = report;
  const told = (verdict) =>
    attempts.filter((each) => each.verdict === verdict).map(({ name, why }) => `${name}: ${why}`);
  const which = { openAre: told('open'), failedAre: told('failed') };
  return { attempts: attempts.length, held, unproven, open, failed, ...which };
}

const calls = [...policy.calls.values()].filter(({ permit }) => permit === 'all' || permit.length > 0);
const upgrade = JSON.parse(readFileSync(join(folder, 'upgrade.json'), 'utf8'));
const after = refused('production.ndjson');
const sum = {
  daemon: name,
  accepted,
  soft: refused('soft.ndjson'),
  taken: upgrade.taken.map(({ rule }) => rule),
  left: upgrade.left.map(({ key, why }) => `${key}: ${why}`),
  production: after,
  calls: calls.filter(({ call }) => callNumber(call) !== undefined).length,
  conditional: calls.filter(({ permit }) => permit !== 'all').length,
  files: reachable(),
  attack: attack(),
};
console.log(JSON.stringify(sum));
process.exitCode = after.calls === 0 ? 0 : 1;
