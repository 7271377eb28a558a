/*
 * JSON, read strictly (RFC 8259) and exactly: duplicate keys, NUL in strings and integers beyond 64 bits are errors with their
 * line and column, and uint64 survives. One pass makes the tree; it is one allocation for all strings and few for the values.
 */
#ifndef VXE_BASE_JSON_H
#define VXE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct json_object;

#define VXE_JSON_MAX_SIZE (16u << 20)
#define VXE_JSON_MAX_DEPTH 32

int vxe_json_parse(const char *text, size_t size, struct json_object **out, struct vxe_error **err);
void vxe_json_put(struct json_object **object);
/* Takes the space between the tokens out of a text that vxe_json_parse has read; its new size. */
size_t vxe_json_compact(char *text, size_t size);

/* Typed getters. `path` names the object in errors, as in "process.user" ("" for the root). Absent keys, keys whose value
   is null, and an object that is NULL: return 0 and leave *out alone; present: 1; of the wrong type or range: -1 and
   *err. Strings are copies that the caller frees; objects and arrays are borrowed. */
int vxe_json_get(struct json_object *object, const char *key, struct json_object **out);
int vxe_json_get_string(struct json_object *object, const char *path, const char *key, char **out, struct vxe_error **err);
int vxe_json_get_bool(struct json_object *object, const char *path, const char *key, bool *out, struct vxe_error **err);
int vxe_json_get_int(struct json_object *object, const char *path, const char *key, int64_t min, int64_t max, int64_t *out,
		     struct vxe_error **err);
int vxe_json_get_uint(struct json_object *object, const char *path, const char *key, uint64_t max, uint64_t *out,
		      struct vxe_error **err);
int vxe_json_get_object(struct json_object *object, const char *path, const char *key, struct json_object **out,
			struct vxe_error **err);
int vxe_json_get_array(struct json_object *object, const char *path, const char *key, struct json_object **out,
		       struct vxe_error **err);
size_t vxe_json_array_length(struct json_object *array);
struct json_object *vxe_json_array_at(struct json_object *array, size_t index);
/* The value itself, as an array's element: `what` names it in errors. The string is borrowed. */
int vxe_json_string_value(struct json_object *value, const char *what, const char **out, struct vxe_error **err);
int vxe_json_uint_value(struct json_object *value, const char *what, uint64_t max, uint64_t *out, struct vxe_error **err);
bool vxe_json_is_object(struct json_object *value);
/* Says nothing: null, false, "", [] and {}. */
bool vxe_json_is_empty(struct json_object *value);
size_t vxe_json_object_length(struct json_object *object);
/* Calls visit for each member in the order of the text until one returns other than 0, and returns that. */
int vxe_json_object_each(struct json_object *object, int (*visit)(const char *key, struct json_object *value, void *data),
			 void *data);

/* A growing text that writes JSON; an allocation failure is remembered and told by vxe_json_text_finish. */
struct vxe_json_text {
	char *data;
	size_t size, capacity;
	bool failed;
	bool need_comma;
};

void vxe_json_text_object_begin(struct vxe_json_text *text, const char *key); /* key NULL: an element or the root */
void vxe_json_text_object_end(struct vxe_json_text *text);
void vxe_json_text_array_begin(struct vxe_json_text *text, const char *key);
void vxe_json_text_array_end(struct vxe_json_text *text);
/* Bytes that are not UTF-8 are written as U+FFFD. */
void vxe_json_text_string(struct vxe_json_text *text, const char *key, const char *value);
void vxe_json_text_uint(struct vxe_json_text *text, const char *key, uint64_t value);
void vxe_json_text_int(struct vxe_json_text *text, const char *key, int64_t value);
/* A string of its digits where readers that know no other numbers than doubles would round it. */
void vxe_json_text_wide(struct vxe_json_text *text, const char *key, int64_t value);
void vxe_json_text_bool(struct vxe_json_text *text, const char *key, bool value);
void vxe_json_text_null(struct vxe_json_text *text, const char *key);
/* 0, or -1 with errno ENOMEM. The text stays valid until vxe_json_text_free. */
int vxe_json_text_finish(struct vxe_json_text *text);
void vxe_json_text_free(struct vxe_json_text *text);

#endif
