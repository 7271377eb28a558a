import { callNumber } from '../../policy/index.js';

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
  [/function not implemented/i, 'ENOSYS'],
  [/file size limit exceeded/i, 'EFBIG'],
];

/** What the C library's loader says of a library that it cannot open: its name, or its path where the program has that. */
const LOADER = /error while loading shared libraries: ([^\s:]+): cannot open shared object file: (.*)$/;

/** And of one that it cannot map, which takes memory that is executed. */
const UNMAPPED = /error while loading shared libraries: [^\s:]+: failed to map segment from shared object/;

/** The last lines are those of the failure that is asked about. */
const LINES = 200;

/** What is known of the program besides its output. */
export interface Surroundings {
  /** Finds a library by its name among the files that the program has. */
  placeOf(library: string): string | undefined;
  /** The ports of TCP that the profile lets it serve. */
  readonly ports: readonly number[];
  /** The servers of names that its files tell. */
  readonly nameservers: readonly string[];
}

const NOTHING_KNOWN: Surroundings = { placeOf: () => undefined, ports: [], nameservers: [] };

/** What says that a name was not found, in whichever words. */
const NAMES =
  /temporary failure in name resolution|name or service not known|could not resolve|unknown host/i;

export function symptoms(
  output: string,
  { placeOf, ports, nameservers }: Surroundings = NOTHING_KNOWN,
): readonly Symptom[] {
  return output
    .split('\n')
    .slice(-LINES)
    .flatMap((line): readonly Symptom[] => {
      const shown = line.trim().slice(0, 200);
      const [, library = '', why = ''] = LOADER.exec(line) ?? [];
      if (library.startsWith('/'))
        return [{ text: `openat("${library}", O_RDONLY)`, errno: errnoOf(why) ?? 'EACCES', line: shown }];
      const place = library === '' ? undefined : placeOf(library);
      // The loader tells the error of the last folder that it looked into, not of the one that has the library.
      if (place !== undefined)
        return [{ text: `openat("${place}", O_RDONLY)`, errno: 'EACCES', line: shown, guessed: true }];
      if (library !== '') {
        const beside = placeOf('libc.so.6')?.replace(/[^/]*$/, '') ?? '/usr/lib/';
        return [{ text: `openat("${beside}${library}", O_RDONLY)`, errno: 'ENOENT', line: shown }];
      }
      if (UNMAPPED.test(line)) return [{ ...MAPPING, line: shown, guessed: true }];
      if (NAMES.test(line))
        return lookup(nameservers).map((each) => ({ ...each, line: shown, guessed: true }));
      const errno = errnoOf(line);
      // Without its number it is most likely one of those that the profile means it to serve.
      if (errno !== undefined && portOf(line) === undefined && /\b(?:bind|listen)/i.test(line))
        return ports.length === 0
          ? [{ text: 'bind()', errno, line: shown, guessed: true }]
          : ports.map((port) => ({ text: `bind(tcp/${port})`, errno, line: shown, guessed: true }));
      const text = errno === undefined ? undefined : callOf(line, errno);
      return errno === undefined || text === undefined ? [] : [{ text, errno, line: shown }];
    });
}

function errnoOf(text: string): string | undefined {
  return MESSAGES.find(([pattern]) => pattern.test(text))?.[1];
}

const MAPPING = { text: 'mmap(0, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3, 0)', errno: 'EPERM' };

/** What looking a name up takes: the file that tells the servers, a socket, and the way to each of them. */
function lookup(
  nameservers: readonly string[],
): readonly { readonly text: string; readonly errno: string }[] {
  const resolver = 'openat("/etc/resolv.conf", O_RDONLY)';
  return [
    { text: resolver, errno: 'ENOENT' },
    { text: resolver, errno: 'EACCES' },
    { text: 'socket(AF_INET, SOCK_DGRAM, 0)', errno: 'EPERM' },
    ...nameservers.map((server) => ({
      text: `connect(udp/${server.includes(':') ? `[${server}]` : server}:53)`,
      errno: 'EACCES',
    })),
  ];
}

/** A call that the line names by its own name. */
function namedCall(line: string): string | undefined {
  return line
    .match(/\b[a-z][a-z0-9_]+\b/g)
    ?.find((word) => callNumber(word) !== undefined && word !== 'open');
}

function portOf(line: string): string | undefined {
  return /(?:[\d.]+|\]|\*|port)[: ](\d{1,5})\b/.exec(line)?.[1];
}

/** The call that such a line is most likely about. */
function callOf(line: string, errno: string): string | undefined {
  const path = /(?:^|[\s"'`‘(:=])(\/[^\s"'`’),:;]+)/.exec(line)?.[1];
  const port = portOf(line);
  if (port !== undefined && /bind|listen/i.test(line)) return `bind(tcp/${port})`;
  if (port !== undefined && /connect/i.test(line)) return `connect(tcp/127.0.0.1:${port})`;
  for (const [pattern, call] of CALLS) if (pattern.test(line)) return call(path);
  if (errno === 'EMFILE') return `openat("${path ?? '/'}", O_RDONLY)`;
  if (errno === 'EFBIG') return 'write(1)';
  if (errno === 'ENOSYS') {
    const call = namedCall(line);
    return call === undefined ? undefined : `${call}()`;
  }
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
  [/\bfork\b|\bclone\b|\bthreads?\b|pthread_create/i, () => 'fork()'],
];
