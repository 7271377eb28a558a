import type { Policy } from '../../policy/index.js';
import type { Coverage } from '../plan.js';
import { callCoverage, execCoverage, handleCoverage } from './calls.js';
import { hookCoverage } from './hooks.js';
import { instanceCoverage } from './instance.js';
import { networkCoverage } from './network.js';
import type { Place } from './place.js';
import { ringCoverage } from './rings.js';
import { unixCoverage } from './unix.js';

export { holdingRow } from './holding.js';
export { refusedHook } from './hooks.js';
export { settle, withoutMounts } from './settle.js';

/** How everything but the file rules is held. */
export function otherCoverage(policy: Policy, place: Place): readonly Coverage[] {
  return [
    ...callCoverage(policy, place),
    ...execCoverage(policy, place),
    ...handleCoverage(policy),
    ...ringCoverage(policy, place),
    ...hookCoverage(policy, place),
    ...networkCoverage(policy, place),
    ...instanceCoverage(policy, place),
    ...unixCoverage(policy, place),
  ];
}
