import { existsSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import { Failure, readProfile } from '../../bundle/index.js';
import { refusedHook } from '../../lowering/index.js';
import { VxeCommand } from '../support/base.js';

export default class ProfileCheck extends VxeCommand {
  static override summary = 'Check the text of a profile';
  static override args = {
    file: Args.string({ required: true, description: 'the .vxed.yaml, .vxed or .acl file' }),
  };

  async run(): Promise<{
    readonly name: string;
    readonly type: string;
    readonly files: number;
    readonly calls: number;
    readonly hooks: number;
  }> {
    const { args } = await this.parse(ProfileCheck);
    if (!existsSync(args.file))
      throw new Failure('profile-missing', args.file, 'there is no such file', {
        hint: 'name the .vxed.yaml, .vxed or .acl file',
        exit: 2,
      });
    const { policy } = readProfile(args.file);
    const files = policy.files.length + policy.patterns.length;
    const hooks = policy.hooks.length === 0 ? '' : `, ${policy.hooks.length} hooks after calls`;
    this.log(
      `${args.file}: ${policy.name} is well formed: ${policy.type}, ${files} file rules, ${policy.calls.size} call rules${hooks}`,
    );
    for (const { id, call } of policy.hooks) {
      const refused = refusedHook(policy, call);
      if (refused !== undefined) this.log(`${id}: ${refused}`);
    }
    return {
      name: policy.name,
      type: policy.type,
      files,
      calls: policy.calls.size,
      hooks: policy.hooks.length,
    };
  }
}
