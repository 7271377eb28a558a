import { type ExitCode, VxeError } from '../common/index.js';

/** What went wrong with a thing that has a name, as the command line prints it: `vxe: THING: what is wrong; what to do`. */
export class Failure extends VxeError {
  readonly thing: string;

  constructor(
    code: string,
    thing: string,
    message: string,
    options: { hint?: string; exit?: ExitCode } = {},
  ) {
    super(code, message, options.hint, options.exit ?? 1);
    this.name = 'Failure';
    this.thing = thing;
  }
}

/** The `code` of a Node system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
