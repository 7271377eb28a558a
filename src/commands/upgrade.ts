import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Failure, storedProfile } from '../bundle/index.js';
import { unwrap } from '../common/index.js';
import { editProfile, formOf } from '../language/index.js';
import type { Choice, Decision } from '../learning/index.js';
import { applyEdit } from '../learning/index.js';
import type { Policy } from '../policy/index.js';
import { VxeCommand } from './support/base.js';
import { type Applied, appliedText, changeProfile } from './support/change.js';
import { controlled } from './support/control.js';
import { decide, decisionLines, loggedViolations } from './support/decisions.js';
import { diffLines } from './support/diff.js';
import { widening } from './support/proof.js';

interface Taken {
  readonly key: string;
  readonly rule: string;
  readonly danger: string | null;
}

interface Report {
  readonly name: string;
  readonly taken: readonly Taken[];
  /** Decisions that were not taken, with the reason. */
  readonly left: readonly { readonly key: string; readonly why: string }[];
  readonly diff: readonly string[];
  readonly wider: readonly string[];
  readonly proved: boolean;
  readonly applied: Applied | null;
}

type Answer = { readonly choice: Choice } | { readonly why: string };

export default class Upgrade extends VxeCommand {
  static override summary = "Take what the violation log shows over into a bundle's profile";
  static override description =
    'Asks one decision at a time: what was done, how often and by whom, the narrowest rule that permits it and one that is wider, with a mark where a rule would open what ' +
    'an intruder wants. Then shows how the profile changes and, proved over all inputs, what it permits besides. The version before is kept: see profile log. ' +
    '--auto takes the narrowest rule of all that was performed in soft mode and is not marked, besides what --narrow and --wide name.';
  static override examples = [
    '<%= config.bin %> upgrade web',
    '<%= config.bin %> upgrade web --auto --since 7d',
    '<%= config.bin %> upgrade web --narrow file:/etc/hosts --dry-run',
  ];
  static override args = { name: Args.string({ required: true, description: 'the bundle' }) };
  static override flags = {
    auto: Flags.boolean({
      description: 'take the narrowest rules, of soft mode and unmarked, without asking',
    }),
    narrow: Flags.string({
      multiple: true,
      helpValue: 'KEY',
      description: 'take the narrowest rule of this decision (as violations --json names it)',
    }),
    wide: Flags.string({
      multiple: true,
      helpValue: 'KEY',
      description: 'take the wider rule of this decision',
    }),
    since: Flags.string({
      helpValue: 'TIME',
      description: 'only violations later than this: 10m, 2h, 3d, or a date',
    }),
    'dry-run': Flags.boolean({ description: 'show everything and change nothing' }),
  };

  async run(): Promise<Report> {
    const { args, flags } = await this.parse(Upgrade);
    const logged = loggedViolations(args.name, this.places(), flags.since);
    const bundle = controlled(args.name, this.places());
    const violations = flags.auto
      ? logged.violations.filter((each) => each.verdict === 'performed')
      : logged.violations;
    const decisions = decide({ ...logged, violations });
    const answers = await this.#answers(decisions, flags);
    const taken = answers.flatMap(({ decision, answer }) =>
      'choice' in answer ? [{ key: decision.key, choice: answer.choice }] : [],
    );
    const left = answers.flatMap(({ decision, answer }) =>
      'why' in answer ? [{ key: decision.key, why: answer.why }] : [],
    );
    for (const { key, why } of left) this.log(`left: ${key}: ${why}`);
    const nothing = { name: args.name, taken: [], left, diff: [], wider: [], proved: true, applied: null };
    if (taken.length === 0) {
      this.log(`${args.name}: nothing to take over`);
      return nothing;
    }
    const policy = taken.reduce<Policy>(
      (sum, { choice }) => choice.edits.reduce(applyEdit, sum),
      logged.policy,
    );
    const text = changedText(storedProfile(bundle), bundle, policy);
    const change = changeProfile(args.name, text, this.places());
    const diff = diffLines(change.before.text, change.after.text);
    this.log(diff.join('\n'));
    const { wider, proved, why } = await widening(change.after.policy, change.before.policy);
    this.log(
      proved
        ? 'Over all inputs, this permits what was refused before:'
        : `What it permits besides is not proved: ${why}`,
    );
    for (const line of wider) this.log(`  ${line}`);
    const rules = taken.map(({ choice }) => choice.rule);
    const applied = flags['dry-run'] ? null : change.apply('upgraded', rules, true);
    this.log(applied === null ? `${args.name}: nothing was changed` : appliedText(args.name, applied));
    return {
      ...nothing,
      taken: taken.map(({ key, choice }) => ({ key, rule: choice.rule, danger: choice.danger ?? null })),
      diff,
      wider,
      proved,
      applied,
    };
  }

  async #answers(
    decisions: readonly Decision[],
    flags: {
      readonly auto: boolean;
      readonly narrow?: string[] | undefined;
      readonly wide?: string[] | undefined;
    },
  ): Promise<readonly { readonly decision: Decision; readonly answer: Answer }[]> {
    const named = new Map<string, number>();
    for (const key of flags.narrow ?? []) named.set(key, 0);
    for (const key of flags.wide ?? []) named.set(key, 1);
    for (const key of named.keys()) {
      if (decisions.some((decision) => decision.key === key)) continue;
      throw new Failure('decision-missing', key, 'nothing of this kind is in the log', {
        hint: `see the keys with 'vxe violations NAME --json'`,
        exit: 2,
      });
    }
    if (named.size > 0 || flags.auto)
      return decisions.map((decision) => {
        const choice = named.get(decision.key);
        const itself = flags.auto && choice === undefined;
        return { decision, answer: itself ? byItself(decision) : byKey(decision, choice) };
      });
    return this.#ask(decisions);
  }

  async #ask(decisions: readonly Decision[]): Promise<readonly { decision: Decision; answer: Answer }[]> {
    const asking = createInterface({ input: process.stdin, output: process.stderr });
    const lines = asking[Symbol.asyncIterator]();
    const answers: { decision: Decision; answer: Answer }[] = [];
    let stopped = false;
    try {
      for (const [index, decision] of decisions.entries()) {
        if (stopped || decision.choices.length === 0) {
          answers.push({ decision, answer: { why: stopped ? 'not asked' : 'no rule can permit it' } });
          continue;
        }
        const shown = decisionLines(decision).join('\n');
        process.stderr.write(`\n${index + 1} of ${decisions.length}: ${shown}\n`);
        const wide = decision.choices.length > 1 ? ' [w]ider,' : '';
        process.stderr.write(`[n]arrow,${wide} [s]kip, [q]uit? `);
        const line = await lines.next();
        const word = line.done === true ? 'q' : line.value.trim().toLowerCase();
        stopped = word === 'q';
        const choice = word === 'n' ? decision.choices[0] : word === 'w' ? decision.choices[1] : undefined;
        answers.push({ decision, answer: choice === undefined ? { why: 'skipped' } : { choice } });
      }
    } finally {
      asking.close();
    }
    return answers;
  }
}

function byKey(decision: Decision, index: number | undefined): Answer {
  if (index === undefined) return { why: 'not named' };
  const choice = decision.choices[index] ?? decision.choices.at(-1);
  return choice === undefined ? { why: 'no rule can permit it' } : { choice };
}

/** Never what is marked, and never what was refused: that is a person's decision. */
function byItself(decision: Decision): Answer {
  const choice = decision.choices[0];
  if (choice === undefined) return { why: 'no rule can permit it' };
  return choice.danger === undefined ? { choice } : { why: choice.danger };
}

/**
 * The profile with the new rules in its own form. YAML is edited where it stands. A list of rules is printed anew: it has no structure but its
 * rules, and the text before is kept as a version. vxelisp is a program, which printing would replace by what it came to.
 */
function changedText(file: string, bundle: string, policy: Policy): string {
  const form = formOf(file);
  const source = { name: file, text: readFileSync(file, 'utf8') };
  if (form?.format === 'yaml') return unwrap(editProfile(source, policy), [source]);
  if (form?.format === 'acl') return unwrap(form.print(policy), [source]);
  throw new Failure(
    'not-editable',
    bundle,
    'its profile is a program in vxelisp, which only a person changes',
    {
      hint: "write the rules that are shown into it, or make the bundle from 'vxe profile convert --to yaml'",
    },
  );
}
