import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VxeError } from '../common/index.js';

/** One rule as the addon takes it; actions are the kernel's SECCOMP_RET values. */
export interface AddonRule {
  readonly nr: number;
  readonly action: number;
  readonly comparisons: readonly { readonly index: number; readonly mask: bigint; readonly value: bigint }[];
}

export interface AddonProgram {
  readonly arch: string;
  readonly defaultAction: number;
  readonly badArchAction: number;
  /** libseccomp's SCMP_FLTATR_CTL_OPTIMIZE: 2 is a binary tree over the numbers. */
  readonly optimize: number;
  readonly rules: readonly AddonRule[];
}

/** What build/node-seccomp/node_seccomp.node exports. */
export interface Addon {
  compile(program: AddonProgram): Buffer;
  resolveCall(name: string, arch: string): number | undefined;
  callName(nr: number, arch: string): string | undefined;
  listCalls(arch: string): Record<string, number>;
  version(): string;
  kernelFeatures(): { landlockAbi: number; seccompActions: string[]; userNamespaces: boolean };
  /** 0, or the errno that an attempt failed with. */
  probe(name: string, value: number): number;
  /** renameat2 with RENAME_EXCHANGE: two names trade what they name, at one moment. */
  exchange(one: string, other: string): void;
  /** flock with LOCK_EX and LOCK_NB: whether the open file is this process's alone from now on. */
  lock(fd: number): boolean;
}

const METHODS = [
  'compile',
  'resolveCall',
  'callName',
  'listCalls',
  'version',
  'kernelFeatures',
  'probe',
  'exchange',
  'lock',
];

/** Loads the addon from the package's build folder; an error says how to build it. */
export function loadAddon(file: string = addonFile()): Addon {
  let loaded: unknown;
  try {
    loaded = createRequire(import.meta.url)(file);
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new VxeError('native', `the addon ${file} cannot be loaded: ${why}`, 'build it with: make addon');
  }
  if (!isAddon(loaded)) {
    throw new VxeError(
      'native',
      `${file} is not the node-seccomp of this VXE`,
      'build it anew with: make addon',
    );
  }
  return loaded;
}

/** Beside this file's tree: build/ts/src/native/ and build/node-seccomp/. */
function addonFile(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return join(here, '..', '..', '..', 'node-seccomp', 'node_seccomp.node');
}

function isAddon(value: unknown): value is Addon {
  if (typeof value !== 'object' || value === null) return false;
  const members: Readonly<Record<string, unknown>> = { ...value };
  return METHODS.every((name) => typeof members[name] === 'function');
}
