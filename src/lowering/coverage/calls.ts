import type { CallRule, Policy } from '../../policy/index.js';
import { callNumber, RING_CALLS, successorOf } from '../../policy/index.js';
import type { Coverage } from '../plan.js';
import type { Arch } from '../ports.js';
import { refusesWhole } from '../reach.js';
import { asksForRings } from '../rings.js';
import type { Place } from './place.js';
import { FILTER_NEEDS, isFiltered, row, unheld } from './place.js';
import { ringSetup } from './rings.js';

/** Calls that change a named file's attributes: no file rule reaches them. */
const ATTRIBUTE_CALLS: ReadonlySet<string> = new Set([
  ...['chmod', 'fchmodat', 'fchmodat2', 'chown', 'lchown', 'fchownat'],
  ...['utime', 'utimes', 'futimesat', 'utimensat'],
  ...['setxattr', 'lsetxattr', 'removexattr', 'lremovexattr'],
]);

export function callCoverage(policy: Policy, place: Place): readonly Coverage[] {
  const status = isFiltered(place)
    ? ({ mechanism: ['seccomp'], status: 'full' } as const)
    : ({ mechanism: [], status: 'none' } as const);
  const needs = FILTER_NEEDS;
  const rules = [...policy.calls.values()].filter(
    (rule) => rule.id.startsWith('calls:') && rule.id !== 'calls:always',
  );
  const rows = rules.map((rule): Coverage => {
    if (rule.call === 'io_uring_setup' && asksForRings(policy)) return ringSetup(policy, rule, place);
    return { rule: rule.id, ...status, note: callNote(rule, policy, place.arch), needs, span: rule.span };
  });
  const unnamed = policy.unnamed === 'permit' ? 'permitted' : 'refused';
  const entry = place.arch === 'x86_64' ? '32-bit and x32 entry' : '32-bit entry';
  const other = `calls that no rule names are ${unnamed}; numbers that VXE does not know get ENOSYS; ${entry} is refused`;
  const always = 'a process can always end, return from a signal and resume a stopped call';
  return [
    { rule: 'calls:default', ...status, note: other, needs, span: policy.span },
    { rule: 'calls:always', ...status, note: always, needs, span: policy.span },
    ...rows,
  ];
}

function callNote(rule: CallRule, policy: Policy, arch: Arch): string {
  if (callNumber(rule.call, arch) === undefined) return missingNote(rule, policy, arch);
  const parts: string[] = [];
  if (rule.permit === 'all') parts.push('with any arguments');
  else if (rule.permit.length === 0) parts.push('refused');
  else parts.push(`${rule.permit.length} ${rule.permit.length === 1 ? 'row' : 'rows'} of arguments`);
  if (rule.quiet.length > 0) parts.push(`${rule.quiet.length} quiet`);
  if (rule.permit !== 'all' && rule.permit.length === 0) {
    if (rule.call === RING_CALLS[0])
      parts.push(
        'so that no operation of a ring passes by the filter: there no rule on openat, connect, sendto or socket is asked',
      );
    return parts.join(', ');
  }
  if (ATTRIBUTE_CALLS.has(rule.call))
    parts.push('on any path: file rules do not reach it, read-only mounts do');
  return parts.join(', ');
}

/** A call that the architecture does not have cannot be made, so that its rule holds, and grants nothing. */
function missingNote(rule: CallRule, policy: Policy, arch: Arch): string {
  const none = `${arch} has no such call`;
  const other = successorOf(rule.call);
  const grants = rule.permit === 'all' || rule.permit.length > 0;
  if (!grants || other === undefined) return none;
  const successor = policy.calls.get(other);
  const permitted =
    successor === undefined
      ? policy.unnamed === 'permit'
      : successor.permit === 'all' || successor.permit.length > 0;
  return `${none}: programs make ${other} there${permitted ? '' : ', which the profile does not permit'}`;
}

/** A file that is opened by its handle: only who has this capability may, and no path is asked about. */
export function handleCoverage(policy: Policy): readonly Coverage[] {
  if (!policy.capabilities.includes('CAP_DAC_READ_SEARCH') || refusesWhole(policy, BY_HANDLE)) return [];
  const note = `with CAP_DAC_READ_SEARCH ${BY_HANDLE} opens every file of the file systems that are mounted, whatever the file rules say`;
  const span = policy.calls.get(BY_HANDLE)?.span ?? policy.span;
  const remedy = `take the capability or ${BY_HANDLE} out of the profile`;
  return [{ ...unheld(policy, 'files:handles', note, ''), span, remedy }];
}

const BY_HANDLE = 'open_by_handle_at';

export function execCoverage(policy: Policy, place: Place): readonly Coverage[] {
  if (policy.exec === 'any') return programRows(policy, place);
  const rule = 'exec:once';
  if (!isFiltered(place))
    return [unheld(policy, rule, 'nothing here tells the launch from a later execution', FILTER_NEEDS)];
  const note =
    'the supervisor lets the launch through and nothing after it; under other engines execve stays permitted, and Landlock ' +
    'holds it to files with execute';
  return [row(policy, rule, ['seccomp', 'supervisor', 'landlock'], note)];
}

/** Landlock's right to execute is given on these alone, and asks the file, whatever path leads to it. */
function programRows(policy: Policy, place: Place): readonly Coverage[] {
  if (policy.programs === undefined) return [];
  const held = place.features.landlockAbi >= 1;
  const note = 'the kernel asks the same right of an interpreter (ld.so) that a listed program needs';
  const one = (rule: string): Coverage =>
    held
      ? { ...row(policy, rule, ['landlock'], note), needs: place.abiText(1) }
      : unheld(policy, rule, 'this kernel has no Landlock', place.abiText(1));
  return [one('exec:programs'), ...policy.programs.map(({ id, span }) => ({ ...one(id), span }))];
}
