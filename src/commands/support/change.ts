import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  errnoOf,
  Failure,
  hasProfile,
  hooksHold,
  loadProfile,
  type Places,
  ProfileHistory,
  packageFolder,
  type Relowered,
  readBundleProfile,
  recoverFolder,
  relowerBundle,
  storedProfile,
  unsettled,
} from '../../bundle/index.js';
import { VxeError } from '../../common/index.js';
import { alone, exchangeFolders } from '../../native/index.js';
import type { Policy } from '../../policy/index.js';
import { instancesOf } from '../../runtime/index.js';
import { controlled } from './control.js';
import { loweringTarget } from './target.js';

/** A new text of a bundle's profile, checked and lowered, not yet in its place. */
export interface Change {
  readonly before: { readonly text: string; readonly policy: Policy };
  readonly after: { readonly text: string; readonly policy: Policy };
  /** Puts it in place; says what came of it. */
  readonly apply: (why: string, rules: readonly string[], widens: boolean) => Applied;
}

/** What a running instance needs for it: nothing, a restart for all but calls, a restart for all. */
type Needs = 'live' | 'calls' | 'restart';

export interface Applied {
  readonly version: number;
  /** The instance that has the bundle's name; it may not run. */
  readonly running: Needs | 'no';
  /** What runs of the bundle by other names. */
  readonly others: readonly { readonly name: string; readonly running: Needs }[];
  /** Instances of which nobody can tell what they run. */
  readonly untold: readonly string[];
  /** The profile's own file, where it said the same before and was changed as well. */
  readonly source: string | undefined;
  readonly sourceLeft: string | undefined;
}

export function changeProfile(name: string, text: string, places: Places): Change {
  const bundle = controlled(name, places);
  const { policy } = readBundleProfile(bundle);
  const before = readFileSync(storedProfile(bundle), 'utf8');
  const made = relowerBundle(bundle, text, loweringTarget());
  const apply = (why: string, rules: readonly string[], widens: boolean): Applied =>
    undisturbed(name, places, () => ({
      version: keepAndWrite(name, bundle, { before, text, why, rules }, made.write, places),
      ...takeUp(name, bundle, widens && sameBesidesCalls(policy, made.policy), places),
      ...ownFile(policy.name, before, text, places),
    }));
  return { before: { text: before, policy }, after: { text, policy: made.policy }, apply };
}

/** A learned profile in a bundle, which may have none yet: there is nothing to compare it with, and nothing else that says the same. */
export function adoptProfile(name: string, text: string, places: Places): Applied {
  const bundle = controlled(name, places);
  const before = hasProfile(bundle) ? readFileSync(storedProfile(bundle), 'utf8') : undefined;
  const made = relowerBundle(bundle, text, loweringTarget());
  return undisturbed(name, places, () => ({
    version: keepAndWrite(name, bundle, { before, text, why: 'learned', rules: [] }, made.write, places),
    ...takeUp(name, bundle, false, places),
    source: undefined,
    sourceLeft: undefined,
  }));
}

/**
 * What a change was killed at is done: the kept versions, the running instances, the administrator's own file. The plans change at one moment, so
 * nothing of them can be left over. Undefined: there was nothing to do.
 */
export function finishChange(name: string, places: Places): Applied | undefined {
  const bundle = controlled(name, places);
  const history = new ProfileHistory(places.history, name);
  if (!hasProfile(bundle) || !existsSync(join(places.history, name))) return undefined;
  const { policy } = readBundleProfile(bundle);
  const text = readFileSync(storedProfile(bundle), 'utf8');
  return undisturbed(name, places, () => {
    recoverFolder(bundle);
    history.settle(text);
    const all = history.list();
    const placed = all.at(-1);
    // Another text than the newest version is somebody's who changed it by hand.
    if (placed === undefined || history.text(placed.version) !== text) return undefined;
    const earlier = all.at(-2);
    const behind = instancesOf(places.state, bundle).running.some(({ id }) => isBehind(id, bundle, places));
    const own =
      earlier === undefined
        ? { source: undefined, sourceLeft: undefined }
        : ownFile(policy.name, history.text(earlier.version), text, places);
    if (!behind && own.source === undefined) return undefined;
    return { version: placed.version, ...takeUp(name, bundle, false, places), ...own, sourceLeft: undefined };
  });
}

/** The kept versions say what came of a change that was killed; one that is under way is left to who makes it. */
export function finishHistory(name: string, places: Places): void {
  const bundle = controlled(name, places);
  if (!hasProfile(bundle) || !existsSync(join(places.history, name))) return;
  const history = new ProfileHistory(places.history, name);
  alone(history.folder, () => history.settle(readFileSync(storedProfile(bundle), 'utf8')));
}

/** One process changes a bundle's profile at a time. */
function undisturbed<T>(name: string, places: Places, work: () => T): T {
  try {
    const done = alone(new ProfileHistory(places.history, name).folder, work);
    if (done !== undefined) return done.done;
  } catch (error) {
    if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'EROFS' && errnoOf(error) !== 'EPERM') throw error;
    throw new Failure('not-permitted', name, `its profile cannot be changed by you (${errnoOf(error)})`, {
      hint: 'only the owner of the bundle changes it, from outside of every instance',
    });
  }
  throw new Failure('changed-elsewhere', name, 'its profile is being changed by another process', {
    hint: 'try again when that is done',
  });
}

interface Kept {
  readonly before: string | undefined;
  readonly text: string;
  readonly why: string;
  readonly rules: readonly string[];
}

/** The version before, if nobody kept it yet, and the new one; between them it is put in place. */
function keepAndWrite(
  name: string,
  bundle: string,
  { before, text, why, rules }: Kept,
  write: Relowered['write'],
  places: Places,
): number {
  const history = new ProfileHistory(places.history, name);
  const ending = basename(storedProfile(bundle)).slice('profile'.length);
  const by = process.getuid?.() ?? 0;
  const placed = hasProfile(bundle) ? readFileSync(storedProfile(bundle), 'utf8') : undefined;
  if (placed !== before)
    throw new Failure('changed-elsewhere', name, 'its profile was changed by another process meanwhile', {
      hint: 'do it again, with the profile as it is now',
    });
  history.settle(placed ?? '');
  if (before !== undefined) {
    const first = history.list().length === 0;
    history.keep(before, ending, first ? 'as the bundle was made' : 'changed outside', by);
  }
  // Killed before the plans are in place, it never was a version; after, it is one.
  const { version } = history.begin(text, ending, why, by, rules);
  write(exchangeFolders);
  history.settle(text);
  return version;
}

/** All that runs of the bundle takes up what it can. */
function takeUp(
  name: string,
  bundle: string,
  live: boolean,
  places: Places,
): Pick<Applied, 'running' | 'others' | 'untold'> {
  const { running, untold } = instancesOf(places.state, bundle);
  const needs = running.map(({ id }) => ({ name: id, running: takeUpOne(id, bundle, live, places) }));
  return {
    running: needs.find((each) => each.name === name)?.running ?? 'no',
    others: needs.filter((each) => each.name !== name),
    untold,
  };
}

/**
 * A running instance's supervisor permits what the new filter permits by a call's registers, at once; files, ports and all else were settled
 * when it was started. Where they hold less than the new plans count on, no call goes through: together they would permit more than either.
 */
function takeUpOne(id: string, bundle: string, live: boolean, places: Places): Needs {
  const folder = join(places.state, id);
  const holds = isSettled(folder, bundle);
  const target = join(folder, TAKEN_UP);
  // One without an instruction permits nothing.
  writeFileSync(`${target}.new`, holds ? readFileSync(join(bundle, FILTER)) : '', { mode: 0o600 });
  renameSync(`${target}.new`, target);
  if (!holds) return 'restart';
  return live ? 'live' : 'calls';
}

const FILTER = 'vxe/filter.bpf';
const TAKEN_UP = 'filter';

/** Whether it goes by another filter than it could: the one that it was started with, or one before. */
function isBehind(id: string, bundle: string, places: Places): boolean {
  const folder = join(places.state, id);
  const has = [TAKEN_UP, 'launch.filter'].map((file) => join(folder, file)).find((path) => existsSync(path));
  if (has === undefined || !isSettled(folder, bundle)) return false;
  return !readFileSync(has).equals(readFileSync(join(bundle, FILTER)));
}

/** Whether all that the launch settled holds at least what the bundle's plans count on. */
function isSettled(folder: string, bundle: string): boolean {
  return (
    unsettled(config(folder), config(bundle)) === undefined &&
    hooksHold(textOf(join(folder, 'launch.after')), textOf(join(bundle, 'vxe/after.json')))
  );
}

function textOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function config(folder: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
}

/** Whether two policies say the same of everything that only a launch can settle. */
function sameBesidesCalls(a: Policy, b: Policy): boolean {
  const told = (policy: Policy): string =>
    JSON.stringify({ ...policy, calls: null }, (key, value: unknown) => {
      if (key === 'span') return null;
      if (value instanceof Set) return [...value].sort();
      return typeof value === 'bigint' ? value.toString() : value;
    });
  return told(a) === told(b);
}

/** The administrator's file is kept in step where it said just what the bundle did. Another one, and those that VXE ships, are left alone. */
function ownFile(
  profile: string,
  before: string,
  text: string,
  places: Places,
): Pick<Applied, 'source' | 'sourceLeft'> {
  let path: string;
  try {
    path = loadProfile(profile, places).path;
  } catch (error) {
    if (error instanceof VxeError) return { source: undefined, sourceLeft: undefined };
    throw error;
  }
  if (readFileSync(path, 'utf8') !== before || path.startsWith(`${packageFolder()}/`))
    return { source: undefined, sourceLeft: path };
  try {
    writeFileSync(`${path}.new`, text, { mode: 0o644 });
    renameSync(`${path}.new`, path);
    return { source: path, sourceLeft: undefined };
  } catch (error) {
    if (existsSync(`${path}.new`)) rmSync(`${path}.new`);
    if (errnoOf(error) === undefined) throw error;
    return { source: undefined, sourceLeft: path };
  }
}

/** What it means for an instance, which is called `who`. */
function needsText(who: string, name: string, needs: Needs): string {
  if (needs === 'live') return `${who} permits it from now on`;
  if (needs === 'calls')
    return `of ${who}, calls that are permitted now go through; for all else: vxe restart ${name}`;
  return `${who} holds what it was started with; for the new one: vxe restart ${name}`;
}

export function appliedText(name: string, applied: Applied): string {
  const { version, running, others, untold, source, sourceLeft } = applied;
  const parts = [`${name}: version ${version} of its profile is in place`];
  if (running !== 'no') parts.push(needsText('the running instance', name, running));
  for (const other of others)
    parts.push(needsText(`the instance ${other.name} of it`, other.name, other.running));
  if (untold.length > 0) parts.push(`what runs as ${untold.join(', ')} cannot be told (see vxe status)`);
  if (source !== undefined) parts.push(`${source} says the same`);
  if (sourceLeft !== undefined) parts.push(`${sourceLeft} was left as it is`);
  return parts.join('; ');
}
