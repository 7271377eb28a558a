import { constantValue } from './constants.js';
import type { CallEvent, EventArgument } from './event.js';
import type { Access } from './model.js';

/** A path that a call works on, and what it must be allowed to do there. */
export interface PathNeed {
  readonly path: string;
  readonly access: readonly Access[];
  /** No access word gives this: device nodes are never made inside. */
  readonly never?: string;
}

/** What the evaluator may ask about the file tree; without it, paths are taken as they are written. */
export interface EventWorld {
  exists(path: string): boolean;
  /** The path with all links followed. */
  resolve(path: string): string;
}

type Needs = (event: CallEvent, world: EventWorld | undefined) => readonly PathNeed[];

/**
 * The calls that work on the content or the place of a file that they name. Calls that only look at or change attributes
 * (stat, chmod, chown, utime, xattr), or move within the tree (chdir), are governed as calls, not by file rules.
 */
const NEEDS: ReadonlyMap<string, Needs> = new Map<string, Needs>([
  ['open', (event, world) => openNeeds(event, 0, 1, world)],
  ['openat', (event, world) => openNeeds(event, 1, 2, world)],
  ['creat', (event, world) => creation(event, 0, world)],
  ['truncate', at(0, ['write'])],
  // The kernel reads what it executes on behalf of the caller, and asks for both.
  ['execve', at(0, ['read', 'execute'])],
  ['execveat', at(1, ['read', 'execute'])],
  ['uselib', at(0, ['read', 'execute'])],
  // These open a file for the kernel's own use, and ask as for the caller's.
  ['acct', at(0, ['write'])],
  ['swapon', at(0, ['read', 'write'])],
  ['swapoff', at(0, ['read', 'write'])],
  ['mkdir', at(0, ['create'])],
  ['mkdirat', at(1, ['create'])],
  ['mknod', (event) => nodeNeeds(event, 0, 1)],
  ['mknodat', (event) => nodeNeeds(event, 1, 2)],
  ['symlink', at(1, ['create'])],
  ['symlinkat', at(2, ['create'])],
  ['unlink', at(0, ['remove'])],
  ['unlinkat', at(1, ['remove'])],
  ['rmdir', at(0, ['remove'])],
  ['rename', (event, world) => renameNeeds(event, 0, 1, world)],
  ['renameat', (event, world) => renameNeeds(event, 1, 3, world)],
  ['renameat2', (event, world) => renameNeeds(event, 1, 3, world, 4)],
  ['link', at(1, ['create'])],
  ['linkat', at(3, ['create'])],
  ['bind', (event) => addressNeeds(event, ['create'])],
]);

/** The calls of which more is judged than their number and registers: what they name is an object of file or port rules. */
export const OBJECT_CALLS: readonly string[] = [...NEEDS.keys(), 'connect', 'openat2'];

/** The paths that a call works on and what it needs there; empty for calls that name none. */
export function pathNeeds(event: CallEvent, world: EventWorld | undefined): readonly PathNeed[] {
  return NEEDS.get(event.call)?.(event, world) ?? [];
}

function at(index: number, access: readonly Access[]): Needs {
  return (event) => needs(event.arguments[index], access);
}

function needs(argument: EventArgument | undefined, access: readonly Access[]): readonly PathNeed[] {
  return argument?.kind === 'string' ? [{ path: argument.value, access }] : [];
}

function openNeeds(
  event: CallEvent,
  pathIndex: number,
  flagsIndex: number,
  world: EventWorld | undefined,
): readonly PathNeed[] {
  const flags = integer(event.arguments[flagsIndex]) ?? 0n;
  const path = event.arguments[pathIndex];
  if (path?.kind !== 'string') return [];
  // Such a descriptor names a file without opening it.
  if (has(flags, 'O_PATH')) return [];
  const mode = flags & bits('O_ACCMODE');
  const access = new Set<Access>();
  if (mode !== bits('O_WRONLY')) access.add('read');
  if (mode !== bits('O_RDONLY') || has(flags, 'O_TRUNC')) access.add('write');
  const temporary = has(flags, 'O_TMPFILE');
  if (temporary || (has(flags, 'O_CREAT') && world?.exists(path.value) !== true)) access.add('create');
  return [{ path: path.value, access: [...access] }];
}

function creation(event: CallEvent, index: number, world: EventWorld | undefined): readonly PathNeed[] {
  const path = event.arguments[index];
  if (path?.kind !== 'string') return [];
  return [{ path: path.value, access: world?.exists(path.value) === true ? ['write'] : ['write', 'create'] }];
}

function nodeNeeds(event: CallEvent, pathIndex: number, modeIndex: number): readonly PathNeed[] {
  const path = event.arguments[pathIndex];
  if (path?.kind !== 'string') return [];
  const type = (integer(event.arguments[modeIndex]) ?? 0n) & bits('S_IFMT');
  const device = type === bits('S_IFCHR') || type === bits('S_IFBLK');
  return [
    {
      path: path.value,
      access: ['create'],
      ...(device ? { never: 'device nodes are never made inside' } : {}),
    },
  ];
}

function renameNeeds(
  event: CallEvent,
  from: number,
  to: number,
  world: EventWorld | undefined,
  flags?: number,
): readonly PathNeed[] {
  const target = event.arguments[to];
  // Each name gets the other's file.
  if (flags !== undefined && has(integer(event.arguments[flags]) ?? 0n, 'RENAME_EXCHANGE'))
    return [event.arguments[from], target].flatMap((each) => needs(each, ['create', 'remove']));
  const replaces = target?.kind === 'string' && world?.exists(target.value) !== false;
  return [
    ...needs(event.arguments[from], ['remove']),
    ...needs(target, replaces ? ['create', 'remove'] : ['create']),
  ];
}

function addressNeeds(event: CallEvent, access: readonly Access[]): readonly PathNeed[] {
  const address = event.arguments[1];
  if (address?.kind !== 'address' || address.value.family !== 'unix') return [];
  return [{ path: address.value.path, access }];
}

function integer(argument: EventArgument | undefined): bigint | undefined {
  return argument?.kind === 'integer' ? argument.value : undefined;
}

function bits(name: string): bigint {
  return constantValue(name) ?? 0n;
}

function has(flags: bigint, name: string): boolean {
  return (flags & bits(name)) === bits(name);
}
