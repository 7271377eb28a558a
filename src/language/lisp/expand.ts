import type { SourceFile, SourceSpan } from '../../common/index.js';
import type { Core, Lambda, Step } from './core.js';
import type { Form, ListForm } from './form.js';
import { complain, LispError } from './form.js';
import type { Macro } from './macros.js';
import { bindersOf, headOf, instantiate, plainName, refuseInTemplate } from './macros.js';
import type { CoreMaker, Scope } from './names.js';
import { checkArity, Names, SPECIAL, TOP } from './names.js';
import { readForms } from './reader.js';
import { special } from './special.js';
import { string } from './value.js';

/** Finds a library that a text includes. */
export type LoadLibrary = (path: string, from: string) => SourceFile | undefined;

const FORMS_MAX = 200_000;
const DEPTH_MAX = 300;
const NESTING_MAX = 50;

/** Resolves macros, includes and names. A name means only what was defined before it, so nothing can reach itself. */
export class Expander implements CoreMaker {
  readonly names: Names;
  readonly #included = new Set<string>();
  readonly #load: LoadLibrary;
  #forms = 0;
  #uses = 0;
  #depth = 0;

  constructor(load: LoadLibrary, redefine = false) {
    this.#load = load;
    this.names = new Names(redefine);
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
      const macro = this.names.macro(head);
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
      const name = this.names.newName(target);
      const value = this.#or(name, form.span, () => this.core(body[0] ?? target, TOP));
      this.names.define(name, { kind: 'value', span: target.span });
      return [{ kind: 'define', name, value, span: form.span }];
    }
    if (target.kind !== 'list') throw complain('syntax', 'define wants a name', target.span, hint);
    const [nameForm, ...parameters] = target.items;
    if (nameForm === undefined) throw complain('syntax', 'define wants a name', target.span, hint);
    const name = this.names.newName(nameForm);
    const lambda = this.#or(name, form.span, () => this.lambda(name, parameters, body, form.span, TOP));
    this.names.define(name, { kind: 'function', lambda, span: nameForm.span });
    return [];
  }

  #defineMacro(form: ListForm): readonly Step[] {
    const [, target, template, ...more] = form.items;
    const hint = 'such as (define-macro (tcp-only call) (permit-when call (= domain AF_INET)))';
    if (target?.kind !== 'list' || template === undefined || more.length > 0)
      throw complain('syntax', 'define-macro wants (NAME PARAMETER ...) and one template', form.span, hint);
    const [nameForm, ...forms] = target.items;
    if (nameForm === undefined) throw complain('syntax', 'the macro has no name', target.span, hint);
    const name = this.names.newName(nameForm);
    const { parameters, rest } = parameterNames(forms);
    const bound = new Set([...parameters, ...(rest === undefined ? [] : [rest])]);
    const macro = { name, parameters, rest, template, binders: bindersOf(template, bound), span: form.span };
    refuseInTemplate(template, name);
    this.names.define(name, { kind: 'macro', macro, span: nameForm.span });
    return [];
  }

  #or<T>(name: string, span: SourceSpan, step: () => T): T {
    try {
      return step();
    } catch (error) {
      // What rests on it must not be reported a second time.
      this.names.define(name, { kind: 'broken', span });
      throw error;
    }
  }

  lambda(
    name: string,
    parameterForms: readonly Form[],
    body: readonly Form[],
    span: SourceSpan,
    scope: Scope,
  ): Lambda {
    const { parameters, rest } = parameterNames(parameterForms);
    const all = [...parameters, ...(rest === undefined ? [] : [rest])];
    for (const each of all) this.names.checkLocal(each, span);
    const inner: Scope = { ...scope, locals: new Set([...scope.locals, ...all]) };
    return { name, parameters, rest, body: this.body(body, inner, span), span };
  }

  body(forms: readonly Form[], scope: Scope, span: SourceSpan): Core {
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
        return this.names.variable(form.text, span, scope);
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
    if (SPECIAL.has(head)) return special(this, head, form, operands, scope);
    const macro = this.names.macro(head);
    if (macro !== undefined) {
      try {
        return this.core(this.#write(macro, form), scope);
      } catch (error) {
        throw writtenBy(error, macro.name, span);
      }
    }
    const target = this.names.callable(head, form.items[0]?.span ?? span);
    const args = operands.map((operand) => this.core(operand, scope));
    checkArity(target, args.length, span);
    return 'run' in target
      ? { op: 'builtin', builtin: target, args, span }
      : { op: 'call', target, args, span };
  }
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

function writtenBy(error: unknown, name: string, span: SourceSpan): unknown {
  if (!(error instanceof LispError) || error.diagnostic === undefined) return error;
  const related = error.diagnostic.related ?? [];
  if (related.length >= 4) return error;
  const more = [...related, { message: `in ${name}, written out here`, span }];
  return new LispError({ ...error.diagnostic, related: more });
}
