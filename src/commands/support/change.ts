import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  errnoOf,
  Failure,
  hasProfile,
  loadProfile,
  type Places,
  ProfileHistory,
  packageFolder,
  type Relowered,
  readBundleProfile,
  relowerBundle,
  storedProfile,
  unsettled,
} from '../../bundle/index.js';
import { VxeError } from '../../common/index.js';
import { exchangeFolders } from '../../native/index.js';
import type { Policy } from '../../policy/index.js';
import { runningInstance } from '../../runtime/index.js';
import { controlled } from './control.js';
import { loweringTarget } from './target.js';

/** A new text of a bundle's profile, checked and lowered, not yet in its place. */
export interface Change {
  readonly before: { readonly text: string; readonly policy: Policy };
  readonly after: { readonly text: string; readonly policy: Policy };
  /** Puts it in place; says what came of it. */
  readonly apply: (why: string, rules: readonly string[], widens: boolean) => Applied;
}

export interface Applied {
  readonly version: number;
  /** What a running instance needs for it: nothing, a restart for all but calls, a restart for all, or it does not run. */
  readonly running: 'no' | 'live' | 'calls' | 'restart';
  /** The profile's own file, where it said the same before and was changed as well. */
  readonly source: string | undefined;
  readonly sourceLeft: string | undefined;
}

export function changeProfile(name: string, text: string, places: Places): Change {
  const bundle = controlled(name, places);
  const { policy } = readBundleProfile(bundle);
  const before = readFileSync(storedProfile(bundle), 'utf8');
  const made = relowerBundle(bundle, text, loweringTarget());
  const apply = (why: string, rules: readonly string[], widens: boolean): Applied => ({
    version: keepAndWrite(name, bundle, { before, text, why, rules }, made.write, places),
    running: takeUp(name, bundle, widens && sameBesidesCalls(policy, made.policy), places),
    ...ownFile(policy.name, before, text, places),
  });
  return { before: { text: before, policy }, after: { text, policy: made.policy }, apply };
}

/** A learned profile in a bundle, which may have none yet: there is nothing to compare it with, and nothing else that says the same. */
export function adoptProfile(name: string, text: string, places: Places): Applied {
  const bundle = controlled(name, places);
  const before = hasProfile(bundle) ? readFileSync(storedProfile(bundle), 'utf8') : undefined;
  const made = relowerBundle(bundle, text, loweringTarget());
  return {
    version: keepAndWrite(name, bundle, { before, text, why: 'learned', rules: [] }, made.write, places),
    running: takeUp(name, bundle, false, places),
    source: undefined,
    sourceLeft: undefined,
  };
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
  try {
    if (before !== undefined) {
      const first = history.list().length === 0;
      history.keep(before, ending, first ? 'as the bundle was made' : 'changed outside', by);
    }
    write(exchangeFolders);
    return history.keep(text, ending, why, by, rules).version;
  } catch (error) {
    if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'EROFS' && errnoOf(error) !== 'EPERM') throw error;
    throw new Failure('not-permitted', name, `its profile cannot be changed by you (${errnoOf(error)})`, {
      hint: 'only the owner of the bundle changes it, from outside of every instance',
    });
  }
}

/**
 * A running instance's supervisor permits what the new filter permits by a call's registers, at once; files, ports and all else were settled
 * when it was started. Where they hold less than the new plans count on, no call goes through: together they would permit more than either.
 */
function takeUp(name: string, bundle: string, live: boolean, places: Places): Applied['running'] {
  const running = runningInstance(places.state, name);
  if (running === undefined) return 'no';
  const folder = join(places.state, name);
  const holds = unsettled(config(folder), config(bundle)) === undefined;
  const target = join(folder, 'filter');
  // One without an instruction permits nothing.
  writeFileSync(`${target}.new`, holds ? readFileSync(join(bundle, 'vxe/filter.bpf')) : '', { mode: 0o600 });
  renameSync(`${target}.new`, target);
  if (!holds) return 'restart';
  return live ? 'live' : 'calls';
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

export function appliedText(name: string, { version, running, source, sourceLeft }: Applied): string {
  const parts = [`${name}: version ${version} of its profile is in place`];
  if (running === 'live') parts.push('the running instance permits it from now on');
  if (running === 'calls')
    parts.push(
      `of the running instance, calls that are permitted now go through; for all else: vxe restart ${name}`,
    );
  if (running === 'restart')
    parts.push(`the running instance holds what it was started with; for the new one: vxe restart ${name}`);
  if (source !== undefined) parts.push(`${source} says the same`);
  if (sourceLeft !== undefined) parts.push(`${sourceLeft} was left as it is`);
  return parts.join('; ');
}
