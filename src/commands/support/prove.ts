import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BundleStore,
  bundleWorld,
  compileProfiles,
  errnoOf,
  Failure,
  hostLister,
  type Places,
  readBundleProfile,
} from '../../bundle/index.js';
import { unwrap } from '../../common/index.js';
import {
  type AddressRow,
  type After,
  type Arch,
  archOf,
  bundleTree,
  compileOci,
  type EntryKind,
  type FileTree,
  hostTree,
  type OciLandlock,
  type OciSeccomp,
  parseAddressRows,
  parseAfter,
  settlePatterns,
  type WorldEntry,
} from '../../lowering/index.js';
import { nativePorts } from '../../native/index.js';
import type { EventWorld, Policy } from '../../policy/index.js';
import {
  type FilePlans,
  type MountConfig,
  mountTable,
  type NetworkPlans,
  type Settings,
} from '../../prove/index.js';
import { bundleNamed, profilesNamed } from './named.js';
import { hostArch, loweringTarget } from './target.js';

/** A profile and the plans made from it, as they are on disk or as they would be. */
export interface Subject {
  readonly name: string;
  readonly policy: Policy;
  /** Whose calls the filters decide. */
  readonly arch: Arch;
  readonly filter: Uint8Array;
  /** What the calls go through in soft mode; undefined: the bundle has none. */
  readonly softFilter: Uint8Array | undefined;
  readonly supervised: readonly string[];
  /** What rings may do; empty: there are none. */
  readonly rings: readonly string[];
  /** What is told after calls; undefined: nothing. */
  readonly after: After | undefined;
  /** What another engine's seccomp library makes of the configuration. */
  readonly engineFilter: Uint8Array;
  readonly files: FilePlans;
  readonly network: NetworkPlans;
  /** What is kept beside the calls and files, and how much. */
  readonly settings: Settings;
  readonly tree: FileTree;
}

/** Only the profile, with the bundle's files where there is a bundle: for questions to the policy itself. */
export function policyFor(name: string, places: Places): { policy: Policy; world: EventWorld | undefined } {
  const store = new BundleStore(places.bundles);
  if (bundleNamed(name, places) !== undefined) {
    const { policy, tree } = bundleSubject(name, store);
    return { policy: settlePatterns(policy, tree).policy, world: bundleWorld(store, name) };
  }
  const profiles = profilesNamed(name, places);
  const [only, ...others] = profiles;
  const single = only !== undefined && others.length === 0;
  return {
    policy: single ? only.policy : compileProfiles(profiles, loweringTarget()).policy,
    world: undefined,
  };
}

/** A bundle is taken as it lies there; a profile is lowered over this host, as for `vxe run`. */
export function subjectFor(name: string, places: Places, wanted?: Arch): Subject {
  const store = new BundleStore(places.bundles);
  if (bundleNamed(name, places) !== undefined) return ofArch(bundleSubject(name, store), wanted);
  const arch = wanted ?? hostArch();
  const { policy, lowered } = compileProfiles(profilesNamed(name, places), loweringTarget(arch));
  const apart = lowered.networkInterface !== 'host';
  return {
    name,
    policy,
    arch,
    filter: lowered.seccomp.filter,
    softFilter: lowered.seccomp.soft,
    supervised: lowered.supervised,
    rings: lowered.rings,
    after: lowered.after,
    engineFilter: engineFilter(lowered.seccomp.oci, arch),
    files: {
      landlock: [lowered.landlock],
      mounts: mountTable({ ...lowered, rootReadonly: false, mounts: [] }),
      refusesUnix: lowered.refusesUnix,
    },
    network: {
      landlock: [lowered.landlock],
      addresses: parseAddressRows(lowered.addresses) ?? [],
      apart,
      supervised: lowered.supervised,
      refusesUnix: lowered.refusesUnix,
    },
    settings: { ...lowered, noNewPrivileges: true, apart },
    tree: hostTree(hostLister()),
  };
}

function ofArch(subject: Subject, wanted: Arch | undefined): Subject {
  if (wanted === undefined || wanted === subject.arch) return subject;
  throw new Failure('misuse', subject.name, `is a bundle for ${subject.arch}, not for ${wanted}`, {
    hint: 'leave --arch out, or name the profile',
    exit: 2,
  });
}

/** Profiles are found by name, those of a stack too; what has a slash in it is a file. */
function bundleSubject(name: string, store: BundleStore): Subject {
  const folder = store.require(name);
  const config = readConfig(join(folder, 'config.json'));
  const filterPath = join(folder, 'vxe/filter.bpf');
  if (!existsSync(filterPath)) throw broken(filterPath);
  const softPath = config.softFilter === undefined ? undefined : join(folder, config.softFilter);
  if (softPath !== undefined && !existsSync(softPath)) throw broken(softPath);
  const arch = archOf(config.seccomp);
  if (arch === undefined) throw broken(join(folder, 'config.json'));
  const entries = store.inspect(name).entries.map(
    (entry): WorldEntry => ({
      path: entry.path,
      kind: KINDS[entry.type],
      ...(entry.target === undefined ? {} : { target: entry.target }),
    }),
  );
  const open = config.mounts
    .map(({ destination }) => destination)
    .filter((destination) => destination !== '/dev');
  return {
    name,
    policy: readBundleProfile(folder).policy,
    arch,
    filter: readFileSync(filterPath),
    softFilter: softPath === undefined ? undefined : readFileSync(softPath),
    supervised: config.supervised,
    rings: config.rings,
    after: config.after === undefined ? undefined : readAfter(join(folder, config.after)),
    engineFilter: engineFilter(config.seccomp, arch),
    files: { landlock: [config.landlock], mounts: mountTable(config) },
    network: {
      landlock: [config.landlock],
      addresses: config.addresses,
      apart: config.apart,
      supervised: config.supervised,
    },
    settings: config,
    tree: bundleTree({ entries: [...entries, ...devices()], open }),
  };
}

const KINDS: Readonly<Record<'directory' | 'file' | 'symlink', EntryKind>> = {
  directory: 'directory',
  file: 'file',
  symlink: 'symlink',
};

/** Every OCI runtime makes these. */
function devices(): readonly WorldEntry[] {
  const names = ['full', 'null', 'random', 'tty', 'urandom', 'zero'];
  return names.map((each) => ({ path: `/dev/${each}`, kind: 'device' }));
}

interface Config extends MountConfig, Settings {
  readonly softFilter: string | undefined;
  readonly after: string | undefined;
  readonly seccomp: OciSeccomp;
  readonly landlock: OciLandlock;
  readonly addresses: readonly AddressRow[];
  readonly supervised: readonly string[];
  readonly rings: readonly string[];
}

function readConfig(path: string): Config {
  try {
    // Masks have 64 bits, which a number of JavaScript does not hold.
    const text = readFileSync(path, 'utf8').replace(/("(?:value|valueTwo|hard|soft)":\s*)(\d+)/g, '$1"$2"');
    const json = JSON.parse(text);
    const words = (key: string): string[] =>
      String(json.annotations?.[key] ?? '')
        .split(' ')
        .filter((word) => word !== '');
    const syscalls = json.linux.seccomp.syscalls.map(
      (item: { args?: { value: string; valueTwo: string }[] }) => ({
        ...item,
        ...(item.args === undefined
          ? {}
          : {
              args: item.args.map((arg) => ({
                ...arg,
                value: BigInt(arg.value),
                valueTwo: BigInt(arg.valueTwo),
              })),
            }),
      }),
    );
    const mounts = (json.mounts ?? []).map((mount: { destination: string; options?: string[] }) => ({
      destination: mount.destination,
      options: mount.options ?? [],
    }));
    const { bounding, effective, permitted, inheritable, ambient } = json.process.capabilities ?? {};
    const capabilities = [bounding, effective, permitted, inheritable, ambient].flatMap(
      (set?: string[]) => set ?? [],
    );
    const namespaces: { type: string }[] = json.linux.namespaces ?? [];
    return {
      seccomp: { ...json.linux.seccomp, syscalls },
      softFilter: json.annotations?.['org.vxe.soft.filter'],
      after: json.annotations?.['org.vxe.after'],
      supervised: words('org.vxe.supervised'),
      rings: words('org.vxe.rings'),
      rootReadonly: json.root?.readonly === true,
      mounts,
      capabilities: [...new Set(capabilities)],
      rlimits: (json.process.rlimits ?? []).map((limit: { type: string; hard: string }) => ({
        type: limit.type,
        hard: BigInt(limit.hard),
      })),
      addresses: addressRows(json.annotations?.['org.vxe.addresses'] ?? ''),
      noNewPrivileges: json.process.noNewPrivileges === true,
      apart: namespaces.some(({ type }) => type === 'network'),
      landlock: json.process.landlock as OciLandlock,
      maskedPaths: json.linux.maskedPaths ?? [],
      readonlyPaths: json.linux.readonlyPaths ?? [],
    };
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
    throw broken(path);
  }
}

function readAfter(path: string): After {
  try {
    const after = parseAfter(JSON.parse(readFileSync(path, 'utf8')));
    if (after !== undefined) return after;
  } catch (error) {
    if (!(error instanceof SyntaxError) && errnoOf(error) !== 'ENOENT') throw error;
  }
  throw broken(path);
}

/** The lines by which the cgroup's programs decide. */
function addressRows(text: string): readonly AddressRow[] {
  const rows = parseAddressRows(text);
  if (rows === undefined) throw new TypeError('lines that are none');
  return rows;
}

function broken(path: string): Failure {
  return new Failure('bundle-broken', path, 'is not as VXE makes it', {
    hint: 'create the bundle again with --replace',
  });
}

function engineFilter(oci: OciSeccomp, arch: Arch): Uint8Array {
  const { compiler, calls } = nativePorts();
  return unwrap(compileOci(oci, arch, calls, compiler));
}

/** Whether the seccomp library of this host knows a call by name. */
export function knowsCall(arch: Arch): (call: string) => boolean {
  const { calls } = nativePorts();
  return (call) => calls.resolve(call, arch) !== undefined;
}
