import { BundleStore, type BundleSummary } from '../../bundle/index.js';
import { VxeCommand } from '../support/base.js';
import { size, table } from '../support/output.js';

export default class BundleList extends VxeCommand {
  static override summary = 'List the bundles';

  async run(): Promise<{ readonly bundles: readonly BundleSummary[] }> {
    await this.parse(BundleList);
    const store = new BundleStore(this.places().bundles);
    const bundles = store.list();
    if (bundles.length === 0) this.log(`no bundles in ${store.folder}`);
    else {
      const any = bundles.some((each) => each.unenforced.length > 0);
      this.log(
        table(
          ['name', 'profile', 'files', 'size', 'program', ...(any ? ['not enforced, as accepted'] : [])],
          bundles.map((each) => [
            each.name,
            each.profile === '' ? 'none yet' : each.profile,
            String(each.files),
            size(each.bytes),
            each.program.join(' '),
            ...(any ? [each.unenforced.join(' ')] : []),
          ]),
        ),
      );
    }
    return { bundles };
  }
}
