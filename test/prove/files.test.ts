import test from 'ava';
import { unwrap } from '../../src/common/index.js';
import { parseLispProfile } from '../../src/language/index.js';
import type { FileWorld, Lowered } from '../../src/lowering/index.js';
import { bundleTree, lowerPolicy } from '../../src/lowering/index.js';
import type { Policy } from '../../src/policy/index.js';
import type { MountConfig } from '../../src/prove/index.js';
import { fileDifferences, mountAt, mountTable, startSolver } from '../../src/prove/index.js';
import { lower, targetOf, worldOf } from '../lowering/helpers.js';
import { policyOf } from './helpers.js';

type Plans = Pick<Lowered, 'landlock' | 'maskedPaths' | 'readonlyPaths'>;

const solver = await startSolver();
test.after.always(() => solver.close());

const WORLD = worldOf(
  ...[
    '/',
    '/etc/',
    '/etc/passwd',
    '/etc/shadow',
    '/usr/',
    '/usr/bin/',
    '/usr/bin/popd',
    '/usr/lib/',
    '/usr/lib/libc.so',
  ],
  ...['/lib -> usr/lib', '/dev/', '/dev/null*', '/srv/', '/srv/www/', '/srv/www/index', '/srv/key'],
  ...['/var/', '~/var/mail/', '~/proc/'],
);

const POLICY = policyOf(`
program: /usr/bin/popd
exec: any
files:
  /etc: read
  /etc/shadow: none
  /usr/bin/popd: read execute
  /lib: read
  /dev/null: read write
  /srv: read write create remove
  /srv/key: read
  /var/mail: read write create remove
  /var/mail/archive/: none
calls: {permit: [openat, mknodat, unlinkat, execve, read, write]}
`);

async function acts(policy: Policy, plans: Plans, world: FileWorld = WORLD): Promise<readonly string[]> {
  const mounts = mountTable({ ...plans, rootReadonly: false, mounts: [] });
  const files = { landlock: [plans.landlock], mounts };
  const found = await fileDifferences(policy, files, bundleTree(world), solver);
  return found.map(({ act, path }) => `${act} ${path}`);
}

test('connections by path are found where nothing refuses them, and not where programs of the cgroup do', async (t) => {
  const policy = policyOf(
    'files: {/etc: read}\ncalls: {permit: [connect], when: {socket: [{domain: AF_UNIX}]}}\n',
  );
  const plans = lower(policy, WORLD);
  const mounts = mountTable({ ...plans, rootReadonly: false, mounts: [] });
  const found = async (refusesUnix: boolean): Promise<readonly string[]> => {
    const files = { landlock: [plans.landlock], mounts, refusesUnix };
    return (await fileDifferences(policy, files, bundleTree(WORLD), solver)).map(({ act }) => act);
  };
  t.true((await found(false)).includes('connect'));
  t.deepEqual(await found(true), []);
});

test('what is lowered lets nothing be done that the profile refuses', async (t) => {
  t.deepEqual(await acts(POLICY, lower(POLICY, WORLD)), []);
  const nothing = policyOf('calls: {permit: [openat]}\n');
  t.deepEqual(await acts(nothing, lower(nothing, WORLD)), []);
});

/** A ruleset with one more right somewhere. */
function granting(plans: Plans, path: string, ...rights: readonly string[]): Plans {
  const { landlock } = plans;
  const pathBeneath = [...landlock.rules.pathBeneath, { allowedAccess: rights, paths: [path] }];
  return { ...plans, landlock: { ...landlock, rules: { ...landlock.rules, pathBeneath } } };
}

const HOLES: readonly [string, (plans: Plans) => Plans, string][] = [
  ['reading what is none', (plans) => granting(plans, '/etc', 'read_file'), 'read /etc/shadow'],
  ['writing what is read', (plans) => granting(plans, '/etc/passwd', 'write_file'), 'write /etc/passwd'],
  [
    'emptying what is read',
    (plans) => granting(plans, '/usr/lib', 'truncate'),
    'truncate /usr/lib/any-other-name',
  ],
  ['running what is read', (plans) => granting(plans, '/srv', 'execute'), 'execute /srv/key'],
  ['listing the top', (plans) => granting(plans, '/', 'read_dir'), 'list /'],
  ['making files', (plans) => granting(plans, '/etc', 'make_reg'), 'make file /etc/any-other-name'],
  [
    'making devices',
    (plans) => granting(plans, '/var/mail', 'make_char'),
    'make device /var/mail/any-other-name',
  ],
  ['removing files', (plans) => granting(plans, '/srv', 'remove_file'), 'remove file /srv/key'],
  ['devices', (plans) => granting(plans, '/dev/null', 'ioctl_dev'), ''],
  ['a mask forgotten', (plans) => ({ ...plans, maskedPaths: [] }), 'read /var/mail/archive/any-other-name'],
  [
    'a mask made read-only',
    (plans) => ({ ...plans, maskedPaths: [], readonlyPaths: ['/var/mail/archive'] }),
    'read /var/mail/archive/any-other-name',
  ],
  [
    'a right not handled',
    (plans) => {
      const { ruleset } = plans.landlock;
      const handledAccessFS = ruleset.handledAccessFS.filter((right) => right !== 'truncate');
      return { ...plans, landlock: { ...plans.landlock, ruleset: { ...ruleset, handledAccessFS } } };
    },
    'truncate /etc/shadow',
  ],
];

for (const [what, change, wanted] of HOLES) {
  test(`a hole in the plans is found: ${what}`, async (t) => {
    const found = await acts(POLICY, change(lower(POLICY, WORLD)));
    // No call of this profile reaches a device's controls, so that nothing is lost there.
    if (wanted === '') t.deepEqual(found, []);
    else t.true(found.includes(wanted), found.join('\n'));
  });
}

test('what a profile forbids before it is there stays forbidden where things are made', async (t) => {
  const policy = policyOf('files: {/srv: read create, /srv/later: none}\ncalls: {permit: [openat]}\n');
  t.deepEqual(await acts(policy, lower(policy, WORLD)), []);
  const forgotten = await acts(policy, granting(lower(policy, WORLD), '/srv', 'make_reg', 'read_file'));
  t.true(forgotten.includes('make file /srv/later') && forgotten.includes('read /srv/later'));
});

const PATTERNS = policyOf(`
files:
  /etc: read
  /etc/*ow: none
  /srv: read
  /srv/**/in*: read write
  /usr/bin/*: read execute
  /var/mail: none
calls: {permit: [openat]}
`);

function lisp(body: string): Policy {
  const file = { name: 'test.vxed', text: `(vxed 1) (name test) (type strict) (permit openat)\n${body}` };
  return unwrap(parseLispProfile(file), [file]);
}

test('exact rules of patterns and predicates let nothing be done that these refuse', async (t) => {
  t.deepEqual(await acts(PATTERNS, lower(PATTERNS, WORLD)), []);
  const predicate = lisp('(file "/srv" read) (file-when "/srv" (suffix? "key" path) none)');
  t.deepEqual(await acts(predicate, lower(predicate, WORLD)), []);
});

const PATTERN_HOLES: readonly [string, Policy, FileWorld, (plans: Plans) => Plans, string][] = [
  ['a match forgotten', PATTERNS, WORLD, (plans) => granting(plans, '/etc', 'read_file'), 'read /etc/shadow'],
  ['the folder in place of the match', PATTERNS, WORLD, (plans) => granting(plans, '/srv', 'write_file'), 'write /srv/key'],
  [
    'a pattern in a folder where things are made',
    policyOf('files: {/srv: read, /srv/*.key: none}\ncalls: {permit: [openat]}\n'),
    WORLD,
    (plans) => granting(plans, '/srv', 'make_reg'),
    'read /srv/.key',
  ],
  [
    'a pattern in a mount',
    policyOf('files: {/var/mail: read, /var/mail/?.box: none}\ncalls: {permit: [openat]}\n'),
    WORLD,
    (plans) => granting(plans, '/var/mail', 'read_file'),
    'read /var/mail/a.box',
  ],
  [
    'a predicate in a mount',
    lisp('(file "/var/mail" read) (file-when "/var/mail" (suffix? ".box" path) none)'),
    WORLD,
    (plans) => granting(plans, '/var/mail', 'read_file'),
    'read /var/mail/any-other-name',
  ],
  [
    'a predicate that a file escapes',
    lisp('(file "/srv" read) (file-when "/srv" (suffix? "key" path) none)'),
    WORLD,
    (plans) => granting(plans, '/srv', 'read_file'),
    'read /srv/key',
  ],
]; // biome-ignore format: a table

for (const [what, policy, world, change, wanted] of PATTERN_HOLES) {
  test(`a hole in the exact rules is found: ${what}`, async (t) => {
    // What lowering refuses is put together by hand: nothing is granted but by the change.
    const lowered = lowerPolicy(policy, targetOf(world));
    const plans = lowered.ok ? lowered.value : lower(policyOf('calls: {permit: [openat]}\n'), world);
    const found = await acts(policy, change(plans));
    t.true(found.includes(wanted), found.join('\n'));
  });
}

test('unix sockets by path are held only by kernels that know the right', async (t) => {
  const policy = policyOf(
    'files: {/var/mail: read}\ncalls: {permit: [connect], when: {socket: [{domain: AF_UNIX}]}}\n',
  );
  t.deepEqual(await acts(policy, lower(policy, WORLD, { landlockAbi: 9 })), []);
  const found = await acts(policy, lower(policy, WORLD, { landlockAbi: 7 }));
  t.true(found.includes('connect /var/mail/any-other-name'), found.join('\n'));
  // A tree that is known has no sockets of others.
  t.false(found.some((act) => act.startsWith('connect /srv')));
});

test('a pair of connected sockets leads to no socket by its path, a pair of datagram sockets does', async (t) => {
  const paired = (type: string): Policy =>
    policyOf(`calls: {permit: [sendmsg], when: {socketpair: [{domain: AF_UNIX, type: ${type}}]}}\n`);
  const stream = paired('SOCK_STREAM');
  t.deepEqual(await acts(stream, lower(stream, WORLD)), []);
  const datagram = paired('SOCK_DGRAM');
  t.true((await acts(datagram, lower(datagram, WORLD))).some((act) => act.startsWith('connect ')));
});

test('what no call can do needs nothing else to hold it', async (t) => {
  const few = policyOf('files: {/etc: read}\ncalls: {permit: [openat]}\n');
  const open = granting(lower(few, WORLD), '/etc', 'execute', 'remove_file', 'make_fifo', 'write_file');
  t.deepEqual(await acts(few, open), ['write /etc/any-other-name']);
});

test('what is shown is a call', async (t) => {
  const policy = policyOf(
    'files: {/srv: read}\ncalls: {permit: [renameat2], when: {openat: [{flags: {with: O_NOFOLLOW}}]}}\n',
  );
  const plans = granting(lower(policy, WORLD), '/srv', 'make_reg', 'write_file');
  const files = {
    landlock: [plans.landlock],
    mounts: mountTable({ ...plans, rootReadonly: false, mounts: [] }),
  };
  const found = await fileDifferences(policy, files, bundleTree(WORLD), solver);
  const write = found.find(({ act }) => act === 'write')?.call ?? '';
  const flags = BigInt(/^openat\(AT_FDCWD, "\/srv\/any-other-name", (0x[0-9a-f]+), /.exec(write)?.[1] ?? '0');
  // What the call rules want is set, and what the act needs.
  t.is(flags & 0o400000n, 0o400000n, write);
  t.true([1n, 2n].includes(flags & 3n), write);
  t.true(
    found.some(
      ({ act, call }) => act === 'make file' && call.startsWith('openat(AT_FDCWD, "/srv/any-other-name", '),
    ),
  );
});

const MOUNTS = { readonlyPaths: [], maskedPaths: [], mounts: [] };

test('a read-only or noexec mount holds what Landlock does not', async (t) => {
  const open = granting(
    lower(POLICY, WORLD),
    '/',
    'write_file',
    'make_reg',
    'make_char',
    'execute',
    'read_file',
    'truncate',
    'remove_file',
  );
  const found = async (table: Partial<MountConfig>): Promise<readonly string[]> => {
    const files = {
      landlock: [open.landlock],
      mounts: mountTable({ ...open, ...MOUNTS, rootReadonly: false, ...table }),
    };
    const all = await fileDifferences(POLICY, files, bundleTree(WORLD), solver);
    return all
      .filter(({ path }) => path.startsWith('/srv/www') || path.startsWith('/var'))
      .map(({ act, path }) => `${act} ${path}`);
  };
  const archive = '/var/mail/archive/any-other-name';
  const at = (path: string, ...acts: string[]): string[] => acts.map((act) => `${act} ${path}`);
  const free = await found({});
  t.true(
    at(archive, 'read', 'write', 'execute', 'make file', 'remove file').every((each) => free.includes(each)),
    free.join('\n'),
  );
  const bound = await found({ mounts: [{ destination: '/var/mail', options: ['rw', 'noexec'] }] });
  t.false(bound.some((each) => each.startsWith('execute /var')));
  t.true(bound.includes(`write ${archive}`));
  const sealed = await found({
    mounts: [{ destination: '/var/mail', options: ['noexec'] }],
    readonlyPaths: ['/var/mail/archive'],
  });
  t.false(
    sealed.some((each) => /^(write|execute|make|remove|truncate).* \/var\/mail\/archive/.test(each)),
    sealed.join('\n'),
  );
  t.true(sealed.includes(`read ${archive}`));
  const masked = await found({ maskedPaths: ['/var/mail/archive'] });
  t.false(
    masked.some((each) => each.includes('archive/')),
    masked.join('\n'),
  );
  // A mount made later hides the mask.
  const later = mountTable({ ...MOUNTS, rootReadonly: true, maskedPaths: ['/var/mail/archive'] });
  t.true(mountAt(later, archive).mask);
});
