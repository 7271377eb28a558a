import type { Node } from 'yaml';
import type { Result, SourceFile, SourceSpan } from '../../common/index.js';
import { failure, nearestName, success } from '../../common/index.js';
import type {
  AcceptedRule,
  Access,
  FileRule,
  PathText,
  PatternRule,
  Policy,
  Service,
} from '../../policy/index.js';
import { ACCESS_WORDS, completeCalls, constantValue, parsePathText, SERVICES } from '../../policy/index.js';
import { fileRule, sortRules } from '../files.js';
import { readCalls } from './calls.js';
import { choice, knownMembers, scalarList } from './fields.js';
import {
  readDescriptors,
  readExec,
  readLimits,
  readNamespaces,
  readProcesses,
  readResources,
} from './instance.js';
import type { ProfileKey } from './keys.js';
import { PROFILE_KEYS, REQUIRED_KEYS } from './keys.js';
import { readNetwork } from './network.js';
import type { Member } from './reader.js';
import { Reader } from './reader.js';

type Members = ReadonlyMap<ProfileKey, Member>;

/** Reads a `.vxed.yaml` text, version 1, into a policy; every diagnostic has a position. */
export function parseProfile(file: SourceFile): Result<Policy> {
  const reader = new Reader(file);
  if (reader.diagnostics.length > 0) return failure(...reader.diagnostics);
  const members = knownMembers(
    reader,
    reader.root,
    'a profile',
    PROFILE_KEYS,
    '{vxed: 1, name: popd, type: strict}',
  );
  if (members === undefined || !checkVersion(reader, members)) return failure(...reader.diagnostics);
  const policy = readPolicy(reader, members);
  if (policy === undefined || reader.diagnostics.length > 0) return failure(...reader.diagnostics);
  return success(policy);
}

/** The version comes first: what another version means is not for this reader to guess. */
function checkVersion(reader: Reader, members: Members): boolean {
  for (const key of REQUIRED_KEYS) {
    if (!members.has(key))
      reader.report('missing-key', `the profile has no ${key}`, reader.wholeSpan, `add ${key}:`);
  }
  const member = members.get('vxed');
  if (member === undefined) return false;
  const version = reader.text(member.value, 'vxed');
  if (version === '1') return true;
  reader.report(
    'unsupported',
    `this VXE reads version 1 of profiles, not ${version}`,
    member.span,
    'write vxed: 1',
  );
  return false;
}

function readPolicy(reader: Reader, members: Members): Policy | undefined {
  const name = readName(reader, members.get('name'));
  const type = choice(reader, members.get('type'), 'type', ['strict', 'filesystem'] as const);
  const { span: execSpan, ...exec } = readExec(reader, members.get('exec'));
  const description = members.get('description');
  const program = members.get('program');
  const common = {
    description: description === undefined ? '' : (reader.text(description.value, 'description') ?? ''),
    program: program === undefined ? undefined : readProgram(reader, program.value),
    ...sortRules(readFiles(reader, members.get('files'))),
    network: readNetwork(reader, members.get('network')),
    capabilities: scalarList(
      reader,
      members.get('capabilities'),
      'capabilities',
      '[CAP_SETUID]',
      capability(reader),
    ),
    limits: readLimits(reader, members.get('limits')),
    resources: readResources(reader, members.get('resources')),
    namespaces: readNamespaces(reader, members.get('namespaces')),
    descriptors: readDescriptors(reader, members.get('descriptors')),
    services: scalarList(reader, members.get('services'), 'services', '[syslog]', service(reader)),
    acceptUnenforced: readAccepted(reader, members.get('accept-unenforced')),
    span: members.get('name')?.keySpan ?? reader.wholeSpan,
  };
  if (type === undefined || name === undefined) return undefined;
  // What speaks for the rules is for readers: it grants nothing.
  const learned = members.get('learned');
  if (learned !== undefined) reader.members(learned.value, 'learned', '{runs: []}');
  const { calls: own, hooks } = readCalls(reader, members.get('calls'), type, exec.exec);
  const processes = readProcesses(reader, members.get('processes'), type);
  const calls = completeCalls({ type, ...exec, processes, ...common }, execSpan, own);
  return {
    name,
    type,
    ...exec,
    processes,
    calls,
    unnamed: type === 'strict' ? 'refuse' : 'permit',
    hooks,
    ...common,
  };
}

function readName(reader: Reader, member: Member | undefined): string | undefined {
  if (member === undefined) return undefined;
  const name = reader.text(member.value, 'name');
  if (name === undefined || /^[a-z0-9][a-z0-9._-]{0,62}$/.test(name)) return name;
  const hint =
    'small letters, digits, dot, dash and underscore, beginning with a letter or digit, at most 63';
  return reader.report('bad-value', `${name} cannot be a profile's name`, member.span, hint);
}

/** The path of the program, which is one. */
function readProgram(reader: Reader, node: Node | undefined): string | undefined {
  const text = reader.text(node, 'a path');
  if (text === undefined) return undefined;
  const what = checkPath(reader, text, reader.span(node));
  if (what?.kind === 'path') return what.path;
  if (what === undefined) return undefined;
  return reader.report('bad-path', `${text} is a pattern`, reader.span(node), 'name one program');
}

function checkPath(reader: Reader, text: string, span: SourceSpan): PathText | undefined {
  const what = parsePathText(text);
  if (what.ok) return what.value;
  for (const { code, message, hint } of what.diagnostics) reader.report(code, message, span, hint);
  return undefined;
}

function readFiles(reader: Reader, member: Member | undefined): readonly (FileRule | PatternRule)[] {
  if (member === undefined) return [];
  const rules = new Map<string, FileRule | PatternRule>();
  for (const item of reader.members(member.value, 'files', '{/etc: read}') ?? []) {
    const what = checkPath(reader, item.key, item.keySpan);
    const access = readAccess(reader, item);
    if (what === undefined || access === undefined) continue;
    const rule = fileRule(what, access, item.keySpan);
    const before = rules.get(rule.id);
    if (before !== undefined) {
      const related = [{ message: 'first here', span: before.span }];
      reader.diagnostics.push({
        code: 'duplicate-key',
        message: `${rule.id.slice('files:'.length)} is ruled twice`,
        span: item.keySpan,
        related,
      });
      continue;
    }
    rules.set(rule.id, rule);
  }
  return [...rules.values()];
}

function readAccess(reader: Reader, item: Member): ReadonlySet<Access> | undefined {
  const text = reader.text(item.value, `the access of ${item.key}`);
  if (text === undefined) return undefined;
  const access = new Set<Access>();
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (words.length === 1 && words[0] === 'none') return access;
  for (const word of words) {
    const known = ACCESS_WORDS.find((candidate) => candidate === word);
    if (known === undefined) {
      const near = nearestName(word, [...ACCESS_WORDS, 'none']);
      const hint =
        near === undefined || word === 'none'
          ? `the words are ${ACCESS_WORDS.join(', ')}, or none alone`
          : `did you mean ${near}?`;
      return reader.report('bad-value', `${word} is not an access to files here`, item.span, hint);
    }
    if (access.has(known))
      return reader.report('bad-value', `${word} is said twice`, item.span, 'once is enough');
    access.add(known);
  }
  return access;
}

function capability(reader: Reader) {
  return (text: string, node: Node): string | undefined => {
    if (/^CAP_[A-Z_0-9]+$/.test(text) && constantValue(text) !== undefined) return text;
    const hint = 'write the name as the kernel has it, such as CAP_SETUID';
    return reader.report('unknown-constant', `${text} is not a capability`, reader.span(node), hint);
  };
}

function service(reader: Reader) {
  return (text: string, node: Node): Service | undefined => {
    const known = SERVICES.find((candidate) => candidate === text);
    if (known !== undefined) return known;
    return reader.report(
      'bad-value',
      `there is no service ${text}`,
      reader.span(node),
      `the services are ${SERVICES.join(', ')}`,
    );
  };
}

function readAccepted(reader: Reader, member: Member | undefined): AcceptedRule[] {
  return scalarList(reader, member, 'accept-unenforced', '["network:tcp/25"]', (id, node) => ({
    id,
    span: reader.span(node),
  }));
}
