import type { Instruction, SeccompData, Verdict } from '../lowering/index.js';
import { AUDIT_ARCH, decodeProgram, raisedCalls, simulate } from '../lowering/index.js';
import type { Arch, Policy } from '../policy/index.js';
import {
  callNumber,
  canonicalArguments,
  decideCall,
  errnoNumber,
  knownCalls,
  RING_CALLS,
  scalarEvent,
} from '../policy/index.js';
import { argumentsOf, callText, meaningOf } from './policy.js';
import type { Assumptions } from './program.js';
import { answersOf, assumption, NotAProgram } from './program.js';
import type { Model, Solver } from './solver.js';
import type { Term } from './term.js';
import { Terms } from './term.js';

/** One call that the filter decides otherwise than the policy. */
export interface FilterDifference {
  readonly call: string;
  readonly nr: number;
  readonly arch: number;
  /** The registers, as the architecture has them. */
  readonly arguments: readonly bigint[];
  /** Where the call was made; no filter should look. */
  readonly instructionPointer: bigint;
  /** The call as people read it. */
  readonly text: string;
  readonly policy: string;
  readonly filter: string;
}

/** Who loads the filter, which decides what its answers mean. */
export type Loader =
  | {
      readonly kind: 'vxe';
      /** Calls that the supervisor performs when the filter raises them. */
      readonly supervised: readonly string[];
    }
  | {
      /** Soft mode: what is raised is recorded and performed. What names an object is raised to be judged, permitted or not. */
      readonly kind: 'soft';
      readonly supervised: readonly string[];
    }
  | {
      readonly kind: 'oci';
      /** Whether the seccomp library knows the name; what it does not know is left to the default. */
      readonly knows: (call: string) => boolean;
    };

export interface FilterQuestion {
  readonly policy: Policy;
  readonly filter: Uint8Array;
  /** Whose calls the filter decides. */
  readonly arch: Arch;
  readonly loader: Loader;
}

/** Answers that are as good as each other, as the kernel's return values. */
interface Expected {
  readonly condition: Term;
  readonly answers: readonly number[];
  readonly words: string;
}

/** One class of calls; together the cases are all calls. */
interface Case {
  readonly call: string | undefined;
  readonly assumed: Assumptions;
  readonly expected: readonly Expected[];
}

const ALLOW = 0x7fff_0000;
const NOTIFY = 0x7fc0_0000;
const ERRNO = 0x0005_0000;
const KILL_PROCESS = 0x8000_0000;
const X32_BIT = 0x4000_0000;
const TOP = 0xffff_ffff;
const MAX_ERRNO = 4095;
/** Without an architecture of its own, a number stands for this in the text of a difference. */
const KNOWN_ARCHES: ReadonlyMap<number, string> = new Map([
  [AUDIT_ARCH.x86_64, 'x86_64'],
  [AUDIT_ARCH.aarch64, 'aarch64'],
  [0x4000_0003, 'i386'],
  [0x4000_0028, 'arm'],
]);

/**
 * Shows that a filter, read back from its bytes, decides every call as the policy does: every number, every architecture, every
 * value of every argument. Undefined where that is so.
 */
export async function findDifference(
  question: FilterQuestion,
  solver: Solver,
  terms: Terms = new Terms(),
): Promise<FilterDifference | undefined> {
  const program = decode(question.filter);
  for (const item of casesOf(question, terms)) {
    const wrong = disagreement(program, item, terms);
    if (wrong === terms.false) continue;
    const model = await solver.find(terms.and(assumption(terms, item.assumed), wrong));
    if (model !== undefined) return replay(question, item, model);
  }
  return undefined;
}

function decode(filter: Uint8Array): readonly Instruction[] {
  try {
    return decodeProgram(filter);
  } catch (error) {
    throw new NotAProgram(error instanceof Error ? error.message : String(error));
  }
}

/** True for the calls of the case that the program answers otherwise than expected. */
function disagreement(program: readonly Instruction[], item: Case, terms: Terms): Term {
  const answers = answersOf(program, terms, item.assumed);
  const parts = item.expected.flatMap((expected) =>
    answers
      .filter(({ value }) => !expected.answers.includes(plain(value)))
      .map(({ condition }) => terms.and(expected.condition, condition)),
  );
  return terms.or(...parts);
}

/** The answer without what the kernel does not look at. */
function plain(value: number): number {
  const action = (value & 0xffff_0000) >>> 0;
  if (action === ERRNO) return (action | Math.min(value & 0xffff, MAX_ERRNO)) >>> 0;
  return action;
}

function casesOf({ policy, loader, arch }: FilterQuestion, terms: Terms): readonly Case[] {
  const own = { is: AUDIT_ARCH[arch] };
  const always = (...answers: number[]): Expected => ({ condition: terms.true, answers, words: '' });
  const unknown = {
    ...always(ERRNO | errno('ENOSYS')),
    words: 'refuses it with ENOSYS, as no call that VXE knows',
  };
  const foreign = {
    ...always(loader.kind === 'oci' ? KILL_PROCESS : NOTIFY),
    words:
      arch === 'x86_64'
        ? 'refuses calls of other architectures and of x32'
        : 'refuses calls of other architectures',
  };
  const table = knownCalls(arch);
  const calls = [...table].map(([call, nr]): Case => {
    const known = loader.kind !== 'oci' || loader.knows(call);
    const expected = known ? expectedOf(policy, call, loader, terms, arch) : [unknown];
    return { call, assumed: { numbers: [nr, nr], arch: own }, expected };
  });
  // Only x86-64 has another table of calls above a bit of the number.
  const end = arch === 'x86_64' ? X32_BIT - 1 : TOP;
  const rest = gaps([...table.values()], 0, end).map(
    (numbers): Case => ({ call: undefined, assumed: { numbers, arch: own }, expected: [unknown] }),
  );
  // libseccomp takes the number -1, which tracers set, for no x32 call.
  const minusOne = loader.kind === 'oci' ? unknown : foreign;
  // Performed, a ring would perform other calls that nothing sees; its numbers are the same on every architecture.
  const held = { ...always(ERRNO | errno('EPERM')), words: 'refuses rings by every way into the kernel' };
  const others = (from: number, to: number, entry: Assumptions['arch']): readonly Case[] => {
    const rings = loader.kind === 'soft' ? RINGS.map((nr) => from + nr) : [];
    const between = gaps(rings, from, to).map((numbers) => ({ numbers, expected: [foreign] }));
    const apart = rings.map((nr) => ({ numbers: [nr, nr] as const, expected: [held] }));
    return [...between, ...apart].map(({ numbers, expected }) => ({
      call: undefined,
      assumed: { numbers, arch: entry },
      expected,
    }));
  };
  const x32: readonly Case[] = [
    ...others(X32_BIT, TOP - 1, own),
    { call: undefined, assumed: { numbers: [TOP, TOP], arch: own }, expected: [minusOne] },
  ];
  return [...calls, ...rest, ...(arch === 'x86_64' ? x32 : []), ...others(0, TOP, { not: own.is })];
}

const RING_SETUP = 'io_uring_setup';
const ABSENT = ERRNO | errno('ENOSYS');
const RINGS: readonly number[] = RING_CALLS.flatMap((call) => callNumber(call) ?? []);

/** The stretches of numbers that are none of these, bounds included. */
function gaps(known: readonly number[], from: number, to: number): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  let next = from;
  for (const nr of [...known].sort((a, b) => a - b)) {
    if (nr > next) found.push([next, nr - 1]);
    next = nr + 1;
  }
  return [...found, [next, to]];
}

function expectedOf(
  policy: Policy,
  call: string,
  loader: Loader,
  terms: Terms,
  machine: Arch,
): readonly Expected[] {
  const meaning = meaningOf(policy, call, terms, machine);
  const quiet = meaning.quiet.map(
    (row): Expected => ({
      condition: row.condition,
      answers: [ERRNO | errno(row.errno)],
      words: `refuses it with ${row.errno} and no record`,
    }),
  );
  if (loader.kind === 'oci') {
    // Another engine executes the program under the filter, so that the launch itself needs it.
    if (policy.exec === 'once' && call === 'execve')
      return [{ condition: terms.true, answers: [ALLOW], words: 'permits it, for the launch' }];
    return [
      ...quiet,
      // Nobody there makes a ring that does only what it may.
      call === RING_SETUP
        ? { condition: meaning.permitted, answers: [ABSENT], words: 'has no such call there' }
        : { condition: meaning.permitted, answers: [ALLOW], words: 'permits it' },
      // Spelling out what is refused can take too many rows; the default is ENOSYS.
      {
        condition: meaning.refused,
        answers: [ERRNO | errno('EPERM'), ERRNO | errno('ENOSYS')],
        words: 'refuses it with EPERM',
      },
    ];
  }
  // A ring of the caller's own making would do what no filter sees, whatever the list says.
  const supervised = loader.supervised.includes(call) || call === RING_SETUP;
  const judged = loader.kind === 'soft' && raisedCalls(policy).has(call);
  const held = loader.kind === 'soft' && RING_CALLS.includes(call);
  return [
    ...quiet,
    loader.kind === 'soft' && call === RING_SETUP
      ? { condition: meaning.permitted, answers: [ABSENT], words: 'has no such call in soft mode' }
      : {
          condition: meaning.permitted,
          answers: [supervised || judged ? NOTIFY : ALLOW],
          words: supervised ? 'permits it, where the supervisor performs it' : 'permits it',
        },
    // What is raised is performed there, so a refusal must come from the filter itself.
    {
      condition: meaning.refused,
      answers:
        held || (supervised && meaning.permitted !== terms.false) ? [ERRNO | errno('EPERM')] : [NOTIFY],
      words: 'refuses it with EPERM',
    },
  ];
}

function errno(name: string): number {
  const number = errnoNumber(name);
  if (number === undefined) throw new RangeError(`${name} is not an error of the kernel`);
  return number;
}

/** The prover's example, run through the evaluator and through the filter itself: what is shown has happened. */
function replay(
  { policy, filter, loader, arch: machine }: FilterQuestion,
  item: Case,
  model: Model,
): FilterDifference {
  const { numbers, arch } = item.assumed;
  const instructionPointer = (BigInt(model.get('ip_high') ?? 0) << 32n) | BigInt(model.get('ip_low') ?? 0);
  const data: SeccompData = {
    nr: model.get('nr') ?? numbers[0],
    arch: 'is' in arch ? arch.is : (model.get('arch') ?? 0),
    arguments: argumentsOf(model),
    instructionPointer,
  };
  const name = item.call ?? `call ${data.nr >= X32_BIT ? `0x${data.nr.toString(16)}` : data.nr}`;
  // As the profile speaks of it.
  const meant =
    item.call === undefined ? data.arguments : canonicalArguments(item.call, machine, data.arguments);
  const answer = answerText(simulate(filter, data), name, loader);
  const place =
    data.arch === AUDIT_ARCH.x86_64
      ? ''
      : ` of ${KNOWN_ARCHES.get(data.arch) ?? `architecture 0x${data.arch.toString(16)}`}`;
  return {
    call: name,
    nr: data.nr,
    arch: data.arch,
    arguments: data.arguments,
    instructionPointer,
    text: callText(name, meant) + place,
    policy: policyText(policy, item, meant),
    filter: answer,
  };
}

function policyText(policy: Policy, item: Case, values: readonly bigint[]): string {
  const [only] = item.expected;
  if (item.call === undefined || item.expected.length === 1) return only?.words ?? '';
  const decision = decideCall(policy, scalarEvent(item.call, values));
  return decision.verdict === 'allow'
    ? `permits it: ${decision.reason}`
    : `refuses it with ${decision.errno}: ${decision.reason}`;
}

function answerText(verdict: Verdict, call: string, loader: Loader): string {
  switch (verdict.action) {
    case 'allow':
      return 'permits it';
    case 'errno':
      return `refuses it with error ${verdict.data}`;
    case 'notify':
      if (loader.kind === 'soft') return 'raises it to the supervisor, which judges, records and performs it';
      return loader.kind === 'vxe' && loader.supervised.includes(call)
        ? 'raises it to the supervisor, which performs it'
        : 'raises it to the supervisor, which refuses it';
    default:
      return `answers ${verdict.action}`;
  }
}
