import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import type { EventArgument, EventWorld, Policy } from '../policy/index.js';
import { ACCESS_WORDS, parseConstants, parseEvent, signatureOf } from '../policy/index.js';
import { capabilityQuestion, fileQuestion, writableProgram } from './never-files.js';
import { networkQuestion } from './never-network.js';
import type { Instance } from './permitted.js';
import { exampleAddresses, examplePaths, permittedCall } from './permitted.js';
import { conditionTerm, halvesOf } from './policy.js';
import { placed } from './regions.js';
import type { Solver } from './solver.js';
import type { Term } from './term.js';
import { Terms } from './term.js';

export type { Instance } from './permitted.js';

type Answer = Promise<Result<Instance | undefined>>;

/**
 * Answers an administrator's question: whether the policy permits anything of a kind. docs/reference/prove.md lists the questions.
 * Undefined: it never does.
 */
export async function findInstance(
  policy: Policy,
  question: string,
  solver: Solver,
  world?: EventWorld,
): Answer {
  const text = question.trim().replace(/\s+/g, ' ');
  const real = placed(policy, world);
  if (text === 'exec where writable') return success(await writableProgram(real, solver, world));
  if (/^(connect|bind|send) to\b/.test(text)) return await networkQuestion(real, text, solver, world);
  if (/^capability\b/.test(text)) return capabilityQuestion(real, text);
  const file = await fileQuestion(real, text, solver, world);
  if (file !== undefined) return file;
  const unlike = noQuestion(text);
  if (unlike !== undefined) return unlike;
  return await matchingCall(real, text, solver, world);
}

/** Words that are neither a call nor any other question. */
function noQuestion(text: string): Result<never> | undefined {
  const [, word = '', rest = ''] = /^([a-z]+) (?!where )(.+)$/.exec(text) ?? [];
  if (text !== '' && (rest === '' || text.includes('('))) return undefined;
  const access = ACCESS_WORDS.find((each) => each === word) ?? (word === 'exec' ? 'execute' : undefined);
  const path = /\/\S*/.exec(rest)?.[0];
  const like =
    access !== undefined && path !== undefined
      ? `did you mean ${access} of ${path}?`
      : 'such as: write outside /var/mail; read of /etc/shadow; connect to not 10.0.0.0/8; exec where writable; capability CAP_SYS_ADMIN; openat("/etc/shadow", O_WRONLY); docs/reference/prove.md has them all';
  return failure({
    code: 'bad-event',
    message: `${text === '' ? 'an empty text' : text} is not a question`,
    hint: like,
  });
}

async function matchingCall(
  policy: Policy,
  text: string,
  solver: Solver,
  world: EventWorld | undefined,
): Answer {
  const [pattern = '', ...conditions] = text.split(
    / (?:where|and) (?=[a-z0-9_]+ (?:is|not|with|without|from) )/,
  );
  const parsed = parseEvent(pattern);
  if (!parsed.ok) return parsed;
  const { call, arguments: given } = parsed.value;
  const signature = signatureOf(call) ?? [];
  const fixed = new Map<number, EventArgument>();
  const open: (readonly [number, readonly EventArgument[]])[] = [];
  for (const [index, argument] of given.entries())
    if (argument.kind !== 'missing') fixed.set(index, argument);
  for (const { index, type, name } of signature) {
    const value = fixed.get(index);
    if (value?.kind === 'integer' && (type === 'path' || type === 'sockaddr'))
      return failure({
        code: 'bad-event',
        message: `${call}: ${name} is ${type === 'path' ? 'a path' : 'an address'}, not ${value.text}`,
        hint: `the arguments are ${call}(${signature.map((each) => each.name).join(', ')}); write _ for anything`,
      });
    if (value !== undefined) continue;
    if (type === 'path') open.push([index, examplePaths(policy)]);
    if (type === 'sockaddr' && ['connect', 'bind', 'sendto'].includes(call))
      // What is sent need not have an address.
      open.push([index, [...(call === 'sendto' ? [NO_ADDRESS] : []), ...exampleAddresses(policy)]]);
  }
  const terms = new Terms();
  const where: Term[] = [];
  for (const condition of conditions) {
    const term = argumentTerm(call, condition, terms);
    if (!term.ok) return term;
    where.push(term.value);
  }
  for (const choice of choices(open)) {
    const all = new Map([...fixed, ...choice]);
    const found = await permittedCall(policy, call, all, solver, world, terms, terms.and(...where));
    if (found !== undefined) return success(found);
  }
  return success(undefined);
}

const NO_ADDRESS: EventArgument = { kind: 'integer', value: 0n, text: 'NULL' };

/** `flags with O_CREAT`, `prot without PROT_EXEC`, `type is SOCK_RAW mask SOCK_TYPE_MASK`, `sig not SIGTERM`, `offset from 0 to 7`. */
function argumentTerm(call: string, text: string, terms: Terms): Result<Term> {
  const [, name, relation, rest = ''] = /^([a-z0-9_]+) (is|not|with|without|from) (.+)$/.exec(text) ?? [];
  const argument = signatureOf(call)?.find((each) => each.name === name);
  if (argument === undefined)
    return failure({
      code: 'bad-event',
      message: `${call} has no argument ${name}`,
      hint: `its arguments are ${(signatureOf(call) ?? []).map((each) => each.name).join(', ')}`,
    });
  const [first = '', second] = rest.split(relation === 'from' ? ' to ' : ' mask ');
  const values = [first, second ?? '0'].map((each) => parseConstants(each));
  const [one, other] = values.map((each) => (each.ok ? each.value : 0n)) as [bigint, bigint];
  const wrong = values.find((each) => !each.ok);
  if (wrong !== undefined && !wrong.ok) return wrong;
  if (
    (relation === 'from') !== (second !== undefined) &&
    !(second !== undefined && /^(is|not)$/.test(relation ?? ''))
  )
    return failure({
      code: 'bad-event',
      message: `${text} is no condition on an argument`,
      hint: 'write flags with BITS, flags without BITS, type is VALUE [mask MASK], sig not VALUE, or offset from A to B',
    });
  const width = (1n << BigInt(argument.width)) - 1n;
  const cut = (value: bigint): bigint => BigInt.asUintN(64, value) & width;
  const value = halvesOf(argument, terms);
  const masked = (mask: bigint, wanted: bigint): Term =>
    conditionTerm({ kind: 'masked', mask: cut(mask), value: cut(wanted) }, value, terms);
  switch (relation) {
    case 'with':
      return success(masked(one, one));
    case 'without':
      return success(masked(one, 0n));
    case 'from':
      return success(conditionTerm({ kind: 'range', from: cut(one), to: cut(other) }, value, terms));
    default: {
      const is = masked(second === undefined ? width : other, one);
      return success(relation === 'not' ? terms.not(is) : is);
    }
  }
}

function* choices(
  open: readonly (readonly [number, readonly EventArgument[]])[],
): Generator<Map<number, EventArgument>> {
  const [first, ...rest] = open;
  if (first === undefined) {
    yield new Map();
    return;
  }
  for (const argument of first[1])
    for (const other of choices(rest)) yield new Map([[first[0], argument], ...other]);
}
