import type { JsonValue, SourceSpan } from '../common/index.js';
import type {
  Descriptor,
  FileRule,
  NetworkInterface,
  ResourceRule,
  RuleId,
  Service,
  SocketAccess,
} from '../policy/index.js';
import type { Arch, CallTable, KernelFeatures, SeccompCompiler } from './ports.js';
import type { FileWorld, HostLister } from './world.js';

export interface LoweringTarget {
  readonly arch: Arch;
  readonly features: KernelFeatures;
  /** The bundle's rootfs, or the host's own tree through a lister. */
  readonly world: FileWorld | { readonly host: HostLister };
  readonly compiler: SeccompCompiler;
  readonly calls: CallTable;
}

export interface OciSeccompArg {
  readonly index: number;
  readonly op: 'SCMP_CMP_MASKED_EQ';
  /** The mask, as libseccomp and OCI have it for this operator. */
  readonly value: bigint;
  /** The value compared with. */
  readonly valueTwo: bigint;
}

export interface OciSeccompSyscall {
  readonly names: readonly string[];
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  readonly errnoRet?: number;
  readonly args?: readonly OciSeccompArg[];
}

/** `linux.seccomp` of config.json. */
export interface OciSeccomp {
  readonly defaultAction: 'SCMP_ACT_ERRNO';
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly OciSeccompSyscall[];
}

export interface SeccompPlan {
  readonly oci: OciSeccomp;
  /** vxe/filter.bpf */
  readonly filter: Uint8Array;
  /** vxe/soft.bpf: raises besides what names a file or a port, since nothing else judges it in soft mode; holds rings. */
  readonly soft: Uint8Array;
  /** Notified calls whose answer is not EPERM: call name to errno name. */
  readonly refuseErrno: Readonly<Record<string, string>>;
}

export interface LandlockPathRule {
  readonly allowedAccess: readonly string[];
  readonly paths: readonly string[];
  /** VXE's own: no rule of the profile names these paths, so what is gone, or has become a link, when the program starts is granted nothing. */
  readonly optional?: true;
}

export interface LandlockPortRule {
  readonly allowedAccess: readonly string[];
  readonly ports: readonly number[];
}

/** `process.landlock` of config.json. */
export interface OciLandlock {
  readonly ruleset: {
    readonly handledAccessFS: readonly string[];
    readonly handledAccessNet: readonly string[];
    readonly scoped: readonly string[];
  };
  readonly rules: {
    readonly pathBeneath: readonly LandlockPathRule[];
    readonly netPort: readonly LandlockPortRule[];
  };
  readonly disableBestEffort: true;
}

export interface OciRlimit {
  readonly type: string;
  readonly soft: bigint;
  readonly hard: bigint;
}

export type EnforcementStatus = 'full' | 'partial' | 'none';

export type Mechanism =
  | 'seccomp'
  | 'landlock'
  | 'mount'
  | 'capabilities'
  | 'rlimit'
  | 'network-namespace'
  | 'pid-namespace'
  | 'cgroup'
  | 'supervisor'
  | 'io_uring'
  | 'bpf'
  | 'launcher'
  | 'rootfs';

/** How one rule is held. */
export interface CoverageRow {
  readonly rule: RuleId;
  readonly mechanism: readonly Mechanism[];
  readonly status: EnforcementStatus;
  readonly note: string;
  /** What the kernel must have for it, such as `Landlock ABI 4`; empty where every supported kernel has it. */
  readonly needs: string;
  /** The administrator accepted in the profile that this rule is not held. */
  readonly accepted: boolean;
}

/** Everything that the bundle builder writes, one field for each place it goes to. */
export interface Lowered {
  readonly seccomp: SeccompPlan;
  readonly landlock: OciLandlock;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  /** Rule paths that something may be written in, created in or removed from; all else may be mounted read-only. */
  readonly writablePaths: readonly string[];
  /** The bounding, permitted and effective set. */
  readonly capabilities: readonly string[];
  readonly rlimits: readonly OciRlimit[];
  readonly networkInterface: NetworkInterface;
  readonly execOnce: boolean;
  /** `tcp/110` or `tcp/80-90` for what may be bound, whatever the address. */
  readonly listen: readonly string[];
  /** What a cgroup's socket programs hold, line by line; empty: nothing. */
  readonly addresses: string;
  /** A cgroup's programs refuse unix sockets every address. */
  readonly refusesUnix: boolean;
  readonly resources: readonly ResourceRule[];
  readonly descriptors: readonly Descriptor[];
  /** Calls that the supervisor performs in the caller's place. */
  readonly supervised: readonly string[];
  /** What the rings may do that the supervisor makes, in words of the policy's table; empty: it makes none. */
  readonly rings: readonly string[];
  /** Files that it opens for the process that they belong to, line by line; empty: none. */
  readonly ownFiles: string;
  readonly services: readonly Service[];
  readonly coverage: readonly CoverageRow[];
  /** vxe/judge.json */
  readonly judge: Judge;
  /** vxe/after.json; undefined where nothing is told after calls. */
  readonly after: After | undefined;
}

/** A rule as the supervisor names it in records. */
export interface JudgedRule {
  readonly rule: RuleId;
  /** Where the profile says it. */
  readonly at: string;
}

/** What the supervisor judges by in soft mode, and names rules by in every mode: the policy's objects, as they are in the instance. */
export interface Judge {
  readonly judge: 2;
  readonly profile: string;
  /** With links followed; the most specific first, so that the first one that holds a path rules it. */
  readonly files: readonly (JudgedRule & { readonly path: string; readonly access: readonly string[] })[];
  /** The most specific first; without an address a rule is for all of them. */
  readonly sockets: readonly (JudgedRule & {
    readonly protocol: 'tcp' | 'udp';
    readonly address?: string;
    readonly from: number;
    readonly to: number;
    readonly access: readonly SocketAccess[];
  })[];
  /** Sockets that are files: these rules come before those of the files. */
  readonly unix: readonly (JudgedRule & {
    readonly path: string;
    readonly access: readonly SocketAccess[];
  })[];
  /** Rules by call; a call that is not here is ruled by calls:default. */
  readonly calls: Readonly<Record<string, JudgedRule>>;
  /** Paths that a mount holds for a rule, and that are not mounted over in soft mode. */
  readonly mounts: readonly (JudgedRule & { readonly path: string; readonly kind: 'mask' | 'readonly' })[];
}

/** A struct sock_filter: code, jt, jf, k. */
export type PlainInstruction = readonly [number, number, number, number];

/** One hook as the launcher takes it. */
export interface PlannedHook extends JudgedRule {
  readonly call: string;
  readonly nr: number;
  /** Over struct seccomp_data as a filter is: SECCOMP_RET_ALLOW where the hook runs, anything else where not. */
  readonly program: readonly PlainInstruction[];
}

/** What is told after calls, in the order in which it is. */
export interface After {
  readonly after: 1;
  readonly profile: string;
  readonly hooks: readonly PlannedHook[];
}

/** vxe/coverage.json */
export function coverageJson(rows: readonly CoverageRow[]): JsonValue {
  return rows.map((row) => ({ ...row, mechanism: [...row.mechanism] }));
}

/** A narrower file rule below a wider one, which a mount must hold since Landlock cannot there. */
export interface MountDemand {
  readonly rule: FileRule;
  /** With links followed. */
  readonly path: string;
  /** Landlock rights that the wider rule gives here and this one does not. */
  readonly takeAway: readonly string[];
}

/** A row before the administrator's acceptance is looked at. */
export type Coverage = Omit<CoverageRow, 'accepted'> & {
  readonly span: SourceSpan;
  /** What to write instead, where nothing holds the rule and no kernel would. */
  readonly remedy?: string;
};
