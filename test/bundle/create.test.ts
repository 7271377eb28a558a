import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { BundleStore, Failure } from '../../src/bundle/index.js';
import { VxeError } from '../../src/common/index.js';
import { workshop } from './helpers/creation.js';
import { makeElf } from './helpers/elf.js';
import { fill } from './helpers/folders.js';

/** Everything that makes a tree what it is: names, kinds, modes, owners, times, content. */
function treeHash(root: string): string {
  const hash = createHash('sha256');
  const visit = (path: string): void => {
    const stat = lstatSync(path, { bigint: true });
    hash.update(`${path.slice(root.length)} ${stat.mode} ${stat.uid} ${stat.gid} ${stat.mtimeNs}\n`);
    if (stat.isSymbolicLink()) hash.update(readlinkSync(path));
    else if (stat.isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name));
    else hash.update(readFileSync(path));
  };
  visit(root);
  return hash.digest('hex');
}

function config(bundle: string) {
  return JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
}

test('a bundle holds the program, what loads it, accounts and mount points, and nothing else', async (t) => {
  const shop = workshop(t);
  const created = await shop.create(
    `accounts: {users: {alice: }}\ndirectories: {/var/lib/x: {mode: "0700"}}\nlinks: {/etc/y: x}\nfiles: {/etc/x: {content: "a\\n"}}\n`,
  );
  t.is(created.path, join(shop.bundles, 'example'));
  t.false(created.replaced);
  const rootfs = join(created.path, 'rootfs');
  const files = readdirSync(rootfs, { recursive: true, withFileTypes: true })
    .filter((each) => !each.isDirectory())
    .map((each) => join(each.parentPath, each.name).slice(rootfs.length))
    .sort();
  const expected = ['/etc/group', '/etc/passwd', '/etc/x', '/etc/y', shop.program];
  t.deepEqual(
    files.filter((path) => !/ld-linux|^\/lib/.test(path)),
    expected.sort(),
  );
  t.is(readFileSync(join(rootfs, 'etc/passwd'), 'utf8'), 'alice:x:70001:70001::/home/alice:/bin/sh\n');
  t.is(lstatSync(join(rootfs, 'var/lib/x')).mode & 0o7777, 0o700);
  t.true(lstatSync(join(rootfs, 'proc')).isDirectory());
});

test('the same inputs make the same bytes, times and modes', async (t) => {
  const shop = workshop(t);
  const recipe =
    'files: {/etc/x: {content: x}, /etc/a: {content: a}}\ntmpfs: {/tmp: }\nenv: {B: "1", A: "2"}\n';
  const first = await shop.create(recipe);
  const hash = treeHash(first.path);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const second = await shop.create(recipe, { replace: true });
  t.true(second.replaced);
  t.is(treeHash(second.path), hash);
  t.is(second.digest, first.digest);
});

test('config.json says what the recipe and the profile say', async (t) => {
  const shop = workshop(t);
  const data = join(shop.folder, 'data');
  mkdirSync(data);
  const created = await shop.create(
    `kind: forking\nenv: {A: b}\nmounts: {/srv/data: {source: ${data}, options: [rw]}, /etc/own: {source: /nowhere, kind: file}}\ntmpfs: {/tmp: {size: 1m}}\n`,
    { args: ['-x', 'y'] },
  );
  const json = config(created.path);
  t.regex(json.ociVersion, /^1\.2\.0/);
  t.deepEqual(json.process.args, [shop.program, '-x', 'y']);
  t.true(json.process.env.includes('A=b'));
  t.true(json.process.noNewPrivileges);
  t.true(json.root.readonly);
  t.deepEqual(json.process.capabilities.bounding, []);
  t.true(json.linux.namespaces.some((each: { type: string }) => each.type === 'network'));
  t.is(json.annotations['org.vxe.init'], 'true');
  t.is(json.annotations['org.vxe.exec'], 'once');
  const mount = (destination: string) =>
    json.mounts.find((each: { destination: string }) => each.destination === destination);
  t.deepEqual(mount('/srv/data').options, ['bind', 'nodev', 'noexec', 'nosuid', 'rw']);
  t.deepEqual(mount('/etc/own').options, ['bind', 'nodev', 'noexec', 'nosuid', 'ro']);
  t.true(mount('/tmp').options.includes('size=1m'));
  t.true(mount('/tmp').options.includes('noexec'));
  t.true(lstatSync(join(created.path, 'rootfs/srv/data')).isDirectory());
  t.true(lstatSync(join(created.path, 'rootfs/etc/own')).isFile());
  t.is(lstatSync(join(created.path, 'rootfs/etc/own')).size, 0);
  t.is(readFileSync(join(created.path, 'vxe/filter.bpf')).length % 8, 0);
  t.is(
    readFileSync(join(created.path, 'vxe/profile.vxed.yaml'), 'utf8'),
    readFileSync(join(shop.folder, 'profiles/example.vxed.yaml'), 'utf8'),
  );
});

test('not root, a user namespace maps the creator alone', async (t) => {
  const shop = workshop(t, { creator: { uid: 1234, gid: 1235 } });
  const json = config((await shop.create()).path);
  t.deepEqual(json.linux.uidMappings, [{ containerID: 0, hostID: 1234, size: 1 }]);
  t.deepEqual(json.linux.gidMappings, [{ containerID: 0, hostID: 1235, size: 1 }]);
  t.true(json.linux.namespaces.some((each: { type: string }) => each.type === 'user'));
});

test('setuid bits stay behind, unless the recipe has a reason', async (t) => {
  if (process.getuid?.() !== 0) return t.pass('only root makes setuid files of other owners');
  const shop = workshop(t);
  fill(shop.folder, { 'host/sbin/exampled': { text: readFileSync(shop.program), mode: 0o6755 } });
  const plain = await shop.create();
  t.is(lstatSync(join(plain.path, 'rootfs', shop.program)).mode & 0o7777, 0o755);
  const kept = await shop.create(`setid: {${shop.program}: "it must be root to bind"}\n`, { replace: true });
  t.is(lstatSync(join(kept.path, 'rootfs', shop.program)).mode & 0o7777, 0o6755);
});

const refused: readonly [string, string, RegExp][] = [
  ['a secret by its path', 'files: {/etc/shadow: {content: "x"}}\n', /secret/],
  ['a secret copied from the host', 'files: {/etc/y: {from: /etc/shadow}}\n', /secret/],
  ['a secret by its content', 'files: {/etc/y: {content: "-----BEGIN PRIVATE KEY-----"}}\n', /private key/],
  ['a file that is not there', 'files: {/etc/y: {from: /nowhere/y}}\n', /not there/],
  ['a module that is not there', 'dlopen: [security/pam_nowhere.so]\n', /not found/],
  ['a mount whose source is not there', 'mounts: {/a: {source: /nowhere}}\n', /not there/],
  ['a mount of a device', 'mounts: {/a: {source: /dev/null}}\n', /neither a file nor a folder/],
  ['a mount of the other kind', 'mounts: {/a: {source: /etc, kind: file}}\n', /is a directory/],
  ['an account that is not there', 'accounts: {users: {nobody2: }}\n', /gives it no uid/],
  ['a time zone that is none', 'timezone: Mars/Olympus\n', /not a time zone/],
  ['an unknown owner', 'directories: {/a: {owner: mallory}}\n', /mallory/],
  ['a file below a file', 'files: {/etc/a: {content: a}, /etc/a/b: {content: b}}\n', /lies below/],
];
for (const [title, recipe, message] of refused) {
  test(`nothing is left behind by: ${title}`, async (t) => {
    const shop = workshop(t);
    const error = await t.throwsAsync(shop.create(recipe), { instanceOf: VxeError });
    const text =
      error instanceof Failure ? `${error.thing} ${error.code} ${error.message}` : String(error?.message);
    t.regex(text, message);
    t.false(text.includes('\n'));
    t.deepEqual(existsSync(shop.bundles) ? readdirSync(shop.bundles) : [], []);
  });
}

test('what is named wrongly is misuse', async (t) => {
  const shop = workshop(t);
  for (const name of ['../x', '', 'a/b', '.hidden', 'UPPER', 'x'.repeat(64), 'a\0b']) {
    const error = await t.throwsAsync(shop.create('', { name }), { instanceOf: Failure });
    t.is(error?.exit, 2, name);
  }
  const wrong = [
    { mounts: ['/a'] },
    { mounts: ['/a=b'] },
    { mounts: ['/a/../b=/c'] },
    { mounts: ['/a=/b:fun'] },
    { accounts: ['a:b'] },
    { exec: 'a/b' },
    { recipe: '/nowhere.yaml' },
  ];
  for (const request of wrong) {
    const error = await t.throwsAsync(shop.create('', request), { instanceOf: VxeError });
    t.is(error?.exit, 2, JSON.stringify(request));
  }
  t.false(existsSync(shop.bundles));
});

test('a program, recipe or profile that is not there is a failure that names it', async (t) => {
  const shop = workshop(t);
  const of = async (request: object) =>
    (await t.throwsAsync(shop.create('', request), { instanceOf: Failure }))?.thing;
  t.is(await of({ name: 'other' }), 'other');
  t.is(await of({ profile: 'nowhere' }), 'nowhere');
  t.is(await of({ exec: '/nowhere/p', profile: 'example' }), '/nowhere/p');
});

test('an executable alone is enough, with a profile', async (t) => {
  const shop = workshop(t);
  const created = await shop.create('', {
    name: 'plain',
    exec: shop.program,
    profile: 'example',
    args: ['-D'],
  });
  t.deepEqual(created.program, [shop.program, '-D']);
});

test('a profile for another program is refused', async (t) => {
  const shop = workshop(t);
  const profile = join(shop.folder, 'profiles/example.vxed.yaml');
  writeFileSync(
    profile,
    readFileSync(profile, 'utf8').replace('type: strict', 'type: strict\nprogram: /usr/sbin/other'),
  );
  await t.throwsAsync(shop.create(), { instanceOf: Failure, message: /is a profile for \/usr\/sbin\/other/ });
});

const UNSTARTABLE: readonly [string, string, RegExp][] = [
  ['the program', '  /: read execute\n  /host: read', /does not let \S+exampled be executed, the program/],
  [
    'its loader',
    '  /: read\n  PROGRAM: read execute',
    /does not let \S+ld-linux\S+ be executed, the loader of/,
  ],
];
for (const [what, rules, message] of UNSTARTABLE) {
  test(`a profile that refuses ${what} makes no bundle, and the rule is named`, async (t) => {
    const shop = workshop(t);
    const profile = join(shop.folder, 'profiles/example.vxed.yaml');
    const text = readFileSync(profile, 'utf8');
    const written = rules.replace('/host', shop.program).replace('PROGRAM', shop.program);
    writeFileSync(profile, text.replace('  /: read execute', written));
    const failed = await t.throwsAsync(shop.create(), { instanceOf: Failure, message });
    const path = /add the rule for files (\S+): read execute/.exec(failed?.hint ?? '')?.[1] ?? '';
    t.true(path.startsWith('/'));
    // Control: with the rule that is named, it is made.
    const mended = written.includes(`${path}:`)
      ? written.replace(`${path}: read`, `${path}: read execute`)
      : `${written}\n  ${path}: read execute`;
    writeFileSync(profile, text.replace('  /: read execute', mended));
    t.is((await shop.create()).name, 'example');
  });
}

test('an existing bundle stays unless it is to be replaced, and while it runs', async (t) => {
  const shop = workshop(t);
  const { path } = await shop.create();
  const before = treeHash(path);
  await t.throwsAsync(shop.create('env: {A: b}\n'), { instanceOf: Failure, message: /already/ });
  const running = { ...shop.context, runningPid: () => 4711 };
  const { createBundle } = await import('../../src/bundle/index.js');
  await t.throwsAsync(createBundle({ name: 'example', replace: true }, running), {
    instanceOf: Failure,
    message: /pid 4711/,
  });
  await t.throwsAsync(shop.create('dlopen: [libnowhere.so]\n', { replace: true }), { instanceOf: Failure });
  t.is(treeHash(path), before);
  t.deepEqual(readdirSync(shop.bundles), ['example']);
});

test('an abort at any step leaves nothing, or the old bundle', async (t) => {
  const shop = workshop(t);
  await shop.create();
  const total = shop.steps.length;
  t.true(total >= 5);
  const before = treeHash(join(shop.bundles, 'example'));
  const { createBundle } = await import('../../src/bundle/index.js');
  for (let at = 1; at <= total; at++) {
    const controller = new AbortController();
    let steps = 0;
    const step = (): void => {
      steps += 1;
      if (steps === at) controller.abort(new Error('stopped here'));
    };
    await t.throwsAsync(
      createBundle(
        { name: 'example', replace: true, accountsFrom: join(shop.folder, 'etc') },
        { ...shop.context, step, signal: controller.signal },
      ),
      { message: 'stopped here' },
    );
    t.deepEqual(readdirSync(shop.bundles), ['example']);
    t.is(treeHash(join(shop.bundles, 'example')), before);
  }
});

test('list, inspect and remove', async (t) => {
  const shop = workshop(t);
  await shop.create('tmpfs: {/tmp: }\n');
  const store = new BundleStore(shop.bundles);
  t.deepEqual(
    store.list().map((each) => [each.name, each.profile, each.program]),
    [['example', 'example', [shop.program]]],
  );
  t.is(store.inspect('example').entries.find((each) => each.path === shop.program)?.why, 'the program');
  t.throws(() => store.inspect('other'), { instanceOf: Failure, message: /no bundle/ });
  t.throws(() => store.inspect('../example'), { instanceOf: Failure, message: /not a bundle name/ });
  store.remove('example');
  t.deepEqual(readdirSync(shop.bundles), []);
  t.throws(() => store.remove('example'), { instanceOf: Failure, message: /no bundle/ });
});

test('libraries beside a program come along and are not executable', async (t) => {
  const shop = workshop(t);
  fill(shop.folder, {
    'host/sbin/exampled': makeElf({
      interpreter: '/lib64/ld-linux-x86-64.so.2',
      needed: ['libown.so.1'],
      runpath: '$ORIGIN/../lib',
      pie: true,
      entry: 1n,
    }),
    'host/lib/libown.so.1': makeElf({ soname: 'libown.so.1' }),
  });
  const created = await shop.create();
  const library = join(created.path, 'rootfs', shop.folder, 'host/lib/libown.so.1');
  t.is(lstatSync(library).mode & 0o7777, 0o644);
});

test('a folder of the host is made with the bundle where it is missing, and left as it is where it is there', async (t) => {
  const shop = workshop(t);
  const source = join(shop.folder, 'srv/deep/data');
  const recipe = `accounts: {users: {alice: }}\nmounts: {/srv/data: {source: ${source}, options: [rw], create: {mode: "0710"${process.getuid?.() === 0 ? ', owner: alice' : ''}}}}\n`;
  await t.throwsAsync(shop.create(`${recipe}files: {/etc/x: {from: /nowhere}}\n`), { instanceOf: Failure });
  t.false(existsSync(join(shop.folder, 'srv')));
  await shop.create(recipe);
  const stat = lstatSync(source);
  t.is(stat.mode & 0o7777, 0o710);
  if (process.getuid?.() === 0) t.is(stat.uid, 70001);
  t.is(lstatSync(join(shop.folder, 'srv')).mode & 0o7777, 0o755);
  chmodSync(source, 0o700);
  await shop.create(recipe, { replace: true });
  t.is(lstatSync(source).mode & 0o7777, 0o700);
  // For another machine, nothing is made on this one.
  const other = join(shop.folder, 'other/data');
  await shop.create(recipe.replace(source, other), { output: join(shop.folder, 'elsewhere') });
  t.false(existsSync(join(shop.folder, 'other')));
});

test('what cannot be made leaves nothing behind', async (t) => {
  const shop = workshop(t);
  const first = join(shop.folder, 'made');
  const recipe = `mounts: {/srv/a: {source: ${first}, create: }, /srv/b: {source: /proc/nowhere/x, create: }}\n`;
  const error = await t.throwsAsync(shop.create(recipe), { instanceOf: Failure });
  t.is(error?.code, 'mount-missing');
  t.false(existsSync(first));
  t.deepEqual(new BundleStore(shop.bundles).list(), []);
});

test('a program is started as the user that the recipe names, with its capabilities where that is not root', async (t) => {
  const shop = workshop(t);
  const accounts = 'accounts: {users: {alice: }}\n';
  const asRoot = config((await shop.create(accounts)).path).process;
  t.deepEqual(asRoot.user, { uid: 0, gid: 0 });
  t.false('ambient' in asRoot.capabilities);
  const created = await shop.create(`${accounts}user: alice\n`, { replace: true });
  const asAlice = config(created.path).process;
  t.deepEqual(asAlice.user, { uid: 70001, gid: 70001 });
  t.deepEqual(asAlice.capabilities.ambient, asAlice.capabilities.bounding);
  await t.throwsAsync(shop.create('user: mallory\n', { replace: true }), {
    instanceOf: Failure,
    message: /mallory, who is not among the recipe's accounts/,
  });
});
