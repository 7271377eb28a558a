import { readFileSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import {
  BundleStore,
  bundleWorld,
  compileProfiles,
  coverageNow,
  hostLister,
  readBundleProfile,
  storedProfiles,
} from '../bundle/index.js';
import { spanText, unwrap } from '../common/index.js';
import { type CoverageRow, coverPolicy, holdingRow } from '../lowering/index.js';
import { type Explanation, explainEvent, hooksAfter, hooksOn, type Policy } from '../policy/index.js';
import { VxeCommand } from './support/base.js';
import { learnedEvidence, learnedLossy } from './support/evidence.js';
import { bundleNamed, profilesNamed } from './support/named.js';
import { table } from './support/output.js';
import { loweringTarget } from './support/target.js';

export default class Explain extends VxeCommand {
  static override summary = 'Show which mechanism holds each rule, or what the profile says to one event';
  static override description =
    'NAME is a bundle, or a profile that has no bundle of its name, the file of one (with a slash in it), or A+B for a stack of profiles. Without an event, each rule of the profile is shown with the mechanisms that ' +
    'hold it. With an event, the reference evaluator answers: allowed or refused, by which rule, why, and what holds that rule here.';
  static override examples = [
    '<%= config.bin %> explain popd',
    `<%= config.bin %> explain popd 'openat("/etc/shadow", O_WRONLY)'`,
  ];
  static override args = {
    name: Args.string({ required: true, description: 'a bundle, a profile or a stack of profiles' }),
    event: Args.string({ description: 'a system call with its arguments' }),
  };

  async run(): Promise<unknown> {
    const { args } = await this.parse(Explain);
    return args.event === undefined ? await this.#coverage(args.name) : this.#event(args.name, args.event);
  }

  async #coverage(name: string): Promise<{
    readonly name: string;
    readonly members: readonly string[];
    readonly coverage: readonly CoverageRow[];
  }> {
    const bundle = bundleNamed(name, this.places());
    const { coverage, members } = bundle === undefined ? this.#compiled(name) : readBundleProfile(bundle);
    const texts = this.#sources(name);
    const evidence = new Map(texts.flatMap((text) => [...learnedEvidence(text)]));
    const rows = coverage.map((row) => [
      row.rule,
      row.accepted ? `${row.status} (accepted)` : row.status,
      row.mechanism.join('+'),
      row.needs,
      row.note,
      ...(evidence.size === 0 ? [] : [evidence.get(row.rule) ?? '']),
    ]);
    const head = ['rule', 'held', 'by', 'needs', 'note'];
    const names = members.map((member) => member.name);
    if (names.length > 1) this.log(`permitted is what each of ${names.join(' and ')} permits\n`);
    this.log(table(evidence.size === 0 ? head : [...head, 'learned'], rows));
    if (bundle !== undefined && names.length === 1)
      for (const line of changedSince(bundle, coverage)) this.log(line);
    if (texts.some(learnedLossy)) this.log('calls were missing in what this profile was learned from');
    return { name, members: names, coverage };
  }

  #compiled(name: string): {
    readonly policy: Policy;
    readonly members: readonly Policy[];
    readonly coverage: readonly CoverageRow[];
  } {
    const profiles = profilesNamed(name, this.places());
    const { policy, lowered } = compileProfiles(profiles, loweringTarget());
    return { policy, members: profiles.map((each) => each.policy), coverage: lowered.coverage };
  }

  /** The profiles as they were written. */
  #sources(name: string): readonly string[] {
    const bundle = bundleNamed(name, this.places());
    const files =
      bundle === undefined
        ? profilesNamed(name, this.places()).map(({ path }) => path)
        : storedProfiles(bundle);
    return files.map((file) => readFileSync(file, 'utf8'));
  }

  #event(name: string, event: string): unknown {
    const bundle = bundleNamed(name, this.places());
    const { policy, members, coverage } =
      bundle === undefined ? this.#policies(name) : readBundleProfile(bundle);
    const world =
      bundle === undefined ? undefined : bundleWorld(new BundleStore(this.places().bundles), name);
    const source = { name: 'event', text: event };
    const explain = (each: Policy): Explanation => unwrap(explainEvent(each, event, world), [source], 2);
    const explanation = explain(policy);
    this.log(explanation.text);
    const held = holdingRow(coverage, explanation.event, explanation.decision);
    if (held !== undefined) this.log(`  ${holdingText(held)}`);
    const { verdict, rule, reason } = explanation.decision;
    const evidence = this.#sources(name)
      .map((text) => learnedEvidence(text).get(rule))
      .find((each) => each !== undefined);
    if (evidence !== undefined) this.log(`  learned: ${evidence}`);
    const hooks = toldAfter(policy, explanation);
    for (const hook of hooks) this.log(`  ${toldText(hook, verdict, coverage)}`);
    const parts = members.length === 1 ? [] : members.map((each) => ({ each, says: explain(each) }));
    for (const { each, says } of parts) this.log(`  ${each.name}: ${says.text.split('\n').join('\n    ')}`);
    return {
      name,
      event,
      verdict,
      rule,
      reason,
      ...(held === undefined ? {} : { held }),
      ...(evidence === undefined ? {} : { learned: evidence }),
      ...(hooks.length === 0 ? {} : { hooks }),
      ...('errno' in explanation.decision ? { errno: explanation.decision.errno } : {}),
      ...(parts.length === 0
        ? {}
        : {
            members: parts.map(({ each, says: { decision } }) => ({
              name: each.name,
              verdict: decision.verdict,
              rule: decision.rule,
              reason: decision.reason,
            })),
          }),
    };
  }

  /** A profile is asked as it is written, so that its patterns are, too; of a stack they are settled first. */
  #policies(name: string): {
    readonly policy: Policy;
    readonly members: readonly Policy[];
    readonly coverage: readonly CoverageRow[];
  } {
    const members = profilesNamed(name, this.places()).map(({ policy }) => policy);
    const [only, ...others] = members;
    if (only === undefined || others.length > 0) return this.#compiled(name);
    // What stops the start is no reason to say nothing of a call.
    const { coverage } = coverPolicy(only, { ...loweringTarget(), world: { host: hostLister() } });
    return { policy: only, members, coverage };
  }
}

/** A bundle's plans and its table are of the kernel that they were made on: what another would be held by is told. */
function changedSince(bundle: string, stored: readonly CoverageRow[]): readonly string[] {
  const { policy } = readBundleProfile(bundle);
  const by = ({ status, mechanism }: CoverageRow): string => [status, ...mechanism].join(' ');
  const before = new Map(stored.map((row) => [row.rule, by(row)]));
  const other = coverageNow(bundle, policy, loweringTarget()).filter(
    (row) => before.has(row.rule) && before.get(row.rule) !== by(row),
  );
  const told = other.map((row) => `  ${row.rule}: ${before.get(row.rule)} then, ${by(row)} now`);
  return told.length === 0
    ? []
    : [
        '',
        'its plans were made when this kernel held rules otherwise; make them anew (bundle create --replace):',
        ...told,
      ];
}

/** What keeps the program to the rule, on the kernel that the profile was lowered for. */
function holdingText({ rule, mechanism, status, note, needs, accepted }: CoverageRow): string {
  if (status === 'none') {
    const why = `${note}${needs === '' ? '' : `; it needs ${needs}`}`;
    return accepted
      ? `held by nothing, as the profile accepts: ${why}`
      : `held by nothing here, so that it does not start: ${why}`;
  }
  const by = mechanism.length === 0 ? 'nothing, and needs nothing' : mechanism.join(' and ');
  // What is said of calls, and of all that no rule names, is about more than this call.
  const general = rule.startsWith('calls:') || rule === 'files:default' || note === '';
  return `held by ${by}${status === 'partial' ? ', in part' : ''}${general ? '' : `: ${note}`}`;
}

interface ToldAfter {
  readonly rule: string;
  readonly at: string;
  /** Refused by the filter, so that it is performed, and told, in soft mode alone. */
  readonly soft: boolean;
}

/** What is told after the call, in the order in which it is: whatever the filter lets through, whatever the kernel answers then. */
function toldAfter(policy: Policy, { event, decision }: Explanation): readonly ToldAfter[] {
  const soft = hooksAfter(policy, event).length === 0;
  // A quiet refusal is the filter's own in either mode.
  if (soft && decision.quiet) return [];
  return hooksOn(policy, event).map(({ id, span }) => ({ rule: id, at: spanText(span), soft }));
}

function toldText({ rule, at, soft }: ToldAfter, verdict: string, coverage: readonly CoverageRow[]): string {
  const result = verdict === 'allow' ? 'told with its result' : 'told with this refusal';
  const held = coverage.find((row) => row.rule === rule);
  const holding = held?.status === 'none' ? `; ${holdingText(held)}` : '';
  return `${soft ? 'told in soft mode alone, which performs it' : result}: ${rule} at ${at}${holding}`;
}
