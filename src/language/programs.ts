import type { Diagnostic, SourceSpan } from '../common/index.js';
import type { ProgramRule } from '../policy/index.js';
import { normalPath } from '../policy/index.js';

/** A program of the list of what may be executed; otherwise what is wrong with its path. */
export function programRule(text: string, span: SourceSpan): ProgramRule | Diagnostic {
  const path = normalPath(text);
  if (path === undefined)
    return { code: 'bad-path', message: `${text} is not an absolute path`, span, hint: 'begin it with /' };
  if (text.includes('*'))
    return {
      code: 'unsupported',
      message: `${text} is a pattern`,
      span,
      hint: 'name the program, or its folder',
    };
  const bare = text.endsWith('/') && text !== '/' ? text.slice(0, -1) : text;
  if (path !== bare)
    return { code: 'bad-path', message: `${text} is not in its shortest form`, span, hint: `write ${path}` };
  return { id: `exec:${path}`, path, span };
}
