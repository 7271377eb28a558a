import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Failure } from '../../src/bundle/failure.js';
import { PackageCache } from '../../src/bundle/source/cache.js';
import { LD, workshop } from './helpers/creation.js';
import { makeElf } from './helpers/elf.js';
import { type Content, fill, temporary } from './helpers/folders.js';

// apt's two programs are replaced by ones that read a folder; dpkg-deb is the real one.
const FAKE_APT_GET = `#!/bin/sh
echo "apt-get $*" >> "$ARCHIVE/calls"
case $1 in
  download) name=\${3%%=*}; [ -e "$ARCHIVE/$name.deb" ] || { echo 'E: 404  Not Found' >&2; exit 100; }; cp "$ARCHIVE/$name.deb" "./\${name}_1_all.deb" ;;
  install) cat "$ARCHIVE/plan" 2>/dev/null ;;
esac
`;
const FAKE_APT_CACHE = `#!/bin/sh
echo "apt-cache $*" >> "$ARCHIVE/calls"
shift 2
for name; do cat "$ARCHIVE/\${name%%=*}.show" 2>/dev/null && found=1 && echo; done
[ -n "$found" ] || { echo 'E: No packages found' >&2; exit 100; }
`;
// What is installed is in a file as dpkg would print it; the one list that is asked for by name is its files.
const FAKE_DPKG_QUERY = `#!/bin/sh
case $1 in
  -W) case $# in
    3) cat "$ARCHIVE/installed" ;;
    *) grep -q "^$4	" "$ARCHIVE/installed" && echo 'installed 1' ;;
  esac ;;
  -L) cat "$ARCHIVE/$2.list" ;;
  *) exit 1 ;;
esac
`;

interface Archive {
  readonly folder: string;
  /** `more` are further fields of what apt's lists say of it. */
  add(name: string, files: Readonly<Record<string, Content>>, sha256?: string, more?: string): void;
  calls(): string[];
}

function archive(t: ExecutionContext): Archive {
  const folder = temporary(t);
  for (const [name, text] of Object.entries({
    'apt-get': FAKE_APT_GET,
    'apt-cache': FAKE_APT_CACHE,
    'dpkg-query': FAKE_DPKG_QUERY,
  })) {
    mkdirSync(join(folder, 'bin'), { recursive: true });
    writeFileSync(join(folder, 'bin', name), text);
    chmodSync(join(folder, 'bin', name), 0o755);
  }
  const before = { PATH: process.env.PATH, ARCHIVE: process.env.ARCHIVE };
  process.env.PATH = `${join(folder, 'bin')}:${before.PATH}`;
  process.env.ARCHIVE = folder;
  chmodSync(folder, 0o755);
  t.teardown(() => {
    process.env.PATH = before.PATH;
    delete process.env.ARCHIVE;
  });
  return {
    folder,
    add(name, files, sha256, more = '') {
      const tree = join(folder, `${name}.tree`);
      const control = `Package: ${name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: example\n`;
      fill(tree, { ...files, 'DEBIAN/control': control });
      chmodSync(join(tree, 'DEBIAN'), 0o755);
      const deb = join(folder, `${name}.deb`);
      execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, deb], { stdio: 'ignore' });
      const hash = sha256 ?? createHash('sha256').update(readFileSync(deb)).digest('hex');
      writeFileSync(join(folder, `${name}.show`), `Package: ${name}\nVersion: 1\nSHA256: ${hash}\n${more}`);
    },
    calls: () =>
      existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : [],
  };
}

test.serial('a package is fetched once, checked, unpacked and remembered', async (t) => {
  const source = archive(t);
  source.add('exampled', { 'usr/sbin/exampled': makeElf({ interpreter: LD }), 'etc/exampled.conf': 'a=b\n' });
  const folder = join(temporary(t), 'cache');
  const steps: string[] = [];
  for (let round = 0; round < 2; round++) {
    const cache = new PackageCache(folder, undefined);
    const layer = await cache.layer(await cache.candidate('exampled'), (text) => steps.push(text));
    t.is(layer.name, 'package exampled 1');
    t.is(readFileSync(join(layer.root, 'etc/exampled.conf'), 'utf8'), 'a=b\n');
  }
  t.deepEqual(steps, ['fetching exampled 1', 'unpacking exampled 1']);
  t.is(source.calls().filter((call) => call.includes('download')).length, 1);
  // Once for the package and once for its parts, both in the first round.
  t.is(source.calls().filter((call) => call.startsWith('apt-cache')).length, 2);
});

test.serial('an archive with another hash than the lists say is refused and not kept', async (t) => {
  const source = archive(t);
  source.add('exampled', { 'etc/x': 'x' }, '0'.repeat(64));
  const folder = join(temporary(t), 'cache');
  const cache = new PackageCache(folder, undefined);
  const error = await t.throwsAsync(
    cache.layerByName('exampled', undefined, () => {}),
    { instanceOf: Failure },
  );
  t.is(error?.code, 'package-altered');
  t.deepEqual(readdirSync(folder), []);
});

test.serial('old lists and unknown packages say what to do', async (t) => {
  const source = archive(t);
  source.add('gone', { 'etc/x': 'x' });
  execFileSync('rm', [join(source.folder, 'gone.deb')]);
  const cache = new PackageCache(join(temporary(t), 'cache'), undefined);
  const gone = await t.throwsAsync(
    cache.layerByName('gone', undefined, () => {}),
    { instanceOf: Failure },
  );
  t.regex(gone?.hint ?? '', /apt-get update/);
  const unknown = await t.throwsAsync(cache.candidate('nowhere'), { instanceOf: Failure });
  t.regex(unknown?.hint ?? '', /apt-get update/);
});

test.serial('a cache that others may write to is refused', (t) => {
  const folder = join(temporary(t), 'cache');
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  t.throws(() => new PackageCache(folder, undefined), { instanceOf: Failure, message: /only you can write/ });
});

test.serial('what a killed creator left in the cache goes', (t) => {
  const folder = join(temporary(t), 'cache');
  mkdirSync(join(folder, '.tmp-4194999-abcd/root'), { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  new PackageCache(folder, undefined);
  t.deepEqual(readdirSync(folder), []);
});

test.serial(
  'a bundle from a package: its program, its configuration, and only the dependency that is needed',
  async (t) => {
    const source = archive(t);
    source.add('exampled', {
      'usr/sbin/exampled': makeElf({ interpreter: LD, needed: ['libvxeexample.so.1'], pie: true, entry: 1n }),
      'etc/exampled.conf': 'a=b\n',
      'etc/exampled.key': 'secret\n',
      'etc/init.d/exampled': { text: '#!/bin/sh\n', mode: 0o755 },
      'usr/share/doc/exampled/README': 'text\n',
    });
    source.add('libvxeexample1', {
      'lib/x86_64-linux-gnu/libvxeexample.so.1': makeElf({ soname: 'libvxeexample.so.1' }),
    });
    source.add('libunneeded1', { 'usr/lib/x86_64-linux-gnu/libunneeded.so.1': makeElf() });
    writeFileSync(
      join(source.folder, 'plan'),
      'Inst libunneeded1 (1 x [amd64])\nInst libvxeexample1 (1 x [amd64])\nInst exampled (1 x [amd64])\n',
    );
    const shop = workshop(t);
    const created = await shop.create('', { name: 'fromdeb', package: 'exampled', profile: 'example' });
    t.deepEqual(created.program, ['/usr/sbin/exampled']);
    const rootfs = join(created.path, 'rootfs');
    t.true(existsSync(join(rootfs, 'etc/exampled.conf')));
    t.true(existsSync(join(rootfs, 'usr/lib/x86_64-linux-gnu/libvxeexample.so.1')));
    for (const path of [
      'etc/exampled.key',
      'etc/init.d',
      'usr/share',
      'usr/lib/x86_64-linux-gnu/libunneeded.so.1',
    ])
      t.false(existsSync(join(rootfs, path)), path);
    t.deepEqual(
      source
        .calls()
        .filter((call) => call.includes('download'))
        .map((call) => call.replace(/.* /, '')),
      ['exampled=1', 'libvxeexample1=1'],
    );
    t.false(existsSync('/usr/sbin/exampled'));
  },
);

test.serial('a package with several programs asks which', async (t) => {
  const source = archive(t);
  source.add('two', {
    'usr/sbin/a': makeElf({ interpreter: LD }),
    'usr/sbin/b': makeElf({ interpreter: LD }),
  });
  const shop = workshop(t);
  await t.throwsAsync(shop.create('', { name: 'two', package: 'two', profile: 'example' }), {
    instanceOf: Failure,
    message: /several programs: \/usr\/sbin\/a, \/usr\/sbin\/b/,
  });
  const created = await shop.create('', {
    name: 'two',
    package: 'two',
    exec: '/usr/sbin/b',
    profile: 'example',
  });
  t.deepEqual(created.program, ['/usr/sbin/b']);
});

test.serial('a program that comes in several packages of one source is put together from them', async (t) => {
  const source = archive(t);
  source.add(
    'exampled',
    { 'usr/sbin/exampled-set-up': { text: '#!/bin/sh\n', mode: 0o755 }, 'etc/exampled.conf': 'a=b\n' },
    undefined,
    'Depends: exampled-bin (= 1), other-tools | more-tools, perl:any\n',
  );
  source.add(
    'exampled-bin',
    {
      'usr/sbin/exampled': makeElf({ interpreter: LD, pie: true, entry: 1n }),
      'usr/bin/examplectl': makeElf({ interpreter: LD }),
    },
    undefined,
    'Source: exampled (1)\nDepends: exampled-common\n',
  );
  source.add('exampled-common', { 'etc/exampled/types': 'x\n' }, undefined, 'Source: exampled\n');
  source.add('other-tools', { 'usr/sbin/other': makeElf({ interpreter: LD }) });
  writeFileSync(
    join(source.folder, 'plan'),
    'Inst other-tools (1 x [amd64])\nInst exampled-common (1 x [amd64])\nInst exampled-bin (1 x [amd64])\nInst exampled (1 x [amd64])\n',
  );
  const shop = workshop(t);
  const created = await shop.create('', { name: 'parts', package: 'exampled', profile: 'example' });
  t.deepEqual(created.program, ['/usr/sbin/exampled']);
  for (const path of ['etc/exampled.conf', 'etc/exampled/types'])
    t.true(existsSync(join(created.path, 'rootfs', path)), path);
  t.false(existsSync(join(created.path, 'rootfs/usr/bin/examplectl')));
  const fetched = source.calls().filter((call) => call.includes('download'));
  t.false(
    fetched.some((call) => call.includes('other-tools')),
    fetched.join('\n'),
  );
});

test.serial('a recipe takes files and modules from the packages that it names with its own', async (t) => {
  const source = archive(t);
  source.add('exampled', { 'usr/sbin/exampled': makeElf({ interpreter: LD, pie: true, entry: 1n }) });
  source.add('example-modules', {
    'usr/lib/x86_64-linux-gnu/example/mod.so': makeElf({ soname: 'mod.so' }),
    'usr/share/example/types': 'x\n',
  });
  const shop = workshop(t);
  const recipe = join(shop.folder, 'own.yaml');
  const text = (given: string): string =>
    `recipe: 1\nname: own\nsource: {package: exampled${given}}\nprofile: example\nprogram: [/usr/sbin/exampled]\ndlopen: [example/mod.so]\nfiles: {/etc/types: {from: /usr/share/example/types}}\n`;
  writeFileSync(recipe, text(''));
  await t.throwsAsync(shop.create('', { name: 'own', recipe }), {
    instanceOf: Failure,
    message: /^is not found, but needed by the recipe/,
  });
  writeFileSync(recipe, text(', with: [example-modules]'));
  const created = await shop.create('', { name: 'own', recipe });
  for (const path of ['usr/lib/x86_64-linux-gnu/example/mod.so', 'etc/types'])
    t.true(existsSync(join(created.path, 'rootfs', path)), path);
  t.true(
    source
      .calls()
      .some((call) => call.endsWith('install -s -qq --no-install-recommends exampled example-modules')),
  );
});

test.serial('installed packages are put together from their installed parts', async (t) => {
  const source = archive(t);
  const shop = workshop(t);
  writeFileSync(
    join(source.folder, 'installed'),
    [
      'exampled\texampled\tinstalled\texampled-bin, elsewhere, ',
      'exampled-bin\texampled\tinstalled\t, ',
      'exampled-doc\texampled\tinstalled\t, ',
      'elsewhere\telsewhere\tinstalled\t, ',
    ].join('\n'),
  );
  for (const [name, list] of [
    ['exampled', '/.\n/etc\n'],
    ['exampled-bin', `/.\n${shop.program}\n`],
    ['exampled-doc', '/usr/sbin/never\n'],
    ['elsewhere', '/usr/sbin/never\n'],
  ])
    writeFileSync(join(source.folder, `${name}.list`), list ?? '');
  // The made-up program is in no folder of programs, so the guess would not take it; naming it, it is taken from the parts.
  const created = await shop.create('', {
    name: 'here',
    package: 'exampled',
    exec: shop.program,
    profile: 'example',
  });
  t.deepEqual(created.program, [shop.program]);
  t.deepEqual(
    shop.steps.filter((step) => step.startsWith('using')),
    ['using exampled 1 as it is installed on this host'],
  );
  t.false(source.calls().some((call) => call.startsWith('apt-get')));
});

test.serial('a recipe that puts other packages in is not taken for the package alone', async (t) => {
  const source = archive(t);
  source.add('exampled', { 'usr/sbin/exampled': makeElf({ interpreter: LD, pie: true, entry: 1n }) });
  const shop = workshop(t);
  const text = (given: string): string =>
    `recipe: 1\nname: own\nsource: {package: exampled${given}}\nprofile: example\nprogram: [/usr/sbin/exampled, -x]\n`;
  writeFileSync(join(shop.folder, 'recipes/own.yaml'), text(', with: [example-modules]'));
  const alone = await shop.create('', { name: 'alone', package: 'exampled', profile: 'example' });
  t.deepEqual(alone.program, ['/usr/sbin/exampled']);
  writeFileSync(join(shop.folder, 'recipes/own.yaml'), text(''));
  const known = await shop.create('', { name: 'known', package: 'exampled', profile: 'example' });
  t.deepEqual(known.program, ['/usr/sbin/exampled', '-x']);
});
