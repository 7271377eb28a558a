import type { Diagnostic, SourceSpan } from '../../common/index.js';
import { nearestName } from '../../common/index.js';
import type { ArgumentRow, CallRule, HookRule, Policy, PolicyType, QuietRow } from '../../policy/index.js';
import {
  callNumber,
  errnoNames,
  errnoNumber,
  hookProblem,
  isUndoing,
  knownCalls,
} from '../../policy/index.js';
import type { Clause } from './evaluate.js';
import { collecting, complain, saidTwice } from './form.js';
import { mismatch } from './value.js';

/** A statement of a call and rows. */
type Rows = Extract<Clause, { kind: 'permit-when' | 'after' }>;

interface CallDraft {
  permit: 'all' | readonly ArgumentRow[] | undefined;
  quiet: readonly QuietRow[];
  readonly span: SourceSpan;
}

/** The rules on calls as the statements add them, so that libraries and a profile can each say their part. */
export class CallDrafts {
  readonly #drafts = new Map<string, CallDraft>();
  readonly #hooks = new Map<string, HookRule>();

  permit(call: string, span: SourceSpan): void {
    if (callNumber(call) === undefined) {
      const near = nearestName(call, knownCalls().keys());
      const hint = near === undefined ? 'write the name as the kernel has it' : `did you mean ${near}?`;
      throw complain('unknown-call', `there is no system call ${call}`, span, hint);
    }
    const draft = this.#draft(call, span);
    if (draft.permit !== undefined && draft.permit !== 'all') throw contradiction(call, span, draft.span);
    draft.permit = 'all';
  }

  permitWhen({ call, rows, span }: Rows): void {
    const draft = this.#draft(call, span);
    const before = draft.permit;
    if (before === 'all') throw contradiction(call, span, draft.span);
    // A row without tests holds for any arguments.
    draft.permit = rows.some((row) => row.tests.length === 0) ? 'all' : [...(before ?? []), ...rows];
  }

  quiet({ call, errno, rows, span }: Extract<Clause, { kind: 'quiet' }>): void {
    if (errno.value.kind !== 'word') throw mismatch('quiet', 'the name of an error, such as EACCES', errno);
    const name = errno.value.value;
    if (errnoNumber(name) === undefined) {
      const near = nearestName(name, errnoNames());
      const hint = near === undefined ? 'such as EACCES' : `did you mean ${near}?`;
      throw complain('unknown-constant', `${name} is not an error of the kernel`, errno.span, hint);
    }
    const draft = this.#draft(call, span);
    draft.quiet = [...draft.quiet, ...rows.map((row) => ({ ...row, errno: name }))];
  }

  after({ call, rows, span }: Rows): void {
    const before = this.#hooks.get(call);
    if (before !== undefined) {
      const message = `what is told after ${call} is said twice`;
      throw saidTwice(message, span, before.span, 'say all of it in one statement');
    }
    // A predicate that always holds leaves nothing to the others.
    const always = rows.find((row) => row.tests.length === 0);
    const hook = { id: `after:${call}`, call, rows: always === undefined ? rows : [always], span };
    const problem = hookProblem(call, hook.rows);
    if (problem !== undefined) throw complain('conflict', problem.message, span, problem.hint);
    this.#hooks.set(call, hook);
  }

  /** In the order of the text. */
  get hooks(): readonly HookRule[] {
    return [...this.#hooks.values()];
  }

  #draft(call: string, span: SourceSpan): CallDraft {
    const draft = this.#drafts.get(call) ?? { permit: undefined, quiet: [], span };
    this.#drafts.set(call, draft);
    return draft;
  }

  /** The rules by call; VXE's own are not yet among them. */
  rules(type: PolicyType, exec: Policy['exec'], diagnostics: Diagnostic[]): ReadonlyMap<string, CallRule> {
    const rules = new Map<string, CallRule>();
    for (const [call, { permit, quiet, span }] of this.#drafts) {
      const rule: CallRule = {
        id: `calls:${call}`,
        call,
        permit: permit ?? (type === 'strict' ? [] : 'all'),
        quiet,
        span,
      };
      collecting(diagnostics, () => check(rule, type, exec));
      rules.set(call, rule);
    }
    return rules;
  }
}

function contradiction(call: string, span: SourceSpan, first: SourceSpan) {
  const message = `${call} is permitted both with any arguments and with some, so the latter mean nothing`;
  return saidTwice(message, span, first, 'remove one of the two');
}

function check(rule: CallRule, type: PolicyType, exec: Policy['exec']): void {
  const { call, span } = rule;
  if (exec === 'once' && (call === 'execve' || call === 'execveat')) {
    const message = `(exec once) keeps ${call} for the launch, and this rule speaks of it`;
    throw complain('conflict', message, span, 'remove it here, or write (exec any)');
  }
  const grants = rule.permit === 'all' || rule.permit.length > 0;
  if (grants && isUndoing(type, call)) {
    const message = `${call} would undo what a filesystem profile is for`;
    throw complain('conflict', message, span, 'remove it, or write a profile of type strict');
  }
}
