import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import type { Policy } from '../policy/index.js';
import { judged } from './judge.js';
import type { After, LoweringTarget, PlainInstruction, PlannedHook } from './plan.js';
import { lowerHook } from './seccomp/index.js';

/** The hooks of a policy as the launcher takes them; undefined where nothing is told, or nothing here could tell it. */
export function lowerAfter(
  policy: Policy,
  { arch, features }: Pick<LoweringTarget, 'arch' | 'features'>,
): Result<After | undefined> {
  if (policy.hooks.length === 0 || features.tracepoints !== true) return success(undefined);
  const hooks: PlannedHook[] = [];
  for (const hook of policy.hooks) {
    const lowered = lowerHook(hook, arch);
    if (!lowered.ok) return failure(...lowered.diagnostics);
    if (lowered.value !== undefined) hooks.push({ ...judged(hook), call: hook.call, ...lowered.value });
  }
  return success(hooks.length === 0 ? undefined : { after: 1, profile: policy.name, hooks });
}

/** What a file has as the hooks of a bundle; undefined where it is none that VXE writes. */
export function parseAfter(value: unknown): After | undefined {
  if (!isObject(value) || value.after !== 1 || typeof value.profile !== 'string') return undefined;
  const { profile, hooks } = value;
  if (!Array.isArray(hooks) || !hooks.every(isHook)) return undefined;
  return { after: 1, profile, hooks };
}

function isHook(value: unknown): value is PlannedHook {
  if (!isObject(value)) return false;
  const { rule, at, call, nr, program } = value;
  const texts = [rule, at, call].every((text) => typeof text === 'string');
  return texts && isWord(nr, 32) && Array.isArray(program) && program.every(isInstruction);
}

function isInstruction(value: unknown): value is PlainInstruction {
  const bits = [16, 8, 8, 32];
  return Array.isArray(value) && value.length === 4 && value.every((word, at) => isWord(word, bits[at] ?? 0));
}

function isWord(value: unknown, bits: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** bits;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
