/* linux.resources.blockIO, hugepageLimits and rdma (runtime-spec config-linux.md), as far as cgroup v2 has the like. */
#include "config_internal.h"

#include <stdlib.h>
#include <string.h>

#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000

/* 0 stands for "not asked", as engines write it. */
static int get_weight(struct json_object *object, const char *path, const char *key, uint64_t *out, struct vxe_error **err)
{
	if (vxe_json_get_uint(object, path, key, WEIGHT_MAX, out, err) < 0)
		return -1;
	return *out && *out < WEIGHT_MIN ? config_fail(err, path, key, "is not from %d to %d", WEIGHT_MIN, WEIGHT_MAX) : 0;
}

/* leafWeight rules the processes beside child cgroups, which version 2 does not have. */
static int refuse_leaf_weight(struct json_object *object, const char *path, struct vxe_error **err)
{
	uint64_t weight = 0;

	if (get_weight(object, path, "leafWeight", &weight, err) < 0)
		return -1;
	return weight ? config_fail(err, path, "leafWeight", "is of cgroup v1 alone") : 0;
}

struct block_list {
	const char *key, *file_key; /* in config.json, and in io.max (NULL: a weight) */
	struct vxe_resources *out;
};

static int parse_block(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	const struct block_list *list = data;
	struct vxe_block_limit *limit = item;
	uint64_t major, minor;
	int has_major, has_minor, found = 1;

	has_major = vxe_json_get_uint(object, path, "major", UINT32_MAX, &major, err);
	has_minor = has_major < 0 ? -1 : vxe_json_get_uint(object, path, "minor", UINT32_MAX, &minor, err);
	if (has_minor < 0)
		return -1;
	if (!has_major || !has_minor)
		return config_fail(err, path, has_major ? "minor" : "major", "is missing");
	if (list->file_key)
		found = vxe_json_get_uint(object, path, "rate", UINT64_MAX, &limit->value, err);
	else if (refuse_leaf_weight(object, path, err) < 0 || get_weight(object, path, "weight", &limit->value, err) < 0)
		return -1;
	if (found < 0)
		return -1;
	if (!found || (!list->file_key && !limit->value))
		return config_fail(err, path, list->file_key ? "rate" : "weight", "is missing");
	limit->device = (struct vxe_device_number){(uint32_t)major, (uint32_t)minor};
	limit->key = list->file_key;
	return 0;
}

static int add_block_list(struct json_object *object, const char *path, struct block_list *list, struct vxe_error **err)
{
	struct vxe_resources *out = list->out;
	struct vxe_block_limit *items = NULL, *all;
	size_t count = 0;
	int status = config_items(object, path, list->key, sizeof(*items), parse_block, list, &items, &count, err);

	if (status == 0 && count) {
		all = reallocarray(out->block_limits, out->n_block_limits + count, sizeof(*all));
		if (!all) {
			status = config_fail_memory(err);
		} else {
			memcpy(all + out->n_block_limits, items, count * sizeof(*all));
			out->block_limits = all;
			out->n_block_limits += count;
		}
	}
	free(items);
	return status;
}

static int parse_block_io(struct json_object *resources, struct vxe_resources *out, struct vxe_error **err)
{
	const char *path = "linux.resources.blockIO";
	struct block_list lists[] = {
		{"weightDevice", NULL, out},
		{"throttleReadBpsDevice", "rbps", out},
		{"throttleWriteBpsDevice", "wbps", out},
		{"throttleReadIOPSDevice", "riops", out},
		{"throttleWriteIOPSDevice", "wiops", out},
	};
	struct json_object *object;
	int found = vxe_json_get_object(resources, "linux.resources", "blockIO", &object, err);

	if (found <= 0)
		return found;
	if (refuse_leaf_weight(object, path, err) < 0 || get_weight(object, path, "weight", &out->block_weight, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (add_block_list(object, path, &lists[i], err) < 0)
			return -1;
	return 0;
}

/* <size><unit-prefix>B, as the kernel names its files: the name becomes a part of one. */
static bool is_page_size(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < 8 && strchr("KMG", text[digits]) && text[digits] && text[digits + 1] == 'B' &&
	       text[digits + 2] == '\0';
}

static int parse_huge(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	struct vxe_huge_limit *limit = item;
	int found;

	(void)data;
	if (config_need_string(object, path, "pageSize", &limit->page_size, err) < 0)
		return -1;
	if (!is_page_size(limit->page_size))
		return config_fail(err, path, "pageSize", "\"%s\" is not a size as 64KB, 2MB or 1GB", limit->page_size);
	found = vxe_json_get_uint(object, path, "limit", UINT64_MAX, &limit->limit, err);
	return found == 0 ? config_fail(err, path, "limit", "is missing") : found < 0 ? -1 : 0;
}

struct rdma_reader {
	struct vxe_resources *out;
	struct vxe_error **err;
};

static int parse_rdma(const char *device, struct json_object *value, void *data)
{
	struct rdma_reader *reader = data;
	struct vxe_rdma_limit *limit = &reader->out->rdma_limits[reader->out->n_rdma_limits];
	char path[CONFIG_PATH_MAX];
	uint64_t handles = 0, objects = 0;
	int has_handles, has_objects;

	config_path(path, "linux.resources.rdma.%s", device);
	if (!vxe_json_is_object(value))
		return config_fail(reader->err, path, "", "must be an object");
	/* It becomes the first word of a line. */
	if (!*device || device[strcspn(device, " \t\n=")])
		return config_fail(reader->err, path, "", "is not the name of a device");
	has_handles = vxe_json_get_uint(value, path, "hcaHandles", UINT32_MAX, &handles, reader->err);
	has_objects = has_handles < 0 ? -1 : vxe_json_get_uint(value, path, "hcaObjects", UINT32_MAX, &objects, reader->err);
	if (has_objects < 0)
		return -1;
	if (!has_handles && !has_objects)
		return config_fail(reader->err, path, "", "must have hcaHandles or hcaObjects");
	limit->device = strdup(device);
	if (!limit->device)
		return config_fail_memory(reader->err);
	limit->has_handles = has_handles > 0;
	limit->has_objects = has_objects > 0;
	limit->handles = (uint32_t)handles;
	limit->objects = (uint32_t)objects;
	reader->out->n_rdma_limits++;
	return 0;
}

int config_parse_io_resources(struct json_object *resources, struct vxe_resources *out, struct vxe_error **err)
{
	struct rdma_reader reader = {out, err};
	struct json_object *rdma = NULL;
	int found;

	if (parse_block_io(resources, out, err) < 0 ||
	    config_items(resources, "linux.resources", "hugepageLimits", sizeof(*out->huge_limits), parse_huge, NULL,
			 &out->huge_limits, &out->n_huge_limits, err) < 0)
		return -1;
	found = vxe_json_get_object(resources, "linux.resources", "rdma", &rdma, err);
	if (found <= 0 || vxe_json_object_length(rdma) == 0)
		return found < 0 ? -1 : 0;
	out->rdma_limits = calloc(vxe_json_object_length(rdma), sizeof(*out->rdma_limits));
	if (!out->rdma_limits)
		return config_fail_memory(err);
	return vxe_json_object_each(rdma, parse_rdma, &reader);
}

void config_free_io_resources(struct vxe_resources *resources)
{
	free(resources->block_limits);
	for (size_t i = 0; i < resources->n_huge_limits; i++)
		free(resources->huge_limits[i].page_size);
	free(resources->huge_limits);
	for (size_t i = 0; i < resources->n_rdma_limits; i++)
		free(resources->rdma_limits[i].device);
	free(resources->rdma_limits);
}
