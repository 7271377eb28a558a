import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { BundleFacts, relowerBundle } from '../../src/bundle/index.js';
import { loweringTarget } from '../../src/commands/support/target.js';
import { unwrap } from '../../src/common/index.js';
import { editProfile, parseProfile } from '../../src/language/index.js';
import type { Cause, CauseKind, Facts } from '../../src/learning/index.js';
import { applyEdit, diagnose } from '../../src/learning/index.js';
import { exchangeFolders } from '../../src/native/index.js';
import type { Policy } from '../../src/policy/index.js';
import { parseEvent } from '../../src/policy/index.js';

/** A refusal that really happens, and what has to be said of it. */
export interface Seed {
  readonly act: string;
  readonly event: string;
  readonly errno: string;
  readonly cause: CauseKind;
  /** What the sentence has to say. */
  readonly says?: RegExp;
  /** The rule that permits it. */
  readonly rule?: string;
  /** From where the act sees paths. */
  readonly places?: Facts['places'];
  /** Where success looks otherwise: what comes after the refusal is out of the way. */
  readonly after?: string;
  /** What the fix says is done by hand here, since it lies outside of what an edit of the profile changes. */
  readonly byHand?: (folder: string) => void;
  /** Likewise, where it is the profile's text. */
  readonly profile?: (text: string) => string;
  /** Nothing can permit it. */
  readonly unfixable?: true;
}

const root = process.getuid?.() === 0;
export const serial = root ? test.serial : test.serial.skip;
if (!root) test('seeded refusals', (t) => t.pass('skipped: not root'));

export const PROGRAM = join(process.cwd(), 'build/modes/refusals');

/** A bundle of the program of acts, in a folder of its own. */
export class Seeded {
  readonly folder = mkdtempSync(join(tmpdir(), 'vxe-why-'));
  readonly bundle: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #profile: string;

  constructor(
    readonly name: string,
    profile: (folder: string) => string,
  ) {
    const { folder } = this;
    this.#profile = profile(folder);
    this.bundle = join(folder, 'bundles', name);
    this.env = {
      ...process.env,
      VXE_BUNDLES: join(folder, 'bundles'),
      VXE_ROOT: join(folder, 'run'),
      VXE_LOGS: join(folder, 'log'),
      VXE_PROFILES: folder,
      VXE_HISTORY: join(folder, 'history'),
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** mounts: `/data=data:rw`, of folders in this one. */
  create(mounts: readonly string[], program = PROGRAM): void {
    writeFileSync(join(this.folder, `${this.name}.vxed.yaml`), this.#profile);
    const places = mounts.flatMap((each) => {
      const [destination = '', rest = ''] = each.split('=');
      return ['--mount', `${destination}=${join(this.folder, rest)}`];
    });
    this.vxe('bundle', 'create', this.name, '--exec', program, '--profile', this.name, ...places);
  }

  vxe(...words: readonly string[]): string {
    return execFileSync('build/bin/vxe', words, { env: this.env, encoding: 'utf8' });
  }

  /** What the profile says. */
  base(text = this.#profile): Policy {
    return unwrap(parseProfile({ name: 'profile.vxed.yaml', text }));
  }

  facts(places?: Facts['places']): Facts {
    const files = new BundleFacts(this.bundle);
    const facts: Facts = { path: (path) => files.path(path), users: [files.user] };
    return places === undefined ? facts : { ...facts, places };
  }

  /** What the program is to do when it is started. */
  setArguments(words: readonly string[]): void {
    const file = join(this.bundle, 'config.json');
    // As text: its masks have 64 bits, which a number of JavaScript does not hold.
    const config = readFileSync(file, 'utf8');
    const args = `"process": {\n    "args": ${JSON.stringify(words)}`;
    writeFileSync(file, config.replace(/"process": \{\s*"args": \[[^\]]*\]/, args));
  }

  /** Runs acts in the bundle; the errno's name of each, `0` for those that worked. */
  run(acts: readonly string[]): ReadonlyMap<string, string> {
    this.setArguments([PROGRAM, ...acts]);
    const done = spawnSync('build/bin/vxe', ['start', this.name], {
      env: this.env,
      encoding: 'utf8',
      timeout: 120_000,
    });
    const names = new Map<number, string>(
      Object.entries(constants.errno)
        // Another name of EAGAIN.
        .filter(([name]) => name !== 'EWOULDBLOCK')
        .map(([name, number]) => [number, name]),
    );
    const lines = done.stdout.split('\n').filter((line) => line !== '');
    if (lines.length !== acts.length) throw new Error(`${acts.join()}: ${done.stdout}${done.stderr}`);
    return new Map(
      lines.map((line) => [
        line.split(' ')[0] ?? '',
        names.get(Number(line.split(' ')[1])) ?? line.split(' ')[1] ?? '',
      ]),
    );
  }

  /** The profile changed by edits and, where a mount is to change, the recipe. */
  put(policy: Policy, cause?: Cause, text = this.#profile): void {
    const profile = { name: 'profile.vxed.yaml', text };
    const recipe = join(this.bundle, 'vxe/recipe.yaml');
    const kept = readFileSync(recipe, 'utf8');
    if (cause?.fix?.kind === 'mount') {
      const { destination, options } = cause.fix;
      const place = new RegExp(`( {2}${destination}:\\n {4}options:\\n)((?: {6}- .*\\n)*)`);
      const lines = options.map((word) => `      - ${word}\n`).join('');
      // Of two that contradict each other there is one.
      writeFileSync(
        recipe,
        kept.replace(
          place,
          (_, head: string, had: string) =>
            head + had.replace(/ {6}- r[ow]\n/, options.includes('rw') ? '' : '$&') + lines,
        ),
      );
    }
    relowerBundle(this.bundle, unwrap(editProfile(profile, policy), [profile]), loweringTarget()).write(
      exchangeFolders,
    );
    writeFileSync(recipe, kept);
  }

  /** Asks why, does what the answer says, and tries again. */
  fixed(seed: Seed): { readonly cause: Cause; readonly milliseconds: number; readonly after: string } {
    const policy = this.base();
    const event = this.event(seed);
    const begun = process.cpuUsage();
    const cause = diagnose(event, seed.errno, policy, this.facts(seed.places));
    const milliseconds = process.cpuUsage(begun).user / 1000;
    const text = seed.profile?.(this.#profile);
    const changed =
      text !== undefined
        ? this.base(text)
        : cause.fix?.kind === 'rule'
          ? cause.fix.edits.reduce(applyEdit, policy)
          : policy;
    seed.byHand?.(this.folder);
    this.put(changed, cause, text);
    return { cause, milliseconds, after: this.run([seed.act]).get(seed.act) ?? '' };
  }

  /** A call that VXE does not know has a name, and nothing else that is known. */
  event({ event, unfixable }: Pick<Seed, 'event' | 'unfixable'>) {
    const parsed = parseEvent(event);
    if (!parsed.ok && unfixable) return { call: event.replace(/\(.*/s, ''), arguments: [] };
    return unwrap(parsed, [{ name: 'event', text: event }]);
  }
}

/** `seeds` in a bundle with those mounts: each happens, has the cause that it was seeded with, and is gone with the fix. `world` makes what they find. */
export function seededTests(
  stand: Seeded,
  seeds: readonly Seed[],
  mounts: readonly string[],
  world: () => void,
): void {
  test.before(() => {
    if (!root) return;
    world();
    stand.create(mounts);
  });
  test.after.always(() => stand.remove());

  serial('refusals happen as they were seeded', (t) => {
    world();
    const seen = stand.run(seeds.map(({ act }) => act));
    t.deepEqual(
      seeds.map(({ act }) => [act, seen.get(act)]),
      seeds.map(({ act, errno }) => [act, errno]),
    );
  });

  for (const seed of seeds) {
    serial(`${seed.cause}: ${seed.event} = ${seed.errno}`, (t) => {
      t.timeout(300_000);
      world();
      stand.put(stand.base());
      const { cause, milliseconds, after } = stand.fixed(seed);
      t.true(milliseconds < 1000);
      t.is(cause.kind, seed.cause, cause.sentence);
      t.regex(cause.sentence, seed.says ?? /./);
      t.is(cause.fix === undefined, seed.unfixable === true, cause.sentence);
      t.is(cause.opens === undefined, seed.unfixable === true, cause.sentence);
      const wanted = seed.unfixable ? seed.errno : (seed.after ?? '0');
      t.is(after, wanted, `${cause.sentence} Fixed by ${fixText(cause.fix)}`);
      if (seed.rule !== undefined) t.is(cause.fix?.kind === 'rule' ? cause.fix.rule : undefined, seed.rule);
    });
  }
}

function fixText(fix: Cause['fix']): string {
  return JSON.stringify(fix, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}
