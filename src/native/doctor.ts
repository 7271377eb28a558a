import { readFileSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import type { KernelFacts, Trial } from '../lowering/index.js';
import type { Addon } from './addon.js';
import { loadAddon } from './addon.js';
import { kernelFunction } from './btf.js';
import { type CgroupTree, cgroupsFor, cgroupTree } from './cgroup.js';

const NAMESPACES: readonly (readonly [string, number])[] = [
  ['user', 0x1000_0000],
  ['mount', 0x0002_0000],
  ['pid', 0x2000_0000],
  ['network', 0x4000_0000],
  ['ipc', 0x0800_0000],
  ['uts', 0x0400_0000],
  ['cgroup', 0x0200_0000],
  ['time', 0x80],
];

/** The kernel's number of programs that judge connections to unix sockets. */
export const CGROUP_UNIX_CONNECT = 49;

const NEW_LISTENER = 1 << 3;
const WAIT_KILLABLE = 1 << 5;

/** Tries everything that VXE may rest on, on this kernel and as this user. */
export function kernelFacts(addon: Addon = loadAddon()): KernelFacts {
  const attempt = (name: string, value = 0): Trial => trialOf(addon.probe(name, value));
  const inUser = (flag: number): Trial => {
    const alone = attempt('namespaces', flag);
    return alone === 'yes' || flag === 0x1000_0000 ? alone : attempt('namespaces', flag | 0x1000_0000);
  };
  const tree = cgroupTree();
  return {
    kernel: text('/proc/sys/kernel/osrelease')?.trim() ?? 'unknown',
    user: process.geteuid?.() ?? 0,
    landlockAbi: addon.kernelFeatures().landlockAbi,
    seccompActions: addon.kernelFeatures().seccompActions,
    trials: {
      'seccomp:listener': attempt('seccomp-flags', NEW_LISTENER),
      'seccomp:wait-killable': attempt('seccomp-flags', NEW_LISTENER | WAIT_KILLABLE),
      'seccomp:sync-wake-up': attempt('notify-sync'),
      ...Object.fromEntries(NAMESPACES.map(([name, flag]) => [`namespace:${name}`, inUser(flag)])),
      'mounts:descriptors': attempt('fsopen'),
      'mounts:idmapped': attempt('idmap'),
      'process:pidfd': attempt('pidfd'),
      'memory:memfd-noexec': attempt('memfd-noexec'),
      'memory:mdwe': attempt('mdwe'),
      'io_uring:restricted': rings(attempt('rings')),
      'bpf:cgroup-addresses': attempt('bpf-sockaddr'),
      'bpf:cgroup-unix': attempt('bpf-sockaddr', CGROUP_UNIX_CONNECT),
      'bpf:tracepoints': attempt('bpf-tracepoint'),
      'bpf:lsm': bpfLsm(addon),
      audit: attempt('audit'),
      'cgroup:v2': tree === undefined ? 'absent' : 'yes',
      ...Object.fromEntries(
        ['memory', 'pids', 'cpu', 'io'].map((name) => [`cgroup:${name}`, controllerTrial(name, tree)]),
      ),
    },
  };
}

function controllerTrial(name: string, tree: CgroupTree | undefined): Trial {
  if (tree?.controllers.includes(name) !== true) return 'absent';
  if (cgroupsFor(tree)?.controllers.includes(name) !== true) return 'EACCES';
  return name === 'io' && !tree.diskWeights ? 'ENODATA' : 'yes';
}

/** Loads and attaches a program that lets everything pass; and where that works, looks whether the kernel asks it. */
function bpfLsm(addon: Addon): Trial {
  const hook = kernelFunction('bpf_lsm_file_open');
  if (hook === undefined) return 'absent';
  const trial = trialOf(addon.probe('bpf-lsm', hook));
  const order = text('/sys/kernel/security/lsm');
  if (trial !== 'yes' || order === undefined) return trial;
  return order.trim().split(',').includes('bpf') ? 'yes' : 'ENODATA';
}

/** A refusal by kernel.io_uring_disabled is told apart from one by what this runs in, such as a container's filter. */
function rings(trial: Trial): Trial {
  if (trial !== 'EPERM') return trial;
  return (text('/proc/sys/kernel/io_uring_disabled')?.trim() ?? '0') === '0' ? trial : 'ENODATA';
}

function trialOf(errno: number): Trial {
  if (errno === 0) return 'yes';
  const name = getSystemErrorName(-errno);
  return ['ENOSYS', 'EINVAL', 'EOPNOTSUPP', 'EPROTONOSUPPORT', 'EAFNOSUPPORT'].includes(name)
    ? 'absent'
    : name;
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
