import { parse } from 'yaml';

/** What a learned profile says for its rules, by rule id, in words; empty where it was not learned. */
export function learnedEvidence(text: string): ReadonlyMap<string, string> {
  const rules = member(member(contents(text), 'learned'), 'rules');
  if (typeof rules !== 'object' || rules === null) return new Map();
  return new Map(Object.entries(rules).map(([id, entry]) => [id, words(entry)]));
}

/** Whether anything is kept of what it was learned from. */
export function hasEvidence(text: string): boolean {
  return member(contents(text), 'learned') !== undefined;
}

/** Whether what it was learned from lacked calls. */
export function learnedLossy(text: string): boolean {
  return member(member(contents(text), 'learned'), 'lossy') === true;
}

function contents(text: string): unknown {
  try {
    return parse(text);
  } catch {
    // Another form than YAML, which carries no evidence.
    return undefined;
  }
}

function words(entry: unknown): string {
  const parts: string[] = [];
  const count = member(entry, 'count');
  const runs = member(entry, 'runs');
  const by = member(entry, 'by');
  if (typeof count === 'number')
    parts.push(
      `seen ${count} ${count === 1 ? 'time' : 'times'} in ${String(runs)} ${runs === 1 ? 'run' : 'runs'}`,
    );
  if (Array.isArray(by) && by.length > 0) parts.push(`by ${by.map(String).join(', ')}`);
  const example = member(entry, 'example');
  if (typeof example === 'string') parts.push(`as ${example}`);
  const inferred = member(entry, 'inferred');
  if (typeof inferred === 'string') parts.push(`not seen: ${inferred}`);
  const marked = member(entry, 'marked');
  if (typeof marked === 'string') parts.push(`accepted although it ${marked}`);
  const unjustified = member(entry, 'unjustified');
  if (unjustified === true) parts.push('the exercise passes without it');
  if (Array.isArray(unjustified))
    parts.push(`the exercise passes without ${unjustified.map(String).join(', without ')}`);
  return parts.join(', ');
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
