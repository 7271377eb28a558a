import type { Node } from 'yaml';
import type { SourceSpan } from '../../common/index.js';
import { nearestName } from '../../common/index.js';
import type {
  ArgumentRow,
  ArgumentTest,
  CallRule,
  HookRule,
  Policy,
  PolicyType,
  QuietRow,
} from '../../policy/index.js';
import {
  callNumber,
  errnoNames,
  errnoNumber,
  hookProblem,
  isUndoing,
  knownCalls,
  signatureOf,
} from '../../policy/index.js';
import { readCondition } from './conditions.js';
import { knownMembers, scalarList } from './fields.js';
import { CALLS_KEYS } from './keys.js';
import type { Member, Reader } from './reader.js';

type Draft = { permit: CallRule['permit']; quiet: readonly QuietRow[]; span: SourceSpan };

/** The `calls` of a profile, by name, and what is told after them; VXE's own rules are not yet among them. */
export function readCalls(
  reader: Reader,
  member: Member | undefined,
  type: PolicyType,
  exec: Policy['exec'],
): { readonly calls: ReadonlyMap<string, CallRule>; readonly hooks: readonly HookRule[] } {
  const drafts = new Map<string, Draft>();
  const members =
    member === undefined
      ? undefined
      : knownMembers(reader, member.value, 'calls', CALLS_KEYS, '{permit: [read, write]}');
  readPermit(reader, members?.get('permit'), drafts);
  readWhen(reader, members?.get('when'), drafts);
  readQuiet(reader, members?.get('quiet'), type, drafts);
  for (const [call, draft] of drafts) checkCall(reader, call, draft, type, exec);
  const calls = new Map([...drafts].map(([call, draft]) => [call, { id: `calls:${call}`, call, ...draft }]));
  return { calls, hooks: readAfter(reader, members?.get('after')) };
}

function readPermit(reader: Reader, member: Member | undefined, drafts: Map<string, Draft>): void {
  const names = scalarList(reader, member, 'calls.permit', '[read, write]', (call, node) => ({
    call,
    span: reader.span(node),
  }));
  for (const { call, span } of names) {
    if (checkName(reader, call, span)) drafts.set(call, { permit: 'all', quiet: [], span });
  }
}

function readWhen(reader: Reader, member: Member | undefined, drafts: Map<string, Draft>): void {
  for (const item of callMembers(reader, member, 'calls.when')) {
    const before = drafts.get(item.key);
    if (before !== undefined) {
      reader.diagnostics.push({
        code: 'conflict',
        message: `${item.key} is permitted with any arguments, so these rows mean nothing`,
        span: item.keySpan,
        hint: 'remove it from calls.permit, or remove the rows',
        related: [{ message: 'permitted here', span: before.span }],
      });
      continue;
    }
    const rows = readRows(reader, item).map(({ node, members }) => readRow(reader, item.key, node, members));
    drafts.set(item.key, { permit: rows.filter((row) => row !== undefined), quiet: [], span: item.keySpan });
  }
}

function readQuiet(
  reader: Reader,
  member: Member | undefined,
  type: PolicyType,
  drafts: Map<string, Draft>,
): void {
  for (const item of callMembers(reader, member, 'calls.quiet')) {
    const quiet: QuietRow[] = [];
    for (const { node, members } of readRows(reader, item)) {
      const errno = members.find((candidate) => candidate.key === 'errno');
      const row = readRow(
        reader,
        item.key,
        node,
        members.filter((candidate) => candidate !== errno),
        true,
      );
      const name = readErrno(reader, errno, node);
      if (row !== undefined && name !== undefined) quiet.push({ ...row, errno: name });
    }
    const before = drafts.get(item.key);
    const unnamed = type === 'strict' ? [] : ('all' as const);
    drafts.set(item.key, { permit: before?.permit ?? unnamed, quiet, span: before?.span ?? item.keySpan });
  }
}

function readAfter(reader: Reader, member: Member | undefined): readonly HookRule[] {
  return callMembers(reader, member, 'calls.after').flatMap((item): HookRule[] => {
    const read = readRows(reader, item, 'leave it out to be told nothing');
    const rows = read
      .map(({ node, members }) => readRow(reader, item.key, node, members, true))
      .filter((row) => row !== undefined);
    const problem = hookProblem(item.key, rows);
    if (problem !== undefined) reader.report('conflict', problem.message, item.keySpan, problem.hint);
    return [{ id: `after:${item.key}`, call: item.key, rows, span: item.keySpan }];
  });
}

function callMembers(reader: Reader, member: Member | undefined, what: string): readonly Member[] {
  if (member === undefined) return [];
  const members = reader.members(member.value, what, '{socket: [{domain: AF_INET}]}') ?? [];
  return members.filter((item) => checkName(reader, item.key, item.keySpan));
}

function readRows(
  reader: Reader,
  member: Member,
  without = 'leave it out to refuse it',
): { node: Node; members: readonly Member[] }[] {
  const items = reader.items(member.value, `the rows of ${member.key}`, '[{domain: AF_INET}]') ?? [];
  const rows: { node: Node; members: readonly Member[] }[] = [];
  for (const node of items) {
    const members = reader.members(node, `a row of ${member.key}`, '{domain: AF_INET}');
    if (members !== undefined) rows.push({ node, members });
  }
  if (items.length === 0 && member.value !== undefined) {
    reader.report('bad-value', `${member.key} has no rows`, member.span, without);
  }
  return rows;
}

function readRow(
  reader: Reader,
  call: string,
  node: Node,
  members: readonly Member[],
  mayBeEmpty = false,
): ArgumentRow | undefined {
  const tests: ArgumentTest[] = [];
  for (const member of members) {
    const test = readTest(reader, call, member);
    if (test !== undefined) tests.push(test);
  }
  if (members.length === 0 && !mayBeEmpty) {
    return reader.report(
      'bad-value',
      `a row of ${call} without conditions`,
      reader.span(node),
      'name it in calls.permit',
    );
  }
  return { tests, span: reader.span(node) };
}

function readTest(reader: Reader, call: string, member: Member): ArgumentTest | undefined {
  const signature = signatureOf(call);
  if (signature === undefined) {
    const hint = 'permit it as a whole, or leave it out';
    return reader.report(
      'unknown-argument',
      `VXE does not know the arguments of ${call}`,
      member.keySpan,
      hint,
    );
  }
  const argument = signature.find((candidate) => candidate.name === member.key);
  if (argument === undefined) {
    const names = signature.map((candidate) => candidate.name).join(', ') || 'none';
    return reader.report(
      'unknown-argument',
      `${call} has no argument ${member.key}`,
      member.keySpan,
      `its arguments are ${names}`,
    );
  }
  const condition = readCondition(reader, argument, member.value);
  if (condition === undefined || member.value === undefined) return undefined;
  const { index, name, width } = argument;
  return { index, name, width, condition, text: reader.sourceText(member.value) };
}

function readErrno(reader: Reader, member: Member | undefined, row: Node): string | undefined {
  if (member === undefined) {
    return reader.report(
      'missing-key',
      'a quiet row needs an errno',
      reader.span(row),
      'such as errno: EACCES',
    );
  }
  const name = reader.text(member.value, 'errno');
  if (name === undefined) return undefined;
  if (errnoNumber(name) !== undefined) return name;
  const near = nearestName(name, errnoNames());
  const hint = near === undefined ? 'such as EACCES' : `did you mean ${near}?`;
  return reader.report('unknown-constant', `${name} is not an error of the kernel`, member.span, hint);
}

function checkName(reader: Reader, call: string, span: SourceSpan): boolean {
  if (callNumber(call) !== undefined) return true;
  const near = nearestName(call, knownCalls().keys());
  const hint = near === undefined ? 'write the name as the kernel has it' : `did you mean ${near}?`;
  reader.report('unknown-call', `there is no system call ${call}`, span, hint);
  return false;
}

function checkCall(reader: Reader, call: string, draft: Draft, type: PolicyType, exec: Policy['exec']): void {
  if (exec === 'once' && (call === 'execve' || call === 'execveat')) {
    const message = `exec: once keeps ${call} for the launch, and this rule speaks of it`;
    reader.report('conflict', message, draft.span, 'remove it here, or write exec: any');
  }
  const grants = draft.permit === 'all' || draft.permit.length > 0;
  if (grants && isUndoing(type, call)) {
    const message = `${call} would undo what a filesystem profile is for`;
    reader.report('conflict', message, draft.span, 'remove it, or write a profile of type strict');
  }
}
