import { readFileSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import { hasProfile, ProfileHistory, type ProfileVersion, storedProfile } from '../../bundle/index.js';
import { VxeCommand } from '../support/base.js';
import { finishHistory } from '../support/change.js';
import { controlled, controlledIfThere } from '../support/control.js';
import { table } from '../support/output.js';

export default class ProfileLog extends VxeCommand {
  static override summary = "List the kept versions of a bundle's profile";
  static override description =
    'Each upgrade and each rollback keeps the text that it made, and the first one the text that the bundle was made with. The newest is the one that is in place.';
  static override examples = ['<%= config.bin %> profile log web'];
  static override args = { name: Args.string({ required: true, description: 'the bundle' }) };

  async run(): Promise<{
    readonly name: string;
    readonly versions: readonly ProfileVersion[];
    readonly inPlace: number | null;
  }> {
    const { args } = await this.parse(ProfileLog);
    const places = this.places();
    const bundle = controlledIfThere(args.name, places);
    if (bundle !== undefined) finishHistory(args.name, places);
    const history = new ProfileHistory(places.history, args.name);
    const versions = history.list();
    if (versions.length === 0 && bundle === undefined) controlled(args.name, places);
    if (versions.length === 0) {
      this.log(`${args.name}: its profile was never changed by upgrade or rollback`);
      return { name: args.name, versions, inPlace: null };
    }
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
    const inPlace =
      bundle !== undefined && hasProfile(bundle)
        ? (history.saying(readFileSync(storedProfile(bundle), 'utf8'))?.version ?? null)
        : null;
    if (inPlace !== versions.at(-1)?.version)
      this.log(
        inPlace === null
          ? `${args.name}: what is in place is none of these`
          : `${args.name}: version ${inPlace} is in place`,
      );
    return { name: args.name, versions, inPlace };
  }
}
