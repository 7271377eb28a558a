import { basename } from 'node:path';
import type { RecordedCall } from './lines.js';
import type { Recording } from './read.js';

/** What is answered so once is of interest; more often than this it is how the program looks around. */
const LAST = 3;

/** What the C library and its loader look for and do without. */
const DISPENSABLE =
  /^\/etc\/(?:ld\.so\.(?:cache|preload)|localtime)$|\/(?:glibc-hwcaps|tls|x86_64|aarch64)(?:\/|$)/;

/** A server that is not there is how the C library finds out that there is none. */
const ASKS = /^(?:connect|sendto)$/;

/**
 * The calls that failed last before the program ended, the last of them first and each once: those that something refused, and before them
 * the files that it wanted and that were not there.
 */
export function lastFailures({ calls }: Recording): readonly RecordedCall[] {
  const found = new Set(calls.flatMap((call) => (call.errno === undefined ? nameIn(call) : [])));
  const refused = new Map<string, RecordedCall>();
  const missing = new Map<string, RecordedCall>();
  for (const call of calls) {
    const { errno, detail = call.call } = call;
    if (errno === undefined || !/^(?:EROFS|EACCES|EPERM|ENOENT)$/.test(errno)) continue;
    const path = call.paths[0]?.given ?? '';
    // One that was looked for in several folders is there if it is in one of them.
    const wanted =
      !ASKS.test(call.call) && !DISPENSABLE.test(path) && !nameIn(call).some((name) => found.has(name));
    if (errno === 'ENOENT' && !wanted) continue;
    const kind = errno === 'ENOENT' ? missing : refused;
    // Whatever its descriptors are: the last is kept, in its place.
    const key = path === '' ? detail : `${call.call} ${path} ${errno}`;
    kind.delete(key);
    kind.set(key, call);
  }
  const last = (kind: ReadonlyMap<string, RecordedCall>): readonly RecordedCall[] =>
    [...kind.values()].slice(-LAST).reverse();
  return [...last(refused), ...last(missing)];
}

function nameIn({ paths: [path] }: RecordedCall): readonly string[] {
  return path?.given === undefined ? [] : [basename(path.given)];
}
