import type { Access, InternetObject, Policy, SocketAccess, SocketObject } from '../../policy/index.js';
import {
  ACCESS_WORDS,
  callNumber,
  fileVerdict,
  isBeneath,
  isOwnFile,
  networkOf,
  ownAccess,
  ownPattern,
  parentPath,
  parseSocketObject,
  rulesByAddress,
  socketText,
} from '../../policy/index.js';
import { dangerOf } from './danger.js';
import type { Edit } from './edit.js';
import { distinctRows, rowOf, rowWords } from './rows.js';
import type { Violation } from './violation.js';

/** One way to permit what was refused. */
export interface Choice {
  /** The rule as the profile would say it. */
  readonly rule: string;
  readonly edits: readonly Edit[];
  /** Why it needs a person's yes; undefined: an ordinary one. */
  readonly danger: string | undefined;
}

/** What an administrator decides at once: the violations that the same rule would permit. */
export interface Decision {
  readonly key: string;
  readonly kind: 'call' | 'file' | 'port' | 'exec' | 'none';
  /** In plain words. */
  readonly subject: string;
  readonly count: number;
  readonly first: string;
  readonly last: string;
  readonly performed: number;
  readonly refused: number;
  readonly programs: readonly string[];
  readonly example: string;
  /** The rules that refuse now. */
  readonly rules: readonly string[];
  /** The narrowest first, then one wider; empty where no rule can permit it, and `subject` says why. */
  readonly choices: readonly Choice[];
}

/** So many files of one folder are one decision. */
const MANY_FILES = 8;

/** Groups violations by what the administrator would decide, the most frequent first. */
export function decisionsOf(violations: readonly Violation[], policy: Policy): readonly Decision[] {
  const groups = new Map<string, Violation[]>();
  for (const violation of violations) {
    const key = keyOf(violation, policy);
    groups.set(key, [...(groups.get(key) ?? []), violation]);
  }
  const decisions = [...groupFolders(groups)].map(([key, group]) => decisionOf(key, group, policy));
  return decisions.sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1));
}

function keyOf(violation: Violation, policy: Policy): string {
  if (violation.mechanism === 'seccomp') {
    if (violation.rule === 'exec:once') return 'exec';
    if (violation.arch !== 'x86_64' && violation.arch !== 'aarch64') return `none:${violation.arch}`;
    if (violation.rule === 'network:accept') return 'none:listen';
    return callNumber(violation.call) === undefined ? `none:${violation.call}` : `call:${violation.call}`;
  }
  if (violation.rule === UNSEEN) return `none:unseen:${violation.detail ?? violation.call}`;
  if (violation.mechanism === 'supervisor' || violation.mechanism === 'kernel')
    return `none:${violation.mechanism}:${violation.detail ?? violation.call}`;
  if (violation.path !== undefined && violation.needs.length > 0) {
    if (violation.narrowed)
      return `none:narrowed:${violation.folder ? violation.path : parentPath(violation.path)}`;
    const process = ofProcess(violation);
    if (process !== undefined) return `none:${process}`;
    return `file:${narrowestPath(violation)}`;
  }
  const port = portOf(violation, policy);
  if (port !== undefined) return `port:${port.side}:${port.port}`;
  if (objectOf(violation) !== undefined) return `socket:${wordOf(violation)}:${violation.to}`;
  return `none:${violation.rule}`;
}

/** Of processes' files, why no rule can name it. */
function ofProcess({ path = '', needs }: Violation): 'process' | 'own' | undefined {
  if (/^\/proc\/[0-9]+(\/|$)/.test(path)) return 'process';
  if (!isOwnFile(path)) return undefined;
  return needs.every((word) => ownAccess(path).some((each) => each === word)) ? undefined : 'own';
}

/** Where the call led to, the supervisor was not to look. */
const UNSEEN = 'files:unseen';

/** No rule of the profile spoke of the address, so that one on its port would. */
const DEFAULT_RULE = /^network:(?:accept|connect|udp)$/;

/** What makes or removes a name is ruled by the folder that the name is in. */
function narrowestPath({ path = '/', needs, folder }: Violation): string {
  if (isOwnFile(path)) return ownPattern(path);
  if (folder) return path;
  return needs.includes('create') || needs.includes('remove') ? parentPath(path) : path;
}

function portOf(
  { call, to, rule }: Violation,
  { network }: Policy,
): { readonly side: 'accept' | 'connect'; readonly port: number } | undefined {
  const port = /^(?:tcp|ip)\/.*:(\d+)$/.exec(to ?? '')?.[1];
  // One that a rule on addresses refuses is not permitted by a rule on the port; and who rules by address means no port of all of them.
  if (port === undefined || !DEFAULT_RULE.test(rule) || rulesByAddress(network, 'tcp')) return undefined;
  return { side: call === 'bind' || call === 'listen' ? 'accept' : 'connect', port: Number(port) };
}

/** What else of sockets a rule can speak of: addresses of UDP, those that a narrower rule refuses, unix sockets. */
function objectOf({ to, narrowed }: Violation): SocketObject | undefined {
  return narrowed ? undefined : socketObjectOf((to ?? '').replace(/^ip\//, 'tcp/'));
}

/** What a rule on a call's address speaks of. One that is not said stands for all of them. */
export function socketObjectOf(text: string): SocketObject | undefined {
  const object = parseSocketObject(text.replace(/\/(?:0\.0\.0\.0|\[::\]):/, '/'));
  return typeof object === 'string' ? undefined : object;
}

function wordOf({ call, to }: Violation): SocketAccess {
  if (call === 'bind' || call === 'listen') return 'accept';
  return call === 'connect' || !to?.startsWith('udp/') ? 'connect' : 'send';
}

/** Many files of one folder, asked for in the same way, are asked about once. */
function groupFolders(
  groups: ReadonlyMap<string, readonly Violation[]>,
): ReadonlyMap<string, readonly Violation[]> {
  const folders = new Map<string, string[]>();
  for (const [key, group] of groups) {
    const violation = group[0];
    if (!key.startsWith('file:') || violation === undefined || violation.path !== key.slice(5)) continue;
    // What the kernel tells there is each something of its own.
    if (isBeneath(violation.path, '/proc')) continue;
    const folder = `${parentPath(key.slice(5))} ${wordsOf(group).join()}`;
    folders.set(folder, [...(folders.get(folder) ?? []), key]);
  }
  const merged = new Map(groups);
  for (const [folder, keys] of folders) {
    const path = folder.split(' ')[0] ?? '/';
    if (keys.length < MANY_FILES || path === '/') continue;
    const all = keys.flatMap((key) => merged.get(key) ?? []);
    for (const key of keys) merged.delete(key);
    merged.set(`file:${path}`, [...(merged.get(`file:${path}`) ?? []), ...all]);
  }
  return merged;
}

function wordsOf(group: readonly Violation[]): readonly Access[] {
  return ACCESS_WORDS.filter((word) => group.some((each) => each.needs.includes(word)));
}

function decisionOf(key: string, group: readonly Violation[], policy: Policy): Decision {
  const [kind = '', ...rest] = key.split(':');
  const times = group.flatMap((each) => [each.first ?? each.time, each.time]).sort();
  const base = {
    key,
    count: sum(group),
    first: times[0] ?? '',
    last: times.at(-1) ?? '',
    performed: sum(group.filter((each) => each.verdict === 'performed')),
    refused: sum(group.filter((each) => each.verdict === 'refused')),
    programs: unique(group.map((each) => each.exe || each.comm)),
    example: group.find((each) => each.detail !== undefined)?.detail ?? group[0]?.call ?? '',
    rules: unique(group.map((each) => (each.at === undefined ? each.rule : `${each.rule} (${each.at})`))),
  };
  switch (kind) {
    case 'call':
      return { ...base, kind, ...callDecision(rest.join(':'), group, policy) };
    case 'file':
      return { ...base, kind, ...fileDecision(rest.join(':'), group, policy) };
    case 'port':
      return { ...base, kind, ...portDecision(group, policy) };
    case 'socket':
      return { ...base, kind: 'port', ...socketDecision(group, policy) };
    case 'exec':
      return {
        ...base,
        kind,
        subject: `executes ${unique(group.map((each) => each.path ?? 'a program')).join(', ')} after the launch`,
        choices: [choice('exec: any', [{ kind: 'exec' }], policy)],
      };
    default:
      return { ...base, kind: 'none', subject: impossible(rest, group), choices: [] };
  }
}

function impossible([what = '', ...rest]: readonly string[], group: readonly Violation[]): string {
  if (what === 'narrowed')
    return `${group[0]?.call} in ${rest.join(':')}: its rule grants it, but a narrower rule lies below, and Landlock cannot give it to the folder alone`;
  if (what === 'process')
    return `${group[0]?.call} on ${group[0]?.path}: a file of another process, which no rule can name`;
  if (what === 'own')
    return `${group[0]?.call} on ${group[0]?.path}: the supervisor gives a process no such file of its own`;
  if (what === 'listen') return 'listens on a socket that was not bound to a granted port';
  if (what === 'unseen')
    return `${rest.join(':')}: what that leads to VXE may not look up with the rights that it has here, so it was not judged; production may refuse it`;
  if (what === 'supervisor')
    return `${rest.join(':')}: such a ring could do more than the profile permits, and no rule gives it`;
  if (what === 'kernel')
    return `${rest.join(':')}: the kernel makes no rings any more, as kernel.io_uring_disabled may say`;
  if (what === 'calls')
    return `${group[0]?.call}: Landlock lets nothing be mounted, whatever the calls permit`;
  if (what === 'scope')
    return `${group[0]?.detail ?? group[0]?.call}: reaches out of the instance, which no rule grants`;
  return `${group[0]?.call} by the entry ${group[0]?.arch}: no rule can speak of it`;
}

function callDecision(
  call: string,
  group: readonly Violation[],
  policy: Policy,
): Pick<Decision, 'subject' | 'choices'> {
  const rows = group.map((each) => rowOf(call, each.args));
  const wide = choice(`calls: permit: [${call}]`, [{ kind: 'call', call, rows: undefined }], policy);
  if (rows.some((row) => row === undefined)) return { subject: `calls ${call}`, choices: [wide] };
  const distinct = distinctRows(rows.filter((row) => row !== undefined));
  const narrow = choice(
    `calls: when: ${call}: [${distinct.map(rowWords).join(', ')}]`,
    [{ kind: 'call', call, rows: distinct }],
    policy,
  );
  return { subject: `calls ${call} with ${distinct.map(rowWords).join(' or ')}`, choices: [narrow, wide] };
}

function fileDecision(
  path: string,
  group: readonly Violation[],
  policy: Policy,
): Pick<Decision, 'subject' | 'choices'> {
  const words = wordsOf(group);
  const own = isOwnFile(path);
  const folder = !own && group.some((each) => each.path !== path || opensFolder(each));
  const choices = [fileChoice(path, words, folder, policy)];
  const wider = parentPath(path);
  if (!own && wider !== path && wider !== '/') choices.push(fileChoice(wider, words, true, policy));
  const names = unique(group.map((each) => each.path ?? path));
  const what = names.length === 1 ? names[0] : `${names.length} files in ${path}`;
  return { subject: `${words.map((word) => VERBS[word]).join(' and ')} ${what}`, choices };
}

const O_DIRECTORY: Readonly<Record<string, bigint>> = { x86_64: 0o200000n, aarch64: 0o40000n };

/** In a mount, whose content is not known when the bundle is made, a rule without a final slash is a file's. */
function opensFolder({ arch, call, args, folder }: Violation): boolean {
  if (folder) return true;
  const flags = call === 'openat' ? args[2] : call === 'open' ? args[1] : undefined;
  return flags !== undefined && (flags & (O_DIRECTORY[arch] ?? 0n)) !== 0n;
}

const VERBS: Readonly<Record<Access, string>> = {
  read: 'reads',
  write: 'writes',
  create: 'makes',
  remove: 'removes',
  execute: 'executes',
  ioctl: 'controls',
};

function fileChoice(path: string, words: readonly Access[], folder: boolean, policy: Policy): Choice {
  const has = fileVerdict(policy, path)?.access ?? new Set<Access>();
  const access = ACCESS_WORDS.filter((word) => words.includes(word) || has.has(word));
  return choice(
    `files: ${path}: ${access.join(' ')}`,
    [{ kind: 'file', path, access: words, folder }],
    policy,
  );
}

function portDecision(group: readonly Violation[], policy: Policy): Pick<Decision, 'subject' | 'choices'> {
  const violation = group[0];
  const port = violation === undefined ? undefined : portOf(violation, policy);
  if (port === undefined) return { subject: 'uses a port', choices: [] };
  const edit: Edit = { kind: 'port', side: port.side, port: port.port };
  const verb = port.side === 'accept' ? 'takes the port' : 'connects to';
  return {
    subject: `${verb} ${unique(group.map((each) => each.to ?? '')).join(', ')}`,
    choices: [choice(`network: ${port.side}: [tcp/${port.port}]`, [edit], policy)],
  };
}

const REACHES = { accept: 'takes', connect: 'connects to', send: 'sends to' } as const;

/** An address's own network, as small as most are. */
const NEAR = { 4: 24, 6: 64 } as const;

/** One wider: the port on every address, or where the profile rules by address on those of the same network. */
function widerSocket(object: InternetObject, { network }: Policy): readonly SocketObject[] {
  const { address, protocol } = object;
  if (address === undefined) return [];
  if (!rulesByAddress(network, protocol)) return [{ ...object, address: undefined }];
  const prefix = NEAR[address.family];
  return address.prefix <= prefix
    ? []
    : [{ ...object, address: { ...address, prefix, value: networkOf({ ...address, prefix }) } }];
}

/** The very address, and a wider choice where no rule speaks of it. Of unix sockets both words are one right. */
function socketDecision(group: readonly Violation[], policy: Policy): Pick<Decision, 'subject' | 'choices'> {
  const violation = group[0];
  const object = violation === undefined ? undefined : objectOf(violation);
  if (violation === undefined || object === undefined) return { subject: 'uses a socket', choices: [] };
  const word = wordOf(violation);
  const access: readonly SocketAccess[] = object.kind === 'internet' ? [word] : ['connect', 'send'];
  const wider =
    object.kind === 'internet' && DEFAULT_RULE.test(violation.rule) ? widerSocket(object, policy) : [];
  const objects: readonly SocketObject[] = [object, ...wider];
  return {
    subject: `${REACHES[word]} ${violation.to}`,
    choices: objects.map((each) =>
      choice(
        `network: sockets: ${socketText(each)}: ${access.join(' ')}`,
        [{ kind: 'socket', object: each, access }],
        policy,
      ),
    ),
  };
}

function choice(rule: string, edits: readonly Edit[], policy: Policy): Choice {
  return {
    rule,
    edits,
    danger: edits.map((edit) => dangerOf(edit, policy)).find((each) => each !== undefined),
  };
}

function sum(group: readonly Violation[]): number {
  return group.reduce((total, each) => total + each.count, 0);
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
