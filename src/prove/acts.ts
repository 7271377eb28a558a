import { unixSockets } from '../lowering/index.js';
import type { Arch, Policy } from '../policy/index.js';
import { canonicalArguments, constantValue, machineArguments, signatureOf } from '../policy/index.js';
import { argumentIs, argumentsOf, meaningOf } from './policy.js';
import type { Model, Solver } from './solver.js';
import type { Term, Terms } from './term.js';

/** What can be done to a file, one name for each object check of the kernel. */
export type FileAct =
  | 'read'
  | 'list'
  | 'write'
  | 'truncate'
  | 'execute'
  | 'ioctl'
  | 'connect'
  | 'remove file'
  | 'remove folder'
  | `make ${'file' | 'folder' | 'link' | 'socket' | 'fifo' | 'device'}`;

/** Bits of an argument, and the values that they may have for the act; undefined: any but zero. */
interface Bits {
  readonly index: number;
  readonly mask: bigint;
  readonly values: readonly bigint[] | undefined;
}

/** One call by which an act can be done. */
export interface Way {
  readonly call: string;
  /** The argument that names the file; undefined where it is a descriptor of it. */
  readonly path: number | undefined;
  /** The name is in a socket address. */
  readonly address?: boolean;
  readonly bits: readonly Bits[];
}

const ALL = 0xffff_ffff_ffff_ffffn;
const some = (index: number, mask: string, ...values: readonly string[]): Bits => ({
  index,
  mask: bitsOf(mask),
  values: values.map(bitsOf),
});
const none = (index: number, mask: string): Bits => ({ index, mask: bitsOf(mask), values: [0n] });
const nonzero = (index: number, mask = ALL): Bits => ({ index, mask, values: undefined });
const way = (call: string, path: number | undefined, ...bits: readonly Bits[]): Way => ({ call, path, bits });
const socketWay = (call: string, index: number): Way => ({
  call,
  path: index,
  address: true,
  bits: [nonzero(index)],
});

/** Opening a file, by any call, with flags of some kind; the flags of openat2 are in memory, and a handle is a file like any other. */
function opening(...flags: readonly ((index: number) => Bits)[]): readonly Way[] {
  const at = (index: number): readonly Bits[] => [...flags.map((flag) => flag(index)), none(index, 'O_PATH')];
  return [
    way('openat', 1, ...at(2)),
    way('open', 0, ...at(1)),
    way('openat2', 1),
    way('open_by_handle_at', undefined, ...at(2)),
  ];
}

const RENAMES: readonly (readonly [string, number, number])[] = [
  ['rename', 0, 1],
  ['renameat', 1, 3],
  ['renameat2', 1, 3],
];
const moving = (side: 'from' | 'to'): readonly Way[] =>
  RENAMES.map(([call, from, to]) => way(call, side === 'from' ? from : to));

const node = (...types: readonly string[]): readonly Way[] => [
  way('mknodat', 1, some(2, 'S_IFMT', ...types)),
  way('mknod', 0, some(1, 'S_IFMT', ...types)),
];

/** Every call by which each act can be done: the filter holds an act where it refuses all of them. */
export const WAYS: Readonly<Record<FileAct, readonly Way[]>> = {
  read: opening((index) => some(index, 'O_ACCMODE', 'O_RDONLY', 'O_RDWR')),
  list: opening((index) => some(index, 'O_ACCMODE', 'O_RDONLY')),
  write: [
    ...opening((index) => some(index, 'O_ACCMODE', 'O_WRONLY', 'O_RDWR')),
    way('creat', 0),
    way('swapon', 0),
    way('acct', 0, nonzero(0)),
  ],
  truncate: [way('truncate', 0), ...opening((index) => nonzero(index, bitsOf('O_TRUNC'))), way('creat', 0)],
  execute: [way('execve', 0), way('execveat', 1), way('uselib', 0)],
  ioctl: [way('ioctl', undefined)],
  connect: [
    socketWay('connect', 1),
    socketWay('sendto', 4),
    { ...way('sendmsg', undefined), address: true },
    { ...way('sendmmsg', undefined), address: true },
  ],
  'remove file': [way('unlink', 0), way('unlinkat', 1, none(2, 'AT_REMOVEDIR')), ...moving('from')],
  'remove folder': [
    way('rmdir', 0),
    way('unlinkat', 1, nonzero(2, bitsOf('AT_REMOVEDIR'))),
    ...moving('from'),
  ],
  'make file': [
    ...opening((index) => nonzero(index, bitsOf('O_CREAT'))),
    ...opening((index) => some(index, 'O_TMPFILE', 'O_TMPFILE')),
    way('creat', 0),
    ...node('S_IFREG', '0'),
    way('linkat', 3),
    way('link', 1),
    ...moving('to'),
  ],
  'make folder': [way('mkdirat', 1), way('mkdir', 0), ...moving('to')],
  'make link': [way('symlinkat', 2), way('symlink', 1), ...moving('to')],
  'make socket': [socketWay('bind', 1), ...node('S_IFSOCK'), ...moving('to')],
  'make fifo': [...node('S_IFIFO'), ...moving('to')],
  // A null device with no number is the whiteout of overlayfs, which a rename can leave behind.
  'make device': [...node('S_IFCHR', 'S_IFBLK'), ...moving('to')],
};

/** A call that does the act and that the call rules permit; undefined where they refuse all of them. */
export async function permittedWay(
  policy: Policy,
  act: FileAct,
  solver: Solver,
  terms: Terms,
): Promise<((path: string) => string) | undefined> {
  const sockets = unixSockets(policy);
  for (const each of WAYS[act]) {
    // Without a socket that can be connected, or send to an address, a call of that name does nothing.
    if (act === 'connect' && !(each.call === 'connect' ? sockets.connect : sockets.send)) continue;
    const model = await solver.find(
      terms.and(meaningOf(policy, each.call, terms).permitted, formulaOf(each, terms)),
    );
    if (model !== undefined) return (path) => callOfWay(each, model, path);
  }
  return undefined;
}

/** That a call's arguments are such that it does the act. */
export function formulaOf({ call, path, bits }: Way, terms: Terms, arch: Arch = 'x86_64'): Term {
  const table = machineArguments(call, arch);
  const parts = bits.map(({ index, mask, values }): Term => {
    if (values === undefined) return terms.not(argumentIs(index, 0n, terms, mask, table));
    return terms.or(...values.map((value) => argumentIs(index, value, terms, mask, table)));
  });
  // A name is somewhere in the caller's memory.
  return terms.and(...parts, ...(path === undefined ? [] : [argumentIs(path, POINTER, terms)]));
}

const POINTER = 0x7f00_0000_0000n;

/** The call as people read it. */
export function callOfWay(
  { call, path: at, address }: Way,
  model: Model,
  path = '/any',
  arch: Arch = 'x86_64',
): string {
  const values = canonicalArguments(call, arch, argumentsOf(model));
  const names = signatureOf(call) ?? [];
  const texts = names.map(({ index, type }): string => {
    if (index === at) return address === true ? `unix:${path}` : JSON.stringify(path);
    if (type === 'dirfd') return 'AT_FDCWD';
    if (at === undefined && type === 'fd' && address !== true) return `a descriptor of ${path}`;
    return `0x${(values[index] ?? 0n).toString(16)}`;
  });
  const rest = address === true && at === undefined ? ` to unix:${path}` : '';
  return `${call}(${texts.join(', ')})${rest}`;
}

function bitsOf(name: string): bigint {
  if (/^\d/.test(name)) return BigInt(name);
  const value = constantValue(name);
  if (value === undefined) throw new RangeError(`there is no constant ${name}`);
  return value;
}
