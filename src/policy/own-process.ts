import type { Access, FileRule, PatternRule } from './model.js';
import { isBeneath } from './paths.js';

/** The folder of the process that asks, in its own /proc. */
export const OWN_FOLDER = '/proc/self';

/** The calls that open files, and that are looked at where a rule is for files of the calling process. */
export const OPENING_CALLS: readonly string[] = ['open', 'openat', 'openat2'];

/**
 * Whether a path is one of the calling process's own files. A rule for such a path is for it alone and for nothing below: what `fd` lists are
 * other objects, and `task` is a folder of files that are not alike.
 */
export function isOwnFile(path: string): boolean {
  return path !== OWN_FOLDER && isBeneath(path, OWN_FOLDER);
}

/** Of the process, and of each of its threads. */
const TOLD = [
  ...['stat', 'statm', 'status', 'comm', 'cmdline', 'environ', 'auxv', 'personality', 'limits'],
  ...['maps', 'smaps', 'smaps_rollup', 'numa_maps', 'io', 'sched', 'schedstat', 'wchan'],
  ...['oom_adj', 'oom_score', 'oom_score_adj', 'loginuid', 'sessionid', 'cgroup', 'cpuset'],
  ...['mounts', 'mountinfo', 'mountstats', 'fd', 'fdinfo'],
];

const SET: readonly string[] = ['comm', 'task/*/comm', 'oom_score_adj', 'coredump_filter', 'timerslack_ns'];

/**
 * The files of a process that it may be given. They tell a process of itself, or set what is its own affair, and the kernel asks the one
 * who reads or writes and not the one who opened. Others are not in it by intention: `mem` writes into memory that cannot be
 * written, `pagemap` and `stack` tell of the kernel, `uid_map` and `attr` change what a process is.
 */
const GIVEN: ReadonlySet<string> = new Set([
  ...TOLD.flatMap((name) => [name, `task/*/${name}`]),
  ...['task', 'task/*/children', 'fdinfo/*', 'coredump_filter', 'timerslack_ns'],
]);

/** What may be granted of one of the process's own files, by its path or its pattern. */
export function ownAccess(path: string): readonly Access[] {
  const name = ownPattern(path).slice(OWN_FOLDER.length + 1);
  if (!isOwnFile(path) || !GIVEN.has(name)) return [];
  return SET.includes(name) ? ['read', 'write'] : ['read'];
}

/** The path as rules have it: numbers of threads and descriptors are others in the next run. */
export function ownPattern(path: string): string {
  return path.replace(/^(\/proc\/self\/(?:task|fdinfo))\/[0-9]+(?=\/|$)/, '$1/*');
}

/** The path, pattern or folder of a rule that is for the calling process; undefined for all other rules. */
export function ownRulePath(rule: FileRule | PatternRule): string | undefined {
  const path = !('kind' in rule) ? rule.path : rule.kind === 'glob' ? rule.glob.text : rule.folder;
  return isBeneath(path, OWN_FOLDER) || isBeneath(path, '/proc/thread-self') ? path : undefined;
}
