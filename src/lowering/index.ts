export type { AddressRow } from './addresses/index.js';
export { parseAddressRows, rowsPermit } from './addresses/index.js';
export { parseAfter } from './after.js';
export { holdingRow, refusedHook } from './coverage/index.js';
export type { Finding, KernelFacts, Trial } from './doctor.js';
export { findings } from './doctor.js';
export { ABI_TABLE, rightsOf } from './landlock/index.js';
export { coverPolicy, lowerPolicy } from './lower.js';
export { settlePatterns } from './patterns.js';
export type {
  After,
  CoverageRow,
  EnforcementStatus,
  Judge,
  JudgedRule,
  LandlockPathRule,
  LandlockPortRule,
  Lowered,
  LoweringTarget,
  Mechanism,
  OciLandlock,
  OciRlimit,
  OciSeccomp,
  OciSeccompArg,
  OciSeccompSyscall,
  PlainInstruction,
  PlannedHook,
  SeccompPlan,
} from './plan.js';
export { coverageJson } from './plan.js';
export type {
  Arch,
  CallTable,
  KernelFeatures,
  SeccompAction,
  SeccompComparison,
  SeccompCompiler,
  SeccompProgram,
  SeccompRule,
} from './ports.js';
export { raisedCalls, refusesWhole } from './reach.js';
export type { Instruction } from './seccomp/bpf.js';
export { decodeProgram, encodeProgram } from './seccomp/bpf.js';
export type { SeccompData, Verdict } from './seccomp/index.js';
export { AUDIT_ARCH, archOf, compileOci, simulate } from './seccomp/index.js';
export { stackPolicies } from './stack.js';
export type { FileTree } from './tree.js';
export { bundleTree, eventWorld, hostTree } from './tree.js';
export type { UnixSockets } from './unix-sockets.js';
export { unixSockets } from './unix-sockets.js';
export type { EntryKind, FileWorld, HostLister, WorldEntry } from './world.js';
