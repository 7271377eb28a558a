/** Tells about the steps of one piece of work: as they begin and in place on a terminal, as they end and line by line in a pipe. */
export interface Progress {
  step(text: string): void;
  /** The last step ended well. */
  done(): void;
  /** Leaves the line that is in place, so that an error starts on one of its own. */
  end(): void;
}

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function progressOn(output: Output, thing: string): Progress {
  if (output.isTTY !== true || process.env.TERM === 'dumb') {
    // A step that fails is told by its error alone.
    let running: string | undefined;
    const done = (): void => {
      if (running !== undefined) output.write(`${thing}: ${running}\n`);
      running = undefined;
    };
    return {
      step(text) {
        done();
        running = text;
      },
      done,
      end: () => {},
    };
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
      output.write(`\r\x1b[K${line.slice(0, Math.max(16, (output.columns || 80) - 4))} ...`);
    },
    done: settle,
    end: settle,
  };
}
