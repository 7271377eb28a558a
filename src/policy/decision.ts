import type { SourceSpan } from '../common/index.js';
import { spanText } from '../common/index.js';
import type { RuleId } from './model.js';

/** What the evaluator says of one call, and by which rule. */
export interface Decision {
  readonly verdict: 'allow' | 'refuse';
  /** The error's name; for refusals. */
  readonly errno?: string;
  /** Refused by intention: no violation record. */
  readonly quiet: boolean;
  readonly rule: RuleId;
  readonly span: SourceSpan;
  readonly reason: string;
}

export function allow(rule: RuleId, span: SourceSpan, reason: string): Decision {
  return { verdict: 'allow', quiet: false, rule, span, reason };
}

export function refuse(
  errno: string,
  rule: RuleId,
  span: SourceSpan,
  reason: string,
  quiet = false,
): Decision {
  return { verdict: 'refuse', errno, quiet, rule, span, reason };
}

export function origin(span: SourceSpan): string {
  return span.source.startsWith('<') ? " by VXE's own rule" : ` by ${spanText(span)}`;
}
