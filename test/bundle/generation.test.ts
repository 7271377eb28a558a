import { spawnSync } from 'node:child_process';
import fs, { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { auditBundle, readManifest, relowerBundle, storedProfile } from '../../src/bundle/index.js';
import { exchangeFolders, nativePorts } from '../../src/native/index.js';
import { PROFILE, workshop } from './helpers/creation.js';

const NEW = PROFILE.replace('exit_group]', 'exit_group, getrandom]');

/** What changes a bundle's folder, as the code under test imports it. */
const STEPS = [
  'chmodSync',
  'fsyncSync',
  'linkSync',
  'lutimesSync',
  'mkdirSync',
  'renameSync',
  'rmSync',
  'symlinkSync',
  'writeFileSync',
] as const;

class Stopped extends Error {}

function target() {
  const { compiler, calls, features } = nativePorts();
  return { arch: 'x86_64' as const, compiler, calls, features: features() };
}

/** Runs it with `stop` before each step; from the one that stops it on, nothing more is done, as after a kill. */
function watched(stop: (step: number) => boolean, work: (exchange: typeof exchangeFolders) => void): number {
  const kept = new Map<string, unknown>(STEPS.map((name) => [name, fs[name]]));
  let step = 0;
  let dead = false;
  const before = (): void => {
    dead ||= stop(step++);
    if (dead) throw new Stopped('stopped');
  };
  for (const name of STEPS) {
    const real = fs[name] as (...args: unknown[]) => unknown;
    const stopping = (...args: unknown[]): unknown => {
      try {
        before();
      } catch (error) {
        // Half of a file is there when the process dies in the middle of it.
        if (name === 'writeFileSync' && step > 0 && !existsSync(String(args[0])))
          real(args[0], Buffer.from(args[1] as string).subarray(0, 7), args[2]);
        throw error;
      }
      return real(...args);
    };
    Object.assign(fs, { [name]: stopping });
  }
  syncBuiltinESMExports();
  try {
    work((one, other) => {
      before();
      exchangeFolders(one, other);
    });
  } catch (error) {
    if (!dead) throw error;
  } finally {
    Object.assign(fs, Object.fromEntries(kept));
    syncBuiltinESMExports();
  }
  return step;
}

/** What a launch, a prover and an audit read of it. */
function told(t: ExecutionContext, bundle: string): string {
  const { manifest, digest } = readManifest(bundle);
  t.deepEqual(
    auditBundle(bundle).findings.filter(({ path }) => path in manifest.plan),
    [],
    'every file is the one that the manifest names',
  );
  const config = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
  t.true(existsSync(join(bundle, config.annotations['org.vxe.seccomp.filter'])));
  t.is(readFileSync(join(bundle, 'vxe/mode'), 'utf8'), 'soft\n');
  return `${digest} ${readFileSync(storedProfile(bundle), 'utf8')}`;
}

test.serial(
  'stopped at any step, a bundle has its old plans whole or its new ones, and the next time clears the rest',
  async (t) => {
    const { bundles, create } = workshop(t);
    await create();
    const bundle = join(bundles, 'example');
    writeFileSync(join(bundle, 'vxe/mode'), 'soft\n', { mode: 0o644 });
    const to = (text: string, stop: (step: number) => boolean): number => {
      const made = relowerBundle(bundle, text, target());
      return watched(stop, made.write);
    };
    const never = (): boolean => false;
    const outcomes = new Set<string>();
    // First from a bundle as it is made, then from one whose plans were replaced before.
    for (const folders of ['as it was made', 'replaced before']) {
      const old = told(t, bundle);
      const oldText = readFileSync(storedProfile(bundle), 'utf8');
      const newText = oldText === NEW ? PROFILE : NEW;
      let steps = 1;
      let done = false;
      let wasNew: string | undefined;
      for (let stop = 0; !done; stop++) {
        const made = to(newText, (step) => step === stop);
        done = made <= stop;
        steps = Math.max(steps, made);
        const now = told(t, bundle);
        if (now !== old) {
          wasNew ??= now;
          t.is(now, wasNew, `${folders}, step ${stop}`);
        }
        outcomes.add(now === old ? 'old' : 'new');
        if (!done && now !== old) {
          to(oldText, never);
          t.is(told(t, bundle), old, `${folders}, step ${stop}: back`);
          t.deepEqual(readdirSync(bundle).sort(), ['config.json', 'rootfs', 'vxe']);
        }
      }
      t.true(steps > 20, `${steps} steps`);
      t.not(wasNew, undefined);
      t.deepEqual(readdirSync(bundle).sort(), ['config.json', 'rootfs', 'vxe']);
    }
    t.deepEqual([...outcomes].sort(), ['new', 'old']);
  },
);

test.serial('plans that are made again of the same text are the same, byte for byte', async (t) => {
  const { bundles, create } = workshop(t);
  await create();
  const bundle = join(bundles, 'example');
  const files = (): Record<string, unknown> => ({ ...readManifest(bundle).manifest.plan });
  const { digest } = readManifest(bundle);
  const before = files();
  relowerBundle(bundle, PROFILE, target()).write(exchangeFolders);
  t.deepEqual(files(), before);
  t.is(readManifest(bundle).digest, digest);
  t.regex(readFileSync(join(bundle, 'vxe/judge.json'), 'utf8'), /"at": "example\.vxed\.yaml:[0-9]+:[0-9]+"/);
  relowerBundle(bundle, NEW, target()).write(exchangeFolders);
  t.not(readManifest(bundle).digest, digest);
});

test.serial('what a process left that was killed in the middle is cleared by the next', async (t) => {
  const { bundles, create } = workshop(t);
  await create();
  const bundle = join(bundles, 'example');
  writeFileSync(join(bundle, 'vxe/mode'), 'soft\n', { mode: 0o644 });
  relowerBundle(bundle, PROFILE, target()).write(exchangeFolders);
  const old = told(t, bundle);
  const sources = fileURLToPath(new URL('../../src/', import.meta.url));
  const program = `
    import { relowerBundle } from ${JSON.stringify(`${sources}bundle/index.js`)};
    import { exchangeFolders } from ${JSON.stringify(`${sources}native/index.js`)};
    import { loweringTarget } from ${JSON.stringify(`${sources}commands/support/target.js`)};
    const [bundle, text, when] = process.argv.slice(1);
    const die = () => process.kill(process.pid, 'SIGKILL');
    relowerBundle(bundle, text, loweringTarget()).write((one, other) => {
      if (when === 'before') die();
      exchangeFolders(one, other);
      die();
    });`;
  for (const when of ['before', 'after']) {
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program, bundle, NEW, when]);
    t.is(signal, 'SIGKILL', when);
    t.is(told(t, bundle) === old, when === 'before');
    t.is(readdirSync(bundle).length, 4, 'there is something to clear');
    relowerBundle(bundle, PROFILE, target()).write(exchangeFolders);
    t.is(told(t, bundle), old);
    t.deepEqual(readdirSync(bundle).sort(), ['config.json', 'rootfs', 'vxe']);
  }
});

test.serial('a mode that is set while the plans change places is kept', async (t) => {
  const { bundles, create } = workshop(t);
  await create();
  const bundle = join(bundles, 'example');
  const mode = join(bundle, 'vxe/mode');
  const say = (file: string, word: string): void => {
    writeFileSync(`${file}.x`, `${word}\n`);
    fs.renameSync(`${file}.x`, file);
  };
  say(mode, 'soft');
  relowerBundle(bundle, NEW, target()).write((one, other) => {
    say(mode, 'production');
    exchangeFolders(one, other);
  });
  t.is(readFileSync(mode, 'utf8'), 'production\n');
  relowerBundle(bundle, PROFILE, target()).write((one, other) => {
    exchangeFolders(one, other);
    say(mode, 'soft');
  });
  t.is(readFileSync(mode, 'utf8'), 'soft\n');
});

test.serial('where names cannot be exchanged, the bundle is as it was and the error says so', async (t) => {
  const { bundles, create } = workshop(t);
  await create();
  const bundle = join(bundles, 'example');
  writeFileSync(join(bundle, 'vxe/mode'), 'soft\n', { mode: 0o644 });
  const old = told(t, bundle);
  const made = relowerBundle(bundle, NEW, target());
  t.throws(() => made.write((one) => exchangeFolders(one, join(bundle, 'nowhere'))), {
    message: /cannot be put in place at once \(renameat2: No such file/,
  });
  t.is(told(t, bundle), old);
  t.deepEqual(readdirSync(bundle).sort(), ['config.json', 'rootfs', 'vxe']);
});
