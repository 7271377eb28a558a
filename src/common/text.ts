/** Controls, of C1 too, and what changes the direction of text: the same as in runtime-native/base/words.c. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const ACTING = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/gu;

/** What another may have written, fit for one line of a terminal. */
export function plainLine(text: string): string {
  return text.replace(ACTING, '?');
}

/** The same for a text of lines, whose ends and tabs stay. */
export function plainText(text: string): string {
  return text.replace(ACTING, (each) => (each === '\n' || each === '\t' ? each : '?'));
}
