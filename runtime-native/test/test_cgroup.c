/* The device program against what the rules mean, over every access to a few devices; and the scale of cpu.weight. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup_device.h"
#include "file.h"
#include "tap.h"

#define ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

/* The few instructions that the generator knows, as the kernel runs them; -1 for anything else. */
static int program_run(const struct bpf_insn *program, size_t count, const uint32_t context[3])
{
	uint64_t r[10] = {0};

	for (size_t at = 0; at < count; at++) {
		const struct bpf_insn *i = &program[at];
		uint64_t *dst = &r[i->dst_reg], src = r[i->src_reg];

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			*dst = context[i->off / 4];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			*dst = src;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = (uint64_t)(int64_t)i->imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			*dst &= (uint64_t)(int64_t)i->imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			*dst >>= i->imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			at += *dst != (uint64_t)(int64_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			at += (uint32_t)*dst != (uint32_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += *dst == (uint64_t)(int64_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JA:
			at += (size_t)i->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)r[0];
		default:
			return -1;
		}
	}
	return -1;
}

static void program_check(const struct vxe_resources *resources, const char *what)
{
	static const uint32_t numbers[][2] = {{1, 3}, {1, 11}, {5, 2}, {136, 7}, {10, 229}, {10, 250}, {8, 0}, {4095, 1048575}};
	struct bpf_insn *program;
	size_t count = 0, differences = 0, allowed = 0;

	program = vxe_device_program(resources, &count);
	for (unsigned int type = BPF_DEVCG_DEV_BLOCK; program && type <= BPF_DEVCG_DEV_CHAR; type++)
		for (unsigned int access = 1; access <= ALL; access++)
			for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
				uint32_t context[3] = {access << 16 | type, numbers[n][0], numbers[n][1]};
				bool wanted = vxe_device_allowed(resources, type, access, numbers[n][0], numbers[n][1]);

				differences += program_run(program, count, context) != wanted;
				allowed += wanted;
			}
	ok(program && differences == 0 && allowed > 0, "%s: the program answers as the rules do", what);
	free(program);
}

static bool allowed(struct vxe_device_rule *rules, size_t count, unsigned int access, unsigned int major, unsigned int minor)
{
	struct vxe_resources resources = {.devices = rules, .n_devices = count};

	return vxe_device_allowed(&resources, BPF_DEVCG_DEV_CHAR, access, major, minor);
}

static void test_devices(void)
{
	struct vxe_device_rule rules[] = {
		{false, 'a', ALL, -1, -1},
		{true, 'c', BPF_DEVCG_ACC_READ, 10, -1},
		{true, 'c', BPF_DEVCG_ACC_WRITE, 10, 250},
		{false, 'c', ALL, 10, 229},
		{true, 'b', ALL, 8, 0},
		{false, 'c', BPF_DEVCG_ACC_WRITE, 1, 3},
	};
	unsigned int both = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

	ok(allowed(rules, 1, both, 1, 3), "after deny all, /dev/null is what every container has");
	ok(!allowed(rules, 1, BPF_DEVCG_ACC_READ, 10, 229), "after deny all, others are refused");
	ok(!allowed(NULL, 0, BPF_DEVCG_ACC_READ, 10, 229), "the list starts from nothing");
	ok(allowed(rules, 3, both, 10, 250), "reading by one rule and writing by another");
	ok(allowed(rules, 3, BPF_DEVCG_ACC_READ, 10, 229) && !allowed(rules, 4, BPF_DEVCG_ACC_READ, 10, 229),
	   "the last rule that matches holds");
	ok(allowed(rules, 6, BPF_DEVCG_ACC_READ, 1, 3) && !allowed(rules, 6, both, 1, 3),
	   "a default device can be denied, for one access alone");
	for (size_t count = 1; count <= sizeof(rules) / sizeof(rules[0]); count++) {
		struct vxe_resources resources = {.devices = rules, .n_devices = count};
		char what[32];

		snprintf(what, sizeof(what), "%zu rules", count);
		program_check(&resources, what);
	}
}

static void test_wanted(void)
{
	struct vxe_config config = {0};

	ok(!vxe_cgroup_wanted(&config), "a configuration that asks for no limit needs no cgroup");
	config.resources.has_pids_limit = true;
	config.resources.pids_limit = 10;
	ok(vxe_cgroup_wanted(&config), "a limit needs one");
	config.resources.has_pids_limit = false;
	config.cgroups_path = (char *)"/a";
	ok(vxe_cgroup_wanted(&config), "a path needs one");
}

static void test_path(void)
{
	static const char *const refused[] = {"/", "..", "/a/../b", "a/..", "./a", "//"};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct vxe_config config = {.cgroups_path = (char *)refused[i]};
		struct vxe_error *err = NULL;
		char *path = NULL;

		ok(vxe_cgroup_path(&config, "id", &path, &err) < 0 && strstr(err->message, "linux.cgroupsPath"),
		   "cgroupsPath \"%s\" is refused", refused[i]);
		vxe_error_free(&err);
	}
}

/* What is in memory.swap.max, "6" before, when these limits are written into a folder of files with the kernel's names. */
static char *swap_after(const struct vxe_resources *resources)
{
	static const char *const files[] = {"memory.max", "memory.swap.max"};
	char template[] = "/tmp/vxe-cgroup-XXXXXX";
	int folder = mkdtemp(template) ? open(template, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	char *text = NULL;
	size_t size;

	for (size_t i = 0; i < 2; i++) {
		int file = openat(folder, files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (file < 0 || write(file, "6", 1) != 1)
			printf("# %s was not made\n", files[i]);
		close(file);
	}
	if (vxe_cgroup_limit(folder, resources, NULL) == 0)
		(void)vxe_file_read_at(folder, "memory.swap.max", 64, &text, &size, NULL);
	for (size_t i = 0; i < 2; i++)
		unlinkat(folder, files[i], 0);
	close(folder);
	rmdir(template);
	return text;
}

static void test_swap(void)
{
	static const struct {
		struct vxe_resources resources;
		const char *after, *what;
	} rows[] = {
		{{.has_memory_limit = true, .memory_limit = -1}, "max", "without a limit on memory there is none on swap"},
		{{.has_memory_limit = true, .memory_limit = 4096}, "6", "control: a limit on memory leaves that on swap"},
		{{.has_memory_limit = true, .memory_limit = 4096, .has_memory_swap = true, .memory_swap = 4099},
		 "3",
		 "control: that on both together, less that on memory"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *after = swap_after(&rows[i].resources);

		ok(after && !strcmp(after, rows[i].after), "%s (%s)", rows[i].what, after ? after : "?");
		free(after);
	}
}

/* Between making one and the container's first process in it, it is empty; whoever comes with the same path finds it there. */
static void test_made_is_taken(void)
{
	char name[64];
	struct vxe_config config = {.cgroups_path = name};
	const struct vxe_resources none = {0};
	struct vxe_error *err = NULL;
	char *path = NULL;
	int fd = -1, other = -1;

	snprintf(name, sizeof(name), "/vxe-test-taken-%d", getpid());
	if (vxe_cgroup_path(&config, "id", &path, &err) < 0 || vxe_cgroup_make(path, &none, false, false, &fd, &err) < 0) {
		printf("# no cgroup can be made here: %s\n", err ? err->message : "");
		vxe_error_free(&err);
		free(path);
		return;
	}
	ok(vxe_cgroup_make(path, &none, true, false, &other, &err) < 0 && strstr(err->message, "is being used"),
	   "a cgroup that was made for one container is not another's");
	vxe_error_free(&err);
	close(fd);
	ok(vxe_cgroup_make(path, &none, true, false, &other, &err) == 0, "once it is nobody's it can be used");
	vxe_error_free(&err);
	if (other >= 0)
		close(other);
	vxe_cgroup_remove(path, VXE_CGROUP_NEVER, NULL);
	free(path);
}

int main(void)
{
	test_swap();
	ok(vxe_cgroup_weight(2) == 1 && vxe_cgroup_weight(262144) == 10000 && vxe_cgroup_weight(1024) == 39,
	   "cpu.weight of the least, the most and the usual shares");
	test_devices();
	test_wanted();
	test_path();
	test_made_is_taken();
	return tap_done();
}
