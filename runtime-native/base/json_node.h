/* A parsed text in memory, for json_parse.c that makes it and json.c that reads it. */
#ifndef VXE_BASE_JSON_NODE_H
#define VXE_BASE_JSON_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_INTEGER, JSON_DECIMAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* A value; a member or an element is linked to the one after it in the text. Everything belongs to the document. */
struct json_object {
	struct json_object *next;
	const char *key; /* of a member */
	union {
		const char *string;
		uint64_t magnitude; /* of an integer; `negative` has its sign */
		struct json_object *first;
	};
	struct json_object *cursor; /* array: the element that was asked for last, since the next is asked for next */
	uint32_t cursor_index;
	uint32_t count;		  /* members or elements */
	uint32_t hash, key_place; /* of the key; the place is that of its opening quote */
	uint8_t type;
	bool negative;
};

#define FIRST_NODES 64u
#define MOST_NODES 16384u

struct json_chunk {
	struct json_chunk *next;
	size_t used, capacity;
	struct json_object nodes[];
};

struct json_document {
	struct json_object root; /* first: who has the root has the document */
	struct json_chunk *chunks;
	size_t mapped;		/* what the whole is in bytes, where it is a mapping of its own; 0: it is allocated */
	struct json_chunk *own; /* of such a mapping: the chunk that is in it */
	char strings[];
};

/* Room for `size` bytes of strings; NULL: out of memory. */
struct json_document *json_document_new(size_t size);

void json_document_free(struct json_document *document);

/* The length of the UTF-8 sequence at p, or 0: overlong forms, surrogates and what lies beyond U+10FFFF are none. */
size_t vxe_json_utf8_length(const unsigned char *p, const unsigned char *end);

#endif
