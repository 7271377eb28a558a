import type { ArgumentTest, Policy } from '../../policy/index.js';
import { constantValue, fileVerdict, isBeneath, NAMESPACE_FLAGS } from '../../policy/index.js';
import type { Edit } from './edit.js';

/** Programs that turn one execution into any other. */
const INTERPRETERS =
  /\/(?:sh|bash|dash|ash|zsh|ksh|fish|csh|tcsh|busybox|python[\d.]*|perl[\d.]*|ruby[\d.]*|node|php[\d.]*|lua[\d.]*|tclsh[\d.]*|awk|gawk|mawk|env|nc|ncat|netcat|socat|curl|wget|ssh|scp|vi|vim|nano|ed|sudo|su|gdb|strace)$/;

/** What holds accounts, keys and other people's secrets, or reaches the kernel and other processes. */
const SENSITIVE: readonly (readonly [RegExp, string])[] = [
  [/^\/etc\/(?:g?shadow|sudoers|security)(?:[-/.]|$)/, 'accounts and who may become whom'],
  [/(?:^|\/)(?:\.ssh|\.gnupg|ssl\/private|private|keys?)(?:\/|$)|\.(?:key|pem|p12|pfx|jks|kdbx)$/, 'keys'],
  [/^\/(?:root|home)(?:\/|$)/, "people's own files"],
  [/^\/proc\/(?:\d+|kcore|kallsyms|keys|sys)(?:\/|$)/, 'other processes and the kernel'],
  [/^\/(?:sys|boot|lib\/modules)(?:\/|$)/, 'the kernel'],
  [/^\/dev\/(?!null$|zero$|full$|random$|urandom$|tty$)/, 'devices'],
  [/^\/var\/(?:spool|mail)(?:\/|$)/, "other people's mail and jobs"],
  [
    /^\/(?:var\/)?run\/(?:docker|containerd|crio|podman|dbus|systemd|vxe)(?:[./]|$)/,
    'services that act as root',
  ],
  [/^\/(?:etc\/cron|var\/spool\/cron|etc\/systemd|etc\/init\.d|etc\/ld\.so)/, 'what others execute'],
];

/** Calls that no daemon needs and every intruder wants. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ...['ptrace', 'process_vm_readv', 'process_vm_writev', 'pidfd_getfd', 'kcmp', 'process_madvise'].map(
    (call): [string, string] => [call, 'reaches into other processes'],
  ),
  ...[
    'init_module',
    'finit_module',
    'delete_module',
    'kexec_load',
    'kexec_file_load',
    'bpf',
    'perf_event_open',
  ].map((call): [string, string] => [call, 'puts code into the kernel']),
  ...[
    'mount',
    'umount2',
    'pivot_root',
    'move_mount',
    'open_tree',
    'fsopen',
    'fsmount',
    'fsconfig',
    'mount_setattr',
    'chroot',
  ].map((call): [string, string] => [call, 'changes what paths mean']),
  ...['unshare', 'setns', 'clone3'].map((call): [string, string] => [call, 'makes or enters namespaces']),
  ...['io_uring_setup', 'io_uring_enter', 'io_uring_register'].map((call): [string, string] => [
    call,
    'performs other calls out of sight of the filter',
  ]),
  ...[
    'keyctl',
    'add_key',
    'request_key',
    'userfaultfd',
    'memfd_create',
    'modify_ldt',
    'iopl',
    'ioperm',
    'personality',
  ].map((call): [string, string] => [call, 'is a usual step of exploits']),
  ...['open_by_handle_at', 'name_to_handle_at'].map((call): [string, string] => [
    call,
    'opens files past their paths',
  ]),
]);

/** Why a change needs a person's yes; undefined: an ordinary one. */
export function dangerOf(edit: Edit, policy: Policy): string | undefined {
  switch (edit.kind) {
    case 'file':
      return fileDanger(edit, policy);
    case 'call':
      return callDanger(edit);
    case 'port':
      return edit.side === 'connect' ? 'a new outward connection' : undefined;
    case 'socket':
      if (edit.object.kind !== 'internet') return 'a service of another process';
      return edit.access.some((word) => word !== 'accept') ? 'a new outward connection' : undefined;
    case 'exec':
      return 'programs may be executed after the launch';
    case 'capability':
      return `${edit.name} is power beyond the profile's files and calls`;
    case 'limit':
    case 'resource':
      return undefined;
    case 'interface':
      return "the host's network, not one of its own";
  }
}

function fileDanger(edit: Extract<Edit, { kind: 'file' }>, policy: Policy): string | undefined {
  const { path, access } = edit;
  const verdict = fileVerdict(policy, path);
  if (policy.files.some((own) => own.path === path && own.access.size === 0))
    return 'the profile forbids it by name';
  // A rule for the path would win over the pattern.
  const pattern = verdict?.rules.find((own) => 'kind' in own && own.access.size === 0);
  if (pattern !== undefined) return `the profile forbids it by ${pattern.id}`;
  const sensitive = SENSITIVE.find(([pattern]) => pattern.test(path));
  if (sensitive !== undefined) return `it holds ${sensitive[1]}`;
  const below = policy.files.find(
    (other) => other.access.size === 0 && other.path !== path && isBeneath(other.path, path),
  );
  if (access.includes('execute')) {
    if (INTERPRETERS.test(path)) return 'it executes whatever it is told';
    if (edit.folder) return 'everything in the folder may be executed';
    return 'one more program may be executed';
  }
  const changes = access.some((word) => word === 'write' || word === 'create');
  if (changes && (verdict?.access.has('execute') === true || access.includes('execute')))
    return 'what is written there may be executed';
  if (changes && /^\/(?:etc|usr|bin|sbin|lib\w*|opt)(?:\/|$)/.test(path))
    return 'programs and their settings are there';
  if (below !== undefined && edit.folder) return `${below.path}, which the profile forbids, lies in it`;
  return path === '/' || path.split('/').length === 2 ? 'a whole part of the tree' : undefined;
}

const NAMESPACE_BITS = Object.entries(NAMESPACE_FLAGS)
  // CLONE_NEWTIME is a bit of clone's exit signal.
  .filter(([name]) => name !== 'time')
  .reduce((bits, [, flag]) => bits | (constantValue(flag) ?? 0n), 0n);

/** Not said by the flags that none is made. */
function makesNamespaces(rows: Extract<Edit, { kind: 'call' }>['rows']): boolean {
  const bars = ({ name, condition }: ArgumentTest): boolean =>
    name === 'flags' &&
    condition.kind === 'masked' &&
    (condition.mask & NAMESPACE_BITS) === NAMESPACE_BITS &&
    (condition.value & NAMESPACE_BITS) === 0n;
  return rows?.every((row) => row.tests.some(bars)) !== true;
}

function callDanger({ call, rows }: Extract<Edit, { kind: 'call' }>): string | undefined {
  const method = METHODS.get(call);
  if (method !== undefined) return `${call} ${method}`;
  if (call === 'execve' || call === 'execveat') return 'programs may be executed';
  if (call === 'clone' && makesNamespaces(rows)) return 'clone makes namespaces';
  const executable = constantValue('PROT_EXEC') ?? 4n;
  if (['mmap', 'mprotect', 'pkey_mprotect'].includes(call)) {
    const says = rows?.every((row) =>
      row.tests.some(
        ({ name, condition }) =>
          name === 'prot' &&
          condition.kind === 'masked' &&
          (condition.mask & executable) !== 0n &&
          (condition.value & executable) === 0n,
      ),
    );
    if (says !== true) return `${call} makes memory executable`;
  }
  if (call === 'socket') {
    const families = ['AF_PACKET', 'AF_NETLINK', 'AF_VSOCK', 'AF_ALG', 'AF_KEY', 'AF_BLUETOOTH'].map((name) =>
      constantValue(name),
    );
    const seen = rows?.flatMap((row) => row.tests.filter(({ name }) => name === 'domain'));
    if (
      seen === undefined ||
      seen.some(({ condition }) => condition.kind === 'masked' && families.includes(condition.value))
    )
      return 'sockets of families that reach the kernel';
    const raw = constantValue('SOCK_RAW') ?? 3n;
    if (
      rows?.some((row) =>
        row.tests.some(
          ({ name, condition }) =>
            name === 'type' && condition.kind === 'masked' && (condition.value & 0xfn) === raw,
        ),
      )
    )
      return 'raw sockets';
  }
  return undefined;
}
