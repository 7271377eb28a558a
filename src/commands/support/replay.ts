import { Failure, relowerBundle, storedProfile } from '../../bundle/index.js';
import { plainLine, VxeError } from '../../common/index.js';
import { type Draft, minimize, observe, type Recording, type Unjustified } from '../../learning/index.js';
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
  /** The process of the bundle's running instance, if there is one. */
  readonly runningPid: () => number | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** With what was refused although the same had worked when it was recorded: the profile lacks a rule, whether the program goes on or not. */
export interface Judged extends ReplayOutcome {
  readonly lost: readonly string[];
}

interface Replayed {
  readonly outcome: Judged;
  /** The profile, with its marks. */
  readonly text: string;
  readonly unjustified: Unjustified;
  /** Without these the exercise did not come to an end, and was called off: they count as needed. */
  readonly hung: readonly string[];
}

/** Runs the exercise of the last recording under the profile. */
export async function replayDraft(request: Request): Promise<Replayed> {
  const { name, bundle, recordings, draft, text, progress } = request;
  const exercised = recordings.findLast((recording) => recording.header.exercise !== undefined);
  const exercise = exercised?.header.exercise;
  if (bundle === undefined || exercised === undefined || exercise === undefined)
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
  const pid = request.runningPid();
  if (pid !== undefined)
    throw new Failure(
      'bundle-running',
      name,
      `is running (pid ${pid}), and its exercise cannot be replayed beside it`,
      {
        hint: `stop it with 'vxe stop ${name}', or learn with --no-replay`,
      },
    );
  const replay = new Replay({
    vxe: nativeProgram('vxe'),
    name,
    bundle,
    relower: (copy, profile) => relowerBundle(copy, profile, loweringTarget()).write(exchangeFolders),
    exercise,
    ports: listening(draft, exercised),
    signal: request.signal,
  });
  try {
    progress.step('replaying the exercise under the profile');
    const outcome = withLost(await replay.run(text(draft)), recordings);
    const hung: string[] = [];
    const unjustified =
      request.minimize && passed(outcome)
        ? await minimize(draft, request.accepted, (without, what) => {
            progress.step(`replaying without ${what}`);
            return passesWithout(replay, text(without), outcome, () => hung.push(what));
          })
        : new Map<string, true>();
    progress.end();
    return { outcome, text: text(draft, unjustified), unjustified, hung };
  } finally {
    replay.close();
  }
}

/** The TCP ports that show when the program serves: those that it had before its first client. What it opens for a client comes with one. */
function listening(draft: Draft, { calls }: Recording): readonly number[] {
  const first =
    calls.find(({ call, errno }) => /^accept4?$/.test(call) && errno === undefined)?.seq ?? Infinity;
  const early = new Set(
    calls.flatMap(({ call, seq, address }) => (call === 'bind' && seq < first ? (address?.port ?? []) : [])),
  );
  const ports = draft.sockets.flatMap(({ object, words }) => {
    const port = /^tcp\/([0-9]+)$/.exec(object)?.[1];
    return port !== undefined && words.includes('accept') ? [Number(port)] : [];
  });
  // Sockets that it was given it has not bound.
  return ports.some((port) => early.has(port)) ? ports.filter((port) => early.has(port)) : ports;
}

/** What was refused of which object: another word of access on the same one is another refusal. */
function wordsOf({ object, needs }: Refused): string {
  return `${object ?? ''} ${needs}`;
}

/** A profile that cannot even be lowered without the rule needs it: its program would not run, say. */
async function passesWithout(
  replay: Replay,
  profile: string,
  whole: ReplayOutcome,
  onHung: () => void,
): Promise<boolean> {
  const before = new Set(whole.refused.map(wordsOf));
  const missed = (refused: readonly Refused[]): boolean =>
    refused.some((each) => each.object === undefined || !before.has(wordsOf(each)));
  try {
    const outcome = await replay.run(profile, missed, PATIENCE_LEAST + PATIENCE_TIMES * whole.took);
    if (outcome.hung) onHung();
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

export function passed({
  started,
  exercise,
  refused,
  lost,
}: ReplayOutcome & { readonly lost?: readonly string[] }): boolean {
  return started && exercise === 0 && refused.length === objects(refused).length && (lost ?? []).length === 0;
}

function withLost(outcome: ReplayOutcome, recordings: readonly Recording[]): Judged {
  const { files } = observe(recordings);
  const worked = new Map(files.map(({ path, access }) => [path, access]));
  const lost = outcome.refused
    .filter(({ object, needs }) => {
      const access = worked.get(object ?? '');
      const words = needs.split(' ').filter((word) => word !== '');
      return (
        access !== undefined &&
        words.length > 0 &&
        words.every((word) => [...access].some((each) => each === word))
      );
    })
    .map(({ object, needs }) => `${object ?? ''}: ${needs}`);
  return { ...outcome, lost };
}

export function replayText(outcome: Judged): string {
  if (!outcome.started) return `replayed: it does not start: ${outcome.complaint}`;
  const list = outcome.refused
    .map(({ rule, object, count, example }) => `${rule} (${count} times, ${object ?? example})`)
    .join('; ');
  const ended =
    outcome.exercise === undefined
      ? 'the exercise never began, since the program ended or did not serve its ports'
      : `the exercise ended with ${outcome.exercise}`;
  if (!passed(outcome))
    return outcome.lost.length > 0
      ? `replayed: what worked when it was recorded is refused: ${outcome.lost.join('; ')}`
      : `replayed: ${ended}${outcome.complaint === '' ? '' : ` (${plainLine(outcome.complaint)})`}${list === '' ? '' : `; refused: ${list}`}`;
  return list === ''
    ? 'replayed: the exercise passes under the profile, and nothing is refused'
    : `replayed: the exercise passes under the profile, although files were refused: ${list}`;
}
