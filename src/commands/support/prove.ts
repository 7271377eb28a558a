import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BundleStore,
  bundleWorld,
  compileProfile,
  Failure,
  hostLister,
  loadProfile,
  type Places,
  readBundleProfile,
  readProfile,
} from '../../bundle/index.js';
import { unwrap } from '../../common/index.js';
import {
  bundleTree,
  compileOci,
  type EntryKind,
  type FileTree,
  hostTree,
  type OciLandlock,
  type OciSeccomp,
  settlePatterns,
  type WorldEntry,
} from '../../lowering/index.js';
import { nativePorts } from '../../native/index.js';
import type { EventWorld, Policy } from '../../policy/index.js';
import type { FilePlans } from '../../prove/index.js';
import { loweringTarget } from './target.js';

/** A profile and the plans made from it, as they are on disk or as they would be. */
export interface Subject {
  readonly name: string;
  readonly policy: Policy;
  readonly filter: Uint8Array;
  readonly supervised: readonly string[];
  /** What another engine's seccomp library makes of the configuration. */
  readonly engineFilter: Uint8Array;
  readonly files: FilePlans;
  readonly tree: FileTree;
}

/** Only the profile, with the bundle's files where there is a bundle: for questions to the policy itself. */
export function policyFor(name: string, places: Places): { policy: Policy; world: EventWorld | undefined } {
  const store = new BundleStore(places.bundles);
  if (!isPath(name) && store.exists(name)) {
    const { policy, tree } = bundleSubject(name, store);
    return { policy: settlePatterns(policy, tree).policy, world: bundleWorld(store, name) };
  }
  return { policy: profileFor(name, places).policy, world: undefined };
}

/** A bundle is taken as it lies there; a profile is lowered over this host, as for `vxe run`. */
export function subjectFor(name: string, places: Places): Subject {
  const store = new BundleStore(places.bundles);
  if (!isPath(name) && store.exists(name)) return bundleSubject(name, store);
  const profile = profileFor(name, places);
  const lowered = compileProfile(profile, loweringTarget());
  return {
    name,
    policy: profile.policy,
    filter: lowered.seccomp.filter,
    supervised: lowered.supervised,
    engineFilter: engineFilter(lowered.seccomp.oci),
    files: lowered,
    tree: hostTree(hostLister()),
  };
}

/** Profiles are found by name; what has a slash in it is a file. */
function profileFor(name: string, places: Places): ReturnType<typeof loadProfile> {
  if (!isPath(name)) return loadProfile(name, places);
  if (!existsSync(name))
    throw new Failure('profile-missing', name, 'there is no such file', {
      hint: 'name a bundle, a profile or the file of a profile',
    });
  return { ...readProfile(name), path: name };
}

function isPath(name: string): boolean {
  return name.includes('/');
}

function bundleSubject(name: string, store: BundleStore): Subject {
  const folder = store.require(name);
  const config = readConfig(join(folder, 'config.json'));
  const filterPath = join(folder, 'vxe/filter.bpf');
  if (!existsSync(filterPath)) throw broken(filterPath);
  const entries = store.inspect(name).entries.map(
    (entry): WorldEntry => ({
      path: entry.path,
      kind: KINDS[entry.type],
      ...(entry.target === undefined ? {} : { target: entry.target }),
    }),
  );
  const open = config.mounts.filter((destination) => destination !== '/dev');
  return {
    name,
    policy: readBundleProfile(folder).policy,
    filter: readFileSync(filterPath),
    supervised: config.supervised,
    engineFilter: engineFilter(config.seccomp),
    files: config,
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

interface Config extends FilePlans {
  readonly seccomp: OciSeccomp;
  readonly supervised: readonly string[];
  readonly mounts: readonly string[];
}

function readConfig(path: string): Config {
  try {
    // Masks have 64 bits, which a number of JavaScript does not hold.
    const text = readFileSync(path, 'utf8').replace(/("(?:value|valueTwo)":\s*)(\d+)/g, '$1"$2"');
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
    const mounts: string[] = (json.mounts ?? []).map((mount: { destination: string }) => mount.destination);
    return {
      seccomp: { ...json.linux.seccomp, syscalls },
      supervised: words('org.vxe.supervised'),
      mounts,
      landlock: json.process.landlock as OciLandlock,
      maskedPaths: json.linux.maskedPaths ?? [],
      readonlyPaths: json.linux.readonlyPaths ?? [],
    };
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
    throw broken(path);
  }
}

function broken(path: string): Failure {
  return new Failure('bundle-broken', path, 'is not as VXE makes it', {
    hint: 'create the bundle again with --replace',
  });
}

function engineFilter(oci: OciSeccomp): Uint8Array {
  const { compiler, calls } = nativePorts();
  return unwrap(compileOci(oci, 'x86_64', calls, compiler));
}

/** Whether the seccomp library of this host knows a call by name. */
export function knowsCall(): (call: string) => boolean {
  const { calls } = nativePorts();
  return (call) => calls.resolve(call, 'x86_64') !== undefined;
}
