import type { RecordedAddress, RecordedCall, RecordedPath, Recording } from '../../src/learning/index.js';
import { constantValue, parseConstants, signatureOf } from '../../src/policy/index.js';

let nextSeq = 1;

interface CallOptions {
  readonly args?: Readonly<Record<string, string | number>>;
  readonly paths?: readonly Partial<RecordedPath>[];
  readonly address?: RecordedAddress;
  readonly errno?: string;
  readonly unknown?: boolean;
  readonly count?: number;
  readonly exe?: string;
  readonly arch?: string;
  readonly tid?: number;
}

/** A call as a recorder tells it; arguments by name, constants as the kernel has them. */
export function call(name: string, options: CallOptions = {}): RecordedCall {
  const args = (signatureOf(name) ?? []).map((argument) => {
    const given = options.args?.[argument.name];
    if (given === undefined) return argument.type === 'dirfd' ? 0xffffff9cn : 0n;
    if (typeof given === 'number') return BigInt(given);
    const value = parseConstants(given);
    if (!value.ok) throw new TypeError(given);
    return BigInt.asUintN(64, value.value);
  });
  return {
    kind: 'call',
    seq: nextSeq++,
    time: '2026-01-01T00:00:00.000000000Z',
    pid: 42,
    tid: options.tid ?? 42,
    ppid: 1,
    comm: 'daemon',
    exe: options.exe ?? '/usr/sbin/daemon',
    arch: options.arch ?? 'x86_64',
    call: name,
    args,
    decoded: new Map(),
    detail: `${name}(...)`,
    paths: (options.paths ?? []).map((path) => ({
      argument: 'path',
      given: path.path,
      path: undefined,
      kind: 'file',
      known: 'kernel',
      truncated: false,
      access: undefined,
      ...path,
    })),
    address: options.address,
    result: options.unknown === true ? undefined : options.errno === undefined ? 0n : -1n,
    errno: options.errno,
    byOwnFilter: false,
    count: options.count ?? 1,
  };
}

/** A file that was opened for something, as the BPF recorder tells it. */
export function opened(path: string, access = 'read', flags = 'O_RDONLY'): RecordedCall {
  return call('openat', {
    args: { flags: access.includes('create') ? `${flags}|O_CREAT` : flags },
    paths: [{ path, access: new Set(access.split(' ')) }],
  });
}

export function tcp(host: string, port: number, type = 'SOCK_STREAM'): RecordedAddress {
  const protocol = type === 'SOCK_STREAM' ? 'tcp' : 'udp';
  return {
    text: `${protocol}/${host}:${port}`,
    family: host.includes(':') ? 'AF_INET6' : 'AF_INET',
    type,
    host,
    port,
    path: undefined,
  };
}

export interface RecordingOptions {
  readonly run?: string;
  readonly lost?: number;
  readonly lostProcesses?: number;
  readonly capabilities?: ReadonlyMap<string, readonly string[]> | undefined;
}

let nextRun = 1;

/** A whole recording: the launch, and what came after it. */
export function recording(calls: readonly RecordedCall[], options: RecordingOptions = {}): Recording {
  const launch = call('execve', { paths: [{ path: '/usr/sbin/daemon' }] });
  const all = [launch, ...calls];
  const recorded = all.reduce((sum, each) => sum + each.count, 0);
  const lost = options.lost ?? 0;
  return {
    name: 'test.ndjson',
    header: {
      kind: 'header',
      run: options.run ?? (nextRun++).toString(16).padStart(16, '0'),
      time: '2026-01-01T00:00:00.000000000Z',
      recorder: 'bpf',
      every: false,
      results: true,
      instance: 'daemon',
      program: ['/usr/sbin/daemon'],
      root: 'bundle',
      exercise: undefined,
      uid: 0,
    },
    calls: all,
    processes: [],
    trailer: {
      kind: 'trailer',
      calls: recorded + lost,
      recorded,
      lost: new Map(lost > 0 ? [['ring', lost]] : []),
      lostProcesses: options.lostProcesses ?? 0,
      capabilities: options.capabilities,
      end: 'stopped',
      status: 0,
      exercise: 0,
    },
  };
}

export function flag(name: string): bigint {
  return constantValue(name) ?? 0n;
}

/** A linear congruential generator: the same draws in every run of the test. */
export function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}
