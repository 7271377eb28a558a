import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as Args from '@oclif/core/args';
import {
  BundleFacts,
  BundleStore,
  Failure,
  hasProfile,
  noProfileYet,
  processesOf,
  readBundleProfile,
  recordedPolicy,
} from '../bundle/index.js';
import { plainLine, unwrap } from '../common/index.js';
import type { Cause, Facts, RecordedCall, Recording, Violation } from '../learning/index.js';
import { diagnose, lastFailures, readViolations } from '../learning/index.js';
import type { CallEvent, Policy } from '../policy/index.js';
import { callNumber, errnoNames, parseEvent } from '../policy/index.js';
import { runningInstance } from '../runtime/index.js';
import { VxeCommand } from './support/base.js';
import { controlled } from './support/control.js';
import { recordsLine } from './support/decisions.js';
import { loadRecording, recordingsOf } from './support/recordings.js';
import { symptoms } from './support/symptoms.js';

/** What is to be explained: a call with its error, and where it was seen. */
interface Question {
  readonly event: CallEvent;
  readonly text: string;
  readonly errno: string | undefined;
  readonly seen: string;
  /** The record that it comes from. */
  readonly violation?: Violation;
  /** What was seen names no error of this call, which may well have succeeded. */
  readonly guessed?: true;
}

interface Inquiry {
  readonly questions: readonly Question[];
  /** What they are judged by. */
  readonly policy: Policy;
  /** What is said where there is no answer. */
  readonly nothing: string;
}

interface Answer {
  readonly call: string;
  readonly errno: string | null;
  readonly seen: string;
  readonly cause: string;
  readonly sentence: string;
  readonly fix: string | null;
  readonly opens: string | null;
  readonly danger: string | null;
}

export default class Why extends VxeCommand {
  static override summary = 'Say why something was refused, what would permit it, and what that would open';
  static override description =
    'RECORD is a call with its error, such as \'openat("/etc/hosts", O_RDONLY) = EACCES\', or the number of a violation, 1 being the last. Without it, the last violations and what ' +
    'the last lines of the output tell of failures are explained; what soft mode recorded and the profile permits by now is left out then, and counted. Where there is none of that, or no profile yet, what failed in the last recording is explained. The cause is one of seccomp, landlock, mount, capability, network, limit, permission (of Unix) and missing (from ' +
    'the bundle). The audit daemon is not asked.';
  static override examples = [
    '<%= config.bin %> why web',
    `<%= config.bin %> why web 'bind(tcp/81) = EACCES'`,
  ];
  static override args = {
    name: Args.string({ required: true, description: 'a bundle, running or not' }),
    record: Args.string({ description: 'a call with its error, or the number of a violation' }),
  };

  async run(): Promise<{ readonly name: string; readonly answers: readonly Answer[] }> {
    const { args } = await this.parse(Why);
    const bundle = controlled(args.name, this.places());
    const files = new BundleFacts(bundle);
    const facts = this.#facts(args.name, files);
    const { policy, questions, nothing } = await this.#inquiry(args.name, args.record, bundle, files);
    const known = questions
      .map((question) => ({
        question,
        cause: diagnose(question.event, question.errno, policy, facts),
      }))
      .filter(({ question, cause }) => question.guessed === undefined || cause.kind !== 'other');
    // Asked for by its number, a record is answered whatever it is.
    const isOld = (each: (typeof known)[number]): boolean =>
      args.record === undefined && takenOver(each.question, each.cause);
    const old = known.filter(isOld).length;
    const answers = known
      .filter((each) => !isOld(each))
      .map(({ question, cause: found }): Answer => {
        const cause = sinceRecorded(question, found);
        this.log(answerText(question, cause));
        return answerOf(question, cause);
      });
    if (old > 0)
      this.log(
        `${args.name}: ${old === 1 ? 'one kind of call' : `${old} kinds of calls`} that soft mode recorded, and the profile permits by now`,
      );
    else if (answers.length === 0) this.log(`${args.name}: ${nothing}`);
    return { name: args.name, answers };
  }

  async #inquiry(
    name: string,
    record: string | undefined,
    bundle: string,
    files: BundleFacts,
  ): Promise<Inquiry> {
    const profiled = hasProfile(bundle);
    const policy = profiled ? readBundleProfile(bundle).policy : recordedPolicy(name);
    const nothing = `no refusal is recorded, and its output tells of no failure${recordsLine(bundle, name)}`;
    if (record !== undefined) return { policy, questions: [this.#asked(name, record)], nothing };
    const questions = profiled ? this.#lately(name, policy, files) : [];
    const last = questions.length > 0 ? undefined : recordingsOf(name, this.places()).at(-1);
    if (last === undefined && !profiled) throw noProfileYet(name);
    const recording = last === undefined ? undefined : await loadRecording(last, { cut: 'taken' });
    if (recording === undefined || (profiled && !neverBegan(recording)))
      return { policy, questions, nothing };
    return {
      policy: recordedPolicy(name),
      questions: lastFailures(recording).map(ofRecorded),
      nothing: `nothing failed in ${recording.name}`,
    };
  }

  #facts(name: string, files: BundleFacts): Facts {
    const running = runningInstance(this.places().state, name);
    const { users, places } = running === undefined ? { users: [], places: [] } : processesOf(running.pid);
    return {
      path: (path) => files.path(path),
      users: users.length > 0 ? users : [files.user],
      places: [{ root: '/', folder: files.folder }, ...places],
    };
  }

  #asked(name: string, record: string): Question {
    if (/^\d+$/.test(record)) {
      const violation = this.#violations(name).at(-Number(record));
      const question = violation === undefined ? undefined : ofViolation(violation);
      if (question !== undefined) return question;
      throw new Failure('record-missing', record, 'there is no such violation in the log', {
        hint: `see 'vxe violations ${name} --all'`,
        exit: 2,
      });
    }
    const [, call = record, errno] = /^(.*?)(?:\s*=\s*(?:-1\s+)?(E[A-Z0-9]+))?\s*$/s.exec(record) ?? [];
    if (errno !== undefined && ![...errnoNames()].includes(errno))
      throw new Failure('bad-errno', errno, 'is no error of the kernel', {
        hint: 'write it as EACCES',
        exit: 2,
      });
    const [, unknown] = /^\s*([a-z_][a-z0-9_]*)\s*\(/.exec(call) ?? [];
    if (errno === 'ENOSYS' && unknown !== undefined && callNumber(unknown) === undefined)
      return { event: { call: unknown, arguments: [] }, text: call.trim(), errno, seen: 'asked' };
    const event = unwrap(parseEvent(call), [{ name: 'record', text: call }], 2);
    return { event, text: call.trim(), errno, seen: 'asked' };
  }

  /** The last violations of different kinds, and the failures that the output tells. */
  #lately(name: string, policy: Policy, files: BundleFacts): readonly Question[] {
    const last = new Map<string, Question>();
    for (const violation of this.#violations(name).slice(-200)) {
      const question = ofViolation(violation);
      if (question === undefined) continue;
      last.delete(question.text);
      last.set(question.text, question);
    }
    const file = join(this.places().logs, name, 'output.log');
    const output = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const { entries } = new BundleStore(this.places().bundles).inspect(name);
    const placeOf = (library: string): string | undefined =>
      entries.find(({ path }) => path.endsWith(`/${library}`))?.path;
    const ports = policy.network.sockets.flatMap(({ object, access }) =>
      object.kind === 'internet' && object.protocol === 'tcp' && access.has('accept')
        ? [object.ports.from]
        : [],
    );
    for (const { text, errno, line, guessed } of symptoms(output, {
      placeOf,
      ports,
      nameservers: files.nameservers(),
    })) {
      const event = parseEvent(text);
      if (!event.ok || last.has(text)) continue;
      const question = { event: event.value, text, errno, seen: `its output: ${line}` };
      last.set(text, guessed === undefined ? question : { ...question, guessed });
    }
    return [...last.values()].slice(-10).reverse();
  }

  #violations(name: string): readonly Violation[] {
    const folder = join(this.places().logs, name);
    return ['violations.ndjson.1', 'violations.ndjson']
      .map((file) => join(folder, file))
      .filter((file) => existsSync(file))
      .flatMap((file) => readViolations(readFileSync(file, 'utf8')).records);
  }
}

/** Its program ended with an error before it could be exercised. */
function neverBegan({ header, trailer }: Recording): boolean {
  return header.exercise !== undefined && trailer.exercise === undefined && (trailer.status ?? 0) !== 0;
}

/** What soft mode performed and the profile permits by now is nobody's trouble any more. */
function takenOver({ violation }: Question, cause: Cause): boolean {
  return violation?.verdict === 'performed' && cause.kind === 'other';
}

/** The log is of what a profile refused: where this one does not, it is the profile that is another one since, and not the kernel that answered. */
function sinceRecorded({ violation, event }: Question, cause: Cause): Cause {
  if (violation === undefined || cause.kind !== 'other') return cause;
  const past = violation.verdict === 'performed' ? 'would have refused' : 'refused';
  return {
    ...cause,
    sentence: `${violation.rule} ${past} ${event.call} when it was recorded; the profile as it is now refuses nothing of it.`,
  };
}

function ofViolation(violation: Violation): Question | undefined {
  const question = questionOf(violation);
  return question === undefined ? undefined : { ...question, violation };
}

/** The recorded call as an event: its numbers, and the object that was looked up. */
function questionOf(violation: Violation): Question | undefined {
  const { call, args, path, to, errno, time } = violation;
  const seen = violation.verdict === 'performed' ? `performed in soft mode ${time}` : `recorded ${time}`;
  const parsed = parseEvent(call);
  if (!parsed.ok) return undefined;
  const address = to === undefined ? undefined : parseEvent(addressed(call, to));
  if (address?.ok === true && path === undefined)
    return { event: address.value, text: violation.detail ?? call, errno, seen };
  const asked = violation.needs.length > 0 ? eventOfNeeds(violation) : undefined;
  if (asked !== undefined) return { ...asked, errno, seen };
  return { event: eventOf(call, args, path), text: violation.detail ?? call, errno, seen };
}

/** A recorded call of which only the path is known besides its numbers; pointers stand for it. */
function eventOf(call: string, args: readonly bigint[], path: string | undefined): CallEvent {
  const object = path === undefined ? undefined : { kind: 'string' as const, value: path, text: `"${path}"` };
  const named = (value: bigint) => {
    const pointer = value > 0xffff_ffffn && value >> 32n !== 0xffff_ffffn;
    if (pointer && object !== undefined) return object;
    return {
      kind: 'integer' as const,
      value,
      text: value < 4096n ? String(value) : `0x${value.toString(16)}`,
    };
  };
  return { call, arguments: args.map(named) };
}

/** What failed when nothing but the kernel and the mounts could refuse it. What was not there is missing, whatever was to be done with it. */
function ofRecorded({ call, args, paths, detail, errno, time }: RecordedCall): Question {
  const [found] = paths;
  const path = found?.path ?? found?.given;
  const opened =
    errno === 'ENOENT' && path !== undefined ? parseEvent(`openat("${path}", O_RDONLY)`) : undefined;
  const event = opened?.ok === true ? opened.value : eventOf(call, args, path);
  return { event, text: detail ?? call, errno, seen: `recorded ${time}` };
}

/** What sends names its address in its own place, or in memory. */
function addressed(call: string, to: string): string {
  return call === 'bind' || call === 'connect' ? `${call}(${to})` : `sendto(3, _, 1, 0, ${to})`;
}

function eventOfNeeds({ path, needs, call }: Violation): Pick<Question, 'event' | 'text'> | undefined {
  if (path === undefined) return undefined;
  const has = (word: string): boolean => needs.includes(word);
  const flags = [
    has('read') && has('write') ? 'O_RDWR' : has('write') ? 'O_WRONLY' : 'O_RDONLY',
    ...(has('create') ? ['O_CREAT'] : []),
  ];
  const text = /^(?:open|openat|openat2|creat)$/.test(call)
    ? `openat("${path}", ${flags.join('|')})`
    : has('execute')
      ? `execve("${path}")`
      : has('remove')
        ? `unlink("${path}")`
        : has('create')
          ? `mkdir("${path}")`
          : `openat("${path}", ${flags.join('|')})`;
  const event = parseEvent(text);
  return event.ok ? { event: event.value, text } : undefined;
}

function answerText(question: Question, cause: Cause): string {
  const lines = [
    `${question.text}${question.errno === undefined ? '' : ` = ${question.errno}`} (${question.seen})`,
    `  ${cause.kind}: ${cause.sentence}`,
  ];
  const fix = fixText(cause);
  if (fix !== null) lines.push(`  permit it by ${fix}`);
  if (fix !== null && cause.opens !== undefined) lines.push(`  which opens ${cause.opens}`);
  if (cause.danger !== undefined) lines.push(`  ! ${cause.danger}`);
  return lines.map(plainLine).join('\n');
}

function fixText({ fix }: Cause): string | null {
  if (fix === undefined) return null;
  return fix.kind === 'rule' ? fix.rule : fix.text;
}

function answerOf(question: Question, cause: Cause): Answer {
  return {
    call: question.text,
    errno: question.errno ?? null,
    seen: question.seen,
    cause: cause.kind,
    sentence: cause.sentence,
    fix: fixText(cause),
    opens: cause.opens ?? null,
    danger: cause.danger ?? null,
  };
}
