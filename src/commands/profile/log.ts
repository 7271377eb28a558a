import * as Args from '@oclif/core/args';
import { ProfileHistory, type ProfileVersion } from '../../bundle/index.js';
import { VxeCommand } from '../support/base.js';
import { controlled, controlledIfThere } from '../support/control.js';
import { table } from '../support/output.js';

export default class ProfileLog extends VxeCommand {
  static override summary = "List the kept versions of a bundle's profile";
  static override description =
    'Each upgrade and each rollback keeps the text that it made, and the first one the text that the bundle was made with. The newest is the one that is in place.';
  static override examples = ['<%= config.bin %> profile log web'];
  static override args = { name: Args.string({ required: true, description: 'the bundle' }) };

  async run(): Promise<{ readonly name: string; readonly versions: readonly ProfileVersion[] }> {
    const { args } = await this.parse(ProfileLog);
    const bundle = controlledIfThere(args.name, this.places());
    const versions = new ProfileHistory(this.places().history, args.name).list();
    if (versions.length === 0 && bundle === undefined) controlled(args.name, this.places());
    if (versions.length === 0) this.log(`${args.name}: its profile was never changed by upgrade or rollback`);
    else
      this.log(
        table(
          ['version', 'time', 'by', 'why', 'rules'],
          versions.map(({ version, time, by, why, rules }) => [
            String(version),
            time.slice(0, 19).replace('T', ' '),
            String(by),
            why,
            rules.join('; '),
          ]),
        ),
      );
    return { name: args.name, versions };
  }
}
