import type { Instruction } from './bpf.js';
import { BPF } from './bpf.js';
import type { Decision, Load, Question } from './decision.js';
import { WHOLE } from './decision.js';
import { inOrder, isSingle } from './shorten.js';

/** A conditional jump reaches this far. */
const REACH = 255;

/** Where a question can be entered: before its load, before its mask, or at its jump. */
type Entry = 'load' | 'mask' | 'jump';

/** What the accumulator holds. */
type Held = Load | undefined;

/** One question as instructions: what the accumulator must hold for it, and the jump. */
interface Form {
  readonly wants: Load;
  readonly code: number;
  readonly k: number;
  /** The jump's yes is the question's no. */
  readonly swapped: boolean;
}

/**
 * Lays a decision out as a program. It is written from its end to its start, so that where a jump leads is known when it is
 * written; each question stands once, and is entered behind its load by those that have loaded the word already.
 */
export function assemble(root: Decision): readonly Instruction[] {
  const order = inOrder(root);
  const forms = new Map(order.map((question): [Question, Form] => [question, formOf(question)]));
  const entries = entriesOf(root, order, forms);
  /** From the end to the start. */
  const written: Instruction[] = [];
  const places = new Map<Decision, Map<Entry, number>>();

  const write = (code: number, k: number, jt = 0, jf = 0): number => written.push({ code, k, jt, jf }) - 1;
  const place = (decision: Decision, entry: Entry, at: number): void => {
    const known = places.get(decision) ?? new Map<Entry, number>();
    places.set(decision, known.set(entry, at));
  };
  /** How far the instruction that is written next must jump. */
  const distance = (decision: Decision, entry: Entry): number => {
    const at = places.get(decision)?.get(entry);
    if (at === undefined) throw new RangeError('a jump leads to what is not written yet');
    return written.length - at - 1;
  };
  /** An answer is as short as a jump to it. */
  const bringNear = (decision: Decision, entry: Entry): boolean => {
    if (places.get(decision)?.has(entry) && distance(decision, entry) <= REACH) return false;
    if (decision.kind === 'answer') place(decision, entry, write(BPF.RET_K, decision.value));
    else place(decision, entry, write(BPF.JA, distance(decision, entry)));
    return true;
  };
  const writeQuestion = (question: Question): void => {
    const form = formOf(question);
    const yes = form.swapped ? question.no : question.yes;
    const no = form.swapped ? question.yes : question.no;
    const [yesEntry, noEntry] = [entryFor(yes, form.wants, forms), entryFor(no, form.wants, forms)];
    while (bringNear(yes, yesEntry) || bringNear(no, noEntry));
    place(question, 'jump', write(form.code, form.k, distance(yes, yesEntry), distance(no, noEntry)));
    const needed = entries.get(question) ?? new Set();
    const masks = form.wants.mask !== WHOLE;
    if (masks && (needed.has('mask') || needed.has('load')))
      place(question, 'mask', write(BPF.AND_K, form.wants.mask));
    if (needed.has('load')) place(question, 'load', write(BPF.LD_W_ABS, form.wants.offset));
  };

  for (const question of order.toReversed()) writeQuestion(question);
  if (root.kind === 'answer') bringNear(root, 'load');
  return written.reverse();
}

/** By which of its entries each question is entered. */
function entriesOf(
  root: Decision,
  order: readonly Question[],
  forms: ReadonlyMap<Question, Form>,
): ReadonlyMap<Decision, ReadonlySet<Entry>> {
  const entries = new Map<Decision, Set<Entry>>([[root, new Set<Entry>(['load'])]]);
  for (const question of order) {
    const held = forms.get(question)?.wants;
    for (const target of [question.yes, question.no])
      entries.set(target, (entries.get(target) ?? new Set()).add(entryFor(target, held, forms)));
  }
  return entries;
}

function entryFor(target: Decision, held: Held, forms: ReadonlyMap<Question, Form>): Entry {
  if (target.kind === 'answer') return 'load';
  const wants = forms.get(target)?.wants;
  if (wants === undefined || held?.offset !== wants.offset) return 'load';
  if (held.mask === wants.mask) return 'jump';
  return held.mask === WHOLE ? 'mask' : 'load';
}

function formOf({ load, compare, k }: Question): Form {
  if (compare === 'ge') return { wants: load, code: BPF.JGE_K, k, swapped: false };
  if (load.mask === WHOLE) return { wants: load, code: BPF.JEQ_K, k, swapped: false };
  // A test of bits needs no mask, and leaves the word for the next question.
  const wants = { offset: load.offset, mask: WHOLE };
  if (k === 0) return { wants, code: BPF.JSET_K, k: load.mask, swapped: true };
  if (isSingle(load.mask)) return { wants, code: BPF.JSET_K, k: load.mask, swapped: false };
  return { wants: load, code: BPF.JEQ_K, k, swapped: false };
}
