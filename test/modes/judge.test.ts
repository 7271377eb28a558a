import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { compileProfiles, readProfile, writeCompiled } from '../../src/bundle/index.js';
import { nativePorts } from '../../src/native/index.js';
import type { Policy } from '../../src/policy/index.js';
import { nearestRule } from '../../src/policy/index.js';

/** The judge of soft mode against the kernel: what it records is what Landlock refuses, act by act. */

const root = process.getuid?.() === 0;
const asRoot = root ? test.serial : test.skip;
if (!root) test('the judge against Landlock', (t) => t.pass('skipped: not root'));

const folder = root ? mkdtempSync(join(tmpdir(), 'vxe-judge-')) : '';
test.after.always(() => {
  if (root) rmSync(folder, { recursive: true, force: true });
});

const FILES = ['a', 'b', 'd/a', 'd/b', 'd/e/a', 'd/e/f/a', 'g/a'];
const FOLDERS = ['d', 'd/e', 'd/e/f', 'g'];
const ABSENT = ['n', 'd/n', 'd/e/n', 'g/n', 'h/n'];
const WORDS = ['read', 'write', 'create', 'remove'] as const;
const EACCES = 13;
/** What a move across folders gets that Landlock does not allow (landlock(7), LANDLOCK_ACCESS_FS_REFER). */
const EXDEV = 18;

interface Act {
  readonly call: string;
  readonly path: string;
  readonly other: string;
}

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
      call: fc.constantFrom('mkdir', 'mkfifo', 'symlink', 'unlink', 'rmdir', 'truncate', 'bind'),
      path: name,
      other: fc.constant(''),
    }),
  },
  { weight: 2, arbitrary: fc.record({ call: fc.constantFrom('rename', 'link'), path: name, other: name }) },
);
const access = fc.subarray([...WORDS]);
const rules = fc.dictionary(fc.constantFrom(...FILES, ...FOLDERS), access, { maxKeys: 5 });

interface Run {
  readonly policy: Policy;
  readonly errnos: readonly number[];
  readonly records: readonly {
    readonly act: number;
    readonly path: string;
    readonly needs: string;
    readonly rule: string;
    readonly narrowed: boolean;
  }[];
}

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
  acts: readonly Act[],
): Run {
  const base = tree();
  const program = join(process.cwd(), 'build/modes/acts');
  const line = (path: string, granted: readonly string[]): string =>
    `  ${path}: ${granted.length === 0 ? 'none' : granted.join(' ')}\n`;
  const files = Object.entries(words).map(([path, granted]) => line(join(base, path), granted));
  const text =
    'vxed: 1\nname: acts\ndescription: random\ntype: filesystem\nnetwork: {interface: none}\nexec: any\nfiles:\n' +
    line(program, ['read', 'execute']) +
    line(join(folder, 'acts.txt'), ['read']) +
    line(base, all) +
    files.join('');
  const path = join(folder, 'acts.vxed.yaml');
  writeFileSync(path, text);
  writeFileSync(
    join(folder, 'acts.txt'),
    acts
      .map(
        (each) =>
          `${each.call} ${join(base, '.')}/${each.path} ${each.call === 'open' ? each.other : `${base}/${each.other}`}\n`,
      )
      .join(''),
  );
  const { compiler, calls, features } = nativePorts();
  const profile = { ...readProfile(path), path };
  const { lowered } = compileProfiles([profile], { arch: 'x86_64', compiler, calls, features: features() });
  writeCompiled('acts', [profile], lowered, { uid: 0, gid: 0 }, join(folder, 'compiled'));
  rmSync(join(folder, 'log'), { recursive: true, force: true });
  const env = {
    ...process.env,
    VXE_ROOT: join(folder, 'run'),
    VXE_LOGS: join(folder, 'log'),
    VXE_COMPILED: join(folder, 'compiled'),
    VXE_PROFILES: folder,
  };
  const output = execFileSync(
    'build/bin/vxe',
    ['run', '--name', 'acts', '--record-files', path, program, join(folder, 'acts.txt')],
    { env, encoding: 'utf8' },
  );
  const errnos = output
    .trim()
    .split('\n')
    .map((each) => Number(each.split(' ')[1]));
  return { policy: profile.policy, errnos, records: readRecords(join(folder, 'log/acts/violations.ndjson')) };
}

function readRecords(file: string): Run['records'] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .filter((record) => record.mechanism === 'landlock')
    .map(({ args, path, needs, rule, narrowed }) => ({
      act: Number(args[5]),
      path,
      needs,
      rule,
      narrowed: narrowed === true,
    }));
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

asRoot('what the judge records is what Landlock refuses', (t) => {
  t.timeout(600_000);
  let refused = 0;
  let performed = 0;
  const samples = fc.sample(fc.tuple(rules, access, fc.array(act, { minLength: 120, maxLength: 120 })), {
    numRuns: 25,
    seed: Number(process.env.VXE_SEED ?? 20),
  });
  for (const [words, all, acts] of samples) {
    const done = run(words, all, acts);
    t.is(done.errnos.length, acts.length);
    refused += done.errnos.filter((errno) => errno === EACCES).length;
    performed += done.errnos.filter((errno) => errno === 0).length;
    t.deepEqual(differences(done, acts), [], `rules ${JSON.stringify(words)} below ${JSON.stringify(all)}`);
  }
  t.log(`${refused} acts refused, ${performed} performed`);
  t.true(refused > 300 && performed > 100, `${refused} refused, ${performed} performed`);
});
