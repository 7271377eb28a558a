import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { callNumber, knownCalls, OBJECT_CALLS, signatureOf } from '../../src/policy/index.js';
import { PROGRAM, type Run, Stage } from './acts.js';

/*
 * Every call that takes a path, by the path and by a descriptor in its place: what production refuses, soft mode records, and nothing else. Which
 * of the two it is stands beside each act.
 */

const root = process.getuid?.() === 0;
const asRoot = root ? test.serial : test.skip;
if (!root) test('objects by descriptors', (t) => t.pass('skipped: not root'));

const stage = new Stage();
const base = join(stage.folder, 'tree');
test.after.always(() => stage.remove());

const EMPTY = '0x1000';
const FOLLOW = '0x400';
const CREATE = '0101';
const FIFO = '010600';

/** A call, what it is about, its arguments as acts.c has them (`@` is the tree, `D` the working folder), and whether production refuses it. */
type Row = readonly [
  call: string,
  how: 'named' | 'gone' | 'unnamed',
  path: string,
  args: string,
  refused: boolean,
];

/**
 * `open` may be all; in `half` names may be made and taken away, and nothing read, written or executed; in `shut` nothing may be. What Landlock
 * asks of a descriptor is what it asks of a name.
 */
const BY_DESCRIPTOR: readonly Row[] = [
  ['linkat', 'named', 'open/f', `F,E,D,@open/l1,${EMPTY}`, false],
  ['linkat', 'named', 'open/f', `F,E,D,@open/in/l2,${EMPTY}`, false],
  ['linkat', 'named', 'open/f', `F,E,D,@shut/l3,${EMPTY}`, true],
  ['linkat', 'named', 'shut/f', `F,E,D,@open/l4,${EMPTY}`, true],
  ['linkat', 'named', 'shut/f', `F,E,D,@shut/l5,${EMPTY}`, true],
  ['linkat', 'named', 'half/f', `F,E,D,@half/l6,${EMPTY}`, false],
  // More may be done with it there than here.
  ['linkat', 'named', 'half/f', `F,E,D,@open/l7,${EMPTY}`, true],
  ['linkat', 'named', 'open/f', `D,L,D,@open/l8,${FOLLOW}`, false],
  ['linkat', 'named', 'half/f', `D,L,D,@open/l9,${FOLLOW}`, true],
  ['linkat', 'named', 'shut/f', `D,L,D,@open/l10,${FOLLOW}`, true],
  ['linkat', 'named', 'open/to-shut', `D,P,D,@open/l11,${FOLLOW}`, true],
  ['linkat', 'named', 'open/to-shut', 'D,P,D,@open/l12,0', false],
  ['linkat', 'named', 'open/to-shut', `F,E,D,@open/l13,${EMPTY}`, false],
  ['linkat', 'unnamed', 'open', `F,E,D,@open/l14,${EMPTY}`, false],
  ['linkat', 'unnamed', 'open', `F,E,D,@open/in/l15,${EMPTY}`, false],
  ['linkat', 'unnamed', 'open', `F,E,D,@shut/l16,${EMPTY}`, true],
  ['linkat', 'unnamed', 'open', `D,L,D,@open/l17,${FOLLOW}`, false],
  ['linkat', 'gone', 'open/g1', `F,E,D,@shut/l18,${EMPTY}`, true],
  ['execveat', 'named', 'open/exe', `F,E,B,B,${EMPTY}`, false],
  ['execveat', 'named', 'shut/exe', `F,E,B,B,${EMPTY}`, true],
  ['execveat', 'named', 'half/exe', `F,E,B,B,${EMPTY}`, true],
  ['execveat', 'named', 'open/script', `F,E,B,B,${EMPTY}`, true],
  ['execveat', 'named', 'open/good-script', `F,E,B,B,${EMPTY}`, false],
  ['execveat', 'named', 'half/exe', 'D,L,B,B,0', true],
  ['execve', 'named', 'half/exe', 'L,B,B', true],
  ['execve', 'named', 'open/exe', 'L,B,B', false],
  ['execveat', 'gone', 'open/exe2', `F,E,B,B,${EMPTY}`, false],
  ['execveat', 'gone', 'half/exe2', `F,E,B,B,${EMPTY}`, true],
  ['execve', 'gone', 'half/exe3', 'L,B,B', true],
  ['openat', 'named', 'half/f', 'D,L,0', true],
  ['openat', 'named', 'open/f', 'D,L,2', false],
  ['openat', 'gone', 'half/g1', 'D,L,0', true],
  ['openat', 'gone', 'half/g2', 'D,L,1', true],
  ['openat', 'gone', 'open/g2', 'D,L,2', false],
  // Its name is another file's, or a word more than it was.
  ['openat', 'gone', 'half/g3', 'D,L,01001', true],
  ['openat', 'gone', 'open/g3_(deleted)', 'D,L,1', false],
  ['openat', 'unnamed', 'open', 'D,L,2', false],
  ['truncate', 'named', 'half/f', 'L,0', true],
  ['truncate', 'gone', 'half/g4', 'L,0', true],
  ['truncate', 'gone', 'open/g4', 'L,0', false],
];

const BY_PATH: readonly Row[] = [
  ['open', 'named', 'shut/f', 'P,0', true],
  ['open', 'named', 'open/f', 'P,0', false],
  ['openat', 'named', 'shut/f', 'D,P,0', true],
  ['openat2', 'named', 'shut/f', 'D,P,B,24', true],
  ['openat2', 'named', 'open/f', 'D,P,B,24', false],
  ['creat', 'named', 'open/f', '@shut/p1,0600', true],
  ['creat', 'named', 'open/f', '@open/p1,0600', false],
  ['open', 'named', 'open/f', `@shut/p2,${CREATE},0600`, true],
  ['truncate', 'named', 'shut/f', 'P,0', true],
  ['execve', 'named', 'shut/exe', 'P,B,B', true],
  ['execveat', 'named', 'shut/exe', 'D,P,B,B,0', true],
  ['mkdir', 'named', 'open/f', '@shut/p3,0700', true],
  ['mkdirat', 'named', 'open/f', 'D,@shut/p4,0700', true],
  ['mknod', 'named', 'open/f', `@shut/p5,${FIFO},0`, true],
  ['mknodat', 'named', 'open/f', `D,@shut/p6,${FIFO},0`, true],
  ['symlink', 'named', 'open/f', 'P,@shut/p7', true],
  ['symlinkat', 'named', 'open/f', 'P,D,@shut/p8', true],
  ['unlink', 'named', 'shut/u1', 'P', true],
  ['unlink', 'named', 'half/u1', 'P', false],
  ['unlinkat', 'named', 'shut/u2', 'D,P,0', true],
  ['rmdir', 'named', 'shut/in', 'P', true],
  ['rename', 'named', 'shut/u3', 'P,@open/p9', true],
  ['renameat', 'named', 'shut/u4', 'D,P,D,@open/p10', true],
  ['renameat2', 'named', 'shut/u5', 'D,P,D,@open/p11,0', true],
  ['link', 'named', 'shut/f', 'P,@open/p12', true],
  ['linkat', 'named', 'shut/f', 'D,P,D,@open/p13,0', true],
];

/** Calls that look at or change attributes, or move within the tree: rules on files do not speak of them, and Landlock has no word on them. */
const LOOKS: readonly (readonly [call: string, ...args: string[]])[] = [
  ['stat', 'P,B', 'L,B'],
  ['lstat', 'P,B'],
  ['access', 'P,4', 'L,4'],
  ['chdir', 'P'],
  ['readlink', 'P,B,64'],
  ['chmod', 'P,0644', 'L,0644'],
  ['chown', 'P,0,0', 'L,0,0'],
  ['lchown', 'P,0,0'],
  ['utime', 'P,0', 'L,0'],
  ['utimes', 'P,0', 'L,0'],
  ['futimesat', 'D,P,0', 'F,0,0'],
  ['statfs', 'P,B', 'L,B'],
  ['chroot', 'P'],
  ['quotactl', '0,P,0,B'],
  ['setxattr', 'P,/user.x,B,1,0', 'L,/user.x,B,1,0'],
  ['lsetxattr', 'P,/user.x,B,1,0'],
  ['getxattr', 'P,/user.x,B,1', 'L,/user.x,B,1'],
  ['lgetxattr', 'P,/user.x,B,1'],
  ['listxattr', 'P,B,64', 'L,B,64'],
  ['llistxattr', 'P,B,64'],
  ['removexattr', 'P,/user.x', 'L,/user.x'],
  ['lremovexattr', 'P,/user.x'],
  ['inotify_add_watch', '-1,P,1'],
  ['fchownat', 'D,P,0,0,0', `F,E,0,0,${EMPTY}`],
  ['newfstatat', 'D,P,B,0', `F,E,B,${EMPTY}`],
  ['readlinkat', 'D,P,B,64', 'F,E,B,64'],
  ['fchmodat', 'D,P,0644', 'D,L,0644'],
  ['fchmodat2', 'D,P,0644,0', `F,E,0644,${EMPTY}`],
  ['faccessat', 'D,P,4'],
  ['faccessat2', 'D,P,4,0', `F,E,4,${EMPTY}`],
  ['utimensat', 'D,P,0,0', 'F,0,0,0', `F,E,0,${EMPTY}`],
  ['name_to_handle_at', 'D,P,B,B,0', `F,E,B,B,${EMPTY}`],
  ['statx', 'D,P,0,0x7ff,B', `F,E,${EMPTY},0x7ff,B`, `F,0,${EMPTY},0x7ff,B`],
  ['open_tree', 'D,P,0', `F,E,${EMPTY}`],
  ['fspick', 'D,P,0', 'F,E,8'],
  ['mount_setattr', 'D,P,0,B,32', `F,E,${EMPTY},B,32`],
];

/** No domain that rules files may mount. Without a capability nobody may, which is why the word of Landlock is not heard here. */
const MOUNTS: readonly (readonly [call: string, ...args: string[]])[] = [
  ['mount', 'P,P,B,0x1000,0'],
  ['umount2', 'P,0'],
  ['pivot_root', 'P,P'],
  ['move_mount', 'D,P,D,P,0', 'F,E,F,E,0x44'],
];

/** What opens a file for the kernel's own use: that one needs a rule of its own, since the kernel looks at it apart from its folders. Accounting is the instance's own; swapping would be the host's, so that no capability lets it come to rules. */
const FOR_THE_KERNEL: readonly Row[] = [
  ['acct', 'named', 'shut/f', 'P', true],
  ['acct', 'named', 'open/f', 'P', true],
  ['acct', 'named', 'own/account', 'P', false],
  ['acct', 'named', 'open/f', '0', false],
  ['swapon', 'named', 'shut/f', 'P,0', true],
  ['swapoff', 'named', 'shut/f', 'P', true],
];

/** In the kernel's headers, but no kernel that VXE runs on has it. */
const NOWHERE: ReadonlySet<string> = new Set(['uselib']);

const FOLDERS = ['open', 'own', 'open/in', 'half', 'shut', 'shut/in'];
const FILES = [
  'own/account',
  ...['open/f', 'open/g1', 'open/g2', 'open/g3_(deleted)', 'open/g4'],
  ...['half/f', 'half/g1', 'half/g2', 'half/g3', 'half/g4', 'half/u1'],
  ...['shut/f', 'shut/u1', 'shut/u2', 'shut/u3', 'shut/u4', 'shut/u5'],
];
const PROGRAMS = ['open/exe', 'open/exe2', 'half/exe', 'half/exe2', 'half/exe3', 'shut/exe'];

function treeMake(): void {
  rmSync(base, { recursive: true, force: true });
  for (const folder of FOLDERS) mkdirSync(join(base, folder), { recursive: true });
  for (const file of FILES) writeFileSync(join(base, file), 'x');
  for (const program of PROGRAMS) copyFileSync(PROGRAM, join(base, program));
  symlinkSync('../shut/f', join(base, 'open/to-shut'));
  for (const [script, interpreter] of [
    ['open/script', 'shut/exe'],
    ['open/good-script', 'open/exe'],
  ] as const)
    writeFileSync(join(base, script), `#!${base}/${interpreter}\n`, { mode: 0o755 });
}

const WHOLE = 'read write create remove execute';

/** Calls as a whole are not what is asked about, but some are no profile's to permit that does not name them. */
const ALL = 'type: filesystem\n';
const NAMED =
  'type: strict\ncapabilities: [CAP_SYS_PACCT]\ncalls: {permit: [read, write, openat, close, fstat, newfstatat, lseek, brk, mmap, munmap, mprotect, ' +
  'clone, wait4, exit, exit_group, set_tid_address, set_robust_list, rseq, prlimit64, getrandom, arch_prctl, readlinkat, rt_sigprocmask, gettid, ' +
  'mount, umount2, pivot_root, move_mount, acct, swapon, swapoff]}\n';

function run(rows: readonly Row[], mode: 'production' | 'soft', calls: string): Run {
  treeMake();
  const text =
    `vxed: 1\nname: acts\ndescription: one of each\n${calls}network: {interface: none}\nexec: any\n` +
    `files: {${PROGRAM}: read execute, ${stage.folder}/acts.txt: read, /proc: read, ${base}/open: ${WHOLE}, ` +
    `${base}/half: create remove, ${base}/own/account: write, ${base}/shut: none}\n`;
  const words = (call: string, args: string): string =>
    `${callNumber(call)},${args}`.replaceAll('@', `${base}/`).replaceAll(/\bD\b/g, '-100');
  return stage.run(
    text,
    rows.map(([call, how, path, args]) => ({ call: how, path: join(base, path), other: words(call, args) })),
    mode,
  );
}

const REFUSED: ReadonlySet<number | undefined> = new Set([13, 18]);

/** The acts of which production, its record, or the record of soft mode says something else than the table. */
function otherwise(
  rows: readonly Row[],
  calls = ALL,
  isRefusal = (errno: number | undefined): boolean => REFUSED.has(errno),
): readonly string[] {
  const [held, soft] = [run(rows, 'production', calls), run(rows, 'soft', calls)];
  const told = ({ records }: Run, act: number, call: string): boolean =>
    records.some((record) => record.act === act && record.call === call);
  const strays = [held, soft].flatMap(({ records }) =>
    records
      .filter(({ act, call }) => rows[act - 1]?.[0] !== call)
      .map(({ act, call, path }) => `a record of ${call} ${path} in act ${act}`),
  );
  return [
    ...strays,
    ...rows.flatMap(([call, how, path, args, refused], index) => {
      const found = {
        production: isRefusal(held.errnos[index]),
        recorded: told(held, index + 1, call),
        soft: told(soft, index + 1, call),
      };
      return Object.values(found).every((each) => each === refused)
        ? []
        : [
            `${call} ${how} ${path} ${args}: ${JSON.stringify(found)}, ${held.errnos[index]} ${soft.errnos[index]}`,
          ];
    }),
  ];
}

asRoot('what production refuses of a descriptor in the place of a path, soft mode records', (t) => {
  t.deepEqual(otherwise([...BY_DESCRIPTOR, ...BY_PATH]), []);
});

asRoot(
  'what looks at a file or changes its attributes is refused by no rule on files, and recorded by none',
  (t) => {
    const rows = LOOKS.flatMap(([call, ...forms]) =>
      forms.map((args): Row => [call, 'named', 'shut/f', args, false]),
    );
    t.deepEqual(otherwise(rows), []);
  },
);

asRoot('what mounts, and what opens a file for the kernel, is recorded by path and by descriptor', (t) => {
  const mounting = MOUNTS.flatMap(([call, ...forms]) =>
    forms.map((args): Row => [call, 'named', 'open/f', args, true]),
  );
  t.deepEqual(
    otherwise([...mounting, ...FOR_THE_KERNEL], NAMED, (errno) => errno === 1 || REFUSED.has(errno)),
    [],
  );
});

test('every call that takes a path is in one of the tables', (t) => {
  const tried = new Set(
    [...BY_DESCRIPTOR, ...BY_PATH, ...FOR_THE_KERNEL, ...LOOKS, ...MOUNTS].map(([call]) => call),
  );
  const named = [...knownCalls().keys()].filter((call) =>
    signatureOf(call)?.some(({ type }) => type === 'path'),
  );
  t.true(named.length > 60);
  t.deepEqual(
    named.filter((call) => !tried.has(call) && !NOWHERE.has(call)),
    [],
  );
  t.deepEqual(
    LOOKS.map(([call]) => call).filter((call) => OBJECT_CALLS.includes(call)),
    [],
  );
});
