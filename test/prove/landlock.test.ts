import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { OciLandlock } from '../../src/lowering/index.js';
import { ABI_TABLE } from '../../src/lowering/index.js';
import type { Demand } from '../../src/prove/index.js';
import { DEMANDS, landlockPermits, portPermits } from '../../src/prove/index.js';
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
    'test/prove/acts.c',
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
  'remove file',
  'remove folder',
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

interface Layer {
  readonly handled: readonly string[];
  readonly rules: readonly Rule[];
  readonly handledNet: readonly string[];
  readonly ports: readonly { readonly port: number; readonly rights: readonly string[] }[];
}

const NET = ['bind_tcp', 'connect_tcp'];

function netBits(rights: readonly string[]): string {
  return rights.reduce((all, right) => all | (1 << NET.indexOf(right)), 0).toString(16);
}

/** One line for each act, in layers that the kernel stacks; the answers are error numbers. */
function asked(root: string, layers: readonly Layer[], acts: readonly string[]): readonly number[] {
  const lines = [
    ...layers.flatMap((layer) => [
      `handle ${bits(layer.handled)} ${netBits(layer.handledNet)}`,
      ...layer.rules.map(({ path, rights }) => `rule ${bits(rights)} ${join(root, path)}`),
      ...layer.ports.map(({ port, rights }) => `port ${netBits(rights)} ${port}`),
      'restrict 0 -',
    ]),
    ...acts,
  ];
  const output = execFileSync(helper, { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  const answers = output.trim().split('\n').map(Number);
  if (answers.length !== acts.length || answers.includes(-1)) throw new Error(`the helper answers ${output}`);
  return answers;
}

function lineOf({ demand, path }: Act, root: string): string {
  return `${WORDS[demand.right] ?? demand.right} 0 ${join(root, path)}`;
}

interface Rule {
  readonly path: string;
  readonly rights: readonly string[];
}

/** Ports that nobody listens on. */
const PORTS = [29_061, 29_062, 29_063];

const layer: fc.Arbitrary<Layer> = fc
  .record({
    handled: fc.oneof(fc.constant(HANDLED), fc.subarray(HANDLED, { minLength: 1 })),
    rules: fc.array(
      fc.oneof(
        fc.record({ path: fc.constantFrom(...FOLDERS), rights: fc.subarray(HANDLED) }),
        fc.record({ path: fc.constantFrom(...FILES), rights: fc.subarray(FILE_RIGHTS) }),
      ),
      { maxLength: 6 },
    ),
    handledNet: fc.subarray(NET),
    ports: fc.array(fc.record({ port: fc.constantFrom(...PORTS), rights: fc.subarray(NET) }), {
      maxLength: 3,
    }),
  })
  .map(({ handled, rules, handledNet, ports: list }) => ({
    handled,
    handledNet,
    rules: rules
      .map(({ path, rights }) => ({ path, rights: rights.filter((right) => handled.includes(right)) }))
      .filter(({ rights }) => rights.length > 0),
    ports: list
      .map(({ port, rights }) => ({ port, rights: rights.filter((right) => handledNet.includes(right)) }))
      .filter(({ rights }) => rights.length > 0),
  }));

/** The same as a plan has it. */
function planOf({ handled, rules, handledNet, ports: list }: Layer): OciLandlock {
  return {
    ruleset: { handledAccessFS: handled, handledAccessNet: handledNet, scoped: [] },
    rules: {
      pathBeneath: rules.map(({ path, rights }) => ({ allowedAccess: rights, paths: [path] })),
      netPort: list.map(({ port, rights }) => ({ allowedAccess: rights, ports: [port] })),
    },
    disableBestEffort: true,
  };
}

for (const [what, maxLength, numRuns] of [
  ['one layer', 1, 60],
  ['stacked layers', 3, 60],
] as const) {
  test(`the model of Landlock says of every act what the running kernel says: ${what}`, (t) => {
    if (ports.features().landlockAbi < 4) {
      t.log('this kernel has no Landlock of ABI 4: the model is not held against it here');
      t.pass();
      return;
    }
    const acts = actsOf();
    let [compared, refused, count] = [0, 0, 0];
    const minLength = maxLength === 1 ? 1 : 2;
    fc.assert(
      fc.property(fc.array(layer, { minLength, maxLength }), (layers) => {
        const root = join(folder, `tree-${maxLength}-${count++}`);
        plant(root);
        const plans = layers.map(planOf);
        const lines = acts.map((act) => lineOf(act, root));
        const netLines = PORTS.flatMap((port) => [`bind 0 ${port}`, `connect 0 ${port}`]);
        const answers = asked(root, layers, [...lines, ...netLines]);
        rmSync(root, { recursive: true });
        const wrong: string[] = [];
        const hold = (text: string, model: boolean, errno: number | undefined): void => {
          const kernel = errno !== EACCES && errno !== EXDEV;
          if (model !== kernel) wrong.push(`${text}: the model says ${model}, the kernel ${errno}`);
          compared++;
          if (!model) refused++;
        };
        for (const [index, { demand, path }] of acts.entries())
          hold(`${demand.right} of ${path}`, landlockPermits(plans, demand, path), answers[index]);
        for (const [index, line] of netLines.entries()) {
          const [word = '', , port] = line.split(' ');
          hold(line, portPermits(plans, `${word}_tcp`, Number(port)), answers[acts.length + index]);
        }
        t.deepEqual(wrong, []);
      }),
      { numRuns },
    );
    t.log(`${compared} acts compared, ${refused} refused`);
    t.true(refused > 1000 && compared - refused > 500);
  });
}
