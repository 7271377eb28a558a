import { flush } from '@oclif/core/flush';
import { run } from '@oclif/core/run';
import { packageFolder } from '../../bundle/index.js';
import { errorLine, outcomeOf } from './errors.js';

/** The authoring CLI: runs one verb, prints its error if it has one, and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await run([...argv], { root: packageFolder() });
  } catch (error) {
    const { exit, view } = outcomeOf(error);
    if (view !== undefined) {
      if (wantsJson(argv)) process.stdout.write(`${JSON.stringify({ error: view })}\n`);
      else process.stderr.write(`${errorLine(view)}\n`);
      if (process.env.VXE_DEBUG === '1' && error instanceof Error)
        process.stderr.write(`${error.stack ?? ''}\n`);
    }
    process.exitCode = exit;
  }
  await flush(500);
}

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}
