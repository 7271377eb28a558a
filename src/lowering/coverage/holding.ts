import type { CallEvent, Decision } from '../../policy/index.js';
import type { CoverageRow } from '../plan.js';

/** What holds the rule that decided about a call: the rule's row, but for a socket's file, which Landlock holds otherwise than files. */
export function holdingRow(
  coverage: readonly CoverageRow[],
  event: CallEvent,
  decision: Decision,
): CoverageRow | undefined {
  const toSocket = event.arguments.some(
    (argument) => argument.kind === 'address' && argument.value.family === 'unix',
  );
  const rule = toSocket && decision.rule.startsWith('files:') ? 'files:unix-sockets' : decision.rule;
  return coverage.find((row) => row.rule === rule);
}
