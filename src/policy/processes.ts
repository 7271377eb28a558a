import type { Decision } from './decision.js';
import { refuse } from './decision.js';
import type { CallEvent } from './event.js';
import type { Policy } from './model.js';

/** Every call that sends a signal to a process by its number or descriptor. */
export const SIGNAL_CALLS: readonly string[] = [
  'kill',
  'tkill',
  'tgkill',
  'rt_sigqueueinfo',
  'rt_tgsigqueueinfo',
  'pidfd_send_signal',
];

/** Every call that looks or reaches into another process, as its debugger may. */
export const TRACE_CALLS: readonly string[] = [
  'ptrace',
  'process_vm_readv',
  'process_vm_writev',
  'process_madvise',
  'pidfd_getfd',
  'kcmp',
];

/** What is said of a call that acts on another process: those outside the instance are not in reach, whatever a profile says. */
export function decideProcesses(policy: Policy, event: CallEvent): Decision | undefined {
  const signal = SIGNAL_CALLS.includes(event.call);
  if (!signal && !TRACE_CALLS.includes(event.call)) return undefined;
  const outside = event.arguments.some((each) => each.kind === 'process' && each.value === 'other');
  if (!outside) return undefined;
  const what = signal ? 'signals' : 'tracing';
  return refuse(
    'EPERM',
    signal ? 'scope:signal' : 'scope:trace',
    policy.span,
    `${what} of processes outside the instance is out of reach`,
  );
}
