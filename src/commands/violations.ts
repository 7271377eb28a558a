import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { plainLine } from '../common/index.js';
import type { Told, Untold, Violation } from '../learning/index.js';
import { readTold, readToldLog, readViolation } from '../learning/index.js';
import { signatureOf } from '../policy/index.js';
import { followRecords, recordText } from '../runtime/index.js';
import { VxeCommand } from './support/base.js';
import { controlledIfThere } from './support/control.js';
import { decide, decisionLines, loggedViolations, recordsLine, settledOf } from './support/decisions.js';
import { sinceTime } from './support/since.js';

export default class Violations extends VxeCommand {
  static override summary =
    'Show what a profile refused, or would have refused, by what is to be decided about it';
  static override description =
    'NAME is an instance, running or not. Violations that one rule would permit are shown as one, with how often, by whom, by which rule they are refused, ' +
    'the narrowest rule that would permit them, one that is wider, and a mark where a rule would open what an intruder wants. Nothing is changed: that is what upgrade does. With --hooks: what the hooks of the profile told after calls, each with its result.';
  static override examples = [
    '<%= config.bin %> violations popd',
    '<%= config.bin %> violations popd --follow --since 10m',
    '<%= config.bin %> violations popd --hooks',
  ];
  static override args = { name: Args.string({ required: true, description: 'an instance' }) };
  static override flags = {
    all: Flags.boolean({
      description: 'every record on a line of its own, instead of what is to be decided',
    }),
    follow: Flags.boolean({ char: 'f', description: 'go on with records as they are written' }),
    hooks: Flags.boolean({
      description: 'what was told after calls, in place of what was refused',
      exclusive: ['all'],
    }),
    since: Flags.string({ helpValue: 'TIME', description: 'only what is later: 10m, 2h, 3d, or a date' }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Violations);
    if (flags.hooks) return this.#hooks(args.name, flags.since, flags.follow);
    const logged = loggedViolations(args.name, this.places(), flags.since);
    if (flags.all || flags.follow) {
      for (const violation of logged.violations) this.#print(violation);
      if (flags.follow)
        await this.#follow('violations', args.name, (line) => {
          const violation = readViolation(line);
          if (violation !== undefined) this.#print(violation);
        });
      return {
        name: args.name,
        unreadable: logged.unreadable,
        violations: flags.follow ? [] : logged.violations.map(plain),
      };
    }
    const decisions = decide(logged);
    const settled = settledOf(decisions, logged.policy);
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

  async #hooks(name: string, since: string | undefined, follow: boolean): Promise<unknown> {
    const { records, unreadable } = readToldLog(recordText('after', this.places().logs, name));
    const from = since === undefined ? '' : sinceTime(since);
    const chosen = records.filter(({ time }) => time >= from);
    for (const record of chosen) this.log(plainLine(toldLine(record)));
    if (chosen.length === 0 && !follow) this.log(`${name}: nothing was told after calls`);
    if (unreadable > 0) this.log(`${unreadable} lines of the log are cut and were left out`);
    if (follow)
      await this.#follow('after', name, (line) => {
        const record = readTold(line);
        if (record !== undefined) this.log(plainLine(toldLine(record)));
      });
    return { name, unreadable, told: follow ? [] : chosen.map(plain) };
  }

  async #follow(log: 'violations' | 'after', name: string, print: (line: string) => void): Promise<void> {
    await this.interruptible(async (signal) => {
      const each = (line: string): void => {
        if (this.jsonEnabled()) process.stdout.write(`${line}\n`);
        print(line);
      };
      await followRecords(log, this.places().logs, name, each, signal);
    });
  }

  #print(violation: Violation): void {
    const { time, verdict, errno, rule, detail, call, comm, count } = violation;
    const times = count === 1 ? '' : ` (${count} times)`;
    const line = `${time.slice(0, 23)}Z ${comm}: ${detail ?? call} ${verdict}${errno === undefined ? '' : ` ${errno}`} by ${rule}${times}`;
    this.log(plainLine(line));
  }
}

function toldLine(record: Told | Untold): string {
  const when = `${record.time.slice(0, 23)}Z`;
  const times = record.count === 1 ? '' : ` (${record.count} times)`;
  if (record.verdict === 'lost') {
    const calls = record.count === 1 ? 'call was' : 'calls were';
    return `${when} ${record.count} ${calls} not told: there were more at once than the kernel keeps`;
  }
  const { comm, detail, call, args, result, errno, rule, at } = record;
  const registers = args.slice(0, signatureOf(call)?.length).map((value) => `0x${value.toString(16)}`);
  const what = detail ?? `${call}(${registers.join(', ')})`;
  const came = errno === undefined ? `gave ${result}` : `failed with ${errno}`;
  return `${when} ${comm}: ${what} ${came}, told by ${rule}${at === undefined ? '' : ` (${at})`}${times}`;
}

/** As records have registers. */
function plain(record: Violation | Told | Untold): unknown {
  if (!('args' in record)) return record;
  const args = record.args.map((value) => `0x${value.toString(16)}`);
  if (!('result' in record)) return { ...record, args };
  const { result } = record;
  const exact = Number.isSafeInteger(Number(result));
  return { ...record, args, result: exact ? Number(result) : String(result) };
}
