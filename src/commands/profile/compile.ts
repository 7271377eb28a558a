import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { compileProfiles, Failure, loadProfiles, writeCompiled } from '../../bundle/index.js';
import { VxeCommand } from '../support/base.js';
import { ARCHES, hostArch, loweringTarget } from '../support/target.js';

export default class ProfileCompile extends VxeCommand {
  static override summary = "Compile a profile for 'vxe run', over this host's own files";
  static override description =
    'NAME is a profile, or with a plus between their names several, stacked: what each of them permits is permitted.';
  static override args = {
    name: Args.string({ required: true, description: 'the profile, or A+B for a stack' }),
  };
  static override flags = {
    arch: Flags.option({
      helpValue: ARCHES.join('|'),
      options: ARCHES,
      description:
        "the machine that it is for, instead of this one; with --output, since 'vxe run' cannot use it here",
    })(),
    quiet: Flags.boolean({ description: 'print nothing when it is done' }),
    output: Flags.string({
      char: 'o',
      helpValue: 'DIR',
      description: 'the folder that gets it, instead of the usual one',
    }),
  };

  async run(): Promise<{
    readonly name: string;
    readonly path: string;
    readonly source: string;
    readonly sources: readonly string[];
  }> {
    const { args, flags } = await this.parse(ProfileCompile);
    const places = this.places();
    const profiles = loadProfiles(args.name, places);
    const arch = flags.arch ?? hostArch();
    if (arch !== hostArch() && flags.output === undefined)
      throw new Failure(
        'misuse',
        args.name,
        `would be compiled for ${arch}, and this machine is ${hostArch()}`,
        {
          hint: 'give the folder that gets it with --output',
          exit: 2,
        },
      );
    const { lowered } = compileProfiles(profiles, loweringTarget(arch));
    const creator = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const path = writeCompiled(args.name, profiles, lowered, creator, flags.output ?? places.compiled);
    const sources = profiles.map((profile) => profile.path);
    if (!flags.quiet) this.log(`${path}: compiled from ${sources.join(' and ')}`);
    return { name: args.name, path, source: sources.join('\n'), sources };
  }
}
