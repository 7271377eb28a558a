import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../failure.js';
import { lastLine, run } from './run.js';

/** A package as the signed lists of apt describe it. */
export interface ArchivePackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** A package of the archive with what installing it would bring along. */
export interface Candidate extends ArchivePackage {
  /** Further packages whose files belong to it: those that were asked for with it, and the parts of the same source that it needs. */
  readonly parts: readonly string[];
  /** What apt would install or upgrade with it, itself excluded. */
  readonly alongside: readonly {
    readonly name: string;
    readonly version: string;
    readonly upgrade: boolean;
  }[];
}

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
}

const NAME = /^[a-z0-9][a-z0-9+.-]+$/;

export function checkPackageName(name: string): string {
  if (NAME.test(name)) return name;
  throw new Failure('bad-name', JSON.stringify(name), 'is not a Debian package name', { exit: 2 });
}

/** The package as dpkg has it installed, or undefined. */
export async function installedPackage(
  name: string,
  signal?: AbortSignal,
): Promise<InstalledPackage | undefined> {
  const query = await run('dpkg-query', ['-W', '-f', `\${db:Status-Status} \${Version}\n`, name], { signal });
  const [status, version] = query.stdout.trim().split('\n')[0]?.split(' ') ?? [];
  if (query.status !== 0 || status !== 'installed' || version === undefined) return undefined;
  const list = await run('dpkg-query', ['-L', name], { signal });
  const files = list.stdout.split('\n').filter((line) => line.startsWith('/') && line !== '/.');
  return { name, version, files };
}

/** What one package says of itself, as far as it matters here. */
export interface Stanza {
  readonly name: string;
  readonly source: string;
  readonly depends: readonly string[];
}

/** The package names of a Depends field; of alternatives each. */
export function dependsOf(field: string): string[] {
  return field
    .split(/[,|]/)
    .map((each) => each.trim().replace(/[ :(].*$/, ''))
    .filter((each) => NAME.test(each));
}

/**
 * The packages of the same source that some need: Debian ships one program in several (nginx and nginx-common, apache2 and apache2-bin).
 * The given ones are not among them.
 */
async function partsOf(
  names: readonly string[],
  describe: (names: readonly string[]) => Promise<readonly Stanza[]>,
): Promise<string[]> {
  const parts: string[] = [];
  const seen = new Set(names);
  let sources: ReadonlySet<string> | undefined;
  for (let asked = [...names]; asked.length > 0; ) {
    const found = (await describe(asked)).filter((each) => sources === undefined || sources.has(each.source));
    if (sources === undefined) sources = new Set(found.map((each) => each.source));
    else parts.push(...found.map((each) => each.name));
    asked = [...new Set(found.flatMap((each) => each.depends))].filter((each) => !seen.has(each));
    for (const each of asked) seen.add(each);
  }
  return [...new Set(parts)].sort();
}

/** The parts of installed packages, as dpkg has them. */
export async function installedParts(names: readonly string[], signal?: AbortSignal): Promise<string[]> {
  const format = `\${Package}\t\${source:Package}\t\${db:Status-Status}\t\${Depends}, \${Pre-Depends}\n`;
  const query = await run('dpkg-query', ['-W', '-f', format], { signal });
  const all = new Map<string, Stanza>();
  for (const line of query.stdout.split('\n')) {
    const [name, source, status, depends] = line.split('\t');
    if (name !== undefined && source !== undefined && status === 'installed')
      all.set(name, { name, source, depends: dependsOf(depends ?? '') });
  }
  return await partsOf(names, async (asked) =>
    asked.flatMap((each) => {
      const found = all.get(each);
      return found === undefined ? [] : [found];
    }),
  );
}

/** What apt's lists say of packages; a name that is none, or virtual, is left out. */
async function describePackages(names: readonly string[], signal?: AbortSignal): Promise<Stanza[]> {
  const show = await run('apt-cache', ['show', '--no-all-versions', ...names], { signal });
  return show.stdout.split(/\n\s*\n/).flatMap((text) => {
    const field = (key: string): string | undefined =>
      new RegExp(`^${key}: (.+)$`, 'm').exec(text)?.[1]?.trim();
    const name = field('Package');
    if (name === undefined) return [];
    const source = (field('Source') ?? name).replace(/ .*/, '');
    return [{ name, source, depends: dependsOf(`${field('Depends') ?? ''}, ${field('Pre-Depends') ?? ''}`) }];
  });
}

/** Which installed packages own these files; a path that none owns is left out. */
export async function ownersOf(paths: readonly string[], signal?: AbortSignal): Promise<Map<string, string>> {
  if (paths.length === 0) return new Map();
  // Before the archive itself moved to /usr, packages were recorded with the paths that they were built with.
  const asked = new Map(
    paths.flatMap((path) => [
      [path, path] as const,
      [path.replace(/^\/usr\/(lib|lib64|bin|sbin)\//, '/$1/'), path] as const,
    ]),
  );
  const answer = await run('dpkg-query', ['-S', ...asked.keys()], { signal });
  const owners = new Map<string, string>();
  for (const line of answer.stdout.split('\n')) {
    const match = /^([a-z0-9+.-]+)(?::[a-z0-9]+)?(?:, .*)?: (\/.*)$/.exec(line);
    const path = match?.[2] === undefined ? undefined : asked.get(match[2]);
    if (match?.[1] !== undefined && path !== undefined) owners.set(path, match[1]);
  }
  return owners;
}

/** Looks a package up in apt's lists, and further ones with it: what would be fetched, and what would come along. Nothing is changed. */
export async function candidateOf(
  name: string,
  further: readonly string[] = [],
  signal?: AbortSignal,
): Promise<Candidate> {
  const found = await archivePackage(name, undefined, signal);
  const asked = [name, ...further];
  const parts = [...further, ...(await partsOf(asked, (names) => describePackages(names, signal)))];
  const plan = await run('apt-get', ['install', '-s', '-qq', '--no-install-recommends', ...asked], {
    signal,
  });
  const alongside: { name: string; version: string; upgrade: boolean }[] = [];
  for (const line of plan.stdout.split('\n')) {
    const match = /^Inst ([a-z0-9+.-]+)(?::[a-z0-9]+)? (\[[^\]]*\] )?\((\S+) /.exec(line);
    if (match?.[1] === undefined || match[3] === undefined) continue;
    if (match[1] === name || parts.includes(match[1])) continue;
    alongside.push({ name: match[1], version: match[3], upgrade: match[2] !== undefined });
  }
  return { ...found, parts, alongside };
}

export async function archivePackage(
  name: string,
  version: string | undefined,
  signal?: AbortSignal,
): Promise<ArchivePackage> {
  const asked = version === undefined ? name : `${name}=${version}`;
  const show = await run('apt-cache', ['show', '--no-all-versions', asked], { signal });
  const field = (key: string): string | undefined =>
    new RegExp(`^${key}: (.+)$`, 'm').exec(show.stdout)?.[1]?.trim();
  const found = { name: field('Package'), version: field('Version'), sha256: field('SHA256') };
  if (show.status !== 0 || found.version === undefined) {
    if (!haveLists()) {
      throw new Failure('apt-lists', name, "cannot be looked up, since apt's package lists are missing", {
        hint: "run 'apt-get update' and try again",
      });
    }
    throw new Failure('package-unknown', name, 'is not a package that apt knows', {
      hint: "correct the name, add the archive that has it, or run 'apt-get update'",
    });
  }
  if (found.sha256 === undefined || !/^[0-9a-f]{64}$/.test(found.sha256)) {
    throw new Failure('package-unsigned', name, "has no SHA-256 in apt's lists, so it cannot be checked", {
      hint: "run 'apt-get update'",
    });
  }
  return { name: found.name ?? name, version: found.version, sha256: found.sha256 };
}

/** Has apt fetch a package into a folder; apt itself checks it against the signed lists. */
export async function download(
  wanted: ArchivePackage,
  folder: string,
  signal?: AbortSignal,
): Promise<string> {
  const got = await run('apt-get', ['download', '-qq', `${wanted.name}=${wanted.version}`], {
    cwd: folder,
    signal,
  });
  const file = readdirSync(folder).find((each) => each.endsWith('.deb'));
  if (got.status === 0 && file !== undefined) return join(folder, file);
  const stale = /404|not found|Hash Sum mismatch/i.test(got.stderr);
  throw new Failure('download-failed', wanted.name, `could not be fetched: ${lastLine(got.stderr)}`, {
    hint: stale
      ? "the package lists are old; run 'apt-get update' and try again"
      : 'check the network and the sources of apt',
  });
}

const LISTS = '/var/lib/apt/lists';

function haveLists(): boolean {
  return existsSync(LISTS) && readdirSync(LISTS).some((file) => file.includes('_Packages'));
}

/** Changes whenever apt could answer differently: its lists, its sources, its preferences, or what is installed. */
export function aptStamp(): string {
  const parts: string[] = [];
  const add = (path: string): void => {
    if (!existsSync(path)) return;
    const stat = statSync(path, { bigint: true });
    parts.push(`${path} ${stat.mtimeNs} ${stat.size}`);
  };
  for (const path of [
    '/var/lib/dpkg/status',
    '/etc/apt/sources.list',
    '/etc/apt/preferences',
    '/etc/apt/apt.conf',
  ])
    add(path);
  for (const folder of [LISTS, '/etc/apt/sources.list.d', '/etc/apt/preferences.d', '/etc/apt/apt.conf.d']) {
    add(folder);
    if (existsSync(folder)) for (const file of readdirSync(folder).sort()) add(join(folder, file));
  }
  return parts.join('\n');
}
