import { existsSync, writeFileSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Failure, readProfile } from '../../bundle/index.js';
import { unwrap } from '../../common/index.js';
import { FORMS, type Form, formNamed, formOf } from '../../language/index.js';
import { VxeCommand } from '../support/base.js';
import { hasEvidence } from '../support/evidence.js';

const EXTENSIONS = FORMS.flatMap((form) => form.extensions).join(', ');

export default class ProfileConvert extends VxeCommand {
  static override summary = 'Write a profile in another form';
  static override description =
    'The form that a file is in shows in its name. What the wanted form cannot say is an error that names it: nothing is left out but what --without-evidence says. ' +
    'Comments are not carried over, and of vxelisp what it computes is written, not how.';
  static override examples = ['<%= config.bin %> profile convert popd.acl --to yaml --output popd.vxed.yaml'];
  static override args = { file: Args.string({ required: true, description: 'the profile' }) };
  static override flags = {
    to: Flags.string({
      options: FORMS.map((form) => form.format),
      description: 'the form that is wanted; without it, the one in the name of --output',
    }),
    'without-evidence': Flags.boolean({
      description: 'leave out what stands under learned, which grants nothing',
    }),
    output: Flags.string({
      char: 'o',
      helpValue: 'FILE',
      description: 'the file that gets it, which must not exist, instead of standard output',
    }),
  };

  async run(): Promise<{ readonly name: string; readonly format: string; readonly text: string }> {
    const { args, flags } = await this.parse(ProfileConvert);
    requireSource(args.file);
    const to = wantedForm(flags.to, flags.output);
    const { file, policy, files } = readProfile(args.file);
    if (!flags['without-evidence'] && hasEvidence(file.text))
      throw new Failure(
        'not-expressible',
        args.file,
        'has evidence under learned, which is not carried over',
        {
          hint: 'say --without-evidence to leave it out: it grants nothing',
        },
      );
    const text = unwrap(to.print(policy), files);
    if (flags.output === undefined) this.log(text.trimEnd());
    else this.#write(flags.output, text, to);
    return { name: policy.name, format: to.format, text };
  }

  #write(output: string, text: string, form: Form): void {
    if (formOf(output) !== form) {
      throw new Failure('bad-name', output, `is not the name of a profile in the form ${form.format}`, {
        hint: `let it end in ${form.extensions.join(' or ')}`,
        exit: 2,
      });
    }
    if (existsSync(output)) {
      throw new Failure('file-exists', output, 'is there already, and is not replaced', {
        hint: 'name another file, or remove it',
      });
    }
    writeFileSync(output, text, { flag: 'wx' });
    this.log(`${output}: written`);
  }
}

function wantedForm(to: string | undefined, output: string | undefined): Form {
  const form = to === undefined ? formOf(output ?? '') : formNamed(to);
  if (form === undefined) {
    const [thing, fault] =
      output === undefined
        ? ['--to', 'is needed where there is no --output']
        : [output, 'is not the name of a profile in any form'];
    throw new Failure('bad-name', thing, fault, {
      hint: `say --to with one of ${FORMS.map((each) => each.format).join(', ')}`,
      exit: 2,
    });
  }
  return form;
}

function requireSource(path: string): void {
  if (formOf(path) === undefined) {
    throw new Failure('bad-name', path, 'is not the name of a profile', {
      hint: `it ends in one of ${EXTENSIONS}`,
      exit: 2,
    });
  }
  if (!existsSync(path)) {
    throw new Failure('profile-missing', path, 'there is no such file', { hint: 'name the file', exit: 2 });
  }
}
