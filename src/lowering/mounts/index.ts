import type { Diagnostic } from '../../common/index.js';
import type { FileRule, Policy, RuleId } from '../../policy/index.js';
import { isBeneath } from '../../policy/index.js';
import type { MountDemand } from '../plan.js';
import type { FileTree } from '../tree.js';

export interface MountPlan {
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly writablePaths: readonly string[];
  /** The rules that a mount holds, with how. */
  readonly held: ReadonlyMap<RuleId, string>;
  readonly diagnostics: readonly Diagnostic[];
}

/** What of /proc and /sys tells about the host or reaches into it, whatever a profile says of its own files. */
const STANDARD_MASKS: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

const STANDARD_READONLY: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/** What a read-only mount takes away. */
const READONLY_TAKES: ReadonlySet<string> = new Set([
  'write_file',
  'truncate',
  'make_reg',
  'make_dir',
  'make_sym',
  'make_sock',
  'make_fifo',
  'make_char',
  'make_block',
  'remove_file',
  'remove_dir',
  'refer',
]);

/** Lowers to masks and read-only mounts what narrower rules in open mounts need, and adds the standard masks of a bundle. */
export function lowerMounts(policy: Policy, tree: FileTree, demands: readonly MountDemand[]): MountPlan {
  const masked = new Set<string>();
  const readonlyPaths = new Set<string>();
  const held = new Map<RuleId, string>();
  const diagnostics: Diagnostic[] = [];
  for (const demand of demands) {
    if (demand.rule.access.size === 0) {
      masked.add(demand.path);
      held.set(demand.rule.id, 'masked by a mount; it must be there when the instance starts');
    } else if (demand.takeAway.every((right) => READONLY_TAKES.has(right))) {
      readonlyPaths.add(demand.path);
      held.set(demand.rule.id, 'read-only by a mount; it must be there when the instance starts');
    } else {
      diagnostics.push(notHeld(demand));
    }
  }
  if (!tree.isHost) {
    for (const path of STANDARD_MASKS)
      if (!grants(policy, path, ['read', 'write', 'execute'])) masked.add(path);
    for (const path of STANDARD_READONLY) if (!grants(policy, path, ['write'])) readonlyPaths.add(path);
  }
  return {
    maskedPaths: [...masked].sort(),
    readonlyPaths: [...readonlyPaths].sort(),
    writablePaths: [...new Set(policy.files.filter(changes).map((rule) => tree.resolve(rule.path)))].sort(),
    held,
    diagnostics,
  };
}

function changes(rule: FileRule): boolean {
  return rule.access.has('write') || rule.access.has('create') || rule.access.has('remove');
}

/** A profile that grants a masked path by name, or what lies below it, means it. */
function grants(policy: Policy, path: string, words: readonly string[]): boolean {
  return policy.files.some(
    (rule) => isBeneath(rule.path, path) && [...rule.access].some((word) => words.includes(word)),
  );
}

function notHeld(demand: MountDemand): Diagnostic {
  return {
    code: 'not-enforceable',
    message: `${demand.rule.id} is narrower than the folder around it, in a mount whose content is not known beforehand`,
    span: demand.rule.span,
    hint: `there a rule can be none, or can take away write, create and remove; this one takes away ${demand.takeAway.join(' ')}`,
  };
}
