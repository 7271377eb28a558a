import type { Result, SourceFile, SourceSpan } from '../../common/index.js';
import { failure, nearestName, success } from '../../common/index.js';
import type { Line, Word } from './lines.js';
import { Complaints, readLines } from './lines.js';

export const RULE_TYPES = ['file', 'socket', 'process'] as const;
export type RuleType = (typeof RULE_TYPES)[number];

/** What may be said of each type of object, joined by `/`; `none` stands alone. */
export const PERMISSIONS: Readonly<Record<RuleType, readonly string[]>> = {
  file: ['read', 'write', 'create', 'remove', 'execute', 'ioctl', 'none'],
  socket: ['accept', 'connect', 'send', 'none'],
  process: ['execute', 'chroot', 'rings', 'signal', 'ptrace', 'none'],
};

/** Whom a rule is for: everything the list governs, its target program, or one user. */
export type Section =
  | { readonly kind: 'general' }
  | { readonly kind: 'target'; readonly program: Word }
  | { readonly kind: 'user'; readonly name: Word };

/** `<type> <identifier> <permissions>` */
export interface AclRule {
  readonly type: RuleType;
  readonly identifier: Word;
  /** Empty: none. */
  readonly permissions: ReadonlySet<string>;
  readonly section: Section;
  readonly span: SourceSpan;
}

/** A line that begins with `@` and opens no section. */
export interface Setting {
  readonly name: SettingName;
  readonly key: Word;
  readonly values: readonly Word[];
}

export const SETTINGS = [
  'name',
  'description',
  'network',
  'capability',
  'limit',
  'resource',
  'namespace',
  'descriptor',
  'service',
  'accept-unenforced',
] as const;
export type SettingName = (typeof SETTINGS)[number];

/** What opens a section, without its mark. */
export const SECTIONS = ['target', 'general', 'user'] as const;

/** The rules as they stand, before anything is known of what they are to govern. */
export interface AclList {
  readonly rules: readonly AclRule[];
  readonly settings: readonly Setting[];
  readonly sections: readonly Section[];
}

/** Reads the lines of a rule list; every complaint has a position. */
export function readRules(file: SourceFile): Result<AclList> {
  const complaints = new Complaints();
  const rules: AclRule[] = [];
  const settings: Setting[] = [];
  const sections: Section[] = [];
  let section: Section = { kind: 'general' };
  for (const line of readLines(file, complaints)) {
    const [first] = line.words;
    if (first === undefined) continue;
    if (!first.text.startsWith('@')) {
      const rule = readRule(line, section, complaints);
      if (rule !== undefined) rules.push(rule);
      continue;
    }
    const opened = readSection(line, first, complaints);
    if (opened === 'setting') {
      const setting = readSetting(line, first, complaints);
      if (setting !== undefined) settings.push(setting);
    } else if (opened !== undefined) {
      section = opened;
      sections.push(opened);
    }
  }
  return complaints.diagnostics.length > 0
    ? failure(...complaints.diagnostics)
    : success({ rules, settings, sections });
}

function readSection(line: Line, first: Word, complaints: Complaints): Section | 'setting' | undefined {
  const [, value] = line.words;
  switch (first.text) {
    case '@general':
      return takes(line, 0, '@general', complaints) ? { kind: 'general' } : undefined;
    case '@target':
      return takes(line, 1, '@target /usr/sbin/httpd', complaints) && value !== undefined
        ? { kind: 'target', program: value }
        : undefined;
    case '@user':
      return takes(line, 1, '@user alice', complaints) && value !== undefined
        ? { kind: 'user', name: value }
        : undefined;
    default:
      return 'setting';
  }
}

function takes(line: Line, count: number, example: string, complaints: Complaints): boolean {
  if (line.words.length === count + 1) return true;
  const extra = line.words[count + 1];
  const what = `${line.words[0]?.text ?? ''} takes ${count === 0 ? 'nothing' : 'one word'}`;
  complaints.report('syntax', what, extra?.span ?? line.span, `such as ${example}`);
  return false;
}

const EXAMPLES: Readonly<Record<SettingName, string>> = {
  name: '@name popd',
  description: '@description the mail server',
  network: '@network host',
  capability: '@capability CAP_SETUID CAP_SETGID',
  limit: '@limit nofile 256',
  resource: '@resource memory 512M',
  namespace: '@namespace user',
  descriptor: '@descriptor stdio listen',
  service: '@service syslog',
  'accept-unenforced': '@accept-unenforced network:udp',
};

function readSetting(line: Line, key: Word, complaints: Complaints): Setting | undefined {
  const word = key.text.slice(1);
  const name = SETTINGS.find((candidate) => candidate === word);
  const values = line.words.slice(1);
  if (name === undefined) {
    const all = [...SETTINGS, ...SECTIONS];
    const near = nearestName(word, all);
    const hint = near === undefined ? `expected one of @${all.join(', @')}` : `did you mean @${near}?`;
    return complaints.report('unknown-key', `there is no ${key.text}`, key.span, hint);
  }
  const [least, most] = ['limit', 'resource'].includes(name)
    ? [2, 2]
    : ['name', 'network'].includes(name)
      ? [1, 1]
      : [1, 999];
  if (values.length >= least && values.length <= most) return { name, key, values };
  const span = values[most]?.span ?? line.span;
  return complaints.report(
    'syntax',
    `${key.text} does not look like this`,
    span,
    `expected ${EXAMPLES[name]}`,
  );
}

const RULE_EXAMPLE = 'expected <type> <identifier> <permissions>, such as file /etc read';

function readRule(line: Line, section: Section, complaints: Complaints): AclRule | undefined {
  const [typeWord, identifier, ...rest] = line.words;
  if (typeWord === undefined) return undefined;
  const type = RULE_TYPES.find((candidate) => candidate === typeWord.text);
  if (type === undefined) {
    const near = nearestName(typeWord.text, RULE_TYPES);
    const hint = near === undefined ? 'expected file, socket or process' : `did you mean ${near}?`;
    return complaints.report('bad-value', `${typeWord.text} is not a type of object`, typeWord.span, hint);
  }
  if (identifier === undefined)
    return complaints.report(
      'syntax',
      `which ${type} the rule is for is missing`,
      typeWord.span,
      RULE_EXAMPLE,
    );
  const [permissionWord, extra] = rest;
  if (permissionWord === undefined)
    return complaints.report('syntax', 'the permissions are missing', identifier.span, RULE_EXAMPLE);
  if (extra !== undefined) {
    const hint = `join permissions by /, such as read/write; a name with blanks is written "..."`;
    return complaints.report('syntax', `${extra.text} is one word too many`, extra.span, hint);
  }
  const permissions = readPermissions(type, permissionWord, complaints);
  if (permissions === undefined) return undefined;
  return { type, identifier, permissions, section, span: line.span };
}

function readPermissions(
  type: RuleType,
  word: Word,
  complaints: Complaints,
): ReadonlySet<string> | undefined {
  const names = PERMISSIONS[type];
  const permissions = new Set<string>();
  const parts = word.text.split('/');
  let column = 0;
  for (const part of parts) {
    const span = partSpan(word, column, part.length);
    column += part.length + 1;
    if (!names.includes(part)) {
      const near = nearestName(part, names);
      const hint =
        near === undefined || part === '' ? `expected ${names.join(', ')}` : `did you mean ${near}?`;
      const what = part === '' ? 'a permission is missing' : `${part} is not a permission on a ${type}`;
      return complaints.report('bad-value', what, span, hint);
    }
    if (part === 'none' && parts.length > 1)
      return complaints.report('bad-value', 'none stands alone', span, 'remove it, or the others');
    if (permissions.has(part))
      return complaints.report('bad-value', `${part} is said twice`, span, 'once is enough');
    permissions.add(part);
  }
  permissions.delete('none');
  return permissions;
}

function partSpan(word: Word, column: number, length: number): SourceSpan {
  const { start, source } = word.span;
  // A quoted word is pointed at as a whole.
  if (word.span.end.offset - start.offset !== word.text.length) return word.span;
  const from = { line: start.line, column: start.column + column, offset: start.offset + column };
  return {
    source,
    start: from,
    end: { ...from, column: from.column + length, offset: from.offset + length },
  };
}
