/** Tells about the steps of one piece of work: in place on a terminal, line by line in a pipe. */
export interface Progress {
  step(text: string): void;
  /** Clears what is in place, so that a result or an error starts on a line of its own. */
  end(): void;
}

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function progressOn(output: Output, thing: string): Progress {
  if (output.isTTY !== true || process.env.TERM === 'dumb') {
    return { step: (text) => output.write(`${thing}: ${text}\n`), end: () => {} };
  }
  const started = performance.now();
  let last: string | undefined;
  const settle = (): void => {
    if (last !== undefined) output.write(`\r\x1b[K${last}\n`);
    last = undefined;
  };
  return {
    step(text) {
      settle();
      const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5);
      const line = `[${seconds} s] ${text}`;
      last = line;
      output.write(`\r\x1b[K${line.slice(0, (output.columns ?? 80) - 4)} ...`);
    },
    end: settle,
  };
}
