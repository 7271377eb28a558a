import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { MountConfig } from '../../src/prove/index.js';
import { DEMANDS, mountAt, mountPermits, mountTable } from '../../src/prove/index.js';

const LAUNCHER = 'build/bin/vxe-runtime';
const why =
  process.getuid?.() !== 0 ? 'not root' : existsSync(LAUNCHER) ? undefined : 'the launcher is not built';
const folder = mkdtempSync(join(tmpdir(), 'vxe-mounts-'));
const helper = join(folder, 'acts');
test.before(() => {
  const warnings = ['-std=c17', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-static'];
  execFileSync('gcc', [...warnings, '-o', helper, 'test/prove/acts.c']);
});
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const FOLDERS = ['/a', '/a/b', '/a/b/c', '/d', '/d/e'];
const EVERYWHERE = ['', ...FOLDERS];

/** A tree with a file, a device and things to remove in every folder. */
function plant(root: string, folders: readonly string[]): void {
  for (const path of folders) {
    const at = join(root, path);
    mkdirSync(join(at, 'for-remove_dir'), { recursive: true });
    writeFileSync(join(at, 'for-remove_file'), '');
    writeFileSync(join(at, 'f'), 'no format that runs', { mode: 0o755 });
    execFileSync('mknod', [join(at, 'null'), 'c', '1', '3']);
  }
}

interface Table {
  readonly rootReadonly: boolean;
  readonly mounts: readonly { readonly destination: string; readonly options: readonly string[] }[];
  readonly readonlyPaths: readonly string[];
  readonly maskedPaths: readonly string[];
}

const options = fc
  .tuple(
    fc.constantFrom('ro', 'rw'),
    fc.constantFrom('noexec', 'exec'),
    fc.constantFrom('nodev', 'dev'),
    fc.constantFrom('nosuid', 'suid'),
  )
  .map((words) => ['bind', ...words]);

const table: fc.Arbitrary<Table> = fc.record({
  rootReadonly: fc.boolean(),
  // In any order: a mount may hide an earlier one.
  mounts: fc.array(fc.record({ destination: fc.constantFrom(...FOLDERS), options }), { maxLength: 4 }),
  readonlyPaths: fc.subarray(FOLDERS, { maxLength: 2 }),
  // Below a mask there is nothing left to be masked.
  maskedPaths: fc.constantFrom<readonly string[]>([], [], ['/a/b'], ['/d/e', '/a/b/c'], ['/a'], ['/a/f']),
});

let serial = 0;

function start(
  bundle: string,
  config: object,
  input: string,
): { status: number | null; stdout: string; stderr: string } {
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
  const id = `mounts-${process.pid}-${serial++}`;
  const root = join(folder, 'state');
  mkdirSync(root, { recursive: true });
  const env = { ...process.env, VXE_LOGS: join(folder, 'logs') };
  return spawnSync(LAUNCHER, ['--root', root, 'run', '--bundle', bundle, id], {
    input,
    env,
    encoding: 'utf8',
  });
}

function configOf(value: Table, sources: readonly string[]): object {
  const all = ['CAP_MKNOD', 'CAP_DAC_OVERRIDE'];
  return {
    ociVersion: '1.2.0',
    root: { path: 'rootfs', readonly: value.rootReadonly },
    process: {
      user: { uid: 0, gid: 0 },
      args: ['/acts'],
      cwd: '/',
      capabilities: { bounding: all, effective: all, permitted: all },
    },
    mounts: value.mounts.map((mount, index) => ({ ...mount, type: 'bind', source: sources[index] })),
    linux: {
      namespaces: [{ type: 'mount' }, { type: 'pid' }],
      readonlyPaths: value.readonlyPaths,
      maskedPaths: value.maskedPaths,
    },
    annotations: { 'org.vxe.version': '1' },
  };
}

interface Asked {
  readonly line: string;
  readonly text: string;
  readonly permitted: boolean;
}

/** Acts in every folder, with what the model says. */
function questions(value: MountConfig): readonly Asked[] {
  const mounts = mountTable(value);
  // A file's mask is the null device: it takes and gives, and nothing of the file.
  const open = (asked: Asked): boolean => !value.maskedPaths.includes(asked.line.split(' ').at(-1) ?? '');
  return EVERYWHERE.flatMap((at): Asked[] => {
    const ask = (
      word: string,
      name: string,
      act: keyof typeof DEMANDS,
      kind: 'file' | 'device' | 'folder',
    ): Asked => {
      const path = `${at}/${name}`;
      const permitted = DEMANDS[act].some((demand) => mountPermits(mounts, demand, path, kind));
      return { line: `${word} 0 ${path}`, text: `${act} ${path}`, permitted };
    };
    return [
      ask('read', 'f', 'read', 'file'),
      ask('write', 'f', 'write', 'file'),
      ask('truncate', 'f', 'truncate', 'file'),
      ask('execute', 'f', 'execute', 'file'),
      ask('read', 'null', 'read', 'device'),
      ask('write', 'null', 'write', 'device'),
      ask('make_reg', 'for-make_reg', 'make file', 'file'),
      ask('make_dir', 'for-make_dir', 'make folder', 'folder'),
      ask('make_sym', 'for-make_sym', 'make link', 'file'),
      ask('make_fifo', 'for-make_fifo', 'make fifo', 'file'),
      ask('make_sock', 'for-make_sock', 'make socket', 'file'),
      ask('remove_file', 'for-remove_file', 'remove file', 'file'),
      ask('remove_dir', 'for-remove_dir', 'remove folder', 'folder'),
    ].filter(open);
  });
}

/** What a mount answers: read-only, not to be executed or no device, and under a mask nothing there. */
const REFUSALS: ReadonlySet<number> = new Set([30, 13, 2, 20]);
const ST_RDONLY = 1;
const ST_NOSUID = 2;
const ST_NODEV = 4;
const ST_NOEXEC = 8;

(why === undefined ? test : test.skip)(
  `the model of the mounts says of every act what the launcher and the running kernel make of it${why === undefined ? '' : ` (${why})`}`,
  (t) => {
    let [compared, refused] = [0, 0];
    fc.assert(
      fc.property(table, (value) => {
        const bundle = join(folder, `bundle-${serial}`);
        plant(join(bundle, 'rootfs'), EVERYWHERE);
        execFileSync('cp', [helper, join(bundle, 'rootfs/acts')]);
        const sources = value.mounts.map(({ destination }, index) => {
          const source = join(bundle, `source-${index}`);
          const below = EVERYWHERE.filter(
            (path) => path === destination || path.startsWith(`${destination}/`),
          );
          plant(
            source,
            below.map((path) => path.slice(destination.length)),
          );
          return source;
        });
        const mounts = mountTable(value);
        const acts = questions(value);
        const flagged = EVERYWHERE.filter((path) => !mountAt(mounts, path || '/').mask);
        const lines = [...acts.map(({ line }) => line), ...flagged.map((path) => `flags 0 ${path || '/'}`)];
        const { status, stdout, stderr } = start(bundle, configOf(value, sources), `${lines.join('\n')}\n`);
        const answers = stdout.trim().split('\n').map(Number);
        rmSync(bundle, { recursive: true });
        t.is(status, 0, stderr);
        t.is(answers.length, lines.length, stdout);
        const wrong: string[] = [];
        for (const [index, { text, permitted }] of acts.entries()) {
          const errno = answers[index] ?? -1;
          if (permitted === REFUSALS.has(errno))
            wrong.push(`${text}: the model says ${permitted}, the kernel ${errno}`);
          compared++;
          if (!permitted) refused++;
        }
        for (const [index, path] of flagged.entries()) {
          const mount = mountAt(mounts, path || '/');
          const bits =
            (mount.readonly ? ST_RDONLY : 0) |
            (mount.nosuid ? ST_NOSUID : 0) |
            (mount.nodev ? ST_NODEV : 0) |
            (mount.noexec ? ST_NOEXEC : 0);
          const kernel = answers[acts.length + index];
          if (kernel !== bits)
            wrong.push(`${path || '/'}: the model says flags ${bits}, the kernel ${kernel}`);
        }
        t.deepEqual(wrong, []);
      }),
      { numRuns: 30 },
    );
    t.log(`${compared} acts compared, ${refused} refused`);
    t.true(refused > 300 && compared - refused > 300);
  },
);

for (const [what, key] of [
  ['read-only', 'readonlyPaths'],
  ['masked', 'maskedPaths'],
] as const) {
  (why === undefined ? test : test.skip)(
    `what is to be ${what} must be there${why === undefined ? '' : ` (${why})`}`,
    (t) => {
      const bundle = join(folder, `missing-${what}`);
      plant(join(bundle, 'rootfs'), ['']);
      execFileSync('cp', [helper, join(bundle, 'rootfs/acts')]);
      const none = { rootReadonly: false, mounts: [], readonlyPaths: [], maskedPaths: [] };
      const missing = start(bundle, configOf({ ...none, [key]: ['/not-there'] }, []), '');
      t.not(missing.status, 0);
      t.regex(missing.stderr, /\/not-there.*mount over it/);
      const there = start(bundle, configOf({ ...none, [key]: ['/f'] }, []), 'write 0 /f\n');
      t.is(there.status, 0, there.stderr);
      // Behind the mask of a file is the null device, which takes anything.
      t.is(there.stdout, key === 'readonlyPaths' ? '30\n' : '0\n');
    },
  );
}
