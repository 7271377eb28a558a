/*
 * The privileged recorder: every system call of the recorded threads, as the kernel ends it.
 *
 * A call is told at its end, where its arguments are still in the registers, its result is known, and what it opened can be
 * asked for its names. (What ends a process is told when the process ends.) So one tracepoint a call is enough. Strings are read
 * then, too; by that time the kernel has read them, so they are in memory.
 *
 * Calls that differ in nothing that a rule could speak of are counted in a map instead of being told again. Every call raises
 * `calls` and exactly one of `written`, `folded` and the losses, whatever happens.
 */
#include "kernel.bpf.h"
#include "recording.h"

#define DATA_MASK (VXE_RECORD_DATA - 1)
#define DEPTH 128
#define FMODE_READ 1
#define FMODE_WRITE 2
#define FMODE_CREATED 0x100000
#define TS_COMPAT 2
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFDIR 0040000
#define ENOSYS 38
#define AT_FDCWD (-100)
#define PF_SIGNALED 0x400   /* a signal ends it */
#define SECCOMP_MODE_DEAD 3 /* a filter ends it */

const volatile struct vxe_record_settings settings;
struct vxe_record_state state;

/* The parts of a dentry that a step needs lie together in every kernel so far: one reading takes them all. */
struct dentry_head {
	struct dentry *parent;
	__u32 hash, length;
	const unsigned char *name;
};

#define FILE_HEAD 128

struct scratch {
	struct vxe_record_key key;
	struct vxe_record_event event;
	__u8 data[VXE_RECORD_DATA + VXE_RECORD_TEXT + 256] __attribute__((aligned(8)));
	/* What is read of the kernel's: stacks are small. */
	struct dentry_head dentry;
	__u64 file[FILE_HEAD / 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vxe_record_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VXE_RECORD_CALLS);
	__type(key, __u32);
	__type(value, struct vxe_record_shape);
} shapes SEC(".maps");

/* The threads that are recorded. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct vxe_record_thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VXE_RECORD_SEEN);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct vxe_record_key);
	__type(value, struct vxe_record_repeat);
} seen SEC(".maps");

/* By call: the capabilities that the kernel asked for, and that were there. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VXE_RECORD_CALLS);
	__type(key, __u32);
	__type(value, __u64);
} capabilities SEC(".maps");

static __always_inline struct scratch *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

static __always_inline struct vxe_record_counters *counters_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

static __always_inline struct vxe_record_thread *thread_of(struct task_struct *task)
{
	return bpf_task_storage_get(&threads, task, NULL, 0);
}

/* --- pieces --- */

/* Begins a piece at the end of the data; the offset of its bytes, or a negative number where there is no room. */
static __always_inline int piece_begin(struct scratch *s, __u8 kind, __u8 argument)
{
	__u32 used = s->event.data_size;
	struct vxe_record_piece *piece;

	if (used > VXE_RECORD_DATA - VXE_RECORD_TEXT)
		return -1;
	used &= DATA_MASK;
	piece = (void *)&s->data[used];
	piece->kind = kind;
	piece->argument = argument;
	piece->flags = 0;
	piece->padding = 0;
	piece->mode = 0;
	piece->size = 0;
	return (int)(used + sizeof(*piece));
}

static __always_inline void piece_end(struct scratch *s, __u32 size, __u8 flags, __u16 mode)
{
	__u32 used = s->event.data_size & DATA_MASK;
	struct vxe_record_piece *piece = (void *)&s->data[used];

	piece->size = (__u16)size;
	piece->flags = flags;
	piece->mode = mode;
	/* Heads stay aligned. */
	s->event.data_size = used + sizeof(*piece) + ((size + 7) & ~7U);
}

/* The bytes up to the next head are told too: nothing of an earlier event may be in them. */
static __always_inline void piece_pad(struct scratch *s, int at, __u32 size)
{
	__u32 end = ((__u32)at + size) & (DATA_MASK | VXE_RECORD_DATA);

	if (end < sizeof(s->data) - 8)
		*(volatile __u64 *)&s->data[end] = 0;
}

/*
 * Functions that are not static are checked by the kernel once, for all arguments, and not again at each call: that is most of what
 * loading this takes. They take numbers only, and find the rest by themselves.
 */
__noinline int piece_text(__u32 argument, __u64 address)
{
	struct scratch *s = scratch_get();
	__u8 flags = 0;
	long size;
	int at;

	if (!s || !address)
		return 0;
	at = piece_begin(s, VXE_PIECE_TEXT, (__u8)argument);
	if (at < 0)
		return 0;
	size = bpf_probe_read_user_str(&s->data[at & (2 * DATA_MASK + 1)], VXE_RECORD_TEXT, (void *)address);
	if (size < 0) {
		size = 0;
		flags = VXE_PIECE_UNREADABLE;
	} else if (size == VXE_RECORD_TEXT) {
		flags = VXE_PIECE_CUT;
	}
	piece_pad(s, at, (__u32)size & 0x1fff);
	piece_end(s, (__u32)size & 0x1fff, flags, 0);
	return size > 0 && at < VXE_RECORD_DATA ? s->data[at & DATA_MASK] : 0;
}

struct climb {
	struct dentry *dentry;
	struct vfsmount *mnt;
	struct dentry *top; /* of the mount */
	__u32 at, size;
	__u8 flags, done;
};

static __always_inline void head_read(struct dentry_head *head, struct dentry *dentry)
{
	const __u32 at = bpf_core_field_offset(struct dentry, d_parent);

	if (bpf_core_field_offset(struct dentry, d_name.len) == at + 12 &&
	    bpf_core_field_offset(struct dentry, d_name.name) == at + 16) {
		if (bpf_probe_read_kernel(head, sizeof(*head), (void *)dentry + at) < 0)
			__builtin_memset(head, 0, sizeof(*head));
		return;
	}
	head->parent = BPF_CORE_READ(dentry, d_parent);
	head->length = BPF_CORE_READ(dentry, d_name.len);
	head->name = BPF_CORE_READ(dentry, d_name.name);
}

/* A length of at most 255, so that older verifiers see its bound as well; the compiler must not know better. */
static __always_inline __u32 bounded(__u32 length)
{
	asm volatile("%0 &= 255" : "+r"(length));
	return length;
}

/* One step upward: a name, or from a mount's root to where it is mounted. */
static long climb_step(__u32 index, void *context)
{
	struct climb *c = context;
	struct scratch *s = scratch_get();
	struct dentry *dentry = c->dentry;
	struct vfsmount *mnt = c->mnt;
	struct dentry_head *head;
	__u32 length, at;

	(void)index;
	if (!s)
		return 1;
	if ((__u64)dentry == state.anchor_dentry && (__u64)mnt == state.anchor_mnt) {
		c->done = 1;
		return 1;
	}
	if (dentry == c->top) {
		struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
		struct mount *above = BPF_CORE_READ(m, mnt_parent);

		if (above == m || !above) {
			c->done = 1;
			return 1;
		}
		c->dentry = BPF_CORE_READ(m, mnt_mountpoint);
		mnt = (void *)above + bpf_core_field_offset(struct mount, mnt);
		c->mnt = mnt;
		c->top = BPF_CORE_READ(mnt, mnt_root);
		return 0;
	}
	head = &s->dentry;
	head_read(head, dentry);
	length = head->length;
	if (length > 255)
		length = 255;
	at = c->at + c->size;
	if (c->size + 256 > VXE_RECORD_TEXT || at > VXE_RECORD_DATA) {
		c->flags |= VXE_PIECE_CUT;
		return 1;
	}
	at &= 2 * DATA_MASK + 1;
	if (at > VXE_RECORD_DATA)
		return 1;
	if (bpf_probe_read_kernel(&s->data[at], length & 0xff, head->name) < 0)
		return 1;
	length = bounded(length);
	at += length;
	if (at < sizeof(s->data))
		s->data[at] = 0;
	c->size += length + 1;
	if (head->parent == dentry) {
		c->flags |= VXE_PIECE_ANONYMOUS;
		c->done = 1;
		return 1;
	}
	c->dentry = head->parent;
	return 0;
}

__noinline int piece_names(__u32 kind, __u32 argument, __u64 dentry_at, __u64 mnt_at, __u32 mode_flags)
{
	struct scratch *s = scratch_get();
	struct climb c = {.dentry = (void *)dentry_at, .mnt = (void *)mnt_at};
	int at;

	if (!s || !dentry_at || !mnt_at)
		return 0;
	at = piece_begin(s, (__u8)kind, (__u8)argument);
	if (at < 0)
		return 0;
	c.at = (__u32)at;
	c.top = BPF_CORE_READ((struct vfsmount *)mnt_at, mnt_root);
	bpf_loop(DEPTH, climb_step, &c, 0);
	if (!c.done)
		c.flags |= VXE_PIECE_CUT;
	piece_pad(s, at, c.size & 0x1fff);
	piece_end(s, c.size & 0x1fff, c.flags | (__u8)(mode_flags >> 16), (__u16)mode_flags);
	return 0;
}

/*
 * What a task points to is read by a helper, also where the kernel would let it be read like any memory: for each such place it looks
 * through the names of all its types while it loads this, which took a quarter of the time until a recording begins.
 */
#define task_pointer(out, task, field) bpf_core_read(&(out), sizeof(out), &(task)->field)

static __always_inline struct file *file_of(struct task_struct *task, __u32 fd)
{
	struct {
		__u32 max, more;
		struct file **table;
	} head = {};
	struct files_struct *files = NULL;
	struct fdtable *fdt;
	struct file *file = NULL;

	task_pointer(files, task, files);
	fdt = BPF_CORE_READ(files, fdt);
	if (bpf_core_field_offset(struct fdtable, max_fds) == 0 && bpf_core_field_offset(struct fdtable, fd) == 8) {
		bpf_probe_read_kernel(&head, sizeof(head), fdt);
	} else {
		head.max = BPF_CORE_READ(fdt, max_fds);
		head.table = BPF_CORE_READ(fdt, fd);
	}
	if (fd >= head.max)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), head.table + fd);
	/* The lowest bits of the table's entries are flags on some kernels. */
	return (struct file *)((__u64)file & ~3ULL);
}

/* What is wanted of a file lies in its first bytes in every kernel so far. */
struct file_head {
	struct inode *inode;
	struct path path;
	__u32 opened;
};

#define in_head(field) (bpf_core_field_offset(struct file, field) + bpf_core_field_size(struct file, field) <= FILE_HEAD)
#define from_head(bytes, field) ((void *)(bytes) + bpf_core_field_offset(struct file, field))

static __always_inline void file_read(struct scratch *s, struct file_head *head, struct file *file)
{
	if (in_head(f_inode) && in_head(f_mode) && in_head(f_path)) {
		if (bpf_probe_read_kernel(s->file, sizeof(s->file), file) < 0)
			return;
		head->inode = *(struct inode **)from_head(s->file, f_inode);
		head->opened = *(__u32 *)from_head(s->file, f_mode);
		head->path = *(struct path *)from_head(s->file, f_path);
		return;
	}
	head->inode = BPF_CORE_READ(file, f_inode);
	head->opened = BPF_CORE_READ(file, f_mode);
	bpf_core_read(&head->path, sizeof(head->path), &file->f_path);
}

static __always_inline void piece_file(struct scratch *s, __u32 kind, __u32 argument, struct file *file)
{
	struct file_head head = {};
	struct inode *inode;
	__u32 mode, flags = 0;

	if (!file)
		return;
	file_read(s, &head, file);
	inode = head.inode;
	mode = BPF_CORE_READ(inode, i_mode);
	if (head.opened & FMODE_CREATED)
		flags |= VXE_PIECE_CREATED;
	if (head.opened & FMODE_READ)
		flags |= VXE_PIECE_READ;
	if (head.opened & FMODE_WRITE)
		flags |= VXE_PIECE_WRITE;
	piece_names(kind, argument, (__u64)head.path.dentry, (__u64)head.path.mnt, mode | flags << 16);
}

/* What the path in an argument begins at, unless that is the anchor. */
static __always_inline void piece_base(struct scratch *s, struct task_struct *task, __u32 argument, int absolute, int at,
				       __u64 dirfd)
{
	struct fs_struct *fs = NULL;
	struct path path = {};

	task_pointer(fs, task, fs);
	if (absolute) {
		bpf_core_read(&path, sizeof(path), &fs->root);
		if ((__u64)path.dentry == state.anchor_dentry && (__u64)path.mnt == state.anchor_mnt)
			return;
	} else if (at && (__s32)dirfd != AT_FDCWD) {
		piece_file(s, VXE_PIECE_BASE, argument, file_of(task, (__u32)dirfd));
		return;
	} else {
		bpf_core_read(&path, sizeof(path), &fs->pwd);
	}
	piece_names(VXE_PIECE_BASE, argument, (__u64)path.dentry, (__u64)path.mnt, 0);
}

static __always_inline void address_take(struct scratch *s, __u64 address, __u64 size)
{
	__u32 length = (__u32)size;

	if (!address || length < 2)
		return;
	if (length > sizeof(s->event.address))
		length = sizeof(s->event.address);
	__builtin_memset(s->event.address, 0, sizeof(s->event.address));
	if (bpf_probe_read_user(s->event.address, length & 0xff, (void *)address) < 0)
		return;
	s->event.address_size = (__u16)length;
	s->event.has_address = 1;
}

static __always_inline void socket_take(struct scratch *s, struct task_struct *task, __u32 fd)
{
	struct file *file = file_of(task, fd);
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return;
	socket = BPF_CORE_READ(file, private_data);
	s->event.socket_type = BPF_CORE_READ(socket, type);
}

/* --- the fold --- */

struct hash_state {
	__u64 a, b;
	__u32 size;
};

static __always_inline void hash_word(struct hash_state *h, __u64 word)
{
	h->a = (h->a ^ word) * 0x9fb21c651e98df25ULL;
	h->a ^= h->a >> 32;
	h->b = (h->b + word) * 0xd6e8feb86659fd93ULL;
	h->b ^= h->b >> 29;
	h->a += settings.secret_a;
	h->b ^= settings.secret_b;
}

#define HASH_WORDS 8

static long hash_step(__u32 index, void *context)
{
	struct hash_state *h = context;
	struct scratch *s = scratch_get();
	__u32 at = (index & 0x3ff) * HASH_WORDS * 8;
	const __u64 *words;

	if (!s || at > sizeof(s->data) - HASH_WORDS * 8)
		return 1;
	words = (const void *)&s->data[at];
	for (__u32 i = 0; i < HASH_WORDS; i++) {
		if (at + i * 8 >= h->size)
			return 1;
		hash_word(h, words[i]);
	}
	return 0;
}

static __always_inline int condition_holds(const struct vxe_record_shape *shape, __u32 value)
{
	for (int i = 0; i < VXE_RECORD_CONDITIONS; i++)
		if (i < shape->n_conditions && shape->conditions[i] == value)
			return 1;
	return 0;
}

static __always_inline void hash_arguments(struct hash_state *h, const struct scratch *s, const struct vxe_record_shape *shape)
{
	int holds = shape && shape->n_conditions && condition_holds(shape, (__u32)s->event.args[shape->condition_other & 3]);

	for (int i = 0; i < 6; i++) {
		if (!shape) /* Nothing is known about it: every register counts. */
			hash_word(h, s->event.args[i]);
		else if (shape->use[i] == VXE_USE_VALUE || (shape->use[i] == VXE_USE_VALUE_IF && holds))
			hash_word(h, (s->event.args[i] & shape->keep[i]) + ((__u64)i << 56));
	}
}

/* Into the scratch's key. */
__noinline int event_hash(__u32 generation)
{
	struct hash_state h = {.a = settings.secret_a, .b = settings.secret_b};
	struct vxe_record_shape *shape = NULL;
	struct scratch *s = scratch_get();
	__s64 result;
	__u32 nr;

	if (!s)
		return 0;
	result = s->event.result;
	nr = (__u32)s->event.nr;
	if (!s->event.compat && nr < VXE_RECORD_CALLS)
		shape = bpf_map_lookup_elem(&shapes, &nr);
	if (shape && !shape->known)
		shape = NULL;
	hash_word(&h, (__u64)generation << 32 | (__u32)s->event.nr);
	hash_word(&h, (__u64)s->event.compat << 32 | (__u64)s->event.has_result << 40 | (__u64)s->event.filtered << 41 |
			      (__u32)(result < 0 && result >= -4095 ? result : 0));
	if (!shape || shape->n_values)
		hash_arguments(&h, s, shape);
	if (s->event.has_address) {
		hash_word(&h, (__u64)s->event.address_size << 32 | (__u16)s->event.socket_type);
		for (int i = 0; i < 16; i++) {
			__u64 word;

			__builtin_memcpy(&word, &s->event.address[i * 8], 8);
			hash_word(&h, word);
		}
	}
	h.size = s->event.data_size;
	if (h.size)
		bpf_loop(h.size / (HASH_WORDS * 8) + 1, hash_step, &h, 0);
	s->key.a = h.a;
	s->key.b = h.b & ~(1ULL << 63);
	return 0;
}

/* The number of a task where the recorder is. */
static __always_inline __u32 number_of(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	const void *at = (const void *)pid + bpf_core_field_offset(struct pid, numbers) +
			 (__u64)(state.level & 31) * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, nr);
	__u32 number = 0;

	/* A task that was reaped has none any more. */
	if (!pid || BPF_CORE_READ(pid, level) < state.level || bpf_probe_read_kernel(&number, sizeof(number), at) < 0)
		return 0;
	return number;
}

static __always_inline long event_write(struct scratch *s)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 ids = bpf_get_current_pid_tgid();
	__u64 size = sizeof(s->event) + (__u64)s->event.data_size;
	/* 0: the reader is woken when it has read all that was there. */
	__u64 flags = settings.hooked						       ? 0
		      : bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > settings.wake_at ? BPF_RB_FORCE_WAKEUP
										       : BPF_RB_NO_WAKEUP;

	if (size > sizeof(s->event) + VXE_RECORD_DATA + VXE_RECORD_TEXT)
		size = sizeof(s->event) + VXE_RECORD_DATA + VXE_RECORD_TEXT;
	s->event.time = bpf_ktime_get_ns();
	if (state.level) {
		s->event.tid = number_of(task);
		s->event.pid = number_of(BPF_CORE_READ(task, group_leader));
		s->event.ppid = number_of(BPF_CORE_READ(task, real_parent, group_leader));
	} else {
		/* The recorder is in the first pid namespace, whose numbers tasks have at hand. */
		s->event.tid = (__u32)ids;
		s->event.pid = (__u32)(ids >> 32);
		s->event.ppid = (__u32)BPF_CORE_READ(task, real_parent, tgid);
	}
	bpf_get_current_comm(s->event.comm, sizeof(s->event.comm));
	return bpf_ringbuf_output(&ring, &s->event, size, flags);
}

/* Most calls are only counted: what a line alone needs is filled in when one is written. */
static __always_inline void event_begin(struct scratch *s, __u32 kind)
{
	/* All but the address, which counts only where has_address says so. */
	__builtin_memset(&s->event, 0, __builtin_offsetof(struct vxe_record_event, address));
	s->event.kind = kind;
	s->event.socket_type = -1;
}

/* --- calls --- */

#if defined(__TARGET_ARCH_x86)
/* As a probe gets them. */
struct registers {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
};

static __always_inline __s32 registers_read(struct task_struct *task, const struct pt_regs *regs,
					    struct vxe_record_event *event, int *in_call)
{
	event->compat = task->thread_info.status & TS_COMPAT ? 1 : 0;
	event->args[0] = event->compat ? (__u32)regs->bx : regs->di;
	event->args[1] = event->compat ? (__u32)regs->cx : regs->si;
	event->args[2] = event->compat ? (__u32)regs->dx : regs->dx;
	event->args[3] = event->compat ? (__u32)regs->si : regs->r10;
	event->args[4] = event->compat ? (__u32)regs->di : regs->r8;
	event->args[5] = event->compat ? (__u32)regs->bp : regs->r9;
	event->has_args = 1;
	/* What the kernel puts there when a call begins; its result, when it ends. */
	*in_call = (__s64)regs->ax == -ENOSYS;
	return (__s32)regs->orig_ax;
}
#define NR_EXECVE 59
#define NR_EXECVEAT 322
#define NR_FORK 57
#define NR_VFORK 58
#define NR_CLONE 56
#define NR_CLONE3 435
#define NR_RT_SIGRETURN 15
#define NR_IO_URING_SETUP 425 /* of every entry */
#define X32_BIT 0x40000000
#define NR_X86_EXECVE 11
#define NR_X86_EXECVEAT 358
#define NR_X86_FORK 2
#define NR_X86_VFORK 190
#define NR_X86_CLONE 120
#define NR_X86_RT_SIGRETURN 173
#else
#error "the recorder's BPF program knows x86_64"
#endif

static __always_inline int is_exec(const struct vxe_record_event *event)
{
	__s32 nr = event->nr & ~X32_BIT;

	if (event->compat)
		return nr == NR_X86_EXECVE || nr == NR_X86_EXECVEAT;
	return nr == NR_EXECVE || nr == NR_EXECVEAT || nr == 520 || nr == 545 /* x32's own */;
}

static __always_inline int is_fork(const struct vxe_record_event *event)
{
	__s32 nr = event->nr & ~X32_BIT;

	if (event->compat)
		return nr == NR_X86_FORK || nr == NR_X86_VFORK || nr == NR_X86_CLONE || nr == NR_CLONE3;
	return nr == NR_FORK || nr == NR_VFORK || nr == NR_CLONE || nr == NR_CLONE3;
}

/* An argument's place, so that older verifiers (Linux 6.1) see its bounds as well; the compiler must not know better. */
static __always_inline __u64 argument_at(const struct scratch *s, __u64 place)
{
	asm volatile("%0 &= 7" : "+r"(place));
	return s->event.args[place];
}

__noinline int argument_take(__u32 i)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vxe_record_shape *shape;
	struct scratch *s = scratch_get();
	__u64 value, before, after;
	__u32 nr;
	struct {
		__u64 name;
		__u32 size;
	} message;
	int first;

	if (!s || i > 5)
		return 0;
	nr = (__u32)s->event.nr;
	shape = bpf_map_lookup_elem(&shapes, &nr);
	if (!shape)
		return 0;
	value = argument_at(s, i);
	before = i ? argument_at(s, i - 1) : 0;
	after = i < 5 ? argument_at(s, i + 1) : 0;
	switch (shape->use[i]) {
	case VXE_USE_TEXT:
		piece_text(i, value);
		break;
	case VXE_USE_PATH:
	case VXE_USE_PATH_AT:
		first = piece_text(i, value);
		piece_base(s, task, i, first == '/', shape->use[i] == VXE_USE_PATH_AT, before);
		break;
	case VXE_USE_ADDRESS:
		address_take(s, value, after);
		break;
	case VXE_USE_MESSAGE:
		if (bpf_probe_read_user(&message, 12, (void *)value) == 0)
			address_take(s, message.name, message.size);
		break;
	case VXE_USE_FILE:
		piece_file(s, VXE_PIECE_OBJECT, i, file_of(task, (__u32)value));
		break;
	case VXE_USE_SOCKET:
		socket_take(s, task, (__u32)value);
		break;
	default:
		break;
	}
	return 0;
}

static __always_inline void piece_found(struct scratch *s, struct task_struct *task, __u32 opens)
{
	struct fs_struct *fs = NULL;
	struct path path = {};

	if (opens == VXE_OPENS_DESCRIPTOR) {
		piece_file(s, VXE_PIECE_OBJECT, 6, file_of(task, (__u32)s->event.result));
		return;
	}
	task_pointer(fs, task, fs);
	if (opens == VXE_OPENS_FOLDER)
		bpf_core_read(&path, sizeof(path), &fs->pwd);
	else
		bpf_core_read(&path, sizeof(path), &fs->root);
	piece_names(VXE_PIECE_OBJECT, 6, (__u64)path.dentry, (__u64)path.mnt, S_IFDIR);
}

static __always_inline void plain_key(struct vxe_record_key *key, __u32 generation, __u32 nr, __s64 result, __u32 has_result,
				      __u32 by_filter)
{
	/* No hash: these keys are exact. Hashed ones have this bit clear. */
	key->a = (__u64)generation << 32 | nr;
	key->b = 1ULL << 63 | (__u64)by_filter << 33 | (__u64)has_result << 32 |
		 (result < 0 && result >= -4095 ? (__u32)-result : 0);
}

/* The time of the last one is as exact as the kernel's tick: the clock itself is read once in each. */
static __always_inline void repeat_count(struct vxe_record_repeat *repeat, struct vxe_record_counters *count)
{
	__u64 tick = bpf_jiffies64();

	__sync_fetch_and_add(&repeat->count, 1);
	if (tick != repeat->tick) {
		repeat->tick = tick;
		repeat->last = bpf_ktime_get_ns();
	}
	count->folded++;
}

/* The event is filled in up to its arguments; it is told, or counted. */
static __always_inline void call_tell(struct scratch *s, struct task_struct *task, __u32 generation,
				      struct vxe_record_counters *count)
{
	__u32 nr = (__u32)s->event.nr;
	struct vxe_record_shape *shape = NULL;
	struct vxe_record_repeat fresh = {0}, *repeat;
	if (!s->event.compat && nr < VXE_RECORD_CALLS)
		shape = bpf_map_lookup_elem(&shapes, &nr);
	if (shape && !shape->known)
		shape = NULL;
	if (shape && s->event.has_args) {
		for (__u32 i = 0; i < 6; i++)
			if (shape->use[i] > VXE_USE_VALUE_IF)
				argument_take(i);
		if (shape->opens && s->event.has_result && s->event.result >= 0 && !s->event.filtered)
			piece_found(s, task, shape->opens);
	}
	if (!settings.every) {
		if (shape && shape->plain)
			plain_key(&s->key, generation, nr, s->event.result, s->event.has_result, s->event.filtered);
		else
			event_hash(generation);
		repeat = bpf_map_lookup_elem(&seen, &s->key);
		if (repeat) {
			repeat_count(repeat, count);
			return;
		}
	}
	s->event.seq = __sync_fetch_and_add(&state.told, 1) + 1;
	if (event_write(s) < 0) {
		count->lost_ring++;
		return;
	}
	count->written++;
	if (!settings.every) {
		fresh.seq = s->event.seq;
		/* Full: such calls are told each time. Two CPUs at once: both are told, and the first one's entry stays. */
		bpf_map_update_elem(&seen, &s->key, &fresh, BPF_NOEXIST);
	}
}

/* The many calls that only move data are counted here, with as little work as possible. */
static __always_inline int plain_count(struct task_struct *task, const struct pt_regs *regs, __u32 generation,
				       struct vxe_record_counters *count, __s64 result)
{
	__u64 nr = regs->orig_ax;
	struct vxe_record_shape *shape;
	struct vxe_record_repeat *repeat;
	struct vxe_record_key key;
	__u32 index;

	if (settings.every || nr >= VXE_RECORD_CALLS)
		return 0;
	index = (__u32)nr;
	shape = bpf_map_lookup_elem(&shapes, &index);
	if (!shape || !shape->plain || task->thread_info.status & TS_COMPAT)
		return 0;
	plain_key(&key, generation, index, result, 1, 0);
	repeat = bpf_map_lookup_elem(&seen, &key);
	if (!repeat)
		return 0;
	count->calls++;
	repeat_count(repeat, count);
	return 1;
}

/* What has the recorder's filter alone: which call that answers is known. Filters are added and never taken away. */
static __always_inline int only_ours(struct task_struct *task)
{
	return state.alone && task->seccomp.filter_count.counter == 1;
}

/*
 * A filter of the program's own (VXE's is not there) that kills, traps or answers: the kernel goes past the call and this tracepoint, and at the
 * call's end tells what stands in the register of the result, which for a call that was taken back is its number. What has no filter but the
 * recorder's, and no thread beside it that could put one on it at any moment (TSYNC), pays a look at some numbers.
 */
SEC("raw_tp/sys_enter")
int on_sys_enter(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vxe_record_thread *thread;
	int filtered = task->seccomp.mode && !only_ours(task);

	(void)ctx;
	if (!(filtered || state.threaded) || !state.armed || !(thread = thread_of(task)) || !(filtered || thread->shared))
		return 0;
	thread->noted = VXE_NOTED_PERFORMED;
	return 0;
}

/*
 * Every call of a thread with others beside it takes its note back, so that the first one that ends under a filter has one if it was under way when
 * another thread put the filter there, and none if that filter ended it. The call of a single thread that puts one on itself never had any.
 */
static __always_inline __u8 ended_by_filter(struct task_struct *task, struct vxe_record_thread *thread,
					    const struct pt_regs *regs)
{
	__u32 was = thread->noted;

	if (!task->seccomp.mode && !thread->shared)
		return 0;
	if (task->seccomp.mode == SECCOMP_MODE_DEAD)
		return 1;
	if (only_ours(task)) {
		if (thread->shared)
			thread->noted = VXE_NOTED_ENDED;
		return ((__u32)regs->orig_ax & ~X32_BIT) == NR_IO_URING_SETUP;
	}
	thread->noted = VXE_NOTED_ENDED;
	return task->seccomp.mode && was == VXE_NOTED_ENDED;
}

/* Hooks after calls are for this architecture's own entry, and its numbers. */
static __always_inline int unhooked(struct task_struct *task, const struct pt_regs *regs)
{
	__u64 nr = regs->orig_ax;
	struct vxe_record_shape *shape;
	__u32 index = (__u32)nr;

	if (nr >= VXE_RECORD_CALLS || task->thread_info.status & TS_COMPAT)
		return 1;
	shape = bpf_map_lookup_elem(&shapes, &index);
	return !shape || !shape->hooked;
}

/* Its arguments are the registers, which are those of the task, and the result. */
SEC("tp_btf/sys_exit")
int on_sys_exit(__u64 *ctx)
{
	const struct pt_regs *regs = (const struct pt_regs *)ctx[0];
	__s64 result = (__s64)ctx[1];
	struct vxe_record_counters *count;
	struct vxe_record_thread *thread;
	struct task_struct *task;
	struct scratch *s;
	int in_call;
	__u8 by_filter;

	if (!state.armed)
		return 0;
	task = bpf_get_current_task_btf();
	thread = thread_of(task);
	if (!thread)
		return 0;
	by_filter = ended_by_filter(task, thread, regs);
	if (settings.hooked && unhooked(task, regs))
		return 0;
	count = counters_get();
	if (!count || (!by_filter && plain_count(task, regs, thread->generation, count, result)) || !(s = scratch_get()))
		return 0;
	event_begin(s, VXE_RECORD_CALL);
	s->event.filtered = by_filter;
	s->event.nr = registers_read(task, regs, &s->event, &in_call);
	s->event.result = result;
	/* Taken back, by a kill or a trap: it has none. */
	s->event.has_result = !by_filter || s->event.result != s->event.nr;
	/* The new process's return from fork; the call was its parent's. */
	if (!by_filter && is_fork(&s->event) && s->event.result == 0)
		return 0;
	if (s->event.nr == -1) {
		/* The registers are those of the interrupted code again. */
		s->event.nr = s->event.compat ? NR_X86_RT_SIGRETURN : NR_RT_SIGRETURN;
		s->event.has_args = s->event.has_result = 0;
	} else if (!by_filter && is_exec(&s->event) && s->event.result == 0) {
		s->event.has_args = 0;
	}
	if (!s->event.has_args)
		__builtin_memset(s->event.args, 0, sizeof(s->event.args));
	count->calls++;
	call_tell(s, task, thread->generation, count);
	return 0;
}

/* --- processes --- */

static __always_inline void process_tell(struct scratch *s)
{
	struct vxe_record_counters *count = counters_get();

	s->event.seq = __sync_fetch_and_add(&state.told, 1) + 1;
	if (event_write(s) < 0) {
		if (count)
			count->lost_processes++;
	} else if (count) {
		count->processes++;
	}
}

static __always_inline __u32 generation_new(void)
{
	return __sync_fetch_and_add(&state.generations, 1) + 1;
}

/* The kernel's own pointers, since something is kept by the new task: its arguments are parent and child. */
SEC("tp_btf/sched_process_fork")
int on_fork(__u64 *ctx)
{
	struct task_struct *child = (void *)ctx[1], *task = bpf_get_current_task_btf();
	struct vxe_record_thread fresh = {0}, *thread = thread_of(task);
	struct vxe_record_counters *count = counters_get();
	struct scratch *s;

	if (!thread)
		return 0;
	if (child->tgid == task->tgid) {
		fresh.generation = thread->generation;
		fresh.shared = thread->shared = 1;
		state.threaded = 1;
	} else {
		fresh.generation = generation_new();
	}
	if (!bpf_task_storage_get(&threads, child, &fresh, BPF_LOCAL_STORAGE_GET_F_CREATE) && count)
		count->lost_processes++;
	s = scratch_get();
	if (!s || !state.armed)
		return 0;
	event_begin(s, VXE_RECORD_FORK);
	s->event.child = number_of(child);
	s->event.child_pid = number_of(BPF_CORE_READ(child, group_leader));
	process_tell(s);
	return 0;
}

static __always_inline void piece_argv(struct scratch *s, struct task_struct *task)
{
	__u64 start = BPF_CORE_READ(task, mm, arg_start), size = BPF_CORE_READ(task, mm, arg_end) - start;
	int at = piece_begin(s, VXE_PIECE_ARGV, 0);
	__u8 flags = 0;

	if (at < 0)
		return;
	if (size > VXE_RECORD_TEXT - 1) {
		size = VXE_RECORD_TEXT - 1;
		flags = VXE_PIECE_CUT;
	}
	size &= VXE_RECORD_TEXT - 1;
	if (bpf_probe_read_user(&s->data[at & (2 * DATA_MASK + 1)], (__u32)size, (void *)start) < 0) {
		size = 0;
		flags = VXE_PIECE_UNREADABLE;
	}
	piece_pad(s, at, (__u32)size);
	piece_end(s, (__u32)size, flags, 0);
}

/* Is it the process that was to begin the recording? Its numbers are those of its own pid namespace: the recorder may be in another. */
static __always_inline struct vxe_record_thread *thread_begin(struct task_struct *task)
{
	struct bpf_pidns_info ids = {};
	struct vxe_record_thread *thread;

	if (state.armed || !state.adopt_pid ||
	    bpf_get_ns_current_pid_tgid(state.adopt_device, state.adopt_inode, &ids, sizeof(ids)) < 0 ||
	    ids.tgid != state.adopt_pid)
		return NULL;
	thread = bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!thread)
		return NULL;
	state.level = BPF_CORE_READ(task, thread_pid, level) - state.adopt_depth;
	state.anchor_mnt = (__u64)BPF_CORE_READ(task, fs, root.mnt);
	state.anchor_dentry = (__u64)BPF_CORE_READ(task, fs, root.dentry);
	state.alone = !settings.hooked && task->seccomp.filter_count.counter == 1;
	state.armed = 1;
	return thread;
}

SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct linux_binprm *bprm = (void *)ctx->args[2];
	struct vxe_record_thread *thread = thread_of(task);
	struct scratch *s;
	long size;
	int at;

	if (!thread && !(thread = thread_begin(task)))
		return 0;
	thread->generation = generation_new();
	/* Its other threads are gone. */
	thread->shared = 0;
	thread->noted = VXE_NOTED_NOTHING;
	s = scratch_get();
	if (!s)
		return 0;
	event_begin(s, VXE_RECORD_EXEC);
	at = piece_begin(s, VXE_PIECE_FILE, 0);
	if (at >= 0) {
		size = bpf_probe_read_kernel_str(&s->data[at & (2 * DATA_MASK + 1)], VXE_RECORD_TEXT,
						 BPF_CORE_READ(bprm, filename));
		if (size < 0)
			size = 0;
		piece_pad(s, at, (__u32)size & 0x1fff);
		piece_end(s, (__u32)size & 0x1fff, 0, 0);
	}
	piece_file(s, VXE_PIECE_EXE, 0, BPF_CORE_READ(task, mm, exe_file));
	piece_argv(s, task);
	process_tell(s);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vxe_record_thread *thread = thread_of(task);
	struct vxe_record_counters *count;
	struct scratch *s;
	int in_call;

	(void)ctx;
	if (!thread)
		return 0;
	count = counters_get();
	s = scratch_get();
	if (!count || !s)
		return 0;
	/*
	 * The call that it ends in: its own exit, or one that seccomp ended it at. Its memory is gone. A signal ends it on the way back
	 * alone, after the call was told: its result says nothing of that, since it may be what stands there when a call begins as well.
	 */
	event_begin(s, VXE_RECORD_CALL);
	s->event.nr = registers_read(task, (const struct pt_regs *)bpf_task_pt_regs(task), &s->event, &in_call);
	s->event.filtered = task->seccomp.mode == SECCOMP_MODE_DEAD;
	if (state.armed && s->event.nr != -1 && in_call && !(task->flags & PF_SIGNALED) && !settings.hooked) {
		count->calls++;
		call_tell(s, task, thread->generation, count);
	}
	if (state.armed) {
		event_begin(s, VXE_RECORD_EXIT);
		s->event.exit_code = (__u32)task->exit_code;
		process_tell(s);
	}
	return 0;
}

/* --- capabilities: what a call would be refused without --- */

#define CAP_OPT_NOAUDIT 2

static __always_inline void capability_asked(__u64 capability)
{
	struct task_struct *task;
	__u64 *asked, nr;
	__u32 index;

	if (!state.armed || capability > 63)
		return;
	task = bpf_get_current_task_btf();
	if (!thread_of(task))
		return;
	nr = ((const struct pt_regs *)bpf_task_pt_regs(task))->orig_ax;
	/* Outside of calls (a fault, an interrupt) it stands under the last place. */
	index = nr < VXE_RECORD_CALLS ? (__u32)nr : VXE_RECORD_CALLS - 1;
	asked = bpf_map_lookup_elem(&capabilities, &index);
	if (asked)
		__sync_fetch_and_or(asked, 1ULL << (capability & 63));
}

/* TP_PROTO(const struct cred *, struct user_namespace *target, const struct user_namespace *capable, int cap, int ret), since 6.14 */
SEC("raw_tp/cap_capable")
int on_capable(struct bpf_raw_tracepoint_args *ctx)
{
	if ((__s32)ctx->args[4] == 0)
		capability_asked(ctx->args[3]);
	return 0;
}

/* int cap_capable(const struct cred *, struct user_namespace *, int cap, unsigned int opts), where there is no tracepoint */
SEC("kprobe.multi/cap_capable")
int on_capable_probe(struct registers *regs)
{
	__u64 effective = 0;

	/* What is asked without telling anybody changes a choice, and refuses nothing. */
	if (regs->cx & CAP_OPT_NOAUDIT ||
	    bpf_probe_read_kernel(&effective, sizeof(effective),
				  (void *)regs->di + bpf_core_field_offset(struct cred, cap_effective)) < 0)
		return 0;
	if (effective & 1ULL << (regs->dx & 63))
		capability_asked(regs->dx);
	return 0;
}

/* The kernel gives the helpers that read its memory to programs under its own licence only: this file is under that one as well. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
