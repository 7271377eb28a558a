import { Failure } from '../../bundle/index.js';
import type { LoweringTarget } from '../../lowering/index.js';
import { nativePorts } from '../../native/index.js';

/** What profiles are lowered for here: this machine's architecture, kernel and seccomp library. */
export function loweringTarget(): Omit<LoweringTarget, 'world'> {
  if (process.arch !== 'x64') {
    throw new Failure('architecture', process.arch, 'is not an architecture that profiles are lowered for', {
      hint: 'use a machine with x86-64',
    });
  }
  const { compiler, calls, features } = nativePorts();
  return { arch: 'x86_64', compiler, calls, features: features() };
}
