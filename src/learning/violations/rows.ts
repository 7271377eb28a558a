import { builtinSpan, maskOf, truncate } from '../../common/index.js';
import type { ArgumentRow, ArgumentTest } from '../../policy/index.js';
import { constantValue, signatureOf, valueSetOf, valueText } from '../../policy/index.js';

const SPAN = builtinSpan('upgrade');
const TYPE_MASK = constantValue('SOCK_TYPE_MASK') ?? 0xfn;

/** The narrowest row that permits a call with these registers: the arguments whose values rules speak of, as they were. Undefined: it has none. */
export function rowOf(call: string, registers: readonly bigint[]): ArgumentRow | undefined {
  const tests: ArgumentTest[] = [];
  for (const argument of signatureOf(call) ?? []) {
    const set = valueSetOf(call, argument, registers);
    if (set === undefined || set.kind === 'octal') continue;
    const value = truncate(registers[argument.index] ?? 0n, argument.width);
    const { index, name, width } = argument;
    if (set.name === 'socktype') {
      // SOCK_CLOEXEC and SOCK_NONBLOCK are the program's own affair.
      const type = value & TYPE_MASK;
      const text = `{is: ${valueText(set, type)}, mask: SOCK_TYPE_MASK}`;
      tests.push({ index, name, width, condition: { kind: 'masked', mask: TYPE_MASK, value: type }, text });
    } else {
      const condition = { kind: 'masked', mask: maskOf(width), value } as const;
      tests.push({ index, name, width, condition, text: valueText(set, value) });
    }
  }
  return tests.length === 0 ? undefined : { tests, span: SPAN };
}

/** Rows that say different things, each once. */
export function distinctRows(rows: readonly ArgumentRow[]): readonly ArgumentRow[] {
  const seen = new Map<string, ArgumentRow>();
  for (const row of rows) {
    const key = row.tests
      .map(
        ({ name, condition }) =>
          `${name}${condition.kind === 'masked' ? `${condition.mask}=${condition.value}` : ''}`,
      )
      .join();
    if (!seen.has(key)) seen.set(key, row);
  }
  return [...seen.values()];
}

export function rowWords(row: ArgumentRow): string {
  return `{${row.tests.map((test) => `${test.name}: ${test.text}`).join(', ')}}`;
}
