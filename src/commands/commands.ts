import { VxeCommand } from './support/base.js';
import { table } from './support/output.js';
import { type CommandView, commandViews, LAUNCH_VERBS } from './support/verbs.js';

export default class Commands extends VxeCommand {
  static override summary = 'List every verb with its arguments and options';
  static override hidden = true;

  async run(): Promise<{ readonly commands: readonly CommandView[] }> {
    await this.parse(Commands);
    const commands = [...commandViews(this.config), ...LAUNCH_VERBS].sort((a, b) => (a.id < b.id ? -1 : 1));
    this.log(
      table(
        ['verb', 'what it does'],
        commands.filter((each) => !each.hidden).map((each) => [each.id, each.summary]),
      ),
    );
    return { commands };
  }
}
