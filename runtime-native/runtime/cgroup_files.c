/* The files of a cgroup, and which controllers are handed down. */
#include "cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cgroup_internal.h"
#include "cleanup.h"
#include "file.h"
#include "kernel.h"

#define FILE_MAX (1u << 20)

int cgroup_file_write(int fd, const char *file, const char *text)
{
	cleanup_fd int target = openat(fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	return target < 0 || vxe_write_all(target, text, strlen(text)) < 0 ? -1 : 0;
}

int cgroup_file_read(int fd, const char *file, char **text)
{
	size_t size;

	return vxe_file_read_at(fd, file, FILE_MAX, text, &size, NULL);
}

bool cgroup_text_lists(const char *text, const char *word, size_t length)
{
	for (const char *at = text; *at;) {
		size_t n = strcspn(at, " \n");

		if (n == length && !strncmp(at, word, n))
			return true;
		at += n;
		at += strspn(at, " \n");
	}
	return false;
}

bool cgroup_file_lists(int fd, const char *file, const char *word, size_t length)
{
	cleanup_free char *text = NULL;

	return cgroup_file_read(fd, file, &text) == 0 && cgroup_text_lists(text, word, length);
}

bool vxe_cgroup_number(int fd, const char *file, const char *key, uint64_t *out)
{
	cleanup_free char *text = NULL;
	size_t length = key ? strlen(key) : 0;

	if (cgroup_file_read(fd, file, &text) < 0)
		return false;
	if (!key)
		return sscanf(text, "%" SCNu64, out) == 1;
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (!strncmp(line, key, length) && line[length] == ' ')
			return sscanf(line + length, "%" SCNu64, out) == 1;
	return false;
}

static void controllers_add(struct vxe_controllers *set, const char *file)
{
	size_t length = strcspn(file, ".");

	for (size_t i = 0; i < set->count; i++)
		if (set->lengths[i] == length && !strncmp(set->names[i], file, length))
			return;
	if (set->count == sizeof(set->names) / sizeof(set->names[0]))
		return; /* limit_write tells what is missing then */
	set->names[set->count] = file;
	set->lengths[set->count++] = length;
}

void cgroup_controllers_needed(const struct vxe_resources *r, struct vxe_controllers *set)
{
	/* 0, and an empty text, are how engines say that nothing is asked. */
	if ((r->has_memory_limit && r->memory_limit) || (r->has_memory_swap && r->memory_swap) ||
	    (r->has_memory_reservation && r->memory_reservation))
		controllers_add(set, "memory");
	if (r->has_pids_limit && r->pids_limit > 0)
		controllers_add(set, "pids");
	if (r->has_cpu_shares || r->has_cpu_quota || r->has_cpu_period || r->has_cpu_burst || r->has_cpu_idle)
		controllers_add(set, "cpu");
	if ((r->cpuset_cpus && *r->cpuset_cpus) || (r->cpuset_mems && *r->cpuset_mems))
		controllers_add(set, "cpuset");
	if (r->block_weight || r->n_block_limits)
		controllers_add(set, "io");
	if (r->n_huge_limits)
		controllers_add(set, "hugetlb");
	if (r->n_rdma_limits)
		controllers_add(set, "rdma");
	for (size_t i = 0; i < r->unified.count; i++)
		controllers_add(set, r->unified.items[i].key);
}

/* But for the root, a cgroup holds processes or hands controllers down. Of some controllers the kernel takes both, and the cgroups below
   are good for nothing then (cgroup-v2.rst, Threads). */
static bool holds_processes(int fd)
{
	cleanup_free char *text = NULL;

	return faccessat(fd, "cgroup.type", F_OK, 0) == 0 && cgroup_file_read(fd, "cgroup.procs", &text) == 0 && *text;
}

/* What is not available is told by limit_write with the field's name; what the kernel refuses to hand down is told here. */
int cgroup_controllers_enable(int fd, const char *where, const struct vxe_controllers *set, struct vxe_error **err)
{
	for (size_t i = 0; i < set->count; i++) {
		char text[80];
		int saved;

		snprintf(text, sizeof(text), "+%.*s", (int)set->lengths[i], set->names[i]);
		if (!cgroup_file_lists(fd, "cgroup.controllers", set->names[i], set->lengths[i]) ||
		    cgroup_file_lists(fd, "cgroup.subtree_control", set->names[i], set->lengths[i]))
			continue;
		saved = EBUSY;
		if (!holds_processes(fd)) {
			if (cgroup_file_write(fd, "cgroup.subtree_control", text) == 0)
				continue;
			saved = errno;
		}
		vxe_error_set(err, VXE_EXIT_FAILURE, saved, "handing the controller %s down from the cgroup %s", text + 1,
			      where);
		return saved == EBUSY ? vxe_error_hint(err, "it holds processes itself; name an absolute linux.cgroupsPath "
							    "whose parents hold none")
				      : -1;
	}
	return 0;
}

/* Numbers of use are there for what is handed down alone, and engines show them. What cannot be had is nobody's demand. */
void cgroup_controllers_offer(int fd)
{
	char there[512], given[512];

	if (holds_processes(fd) || vxe_file_read_small(fd, "cgroup.controllers", there, sizeof(there)) < 0 ||
	    vxe_file_read_small(fd, "cgroup.subtree_control", given, sizeof(given)) < 0)
		return;
	for (const char *at = there; *at;) {
		size_t length = strcspn(at, " \n");
		char text[80];

		if (length && length < 64 && !cgroup_text_lists(given, at, length)) {
			snprintf(text, sizeof(text), "+%.*s", (int)length, at);
			(void)cgroup_file_write(fd, "cgroup.subtree_control", text);
		}
		at += length;
		at += strspn(at, " \n");
	}
}
