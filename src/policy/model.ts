import type { Result, SourceSpan, Width } from '../common/index.js';
import type { Glob } from './glob.js';
import type { SocketObject } from './socket-object.js';

/** What may be done with a file; a rule with none of these forbids the path and all below it. */
export const ACCESS_WORDS = ['read', 'write', 'create', 'remove', 'execute', 'ioctl'] as const;
export type Access = (typeof ACCESS_WORDS)[number];

/** The name by which coverage, explain and records speak of a rule, such as `files:/etc/shadow`. */
export type RuleId = string;

export interface FileRule {
  readonly id: RuleId;
  /** Absolute and normal: no dot segments, no double or final slash. */
  readonly path: string;
  readonly access: ReadonlySet<Access>;
  /** The source wrote a final slash: the path is a folder even where nothing else tells. */
  readonly folder: boolean;
  /** Made from a pattern, for a file that was there then; it may be gone when the program starts. */
  readonly derived?: true;
  readonly span: SourceSpan;
}

/** A question that the profile asks about a path; it always ends. */
export interface PathPredicate {
  /** Fails where the question itself goes wrong for this path. */
  holds(path: string): Result<boolean>;
  /** The one answer for all paths strictly below a folder; undefined where there may be several. */
  below(folder: string): boolean | undefined;
  /** The question in the language that it was asked in, complete in itself. */
  readonly text: string;
}

interface PatternBase {
  readonly id: RuleId;
  readonly access: ReadonlySet<Access>;
  readonly span: SourceSpan;
}

/** A rule over files that are not named one by one. Which of several rules decides is said in `file-rules.ts`. */
export type PatternRule = PatternBase &
  (
    | { readonly kind: 'glob'; readonly glob: Glob }
    /** The paths in and below the folder for which the predicate holds, each by itself. */
    | { readonly kind: 'predicate'; readonly folder: string; readonly predicate: PathPredicate }
  );

/** A statement about one argument, over the unsigned pattern of its width. */
export type Condition =
  | { readonly kind: 'masked'; readonly mask: bigint; readonly value: bigint }
  | { readonly kind: 'range'; readonly from: bigint; readonly to: bigint }
  | { readonly kind: 'any'; readonly of: readonly Condition[] }
  | { readonly kind: 'all'; readonly of: readonly Condition[] };

export interface ArgumentTest {
  readonly index: number;
  readonly name: string;
  readonly width: Width;
  readonly condition: Condition;
  /** As the profile wrote it, for explanations. */
  readonly text: string;
}

/** Holds where every test holds; a row without tests always holds. */
export interface ArgumentRow {
  readonly tests: readonly ArgumentTest[];
  readonly span: SourceSpan;
}

export interface QuietRow extends ArgumentRow {
  readonly errno: string;
}

export interface CallRule {
  readonly id: RuleId;
  readonly call: string;
  /** `all`: with any arguments. A list: where a row holds. */
  readonly permit: 'all' | readonly ArgumentRow[];
  /** Refused by intention, not logged; wins over `permit`. */
  readonly quiet: readonly QuietRow[];
  readonly span: SourceSpan;
}

/**
 * A call that is told once the kernel has performed it, with its result, where a row holds for its arguments. It permits and refuses
 * nothing. Of one profile there is one for each call.
 */
export interface HookRule {
  /** `after:` and the call. */
  readonly id: RuleId;
  readonly call: string;
  /** Never empty; a row without tests is the only one. */
  readonly rows: readonly ArgumentRow[];
  readonly span: SourceSpan;
}

/** accept: bind, and so be connected or sent to. connect: connect(2). send: a datagram to an address, without connecting. */
export const SOCKET_WORDS = ['accept', 'connect', 'send'] as const;
export type SocketAccess = (typeof SOCKET_WORDS)[number];

export interface SocketRule {
  /** `network:` and the object's canonical text. */
  readonly id: RuleId;
  readonly object: SocketObject;
  /** All that may be done; empty: none. */
  readonly access: ReadonlySet<SocketAccess>;
  readonly span: SourceSpan;
}

export type NetworkInterface = 'host' | 'none' | 'loopback';

export interface NetworkPolicy {
  /** The most specific rule that speaks of an address decides; what no rule speaks of is refused. */
  readonly sockets: readonly SocketRule[];
  readonly interface: NetworkInterface;
}

/** A program that may be executed after the launch: the file, or all files below the folder. */
export interface ProgramRule {
  readonly id: RuleId;
  readonly path: string;
  readonly span: SourceSpan;
}

/** Whom a process may act on: nobody at all, or the processes of the instance, itself included. Others are never in reach. */
export type ProcessReach = 'none' | 'instance';

export interface ProcessPolicy {
  readonly signal: ProcessReach;
  /** ptrace, process_vm_readv and their like. */
  readonly trace: ProcessReach;
}

export const RESOURCES = ['memory', 'swap', 'pids', 'cpu', 'io'] as const;
export type Resource = (typeof RESOURCES)[number];

/**
 * A limit on all processes of the instance together. memory and swap: bytes. pids: a number. cpu: thousandths of one processor.
 * io: a weight from 1 to 10000 against the others, 100 being usual.
 */
export interface ResourceRule {
  readonly id: RuleId;
  readonly resource: Resource;
  readonly value: bigint;
  readonly span: SourceSpan;
}

export const NAMESPACES = ['cgroup', 'ipc', 'mount', 'network', 'pid', 'time', 'user', 'uts'] as const;
export type Namespace = (typeof NAMESPACES)[number];

/** stdio: standard input, output and error. listen: the sockets that the launcher was activated with (LISTEN_FDS). */
export const DESCRIPTORS = ['stdio', 'listen'] as const;
export type Descriptor = (typeof DESCRIPTORS)[number];

export interface LimitRule {
  readonly id: RuleId;
  /** The kernel's name, such as RLIMIT_NOFILE. */
  readonly type: string;
  readonly value: bigint;
  readonly span: SourceSpan;
}

export interface AcceptedRule {
  readonly id: RuleId;
  readonly span: SourceSpan;
}

export const SERVICES = ['syslog', 'notify'] as const;
export type Service = (typeof SERVICES)[number];

/** strict: only named calls. filesystem: every call but those that would undo the file rules. */
export type PolicyType = 'strict' | 'filesystem';

/** What a program and all that it forks may do; independent of syntax and of mechanism. */
export interface Policy {
  readonly name: string;
  readonly description: string;
  readonly type: PolicyType;
  readonly program: string | undefined;
  readonly files: readonly FileRule[];
  readonly patterns: readonly PatternRule[];
  /** Complete: what the profile says, and what VXE adds to every profile of the type. */
  readonly calls: ReadonlyMap<string, CallRule>;
  /** What becomes of known calls that are not in `calls`. */
  readonly unnamed: 'refuse' | 'permit';
  /** What is told after calls, in the order in which it is; of a stack, the members' in theirs. */
  readonly hooks: readonly HookRule[];
  readonly network: NetworkPolicy;
  readonly exec: 'once' | 'any';
  /** With exec any: what alone may be executed, where the file rules let it; undefined: no restriction. */
  readonly programs: readonly ProgramRule[] | undefined;
  readonly processes: ProcessPolicy;
  /** What clone and unshare may make, if the calls permit them; undefined: a strict profile leaves it to its call rules. */
  readonly namespaces: readonly Namespace[] | undefined;
  readonly resources: readonly ResourceRule[];
  /** Which of the launcher's descriptors the program gets; all others are closed. */
  readonly descriptors: readonly Descriptor[];
  readonly capabilities: readonly string[];
  readonly limits: readonly LimitRule[];
  readonly services: readonly Service[];
  readonly acceptUnenforced: readonly AcceptedRule[];
  readonly span: SourceSpan;
}
