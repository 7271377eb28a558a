import type { Result } from '../common/index.js';
import type { Arch } from '../policy/index.js';

export type { Arch } from '../policy/index.js';

/** One comparison of a rule; every comparison that VXE makes is `(argument & mask) == value` in 64 bits. */
export interface SeccompComparison {
  readonly index: number;
  readonly mask: bigint;
  readonly value: bigint;
}

export type SeccompAction =
  | { readonly kind: 'allow' }
  | { readonly kind: 'errno'; readonly errno: number }
  | { readonly kind: 'notify' }
  | { readonly kind: 'kill-process' };

/** All comparisons must hold; at most one for each argument, as libseccomp demands. */
export interface SeccompRule {
  readonly nr: number;
  readonly action: SeccompAction;
  readonly comparisons: readonly SeccompComparison[];
}

export interface SeccompProgram {
  readonly arch: Arch;
  readonly defaultAction: SeccompAction;
  readonly badArchAction: SeccompAction;
  readonly rules: readonly SeccompRule[];
}

/** Turns rules into an array of struct sock_filter, host byte order. */
export interface SeccompCompiler {
  readonly version: string;
  compile(program: SeccompProgram): Result<Uint8Array>;
}

/** The calls that the seccomp library of this host knows. */
export interface CallTable {
  resolve(name: string, arch: Arch): number | undefined;
  name(nr: number, arch: Arch): string | undefined;
  list(arch: Arch): ReadonlyMap<string, number>;
}

/** What the kernel at hand can hold. */
export interface KernelFeatures {
  /** 0 where Landlock is absent or switched off. */
  readonly landlockAbi: number;
  /** The kernel's names: allow, errno, user_notif, kill_process ... */
  readonly seccompActions: readonly string[];
  readonly userNamespaces: boolean;
  /** Whether this user may make the other namespaces, as the superuser or within a user namespace; absent: as `userNamespaces`. */
  readonly namespaces?: boolean;
  /** A ring of io_uring can be held to a list of operations, and its memory cannot be executed; absent: no. */
  readonly rings?: boolean;
  /** Programs on the kernel's tracepoints, which tell what a call came to; absent: no. */
  readonly tracepoints?: boolean;
  /** What the cgroup v2 hierarchy offers this user; absent where there is none to use. */
  readonly cgroup?: {
    /** Programs that judge the addresses of sockets. */
    readonly addresses: boolean;
    /** Programs that judge connections to unix sockets. */
    readonly unix: boolean;
    readonly controllers: readonly string[];
    /** Whether a disk is divided by weight (io.cost.qos); without, the kernel takes a weight and nothing comes of it. */
    readonly diskWeights?: boolean;
    /** Wherever the tree is mounted. */
    readonly paths: readonly string[];
  };
}
