/* linux.resources, written into the files of a cgroup. */
#include "cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cgroup_internal.h"
#include "cleanup.h"
#include "file.h"
#include "kernel.h"

uint64_t vxe_cgroup_weight(uint64_t shares)
{
	/* The same line that other runtimes draw: 2 becomes 1, 262144 becomes 10000. */
	if (shares < 2)
		shares = 2;
	if (shares > 262144)
		shares = 262144;
	return 1 + (shares - 2) * 9999 / 262142;
}

/* The controller is the part of the file's name before the dot. */
static int limit_write(int fd, const char *field, const char *file, const char *value, struct vxe_error **err)
{
	size_t length = strcspn(file, ".");
	int saved;

	if (cgroup_file_write(fd, file, value) == 0)
		return 0;
	saved = errno;
	/* Where nothing limits, no limit is held. */
	if (saved == ENOENT && !strcmp(value, "max"))
		return 0;
	if (saved == ENOENT && !cgroup_file_lists(fd, "cgroup.controllers", file, length)) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0,
			      "config.json: linux.resources.%s: the cgroup controller %.*s is not available here", field,
			      (int)length, file);
		return vxe_error_hint(err, "take the limit out, or give cgroup v2 the controller (a host that mounts it as "
					   "version 1 keeps it from version 2)");
	}
	return vxe_error_set(err, VXE_EXIT_FAILURE, saved, "config.json: linux.resources.%s: writing \"%s\" to %s", field,
			     value, file);
}

static const char *number_text(char *buffer, size_t size, int64_t value)
{
	if (value < 0)
		return "max";
	snprintf(buffer, size, "%" PRId64, value);
	return buffer;
}

static int limit_memory(int fd, const struct vxe_resources *r, struct vxe_error **err)
{
	char text[32];
	int64_t swap = r->memory_swap;
	uint64_t current;

	/* config-linux.md, memory: what is over the limit already would be killed to get below it. */
	if (r->check_before_update && r->has_memory_limit && r->memory_limit > 0 &&
	    vxe_cgroup_number(fd, "memory.current", NULL, &current) && current > (uint64_t)r->memory_limit)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				     "config.json: linux.resources.memory.limit: %" PRId64 " is below the %" PRIu64
				     " bytes that are in use, and checkBeforeUpdate is set",
				     r->memory_limit, current);
	/* config.json counts memory and swap together, cgroup v2 counts swap alone. */
	if (swap > 0)
		swap -= r->memory_limit;
	/* 0 is how engines say that nothing is asked. */
	if (r->has_memory_reservation && r->memory_reservation &&
	    limit_write(fd, "memory.reservation", "memory.low", number_text(text, sizeof(text), r->memory_reservation), err) <
		    0)
		return -1;
	if (r->has_memory_limit && r->memory_limit &&
	    limit_write(fd, "memory.limit", "memory.max", number_text(text, sizeof(text), r->memory_limit), err) < 0)
		return -1;
	/* No limit on both together is none on swap either, as with runc: update --memory -1. */
	if (r->has_memory_limit && r->memory_limit < 0 && !(r->has_memory_swap && r->memory_swap))
		return limit_write(fd, "memory.limit", "memory.swap.max", "max", err);
	if (r->has_memory_swap && r->memory_swap)
		return limit_write(fd, "memory.swap", "memory.swap.max", number_text(text, sizeof(text), swap), err);
	return 0;
}

static int limit_cpu(int fd, const struct vxe_resources *r, struct vxe_error **err)
{
	char text[64];
	uint64_t quota;
	int length;

	if (r->has_cpu_shares) {
		snprintf(text, sizeof(text), "%" PRIu64, vxe_cgroup_weight(r->cpu_shares));
		if (limit_write(fd, "cpu.shares", "cpu.weight", text, err) < 0)
			return -1;
	}
	if ((r->has_cpu_quota && r->cpu_quota) || r->has_cpu_period) {
		/* With a period alone the quota stays what it is. */
		if (r->has_cpu_quota && r->cpu_quota > 0)
			length = snprintf(text, sizeof(text), "%" PRId64, r->cpu_quota);
		else if (!r->has_cpu_quota && vxe_cgroup_number(fd, "cpu.max", NULL, &quota))
			length = snprintf(text, sizeof(text), "%" PRIu64, quota);
		else
			length = snprintf(text, sizeof(text), "max");
		if (r->has_cpu_period)
			snprintf(text + length, sizeof(text) - (size_t)length, " %" PRIu64, r->cpu_period);
		if (limit_write(fd, r->has_cpu_quota ? "cpu.quota" : "cpu.period", "cpu.max", text, err) < 0)
			return -1;
	}
	snprintf(text, sizeof(text), "%" PRIu64, r->cpu_burst);
	if (r->has_cpu_burst && limit_write(fd, "cpu.burst", "cpu.max.burst", text, err) < 0)
		return -1;
	if (r->has_cpu_idle && limit_write(fd, "cpu.idle", "cpu.idle", r->cpu_idle ? "1" : "0", err) < 0)
		return -1;
	if (r->cpuset_cpus && *r->cpuset_cpus && limit_write(fd, "cpu.cpus", "cpuset.cpus", r->cpuset_cpus, err) < 0)
		return -1;
	if (r->cpuset_mems && *r->cpuset_mems)
		return limit_write(fd, "cpu.mems", "cpuset.mems", r->cpuset_mems, err);
	return 0;
}

/* The scheduler bfq has weights of its own, on the scale of config.json; the kernel's own go from 1 to 10000. */
static int weight_write(int fd, const char *device, uint64_t weight, struct vxe_error **err)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%" PRIu64, device, weight);
	if (cgroup_file_write(fd, "io.bfq.weight", text) == 0)
		return 0;
	snprintf(text, sizeof(text), "%s%" PRIu64, *device ? device : "default ", 1 + (weight - 10) * 9999 / 990);
	return limit_write(fd, *device ? "blockIO.weightDevice" : "blockIO.weight", "io.weight", text, err);
}

static int limit_io(int fd, const struct vxe_resources *r, struct vxe_error **err)
{
	char device[32], text[96];

	if (r->block_weight && weight_write(fd, "", r->block_weight, err) < 0)
		return -1;
	for (size_t i = 0; i < r->n_block_limits; i++) {
		const struct vxe_block_limit *limit = &r->block_limits[i];

		snprintf(device, sizeof(device), "%" PRIu32 ":%" PRIu32 " ", limit->device.major, limit->device.minor);
		if (!limit->key) {
			if (weight_write(fd, device, limit->value, err) < 0)
				return -1;
			continue;
		}
		if (limit->value)
			snprintf(text, sizeof(text), "%s%s=%" PRIu64, device, limit->key, limit->value);
		else
			snprintf(text, sizeof(text), "%s%s=max", device, limit->key);
		if (limit_write(fd, "blockIO", "io.max", text, err) < 0)
			return -1;
	}
	return 0;
}

static int limit_pages_and_rdma(int fd, const struct vxe_resources *r, struct vxe_error **err)
{
	char file[64], text[300];

	for (size_t i = 0; i < r->n_huge_limits; i++) {
		const char *size = r->huge_limits[i].page_size;

		snprintf(text, sizeof(text), "%" PRIu64, r->huge_limits[i].limit);
		snprintf(file, sizeof(file), "hugetlb.%s.max", size);
		if (limit_write(fd, "hugepageLimits", file, text, err) < 0)
			return -1;
		/* Reservations too, or a mapping that is never touched takes pages from others; since 5.7. */
		snprintf(file, sizeof(file), "hugetlb.%s.rsvd.max", size);
		if (cgroup_file_write(fd, file, text) < 0 && errno != ENOENT)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno,
					     "config.json: linux.resources.hugepageLimits: writing \"%s\" to %s", text, file);
	}
	for (size_t i = 0; i < r->n_rdma_limits; i++) {
		const struct vxe_rdma_limit *limit = &r->rdma_limits[i];
		int used = snprintf(text, sizeof(text), "%.200s", limit->device);

		if (limit->has_handles)
			used += snprintf(text + used, sizeof(text) - (size_t)used, " hca_handle=%" PRIu32, limit->handles);
		if (limit->has_objects)
			snprintf(text + used, sizeof(text) - (size_t)used, " hca_object=%" PRIu32, limit->objects);
		if (limit_write(fd, "rdma", "rdma.max", text, err) < 0)
			return -1;
	}
	return 0;
}

/* The specification has values of several lines, as for io.max; the kernel takes one with each write. */
static int unified_write(int fd, const char *field, const struct vxe_pair *pair, struct vxe_error **err)
{
	cleanup_free char *copy = strdup(pair->value);
	char *rest = copy, *line;

	if (!copy)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "setting the cgroup's limits");
	if (!strchr(copy, '\n'))
		return limit_write(fd, field, pair->key, copy, err);
	while ((line = strsep(&rest, "\n")))
		if (*line && limit_write(fd, field, pair->key, line, err) < 0)
			return -1;
	return 0;
}

int vxe_cgroup_limit(int fd, const struct vxe_resources *r, struct vxe_error **err)
{
	char text[32];

	if (limit_memory(fd, r, err) < 0 || limit_cpu(fd, r, err) < 0 || limit_io(fd, r, err) < 0 ||
	    limit_pages_and_rdma(fd, r, err) < 0)
		return -1;
	/* runtime-spec: 0 and below is no limit. */
	if (r->has_pids_limit && limit_write(fd, "pids.limit", "pids.max",
					     number_text(text, sizeof(text), r->pids_limit > 0 ? r->pids_limit : -1), err) < 0)
		return -1;
	for (size_t i = 0; i < r->unified.count; i++) {
		cleanup_free char *field = NULL;

		if (asprintf(&field, "unified[%s]", r->unified.items[i].key) < 0) {
			field = NULL;
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "setting the cgroup's limits");
		}
		if (unified_write(fd, field, &r->unified.items[i], err) < 0)
			return -1;
	}
	return 0;
}
