import * as Args from '@oclif/core/args';
import { Failure, ProfileHistory } from '../../bundle/index.js';
import { VxeCommand } from '../support/base.js';
import { type Applied, appliedText, changeProfile } from '../support/change.js';
import { controlled } from '../support/control.js';
import { diffLines, shownDiff } from '../support/diff.js';
import { widening } from '../support/proof.js';
import { versionNumber } from '../support/version.js';

export default class ProfileRollback extends VxeCommand {
  static override summary = "Put an earlier version of a bundle's profile in place";
  static override description =
    'Without a version, the one before the newest. Going back is a version of its own, so that it can be gone back from. What is refused again is refused by a running instance ' +
    'from its next start on.';
  static override examples = [
    '<%= config.bin %> profile rollback web',
    '<%= config.bin %> profile rollback web 1',
  ];
  static override args = {
    name: Args.string({ required: true, description: 'the bundle' }),
    version: Args.string({ description: 'a version' }),
  };

  async run(): Promise<{
    readonly name: string;
    readonly version: number;
    readonly diff: readonly string[];
    readonly wider: readonly string[];
    readonly applied: Applied;
  }> {
    const { args } = await this.parse(ProfileRollback);
    controlled(args.name, this.places());
    const history = new ProfileHistory(this.places().history, args.name);
    const version = args.version === undefined ? history.list().at(-2)?.version : versionNumber(args.version);
    if (version === undefined)
      throw new Failure('version-missing', args.name, 'there is no earlier version of its profile', {
        hint: `see 'vxe profile log ${args.name}'`,
      });
    const change = changeProfile(args.name, history.text(version), this.places());
    const diff = diffLines(change.before.text, change.after.text);
    this.log(shownDiff(change.before.text, change.after.text).join('\n'));
    const { wider } = await widening(change.after.policy, change.before.policy);
    for (const line of wider) this.log(`permits again: ${line}`);
    const applied = change.apply(`rolled back to ${version}`, [], false);
    this.log(appliedText(args.name, applied));
    return { name: args.name, version, diff, wider, applied };
  }
}
