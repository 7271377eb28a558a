import { createInterface } from 'node:readline/promises';
import { Failure } from '../../bundle/index.js';
import { wrapped } from './output.js';

/** One who is asked line by line, on a terminal or through a pipe. */
export interface Asking {
  /** Shows lines, as broad as the terminal is. */
  tell(lines: readonly string[]): void;
  /** The line that is answered, in small letters, without spaces around; an error where the input has ended. */
  ask(question: string): Promise<string>;
}

/** Asks on standard error; what the signal interrupts, and an input that ends before the last answer, is no answer. */
export async function asking<T>(signal: AbortSignal, work: (asking: Asking) => Promise<T>): Promise<T> {
  const { stdin, stderr } = process;
  const terminal = stdin.isTTY === true && stderr.isTTY === true;
  const reader = createInterface({ input: stdin, output: stderr, terminal });
  // A terminal that is read letter by letter sends no signal.
  reader.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const lines = reader[Symbol.asyncIterator]();
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  // Where nobody waits for it any more, it is no error.
  interrupted.catch(() => {});
  try {
    return await work({
      tell: (told) => {
        const width = terminal ? stderr.columns : undefined;
        stderr.write(`${told.flatMap((line) => wrapped(line, width)).join('\n')}\n`);
      },
      ask: async (question) => {
        reader.setPrompt(question);
        reader.prompt();
        const line = await Promise.race([lines.next(), interrupted]).catch((error: unknown) => {
          // The error starts on a line of its own.
          stderr.write('\n');
          throw error;
        });
        if (line.done !== true) return line.value.trim().toLowerCase();
        stderr.write('\n');
        throw new Failure(
          'no-answer',
          'standard input',
          'ended before the last answer; nothing was changed',
          {
            hint: 'answer every question, or name what is to be taken with --narrow and --wide',
          },
        );
      },
    });
  } finally {
    reader.close();
  }
}
