import { nearestRule } from './file-rules.js';
import type { Access, FileRule, Policy } from './model.js';
import { isBeneath } from './paths.js';

/**
 * The rules for paths, where patterns are exact rules already, as they are with the list of programs: `execute` stays where a program of the list is, and is gone everywhere
 * else. Without a list they are what the profile says.
 */
export function effectiveFiles(policy: Pick<Policy, 'files' | 'programs'>): readonly FileRule[] {
  const { files, programs } = policy;
  if (programs === undefined) return files;
  const listed = (path: string): boolean => programs.some((program) => isBeneath(path, program.path));
  const rules = files.map((rule) => (listed(rule.path) ? rule : withoutExecute(rule)));
  const named = new Set(files.map((rule) => rule.path));
  const added = programs.flatMap(({ id, path, span }): FileRule[] => {
    const around = named.has(path) ? undefined : nearestRule(files, path);
    return around === undefined ? [] : [{ ...around, id, path, folder: false, span }];
  });
  return [...rules, ...added];
}

function withoutExecute(rule: FileRule): FileRule {
  const access = new Set<Access>([...rule.access].filter((word) => word !== 'execute'));
  return { ...rule, access };
}
