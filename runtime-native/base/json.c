#include "json.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "json_scan.h"

static size_t count_members(struct json_object *value)
{
	size_t count = 0;

	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member)
		{
			(void)key;
			count += 1 + count_members(member);
		}
	} else if (json_object_is_type(value, json_type_array)) {
		size_t length = json_object_array_length(value);

		for (size_t i = 0; i < length; i++)
			count += count_members(json_object_array_get_idx(value, i));
	}
	return count;
}

static size_t trimmed_size(const char *text, size_t size)
{
	while (size > 0 && strchr(" \t\r\n", text[size - 1]))
		size--;
	return size;
}

int vxe_json_parse(const char *text, size_t size, struct json_object **out, struct vxe_error **err)
{
	struct json_tokener *tokener;
	struct json_object *value = NULL;
	enum json_tokener_error status;
	size_t members;

	if (vxe_json_scan(text, size, &members, err) < 0)
		return -1;
	/* json-c counts its own bookkeeping levels as depth; the scan has held the limit. */
	tokener = json_tokener_new_ex(VXE_JSON_MAX_DEPTH + 2);
	if (!tokener)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "out of memory");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	value = json_tokener_parse_ex(tokener, text, (int)trimmed_size(text, size));
	/* A number at the root ends only where the text ends, which json-c is told by a NUL. */
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		value = json_tokener_parse_ex(tokener, "", 1);
	status = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	if (status != json_tokener_success) {
		json_object_put(value);
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "is not JSON: %s", json_tokener_error_desc(status));
	}
	if (count_members(value) != members) {
		json_object_put(value);
		return vxe_json_scan_duplicate(text, size, err);
	}
	*out = value;
	return 0;
}

void vxe_json_put(struct json_object **object)
{
	if (*object)
		json_object_put(*object);
	*object = NULL;
}

static int fail_value(const char *path, const char *key, struct vxe_error **err, const char *wanted)
{
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s%s%s: must be %s", path, *path && *key ? "." : "", key, wanted);
}

int vxe_json_get(struct json_object *object, const char *key, struct json_object **out)
{
	struct json_object *value;

	if (!object || !json_object_object_get_ex(object, key, &value) || !value)
		return 0;
	*out = value;
	return 1;
}

static int get_typed(struct json_object *object, const char *path, const char *key, json_type type, const char *wanted,
		     struct json_object **out, struct vxe_error **err)
{
	struct json_object *value;

	if (!vxe_json_get(object, key, &value))
		return 0;
	if (!json_object_is_type(value, type))
		return fail_value(path, key, err, wanted);
	*out = value;
	return 1;
}

static bool holds_nul(struct json_object *string)
{
	return strlen(json_object_get_string(string)) != (size_t)json_object_get_string_len(string);
}

int vxe_json_get_string(struct json_object *object, const char *path, const char *key, char **out, struct vxe_error **err)
{
	struct json_object *value = NULL;
	char *copy;
	int found = get_typed(object, path, key, json_type_string, "a string", &value, err);

	if (found <= 0)
		return found;
	if (holds_nul(value))
		return fail_value(path, key, err, "a string without NUL");
	copy = strdup(json_object_get_string(value));
	if (!copy)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "out of memory");
	*out = copy;
	return 1;
}

int vxe_json_get_bool(struct json_object *object, const char *path, const char *key, bool *out, struct vxe_error **err)
{
	struct json_object *value = NULL;
	int found = get_typed(object, path, key, json_type_boolean, "true or false", &value, err);

	if (found > 0)
		*out = json_object_get_boolean(value);
	return found;
}

int vxe_json_get_int(struct json_object *object, const char *path, const char *key, int64_t min, int64_t max, int64_t *out,
		     struct vxe_error **err)
{
	struct json_object *value = NULL;
	int64_t number;
	int found = get_typed(object, path, key, json_type_int, "an integer", &value, err);

	if (found <= 0)
		return found;
	number = json_object_get_int64(value);
	/* json-c saturates: a value above INT64_MAX shows only in the unsigned reading. */
	if (number < min || number > max || json_object_get_uint64(value) > INT64_MAX)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				     "%s%s%s: must be an integer from %" PRId64 " to %" PRId64 ", is %s", path,
				     *path ? "." : "", key, min, max, json_object_get_string(value));
	*out = number;
	return 1;
}

static int fail_uint(struct json_object *value, const char *path, const char *key, uint64_t max, struct vxe_error **err)
{
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s%s%s: must be an integer from 0 to %" PRIu64 ", is %s", path,
			     *path && *key ? "." : "", key, max, json_object_get_string(value));
}

static int read_uint(struct json_object *value, const char *path, const char *key, uint64_t max, uint64_t *out,
		     struct vxe_error **err)
{
	if (!json_object_is_type(value, json_type_int))
		return fail_value(path, key, err, "an integer");
	if (json_object_get_int64(value) < 0 || json_object_get_uint64(value) > max)
		return fail_uint(value, path, key, max, err);
	*out = json_object_get_uint64(value);
	return 1;
}

int vxe_json_get_uint(struct json_object *object, const char *path, const char *key, uint64_t max, uint64_t *out,
		      struct vxe_error **err)
{
	struct json_object *value;

	if (!vxe_json_get(object, key, &value))
		return 0;
	return read_uint(value, path, key, max, out, err);
}

int vxe_json_get_object(struct json_object *object, const char *path, const char *key, struct json_object **out,
			struct vxe_error **err)
{
	return get_typed(object, path, key, json_type_object, "an object", out, err);
}

int vxe_json_get_array(struct json_object *object, const char *path, const char *key, struct json_object **out,
		       struct vxe_error **err)
{
	return get_typed(object, path, key, json_type_array, "an array", out, err);
}

size_t vxe_json_array_length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

struct json_object *vxe_json_array_at(struct json_object *array, size_t index)
{
	return json_object_array_get_idx(array, index);
}

int vxe_json_string_value(struct json_object *value, const char *what, const char **out, struct vxe_error **err)
{
	if (!json_object_is_type(value, json_type_string))
		return fail_value(what, "", err, "a string");
	if (holds_nul(value))
		return fail_value(what, "", err, "a string without NUL");
	*out = json_object_get_string(value);
	return 0;
}

int vxe_json_uint_value(struct json_object *value, const char *what, uint64_t max, uint64_t *out, struct vxe_error **err)
{
	return read_uint(value, what, "", max, out, err) < 0 ? -1 : 0;
}

bool vxe_json_is_object(struct json_object *value)
{
	return json_object_is_type(value, json_type_object);
}

bool vxe_json_is_empty(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return true;
	case json_type_boolean:
		return !json_object_get_boolean(value);
	case json_type_string:
		return json_object_get_string_len(value) == 0;
	case json_type_array:
		return json_object_array_length(value) == 0;
	case json_type_object:
		return json_object_object_length(value) == 0;
	default:
		return false;
	}
}

size_t vxe_json_object_length(struct json_object *object)
{
	return json_object_is_type(object, json_type_object) ? (size_t)json_object_object_length(object) : 0;
}

int vxe_json_object_each(struct json_object *object, int (*visit)(const char *key, struct json_object *value, void *data),
			 void *data)
{
	if (!json_object_is_type(object, json_type_object))
		return 0;
	json_object_object_foreach(object, key, value)
	{
		int result = visit(key, value, data);

		if (result != 0)
			return result;
	}
	return 0;
}
