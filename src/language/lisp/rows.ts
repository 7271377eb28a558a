import type { SourceSpan } from '../../common/index.js';
import type { ArgumentRow, ArgumentTest, Condition } from '../../policy/index.js';
import { complain } from './form.js';
import type { Test } from './symbolic.js';

/** More rows than a filter has room for. */
const ROWS_MAX = 1000;

type Tests = readonly ArgumentTest[];

/** A test as rows of which one must hold; none where it never holds, one without tests where it always does. */
export function testRows(test: Test, span: SourceSpan): readonly ArgumentRow[] {
  return rowsOf(test, span).map((tests) => ({ tests, span }));
}

function rowsOf(test: Test, span: SourceSpan): readonly Tests[] {
  const single = singleArgument(test);
  if (single !== undefined) return [[single]];
  if (test.kind === 'atom') return [];
  const groups = grouped(test.of, test.kind);
  if (test.kind === 'or')
    return limited(
      groups.flatMap((part) => rowsOf(part, span)),
      span,
    );
  return groups.reduce<readonly Tests[]>(
    (rows, part) => {
      const more = rowsOf(part, span);
      // Checked before the product is made, since it is what could grow beyond all use.
      if (rows.length * more.length > ROWS_MAX) throw tooMany(span);
      return rows.flatMap((left) => more.map((right) => joined(left, right)));
    },
    [[]],
  );
}

function limited(rows: readonly Tests[], span: SourceSpan): readonly Tests[] {
  if (rows.length > ROWS_MAX) throw tooMany(span);
  return rows;
}

function tooMany(span: SourceSpan) {
  const hint = 'state it with masks, or with fewer alternatives over several arguments';
  return complain('too-large', `the predicate takes more than ${ROWS_MAX} rows`, span, hint);
}

/** Puts the parts that speak of one and the same argument together, each group where its first part stood. */
function grouped(parts: readonly Test[], kind: 'and' | 'or'): readonly Test[] {
  const groups: { argument: number | undefined; of: Test[] }[] = [];
  for (const part of parts) {
    const argument = singleArgument(part)?.index;
    const group = argument === undefined ? undefined : groups.find((each) => each.argument === argument);
    if (group === undefined) groups.push({ argument, of: [part] });
    else group.of.push(part);
  }
  return groups.map(({ of }) => {
    const [only] = of;
    return of.length === 1 && only !== undefined ? only : { kind, of, size: of.length };
  });
}

/** The test as a test of one argument, if it speaks of one alone. */
function singleArgument(test: Test): ArgumentTest | undefined {
  if (test.kind === 'atom') {
    const { index, name, width } = test.argument;
    return { index, name, width, condition: test.condition, text: test.text };
  }
  let merged: ArgumentTest | undefined;
  for (const part of test.of) {
    const next = singleArgument(part);
    if (next === undefined || (merged !== undefined && merged.index !== next.index)) return undefined;
    merged = merged === undefined ? next : merge(merged, next, test.kind === 'and' ? 'all' : 'any');
  }
  return merged;
}

function joined(left: Tests, right: Tests): Tests {
  const tests = [...left];
  for (const test of right) {
    const at = tests.findIndex((each) => each.index === test.index);
    const before = tests[at];
    if (before === undefined) tests.push(test);
    else tests[at] = merge(before, test, 'all');
  }
  return tests;
}

function merge(a: ArgumentTest, b: ArgumentTest, kind: 'any' | 'all'): ArgumentTest {
  const of = [...parts(a.condition, kind), ...parts(b.condition, kind)];
  return { ...a, condition: { kind, of }, text: mergedText(a.text, b.text, kind) };
}

function parts(condition: Condition, kind: 'any' | 'all'): readonly Condition[] {
  return condition.kind === kind ? condition.of : [condition];
}

function mergedText(a: string, b: string, kind: 'any' | 'all'): string {
  if (kind === 'all') return `${a} and ${b}`;
  return `[${a.startsWith('[') ? a.slice(1, -1) : a}, ${b}]`;
}
