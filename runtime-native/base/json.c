#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "json_node.h"

#define INTEGER_TEXT 24 /* "-9223372036854775808", "18446744073709551615" */

/*
 * A configuration is hundreds of values that are read once, and most of the time went into its pages, fault by fault: those of a text
 * that is not small come with one call and go with one. Under the sanitizers everything is allocated, so that they see its bounds.
 */
#define MAPPED_LEAST 4096u
#define MAPPED_MOST (256u << 10)
/* Of text, for a value; where there are more of them, chunks follow. */
#define BYTES_A_VALUE 20u

#ifdef VXE_SANITIZED
#define IS_MAPPED(size) ((void)(size), false)
#else
#define IS_MAPPED(size) ((size) >= MAPPED_LEAST && (size) <= MAPPED_MOST)
#endif

struct json_document *json_document_new(size_t size)
{
	const size_t align = _Alignof(struct json_chunk);
	size_t place = (sizeof(struct json_document) + size + align - 1) / align * align, capacity = size / BYTES_A_VALUE;
	size_t whole = place + sizeof(struct json_chunk) + capacity * sizeof(struct json_object);
	struct json_document *document;

	if (!IS_MAPPED(size))
		return calloc(1, sizeof(*document) + size);
	document = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (document == MAP_FAILED)
		return NULL;
	document->mapped = whole;
	document->chunks = document->own = (struct json_chunk *)((char *)document + place);
	document->own->capacity = capacity;
	return document;
}

void json_document_free(struct json_document *document)
{
	for (struct json_chunk *chunk = document->chunks, *next; chunk; chunk = next) {
		next = chunk->next;
		if (chunk != document->own)
			free(chunk);
	}
	if (document->mapped)
		munmap(document, document->mapped);
	else
		free(document);
}

void vxe_json_put(struct json_object **object)
{
	if (*object)
		json_document_free((struct json_document *)*object);
	*object = NULL;
}

static int fail_value(const char *path, const char *key, struct vxe_error **err, const char *wanted)
{
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s%s%s: must be %s", path, *path && *key ? "." : "", key, wanted);
}

static bool is_type(const struct json_object *value, enum json_type type)
{
	return value && value->type == type;
}

int vxe_json_get(struct json_object *object, const char *key, struct json_object **out)
{
	if (!is_type(object, JSON_OBJECT))
		return 0;
	for (struct json_object *member = object->first; member; member = member->next)
		if (strcmp(member->key, key) == 0) {
			if (member->type == JSON_NULL)
				return 0;
			*out = member;
			return 1;
		}
	return 0;
}

static int get_typed(struct json_object *object, const char *path, const char *key, enum json_type type, const char *wanted,
		     struct json_object **out, struct vxe_error **err)
{
	struct json_object *value;

	if (!vxe_json_get(object, key, &value))
		return 0;
	if (value->type != type)
		return fail_value(path, key, err, wanted);
	*out = value;
	return 1;
}

int vxe_json_get_string(struct json_object *object, const char *path, const char *key, char **out, struct vxe_error **err)
{
	struct json_object *value = NULL;
	char *copy;
	int found = get_typed(object, path, key, JSON_STRING, "a string", &value, err);

	if (found <= 0)
		return found;
	copy = strdup(value->string);
	if (!copy)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading and writing JSON");
	*out = copy;
	return 1;
}

int vxe_json_get_bool(struct json_object *object, const char *path, const char *key, bool *out, struct vxe_error **err)
{
	struct json_object *value;

	if (!vxe_json_get(object, key, &value))
		return 0;
	if (value->type != JSON_TRUE && value->type != JSON_FALSE)
		return fail_value(path, key, err, "true or false");
	*out = value->type == JSON_TRUE;
	return 1;
}

static const char *integer_text(const struct json_object *value, char *buffer)
{
	snprintf(buffer, INTEGER_TEXT, "%s%" PRIu64, value->negative ? "-" : "", value->magnitude);
	return buffer;
}

/* The parser has held both ends of the range. */
static bool fits_int64(const struct json_object *value, int64_t *out)
{
	if (!value->negative && value->magnitude > INT64_MAX)
		return false;
	*out = value->negative ? (int64_t)(0 - value->magnitude) : (int64_t)value->magnitude;
	return true;
}

int vxe_json_get_int(struct json_object *object, const char *path, const char *key, int64_t min, int64_t max, int64_t *out,
		     struct vxe_error **err)
{
	struct json_object *value = NULL;
	char text[INTEGER_TEXT];
	int64_t number;
	int found = get_typed(object, path, key, JSON_INTEGER, "an integer", &value, err);

	if (found <= 0)
		return found;
	if (!fits_int64(value, &number) || number < min || number > max)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				     "%s%s%s: must be an integer from %" PRId64 " to %" PRId64 ", is %s", path,
				     *path ? "." : "", key, min, max, integer_text(value, text));
	*out = number;
	return 1;
}

static int read_uint(struct json_object *value, const char *path, const char *key, uint64_t max, uint64_t *out,
		     struct vxe_error **err)
{
	char text[INTEGER_TEXT];

	if (!is_type(value, JSON_INTEGER))
		return fail_value(path, key, err, "an integer");
	if ((value->negative && value->magnitude) || value->magnitude > max)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s%s%s: must be an integer from 0 to %" PRIu64 ", is %s", path,
				     *path && *key ? "." : "", key, max, integer_text(value, text));
	*out = value->magnitude;
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
	return get_typed(object, path, key, JSON_OBJECT, "an object", out, err);
}

int vxe_json_get_array(struct json_object *object, const char *path, const char *key, struct json_object **out,
		       struct vxe_error **err)
{
	return get_typed(object, path, key, JSON_ARRAY, "an array", out, err);
}

size_t vxe_json_array_length(struct json_object *array)
{
	return is_type(array, JSON_ARRAY) ? array->count : 0;
}

struct json_object *vxe_json_array_at(struct json_object *array, size_t index)
{
	if (index >= vxe_json_array_length(array))
		return NULL;
	if (!array->cursor || index < array->cursor_index) {
		array->cursor = array->first;
		array->cursor_index = 0;
	}
	for (; array->cursor_index < index; array->cursor_index++)
		array->cursor = array->cursor->next;
	return array->cursor;
}

int vxe_json_string_value(struct json_object *value, const char *what, const char **out, struct vxe_error **err)
{
	if (!is_type(value, JSON_STRING))
		return fail_value(what, "", err, "a string");
	*out = value->string;
	return 0;
}

int vxe_json_uint_value(struct json_object *value, const char *what, uint64_t max, uint64_t *out, struct vxe_error **err)
{
	return read_uint(value, what, "", max, out, err) < 0 ? -1 : 0;
}

bool vxe_json_is_object(struct json_object *value)
{
	return is_type(value, JSON_OBJECT);
}

bool vxe_json_is_empty(struct json_object *value)
{
	if (!value)
		return true;
	switch ((enum json_type)value->type) {
	case JSON_NULL:
	case JSON_FALSE:
		return true;
	case JSON_STRING:
		return *value->string == '\0';
	case JSON_ARRAY:
	case JSON_OBJECT:
		return value->count == 0;
	default:
		return false;
	}
}

size_t vxe_json_object_length(struct json_object *object)
{
	return is_type(object, JSON_OBJECT) ? object->count : 0;
}

int vxe_json_object_each(struct json_object *object, int (*visit)(const char *key, struct json_object *value, void *data),
			 void *data)
{
	if (!is_type(object, JSON_OBJECT))
		return 0;
	for (struct json_object *member = object->first; member; member = member->next) {
		int result = visit(member->key, member, data);

		if (result != 0)
			return result;
	}
	return 0;
}
