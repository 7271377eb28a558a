import type { ExecutionContext } from 'ava';
import { type Answer, LispSession, type LoadLibrary } from '../../../src/language/index.js';
import { rowText } from '../../../src/policy/index.js';

/** What stands in the fences of one language on a page. */
export function blocksOf(page: string, language: string): readonly string[] {
  return [...page.matchAll(/```(\w+)\n(.*?)```/gs)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] ?? '');
}

function textOf(answer: Answer | undefined): string {
  if (answer === undefined) return '';
  if (answer.kind === 'value') return answer.text;
  return answer.kind === 'tried' ? answer.rows.map((row) => rowText(row)).join(' / ') : 'rules';
}

/** Every line of the page's examples gives the value, or the error, that stands behind it; how many there were. */
export function givesWhatItSays(t: ExecutionContext, page: string, load?: LoadLibrary): number {
  let count = 0;
  for (const block of blocksOf(page, 'lisp')) {
    const session = new LispSession([], load);
    for (const line of block.trim().split('\n')) {
      const [form = '', expected] = line.split(/ ; (?==> |error: )/);
      const given = session.answer({ name: 'reference', text: form });
      if (expected?.startsWith('error: ')) {
        const said = given.ok ? 'no error' : given.diagnostics.map((each) => each.message).join('\n');
        t.true(said.includes(expected.slice(7)), `${form}: ${said}`);
      } else {
        t.true(given.ok, given.ok ? '' : `${form}: ${given.diagnostics[0]?.message}`);
        if (given.ok) t.is(textOf(given.value[0]), expected?.slice(3) ?? '', form);
      }
      count++;
    }
  }
  return count;
}
