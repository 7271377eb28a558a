import { canonicalJson, type JsonValue } from '../common/index.js';
import type { Lowered } from '../lowering/index.js';
import { profileName, type Recipe } from './recipe/index.js';

/** Who creates the bundle: without root it needs a user namespace that maps its root to the creator. */
export interface Creator {
  readonly uid: number;
  readonly gid: number;
}

// The build metadata is for crun before 1.9, which refuses a version without the text "1.0" in it.
const OCI_VERSION = '1.2.0+1.0';
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const SAFE_MOUNT = [
  ['rw', 'ro'],
  ['suid', 'nosuid'],
  ['dev', 'nodev'],
  ['exec', 'noexec'],
] as const;

/**
 * config.json of OCI runtime-spec 1.2, which any engine runs, with what VXE adds in annotations and process.landlock. `user` is who
 * the program starts as; in a creator's own user namespace there is one user, who is the creator outside.
 */
export function ociConfig(
  recipe: Recipe,
  lowered: Lowered,
  creator: Creator,
  user: { readonly uid: number; readonly gid: number },
): string {
  const namespaces: JsonValue[] = ['cgroup', 'ipc', 'mount', 'pid', 'uts'].map((type) => ({ type }));
  if (lowered.networkInterface !== 'host') namespaces.push({ type: 'network' });
  if (creator.uid !== 0) namespaces.push({ type: 'user' });
  const capabilities = [...lowered.capabilities].sort();
  return canonicalJson({
    ociVersion: OCI_VERSION,
    hostname: recipe.name,
    root: { path: 'rootfs', readonly: true },
    process: {
      terminal: false,
      user: { uid: user.uid, gid: user.gid },
      args: [...recipe.program],
      env: environment(recipe),
      cwd: recipe.cwd ?? '/',
      noNewPrivileges: true,
      // Of another user the kernel takes them away at exec, unless they are ambient.
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
        ...(user.uid === 0 ? {} : { inheritable: capabilities, ambient: capabilities }),
      },
      rlimits: lowered.rlimits.map((each) => ({ type: each.type, soft: each.soft, hard: each.hard })),
      landlock: lowered.landlock as unknown as JsonValue,
    },
    mounts: mounts(recipe, creator),
    linux: {
      namespaces,
      ...(creator.uid === 0
        ? {}
        : {
            uidMappings: [{ containerID: user.uid, hostID: creator.uid, size: 1 }],
            gidMappings: [{ containerID: user.gid, hostID: creator.gid, size: 1 }],
          }),
      maskedPaths: [...lowered.maskedPaths],
      readonlyPaths: [...lowered.readonlyPaths],
      seccomp: lowered.seccomp.oci as unknown as JsonValue,
      ...resources(lowered),
    },
    annotations: annotations(recipe, lowered),
  });
}

/**
 * config.json of a compiled profile: no root file system, no program, no environment; `vxe run` adds them. Not root, the creator stays
 * who it is inside its user namespace.
 */
export function hostConfig(
  name: string,
  sources: readonly string[],
  lowered: Lowered,
  creator: Creator,
): string {
  const namespaces: JsonValue[] = ['ipc', 'mount', 'pid'].map((type) => ({ type }));
  if (lowered.networkInterface !== 'host') namespaces.push({ type: 'network' });
  const mapping = (id: number): JsonValue => [{ containerID: id, hostID: id, size: 1 }];
  if (creator.uid !== 0) namespaces.push({ type: 'user' });
  const capabilities = [...lowered.capabilities].sort();
  return canonicalJson({
    ociVersion: OCI_VERSION,
    process: {
      terminal: false,
      user: { uid: creator.uid, gid: creator.gid },
      noNewPrivileges: true,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: lowered.rlimits.map((each) => ({ type: each.type, soft: each.soft, hard: each.hard })),
      landlock: lowered.landlock as unknown as JsonValue,
    },
    linux: {
      namespaces,
      ...(creator.uid === 0 ? {} : { uidMappings: mapping(creator.uid), gidMappings: mapping(creator.gid) }),
      maskedPaths: [...lowered.maskedPaths],
      readonlyPaths: [...lowered.readonlyPaths],
      seccomp: lowered.seccomp.oci as unknown as JsonValue,
      ...resources(lowered),
    },
    annotations: {
      ...planAnnotations(lowered),
      'org.vxe.version': '1',
      'org.vxe.name': name,
      'org.vxe.profile': name,
      'org.vxe.root': 'host',
      'org.vxe.source': sources.join('\n'),
    },
  });
}

const CPU_PERIOD = 100_000n;

/** `linux.resources`; what has no field of its own is said as cgroup v2 has it. */
function resources({ resources: rules }: Lowered): { [key: string]: JsonValue } {
  const parts: { [key: string]: JsonValue } = {};
  const unified: { [key: string]: JsonValue } = {};
  for (const { resource, value } of rules) {
    switch (resource) {
      case 'memory':
        parts.memory = { limit: value };
        break;
      case 'pids':
        parts.pids = { limit: value };
        break;
      case 'cpu':
        parts.cpu = { quota: (value * CPU_PERIOD) / 1000n, period: CPU_PERIOD };
        break;
      case 'swap':
        // config.json counts memory and swap together, and has no swap without a limit on memory.
        unified['memory.swap.max'] = `${value}`;
        break;
      case 'io':
        unified['io.weight'] = `${value}`;
        break;
    }
  }
  if (Object.keys(unified).length > 0) parts.unified = unified;
  return Object.keys(parts).length === 0 ? {} : { resources: parts };
}

function environment(recipe: Recipe): string[] {
  return Object.entries({ PATH, ...recipe.env })
    .map(([key, value]) => `${key}=${value}`)
    .sort();
}

function mounts(recipe: Recipe, creator: Creator): JsonValue[] {
  const list: { destination: string; type: string; source: string; options: string[] }[] = [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'nodev', 'noexec'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'noexec', 'strictatime', 'mode=755', 'size=64k'],
    },
  ];
  for (const [destination, tmpfs] of Object.entries(recipe.tmpfs ?? {})) {
    const options = [
      'nosuid',
      'nodev',
      'noexec',
      `mode=${tmpfs?.mode ?? '1777'}`,
      `size=${tmpfs?.size ?? '16m'}`,
    ];
    list.push({ destination, type: 'tmpfs', source: 'tmpfs', options });
  }
  for (const [destination, mount] of Object.entries(recipe.mounts ?? {})) {
    // In a user namespace the kernel refuses to bind a folder without what is mounted below it.
    const bind = creator.uid === 0 ? 'bind' : 'rbind';
    list.push({
      destination,
      type: 'bind',
      source: mount.source,
      options: [bind, ...mountOptions(mount.options ?? [])],
    });
  }
  // What holds a mount point is mounted before it.
  return list.sort(
    (a, b) => depth(a.destination) - depth(b.destination) || order(a.destination, b.destination),
  );
}

/** The given options, completed by the safe one of each pair where neither is given. */
export function mountOptions(given: readonly string[]): string[] {
  const options = new Set(given);
  for (const [open, safe] of SAFE_MOUNT) if (!options.has(open) && !options.has(safe)) options.add(safe);
  return [...options].sort();
}

function depth(path: string): number {
  // /proc and /dev come first: they are the runtime's own.
  return path === '/proc' || path === '/dev' ? 0 : path.split('/').length;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function annotations(recipe: Recipe, lowered: Lowered): Record<string, string> {
  const { 'org.vxe.soft.filter': soft, 'org.vxe.judge': judge, ...plans } = planAnnotations(lowered);
  const profile = profileName(recipe);
  return {
    ...plans,
    'org.vxe.version': '1',
    'org.vxe.name': recipe.name,
    // Without a profile there is nothing that soft mode could judge by.
    ...(profile === undefined
      ? { 'org.vxe.trace': 'only' }
      : {
          'org.vxe.profile': profile,
          'org.vxe.soft.filter': soft ?? '',
          'org.vxe.judge': judge ?? '',
        }),
    'org.vxe.kind': recipe.kind ?? 'simple',
    // The first process of a forking program ends: as pid 1 it would take the instance with it.
    ...(recipe.kind === 'forking' ? { 'org.vxe.init': 'true' } : {}),
  };
}

/** What both kinds of configuration say of the plans; an empty list is left out. */
function planAnnotations(lowered: Lowered): Record<string, string> {
  const refused = Object.entries(lowered.seccomp.refuseErrno).map(([call, errno]) => `${call}=${errno}`);
  const all: Record<string, string> = {
    'org.vxe.seccomp.filter': 'vxe/filter.bpf',
    'org.vxe.soft.filter': 'vxe/soft.bpf',
    'org.vxe.judge': 'vxe/judge.json',
    'org.vxe.after': lowered.after === undefined ? '' : 'vxe/after.json',
    'org.vxe.refuse.errno': refused.sort().join(' '),
    'org.vxe.listen': [...lowered.listen].join(' '),
    'org.vxe.addresses': lowered.addresses,
    'org.vxe.unix': lowered.refusesUnix ? 'none' : '',
    'org.vxe.descriptors': lowered.descriptors.join(' ') || 'none',
    'org.vxe.services': [...lowered.services].join(' '),
    'org.vxe.supervised': [...lowered.supervised].join(' '),
    'org.vxe.rings': lowered.rings.join(' '),
    'org.vxe.own': lowered.ownFiles,
    'org.vxe.exec': lowered.execOnce ? 'once' : '',
    'org.vxe.network': lowered.networkInterface === 'none' ? 'none' : '',
    // A rule's id may hold spaces, as its path does.
    'org.vxe.unenforced': lowered.coverage
      .filter((row) => row.accepted)
      .map((row) => row.rule)
      .join('\n'),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}
