import type { Result } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import { canonicalArguments } from '../../policy/index.js';
import { Fields, MalformedLine } from './fields.js';
import type {
  RecordedAddress,
  RecordedCall,
  RecordedPath,
  RecordedProcess,
  RecordedRepeat,
  RecordingHeader,
  RecordingLine,
  RecordingTrailer,
} from './lines.js';
import { PATH_KINDS } from './lines.js';

export const RECORDING_FORMAT = 1;

/** A whole run: every call with how often it was made. */
export interface Recording {
  readonly name: string;
  readonly header: RecordingHeader;
  readonly calls: readonly RecordedCall[];
  readonly processes: readonly RecordedProcess[];
  readonly trailer: RecordingTrailer;
}

export interface ReadOptions {
  /** What becomes of a recording that was cut off, since its recorder was killed; by default it is refused. */
  readonly cut?: 'refused' | 'taken';
}

/** How many calls of a recording are missing. */
export function lossOf(recording: Recording): number {
  return [...recording.trailer.lost.values()].reduce((sum, lost) => sum + lost, 0);
}

/** What to do about a recording that lacks something. */
export const LEARN_ALL_THE_SAME =
  'record again, or learn from what there is with --lossy, which the profile then says for ever after';

/** What a recording lacks, in words; undefined: nothing. */
export function missingIn(recording: Recording): string | undefined {
  const { name, trailer } = recording;
  if (trailer.end === 'cut') return notComplete(name);
  const lost = lossOf(recording);
  if (lost > 0) return `${name} lacks ${lost} of ${trailer.calls} calls`;
  return trailer.lostProcesses > 0
    ? `${name} lacks ${trailer.lostProcesses} lines that tell when processes begin and end`
    : undefined;
}

function notComplete(name: string): string {
  return `${name} is not complete: the recorder was ended before it wrote the trailer`;
}

/** Reads one line; throws MalformedLine. */
export function readLine(text: string): RecordingLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TornLine('not JSON');
  }
  const fields = new Fields(value);
  const record = fields.textOrNone('record');
  switch (record) {
    case undefined:
      return readCall(fields);
    case 'header':
      return readHeader(fields);
    case 'process':
      return readProcess(fields);
    case 'repeat':
      return readRepeat(fields);
    case 'trailer':
      return readTrailer(fields);
    default:
      throw new MalformedLine(`a line of the kind ${record} is not known`);
  }
}

/**
 * Reads a recording. One whose counts do not add up is an error, and so is one that was cut off, unless it is to be taken as it is: then its last
 * line may be torn, and how often calls were repeated is not known.
 */
export async function readRecording(
  name: string,
  lines: AsyncIterable<string>,
  { cut = 'refused' }: ReadOptions = {},
): Promise<Result<Recording>> {
  let header: RecordingHeader | undefined;
  let trailer: RecordingTrailer | undefined;
  let torn: MalformedLine | undefined;
  const calls = new Map<number, RecordedCall>();
  const processes: RecordedProcess[] = [];
  let number = 0;
  try {
    for await (const text of lines) {
      if (torn !== undefined) throw torn;
      number++;
      if (trailer !== undefined) throw new MalformedLine('there is something after the trailer');
      const line = readUnlessTorn(text);
      if (line instanceof TornLine) {
        // Only the last line can have been cut: it is not known yet whether this is it.
        torn = line;
        continue;
      }
      if ((header === undefined) !== (line.kind === 'header'))
        throw new MalformedLine('a recording has one header, in its first line');
      if (line.kind === 'header') header = line;
      else if (line.kind === 'call') add(calls, line);
      else if (line.kind === 'process') processes.push(line);
      else if (line.kind === 'repeat') repeat(calls, line);
      else trailer = line;
    }
  } catch (error) {
    if (!(error instanceof MalformedLine)) throw error;
    return malformed(name, `line ${number}: ${error.message}`, 'record again with: vxe trace');
  }
  if (header === undefined)
    return malformed(
      name,
      torn === undefined ? 'is empty' : `line ${number}: ${torn.message}`,
      'record again with: vxe trace',
    );
  if (trailer === undefined && cut === 'refused')
    return failure({ code: 'bad-value', message: notComplete(name), hint: LEARN_ALL_THE_SAME });
  const all = [...calls.values()];
  const seen = all.reduce((sum, call) => sum + call.count, 0);
  const recording = {
    name,
    header,
    // Such an answer is stronger than that of VXE's filter, which never hears of the call: no rule could speak of it.
    calls: all.filter((call) => !call.byOwnFilter),
    processes,
    trailer: trailer ?? trailerOfCut(seen),
  };
  if (seen !== recording.trailer.recorded || seen + lossOf(recording) !== recording.trailer.calls) {
    const { recorded, calls: made } = recording.trailer;
    return malformed(
      name,
      `holds ${seen} calls, and its trailer says ${recorded} recorded and ${lossOf(recording)} lost of ${made}`,
      'the file was changed or damaged; record again',
    );
  }
  return success(recording);
}

/** A line that is no JSON, as the last one is when its writer is killed. */
class TornLine extends MalformedLine {}

function readUnlessTorn(text: string): RecordingLine | TornLine {
  try {
    return readLine(text);
  } catch (error) {
    if (error instanceof TornLine) return error;
    throw error;
  }
}

function trailerOfCut(seen: number): RecordingTrailer {
  return {
    kind: 'trailer',
    calls: seen,
    recorded: seen,
    lost: new Map(),
    lostProcesses: 0,
    capabilities: undefined,
    end: 'cut',
    status: undefined,
    exercise: undefined,
  };
}

function add(calls: Map<number, RecordedCall>, call: RecordedCall): void {
  if (calls.has(call.seq)) throw new MalformedLine(`there is a call ${call.seq} already`);
  calls.set(call.seq, call);
}

function repeat(calls: Map<number, RecordedCall>, line: RecordedRepeat): void {
  const call = calls.get(line.of);
  if (call === undefined) throw new MalformedLine(`repeats the call ${line.of}, which is not there`);
  calls.set(line.of, { ...call, count: call.count + line.count });
}

function malformed<T>(name: string, message: string, hint: string): Result<T> {
  return failure({ code: 'bad-value', message: `${name} ${message}`, hint });
}

function readHeader(fields: Fields): RecordingHeader {
  const format = fields.integer('format');
  if (format !== RECORDING_FORMAT)
    throw new MalformedLine(`format ${format} is not known to this VXE, which knows ${RECORDING_FORMAT}`);
  const recorder = fields.fields('recorder');
  return {
    kind: 'header',
    run: fields.text('run'),
    time: fields.text('time'),
    recorder: recorder.word('name', ['bpf', 'notify']),
    every: recorder.boolean('every'),
    results: recorder.boolean('results'),
    instance: fields.textOrNone('instance'),
    program: fields.texts('program'),
    root: fields.word('root', ['bundle', 'host']),
    exercise: fields.textsOrNone('exercise'),
    uid: fields.fields('host').count('uid'),
  };
}

function readCall(fields: Fields): RecordedCall {
  const [arch, call] = [fields.text('arch'), fields.text('call')];
  return {
    kind: 'call',
    seq: fields.count('seq'),
    time: fields.text('time'),
    pid: fields.count('pid'),
    tid: fields.count('tid'),
    ppid: fields.count('ppid'),
    comm: fields.text('comm'),
    exe: fields.text('exe'),
    arch,
    call,
    args: asProfilesHaveIt(arch, call, fields.texts('args').map(register)),
    decoded: fields.entries('decoded', (inner, name) => inner.text(name)),
    detail: fields.textOrNone('detail'),
    paths: fields.list('paths').map((each) => readPath(new Fields(each))),
    address: fields.has('address') ? readAddress(fields.fields('address')) : undefined,
    result: fields.has('result') ? fields.wideInteger('result') : undefined,
    errno: fields.textOrNone('errno'),
    byOwnFilter: fields.text('mechanism') === 'own-filter',
    count: fields.count('count'),
  };
}

/** The registers are the machine's own. */
export function asProfilesHaveIt(
  arch: string,
  call: string,
  registers: readonly bigint[],
): readonly bigint[] {
  if (arch !== 'aarch64') return registers;
  return canonicalArguments(call, arch, registers).slice(0, registers.length);
}

function register(text: string): bigint {
  if (!/^0x[0-9a-f]{1,16}$/.test(text)) throw new MalformedLine(`args: ${text} is no register`);
  return BigInt(text);
}

function readPath(fields: Fields): RecordedPath {
  const path = fields.textOrNone('path');
  if (path !== undefined && !path.startsWith('/')) throw new MalformedLine(`paths: ${path} is not absolute`);
  return {
    argument: fields.text('argument'),
    given: fields.textOrNone('given'),
    path,
    kind: fields.word('kind', PATH_KINDS),
    known: fields.word('known', ['kernel', 'walked', 'joined', 'not']),
    truncated: fields.has('truncated'),
    access: fields.has('access') ? new Set(fields.text('access').split(' ')) : undefined,
  };
}

function readAddress(fields: Fields): RecordedAddress {
  return {
    text: fields.text('text'),
    family: fields.text('family'),
    type: fields.textOrNone('type'),
    host: fields.textOrNone('host'),
    port: fields.integerOrNone('port'),
    path: fields.textOrNone('path'),
  };
}

function readProcess(fields: Fields): RecordedProcess {
  return {
    kind: 'process',
    seq: fields.count('seq'),
    event: fields.word('event', ['fork', 'exec', 'exit']),
    pid: fields.count('pid'),
    tid: fields.count('tid'),
    ppid: fields.count('ppid'),
    comm: fields.text('comm'),
    exe: fields.text('exe'),
    argv: fields.textsOrNone('argv'),
    child: fields.integerOrNone('child'),
    status: fields.integerOrNone('status'),
  };
}

function readRepeat(fields: Fields): RecordedRepeat {
  return { kind: 'repeat', of: fields.count('of'), count: fields.count('count') };
}

function readTrailer(fields: Fields): RecordingTrailer {
  return {
    kind: 'trailer',
    calls: fields.count('calls'),
    recorded: fields.count('recorded'),
    lost: fields.entries('lost', (inner, reason) => inner.count(reason)),
    lostProcesses: fields.has('lostProcesses') ? fields.count('lostProcesses') : 0,
    capabilities: fields.has('capabilities')
      ? fields.entries('capabilities', (inner, name) => inner.texts(name))
      : undefined,
    end: fields.word('end', ['exited', 'stopped']),
    status: fields.integerOrNone('status'),
    exercise: fields.integerOrNone('exercise'),
  };
}
