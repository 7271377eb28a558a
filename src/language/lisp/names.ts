import type { SourceSpan } from '../../common/index.js';
import { nearestName } from '../../common/index.js';
import type { Argument } from '../../policy/index.js';
import { constantValue, parseConstants, signatureOf } from '../../policy/index.js';
import type { Builtin } from './builtin.js';
import type { Core, Lambda } from './core.js';
import type { Form, ListForm } from './form.js';
import { complain, LispError, saidTwice } from './form.js';
import { LANGUAGE_FORMS, PROFILE_FORMS } from './forms.js';
import { LIST_FUNCTIONS } from './lists.js';
import type { Macro } from './macros.js';
import { BROUGHT, headOf, plainName } from './macros.js';
import { NUMBER_FUNCTIONS } from './numbers.js';
import { STRING_FUNCTIONS } from './strings.js';
import { FALSE, TRUE } from './value.js';

export const FUNCTIONS: ReadonlyMap<string, Builtin> = new Map(
  [...NUMBER_FUNCTIONS, ...STRING_FUNCTIONS, ...LIST_FUNCTIONS].map((each) => [each.name, each]),
);
const SPECIAL_OPERANDS = new Map(
  [...LANGUAGE_FORMS, ...PROFILE_FORMS].map((each) => [each.name, each.operands]),
);
export const SPECIAL: ReadonlySet<string> = new Set(
  [...LANGUAGE_FORMS, ...PROFILE_FORMS].map((each) => each.name),
);

export type Global =
  | { readonly kind: 'value' | 'broken'; readonly span: SourceSpan }
  | { readonly kind: 'function'; readonly lambda: Lambda; readonly span: SourceSpan }
  | { readonly kind: 'macro'; readonly macro: Macro; readonly span: SourceSpan };

/** What makes forms into the core language; the special forms ask it for their parts. */
export interface CoreMaker {
  readonly names: Names;
  core(form: Form, scope: Scope): Core;
  body(forms: readonly Form[], scope: Scope, span: SourceSpan): Core;
  lambda(
    name: string,
    parameters: readonly Form[],
    body: readonly Form[],
    span: SourceSpan,
    scope: Scope,
  ): Lambda;
}

/** What names mean at one place of the text. */
export interface Scope {
  readonly locals: ReadonlySet<string>;
  /** Inside a predicate: the call whose arguments are meant. */
  readonly call: string | undefined;
}

export const TOP: Scope = { locals: new Set(), call: undefined };

/** What every name of a text means: what was defined before, functions, forms and constants. */
export class Names {
  readonly #globals = new Map<string, Global>();
  readonly #redefine: boolean;

  /** `redefine`: a later definition takes the place of an earlier one, as a REPL wants it. */
  constructor(redefine: boolean) {
    this.#redefine = redefine;
  }

  all(): readonly string[] {
    return [...SPECIAL, ...FUNCTIONS.keys(), ...this.#globals.keys()];
  }

  isValue(name: string): boolean {
    return this.#globals.get(name)?.kind === 'value';
  }

  define(name: string, global: Global): void {
    this.#globals.set(name, global);
  }

  newName(form: Form): string {
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

  checkLocal(name: string, span: SourceSpan): void {
    if (constantOf(plainName(name)) !== undefined)
      throw complain('conflict', `${plainName(name)} is a constant already`, span, 'choose another name');
  }

  /** The name as it is bound here; names that a macro brought along see no local ones. */
  bound(text: string, scope: Scope): { op: 'local' | 'global'; name: string } | undefined {
    if (scope.locals.has(text)) return { op: 'local', name: text };
    const name = text.replace(BROUGHT, '');
    const global = this.#globals.get(name);
    if (global?.kind === 'broken') throw new LispError(undefined);
    return global?.kind === 'value' ? { op: 'global', name } : undefined;
  }

  variable(text: string, span: SourceSpan, scope: Scope): Core {
    const name = plainName(text);
    if (name === '#t' || name === '#f') return { op: 'value', value: name === '#t' ? TRUE : FALSE, span };
    const bound = this.bound(text, scope);
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

  macro(head: string): Macro | undefined {
    const global = this.#globals.get(head);
    return global?.kind === 'macro' ? global.macro : undefined;
  }

  callable(name: string, span: SourceSpan): Lambda | Builtin {
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
    const near = nearestName(name, this.all());
    const hint =
      near === undefined ? 'a function or form that is defined above was expected' : `did you mean ${near}?`;
    throw complain('unknown-key', `there is no function or form ${name}`, span, hint);
  }
}

export function checkArity(target: Lambda | Builtin, count: number, span: SourceSpan): void {
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

/** The complaint about a special form whose operands are not as they should be. */
export function malformed(form: ListForm, span: SourceSpan = form.span): LispError {
  const head = headOf(form) ?? '';
  return complain(
    'syntax',
    `this is not how ${head} is written`,
    span,
    `(${head} ${SPECIAL_OPERANDS.get(head) ?? ''})`,
  );
}
