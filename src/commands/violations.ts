import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { plainLine } from '../common/index.js';
import type { Violation } from '../learning/index.js';
import { readViolation } from '../learning/index.js';
import { followViolations } from '../runtime/index.js';
import { VxeCommand } from './support/base.js';
import { controlledIfThere } from './support/control.js';
import { decide, decisionLines, isSettled, loggedViolations, recordsLine } from './support/decisions.js';

export default class Violations extends VxeCommand {
  static override summary =
    'Show what a profile refused, or would have refused, by what is to be decided about it';
  static override description =
    'NAME is an instance, running or not. Violations that one rule would permit are shown as one, with how often, by whom, by which rule they are refused, ' +
    'the narrowest rule that would permit them, one that is wider, and a mark where a rule would open what an intruder wants. Nothing is changed: that is what upgrade does.';
  static override examples = [
    '<%= config.bin %> violations popd',
    '<%= config.bin %> violations popd --follow --since 10m',
  ];
  static override args = { name: Args.string({ required: true, description: 'an instance' }) };
  static override flags = {
    all: Flags.boolean({
      description: 'every record on a line of its own, instead of what is to be decided',
    }),
    follow: Flags.boolean({ char: 'f', description: 'go on with records as they are written' }),
    since: Flags.string({ helpValue: 'TIME', description: 'only what is later: 10m, 2h, 3d, or a date' }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Violations);
    const logged = loggedViolations(args.name, this.places(), flags.since);
    if (flags.all || flags.follow) {
      for (const violation of logged.violations) this.#print(violation);
      if (flags.follow) await this.#follow(args.name);
      return {
        name: args.name,
        unreadable: logged.unreadable,
        violations: flags.follow ? [] : logged.violations.map(plain),
      };
    }
    const decisions = decide(logged);
    const settled = new Set(decisions.filter((decision) => isSettled(decision, logged.policy)));
    for (const decision of decisions) this.log(decisionLines(decision, settled.has(decision)).join('\n'));
    if (decisions.length === 0) {
      const bundle = controlledIfThere(args.name, this.places());
      this.log(`${args.name}: no violations${recordsLine(bundle, args.name)}`);
    }
    if (logged.unreadable > 0) this.log(`${logged.unreadable} lines of the log are cut and were left out`);
    return {
      name: args.name,
      unreadable: logged.unreadable,
      decisions: decisions.map((decision) => {
        const { choices, ...rest } = decision;
        return {
          ...rest,
          settled: settled.has(decision),
          choices: choices.map(({ rule, danger }) => ({ rule, danger: danger ?? null })),
        };
      }),
    };
  }

  async #follow(name: string): Promise<void> {
    await this.interruptible(async (signal) => {
      const print = (line: string): void => {
        if (this.jsonEnabled()) process.stdout.write(`${line}\n`);
        const violation = readViolation(line);
        if (violation !== undefined) this.#print(violation);
      };
      await followViolations(this.places().logs, name, print, signal);
    });
  }

  #print(violation: Violation): void {
    const { time, verdict, errno, rule, detail, call, comm, count } = violation;
    const times = count === 1 ? '' : ` (${count} times)`;
    const line = `${time.slice(0, 23)}Z ${comm}: ${detail ?? call} ${verdict}${errno === undefined ? '' : ` ${errno}`} by ${rule}${times}`;
    this.log(plainLine(line));
  }
}

function plain({ args, ...rest }: Violation): unknown {
  return { ...rest, args: args.map((value) => `0x${value.toString(16)}`) };
}
