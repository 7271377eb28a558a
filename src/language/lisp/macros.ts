import type { SourceSpan } from '../../common/index.js';
import type { Form, SymbolForm } from './form.js';
import { complain } from './form.js';

/** A form that is written out where it is used, its parameters replaced by the forms that stand there. */
export interface Macro {
  readonly name: string;
  readonly parameters: readonly string[];
  /** Takes all further operands; they are spliced in where it stands as an item of a list. */
  readonly rest: string | undefined;
  readonly template: Form;
  /** Names that the template itself binds; each use gets its own, so that they meet no name of the user. */
  readonly binders: ReadonlySet<string>;
  readonly span: SourceSpan;
}

/** Marks names that a macro brought along: they mean what they mean where the macro was defined. */
export const BROUGHT = '\u0001';
const FRESH = '\u0002';

/** The name as somebody wrote it. */
export function plainName(name: string): string {
  return name.split(FRESH)[0]?.replace(BROUGHT, '') ?? name;
}

/** The name that a list begins with. */
export function headOf(form: Form): string | undefined {
  if (form.kind !== 'list') return undefined;
  const [head] = form.items;
  return head?.kind === 'symbol' ? plainName(head.text) : undefined;
}

/** The names that let and lambda bind in a template. */
export function bindersOf(template: Form, parameters: ReadonlySet<string>): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (form: Form): void => {
    if (form.kind !== 'list') return;
    const [head, second] = form.items;
    if (head?.kind === 'symbol' && second?.kind === 'list') {
      const step = head.text === 'let' ? 2 : head.text === 'lambda' ? 1 : 0;
      for (let at = 0; step > 0 && at < second.items.length; at += step) {
        const name = second.items[at];
        if (name?.kind === 'symbol' && !parameters.has(name.text) && name.text !== '.') names.add(name.text);
      }
    }
    for (const item of form.items) visit(item);
  };
  visit(template);
  return names;
}

/** Writes a macro out; `spend` is asked for every form that is made. */
export function instantiate(
  macro: Macro,
  operands: readonly Form[],
  use: number,
  span: SourceSpan,
  spend: (forms: number) => void,
): Form {
  const fixed = macro.parameters.length;
  if (operands.length < fixed || (macro.rest === undefined && operands.length > fixed)) {
    const wanted = `${macro.rest === undefined ? '' : 'at least '}${fixed}`;
    const hint = `(${[macro.name, ...macro.parameters, ...(macro.rest === undefined ? [] : [`${macro.rest} ...`])].join(' ')})`;
    throw complain('syntax', `${macro.name} takes ${wanted} operands, not ${operands.length}`, span, hint);
  }
  const given = new Map(macro.parameters.map((name, at) => [name, operands[at]]));
  const rest = operands.slice(fixed);

  const fill = (form: Form): readonly Form[] => {
    spend(1);
    switch (form.kind) {
      case 'symbol':
        return [form.text === macro.rest ? wholeRest(form) : replaced(form)];
      case 'quote':
        return [{ ...form, form: quoted(form.form) }];
      case 'list':
        return [
          {
            ...form,
            items: form.items.flatMap((item) =>
              item.kind === 'symbol' && item.text === macro.rest ? rest : fill(item),
            ),
          },
        ];
      default:
        return [form];
    }
  };
  const replaced = (form: SymbolForm): Form => {
    const operand = given.get(form.text);
    if (operand !== undefined) return operand;
    if (macro.binders.has(form.text)) return { ...form, text: `${form.text}${FRESH}${use}` };
    return form.text === '.' || form.text.startsWith(BROUGHT)
      ? form
      : { ...form, text: `${BROUGHT}${form.text}` };
  };
  const quoted = (form: Form): Form =>
    form.kind === 'symbol' && given.has(form.text) ? replaced(form) : form;
  const wholeRest = (form: SymbolForm): Form => {
    throw complain(
      'syntax',
      `${form.text} stands for several forms`,
      form.span,
      'it must stand inside a list',
    );
  };
  const [result] = fill(macro.template);
  return result ?? macro.template;
}

/** A macro stands for forms and rules; it defines nothing and does not lead to itself. */
export function refuseInTemplate(template: Form, name: string): void {
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
