import { createRequire } from 'node:module';
import { join } from 'node:path';
import { flush } from '@oclif/core/flush';
import { packageFolder } from '../../bundle/index.js';
import { directVerb } from '../index.js';
import { errorJson, errorText, outcomeOf } from './errors.js';

/** The authoring CLI: runs one verb, prints its error if it has one, and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await runVerb(argv);
  } catch (error) {
    const { exit, view } = outcomeOf(error, argv);
    if (view !== undefined) {
      if (wantsJson(argv)) process.stdout.write(`${errorJson(view)}\n`);
      else process.stderr.write(`${errorText(view, process.stderr.isTTY === true || readsText(argv))}\n`);
      if (process.env.VXE_DEBUG === '1' && error instanceof Error)
        process.stderr.write(`${error.stack ?? ''}\n`);
    }
    process.exitCode = exit;
  }
  await flush(500);
}

async function runVerb(argv: readonly string[]): Promise<void> {
  const root = packageFolder();
  const verb = directVerb(argv);
  if (verb === undefined) {
    const { run } = await import('@oclif/core/run');
    await run([...argv], { root });
    return;
  }
  const { default: command } = await verb.load();
  const { oclif, ...rest } = createRequire(import.meta.url)(join(root, 'package.json'));
  const { commands: _all, ...settings } = oclif;
  command.id = verb.id;
  // Without the table of commands, oclif does not load the others.
  await command.run([...verb.rest], { root, pjson: { ...rest, oclif: settings } });
}

/** Who asks for a text to be read wants to be told of everything in it, in a file or pipe too. */
function readsText([topic, verb]: readonly string[]): boolean {
  return topic === 'profile' && ['check', 'convert', 'fmt'].includes(verb ?? '');
}

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}
