import { errnoOf, Failure, messageOf } from '../../bundle/index.js';
import { nearestName, plainLine, plainText, VxeError } from '../../common/index.js';
import { LOADERS, verbOf } from '../index.js';
import { LAUNCH_VERBS } from './verbs.js';

/** An error in the form that is printed, in text or as JSON. */
export interface ErrorView {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** What is shown instead of the one sentence on a terminal, and by verbs that read a text: every diagnostic, with the line that it is about. */
export interface DetailedView extends ErrorView {
  readonly details?: string;
}

export interface Outcome {
  readonly exit: number;
  /** Undefined where nothing is to be said, as after --help. */
  readonly view: DetailedView | undefined;
}

/** Turns whatever the command line's verb has thrown into an exit code and one sentence. */
export function outcomeOf(error: unknown, argv: readonly string[] = []): Outcome {
  if (error instanceof VxeError) {
    const message = error instanceof Failure ? `${error.thing}: ${error.message}` : error.message;
    if (message.includes('\n')) return { exit: error.exit, view: diagnosticsView(error.code, message) };
    return {
      exit: error.exit,
      view: { code: error.code, message, ...(error.hint === undefined ? {} : { hint: error.hint }) },
    };
  }
  if (error instanceof Interrupted)
    return {
      exit: error.exit,
      view: { code: 'interrupted', message: 'interrupted; nothing was left behind' },
    };
  const oclif = oclifExit(error);
  if (oclif !== undefined) {
    if (isExit(error)) return { exit: oclif, view: undefined };
    return {
      exit: 2,
      view: { code: 'usage', message: usageSentence(error), hint: usageHint(error, argv) },
    };
  }
  const refused = permissionSentence(error);
  if (refused !== undefined)
    return {
      exit: 1,
      view: { code: 'not-permitted', message: refused, hint: 'ask as its owner, or as root' },
    };
  return {
    exit: 1,
    view: {
      code: 'internal',
      message: `an internal error: ${messageOf(error)}`,
      hint: 'set VXE_DEBUG=1 to see where, and report it',
    },
  };
}

/** One sentence; or whole, the diagnostics with their excerpts, where there are any. */
export function errorText(view: DetailedView, whole: boolean): string {
  if (whole && view.details !== undefined) return plainText(`vxe: ${view.details}`);
  return plainLine(`vxe: ${view.message}${view.hint === undefined ? '' : `; ${view.hint}`}`);
}

export function errorJson({ code, message, hint }: ErrorView): string {
  return JSON.stringify({ error: { code, message, ...(hint === undefined ? {} : { hint }) } });
}

/** The first of several diagnostics as a sentence; lines that are indented are excerpts and hints. */
function diagnosticsView(code: string, details: string): DetailedView {
  const lines = details.split('\n');
  const sentences = lines.filter((line) => !line.startsWith(' '));
  const second = lines.findIndex((line, index) => index > 0 && !line.startsWith(' '));
  const hint = lines
    .slice(0, second < 0 ? undefined : second)
    .find((line) => line.startsWith('  = '))
    ?.slice(4);
  const more = sentences.length > 1 ? ` (and ${sentences.length - 1} more)` : '';
  return {
    code,
    message: `${sentences[0] ?? details}${more}`,
    details,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Thrown out of a command that a signal ended; the exit code is the shell's for that signal. */
export class Interrupted extends Error {
  readonly exit: number;

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(signal);
    this.exit = 128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[signal];
  }
}

/** Errors of oclif's own carry an exit code; all of them are misuse, except the ones that only end the process. */
function oclifExit(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('oclif' in error)) return undefined;
  const { oclif } = error;
  return typeof oclif === 'object' && oclif !== null && 'exit' in oclif && typeof oclif.exit === 'number'
    ? oclif.exit
    : 2;
}

/** The kernel's refusal of a file, in words. */
function permissionSentence(error: unknown): string | undefined {
  const errno = errnoOf(error);
  if ((errno !== 'EACCES' && errno !== 'EPERM') || !(error instanceof Error)) return undefined;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : undefined;
  return path === undefined ? undefined : `${path}: may not be used by you (${errno})`;
}

function isExit(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIT';
}

/** The verb that oclif did not find, as it is typed. */
function unknownVerb(error: unknown): string | undefined {
  return /^command (\S+) not found/.exec(messageOf(error))?.[1]?.replaceAll(':', ' ');
}

/** Where to read how the verb is used; of one that there is not, which was meant. */
function usageHint(error: unknown, argv: readonly string[]): string {
  const unknown = unknownVerb(error);
  if (unknown === undefined)
    return `see 'vxe ${[verbOf(argv)?.id.replaceAll(':', ' ') ?? [], '--help'].flat().join(' ')}'`;
  const verbs = [
    ...Object.keys(LOADERS).map((id) => id.replaceAll(':', ' ')),
    ...LAUNCH_VERBS.map(({ id }) => id),
  ];
  const near = nearestName(unknown, verbs);
  return near === undefined ? "see 'vxe --help'" : `did you mean 'vxe ${near}'?`;
}

/** What oclif says of a command line in several lines, as one sentence. */
function usageSentence(error: unknown): string {
  const text = messageOf(error);
  const unknown = unknownVerb(error);
  if (unknown !== undefined) return `${unknown}: there is no such verb`;
  if (error instanceof Error && 'args' in error && Array.isArray(error.args) && /required arg/.test(text)) {
    return `${error.args.map((arg: { name: string }) => arg.name.toUpperCase()).join(' and ')} is missing`;
  }
  const missing = [...text.matchAll(/^Missing required flag (\S+)$/gm)].map(([, name]) => `--${name}`);
  if (missing.length > 0) return `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing`;
  const flag = /^Nonexistent flags?: (.+)/.exec(text)?.[1];
  if (flag !== undefined) return `${flag}: there is no such option`;
  const first =
    text.split('\n').find((line) => line.trim() !== '' && !/^The following errors?/.test(line)) ?? text;
  return (first.trim().charAt(0).toLowerCase() + first.trim().slice(1)).replace(/\.$/, '');
}
