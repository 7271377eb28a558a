import type { Diagnostic, SourceSpan } from '../common/index.js';
import type { Access, FileRule, PathText, PatternRule, Policy } from '../policy/index.js';
import { pathText } from '../policy/index.js';

/** The rule that a text and an access make, for every form alike. */
export function fileRule(
  what: PathText,
  access: ReadonlySet<Access>,
  span: SourceSpan,
): FileRule | PatternRule {
  if (what.kind === 'glob')
    return { kind: 'glob', id: `files:${what.glob.text}`, glob: what.glob, access, span };
  const { path, folder } = what;
  return { id: `files:${path}`, path, folder, access, span };
}

/** The rules by what they are for, in the order of the text. */
export function sortRules(rules: Iterable<FileRule | PatternRule>): Pick<Policy, 'files' | 'patterns'> {
  const files: FileRule[] = [];
  const patterns: PatternRule[] = [];
  for (const rule of rules) {
    if ('kind' in rule) patterns.push(rule);
    else files.push(rule);
  }
  return { files, patterns };
}

export interface FileText {
  readonly path: string;
  readonly access: ReadonlySet<Access>;
  readonly span: SourceSpan;
}

/** The rules for paths and patterns as every form writes them. */
export function fileTexts(policy: Policy): readonly FileText[] {
  const literal = policy.files.map(({ path, folder, access, span }) => ({
    path: folder && path !== '/' ? `${pathText(path)}/` : pathText(path),
    access,
    span,
  }));
  const globs = policy.patterns.flatMap((rule) =>
    rule.kind === 'glob' ? [{ path: rule.glob.text, access: rule.access, span: rule.span }] : [],
  );
  return [...literal, ...globs];
}

/** Predicates are said in vxelisp alone. */
export function predicateProblems(policy: Policy, form: string): readonly Diagnostic[] {
  return policy.patterns
    .filter((rule) => rule.kind === 'predicate')
    .map(({ id, span }) => ({
      code: 'not-expressible',
      message: `${id} is a predicate over paths, and ${form} has none`,
      span,
      hint: 'write patterns in its place, or keep the profile in vxelisp',
    }));
}
