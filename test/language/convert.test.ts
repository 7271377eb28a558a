import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { unwrap } from '../../src/common/index.js';
import { FORMS, formNamed, formOf, parseProfile } from '../../src/language/index.js';
import { shopFor, vxe } from '../commands/helpers.js';
import { policyOf } from '../policy/helpers.js';
import { withoutSpans } from './acl-helpers.js';

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'vxe-convert-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const LIST = '@name web\nfile /srv read/create\nsocket tcp/80 accept\nprocess self execute\n';
const PLAIN =
  'files: {/srv: read}\nnetwork: {accept: [tcp/80], interface: host}\ncapabilities: [CAP_SETUID]\nlimits: {nofile: 64}\n';

test('every form is found by its name and by the names of its files', (t) => {
  for (const form of FORMS) {
    t.is(formNamed(form.format), form);
    for (const extension of form.extensions) t.is(formOf(`a/b${extension}`), form);
  }
  t.is(formOf('notes.txt'), undefined);
});

test('every form reads back what it prints of a simple profile, and all forms say the same', (t) => {
  for (const type of ['filesystem', 'strict']) {
    const policy = policyOf(type === 'strict' ? `${PLAIN}calls: {permit: [read, write]}\n` : PLAIN, type);
    let said = 0;
    for (const form of FORMS) {
      const printed = form.print(policy);
      if (!printed.ok) {
        t.true(printed.diagnostics.every((each) => each.code === 'not-expressible'));
        continue;
      }
      said++;
      const file = { name: `test${form.extensions[0]}`, text: printed.value };
      t.deepEqual(withoutSpans(unwrap(form.parse(file), [file])), withoutSpans(policy), form.format);
    }
    t.true(said >= (type === 'strict' ? 1 : 2));
  }
});

test('vxe profile convert writes the other form, and back', async (t) => {
  const shop = shopFor(t);
  const at = folder(t);
  const list = join(at, 'web.acl');
  const yaml = join(at, 'web.vxed.yaml');
  writeFileSync(list, LIST);
  const there = await vxe(shop, ['profile', 'convert', list, '--to', 'yaml', '--output', yaml]);
  t.is(there.status, 0, there.stderr);
  const policy = unwrap(parseProfile({ name: yaml, text: readFileSync(yaml, 'utf8') }));
  t.is(policy.exec, 'any');
  const back = await vxe(shop, ['profile', 'convert', yaml, '--to', 'acl']);
  t.is(back.status, 0, back.stderr);
  t.regex(back.stdout, /^file \/srv read\/create$/m);
  t.regex(back.stdout, /^socket tcp\/80 accept$/m);
  const lisp = await vxe(shop, ['profile', 'convert', yaml, '--to', 'lisp']);
  t.is(lisp.status, 0, lisp.stderr);
  t.regex(lisp.stdout, /^\(files \("\/srv" read create\)\)\n\(accept tcp\/80\)$/m);
  const again = await vxe(shop, ['profile', 'convert', list, '--to', 'yaml', '--output', yaml]);
  t.is(again.status, 1);
  t.regex(again.stderr, /is there already/);
});

test('what a library computes is written out when its profile is converted', async (t) => {
  const shop = shopFor(t);
  const at = folder(t);
  writeFileSync(
    join(at, 'ports.vxl'),
    '(define-macro (serves port) (begin (accept port) (interface host)))\n',
  );
  const profile = join(at, 'web.vxed');
  writeFileSync(profile, '(include "ports.vxl") (vxed 1) (name web) (type filesystem) (serves tcp/80)\n');
  const yaml = await vxe(shop, ['profile', 'convert', profile, '--to', 'yaml']);
  t.is(yaml.status, 0, yaml.stderr);
  t.regex(yaml.stdout, /^ {2}accept: \[tcp\/80\]$/m);
  const acl = await vxe(shop, ['profile', 'convert', profile, '--to', 'acl']);
  t.regex(acl.stdout, /^socket tcp\/80 accept$/m, acl.stderr);
});

test('a rule list is found, checked and compiled by its name', async (t) => {
  const shop = shopFor(t);
  mkdirSync(join(shop.folder, 'profiles'), { recursive: true });
  writeFileSync(join(shop.folder, 'profiles/web.acl'), LIST);
  t.regex((await vxe(shop, ['profile', 'list'])).stdout, /web +\/.*web\.acl/);
  const compiled = await vxe(shop, ['profile', 'compile', 'web']);
  t.is(compiled.status, 0, compiled.stderr);
  t.is(readFileSync(join(shop.folder, 'compiled/web/vxe/profile.acl'), 'utf8'), LIST);
  const asked = await vxe(shop, ['explain', 'web', 'openat("/etc/passwd", O_RDONLY)']);
  t.regex(asked.stdout, /^refused/, asked.stderr);
});

test('vxe profile convert names what the form cannot say, with its place', async (t) => {
  const shop = shopFor(t);
  const strict = await vxe(shop, ['profile', 'convert', 'profiles/popd.vxed.yaml', '--to', 'acl']);
  t.is(strict.status, 1);
  t.is(strict.stdout, '');
  t.regex(strict.stderr, /type: strict/);
  const name = await vxe(shop, ['profile', 'convert', 'README.md', '--to', 'acl']);
  t.is(name.status, 2);
  t.regex(name.stderr, /not the name of a profile/);
});

test('evidence is left out only where that is said', async (t) => {
  const shop = shopFor(t);
  const profile = join(folder(t), 'job.vxed.yaml');
  writeFileSync(profile, 'vxed: 1\nname: job\ntype: strict\nlearned: {rules: {}}\n');
  for (const to of ['lisp', 'yaml']) {
    const kept = await vxe(shop, ['profile', 'convert', profile, '--to', to]);
    t.is(kept.status, 1);
    t.is(kept.stdout, '');
    t.regex(kept.stderr, /evidence under learned.*--without-evidence/);
    const left = await vxe(shop, ['profile', 'convert', profile, '--to', to, '--without-evidence']);
    t.is(left.status, 0, left.stderr);
    t.notRegex(left.stdout, /learned/);
  }
});

const SINGLE: readonly [string, string, string, string][] = [
  [
    '.vxed.yaml',
    'vxed: 1\nname: single\ntype: filesystem\nnetwork:\n  sockets:\n    unix:@bus: connect send\n  interface: host\n',
    'accept-unenforced: ["scope:abstract-unix", "files:unix-sockets"]\n',
    'accept-unenforced: \\["scope:abstract-unix"\\]',
  ],
  [
    '.vxed',
    '(vxed 1)\n(name single)\n(type filesystem)\n\n(interface host)\n(socket "unix:@bus" connect send)\n',
    '(accept-unenforced "scope:abstract-unix" "files:unix-sockets")\n',
    '\\(accept-unenforced "scope:abstract-unix"\\)',
  ],
  [
    '.acl',
    '@name single\n@network host\n\n\n\nsocket unix:@bus connect/send\n',
    '@accept-unenforced scope:abstract-unix files:unix-sockets\n',
    '@accept-unenforced scope:abstract-unix',
  ],
];
for (const [ending, text, acceptance, hint] of SINGLE) {
  test(`a single abstract name cannot be held: told with its rule, its line and what to do, in ${ending}`, async (t) => {
    const shop = shopFor(t);
    const file = join(folder(t), `single${ending}`);
    writeFileSync(file, text);
    const asked = await vxe(shop, ['doctor', file, '--json']);
    const { starts, problems }: { starts: boolean; problems: string[] } = JSON.parse(asked.stdout);
    t.false(starts);
    const told = problems.find((each) => each.includes('scope:abstract-unix cannot be held')) ?? '';
    t.regex(told, /:6:\d+: scope:abstract-unix cannot be held here: network:unix:@bus grants a single name/);
    t.regex(told, new RegExp(`; grant all names \\(unix:@\\* .*, or accept it in the profile: ${hint}$`));
    writeFileSync(file, text + acceptance);
    const accepted = await vxe(shop, ['explain', file, 'connect(3, unix:@other)']);
    t.regex(
      accepted.stdout,
      /^refused with EPERM \(scope:abstract-unix\)[\s\S]*held by nothing, as the profile accepts: network:unix:@bus grants/,
    );
    const rows = await vxe(shop, ['explain', file]);
    t.regex(rows.stdout, /^scope:abstract-unix +none \(accepted\)/m);
  });
}

test('the three forms of popd: what its rule list grants, its strict profile grants too', (t) => {
  const forms = readdirSync('profiles').filter(
    (name) => name.startsWith('popd.') && formOf(name) !== undefined,
  );
  t.true(forms.includes('popd.acl') && forms.includes('popd.vxed.yaml'));
  const [list, strict] = ['popd.acl', 'popd.vxed.yaml'].map((name) => {
    const file = { name, text: readFileSync(`profiles/${name}`, 'utf8') };
    return unwrap((formOf(name) ?? FORMS[0])?.parse(file) ?? { ok: false, diagnostics: [] }, [file]);
  });
  const facts = (policy: typeof list): unknown =>
    policy && {
      name: policy.name,
      program: policy.program,
      files: policy.files.map((rule) => `${rule.path} ${[...rule.access]}`).sort(),
      sockets: policy.network.sockets.map((rule) => `${rule.id} ${[...rule.access]}`),
      interface: policy.network.interface,
      exec: policy.exec,
      capabilities: [...policy.capabilities].sort(),
      limits: policy.limits.map((limit) => `${limit.type} ${limit.value}`).sort(),
      services: policy.services,
    };
  t.deepEqual(facts(list), facts(strict));
});
