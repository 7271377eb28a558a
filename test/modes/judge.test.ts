import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { callNumber, nearestRule } from '../../src/policy/index.js';
import { type Act, PROGRAM, type Run, Stage } from './acts.js';

/** The judge of soft mode against the kernel: what it records is what Landlock refuses, act by act. */

const root = process.getuid?.() === 0;
const asRoot = root ? test.serial : test.skip;
if (!root) test('the judge against Landlock', (t) => t.pass('skipped: not root'));

const stage = new Stage();
const { folder } = stage;
test.after.always(() => stage.remove());

const FILES = ['a', 'b', 'd/a', 'd/b', 'd/e/a', 'd/e/f/a', 'g/a'];
/** A folder of programs, which nothing is written in: a program, a script for it, and a script for that one. */
const PROGRAMS = ['p', 's', 'y/t'];
const FOLDERS = ['d', 'd/e', 'd/e/f', 'g'];
const ABSENT = ['n', 'd/n', 'd/e/n', 'g/n', 'h/n'];
const WORDS = ['read', 'write', 'create', 'remove'] as const;
const LINKAT = callNumber('linkat');
const EACCES = 13;
/** What a move across folders gets that Landlock does not allow (landlock(7), LANDLOCK_ACCESS_FS_REFER). */
const EXDEV = 18;

const name = fc.constantFrom(...FILES, ...FOLDERS, ...ABSENT, 'l', 'd/e/../a', './g//a');
const flags = fc
  .tuple(
    fc.constantFrom(0, 1, 2),
    fc.constantFrom(0, 0o100, 0o300, 0o1000, 0o1100, 0o200000, 0o400000, 0o10000000),
  )
  .map(([mode, more]) => String(mode | more));
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ call: fc.constant('open'), path: name, other: flags }) },
  {
    weight: 3,
    arbitrary: fc.record({
      call: fc.constantFrom('mkdir', 'mkfifo', 'symlink', 'unlink', 'rmdir', 'truncate', 'stream-bind'),
      path: name,
      other: fc.constant(''),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      call: fc.constant('exec'),
      path: fc.constantFrom(...PROGRAMS),
      other: fc.constant(''),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      call: fc.constantFrom('rename', 'link', 'exchange', 'link-descriptor', 'link-followed'),
      path: name,
      other: name,
    }),
  },
);
const access = fc.subarray([...WORDS]);
const rules = fc.dictionary(fc.constantFrom(...FILES, ...FOLDERS), access, { maxKeys: 5 });

const programs = join(folder, 'programs');
const programRules = fc.dictionary(fc.constantFrom(...PROGRAMS, 'y', '.'), fc.subarray(['read', 'execute']), {
  maxKeys: 4,
});
mkdirSync(join(programs, 'y'), { recursive: true });
copyFileSync(PROGRAM, join(programs, 'p'));
for (const [script, interpreter] of [
  ['s', 'p'],
  ['y/t', 's'],
] as const)
  writeFileSync(join(programs, script), `#!${programs}/${interpreter}\n`, { mode: 0o755 });

function tree(): string {
  const base = join(folder, 'tree');
  rmSync(base, { recursive: true, force: true });
  for (const each of ['.', ...FOLDERS]) mkdirSync(join(base, each), { recursive: true });
  for (const each of FILES) writeFileSync(join(base, each), 'x');
  symlinkSync('d/a', join(base, 'l'));
  return base;
}

function run(
  words: Readonly<Record<string, readonly string[]>>,
  all: readonly string[],
  executable: Readonly<Record<string, readonly string[]>>,
  acts: readonly Act[],
  mode: 'production' | 'soft' = 'production',
): Run {
  const base = tree();
  const line = (path: string, granted: readonly string[]): string =>
    `  ${path}: ${granted.length === 0 ? 'none' : granted.join(' ')}\n`;
  const files = Object.entries(words).map(([path, granted]) => line(join(base, path), granted));
  const text =
    'vxed: 1\nname: acts\ndescription: random\ntype: filesystem\nnetwork: {interface: none}\nexec: any\nfiles:\n' +
    line(PROGRAM, ['read', 'execute']) +
    line(join(folder, 'acts.txt'), ['read']) +
    line(base, all) +
    files.join('') +
    Object.entries(executable)
      .map(([path, granted]) => line(join(programs, path), granted))
      .join('');
  const others = new Map([
    ['link-descriptor', (other: string) => `${LINKAT},F,E,-100,${base}/${other},0x1000`],
    ['link-followed', (other: string) => `${LINKAT},-100,P,-100,${base}/${other},0x400`],
    ['open', (other: string) => other],
    ['stream-bind', (other: string) => other],
  ]);
  return stage.run(
    text,
    acts.map(({ call, path, other }) => ({
      call: call.startsWith('link-') ? 'named' : call,
      path: call === 'exec' ? join(programs, path) : `${join(base, '.')}/${path}`,
      other: others.get(call)?.(other) ?? `${base}/${other}`,
    })),
    mode,
  );
}

/** How the records of a run differ from what the kernel did in it. */
function differences({ policy, errnos, records }: Run, acts: readonly Act[]): string[] {
  const found: string[] = [];
  const recorded = new Map(records.map((record) => [record.act, record]));
  for (const [index, errno] of errnos.entries()) {
    const { call, path, other } = acts[index] ?? { call: '', path: '', other: '' };
    const record = recorded.get(index + 1);
    const what = `${call} ${path} ${other}`;
    if (errno === 0 && record !== undefined)
      found.push(`recorded and performed: ${what} (${record.needs} by ${record.rule})`);
    if ((errno === EACCES || errno === EXDEV) && record === undefined)
      found.push(`refused with ${errno} and not recorded: ${what}`);
  }
  // The native table is the reference evaluator's: the same rule, and it lacks what is needed.
  for (const { path, needs, rule, narrowed } of records) {
    if (path === null) continue;
    const reference = nearestRule(policy.files, path);
    if ((reference?.id ?? 'files:default') !== rule)
      found.push(`${path} is ruled by ${reference?.id}, not by ${rule}`);
    const granted: readonly string[] = [...(reference?.access ?? [])];
    // Where a narrower rule lies below, the folder does not get all that its rule says; the record tells it.
    if (needs.split(' ').every((word) => granted.includes(word)) !== narrowed)
      found.push(`${rule} grants ${needs} on ${path}`);
  }
  return found;
}

type Sample = readonly [
  words: Parameters<typeof run>[0],
  all: Parameters<typeof run>[1],
  executable: Parameters<typeof run>[2],
  acts: readonly Act[],
];

const opens = (...paths: readonly string[]): readonly Act[] =>
  paths.flatMap((path) => ['0', '1', '2'].map((other) => ({ call: 'open', path, other })));

/** Landlock's rules are for what had their paths at the launch, whatever has them by now. */
const BY_OBJECT: readonly Sample[] = [
  // Below a narrower rule each file that was there has its own right to be read; what is made in its place has not.
  [
    { 'd/e/f': ['write', 'create', 'remove'] },
    [...WORDS],
    {},
    [
      { call: 'open', path: 'd/a', other: '0' },
      ...[0o1102, 0o101, 0o102].flatMap((flags) => [
        { call: 'unlink', path: 'd/a', other: '' },
        { call: 'open', path: 'd/a', other: String(flags) },
        ...opens('d/a'),
      ]),
    ],
  ],
  // Two files trade names, and then each has what the other's rule says.
  [
    { d: ['create', 'remove'], 'd/a': ['read'], 'd/b': ['write'] },
    [],
    {},
    [
      ...opens('d/a', 'd/b'),
      { call: 'exchange', path: 'd/a', other: 'd/b' },
      ...opens('d/a', 'd/b'),
      { call: 'truncate', path: 'd/a', other: '' },
      { call: 'rename', path: 'd/a', other: 'd/n' },
      ...opens('d/a', 'd/b', 'd/n'),
      { call: 'link', path: 'd/n', other: 'd/m' },
      ...opens('d/m'),
    ],
  ],
  // One takes the other's place; a file that has none of the rules does so.
  [
    { d: ['create', 'remove'], 'd/a': ['read', 'write'] },
    [],
    {},
    [
      { call: 'rename', path: 'd/b', other: 'd/a' },
      ...opens('d/a'),
      { call: 'unlink', path: 'd/a', other: '' },
      { call: 'mkfifo', path: 'd/a', other: '' },
      { call: 'open', path: 'd/a', other: '2048' },
    ],
  ],
  // A folder goes, with its rule, and what is in it is ruled as before; a new one in its place is not.
  [
    { d: ['create', 'remove'], 'd/e': ['read', 'create', 'remove'] },
    [],
    {},
    [
      ...opens('d/e/a'),
      { call: 'rename', path: 'd/e', other: 'd/n' },
      ...opens('d/n/a', 'd/n/f/a'),
      { call: 'mkdir', path: 'd/e', other: '' },
      { call: 'open', path: 'd/e/a', other: String(0o101) },
      { call: 'unlink', path: 'd/n/a', other: '' },
      { call: 'exchange', path: 'd/e', other: 'd/n' },
      ...opens('d/e/f/a'),
      { call: 'open', path: 'd/e/x', other: String(0o100) },
      { call: 'open', path: 'd/n/x', other: String(0o100) },
    ],
  ],
];

/** The same acts in soft mode, but for those that production refuses and that would leave something behind. */
function withoutTraces(acts: readonly Act[], errnos: readonly number[]): readonly Act[] {
  const reads = ({ call, other }: Act): boolean =>
    call === 'exec' || (call === 'open' && (Number(other) & (0o100 | 0o1000)) === 0);
  return acts.filter((each, index) => reads(each) || (errnos[index] !== EACCES && errnos[index] !== EXDEV));
}

/** What soft mode records of acts that all leave the tree as production does, beside what production refuses of them. */
function softDifferences(sample: Sample, errnos: readonly number[]): readonly string[] {
  const [words, all, executable, acts] = sample;
  let kept = withoutTraces(acts, errnos);
  let held = run(words, all, executable, kept);
  // One that is refused may have left something all the same: a file is made before it is opened.
  for (;;) {
    const fewer = withoutTraces(kept, held.errnos);
    if (fewer.length === kept.length) break;
    kept = fewer;
    held = run(words, all, executable, kept);
  }
  const soft = run(words, all, executable, kept, 'soft');
  const recorded = new Set(soft.records.map((record) => record.act));
  return kept.flatMap(({ call, path, other }, index) => {
    const errno = held.errnos[index];
    const refused = errno === EACCES || errno === EXDEV;
    // What fails for a reason of its own is not asked about here.
    if (recorded.has(index + 1) ? errno !== 0 : !refused) return [];
    return [
      `${call} ${path} ${other}: production ${refused ? 'refuses' : 'performs'}, soft mode ` +
        `${refused ? 'records nothing' : 'records it'} (${errno}, ${soft.errnos[index]})`,
    ];
  });
}

asRoot('what the judge records is what Landlock refuses', (t) => {
  t.timeout(600_000);
  let refused = 0;
  let performed = 0;
  const samples = fc.sample(
    fc.tuple(rules, access, programRules, fc.array(act, { minLength: 120, maxLength: 120 })),
    {
      numRuns: 25,
      seed: Number(process.env.VXE_SEED ?? 20),
    },
  );
  for (const sample of [...BY_OBJECT, ...samples]) {
    const [words, all, executable, acts] = sample;
    const done = run(words, all, executable, acts);
    t.is(done.errnos.length, acts.length);
    refused += done.errnos.filter((errno) => errno === EACCES).length;
    performed += done.errnos.filter((errno) => errno === 0).length;
    t.deepEqual(
      differences(done, acts),
      [],
      `rules ${JSON.stringify(words)} below ${JSON.stringify(all)}, ${JSON.stringify(executable)}`,
    );
    t.deepEqual(
      softDifferences(sample, done.errnos),
      [],
      `soft: rules ${JSON.stringify(words)} below ${JSON.stringify(all)}, ${JSON.stringify(executable)}`,
    );
  }
  t.log(`${refused} acts refused, ${performed} performed`);
  t.true(refused > 300 && performed > 100, `${refused} refused, ${performed} performed`);
});
