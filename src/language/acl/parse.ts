import type { Result, SourceFile, SourceSpan } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { Access, CallRule, FileRule, NetworkInterface, Policy, PortRule } from '../../policy/index.js';
import { ACCESS_WORDS, completeCalls, normalPath } from '../../policy/index.js';
import { socketName } from './address.js';
import { auditRule } from './audit.js';
import type { Word } from './lines.js';
import { Complaints } from './lines.js';
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
  const files: FileRule[] = [];
  const accept: PortRule[] = [];
  const connect: PortRule[] = [];
  const own = new Map<string, CallRule>();
  let exec: Policy['exec'] = 'once';
  let execSpan = whole;
  for (const rule of rules) {
    if (rule.type === 'file') pushDefined(files, readFile(rule, complaints));
    else if (rule.type === 'socket' && rule.identifier.text === 'audit') readAudit(rule, own, complaints);
    else if (rule.type === 'socket') readSocket(rule, accept, connect, complaints);
    else if (readProcess(rule, complaints)) {
      execSpan = rule.span;
      if (rule.permissions.has('execute')) exec = 'any';
      if (rule.permissions.has('chroot'))
        own.set('chroot', { id: 'calls:chroot', call: 'chroot', permit: 'all', quiet: [], span: rule.span });
    }
  }
  if (complaints.diagnostics.length > 0) return failure(...complaints.diagnostics);
  const granted = accept.length + connect.length > 0;
  const { network, ...common } = settings;
  const fallback: NetworkInterface = granted ? 'host' : 'none';
  return success({
    ...common,
    type: 'filesystem',
    program: program === undefined ? undefined : program.text,
    files,
    calls: completeCalls('filesystem', exec, execSpan, own),
    unnamed: 'permit',
    network: { accept, connect, interface: network ?? fallback },
    exec,
  });
}

function pushDefined<T>(list: T[], value: T | undefined): void {
  if (value !== undefined) list.push(value);
}

/** A profile is for one program, and knows no users. */
function readTarget(list: AclList, complaints: Complaints): Word | undefined {
  let target: Word | undefined;
  for (const section of list.sections) {
    if (section.kind === 'user') {
      const message = `a profile cannot hold rules that are for one user alone (@user ${section.name.text})`;
      complaints.report(
        'not-expressible',
        message,
        section.name.span,
        'write them under @target or @general',
      );
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
  if (rule.type === 'file') return normalPath(text) ?? text;
  if (rule.type === 'process') return text;
  const name = socketName(text);
  return name?.kind === 'port' ? `${name.protocol}/${name.port}` : text;
}

function readFile(rule: AclRule, complaints: Complaints): FileRule | undefined {
  const { text, span } = rule.identifier;
  const path = normalPath(text);
  if (path === undefined)
    return complaints.report('bad-path', `${text} is not an absolute path`, span, 'begin it with /');
  if (text.includes('*')) {
    const hint = 'a path rules all below it; name the folder';
    return complaints.report(
      'not-expressible',
      `${text} is a pattern, which a profile cannot hold`,
      span,
      hint,
    );
  }
  const folder = text.endsWith('/');
  if (path !== (folder && text !== '/' ? text.slice(0, -1) : text))
    return complaints.report('bad-path', `${text} is not in its shortest form`, span, `write ${path}`);
  const access = new Set<Access>(ACCESS_WORDS.filter((word) => rule.permissions.has(word)));
  return { id: `files:${path}`, path, folder, access, span: rule.span };
}

function readSocket(rule: AclRule, accept: PortRule[], connect: PortRule[], complaints: Complaints): void {
  const { text, span } = rule.identifier;
  const name = socketName(text);
  if (name === undefined) {
    const hint = 'expected tcp/110, *:110, 10.0.0.0/8:80, [fd00::]/8:80, unix:/run/x or *';
    complaints.report('bad-value', `${text} does not name a socket`, span, hint);
    return;
  }
  // Refusal is what no rule says: it needs none, and nothing less specific grants it.
  if (
    rule.permissions.size === 0 &&
    (name.kind === 'any' || (name.kind === 'port' && name.protocol === 'tcp'))
  )
    return;
  if (name.kind !== 'port' || name.protocol !== 'tcp') {
    complaints.report(
      'not-expressible',
      `a profile cannot hold ${socketWords(name, text)}`,
      span,
      'grant TCP ports: tcp/110',
    );
    return;
  }
  if (rule.permissions.has('send')) {
    const message = 'a profile cannot hold a right to send to a port without a connection';
    complaints.report('not-expressible', message, rule.span, 'grant accept or connect');
  }
  const port = (side: 'accept' | 'connect'): PortRule => ({
    id: `network:${side}:tcp/${name.port}`,
    protocol: 'tcp',
    port: name.port,
    span: rule.span,
  });
  if (rule.permissions.has('accept')) accept.push(port('accept'));
  if (rule.permissions.has('connect')) connect.push(port('connect'));
}

function readAudit(rule: AclRule, own: Map<string, CallRule>, complaints: Complaints): void {
  const refusal = auditRule(rule.span);
  if (rule.permissions.size === 0 && refusal !== undefined) own.set('socket', refusal);
  else
    complaints.report(
      'not-expressible',
      'a profile cannot grant the socket to the kernel audit',
      rule.span,
      'write socket audit none',
    );
}

function socketWords(name: NonNullable<ReturnType<typeof socketName>>, text: string): string {
  switch (name.kind) {
    case 'address':
      return `rules for the address ${text}: its port rules are for every address`;
    case 'unix':
      return `a socket rule for ${name.path}: who may reach it is a matter of the file rules`;
    case 'any':
      return 'a grant of every socket';
    case 'port':
      return `rules for ${name.protocol} ports (${text})`;
  }
}

/** Whether the rule speaks of the program and what it forks, which is all that a profile can rule of processes. */
function readProcess(rule: AclRule, complaints: Complaints): boolean {
  const { text, span } = rule.identifier;
  for (const word of ['signal', 'ptrace']) {
    if (!rule.permissions.has(word)) continue;
    const hint =
      word === 'signal' ? 'signals within the instance need no rule; to others there are none' : 'remove it';
    complaints.report(
      'not-expressible',
      `a profile cannot hold ${word} to a process (${text})`,
      rule.span,
      hint,
    );
    return false;
  }
  if (text === 'self') return true;
  const hint = text.startsWith('/')
    ? `write: file ${text} read/execute, and: process self execute`
    : 'expected self: the program and all that it forks';
  complaints.report('not-expressible', `a profile cannot hold a rule for the process ${text}`, span, hint);
  return false;
}
