import { readFileSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BundleStore, Failure, readBundleProfile } from '../bundle/index.js';
import {
  type AttackLayer,
  type AttackRow,
  Battery,
  type InsideRun,
  nativeProgram,
} from '../runtime/index.js';
import { type AttackContext, type AttackJudgement, judgeAttack, runsOf } from './support/attack.js';
import { VxeCommand } from './support/base.js';
import { table } from './support/output.js';

interface AttackReport {
  readonly name: string;
  readonly attempts: readonly AttackJudgement[];
  readonly held: number;
  readonly unproven: number;
  readonly open: number;
  readonly failed: number;
}

export default class Attack extends VxeCommand {
  static override summary = "Run an intruder's battery inside a bundle's confinement";
  static override description =
    'Each attempt is made twice: without VXE, in a throw-away copy of the host, to prove that it works; and in the place of the program inside ' +
    'NAME, as arbitrary code there could. The table tells what refused it. What works inside is either permitted by the profile, and told as left ' +
    'open, or a failure. Layers are then taken off one at a time to learn what else would hold.';
  static override examples = [
    '<%= config.bin %> attack popd',
    '<%= config.bin %> attack popd --quick --only tcp-connect',
  ];
  static override args = {
    name: Args.string({ required: true, description: 'the bundle' }),
  };
  static override flags = {
    quick: Flags.boolean({ summary: 'with all layers on only' }),
    only: Flags.string({ summary: 'this attempt only', multiple: true, helpValue: 'ATTEMPT', default: [] }),
    list: Flags.boolean({ summary: 'show the attempts and make none' }),
  };

  async run(): Promise<AttackReport | { readonly attempts: readonly AttackRow[] }> {
    const { args, flags } = await this.parse(Attack);
    return this.interruptible(async (signal) => {
      const battery = new Battery(nativeProgram('vxe-attack'), signal);
      const rows = chosen(await battery.rows(), flags.only);
      if (flags.list) {
        this.log(
          table(
            ['attempt', 'group', 'what it tries'],
            rows.map((row) => [row.name, row.group, row.tries]),
          ),
        );
        return { attempts: rows };
      }
      const report = await this.#attack(battery, rows, args.name, flags.quick, flags.only);
      if (report.failed > 0) process.exitCode = 1;
      return report;
    });
  }

  async #attack(
    battery: Battery,
    rows: readonly AttackRow[],
    name: string,
    quick: boolean,
    only: readonly string[],
  ): Promise<AttackReport> {
    const bundle = new BundleStore(this.places().bundles).require(name);
    const { policy } = readBundleProfile(bundle);
    const progress = this.progress(name);
    const step = async (what: string, without: readonly AttackLayer[]): Promise<InsideRun> => {
      progress.step(what);
      return battery.inside(bundle, without, only);
    };
    progress.step(`making ${rows.length} attempts without VXE`);
    const controls = new Map((await battery.control(only)).map((outcome) => [outcome.name, outcome]));
    const all = await step('making them inside', []);
    const others = quick
      ? undefined
      : {
          withoutSeccomp: await step('making them inside, without seccomp', ['seccomp']),
          withoutLandlock: await step('making them inside, without Landlock', ['landlock']),
          withoutBoth: await step('making them inside, without both', ['seccomp', 'landlock']),
        };
    progress.end();
    const context: AttackContext = { policy, ...ownRights() };
    const attempts = rows.map((row) => {
      const control = controls.get(row.name);
      const runs = runsOf(row.name, all, others);
      if (control === undefined || runs === undefined)
        throw new Failure('attack-incomplete', row.name, 'the battery told no outcome of this attempt');
      return judgeAttack(row, control, runs, context);
    });
    const report = summed(name, attempts);
    this.log(reportText(report));
    return report;
  }
}

function chosen(rows: readonly AttackRow[], only: readonly string[]): readonly AttackRow[] {
  const unknown = only.find((name) => !rows.some((row) => row.name === name));
  if (unknown !== undefined)
    throw new Failure('attempt-unknown', unknown, 'there is no attempt of this name', {
      hint: "see 'vxe attack NAME --list'",
      exit: 2,
    });
  return only.length === 0 ? rows : rows.filter((row) => only.includes(row.name));
}

/** What the control can do on this machine. */
function ownRights(): Pick<AttackContext, 'root' | 'capabilities'> {
  const status = readFileSync('/proc/self/status', 'utf8');
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const names = Object.entries(CAPABILITY_NUMBERS).filter(([, number]) => (mask >> BigInt(number)) & 1n);
  return { root: process.geteuid?.() === 0, capabilities: new Set(names.map(([name]) => name)) };
}

/** Those that the battery's rows name. */
const CAPABILITY_NUMBERS = {
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_PACCT: 20,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_BOOT: 22,
  CAP_SYS_NICE: 23,
  CAP_SYS_TIME: 25,
  CAP_SYS_TTY_CONFIG: 26,
  CAP_SYSLOG: 34,
} as const;

function summed(name: string, attempts: readonly AttackJudgement[]): AttackReport {
  const count = (verdict: string): number => attempts.filter((each) => each.verdict === verdict).length;
  return {
    name,
    attempts,
    held: count('held'),
    unproven: count('unproven'),
    open: count('open'),
    failed: count('failed'),
  };
}

function reportText(report: AttackReport): string {
  const rows = report.attempts.map((each) => [
    each.name,
    each.control,
    each.inside,
    each.by === '' ? '-' : each.rule === '' ? each.by : `${each.by} (${each.rule})`,
    each.also?.join(', ') ?? '',
    each.verdict === 'held' ? '' : each.verdict,
  ]);
  const sections = [table(['attempt', 'without VXE', 'inside', 'refused by', 'also held by', ''], rows)];
  for (const [verdict, title] of [
    ['unproven', 'Refused, but this machine cannot show that it would work without VXE:'],
    ['open', 'Left open by the profile:'],
    ['failed', 'FAILED:'],
  ] as const) {
    const lines = report.attempts
      .filter((each) => each.verdict === verdict)
      .map((each) => `  ${each.name}: ${each.tries} ${each.why}`);
    if (lines.length > 0) sections.push([title, ...lines].join('\n'));
  }
  return [...sections, summaryText(report)].join('\n\n');
}

function summaryText(report: AttackReport): string {
  const alone = report.attempts.filter((each) => each.verdict === 'held' && each.also?.length === 0);
  const parts = [
    `${report.attempts.length} attempts on ${report.name}`,
    `${report.held} refused that work without VXE`,
    ...(alone.length > 0 ? [`${alone.length} of them with one mechanism seen to hold`] : []),
    ...(report.unproven > 0 ? [`${report.unproven} refused that this machine cannot do anyway`] : []),
    ...(report.open > 0 ? [`${report.open} left open by the profile`] : []),
    report.failed === 0 ? 'none succeeded against the profile' : `${report.failed} FAILED`,
  ];
  return parts.join(', ');
}
