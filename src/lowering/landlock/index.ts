import type { Diagnostic } from '../../common/index.js';
import type { Policy } from '../../policy/index.js';
import { fileRuleFor } from '../../policy/index.js';
import type { Coverage, LandlockPathRule, LandlockPortRule, MountDemand, OciLandlock } from '../plan.js';
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
  const placed = policy.files.map((rule) => placeRule(rule, tree, handled.fs));
  const diagnostics = [
    ...sameObject(placed),
    ...programProblems(policy, placed, tree),
    ...missingTargets(placed),
  ];
  const carving = carve(placed, tree);
  return {
    landlock: ruleset(policy, carving, handled),
    demands: [...carving.byMount].map(([{ rule, path }, rights]) => ({ rule, path, takeAway: [...rights] })),
    coverage: [...fileCoverage(policy, abi), ...placed.map((rule) => ruleCoverage(rule, carving, tree, abi))],
    diagnostics,
  };
}

function ruleset(policy: Policy, carving: Carving, handled: HandledRights): OciLandlock {
  return {
    ruleset: { handledAccessFS: handled.fs, handledAccessNet: handled.net, scoped: handled.scoped },
    rules: {
      pathBeneath: pathRules(carving.grants, handled.fs),
      netPort: [
        ...portRules('bind_tcp', policy.network.accept, handled),
        ...portRules('connect_tcp', policy.network.connect, handled),
      ],
    },
    disableBestEffort: true,
  };
}

/** One rule for each set of rights, in an order that depends on nothing but the content. */
function pathRules(
  grants: ReadonlyMap<string, ReadonlySet<string>>,
  order: readonly string[],
): readonly LandlockPathRule[] {
  const groups = new Map<string, { allowedAccess: string[]; paths: string[] }>();
  for (const [path, rights] of [...grants].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const allowedAccess = order.filter((right) => rights.has(right));
    const key = allowedAccess.join(' ');
    const group = groups.get(key) ?? { allowedAccess, paths: [] };
    group.paths.push(path);
    groups.set(key, group);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function portRules(
  right: string,
  rules: readonly { readonly port: number }[],
  handled: HandledRights,
): readonly LandlockPortRule[] {
  if (rules.length === 0 || !handled.net.includes(right)) return [];
  return [{ allowedAccess: [right], ports: rules.map((rule) => rule.port).sort((a, b) => a - b) }];
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
  if (fileRuleFor(rules, path)?.access.has('execute') === true) return [];
  return [
    {
      code: 'conflict',
      message: `the profile ${policy.name} does not let its own program run`,
      span: fileRuleFor(rules, path)?.span ?? policy.span,
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
