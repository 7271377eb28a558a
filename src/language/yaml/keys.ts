/** The keys of a profile, version 1; the published schema has the same. */
export const PROFILE_KEYS = [
  'vxed',
  'name',
  'description',
  'type',
  'program',
  'files',
  'network',
  'exec',
  'processes',
  'namespaces',
  'descriptors',
  'capabilities',
  'limits',
  'resources',
  'services',
  'calls',
  'accept-unenforced',
  'learned',
] as const;

export const REQUIRED_KEYS: readonly ProfileKey[] = ['vxed', 'name', 'type'];
export const NETWORK_KEYS = ['accept', 'connect', 'sockets', 'interface'] as const;
export const PROCESS_KEYS = ['signal', 'trace'] as const;
export const CALLS_KEYS = ['permit', 'when', 'quiet', 'after'] as const;
export const CONDITION_KEYS = ['is', 'mask', 'without', 'with', 'only', 'from', 'to'] as const;

/** Limit words and the kernel's resources. */
export const LIMITS: ReadonlyMap<string, string> = new Map([
  ['as', 'RLIMIT_AS'],
  ['core', 'RLIMIT_CORE'],
  ['cpu', 'RLIMIT_CPU'],
  ['data', 'RLIMIT_DATA'],
  ['fsize', 'RLIMIT_FSIZE'],
  ['locks', 'RLIMIT_LOCKS'],
  ['memlock', 'RLIMIT_MEMLOCK'],
  ['msgqueue', 'RLIMIT_MSGQUEUE'],
  ['nice', 'RLIMIT_NICE'],
  ['nofile', 'RLIMIT_NOFILE'],
  ['nproc', 'RLIMIT_NPROC'],
  ['rss', 'RLIMIT_RSS'],
  ['rtprio', 'RLIMIT_RTPRIO'],
  ['rttime', 'RLIMIT_RTTIME'],
  ['sigpending', 'RLIMIT_SIGPENDING'],
  ['stack', 'RLIMIT_STACK'],
]);

export type ProfileKey = (typeof PROFILE_KEYS)[number];
export type NetworkKey = (typeof NETWORK_KEYS)[number];
export type CallsKey = (typeof CALLS_KEYS)[number];
export type ConditionKey = (typeof CONDITION_KEYS)[number];
