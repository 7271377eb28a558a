import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { hooksHold, relowerBundle } from '../../src/bundle/index.js';
import { exchangeFolders, nativePorts } from '../../src/native/index.js';
import { type Shop, shopFor, vxe } from './helpers.js';

/* Hooks after calls as an administrator meets them: checked, planned, explained, and read. */

const PROFILE = `vxed: 1
name: told
type: filesystem
files: {/: read execute}
exec: any
calls:
  after:
    # who makes files
    openat:
      - {flags: {with: O_CREAT}}
    setuid: [{}]
`;
const held = nativePorts().features().tracepoints === true;

function shopOf(t: ExecutionContext, profiles: Readonly<Record<string, string>> = { told: PROFILE }): Shop {
  const shop = shopFor(t);
  for (const [name, text] of Object.entries(profiles))
    writeFileSync(join(shop.folder, `profiles/${name}.vxed.yaml`), text);
  return { ...shop, env: { ...shop.env, VXE_LOGS: join(shop.folder, 'logs') } };
}

/** Where nothing can hold them, that is what is tried. */
function cannot(t: ExecutionContext): boolean {
  if (!held) t.log('no program can be put on a tracepoint here');
  return !held;
}

test('profile check counts them, and says which are told in soft mode alone', async (t) => {
  const strict = PROFILE.replace('filesystem', 'strict').replace('  after:', '  permit: [setuid]\n  after:');
  const shop = shopOf(t, { told: strict });
  const ran = await vxe(shop, ['profile', 'check', join(shop.folder, 'profiles/told.vxed.yaml')]);
  t.is(ran.status, 0, ran.stderr);
  t.regex(
    ran.stdout,
    /, 2 hooks after calls\nafter:openat: the profile refuses openat, so that .* soft mode alone\n$/,
  );
});

test('a compiled profile has them with an annotation, and loses both with them', async (t) => {
  const shop = shopOf(t);
  const compile = async (): Promise<{ annotation: unknown; after: string | undefined }> => {
    const ran = await vxe(shop, ['profile', 'compile', 'told']);
    t.is(ran.status, 0, ran.stderr);
    const folder = join(shop.folder, 'compiled/told');
    const { annotations } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    const file = join(folder, 'vxe/after.json');
    return {
      annotation: annotations['org.vxe.after'],
      after: existsSync(file) ? readFileSync(file, 'utf8') : undefined,
    };
  };
  if (cannot(t)) {
    const ran = await vxe(shop, ['profile', 'compile', 'told']);
    t.is(ran.status, 1);
    t.regex(ran.stderr, /after:openat cannot be held here/);
    return;
  }
  const made = await compile();
  t.is(made.annotation, 'vxe/after.json');
  const { hooks } = JSON.parse(made.after ?? '{}');
  t.deepEqual(
    hooks.map((hook: { rule: string; at: string; call: string; nr: number }) => [
      hook.rule,
      hook.at,
      hook.call,
    ]),
    [
      ['after:openat', 'told.vxed.yaml:9:5', 'openat'],
      ['after:setuid', 'told.vxed.yaml:11:5', 'setuid'],
    ],
  );
  writeFileSync(join(shop.folder, 'profiles/told.vxed.yaml'), PROFILE.slice(0, PROFILE.indexOf('calls:')));
  t.deepEqual(await compile(), { annotation: undefined, after: undefined });
});

test('explain shows what holds them, and which of them tell of a call', async (t) => {
  const other =
    'vxed: 1\nname: other\ntype: strict\nexec: any\nfiles: {/: read execute}\ncalls: {permit: [openat], after: {openat: [{}]}}\n';
  const shop = shopOf(t, { told: PROFILE, other });
  const asked = async (name: string, event: string): Promise<string> => {
    const ran = await vxe(shop, ['explain', name, event]);
    t.is(ran.status, 0, ran.stderr);
    return ran.stdout;
  };
  t.regex(await asked('told', 'setuid(0)'), /told with its result: after:setuid at .*told\.vxed\.yaml:11:5/);
  t.regex(await asked('told', 'openat("/x", O_WRONLY|O_CREAT)'), /told with this refusal: after:openat at/);
  t.notRegex(await asked('told', 'openat("/x", O_RDONLY)'), /after:/);
  if (cannot(t)) return;
  const table = await vxe(shop, ['explain', 'told']);
  t.regex(table.stdout, /^after:openat +full +bpf /m);
  const both = await asked('told+other', 'openat("/x", O_CREAT)');
  t.regex(both, /after:openat at .*told\.vxed\.yaml[\s\S]*after:openat at .*other\.vxed\.yaml/);
  const refused = await asked('other+told', 'setuid(0)');
  t.regex(refused, /told in soft mode alone, which performs it: after:setuid/);
  const json = await vxe(shop, ['explain', 'other+told', 'setuid(0)', '--json']);
  t.deepEqual(
    JSON.parse(json.stdout).hooks.map(({ rule, soft }: { rule: string; soft: boolean }) => [rule, soft]),
    [['after:setuid', true]],
  );
});

const RECORD = {
  time: '2026-01-01T00:00:00.000000000Z',
  vxe: 'told',
  instance: 'told',
  pid: 42,
  comm: 'maker',
  exe: '/bin/maker',
  arch: 'x86_64',
  call: 'openat',
  nr: 257,
  args: ['0xffffff9c', '0x7ffe0000', '0x41', '0x1a4', '0x0', '0x0'],
  detail: 'openat(AT_FDCWD, "/srv/x", O_WRONLY|O_CREAT, 0644)',
  path: null,
  rule: 'after:openat',
  at: 'told.vxed.yaml:9:5',
  verdict: 'told',
  result: 3,
  errno: null,
  mechanism: 'bpf',
  count: 1,
  mode: 'production',
};
/** Of most calls there is no more to say than their registers, as many as the call has. */
const PLAIN = {
  ...RECORD,
  ...{ time: '2026-01-01T00:01:30.000000000Z', call: 'setuid', nr: 105, rule: 'after:setuid', result: 0 },
  ...{ args: ['0x3e8', '0x1', '0x2', '0x3', '0x4', '0x5'], detail: null, at: 'told.vxed.yaml:11:5' },
};
const FAILED = { ...RECORD, time: '2026-01-01T00:01:00.000000000Z', result: -13, errno: 'EACCES', count: 4 };
/** No double has it. */
const FAR = { ...PLAIN, result: '-4611686018427387905' };
const LOST = {
  ...RECORD,
  ...{ time: '2026-01-01T00:02:00.000000000Z', verdict: 'lost', rule: 'after:lost', call: null, nr: null },
  ...{
    pid: null,
    comm: null,
    exe: null,
    arch: null,
    args: [],
    detail: null,
    result: null,
    count: 17,
    at: null,
  },
};

function logged(t: ExecutionContext): Shop {
  const shop = shopOf(t);
  const folder = join(shop.folder, 'logs/told');
  mkdirSync(folder, { recursive: true });
  const lines = (...records: object[]): string =>
    records.map((record) => `${JSON.stringify(record)}\n`).join('');
  writeFileSync(join(folder, 'after.ndjson.1'), lines(RECORD));
  writeFileSync(join(folder, 'after.ndjson'), `${lines(FAILED, PLAIN, FAR, LOST)}{"time":`);
  return shop;
}

test('violations --hooks says in words what was told, the older file first', async (t) => {
  const ran = await vxe(logged(t), ['violations', 'told', '--hooks']);
  t.is(ran.status, 0, ran.stderr);
  t.deepEqual(ran.stdout.trimEnd().split('\n'), [
    '2026-01-01T00:00:00.000Z maker: openat(AT_FDCWD, "/srv/x", O_WRONLY|O_CREAT, 0644) gave 3, told by after:openat (told.vxed.yaml:9:5)',
    '2026-01-01T00:01:00.000Z maker: openat(AT_FDCWD, "/srv/x", O_WRONLY|O_CREAT, 0644) failed with EACCES, told by after:openat (told.vxed.yaml:9:5) (4 times)',
    '2026-01-01T00:01:30.000Z maker: setuid(0x3e8) gave 0, told by after:setuid (told.vxed.yaml:11:5)',
    '2026-01-01T00:01:30.000Z maker: setuid(0x3e8) gave -4611686018427387905, told by after:setuid (told.vxed.yaml:11:5)',
    '2026-01-01T00:02:00.000Z 17 calls were not told: there were more at once than the kernel keeps',
    '1 lines of the log are cut and were left out',
  ]);
});

test('violations --hooks --json --since has the records as data', async (t) => {
  const ran = await vxe(logged(t), [
    'violations',
    'told',
    '--hooks',
    '--json',
    '--since',
    '2026-01-01T00:00:30Z',
  ]);
  const { told, unreadable } = JSON.parse(ran.stdout);
  t.is(unreadable, 1);
  t.deepEqual(
    told.map(({ verdict, result, errno, count }: Record<string, unknown>) => [verdict, result, errno, count]),
    [
      ['told', -13, 'EACCES', 4],
      ['told', 0, undefined, 1],
      ['told', '-4611686018427387905', undefined, 1],
      ['lost', undefined, undefined, 17],
    ],
  );
  t.is(told[0].args[2], '0x41');
});

test('without records it says so, and without an instance that there is none', async (t) => {
  const shop = shopOf(t);
  t.regex((await vxe(shop, ['violations', 'told', '--hooks'])).stderr, /there is no log of this instance/);
  mkdirSync(join(shop.folder, 'logs/told'), { recursive: true });
  const ran = await vxe(shop, ['violations', 'told', '--hooks']);
  t.is(ran.stdout, 'told: nothing was told after calls\n');
});

test('violations --hooks --follow goes on with what is told from now on', async (t) => {
  const shop = logged(t);
  const file = join(shop.folder, 'logs/told/after.ndjson');
  const ran = await vxe(shop, ['violations', 'told', '--hooks', '--follow'], (kill, _, stdout) => {
    let seen = '';
    let wrote = false;
    stdout.on('data', (part: Buffer) => {
      seen += part.toString();
      if (!wrote && seen.includes('17 calls')) {
        wrote = true;
        // Rewritten until it is seen, since nobody says when the watching has begun.
        const timer = setInterval(() => {
          writeFileSync(file, `${JSON.stringify({ ...RECORD, result: 77 })}\n`, { flag: 'a' });
          if (seen.includes('gave 77')) {
            clearInterval(timer);
            kill('SIGINT');
          }
        }, 50);
      }
    });
  });
  t.regex(ran.stdout, /gave 77/);
});

test('an instance holds the hooks of other plans where it was launched with the very same, wherever they stand', (t) => {
  const hook = { rule: 'after:setuid', at: 'a:1:1', call: 'setuid', nr: 105, program: [[6, 0, 0, 0]] };
  const text = (...hooks: object[]): string => JSON.stringify({ after: 1, profile: 'a', hooks });
  t.true(hooksHold(undefined, undefined));
  t.true(hooksHold(text(hook), undefined));
  t.true(hooksHold(text(hook), text({ ...hook, at: 'a:9:9' })));
  t.false(hooksHold(undefined, text(hook)));
  t.false(hooksHold(text(hook), text({ ...hook, program: [[6, 0, 0, 1]] })));
  t.false(hooksHold(text(hook), text(hook, hook)));
});

test('a bundle has them as long as its profile does, through changes of its plans', async (t) => {
  if (cannot(t)) return;
  const shop = shopOf(t);
  const path = join(shop.folder, 'profiles/example.vxed.yaml');
  const plain = readFileSync(path, 'utf8');
  const text = `${plain}  after: {setuid: [{}]}\n`;
  writeFileSync(path, text);
  await shop.create();
  const bundle = join(shop.bundles, 'example');
  const state = (): readonly [unknown, string | undefined, string | undefined] => {
    const file = join(bundle, 'vxe/after.json');
    const { annotations } = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
    const { plan } = JSON.parse(readFileSync(join(bundle, 'vxe/manifest.json'), 'utf8'));
    const [hook] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).hooks : [];
    return [annotations['org.vxe.after'], plan['vxe/after.json']?.slice(0, 0), hook?.at];
  };
  const { compiler, calls, features } = nativePorts();
  const change = (to: string): void =>
    relowerBundle(bundle, to, { arch: 'x86_64', compiler, calls, features: features() }).write(
      exchangeFolders,
    );
  const there = (line: number) => ['vxe/after.json', '', `example.vxed.yaml:${line}:11`] as const;
  t.deepEqual(state(), there(11));
  change(`# moved\n${text}`);
  t.deepEqual(state(), there(12));
  change(plain);
  t.deepEqual(state(), [undefined, undefined, undefined]);
  change(text);
  t.deepEqual(state(), there(11));
  const audited = await vxe(shop, ['bundle', 'audit', 'example']);
  t.is(audited.status, 0, audited.stdout);
});

test('learn keeps the hooks of the profile that it takes the place of', async (t) => {
  if (cannot(t)) return;
  const shop = shopOf(t);
  const profile = join(shop.folder, 'profiles/example.vxed.yaml');
  const hooks = '  after:\n    setuid:\n      - {}\n    openat:\n      - {flags: {with: O_CREAT}}\n';
  writeFileSync(profile, `${readFileSync(profile, 'utf8')}${hooks}`);
  await shop.create();
  const plan = join(shop.bundles, 'example/vxe/after.json');
  t.true(existsSync(plan));
  const ran = await vxe(shop, ['learn', 'example', 'schemas/examples/recording.ndjson', '--lossy']);
  t.is(ran.status, 0, ran.stderr);
  t.true(ran.stdout.includes(hooks.trimEnd()), ran.stdout);
  t.regex(ran.stdout, /^# Learned from/);
});

test('of a stack, learn keeps the hooks of each member, and makes none where two name one call', async (t) => {
  if (cannot(t)) return;
  const shop = shopOf(t, {});
  const profile = join(shop.folder, 'profiles/example.vxed.yaml');
  const plain = readFileSync(profile, 'utf8');
  const member = (name: string, hooks: string): void =>
    writeFileSync(
      join(shop.folder, `profiles/${name}.vxed.yaml`),
      `${plain.replace(/^name: .*/m, `name: ${name}`)}  after:\n${hooks}`,
    );
  await shop.create();
  const recipe = join(shop.folder, 'recipes/example.yaml');
  writeFileSync(recipe, readFileSync(recipe, 'utf8').replace(/^profile: .*/m, 'profile: [first, second]'));
  const learnFrom = async (...options: readonly string[]): ReturnType<typeof vxe> => {
    const made = await vxe(shop, ['bundle', 'create', 'example', '--replace']);
    t.is(made.status, 0, made.stderr);
    return await vxe(shop, ['learn', 'example', 'schemas/examples/recording.ndjson', '--lossy', ...options]);
  };
  const [making, changing] = ['    openat:\n      - {flags: {with: O_CREAT}}\n', '    setuid:\n      - {}\n'];
  member('first', making);
  member('second', changing);
  const ran = await learnFrom();
  t.is(ran.status, 0, ran.stderr);
  t.true(ran.stdout.includes(`  after:\n${making}${changing.trimEnd()}`), ran.stdout);
  const applied = await learnFrom('--apply');
  t.is(applied.status, 1);
  t.regex(applied.stderr, /example: is confined by a stack, of first and second/);
  member('second', `${changing}${making}`);
  const twice = await learnFrom();
  t.is(twice.status, 1, twice.stdout);
  t.regex(twice.stderr, /after:openat: is a hook of first and of second/);
});
