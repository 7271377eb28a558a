import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { type BundleDetails, BundleStore, isStack, memberNames } from '../../bundle/index.js';
import { VxeCommand } from '../support/base.js';
import { size, table } from '../support/output.js';

function profileText(name: string): string {
  if (name === '') return 'none yet';
  return isStack(name) ? `the stack of ${memberNames(name).join(' and ')}` : name;
}

export default class BundleInspect extends VxeCommand {
  static override summary = 'Show what a bundle holds, mounts and may do';
  static override args = { name: Args.string({ required: true, description: 'the bundle' }) };
  static override flags = {
    files: Flags.boolean({ description: 'list every file, where it is from and why it is in' }),
  };

  async run(): Promise<BundleDetails> {
    const { args, flags } = await this.parse(BundleInspect);
    const details = new BundleStore(this.places().bundles).inspect(args.name);
    const or = (words: readonly string[]): string => (words.length === 0 ? 'none' : words.join(' '));
    const lines: readonly (readonly [string, string])[] = [
      ['bundle', details.path],
      ['digest', details.digest],
      ['program', details.program.join(' ')],
      ['kind', details.kind],
      ['profile', profileText(details.profile)],
      ...details.unenforced.map((rule): [string, string] => [
        'not enforced',
        `${rule}, as the profile accepts`,
      ]),
      ['rootfs', `${details.files} files, ${size(details.bytes)}`],
      ['listens on', or(details.listen)],
      ['capabilities', or(details.capabilities)],
      ['namespaces', or(details.namespaces)],
      ['services', or(details.services)],
      ...details.mounts.map((each): [string, string] => [
        'mount',
        `${each.destination} from ${each.source} (${each.options.join(',')})`,
      ]),
    ];
    for (const [key, value] of lines) this.log(`${key.padEnd(13)} ${value}`);
    if (flags.files) {
      this.log();
      this.log(
        table(
          ['path', 'mode', 'role', 'from', 'why'],
          details.entries.map((each) => [
            each.target === undefined ? each.path : `${each.path} -> ${each.target}`,
            each.mode,
            each.role,
            each.from,
            each.why,
          ]),
        ),
      );
    }
    return details;
  }
}
