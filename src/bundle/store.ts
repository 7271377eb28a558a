import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, Failure } from './failure.js';
import { recoverFolder, workName } from './leftovers.js';
import { type ManifestEntry, readManifest } from './manifest.js';
import { checkName, isStack } from './places.js';
import { syncPath } from './rootfs/write.js';

export interface BundleSummary {
  readonly name: string;
  readonly path: string;
  /** Its name; of a stack the members' names with a plus between. */
  readonly profile: string;
  /** The rules that nothing holds here and the administrator accepted as such. */
  readonly unenforced: readonly string[];
  readonly program: readonly string[];
  readonly files: number;
  readonly bytes: number;
  readonly digest: string;
}

export interface BundleMount {
  readonly destination: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface BundleDetails extends BundleSummary {
  readonly kind: string;
  readonly listen: readonly string[];
  readonly services: readonly string[];
  readonly capabilities: readonly string[];
  readonly namespaces: readonly string[];
  readonly mounts: readonly BundleMount[];
  readonly entries: readonly ManifestEntry[];
}

/** A folder of bundles: they appear in it whole, are replaced whole, and go whole. */
export class BundleStore {
  readonly folder: string;
  readonly #check: (name: string) => string;

  /** `check` refuses what could not be the name of one of them. */
  constructor(folder: string, check = (name: string): string => checkName(name, 'bundle')) {
    this.folder = folder;
    this.#check = check;
    // Looking does not need the right to tidy up.
    try {
      recoverFolder(folder);
    } catch (error) {
      if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'EPERM' && errnoOf(error) !== 'EROFS')
        throw error;
    }
  }

  path(name: string): string {
    return join(this.folder, this.#check(name));
  }

  exists(name: string): boolean {
    return !isStack(name) && existsSync(this.path(name));
  }

  /** The bundle's folder; a bundle that is not there is an error that says so. */
  require(name: string): string {
    const path = this.path(name);
    if (existsSync(join(path, 'config.json'))) return path;
    throw new Failure('bundle-missing', name, `there is no bundle of this name in ${this.folder}`, {
      hint: `create it with 'vxe bundle create ${name}'`,
    });
  }

  /** An empty folder beside the bundles, on the same file system, that the new bundle is built in. */
  begin(name: string): string {
    mkdirSync(this.folder, { recursive: true, mode: 0o755 });
    const work = join(this.folder, workName(this.#check(name), 'new'));
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { mode: 0o755 });
    return work;
  }

  /** Gives a finished folder its name. What had the name before is set aside first and comes back if this is cut short. */
  publish(name: string, work: string, replace: boolean): string {
    const path = this.path(name);
    if (!replace) {
      if (existsSync(path)) throw alreadyThere(name);
      try {
        renameSync(work, path);
      } catch (error) {
        if (errnoOf(error) === 'ENOTEMPTY' || errnoOf(error) === 'EEXIST') throw alreadyThere(name);
        throw error;
      }
      syncPath(this.folder);
      return path;
    }
    const aside = join(this.folder, workName(name, 'old'));
    const replacing = existsSync(path);
    if (replacing) renameSync(path, aside);
    try {
      renameSync(work, path);
    } catch (error) {
      if (replacing) renameSync(aside, path);
      throw error;
    }
    syncPath(this.folder);
    if (replacing) rmSync(aside, { recursive: true, force: true });
    return path;
  }

  remove(name: string): void {
    const path = this.path(name);
    if (!existsSync(path)) this.require(name);
    const gone = join(this.folder, workName(name, 'gone'));
    renameSync(path, gone);
    syncPath(this.folder);
    rmSync(gone, { recursive: true, force: true });
  }

  list(): BundleSummary[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder)
      .filter((name) => !name.startsWith('.') && existsSync(join(this.folder, name, 'config.json')))
      .sort()
      .map((name) => summary(this.inspect(name)));
  }

  inspect(name: string): BundleDetails {
    const path = this.require(name);
    const { manifest, digest } = readManifest(path);
    const config = readConfig(path);
    const files = manifest.entries.filter((entry) => entry.type === 'file');
    const words = (key: string): string[] =>
      (config.annotations[key] ?? '').split(' ').filter((word) => word !== '');
    return {
      name,
      path,
      profile: config.annotations['org.vxe.profile'] ?? '',
      unenforced: (config.annotations['org.vxe.unenforced'] ?? '').split('\n').filter((rule) => rule !== ''),
      program: config.args,
      files: files.length,
      bytes: files.reduce((sum, entry) => sum + (entry.size ?? 0), 0),
      digest,
      kind: config.annotations['org.vxe.kind'] ?? 'simple',
      listen: words('org.vxe.listen'),
      services: words('org.vxe.services'),
      capabilities: config.capabilities,
      namespaces: config.namespaces,
      mounts: config.mounts,
      entries: manifest.entries,
    };
  }
}

export function alreadyThere(name: string): Failure {
  return new Failure('bundle-exists', name, 'there is a bundle of this name already', {
    hint: 'use --replace to make it anew',
  });
}

function summary(details: BundleDetails): BundleSummary {
  const { name, path, profile, unenforced, program, files, bytes, digest } = details;
  return { name, path, profile, unenforced, program, files, bytes, digest };
}

interface ConfigView {
  readonly args: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly namespaces: readonly string[];
  readonly mounts: readonly BundleMount[];
}

function readConfig(bundle: string): ConfigView {
  const file = join(bundle, 'config.json');
  try {
    const json = JSON.parse(readFileSync(file, 'utf8'));
    return {
      args: json.process.args,
      annotations: json.annotations ?? {},
      capabilities: json.process.capabilities?.bounding ?? [],
      namespaces: json.linux.namespaces.map((each: { type: string }) => each.type),
      mounts: json.mounts
        .filter((each: { type?: string }) => each.type === 'bind')
        .map(({ destination, source, options }: BundleMount) => ({
          destination,
          source,
          options: options ?? [],
        })),
    };
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
    throw new Failure('bundle-broken', file, 'is not a VXE configuration', {
      hint: 'create the bundle again with --replace',
    });
  }
}
