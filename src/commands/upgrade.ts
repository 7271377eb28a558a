import { readFileSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Failure, type Places, storedProfile } from '../bundle/index.js';
import { unwrap } from '../common/index.js';
import { editProfile, formOf } from '../language/index.js';
import type { Choice, Decision } from '../learning/index.js';
import { applyEdit } from '../learning/index.js';
import type { Policy } from '../policy/index.js';
import { instancesOf } from '../runtime/index.js';
import { type Asking, asking } from './support/ask.js';
import { VxeCommand } from './support/base.js';
import { type Applied, appliedText, changeProfile, finishChange } from './support/change.js';
import { controlled } from './support/control.js';
import { decide, decisionLines, loggedViolations, settledOf } from './support/decisions.js';
import { diffLines, shownDiff } from './support/diff.js';
import { wrapped } from './support/output.js';
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

interface Answered {
  readonly decision: Decision;
  readonly answer: Answer;
}

interface Wish {
  readonly auto: boolean;
  readonly narrow?: string[] | undefined;
  readonly wide?: string[] | undefined;
  readonly since?: string | undefined;
  readonly 'dry-run': boolean;
}

export default class Upgrade extends VxeCommand {
  static override summary = "Take what the violation log shows over into a bundle's profile";
  static override description =
    'Asks one decision at a time: what was done, how often and by whom, the narrowest rule that permits it and one that is wider, with a mark where a rule would open what ' +
    'an intruder wants. Then shows how the profile changes and, proved over all inputs, what it permits besides, and asks whether that is wanted: until then nothing is changed. ' +
    'What runs of the bundle by other names is read and told as well. The version before is kept: see profile log. ' +
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
    return this.interruptible(async (signal) => {
      if (flags.auto || flags.narrow !== undefined || flags.wide !== undefined)
        return this.#upgrade(args.name, flags, undefined, signal);
      return asking(signal, (person) => this.#upgrade(args.name, flags, person, signal));
    });
  }

  /** Without a person, by what the flags say. */
  async #upgrade(
    name: string,
    flags: Wish,
    person: Asking | undefined,
    signal: AbortSignal,
  ): Promise<Report> {
    const bundle = controlled(name, this.places());
    const logged = loggedViolations(
      name,
      this.places(),
      flags.since,
      instanceNames(name, bundle, this.places()),
    );
    const violations = flags.auto
      ? logged.violations.filter((each) => each.verdict === 'performed')
      : logged.violations;
    const all = decide({ ...logged, violations });
    const settled = settledOf(all, logged.policy);
    // A wider rule may be wanted of what the narrowest permits by now.
    const decisions = all.filter(
      (decision) => !settled.has(decision) || flags.wide?.includes(decision.key) === true,
    );
    const answers =
      person === undefined ? this.#named(decisions, all, flags) : await this.#ask(decisions, person);
    const taken = answers.flatMap(({ decision, answer }) =>
      'choice' in answer ? [{ key: decision.key, choice: answer.choice }] : [],
    );
    const left = answers.flatMap(({ decision, answer }) =>
      'why' in answer ? [{ key: decision.key, why: answer.why }] : [],
    );
    for (const { key, why } of left) this.log(`left: ${key}: ${why}`);
    if (settled.size > 0)
      this.log(
        `${name}: ${settled.size === 1 ? 'one kind of violation' : `${settled.size} kinds of violations`} that the profile permits by now; what was started before may need: vxe restart ${name}`,
      );
    const nothing = { name, taken: [], left, diff: [], wider: [], proved: true, applied: null };
    if (taken.length === 0) {
      const finished = flags['dry-run'] ? undefined : finishChange(name, this.places());
      this.log(
        finished === undefined
          ? `${name}: nothing to take over`
          : `an earlier change is done now; ${appliedText(name, finished)}`,
      );
      return { ...nothing, applied: finished ?? null };
    }
    const policy = taken.reduce<Policy>(
      (sum, { choice }) => choice.edits.reduce(applyEdit, sum),
      logged.policy,
    );
    const text = changedText(storedProfile(bundle), bundle, policy);
    const change = changeProfile(name, text, this.places());
    const diff = diffLines(change.before.text, change.after.text);
    this.log(`\n${name}: its profile would change so:`);
    const width = process.stdout.isTTY === true ? process.stdout.columns : undefined;
    const shown = shownDiff(change.before.text, change.after.text);
    this.log(shown.flatMap((line) => wrapped(line, width)).join('\n'));
    const { wider, proved, why } = await widening(change.after.policy, change.before.policy);
    this.log(
      proved
        ? 'Over all inputs, this permits what was refused before:'
        : `What it permits besides is not proved: ${why}`,
    );
    for (const line of wider) this.log(wrapped(`  ${line}`, width).join('\n'));
    signal.throwIfAborted();
    const wanted = !flags['dry-run'] && (person === undefined || (await isWanted(person)));
    const rules = taken.map(({ choice }) => choice.rule);
    const applied = wanted ? change.apply('upgraded', rules, true) : null;
    this.log(applied === null ? `${name}: nothing was changed` : appliedText(name, applied));
    return {
      ...nothing,
      taken: taken.map(({ key, choice }) => ({ key, rule: choice.rule, danger: choice.danger ?? null })),
      diff,
      wider,
      proved,
      applied,
    };
  }

  #named(decisions: readonly Decision[], all: readonly Decision[], flags: Wish): readonly Answered[] {
    const named = new Map<string, number>();
    for (const key of flags.narrow ?? []) named.set(key, 0);
    for (const key of flags.wide ?? []) named.set(key, 1);
    for (const key of named.keys()) {
      if (all.some((decision) => decision.key === key)) continue;
      throw new Failure('decision-missing', key, 'nothing of this kind is in the log', {
        hint: `see the keys with 'vxe violations NAME --json'`,
        exit: 2,
      });
    }
    return decisions.map((decision) => {
      const choice = named.get(decision.key);
      const itself = flags.auto && choice === undefined;
      return { decision, answer: itself ? byItself(decision) : byKey(decision, choice) };
    });
  }

  async #ask(decisions: readonly Decision[], { tell, ask }: Asking): Promise<readonly Answered[]> {
    const answers: Answered[] = [];
    for (const [index, decision] of decisions.entries()) {
      if (decision.choices.length === 0) {
        answers.push({ decision, answer: { why: 'no rule can permit it' } });
        continue;
      }
      const [subject = '', ...rest] = decisionLines(decision);
      tell(['', `${index + 1} of ${decisions.length}: ${subject}`, ...rest]);
      let answer: Answer | 'quit' | undefined;
      while (answer === undefined) {
        answer = answerOf(decision, await ask(questionOf(decision)));
        if (answer === undefined) tell(helpOf(decision));
      }
      if (answer === 'quit') {
        const rest = decisions.slice(index);
        answers.push(...rest.map((each) => ({ decision: each, answer: { why: 'not asked' } })));
        break;
      }
      answers.push({ decision, answer });
    }
    return answers;
  }
}

/** What is marked takes the whole word: a letter is typed before one has read. */
function wordsOf(
  decision: Decision,
): readonly { readonly letter: string; readonly word: string; readonly choice: Choice }[] {
  const [narrow, wide] = decision.choices;
  return [
    ...(narrow === undefined ? [] : [{ letter: 'y', word: 'yes', choice: narrow }]),
    ...(wide === undefined ? [] : [{ letter: 'w', word: 'wider', choice: wide }]),
  ];
}

function questionOf(decision: Decision): string {
  const shown = wordsOf(decision).map(({ letter, word, choice }) =>
    choice.danger === undefined ? `[${letter}]${word.slice(1)}` : `"${word}"`,
  );
  return `${[...shown, '[n]o', '[q]uit'].join(', ')}? `;
}

function helpOf(decision: Decision): readonly string[] {
  const marked = wordsOf(decision).some(({ choice }) => choice.danger !== undefined);
  return [
    '  y permits it by the narrowest rule, w by the wider one, n leaves it refused, q asks no more',
    ...(marked ? ['  what is marked with ! takes the whole word'] : []),
  ];
}

function answerOf(decision: Decision, line: string): Answer | 'quit' | undefined {
  if (line === 'q' || line === 'quit') return 'quit';
  if (line === 'n' || line === 'no') return { why: 'no' };
  for (const { letter, word, choice } of wordsOf(decision))
    if (line === word || (line === letter && choice.danger === undefined)) return { choice };
  return undefined;
}

async function isWanted({ ask }: Asking): Promise<boolean> {
  for (;;) {
    const line = await ask('Put this in place: [y]es, [n]o? ');
    if (line === 'y' || line === 'yes') return true;
    if (line === 'n' || line === 'no' || line === 'q' || line === 'quit') return false;
  }
}

/** The instance that has the bundle's name, and what runs of it by others. */
function instanceNames(name: string, bundle: string, { state }: Places): readonly string[] {
  return [...new Set([name, ...instancesOf(state, bundle).running.map(({ id }) => id)])];
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
