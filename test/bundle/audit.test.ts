import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { toolByName } from '../../src/bundle/audit/tools.js';
import { auditBundle, Failure, type Finding } from '../../src/bundle/index.js';
import { LD, workshop } from './helpers/creation.js';
import { makeElf } from './helpers/elf.js';
import { type Content, fill } from './helpers/folders.js';

const program = (payload = ''): Buffer => makeElf({ interpreter: LD, pie: true, entry: 1n, payload });

const outsiders: readonly [string, string, Readonly<Record<string, Content>>, RegExp][] = [
  [
    'a shell by its name',
    'files: {/bin/sh: {from: FOLDER/x, mode: "0755"}}',
    { x: program() },
    /called like a shell/,
  ],
  [
    'a shell by its content',
    'files: {/opt/helper: {from: FOLDER/x, mode: "0755"}}',
    { x: program('OPTIND\0Bad substitution\0') },
    /a shell by its content/,
  ],
  [
    "this host's shell, renamed",
    'files: {/opt/helper: {from: /usr/bin/dash, mode: "0755"}}',
    {},
    /shell|not admit/,
  ],
  [
    'an editor',
    'files: {/usr/bin/vim.tiny: {from: FOLDER/x, mode: "0755"}}',
    { x: program() },
    /called like an editor/,
  ],
  [
    'an interpreter with its version',
    'files: {/usr/bin/python3.11: {from: FOLDER/x, mode: "0755"}}',
    { x: program() },
    /interpreter/,
  ],
  [
    'an interpreter by its content',
    'files: {/usr/bin/p: {from: FOLDER/x, mode: "0755"}}',
    { x: program('Py_BytesMain\0') },
    /Python by its content/,
  ],
  [
    'an interpreter as a library',
    'dlopen: [FOLDER/libpython3.11.so.1.0]',
    { 'libpython3.11.so.1.0': makeElf() },
    /form of a library/,
  ],
  ['a copy tool', 'files: {/bin/cp: {from: FOLDER/x, mode: "0755"}}', { x: program() }, /copy tool/],
  [
    'a transfer tool',
    'files: {/usr/bin/scp: {from: FOLDER/x, mode: "0755"}}',
    { x: program() },
    /transfer tool/,
  ],
  [
    'a download tool',
    'files: {/usr/bin/curl: {from: FOLDER/x, mode: "0755"}}',
    { x: program() },
    /download tool/,
  ],
  [
    'a debugging tool',
    'files: {/usr/bin/strace: {from: FOLDER/x, mode: "0755"}}',
    { x: program() },
    /debugging tool/,
  ],
  [
    'a compiler for another machine',
    'files: {/usr/bin/aarch64-linux-gnu-gcc-12: {from: FOLDER/x, mode: "0755"}}',
    { x: program() },
    /compiler/,
  ],
  [
    'busybox by its content',
    'files: {/sbin/service: {from: FOLDER/x, mode: "0755"}}',
    { x: program('BusyBox v1.35\0applet not found\0') },
    /BusyBox/,
  ],
  [
    'a farm of links',
    'links: {/usr/bin/a1: PROGRAM, /usr/bin/a2: PROGRAM, /usr/bin/a3: PROGRAM}',
    {},
    /answers to 3 names/,
  ],
  ["a link with a tool's name", 'links: {/bin/bash: PROGRAM}', {}, /called like a shell; it points to/],
  [
    'any program that was not admitted',
    'files: {/opt/other: {from: FOLDER/x, mode: "0755"}}',
    { x: program() },
    /does not admit/,
  ],
  [
    'a program without the executable bit',
    'files: {/opt/other: {from: FOLDER/x, mode: "0644"}}',
    { x: program() },
    /does not admit/,
  ],
  [
    'a library that nothing loads',
    'files: {/opt/liba.so: {from: FOLDER/x, mode: "0644"}}',
    { x: makeElf() },
    /loaded by nothing/,
  ],
  ['a script', 'files: {/opt/run: {content: "#!/usr/bin/x\\n", mode: "0644"}}', {}, /is a script/],
  ['anything executable', 'files: {/opt/run: {content: "x", mode: "0755"}}', {}, /may be executed/],
  [
    'a broken ELF',
    'files: {/opt/run: {from: FOLDER/x, mode: "0644"}}',
    { x: program().subarray(0, 80) },
    /cut short/,
  ],
];
for (const [title, recipe, files, message] of outsiders) {
  test(`a bundle is not made with ${title}`, async (t) => {
    const shop = workshop(t);
    fill(join(shop.folder, 'extra'), files);
    const text = recipe.replaceAll('FOLDER', join(shop.folder, 'extra')).replaceAll('PROGRAM', shop.program);
    const error = await t.throwsAsync(shop.create(`${text}\n`), { instanceOf: Failure });
    t.is(error?.code, 'audit');
    t.true(
      shop.steps.some((step) => message.test(step)),
      shop.steps.join('\n'),
    );
  });
}

test('the program itself is looked at too', async (t) => {
  const shop = workshop(t);
  fill(shop.folder, { 'host/sbin/exampled': program('BusyBox v1.35\0applet not found\0') });
  await t.throwsAsync(shop.create(), { instanceOf: Failure, message: /BusyBox by its content/ });
  await t.notThrowsAsync(shop.create(`admit: {${shop.program}: "this is a test of admissions"}\n`));
});

test('what the recipe admits by name is in, with its reason', async (t) => {
  const shop = workshop(t);
  fill(shop.folder, { 'host/bin/gzip': program() });
  const tool = join(shop.folder, 'host/bin/gzip');
  const { path } = await shop.create(`admit: {${tool}: "logs are compressed by it"}\n`);
  const report = auditBundle(path);
  t.true(report.ok);
  t.is(report.executables.find((each) => each.path === tool)?.why, 'logs are compressed by it');
  t.true(report.executables.every((each) => each.form !== 'program' || each.admitted));
});

const alterations: readonly [string, (bundle: string, program: string) => void, string, RegExp][] = [
  [
    'changed content',
    (bundle) => writeFileSync(join(bundle, 'rootfs/etc/passwd'), 'mallory:x:0:0::/:/\n'),
    '/etc/passwd',
    /other content/,
  ],
  [
    'a changed program',
    (bundle, file) => writeFileSync(join(bundle, 'rootfs', file), program('other')),
    'PROGRAM',
    /other content/,
  ],
  [
    'a changed mode',
    (bundle) => chmodSync(join(bundle, 'rootfs/etc/passwd'), 0o666),
    '/etc/passwd',
    /had the mode 0644 and now has 0666/,
  ],
  ['a setuid bit', (bundle, file) => chmodSync(join(bundle, 'rootfs', file), 0o4755), 'PROGRAM', /setuid/],
  [
    'a new file',
    (bundle) => writeFileSync(join(bundle, 'rootfs/etc/new'), 'x'),
    '/etc/new',
    /not in the manifest/,
  ],
  ['a new folder', (bundle) => mkdirSync(join(bundle, 'rootfs/new')), '/new', /not in the manifest/],
  ['a removed file', (bundle) => rmSync(join(bundle, 'rootfs/etc/group')), '/etc/group', /was removed/],
  [
    'a link in the place of a file',
    (bundle) => {
      rmSync(join(bundle, 'rootfs/etc/group'));
      symlinkSync('passwd', join(bundle, 'rootfs/etc/group'));
    },
    '/etc/group',
    /was a file and is now a symlink/,
  ],
  [
    'a removed program',
    (bundle, file) => rmSync(join(bundle, 'rootfs', file)),
    'PROGRAM',
    /not in the bundle|was removed/,
  ],
  [
    'a changed config.json',
    (bundle) => writeFileSync(join(bundle, 'config.json'), '{}'),
    'config.json',
    /was changed/,
  ],
  [
    'a changed filter',
    (bundle) => writeFileSync(join(bundle, 'vxe/filter.bpf'), ''),
    'vxe/filter.bpf',
    /was changed/,
  ],
  [
    'a removed coverage table',
    (bundle) => rmSync(join(bundle, 'vxe/coverage.json')),
    'vxe/coverage.json',
    /was removed/,
  ],
];
for (const [title, alter, path, message] of alterations) {
  test(`found later: ${title}`, async (t) => {
    const shop = workshop(t);
    const created = await shop.create();
    t.true(auditBundle(created.path).ok);
    alter(created.path, shop.program);
    const report = auditBundle(created.path);
    t.false(report.ok);
    const wanted = path === 'PROGRAM' ? shop.program : path;
    t.true(
      report.findings.some((each: Finding) => each.path === wanted && message.test(each.message)),
      JSON.stringify(report.findings),
    );
  });
}

test('tools are known by name, with version and target prefix', (t) => {
  t.is(toolByName('/usr/bin/python3.11'), 'interpreter');
  t.is(toolByName('/usr/bin/x86_64-linux-gnu-gcc-12'), 'compiler');
  t.is(toolByName('/usr/bin/perl5.36.0'), 'interpreter');
  t.is(toolByName('/bin/dash'), 'shell');
  t.is(toolByName('/usr/sbin/popa3d'), undefined);
  t.is(toolByName('/usr/sbin/nginx'), undefined);
});
