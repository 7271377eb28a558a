import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Failure } from '../../bundle/index.js';
import { unwrap } from '../../common/index.js';
import { formatLisp } from '../../language/index.js';
import { VxeCommand } from '../support/base.js';

export default class ProfileFmt extends VxeCommand {
  static override summary = 'Bring vxelisp texts into the one layout';
  static override description =
    'Forms, their order and all comments stay; only white space changes. A text that cannot be read is left as it is.';
  static override args = {
    file: Args.string({ required: true, description: 'a .vxed profile or a library; more may follow' }),
  };
  static override strict = false;
  static override flags = {
    check: Flags.boolean({ description: 'change nothing, and fail if a text has another layout' }),
    stdout: Flags.boolean({ description: 'print the text instead of changing the file' }),
  };

  async run(): Promise<{
    readonly files: readonly { readonly file: string; readonly changed: boolean }[];
  }> {
    const { argv, flags } = await this.parse(ProfileFmt);
    const texts = argv.map((each) => read(String(each)));
    const files = texts.map(({ file, text, laidOut }) => ({ file, changed: text !== laidOut }));
    const changed = files.filter((each) => each.changed);
    if (flags.check && changed.length > 0) {
      throw new Failure('layout', changed.map((each) => each.file).join(', '), 'has another layout', {
        hint: "run 'vxe profile fmt' on it",
      });
    }
    for (const { file, text, laidOut } of texts) {
      if (flags.stdout) this.log(laidOut.trimEnd());
      else if (text !== laidOut && !flags.check) replace(file, laidOut);
    }
    if (!flags.stdout) for (const each of changed) this.log(`${each.file}: laid out`);
    return { files };
  }
}

function read(file: string): { readonly file: string; readonly text: string; readonly laidOut: string } {
  if (file.endsWith('.yaml') || file.endsWith('.yml') || file.endsWith('.acl')) {
    throw new Failure('bad-name', file, 'is not a vxelisp text', {
      hint: 'name a .vxed file or a library of one',
      exit: 2,
    });
  }
  if (!existsSync(file)) {
    throw new Failure('profile-missing', file, 'there is no such file', {
      hint: 'name a .vxed file',
      exit: 2,
    });
  }
  const source = { name: file, text: readFileSync(file, 'utf8') };
  return { file, text: source.text, laidOut: unwrap(formatLisp(source), [source], 2) };
}

/** Whole or not at all: an interruption must not leave half a profile. */
function replace(file: string, text: string): void {
  const work = `${file}.vxe-fmt-${process.pid}`;
  writeFileSync(work, text, { mode: statSync(file).mode & 0o777, flag: 'wx' });
  renameSync(work, file);
}
