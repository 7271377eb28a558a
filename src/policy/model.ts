import type { SourceSpan, Width } from '../common/index.js';

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
  readonly span: SourceSpan;
}

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

export interface PortRule {
  readonly id: RuleId;
  readonly protocol: 'tcp';
  readonly port: number;
  readonly span: SourceSpan;
}

export type NetworkInterface = 'host' | 'none' | 'loopback';

export interface NetworkPolicy {
  readonly accept: readonly PortRule[];
  readonly connect: readonly PortRule[];
  readonly interface: NetworkInterface;
}

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
  /** Complete: what the profile says, and what VXE adds to every profile of the type. */
  readonly calls: ReadonlyMap<string, CallRule>;
  /** What becomes of known calls that are not in `calls`. */
  readonly unnamed: 'refuse' | 'permit';
  readonly network: NetworkPolicy;
  readonly exec: 'once' | 'any';
  readonly capabilities: readonly string[];
  readonly limits: readonly LimitRule[];
  readonly services: readonly Service[];
  readonly acceptUnenforced: readonly AcceptedRule[];
  readonly span: SourceSpan;
}
