import type { Core, Lambda } from './core.js';
import { PATH } from './core.js';
import type { Environment, PathQuestion } from './evaluate.js';
import { stringText } from './text.js';
import type { Value } from './value.js';

/** Longer than anybody reads. */
const LENGTH_MAX = 100_000;

/** Thrown for what has no text of its own, or too long a one. */
export class Unwritable extends Error {}

/** A question with all that it rests on written into it: functions as let, outer names as their values. */
export function questionText({ core, env, globals }: PathQuestion): string {
  return new Writer(globals, env).write(core, new Map([[PATH, PATH]]));
}

/** The names of the text that is written, by those of the text that was read. */
type Written = ReadonlyMap<string, string>;

class Writer {
  readonly #globals: ReadonlyMap<string, Value>;
  readonly #env: Environment | undefined;
  #names = 0;
  #length = 0;

  constructor(globals: ReadonlyMap<string, Value>, env: Environment | undefined) {
    this.#globals = globals;
    this.#env = env;
  }

  write(core: Core, names: Written): string {
    const text = this.#text(core, names);
    this.#length += text.length;
    if (this.#length > LENGTH_MAX)
      throw new Unwritable(
        `longer than ${LENGTH_MAX} characters when all that it rests on is written into it`,
      );
    return text;
  }

  #all(cores: readonly Core[], names: Written): readonly string[] {
    return cores.map((core) => this.write(core, names));
  }

  #text(core: Core, names: Written): string {
    switch (core.op) {
      case 'value':
        return literal(core.value);
      case 'local':
        return names.get(core.name) ?? literal(this.#outer(core.name));
      case 'global':
        return literal(this.#globals.get(core.name));
      case 'if':
        return form(
          'if',
          this.#all([core.test, core.yes, ...(core.otherwise ? [core.otherwise] : [])], names),
        );
      case 'and':
      case 'or':
        return form(core.op, this.#all(core.parts, names));
      case 'let': {
        const [name, inner] = this.#fresh(core.name, names);
        return `(let (${name} ${this.write(core.value, names)}) ${this.write(core.body, inner)})`;
      }
      case 'block':
        return form('begin', this.#all(core.body, names));
      case 'list':
        return form('list', this.#all(core.items, names));
      case 'builtin':
        return form(core.builtin.name, this.#all(core.args, names));
      case 'call':
        return this.#called(core.target, core.args, names);
      case 'iterate': {
        const step = 'run' in core.step ? core.step.name : this.#lambda(core.step, names);
        return form(core.iteration, [step, ...this.#all(core.args, names)]);
      }
      default:
        throw new Unwritable(`a predicate that makes rules (${core.op})`);
    }
  }

  #outer(name: string): Value | undefined {
    for (let at = this.#env; at !== undefined; at = at.parent) if (at.name === name) return at.value;
    return undefined;
  }

  #fresh(name: string, names: Written): readonly [string, Written] {
    const written = `v${++this.#names}`;
    return [written, new Map([...names, [name, written]])];
  }

  /** A function sees its parameters alone, not the names of its caller. */
  #called(target: Lambda, args: readonly Core[], names: Written): string {
    let inner: Written = new Map();
    let before = '';
    const bind = (parameter: string, value: () => string): void => {
      const [name, more] = this.#fresh(parameter, inner);
      before += `(let (${name} ${value()}) `;
      inner = more;
    };
    for (const [index, parameter] of target.parameters.entries()) {
      const arg = args[index];
      if (arg !== undefined) bind(parameter, () => this.write(arg, names));
    }
    const others = args.slice(target.parameters.length);
    if (target.rest !== undefined) bind(target.rest, () => form('list', this.#all(others, names)));
    const body = this.write(target.body, inner);
    return `${before}${body}${')'.repeat(inner.size)}`;
  }

  #lambda(step: Lambda, names: Written): string {
    let inner = names;
    const parameters: string[] = [];
    for (const parameter of step.parameters) {
      const [name, more] = this.#fresh(parameter, inner);
      parameters.push(name);
      inner = more;
    }
    if (step.rest !== undefined) {
      const [name, more] = this.#fresh(step.rest, inner);
      parameters.push('.', name);
      inner = more;
    }
    return `(lambda (${parameters.join(' ')}) ${this.write(step.body, inner)})`;
  }
}

function form(head: string, operands: readonly string[]): string {
  if (head === 'list' && operands.length === 0) return "'()";
  return `(${[head, ...operands].join(' ')})`;
}

function literal(value: Value | undefined): string {
  switch (value?.kind) {
    case 'int':
      return value.text !== undefined && !/[|]/.test(value.text) ? value.text : String(value.value);
    case 'string':
      return stringText(value.value);
    case 'bool':
      return value.value ? '#t' : '#f';
    case 'word':
      return `'${value.value}`;
    case 'list':
      return form('list', value.items.map(literal));
    default:
      throw new Unwritable('a predicate that rests on what has no text');
  }
}
