import { Fields, MalformedLine } from '../recording/fields.js';

/** What a log holds, and how many lines of it are none (a full disk cuts lines). */
export interface Log<T> {
  readonly records: readonly T[];
  readonly unreadable: number;
}

/** A reader of one line of a log; it gives undefined where the line is not whole. */
export function lineReader<T>(read: (fields: Fields) => T): (line: string) => T | undefined {
  return (line) => {
    try {
      return read(new Fields(JSON.parse(line)));
    } catch (error) {
      if (error instanceof MalformedLine || error instanceof SyntaxError) return undefined;
      throw error;
    }
  };
}

export function readLog<T>(text: string, readLine: (line: string) => T | undefined): Log<T> {
  const lines = text.split('\n').filter((line) => line !== '');
  const records = lines.map(readLine).filter((each) => each !== undefined);
  return { records, unreadable: lines.length - records.length };
}
