import type { CallEvent } from '../../policy/index.js';
import { constantValue } from '../../policy/index.js';

type Needs = string | ((event: CallEvent) => string | undefined);

function integerAt(event: CallEvent, index: number): bigint | undefined {
  const argument = event.arguments[index];
  return argument?.kind === 'integer' ? argument.value : undefined;
}

const rawSocket: Needs = (event) => {
  const type = (integerAt(event, 1) ?? 0n) & 0xfn;
  const domain = integerAt(event, 0);
  if (domain === constantValue('AF_PACKET')) return 'CAP_NET_RAW';
  // Others (AF_NETLINK) call their only type so.
  const internet = domain === constantValue('AF_INET') || domain === constantValue('AF_INET6');
  return internet && type === constantValue('SOCK_RAW') ? 'CAP_NET_RAW' : undefined;
};

/** Ports below 1024, which the kernel keeps to those who may (ip_unprivileged_port_start). */
const lowPort: Needs = (event) => {
  const address = event.arguments[1];
  return address?.kind === 'address' &&
    'port' in address.value &&
    address.value.port < 1024 &&
    address.value.port > 0
    ? 'CAP_NET_BIND_SERVICE'
    : undefined;
};

/** The capability that a call asks for where it fails with EPERM or EACCES (capabilities(7)). */
const NEEDS: ReadonlyMap<string, Needs> = new Map<string, Needs>([
  ...['chown', 'fchown', 'lchown', 'fchownat'].map((call): [string, Needs] => [call, 'CAP_CHOWN']),
  ...['chmod', 'fchmod', 'fchmodat', 'fchmodat2', 'utime', 'utimes', 'utimensat', 'futimesat'].map(
    (call): [string, Needs] => [call, 'CAP_FOWNER'],
  ),
  ...['setuid', 'setreuid', 'setresuid', 'setfsuid'].map((call): [string, Needs] => [call, 'CAP_SETUID']),
  ...['setgid', 'setregid', 'setresgid', 'setfsgid', 'setgroups'].map((call): [string, Needs] => [
    call,
    'CAP_SETGID',
  ]),
  ...[
    'mount',
    'umount2',
    'pivot_root',
    'sethostname',
    'setdomainname',
    'swapon',
    'swapoff',
    'quotactl',
    'setns',
    'unshare',
  ].map((call): [string, Needs] => [call, 'CAP_SYS_ADMIN']),
  ...['mlock', 'mlock2', 'mlockall', 'shmctl'].map((call): [string, Needs] => [call, 'CAP_IPC_LOCK']),
  ...['settimeofday', 'clock_settime', 'adjtimex', 'clock_adjtime'].map((call): [string, Needs] => [
    call,
    'CAP_SYS_TIME',
  ]),
  ...[
    'setpriority',
    'sched_setscheduler',
    'sched_setattr',
    'sched_setparam',
    'sched_setaffinity',
    'ioprio_set',
  ].map((call): [string, Needs] => [call, 'CAP_SYS_NICE']),
  ...['init_module', 'finit_module', 'delete_module'].map((call): [string, Needs] => [
    call,
    'CAP_SYS_MODULE',
  ]),
  ...['iopl', 'ioperm'].map((call): [string, Needs] => [call, 'CAP_SYS_RAWIO']),
  ...['reboot', 'kexec_load', 'kexec_file_load'].map((call): [string, Needs] => [call, 'CAP_SYS_BOOT']),
  ...['setrlimit', 'prlimit64'].map((call): [string, Needs] => [call, 'CAP_SYS_RESOURCE']),
  ...['mknod', 'mknodat'].map((call): [string, Needs] => [call, 'CAP_MKNOD']),
  ...['kill', 'tkill', 'tgkill'].map((call): [string, Needs] => [call, 'CAP_KILL']),
  ['chroot', 'CAP_SYS_CHROOT'],
  ['acct', 'CAP_SYS_PACCT'],
  ['syslog', 'CAP_SYSLOG'],
  ['vhangup', 'CAP_SYS_TTY_CONFIG'],
  ['ptrace', 'CAP_SYS_PTRACE'],
  ['bpf', 'CAP_BPF'],
  ['socket', rawSocket],
  ['bind', lowPort],
]);

/** The capability that decides about this call; undefined where none does. */
export function capabilityFor(event: CallEvent): string | undefined {
  const needs = NEEDS.get(event.call);
  return typeof needs === 'function' ? needs(event) : needs;
}
