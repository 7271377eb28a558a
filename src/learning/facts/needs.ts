import type { Access, CallEvent, EventArgument } from '../../policy/index.js';
import { constantValue, pathNeeds, signatureOf } from '../../policy/index.js';
import type { PathKind, RecordedCall, RecordedPath } from '../recording/index.js';

/** What a call needed on a file. */
export interface FileNeed {
  readonly path: string;
  readonly access: ReadonlySet<Access>;
  readonly kind: PathKind;
}

/** The call as the reference evaluator is asked about it, with the paths that its texts led to. */
export function eventOf(call: RecordedCall): CallEvent {
  const signature = signatureOf(call.call) ?? [];
  return {
    call: call.call,
    arguments: signature.map((argument): EventArgument => {
      const path = call.paths.find((each) => each.argument === argument.name);
      if (argument.type === 'path' && path?.path !== undefined)
        return { kind: 'string', value: path.path, text: path.path };
      if (argument.type === 'sockaddr' && call.address?.path !== undefined && path?.path !== undefined)
        return { kind: 'address', value: { family: 'unix', path: path.path }, text: call.address.text };
      const value = call.args[argument.index];
      return value === undefined ? { kind: 'missing' } : { kind: 'integer', value, text: String(value) };
    }),
  };
}

/** Whether the call did something; what failed needs no right, and what its outcome is is not always known. */
export function succeeded(call: RecordedCall): boolean {
  if (call.errno !== undefined) return false;
  if (call.result !== undefined) return true;
  // Without results: what was not there cannot have been read. What makes a file is another matter.
  return call.paths.every((path) => path.kind !== 'absent' || makes(call, path));
}

function makes(call: RecordedCall, path: RecordedPath): boolean {
  if (/^(mkdir|mknod|symlink|link|creat|bind)/.test(call.call)) return true;
  if (call.call.startsWith('rename')) return path.argument === 'newpath';
  const flags = openFlags(call);
  return flags !== undefined && (flags & (constantValue('O_CREAT') ?? 0n)) !== 0n;
}

function openFlags(call: RecordedCall): bigint | undefined {
  const argument = signatureOf(call.call)?.find((each) => each.name === 'flags');
  return /^open(at)?$/.test(call.call) && argument !== undefined ? call.args[argument.index] : undefined;
}

/** Files that a call worked on, and what it had to be allowed there: as the evaluator will ask, with the kernel's own answer where there is one. */
export function fileNeeds(call: RecordedCall): readonly FileNeed[] {
  if (!succeeded(call)) return [];
  const byPath = new Map<string, RecordedPath>();
  for (const path of call.paths) if (path.path !== undefined) byPath.set(path.path, path);
  const world = {
    exists: (path: string): boolean => {
      const known = byPath.get(path);
      return known?.access === undefined ? known?.kind !== 'absent' : !known.access.has('create');
    },
    resolve: (path: string): string => path,
  };
  const needs = pathNeeds(eventOf(call), world).map(({ path, access }): FileNeed => {
    const known = byPath.get(path);
    return { path, access: new Set(access), kind: known?.kind ?? 'unknown' };
  });
  return [...needs, ...deviceNeeds(call)];
}

/** Requests to a device go by a right of their own. */
function deviceNeeds(call: RecordedCall): readonly FileNeed[] {
  if (call.call !== 'ioctl') return [];
  return call.paths.flatMap(({ path, kind }) =>
    path !== undefined && kind === 'device' ? [{ path, access: new Set<Access>(['ioctl']), kind }] : [],
  );
}
