/**
 * What a ring of io_uring does, by the kernel's numbers from 0 on (Linux 7.0). After the name stands what a profile has to permit with any
 * arguments: `CALL+CALL|CALL`, both of the first or the last alone; `ring`: nothing, it is about the ring itself; `never`, and why.
 */
const OPERATIONS = `
NOP ring
READV readv+preadv|preadv2
WRITEV pwritev2
FSYNC fsync+fdatasync
READ_FIXED read+pread64|preadv2
WRITE_FIXED pwritev2
POLL_ADD poll|ppoll
POLL_REMOVE ring
SYNC_FILE_RANGE sync_file_range
SENDMSG sendmsg
RECVMSG recvmsg
TIMEOUT ring
TIMEOUT_REMOVE ring
ACCEPT accept4
ASYNC_CANCEL ring
LINK_TIMEOUT ring
CONNECT connect
FALLOCATE fallocate
OPENAT openat
CLOSE close
FILES_UPDATE ring
STATX statx
READ read+pread64|preadv2
WRITE pwritev2
FADVISE fadvise64
MADVISE madvise
SEND sendto
RECV recvfrom
OPENAT2 openat2
EPOLL_CTL epoll_ctl
SPLICE splice
PROVIDE_BUFFERS ring
REMOVE_BUFFERS ring
TEE tee
SHUTDOWN shutdown
RENAMEAT renameat2
UNLINKAT unlinkat
MKDIRAT mkdirat
SYMLINKAT symlinkat
LINKAT linkat
MSG_RING never it reaches into another ring
FSETXATTR fsetxattr
SETXATTR setxattr
FGETXATTR fgetxattr
GETXATTR getxattr
SOCKET socket
URING_CMD never it is many calls under one number, setsockopt among them
SEND_ZC sendto
SENDMSG_ZC sendmsg
READ_MULTISHOT read+pread64|preadv2
WAITID waitid
FUTEX_WAIT futex_wait
FUTEX_WAKE futex_wake
FUTEX_WAITV futex_waitv
FIXED_FD_INSTALL dup|dup3
FTRUNCATE ftruncate
BIND bind
LISTEN listen
RECV_ZC never it is for memory of a network device, which no ring is given
EPOLL_WAIT epoll_wait|epoll_pwait
READV_FIXED readv+preadv|preadv2
WRITEV_FIXED pwritev2
PIPE pipe2
NOP128 never it is for entries of 128 bytes, which no ring is given
URING_CMD128 never it is many calls under one number, setsockopt among them
`;

/** The same for what io_uring_register does to a ring. */
const REGISTRATIONS = `
BUFFERS ring
UNREGISTER_BUFFERS ring
FILES ring
UNREGISTER_FILES ring
EVENTFD ring
UNREGISTER_EVENTFD ring
FILES_UPDATE ring
EVENTFD_ASYNC ring
PROBE ring
PERSONALITY never it would keep the rights of now for later
UNREGISTER_PERSONALITY never there is none
RESTRICTIONS never the supervisor has set them
ENABLE_RINGS never the ring is enabled
FILES2 ring
FILES_UPDATE2 ring
BUFFERS2 ring
BUFFERS_UPDATE ring
IOWQ_AFF sched_setaffinity
UNREGISTER_IOWQ_AFF sched_setaffinity
IOWQ_MAX_WORKERS ring
RING_FDS ring
UNREGISTER_RING_FDS ring
PBUF_RING ring
UNREGISTER_PBUF_RING ring
SYNC_CANCEL ring
FILE_ALLOC_RANGE ring
PBUF_STATUS ring
NAPI never it is about the network's devices
UNREGISTER_NAPI never it is about the network's devices
CLOCK ring
CLONE_BUFFERS never it reaches into another ring
SEND_MSG_RING never it reaches into another ring
ZCRX_IFQ never it is about the network's devices
RESIZE_RINGS never the supervisor has set the size
MEM_REGION never it is memory that the caller brings
QUERY ring
ZCRX_CTRL never it is about the network's devices
BPF_FILTER never the supervisor has set them
`;

const lines = (text: string): readonly string[] => text.trim().split('\n');

export function ringOperationLines(): readonly string[] {
  return lines(OPERATIONS);
}

export function ringRegistrationLines(): readonly string[] {
  return lines(REGISTRATIONS);
}
