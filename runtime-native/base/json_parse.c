/* RFC 8259, read strictly and once: what it does not allow, or what could not be told exactly, is refused with its place. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "json_node.h"

/* Longer number literals carry nothing that a double or a uint64 could hold. */
#define NUMBER_MAX 64
#define SHOWN_KEY_MAX 64
/* Up to so many members their keys are compared each with each, by hash first. */
#define FEW_MEMBERS 24

struct scan {
	const unsigned char *start, *at, *end;
	struct json_document *document;
	char *strings;			     /* where the next decoded string goes; there is room for all of them */
	const struct json_object *duplicate; /* the first member in the text whose key its object has already */
	struct vxe_error **err;
};

static int scan_value(struct scan *scan, unsigned int depth, struct json_object *node);

static int fail_at(struct scan *scan, const unsigned char *at, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int fail_at(struct scan *scan, const unsigned char *at, const char *format, ...)
{
	size_t line = 1, column = 1;
	char what[256];
	va_list args;

	for (const unsigned char *p = scan->start; p < at; p++) {
		if (*p == '\n') {
			line++;
			column = 1;
		} else if ((*p & 0xc0) != 0x80) {
			column++;
		}
	}
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return vxe_error_set(scan->err, VXE_EXIT_FAILURE, 0, "line %zu, column %zu: %s", line, column, what);
}

static int fail_unexpected(struct scan *scan, const char *wanted)
{
	const unsigned char *at = scan->at;

	if (at == scan->end)
		return fail_at(scan, at, "the text ends where %s was expected", wanted);
	if (*at == '\'')
		return fail_at(scan, at, "strings stand in double quotes, not single ones");
	if (*at == 'N' || *at == 'I' || (*at == '-' && at + 1 < scan->end && at[1] == 'I'))
		return fail_at(scan, at, "NaN and Infinity are not JSON");
	if (*at == '/')
		return fail_at(scan, at, "comments are not JSON");
	if (*at > ' ' && *at < 0x7f)
		return fail_at(scan, at, "found '%c' where %s was expected", *at, wanted);
	return fail_at(scan, at, "found byte 0x%02x where %s was expected", *at, wanted);
}

static void skip_space(struct scan *scan)
{
	while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\t' || *scan->at == '\r'))
		scan->at++;
}

size_t vxe_json_utf8_length(const unsigned char *p, const unsigned char *end)
{
	size_t left = (size_t)(end - p);

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if ((p[0] & 0xf0) == 0xe0) {
		if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
			return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0))
			return 0;
		return 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (left < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
			return 0;
		if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
			return 0;
		return 4;
	}
	return 0;
}

static bool next_is(struct scan *scan, unsigned char c)
{
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

/* Four hexadecimal digits at p, or -1. */
static int hex4(const unsigned char *p, const unsigned char *end)
{
	int value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		unsigned char c = p[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return value;
}

static char *put_utf8(char *out, uint32_t code)
{
	if (code < 0x80) {
		*out++ = (char)code;
	} else if (code < 0x800) {
		*out++ = (char)(0xc0 | code >> 6);
		*out++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*out++ = (char)(0xe0 | code >> 12);
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (char)(0x80 | (code & 0x3f));
	} else {
		*out++ = (char)(0xf0 | code >> 18);
		*out++ = (char)(0x80 | (code >> 12 & 0x3f));
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (char)(0x80 | (code & 0x3f));
	}
	return out;
}

/* At the backslash. No escape is shorter than what it stands for. */
static int scan_escape(struct scan *scan)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const unsigned char *at = scan->at;
	const char *letter;
	int unit, low;

	if (scan->end - at < 2)
		return fail_at(scan, at, "the string is not closed");
	if (at[1] != 'u') {
		letter = at[1] ? strchr(letters, at[1]) : NULL;
		if (!letter)
			return fail_at(scan, at, "unknown escape sequence in a string");
		*scan->strings++ = meanings[letter - letters];
		scan->at += 2;
		return 0;
	}
	unit = hex4(at + 2, scan->end);
	if (unit < 0)
		return fail_at(scan, at, "\\u takes four hexadecimal digits");
	if (unit == 0)
		return fail_at(scan, at, "\\u0000 would cut the string short");
	scan->at += 6;
	if (unit >= 0xd800 && unit <= 0xdfff) {
		low = -1;
		if (unit < 0xdc00 && scan->end - scan->at >= 6 && scan->at[0] == '\\' && scan->at[1] == 'u')
			low = hex4(scan->at + 2, scan->end);
		if (low < 0xdc00 || low > 0xdfff)
			return fail_at(scan, at, "half of a surrogate pair");
		scan->at += 6;
		unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
	}
	scan->strings = put_utf8(scan->strings, (uint32_t)unit);
	return 0;
}

/* What is copied as it stands: the length of the run of plain characters at p. */
static size_t plain_run(const unsigned char *p, const unsigned char *end)
{
	const unsigned char *first = p;

	while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return (size_t)(p - first);
}

/* At the opening quote. *out is the decoded string, which ends with NUL where the text had the closing quote. */
static int scan_string(struct scan *scan, const char **out)
{
	const unsigned char *open = scan->at++;

	*out = scan->strings;
	for (;;) {
		const unsigned char *p = scan->at;
		size_t length = plain_run(p, scan->end);

		memcpy(scan->strings, p, length);
		scan->strings += length;
		p = scan->at += length;
		if (p == scan->end)
			return fail_at(scan, open, "the string is not closed");
		if (*p == '"') {
			*scan->strings++ = '\0';
			scan->at++;
			return 0;
		}
		if (*p == '\\') {
			if (scan_escape(scan) < 0)
				return -1;
		} else if (*p < 0x20) {
			return fail_at(scan, p, "raw control character 0x%02x in a string", *p);
		} else {
			length = vxe_json_utf8_length(p, scan->end);
			if (length == 0)
				return fail_at(scan, p, "byte 0x%02x is not UTF-8", *p);
			memcpy(scan->strings, p, length);
			scan->strings += length;
			scan->at += length;
		}
	}
}

static bool scan_digits(struct scan *scan)
{
	const unsigned char *first = scan->at;

	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		scan->at++;
	return scan->at > first;
}

static int read_integer(struct scan *scan, const unsigned char *first, struct json_object *out)
{
	uint64_t value = 0;

	for (const unsigned char *p = first; p < scan->at; p++)
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return fail_at(scan, first, "the integer does not fit into 64 bits");
	if (out->negative && value > (uint64_t)INT64_MAX + 1)
		return fail_at(scan, first, "the integer does not fit into 64 bits");
	out->type = JSON_INTEGER;
	out->magnitude = value;
	return 0;
}

static int scan_number(struct scan *scan, struct json_object *out)
{
	const unsigned char *first = scan->at, *digits;
	char literal[NUMBER_MAX + 1];
	bool integer = true;
	size_t length;

	out->negative = next_is(scan, '-');
	digits = scan->at;
	if (!scan_digits(scan)) {
		scan->at = first;
		return fail_unexpected(scan, "a number");
	}
	if (*digits == '0' && scan->at - digits > 1)
		return fail_at(scan, first, "a number does not begin with 0");
	if (next_is(scan, '.')) {
		integer = false;
		if (!scan_digits(scan))
			return fail_unexpected(scan, "a digit");
	}
	if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
		integer = false;
		scan->at++;
		if (!next_is(scan, '-'))
			next_is(scan, '+');
		if (!scan_digits(scan))
			return fail_unexpected(scan, "a digit");
	}
	if (integer)
		return read_integer(scan, digits, out);
	out->type = JSON_DECIMAL;
	length = (size_t)(scan->at - first);
	if (length > NUMBER_MAX)
		return fail_at(scan, first, "the number has more than %d characters", NUMBER_MAX);
	memcpy(literal, first, length);
	literal[length] = '\0';
	if (isinf(strtod(literal, NULL)))
		return fail_at(scan, first, "the number %s is too large", literal);
	return 0;
}

static int scan_word(struct scan *scan, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
		return fail_unexpected(scan, "a value");
	scan->at += length;
	return 0;
}

/* A node of the document, all zero: null. */
static struct json_object *node_new(struct scan *scan)
{
	struct json_document *document = scan->document;
	struct json_chunk *chunk = document->chunks;

	if (!chunk || chunk->used == chunk->capacity) {
		size_t capacity = chunk ? chunk->capacity * 2 : FIRST_NODES;
		struct json_chunk *fresh;

		if (capacity > MOST_NODES)
			capacity = MOST_NODES;
		fresh = calloc(1, sizeof(*fresh) + capacity * sizeof(fresh->nodes[0]));
		if (!fresh) {
			vxe_error_set(scan->err, VXE_EXIT_FAILURE, ENOMEM, "reading and writing JSON");
			return NULL;
		}
		fresh->capacity = capacity;
		fresh->next = chunk;
		document->chunks = chunk = fresh;
	}
	return &chunk->nodes[chunk->used++];
}

static int scan_array(struct scan *scan, unsigned int depth, struct json_object *out)
{
	struct json_object **link = &out->first;

	out->type = JSON_ARRAY;
	scan->at++;
	skip_space(scan);
	if (next_is(scan, ']'))
		return 0;
	for (;;) {
		*link = node_new(scan);
		if (!*link || scan_value(scan, depth, *link) < 0)
			return -1;
		link = &(*link)->next;
		out->count++;
		skip_space(scan);
		if (next_is(scan, ']'))
			return 0;
		if (!next_is(scan, ','))
			return fail_unexpected(scan, "',' or ']'");
	}
}

/* FNV-1a. Only the pairs that it makes equal are compared further, so a bad distribution costs time and no more. */
static uint32_t key_hash(const char *key)
{
	uint32_t hash = 2166136261u;

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619u;
	return hash;
}

/* The strings of a document lie in the order of its text, so their addresses tell which came first. */
static void duplicate_note(struct scan *scan, const struct json_object *later)
{
	if (!scan->duplicate || later->key < scan->duplicate->key)
		scan->duplicate = later;
}

static int compare_members(const void *left, const void *right)
{
	const struct json_object *a = *(const struct json_object *const *)left, *b = *(const struct json_object *const *)right;
	int order = strcmp(a->key, b->key);

	return order ? order : (a->key > b->key) - (a->key < b->key);
}

static int check_many_keys(struct scan *scan, const struct json_object *object)
{
	const struct json_object **members = reallocarray(NULL, object->count, sizeof(*members));
	size_t count = 0;

	if (!members)
		return vxe_error_set(scan->err, VXE_EXIT_FAILURE, ENOMEM, "reading and writing JSON");
	for (const struct json_object *member = object->first; member; member = member->next)
		members[count++] = member;
	qsort(members, count, sizeof(*members), compare_members);
	for (size_t i = 1; i < count; i++)
		if (strcmp(members[i - 1]->key, members[i]->key) == 0)
			duplicate_note(scan, members[i]);
	free(members);
	return 0;
}

static int check_keys(struct scan *scan, const struct json_object *object)
{
	if (object->count > FEW_MEMBERS)
		return check_many_keys(scan, object);
	for (const struct json_object *member = object->first; member; member = member->next)
		for (const struct json_object *other = object->first; other != member; other = other->next)
			if (member->hash == other->hash && strcmp(member->key, other->key) == 0) {
				duplicate_note(scan, member);
				break;
			}
	return 0;
}

static int scan_object(struct scan *scan, unsigned int depth, struct json_object *out)
{
	struct json_object **link = &out->first;

	out->type = JSON_OBJECT;
	scan->at++;
	skip_space(scan);
	if (next_is(scan, '}'))
		return 0;
	for (;;) {
		const char *key;
		size_t place;

		skip_space(scan);
		if (scan->at == scan->end || *scan->at != '"')
			return fail_unexpected(scan, "a key in double quotes");
		place = (size_t)(scan->at - scan->start);
		if (scan_string(scan, &key) < 0)
			return -1;
		skip_space(scan);
		if (!next_is(scan, ':'))
			return fail_unexpected(scan, "':'");
		*link = node_new(scan);
		if (!*link || scan_value(scan, depth, *link) < 0)
			return -1;
		(*link)->key = key;
		(*link)->key_place = (uint32_t)place;
		(*link)->hash = key_hash(key);
		link = &(*link)->next;
		out->count++;
		skip_space(scan);
		if (next_is(scan, '}'))
			return check_keys(scan, out);
		if (!next_is(scan, ','))
			return fail_unexpected(scan, "',' or '}'");
	}
}

static int scan_value(struct scan *scan, unsigned int depth, struct json_object *node)
{
	skip_space(scan);
	if (scan->at == scan->end)
		return fail_unexpected(scan, "a value");
	switch (*scan->at) {
	case '{':
	case '[':
		if (depth == VXE_JSON_MAX_DEPTH)
			return fail_at(scan, scan->at, "more than %d levels of nesting", VXE_JSON_MAX_DEPTH);
		return *scan->at == '{' ? scan_object(scan, depth + 1, node) : scan_array(scan, depth + 1, node);
	case '"':
		node->type = JSON_STRING;
		return scan_string(scan, &node->string);
	case 't':
		node->type = JSON_TRUE;
		return scan_word(scan, "true");
	case 'f':
		node->type = JSON_FALSE;
		return scan_word(scan, "false");
	case 'n':
		return scan_word(scan, "null");
	case '-':
	case '0' ... '9':
		return scan_number(scan, node);
	default:
		return fail_unexpected(scan, "a value");
	}
}

static int fail_duplicate(struct scan *scan)
{
	const char *key = scan->duplicate->key;
	char shown[SHOWN_KEY_MAX + 1];
	size_t length = strnlen(key, SHOWN_KEY_MAX);

	for (size_t i = 0; i < length; i++)
		shown[i] = key[i] >= 0x20 && key[i] < 0x7f ? key[i] : '?';
	shown[length] = '\0';
	return fail_at(scan, scan->start + scan->duplicate->key_place, "duplicate key \"%s\"", shown);
}

static int scan_text(struct scan *scan)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";

	if (scan->end - scan->start >= 3 && memcmp(scan->start, byte_order_mark, 3) == 0)
		return fail_at(scan, scan->start, "JSON does not begin with a byte order mark");
	skip_space(scan);
	if (scan->at == scan->end)
		return vxe_error_set(scan->err, VXE_EXIT_FAILURE, 0, "is empty");
	if (scan_value(scan, 0, &scan->document->root) < 0)
		return -1;
	skip_space(scan);
	if (scan->at != scan->end)
		return fail_unexpected(scan, "the end of the text");
	return scan->duplicate ? fail_duplicate(scan) : 0;
}

int vxe_json_parse(const char *text, size_t size, struct json_object **out, struct vxe_error **err)
{
	const unsigned char *start = (const unsigned char *)text;
	struct scan scan = {.start = start, .at = start, .end = start + size, .err = err};

	if (size > VXE_JSON_MAX_SIZE)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "is larger than %u MiB", VXE_JSON_MAX_SIZE >> 20);
	/* No decoded string with its NUL is longer than it was in the text with its quotes. */
	scan.document = json_document_new(size + 1);
	if (!scan.document)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading and writing JSON");
	scan.strings = scan.document->strings;
	if (scan_text(&scan) < 0) {
		json_document_free(scan.document);
		return -1;
	}
	*out = &scan.document->root;
	return 0;
}
