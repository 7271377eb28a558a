/* Values that occur in several places of config.json. */
#include "config_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

#define ID_MAPPINGS_MAX 340 /* the kernel's limit on lines in /proc/PID/uid_map */

void config_path(char out[CONFIG_PATH_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out, CONFIG_PATH_MAX, format, args);
	va_end(args);
}

int config_fail(struct vxe_error **err, const char *path, const char *key, const char *format, ...)
{
	char what[512], where[CONFIG_PATH_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	config_path(where, "%s%s%s", path, *path && *key ? "." : "", key);
	/* A message goes to a terminal, and what it quotes comes from a bundle that may be anyone's. */
	vxe_text_plain(what, strlen(what), '?');
	vxe_text_plain(where, strlen(where), '?');
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s: %s", where, what);
}

int config_fail_memory(struct vxe_error **err)
{
	return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "keeping what was read");
}

int config_lookup(struct config_names names, const char *name, uint64_t *out)
{
	for (size_t i = 0; i < names.count; i++) {
		if (strcmp(names.items[i].name, name) == 0) {
			*out = names.items[i].value;
			return 0;
		}
	}
	return -1;
}

int config_need_string(struct json_object *object, const char *path, const char *key, char **out, struct vxe_error **err)
{
	int found = vxe_json_get_string(object, path, key, out, err);

	if (found == 0)
		return config_fail(err, path, key, "is missing");
	return found < 0 ? -1 : 0;
}

int config_absent_string(struct json_object *object, const char *path, const char *key, char **out, struct vxe_error **err)
{
	int found = vxe_json_get_string(object, path, key, out, err);

	if (found > 0 && **out == '\0') {
		free(*out);
		*out = NULL;
	}
	return found < 0 ? -1 : 0;
}

int config_absolute_path(struct json_object *object, const char *path, const char *key, char **out, struct vxe_error **err)
{
	if (config_absent_string(object, path, key, out, err) < 0)
		return -1;
	if (*out && **out != '/')
		return config_fail(err, path, key, "\"%s\" is not an absolute path", *out);
	return 0;
}

static int fill_strings(struct json_object *array, const char *path, const char *key, struct vxe_strings *out,
			struct vxe_error **err)
{
	size_t length = vxe_json_array_length(array);

	out->items = calloc(length + 1, sizeof(*out->items));
	if (!out->items)
		return config_fail_memory(err);
	for (size_t i = 0; i < length; i++) {
		struct vxe_error *wrong = NULL;
		const char *text;

		if (vxe_json_string_value(vxe_json_array_at(array, i), "", &text, &wrong) < 0) {
			vxe_error_free(&wrong);
			return config_fail(err, path, key, "element %zu must be a string", i);
		}
		out->items[i] = strdup(text);
		if (!out->items[i])
			return config_fail_memory(err);
		out->count++;
	}
	return 0;
}

int config_strings(struct json_object *object, const char *path, const char *key, struct vxe_strings *out,
		   struct vxe_error **err)
{
	struct json_object *array = NULL;

	if (vxe_json_get_array(object, path, key, &array, err) < 0)
		return -1;
	return fill_strings(array, path, key, out, err);
}

int config_absolute_paths(struct json_object *object, const char *path, const char *key, struct vxe_strings *out,
			  struct vxe_error **err)
{
	if (config_strings(object, path, key, out, err) < 0)
		return -1;
	for (size_t i = 0; i < out->count; i++)
		if (out->items[i][0] != '/')
			return config_fail(err, path, key, "\"%s\" is not an absolute path", out->items[i]);
	return 0;
}

struct pair_reader {
	const char *path, *key;
	struct vxe_pairs *out;
	struct vxe_error **err;
};

static int read_pair(const char *key, struct json_object *value, void *data)
{
	struct pair_reader *reader = data;
	struct vxe_pair *pair = &reader->out->items[reader->out->count];
	struct vxe_error *wrong = NULL;
	const char *text;

	if (*key == '\0')
		return config_fail(reader->err, reader->path, reader->key, "a key is empty");
	if (vxe_json_string_value(value, "", &text, &wrong) < 0) {
		vxe_error_free(&wrong);
		return config_fail(reader->err, reader->path, reader->key, "the value of \"%s\" must be a string", key);
	}
	pair->key = strdup(key);
	pair->value = strdup(text);
	reader->out->count++;
	return pair->key && pair->value ? 0 : config_fail_memory(reader->err);
}

int config_pairs(struct json_object *object, const char *path, const char *key, struct vxe_pairs *out, struct vxe_error **err)
{
	struct pair_reader reader = {.path = path, .key = key, .out = out, .err = err};
	struct json_object *members = NULL;
	int found = vxe_json_get_object(object, path, key, &members, err);

	if (found <= 0 || vxe_json_object_length(members) == 0)
		return found < 0 ? -1 : 0;
	out->items = calloc(vxe_json_object_length(members), sizeof(*out->items));
	if (!out->items)
		return config_fail_memory(err);
	return vxe_json_object_each(members, read_pair, &reader);
}

int config_flags(struct json_object *object, const char *path, const char *key, struct config_names names, const char *kind,
		 uint64_t *out, struct vxe_error **err)
{
	struct json_object *array = NULL;

	if (vxe_json_get_array(object, path, key, &array, err) < 0)
		return -1;
	for (size_t i = 0; i < vxe_json_array_length(array); i++) {
		struct vxe_error *wrong = NULL;
		const char *name;
		uint64_t bits;

		if (vxe_json_string_value(vxe_json_array_at(array, i), "", &name, &wrong) < 0) {
			vxe_error_free(&wrong);
			return config_fail(err, path, key, "element %zu must be a string", i);
		}
		if (config_lookup(names, name, &bits) < 0)
			return config_fail(err, path, key, "\"%s\" is not the name of a %s", name, kind);
		*out |= bits;
	}
	return 0;
}

int config_items(struct json_object *object, const char *path, const char *key, size_t item_size, config_parse_item *parse,
		 void *data, void *items, size_t *count, struct vxe_error **err)
{
	struct json_object *array = NULL;
	size_t length;
	char *storage;

	if (vxe_json_get_array(object, path, key, &array, err) < 0)
		return -1;
	length = vxe_json_array_length(array);
	if (length == 0)
		return 0;
	storage = calloc(length, item_size);
	if (!storage)
		return config_fail_memory(err);
	memcpy(items, &storage, sizeof(storage));
	for (size_t i = 0; i < length; i++) {
		struct json_object *item = vxe_json_array_at(array, i);
		char where[CONFIG_PATH_MAX];

		config_path(where, "%s%s%s[%zu]", path, *path ? "." : "", key, i);
		if (!vxe_json_is_object(item))
			return config_fail(err, where, "", "must be an object");
		*count = i + 1;
		if (parse(item, where, storage + i * item_size, data, err) < 0)
			return -1;
	}
	return 0;
}

static int need_id(struct json_object *object, const char *path, const char *key, uint32_t *out, struct vxe_error **err)
{
	uint64_t value;
	int found = vxe_json_get_uint(object, path, key, UINT32_MAX, &value, err);

	if (found == 0)
		return config_fail(err, path, key, "is missing");
	if (found < 0)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

static int parse_id_mapping(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	struct vxe_id_mapping *mapping = item;

	(void)data;
	if (need_id(object, path, "containerID", &mapping->container, err) < 0 ||
	    need_id(object, path, "hostID", &mapping->host, err) < 0 || need_id(object, path, "size", &mapping->size, err) < 0)
		return -1;
	if (mapping->size == 0)
		return config_fail(err, path, "size", "must be at least 1");
	/* 4294967295 is no id: the kernel uses it for "none". */
	if ((uint64_t)mapping->container + mapping->size > UINT32_MAX || (uint64_t)mapping->host + mapping->size > UINT32_MAX)
		return config_fail(err, path, "", "the range goes beyond the last id, 4294967294");
	return 0;
}

int config_id_mappings(struct json_object *object, const char *path, const char *key, struct vxe_id_mappings *out,
		       struct vxe_error **err)
{
	if (config_items(object, path, key, sizeof(*out->items), parse_id_mapping, NULL, &out->items, &out->count, err) < 0)
		return -1;
	if (out->count > ID_MAPPINGS_MAX)
		return config_fail(err, path, key, "the kernel takes at most %d mappings, here are %zu", ID_MAPPINGS_MAX,
				   out->count);
	return 0;
}

int config_refuse(struct json_object *object, const char *path, const char *const *keys, size_t n_keys, struct vxe_error **err)
{
	for (size_t i = 0; i < n_keys; i++) {
		struct json_object *value = NULL;

		if (vxe_json_get(object, keys[i], &value) && !vxe_json_is_empty(value)) {
			config_fail(err, path, keys[i], "not supported");
			return vxe_error_hint(err, "remove it, or use a runtime that has it");
		}
	}
	return 0;
}

void vxe_strings_free(struct vxe_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
	*strings = (struct vxe_strings){0};
}

void vxe_pairs_free(struct vxe_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		free(pairs->items[i].key);
		free(pairs->items[i].value);
	}
	free(pairs->items);
	*pairs = (struct vxe_pairs){0};
}
