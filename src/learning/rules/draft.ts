import type { Access, Namespace } from '../../policy/index.js';
import type { Evidence } from '../facts/evidence.js';

/** Why an administrator must say yes before the rule is in the profile. */
export interface Mark {
  readonly reason: string;
}

interface DraftBase {
  /** As coverage, explain and records name it. */
  readonly id: string;
  /** undefined: it was not seen, but follows from something that was; `inferred` says from what. */
  readonly evidence: Evidence | undefined;
  readonly inferred: string | undefined;
  readonly mark: Mark | undefined;
}

export interface FileDraft extends DraftBase {
  /** A path; or, where `pattern` says so, a pattern as profiles write it. */
  readonly path: string;
  readonly pattern: boolean;
  readonly folder: boolean;
  readonly access: readonly Access[];
  /** The files that it stands for, where it stands for more than one. */
  readonly covers: readonly string[];
}

/** One row of a `when` or `quiet`: a condition for each argument, as the profile writes it. */
export interface RowDraft {
  readonly tests: ReadonlyMap<string, string>;
  readonly errno: string | undefined;
}

export interface CallDraft extends DraftBase {
  readonly call: string;
  readonly permit: 'all' | readonly RowDraft[];
  readonly quiet: readonly RowDraft[];
}

export type SocketWord = 'accept' | 'connect' | 'send';

export interface SocketDraft extends DraftBase {
  /** As profiles write it: tcp/80, udp/53, unix:@name. */
  readonly object: string;
  readonly words: readonly SocketWord[];
}

export interface CapabilityDraft extends DraftBase {
  readonly name: string;
}

export interface ServiceDraft extends DraftBase {
  readonly name: string;
}

/** By rule id: a replay missed nothing of the rule, or, of one that is needed, not these parts of it. */
export type Unjustified = ReadonlyMap<string, true | readonly string[]>;

/** A profile in the making. */
export interface Draft {
  readonly name: string;
  readonly program: string | undefined;
  /** The name by which it was started, which may be a link to it. */
  readonly startedAs: string | undefined;
  readonly runs: readonly string[];
  readonly lossy: boolean;
  readonly files: readonly FileDraft[];
  /** Several of one call are joined in the profile. */
  readonly calls: readonly CallDraft[];
  /** What the draft of the id `namespaces` grants with its rows. */
  readonly namespaces: readonly Namespace[];
  readonly sockets: readonly SocketDraft[];
  readonly capabilities: readonly CapabilityDraft[];
  readonly exec: 'once' | 'any';
  readonly execMark: DraftBase | undefined;
  readonly services: readonly ServiceDraft[];
  /** What was seen and is in no rule, and why. */
  readonly leftOut: readonly LeftOut[];
}

export interface LeftOut {
  readonly what: string;
  readonly why: string;
  readonly evidence: Evidence;
}
