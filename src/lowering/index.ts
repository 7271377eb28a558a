export { lowerPolicy } from './lower.js';
export type {
  CoverageRow,
  EnforcementStatus,
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
export type { EntryKind, FileWorld, HostLister, WorldEntry } from './world.js';
