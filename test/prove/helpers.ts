import { readFileSync } from 'node:fs';
import { unwrap } from '../../src/common/index.js';
import { parseProfile } from '../../src/language/index.js';
import { lowerSeccomp } from '../../src/lowering/seccomp/index.js';
import type { Arch, Policy } from '../../src/policy/index.js';
import type { FilterQuestion } from '../../src/prove/index.js';
import { policyOf, ports } from '../lowering/helpers.js';

export { policyOf, ports } from '../lowering/helpers.js';

export function popd(): Policy {
  const text = readFileSync('profiles/popd.vxed.yaml', 'utf8');
  return unwrap(parseProfile({ name: 'popd.vxed.yaml', text }));
}

/** Calls that are permitted by their arguments, by lists, masks, ranges and single bits; and one more. */
export const smallPolicy = (further = ''): Policy =>
  policyOf(`
calls:
  permit: [read]
  when:
    socket: [{domain: [AF_UNIX, AF_INET], type: {is: SOCK_STREAM, mask: SOCK_TYPE_MASK}}]
    lseek: [{offset: {from: 5, to: 0x100000007}}]
    chmod: [{mode: {only: 0644}}]
    ${further}
  quiet:
    socket: [{domain: AF_UNIX, protocol: 7, errno: EACCES}]
    ioctl: [{request: TIOCSTI, errno: ENOTTY}]
`);

/** The question whether VXE's own filter for a policy holds it. */
export function ownQuestion(policy: Policy, arch: Arch = 'x86_64'): FilterQuestion {
  const { filter, supervised } = unwrap(lowerSeccomp(policy, arch, ports.compiler, ports.calls));
  return { policy, filter, arch, loader: { kind: 'vxe', supervised } };
}
