import { Failure } from '../../bundle/index.js';
import type { Arch, LoweringTarget } from '../../lowering/index.js';
import { nativePorts } from '../../native/index.js';

/** As `--arch` has them. */
export const ARCHES: readonly Arch[] = ['aarch64', 'x86_64'];

const HOSTS: ReadonlyMap<string, Arch> = new Map([
  ['x64', 'x86_64'],
  ['arm64', 'aarch64'],
]);

/** This machine's. */
export function hostArch(): Arch {
  const arch = HOSTS.get(process.arch);
  if (arch !== undefined) return arch;
  throw new Failure('architecture', process.arch, 'is not an architecture that profiles are lowered for', {
    hint: `use a machine with ${ARCHES.join(' or ')}`,
  });
}

/** What profiles are lowered for: this machine's kernel and seccomp library, and its architecture or another. */
export function loweringTarget(arch: Arch = hostArch()): Omit<LoweringTarget, 'world'> {
  const { compiler, calls, features } = nativePorts();
  return { arch, compiler, calls, features: features() };
}
