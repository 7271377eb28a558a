import type { CallEvent, Policy } from '../../policy/index.js';
import type { Cause } from './cause.js';
import type { Facts } from './facts.js';

/** Which limit an error is about, by the call that meets it; the first that the profile has counts. */
const LIMITS: readonly {
  readonly errno: readonly string[];
  readonly calls: RegExp;
  readonly limits: readonly string[];
  readonly what: string;
}[] = [
  { errno: ['EMFILE'], calls: /./, limits: ['RLIMIT_NOFILE'], what: 'open descriptors' },
  {
    errno: ['EAGAIN'],
    calls: /^(?:fork|vfork|clone3?|execve|set(?:re|res)?uid)$/,
    limits: ['RLIMIT_NPROC'],
    what: 'processes of its user',
  },
  {
    errno: ['EFBIG'],
    calls: /^(?:p?write(?:v2?|64)?|f?truncate|fallocate|sendfile|copy_file_range)$/,
    limits: ['RLIMIT_FSIZE'],
    what: 'size of a file',
  },
  {
    errno: ['ENOMEM', 'EPERM', 'EAGAIN'],
    calls: /^mlock(?:all|2)?$/,
    limits: ['RLIMIT_MEMLOCK'],
    what: 'locked memory',
  },
  {
    errno: ['ENOMEM', 'EAGAIN'],
    calls: /^(?:mmap|mremap|brk|shmat|clone3?|fork)$/,
    limits: ['RLIMIT_AS', 'RLIMIT_DATA'],
    what: 'memory',
  },
  { errno: ['EMFILE', 'ENOMEM'], calls: /^mq_open$/, limits: ['RLIMIT_MSGQUEUE'], what: 'message queues' },
  {
    errno: ['EAGAIN'],
    calls: /^(?:timer_create|sigqueue|rt_sigqueueinfo)$/,
    limits: ['RLIMIT_SIGPENDING'],
    what: 'pending signals',
  },
];

/** What makes processes and threads. */
const MAKES = /^(?:fork|vfork|clone3?)$/;

export function limitCause(
  event: CallEvent,
  errno: string | undefined,
  policy: Policy,
  { users }: Facts,
): Cause | undefined {
  const pids = MAKES.test(event.call) && errno === 'EAGAIN' ? pidsCause(policy) : undefined;
  // Of the superuser the kernel counts no processes.
  if (pids !== undefined && users.every(({ uid }) => uid === 0)) return pids;
  return resourceLimit(event, errno, policy) ?? pids;
}

function pidsCause({ resources }: Policy): Cause | undefined {
  const limit = resources.find(({ resource }) => resource === 'pids');
  if (limit === undefined) return undefined;
  const value = limit.value * 2n;
  return {
    kind: 'limit',
    sentence: `The limit pids (processes and threads of the whole instance) of the profile is reached: it is ${limit.value}.`,
    fix: {
      kind: 'rule',
      rule: `resources: {pids: ${value}}`,
      edits: [{ kind: 'resource', resource: 'pids', value }],
    },
    opens: `more processes and threads: ${value} instead of ${limit.value}`,
    danger: undefined,
  };
}

function resourceLimit(event: CallEvent, errno: string | undefined, policy: Policy): Cause | undefined {
  for (const { errno: errors, calls, limits, what } of LIMITS) {
    if (!errors.includes(errno ?? '') || !calls.test(event.call)) continue;
    const limit = policy.limits.find(({ type }) => limits.includes(type));
    if (limit === undefined) continue;
    const name = limit.type.slice('RLIMIT_'.length).toLowerCase();
    // A limit of zero is doubled to nothing.
    const twice = limit.value === 0n ? 65_536n : limit.value * 2n;
    const asked = limit.value + askedBytes(event);
    const value = asked > twice ? asked : twice;
    return {
      kind: 'limit',
      sentence: `The resource limit ${name} (${what}) of the profile is reached: it is ${limit.value}.`,
      fix: {
        kind: 'rule',
        rule: `limits: {${name}: ${value}}`,
        edits: [{ kind: 'limit', type: limit.type, value }],
      },
      opens: `more ${what}: ${value} instead of ${limit.value}`,
      danger: undefined,
    };
  }
  return undefined;
}

/** What calls about memory ask for at once. */
function askedBytes({ call, arguments: given }: CallEvent): bigint {
  const index = { mmap: 1, mlock: 1, mlock2: 1, mremap: 2 }[call];
  const argument = index === undefined ? undefined : given[index];
  return argument?.kind === 'integer' ? argument.value : 0n;
}
