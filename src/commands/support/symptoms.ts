/** A failure that a program's output tells, as a call with its error. */
export interface Symptom {
  readonly text: string;
  readonly errno: string;
  readonly line: string;
  /** The line names no error of this call: only what the profile says of it counts. */
  readonly guessed?: true;
}

/** What strerror says, by the error's name. */
const MESSAGES: readonly (readonly [RegExp, string])[] = [
  [/permission denied/i, 'EACCES'],
  [/operation not permitted/i, 'EPERM'],
  [/no such file or directory/i, 'ENOENT'],
  [/read-only file system/i, 'EROFS'],
  [/too many open files/i, 'EMFILE'],
  [/file too large/i, 'EFBIG'],
  [/cannot allocate memory|out of memory/i, 'ENOMEM'],
  [/network is unreachable/i, 'ENETUNREACH'],
  [/cannot assign requested address/i, 'EADDRNOTAVAIL'],
  [/resource temporarily unavailable/i, 'EAGAIN'],
];

/** What the C library's loader says of a library that it cannot open. */
const LOADER = /error while loading shared libraries: ([^\s/:]+): cannot open shared object file/;

/** The last lines are those of the failure that is asked about. */
const LINES = 200;

/** `placeOf` finds a library by its name among the files that the program has. */
export function symptoms(
  output: string,
  placeOf: (library: string) => string | undefined = () => undefined,
): readonly Symptom[] {
  return output
    .split('\n')
    .slice(-LINES)
    .flatMap((line): readonly Symptom[] => {
      const shown = line.trim().slice(0, 200);
      const [, library = ''] = LOADER.exec(line) ?? [];
      const place = library === '' ? undefined : placeOf(library);
      // The loader tells the error of the last folder that it looked into, not of the one that has the library.
      if (place !== undefined)
        return [{ text: `openat("${place}", O_RDONLY)`, errno: 'EACCES', line: shown, guessed: true }];
      const errno = MESSAGES.find(([pattern]) => pattern.test(line))?.[1];
      const text = errno === undefined ? undefined : callOf(line, errno);
      return errno === undefined || text === undefined ? [] : [{ text, errno, line: shown }];
    });
}

/** The call that such a line is most likely about. */
function callOf(line: string, errno: string): string | undefined {
  const path = /(?:^|[\s"'`‘(:=])(\/[^\s"'`’),:;]+)/.exec(line)?.[1];
  const port = /(?:[\d.]+|\]|\*|port)[: ](\d{1,5})\b/.exec(line)?.[1];
  if (port !== undefined && /bind|listen/i.test(line)) return `bind(tcp/${port})`;
  if (port !== undefined && /connect/i.test(line)) return `connect(tcp/127.0.0.1:${port})`;
  for (const [pattern, call] of CALLS) if (pattern.test(line)) return call(path);
  if (errno === 'EMFILE') return `openat("${path ?? '/'}", O_RDONLY)`;
  if (path === undefined) return undefined;
  if (/mkdir|create dir/i.test(line)) return `mkdir("${path}")`;
  if (/unlink|remove|delete/i.test(line)) return `unlink("${path}")`;
  if (/exec/i.test(line)) return `execve("${path}")`;
  const writes = /writ|creat|append|log|pid file|O_WRONLY/i.test(line) || errno === 'EROFS';
  return `openat("${path}", ${writes ? 'O_WRONLY|O_CREAT' : 'O_RDONLY'})`;
}

const CALLS: readonly (readonly [RegExp, (path: string | undefined) => string | undefined])[] = [
  [/\bsetgroups\b|initgroups/i, () => 'setgroups()'],
  [/\bset(?:re|res)?uid\b/i, () => 'setuid()'],
  [/\bset(?:re|res)?gid\b/i, () => 'setgid()'],
  [/\bchown\b/i, (path) => (path === undefined ? undefined : `chown("${path}")`)],
  [/\bchroot\b/i, (path) => (path === undefined ? undefined : `chroot("${path}")`)],
  [/\bfork\b|\bclone\b/i, () => 'fork()'],
];
