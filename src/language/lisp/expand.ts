import type { SourceFile, SourceSpan } from '../../common/index.js';
import type { Argument } from '../../policy/index.js';
import {
  callNumber,
  constantValue,
  knownCalls,
  nearestName,
  parseConstants,
  signatureOf,
} from '../../policy/index.js';
import type { Builtin } from './builtin.js';
import type { ClauseName, Core, Iteration, Lambda, Step } from './core.js';
import { CLAUSES, ITERATIONS } from './core.js';
import type { Form, ListForm } from './form.js';
import { complain, LispError, saidTwice } from './form.js';
import { LANGUAGE_FORMS, PROFILE_FORMS } from './forms.js';
import { LIST_FUNCTIONS } from './lists.js';
import type { Macro } from './macros.js';
import { BROUGHT, bindersOf, instantiate, plainName } from './macros.js';
import { NUMBER_FUNCTIONS } from './numbers.js';
import { readForms } from './reader.js';
import { STRING_FUNCTIONS } from './strings.js';
import { FALSE, string, TRUE } from './value.js';

export const FUNCTIONS: ReadonlyMap<string, Builtin> = new Map(
  [...NUMBER_FUNCTIONS, ...STRING_FUNCTIONS, ...LIST_FUNCTIONS].map((each) => [each.name, each]),
);
const SPECIAL: ReadonlySet<string> = new Set([...LANGUAGE_FORMS, ...PROFILE_FORMS].map((each) => each.name));
const SPECIAL_OPERANDS = new Map(
  [...LANGUAGE_FORMS, ...PROFILE_FORMS].map((each) => [each.name, each.operands]),
);

/** Finds a library that a text includes. */
export type LoadLibrary = (path: string, from: string) => SourceFile | undefined;

type Global =
  | { readonly kind: 'value' | 'broken'; readonly span: SourceSpan }
  | { readonly kind: 'function'; readonly lambda: Lambda; readonly span: SourceSpan }
  | { readonly kind: 'macro'; readonly macro: Macro; readonly span: SourceSpan };

/** What names mean at one place of the text. */
interface Scope {
  readonly locals: ReadonlySet<string>;
  /** Inside a predicate: the call whose arguments are meant. */
  readonly call: string | undefined;
}

const TOP: Scope = { locals: new Set(), call: undefined };
const FORMS_MAX = 200_000;
const DEPTH_MAX = 300;
const NESTING_MAX = 50;

/** Resolves macros, includes and names. A name means only what was defined before it, so nothing can reach itself. */
export class Expander {
  readonly #globals = new Map<string, Global>();
  readonly #included = new Set<string>();
  readonly #load: LoadLibrary;
  readonly #redefine: boolean;
  #forms = 0;
  #uses = 0;
  #depth = 0;

  constructor(load: LoadLibrary, redefine = false) {
    this.#load = load;
    this.#redefine = redefine;
  }

  /** Names that completion offers. */
  names(): readonly string[] {
    return [...SPECIAL, ...FUNCTIONS.keys(), ...this.#globals.keys()];
  }

  /** The steps of one form of a text; an include gives those of its library. */
  expand(form: Form, report: (error: LispError) => void, nesting = 0): readonly Step[] {
    this.#depth = 0;
    if (nesting > NESTING_MAX)
      throw complain(
        'too-large',
        `macros write out macros more than ${NESTING_MAX} deep`,
        form.span,
        'does one lead to itself?',
      );
    const head = headOf(form);
    if (form.kind === 'list' && head !== undefined) {
      if (head === 'include') return this.#include(form, report);
      if (head === 'define') return this.#define(form);
      if (head === 'define-macro') return this.#defineMacro(form);
      const macro = this.#macro(head);
      if (macro !== undefined) {
        const written = this.#write(macro, form);
        const parts =
          headOf(written) === 'begin' && written.kind === 'list' ? written.items.slice(1) : [written];
        try {
          return parts.flatMap((item) => this.expand(item, report, nesting + 1));
        } catch (error) {
          throw writtenBy(error, macro.name, form.span);
        }
      }
    }
    return [{ kind: 'do', core: this.core(form, TOP), span: form.span }];
  }

  /** A predicate on the arguments of a call, outside any profile. */
  predicate(form: Form, call: string): Core {
    this.#depth = 0;
    return this.core(form, { locals: new Set(), call });
  }

  #include(form: ListForm, report: (error: LispError) => void): readonly Step[] {
    const [, path] = form.items;
    if (path?.kind !== 'string' || form.items.length !== 2)
      throw complain('syntax', 'include names one file', form.span, 'such as (include "mail.vxl")');
    const file = this.#load(path.value, form.span.source);
    if (file === undefined)
      throw complain(
        'missing-file',
        `there is no library ${path.value}`,
        path.span,
        'a path from the including file was expected',
      );
    if (this.#included.has(file.name)) return [];
    if (this.#included.size >= 100) throw complain('too-large', 'more than 100 libraries', path.span);
    this.#included.add(file.name);
    const steps: Step[] = [];
    for (const each of readForms(file).forms) {
      try {
        steps.push(...this.expand(each, report));
      } catch (error) {
        if (!(error instanceof LispError)) throw error;
        report(error);
      }
    }
    return steps;
  }

  #define(form: ListForm): readonly Step[] {
    const [, target, ...body] = form.items;
    const hint = 'such as (define port 110) or (define (read-all path) (file path read))';
    if (target === undefined || body.length === 0)
      throw complain('syntax', 'define wants a name and a value', form.span, hint);
    if (target.kind === 'symbol') {
      if (body.length > 1) throw complain('syntax', 'a value is one form', form.span, hint);
      const name = this.#newName(target);
      const value = this.#or(name, form.span, () => this.core(body[0] ?? target, TOP));
      this.#globals.set(name, { kind: 'value', span: target.span });
      return [{ kind: 'define', name, value, span: form.span }];
    }
    if (target.kind !== 'list') throw complain('syntax', 'define wants a name', target.span, hint);
    const [nameForm, ...parameters] = target.items;
    if (nameForm === undefined) throw complain('syntax', 'define wants a name', target.span, hint);
    const name = this.#newName(nameForm);
    const lambda = this.#or(name, form.span, () => this.#lambda(name, parameters, body, form.span, TOP));
    this.#globals.set(name, { kind: 'function', lambda, span: nameForm.span });
    return [];
  }

  #defineMacro(form: ListForm): readonly Step[] {
    const [, target, template, ...more] = form.items;
    const hint = 'such as (define-macro (tcp-only call) (permit-when call (= domain AF_INET)))';
    if (target?.kind !== 'list' || template === undefined || more.length > 0)
      throw complain('syntax', 'define-macro wants (NAME PARAMETER ...) and one template', form.span, hint);
    const [nameForm, ...forms] = target.items;
    if (nameForm === undefined) throw complain('syntax', 'the macro has no name', target.span, hint);
    const name = this.#newName(nameForm);
    const { parameters, rest } = parameterNames(forms);
    const bound = new Set([...parameters, ...(rest === undefined ? [] : [rest])]);
    const macro = { name, parameters, rest, template, binders: bindersOf(template, bound), span: form.span };
    refuseInTemplate(template, name);
    this.#globals.set(name, { kind: 'macro', macro, span: nameForm.span });
    return [];
  }

  #or<T>(name: string, span: SourceSpan, step: () => T): T {
    try {
      return step();
    } catch (error) {
      // What rests on it must not be reported a second time.
      this.#globals.set(name, { kind: 'broken', span });
      throw error;
    }
  }

  #newName(form: Form): string {
    if (form.kind !== 'symbol' || form.text === '.')
      throw complain('syntax', 'a name was expected', form.span, 'such as mail-port');
    const name = plainName(form.text);
    if (constantOf(name) !== undefined)
      throw complain('conflict', `${name} is a constant already`, form.span, 'choose another name');
    if (SPECIAL.has(name) || FUNCTIONS.has(name) || name === 'else')
      throw complain('conflict', `${name} is part of the language`, form.span, 'choose another name');
    const before = this.#globals.get(name);
    if (before !== undefined && before.kind !== 'broken' && !this.#redefine)
      throw saidTwice(`${name} is defined twice`, form.span, before.span, 'choose another name');
    return name;
  }

  #lambda(
    name: string,
    parameterForms: readonly Form[],
    body: readonly Form[],
    span: SourceSpan,
    scope: Scope,
  ): Lambda {
    const { parameters, rest } = parameterNames(parameterForms);
    const all = [...parameters, ...(rest === undefined ? [] : [rest])];
    for (const each of all) this.#checkLocal(each, span);
    const inner: Scope = { ...scope, locals: new Set([...scope.locals, ...all]) };
    return { name, parameters, rest, body: this.#body(body, inner, span), span };
  }

  #checkLocal(name: string, span: SourceSpan): void {
    if (constantOf(plainName(name)) !== undefined)
      throw complain('conflict', `${plainName(name)} is a constant already`, span, 'choose another name');
  }

  #body(forms: readonly Form[], scope: Scope, span: SourceSpan): Core {
    const body = forms.map((form) => this.core(form, scope));
    const [only] = body;
    if (only === undefined) throw complain('syntax', 'the body is empty', span, 'a form was expected');
    return body.length === 1 ? only : { op: 'block', body, span };
  }

  core(form: Form, scope: Scope): Core {
    this.#count(form.span);
    if (++this.#depth > DEPTH_MAX)
      throw complain(
        'too-large',
        `forms are nested deeper than ${DEPTH_MAX} when macros are written out`,
        form.span,
      );
    const core = this.#form(form, scope);
    this.#depth--;
    return core;
  }

  #count(span: SourceSpan, forms = 1): void {
    this.#forms += forms;
    if (this.#forms > FORMS_MAX)
      throw complain('too-large', `macros write out more than ${FORMS_MAX} forms`, span, 'use a function');
  }

  #form(form: Form, scope: Scope): Core {
    const { span } = form;
    switch (form.kind) {
      case 'int':
        return { op: 'value', value: { kind: 'int', value: form.value, text: form.text }, span };
      case 'string':
        return { op: 'value', value: string(form.value), span };
      case 'quote':
        return this.#quoted(form.form);
      case 'symbol':
        return this.#variable(form.text, span, scope);
      case 'list':
        return this.#compound(form, scope);
    }
  }

  #quoted(form: Form): Core {
    const { span } = form;
    if (form.kind === 'symbol')
      return { op: 'value', value: { kind: 'word', value: plainName(form.text) }, span };
    if (form.kind === 'list')
      return { op: 'list', items: form.items.map((item) => this.#quoted(item)), span };
    return form.kind === 'quote' ? this.#quoted(form.form) : this.#form(form, TOP);
  }

  /** The name as it is bound here; names that a macro brought along see no local ones. */
  #bound(text: string, scope: Scope): { op: 'local' | 'global'; name: string } | undefined {
    if (scope.locals.has(text)) return { op: 'local', name: text };
    const name = text.replace(BROUGHT, '');
    const global = this.#globals.get(name);
    if (global?.kind === 'broken') throw new LispError(undefined);
    return global?.kind === 'value' ? { op: 'global', name } : undefined;
  }

  #variable(text: string, span: SourceSpan, scope: Scope): Core {
    const name = plainName(text);
    if (name === '#t' || name === '#f') return { op: 'value', value: name === '#t' ? TRUE : FALSE, span };
    const bound = this.#bound(text, scope);
    const argument = argumentOf(scope.call, name);
    if (bound !== undefined && argument !== undefined) {
      const message = `${name} is an argument of ${scope.call} here and also a name of this text`;
      throw complain('conflict', message, span, 'give the other one another name');
    }
    if (argument !== undefined) return { op: 'argument', argument, span };
    if (bound !== undefined) return { ...bound, span };
    const constant = constantOf(name);
    if (constant !== undefined)
      return { op: 'value', value: { kind: 'int', value: constant, text: name }, span };
    throw this.#unknown(name, span, scope);
  }

  #unknown(name: string, span: SourceSpan, scope: Scope): LispError {
    if (this.#globals.has(name) || FUNCTIONS.has(name) || SPECIAL.has(name)) {
      const hint = `call it as (${name} ...); functions are handed to map, filter, fold and their like alone`;
      return complain('wrong-type', `${name} is not a value`, span, hint);
    }
    if (name.includes('|')) {
      const [problem] = unknownConstants(name);
      if (problem !== undefined) return new LispError({ ...problem, span });
    }
    const call = scope.call;
    const known = call === undefined ? [] : (signatureOf(call) ?? []).map((argument) => argument.name);
    const near =
      nearestName(name, [...scope.locals, ...known, ...this.#values()]) ??
      (/^[A-Z]/.test(name)
        ? unknownConstants(name)[0]?.hint?.replace(/^did you mean (.*)\?$/, '$1')
        : undefined);
    const hint =
      near !== undefined && !near.includes(' ')
        ? `did you mean ${near}?`
        : call === undefined
          ? `a name that is defined above, a constant, or a word written as '${name} was expected`
          : `the arguments of ${call} are ${known.join(', ')}`;
    const what =
      call === undefined
        ? `${name} is not defined`
        : `${call} has no argument ${name}, and nothing else has this name`;
    return complain(call === undefined ? 'unknown-key' : 'unknown-argument', what, span, hint);
  }

  #values(): readonly string[] {
    return [...this.#globals].filter(([, global]) => global.kind === 'value').map(([name]) => name);
  }

  #macro(head: string): Macro | undefined {
    const global = this.#globals.get(head);
    return global?.kind === 'macro' ? global.macro : undefined;
  }

  #write(macro: Macro, form: ListForm): Form {
    this.#uses++;
    return instantiate(macro, form.items.slice(1), this.#uses, form.span, (forms) =>
      this.#count(form.span, forms),
    );
  }

  #compound(form: ListForm, scope: Scope): Core {
    const head = headOf(form);
    const { span } = form;
    if (head === undefined) {
      const hint = "a list of values is written (list A B) or '(A B)";
      throw complain(
        'syntax',
        'the name of a form or function was expected',
        form.items[0]?.span ?? span,
        hint,
      );
    }
    const operands = form.items.slice(1);
    if (SPECIAL.has(head)) return this.#special(head, form, operands, scope);
    const macro = this.#macro(head);
    if (macro !== undefined) {
      try {
        return this.core(this.#write(macro, form), scope);
      } catch (error) {
        throw writtenBy(error, macro.name, span);
      }
    }
    const target = this.#callable(head, form.items[0]?.span ?? span);
    const args = operands.map((operand) => this.core(operand, scope));
    this.#checkArity(target, args.length, span);
    return 'run' in target
      ? { op: 'builtin', builtin: target, args, span }
      : { op: 'call', target, args, span };
  }

  #callable(name: string, span: SourceSpan): Lambda | Builtin {
    const global = this.#globals.get(name);
    if (global?.kind === 'function') return global.lambda;
    if (global?.kind === 'broken') throw new LispError(undefined);
    const builtin = FUNCTIONS.get(name);
    if (builtin !== undefined) return builtin;
    if (global?.kind === 'value')
      throw complain(
        'wrong-type',
        `${name} is a value and cannot be called`,
        span,
        'a function was expected',
      );
    const near = nearestName(name, this.names());
    const hint =
      near === undefined ? 'a function or form that is defined above was expected' : `did you mean ${near}?`;
    throw complain('unknown-key', `there is no function or form ${name}`, span, hint);
  }

  #checkArity(target: Lambda | Builtin, count: number, span: SourceSpan): void {
    const builtin = 'run' in target;
    const min = builtin ? target.min : target.parameters.length;
    const max = builtin ? target.max : target.rest === undefined ? min : Number.POSITIVE_INFINITY;
    if (count >= min && count <= max) return;
    const operands = builtin
      ? target.operands
      : [...target.parameters, ...(target.rest === undefined ? [] : [target.rest, '...'])]
          .map(plainName)
          .join(' ');
    const name = target.name === '' ? 'the function' : target.name;
    const wanted =
      min === max ? `${min}` : max === Number.POSITIVE_INFINITY ? `at least ${min}` : `${min} to ${max}`;
    const hint = `(${[target.name || 'lambda', operands].filter((each) => each !== '').join(' ')})`;
    throw complain('syntax', `${name} takes ${wanted} operands, not ${count}`, span, hint);
  }

  #special(head: string, form: ListForm, operands: readonly Form[], scope: Scope): Core {
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
        return this.#let(form, operands, scope);
      case 'if':
        if (first === undefined || second === undefined || operands.length > 3) throw malformed(form);
        return {
          op: 'if',
          test: this.core(first, scope),
          yes: this.core(second, scope),
          otherwise: operands[2] === undefined ? undefined : this.core(operands[2], scope),
          span,
        };
      case 'cond':
        return this.#cond(operands, scope, span);
      case 'and':
      case 'or':
        return { op: head, parts: operands.map((operand) => this.core(operand, scope)), span };
      case 'begin':
        return this.#body(operands, scope, span);
      case 'files':
      case 'limits': {
        const clause = head === 'files' ? 'file' : 'limit';
        const body = operands.map((item) => {
          if (item.kind !== 'list' || item.items.length < 2) throw malformed(form, item.span);
          return this.#clause(clause, item.items, item.span, scope);
        });
        return { op: 'block', body, span };
      }
      case 'permit-when':
      case 'quiet':
        return this.#callRule(head, form, operands, scope);
      default: {
        const iteration = ITERATIONS.find((each) => each === head);
        if (iteration !== undefined) return this.#iteration(iteration, form, operands, scope);
        const clause = CLAUSES.find((each) => each === head);
        if (clause === undefined) throw malformed(form);
        return this.#clause(clause, operands, span, scope);
      }
    }
  }

  #let(form: ListForm, operands: readonly Form[], scope: Scope): Core {
    const [bindings, ...body] = operands;
    if (bindings?.kind !== 'list' || bindings.items.length % 2 !== 0) throw malformed(form, bindings?.span);
    const pairs: { name: string; value: Core }[] = [];
    let inner = scope;
    for (let at = 0; at < bindings.items.length; at += 2) {
      const [name, value] = [bindings.items[at], bindings.items[at + 1]];
      if (name?.kind !== 'symbol' || value === undefined) throw malformed(form, name?.span);
      this.#checkLocal(name.text, name.span);
      pairs.push({ name: name.text, value: this.core(value, inner) });
      inner = { ...inner, locals: new Set([...inner.locals, name.text]) };
    }
    const last = this.#body(body, inner, form.span);
    return pairs.reduceRight<Core>(
      (rest, { name, value }) => ({ op: 'let', name, value, body: rest, span: form.span }),
      last,
    );
  }

  #cond(clauses: readonly Form[], scope: Scope, span: SourceSpan): Core {
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
      const then = this.#body(body, scope, clause.span);
      if (test.kind === 'symbol' && plainName(test.text) === 'else') {
        if (index !== clauses.length - 1)
          throw complain('syntax', 'else stands before other cases', test.span, 'it is the last case');
        result = then;
      } else {
        result = { op: 'if', test: this.core(test, scope), yes: then, otherwise: result, span: clause.span };
      }
    }
    if (result === undefined)
      throw complain('syntax', 'cond has no cases', span, '(cond (TEST BODY ...) ...)');
    return result;
  }

  #iteration(iteration: Iteration, form: ListForm, operands: readonly Form[], scope: Scope): Core {
    const [first, ...rest] = operands;
    if (first === undefined || rest.length !== (iteration === 'fold' ? 2 : 1)) throw malformed(form);
    const step = this.#stepFunction(first, scope);
    this.#checkArity(step, iteration === 'fold' ? 2 : 1, first.span);
    return {
      op: 'iterate',
      iteration,
      step,
      args: rest.map((each) => this.core(each, scope)),
      span: form.span,
    };
  }

  #stepFunction(form: Form, scope: Scope): Lambda | Builtin {
    if (form.kind === 'symbol') {
      if (scope.locals.has(form.text)) {
        const hint = 'the name of a function or (lambda (x) ...) was expected';
        throw complain('wrong-type', `${plainName(form.text)} is a value, not a function`, form.span, hint);
      }
      return this.#callable(plainName(form.text), form.span);
    }
    if (form.kind === 'list' && headOf(form) === 'lambda') {
      const [, parameters, ...body] = form.items;
      if (parameters?.kind === 'list') return this.#lambda('', parameters.items, body, form.span, scope);
    }
    throw complain('syntax', 'a function was expected', form.span, 'its name, or (lambda (x) ...)');
  }

  #clause(clause: ClauseName, operands: readonly Form[], span: SourceSpan, scope: Scope): Core {
    const expressions = ['file', 'program', 'description'].includes(clause) ? 1 : 0;
    const values = clause === 'limit' ? [1] : [];
    const args = operands.map((operand, index) => {
      const plain = index < expressions || values.includes(index) || operand.kind !== 'symbol';
      if (plain && !(clause === 'limit' && isSymbol(operand, 'unlimited'))) return this.core(operand, scope);
      return this.#word(operand, scope, clause);
    });
    return { op: 'clause', clause, args, span };
  }

  /** A bare name among the words of a statement: a name that is bound here, otherwise the word itself. */
  #word(form: Form, scope: Scope, clause: string): Core {
    if (form.kind !== 'symbol') return this.core(form, scope);
    const name = plainName(form.text);
    const bound = this.#bound(form.text, scope);
    if (bound === undefined) return { op: 'value', value: { kind: 'word', value: name }, span: form.span };
    if (clause === 'permit' ? callNumber(name) !== undefined : !/[-/]/.test(name) && WORDS.has(name)) {
      const message = `${name} is a word of ${clause} and also a name of this text`;
      throw complain('conflict', message, form.span, 'give the other one another name');
    }
    return { ...bound, span: form.span };
  }

  #callRule(op: 'permit-when' | 'quiet', form: ListForm, operands: readonly Form[], scope: Scope): Core {
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
          'permit it as a whole',
        );
      return this.core(each, inner);
    });
    const shared = { call, callSpan: callForm.span, predicates, span: form.span };
    if (op === 'permit-when') {
      if (predicates.length === 0) throw malformed(form);
      return { op, ...shared };
    }
    const [errno] = rest;
    if (errno === undefined) throw malformed(form);
    return { op, ...shared, errno: this.#word(errno, scope, 'quiet') };
  }
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

function headOf(form: Form): string | undefined {
  if (form.kind !== 'list') return undefined;
  const [head] = form.items;
  return head?.kind === 'symbol' ? plainName(head.text) : undefined;
}

/** A macro stands for forms and rules; it defines nothing and does not lead to itself. */
function refuseInTemplate(template: Form, name: string): void {
  if (template.kind !== 'list') return;
  const head = headOf(template) ?? '';
  if (head === name) {
    const hint = 'macros stand for what was defined before them';
    throw complain('unsupported', `${name} cannot lead to itself`, template.span, hint);
  }
  if (['define', 'define-macro', 'include'].includes(head)) {
    const hint = 'a macro stands for forms and rules; define beside it';
    throw complain('unsupported', `${head} cannot stand in a template`, template.span, hint);
  }
  for (const item of template.items) refuseInTemplate(item, name);
}

function isSymbol(form: Form, name: string): boolean {
  return form.kind === 'symbol' && plainName(form.text) === name;
}

function argumentOf(call: string | undefined, name: string): Argument | undefined {
  return call === undefined ? undefined : signatureOf(call)?.find((argument) => argument.name === name);
}

/** A constant of the kernel, or several joined by `|`. */
function constantOf(name: string): bigint | undefined {
  if (!name.includes('|')) return constantValue(name);
  const value = name === '|' ? undefined : parseConstants(name);
  return value?.ok ? value.value : undefined;
}

function unknownConstants(name: string) {
  const parsed = parseConstants(name);
  return parsed.ok ? [] : parsed.diagnostics;
}

function parameterNames(forms: readonly Form[]): { parameters: readonly string[]; rest: string | undefined } {
  const names = forms.map((form) => {
    if (form.kind === 'symbol') return form.text;
    throw complain(
      'syntax',
      'the name of a parameter was expected',
      form.span,
      'such as path, or . paths for all further ones',
    );
  });
  const dot = names.indexOf('.');
  const last = forms.at(-1);
  if (dot >= 0 && dot !== names.length - 2 && last !== undefined)
    throw complain('syntax', 'a dot stands before the last parameter', last.span, '(NAME first . others)');
  const parameters = dot < 0 ? names : names.slice(0, dot);
  const all = dot < 0 ? names : names.toSpliced(dot, 1);
  const double = forms.find(
    (form) => form.kind === 'symbol' && all.filter((name) => name === form.text).length > 1,
  );
  if (double !== undefined)
    throw complain('duplicate-key', 'two parameters have one name', double.span, 'give each its own');
  return { parameters, rest: dot < 0 ? undefined : names[dot + 1] };
}

function malformed(form: ListForm, span: SourceSpan = form.span): LispError {
  const head = headOf(form) ?? '';
  return complain(
    'syntax',
    `this is not how ${head} is written`,
    span,
    `(${head} ${SPECIAL_OPERANDS.get(head) ?? ''})`,
  );
}

function writtenBy(error: unknown, name: string, span: SourceSpan): unknown {
  if (!(error instanceof LispError) || error.diagnostic === undefined) return error;
  const related = error.diagnostic.related ?? [];
  if (related.length >= 4) return error;
  const more = [...related, { message: `in ${name}, written out here`, span }];
  return new LispError({ ...error.diagnostic, related: more });
}
