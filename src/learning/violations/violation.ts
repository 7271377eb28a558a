import type { Fields } from '../recording/fields.js';
import { asProfilesHaveIt } from '../recording/read.js';
import { type Log, lineReader, readLog } from './whole.js';

/** One line of a violation log: a call that the profile refuses, and what became of it. */
export interface Violation {
  readonly time: string;
  /** Where the line stands for several calls, the first one's time. */
  readonly first: string | undefined;
  readonly profile: string;
  readonly instance: string;
  readonly comm: string;
  readonly exe: string;
  readonly arch: string;
  readonly call: string;
  readonly args: readonly bigint[];
  readonly detail: string | undefined;
  readonly path: string | undefined;
  /** Access words that the call asks for on the path; empty where it is refused as a call. */
  readonly needs: readonly string[];
  /** The address, as `vxe explain` takes it. */
  readonly to: string | undefined;
  readonly rule: string;
  readonly at: string | undefined;
  /** The words of the rule grant it, and Landlock does not. */
  readonly narrowed: boolean;
  /** The path is the folder's that the name is in, which the kernel does not tell. */
  readonly folder: boolean;
  readonly verdict: 'performed' | 'refused';
  readonly errno: string | undefined;
  readonly mechanism: string;
  readonly count: number;
}

function violationOf(fields: Fields): Violation {
  const [arch, call] = [fields.text('arch'), fields.text('call')];
  return {
    time: fields.text('time'),
    first: fields.textOrNone('first'),
    profile: fields.text('vxe'),
    instance: fields.text('instance'),
    comm: fields.text('comm'),
    exe: fields.text('exe'),
    arch,
    call,
    args: asProfilesHaveIt(
      arch,
      call,
      fields.texts('args').map((value) => BigInt(value)),
    ),
    detail: fields.textOrNone('detail'),
    path: fields.textOrNone('path'),
    needs: (fields.textOrNone('needs') ?? '').split(' ').filter((word) => word !== ''),
    to: fields.textOrNone('to'),
    rule: fields.text('rule'),
    at: fields.textOrNone('at'),
    narrowed: fields.has('narrowed') && fields.boolean('narrowed'),
    folder: fields.has('folder') && fields.boolean('folder'),
    verdict: fields.word('verdict', ['performed', 'refused']),
    errno: fields.textOrNone('errno'),
    mechanism: fields.text('mechanism'),
    count: fields.count('count'),
  };
}

/** Reads one line; undefined where it is not whole. */
export const readViolation: (line: string) => Violation | undefined = lineReader(violationOf);

export function readViolations(text: string): Log<Violation> {
  return readLog(text, readViolation);
}
