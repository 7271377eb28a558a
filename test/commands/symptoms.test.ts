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
  [
    'a library by its path',
    LIBRARY.replace('libx', '/opt/lib/libx'),
    'openat("/opt/lib/libx.so.1", O_RDONLY) ENOENT',
  ],
  [
    'a name that is not found, by its server',
    'could not resolve db.example',
    'openat("/etc/resolv.conf", O_RDONLY) ENOENT guessed',
  ],
  [
    'a library that cannot be mapped',
    'maild: error while loading shared libraries: libx.so.1: failed to map segment from shared object',
    'mmap(0, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3, 0) EPERM guessed',
  ],
  ['a call that is not there', 'statx failed: Function not implemented', 'statx() ENOSYS'],
  ['a file that was to grow', 'File size limit exceeded', 'write(1) EFBIG'],
  ['no failure', 'ready', undefined],
];

for (const [what, line, wanted] of rows) {
  test(`what a line of output tells: ${what}`, (t) => {
    const places = new Map([
      ['libx.so.1', '/usr/lib/libx.so.1'],
      ['libc.so.6', '/usr/lib/libc/libc.so.6'],
    ]);
    const found = symptoms(`started\n${line}\n`, {
      placeOf: (library) => places.get(library),
      ports: [443],
      nameservers: ['10.0.0.53'],
    });
    const [first] = found;
    const said = first && `${first.text} ${first.errno}${first.guessed === true ? ' guessed' : ''}`;
    t.is(said, wanted);
  });
}

test('a name that is not found asks for the file, the socket, and each server', (t) => {
  const found = symptoms('Name or service not known\n', {
    placeOf: () => undefined,
    ports: [],
    nameservers: ['10.0.0.53', '::1'],
  });
  t.deepEqual(found.map(({ text }) => text).slice(2), [
    'socket(AF_INET, SOCK_DGRAM, 0)',
    'connect(udp/10.0.0.53:53)',
    'connect(udp/[::1]:53)',
  ]);
});

test('where no port may be served, a program that binds is told of for that', (t) => {
  const found = symptoms('bind: Permission denied\n', {
    placeOf: () => undefined,
    ports: [],
    nameservers: [],
  });
  t.deepEqual(
    found.map(({ text, errno }) => `${text} ${errno}`),
    ['bind() EACCES'],
  );
});
