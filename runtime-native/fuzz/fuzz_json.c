/* The strict reading: what it accepts must hold what json.h promises, and must be written and read back unchanged. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "json_node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct totals {
	size_t members;
	unsigned int depth;
};

static int walk_member(const char *key, struct json_object *value, void *data);

static void walk(struct json_object *value, struct totals *totals, unsigned int depth)
{
	const char *text;
	uint64_t number;

	if (depth > VXE_JSON_MAX_DEPTH)
		abort();
	totals->depth = depth;
	vxe_json_string_value(value, "value", &text, NULL);
	vxe_json_uint_value(value, "value", UINT64_MAX, &number, NULL);
	vxe_json_object_each(value, walk_member, totals);
	for (size_t i = 0; i < vxe_json_array_length(value); i++) {
		walk(vxe_json_array_at(value, i), totals, depth + 1);
		totals->depth = depth;
	}
}

static int walk_member(const char *key, struct json_object *value, void *data)
{
	struct totals *totals = data;
	unsigned int depth = totals->depth;

	(void)key;
	totals->members++;
	walk(value, totals, depth + 1);
	totals->depth = depth;
	return 0;
}

/* Any bytes without NUL, as a string written and read. */
static void round_trip(const uint8_t *data, size_t size)
{
	char *string = malloc(size + 1), *back = NULL;
	struct vxe_json_text text = {0};
	struct json_object *root = NULL;

	memcpy(string, data, size);
	string[size] = '\0';
	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_string(&text, "k", string);
	vxe_json_text_object_end(&text);
	if (vxe_json_text_finish(&text) < 0 || vxe_json_parse(text.data, text.size, &root, NULL) < 0 ||
	    vxe_json_get_string(root, "", "k", &back, NULL) != 1)
		abort();
	for (const unsigned char *p = (const unsigned char *)string, *end = p + strlen(string);; p++) {
		size_t length = p < end ? vxe_json_utf8_length(p, end) : 0;

		if (p == end) {
			if (strcmp(string, back) != 0)
				abort();
			break;
		}
		if (length == 0)
			break; /* replaced by U+FFFD, so it differs */
		p += length - 1;
	}
	free(back);
	free(string);
	vxe_json_put(&root);
	vxe_json_text_free(&text);
}

/* Without the space between its tokens a text says the same, and a second time there is none. */
static void compact(char *text, size_t size, size_t members)
{
	size_t left = vxe_json_compact(text, size);
	struct totals totals = {0};
	struct json_object *root = NULL;

	if (left > size || vxe_json_parse(text, left, &root, NULL) < 0)
		abort();
	walk(root, &totals, 0);
	if (totals.members != members || vxe_json_compact(text, left) != left)
		abort();
	vxe_json_put(&root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *root = NULL;
	struct vxe_error *err = NULL;
	/* A copy of the exact size, so that the sanitizer sees a byte read beyond it. */
	char *text = malloc(size ? size : 1);

	memcpy(text, data, size);
	if (vxe_json_parse(text, size, &root, &err) == 0) {
		struct totals totals = {0};

		walk(root, &totals, 0);
		if (err)
			abort();
		compact(text, size, totals.members);
	} else if (!err || root) {
		abort();
	}
	vxe_json_put(&root);
	vxe_error_free(&err);
	round_trip(data, size);
	free(text);
	return 0;
}
