import type { SourceFile } from '../../../src/common/index.js';
import { formatDiagnostic } from '../../../src/common/index.js';
import { type LoadLibrary, parseLispProfile } from '../../../src/language/index.js';
import type { ArgumentRow, CallRule, Policy } from '../../../src/policy/index.js';

const HEAD = '(vxed 1) (name test) (type strict)\n';

/** What a profile of these forms comes to: the policy, or the whole text of the complaints. */
export function outcomeOf(body: string, load?: LoadLibrary, head = HEAD): Policy | string {
  const file: SourceFile = { name: 'test.vxed', text: head + body };
  const parsed = parseLispProfile(file, load);
  if (parsed.ok) return parsed.value;
  return parsed.diagnostics.map((diagnostic) => formatDiagnostic(diagnostic, [file])).join('\n');
}

export function policyOf(body: string, load?: LoadLibrary, head = HEAD): Policy {
  const outcome = outcomeOf(body, load, head);
  if (typeof outcome === 'string') throw new Error(outcome);
  return outcome;
}

export function errorOf(body: string, load?: LoadLibrary): string {
  const outcome = outcomeOf(body, load);
  if (typeof outcome !== 'string') throw new Error(`no complaint about ${body}`);
  return outcome;
}

/** A value without the places of the text that it came from. */
export function withoutSpans(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, each: unknown) => {
      if (key === 'span') return undefined;
      if (typeof each === 'bigint') return `${each}n`;
      if (each instanceof Set) return [...each].sort();
      if (each instanceof Map) return [...each].sort(([a], [b]) => (a < b ? -1 : 1));
      return each;
    }),
  );
}

/** The rows of a call as text. */
export function rowsOf(policy: Policy, call: string): CallRule['permit'] | readonly ArgumentRow[] {
  return policy.calls.get(call)?.permit ?? [];
}
