import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { nearestRule } from '../../src/policy/index.js';
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
    arbitrary: fc.record({ call: fc.constantFrom('rename', 'link', 'exchange'), path: name, other: name }),
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
  return stage.run(
    text,
    acts.map(({ call, path, other }) => ({
      call,
      path: call === 'exec' ? join(programs, path) : `${join(base, '.')}/${path}`,
      other: call === 'open' || call === 'stream-bind' ? other : `${base}/${other}`,
    })),
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

/** Below a narrower rule each file that was there has its own right to be read; what is made in its place has not. */
const MADE_ANEW = [
  { 'd/e/f': ['write', 'create', 'remove'] },
  [...WORDS],
  {},
  [
    { call: 'open', path: 'd/a', other: '0' },
    ...[0o1102, 0o101, 0o102].flatMap((flags) => [
      { call: 'unlink', path: 'd/a', other: '' },
      { call: 'open', path: 'd/a', other: String(flags) },
    ]),
  ],
] satisfies Parameters<typeof run>;

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
  for (const [words, all, executable, acts] of [MADE_ANEW, ...samples]) {
    const done = run(words, all, executable, acts);
    t.is(done.errnos.length, acts.length);
    refused += done.errnos.filter((errno) => errno === EACCES).length;
    performed += done.errnos.filter((errno) => errno === 0).length;
    t.deepEqual(
      differences(done, acts),
      [],
      `rules ${JSON.stringify(words)} below ${JSON.stringify(all)}, ${JSON.stringify(executable)}`,
    );
  }
  t.log(`${refused} acts refused, ${performed} performed`);
  t.true(refused > 300 && performed > 100, `${refused} refused, ${performed} performed`);
});
