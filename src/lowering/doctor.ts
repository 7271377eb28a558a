import { ABI_TABLE } from './landlock/index.js';

/** `yes`; `absent`: this kernel does not have it; otherwise the errno that this user gets. */
export type Trial = string;

/** What was found by trying, as the port that tries gives it. */
export interface KernelFacts {
  readonly kernel: string;
  readonly user: number;
  readonly landlockAbi: number;
  readonly seccompActions: readonly string[];
  readonly trials: Readonly<Record<string, Trial>>;
}

/** One line of the table. */
export interface Finding {
  readonly feature: string;
  readonly usable: boolean;
  /** Why not; empty where it is. */
  readonly why: string;
  /** Nothing starts without it. */
  readonly required: boolean;
  /** What is lost where it is missing. */
  readonly cost: string;
}

const REQUIRED = 'nothing can be started';

const COSTS: readonly (readonly [string, string])[] = [
  ['seccomp:listener', REQUIRED],
  ['seccomp:wait-killable', 'a refused call that a signal interrupts is recorded twice'],
  ['seccomp:sync-wake-up', 'a recorded call takes about ten times as long'],
  ['namespace:user', 'only the superuser can start an instance'],
  ['namespace:mount', REQUIRED],
  ['namespace:pid', REQUIRED],
  ['namespace:network', 'no profile with interface none or loopback starts'],
  ['namespace:ipc', REQUIRED],
  ['namespace:uts', 'no bundle starts'],
  ['namespace:cgroup', 'no bundle starts'],
  ['namespace:time', 'nothing that VXE rests on'],
  ['mounts:descriptors', REQUIRED],
  ['mounts:idmapped', 'a mount of the host keeps the host owners of its files'],
  ['process:pidfd', REQUIRED],
  ['memory:memfd-noexec', 'a strict profile must refuse memfd_create to keep code out of anonymous files'],
  ['memory:mdwe', 'what may become executable rests on the rules for mmap and mprotect alone'],
  ['cgroup:v2', 'a limit on a whole instance cannot be set, and a bundle that asks for one does not start'],
  ['cgroup:memory', 'the memory of a whole instance cannot be limited'],
  ['cgroup:pids', 'the processes of an instance are limited for each user only (nproc)'],
  ['cgroup:cpu', 'the processor time of a whole instance cannot be limited'],
  ['cgroup:io', 'the input and output of a whole instance cannot be limited'],
  ['bpf:cgroup-addresses', 'a profile with rules on addresses, UDP or long ranges of ports does not start'],
  [
    'bpf:cgroup-unix',
    'a profile over the host tree that permits connections of unix sockets does not start, before Landlock ABI 9',
  ],
  ['bpf:tracepoints', 'a profile with hooks after calls does not start'],
  ['io_uring:restricted', 'a profile that permits io_uring_setup does not start'],
  ['bpf:lsm', 'no rule can be held outside of instances, by exec pattern or for a file of the host'],
  ['audit', 'refusals by Landlock are errors for the program and are not recorded'],
];

/** The table of what a kernel and a user can enforce, from what was tried. */
export function findings(facts: KernelFacts): readonly Finding[] {
  return [
    ...landlockFindings(facts.landlockAbi),
    ...actionFindings(facts.seccompActions),
    ...trialFindings(facts),
  ];
}

const LANDLOCK_COSTS: ReadonlyMap<string, string> = new Map([
  ['refer', 'nothing can be moved or linked from one folder to another'],
  ['truncate', 'a file that may only be read can be emptied, and no profile starts'],
  [
    'bind_tcp',
    'TCP ports that are not granted are held by seccomp or a network of its own, or the profile does not start',
  ],
  [
    'connect_tcp',
    'TCP ports that are not granted are held by seccomp or a network of its own, or the profile does not start',
  ],
  ['ioctl_dev', 'a profile that grants a device without ioctl does not start'],
  [
    'signal',
    'signals to others are held by the process namespace of a bundle; a profile over the host does not start',
  ],
  [
    'abstract_unix_socket',
    'abstract sockets are held by seccomp or a network of its own, or the profile does not start',
  ],
  ['resolve_unix', 'over the host tree, unix sockets can be reached by path whatever the file rules say'],
  ['bind_udp', 'a profile that permits UDP sockets on the network of the host does not start'],
  ['connect_send_udp', 'a profile that permits UDP sockets on the network of the host does not start'],
]);

function landlockFindings(abi: number): readonly Finding[] {
  const rights = ABI_TABLE.flatMap((row) =>
    [...row.fs, ...row.net, ...row.scoped].map((right): Finding => {
      const usable = row.abi <= abi;
      return {
        feature: `landlock:${right}`,
        usable,
        why: usable ? '' : `it came with ABI ${row.abi} (Linux ${row.kernel})`,
        required: row.abi === 1 || right === 'truncate',
        cost: LANDLOCK_COSTS.get(right) ?? REQUIRED,
      };
    }),
  );
  const usable = abi >= 3;
  const why = usable ? '' : abi === 0 ? 'it is absent or switched off' : 'ABI 3 (Linux 6.2) is the least';
  return [{ feature: `landlock (ABI ${abi})`, usable, why, required: true, cost: REQUIRED }, ...rights];
}

function actionFindings(actions: readonly string[]): readonly Finding[] {
  return ['errno', 'user_notif'].map((action) => {
    const usable = actions.includes(action);
    const why = usable ? '' : 'this kernel does not have it';
    return { feature: `seccomp:${action}`, usable, why, required: true, cost: REQUIRED };
  });
}

function trialFindings(facts: KernelFacts): readonly Finding[] {
  return COSTS.map(([feature, cost]) => {
    const trial = facts.trials[feature] ?? 'absent';
    const usable = trial === 'yes';
    const why = usable ? '' : whyNot(feature, trial);
    return { feature, usable, why, required: cost === REQUIRED, cost };
  });
}

const SWITCHED_OFF: ReadonlyMap<string, string> = new Map([
  ['bpf:lsm', 'the kernel was booted without bpf among its security modules'],
  ['io_uring:restricted', 'kernel.io_uring_disabled forbids rings to those without CAP_SYS_ADMIN, or to all'],
  ['cgroup:io', 'no disk is divided by weight (enable=1 in io.cost.qos)'],
]);

function whyNot(feature: string, trial: Trial): string {
  if (trial === 'ENODATA') return SWITCHED_OFF.get(feature) ?? 'it is switched off';
  if (trial === 'absent')
    return feature.startsWith('cgroup:') ? 'no cgroup v2 tree offers it' : 'this kernel does not have it';
  if (trial === 'EPERM' || trial === 'EACCES') return `this user may not (${trial})`;
  return `it fails with ${trial}`;
}
