import { closeSync, constants, openSync } from 'node:fs';
import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import type {
  Arch,
  CallTable,
  KernelFeatures,
  SeccompAction,
  SeccompCompiler,
  SeccompProgram,
} from '../lowering/index.js';
import type { Addon } from './addon.js';
import { loadAddon } from './addon.js';
import { cgroupsFor, cgroupTree } from './cgroup.js';
import { CGROUP_UNIX_CONNECT } from './doctor.js';

export type { Addon } from './addon.js';
export { loadAddon } from './addon.js';
export { functionNumber, kernelFunction, kernelTypes } from './btf.js';
export { cgroupTree, maySplit } from './cgroup.js';
export { kernelFacts } from './doctor.js';

/** The ports of lowering that this host's libseccomp and kernel fill. */
export interface NativePorts {
  readonly compiler: SeccompCompiler;
  readonly calls: CallTable;
  /** Asks the kernel anew at every call. */
  features(): KernelFeatures;
}

/** Loads the addon and puts it behind lowering's ports. */
export function nativePorts(addon: Addon = loadAddon()): NativePorts {
  return {
    compiler: seccompCompiler(addon),
    calls: callTable(addon),
    features: () => featuresOf(addon),
  };
}

/** Two folders trade their names at one moment; Node itself has no call for it. */
export function exchangeFolders(one: string, other: string): void {
  loadAddon().exchange(one, other);
}

/** Work that no other process does on this folder meanwhile; undefined: another one is at it. It is given up with the process, too. */
export function alone<T>(folder: string, work: () => T): { readonly done: T } | undefined {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return loadAddon().lock(fd) ? { done: work() } : undefined;
  } finally {
    closeSync(fd);
  }
}

const CLONE_NEWNS = 0x0002_0000;

function featuresOf(addon: Addon): KernelFeatures {
  const features = addon.kernelFeatures();
  let tracepoints: boolean | undefined;
  return {
    ...features,
    namespaces: features.userNamespaces || addon.probe('namespaces', CLONE_NEWNS) === 0,
    rings: addon.probe('rings', 0) === 0,
    /** Tried for a profile with hooks alone: every thread of the host takes part in it. */
    get tracepoints(): boolean {
      tracepoints ??= addon.probe('bpf-tracepoint', 0) === 0;
      return tracepoints;
    },
    ...cgroupFeatures(addon),
  };
}

function cgroupFeatures(addon: Addon): Pick<KernelFeatures, 'cgroup'> {
  const tree = cgroupTree();
  const offered = tree && cgroupsFor(tree);
  if (tree === undefined || offered === undefined) return {};
  const { paths, diskWeights } = tree;
  const { own, controllers } = offered;
  const addresses = own && addon.probe('bpf-sockaddr', 0) === 0;
  const unix = addresses && addon.probe('bpf-sockaddr', CGROUP_UNIX_CONNECT) === 0;
  return { cgroup: { addresses, unix, controllers, diskWeights, paths } };
}

const BINARY_TREE = 2;

function seccompCompiler(addon: Addon): SeccompCompiler {
  return { version: addon.version(), compile: (program) => compile(addon, program) };
}

function compile(addon: Addon, program: SeccompProgram): Result<Uint8Array> {
  try {
    const bytes = addon.compile({
      arch: program.arch,
      defaultAction: actionValue(program.defaultAction),
      badArchAction: actionValue(program.badArchAction),
      optimize: BINARY_TREE,
      rules: program.rules.map((rule) => ({ ...rule, action: actionValue(rule.action) })),
    });
    return success(new Uint8Array(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const nr = error instanceof Error && 'rule' in error ? program.rules[Number(error.rule)]?.nr : undefined;
    const about = nr === undefined ? '' : ` for ${addon.callName(nr, program.arch) ?? `call ${nr}`}`;
    return failure({
      code: 'native',
      message: `libseccomp ${addon.version()} refused the filter${about}: ${why}`,
    });
  }
}

/** SECCOMP_RET_* of an action. */
function actionValue(action: SeccompAction): number {
  switch (action.kind) {
    case 'allow':
      return 0x7fff_0000;
    case 'notify':
      return 0x7fc0_0000;
    case 'kill-process':
      return 0x8000_0000;
    case 'errno':
      return 0x0005_0000 | action.errno;
  }
}

function callTable(addon: Addon): CallTable {
  return {
    resolve: (name: string, arch: Arch) => addon.resolveCall(name, arch),
    name: (nr: number, arch: Arch) => addon.callName(nr, arch),
    list: (arch: Arch) => new Map(Object.entries(addon.listCalls(arch))),
  };
}
