import type { Verdict } from '../../src/lowering/seccomp/index.js';
import { AUDIT_ARCH } from '../../src/lowering/seccomp/index.js';
import type { Arch, Decision, Policy } from '../../src/policy/index.js';
import { canonicalArguments, decideCall, errnoNumber, scalarEvent } from '../../src/policy/index.js';
import type { Sample } from './random.js';

const X32_BIT = 0x4000_0000;

/** What the evaluator says of a call as an architecture makes it; undefined where no table of VXE has the number. */
export function decisionOn(policy: Policy, sample: Sample, arch: Arch): Decision | undefined {
  const { call, arguments: registers } = sample;
  if (call === undefined) return undefined;
  return decideCall(policy, scalarEvent(call, canonicalArguments(call, arch, registers)));
}

export function textOf(verdict: Verdict | undefined): string {
  return `${verdict?.action}${verdict?.data}`;
}

export function callOf({ call, nr, arch, arguments: list }: Sample): string {
  const values = list.map((value) => `0x${value.toString(16)}`).join(', ');
  return `${call ?? `call 0x${nr.toString(16)} of architecture 0x${arch.toString(16)}`}(${values})`;
}

/** What VXE's own filter has to answer, given the evaluator's decision. */
export function ownAnswer(
  sample: Sample,
  decision: Decision | undefined,
  supervised: readonly string[],
  arch: Arch = 'x86_64',
): string {
  if (sample.arch !== AUDIT_ARCH[arch] || isX32(sample, arch)) return 'notify0';
  if (decision === undefined) return `errno${errnoNumber('ENOSYS')}`;
  if (decision.verdict === 'allow') return supervised.includes(sample.call ?? '') ? 'notify0' : 'allow0';
  return decision.quiet ? `errno${errnoNumber(decision.errno ?? '')}` : 'notify0';
}

/** What its form for other engines has to answer; any of these. */
export function engineAnswer(
  sample: Sample,
  decision: Decision | undefined,
  unspelled: readonly string[],
  arch: Arch = 'x86_64',
): readonly string[] {
  const { call = '', nr } = sample;
  // libseccomp takes the number -1 for no x32 call.
  if (sample.arch !== AUDIT_ARCH[arch] || (isX32(sample, arch) && nr !== 0xffff_ffff))
    return ['kill-process0'];
  const unknown = `errno${errnoNumber('ENOSYS')}`;
  if (decision === undefined) return [unknown];
  if (decision.verdict === 'allow') return ['allow0'];
  if (decision.rule === 'exec:once') return call === 'execve' ? ['allow0'] : ['errno1'];
  if (unspelled.includes(call) && !decision.quiet) return [unknown];
  return [`errno${errnoNumber(decision.errno ?? '')}`];
}

function isX32({ nr }: Sample, arch: Arch): boolean {
  return arch === 'x86_64' && nr >= X32_BIT;
}
