import { isBeneath } from '../../policy/index.js';

/** Folders whose files are each somebody's: a rule for one of them never becomes one for its neighbours by itself. */
const FOLDERS: readonly [string, string][] = [
  ['/dev', 'devices'],
  ['/proc', 'what the kernel tells of processes'],
  ['/sys', 'the kernel'],
  ['/etc/ssl/private', 'keys'],
  ['/etc/ssh', 'keys'],
  ['/etc/letsencrypt', 'keys'],
  ['/root', "root's files"],
  ['/home', "users' files"],
  ['/var/mail', "users' mail"],
  ['/var/spool', 'spools'],
  ['/var/lib/private', 'state of services'],
  ['/run/user', "users' files"],
  ['/bin', 'programs'],
  ['/sbin', 'programs'],
  ['/usr/bin', 'programs'],
  ['/usr/sbin', 'programs'],
  ['/usr/local', 'programs'],
  ['/usr/libexec', 'programs'],
];

/** Folders too general for a rule, of which what is below is what matters. */
const TOO_GENERAL: ReadonlySet<string> = new Set([
  '/',
  '/etc',
  '/usr',
  '/var',
  '/var/lib',
  '/var/log',
  '/var/cache',
  '/var/run',
  '/run',
  '/tmp',
  '/opt',
  '/srv',
  '/mnt',
  '/media',
]);

const NAMES =
  /(^|[._-])(shadow|gshadow|passwd|group|sudoers|id_[a-z0-9]+|.*\.key|.*_key|.*private.*|.*secret.*|.*credential.*|.*\.kdbx?|\.htpasswd)-?$/i;

/** Why no rule may be made that covers this file together with others; undefined where one may. */
export function sensitivity(path: string): string | undefined {
  const folder = FOLDERS.find(([each]) => isBeneath(path, each));
  if (folder !== undefined) return folder[1];
  const name = path.slice(path.lastIndexOf('/') + 1);
  return NAMES.test(name) ? 'accounts or keys' : undefined;
}

/** Whether a rule may stand for a folder and all below it. */
export function mayCover(folder: string): boolean {
  return !TOO_GENERAL.has(folder) && sensitivity(folder) === undefined;
}

/** Programs that do whatever they are told. */
const SHELLS =
  /^(sh|bash|dash|zsh|ksh|busybox|python[0-9.]*|perl[0-9.]*|ruby[0-9.]*|node|php[0-9.]*|lua[0-9.]*|tclsh[0-9.]*|awk|gawk|mawk|sed|env|xargs|find|vi|vim|nano|ed|cp|mv|dd|tar|curl|wget|nc|ncat|socat|ssh|su|sudo|gdb|strace)$/;

export function isShell(path: string): boolean {
  return SHELLS.test(path.slice(path.lastIndexOf('/') + 1));
}
