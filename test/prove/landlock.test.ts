import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { OciLandlock } from '../../src/lowering/index.js';
import { ABI_TABLE } from '../../src/lowering/index.js';
import type { Demand } from '../../src/prove/index.js';
import { DEMANDS, landlockPermits } from '../../src/prove/index.js';
import { ports } from '../lowering/helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'vxe-prove-'));
const helper = join(folder, 'acts');
test.before(() => {
  execFileSync('gcc', [
    '-std=c17',
    '-D_GNU_SOURCE',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-o',
    helper,
    'test/prove/landlock_acts.c',
  ]);
});
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const RIGHTS = ABI_TABLE.flatMap((row) => row.fs);
const EACCES = 13;
const EXDEV = 18;
/** What truncation and moving need is in every kernel that VXE supports. */
const HANDLED = RIGHTS.slice(0, RIGHTS.indexOf('truncate') + 1);
const FILE_RIGHTS = ['execute', 'write_file', 'read_file', 'truncate'];

const FOLDERS = ['/', '/a', '/a/b', '/a/b/c', '/d', '/d/e'];
const FILES = FOLDERS.flatMap((path) =>
  ['f', 'g'].map((name) => (path === '/' ? `/${name}` : `${path}/${name}`)),
);

interface Act {
  readonly demand: Demand;
  /** Under which the path is, made for this act alone. */
  readonly path: string;
}

const ACTS = [
  'read',
  'list',
  'write',
  'truncate',
  'execute',
  'remove',
  'make file',
  'make folder',
  'make link',
] as const;
const MORE = ['make socket', 'make fifo', 'make device'] as const;

/** Each act once in each folder, on an object that no other act changes; what is removed is removed last. */
function actsOf(): readonly Act[] {
  const demands = [...ACTS, ...MORE].flatMap((act) => [...DEMANDS[act]]);
  const acts = demands.flatMap((demand) => {
    if (demand.right === 'read_dir') return FOLDERS.map((path) => ({ demand, path }));
    if (demand.of === 'self') return FILES.map((path) => ({ demand, path }));
    return FOLDERS.map((path) => ({ demand, path: join(path, `for-${demand.right}`) }));
  });
  const removes = ({ demand }: Act): number => (demand.right.startsWith('remove') ? 1 : 0);
  return acts.sort((a, b) => removes(a) - removes(b));
}

function plant(root: string): void {
  for (const path of FOLDERS) {
    mkdirSync(join(root, path), { recursive: true });
    mkdirSync(join(root, path, 'for-remove_dir'));
    writeFileSync(join(root, path, 'for-remove_file'), '');
  }
  for (const path of FILES) writeFileSync(join(root, path), 'no format that runs', { mode: 0o755 });
}

function bits(rights: readonly string[]): string {
  return rights.reduce((all, right) => all | (1n << BigInt(RIGHTS.indexOf(right))), 0n).toString(16);
}

const WORDS: Readonly<Record<string, string>> = { read_file: 'read', read_dir: 'list', write_file: 'write' };

/** What the kernel says to each act: true where Landlock lets it through. */
function asked(
  root: string,
  handled: readonly string[],
  rules: readonly Rule[],
  acts: readonly Act[],
): boolean[] {
  const lines = [
    `handle ${bits(handled)} -`,
    ...rules.map(({ path, rights }) => `rule ${bits(rights)} ${join(root, path)}`),
    'restrict 0 -',
    ...acts.map(({ demand, path }) => `${WORDS[demand.right] ?? demand.right} 0 ${join(root, path)}`),
  ];
  const output = execFileSync(helper, { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  const answers = output.trim().split('\n').map(Number);
  if (answers.length !== acts.length || answers.includes(-1)) throw new Error(`the helper answers ${output}`);
  return answers.map((errno) => errno !== EACCES && errno !== EXDEV);
}

interface Rule {
  readonly path: string;
  readonly rights: readonly string[];
}

const ruleset = fc.record({
  handled: fc.oneof(fc.constant(HANDLED), fc.subarray(HANDLED, { minLength: 1 })),
  rules: fc.array(
    fc.oneof(
      fc.record({ path: fc.constantFrom(...FOLDERS), rights: fc.subarray(HANDLED) }),
      fc.record({ path: fc.constantFrom(...FILES), rights: fc.subarray(FILE_RIGHTS) }),
    ),
    { maxLength: 6 },
  ),
});

test('the model of Landlock says of every act what the running kernel says', (t) => {
  if (ports.features().landlockAbi < 3) {
    t.log('this kernel has no Landlock of ABI 3: the model is not held against it here');
    t.pass();
    return;
  }
  const acts = actsOf().map((act) => act);
  let compared = 0;
  let refused = 0;
  let count = 0;
  fc.assert(
    fc.property(ruleset, ({ handled, rules }) => {
      const root = join(folder, `tree-${count++}`);
      plant(root);
      const kept = rules
        .map(({ path, rights }) => ({ path, rights: rights.filter((right) => handled.includes(right)) }))
        .filter(({ rights }) => rights.length > 0);
      const landlock: OciLandlock = {
        ruleset: { handledAccessFS: handled, handledAccessNet: [], scoped: [] },
        rules: {
          pathBeneath: kept.map(({ path, rights }) => ({ allowedAccess: rights, paths: [path] })),
          netPort: [],
        },
        disableBestEffort: true,
      };
      const wrong: string[] = [];
      const answers = asked(root, handled, kept, acts);
      rmSync(root, { recursive: true });
      for (const [index, { demand, path }] of acts.entries()) {
        const model = landlockPermits(landlock, demand, path);
        if (model !== answers[index])
          wrong.push(`${demand.right} of ${path}: the model says ${model}, the kernel ${answers[index]}`);
        compared++;
        if (!model) refused++;
      }
      t.deepEqual(wrong, []);
    }),
    { numRuns: 60 },
  );
  t.log(`${compared} acts compared, ${refused} refused`);
  t.true(refused > 1000 && compared - refused > 1000);
});
