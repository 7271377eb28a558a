import * as Args from '@oclif/core/args';
import { VxeCommand } from './support/base.js';
import { completionScript, SHELLS, type Shell } from './support/completion.js';
import { commandViews, LAUNCH_VERBS } from './support/verbs.js';

export default class Completion extends VxeCommand {
  static override summary = 'Print the completion file of a shell';
  static override examples = ['<%= config.bin %> completion bash > /etc/bash_completion.d/vxe'];
  static override args = {
    shell: Args.string({ required: true, options: [...SHELLS], description: 'bash, zsh or fish' }),
  };

  async run(): Promise<{ readonly shell: string; readonly script: string }> {
    const { args } = await this.parse(Completion);
    const verbs = [...commandViews(this.config), ...LAUNCH_VERBS]
      .filter((each) => !each.hidden)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const script = completionScript(args.shell as Shell, verbs);
    if (!this.jsonEnabled()) process.stdout.write(script);
    return { shell: args.shell, script };
  }
}
