import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import { observe } from './facts/observe.js';
import type { Recording } from './recording/index.js';
import { LEARN_ALL_THE_SAME, missingIn } from './recording/index.js';
import { callDrafts } from './rules/calls.js';
import { capabilityDrafts } from './rules/capabilities.js';
import type { Draft, LeftOut } from './rules/draft.js';
import type { Interpreter } from './rules/files.js';
import { fileRules } from './rules/files.js';
import { namespacesMade } from './rules/namespaces.js';
import { services, socketRules } from './rules/network.js';
import { isShell } from './rules/sensitive.js';

export interface LearnOptions {
  readonly name: string;
  readonly interpreter: Interpreter;
  /** Learn although calls are missing; the profile says so for ever after. */
  readonly lossy: boolean;
}

/** Recordings to a profile in the making: every rule with what speaks for it. */
export function learn(recordings: readonly Recording[], options: LearnOptions): Result<Draft> {
  if (recordings.length === 0)
    return failure({
      code: 'missing-file',
      message: `there is no recording of ${options.name}`,
      hint: `make one: vxe trace ${options.name} -- EXERCISE`,
    });
  const losing = recordings.flatMap((recording) => missingIn(recording) ?? []);
  const [first] = losing;
  if (first !== undefined && !options.lossy)
    return failure({
      code: 'bad-value',
      message: first,
      hint: LEARN_ALL_THE_SAME,
    });
  const seen = observe(recordings);
  const files = fileRules(seen, options.interpreter);
  const sockets = socketRules(seen);
  const { execs } = seen;
  const shells = execs.filter((exec) => isShell(exec.path)).map((exec) => exec.path);
  const [firstExec] = execs;
  return success({
    name: options.name,
    program: seen.program,
    startedAs: seen.startedAs,
    runs: seen.runs,
    lossy: losing.length > 0,
    files: files.drafts,
    calls: callDrafts(seen),
    namespaces: namespacesMade(seen),
    sockets: sockets.drafts,
    capabilities: capabilityDrafts(seen),
    exec: execs.length === 0 ? 'once' : 'any',
    execMark:
      firstExec === undefined
        ? undefined
        : {
            id: 'exec:any',
            evidence: firstExec.evidence,
            inferred: undefined,
            mark: {
              reason:
                shells.length > 0
                  ? `executes ${shells.join(', ')}, which does whatever it is told`
                  : `executes other programs: ${execs.map((exec) => exec.path).join(', ')}`,
            },
          },
    services: services(seen),
    leftOut: [...files.leftOut, ...sockets.leftOut, ...foreign(seen)],
  });
}

function foreign(seen: ReturnType<typeof observe>): readonly LeftOut[] {
  return seen.foreign.map(({ path, evidence }) => ({ what: path, why: 'no profile permits it', evidence }));
}
