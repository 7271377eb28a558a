import { ringOperationLines, ringRegistrationLines } from './data/rings.js';

/** What a profile has to permit, with any arguments, before a ring may perform an operation or take a registration. */
export type RingNeeds =
  | {
      readonly kind: 'calls';
      /** One of these lists of calls, all of it. */
      readonly ways: readonly (readonly string[])[];
    }
  /** It is about the ring itself, which io_uring_setup gives. */
  | { readonly kind: 'ring' }
  | { readonly kind: 'never'; readonly why: string };

/** One operation or registration of io_uring. */
export interface RingAct {
  /** As plans have it: `READ`, `register/FILES`. */
  readonly word: string;
  /** The kernel's. */
  readonly number: number;
  readonly needs: RingNeeds;
}

/** By number. */
export const RING_OPERATIONS: readonly RingAct[] = ringOperationLines().map((line, number) =>
  ringAct(line, number, ''),
);
export const RING_REGISTRATIONS: readonly RingAct[] = ringRegistrationLines().map((line, number) =>
  ringAct(line, number, 'register/'),
);

const ACTS: ReadonlyMap<string, RingAct> = new Map(
  [...RING_OPERATIONS, ...RING_REGISTRATIONS].map((act) => [act.word, act]),
);

/** The operation or registration of a word in a plan; undefined where it is none. */
export function ringActOf(word: string): RingAct | undefined {
  return ACTS.get(word);
}

function ringAct(line: string, number: number, prefix: string): RingAct {
  const [name = '', kind = '', ...words] = line.split(' ');
  return { word: `${prefix}${name}`, number, needs: ringNeeds(kind, words.join(' ')) };
}

function ringNeeds(kind: string, why: string): RingNeeds {
  if (kind === 'ring') return { kind };
  if (kind === 'never') return { kind, why };
  return { kind: 'calls', ways: kind.split('|').map((way) => way.split('+')) };
}
