import { readFileSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import {
  BundleStore,
  bundleWorld,
  compileProfile,
  loadProfile,
  readBundleProfile,
  storedProfile,
} from '../bundle/index.js';
import { unwrap } from '../common/index.js';
import type { CoverageRow } from '../lowering/index.js';
import { type Explanation, explainEvent } from '../policy/index.js';
import { VxeCommand } from './support/base.js';
import { learnedEvidence, learnedLossy } from './support/evidence.js';
import { table } from './support/output.js';
import { loweringTarget } from './support/target.js';

export default class Explain extends VxeCommand {
  static override summary = 'Show which mechanism holds each rule, or what the profile says to one event';
  static override description =
    'NAME is a bundle, or a profile that has no bundle of its name. Without an event, each rule of the profile is shown with the mechanisms that ' +
    'hold it. With an event, the reference evaluator answers: allowed or refused, by which rule, and why.';
  static override examples = [
    '<%= config.bin %> explain popd',
    `<%= config.bin %> explain popd 'openat("/etc/shadow", O_WRONLY)'`,
  ];
  static override args = {
    name: Args.string({ required: true, description: 'a bundle or a profile' }),
    event: Args.string({ description: 'a system call with its arguments' }),
  };

  async run(): Promise<unknown> {
    const { args } = await this.parse(Explain);
    return args.event === undefined ? await this.#coverage(args.name) : this.#event(args.name, args.event);
  }

  async #coverage(
    name: string,
  ): Promise<{ readonly name: string; readonly coverage: readonly CoverageRow[] }> {
    const store = new BundleStore(this.places().bundles);
    const coverage = store.exists(name)
      ? readBundleProfile(store.require(name)).coverage
      : compileProfile(loadProfile(name, this.places()), loweringTarget()).coverage;
    const text = this.#source(name);
    const evidence = learnedEvidence(text);
    const rows = coverage.map((row) => [
      row.rule,
      row.accepted ? `${row.status} (accepted)` : row.status,
      row.mechanism.join('+'),
      row.needs,
      row.note,
      ...(evidence.size === 0 ? [] : [evidence.get(row.rule) ?? '']),
    ]);
    const head = ['rule', 'held', 'by', 'needs', 'note'];
    this.log(table(evidence.size === 0 ? head : [...head, 'learned'], rows));
    if (learnedLossy(text)) this.log('calls were missing in what this profile was learned from');
    return { name, coverage };
  }

  /** The profile as it was written. */
  #source(name: string): string {
    const store = new BundleStore(this.places().bundles);
    const file = store.exists(name)
      ? storedProfile(store.require(name))
      : loadProfile(name, this.places()).path;
    return readFileSync(file, 'utf8');
  }

  #event(name: string, event: string): unknown {
    const store = new BundleStore(this.places().bundles);
    const bundled = store.exists(name);
    const { policy } = bundled ? readBundleProfile(store.require(name)) : loadProfile(name, this.places());
    const world = bundled ? bundleWorld(store, name) : undefined;
    const source = { name: 'event', text: event };
    const explanation: Explanation = unwrap(explainEvent(policy, event, world), [source], 2);
    this.log(explanation.text);
    const { verdict, rule, reason } = explanation.decision;
    const evidence = learnedEvidence(this.#source(name)).get(rule);
    if (evidence !== undefined) this.log(`  learned: ${evidence}`);
    return {
      name,
      event,
      verdict,
      rule,
      reason,
      ...(evidence === undefined ? {} : { learned: evidence }),
      ...('errno' in explanation.decision ? { errno: explanation.decision.errno } : {}),
    };
  }
}
