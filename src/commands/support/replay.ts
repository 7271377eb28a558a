import { Failure, relowerBundle, storedProfile } from '../../bundle/index.js';
import { VxeError } from '../../common/index.js';
import { type Draft, minimize, type Recording, type Unjustified } from '../../learning/index.js';
import { exchangeFolders } from '../../native/index.js';
import { nativeProgram, type Refused, Replay, type ReplayOutcome } from '../../runtime/index.js';
import type { Progress } from './progress.js';
import { loweringTarget } from './target.js';

/** A trial whose exercise takes this much longer than under the whole profile does not pass. */
const PATIENCE_TIMES = 4;
const PATIENCE_LEAST = 10_000;

interface Request {
  readonly name: string;
  readonly bundle: string | undefined;
  readonly recordings: readonly Recording[];
  readonly draft: Draft;
  readonly accepted: ReadonlySet<string>;
  readonly text: (draft: Draft, unjustified?: Unjustified) => string;
  /** Without each rule in turn, too. */
  readonly minimize: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

interface Replayed {
  readonly outcome: ReplayOutcome;
  /** The profile, with its marks. */
  readonly text: string;
  readonly unjustified: Unjustified;
}

/** Runs the exercise of the last recording under the profile. */
export async function replayDraft(request: Request): Promise<Replayed> {
  const { name, bundle, recordings, draft, text, progress } = request;
  const exercise = recordings.findLast((recording) => recording.header.exercise !== undefined)?.header
    .exercise;
  if (bundle === undefined || exercise === undefined)
    throw new Failure(
      'nothing-to-replay',
      name,
      bundle === undefined ? 'is no bundle' : 'was recorded without an exercise',
      { hint: 'replay is for bundles that were recorded with: vxe trace NAME -- EXERCISE' },
    );
  if (!storedProfile(bundle).endsWith('.yaml'))
    throw new Failure('nothing-to-replay', name, 'has a profile in another form than YAML', {
      hint: 'make the bundle again with the profile as YAML: vxe profile convert',
    });
  const replay = new Replay({
    vxe: nativeProgram('vxe'),
    name,
    bundle,
    relower: (copy, profile) => relowerBundle(copy, profile, loweringTarget()).write(exchangeFolders),
    exercise,
    ports: listening(draft),
    signal: request.signal,
  });
  try {
    progress.step('replaying the exercise under the profile');
    const outcome = await replay.run(text(draft));
    const unjustified =
      request.minimize && passed(outcome)
        ? await minimize(draft, request.accepted, (without, what) => {
            progress.step(`replaying without ${what}`);
            return passesWithout(replay, text(without), outcome);
          })
        : new Map<string, true>();
    progress.end();
    return { outcome, text: text(draft, unjustified), unjustified };
  } finally {
    replay.close();
  }
}

/** The TCP ports that show when the program serves. */
function listening(draft: Draft): readonly number[] {
  return draft.sockets.flatMap(({ object, words }) => {
    const port = /^tcp\/([0-9]+)$/.exec(object)?.[1];
    return port !== undefined && words.includes('accept') ? [Number(port)] : [];
  });
}

/** A profile that cannot even be lowered without the rule needs it: its program would not run, say. */
async function passesWithout(replay: Replay, profile: string, whole: ReplayOutcome): Promise<boolean> {
  const before = new Set(whole.refused.map(({ object }) => object));
  const missed = (refused: readonly Refused[]): boolean =>
    refused.some(({ object }) => object === undefined || !before.has(object));
  try {
    const outcome = await replay.run(profile, missed, PATIENCE_LEAST + PATIENCE_TIMES * whole.took);
    return passed(outcome) && !missed(outcome.refused);
  } catch (error) {
    if (error instanceof VxeError) return false;
    throw error;
  }
}

/**
 * What was refused of files and addresses, and the program went on without: some cannot be permitted, such as a process's own files in /proc,
 * whose names are others in each run.
 */
function objects(refused: readonly Refused[]): readonly Refused[] {
  return refused.filter(({ object }) => object !== undefined);
}

export function passed({ started, exercise, refused }: ReplayOutcome): boolean {
  return started && exercise === 0 && refused.length === objects(refused).length;
}

export function replayText(outcome: ReplayOutcome): string {
  if (!outcome.started) return `replayed: it does not start: ${outcome.complaint}`;
  const list = outcome.refused
    .map(({ rule, object, count, example }) => `${rule} (${count} times, ${object ?? example})`)
    .join('; ');
  if (!passed(outcome))
    return `replayed: the exercise ended with ${outcome.exercise ?? 'nothing'}${list === '' ? '' : `; refused: ${list}`}`;
  return list === ''
    ? 'replayed: the exercise passes under the profile, and nothing is refused'
    : `replayed: the exercise passes under the profile, although files were refused: ${list}`;
}
