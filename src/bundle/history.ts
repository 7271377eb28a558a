import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { errnoOf, Failure } from './failure.js';
import { checkName } from './places.js';
import { syncPath } from './rootfs/write.js';

/** One kept version of a bundle's profile. */
export interface ProfileVersion {
  readonly version: number;
  readonly time: string;
  /** Who made it, by number. */
  readonly by: number;
  /** `created`, `upgraded`, `rolled back to 2`, `changed outside`. */
  readonly why: string;
  /** The rules that came with it, as the profile says them. */
  readonly rules: readonly string[];
  readonly sha256: string;
  /** The stored text's name: its ending says the form. */
  readonly file: string;
}

const PENDING = '.pending';

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Every version of the bundles' profiles. A version is never changed; the newest is the one in the bundle. */
export class ProfileHistory {
  readonly #folder: string;
  readonly #name: string;

  constructor(histories: string, name: string) {
    this.#name = checkName(name, 'bundle');
    this.#folder = join(histories, name);
  }

  list(): readonly ProfileVersion[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder)
      .filter((name) => /^\d{6}\.json$/.test(name))
      .sort()
      .map((name) => this.#read(name));
  }

  text(version: number): string {
    return readFileSync(join(this.#folder, this.find(version).file), 'utf8');
  }

  find(version: number): ProfileVersion {
    const found = this.list().find((each) => each.version === version);
    if (found !== undefined) return found;
    throw new Failure('version-missing', this.#name, `there is no version ${version} of its profile`, {
      hint: `see 'vxe profile log ${this.#name}'`,
      exit: 2,
    });
  }

  /** The folder, made if it is not there: who changes it is alone at it. */
  get folder(): string {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    // Made by an earlier VXE, others could look into it.
    chmodSync(this.#folder, 0o700);
    return this.#folder;
  }

  /** Keeps a text as the next version; one that is the newest already is not kept again. */
  keep(text: string, ending: string, why: string, by: number, rules: readonly string[] = []): ProfileVersion {
    const made = this.begin(text, ending, why, by, rules);
    this.settle(text);
    return made;
  }

  /** The same for a text that is about to be put in place: until settled it is no version. */
  begin(
    text: string,
    ending: string,
    why: string,
    by: number,
    rules: readonly string[] = [],
  ): ProfileVersion {
    const all = this.list();
    const newest = all.at(-1);
    const sha256 = digest(text);
    if (newest?.sha256 === sha256) return newest;
    const version = (newest?.version ?? 0) + 1;
    const stem = String(version).padStart(6, '0');
    const made: ProfileVersion = {
      version,
      time: new Date().toISOString(),
      by,
      why,
      rules,
      sha256,
      file: `${stem}${ending}`,
    };
    const { folder } = this;
    // The text first: a version that is listed has one.
    this.#put(made.file, text);
    this.#put(`${stem}${PENDING}`, `${JSON.stringify(made)}\n`);
    syncPath(folder);
    return made;
  }

  /** What was about to be put in place is a version if it is what is in place, whoever was killed meanwhile; else it never was one. */
  settle(placed: string): void {
    if (!existsSync(this.#folder)) return;
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      if (name.endsWith('.new')) rmSync(path);
      if (!name.endsWith(PENDING)) continue;
      const { sha256, file } = this.#read(name);
      if (sha256 === digest(placed)) renameSync(path, `${path.slice(0, -PENDING.length)}.json`);
      else for (const each of [path, join(this.#folder, file)]) rmSync(each, { force: true });
    }
    syncPath(this.#folder);
  }

  /** The newest version that says this; undefined: none does. */
  saying(text: string): ProfileVersion | undefined {
    return this.list().findLast((each) => each.sha256 === digest(text));
  }

  #put(name: string, text: string): void {
    const path = join(this.#folder, name);
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    syncPath(`${path}.new`);
    renameSync(`${path}.new`, path);
  }

  #read(name: string): ProfileVersion {
    const file = join(this.#folder, name);
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as ProfileVersion;
    } catch (error) {
      if (!(error instanceof SyntaxError) && errnoOf(error) === undefined) throw error;
      throw new Failure('history-broken', file, 'cannot be read', {
        hint: 'remove it, if that version is not needed',
      });
    }
  }
}
