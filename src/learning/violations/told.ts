import type { Fields } from '../recording/fields.js';
import { asProfilesHaveIt } from '../recording/read.js';
import { type Log, lineReader, readLog } from './whole.js';

/** One line of what hooks told: a call that was performed, with what it came to. */
export interface Told {
  readonly verdict: 'told';
  readonly time: string;
  /** Where the line stands for several calls, the first one's time. */
  readonly first: string | undefined;
  readonly profile: string;
  readonly instance: string;
  readonly comm: string;
  readonly exe: string | undefined;
  readonly arch: string;
  readonly call: string;
  readonly args: readonly bigint[];
  readonly detail: string | undefined;
  /** The hook's. */
  readonly rule: string;
  readonly at: string | undefined;
  /** What the call returned; below zero an error's number. */
  readonly result: bigint;
  /** The error's name. */
  readonly errno: string | undefined;
  readonly count: number;
}

/** Calls that were not told, since the kernel had no room for them. */
export interface Untold {
  readonly verdict: 'lost';
  readonly time: string;
  readonly count: number;
}

function toldOf(fields: Fields): Told | Untold {
  const verdict = fields.word('verdict', ['told', 'lost']);
  const [time, count] = [fields.text('time'), fields.count('count')];
  if (verdict === 'lost') return { verdict, time, count };
  const [arch, call] = [fields.text('arch'), fields.text('call')];
  const args = fields.texts('args').map((value) => BigInt(value));
  return {
    verdict,
    time,
    first: fields.textOrNone('first'),
    profile: fields.text('vxe'),
    instance: fields.text('instance'),
    comm: fields.text('comm'),
    exe: fields.textOrNone('exe'),
    arch,
    call,
    args: asProfilesHaveIt(arch, call, args),
    detail: fields.textOrNone('detail'),
    rule: fields.text('rule'),
    at: fields.textOrNone('at'),
    result: fields.wideInteger('result'),
    errno: fields.textOrNone('errno'),
    count,
  };
}

/** Reads one line; undefined where it is not whole. */
export const readTold: (line: string) => Told | Untold | undefined = lineReader(toldOf);

export function readToldLog(text: string): Log<Told | Untold> {
  return readLog(text, readTold);
}
