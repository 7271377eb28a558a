/** A formula or a 32-bit word over the words of one system call. Equal terms are one object. */
export interface Term {
  readonly id: number;
  readonly op:
    | 'true'
    | 'false'
    | 'const'
    | 'var'
    | 'not'
    | 'and'
    | 'or'
    | 'eq'
    | 'uge'
    | 'bvand'
    | 'bvor'
    | 'bvadd'
    | 'ite';
  readonly args: readonly Term[];
  /** Of a constant. */
  readonly value: number;
  /** Of a variable. */
  readonly name: string;
}

/** Makes terms, folds what is constant, and keeps equal ones together, so that merged paths stay small. */
export class Terms {
  readonly #known = new Map<string, Term>();
  readonly true = this.#make('true', []);
  readonly false = this.#make('false', []);

  bool(value: boolean): Term {
    return value ? this.true : this.false;
  }

  constant(value: number): Term {
    return this.#make('const', [], value >>> 0);
  }

  variable(name: string): Term {
    return this.#make('var', [], 0, name);
  }

  not(a: Term): Term {
    if (a === this.true) return this.false;
    if (a === this.false) return this.true;
    const [inner] = a.args;
    return a.op === 'not' && inner !== undefined ? inner : this.#make('not', [a]);
  }

  and(...parts: readonly Term[]): Term {
    return this.#join('and', parts, this.true, this.false);
  }

  or(...parts: readonly Term[]): Term {
    return this.#join('or', parts, this.false, this.true);
  }

  eq(a: Term, b: Term): Term {
    if (a === b) return this.true;
    if (a.op === 'const' && b.op === 'const') return this.false;
    return a.id < b.id ? this.#make('eq', [a, b]) : this.#make('eq', [b, a]);
  }

  /** a >= b, without sign. */
  uge(a: Term, b: Term): Term {
    if (a.op === 'const' && b.op === 'const') return this.bool(a.value >= b.value);
    if (a === b || (b.op === 'const' && b.value === 0)) return this.true;
    return this.#make('uge', [a, b]);
  }

  /** a > b, without sign. */
  ugt(a: Term, b: Term): Term {
    return this.not(this.uge(b, a));
  }

  bvand(a: Term, b: Term): Term {
    if (a.op === 'const' && b.op === 'const') return this.constant(a.value & b.value);
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (one.op === 'const' && one.value === 0) return one;
      if (one.op === 'const' && one.value === 0xffff_ffff) return other;
    }
    return this.#make('bvand', [a, b]);
  }

  bvor(a: Term, b: Term): Term {
    if (a.op === 'const' && b.op === 'const') return this.constant(a.value | b.value);
    return this.#make('bvor', [a, b]);
  }

  bvadd(a: Term, b: Term): Term {
    if (a.op === 'const' && b.op === 'const') return this.constant(a.value + b.value);
    return this.#make('bvadd', [a, b]);
  }

  /** A word that depends on a formula. */
  ite(condition: Term, yes: Term, no: Term): Term {
    if (condition === this.true || yes === no) return yes;
    return condition === this.false ? no : this.#make('ite', [condition, yes, no]);
  }

  #join(op: 'and' | 'or', parts: readonly Term[], neutral: Term, absorbing: Term): Term {
    const kept = new Set<Term>();
    for (const part of parts) {
      if (part === absorbing) return absorbing;
      if (part !== neutral) kept.add(part);
    }
    for (const part of kept) if (kept.has(this.not(part))) return absorbing;
    const args = [...kept].sort((a, b) => a.id - b.id);
    return args.length === 0 ? neutral : args.length === 1 ? (args[0] ?? neutral) : this.#make(op, args);
  }

  #make(op: Term['op'], args: readonly Term[], value = 0, name = ''): Term {
    const key = `${op} ${value} ${name} ${args.map((arg) => arg.id).join(' ')}`;
    const seen = this.#known.get(key);
    if (seen !== undefined) return seen;
    const term: Term = { id: this.#known.size, op, args, value, name };
    this.#known.set(key, term);
    return term;
  }
}

/** A formula as SMT-LIB: a script that declares its words and asserts it. Shared parts are written once. */
export function smtScript(formula: Term): string {
  const lines: string[] = [];
  const variables: string[] = [];
  const done = new Set<Term>();
  const name = (term: Term): string => {
    if (term.op === 'true' || term.op === 'false') return term.op;
    if (term.op === 'const') return `#x${term.value.toString(16).padStart(8, '0')}`;
    return term.op === 'var' ? term.name : `t${term.id}`;
  };
  const emit = (term: Term): void => {
    if (done.has(term)) return;
    done.add(term);
    for (const arg of term.args) emit(arg);
    if (term.op === 'var') {
      variables.push(term.name);
    } else if (term.args.length > 0) {
      const operator = term.op === 'eq' ? '=' : term.op === 'uge' ? 'bvuge' : term.op;
      lines.push(`(let ((t${term.id} (${operator} ${term.args.map(name).join(' ')})))`);
    }
  };
  emit(formula);
  const declared = variables.map((word) => `(declare-const ${word} (_ BitVec 32))`);
  const closed = ')'.repeat(lines.length + 1);
  return `${declared.join('\n')}\n(assert\n${lines.join('\n')}\n${name(formula)}${closed}\n`;
}
