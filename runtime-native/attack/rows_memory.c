/* Code that was not there when the program started: executable memory by every way there is. */
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>

#define PAGE 4096UL

/* mov eax, 42; ret */
static const unsigned char code[] = {0xb8, ATTACK_EXIT, 0, 0, 0, 0xc3};

static bool is_error(long ret)
{
	return ret < 0 && ret > -4096;
}

/* Calls what lies at memory; a processor that refuses ends the attempt with SIGSEGV. */
static void call_memory(struct vxe_attack *attack, const char *call, long memory)
{
	attack_executing(attack, call, "jump into the memory");
	int (*function)(void) = (int (*)(void))(uintptr_t)memory;
	if (function() == ATTACK_EXIT)
		attack_succeeded(attack, call, "code written at run time ran");
	else
		attack_failed(attack, -EFAULT, call, "run code written at run time");
}

static long map(struct vxe_attack *attack, unsigned long prot, unsigned long flags, long fd, const char *what)
{
	long memory = sys6(SYS_mmap, 0, PAGE, prot, flags, fd, 0);

	if (!is_error(memory))
		return memory;
	attack_failed(attack, memory, "mmap", "%s", what);
	return 0;
}

static void map_write_execute(struct vxe_attack *attack)
{
	long memory = map(attack, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  "map memory to write and execute");

	if (memory == 0)
		return;
	memcpy((void *)memory, code, sizeof(code));
	call_memory(attack, "mmap", memory);
}

static void map_execute(struct vxe_attack *attack)
{
	long memory = map(attack, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, "map memory to execute");

	if (memory != 0)
		attack_succeeded(attack, "mmap", "anonymous executable memory");
}

static void map_shared_execute(struct vxe_attack *attack)
{
	long memory = map(attack, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, "map shared memory to execute");

	if (memory != 0)
		attack_succeeded(attack, "mmap", "shared executable memory");
}

static void map_fixed_over_code(struct vxe_attack *attack)
{
	/* Over a page of its own, to be harmless where it works. */
	long memory = map(attack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, "map memory");

	if (memory == 0)
		return;
	long ret = sys6(SYS_mmap, memory, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			0);
	if (is_error(ret)) {
		attack_failed(attack, ret, "mmap", "map executable memory over what is there");
		return;
	}
	memcpy((void *)ret, code, sizeof(code));
	call_memory(attack, "mmap", ret);
}

static long writable_memory(struct vxe_attack *attack)
{
	long memory = map(attack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, "map memory");

	if (memory != 0)
		memcpy((void *)memory, code, sizeof(code));
	return memory;
}

static void protect_execute(struct vxe_attack *attack)
{
	long memory = writable_memory(attack);

	if (memory == 0)
		return;
	long ret = sys3(SYS_mprotect, memory, PAGE, PROT_READ | PROT_EXEC);
	if (ret < 0)
		attack_failed(attack, ret, "mprotect", "make written memory executable");
	else
		call_memory(attack, "mprotect", memory);
}

static void protect_execute_by_key(struct vxe_attack *attack)
{
	long memory = writable_memory(attack);

	if (memory == 0)
		return;
	/* The key -1 makes it mprotect by another name. */
	long ret = sys4(SYS_pkey_mprotect, memory, PAGE, PROT_READ | PROT_EXEC, -1);
	if (ret < 0)
		attack_failed(attack, ret, "pkey_mprotect", "make written memory executable");
	else
		call_memory(attack, "pkey_mprotect", memory);
}

static void protect_own_code(struct vxe_attack *attack)
{
	long page = (long)&map_fixed_over_code & ~(long)(PAGE - 1);
	long ret = sys3(SYS_mprotect, page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);

	if (ret < 0)
		attack_failed(attack, ret, "mprotect", "make the program's code writable");
	else
		attack_succeeded(attack, "mprotect", "the program's code can be rewritten");
}

static void protect_stack(struct vxe_attack *attack)
{
	long page = (long)__builtin_frame_address(0) & ~(long)(PAGE - 1);
	long ret = sys3(SYS_mprotect, page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);

	if (ret < 0)
		attack_failed(attack, ret, "mprotect", "make the stack executable");
	else
		attack_succeeded(attack, "mprotect", "the stack is executable");
}

static void map_written_file(struct vxe_attack *attack)
{
	char path[ATTACK_PATH];
	size_t dir = 0;
	long fd;

	while ((fd = attack_code_file(attack, O_RDWR, 0700, path, &dir)) >= 0) {
		sys3(SYS_write, fd, code, sizeof(code));
		attack_discard(attack, path);
		long memory = sys6(SYS_mmap, 0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		attack_close(fd);
		if (!is_error(memory)) {
			attack_event(attack, "mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE)");
			call_memory(attack, "mmap", memory);
			return;
		}
		attack_failed(attack, memory, "mmap", "map the written file %s to execute", path);
	}
}

static void protect_written_file(struct vxe_attack *attack)
{
	char path[ATTACK_PATH];
	size_t dir = 0;
	long fd;

	while ((fd = attack_code_file(attack, O_RDWR, 0700, path, &dir)) >= 0) {
		sys3(SYS_write, fd, code, sizeof(code));
		attack_discard(attack, path);
		long memory = sys6(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
		attack_close(fd);
		if (is_error(memory)) {
			attack_failed(attack, memory, "mmap", "map the written file %s", path);
			continue;
		}
		long ret = sys3(SYS_mprotect, memory, PAGE, PROT_READ | PROT_EXEC);
		if (ret < 0) {
			attack_failed(attack, ret, "mprotect", "make a mapped file executable");
			continue;
		}
		attack_event(attack, "mprotect(0, 4096, PROT_READ | PROT_EXEC)");
		call_memory(attack, "mprotect", memory);
		return;
	}
}

static void map_memory_file(struct vxe_attack *attack)
{
	long fd = sys2(SYS_memfd_create, "vxe-attack", 0);

	if (fd < 0) {
		attack_failed(attack, fd, "memfd_create", "make a file in memory");
		return;
	}
	sys3(SYS_write, fd, code, sizeof(code));
	long memory = map(attack, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, "map a file in memory to execute");
	if (memory != 0)
		call_memory(attack, "mmap", memory);
}

static void shared_memory_execute(struct vxe_attack *attack)
{
	long id = sys3(SYS_shmget, 0, PAGE, 01700);

	if (id < 0) {
		attack_failed(attack, id, "shmget", "make a shared memory segment");
		return;
	}
	/* SHM_EXEC */
	long memory = sys3(SYS_shmat, id, 0, 0100000);
	if (is_error(memory)) {
		attack_failed(attack, memory, "shmat", "attach a segment to execute");
	} else {
		memcpy((void *)memory, code, sizeof(code));
		call_memory(attack, "shmat", memory);
	}
	sys3(SYS_shmctl, id, 0, 0);
}

static void read_implies_exec(struct vxe_attack *attack)
{
	long ret = sys1(SYS_personality, READ_IMPLIES_EXEC);

	if (ret < 0) {
		attack_failed(attack, ret, "personality", "make all readable memory executable");
		return;
	}
	long memory = writable_memory(attack);
	if (memory != 0)
		call_memory(attack, "personality", memory);
}

static void remap_pages(struct vxe_attack *attack)
{
	long memory = map(attack, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, "map shared memory");

	if (memory == 0)
		return;
	long ret = sys5(SYS_remap_file_pages, memory, PAGE, 0, 0, 0);
	if (ret < 0)
		attack_failed(attack, ret, "remap_file_pages", "rearrange a mapping");
	else
		attack_succeeded(attack, "remap_file_pages", "the mapping was rearranged");
}

/* Code is also what a signal returns to, or what a write through /proc/self/mem puts over read-only pages. */
static void write_own_code(struct vxe_attack *attack)
{
	static const volatile unsigned char target[16] = {1};
	unsigned char byte = 2;
	long fd = attack_open("/proc/self/mem", O_RDWR | O_CLOEXEC, 0);

	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open /proc/self/mem to write");
		return;
	}
	long ret = sys4(SYS_pwrite64, fd, &byte, 1, &target[0]);
	if (ret < 0)
		attack_failed(attack, ret, "pwrite64", "write over read-only memory");
	else if (target[0] == 2)
		attack_succeeded(attack, "pwrite64", "read-only memory was rewritten");
	else
		attack_failed(attack, -EIO, "pwrite64", "write over read-only memory");
}

static const struct vxe_attack_row rows[] = {
	{"memory-write-execute", "memory", "Maps memory that can be written and executed, and runs code in it.",
	 "The code runs.", "mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)",
	 VXE_NO_CAPABILITY, map_write_execute},
	{"memory-execute", "memory", "Maps anonymous executable memory.", "The memory is mapped.",
	 "mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)", VXE_NO_CAPABILITY, map_execute},
	{"memory-execute-shared", "memory", "Maps shared executable memory.", "The memory is mapped.",
	 "mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0)", VXE_NO_CAPABILITY, map_shared_execute},
	{"memory-execute-fixed", "memory", "Maps executable memory over a mapping that is there.", "The code in it runs.",
	 "mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)", VXE_NO_CAPABILITY,
	 map_fixed_over_code},
	{"mprotect-execute", "memory", "Writes code to memory and makes it executable.", "The code runs.",
	 "mprotect(0, 4096, PROT_READ | PROT_EXEC)", VXE_NO_CAPABILITY, protect_execute},
	{"pkey-mprotect-execute", "memory", "The same by pkey_mprotect.", "The code runs.",
	 "pkey_mprotect(0, 4096, PROT_READ | PROT_EXEC, -1)", VXE_NO_CAPABILITY, protect_execute_by_key},
	{"mprotect-code", "memory", "Makes the program's own code writable.", "The code is writable.",
	 "mprotect(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC)", VXE_NO_CAPABILITY, protect_own_code},
	{"mprotect-stack", "memory", "Makes the stack executable.", "The stack is executable.",
	 "mprotect(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC)", VXE_NO_CAPABILITY, protect_stack},
	{"map-written-file", "memory", "Writes code to a file wherever it can and maps the file to execute.", "The code runs.",
	 NULL, VXE_NO_CAPABILITY, map_written_file},
	{"mprotect-written-file", "memory", "Writes code to a file, maps it to read, and makes the mapping executable.",
	 "The code runs.", NULL, VXE_NO_CAPABILITY, protect_written_file},
	{"map-memfd", "memory", "Maps a file in memory to execute.", "The code runs.",
	 "memfd_create()\nmmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE)", VXE_NO_CAPABILITY, map_memory_file},
	{"shm-execute", "memory", "Attaches a System V segment to execute.", "The code runs.",
	 "shmget()\nshmat(0, 0, SHM_EXEC)", VXE_NO_CAPABILITY, shared_memory_execute},
	{"read-implies-exec", "memory", "Turns all readable memory executable by personality.", "Code in plain memory runs.",
	 "personality(0x400000)", VXE_NO_CAPABILITY, read_implies_exec},
	{"remap-file-pages", "memory", "Rearranges a mapping by the old call.", "The mapping is rearranged.",
	 "remap_file_pages()", VXE_NO_CAPABILITY, remap_pages},
	{"self-mem-write", "memory", "Rewrites read-only memory through /proc/self/mem.", "The memory changes.",
	 "openat(\"/proc/self/mem\", O_RDWR)", VXE_NO_CAPABILITY, write_own_code},
};

const struct vxe_attack_group vxe_attack_memory = {rows, COUNT_OF(rows)};
