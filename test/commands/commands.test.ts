import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { startTimeOf } from '../../src/bundle/index.js';
import { shopFor, vxe } from './helpers.js';

const recipeOf = (program: string): string =>
  `recipe: 1\nname: example\nsource: {exec: ${program}}\nprofile: example\nprogram: [${program}]\n`;

test('create, list, inspect, audit, explain, remove; results on stdout, progress on stderr', async (t) => {
  const shop = shopFor(t);
  writeFileSync(join(shop.folder, 'recipes/example.yaml'), recipeOf(shop.program));
  const created = await vxe(shop, [
    'bundle',
    'create',
    'example',
    '--json',
    '--account',
    'alice',
    '--accounts-from',
    join(shop.folder, 'etc'),
    '--',
    '-x',
  ]);
  t.is(created.status, 0, created.stderr);
  const value = JSON.parse(created.stdout);
  t.is(value.path, join(shop.bundles, 'example'));
  t.deepEqual(value.program, [shop.program, '-x']);
  t.regex(created.stderr, /^example: reading the recipe/m);
  t.false(['\u001b', '\r'].some((control) => created.stderr.includes(control)));

  const list = await vxe(shop, ['bundle', 'list', '--json']);
  t.deepEqual(
    JSON.parse(list.stdout).bundles.map((each: { name: string }) => each.name),
    ['example'],
  );
  const inspect = await vxe(shop, ['bundle', 'inspect', 'example', '--files']);
  t.regex(inspect.stdout, /alice/);
  const audit = await vxe(shop, ['bundle', 'audit', 'example']);
  t.is(audit.status, 0);
  t.regex(audit.stdout, /nothing is in that was not admitted/);

  const coverage = await vxe(shop, ['explain', 'example', '--json']);
  t.true(JSON.parse(coverage.stdout).coverage.some((row: { rule: string }) => row.rule === 'calls:default'));
  const byFile = await vxe(shop, ['explain', './profiles/popd.acl', 'chroot("/")']);
  t.regex(byFile.stdout, /^allowed \(calls:chroot\).*profiles\/popd\.acl:\d+/);
  const refused = await vxe(shop, ['explain', 'example', 'socket(AF_INET, SOCK_STREAM, 0)', '--json']);
  t.like(JSON.parse(refused.stdout), {
    verdict: 'refuse',
    held: { rule: 'calls:default', mechanism: ['seccomp'], status: 'full' },
  });
  const allowed = await vxe(shop, ['explain', 'example', 'write(1, "x", 1)']);
  t.regex(allowed.stdout, /^allowed .*\n {2}held by seccomp$/m);

  writeFileSync(join(shop.bundles, 'example/rootfs/etc/passwd'), 'x');
  const altered = await vxe(shop, ['bundle', 'audit', 'example', '--json']);
  t.is(altered.status, 1);
  t.is(JSON.parse(altered.stdout).findings[0].path, '/etc/passwd');

  const removed = await vxe(shop, ['bundle', 'remove', 'example', '--json']);
  t.deepEqual(JSON.parse(removed.stdout), { removed: 'example' });
  t.deepEqual(readdirSync(shop.bundles), []);
});

const misuse: readonly [string, string[], RegExp][] = [
  ['a name with ../', ['bundle', 'create', '../x'], /"\.\.\/x": is not a bundle name; use/],
  ['a name that is none, to remove', ['bundle', 'remove', '../x'], /not a bundle name/],
  ['no name', ['bundle', 'create'], /NAME is missing; see 'vxe bundle create --help'/],
  [
    'a form that is not said',
    ['profile', 'convert', './profiles/popd.acl'],
    /--to: is needed .*yaml, lisp, acl/,
  ],
  [
    'a form that no name has',
    ['profile', 'convert', './profiles/popd.acl', '-o', 'x'],
    /^vxe: x: is not the name/,
  ],
  ['a misspelt verb', ['bundle', 'creat'], /did you mean 'vxe bundle create'\?/],
  ['a misspelt verb of the launcher', ['statu'], /did you mean 'vxe status'\?/],
  ['an unknown option', ['bundle', 'list', '--nope'], /--nope: there is no such option/],
  ['an unknown verb', ['bundle', 'nope'], /bundle nope: there is no such verb; see 'vxe --help'/],
  ['an option without its value', ['bundle', 'create', 'x', '--package'], /--package/],
  ['an argument too many', ['bundle', 'create', 'x', 'y'], /y: is one argument too many/],
  ['an unknown shell', ['completion', 'tcsh'], /tcsh/],
  ['a profile file that is not there', ['profile', 'check', '/nowhere.vxed.yaml'], /there is no such file/],
  ['an event that is none', ['explain', './profiles/popd.acl', 'open('], /open\( is not a call; write it as/],
  ['no event', ['explain', './profiles/popd.acl', ''], /an empty text is not a call; write it as/],
];
for (const [title, args, message] of misuse) {
  test(`exit code 2 and one sentence: ${title}`, async (t) => {
    const shop = shopFor(t);
    const text = await vxe(shop, args);
    t.is(text.status, 2, text.stderr);
    t.is(text.stdout, '');
    t.regex(text.stderr, /^vxe: /);
    t.regex(text.stderr, message);
    const json = await vxe(shop, [...args, '--json']);
    t.is(json.status, 2);
    t.deepEqual(
      Object.keys(JSON.parse(json.stdout).error).filter((key) => !['code', 'message', 'hint'].includes(key)),
      [],
    );
  });
}

test('a recipe and a profile that do not parse are misuse, with the place', async (t) => {
  const shop = shopFor(t);
  writeFileSync(join(shop.folder, 'recipes/bad.yaml'), `${recipeOf(shop.program)}acounts: {}\n`);
  const recipe = await vxe(shop, ['bundle', 'create', 'bad']);
  t.is(recipe.status, 2);
  t.regex(recipe.stderr, /bad\.yaml:6:1: unknown key "acounts"/);
  const profile = join(shop.folder, 'profiles/broken.vxed.yaml');
  writeFileSync(profile, 'vxed: 1\nnam: x\n');
  const checked = await vxe(shop, ['profile', 'check', profile]);
  t.is(checked.status, 2);
  t.regex(
    checked.stderr,
    /broken\.vxed\.yaml:2:1: .*nam\n {2}2 \| nam: x\n {4}\| \^\^\^\n {2}= did you mean name\?/,
  );
  // Verbs that read no text for its own sake say it in one sentence.
  const asked = await vxe(shop, ['explain', profile]);
  t.is(asked.status, 2);
  t.regex(asked.stderr, /^vxe: .*broken\.vxed\.yaml:2:1: .*\(and \d more\); did you mean name\?\n$/);
});

test('a file that is named without a slash is told from a name', async (t) => {
  const ran = await vxe(shopFor(t), ['prove', 'package.json']);
  t.is(ran.status, 1);
  t.regex(
    ran.stderr,
    /package\.json: there is no profile of this name; .* named with a slash: \.\/package\.json$/m,
  );
});

test('a failure has exit code 1', async (t) => {
  const shop = shopFor(t);
  for (const args of [
    ['bundle', 'create', 'nowhere'],
    ['bundle', 'audit', 'nowhere'],
    ['explain', 'nowhere'],
    ['bundle', 'create', 'x', '--exec', '/nowhere/p', '--profile', 'example'],
  ]) {
    const ran = await vxe(shop, args);
    t.is(ran.status, 1, `${args.join(' ')}: ${ran.stderr}`);
    t.regex(ran.stderr.trim().split('\n').at(-1) ?? '', /^vxe: .*; /);
  }
});

test('a running bundle is neither removed nor replaced', async (t) => {
  const shop = shopFor(t);
  writeFileSync(join(shop.folder, 'recipes/example.yaml'), recipeOf(shop.program));
  t.is((await vxe(shop, ['bundle', 'create', 'example'])).status, 0);
  const state = join(shop.folder, 'run/example');
  mkdirSync(state, { recursive: true });
  const id = (startTime: string): string =>
    JSON.stringify({ id: 'example', bundle: 'x', init: { pid: process.pid, startTime: Number(startTime) } });
  writeFileSync(join(state, 'state.json'), id(startTimeOf(process.pid) ?? ''));
  const removed = await vxe(shop, ['bundle', 'remove', 'example']);
  t.is(removed.status, 1);
  t.regex(removed.stderr, new RegExp(`is running \\(pid ${process.pid}\\)`));
  t.is((await vxe(shop, ['bundle', 'create', 'example', '--replace'])).status, 1);
  // The same pid with another start time is another process.
  writeFileSync(join(state, 'state.json'), id('1'));
  t.is((await vxe(shop, ['bundle', 'create', 'example', '--replace'])).status, 0);
  writeFileSync(join(state, 'state.json'), '{ broken');
  t.is((await vxe(shop, ['bundle', 'remove', 'example'])).status, 1);
  t.true(existsSync(join(shop.bundles, 'example')));
});

test('killed at any moment, a creation leaves no bundle, and the next one tidies up', async (t) => {
  const shop = shopFor(t);
  writeFileSync(join(shop.folder, 'recipes/example.yaml'), recipeOf(shop.program));
  const moments = ['reading', 'finding', 'lowering', 'writing the root', 'writing config', 'auditing'];
  let cut = 0;
  for (const moment of moments) {
    const ran = await vxe(shop, ['bundle', 'create', 'example'], (kill, stderr) => {
      stderr.on('data', (part: Buffer) => {
        if (part.toString().includes(moment)) kill('SIGKILL');
      });
    });
    // The last steps are short: it may be done before the signal comes. Then the bundle is whole.
    if (existsSync(join(shop.bundles, 'example'))) {
      t.is((await vxe(shop, ['bundle', 'audit', 'example'])).status, 0, moment);
      t.is((await vxe(shop, ['bundle', 'remove', 'example'])).status, 0, moment);
    } else {
      t.is(ran.signal, 'SIGKILL', moment);
      cut += 1;
    }
  }
  t.true(cut > 0);
  t.is((await vxe(shop, ['bundle', 'create', 'example'])).status, 0);
  t.deepEqual(readdirSync(shop.bundles), ['example']);
});

test('a signal ends a creation with the code for that signal and leaves nothing', async (t) => {
  const shop = shopFor(t);
  writeFileSync(join(shop.folder, 'recipes/example.yaml'), recipeOf(shop.program));
  let sent = false;
  const ran = await vxe(shop, ['bundle', 'create', 'example'], (kill, stderr) => {
    stderr.on('data', () => {
      if (!sent) kill('SIGTERM');
      sent = true;
    });
  });
  if (ran.status !== 0) {
    t.is(ran.status, 143, ran.stderr);
    t.deepEqual(existsSync(shop.bundles) ? readdirSync(shop.bundles) : [], []);
  } else t.deepEqual(readdirSync(shop.bundles), ['example']);
});

test('profiles are listed and compiled', async (t) => {
  const shop = shopFor(t);
  const list = await vxe(shop, ['profile', 'list', '--json']);
  t.true(JSON.parse(list.stdout).profiles.some((each: { name: string }) => each.name === 'example'));
  const profile = join(shop.folder, 'profiles/runner.vxed.yaml');
  writeFileSync(
    profile,
    readFileSync(join(shop.folder, 'profiles/example.vxed.yaml'), 'utf8')
      .replace('name: example', 'name: runner')
      .replace('/: read execute', '/usr: read execute'),
  );
  for (let round = 0; round < 2; round++) {
    const compiled = await vxe(shop, ['profile', 'compile', 'runner', '--json']);
    t.is(compiled.status, 0, compiled.stderr);
    const folder = JSON.parse(compiled.stdout).path;
    t.is(folder, join(shop.folder, 'compiled/runner'));
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    t.is(config.annotations['org.vxe.root'], 'host');
    t.regex(config.annotations['org.vxe.source'], new RegExp(`^${profile} \\d+ \\d+$`));
    t.true(readFileSync(join(folder, 'vxe/filter.bpf')).length > 0);
  }
  t.deepEqual(readdirSync(join(shop.folder, 'compiled')), ['runner']);
});
