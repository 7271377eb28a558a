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

/** Starts z3, which is some 35 MB and therefore an optional package. */
export async function startSolver(): Promise<Solver> {
  const { Z3, em } = await load();
  const config = Z3.mk_config();
  const context = Z3.mk_context(config);
  Z3.del_config(config);
  const head = `(set-option :timeout ${MILLISECONDS_MAX})\n(set-logic QF_BV)\n`;
  const known = new Map<Term, Model | undefined>();
  const spent = { questions: 0, milliseconds: 0 };
  return {
    spent,
    async find(formula) {
      if (formula.op === 'false') return undefined;
      if (formula.op === 'true') return new Map();
      if (known.has(formula)) return known.get(formula);
      const { script, variables } = smtScript(formula);
      const begun = performance.now();
      const ask = async (text: string): Promise<string> => await Z3.eval_smtlib2_string(context, text);
      const answer = (await ask(`(reset)\n${head}${script}(check-sat)\n`)).trim();
      let model: Model | undefined;
      if (answer === 'sat') model = parseModel(await ask(`(get-value (${variables.join(' ')}))\n`));
      else if (answer !== 'unsat') throw new Undecided(`the prover answers ${answer}`);
      spent.questions++;
      spent.milliseconds += performance.now() - begun;
      known.set(formula, model);
      return model;
    },
    close() {
      Z3.del_context(context);
      em.PThread.terminateAllThreads();
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
  for (const [, name = '', value = ''] of text.matchAll(/\((\w+) #x([0-9a-f]{8})\)/g))
    model.set(name, Number.parseInt(value, 16));
  return model;
}
