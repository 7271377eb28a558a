#include "json_scan.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"

/* Longer number literals carry nothing that a double or a uint64 could hold. */
#define NUMBER_MAX 64
#define SHOWN_KEY_MAX 64

struct key {
	size_t object; /* serial number of the object that it is in */
	size_t offset; /* of its opening quote */
	size_t size;
	unsigned char *bytes; /* decoded */
};

struct key_log {
	struct key *items;
	size_t count, capacity;
};

struct scan {
	const unsigned char *start, *at, *end;
	size_t members, objects;
	struct key_log *log; /* NULL: keys are only counted */
	struct vxe_error **err;
};

static int scan_value(struct scan *scan, unsigned int depth);

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

/* At the backslash. */
static int scan_escape(struct scan *scan)
{
	const unsigned char *at = scan->at;
	int unit, low;

	if (scan->end - at < 2)
		return fail_at(scan, at, "the string is not closed");
	if (at[1] != 'u') {
		if (at[1] == '\0' || !strchr("\"\\/bfnrt", at[1]))
			return fail_at(scan, at, "unknown escape sequence in a string");
		scan->at += 2;
		return 0;
	}
	unit = hex4(at + 2, scan->end);
	if (unit < 0)
		return fail_at(scan, at, "\\u takes four hexadecimal digits");
	if (unit == 0)
		return fail_at(scan, at, "\\u0000 would cut the string short");
	scan->at += 6;
	if (unit < 0xd800 || unit > 0xdfff)
		return 0;
	low = -1;
	if (unit < 0xdc00 && scan->end - scan->at >= 6 && scan->at[0] == '\\' && scan->at[1] == 'u')
		low = hex4(scan->at + 2, scan->end);
	if (low < 0xdc00 || low > 0xdfff)
		return fail_at(scan, at, "half of a surrogate pair");
	scan->at += 6;
	return 0;
}

static int scan_string(struct scan *scan)
{
	const unsigned char *open = scan->at++;

	for (;;) {
		const unsigned char *p = scan->at;

		while (p < scan->end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
			p++;
		scan->at = p;
		if (p == scan->end)
			return fail_at(scan, open, "the string is not closed");
		if (*p == '"') {
			scan->at++;
			return 0;
		}
		if (*p == '\\') {
			if (scan_escape(scan) < 0)
				return -1;
		} else if (*p < 0x20) {
			return fail_at(scan, p, "raw control character 0x%02x in a string", *p);
		} else {
			size_t length = vxe_json_utf8_length(p, scan->end);

			if (length == 0)
				return fail_at(scan, p, "byte 0x%02x is not UTF-8", *p);
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

static int check_integer(struct scan *scan, const unsigned char *first, bool negative)
{
	uint64_t value = 0;

	for (const unsigned char *p = first; p < scan->at; p++)
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return fail_at(scan, first, "the integer does not fit into 64 bits");
	if (negative && value > (uint64_t)INT64_MAX + 1)
		return fail_at(scan, first, "the integer does not fit into 64 bits");
	return 0;
}

static int scan_number(struct scan *scan)
{
	const unsigned char *first = scan->at, *digits;
	char literal[NUMBER_MAX + 1];
	bool negative = next_is(scan, '-'), integer = true;
	size_t length;

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
		return check_integer(scan, digits, negative);
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

static int scan_array(struct scan *scan, unsigned int depth)
{
	scan->at++;
	skip_space(scan);
	if (next_is(scan, ']'))
		return 0;
	for (;;) {
		if (scan_value(scan, depth) < 0)
			return -1;
		skip_space(scan);
		if (next_is(scan, ']'))
			return 0;
		if (!next_is(scan, ','))
			return fail_unexpected(scan, "',' or ']'");
	}
}

static unsigned char *put_utf8(unsigned char *out, uint32_t code)
{
	if (code < 0x80) {
		*out++ = (unsigned char)code;
	} else if (code < 0x800) {
		*out++ = (unsigned char)(0xc0 | code >> 6);
		*out++ = (unsigned char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*out++ = (unsigned char)(0xe0 | code >> 12);
		*out++ = (unsigned char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (unsigned char)(0x80 | (code & 0x3f));
	} else {
		*out++ = (unsigned char)(0xf0 | code >> 18);
		*out++ = (unsigned char)(0x80 | (code >> 12 & 0x3f));
		*out++ = (unsigned char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (unsigned char)(0x80 | (code & 0x3f));
	}
	return out;
}

/* Decodes a string that scan_string accepted, quotes not included; out has room for as many bytes as there are. */
static size_t decode(const unsigned char *p, const unsigned char *end, unsigned char *out)
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	unsigned char *to = out;

	while (p < end) {
		const char *letter;
		uint32_t code;

		if (*p != '\\') {
			*to++ = *p++;
			continue;
		}
		if (p[1] != 'u') {
			letter = strchr(letters, p[1]);
			*to++ = letter ? (unsigned char)meanings[letter - letters] : p[1];
			p += 2;
			continue;
		}
		code = (uint32_t)hex4(p + 2, end);
		p += 6;
		if (code >= 0xd800 && code <= 0xdbff) {
			code = 0x10000 + ((code - 0xd800) << 10) + ((uint32_t)hex4(p + 2, end) - 0xdc00);
			p += 6;
		}
		to = put_utf8(to, code);
	}
	return (size_t)(to - out);
}

/* The key between open and scan->at, both quotes included. */
static int log_key(struct scan *scan, const unsigned char *open, size_t object)
{
	struct key_log *log = scan->log;
	struct key *key;

	if (log->count == log->capacity) {
		size_t capacity = log->capacity ? log->capacity * 2 : 64;
		struct key *items = reallocarray(log->items, capacity, sizeof(*items));

		if (!items)
			return vxe_error_set(scan->err, VXE_EXIT_FAILURE, 0, "out of memory");
		log->items = items;
		log->capacity = capacity;
	}
	key = &log->items[log->count];
	key->object = object;
	key->offset = (size_t)(open - scan->start);
	key->bytes = malloc((size_t)(scan->at - open));
	if (!key->bytes)
		return vxe_error_set(scan->err, VXE_EXIT_FAILURE, 0, "out of memory");
	key->size = decode(open + 1, scan->at - 1, key->bytes);
	log->count++;
	return 0;
}

static int scan_object(struct scan *scan, unsigned int depth)
{
	size_t object = scan->objects++;

	scan->at++;
	skip_space(scan);
	if (next_is(scan, '}'))
		return 0;
	for (;;) {
		const unsigned char *open;

		skip_space(scan);
		open = scan->at;
		if (open == scan->end || *open != '"')
			return fail_unexpected(scan, "a key in double quotes");
		if (scan_string(scan) < 0)
			return -1;
		scan->members++;
		if (scan->log && log_key(scan, open, object) < 0)
			return -1;
		skip_space(scan);
		if (!next_is(scan, ':'))
			return fail_unexpected(scan, "':'");
		if (scan_value(scan, depth) < 0)
			return -1;
		skip_space(scan);
		if (next_is(scan, '}'))
			return 0;
		if (!next_is(scan, ','))
			return fail_unexpected(scan, "',' or '}'");
	}
}

static int scan_value(struct scan *scan, unsigned int depth)
{
	skip_space(scan);
	if (scan->at == scan->end)
		return fail_unexpected(scan, "a value");
	switch (*scan->at) {
	case '{':
	case '[':
		if (depth == VXE_JSON_MAX_DEPTH)
			return fail_at(scan, scan->at, "more than %d levels of nesting", VXE_JSON_MAX_DEPTH);
		return *scan->at == '{' ? scan_object(scan, depth + 1) : scan_array(scan, depth + 1);
	case '"':
		return scan_string(scan);
	case 't':
		return scan_word(scan, "true");
	case 'f':
		return scan_word(scan, "false");
	case 'n':
		return scan_word(scan, "null");
	case '-':
	case '0' ... '9':
		return scan_number(scan);
	default:
		return fail_unexpected(scan, "a value");
	}
}

static int scan_text(struct scan *scan)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";

	if (scan->end - scan->start >= 3 && memcmp(scan->start, byte_order_mark, 3) == 0)
		return fail_at(scan, scan->start, "JSON does not begin with a byte order mark");
	skip_space(scan);
	if (scan->at == scan->end)
		return vxe_error_set(scan->err, VXE_EXIT_FAILURE, 0, "is empty");
	if (scan_value(scan, 0) < 0)
		return -1;
	skip_space(scan);
	if (scan->at != scan->end)
		return fail_unexpected(scan, "the end of the text");
	return 0;
}

int vxe_json_scan(const char *text, size_t size, size_t *members, struct vxe_error **err)
{
	const unsigned char *start = (const unsigned char *)text;
	struct scan scan = {.start = start, .at = start, .end = start + size, .err = err};

	if (size > VXE_JSON_MAX_SIZE)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "is larger than %u MiB", VXE_JSON_MAX_SIZE >> 20);
	if (scan_text(&scan) < 0)
		return -1;
	*members = scan.members;
	return 0;
}

static int compare_keys(const void *left, const void *right)
{
	const struct key *a = left, *b = right;
	int order;

	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	order = memcmp(a->bytes, b->bytes, a->size);
	if (order != 0)
		return order;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int fail_duplicate(struct scan *scan, const struct key *key)
{
	char shown[SHOWN_KEY_MAX + 1];
	size_t length = key->size < SHOWN_KEY_MAX ? key->size : SHOWN_KEY_MAX;

	for (size_t i = 0; i < length; i++)
		shown[i] = key->bytes[i] >= 0x20 && key->bytes[i] < 0x7f ? (char)key->bytes[i] : '?';
	shown[length] = '\0';
	return fail_at(scan, scan->start + key->offset, "duplicate key \"%s\"", shown);
}

int vxe_json_scan_duplicate(const char *text, size_t size, struct vxe_error **err)
{
	const unsigned char *start = (const unsigned char *)text;
	struct key_log log = {0};
	struct scan scan = {.start = start, .at = start, .end = start + size, .log = &log, .err = err};
	const struct key *first = NULL;

	if (scan_text(&scan) == 0) {
		if (log.count > 1)
			qsort(log.items, log.count, sizeof(*log.items), compare_keys);
		for (size_t i = 1; i < log.count; i++) {
			const struct key *a = &log.items[i - 1], *b = &log.items[i];

			if (a->object == b->object && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0 &&
			    (!first || b->offset < first->offset))
				first = b;
		}
		if (first)
			fail_duplicate(&scan, first);
		else
			vxe_error_set(err, VXE_EXIT_FAILURE, 0, "an object has a duplicate key");
	}
	for (size_t i = 0; i < log.count; i++)
		free(log.items[i].bytes);
	free(log.items);
	return -1;
}
