import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import {
  checkName,
  Failure,
  hasProfile,
  importsOf,
  interpreterOf,
  readProfile,
  storedProfile,
  storedProfiles,
} from '../bundle/index.js';
import { unwrap } from '../common/index.js';
import { editProfile, parseProfile } from '../language/index.js';
import {
  type Draft,
  draftYaml,
  featuresOf,
  type LeftOut,
  learn,
  missingIn,
  type Novelty,
  novelty,
  pending,
  type Recording,
  type Unexercised,
  type Unjustified,
  unexercised,
} from '../learning/index.js';
import type { HookRule } from '../policy/index.js';
import { runningInstance } from '../runtime/index.js';
import { VxeCommand } from './support/base.js';
import { type Applied, adoptProfile, appliedText } from './support/change.js';
import { controlledIfThere } from './support/control.js';
import { loadRecording, recordingsOf } from './support/recordings.js';
import { type Judged, passed, replayDraft, replayText } from './support/replay.js';

interface LearnReport {
  readonly name: string;
  readonly profile: string;
  readonly recordings: readonly string[];
  readonly lossy: boolean;
  /** What the recordings lack, in words. */
  readonly missing: readonly string[];
  readonly pending: readonly { readonly id: string; readonly reason: string }[];
  readonly leftOut: readonly { readonly what: string; readonly why: string }[];
  readonly novelty: Novelty;
  /** What no recording shows of what the program can do; null: what it can do is not known. */
  readonly unexercised: readonly Unexercised[] | null;
  readonly replay: Judged | null;
  /** What the exercise passes without: rules, or, of one that it needs, parts. */
  readonly unjustified: readonly { readonly id: string; readonly parts: readonly string[] }[];
  /** Without these the exercise did not come to an end: they count as needed. */
  readonly hung: readonly string[];
  /** What came of taking it into the bundle; null: it was not. */
  readonly applied: Applied | null;
}

export default class Learn extends VxeCommand {
  static override summary = 'Make a profile of what was recorded';
  static override description =
    'Turns recordings of vxe trace into a profile with as few and as narrow rules as they carry. What speaks for each rule is kept in the profile, under ' +
    '`learned`. A rule that opens an ordinary method (executing a shell, writing what is executed, connecting to others, strong capabilities) is left out until ' +
    'it is accepted by its id. A bundle without a profile takes it; one that has a profile takes it with --apply, and the version before is kept. Before that, or where --replay asks for it, ' +
    'a copy of the bundle is started with the profile and put to the exercise of the last recording: it is learned when that passes and nothing is refused.';
  static override examples = [
    '<%= config.bin %> learn popd --replay --output popd.vxed.yaml',
    '<%= config.bin %> learn job recording.ndjson --accept exec:any',
  ];
  static override strict = false;
  static override args = {
    name: Args.string({ required: true, description: 'the bundle or program that was recorded' }),
    recording: Args.string({ description: 'recordings; by default all of this name' }),
  };
  static override flags = {
    output: Flags.string({
      char: 'o',
      helpValue: 'FILE',
      summary: 'write the profile there, instead of standard output',
    }),
    accept: Flags.string({
      multiple: true,
      default: [],
      helpValue: 'RULE',
      summary: 'say yes to a marked rule',
    }),
    apply: Flags.boolean({ summary: 'take it into the bundle, in place of the profile that it has' }),
    lossy: Flags.boolean({
      summary: 'learn although calls are missing, or the recorder was killed; the profile says so',
    }),
    replay: Flags.boolean({
      allowNo: true,
      summary:
        'run the exercise under the profile before it counts as learned; so it is unless told otherwise where a bundle takes the profile',
    }),
    minimize: Flags.boolean({
      summary: 'also without each rule in turn, and mark those that nothing misses',
    }),
  };

  async run(): Promise<LearnReport> {
    const { argv, args, flags } = await this.parse(Learn);
    return this.interruptible(async (signal) => {
      const files = argv.slice(1).map(String);
      const bundle = this.#bundle(args.name);
      const recordings = await this.#recordings(args.name, files, flags.lossy);
      const root = bundle === undefined ? '/' : join(bundle, 'rootfs');
      if (flags.apply && bundle === undefined)
        throw new Failure(
          'bundle-missing',
          args.name,
          'there is no bundle of this name to take the profile',
          {
            hint: 'write it to a file with --output',
            exit: 2,
          },
        );
      const taken = bundle !== undefined && (flags.apply || !hasProfile(bundle));
      if (taken) {
        // Nothing is put in the place of a stack: said before there is work.
        storedProfile(bundle);
        refuseUnproven(args.name, recordings);
      }
      const draft = unwrap(
        learn(recordings, {
          name: args.name,
          lossy: flags.lossy,
          interpreter: (path) => interpreterOf(root, path),
        }),
      );
      const accepted = new Set(flags.accept);
      refuseUnknown(draft, accepted);
      const chance = novelty(recordings.map(featuresOf));
      const hooks = bundle === undefined ? [] : hooksOf(bundle);
      const yaml = (from: Draft, unjustified?: Unjustified): string =>
        withHooks(draftYaml(from, accepted, chance, unjustified), hooks);
      const text = yaml(draft);
      // What is written is read as it will be.
      unwrap(parseProfile({ name: 'profile', text }), [{ name: 'profile', text }]);
      const imports = draft.program === undefined ? undefined : importsOf(root, draft.program);
      const tried =
        flags.minimize || (flags.replay ?? (taken && recordings.some(wasExercised)))
          ? await replayDraft({
              name: args.name,
              bundle,
              recordings,
              draft,
              accepted,
              text: yaml,
              minimize: flags.minimize,
              runningPid: () => runningInstance(this.places().state, args.name)?.pid,
              progress: this.progress(args.name),
              signal,
            })
          : undefined;
      const report = {
        name: args.name,
        profile: tried?.text ?? text,
        recordings: recordings.map((recording) => recording.name),
        lossy: draft.lossy,
        missing: recordings.flatMap((recording) => missingIn(recording) ?? []),
        pending: pending(draft, accepted),
        leftOut: draft.leftOut.map(({ what, why }) => ({ what, why })),
        novelty: chance,
        unexercised: imports === undefined ? null : unexercised(recordings, imports, draft),
        replay: tried?.outcome ?? null,
        unjustified: unjustifiedOf(tried?.unjustified ?? new Map()),
        hung: tried?.hung ?? [],
      };
      this.#write(report, flags.output, taken);
      this.#tell(report, draft.leftOut);
      for (const recording of recordings) {
        const trouble = troubleOf(recording);
        if (trouble !== undefined) this.logToStderr(`${recording.name}: ${trouble}`);
      }
      const failed = tried !== undefined && !passed(tried.outcome);
      if (failed) process.exitCode = 1;
      if (failed && taken)
        this.logToStderr(`${args.name}: the bundle is as it was, since the replay did not pass`);
      const applied = taken && !failed ? adoptProfile(args.name, report.profile, this.places()) : null;
      if (applied !== null)
        this.log(`${appliedText(args.name, applied)}${tried === undefined ? '; it was not replayed' : ''}`);
      return { ...report, applied };
    });
  }

  #bundle(name: string): string | undefined {
    checkName(name, 'profile');
    return controlledIfThere(name, this.places());
  }

  async #recordings(name: string, files: readonly string[], lossy: boolean): Promise<readonly Recording[]> {
    const all = files.length > 0 ? files : recordingsOf(name, this.places());
    const recordings: Recording[] = [];
    for (const file of all) {
      if (!existsSync(file))
        throw new Failure('recording-missing', file, 'there is no such file', {
          hint: 'name a recording of vxe trace',
          exit: 2,
        });
      recordings.push(await loadRecording(file, { cut: lossy ? 'taken' : 'refused' }));
    }
    return recordings;
  }

  #write(report: Pick<LearnReport, 'profile'>, output: string | undefined, taken: boolean): void {
    if (output === undefined) {
      if (!taken) this.log(report.profile.trimEnd());
      return;
    }
    if (existsSync(output))
      throw new Failure('file-exists', output, 'is there already, and is not replaced', {
        hint: 'name another file, or remove it',
      });
    writeFileSync(output, report.profile, { flag: 'wx' });
    this.log(`${output}: written`);
  }

  /** For people, beside the profile. */
  #tell(report: Omit<LearnReport, 'applied'>, leftOut: readonly LeftOut[]): void {
    const say = (line: string): void => this.logToStderr(line);
    for (const lack of report.missing) say(`learned all the same: ${lack}`);
    for (const { id, reason } of report.pending) say(`${id}: ${reason}; left out until --accept ${id}`);
    for (const { what, why } of leftOut) say(`not in the profile: ${what}: ${why}`);
    const { runs, once, chance } = report.novelty;
    say(
      runs === 1
        ? 'one run tells nothing of the next: record more'
        : `of ${runs} runs, ${once} things were seen in one alone: the next run shows something new with a chance of ${(100 * chance).toFixed(0)} %`,
    );
    for (const line of unexercisedLines(report)) say(line);
    if (report.replay !== null) say(replayText(report.replay));
    for (const what of report.hung)
      say(`${what}: needed, since without it the exercise did not come to an end, and was called off`);
    for (const { id, parts } of report.unjustified)
      say(`${id}: the exercise passes without ${parts.length === 0 ? 'it' : parts.join(', without ')}`);
  }
}

/**
 * What a bundle's profile has told after calls, of a stack what each member has, in their order: recordings speak of what is done, and not of what
 * somebody wants to be told. A profile names a call once, so that of two members that name the same one neither's records would be left as they are.
 */
function hooksOf(bundle: string): readonly HookRule[] {
  const kept = new Map<string, { readonly hook: HookRule; readonly member: string }>();
  for (const { policy } of storedProfiles(bundle).map(readProfile)) {
    for (const hook of policy.hooks) {
      const other = kept.get(hook.call)?.member;
      if (other !== undefined)
        throw new Failure(
          'hooks-twice',
          hook.id,
          `is a hook of ${other} and of ${policy.name}, and one profile has one for a call`,
          { hint: 'take it out of one of them, and create the bundle again with --replace' },
        );
      kept.set(hook.call, { hook, member: policy.name });
    }
  }
  return [...kept.values()].map(({ hook }) => hook);
}

function withHooks(text: string, hooks: readonly HookRule[]): string {
  if (hooks.length === 0) return text;
  const file = { name: 'profile', text };
  return unwrap(editProfile(file, { ...unwrap(parseProfile(file), [file]), hooks }), [file]);
}

function wasExercised({ header }: Recording): boolean {
  return header.exercise !== undefined;
}

/** What was wrong with the exercise of a recording; undefined: nothing, or there was none. */
function troubleOf(recording: Recording): string | undefined {
  const { status, exercise, end } = recording.trailer;
  // Of one that was cut off nobody knows; that it lacks calls is told by itself.
  if (!wasExercised(recording) || exercise === 0 || end === 'cut') return undefined;
  return exercise === undefined
    ? `the program ended (status ${status ?? 'unknown'}) before its exercise began`
    : `the exercise failed (status ${exercise})`;
}

/** What never did its work has not shown what its work needs. */
function refuseUnproven(name: string, recordings: readonly Recording[]): void {
  const exercised = recordings.filter(wasExercised);
  const troubles = exercised.map(troubleOf);
  const last = troubles.at(-1);
  if (last === undefined || troubles.includes(undefined)) return;
  throw new Failure(
    'exercise-failed',
    name,
    `passed its exercise in none of ${exercised.length} recordings; in the last one ${last}`,
    {
      hint: `see what failed with 'vxe why ${name}', and record it again: vxe trace`,
    },
  );
}

/** What was never tried, and whether it would be refused. */
function unexercisedLines({
  unexercised: topics,
  name,
}: Pick<LearnReport, 'unexercised' | 'name'>): readonly string[] {
  if (topics === null)
    return [
      `what was not exercised is not known: the program of ${name} takes nothing from libraries by name (linked statically, a script, or stripped)`,
    ];
  return topics.map(({ topic, functions, calls, permitted }) => {
    const shown = functions.slice(0, 4).join(', ');
    const more = functions.length > 4 ? `, and ${functions.length - 4} more` : '';
    const outcome =
      calls.length === 0 ? '' : permitted ? '; its calls are permitted' : '; it would be refused';
    return `not exercised: ${topic}${functions.length === 0 ? '' : ` (${shown}${more})`}${outcome}`;
  });
}

function unjustifiedOf(found: Unjustified): LearnReport['unjustified'] {
  return [...found].map(([id, what]) => ({ id, parts: what === true ? [] : what }));
}

function refuseUnknown(draft: Draft, accepted: ReadonlySet<string>): void {
  const marked = new Set(pending(draft, new Set()).map(({ id }) => id));
  for (const id of accepted) {
    if (marked.has(id)) continue;
    throw new Failure('rule-unknown', id, 'is no rule that needs a yes', {
      hint: marked.size === 0 ? 'there is none' : `they are ${[...marked].join(', ')}`,
      exit: 2,
    });
  }
}
