import type { FileWorld, WorldEntry } from '../../src/lowering/index.js';
import { knownCalls } from '../../src/policy/index.js';

/** A strict profile of a given number of rules, in the mixture that profiles of daemons have, and the tree that it is for. */
export interface Generated {
  readonly text: string;
  readonly world: FileWorld;
}

/** Rows of arguments, as daemons need them; each is a rule. */
const ROWS: readonly (readonly [string, readonly string[]])[] = [
  [
    'socket',
    [
      '{domain: AF_UNIX, type: {is: SOCK_STREAM, mask: SOCK_TYPE_MASK}}',
      '{domain: AF_INET, type: {is: SOCK_STREAM, mask: SOCK_TYPE_MASK}, protocol: [0, IPPROTO_TCP]}',
      '{domain: AF_INET6, type: {is: SOCK_STREAM, mask: SOCK_TYPE_MASK}, protocol: [0, IPPROTO_TCP]}',
    ],
  ],
  [
    'mmap',
    [
      '{prot: {without: PROT_EXEC}}',
      '{prot: PROT_READ|PROT_EXEC, flags: {with: MAP_PRIVATE, without: MAP_ANONYMOUS}}',
    ],
  ],
  ['mprotect', ['{prot: {without: PROT_EXEC}}']],
  ['ioctl', ['{request: [TCGETS, TIOCGWINSZ, FIONREAD]}', '{request: FIONBIO}']],
  [
    'fcntl',
    [
      '{command: [F_GETFL, F_SETFL, F_GETFD, F_SETFD]}',
      '{command: [F_DUPFD, F_DUPFD_CLOEXEC]}',
      '{command: [F_SETLK, F_SETLKW]}',
    ],
  ],
  ['prctl', ['{option: [PR_SET_NAME, PR_GET_NAME]}']],
  [
    'clone',
    ['{flags: {only: 0x1200011}}', '{flags: {with: CLONE_THREAD, without: CLONE_NEWUSER|CLONE_NEWNS}}'],
  ],
  ['kill', ['{sig: [SIGTERM, SIGHUP, 0]}']],
  ['sendto', ['{addr: 0, flags: {only: MSG_NOSIGNAL|MSG_DONTWAIT}}']],
  ['lseek', ['{whence: [SEEK_SET, SEEK_CUR, SEEK_END]}']],
  ['madvise', ['{advice: {from: 0, to: 4}}']],
  ['chmod', ['{mode: {only: 0644}}']],
  ['mremap', ['{flags: {only: 3}}']],
  ['epoll_ctl', ['{operation: {from: 1, to: 3}}']],
  [
    'setsockopt',
    ['{level: SOL_SOCKET, name: [SO_REUSEADDR, SO_KEEPALIVE]}', '{level: IPPROTO_TCP, name: TCP_NODELAY}'],
  ],
];

const WHOLE = 130;
const PORTS = 20;
const FILES_PER_FOLDER = 40;
const WORDS = ['read', 'read', 'read execute', 'read write', 'none'];

/** `rules` counts what a reader counts: calls, rows, paths and ports. */
export function strictProfile(rules: number): Generated {
  const rowed = new Set([...ROWS.map(([call]) => call), 'execve', 'execveat']);
  const whole = [...knownCalls().keys()].filter((call) => !rowed.has(call)).slice(0, Math.min(WHOLE, rules));
  const ports = Array.from({ length: PORTS }, (_, index) => 1000 + index * 3);
  const rows = ROWS.reduce((count, [, list]) => count + list.length, 0);
  const paths = Math.max(0, rules - whole.length - rows - ports.length - 1);
  const entries: WorldEntry[] = ['/', '/srv', '/usr', '/usr/sbin'].map((path) => ({
    path,
    kind: 'directory',
  }));
  entries.push({ path: '/usr/sbin/daemon', kind: 'file' });
  const files: string[] = [];
  for (let index = 0; index < paths; index++) {
    const folder = `/srv/${Math.floor(index / FILES_PER_FOLDER)}`;
    if (index % FILES_PER_FOLDER === 0) {
      entries.push({ path: folder, kind: 'directory' });
      files.push(`  ${folder}: read`);
      continue;
    }
    const path = `${folder}/${index}`;
    entries.push({ path, kind: 'file' });
    files.push(`  ${path}: ${WORDS[index % WORDS.length]}`);
  }
  const text = `vxed: 1
name: generated
description: ${rules} rules
type: strict
program: /usr/sbin/daemon
exec: once
files:
  /usr/sbin/daemon: read execute
${files.join('\n')}
network:
  accept: [${ports.map((port) => `tcp/${port}`).join(', ')}]
  connect: []
  interface: host
calls:
  permit: [${whole.join(', ')}]
  when:
${ROWS.map(([call, list]) => `    ${call}:\n${list.map((row) => `      - ${row}`).join('\n')}`).join('\n')}
`;
  return { text, world: { entries, open: [] } };
}
