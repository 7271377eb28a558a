import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isBeneath, type PlacedFile } from '../policy/index.js';
import { errnoOf } from './failure.js';
import { Tree } from './source/tree.js';

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** Looks into a bundle as its program would, from outside; without a root of its own, into the host's tree. */
export class BundleFacts {
  readonly #root: string;
  readonly #tree: Tree | undefined;
  readonly #mounts: readonly Mount[];
  readonly #masked: readonly string[];
  readonly #readonly: readonly string[];
  readonly #rootReadonly: boolean;
  readonly user: { readonly uid: number; readonly gids: readonly number[] };
  /** The folder that the program starts in. */
  readonly folder: string;

  constructor(bundle: string) {
    const config = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
    const host = config.annotations?.['org.vxe.root'] === 'host';
    this.#root = host ? '/' : join(bundle, 'rootfs');
    this.#tree = host ? undefined : new Tree([{ name: 'rootfs', root: this.#root }]);
    this.#mounts = (config.mounts ?? [])
      .map(({ destination, type = '', source = '', options = [] }: Partial<Mount>) => ({
        destination,
        type,
        source,
        options,
      }))
      .sort((a: Mount, b: Mount) => b.destination.length - a.destination.length);
    this.#masked = config.linux?.maskedPaths ?? [];
    this.#readonly = config.linux?.readonlyPaths ?? [];
    this.#rootReadonly = config.root?.readonly === true;
    const { uid = 0, gid = 0, additionalGids = [] } = config.process?.user ?? {};
    this.user = { uid, gids: [gid, ...additionalGids] };
    this.folder = config.process?.cwd ?? '/';
  }

  /** Undefined: nobody can look there from outside, as into a tmpfs or /proc. */
  path(wanted: string): PlacedFile | undefined {
    const mount = this.#mounts.find(({ destination }) => isBeneath(wanted, destination));
    if (mount !== undefined && !isBind(mount)) return undefined;
    const path = mount === undefined ? (this.#tree?.locate(wanted)?.path ?? wanted) : wanted;
    const inMount = this.#mounts.find(({ destination }) => isBeneath(path, destination));
    if (inMount !== undefined && path !== wanted) return this.path(path);
    return { path, ...this.#look(this.#file(path)), ...this.#placed(path, inMount) };
  }

  /** Where a path that is in no file system of the kernel's is on the host. */
  #file(path: string): string {
    const mount = this.#mounts.find(({ destination }) => isBeneath(path, destination));
    return mount === undefined ? join(this.#root, path) : mount.source + path.slice(mount.destination.length);
  }

  /** The servers of names that its files tell; none where they tell none, or nobody can look there. */
  nameservers(): readonly string[] {
    const found = this.path('/etc/resolv.conf');
    const text = found?.exists === true && !found.folder ? readQuietly(this.#file(found.path)) : '';
    return [...text.matchAll(/^\s*nameserver\s+([\d.]+|[\da-fA-F:]+)\s*$/gm)].flatMap(([, server]) =>
      server === undefined ? [] : [server],
    );
  }

  #look(file: string): Pick<PlacedFile, 'exists' | 'folder' | 'mode' | 'uid' | 'gid'> {
    try {
      const stat = lstatSync(file);
      return { exists: true, folder: stat.isDirectory(), mode: stat.mode, uid: stat.uid, gid: stat.gid };
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return { exists: false, folder: false, mode: 0, uid: 0, gid: 0 };
    }
  }

  #placed(
    path: string,
    mount: Mount | undefined,
  ): Pick<PlacedFile, 'mount' | 'readonly' | 'noexec' | 'held'> {
    const among = (list: readonly string[]): boolean => list.some((each) => isBeneath(path, each));
    return {
      mount: mount?.destination ?? '/',
      readonly: mount === undefined ? this.#rootReadonly : mount.options.includes('ro'),
      noexec: mount?.options.includes('noexec') === true,
      held: among(this.#masked) ? 'masked' : among(this.#readonly) ? 'readonly' : undefined,
    };
  }
}

function isBind({ type, options }: Mount): boolean {
  return type === 'bind' || options.includes('bind') || options.includes('rbind');
}

/** What the processes of an instance run as, and from where they see paths: from a root that they have chrooted to, and their folder. */
export interface Processes {
  readonly users: readonly { readonly uid: number; readonly gids: readonly number[] }[];
  readonly places: readonly { readonly root: string; readonly folder: string }[];
}

/** Of all in a pid namespace; the instance's first process names it. */
export function processesOf(init: number): Processes {
  const namespace = namespaceOf(String(init));
  if (namespace === undefined) return { users: [], places: [] };
  const users = new Map<string, Processes['users'][number]>();
  const places = new Map<string, Processes['places'][number]>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (namespaceOf(pid) !== namespace) continue;
    const status = readQuietly(`/proc/${pid}/status`);
    const numbers = (key: string): number[] =>
      (new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '')
        .split(/\s+/)
        .filter((word) => word !== '')
        .map(Number);
    const [, uid = -1] = numbers('Uid');
    const [, gid = -1] = numbers('Gid');
    if (uid >= 0) users.set(`${uid}:${gid}`, { uid, gids: [gid, ...numbers('Groups')] });
    const [root, folder] = [linkOf(`/proc/${pid}/root`), linkOf(`/proc/${pid}/cwd`)];
    if (root?.startsWith('/') === true && folder?.startsWith('/') === true)
      places.set(`${root} ${folder}`, { root, folder });
  }
  return { users: [...users.values()], places: [...places.values()] };
}

function namespaceOf(pid: string): string | undefined {
  return linkOf(`/proc/${pid}/ns/pid`);
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return '';
  }
}
