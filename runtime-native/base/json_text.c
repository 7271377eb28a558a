/* The writing half of json.h. */
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"
#include "json_node.h"
#include "words.h"

/* Makes room; false: there is none, or there was none before. */
static bool room_make(struct vxe_json_text *text, size_t size)
{
	size_t capacity = text->capacity ? text->capacity : 512;
	char *grown;

	if (text->failed)
		return false;
	while (size >= capacity - text->size) {
		if (__builtin_mul_overflow(capacity, (size_t)2, &capacity)) {
			text->failed = true;
			return false;
		}
	}
	grown = realloc(text->data, capacity);
	if (!grown) {
		text->failed = true;
		return false;
	}
	text->data = grown;
	text->capacity = capacity;
	return true;
}

/* One byte is always kept for the final NUL. Nearly always there is room, and what is written is small. */
static inline bool room(struct vxe_json_text *text, size_t size)
{
	return text->capacity - text->size > size || room_make(text, size);
}

static inline void append(struct vxe_json_text *text, const char *data, size_t size)
{
	if (!room(text, size))
		return;
	memcpy(text->data + text->size, data, size);
	text->size += size;
}

static inline void append_byte(struct vxe_json_text *text, char byte)
{
	if (room(text, 1))
		text->data[text->size++] = byte;
}

/* One character of at most three bytes. */
static void append_escaped(struct vxe_json_text *text, const unsigned char *p, size_t length)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *found = length == 1 ? strchr(plain, *p) : NULL;
	unsigned int code = length == 1	  ? p[0]
			    : length == 2 ? (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU)
					  : (p[0] & 0xfU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
	char escape[12];

	if (found)
		snprintf(escape, sizeof(escape), "\\%c", letters[found - plain]);
	else
		snprintf(escape, sizeof(escape), "\\u%04x", code);
	append(text, escape, strlen(escape));
}

/* What stands for itself: of ASCII all that shows, but for the quote and what escapes it. */
static inline bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

#define EACH_BYTE(value) ((uint64_t)(value)*0x0101010101010101ULL)

/* Some byte of these eight is zero. */
static inline uint64_t has_zero(uint64_t word)
{
	return (word - EACH_BYTE(1)) & ~word & EACH_BYTE(0x80);
}

/* What follows that stands for itself, eight bytes at a time while there are so many: most strings are plain from end to end. */
static inline const unsigned char *plain_end(const unsigned char *p, const unsigned char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t word, below_space;

		memcpy(&word, p, sizeof(word));
		below_space = (word - EACH_BYTE(0x20)) & ~word & EACH_BYTE(0x80);
		if ((word & EACH_BYTE(0x80)) | below_space | has_zero(word ^ EACH_BYTE('"')) |
		    has_zero(word ^ EACH_BYTE('\\')) | has_zero(word ^ EACH_BYTE(0x7f)))
			break;
	}
	while (p < end && is_plain(*p))
		p++;
	return p;
}

static void append_string(struct vxe_json_text *text, const char *value)
{
	const unsigned char *p = (const unsigned char *)value, *first = p, *end = p + strlen(value);

	append_byte(text, '"');
	while ((p = plain_end(p, end)) < end) {
		size_t length;
		bool escaped;

		length = vxe_json_utf8_length(p, end);
		/* Documents are shown on terminals as they are. */
		escaped = length > 0 && (*p == '"' || *p == '\\' || vxe_text_acts((const char *)p, length));
		if (length > 0 && !escaped) {
			p += length;
			continue;
		}
		append(text, (const char *)first, (size_t)(p - first));
		if (escaped)
			append_escaped(text, p, length);
		else
			append(text, "\xef\xbf\xbd", 3);
		p += length ? length : 1;
		first = p;
	}
	append(text, (const char *)first, (size_t)(p - first));
	append_byte(text, '"');
}

static void begin_value(struct vxe_json_text *text, const char *key)
{
	if (text->need_comma)
		append_byte(text, ',');
	text->need_comma = true;
	if (key) {
		append_string(text, key);
		append_byte(text, ':');
	}
}

static void open_bracket(struct vxe_json_text *text, const char *key, char bracket)
{
	begin_value(text, key);
	append_byte(text, bracket);
	text->need_comma = false;
}

static void close_bracket(struct vxe_json_text *text, char bracket)
{
	append_byte(text, bracket);
	text->need_comma = true;
}

void vxe_json_text_object_begin(struct vxe_json_text *text, const char *key)
{
	open_bracket(text, key, '{');
}

void vxe_json_text_object_end(struct vxe_json_text *text)
{
	close_bracket(text, '}');
}

void vxe_json_text_array_begin(struct vxe_json_text *text, const char *key)
{
	open_bracket(text, key, '[');
}

void vxe_json_text_array_end(struct vxe_json_text *text)
{
	close_bracket(text, ']');
}

void vxe_json_text_string(struct vxe_json_text *text, const char *key, const char *value)
{
	begin_value(text, key);
	append_string(text, value);
}

void vxe_json_text_uint(struct vxe_json_text *text, const char *key, uint64_t value)
{
	char digits[VXE_DIGITS];

	begin_value(text, key);
	append(text, digits, vxe_digits_decimal(value, digits));
}

void vxe_json_text_int(struct vxe_json_text *text, const char *key, int64_t value)
{
	char digits[VXE_DIGITS];

	begin_value(text, key);
	if (value < 0)
		append_byte(text, '-');
	append(text, digits, vxe_digits_decimal(value < 0 ? -(uint64_t)value : (uint64_t)value, digits));
}

void vxe_json_text_wide(struct vxe_json_text *text, const char *key, int64_t value)
{
	const int64_t most = (1LL << 53) - 1;
	char digits[32];

	if (value >= -most && value <= most) {
		vxe_json_text_int(text, key, value);
		return;
	}
	snprintf(digits, sizeof(digits), "%" PRId64, value);
	vxe_json_text_string(text, key, digits);
}

void vxe_json_text_bool(struct vxe_json_text *text, const char *key, bool value)
{
	begin_value(text, key);
	append(text, value ? "true" : "false", value ? 4 : 5);
}

void vxe_json_text_null(struct vxe_json_text *text, const char *key)
{
	begin_value(text, key);
	append(text, "null", 4);
}

int vxe_json_text_finish(struct vxe_json_text *text)
{
	(void)room(text, 0);
	if (text->failed) {
		errno = ENOMEM;
		return -1;
	}
	text->data[text->size] = '\0';
	return 0;
}

void vxe_json_text_free(struct vxe_json_text *text)
{
	free(text->data);
	*text = (struct vxe_json_text){0};
}

size_t vxe_json_compact(char *text, size_t size)
{
	bool in_string = false;
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		if (!in_string && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r'))
			continue;
		if (in_string && text[i] == '\\' && i + 1 < size) {
			/* What is escaped ends no string. */
			text[used++] = text[i++];
		} else if (text[i] == '"') {
			in_string = !in_string;
		}
		text[used++] = text[i];
	}
	return used;
}
