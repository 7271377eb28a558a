import type { Result } from '../common/index.js';
import { builtinSpan, failure, success } from '../common/index.js';
import type { Access, EventArgument, EventWorld, Policy } from '../policy/index.js';
import { ACCESS_WORDS, constantValue, isBeneath, normalPath, parentPath } from '../policy/index.js';
import type { FileAct } from './acts.js';
import { formulaOf, WAYS } from './acts.js';
import type { Instance } from './permitted.js';
import { pathArgument, permittedCall } from './permitted.js';
import { accessAt, freshBelow, regionsAt, regionsOf } from './regions.js';
import type { Solver } from './solver.js';
import { Terms } from './term.js';

/** A path that may be both executed and changed: what is written there is then run. */
export async function writableProgram(
  policy: Policy,
  solver: Solver,
  world: EventWorld | undefined,
): Promise<Instance | undefined> {
  const launched = policy.program === undefined ? [] : [world?.resolve(policy.program) ?? policy.program];
  const paths = policy.exec === 'once' ? launched : regionsOf(policy).map(({ path }) => path);
  for (const path of paths) {
    const access = accessAt(policy, path);
    const change = (['write', 'create'] as const).filter((word) => access.has(word));
    if (!access.has('execute') || change.length === 0) continue;
    const reason = `it and what lies below it may be executed, and ${change.join(' and ')} is granted`;
    const isFolder = policy.files.some((rule) => rule.path === path && rule.folder) || access.has('create');
    const below = freshBelow(path, new Set(policy.files.map((rule) => rule.path)));
    const run = await doing(policy, 'execute', isFolder ? below : path, solver, world);
    return run === undefined ? { text: path, reason } : { ...run, reason: `${path}: ${reason}` };
  }
  return undefined;
}

const ACTS: Readonly<Record<Access, readonly FileAct[]>> = {
  read: ['read', 'list'],
  write: ['write', 'truncate'],
  create: ['make file', 'make folder', 'make link', 'make socket', 'make fifo'],
  remove: ['remove file', 'remove folder'],
  execute: ['execute'],
  ioctl: ['ioctl'],
};

/** `WORD of PATH, PATH` or `WORD outside PATH, PATH`; undefined for what is no such question. */
export async function fileQuestion(
  policy: Policy,
  text: string,
  solver: Solver,
  world: EventWorld | undefined,
): Promise<Result<Instance | undefined> | undefined> {
  const [, written, relation, list = ''] = /^([a-z]+) (of|outside)(?: (.+))?$/.exec(text) ?? [];
  const word = ACCESS_WORDS.find((each) => each === written);
  if (relation === undefined) return undefined;
  const tops = list.split(/, ?/).map((path) => normalPath(path));
  if (word === undefined || tops.includes(undefined))
    return failure({
      code: 'bad-event',
      message: `${text} is not a question about files`,
      hint: `write one of ${ACCESS_WORDS.join(', ')}, then of or outside, and absolute paths: write outside /var/mail, /run`,
    });
  const asked = tops.flatMap((path) => (path === undefined ? [] : [world?.resolve(path) ?? path]));
  for (const path of pathsFor(policy, asked)) {
    const inside = asked.some((top) => isBeneath(path, top));
    if (inside !== (relation === 'of') || !accessAt(policy, path).has(word)) continue;
    // Of execution only the launch is left, which is no call of the program.
    if (word === 'execute' && policy.exec === 'once') continue;
    const found = await doing(policy, word, path, solver, world);
    if (found !== undefined) return success(found);
  }
  return success(undefined);
}

/** One path of each region, those that the question names with what lies below them included. Of a folder, what lies in it is shown first. */
function pathsFor(policy: Policy, asked: readonly string[]): readonly string[] {
  const question = { files: asked.map((path) => ({ ...NOTHING, path })), patterns: [] };
  const named = new Set([...regionsOf(policy, question).map(({ path }) => path), ...asked]);
  const folders = new Set([...named].map((path) => parentPath(path)));
  for (const { path, folder, access } of policy.files)
    if (folder || access.has('create') || access.has('remove')) folders.add(path);
  const paths = regionsAt(named).flatMap(({ path }) => {
    const below = freshBelow(path, named);
    return folders.has(path) ? [below, path] : [path, below];
  });
  return [...new Set(paths)];
}

const NOTHING = {
  id: 'files:question',
  access: new Set<Access>(),
  folder: false,
  span: builtinSpan('the question'),
};

/** A call that does what the word means to the path, and that the calls and all other rules let through. */
async function doing(
  policy: Policy,
  word: Access,
  path: string,
  solver: Solver,
  world: EventWorld | undefined,
): Promise<Instance | undefined> {
  const terms = new Terms();
  for (const act of ACTS[word]) {
    for (const way of WAYS[act]) {
      if (way.path === undefined) {
        // By a descriptor: whether the call as such is permitted says nothing of this file, so the rule itself is shown.
        if (word === 'ioctl') return { text: `ioctl on ${path}`, reason: `ioctl is granted on ${path}` };
        continue;
      }
      const argument: EventArgument =
        way.address === true
          ? { kind: 'address', value: { family: 'unix', path }, text: `unix:${path}` }
          : pathArgument(path);
      const fixed = new Map([[way.path, argument]]);
      const where = formulaOf(way, terms);
      const found = await permittedCall(policy, way.call, fixed, solver, world, terms, where);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** `capability CAP_SYS_ADMIN`, or `capability not CAP_SETUID, CAP_SETGID`: one that is kept. */
export function capabilityQuestion(policy: Policy, text: string): Result<Instance | undefined> {
  const [, not, list = ''] = /^capability( not)? (.+)$/.exec(text) ?? [];
  const names = list.split(/, ?/);
  const wrong = names.find((name) => !/^CAP_/.test(name) || constantValue(name) === undefined);
  if (wrong !== undefined)
    return failure({
      code: 'bad-event',
      message: `${wrong === '' ? text : wrong} is no capability`,
      hint: 'write capability CAP_SYS_ADMIN, or capability not CAP_SETUID, CAP_SETGID',
    });
  const kept = policy.capabilities.find((name) => names.includes(name) !== (not !== undefined));
  if (kept === undefined) return success(undefined);
  const integer = (name: string): EventArgument => ({
    kind: 'integer',
    value: constantValue(name) ?? 0n,
    text: name,
  });
  const event = { call: 'prctl', arguments: [integer('PR_CAPBSET_READ'), integer(kept)] };
  return success({
    text: `prctl(PR_CAPBSET_READ, ${kept}) = 1`,
    reason: `${kept} is in the bounding set of all that is started`,
    event,
  });
}
