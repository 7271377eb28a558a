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
  ['one that is not there', LIBRARY.replace('libx', 'liby'), undefined],
  ['a file', 'open /etc/mime.types: Permission denied', 'openat("/etc/mime.types", O_RDONLY) EACCES'],
  ['a port', 'bind() to 0.0.0.0:80 failed: Permission denied', 'bind(tcp/80) EACCES'],
  ['a port that is not told', 'bind: Permission denied', undefined],
  ['no failure', 'ready', undefined],
];

for (const [what, line, wanted] of rows) {
  test(`what a line of output tells: ${what}`, (t) => {
    const found = symptoms(`started\n${line}\n`, (library) =>
      library === 'libx.so.1' ? '/usr/lib/libx.so.1' : undefined,
    );
    const [first] = found;
    const said = first && `${first.text} ${first.errno}${first.guessed === true ? ' guessed' : ''}`;
    t.is(said, wanted);
  });
}
