import test from 'ava';
import { symptoms } from '../../src/commands/support/symptoms.js';

const LIBRARY =
  'maild: error while loading shared libraries: libx.so.1: cannot open shared object file: No such file or directory';

const rows: readonly [string, string, string | undefined][] = [
  [
    'a library that is there and cannot be opened',
    LIBRARY,
    'openat("/usr/lib/libx.so.1", O_RDONLY) EACCES guessed',
  ],
  [
    'one that is not there',
    LIBRARY.replace('libx', 'liby'),
    'openat("/usr/lib/libc/liby.so.1", O_RDONLY) ENOENT',
  ],
  [
    'a name that is not found',
    'connect to db: Temporary failure in name resolution',
    'openat("/etc/resolv.conf", O_RDONLY) ENOENT guessed',
  ],
  ['a file that may not grow', 'write: File too large', 'write(1) EFBIG'],
  ['too many processes', 'cannot fork: Resource temporarily unavailable', 'fork() EAGAIN'],
  ['too many threads', 'pthread_create failed: Resource temporarily unavailable', 'fork() EAGAIN'],
  ['a file', 'open /etc/mime.types: Permission denied', 'openat("/etc/mime.types", O_RDONLY) EACCES'],
  ['a port', 'bind() to 0.0.0.0:80 failed: Permission denied', 'bind(tcp/80) EACCES'],
  ['a port that is not told', 'bind: Permission denied', 'bind(tcp/443) EACCES guessed'],
  ['no failure', 'ready', undefined],
];

for (const [what, line, wanted] of rows) {
  test(`what a line of output tells: ${what}`, (t) => {
    const places = new Map([
      ['libx.so.1', '/usr/lib/libx.so.1'],
      ['libc.so.6', '/usr/lib/libc/libc.so.6'],
    ]);
    const found = symptoms(`started\n${line}\n`, { placeOf: (library) => places.get(library), ports: [443] });
    const [first] = found;
    const said = first && `${first.text} ${first.errno}${first.guessed === true ? ' guessed' : ''}`;
    t.is(said, wanted);
  });
}
