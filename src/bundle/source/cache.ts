import { createHash, randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson } from '../../common/index.js';
import { errnoOf, Failure } from '../failure.js';
import { processIsGone } from '../leftovers.js';
import {
  type ArchivePackage,
  aptStamp,
  archivePackage,
  type Candidate,
  candidateOf,
  download,
} from './apt.js';
import { run, runInto } from './run.js';
import type { Layer } from './tree.js';
import { type Special, unpackTar } from './unpack.js';

type Step = (text: string) => void;

/** Unpacked packages, each in a folder named by its version and SHA-256, and what apt answered last. */
export class PackageCache {
  readonly #folder: string;
  readonly #signal: AbortSignal | undefined;

  constructor(folder: string, signal: AbortSignal | undefined) {
    this.#folder = folder;
    this.#signal = signal;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stat = lstatSync(folder);
    if (!stat.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & 0o022) !== 0) {
      throw new Failure('cache-unsafe', folder, 'is not a folder that only you can write to', {
        hint: 'remove it, or set VXE_CACHE to another',
      });
    }
    removeLeftovers(folder);
  }

  /** What apt would fetch for a name and others with it; remembered until anything that apt reads changes. */
  async candidate(name: string, further: readonly string[] = []): Promise<Candidate> {
    const stamp = createHash('sha256').update(aptStamp()).digest('hex');
    const file = join(this.#folder, `apt-${[name, ...further].join(',')}.json`);
    const remembered = readJson(file);
    if (isCandidate(remembered) && remembered.stamp === stamp) return remembered;
    const fresh = await candidateOf(name, further, this.#signal);
    const alongside = fresh.alongside.map((each) => ({ ...each }));
    replaceFile(file, canonicalJson({ ...fresh, parts: [...fresh.parts], alongside, stamp }));
    return fresh;
  }

  async layerByName(name: string, version: string | undefined, step: Step): Promise<Layer> {
    return await this.layer(await archivePackage(name, version, this.#signal), step);
  }

  /** The package unpacked; fetched, checked and unpacked first where it is not there yet. */
  async layer(wanted: ArchivePackage, step: Step): Promise<Layer> {
    const folder = join(
      this.#folder,
      `${wanted.name}_${wanted.version.replace(/[^A-Za-z0-9.+~-]/g, '%')}_${wanted.sha256}`,
    );
    if (!existsSync(folder)) await this.#fetch(wanted, folder, step);
    const special = readJson(join(folder, 'special.json')) as Record<string, Special> | undefined;
    if (special === undefined)
      throw new Failure('cache-broken', folder, 'is damaged', { hint: 'remove it and try again' });
    return {
      name: `package ${wanted.name} ${wanted.version}`,
      root: join(folder, 'root'),
      special: new Map(Object.entries(special)),
    };
  }

  async #fetch(wanted: ArchivePackage, folder: string, step: Step): Promise<void> {
    const work = join(this.#folder, `.tmp-${process.pid}-${randomBytes(4).toString('hex')}`);
    mkdirSync(join(work, 'root'), { recursive: true, mode: 0o700 });
    try {
      step(`fetching ${wanted.name} ${wanted.version}`);
      const archive = join(work, 'package.deb');
      writeFileSync(archive, await this.#download(wanted), { mode: 0o600 });
      step(`unpacking ${wanted.name} ${wanted.version}`);
      let special = new Map<string, Special>();
      await runInto(
        'dpkg-deb',
        ['--fsys-tarfile', archive],
        async (tar) => {
          special = await unpackTar(tar, join(work, 'root'), wanted.name);
        },
        { signal: this.#signal },
      );
      rmSync(archive);
      writeFileSync(
        join(work, 'special.json'),
        canonicalJson(Object.fromEntries([...special].map(([path, each]) => [path, { ...each }]))),
      );
      try {
        renameSync(work, folder);
      } catch (error) {
        // Another creator was faster, with the same bytes.
        if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error;
      }
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }

  /** The archive's bytes, equal to the hash of the signed lists. apt's fetcher runs as its own user, so it gets its own folder. */
  async #download(wanted: ArchivePackage): Promise<Buffer> {
    const folder = mkdtempSync(join(tmpdir(), 'vxe-apt-'));
    try {
      if (process.getuid?.() === 0) {
        const id = await run('id', ['-u', '_apt'], { signal: this.#signal });
        if (id.status === 0) chownSync(folder, Number(id.stdout.trim()), 0);
      }
      const bytes = readFileSync(await download(wanted, folder, this.#signal));
      const hash = createHash('sha256').update(bytes).digest('hex');
      if (hash !== wanted.sha256) {
        throw new Failure(
          'package-altered',
          wanted.name,
          `has the SHA-256 ${hash}, the signed lists say ${wanted.sha256}`,
          { hint: "run 'apt-get update'; if it stays, do not use this archive" },
        );
      }
      return bytes;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /^\.tmp-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && processIsGone(Number(pid)))
      rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isCandidate(value: unknown): value is Candidate & { stamp: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'stamp' in value &&
    'sha256' in value &&
    'version' in value &&
    'parts' in value &&
    'alongside' in value
  );
}

function replaceFile(file: string, text: string): void {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
}
