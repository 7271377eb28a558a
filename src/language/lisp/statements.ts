import type { SourceSpan } from '../../common/index.js';
import { nearestName } from '../../common/index.js';
import { callNumber, knownCalls, signatureOf } from '../../policy/index.js';
import type { ClauseName, Core } from './core.js';
import { PATH } from './core.js';
import type { Form, ListForm } from './form.js';
import { complain } from './form.js';
import { plainName } from './macros.js';
import type { CoreMaker, Scope } from './names.js';
import { malformed } from './names.js';

export function statement(
  maker: CoreMaker,
  clause: ClauseName,
  operands: readonly Form[],
  span: SourceSpan,
  scope: Scope,
): Core {
  const expressions = ['file', 'program', 'description'].includes(clause) ? 1 : 0;
  const values = clause === 'limit' ? [1] : [];
  const args = operands.map((operand, index) => {
    const plain = index < expressions || values.includes(index) || operand.kind !== 'symbol';
    if (plain && !(clause === 'limit' && isSymbol(operand, 'unlimited'))) return maker.core(operand, scope);
    return word(maker, operand, scope, clause);
  });
  return { op: 'clause', clause, args, span };
}

/** A bare name among the words of a statement: a name that is bound here, otherwise the word itself. */
function word(maker: CoreMaker, form: Form, scope: Scope, clause: string): Core {
  if (form.kind !== 'symbol') return maker.core(form, scope);
  const name = plainName(form.text);
  const bound = maker.names.bound(form.text, scope);
  if (bound === undefined) return { op: 'value', value: { kind: 'word', value: name }, span: form.span };
  if (clause === 'permit' ? callNumber(name) !== undefined : !/[-/]/.test(name) && WORDS.has(name)) {
    const message = `${name} is a word of ${clause} and also a name of this text`;
    throw complain('conflict', message, form.span, 'give the other one another name');
  }
  return { ...bound, span: form.span };
}

export function fileWhen(maker: CoreMaker, form: ListForm, operands: readonly Form[], scope: Scope): Core {
  const [folder, predicate, ...words] = operands;
  if (folder === undefined || predicate === undefined || words.length === 0) throw malformed(form);
  if (scope.locals.has(PATH) || maker.names.isValue(PATH)) {
    const message = 'path is what file-when asks about and also a name of this text';
    throw complain('conflict', message, predicate.span, 'give the other one another name');
  }
  const inner: Scope = { ...scope, locals: new Set([...scope.locals, PATH]) };
  return {
    op: 'file-when',
    folder: maker.core(folder, scope),
    predicate: maker.core(predicate, inner),
    access: words.map((each) => word(maker, each, scope, 'file-when')),
    span: form.span,
  };
}

export function callRule(
  maker: CoreMaker,
  op: 'permit-when' | 'quiet' | 'after',
  form: ListForm,
  operands: readonly Form[],
  scope: Scope,
): Core {
  const [callForm, ...rest] = operands;
  if (callForm?.kind !== 'symbol') throw malformed(form, callForm?.span);
  const call = plainName(callForm.text);
  if (callNumber(call) === undefined) {
    const near = nearestName(call, knownCalls().keys());
    const hint = near === undefined ? 'write the name as the kernel has it' : `did you mean ${near}?`;
    throw complain('unknown-call', `there is no system call ${call}`, callForm.span, hint);
  }
  const inner: Scope = { ...scope, call };
  const predicates = (op === 'quiet' ? rest.slice(1) : rest).map((each) => {
    if (signatureOf(call) === undefined)
      throw complain(
        'unknown-argument',
        `VXE does not know the arguments of ${call}`,
        each.span,
        op === 'after' ? 'say it of every call' : 'permit it as a whole',
      );
    return maker.core(each, inner);
  });
  const shared = { call, callSpan: callForm.span, predicates, span: form.span };
  if (op !== 'quiet') {
    if (predicates.length === 0 && op === 'permit-when') throw malformed(form);
    return { op, ...shared };
  }
  const [errno] = rest;
  if (errno === undefined) throw malformed(form);
  return { op, ...shared, errno: word(maker, errno, scope, 'quiet') };
}

/** Words of statements that a name of the text would hide. */
const WORDS: ReadonlySet<string> = new Set([
  ...[
    'read',
    'write',
    'create',
    'remove',
    'execute',
    'ioctl',
    'none',
    'once',
    'any',
    'host',
    'loopback',
    'strict',
  ],
  ...[
    'filesystem',
    'syslog',
    'notify',
    'nofile',
    'nproc',
    'as',
    'core',
    'cpu',
    'data',
    'fsize',
    'stack',
    'unlimited',
  ],
]);

function isSymbol(form: Form, name: string): boolean {
  return form.kind === 'symbol' && plainName(form.text) === name;
}
