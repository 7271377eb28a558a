import type { Command } from '@oclif/core/command';
import type { Config } from '@oclif/core/config';

/** The class of a verb, as far as running it needs. */
export interface Verb {
  new (argv: string[], config: Config): Command;
  id: string;
  readonly run: typeof Command.run;
}

/**
 * Every verb of the authoring side and how to load it. Loading is most of what a short verb costs, so each loads by itself;
 * help, `commands` and `completion` load them all.
 */
export const LOADERS: Readonly<Record<string, () => Promise<{ readonly default: Verb }>>> = {
  attack: () => import('./attack.js'),
  'bundle:audit': () => import('./bundle/audit.js'),
  'bundle:create': () => import('./bundle/create.js'),
  'bundle:inspect': () => import('./bundle/inspect.js'),
  'bundle:list': () => import('./bundle/list.js'),
  'bundle:remove': () => import('./bundle/remove.js'),
  commands: () => import('./commands.js'),
  completion: () => import('./completion.js'),
  doctor: () => import('./doctor.js'),
  explain: () => import('./explain.js'),
  learn: () => import('./learn.js'),
  lisp: () => import('./lisp.js'),
  'profile:check': () => import('./profile/check.js'),
  'profile:compile': () => import('./profile/compile.js'),
  'profile:convert': () => import('./profile/convert.js'),
  'profile:diff': () => import('./profile/diff.js'),
  'profile:fmt': () => import('./profile/fmt.js'),
  'profile:list': () => import('./profile/list.js'),
  'profile:log': () => import('./profile/log.js'),
  'profile:rollback': () => import('./profile/rollback.js'),
  prove: () => import('./prove.js'),
  upgrade: () => import('./upgrade.js'),
  violations: () => import('./violations.js'),
  why: () => import('./why.js'),
};

/** A verb, how to load it, and what the command line has for it. */
export interface NamedVerb {
  readonly id: string;
  readonly load: () => Promise<{ readonly default: Verb }>;
  readonly rest: readonly string[];
}

/** The verb that a command line names and that can run by itself. */
export function directVerb(argv: readonly string[]): NamedVerb | undefined {
  const options = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined);
  if (options.some((word) => word === '--help' || word === '-h')) return undefined;
  const verb = verbOf(argv);
  return verb === undefined || NEEDS_ALL.has(verb.id) ? undefined : verb;
}

/** The verb of the authoring side that a command line names, with the arguments left for it. */
export function verbOf(argv: readonly string[]): NamedVerb | undefined {
  for (const words of [2, 1]) {
    const id = argv.slice(0, words).join(':');
    const load = Object.hasOwn(LOADERS, id) ? LOADERS[id] : undefined;
    if (argv.length >= words && load !== undefined) return { id, load, rest: argv.slice(words) };
  }
  return undefined;
}

const NEEDS_ALL: ReadonlySet<string> = new Set(['commands', 'completion']);
