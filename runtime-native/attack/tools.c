#include "tools.h"

#include "bystander.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * ELF64 little-endian, one PT_LOAD of the whole file at 0x10000, entry right after the two headers. Written by hand
 * because anything that a compiler makes is forty times as big and the profile may limit what can be written.
 */
#define ELF_HEADER(size)                                                                                                       \
	0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,	  /* ident */                                          \
		2, 0, 62, 0, 1, 0, 0, 0, 0x78, 0, 1, 0, 0, 0, 0, 0,	  /* EXEC, x86-64, entry 0x10078 */                    \
		64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,	  /* program headers at 64 */                          \
		0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0,	  /* one of 56 bytes */                                \
		1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,		  /* PT_LOAD, R+X, offset 0 */                         \
		0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0,		  /* at 0x10000 */                                     \
		(size), 0, 0, 0, 0, 0, 0, 0, (size), 0, 0, 0, 0, 0, 0, 0, /* file and memory size */                           \
		0, 0x10, 0, 0, 0, 0, 0, 0				  /* alignment */

const unsigned char attack_program[] = {
	ELF_HEADER(0x78 + 12),
	0xbf,
	ATTACK_EXIT,
	0,
	0,
	0, /* mov edi, 42 */
	0xb8,
	60,
	0,
	0,
	0, /* mov eax, exit */
	0x0f,
	0x05, /* syscall */
};
const size_t attack_program_size = sizeof(attack_program);

const unsigned char attack_setuid_program[] = {
	ELF_HEADER(0x78 + 28),
	0xb8,
	107,
	0,
	0,
	0, /* mov eax, geteuid */
	0x0f,
	0x05, /* syscall */
	0xbf,
	ATTACK_EXIT,
	0,
	0,
	0, /* mov edi, 42 */
	0x85,
	0xc0, /* test eax, eax */
	0x74,
	0x05, /* je over the next */
	0xbf,
	1,
	0,
	0,
	0, /* mov edi, 1 */
	0xb8,
	60,
	0,
	0,
	0, /* mov eax, exit */
	0x0f,
	0x05, /* syscall */
};
const size_t attack_setuid_program_size = sizeof(attack_setuid_program);

void attack_format(char *out, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out, size, format, args);
	va_end(args);
}

bool attack_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

long attack_status(long fd, struct stat *status)
{
	long ret = sys2(SYS_fstat, fd, status);

	return ret == -EPERM || ret == -ENOSYS ? sys4(SYS_newfstatat, fd, "", status, AT_EMPTY_PATH) : ret;
}

long attack_descriptor(long fd)
{
	/* Of many descriptors each refusal is a record: a call that was refused once is not made again. */
	static int refused;
	struct stat status;

	for (; refused < 3; refused++) {
		long ret = refused == 0	  ? sys3(SYS_fcntl, fd, F_GETFD, 0)
			   : refused == 1 ? sys2(SYS_fstat, fd, &status)
					  : sys4(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH);

		if (ret != -EPERM && ret != -ENOSYS)
			return ret;
	}
	return -EPERM;
}

long attack_open(const char *path, int flags, int mode)
{
	long fd = sys4(SYS_openat, AT_FDCWD, path, flags, mode);

	if (fd < 0 && (fd == -EPERM || fd == -ENOSYS)) {
		long other = sys3(SYS_open, path, flags, mode);

		if (other >= 0)
			return other;
	}
	return fd;
}

void attack_close(long fd)
{
	if (fd >= 0)
		sys1(SYS_close, fd);
}

void attack_unlink(const char *path)
{
	if (sys1(SYS_unlink, path) < 0)
		sys3(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* The next folder's new file, or the first folder's refusal. */
static long next_new_file(struct vxe_attack *attack, int flags, int mode, char path[ATTACK_PATH], size_t *dir)
{
	long refusal = 0;

	while (attack->world->dirs[*dir]) {
		const char *folder = attack->world->dirs[(*dir)++];

		/* By the clock: the process may not be allowed to know its number, nor to remove what it made before. */
		attack_format(path, ATTACK_PATH, "%s%svxe-attack-%lld", folder, attack_equal(folder, "/") ? "" : "/",
			      (long long)attack_now_ns());
		long fd = attack_open(path, flags | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (fd >= 0)
			return fd;
		if (refusal == 0 || refusal == -ENOENT)
			refusal = fd;
	}
	return refusal == 0 ? -ENOENT : refusal;
}

long attack_new_file(struct vxe_attack *attack, int flags, int mode, char path[ATTACK_PATH], size_t *dir)
{
	long fd = next_new_file(attack, flags, mode, path, dir);

	/* A folder that takes no file is no outcome of the attempt; that none does is one. */
	if (fd < 0)
		attack_failed(attack, fd, "openat", "make a file in any folder");
	return fd;
}

long attack_code_file(struct vxe_attack *attack, int flags, int mode, char path[ATTACK_PATH], size_t *dir)
{
	const char *own = attack->world->own_file;

	if (*dir > VXE_ATTACK_MAX_DIRS)
		return -1;
	long fd = next_new_file(attack, flags, mode, path, dir);
	if (fd >= 0)
		return fd;
	*dir = VXE_ATTACK_MAX_DIRS + 1;
	long existing = own ? attack_open(own, flags | O_TRUNC | O_CLOEXEC, 0) : -ENOENT;
	if (existing >= 0)
		attack_format(path, ATTACK_PATH, "%s", own);
	else
		attack_failed(attack, existing == -ENOENT ? fd : existing, "openat", "make or change a file in any folder");
	return existing;
}

void attack_discard(const struct vxe_attack *attack, const char *path)
{
	if (!attack->world->own_file || !attack_equal(path, attack->world->own_file))
		attack_unlink(path);
}

const char *attack_writable_dir(struct vxe_attack *attack)
{
	char path[ATTACK_PATH];
	size_t dir = 0;
	long fd = attack_new_file(attack, O_WRONLY, 0600, path, &dir);

	if (fd < 0)
		return NULL;
	attack_close(fd);
	attack_unlink(path);
	return attack->world->dirs[dir - 1];
}

int64_t attack_now_ns(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000LL + now.tv_nsec;
}

void attack_rest(long microseconds)
{
	/* A refused call would be recorded at every turn: the first way that works is kept. */
	static int way;
	struct timespec time = {.tv_nsec = microseconds * 1000};

	while (way < 3) {
		long ret = way == 0   ? sys4(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &time, 0)
			   : way == 1 ? sys2(SYS_nanosleep, &time, 0)
				      : sys3(SYS_poll, 0, 0, (microseconds + 999) / 1000);
		if (ret >= 0 || ret == -EINTR)
			return;
		way++;
	}
	for (int i = 0; i < 2000; i++)
		__builtin_ia32_pause();
}

void attack_sleep_ms(long ms)
{
	int64_t end = attack_now_ns() + ms * 1000000LL;

	do {
		attack_rest(ms < 20 ? ms * 1000 : 20000);
	} while (attack_now_ns() < end);
}

bool attack_wait_counter(_Atomic uint32_t *counter, uint32_t before, long ms)
{
	for (long i = 0; i < ms; i++) {
		if (atomic_load(counter) != before)
			return true;
		attack_sleep_ms(1);
	}
	return atomic_load(counter) != before;
}

/* linux_dirent64, without which getdents cannot be read. */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t size;
	uint8_t type;
	char name[];
};

static long number_of(const char *name)
{
	long value = 0;

	if (*name == '\0')
		return -1;
	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return -1;
		value = value * 10 + (*name - '0');
	}
	return value;
}

size_t attack_outside_pids(struct vxe_attack *attack, long pids[], size_t max)
{
	char buffer[4096] __attribute__((aligned(8)));
	long own = sys0(SYS_getpid), parent = sys0(SYS_getppid);
	size_t count = 0;
	long fd, size;

	pids[count++] = attack->world->shared->pid;
	fd = attack_open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0) {
		if (count < max && own != 1 && parent != 1)
			pids[count++] = 1;
		return count;
	}
	while ((size = sys3(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < size;) {
			const struct entry *entry = (const struct entry *)(buffer + at);
			long pid = number_of(entry->name);

			at += entry->size;
			if (pid > 0 && pid != own && pid != parent && pid != pids[0] && count < max)
				pids[count++] = pid;
		}
	}
	attack_close(fd);
	return count;
}

long attack_init_pid(struct vxe_attack *attack)
{
	if (sys0(SYS_getpid) != 1 && sys0(SYS_getppid) != 1)
		return 1;
	attack_failed(attack, -ESRCH, "getpid", "find an init that is not the program itself");
	return 0;
}

int attack_wait(long pid)
{
	int status = 0;
	long ret;

	do {
		ret = sys4(SYS_wait4, pid, &status, 0, 0);
	} while (ret == -EINTR);
	return ret < 0 ? -1 : status;
}

bool attack_has_capability(int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (sys2(SYS_capget, &header, data) < 0)
		return false;
	return (data[capability / 32].effective >> (capability % 32)) & 1;
}
