import { pathText } from '../policy/index.js';
import type { Novelty } from './estimate.js';
import type { Draft, FileDraft, RowDraft, SocketDraft, Unjustified } from './rules/draft.js';

type Marked = { readonly id: string; readonly mark: { readonly reason: string } | undefined };

/** Rules that need a yes, and have not got it. */
export function pending(
  draft: Draft,
  accepted: ReadonlySet<string>,
): readonly { readonly id: string; readonly reason: string }[] {
  const marked: readonly Marked[] = [
    ...draft.files,
    ...draft.calls,
    ...draft.sockets,
    ...draft.capabilities,
    ...(draft.execMark === undefined ? [] : [draft.execMark]),
  ];
  return marked.flatMap(({ id, mark }) =>
    mark === undefined || accepted.has(id) ? [] : [{ id, reason: mark.reason }],
  );
}

/** The draft without the rules that need a yes and have not got it. */
export function granted(draft: Draft, accepted: ReadonlySet<string>): Draft {
  const waiting = new Set(pending(draft, accepted).map(({ id }) => id));
  const there = <T extends Marked>(rules: readonly T[]): readonly T[] =>
    rules.filter((rule) => !waiting.has(rule.id));
  return {
    ...draft,
    files: there(draft.files),
    calls: there(draft.calls),
    sockets: there(draft.sockets),
    capabilities: there(draft.capabilities),
    exec: draft.execMark !== undefined && waiting.has(draft.execMark.id) ? 'once' : draft.exec,
  };
}

/** The profile as YAML. A rule that needs a yes and has not got it is left out, and named; what a replay did not miss is marked. */
export function draftYaml(
  draft: Draft,
  accepted: ReadonlySet<string>,
  novelty: Novelty,
  unjustified: Unjustified = new Map(),
): string {
  const waiting = new Map(pending(draft, accepted).map(({ id, reason }) => [id, reason]));
  const { files, sockets, exec, capabilities, calls } = granted(draft, accepted);
  const program = draft.startedAs ?? draft.program;
  const lines = [
    `# Learned from ${draft.runs.length === 1 ? 'one recording' : `${draft.runs.length} recordings`}; the evidence of each rule is at the end.`,
    ...(draft.lossy ? ['# Calls are missing in what it was learned from.'] : []),
    ...[...waiting].map(([id, reason]) => `# Left out until it is accepted: ${id} (${reason})`),
    'vxed: 1',
    `name: ${draft.name}`,
    `description: ${quoted(`learned for ${program ?? draft.name}`)}`,
    'type: strict',
    ...(program === undefined ? [] : [`program: ${quoted(program)}`]),
    '',
    'files:',
    ...files.map(fileLine),
    '',
    'network:',
    ...networkLines(sockets),
    '  interface: host',
    '',
    `exec: ${exec}`,
    `capabilities: [${capabilities.map((each) => each.name).join(', ')}]`,
    ...(draft.services.length === 0
      ? []
      : [`services: [${draft.services.map((each) => each.name).join(', ')}]`]),
    ...(calls.some(({ id }) => id === 'namespaces') ? [`namespaces: [${draft.namespaces.join(', ')}]`] : []),
    '',
    'calls:',
    ...callLines(calls),
    '',
    ...learnedLines(draft, waiting, novelty, unjustified),
  ];
  return `${lines.join('\n')}\n`;
}

/** A name may have characters in it that patterns are made of: it must not become one. */
function fileLine({ path, pattern, folder, access }: FileDraft): string {
  const text = pattern ? path : pathText(path);
  return `  ${quoted(folder && path !== '/' ? `${text}/` : text)}: ${access.join(' ')}`;
}

/** TCP ports at whatever address by the short lists, all else by what it is. */
function networkLines(sockets: readonly SocketDraft[]): string[] {
  const short = sockets.filter((socket) => /^tcp\/[0-9]+$/.test(socket.object));
  const long = new Map<string, readonly string[]>();
  for (const { object, words } of sockets.filter((socket) => !short.includes(socket)))
    long.set(object, [...(long.get(object) ?? []), ...words]);
  const list = (word: 'accept' | 'connect'): string =>
    short
      .filter((socket) => socket.words.includes(word))
      .map((socket) => socket.object)
      .join(', ');
  return [
    `  accept: [${list('accept')}]`,
    `  connect: [${list('connect')}]`,
    ...(long.size === 0 ? [] : ['  sockets:']),
    ...[...long].map(([object, words]) => `    ${quoted(object)}: ${words.join(' ')}`),
  ];
}

function callLines(calls: Draft['calls']): string[] {
  const whole = calls.filter((call) => call.permit === 'all').map((call) => call.call);
  const rows = new Map<string, readonly RowDraft[]>();
  for (const { call, permit } of calls)
    if (permit !== 'all' && permit.length > 0) rows.set(call, [...(rows.get(call) ?? []), ...permit]);
  const quiet = calls.filter((call) => call.quiet.length > 0);
  return [
    ...(whole.length === 0 ? [] : ['  permit:', ...folded(whole)]),
    ...(rows.size === 0 ? [] : ['  when:']),
    ...[...rows].flatMap(([call, permit]) => [`    ${call}:`, ...permit.map(rowLine)]),
    ...(quiet.length === 0 ? [] : ['  quiet:']),
    ...quiet.flatMap((call) => [`    ${call.call}:`, ...call.quiet.map(rowLine)]),
  ];
}

/** A list over as many lines as it needs. */
function folded(names: readonly string[]): string[] {
  const lines: string[] = [];
  let line = '   ';
  for (const [index, name] of names.entries()) {
    const piece = ` ${index === 0 ? '[' : ''}${name}${index === names.length - 1 ? ']' : ','}`;
    if (line.length + piece.length > 110) {
      lines.push(line);
      line = '     ';
    }
    line += piece;
  }
  return [...lines, line];
}

function rowLine(row: RowDraft): string {
  return `      - ${rowText(row)}`;
}

export function rowText({ tests, errno }: RowDraft): string {
  const parts = [...tests].map(([name, text]) => `${name}: ${text}`);
  if (errno !== undefined) parts.push(`errno: ${errno}`);
  return `{${parts.join(', ')}}`;
}

/** What speaks for each rule, as data: `vxe explain` shows it. */
function learnedLines(
  draft: Draft,
  waiting: ReadonlyMap<string, string>,
  novelty: Novelty,
  unjustified: Unjustified,
): string[] {
  const rules = [
    ...draft.files.map((rule) => ({ ...rule, covers: rule.covers })),
    ...draft.sockets.map((rule) => ({ ...rule, covers: [] })),
    ...draft.capabilities.map((rule) => ({ ...rule, covers: [] })),
    ...draft.calls.map((rule) => ({ ...rule, covers: [] })),
    ...(draft.execMark === undefined ? [] : [{ ...draft.execMark, covers: [] }]),
    ...draft.services.map((rule) => ({ ...rule, covers: [] })),
  ];
  return [
    'learned:',
    `  runs: [${draft.runs.map((run) => `"${run}"`).join(', ')}]`,
    `  lossy: ${draft.lossy}`,
    `  next-run-new: ${novelty.chance.toFixed(3)}`,
    '  rules:',
    ...rules.map(({ id, evidence, inferred, mark, covers }) => {
      const parts = [
        ...(evidence === undefined
          ? []
          : [
              `count: ${evidence.count}`,
              `runs: ${evidence.runs.length}`,
              `by: [${evidence.by.map(quoted).join(', ')}]`,
              `example: ${quoted(evidence.example)}`,
            ]),
        ...(inferred === undefined ? [] : [`inferred: ${quoted(inferred)}`]),
        ...(covers.length === 0 ? [] : [`covers: ${covers.length}`]),
        ...(mark === undefined ? [] : [`marked: ${quoted(mark.reason)}`, `accepted: ${!waiting.has(id)}`]),
        ...unjustifiedParts(unjustified.get(id)),
      ];
      return `    ${quoted(id)}: {${parts.join(', ')}}`;
    }),
  ];
}

function unjustifiedParts(what: true | readonly string[] | undefined): string[] {
  if (what === undefined) return [];
  return [`unjustified: ${what === true ? 'true' : `[${what.map(quoted).join(', ')}]`}`];
}

/** A YAML scalar: bare where that cannot be read as anything else. */
function quoted(text: string): string {
  return /^[A-Za-z/_][A-Za-z0-9/_.@+-]*( [A-Za-z0-9/_.@+-]+)*$/.test(text) &&
    !/^(true|false|null|yes|no|on|off|~)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
