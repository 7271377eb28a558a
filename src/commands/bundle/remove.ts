import * as Args from '@oclif/core/args';
import { BundleStore, Failure } from '../../bundle/index.js';
import { runningInstance } from '../../runtime/index.js';
import { VxeCommand } from '../support/base.js';

export default class BundleRemove extends VxeCommand {
  static override summary = 'Remove a bundle that is not running';
  static override args = { name: Args.string({ required: true, description: 'the bundle' }) };

  async run(): Promise<{ readonly removed: string }> {
    const { args } = await this.parse(BundleRemove);
    const places = this.places();
    const store = new BundleStore(places.bundles);
    store.path(args.name);
    const running = runningInstance(places.state, args.name);
    if (running !== undefined) {
      throw new Failure(
        'bundle-running',
        args.name,
        `is running (pid ${running.pid}), so it is not removed`,
        { hint: `stop it with 'vxe stop ${args.name}'` },
      );
    }
    store.remove(args.name);
    this.log(`${args.name}: removed`);
    return { removed: args.name };
  }
}
