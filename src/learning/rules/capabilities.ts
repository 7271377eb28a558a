import { callNumber, signatureOf } from '../../policy/index.js';
import { evidenceOf } from '../facts/evidence.js';
import type { Observations } from '../facts/observe.js';
import type { CapabilityDraft, Mark } from './draft.js';
import { namespacesNeedAdmin } from './namespaces.js';

/** Capabilities with which a process is root again, whatever else it lacks. */
const STRONG: ReadonlyMap<string, string> = new Map([
  ['CAP_SYS_ADMIN', 'is nearly root'],
  ['CAP_SYS_PTRACE', 'reaches into other processes'],
  ['CAP_SYS_MODULE', 'runs code in the kernel'],
  ['CAP_SYS_RAWIO', 'reaches the hardware'],
  ['CAP_DAC_READ_SEARCH', 'reads every file'],
  ['CAP_BPF', 'runs programs in the kernel'],
  ['CAP_PERFMON', 'watches the kernel'],
  ['CAP_MKNOD', 'makes devices'],
  ['CAP_SYS_BOOT', 'restarts the machine'],
]);

/** For these the kernel looks whether the last of the memory may be used, which is CAP_SYS_ADMIN's; without it nothing fails for that. */
const ACCOUNTED: ReadonlySet<string> = new Set(
  (
    'brk mmap mremap mprotect munmap shmget shmat memfd_create ftruncate fallocate execve execveat fork vfork clone clone3 ' +
    'write pwrite64 writev pwritev pwritev2 sendfile splice copy_file_range'
  ).split(' '),
);

/** What a call needs in a process that is root's, where no recorder said what the kernel asked for. */
const LIKELY: readonly [RegExp, string][] = [
  [/^set(re|res|fs)?uid$/, 'CAP_SETUID'],
  [/^(set(re|res|fs)?gid|setgroups)$/, 'CAP_SETGID'],
  [/^chroot$/, 'CAP_SYS_CHROOT'],
  [/^(f|l)?chown(at)?$/, 'CAP_CHOWN'],
];

export function capabilityDrafts(seen: Observations): readonly CapabilityDraft[] {
  const drafts = seen.capabilities === undefined ? likely(seen) : askedFor(seen, seen.capabilities);
  if (!namespacesNeedAdmin(seen) || drafts.some(({ name }) => name === ADMIN)) return drafts;
  // What clone asks for to make namespaces looks as what it asks for memory.
  const inferred = 'clone needs it to make namespaces';
  const id = `capabilities:${ADMIN}`;
  return [...drafts, { id, name: ADMIN, evidence: undefined, inferred, mark: markOf(ADMIN) }];
}

const ADMIN = 'CAP_SYS_ADMIN';

function askedFor(
  seen: Observations,
  capabilities: ReadonlyMap<string, readonly string[]>,
): readonly CapabilityDraft[] {
  return [...capabilities]
    .filter(([name, calls]) => name !== ADMIN || calls.some((call) => !ACCOUNTED.has(call)))
    .filter(([name, calls]) => name !== 'CAP_NET_ADMIN' || !onlyReadsSettings(calls, seen))
    .map(([name, calls]): CapabilityDraft => {
      const evidence = calls.flatMap((call) => seen.calls.get(call)?.evidence ?? []);
      return {
        id: `capabilities:${name}`,
        name,
        evidence: evidence.length === 0 ? undefined : evidenceOf(evidence),
        inferred: evidence.length === 0 ? `asked for in ${calls.join(', ')}` : undefined,
        mark: markOf(name),
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * On the way to a setting of the network, and when it is read, the kernel looks whether the caller may change it, which is CAP_NET_ADMIN's; who only
 * reads goes by the file's mode.
 */
function onlyReadsSettings(calls: readonly string[], { files }: Observations): boolean {
  const settings = files.filter(({ path }) => path.startsWith('/proc/sys/net/'));
  const looks = (call: string): boolean =>
    /^p?read(v2?|64)?$/.test(call) || signatureOf(call)?.some(({ type }) => type === 'path') === true;
  return settings.length > 0 && settings.every(({ access }) => !access.has('write')) && calls.every(looks);
}

function likely(seen: Observations): readonly CapabilityDraft[] {
  const names = new Map<string, string[]>();
  for (const call of seen.calls.keys())
    for (const [pattern, name] of LIKELY)
      if (pattern.test(call) && callNumber(call) !== undefined)
        names.set(name, [...(names.get(name) ?? []), call]);
  const low = seen.addresses.filter(
    ({ call, address }) => call === 'bind' && (address.port ?? 1024) < 1024 && address.port !== 0,
  );
  if (low.length > 0) names.set('CAP_NET_BIND_SERVICE', ['bind']);
  return [...names]
    .map(
      ([name, calls]): CapabilityDraft => ({
        id: `capabilities:${name}`,
        name,
        evidence: undefined,
        inferred: `${calls.join(', ')} may need it; this recorder does not know what the kernel asked for`,
        mark: markOf(name),
      }),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function markOf(name: string): Mark | undefined {
  const reason = STRONG.get(name);
  return reason === undefined ? undefined : { reason };
}
