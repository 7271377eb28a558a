import type { Term } from './term.js';
import { smtScript } from './term.js';

/** The words of a call that make a formula true, by name; words that do not matter are left out. */
export type Model = ReadonlyMap<string, number>;

/** Says for all inputs whether a formula can be true. */
export interface Solver {
  /** An input for which the formula is true; undefined where there is none. */
  find(formula: Term): Promise<Model | undefined>;
  /** How many questions went to the prover, and the time that it took. */
  readonly spent: { readonly questions: number; readonly milliseconds: number };
  close(): void;
}

/** The prover is not installed. */
export class NoProver extends Error {}

/** The prover gave neither yes nor no: nothing is shown. */
export class Undecided extends Error {}

/** Beyond this a question counts as undecided. */
const MILLISECONDS_MAX = 60_000;

const SAT = 1;
const UNSAT = -1;

/** Starts z3, which is some 35 MB and therefore an optional package. */
export async function startSolver(): Promise<Solver> {
  const { Z3, em } = await load();
  Z3.global_param_set('timeout', String(MILLISECONDS_MAX));
  const config = Z3.mk_config();
  const context = Z3.mk_context(config);
  Z3.del_config(config);
  const logic = Z3.mk_string_symbol(context, 'QF_BV');
  /** Every call into z3 leaves its error to be asked for; an error that is not seen would be a proof of nothing. */
  const checked = <T>(value: T): T => {
    const code = Z3.get_error_code(context);
    if (code !== 0) throw new Undecided(`the prover says: ${Z3.get_error_msg(context, code).trim()}`);
    return value;
  };
  const known = new WeakMap<Term, Promise<Model | undefined>>();
  const spent = { questions: 0, milliseconds: 0 };
  const solve = async (formula: Term): Promise<Model | undefined> => {
    const begun = performance.now();
    const solver = checked(Z3.mk_solver_for_logic(context, logic));
    Z3.solver_inc_ref(context, solver);
    try {
      // Read in one step, and not by the interface for whole scripts: that one reads the text when it is no longer there.
      Z3.solver_from_string(context, solver, smtScript(formula));
      checked(undefined);
      const answer = checked(await Z3.solver_check(context, solver));
      if (answer === UNSAT) return undefined;
      if (answer !== SAT)
        throw new Undecided(`the prover gives up: ${Z3.solver_get_reason_unknown(context, solver)}`);
      const model = checked(Z3.solver_get_model(context, solver));
      Z3.model_inc_ref(context, model);
      const text = Z3.model_to_string(context, model);
      Z3.model_dec_ref(context, model);
      return parseModel(text);
    } finally {
      Z3.solver_dec_ref(context, solver);
      spent.questions++;
      spent.milliseconds += performance.now() - begun;
    }
  };
  // The prover takes one question at a time.
  let last: Promise<unknown> = Promise.resolve();
  return {
    spent,
    find(formula) {
      if (formula.op === 'false') return Promise.resolve(undefined);
      if (formula.op === 'true') return Promise.resolve(new Map());
      const asked = known.get(formula);
      if (asked !== undefined) return asked;
      const answer = last.then(() => solve(formula));
      last = answer.catch(() => undefined);
      known.set(formula, answer);
      return answer;
    },
    close() {
      Z3.del_context(context);
      const workers = [...em.PThread.runningWorkers, ...em.PThread.unusedWorkers];
      em.PThread.terminateAllThreads();
      // What one that ends may still say, z3 would print.
      for (const worker of workers) worker.onmessage = () => undefined;
    },
  };
}

async function load(): ReturnType<typeof import('z3-solver').init> {
  let module: typeof import('z3-solver');
  try {
    module = await import('z3-solver');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')
      throw new NoProver('the prover is not installed');
    throw error;
  }
  return await module.init();
}

function parseModel(text: string): Model {
  const model = new Map<string, number>();
  for (const [, name = '', value = ''] of text.matchAll(/(\w+) -> #x([0-9a-f]{8})/g))
    model.set(name, Number.parseInt(value, 16));
  return model;
}
