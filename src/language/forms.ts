import type { Result, SourceFile } from '../common/index.js';
import type { Policy } from '../policy/index.js';
import { parseAcl } from './acl/parse.js';
import { printAcl } from './acl/print.js';
import type { LoadLibrary } from './lisp/expand.js';
import { parseLispProfile } from './lisp/parse.js';
import { printLisp } from './lisp/print-profile.js';
import { parseProfile } from './yaml/parse.js';
import { printProfile } from './yaml/print.js';

/** One way to write a profile. */
export interface Form {
  readonly format: string;
  /** With the dot; of several that fit a file's name, the longest decides. */
  readonly extensions: readonly string[];
  /** `load` finds the libraries that a text includes; only vxelisp has any. */
  parse(file: SourceFile, load?: LoadLibrary): Result<Policy>;
  /** What the form cannot say is a diagnostic that names it. */
  print(policy: Policy): Result<string>;
}

/** Every form that profiles are written in. */
export const FORMS: readonly Form[] = [
  { format: 'yaml', extensions: ['.vxed.yaml', '.vxed.yml'], parse: parseProfile, print: printProfile },
  { format: 'lisp', extensions: ['.vxed'], parse: parseLispProfile, print: printLisp },
  { format: 'acl', extensions: ['.acl'], parse: parseAcl, print: printAcl },
];

export function formNamed(format: string): Form | undefined {
  return FORMS.find((form) => form.format === format);
}

/** The form of a file by its name. */
export function formOf(name: string): Form | undefined {
  let best: { readonly form: Form; readonly length: number } | undefined;
  for (const form of FORMS) {
    for (const extension of form.extensions) {
      if (name.endsWith(extension) && extension.length > (best?.length ?? 0))
        best = { form, length: extension.length };
    }
  }
  return best?.form;
}
