import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Failure } from '../bundle/index.js';
import { unwrap } from '../common/index.js';
import type { Arch } from '../lowering/index.js';
import {
  fileDifferences,
  findDifference,
  findInstance,
  hookDifferences,
  NoProver,
  NotAProgram,
  networkDifferences,
  ringDifferences,
  type Solver,
  settingDifferences,
  softBlindSpots,
  stackDifferences,
  startSolver,
  Undecided,
  widerThan,
} from '../prove/index.js';
import { VxeCommand } from './support/base.js';
import { knowsCall, policyFor, type Subject, subjectFor } from './support/prove.js';
import { ARCHES } from './support/target.js';

/** One statement and whether it holds for all inputs. */
interface Statement {
  readonly statement: string;
  readonly holds: boolean;
  readonly counterexamples: readonly string[];
}

interface Report {
  readonly name: string;
  readonly holds: boolean;
  readonly statements: readonly Statement[];
  /** What holds nothing up, and is worth knowing. */
  readonly remarks: readonly string[];
  readonly milliseconds: number;
}

export default class Prove extends VxeCommand {
  static override summary = 'Prove for all inputs that what is enforced is what the profile says';
  static override description =
    'NAME is a bundle, whose filter and configuration are read back from its folder, or a profile, lowered over this host. Without ' +
    'questions, shows that the filter decides every call as the profile does, that those of soft mode and for other engines do so too, and that ' +
    'filter, Landlock, mounts and network together let nothing be done to a file and reach no port that the profile refuses. ' +
    'A "no" comes with an example, a call wherever one shows it. ' +
    'The exit code is 1 if anything does not hold.';
  static override examples = [
    '<%= config.bin %> prove popd',
    '<%= config.bin %> prove ./popd.vxed.yaml --implies popd',
    `<%= config.bin %> prove popd --never 'exec where writable' --never 'openat("/etc/shadow", O_WRONLY)'`,
    `<%= config.bin %> prove popd --never 'write outside /var/mail' --never 'mmap where prot with PROT_WRITE|PROT_EXEC'`,
  ];
  static override args = { name: Args.string({ required: true, description: 'a bundle or a profile' }) };
  static override flags = {
    arch: Flags.option({
      helpValue: ARCHES.join('|'),
      options: ARCHES,
      description: 'lower the profile for this machine, instead of for the one at hand; a bundle has its own',
    })(),
    implies: Flags.string({
      helpValue: 'OTHER',
      description: 'show that the profile permits nothing that the bundle or profile OTHER refuses',
    }),
    stack: Flags.string({
      helpValue: 'OTHER',
      description: 'show that the profile stacked with OTHER permits exactly what both permit',
    }),
    never: Flags.string({
      helpValue: 'QUESTION',
      multiple: true,
      description: 'show that nothing of this kind is permitted; may be repeated',
    }),
  };

  async run(): Promise<Report> {
    const { args, flags } = await this.parse(Prove);
    const begun = performance.now();
    const solver = await start(args.name);
    const statements: Statement[] = [];
    const remarks: string[] = [];
    const remark = (text: string): void => {
      remarks.push(text);
      this.log(`    ${text}`);
    };
    const state = (statement: string, counterexamples: readonly string[]): void => {
      const holds = counterexamples.length === 0;
      statements.push({ statement, holds, counterexamples });
      this.log(`${holds ? 'yes' : 'NO '} ${statement}`);
      for (const example of counterexamples) this.log(`    ${example}`);
    };
    try {
      const { arch, implies, stack, never = [] } = flags;
      if (implies === undefined && stack === undefined && never.length === 0)
        await this.#plans(args.name, arch, solver, state, remark);
      if (implies !== undefined) await this.#implies(args.name, implies, solver, state);
      if (stack !== undefined) await this.#stack(args.name, stack, solver, state);
      for (const question of never) await this.#never(args.name, question, solver, state);
    } catch (error) {
      if (!(error instanceof Undecided)) throw error;
      throw new Failure('undecided', args.name, `nothing is shown: ${error.message}`, {
        hint: 'state the conditions of its calls in fewer rows',
      });
    } finally {
      solver.close();
    }
    const holds = statements.every((each) => each.holds);
    if (!holds) process.exitCode = 1;
    return {
      name: args.name,
      holds,
      statements,
      remarks,
      milliseconds: Math.round(performance.now() - begun),
    };
  }

  async #plans(
    name: string,
    wanted: Arch | undefined,
    solver: Solver,
    state: State,
    remark: (text: string) => void,
  ): Promise<void> {
    const subject = subjectFor(name, this.places(), wanted);
    const { policy, arch, filter, softFilter, supervised, engineFilter, files, network, settings, tree } =
      subject;
    const accepted = new Set(policy.acceptUnenforced.map(({ id }) => id));
    state(
      'the filter decides every call as the profile does',
      await filterExamples(
        findDifference({ policy, filter, arch, loader: { kind: 'vxe', supervised } }, solver),
      ),
    );
    const knows = knowsCall(arch);
    state(
      'so does its form for other engines, the launch itself apart',
      await filterExamples(
        findDifference({ policy, filter: engineFilter, arch, loader: { kind: 'oci', knows } }, solver),
      ),
    );
    if (softFilter !== undefined) {
      state(
        'in soft mode the filter refuses nothing that the profile permits, and raises all that it refuses',
        await filterExamples(
          findDifference({ policy, filter: softFilter, arch, loader: { kind: 'soft', supervised } }, solver),
        ),
      );
      const held = { landlock: files.landlock, hasAddresses: network.addresses.length > 0 };
      for (const text of await softBlindSpots(policy, softFilter, arch, held, solver))
        remark(`performed in soft mode without a record, where production may refuse it: ${text}`);
    }
    state(
      'filter, Landlock and mounts together let nothing be done to a file that the profile refuses',
      (await fileDifferences(policy, files, tree, solver)).map((each) => each.text),
    );
    const reached = await networkDifferences(policy, network, solver);
    state(
      'filter, Landlock and network setting together reach no port or address that the profile refuses',
      reached.filter(({ rule }) => !accepted.has(rule)).map((each) => each.text),
    );
    if (subject.rings.length > 0)
      state(
        'a ring does nothing that the profile refuses as a call',
        await ringDifferences(policy, subject, arch, solver),
      );
    await this.#hooks(subject, accepted, solver, state, remark);
    state(
      'no capability, limit or network is wider than the profile says',
      settingDifferences(policy, settings),
    );
    for (const { rule, text } of reached.filter(({ rule }) => accepted.has(rule)))
      remark(`accepted as not enforced (${rule}): ${text}`);
  }

  async #hooks(
    { policy, after, arch }: Subject,
    accepted: ReadonlySet<string>,
    solver: Solver,
    state: State,
    remark: (text: string) => void,
  ): Promise<void> {
    if (policy.hooks.length === 0 && after === undefined) return;
    if (after === undefined && policy.hooks.every(({ id }) => accepted.has(id)))
      remark(
        `accepted as not enforced (${policy.hooks.map(({ id }) => id).join(', ')}): nothing is told after calls`,
      );
    else
      state(
        'what is told after calls is what the profile says, of a stack what its members say, in their order',
        await unlessNone('what is told after calls', () => hookDifferences(policy, after, arch, solver)),
      );
  }

  async #implies(name: string, other: string, solver: Solver, state: State): Promise<void> {
    const places = this.places();
    const wider = await widerThan(policyFor(name, places).policy, policyFor(other, places).policy, solver);
    state(
      `${name} permits nothing that ${other} refuses`,
      wider.map((each) => each.text),
    );
  }

  async #stack(name: string, other: string, solver: Solver, state: State): Promise<void> {
    const places = this.places();
    const [mine, theirs] = [policyFor(name, places).policy, policyFor(other, places).policy];
    state(
      `${name} stacked with ${other} permits exactly what both permit`,
      await stackDifferences(mine, theirs, solver),
    );
  }

  async #never(name: string, question: string, solver: Solver, state: State): Promise<void> {
    const { policy, world } = policyFor(name, this.places());
    const source = { name: 'question', text: question };
    const found = unwrap(await findInstance(policy, question, solver, world), [source], 2);
    state(`never ${question}`, found === undefined ? [] : [`${found.text}: ${found.reason}`]);
  }
}

type State = (statement: string, counterexamples: readonly string[]) => void;

async function start(name: string): Promise<Solver> {
  try {
    return await startSolver();
  } catch (error) {
    if (!(error instanceof NoProver)) throw error;
    throw new Failure(
      'no-prover',
      name,
      'nothing can be proved, since the package z3-solver is not installed',
      {
        hint: 'install VXE with its optional packages (npm install --include=optional)',
      },
    );
  }
}

function filterExamples(search: ReturnType<typeof findDifference>): Promise<readonly string[]> {
  return unlessNone('the filter', async () => {
    const found = await search;
    return found === undefined
      ? []
      : [found.text, `the profile ${found.policy}`, `the filter ${found.filter}`];
  });
}

/** What is found, or that a program is none that VXE makes. */
async function unlessNone(what: string, find: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await find();
  } catch (error) {
    if (!(error instanceof NotAProgram)) throw error;
    return [`${what} is none that VXE makes: ${error.message}`];
  }
}
