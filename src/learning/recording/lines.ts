/** The lines of a recording as data; schemas/recording.schema.json says what each field is. */

export interface RecordingHeader {
  readonly kind: 'header';
  /** Names the run in evidence. */
  readonly run: string;
  readonly time: string;
  readonly recorder: 'bpf' | 'notify';
  readonly every: boolean;
  readonly results: boolean;
  readonly instance: string | undefined;
  readonly program: readonly string[];
  readonly root: 'bundle' | 'host';
  readonly exercise: readonly string[] | undefined;
  readonly uid: number;
}

export const PATH_KINDS = [
  'file',
  'folder',
  'link',
  'device',
  'fifo',
  'socket',
  'anonymous',
  'absent',
  'unknown',
] as const;
export type PathKind = (typeof PATH_KINDS)[number];

export interface RecordedPath {
  readonly argument: string;
  readonly given: string | undefined;
  readonly path: string | undefined;
  readonly kind: PathKind;
  readonly known: 'kernel' | 'walked' | 'joined' | 'not';
  readonly truncated: boolean;
  /** What the kernel opened it for; undefined: not opened, or not known. */
  readonly access: ReadonlySet<string> | undefined;
}

export interface RecordedAddress {
  readonly text: string;
  readonly family: string;
  readonly type: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly path: string | undefined;
}

export interface RecordedCall {
  readonly kind: 'call';
  readonly seq: number;
  readonly time: string;
  readonly pid: number;
  readonly tid: number;
  readonly ppid: number;
  readonly comm: string;
  readonly exe: string;
  readonly arch: string;
  readonly call: string;
  readonly args: readonly bigint[];
  readonly decoded: ReadonlyMap<string, string>;
  readonly detail: string | undefined;
  readonly paths: readonly RecordedPath[];
  readonly address: RecordedAddress | undefined;
  /** undefined: not known. */
  readonly result: bigint | undefined;
  readonly errno: string | undefined;
  /** The program's own filter killed it at the call, or answered it: the kernel did not perform it. */
  readonly byOwnFilter: boolean;
  readonly count: number;
}

export interface RecordedProcess {
  readonly kind: 'process';
  readonly seq: number;
  readonly event: 'fork' | 'exec' | 'exit';
  readonly pid: number;
  readonly tid: number;
  readonly ppid: number;
  readonly comm: string;
  readonly exe: string;
  readonly argv: readonly string[] | undefined;
  readonly child: number | undefined;
  readonly status: number | undefined;
}

export interface RecordedRepeat {
  readonly kind: 'repeat';
  readonly of: number;
  readonly count: number;
}

export interface RecordingTrailer {
  readonly kind: 'trailer';
  readonly calls: number;
  readonly recorded: number;
  readonly lost: ReadonlyMap<string, number>;
  /** Lines of processes that are missing. */
  readonly lostProcesses: number;
  /** By capability the calls that needed it; undefined: not known. */
  readonly capabilities: ReadonlyMap<string, readonly string[]> | undefined;
  /** cut: the recorder was killed and wrote no trailer. The rest says what is in the file, and what that does not tell is not known. */
  readonly end: 'exited' | 'stopped' | 'cut';
  readonly status: number | undefined;
  readonly exercise: number | undefined;
}

export type RecordingLine =
  | RecordingHeader
  | RecordedCall
  | RecordedProcess
  | RecordedRepeat
  | RecordingTrailer;
