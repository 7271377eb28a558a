// Why `vxe-runtime` does what it does where runc or crun fail: by the case's title, from the text that the case is made from.
const ADDED = 'the field is in the specification, and what it asks for is not done without a word';
const NOBODY =
  'the field has a list of values; one that is not in it cannot be carried out, and runtime.md (Create) makes that an error';
const NAMED = 'what cannot be applied must be an error (runtime.md, Create)';

const reasons = [
  [/ociVersion/, 'ociVersion is REQUIRED and must be a version (config.md, Specification version)'],
  [/takes \w+ back( from |$)/, 'the options are a list in order, as mount(8) has them: the later one counts'],
  [
    /^the mount option (shared|unbindable|rshared|runbindable)$/,
    'the table of options has these types of propagation; they hold for the mount that asks',
  ],
  [
    /nosymfollow|rnoatime|rnodiratime|^rrelatime|^the mount option defaults|^mount options that change nothing/,
    'the option is in the table of config.md',
  ],
  [/^what features names/, 'what features names is there (features.md)'],
  [
    /^kill takes RTMIN/,
    'real-time signals have these names in kill(1), and an image may name its stop signal so',
  ],
  [/^a cwd that is not absolute/, 'cwd MUST be an absolute path'],
  [
    /capability that cannot be granted|warning about a capability/,
    'a capability that cannot be granted SHOULD be a warning, which has to be somewhere',
  ],
  [/given twice/, 'two entries of one type MUST be an error'],
  [
    /^domainname$|^personality|^scheduler|^ioPriority|^execCPUAffinity|time namespace$|^timeOffsets($| beside)|clocks of the program/,
    ADDED,
  ],
  [/nobody knows is refused$/, NOBODY],
  [
    /timeOffsets without|listenerMetadata without|idmap without any|uidMappings without/,
    'a field that needs another one cannot be applied without it, and that is an error (runtime.md, Create)',
  ],
  [/idmap without mappings|uidMappings and gidMappings of a mount/, ADDED],
  [
    /^a unified value of several lines|^io.max of several devices/,
    'the specification has such a value, and the kernel takes a line at a time',
  ],
  [/holds, or is refused by its name|rdma of a device|which version 2 does not have/, NAMED],
  [/masked path that is not absolute/, 'the paths MUST be absolute'],
  [/^rootfsPropagation shared$/, 'rootfsPropagation is the propagation of the root mount inside'],
  [
    /^a device that is not allowed|^an allowed device|^the rules are applied/,
    'the rules of devices MUST be applied in their order; what a host lacks for them (crun raises RLIMIT_MEMLOCK, runc wants files of a controller) is not needed for that',
  ],
  [/^the flag SECCOMP/, "the flags are the specification's, and the kernel has them"],
  [/^listenerPath without/, 'without SCMP_ACT_NOTIFY listenerPath MUST be ignored'],
  [/^the agent gets/, 'the runtime MUST close the connection after the state was sent'],
  [/^idle$|^burst$/, NAMED],
  [/^checkBeforeUpdate$/, 'with checkBeforeUpdate a limit below what is in use is refused, and not set'],
  [/^a limit of -1 is none$/, 'no limit needs no controller'],
  [
    /cannot be executed is an error/,
    'start MUST run the program; where it cannot, that is an error of start',
  ],
  [
    /^poststart hooks run|^hooks run each at its time/,
    'poststart hooks run after the program was started, in the start operation',
  ],
  [/^without process create works/, 'process is REQUIRED when start is called, and not before'],
  [
    /^delete of a created container/,
    'a container that is not stopped MUST NOT be deleted, and nothing MUST happen to it',
  ],
  [/poststop hook that fails/, 'the remaining poststop hooks run'],
  [
    /^after a \w+ hook that failed/,
    'a hook that fails ends the container, and the lifecycle goes on with its poststop hooks',
  ],
  [/^events/, 'containerd and Docker read them from runc'],
  [
    /^update's options|^exec --additional-gids|^run --keep|^kill takes|^what run --detach|^ps takes options|^exec in a paused/,
    'one of the two others has the habit, and its callers rely on it',
  ],
  [
    /^update --resources -|^update changes the limits/,
    'standard input may be a socket, which /dev/stdin cannot open',
  ],
  [/^exec --cap with a name/, 'a capability that cannot be granted is a warning, as in config.json'],
  [
    /^--config: |^run.oci.keep_original_groups|^run --detach: the pid file/,
    'one of the two others has the habit, and its callers rely on it',
  ],
  [/^features is/, 'features.md'],
  [/in the words that engines look for/, "Docker's client makes its exit code 127 of them"],
  [
    /as containerd understands it$/,
    "containerd takes runc's words for it; any others are an error of Docker's stop and kill",
  ],
  [/^in a user namespace by path, a/, 'both namespaces are named, and the runtime has the right to each'],
  [
    /on a link of the image that leads to nothing$/,
    'engines leave it to the runtime to find where a link of the image leads, as that of /etc/resolv.conf does',
  ],
  [
    /^a call with a number behind|^so it does where the filter/,
    'a libc that is newer than the profile falls back by that word; the profiles of Docker and containerd count on it',
  ],
  [/^and another errno, where/, 'defaultErrnoRet is the errno that is used (config-linux.md, Seccomp)'],
  [/^--preserve-fds with/, 'the program would find other descriptors than it was promised'],
  [
    /^sockets of LISTEN_FDS|LISTEN_FDNAMES|^none where LISTEN_PID|^a socket that is not open|from behind the sockets|^exec passes sockets/,
    'sd_listen_fds(3): all three names, for the process that they name; and what is promised is there, or the program would find other descriptors',
  ],
  [/these names gives way/, "the service manager's word is not the image's to replace"],
  [
    /main one$|^NOTIFY_SOCKET: start returns/,
    'what a service manager has started ends then: it has to know by that time whom to watch',
  ],
  [
    /^the container does not speak for others/,
    'readiness counts whatever else is said with it: a service manager that does not hear of it ends the service',
  ],
  [/^what it says later/, 'a service tells its status, its watchdog and its end as well (sd_notify(3))'],
  [/^without NOTIFY_SOCKET/, 'an empty name is none (sd_notify(3))'],
  [/^NOTIFY_SOCKET reaches/, "whoever the container's root is outside, it has the socket that it was given"],
  [
    /^an empty HOME/,
    "so it is with runc, and Docker's own tests ask for it; there is one variable of a name",
  ],
  [
    /^update --memory -1/,
    'no limit on memory and swap together is none on swap; runc has it so, and its callers rely on it',
  ],
  [/no HOME/, 'Docker and containerd leave HOME to the runtime, which has the passwd file at hand'],
  [
    /^a startContainer hook that fails|^a poststart hook that fails/,
    'it MUST be an error, and the container is stopped (runtime.md, Lifecycle)',
  ],
  [
    /^a cgroup that can be written to|^one that is (read-only|seen from outside) stays/,
    'ownership changes if and only if the cgroup is mounted to be written to, in a cgroup namespace (Cgroup ownership)',
  ],
  [/^a hook's timeout of/, 'a timeout MUST be greater than zero'],
  [/^a hook whose path/, 'the path MUST be absolute'],
  [/^a file that is there already/, 'a file that is there and is another one MUST be an error'],
  [/^a readonly path that is not absolute/, 'the paths MUST be absolute'],
  [/^rootfsPropagation unbindable$/, 'unbindable is one of its values'],
  [
    /^a link of the container in a source/,
    "the configuration names a source; where a link leads that a container has put there is the container's word, and the runtime's rights are not for that",
  ],
  [
    /^in a mount namespace by path a source/,
    'a container that joins a mount namespace has its rootfs and its sources in it, and what a path leads to there is not for the rights of the host',
  ],
  [
    /^the rootfs is below a folder/,
    'root.path is the path on the host: whether root of the user namespace could go there by itself is not asked (config.md, Root)',
  ],
  [
    /^what is read-only on the host stays|^so does what is read-only there/,
    'what is locked about a mount stays so in a less privileged mount namespace (mount_namespaces(7))',
  ],
  [
    /^a device in a user namespace|^a device whose owner/,
    'the devices MUST be available, with the fileMode, uid and gid that are given (config-linux.md, Devices)',
  ],
  [
    /the runtime's mount namespace is inherited$/,
    'linux and each of its namespaces are OPTIONAL, what is not listed MUST be inherited (config-linux.md, Namespaces); exec is in the root of the container then, too',
  ],
  [
    /^without a mount namespace nothing stays|without a mount namespace is an error$/,
    "in the runtime's mount namespace it would be done to the host: what cannot be applied must be an error (runtime.md, Create)",
  ],
  [
    /^a device in a \/dev of the host's/,
    "the devices MUST be available, and one that is not is an error; what is the host's own is not the container's to change",
  ],
  [
    /^a cgroup that is there and empty|^another's process in the cgroup|^a container outlives the delete|^the device rules end with/,
    'cgroups are created if they do not exist (config-linux.md, Cgroups Path), and what the container did not create MUST NOT be deleted (runtime.md, Delete)',
  ],
  [
    /^where none can be made or mounted|neither made nor mounted is an error/,
    'the default devices MUST be supplied; those of the rootfs are what there is, and what cannot be supplied must be an error that says so (runtime.md, Create)',
  ],
  [
    /^exec --process without user/,
    "the field is not in the list of what is REQUIRED, both others take root for it, and the container's own user is never more than that",
  ],
  [/^a hook without env has/, 'one of the two others has the habit each time, and engines rely on it'],
  [/^ps of a container that has stopped|^--debug has something/, 'runc has the habit'],
  [
    /^behind hooks in the container the program ignores/,
    'signals that the caller of the runtime ignores are none of the program: the others let it inherit them, with hooks and without',
  ],
  [
    /^exec where the container has divided/,
    "a service manager in a container divides its cgroup; what is for the container's processes is for those below it as well",
  ],
  [/^a tmpfs without a mode/, "programs in an image expect the folder's own mode"],
];

/** The reason, or undefined where nobody has given one. */
export function reasonFor(title) {
  return reasons.find(([pattern]) => pattern.test(title))?.[1];
}
