import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs, { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { auditBundle, readManifest, relowerBundle, storedProfile } from '../../src/bundle/index.js';
import { exchangeFolders, nativePorts } from '../../src/native/index.js';
import { PROFILE, workshop } from './helpers/creation.js';
import { temporary } from './helpers/folders.js';
import { replaceMadeUp } from './helpers/made-up-plans.js';
import { watched } from './helpers/watched.js';

const NEW = PROFILE.replace('exit_group]', 'exit_group, getrandom]');

function target() {
  const { compiler, calls, features } = nativePorts();
  return { arch: 'x86_64' as const, compiler, calls, features: features() };
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
      return watched(stop, made.write, exchangeFolders);
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

/** A process that puts other plans into the bundle; it waits before one step for a word on its standard input, and is killed before another. */
function replacing(bundle: string, step: number, last: number): ChildProcess {
  const program = fileURLToPath(new URL('./helpers/replacing.js', import.meta.url));
  return spawn(process.execPath, [program, bundle, String(step), String(last)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** Its first line: that it waits, or how many steps there are. */
async function heard({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new TypeError('nothing can be heard');
  for await (const line of createInterface({ input: stdout })) return line;
  return '';
}

async function eventually(holds: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error('it never came to it');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

test.serial(
  'what vxe mode sets while plans change places stays, whether who changes them goes on or is killed',
  async (t) => {
    t.timeout(300_000);
    const bundles = temporary(t);
    const bundle = join(bundles, 'changing');
    const words = (): string =>
      ['mode', 'record-objects'].map((file) => readFileSync(join(bundle, 'vxe', file), 'utf8')).join('');
    const reset = (): void => {
      writeFileSync(join(bundle, 'vxe/mode'), 'soft\n');
      writeFileSync(join(bundle, 'vxe/record-objects'), 'never\n');
    };
    mkdirSync(join(bundle, 'vxe'), { recursive: true });
    for (const file of ['config.json', 'vxe/judge.json']) writeFileSync(join(bundle, file), '{}');
    reset();
    replaceMadeUp(bundle, exchangeFolders);
    const counted = await heard(replacing(bundle, -1, -1));
    const steps = Number(/^steps ([0-9]+)$/.exec(counted)?.[1]);
    t.true(steps > 15, counted);
    const env = { PATH: process.env.PATH, VXE_BUNDLES: bundles, VXE_ROOT: join(bundles, 'run') };
    // Until the files beside the plans are taken along nothing can be missed: of these steps a few are enough.
    for (let step = 0; step < steps; step += step + 12 < steps ? 6 : 1) {
      // So far on, past the exchange or not, or never.
      for (const last of [step, step + 2, steps]) {
        reset();
        const changing = replacing(bundle, step, last);
        t.is(await heard(changing), 'waiting');
        const setting = spawn('build/bin/vxe', ['mode', '--record-files=always', 'changing', 'production'], {
          env,
          stdio: 'ignore',
        });
        await eventually(() => words() === 'production\nalways\n' || setting.exitCode !== null);
        changing.stdin?.end('.');
        t.is(await ended(setting), 0);
        await ended(changing);
        const where = `set before step ${step} of ${steps}, killed before ${last}`;
        t.is(words(), 'production\nalways\n', where);
        replaceMadeUp(bundle, exchangeFolders);
        t.is(words(), 'production\nalways\n', `${where}, and after another change`);
      }
    }
    t.deepEqual(readdirSync(bundle).sort(), ['config.json', 'vxe']);
  },
);
