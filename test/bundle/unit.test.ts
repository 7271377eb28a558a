import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { completeFromPackage } from '../../src/bundle/guess.js';
import type { Recipe } from '../../src/bundle/recipe/index.js';
import { Tree } from '../../src/bundle/source/tree.js';
import { readServiceUnit } from '../../src/bundle/unit.js';
import { LD } from './helpers/creation.js';
import { makeElf } from './helpers/elf.js';
import { fill, temporary } from './helpers/folders.js';

const UNIT = `[Unit]
Description=An example
[Service]
Type=forking
User=exampled
Group=examples
ExecStartPre=/usr/sbin/exampled --check
ExecStart=
ExecStart=-/usr/sbin/exampled --config "/etc/with space.conf" \\
  --foreground
Environment=A=b "C=d e"
PIDFile=/var/run/exampled/exampled.pid
RuntimeDirectory=exampled
StateDirectory=exampled exampled/more
LogsDirectory=exampled
ReadWritePaths=-/var/spool/exampled /etc/elsewhere
[Install]
ExecStart=/usr/bin/never
`;

test('a unit tells arguments, user, folders and how the program starts', (t) => {
  t.deepEqual(readServiceUnit(UNIT), {
    exec: ['/usr/sbin/exampled', '--config', '/etc/with space.conf', '--foreground'],
    kind: 'forking',
    user: 'exampled',
    group: 'examples',
    env: { A: 'b', C: 'd e' },
    runtime: ['/run/exampled'],
    state: ['/var/lib/exampled', '/var/lib/exampled/more', '/var/log/exampled', '/var/spool/exampled'],
  });
});

const NOT_STARTED: readonly [string, string][] = [
  ['a variable', 'ExecStart=/usr/sbin/x $OPTIONS'],
  ['a specifier', 'ExecStart=/usr/sbin/x --name %i'],
  ['no path', 'ExecStart=x'],
];

for (const [what, line] of NOT_STARTED) {
  test(`what only systemd can fill in is not guessed: ${what}`, (t) => {
    const unit = readServiceUnit(`[Service]\n${line}\n`);
    t.not(unit, undefined);
    t.is(unit?.exec, undefined);
  });
}

test('a unit without a program is none', (t) => {
  t.is(readServiceUnit('[Timer]\nOnCalendar=daily\n[Service]\nType=oneshot\n'), undefined);
});

const ASIDE = { hasUser: () => false, step: () => {} };
const RECIPE: Recipe = { recipe: 1, name: 'x', source: { package: 'x' }, profile: 'x', program: [] };

test('a recipe is completed by the unit of the package', (t) => {
  const root = temporary(t);
  fill(root, {
    'usr/sbin/exampled': makeElf({ interpreter: LD }),
    'usr/sbin/example-tool': makeElf({ interpreter: LD }),
  });
  const unit = 'usr/lib/systemd/system/exampled.service';
  fill(root, { [unit]: '' });
  writeFileSync(join(root, unit), UNIT);
  const files = ['/usr/sbin/example-tool', '/usr/sbin/exampled', `/${unit}`];
  const tree = new Tree([{ name: 'package x', root }]);
  const completed = completeFromPackage(RECIPE, [files], tree, ASIDE);
  t.deepEqual(completed.program, ['/usr/sbin/exampled', '--config', '/etc/with space.conf', '--foreground']);
  t.is(completed.user, 'exampled:examples');
  t.deepEqual(completed.accounts?.users, { exampled: { uid: 980, gid: 980, group: 'examples' } });
  t.deepEqual(completed.mounts?.['/var/log/exampled'], {
    source: '/var/log/exampled',
    options: ['rw'],
    create: { mode: '0750', owner: 'exampled:examples' },
  });
  t.deepEqual(Object.keys(completed.tmpfs ?? {}), ['/run/exampled']);
  // What was asked for stays as it was asked for.
  const asked = completeFromPackage({ ...RECIPE, program: ['', '-x'] }, [files], tree, ASIDE);
  t.deepEqual(asked.program, ['/usr/sbin/exampled', '-x']);
});

test('a package without a unit: the user of its name, no secrets, nothing that a mount covers', (t) => {
  const root = temporary(t);
  fill(root, { 'usr/sbin/exampled': makeElf({ interpreter: LD }) });
  const etc = {
    '/etc/x/main.conf': 'user exampled\n',
    '/etc/x/users.example': 'roger:$6$abcdefgh$0123456789abcdef\n',
    '/etc/x/site.key': 'key\n',
    '/etc/x/covered/more.conf': 'x\n',
    '/etc/x/covered.conf': 'x\n',
  };
  for (const [path, content] of Object.entries(etc)) {
    fill(root, { [path.slice(1)]: '' });
    writeFileSync(join(root, path), content);
  }
  const said: string[] = [];
  const asked: string[] = [];
  const completed = completeFromPackage(
    { ...RECIPE, mounts: { '/etc/x/covered': { source: '/srv/covered' } } },
    [
      [
        '/usr/sbin/exampled',
        '/usr/lib/x/b.so',
        '/usr/lib/x/a.so',
        '/usr/lib/x86_64-linux-gnu/libx.so',
        ...Object.keys(etc),
      ],
    ],
    new Tree([{ name: 'package x', root }]),
    {
      hasUser: (name) => {
        asked.push(name);
        return name === 'exampled';
      },
      step: (text) => said.push(text),
    },
  );
  t.deepEqual(Object.keys(completed.files ?? {}).sort(), ['/etc/x/covered.conf', '/etc/x/main.conf']);
  t.deepEqual(completed.accounts?.users, { exampled: null });
  t.deepEqual(completed.tmpfs, { '/run': null });
  t.deepEqual(asked.sort(), ['exampled', 'x']);
  t.is(said.length, 3);
  t.regex(said.join('\n'), /\/usr\/lib\/x\/a\.so and 1 more are modules .* --dlopen/);
  t.regex(said.join('\n'), /site\.key is left out, since it is where secrets are kept: mount it/);
  t.regex(said.join('\n'), /users\.example is left out, since it holds a hashed password/);
});
