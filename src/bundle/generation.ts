import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Failure } from './failure.js';
import { recoverFolder, workName } from './leftovers.js';
import { type Manifest, manifestText } from './manifest.js';
import { stamp, syncPath } from './rootfs/write.js';

/** Two names trade what they name at one moment. */
export type Exchange = (one: string, other: string) => void;

const CONFIG = 'config.json';
const IN_PLANS = `vxe/${CONFIG}`;

/**
 * Puts other plans into a bundle, all of them at one moment: config.json is a link into the folder of the plans, and the folder
 * trades places with a new one. Killed before, the bundle is the old one whole; after, the new one. What a killed process left, the next one clears.
 */
export function replacePlan(
  bundle: string,
  parts: ReadonlyMap<string, string | Uint8Array>,
  manifest: Manifest,
  exchange: Exchange,
): void {
  const plans = join(bundle, 'vxe');
  const next = join(bundle, workName('vxe', 'new'));
  recoverFolder(bundle);
  rmSync(next, { recursive: true, force: true });
  writePlans(next, parts, manifest);
  const planned = new Set([...Object.keys(manifest.plan), ...parts.keys()]);
  const kept = keepOthers(plans, next, planned);
  settle(next);
  linkConfig(bundle);
  try {
    exchange(plans, next);
  } catch (error) {
    rmSync(next, { recursive: true, force: true });
    throw new Failure('no-exchange', bundle, `its plans cannot be put in place at once (${text(error)})`, {
      hint: 'keep bundles on a file system that exchanges names (renameat2 with RENAME_EXCHANGE), such as ext4, XFS, Btrfs or tmpfs',
    });
  }
  settle(bundle);
  carryLate(next, plans, kept, planned);
  rmSync(next, { recursive: true });
  for (const folder of [plans, bundle]) settle(folder);
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function settle(path: string): void {
  stamp(path);
  syncPath(path);
}

function put(path: string, content: string | Uint8Array): void {
  writeFileSync(path, content, { mode: 0o644, flag: 'wx' });
  chmodSync(path, 0o644);
  settle(path);
}

function writePlans(
  next: string,
  parts: ReadonlyMap<string, string | Uint8Array>,
  { name, entries }: Manifest,
): void {
  mkdirSync(next, { mode: 0o755 });
  chmodSync(next, 0o755);
  const plan: Record<string, string> = {};
  for (const [file, content] of parts) {
    const path = join(next, file === CONFIG ? CONFIG : file.replace(/^vxe\//, ''));
    if (file !== CONFIG && dirname(file) !== 'vxe') throw new TypeError(`${file} is no file of the plans`);
    put(path, content);
    plan[file] = createHash('sha256').update(content).digest('hex');
  }
  put(join(next, 'manifest.json'), manifestText({ manifest: 1, name, entries, plan }));
}

/** What lies beside the plans and is none of them, such as the mode. Names with a dot are files that are being written. */
function othersIn(folder: string, planned: ReadonlySet<string>): readonly string[] {
  const own = new Set([CONFIG, 'manifest.json']);
  return readdirSync(folder).filter(
    (file) => !file.startsWith('.') && !own.has(file.replace(/\.new$/, '')) && !planned.has(`vxe/${file}`),
  );
}

/** They are in the new folder too, being the same files; said by their inodes. */
function keepOthers(plans: string, next: string, planned: ReadonlySet<string>): ReadonlyMap<string, number> {
  const kept = new Map<string, number>();
  for (const file of othersIn(plans, planned)) {
    linkSync(join(plans, file), join(next, file));
    kept.set(file, lstatSync(join(next, file)).ino);
  }
  return kept;
}

function inode(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** A mode that was set in the old folder after it was looked at holds in the new one too, where nobody set another since. */
function carryLate(
  old: string,
  plans: string,
  kept: ReadonlyMap<string, number>,
  planned: ReadonlySet<string>,
): void {
  for (const file of new Set([...kept.keys(), ...othersIn(old, planned)])) {
    const [now, then, here] = [inode(join(old, file)), kept.get(file), inode(join(plans, file))];
    if (now === then || here !== then) continue;
    if (now === undefined) rmSync(join(plans, file), { force: true });
    else renameSync(join(old, file), join(plans, file));
  }
}

/** A bundle as it was made has config.json beside the folder: it goes into it, and the link that takes its place reads the same. */
function linkConfig(bundle: string): void {
  const config = join(bundle, CONFIG);
  if (lstatSync(config).isSymbolicLink() && readlinkSync(config) === IN_PLANS) return;
  const inner = join(bundle, IN_PLANS);
  const link = `${config}.new`;
  for (const path of [`${inner}.new`, link]) rmSync(path, { force: true });
  put(`${inner}.new`, readFileSync(config));
  renameSync(`${inner}.new`, inner);
  syncPath(join(bundle, 'vxe'));
  symlinkSync(IN_PLANS, link);
  stamp(link);
  renameSync(link, config);
  syncPath(bundle);
}
