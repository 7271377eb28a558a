import type { SourceSpan } from '../../common/index.js';
import type { ArgumentRow } from '../../policy/index.js';
import type { Builtin, Meter } from './builtin.js';
import type { ClauseName, Core, Lambda, Step } from './core.js';
import { PATH } from './core.js';
import { complain, LispError } from './form.js';
import { testRows } from './rows.js';
import type { Test } from './symbolic.js';
import { joinTests, negateTest, wholeTerm } from './symbolic.js';
import type { Given, Value } from './value.js';
import {
  asBool,
  asList,
  FALSE,
  list,
  mismatch,
  NOTHING,
  sameValue,
  TRUE,
  UNKNOWN,
  UnknownPath,
} from './value.js';

/** Steps that one profile may take; a step is one form looked at, or some sixteen characters of a string. */
export const BUDGET = 1_000_000;
const DEPTH_MAX = 400;

/** A statement of the profile with all that it rests on evaluated. */
export type Clause =
  | {
      readonly kind: 'plain';
      readonly name: ClauseName;
      readonly args: readonly Given[];
      readonly span: SourceSpan;
    }
  | {
      readonly kind: 'file-when';
      readonly folder: Given;
      readonly question: PathQuestion;
      readonly access: readonly Given[];
      readonly span: SourceSpan;
    }
  | {
      readonly kind: 'permit-when' | 'after';
      readonly call: string;
      readonly rows: readonly ArgumentRow[];
      readonly span: SourceSpan;
    }
  | {
      readonly kind: 'quiet';
      readonly call: string;
      readonly errno: Given;
      readonly rows: readonly ArgumentRow[];
      readonly span: SourceSpan;
    };

/** What `file-when` asks, with the names that it was asked under. */
export interface PathQuestion {
  readonly core: Core;
  readonly env: Environment | undefined;
  readonly globals: ReadonlyMap<string, Value>;
}

export interface Environment {
  readonly name: string;
  readonly value: Value;
  readonly parent: Environment | undefined;
}

/** Runs steps. It always ends: no function reaches itself, lists are finite, and the budget bounds the rest. */
export class Evaluator implements Meter {
  readonly clauses: Clause[] = [];
  readonly #globals: Map<string, Value>;
  readonly #budget: number;
  #spent = 0;
  #depth = 0;
  #predicates = 0;

  constructor(budget: number = BUDGET, globals: ReadonlyMap<string, Value> = new Map()) {
    this.#budget = budget;
    this.#globals = new Map(globals);
  }

  get spent(): number {
    return this.#spent;
  }

  /** For a REPL: the next line has the whole budget again. */
  refill(): void {
    this.#spent = 0;
  }

  spend(steps: number, span: SourceSpan): void {
    this.#spent += steps;
    if (this.#spent <= this.#budget) return;
    const message = `the evaluation takes more than ${this.#budget} steps`;
    throw complain('too-large', message, span, 'work on shorter lists, or state the result itself');
  }

  run(step: Step): Value {
    this.#depth = 0;
    this.#predicates = 0;
    if (step.kind === 'do') return this.#evaluate(step.core, undefined);
    const value = this.#evaluate(step.value, undefined);
    this.#globals.set(step.name, value);
    return NOTHING;
  }

  /** The rows of a predicate by itself, for trying it on events. */
  predicate(core: Core): readonly ArgumentRow[] {
    this.#depth = 0;
    this.#predicates = 0;
    return this.#rows([core], undefined);
  }

  /** The answer to a question about one path, or about all that a value stands for. */
  answer({ core, env }: PathQuestion, path: Value): Value {
    this.#depth = 0;
    this.#predicates = 1;
    return this.#truth('a predicate', core, { name: PATH, value: path, parent: env });
  }

  #evaluate(core: Core, env: Environment | undefined): Value {
    this.spend(1, core.span);
    if (++this.#depth > DEPTH_MAX)
      throw complain('too-large', `forms and calls are nested deeper than ${DEPTH_MAX}`, core.span);
    const value = this.#step(core, env);
    this.#depth--;
    return value;
  }

  #step(core: Core, env: Environment | undefined): Value {
    switch (core.op) {
      case 'value':
        return core.value;
      case 'local':
        return lookUp(env, core.name);
      case 'global':
        return this.#globals.get(core.name) ?? NOTHING;
      case 'argument':
        return { kind: 'argument', term: wholeTerm(core.argument) };
      case 'if':
        return this.#choose(core, env);
      case 'and':
      case 'or':
        return this.#join(core, env);
      case 'let': {
        const value = this.#evaluate(core.value, env);
        return this.#evaluate(core.body, { name: core.name, value, parent: env });
      }
      case 'block':
        return core.body.reduce<Value>((_, part) => this.#evaluate(part, env), NOTHING);
      case 'list':
        return list(core.items.map((item) => this.#evaluate(item, env)));
      case 'call':
        return this.#apply(core.target, this.#given(core.args, env), core.span);
      case 'builtin':
        return core.builtin.run(this.#given(core.args, env), core.span, this);
      case 'iterate':
        return this.#iterate(core, env);
      default:
        return this.#clause(core, env);
    }
  }

  #given(args: readonly Core[], env: Environment | undefined): Given[] {
    return args.map((arg) => ({ value: this.#evaluate(arg, env), span: arg.span }));
  }

  #apply(target: Lambda, args: readonly Given[], span: SourceSpan, env?: Environment): Value {
    let scope = env;
    for (const [index, name] of target.parameters.entries())
      scope = { name, value: args[index]?.value ?? NOTHING, parent: scope };
    if (target.rest !== undefined) {
      const rest = args.slice(target.parameters.length).map((given) => given.value);
      scope = { name: target.rest, value: list(rest), parent: scope };
    }
    try {
      return this.#evaluate(target.body, scope);
    } catch (error) {
      throw calledFrom(error, target.name, span);
    }
  }

  #choose(core: Core & { op: 'if' }, env: Environment | undefined): Value {
    const test = { value: this.#attempt(core.test, env), span: core.test.span };
    if (test.value.kind === 'unknown') {
      const { yes, otherwise } = core;
      const [a, b] = [this.#evaluate(yes, env), otherwise ? this.#evaluate(otherwise, env) : NOTHING];
      if (a.kind !== 'unknown' && b.kind !== 'unknown' && sameValue(a, b)) return a;
      throw new UnknownPath();
    }
    if (test.value.kind !== 'condition') {
      if (asBool('if', test)) return this.#evaluate(core.yes, env);
      return core.otherwise === undefined ? NOTHING : this.#evaluate(core.otherwise, env);
    }
    if (core.otherwise === undefined) {
      const message = 'what holds otherwise is not said, and the test depends on the arguments of a call';
      throw complain('bad-value', message, core.span, 'add the other case, such as (else #f)');
    }
    const yes = this.#truth('if', core.yes, env);
    const no = this.#truth('if', core.otherwise, env);
    const { test: holds } = test.value;
    return joinTruths(
      'or',
      [
        joinTruths('and', [test.value, yes], core.span),
        joinTruths('and', [{ kind: 'condition', test: negateTest(holds) }, no], core.span),
      ],
      core.span,
    );
  }

  /** A truth value, known now or when the call is made. */
  #truth(who: string, core: Core, env: Environment | undefined): Value {
    const value = this.#attempt(core, env);
    if (value.kind === 'bool' || value.kind === 'condition' || value.kind === 'unknown') return value;
    throw mismatch(who, 'a truth value', { value, span: core.span });
  }

  /** What rests on which path is meant is unknown as a whole. */
  #attempt(core: Core, env: Environment | undefined): Value {
    const depth = this.#depth;
    try {
      return this.#evaluate(core, env);
    } catch (error) {
      if (!(error instanceof UnknownPath)) throw error;
      this.#depth = depth;
      return UNKNOWN;
    }
  }

  #join(core: Core & { op: 'and' | 'or' }, env: Environment | undefined): Value {
    const values: Value[] = [];
    for (const part of core.parts) {
      const value = this.#truth(core.op, part, env);
      if (value.kind === 'bool' && value.value === (core.op === 'or')) return value;
      values.push(value);
    }
    return joinTruths(core.op, values, core.span);
  }

  #iterate(core: Core & { op: 'iterate' }, env: Environment | undefined): Value {
    const args = this.#given(core.args, env);
    const last = args[args.length - 1];
    if (last === undefined) return NOTHING;
    const items = asList(core.iteration, last);
    const step = (...values: readonly Value[]): Value =>
      this.#stepWith(
        core.step,
        values.map((value) => ({ value, span: last.span })),
        core.span,
        env,
      );
    const truth = (item: Value): Value => {
      const value = step(item);
      if (value.kind === 'bool' || value.kind === 'condition' || value.kind === 'unknown') return value;
      throw mismatch(core.iteration, 'a truth value', { value, span: core.span });
    };
    switch (core.iteration) {
      case 'map':
        return list(items.map((item) => step(item)));
      case 'filter':
        return list(items.filter((item) => asBool('filter', { value: step(item), span: core.span })));
      case 'for-each':
        for (const item of items) step(item);
        return NOTHING;
      case 'every?':
        return joinTruths('and', items.map(truth), core.span);
      case 'some?':
        return joinTruths('or', items.map(truth), core.span);
      case 'fold':
        return items.reduce<Value>((sum, item) => step(sum, item), args[0]?.value ?? NOTHING);
    }
  }

  #stepWith(
    target: Lambda | Builtin,
    args: readonly Given[],
    span: SourceSpan,
    env: Environment | undefined,
  ): Value {
    this.spend(1, span);
    return 'run' in target ? target.run(args, span, this) : this.#apply(target, args, span, env);
  }

  #clause(
    core: Core & { op: 'clause' | 'file-when' | 'permit-when' | 'quiet' | 'after' },
    env: Environment | undefined,
  ): Value {
    if (this.#predicates > 0) {
      const hint = 'only what can be said of the arguments was expected';
      throw complain('syntax', 'a rule cannot stand inside a predicate', core.span, hint);
    }
    const { span } = core;
    if (core.op === 'clause') {
      this.clauses.push({ kind: 'plain', name: core.clause, args: this.#given(core.args, env), span });
    } else if (core.op === 'file-when') {
      const folder = { value: this.#evaluate(core.folder, env), span: core.folder.span };
      const question = { core: core.predicate, env, globals: this.#globals };
      const access = this.#given(core.access, env);
      this.clauses.push({ kind: 'file-when', folder, question, access, span });
    } else {
      const { call, callSpan } = core;
      const rows = core.predicates.length === 0 ? [{ tests: [], span }] : this.#rows(core.predicates, env);
      if (core.op === 'quiet') {
        const errno = { value: this.#evaluate(core.errno, env), span: core.errno.span };
        this.clauses.push({ kind: 'quiet', call, errno, rows, span: callSpan });
      } else {
        this.clauses.push({ kind: core.op, call, rows, span: callSpan });
      }
    }
    return NOTHING;
  }

  #rows(predicates: readonly Core[], env: Environment | undefined): readonly ArgumentRow[] {
    this.#predicates++;
    const rows = predicates.flatMap((core) => {
      const value = this.#truth('a predicate', core, env);
      if (value.kind === 'condition') return testRows(value.test, core.span);
      if (value.kind === 'bool' && value.value) return [{ tests: [], span: core.span }];
      const hint = 'a condition on the arguments of the call was expected';
      throw complain('bad-value', 'this predicate never holds, whatever the arguments', core.span, hint);
    });
    this.#predicates--;
    return rows;
  }
}

function lookUp(env: Environment | undefined, name: string): Value {
  for (let at = env; at !== undefined; at = at.parent) if (at.name === name) return at.value;
  throw new ReferenceError(`${name} is not bound`);
}

/** Joins what is known with what will be known; what is known decides where it can. */
function joinTruths(kind: 'and' | 'or', values: readonly Value[], span: SourceSpan): Value {
  const tests: Test[] = [];
  let unknown = false;
  for (const value of values) {
    if (value.kind === 'unknown') unknown = true;
    else if (value.kind === 'condition') tests.push(value.test);
    else if (value.kind === 'bool' && value.value === (kind === 'or')) return value;
  }
  if (unknown) return UNKNOWN;
  if (tests.length === 0) return kind === 'and' ? TRUE : FALSE;
  return { kind: 'condition', test: joinTests(kind, tests, span) };
}

/** Adds the way to an error inside a function, nearest call first. */
function calledFrom(error: unknown, name: string, span: SourceSpan): unknown {
  if (!(error instanceof LispError) || error.diagnostic === undefined) return error;
  const related = error.diagnostic.related ?? [];
  if (related.length >= 4) return error;
  const what = name === '' ? 'in a function used here' : `in ${name}, called here`;
  return new LispError({ ...error.diagnostic, related: [...related, { message: what, span }] });
}
