import type { SourceSpan } from '../../common/index.js';
import type { Given } from './value.js';
import { mismatch } from './value.js';

/** A word of a statement and where it stands. */
export interface Word {
  readonly word: string;
  readonly span: SourceSpan;
}

export function wordOf(who: string, given: Given): Word {
  const { value, span } = given;
  if (value.kind === 'word' || value.kind === 'string') return { word: value.value, span };
  throw mismatch(who, 'a word', given);
}

/** Words of a statement, with lists taken apart. */
export function words(who: string, args: readonly Given[]): readonly Word[] {
  return flatten(args).map((given) => wordOf(who, given));
}

export function flatten(args: readonly Given[]): readonly Given[] {
  return args.flatMap((given) =>
    given.value.kind === 'list'
      ? flatten(given.value.items.map((value) => ({ value, span: given.span })))
      : [given],
  );
}
