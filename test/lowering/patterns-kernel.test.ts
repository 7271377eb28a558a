import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import { parseLispProfile } from '../../src/language/index.js';
import type { FileWorld, OciLandlock } from '../../src/lowering/index.js';
import { ABI_TABLE, bundleTree, eventWorld, lowerPolicy } from '../../src/lowering/index.js';
import type { Policy } from '../../src/policy/index.js';
import { decide, parseEvent } from '../../src/policy/index.js';
import { ports, targetOf } from './helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'vxe-patterns-'));
const helper = join(folder, 'acts');
test.before(() => {
  const flags = ['-std=c17', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'];
  execFileSync('gcc', [...flags, '-o', helper, 'test/prove/acts.c']);
});
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const FILES = [
  '/a/f.x',
  '/a/g.y',
  '/a/b/f.x',
  '/a/b/h',
  '/c/f.x',
  '/c/d/e/g.y',
  '/c/d/f.x',
  '/c/d/k',
  '/top.x',
];
const FOLDERS = ['/', '/a', '/a/b', '/c', '/c/d', '/c/d/e'];
const WORLD: FileWorld = {
  entries: [
    ...FOLDERS.map((path) => ({ path, kind: 'directory' as const })),
    ...FILES.map((path) => ({ path, kind: 'file' as const })),
  ],
  open: [],
};

function plant(root: string): void {
  for (const path of FOLDERS) mkdirSync(join(root, path), { recursive: true });
  for (const path of FILES) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), 'no format that runs', { mode: 0o755 });
  }
}

const RIGHTS = ABI_TABLE.flatMap((row) => row.fs);
const EACCES = 13;

function bits(rights: readonly string[]): string {
  return rights.reduce((all, right) => all | (1n << BigInt(RIGHTS.indexOf(right))), 0n).toString(16);
}

/** What is tried on each file, and the same as a call that the evaluator judges. */
const ACTS: readonly (readonly [string, (path: string) => string])[] = [
  ['read', (path) => `openat("${path}", O_RDONLY)`],
  ['write', (path) => `openat("${path}", O_WRONLY)`],
  ['truncate', (path) => `truncate("${path}", 0)`],
];

/** Whether the kernel lets each act through, under the ruleset and from the root on. */
function asked(root: string, landlock: OciLandlock, acts: readonly (readonly [string, string])[]): boolean[] {
  const lines = [
    `handle ${bits(landlock.ruleset.handledAccessFS)} -`,
    ...landlock.rules.pathBeneath.flatMap((rule) =>
      rule.paths.map((path) => `rule ${bits(rule.allowedAccess)} ${join(root, path)}`),
    ),
    'restrict 0 -',
    ...acts.map(([act, path]) => `${act} 0 ${join(root, path)}`),
  ];
  const output = execFileSync(helper, { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  const answers = output.trim().split('\n').map(Number);
  if (answers.length !== acts.length || answers.includes(-1)) throw new Error(`the helper answers ${output}`);
  return answers.map((errno) => errno !== EACCES);
}

const names = fc.constantFrom('a', 'b', 'c', 'd', '*', '?', '**', '[ac]', 'f.x', '*.x', '*.y', '[!f]*');
const where = fc
  .array(names, { minLength: 1, maxLength: 4 })
  .map((parts) => `/${parts.join('/')}`)
  .filter((path) => path !== '/');
const words = fc.subarray(['read', 'write', 'execute']);
const predicates = fc.constantFrom(
  '(suffix? ".x" path)',
  '(not (suffix? ".x" path))',
  '(glob? "/**/[df]*" path)',
  '(and (contains? "/c" path) (not (regex? "g[.]" path)))',
  '(= (length (split "/" path)) 4)',
  '(some? (lambda (end) (suffix? end path)) (list "h" "k"))',
);

const profile = fc
  .tuple(
    fc.uniqueArray(fc.tuple(where, words), { maxLength: 5, selector: ([path]) => path }),
    fc.array(fc.tuple(fc.constantFrom('/', '/a', '/c'), predicates, words), { maxLength: 2 }),
  )
  .map(([rules, asked]) => [
    ...rules.map(([path, access]) => `(file ${JSON.stringify(path)} ${access.join(' ') || 'none'})`),
    ...asked.map(
      ([top, question, access]) => `(file-when "${top}" ${question} ${access.join(' ') || 'none'})`,
    ),
  ]);

function policyOf(lines: readonly string[]): Policy | undefined {
  const head = '(vxed 1) (name test) (type strict) (permit openat truncate)';
  const parsed = parseLispProfile({ name: 'test.vxed', text: `${head}\n${lines.join('\n')}` });
  return parsed.ok ? parsed.value : undefined;
}

test('the running kernel decides under the exact rules as the evaluator does by patterns and predicates', (t) => {
  if (ports.features().landlockAbi < 3) {
    t.log('this kernel has no Landlock of ABI 3: exact rules are not held against it here');
    t.pass();
    return;
  }
  const root = join(folder, 'root');
  plant(root);
  const world = eventWorld(bundleTree(WORLD));
  const acts = FILES.flatMap((path) =>
    ACTS.map(([act, call]) => ({ act, path, event: unwrap(parseEvent(call(path))) })),
  );
  const seen = { allow: 0, refuse: 0 };
  let refused = 0;
  fc.assert(
    fc.property(profile, (lines) => {
      const policy = policyOf(lines);
      if (policy === undefined) return; // one path said twice, in two spellings
      const lowered = lowerPolicy(policy, targetOf(WORLD, { landlockAbi: 3 }));
      if (!lowered.ok) {
        // A path of its own that is to be written and is not there.
        for (const { code } of lowered.diagnostics) t.is(code, 'missing-file');
        refused++;
        return;
      }
      const { landlock } = lowered.value;
      const answers = asked(
        root,
        landlock,
        acts.map(({ act, path }) => [act, path] as const),
      );
      for (const [index, { act, path, event }] of acts.entries()) {
        const { verdict, rule } = decide(policy, event, world);
        seen[verdict]++;
        t.is(
          answers[index] ? 'allow' : 'refuse',
          verdict,
          `${act} ${path} by ${rule} of\n${lines.join('\n')}`,
        );
      }
    }),
    { numRuns: 120 },
  );
  t.log(
    `${seen.allow} acts let through by both, ${seen.refuse} refused by both; ${refused} profiles refused`,
  );
  t.true(seen.allow > 200 && seen.refuse > 500);
});
