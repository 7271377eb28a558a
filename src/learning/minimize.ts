import { granted, rowText } from './print.js';
import type { CallDraft, Draft, Unjustified } from './rules/draft.js';

/** Whether the profile does its work without something, which is named. */
type Passes = (without: Draft, what: string) => Promise<boolean>;

/** A rule, or what it is made of, and the profile without that. */
interface Removal {
  readonly id: string;
  readonly without: Change;
  readonly parts: readonly { readonly text: string; readonly without: Change }[];
}

/**
 * Takes each rule away once, and of what is needed each part: a row of a call, a word of a file or socket. What was never seen is taken away together first: calls only permit, so what passes without all of them
 * passes without each.
 */
export async function minimize(
  whole: Draft,
  accepted: ReadonlySet<string>,
  passes: Passes,
): Promise<Unjustified> {
  const draft = granted(whole, accepted);
  const found = new Map<string, true | readonly string[]>();
  const inferred = draft.calls.filter(({ evidence, quiet }) => evidence === undefined && quiet.length === 0);
  for (const { id } of await missedByNothing(draft, inferred, passes)) found.set(id, true);
  for (const { id, without, parts } of removals(draft)) {
    if (found.has(id)) continue;
    if (await passes(without(draft), id)) {
      found.set(id, true);
      continue;
    }
    const unneeded: string[] = [];
    for (const part of parts.length > 1 ? parts : [])
      if (await passes(part.without(draft), `${id} ${part.text}`)) unneeded.push(part.text);
    if (unneeded.length > 0) found.set(id, unneeded);
  }
  return found;
}

/** Of these calls, those that are missed by nothing: all at once if that passes, else by halves. */
async function missedByNothing(
  draft: Draft,
  calls: readonly CallDraft[],
  passes: Passes,
): Promise<readonly CallDraft[]> {
  const [first] = calls;
  if (first === undefined) return [];
  const what = calls.length === 1 ? first.id : `${calls.length} calls that were not seen`;
  const rest = draft.calls.filter((call) => !calls.includes(call));
  if (await passes({ ...draft, calls: rest }, what)) return calls;
  if (calls.length === 1) return [];
  const half = Math.ceil(calls.length / 2);
  return [
    ...(await missedByNothing(draft, calls.slice(0, half), passes)),
    ...(await missedByNothing(draft, calls.slice(half), passes)),
  ];
}

type Change = (draft: Draft) => Draft;

/** A list of the draft with other rules in the place of one of them. */
function replaced<Key extends 'files' | 'sockets' | 'calls' | 'capabilities' | 'services'>(
  key: Key,
  rule: Draft[Key][number],
  instead: readonly Draft[Key][number][],
): Change {
  return (draft) => ({
    ...draft,
    [key]: draft[key].flatMap((each): readonly Draft[Key][number][] => (each === rule ? instead : [each])),
  });
}

function removals(draft: Draft): readonly Removal[] {
  const exec = draft.exec === 'once' ? undefined : draft.execMark;
  return [
    ...draft.files.map((rule) => ({
      id: rule.id,
      without: replaced('files', rule, []),
      parts: rule.access.map((word) => ({
        text: word,
        without: replaced('files', rule, [{ ...rule, access: others(rule.access, word) }]),
      })),
    })),
    ...draft.sockets.map((rule) => ({
      id: rule.id,
      without: replaced('sockets', rule, []),
      parts: rule.words.map((word) => ({
        text: word,
        without: replaced('sockets', rule, [{ ...rule, words: others(rule.words, word) }]),
      })),
    })),
    ...draft.calls.map((rule) => ({
      id: rule.id,
      without: replaced('calls', rule, []),
      parts: callParts(rule),
    })),
    ...draft.capabilities.map((rule) => ({
      id: rule.id,
      without: replaced('capabilities', rule, []),
      parts: [],
    })),
    ...draft.services.map((rule) => ({
      id: rule.id,
      without: replaced('services', rule, []),
      parts: [],
    })),
    ...(exec === undefined
      ? []
      : [{ id: exec.id, without: (from: Draft): Draft => ({ ...from, exec: 'once' }), parts: [] }]),
  ];
}

/** A quiet row permits nothing: without it the same call is refused as well, and then on record. */
function callParts(rule: CallDraft): Removal['parts'] {
  const { permit, quiet } = rule;
  return [
    ...(permit === 'all' ? [] : permit).map((row) => ({
      text: rowText(row),
      without: replaced('calls', rule, [
        { ...rule, permit: permit === 'all' ? permit : others(permit, row) },
      ]),
    })),
    ...quiet.map((row) => ({
      text: rowText(row),
      without: replaced('calls', rule, [{ ...rule, quiet: others(quiet, row) }]),
    })),
  ];
}

function others<T>(all: readonly T[], gone: T): readonly T[] {
  return all.filter((each) => each !== gone);
}
