import type { Diagnostic } from '../common/index.js';
import { compactJson } from '../common/index.js';
import type { ArgumentRow, ArgumentTest, CallRule, Condition, Policy, QuietRow } from '../policy/index.js';
import { completeCalls, joinedRule } from '../policy/index.js';

/** A profile's own call rules, told apart from those that VXE adds; what no profile could have said is a diagnostic. */
export function ownCalls(policy: Policy): {
  readonly calls: ReadonlyMap<string, CallRule>;
  readonly diagnostics: readonly Diagnostic[];
} {
  const complete = (calls: ReadonlyMap<string, CallRule>): ReadonlyMap<string, CallRule> =>
    completeCalls(policy, policy.span, calls);
  const added = complete(new Map());
  const own = new Map<string, CallRule>();
  const diagnostics: Diagnostic[] = [];
  for (const [call, rule] of policy.calls) {
    const alone = added.get(call);
    if (alone !== undefined && sameRule(rule, alone)) continue;
    const builtin = joinedRule(policy, call) ?? alone;
    // The rule without what completing adds; the rule itself where it adds nothing.
    const candidates = builtin === undefined ? [rule] : [withoutBuiltin(rule, builtin), rule];
    const mine = candidates.find((candidate) => {
      const again = complete(new Map([[call, candidate]])).get(call);
      return again !== undefined && sameRule(again, rule);
    });
    if (mine !== undefined) own.set(call, mine);
    else diagnostics.push(notOwn(call, rule, policy.type));
  }
  for (const [call, rule] of added) {
    if (!policy.calls.has(call)) diagnostics.push(notOwn(call, { ...rule, span: policy.span }, policy.type));
  }
  return { calls: own, diagnostics };
}

function notOwn(call: string, rule: CallRule, type: string): Diagnostic {
  return {
    code: 'not-expressible',
    message: `calls:${call} is not what a ${type} profile could say, since VXE's own rule for ${call} is joined to it`,
    span: rule.span,
    hint: `leave ${call} to VXE's own rule, or write a profile of type strict`,
  };
}

/** Takes away what completing a filesystem profile joined to its rule; a wrong guess is found by completing it again. */
function withoutBuiltin(rule: CallRule, builtin: CallRule): CallRule {
  const quiet = dropSuffix(rule.quiet, builtin.quiet);
  if (builtin.permit === 'all' || rule.permit === 'all') return { ...rule, quiet };
  if (sameRows(rule.permit, builtin.permit)) return { ...rule, permit: 'all', quiet };
  const period = builtin.permit.length;
  const [first] = builtin.permit;
  if (first === undefined) return { ...rule, quiet };
  const permit = rule.permit
    .filter((_, index) => index % period === 0)
    .map((row) => ({ ...row, tests: row.tests.slice(0, row.tests.length - first.tests.length) }));
  return permit.length * period === rule.permit.length && permit.every((row) => row.tests.length > 0)
    ? pickJoined({ ...rule, permit, quiet }, rule, builtin)
    : rule;
}

function pickJoined(mine: CallRule, rule: CallRule, builtin: CallRule): CallRule {
  const permit = mine.permit;
  if (permit === 'all' || builtin.permit === 'all') return rule;
  const rows = builtin.permit;
  const joined = permit.flatMap((left) =>
    rows.map((right) => ({ tests: [...left.tests, ...right.tests], span: left.span })),
  );
  return rule.permit !== 'all' && sameRows(joined, rule.permit) ? mine : rule;
}

function dropSuffix(rows: readonly QuietRow[], suffix: readonly QuietRow[]): readonly QuietRow[] {
  const kept = rows.slice(0, Math.max(0, rows.length - suffix.length));
  return sameRows(rows.slice(kept.length), suffix) ? kept : rows;
}

/** Whether two rules decide alike, by the same tests in the same order. */
export function sameRule(a: CallRule, b: CallRule): boolean {
  if (a.id !== b.id || a.call !== b.call) return false;
  if (a.permit === 'all' || b.permit === 'all') {
    if (a.permit !== b.permit) return false;
  } else if (!sameRows(a.permit, b.permit)) return false;
  return sameRows(a.quiet, b.quiet);
}

function sameRows(a: readonly (ArgumentRow | QuietRow)[], b: readonly (ArgumentRow | QuietRow)[]): boolean {
  return a.length === b.length && a.every((row, index) => rowKey(row) === rowKey(b[index]));
}

function rowKey(row: ArgumentRow | QuietRow | undefined): string {
  if (row === undefined) return '';
  return `${'errno' in row ? row.errno : ''} ${row.tests.map(testKey).join(' & ')}`;
}

function testKey(test: ArgumentTest): string {
  return `${test.index} ${test.width} ${conditionKey(test.condition)}`;
}

/** Equal for equal conditions. */
export function conditionKey(condition: Condition): string {
  return compactJson(condition as never);
}
