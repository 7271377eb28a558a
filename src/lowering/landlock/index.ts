import type { Diagnostic } from '../../common/index.js';
import type { Access, FileRule, Policy } from '../../policy/index.js';
import { decideUnix, effectiveFiles, nearestRule } from '../../policy/index.js';
import type { Coverage, LandlockPathRule, MountDemand, OciLandlock } from '../plan.js';
import { PORT_RIGHTS, portGrant, reachesAbstract } from '../socket-plan.js';
import type { FileTree } from '../tree.js';
import type { HandledRights } from './abi.js';
import { abiText, rightsOf } from './abi.js';
import type { Carving, PlacedRule } from './carve.js';
import { carve, placeRule } from './carve.js';

export { ABI_TABLE, abiText, rightsOf } from './abi.js';

export interface LandlockPlan {
  readonly landlock: OciLandlock;
  /** What is left to mounts. */
  readonly demands: readonly MountDemand[];
  readonly coverage: readonly Coverage[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Below this, a file that may only be read can be emptied. */
const FILES_ABI = 3;

/** Lowers file rules and ports to a ruleset that handles every right which the kernel knows. */
export function lowerLandlock(policy: Policy, tree: FileTree, abi: number): LandlockPlan {
  const handled = rightsOf(abi);
  const placed = withSockets(
    policy,
    placedRules(policy).map((rule) => placeRule(rule, tree, handled.fs)),
    handled,
  );
  const diagnostics = [
    ...sameObject(placed),
    ...programProblems(policy, placed, tree),
    ...missingTargets(placed),
  ];
  const carving = carve(placed, tree);
  return {
    landlock: ruleset(policy, carving, handled),
    demands: [...carving.byMount].map(([{ rule, path }, rights]) => ({ rule, path, takeAway: [...rights] })),
    coverage: [
      ...fileCoverage(policy, abi),
      ...placed
        .filter(({ rule }) => rule.id.startsWith('files:'))
        .map((rule) => ruleCoverage(rule, carving, tree, abi)),
    ],
    diagnostics,
  };
}

/** The file rules, and those that socket rules need besides, with what the files grant there. */
function placedRules(policy: Policy): readonly FileRule[] {
  const files = effectiveFiles(policy);
  const named = new Set(files.map((rule) => rule.path));
  const sockets = policy.network.sockets.flatMap(({ id, object, span }): FileRule[] => {
    if (object.kind !== 'unix' || named.has(object.path)) return [];
    const access = nearestRule(files, object.path)?.access ?? new Set<Access>();
    return [{ id, path: object.path, access, folder: false, span }];
  });
  return [...files, ...sockets];
}

/** Gives the right to reach sockets where the rules for sockets say so, whatever the files are granted there. */
function withSockets(
  policy: Policy,
  placed: readonly PlacedRule[],
  handled: HandledRights,
): readonly PlacedRule[] {
  if (!handled.fs.includes(SOCKET_RIGHT)) return placed;
  if (!policy.network.sockets.some(({ object }) => object.kind === 'unix')) return placed;
  const files = effectiveFiles(policy);
  return placed.map((each) => {
    const words = (['connect', 'send'] as const).filter(
      (word) => decideUnix(policy.network, { files, patterns: [] }, word, each.rule.path).granted,
    );
    const others = [...each.rights].filter((right) => right !== SOCKET_RIGHT);
    return { ...each, rights: new Set(words.length === 2 ? [...others, SOCKET_RIGHT] : others) };
  });
}

const SOCKET_RIGHT = 'resolve_unix';

function ruleset(policy: Policy, carving: Carving, handled: HandledRights): OciLandlock {
  const grants = portGrants(policy, handled);
  return {
    ruleset: {
      handledAccessFS: handled.fs,
      handledAccessNet: grants.map(({ right }) => right),
      scoped: handled.scoped.filter((scope) => scope !== 'abstract_unix_socket' || !reachesAbstract(policy)),
    },
    rules: {
      pathBeneath: pathRules(carving, handled.fs),
      netPort: grants.flatMap(({ right, ports }) =>
        ports.length === 0 ? [] : [{ allowedAccess: [right], ports }],
      ),
    },
    disableBestEffort: true,
  };
}

/** One rule for each set of rights, and for what may be gone apart, in an order that depends on nothing but the content. */
function pathRules({ grants, unnamed }: Carving, order: readonly string[]): readonly LandlockPathRule[] {
  const groups = new Map<string, { allowedAccess: string[]; paths: string[]; optional?: true }>();
  for (const [path, rights] of [...grants].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const allowedAccess = order.filter((right) => rights.has(right));
    const optional = unnamed.has(path) ? ({ optional: true } as const) : {};
    const key = [...allowedAccess, ...Object.keys(optional)].join(' ');
    const group = groups.get(key) ?? { allowedAccess, paths: [], ...optional };
    group.paths.push(path);
    groups.set(key, group);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/** What is handled, with the ports that are granted; a right that every port has would refuse nothing. */
function portGrants(
  policy: Policy,
  handled: HandledRights,
): readonly { readonly right: string; readonly ports: readonly number[] }[] {
  return PORT_RIGHTS.filter(({ right }) => handled.net.includes(right)).flatMap((right) => {
    const { ports } = portGrant(policy, right);
    return typeof ports === 'string' ? [] : [{ right: right.right, ports }];
  });
}

/** Two paths that are one object must say the same of it. */
function sameObject(placed: readonly PlacedRule[]): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const seen = new Map<string, PlacedRule>();
  for (const rule of placed) {
    const other = seen.get(rule.path);
    seen.set(rule.path, rule);
    if (other === undefined || sameWords(other, rule)) continue;
    diagnostics.push({
      code: 'conflict',
      message: `${other.rule.path} and ${rule.rule.path} are the same file, ${rule.path}, with different rules`,
      span: rule.rule.span,
      hint: `keep one rule, for ${rule.path}`,
      related: [{ message: 'the other rule', span: other.rule.span }],
    });
  }
  return diagnostics;
}

function sameWords(a: PlacedRule, b: PlacedRule): boolean {
  return (
    a.rule.access.size === b.rule.access.size && [...a.rule.access].every((word) => b.rule.access.has(word))
  );
}

/** A program that its own profile does not let run. */
function programProblems(
  policy: Policy,
  placed: readonly PlacedRule[],
  tree: FileTree,
): readonly Diagnostic[] {
  if (policy.program === undefined) return [];
  const path = tree.resolve(policy.program);
  const rules = placed.map((rule) => ({ ...rule.rule, path: rule.path }));
  if (nearestRule(rules, path)?.access.has('execute') === true) return [];
  return [
    {
      code: 'conflict',
      message: `the profile ${policy.name} does not let its own program run`,
      span: nearestRule(rules, path)?.span ?? policy.span,
      hint: `add to files: ${path}: read execute`,
    },
  ];
}

/** A rule for a file that is not there would give nothing, now or ever: only what is read may be missing. */
function missingTargets(placed: readonly PlacedRule[]): readonly Diagnostic[] {
  return placed
    .filter(
      ({ kind, rule }) =>
        kind === 'missing' && ['write', 'create', 'remove'].some((word) => has(rule.access, word)),
    )
    .map(({ rule, path }) => ({
      code: 'missing-file',
      message: `${path} is to be changed, and there is no such file`,
      span: rule.span,
      hint: 'make it a mount of the bundle, or rule the folder that it will be in',
    }));
}

function has(access: ReadonlySet<string>, word: string): boolean {
  return access.has(word);
}

function fileCoverage(policy: Policy, abi: number): readonly Coverage[] {
  const held = abi >= FILES_ABI;
  return [
    {
      rule: 'files:default',
      mechanism: held ? ['landlock'] : [],
      status: held ? 'full' : 'none',
      note: held
        ? 'what no rule names cannot be opened, made, removed or run; its attributes are governed by calls and mounts'
        : 'this kernel lets a file that may only be read be emptied',
      needs: abiText(FILES_ABI),
      span: policy.span,
    },
  ];
}

function ruleCoverage(placed: PlacedRule, carving: Carving, tree: FileTree, abi: number): Coverage {
  const { rule, path } = placed;
  const base = { rule: rule.id, needs: abiText(1), span: rule.span };
  if (abi < 1) return { ...base, mechanism: [], status: 'none', note: 'this kernel has no Landlock' };
  const real = path === rule.path ? '' : `really ${path}`;
  if (placed.kind === 'missing') {
    const note = tree.isHost
      ? 'not there now: nothing is granted'
      : 'not in the rootfs: there is nothing to grant';
    return { ...base, mechanism: ['rootfs'], status: 'full', note: notes(real, note) };
  }
  const lost = carving.lost.get(placed);
  const devices = tree.kind(path) === 'device' && !rule.access.has('ioctl') && abi < 5;
  return {
    ...base,
    mechanism: devices ? [] : ['landlock'],
    status: devices ? 'none' : 'full',
    ...(devices ? { needs: abiText(5) } : {}),
    note: notes(
      real,
      carving.bySiblings.has(placed) ? 'held by granting its siblings one by one' : '',
      lost === undefined
        ? ''
        : `a narrower rule lies below, so the folder itself does not get ${[...lost].join(' ')}`,
      devices ? 'this kernel does not hold ioctl on devices' : '',
    ),
  };
}

function notes(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('; ');
}
