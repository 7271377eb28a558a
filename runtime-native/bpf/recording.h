/* What the recorder's BPF program and its user side share. */
#ifndef VXE_BPF_RECORDING_H
#define VXE_BPF_RECORDING_H

#include <linux/types.h>

#define VXE_RECORD_CALLS 512   /* call numbers that have a shape; higher ones are recorded by their registers */
#define VXE_RECORD_TEXT 4096   /* bytes of one string, its NUL included */
#define VXE_RECORD_DATA 16384  /* bytes of all pieces of one event */
#define VXE_RECORD_SEEN 262144 /* calls that can be told from each other; what is beyond is not folded */
#define VXE_RECORD_CONDITIONS 12

enum vxe_record_kind { VXE_RECORD_CALL, VXE_RECORD_FORK, VXE_RECORD_EXEC, VXE_RECORD_EXIT };

/* What a call's argument means to the recorder. */
enum vxe_record_use {
	VXE_USE_NOTHING,
	VXE_USE_VALUE,	  /* its value tells calls apart */
	VXE_USE_VALUE_IF, /* the same, where another argument has one of some values */
	VXE_USE_TEXT,	  /* a string */
	VXE_USE_PATH,	  /* a path below the working folder */
	VXE_USE_PATH_AT,  /* a path below the folder of the descriptor before it */
	VXE_USE_ADDRESS,  /* a socket address, its size in the next argument */
	VXE_USE_MESSAGE,  /* a struct msghdr (or mmsghdr) that may name an address */
	VXE_USE_FILE,	  /* a descriptor whose file is told */
	VXE_USE_SOCKET,	  /* a descriptor, of a socket where an address is told */
};

/* What a call that succeeds has found, for which its text need not be looked up. */
enum vxe_record_opens { VXE_OPENS_NOTHING, VXE_OPENS_DESCRIPTOR, VXE_OPENS_FOLDER, VXE_OPENS_ROOT };

struct vxe_record_shape {
	__u8 use[6];
	__u8 opens; /* enum vxe_record_opens */
	__u8 condition_other, n_conditions;
	__u8 known;
	__u8 plain;    /* nothing in it tells one call from another but its errno */
	__u8 n_values; /* arguments whose values tell calls apart */
	__u8 hooked;   /* with settings.hooked: it is told */
	__u8 padding[3];
	__u32 conditions[VXE_RECORD_CONDITIONS];
	__u64 keep[6]; /* bits of each argument that the kernel looks at */
};
_Static_assert(sizeof(struct vxe_record_shape) == 64 + 4 * VXE_RECORD_CONDITIONS, "no padding");

/* Behind an event: pieces one after the other, each this head and its bytes. */
enum vxe_piece_kind {
	VXE_PIECE_TEXT,	  /* the argument's string with its NUL */
	VXE_PIECE_BASE,	  /* what a relative path is relative to, or the process's root where it is another: names upward */
	VXE_PIECE_OBJECT, /* the file that was opened, or is behind the descriptor: names upward */
	VXE_PIECE_EXE,	  /* exec: names upward */
	VXE_PIECE_FILE,	  /* exec: the text that was given */
	VXE_PIECE_ARGV,	  /* exec: NUL-separated */
};

#define VXE_PIECE_ANONYMOUS 1 /* the names do not lead to a root folder */
#define VXE_PIECE_CUT 2	      /* longer than what was read */
#define VXE_PIECE_CREATED 4   /* the call made the file */
#define VXE_PIECE_UNREADABLE 8
#define VXE_PIECE_READ 16 /* it was opened for that */
#define VXE_PIECE_WRITE 32

struct vxe_record_piece {
	__u8 kind;
	__u8 argument; /* 6: the result */
	__u8 flags;
	__u8 padding;
	__u16 mode; /* of the object */
	__u16 size;
};
_Static_assert(sizeof(struct vxe_record_piece) == 8, "no padding");

struct vxe_record_event {
	__u64 seq;
	__u64 time; /* CLOCK_MONOTONIC, ns */
	__u64 args[6];
	__s64 result;
	__u32 kind;
	__u32 pid, tid, ppid;
	__u32 child; /* fork: tid; with child_pid */
	__u32 child_pid;
	__s32 nr;
	__u32 exit_code;
	char comm[16];
	__u8 compat, has_result, has_args, has_address;
	__s16 socket_type;
	__u16 address_size;
	__u32 data_size;
	__u8 filtered; /* the program's own filter answered: the kernel did not perform it */
	__u8 padding[3];
	__u8 address[128];
	/* data_size bytes of pieces */
};
_Static_assert(sizeof(struct vxe_record_event) == 264, "no padding");

/* The program's only read-only data, set before it is loaded. */
struct vxe_record_settings {
	__u64 secret_a, secret_b; /* of the fold: what is recorded must not be able to choose calls that look equal */
	__u32 every;		  /* tell each call */
	__u32 wake_at;		  /* bytes that wait in the ring when the reader is woken */
	__u32 hooked;		  /* no calls but those whose shape says so */
	__u32 padding;
};

/* Its only other data. */
struct vxe_record_state {
	__u64 anchor_mnt,
		anchor_dentry; /* the root folder that paths begin at: the first member's, when it executes its program */
	__u64 told;	       /* events that have a number */
	/* The process whose exec begins the recording: its pid namespace, and its number there. */
	__u64 adopt_device, adopt_inode;
	__u32 adopt_pid;
	__u32 adopt_depth; /* pid namespaces that it is below the recorder's */
	__u32 level;	   /* of the recorder's pid namespace: events have its numbers */
	__u32 generations;
	__u32 threaded; /* one of the processes has had several threads */
	__u32 alone;	/* the recorder's filter is the only one that the first of them began with */
	__u32 armed;	/* it has executed its program: what it did before was the launcher */
	__u32 padding;
};

/* A thread that is recorded. */
struct vxe_record_thread {
	__u32 generation; /* another one after each fork and exec, so that no two programs' calls are counted as one */
	__u16 noted;	  /* enum vxe_record_noted */
	__u16 shared;	  /* the process has had other threads, which may put a filter on this one at any moment (TSYNC) */
};

/* Of a thread that has a filter of its own, or may get one from another thread: how far its call has come. */
enum vxe_record_noted { VXE_NOTED_NOTHING, VXE_NOTED_PERFORMED, VXE_NOTED_ENDED };

struct vxe_record_key {
	__u64 a, b;
};

struct vxe_record_repeat {
	__u64 seq, count, last, tick;
};

/* Per CPU; each call that a member makes raises `calls` and one of the others. */
struct vxe_record_counters {
	__u64 calls, written, folded, lost_ring;
	__u64 processes, lost_processes;
};

#endif
