import { Fields, MalformedLine } from '../recording/fields.js';
import { asProfilesHaveIt } from '../recording/read.js';

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
  readonly result: number;
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

/** What a log of hooks holds, and how many lines of it are none. */
export interface ToldLog {
  readonly records: readonly (Told | Untold)[];
  readonly unreadable: number;
}

/** Reads one line; undefined where it is not whole. */
export function readTold(line: string): Told | Untold | undefined {
  try {
    const fields = new Fields(JSON.parse(line));
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
      result: fields.integer('result'),
      errno: fields.textOrNone('errno'),
      count,
    };
  } catch (error) {
    if (error instanceof MalformedLine || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function readToldLog(text: string): ToldLog {
  const lines = text.split('\n').filter((line) => line !== '');
  const records = lines.map(readTold).filter((each) => each !== undefined);
  return { records, unreadable: lines.length - records.length };
}
