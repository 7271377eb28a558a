import type { SourceSpan } from '../../common/index.js';
import type { Builtin } from './builtin.js';
import type { Core, Iteration, Lambda } from './core.js';
import { CLAUSES, ITERATIONS } from './core.js';
import type { Form, ListForm } from './form.js';
import { complain } from './form.js';
import { headOf, plainName } from './macros.js';
import type { CoreMaker, Scope } from './names.js';
import { checkArity, malformed } from './names.js';
import { callRule, fileWhen, statement } from './statements.js';

/** Forms that hold the operands of several statements. */
const PLURALS = { files: 'file', sockets: 'socket', resources: 'resource', limits: 'limit' } as const;

/** A special form as core: its operands are not all evaluated. */
export function special(
  maker: CoreMaker,
  head: string,
  form: ListForm,
  operands: readonly Form[],
  scope: Scope,
): Core {
  const { span } = form;
  const [first, second] = operands;
  switch (head) {
    case 'define':
    case 'define-macro':
    case 'include':
      throw complain('syntax', `${head} stands at the top of a text only`, span, 'inside, let gives names');
    case 'lambda': {
      const hint = 'functions are handed to map, filter, fold, for-each, every? and some? alone';
      throw complain('wrong-type', 'a function is not a value', span, hint);
    }
    case 'let':
      return letForm(maker, form, operands, scope);
    case 'if':
      if (first === undefined || second === undefined || operands.length > 3) throw malformed(form);
      return {
        op: 'if',
        test: maker.core(first, scope),
        yes: maker.core(second, scope),
        otherwise: operands[2] === undefined ? undefined : maker.core(operands[2], scope),
        span,
      };
    case 'cond':
      return cond(maker, operands, scope, span);
    case 'and':
    case 'or':
      return { op: head, parts: operands.map((operand) => maker.core(operand, scope)), span };
    case 'begin':
      return maker.body(operands, scope, span);
    case 'files':
    case 'sockets':
    case 'resources':
    case 'limits': {
      const clause = PLURALS[head];
      const body = operands.map((item) => {
        if (item.kind !== 'list' || item.items.length < 2) throw malformed(form, item.span);
        return statement(maker, clause, item.items, item.span, scope);
      });
      return { op: 'block', body, span };
    }
    case 'file-when':
      return fileWhen(maker, form, operands, scope);
    case 'permit-when':
    case 'quiet':
    case 'after':
      return callRule(maker, head, form, operands, scope);
    default: {
      const iteration = ITERATIONS.find((each) => each === head);
      if (iteration !== undefined) return iterationForm(maker, iteration, form, operands, scope);
      const clause = CLAUSES.find((each) => each === head);
      if (clause === undefined) throw malformed(form);
      return statement(maker, clause, operands, span, scope);
    }
  }
}

function letForm(maker: CoreMaker, form: ListForm, operands: readonly Form[], scope: Scope): Core {
  const [bindings, ...body] = operands;
  if (bindings?.kind !== 'list' || bindings.items.length % 2 !== 0) throw malformed(form, bindings?.span);
  const pairs: { name: string; value: Core }[] = [];
  let inner = scope;
  for (let at = 0; at < bindings.items.length; at += 2) {
    const [name, value] = [bindings.items[at], bindings.items[at + 1]];
    if (name?.kind !== 'symbol' || value === undefined) throw malformed(form, name?.span);
    maker.names.checkLocal(name.text, name.span);
    pairs.push({ name: name.text, value: maker.core(value, inner) });
    inner = { ...inner, locals: new Set([...inner.locals, name.text]) };
  }
  const last = maker.body(body, inner, form.span);
  return pairs.reduceRight<Core>(
    (rest, { name, value }) => ({ op: 'let', name, value, body: rest, span: form.span }),
    last,
  );
}

function cond(maker: CoreMaker, clauses: readonly Form[], scope: Scope, span: SourceSpan): Core {
  let result: Core | undefined;
  for (const [index, clause] of [...clauses.entries()].reverse()) {
    if (clause.kind !== 'list' || clause.items.length < 2)
      throw complain(
        'syntax',
        'a case of cond was expected',
        clause.span,
        '(TEST BODY ...) or (else BODY ...)',
      );
    const [test, ...body] = clause.items;
    if (test === undefined) continue;
    const then = maker.body(body, scope, clause.span);
    if (test.kind === 'symbol' && plainName(test.text) === 'else') {
      if (index !== clauses.length - 1)
        throw complain('syntax', 'else stands before other cases', test.span, 'it is the last case');
      result = then;
    } else {
      result = { op: 'if', test: maker.core(test, scope), yes: then, otherwise: result, span: clause.span };
    }
  }
  if (result === undefined) throw complain('syntax', 'cond has no cases', span, '(cond (TEST BODY ...) ...)');
  return result;
}

function iterationForm(
  maker: CoreMaker,
  iteration: Iteration,
  form: ListForm,
  operands: readonly Form[],
  scope: Scope,
): Core {
  const [first, ...rest] = operands;
  if (first === undefined || rest.length !== (iteration === 'fold' ? 2 : 1)) throw malformed(form);
  const step = stepFunction(maker, first, scope);
  checkArity(step, iteration === 'fold' ? 2 : 1, first.span);
  return {
    op: 'iterate',
    iteration,
    step,
    args: rest.map((each) => maker.core(each, scope)),
    span: form.span,
  };
}

function stepFunction(maker: CoreMaker, form: Form, scope: Scope): Lambda | Builtin {
  if (form.kind === 'symbol') {
    if (scope.locals.has(form.text)) {
      const hint = 'the name of a function or (lambda (x) ...) was expected';
      throw complain('wrong-type', `${plainName(form.text)} is a value, not a function`, form.span, hint);
    }
    return maker.names.callable(plainName(form.text), form.span);
  }
  if (form.kind === 'list' && headOf(form) === 'lambda') {
    const [, parameters, ...body] = form.items;
    if (parameters?.kind === 'list') return maker.lambda('', parameters.items, body, form.span, scope);
  }
  throw complain('syntax', 'a function was expected', form.span, 'its name, or (lambda (x) ...)');
}
