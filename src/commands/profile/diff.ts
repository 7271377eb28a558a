import { readFileSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import { hasProfile, noProfileYet, ProfileHistory, storedProfile } from '../../bundle/index.js';
import { VxeCommand } from '../support/base.js';
import { controlled } from '../support/control.js';
import { diffLines, shownDiff } from '../support/diff.js';
import { versionNumber } from '../support/version.js';

export default class ProfileDiff extends VxeCommand {
  static override summary = "Show how two versions of a bundle's profile differ";
  static override description =
    'Without versions, the one before the newest and the newest; with one, that version and what is in place. The exit code is 1 where they differ.';
  static override examples = ['<%= config.bin %> profile diff web', '<%= config.bin %> profile diff web 1 3'];
  static override args = {
    name: Args.string({ required: true, description: 'the bundle' }),
    from: Args.string({ description: 'a version' }),
    to: Args.string({ description: 'a later version' }),
  };

  async run(): Promise<{ readonly name: string; readonly diff: readonly string[] }> {
    const { args } = await this.parse(ProfileDiff);
    const bundle = controlled(args.name, this.places());
    const history = new ProfileHistory(this.places().history, args.name);
    if (!hasProfile(bundle)) throw noProfileYet(args.name);
    const placed = readFileSync(storedProfile(bundle), 'utf8');
    const before = args.from === undefined ? history.list().at(-2)?.version : versionNumber(args.from);
    const from = before === undefined ? placed : history.text(before);
    const to = args.to === undefined ? placed : history.text(versionNumber(args.to));
    const diff = diffLines(from, to);
    const shown = shownDiff(from, to);
    if (diff.length === 0) this.log(`${args.name}: no difference`);
    else this.log(shown.length === 0 ? `${args.name}: the same, laid out otherwise` : shown.join('\n'));
    if (diff.length > 0) process.exitCode = 1;
    return { name: args.name, diff };
  }
}
