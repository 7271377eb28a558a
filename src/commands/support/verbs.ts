import type { Config } from '@oclif/core/config';

export interface FlagView {
  readonly name: string;
  readonly char?: string;
  readonly summary: string;
  /** What the option takes; absent for a switch. */
  readonly value?: string;
  readonly repeatable: boolean;
}

export interface ArgView {
  readonly name: string;
  readonly summary: string;
  readonly required: boolean;
  readonly options: readonly string[];
}

/** A verb as help, completion and the manual pages show it. */
export interface CommandView {
  readonly id: string;
  readonly summary: string;
  readonly description: string;
  readonly side: 'author' | 'launch';
  readonly hidden: boolean;
  readonly args: readonly ArgView[];
  readonly flags: readonly FlagView[];
  readonly examples: readonly string[];
}

/** The verbs of the authoring side, from the definitions that parse them. */
export function commandViews(config: Config): CommandView[] {
  return config.commands.map((command) => ({
    id: command.id.replaceAll(':', ' '),
    summary: command.summary ?? '',
    description: command.description ?? '',
    side: 'author',
    hidden: command.hidden ?? false,
    args: Object.values(command.args).map((arg) => ({
      name: arg.name,
      summary: arg.description ?? '',
      required: arg.required ?? false,
      options: [...(arg.options ?? [])],
    })),
    flags: Object.values(command.flags)
      .filter((flag) => flag.hidden !== true)
      .map((flag) => ({
        name: flag.name,
        ...(flag.char === undefined ? {} : { char: flag.char }),
        summary: flag.summary ?? flag.description ?? '',
        ...(flag.type === 'option'
          ? { value: flag.helpValue === undefined ? 'VALUE' : String(flag.helpValue) }
          : {}),
        repeatable: flag.type === 'option' && flag.multiple === true,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    examples: (command.examples ?? []).flatMap((each) =>
      typeof each === 'string' ? [each.replaceAll('<%= config.bin %>', config.bin)] : [],
    ),
  }));
}

const NAME: ArgView = { name: 'name', summary: 'the bundle', required: true, options: [] };
const flag = (name: string, summary: string, value?: string): FlagView => ({
  name,
  summary,
  repeatable: false,
  ...(value === undefined ? {} : { value }),
});
const JSON_FLAG = flag('json', 'print the result as JSON');
const MODE_FLAG = flag('mode', 'soft or production, for this once', 'MODE');
const RECORD_FLAGS = [
  flag('record-files', 'record what Landlock refuses in production: auto, always or never'),
  flag('no-record-files', 'leave that to the audit stream of the kernel, where it is on'),
];
const ROOT_FLAG = flag('root', "the folder of the instances' state", 'DIR');

function launch(
  id: string,
  summary: string,
  args: readonly ArgView[],
  flags: readonly FlagView[],
): CommandView {
  return {
    id,
    summary,
    description: '',
    side: 'launch',
    hidden: false,
    args,
    flags: [...flags, ROOT_FLAG].sort((a, b) => (a.name < b.name ? -1 : 1)),
    examples: [],
  };
}

/** The verbs of the native program, which does not know oclif; a test holds this list against its --help. */
export const LAUNCH_VERBS: readonly CommandView[] = [
  launch(
    'start',
    'Start a bundle and stay in the foreground',
    [NAME],
    [flag('detach', 'go to the background once the program runs'), MODE_FLAG, ...RECORD_FLAGS, JSON_FLAG],
  ),
  launch(
    'stop',
    'Stop an instance and every process of it',
    [NAME],
    [flag('timeout', 'seconds until SIGKILL', 'SECONDS'), JSON_FLAG],
  ),
  launch(
    'restart',
    'Stop an instance and start it again',
    [NAME],
    [flag('timeout', 'seconds until SIGKILL', 'SECONDS'), JSON_FLAG],
  ),
  launch(
    'status',
    'Show the instances and what is true of each',
    [{ ...NAME, required: false }],
    [JSON_FLAG],
  ),
  launch(
    'run',
    'Run a program of the host under a profile, without a bundle',
    [
      { ...NAME, name: 'profile', summary: 'the profile' },
      { ...NAME, name: 'program', summary: 'the program and its arguments' },
    ],
    [
      MODE_FLAG,
      ...RECORD_FLAGS,
      { ...flag('profile', 'one of several profiles, in place of the first word', 'NAME'), repeatable: true },
    ],
  ),
  launch(
    'mode',
    'Show or set what becomes of violations',
    [NAME, { name: 'mode', summary: 'soft or production', required: false, options: ['soft', 'production'] }],
    [...RECORD_FLAGS, JSON_FLAG],
  ),
  launch(
    'exec',
    'Start one more program in a running instance',
    [NAME, { ...NAME, name: 'program', summary: 'the program and its arguments' }],
    [],
  ),
  launch(
    'trace',
    'Run a bundle or a program with everything allowed, and record all that it does',
    [{ ...NAME, summary: 'the bundle, or with --host the program and its arguments' }],
    [
      flag('host', 'a program of the host instead of a bundle'),
      flag('recorder', 'how to watch: bpf or notify', 'RECORDER'),
      flag('every', 'a line for each call'),
      flag('wait', 'seconds before the exercise begins', 'SECONDS'),
      flag('name', 'under which the recording is kept', 'NAME'),
      flag('output', 'where to write the recording', 'FILE'),
      JSON_FLAG,
    ],
  ),
  launch(
    'logs',
    'Show what an instance printed, or what it was refused',
    [NAME],
    [
      flag('violations', 'show the refused calls'),
      flag('follow', 'go on showing'),
      flag('lines', 'only the last ones', 'N'),
      JSON_FLAG,
    ],
  ),
];
