import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { type CreatedBundle, createBundle, Failure } from '../../bundle/index.js';
import { runningInstance } from '../../runtime/index.js';
import { VxeCommand } from '../support/base.js';
import { size } from '../support/output.js';
import { loweringTarget } from '../support/target.js';

export default class BundleCreate extends VxeCommand {
  static override summary = 'Make a bundle from a recipe, a Debian package or an executable';
  static override description =
    'The root file system holds what the program needs and nothing else: its ELF closure, the modules, files and accounts that the recipe ' +
    'names, mount points. A package that is not installed is fetched and checked by apt and unpacked in a cache; nothing is installed ' +
    'or started on the host. The bundle appears under its name whole and audited, or not at all.';
  static override examples = [
    '<%= config.bin %> bundle create popd --account alice',
    '<%= config.bin %> bundle create pop --exec /usr/sbin/popa3d --profile popd -- -D',
    '<%= config.bin %> bundle create popd --mount /var/mail=/srv/mail:rw --replace',
  ];
  static override strict = false;
  static override args = {
    name: Args.string({
      required: true,
      description: 'the bundle, and the recipe where no other source is named',
    }),
  };
  static override flags = {
    package: Flags.string({ helpValue: 'PACKAGE', description: 'take the program from this Debian package' }),
    exec: Flags.string({
      helpValue: 'PROGRAM',
      description: 'start this executable; its arguments stand behind --',
    }),
    recipe: Flags.string({ helpValue: 'FILE', description: 'a recipe, by its file or its name' }),
    profile: Flags.string({
      helpValue: 'NAME',
      multiple: true,
      multipleNonGreedy: true,
      description: 'confine the program by this profile; of several, by what each permits (repeatable)',
    }),
    'no-profile': Flags.boolean({
      exclusive: ['profile'],
      description: "without a profile, for 'vxe trace' and 'vxe learn', which make one",
    }),
    account: Flags.string({
      helpValue: 'USER',
      multiple: true,
      multipleNonGreedy: true,
      description: 'a user that the bundle knows (repeatable)',
    }),
    'accounts-from': Flags.string({
      helpValue: 'DIR',
      description: 'the folder with passwd and group, instead of /etc',
    }),
    mount: Flags.string({
      helpValue: 'DEST=SOURCE[:OPTIONS]',
      multiple: true,
      multipleNonGreedy: true,
      description: 'mount a file or folder of the host (repeatable)',
    }),
    dlopen: Flags.string({
      helpValue: 'MODULE',
      multiple: true,
      multipleNonGreedy: true,
      description: 'a module that the program loads by name at run time (repeatable)',
    }),
    admit: Flags.string({
      helpValue: 'PATH=REASON',
      multiple: true,
      multipleNonGreedy: true,
      description: 'let in what the audit would refuse, an interpreter or a tool, and say why (repeatable)',
    }),
    fresh: Flags.boolean({ description: "take the archive's files also of what is installed" }),
    output: Flags.string({
      helpValue: 'DIR',
      description: 'put the bundle in this folder, instead of the usual one',
    }),
    replace: Flags.boolean({ aliases: ['force'], description: 'replace a bundle of this name' }),
  };

  async run(): Promise<CreatedBundle> {
    const { args, flags, argv } = await this.parse(BundleCreate);
    const behind = argv.slice(1).map(String);
    if (behind.length > 0 && !this.argv.includes('--')) {
      throw new Failure('usage', behind[0] ?? '', 'is one argument too many', {
        hint: "the program's own arguments stand behind --",
        exit: 2,
      });
    }
    const places = this.places();
    const progress = this.progress(args.name);
    const request = {
      name: args.name,
      package: flags.package,
      exec: flags.exec,
      args: behind,
      recipe: flags.recipe,
      profile: flags.profile,
      noProfile: flags['no-profile'],
      accounts: flags.account,
      accountsFrom: flags['accounts-from'],
      mounts: flags.mount,
      dlopen: flags.dlopen,
      admit: flags.admit,
      fresh: flags.fresh,
      output: flags.output,
      replace: flags.replace,
    };
    try {
      const created = await this.interruptible(async (signal) =>
        createBundle(request, {
          places,
          creator: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
          target: loweringTarget,
          signal,
          step: (text) => progress.step(text),
          runningPid: (name) => runningInstance(places.state, name)?.pid,
        }),
      );
      progress.done();
      const held =
        created.profile === undefined
          ? `no profile yet: vxe trace ${args.name} -- EXERCISE`
          : `profile ${created.profile}`;
      this.log(`${created.path}: ${created.files} files, ${size(created.bytes)}, ${held}`);
      return created;
    } finally {
      progress.end();
    }
  }
}
