import type {
  Access,
  CallEvent,
  Decision,
  Namespace,
  PathNeed,
  PlacedFile,
  Policy,
} from '../../policy/index.js';
import {
  ACCESS_WORDS,
  callNumber,
  constantValue,
  decide,
  decideCall,
  decidePort,
  fileVerdict,
  internetRules,
  isOwnFile,
  NAMESPACE_FLAGS,
  NAMESPACES,
  normalPath,
  ownAccess,
  ownPattern,
  parentPath,
  pathNeeds,
  RING_CALLS,
  rulesByAddress,
  socketText,
} from '../../policy/index.js';
import type { Edit } from '../violations/index.js';
import { applyEdit, dangerOf, isOfVxe, rowOf, rowWords, socketObjectOf } from '../violations/index.js';
import { capabilityFor } from './capabilities.js';
import type { Cause, CauseKind, Fix } from './cause.js';
import type { Facts, Place } from './facts.js';
import { limitCause } from './limits.js';

/** Why a call failed with this error, asked in the order in which the kernel asks: the filter, limits, the path, Landlock, mounts, modes, capabilities. */
export function diagnose(event: CallEvent, errno: string | undefined, policy: Policy, facts: Facts): Cause {
  const call = decideCall(policy, event);
  const refused = call.verdict === 'refuse' ? callCause(event, call, policy) : undefined;
  // Each refusal of the filter has one error: another one came from behind it, and what was not told of the arguments is what let it through.
  if (refused !== undefined && (errno === undefined || call.errno === errno)) return refused;
  return (
    limitCause(event, errno, policy, facts) ??
    pathCause(event, errno, policy, facts) ??
    networkCause(event, errno, policy) ??
    capabilityCause(event, errno, policy) ??
    reachCause(event, errno, policy) ??
    refused ??
    nothing(event, errno)
  );
}

function rule(
  kind: CauseKind,
  sentence: string,
  text: string,
  edits: readonly Edit[],
  policy: Policy,
  opens: string,
): Cause {
  const danger = edits.map((edit) => dangerOf(edit, policy)).find((each) => each !== undefined);
  return { kind, sentence, fix: { kind: 'rule', rule: text, edits }, opens, danger };
}

function plain(kind: CauseKind, sentence: string, fix: Fix | undefined, opens?: string): Cause {
  return { kind, sentence, fix, opens, danger: undefined };
}

function callCause(event: CallEvent, decision: Decision, policy: Policy): Cause {
  const { call } = event;
  const { reason } = decision;
  if (callNumber(call) === undefined)
    return plain(
      'seccomp',
      `This VXE does not know ${call}; its filter answers ENOSYS as a kernel without it would, so that the program does without, and no rule can permit it.`,
      undefined,
    );
  if (decision.quiet) return quietCause(event, decision, policy);
  const missing = barredNamespaces(event, policy);
  if (missing.length > 0)
    return {
      ...plain(
        'seccomp',
        `The filter refuses ${call}: the profile lets no process make namespaces of the kind ${missing.join(' or ')} (namespaces).`,
        { kind: 'outside', text: `namespaces: [..., ${missing.join(', ')}] in the profile` },
        `what is in a ${missing.join(' or ')} namespace of its own, where a process has powers that it has not outside`,
      ),
      danger: `${call} makes namespaces`,
    };
  if (policy.exec === 'once' && (call === 'execve' || call === 'execveat')) {
    const path = event.arguments.find((argument) => argument.kind === 'string');
    const sentence = `The filter refuses to execute ${path?.kind === 'string' ? path.value : 'a program'}: ${reason}.`;
    return rule(
      'seccomp',
      sentence,
      'exec: any',
      [{ kind: 'exec' }],
      policy,
      'every file with execute may be executed',
    );
  }
  const registers = event.arguments.map((argument) => (argument.kind === 'integer' ? argument.value : 0n));
  const row = event.arguments.some((argument) => argument.kind === 'integer')
    ? rowOf(call, registers)
    : undefined;
  const text = row === undefined ? `calls: permit: [${call}]` : `calls: when: ${call}: [${rowWords(row)}]`;
  const edits: Edit[] = [{ kind: 'call', call, rows: row === undefined ? undefined : [row] }];
  const opens = row === undefined ? `${call} with any arguments` : `${call} with these arguments alone`;
  return rule('seccomp', `The filter refuses ${call}: ${reason}.`, text, edits, policy, opens);
}

/** What the filter answers without a record is meant so: by VXE, which programs fall back from, or by the profile. */
function quietCause(event: CallEvent, decision: Decision, policy: Policy): Cause {
  const { call } = event;
  const { errno, reason, span } = decision;
  if (!isOfVxe(span))
    return plain(
      'seccomp',
      `The filter refuses it on purpose, without a record: ${reason}.`,
      { kind: 'outside', text: `taking the row out of calls: quiet: ${call} in the profile` },
      'what else the profile says of it',
    );
  const byName = policy.type === 'strict' || RING_CALLS.includes(call);
  const sentence = `The filter answers ${call} by ${errno ?? 'an error'} without a record, so that the program does without: ${reason}.`;
  return byName
    ? rule(
        'seccomp',
        sentence,
        `calls: permit: [${call}]`,
        [{ kind: 'call', call, rows: undefined }],
        policy,
        `${call} with any arguments`,
      )
    : plain('seccomp', sentence, undefined);
}

/** The namespaces that a call is to make, and that the key of the profile leaves out. */
function barredNamespaces(event: CallEvent, { namespaces, calls }: Policy): readonly Namespace[] {
  const [flags] = event.arguments;
  if (namespaces === undefined || flags?.kind !== 'integer') return [];
  if (!['unshare', 'clone'].includes(event.call) || !calls.has(event.call)) return [];
  return NAMESPACES.filter((name) => {
    // CLONE_NEWTIME is a bit of clone's exit signal.
    if (namespaces.includes(name) || (name === 'time' && event.call === 'clone')) return false;
    const bit = constantValue(NAMESPACE_FLAGS[name]) ?? 0n;
    return bit !== 0n && (flags.value & bit) === bit;
  });
}

const ANYWHERE: readonly Place[] = [{ root: '/', folder: '/' }];

/** A path as the instance's root has it. */
function placedPath(path: string, { root, folder }: Place): string {
  return normalPath(`${path.startsWith('/') ? root : folder}/${path}`) ?? path;
}

/** Which of its processes made the call, nobody knows: that place counts from where the path leads to something, or to nothing, as the error says. */
function pathCause(
  event: CallEvent,
  errno: string | undefined,
  policy: Policy,
  facts: Facts,
): Cause | undefined {
  const leads = (place: Place): boolean =>
    event.arguments.some(
      (argument) =>
        argument.kind === 'string' && facts.path(placedPath(argument.value, place))?.exists === true,
    );
  const places = facts.places ?? ANYWHERE;
  const likely = places.filter((place) => leads(place) !== (errno === 'ENOENT'));
  for (const place of [...likely, ...places]) {
    const cause = placedCause(event, errno, policy, facts, place);
    if (cause !== undefined) return cause;
  }
  return undefined;
}

function placedCause(
  event: CallEvent,
  errno: string | undefined,
  policy: Policy,
  facts: Facts,
  place: Place,
): Cause | undefined {
  const found = (path: string): PlacedFile | undefined => facts.path(placedPath(path, place));
  const world = {
    exists: (path: string): boolean => found(path)?.exists === true,
    resolve: (path: string): string => found(path)?.path ?? path,
  };
  // Its flags are in memory: at the least it reads.
  const asked =
    event.call === 'openat2' ? { ...event, call: 'openat', arguments: event.arguments.slice(0, 2) } : event;
  const causes = pathNeeds(asked, world).flatMap((each) => {
    const need = { ...each, path: placedPath(each.path, place) };
    const cause = needCause(event, errno, need, facts.path(need.path), policy, facts);
    return cause === undefined ? [] : [cause];
  });
  const [first, second] = causes;
  return first === undefined || second === undefined ? first : bothCauses(first, second, policy);
}

/** A rename needs something at either end; what one fix does not give, the other has to. */
function bothCauses(first: Cause, second: Cause, policy: Policy): Cause {
  if (first.fix?.kind !== 'rule' || second.fix?.kind !== 'rule') return first;
  const edits = [...first.fix.edits, ...second.fix.edits];
  const targets = edits.flatMap((edit) => (edit.kind === 'file' ? [edit.path] : []));
  const changed = edits.reduce(applyEdit, policy);
  const text = [...new Set(targets)].map((path) => {
    const access = fileVerdict(changed, path)?.access ?? new Set<Access>();
    return `files: ${path}: ${ACCESS_WORDS.filter((word) => access.has(word)).join(' ')}`;
  });
  return {
    ...first,
    fix: { kind: 'rule', rule: text.join('; '), edits },
    opens: [...new Set([first.opens, second.opens])].join(', and '),
    danger: first.danger ?? second.danger,
  };
}

function needCause(
  event: CallEvent,
  errno: string | undefined,
  need: PathNeed,
  found: PlacedFile | undefined,
  policy: Policy,
  facts: Facts,
): Cause | undefined {
  const path = found?.path ?? need.path;
  const above = facts.path(parentPath(path));
  const makes = need.access.includes('create');
  if (errno === 'ENOENT' && found !== undefined && !found.exists && (!makes || above?.exists !== true))
    return missingCause(need, path, above, policy);
  if (found?.held === 'masked')
    return plain('mount', `The profile has ${path} masked by a mount, so it is found empty.`, undefined);
  if (need.never !== undefined)
    return plain('landlock', `${path}: ${need.never}, and no rule can grant it.`, undefined);
  const granted = fileVerdict(policy, path)?.access ?? new Set<Access>();
  const lacking = need.access.filter((word) => !granted.has(word));
  if (lacking.length > 0 && errno !== 'EROFS') return ruleCause(event, need, path, lacking, policy);
  const place = found?.exists === true ? found : above;
  const changes = need.access.some((word) => word === 'write' || word === 'create' || word === 'remove');
  if (changes && place?.readonly === true && errno !== 'EACCES') return readonlyCause(path, place, lacking);
  if (need.access.includes('execute') && place?.noexec === true)
    return plain(
      'mount',
      `${place.mount} is mounted noexec, so ${path} is not executed whatever the rules grant.`,
      {
        kind: 'mount',
        destination: place.mount,
        options: ['exec'],
        text: `mounts: ${place.mount}: options: [..., exec]`,
      },
      `what is written to ${place.mount} may be executed`,
    );
  if (errno === 'EACCES' || errno === 'EPERM') return modeCause(path, need.access, found, facts, policy);
  return undefined;
}

function missingCause(need: PathNeed, path: string, above: PlacedFile | undefined, policy: Policy): Cause {
  const where = above?.exists === true && above.mount !== '/' ? above.mount : undefined;
  const sentence = `${path} is not in the instance: ${where === undefined ? 'the bundle was made without it' : `the mount ${where} does not hold it`}.`;
  const text =
    where === undefined
      ? `files: ${path}: {from: ${path}} in the recipe, and files: ${path}: ${need.access.join(' ')} in the profile`
      : `put it into what is mounted on ${where}`;
  const danger = dangerOf({ kind: 'file', path, access: need.access, folder: false }, policy);
  return { ...plain('missing', sentence, { kind: 'outside', text }, 'one more file inside'), danger };
}

function ruleCause(
  event: CallEvent,
  need: PathNeed,
  path: string,
  lacking: readonly Access[],
  policy: Policy,
): Cause {
  const named = need.access.includes('create') || need.access.includes('remove');
  const own = isOwnFile(path) && need.access.every((word) => ownAccess(path).includes(word));
  const target = own
    ? ownPattern(path)
    : named && !policy.files.some((each) => each.path === path)
      ? parentPath(path)
      : path;
  const has = fileVerdict(policy, target)?.access ?? new Set<Access>();
  const words = ACCESS_WORDS.filter((word) => need.access.includes(word) || has.has(word));
  const by = fileVerdict(policy, path);
  const says =
    by === undefined
      ? 'no rule speaks of it'
      : `${by.rules.map(({ id }) => id).join(' and ')} does not grant ${lacking.join(' and ')}`;
  const folder = !own && target !== path;
  return rule(
    'landlock',
    `Landlock refuses ${event.call} on ${path}: ${says}.`,
    `files: ${target}: ${words.join(' ')}`,
    [{ kind: 'file', path: target, access: need.access, folder }],
    policy,
    folder
      ? `${need.access.join(' and ')} of everything in ${target}`
      : `${need.access.join(' and ')} of this file`,
  );
}

function readonlyCause(path: string, place: PlacedFile, lacking: readonly Access[]): Cause {
  const also = lacking.length === 0 ? '' : `, and no rule grants ${lacking.join(' and ')}`;
  if (place.held === 'readonly')
    return plain('mount', `The profile has ${path} read-only by a mount${also}.`, undefined);
  if (place.mount === '/')
    return plain(
      'mount',
      `The root file system of the instance is read-only, so ${path} cannot be changed${also}.`,
      {
        kind: 'mount',
        destination: place.folder ? place.path : parentPath(place.path),
        options: ['rw'],
        text: `mounts: ${parentPath(path)}: {source: FOLDER, options: [rw]} in the recipe, or tmpfs`,
      },
      'what is written there is kept, or is gone with the instance',
    );
  return plain(
    'mount',
    `${place.mount} is mounted read-only, so ${path} cannot be changed${also}.`,
    {
      kind: 'mount',
      destination: place.mount,
      options: ['rw'],
      text: `mounts: ${place.mount}: options: [..., rw]`,
    },
    `whatever the rules let be written in ${place.mount}`,
  );
}

/** Ordinary permissions of Unix, for a superuser without CAP_DAC_OVERRIDE as for anybody. */
function modeCause(
  path: string,
  access: readonly Access[],
  found: PlacedFile | undefined,
  facts: Facts,
  policy: Policy,
): Cause | undefined {
  if (policy.capabilities.includes('CAP_DAC_OVERRIDE')) return undefined;
  const chain: { readonly at: PlacedFile; readonly bits: number }[] = [];
  for (let folder = parentPath(path); ; folder = parentPath(folder)) {
    const at = facts.path(folder);
    const names =
      folder === parentPath(path) && access.some((word) => word === 'create' || word === 'remove');
    if (at?.exists === true) chain.push({ at, bits: names ? 3 : 1 });
    if (folder === '/') break;
  }
  if (found?.exists === true && !access.includes('remove')) {
    const bits =
      (access.includes('read') ? 4 : 0) |
      (access.includes('write') ? 2 : 0) |
      (access.includes('execute') ? 1 : 0);
    chain.push({ at: found, bits });
  }
  for (const { at, bits } of chain.reverse()) {
    const who = facts.users.find((user) => (modeBits(at, user) & bits) !== bits);
    if (who === undefined) continue;
    const mode = (at.mode & 0o7777).toString(8).padStart(4, '0');
    return plain(
      'permission',
      `Ordinary Unix permissions: ${at.path} has the mode ${mode} and belongs to ${at.uid}:${at.gid}, and the program runs as ${who.uid} without CAP_DAC_OVERRIDE.`,
      { kind: 'outside', text: `chown or chmod ${at.path}` },
      'the file to whom its new mode names',
    );
  }
  return undefined;
}

function modeBits(at: PlacedFile, { uid, gids }: Facts['users'][number]): number {
  if (uid === at.uid) return (at.mode >> 6) & 7;
  return gids.includes(at.gid) ? (at.mode >> 3) & 7 : at.mode & 7;
}

function wordOf({ call }: CallEvent): 'accept' | 'connect' | 'send' {
  return call === 'bind' ? 'accept' : call === 'connect' ? 'connect' : 'send';
}

/** Landlock has one rule for each port. */
const LISTED_MAX = 1024;

/** Whether Landlock lets the port through, which knows TCP and no addresses, so that what refuses is the cgroup's. */
function heldByAddress(event: CallEvent, { network }: Policy): boolean {
  const address = event.arguments.find((argument) => argument.kind === 'address');
  if (address?.kind !== 'address' || !('port' in address.value)) return false;
  const { family, port } = address.value;
  if (family === 'udp') return true;
  const rules = internetRules(network);
  const word = event.call === 'bind' ? 'accept' : 'connect';
  const listed = rules
    .filter(({ object, access }) => object.protocol === 'tcp' && access.has(word))
    .reduce((sum, { object }) => sum + object.ports.to - object.ports.from + 1, 0);
  return listed > LISTED_MAX || decidePort(rules, word, 'tcp', port) !== 'none';
}

function networkCause(event: CallEvent, errno: string | undefined, policy: Policy): Cause | undefined {
  const address = event.arguments.find((argument) => argument.kind === 'address');
  if (address?.kind !== 'address') return portlessCause(event, errno, policy);
  const { value, text } = address;
  const decision = decide(policy, event);
  const byAddress = heldByAddress(event, policy);
  // Who rules by address means no port of all of them, whatever refuses.
  const object =
    byAddress || ('port' in value && rulesByAddress(policy.network, value.family))
      ? socketObjectOf(text)
      : undefined;
  if (decision.verdict === 'refuse' && object !== undefined) {
    const word = wordOf(event);
    const edit: Edit = { kind: 'socket', object, access: [word] };
    const changed = applyEdit(policy, edit);
    const who = byAddress
      ? 'The rules on addresses, held by programs on the cgroup, refuse'
      : 'Landlock refuses';
    const sentence = `${who} ${event.call} of ${text}: ${decision.reason}.`;
    // Whichever address it may be is granted where each is; a narrower rule that refuses some of them stays.
    if (decide(changed, event).verdict === 'refuse') return plain('network', sentence, undefined);
    // The rule for an address replaces those around it: it says again what they give.
    const made = changed.network.sockets.find((each) => socketText(each.object) === socketText(object));
    return rule(
      'network',
      sentence,
      `network: sockets: ${socketText(object)}: ${[...(made?.access ?? [word])].sort().join(' ')}`,
      [edit],
      policy,
      `${word} of ${socketText(object)}`,
    );
  }
  if (decision.verdict === 'refuse' && 'port' in value) {
    const side = event.call === 'bind' ? 'accept' : 'connect';
    const sentence = `Landlock refuses ${event.call} of ${text}: ${decision.reason}.`;
    const edits: Edit[] = [{ kind: 'port', side, port: value.port }];
    const opens =
      side === 'accept'
        ? `TCP port ${value.port} is served`
        : `connections to TCP port ${value.port} of every address`;
    return rule('network', sentence, `network: ${side}: [tcp/${value.port}]`, edits, policy, opens);
  }
  if (decision.verdict === 'refuse')
    return plain('landlock', `Landlock refuses ${event.call} of ${text}: ${decision.reason}.`, undefined);
  const unreachable = ['ENETUNREACH', 'ENETDOWN', 'EHOSTUNREACH', 'EADDRNOTAVAIL'].includes(errno ?? '');
  if (!unreachable || policy.network.interface === 'host') return undefined;
  const local = /^(?:tcp|udp)\/(?:127\.|\[?::1|\*|\d+$)/.test(text);
  const to = policy.network.interface === 'none' && local ? 'loopback' : 'host';
  const has =
    policy.network.interface === 'none' ? 'a network with no interface up' : 'a network with loopback alone';
  return rule(
    'network',
    `The instance has ${has}, so ${text} is out of its reach.`,
    `network: interface: ${to}`,
    [{ kind: 'interface', to }],
    policy,
    to === 'host'
      ? "the host's interfaces, as far as the network rules go"
      : 'connections within the instance',
  );
}

/** A program that binds, whatever its port, where the profile lets it serve none. */
function portlessCause({ call }: CallEvent, errno: string | undefined, policy: Policy): Cause | undefined {
  const refused = errno === 'EACCES' || errno === 'EPERM';
  const serves = internetRules(policy.network).some(({ access }) => access.has('accept'));
  if (!refused || serves || (call !== 'bind' && call !== 'listen')) return undefined;
  return plain(
    'network',
    `Landlock refuses ${call}: the profile lets the program serve no port (network: accept).`,
    {
      kind: 'outside',
      text: 'network: accept: [tcp/PORT] in the profile, with the port that it is to serve',
    },
    'that port is served',
  );
}

function capabilityCause(event: CallEvent, errno: string | undefined, policy: Policy): Cause | undefined {
  if (errno !== 'EPERM' && errno !== 'EACCES') return undefined;
  const name = capabilityFor(event);
  if (name === undefined || policy.capabilities.includes(name)) return undefined;
  return rule(
    'capability',
    `${event.call} asks for ${name}, which the profile does not grant.`,
    `capabilities: [..., ${name}]`,
    [{ kind: 'capability', name }],
    policy,
    `all that ${name} permits (capabilities(7)), within the calls and files of the profile`,
  );
}

/** Processes outside the instance are in nobody's reach. */
function reachCause(event: CallEvent, errno: string | undefined, policy: Policy): Cause | undefined {
  if (!['kill', 'tkill', 'tgkill', 'ptrace'].includes(event.call) || errno !== 'EPERM') return undefined;
  const decision = decide(policy, event);
  const why =
    decision.verdict === 'refuse'
      ? decision.reason
      : "the process is the instance's first, or not the program's own";
  return plain('landlock', `Landlock's signal scope refuses ${event.call}: ${why}.`, undefined);
}

function nothing(event: CallEvent, errno: string | undefined): Cause {
  const failed = errno === undefined ? '' : ` with ${errno}`;
  return plain(
    'other',
    `Nothing of the profile refuses ${event.call}; that it fails${failed} is the kernel's own answer.`,
    undefined,
  );
}
