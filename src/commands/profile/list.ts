import { listProfiles } from '../../bundle/index.js';
import { VxeCommand } from '../support/base.js';
import { table } from '../support/output.js';

export default class ProfileList extends VxeCommand {
  static override summary = 'List the profiles, in the order in which they are looked for';

  async run(): Promise<{ readonly profiles: readonly { readonly name: string; readonly path: string }[] }> {
    await this.parse(ProfileList);
    const profiles = listProfiles(this.places());
    if (profiles.length === 0) this.log(`no profiles in ${this.places().profiles.join(', ')}`);
    else
      this.log(
        table(
          ['name', 'file'],
          profiles.map((each) => [each.name, each.path]),
        ),
      );
    return { profiles };
  }
}
