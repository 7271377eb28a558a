import type { OciSeccomp } from '../plan.js';
import type { Arch } from '../ports.js';

interface Architecture {
  /** AUDIT_ARCH_* */
  readonly audit: number;
  /** As OCI and libseccomp have it. */
  readonly token: string;
  /** From here up numbers are another table's; the filter refuses all of them. */
  readonly otherTable: number | undefined;
}

export const ARCHITECTURES: Readonly<Record<Arch, Architecture>> = {
  // Set in the numbers of x32 calls.
  x86_64: { audit: 0xc000_003e, token: 'SCMP_ARCH_X86_64', otherTable: 0x4000_0000 },
  aarch64: { audit: 0xc000_00b7, token: 'SCMP_ARCH_AARCH64', otherTable: undefined },
};

/** The architecture that a configuration was made for; undefined where it is none of VXE's, or several. */
export function archOf({ architectures }: Pick<OciSeccomp, 'architectures'>): Arch | undefined {
  const [token] = architectures;
  if (architectures.length !== 1) return undefined;
  return token === ARCHITECTURES.x86_64.token
    ? 'x86_64'
    : token === ARCHITECTURES.aarch64.token
      ? 'aarch64'
      : undefined;
}

/** AUDIT_ARCH_* of each architecture. */
export const AUDIT_ARCH: Readonly<Record<Arch, number>> = {
  x86_64: ARCHITECTURES.x86_64.audit,
  aarch64: ARCHITECTURES.aarch64.audit,
};
