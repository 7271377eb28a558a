import type { Result, SourceFile, SourceSpan } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { Access, FileRule, NetworkInterface, PatternRule, Policy } from '../../policy/index.js';
import {
  ACCESS_WORDS,
  completeCalls,
  normalPath,
  parsePathText,
  parseSocketObject,
  SOCKET_WORDS,
  socketText,
} from '../../policy/index.js';
import { fileRule, sortRules } from '../files.js';
import { SocketDrafts } from '../sockets.js';
import { auditRule } from './audit.js';
import type { Word } from './lines.js';
import { Complaints } from './lines.js';
import { ProcessDrafts } from './processes.js';
import type { AclList, AclRule } from './rules.js';
import { readRules } from './rules.js';
import { readSettings } from './settings.js';

/** Reads a rule list (`.acl`) into a policy of type filesystem; what a policy cannot hold is a diagnostic, never left out. */
export function parseAcl(file: SourceFile): Result<Policy> {
  const list = readRules(file);
  return list.ok ? elaborate(file, list.value) : list;
}

function elaborate(file: SourceFile, list: AclList): Result<Policy> {
  const complaints = new Complaints();
  const start = { line: 1, column: 1, offset: 0 };
  const whole: SourceSpan = { source: file.name, start, end: start };
  const settings = readSettings(file, list.settings, whole, complaints);
  const program = readTarget(list, complaints);
  const rules = effective(list.rules, complaints);
  const files: (FileRule | PatternRule)[] = [];
  const sockets = new SocketDrafts();
  const processes = new ProcessDrafts(whole);
  let audit: AclRule | undefined;
  for (const rule of rules) {
    if (rule.type === 'file') pushDefined(files, readFile(rule, complaints));
    else if (rule.type === 'process') processes.add(rule, complaints);
    else if (rule.identifier.text === 'audit') audit = readAudit(rule, complaints);
    else readSocket(rule, sockets, complaints);
  }
  processes.check(complaints);
  if (complaints.diagnostics.length > 0) return failure(...complaints.diagnostics);
  const { network, ...common } = settings;
  const fallback: NetworkInterface = sockets.firstGrant === undefined ? 'none' : 'host';
  const context = {
    type: 'filesystem',
    ...processes.said(),
    namespaces: settings.namespaces,
    network: { sockets: sockets.rules, interface: network ?? fallback },
  } as const;
  const own = new Map(processes.calls());
  const refusal = audit === undefined ? undefined : auditRule(context, audit.span);
  if (refusal !== undefined) own.set('socket', refusal);
  return success({
    ...common,
    ...context,
    program: program === undefined ? undefined : program.text,
    ...sortRules(files),
    calls: completeCalls(context, processes.span, own),
    unnamed: 'permit',
    hooks: [],
  });
}

function pushDefined<T>(list: T[], value: T | undefined): void {
  if (value !== undefined) list.push(value);
}

/** A profile is for one program. */
function readTarget(list: AclList, complaints: Complaints): Word | undefined {
  let target: Word | undefined;
  for (const section of list.sections) {
    if (section.kind === 'user') {
      const { text } = section.name;
      // An instance has one profile and one user: whose rules hold would depend on who starts it.
      const message = `a list governs an instance whoever starts it, and @user ${text} has rules for one user`;
      const hint = `write these into a list of its own, such as NAME.${text}.acl, and start it as that: vxe run NAME.${text}`;
      complaints.report('not-expressible', message, section.name.span, hint);
    }
    if (section.kind !== 'target') continue;
    const path = normalPath(section.program.text);
    if (path === undefined || path !== section.program.text) {
      const hint = path === undefined ? 'begin it with /' : `write ${path}`;
      complaints.report(
        'bad-path',
        `${section.program.text} does not name a program`,
        section.program.span,
        hint,
      );
    } else if (target !== undefined && target.text !== path) {
      const message = `the list is for ${target.text} already, and a profile is for one program`;
      complaints.report('not-expressible', message, section.program.span, 'write a list for each program');
    }
    target ??= section.program;
  }
  return target;
}

/** The rules without those of the general list that the target has its own for; the same rule twice in one section is an error. */
function effective(rules: readonly AclRule[], complaints: Complaints): readonly AclRule[] {
  const chosen = new Map<string, AclRule>();
  for (const rule of rules) {
    if (rule.section.kind === 'user') continue;
    const key = `${rule.type} ${identity(rule)}`;
    const before = chosen.get(key);
    if (before === undefined) chosen.set(key, rule);
    else if (before.section.kind === rule.section.kind) {
      complaints.diagnostics.push({
        code: 'duplicate-key',
        message: `${rule.type} ${rule.identifier.text} is ruled twice`,
        span: rule.span,
        hint: 'keep one of the two',
        related: [{ message: 'first here', span: before.span }],
      });
    } else if (rule.section.kind === 'target') chosen.set(key, rule);
  }
  return [...chosen.values()];
}

/** Two spellings of one object are one object. */
function identity(rule: AclRule): string {
  const text = rule.identifier.text;
  if (rule.type === 'file') {
    const what = parsePathText(text);
    if (!what.ok) return text;
    return what.value.kind === 'path' ? what.value.path : what.value.glob.text;
  }
  if (rule.type === 'process') return text;
  const object = parseSocketObject(text);
  return typeof object === 'string' ? text : socketText(object);
}

function readFile(rule: AclRule, complaints: Complaints): FileRule | PatternRule | undefined {
  const { text, span } = rule.identifier;
  const what = parsePathText(text);
  const access = new Set<Access>(ACCESS_WORDS.filter((word) => rule.permissions.has(word)));
  if (what.ok) return fileRule(what.value, access, rule.span);
  for (const { code, message, hint } of what.diagnostics) complaints.report(code, message, span, hint);
  return undefined;
}

function readSocket(rule: AclRule, sockets: SocketDrafts, complaints: Complaints): void {
  const words = SOCKET_WORDS.filter((word) => rule.permissions.has(word));
  const problem = sockets.add(rule.identifier.text, words, rule.identifier.span, 'rule');
  if (problem !== undefined) complaints.diagnostics.push(problem);
}

function readAudit(rule: AclRule, complaints: Complaints): AclRule | undefined {
  if (rule.permissions.size === 0) return rule;
  return complaints.report(
    'not-expressible',
    'the socket to the kernel audit is not granted to programs',
    rule.span,
    'write socket audit none, which refuses it as a kernel without it does',
  );
}
