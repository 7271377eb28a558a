import type { Policy } from '../../policy/index.js';
import { NoProver, startSolver, Undecided, widerThan } from '../../prove/index.js';

/** What one policy permits and another does not, shown over all inputs; or why that could not be shown. */
export async function widening(
  policy: Policy,
  before: Policy,
): Promise<{ readonly wider: readonly string[]; readonly proved: boolean; readonly why?: string }> {
  let solver: Awaited<ReturnType<typeof startSolver>>;
  try {
    solver = await startSolver();
  } catch (error) {
    if (!(error instanceof NoProver)) throw error;
    return { wider: [], proved: false, why: 'the package z3-solver is not installed' };
  }
  try {
    const wider = await widerThan(policy, before, solver);
    return { wider: wider.map(({ text }) => text), proved: true };
  } catch (error) {
    if (!(error instanceof Undecided)) throw error;
    return { wider: [], proved: false, why: error.message };
  } finally {
    solver.close();
  }
}
