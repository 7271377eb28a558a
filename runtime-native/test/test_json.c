/* The strict reading, the typed getters, and writing that reads back. */
#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "tap.h"

struct row {
	const char *text;
	const char *error; /* NULL: accepted */
};

static const struct row rows[] = {
	{"{}", NULL},
	{"[]", NULL},
	{" \t\r\n{ } \n", NULL},
	{"null", NULL},
	{"true", NULL},
	{"12", NULL},
	{"-0", NULL},
	{"1.5e-3", NULL},
	{"\"\\u00e9\\ud83d\\ude00 \xc3\xa9 \xf0\x9f\x98\x80 \x7f\"", NULL},
	{"{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}}", NULL},
	{"18446744073709551615", NULL},
	{"-9223372036854775808", NULL},
	{"1e308", NULL},
	{"1e-999", NULL},
	/* Structure. */
	{"", "is empty"},
	{" \n ", "is empty"},
	{"{", "line 1, column 2: the text ends where a key in double quotes was expected"},
	{"[1,\n 2", "line 2, column 3: the text ends where ',' or ']' was expected"},
	{"{\"a\"}", "line 1, column 5: found '}' where ':' was expected"},
	{"{\"a\":}", "line 1, column 6: found '}' where a value was expected"},
	{"{\"a\":1,}", "line 1, column 8: found '}' where a key in double quotes was expected"},
	{"[1,]", "line 1, column 4: found ']' where a value was expected"},
	{"[1 2]", "line 1, column 4: found '2' where ',' or ']' was expected"},
	{"{} {}", "line 1, column 4: found '{' where the end of the text was expected"},
	{"{a:1}", "line 1, column 2: found 'a' where a key in double quotes was expected"},
	{"nul", "line 1, column 1: found 'n' where a value was expected"},
	{"// note\n{}", "line 1, column 1: comments are not JSON"},
	{"{}/**/", "line 1, column 3: comments are not JSON"},
	{"\xef\xbb\xbf{}", "line 1, column 1: JSON does not begin with a byte order mark"},
	{"[\x0b]", "line 1, column 2: found byte 0x0b where a value was expected"},
	/* What laxer parsers let through. */
	{"{'a':1}", "line 1, column 2: strings stand in double quotes, not single ones"},
	{"['a']", "line 1, column 2: strings stand in double quotes, not single ones"},
	{"NaN", "line 1, column 1: NaN and Infinity are not JSON"},
	{"[Infinity]", "line 1, column 2: NaN and Infinity are not JSON"},
	{"[-Infinity]", "line 1, column 2: NaN and Infinity are not JSON"},
	{"{\"a\":\"x\ty\"}", "line 1, column 8: raw control character 0x09 in a string"},
	{"\"\n\"", "line 1, column 2: raw control character 0x0a in a string"},
	{"{\"a\":\"/etc\\u0000/x\"}", "line 1, column 11: \\u0000 would cut the string short"},
	{"{\"a\\u0000\":1}", "line 1, column 4: \\u0000 would cut the string short"},
	{"{\"a\":1,\"b\":2,\"a\":3}", "line 1, column 14: duplicate key \"a\""},
	{"{\"a\":1,\n \"\\u0061\":2}", "line 2, column 2: duplicate key \"a\""},
	{"[{\"x\":{\"b\":1,\"c\":1,\"b\":1}},{\"c\":1}]", "line 1, column 20: duplicate key \"b\""},
	{"{\"\":1,\"\":2}", "line 1, column 7: duplicate key \"\""},
	{"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "line 1, column 19: duplicate key \"????\""},
	{"18446744073709551616", "line 1, column 1: the integer does not fit into 64 bits"},
	{"99999999999999999999999999999999999999999", "line 1, column 1: the integer does not fit into 64 bits"},
	{"-9223372036854775809", "line 1, column 2: the integer does not fit into 64 bits"},
	{"1e400", "line 1, column 1: the number 1e400 is too large"},
	{"-1e400", "line 1, column 1: the number -1e400 is too large"},
	{"1.00000000000000000000000000000000000000000000000000000000000000000",
	 "line 1, column 1: the number has more than 64 characters"},
	/* Numbers. */
	{"01", "line 1, column 1: a number does not begin with 0"},
	{"-", "line 1, column 1: found '-' where a number was expected"},
	{"+1", "line 1, column 1: found '+' where a value was expected"},
	{".5", "line 1, column 1: found '.' where a value was expected"},
	{"1.", "line 1, column 3: the text ends where a digit was expected"},
	{"1.e3", "line 1, column 3: found 'e' where a digit was expected"},
	{"1e", "line 1, column 3: the text ends where a digit was expected"},
	{"1e+", "line 1, column 4: the text ends where a digit was expected"},
	{"0x10", "line 1, column 2: found 'x' where the end of the text was expected"},
	/* Strings. */
	{"\"abc", "line 1, column 1: the string is not closed"},
	{"\"abc\\", "line 1, column 5: the string is not closed"},
	{"\"\\x\"", "line 1, column 2: unknown escape sequence in a string"},
	{"\"\\u12g4\"", "line 1, column 2: \\u takes four hexadecimal digits"},
	{"\"\\u12", "line 1, column 2: \\u takes four hexadecimal digits"},
	{"\"\\ud83d\"", "line 1, column 2: half of a surrogate pair"},
	{"\"\\ude00\"", "line 1, column 2: half of a surrogate pair"},
	{"\"\\ud83d\\u0041\"", "line 1, column 2: half of a surrogate pair"},
	{"\"\xff\"", "line 1, column 2: byte 0xff is not UTF-8"},
	{"\"\xc0\xaf\"", "line 1, column 2: byte 0xc0 is not UTF-8"},
	{"\"\xe0\x80\xaf\"", "line 1, column 2: byte 0xe0 is not UTF-8"},
	{"\"\xed\xa0\x80\"", "line 1, column 2: byte 0xed is not UTF-8"},
	{"\"\xf4\x90\x80\x80\"", "line 1, column 2: byte 0xf4 is not UTF-8"},
	{"\"\xf0\x9f\x98\"", "line 1, column 2: byte 0xf0 is not UTF-8"},
	{"\"\xc3", "line 1, column 2: byte 0xc3 is not UTF-8"},
	{"\"\xc3\xa9\" x", "line 1, column 5: found 'x' where the end of the text was expected"},
};

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *value = NULL;
		struct vxe_error *err = NULL;
		/* A copy of the exact size, so that reading one byte too far is seen. */
		size_t size = strlen(rows[i].text);
		char *text = malloc(size ? size : 1);
		int status;

		memcpy(text, rows[i].text, size);
		status = vxe_json_parse(text, size, &value, &err);
		if (rows[i].error)
			ok(status < 0 && err && same_text(err->message, rows[i].error), "refused: %s", rows[i].error);
		else
			ok(status == 0 && !err, "accepted: row %zu%s%s", i, err ? ", but " : "", err ? err->message : "");
		vxe_json_put(&value);
		vxe_error_free(&err);
		free(text);
	}
}

static void test_limits(void)
{
	for (unsigned int depth = VXE_JSON_MAX_DEPTH; depth <= VXE_JSON_MAX_DEPTH + 1; depth++) {
		char text[2 * (VXE_JSON_MAX_DEPTH + 1)];
		struct json_object *value = NULL;
		struct vxe_error *err = NULL;
		int status;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		status = vxe_json_parse(text, (size_t)depth * 2, &value, &err);
		ok(depth <= VXE_JSON_MAX_DEPTH ? status == 0 : status < 0 && strstr(err->message, "32 levels"), "nesting of %u",
		   depth);
		vxe_json_put(&value);
		vxe_error_free(&err);
	}
	for (size_t extra = 0; extra <= 1; extra++) {
		size_t size = VXE_JSON_MAX_SIZE + extra;
		char *text = malloc(size);
		struct json_object *value = NULL;
		struct vxe_error *err = NULL;
		int status;

		memset(text, ' ', size);
		text[0] = '1';
		status = vxe_json_parse(text, size, &value, &err);
		ok(extra ? status < 0 && same_text(err->message, "is larger than 16 MiB") : status == 0, "size %zu", size);
		vxe_json_put(&value);
		vxe_error_free(&err);
		free(text);
	}
	ok(vxe_json_parse("[", 1, &(struct json_object *){NULL}, NULL) < 0, "an error that nobody wants");
	{
		static const char with_nul[] = "{}\0";
		struct json_object *value = NULL;

		ok(vxe_json_parse(with_nul, sizeof(with_nul) - 1, &value, NULL) < 0, "a NUL after the value is no end");
	}
}

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;

	if (vxe_json_parse(text, strlen(text), &value, NULL) < 0)
		abort();
	return value;
}

static void test_getters(void)
{
	struct json_object *root =
		parse("{\"s\":\"text\",\"b\":true,\"i\":-5,\"u\":18446744073709551615,\"d\":1.0,"
		      "\"o\":{\"k\":1},\"a\":[1,\"x\",null,-1],\"n\":null,\"f\":false,\"e\":\"\",\"ea\":[]}");
	struct json_object *value = NULL, *array = NULL;
	struct vxe_error *err = NULL;
	char *string = NULL;
	const char *borrowed = NULL;
	uint64_t number = 7;
	int64_t integer = 7;
	bool flag = false;

	ok(vxe_json_get_string(root, "p", "s", &string, &err) == 1 && same_text(string, "text"), "a string");
	free(string);
	string = NULL;
	ok(vxe_json_get_string(root, "p", "absent", &string, &err) == 0 && !string, "an absent string");
	ok(vxe_json_get_string(root, "p", "n", &string, &err) == 0 && !string, "null counts as absent");
	ok(vxe_json_get_string(NULL, "p", "s", &string, &err) == 0, "no object counts as absent");
	ok(vxe_json_get_string(root, "p", "i", &string, &err) < 0 && same_text(err->message, "p.i: must be a string"),
	   "a number is no string");
	ok(vxe_json_get_bool(root, "p", "b", &flag, &err) == 1 && flag, "a bool");
	ok(vxe_json_get_bool(root, "", "s", &flag, &err) < 0 && same_text(err->message, "s: must be true or false"),
	   "a string is no bool");
	ok(vxe_json_get_int(root, "p", "i", -5, 5, &integer, &err) == 1 && integer == -5, "an integer");
	ok(vxe_json_get_int(root, "p", "i", -4, 5, &integer, &err) < 0 &&
		   same_text(err->message, "p.i: must be an integer from -4 to 5, is -5"),
	   "below the range");
	ok(vxe_json_get_int(root, "p", "u", INT64_MIN, INT64_MAX, &integer, &err) < 0, "beyond int64 is not saturated");
	ok(vxe_json_get_int(root, "p", "d", 0, 5, &integer, &err) < 0 && same_text(err->message, "p.d: must be an integer"),
	   "1.0 is no integer");
	ok(vxe_json_get_uint(root, "p", "u", UINT64_MAX, &number, &err) == 1 && number == UINT64_MAX, "the largest uint64");
	ok(vxe_json_get_uint(root, "p", "u", UINT64_MAX - 1, &number, &err) < 0, "above the range");
	ok(vxe_json_get_uint(root, "p", "i", UINT64_MAX, &number, &err) < 0 &&
		   same_text(err->message, "p.i: must be an integer from 0 to 18446744073709551615, is -5"),
	   "a negative number is no uint");
	ok(vxe_json_get_object(root, "p", "o", &value, &err) == 1 && vxe_json_object_length(value) == 1, "an object");
	ok(vxe_json_get_object(root, "p", "a", &value, &err) < 0 && same_text(err->message, "p.a: must be an object"),
	   "an array is no object");
	ok(vxe_json_get_array(root, "p", "a", &array, &err) == 1 && vxe_json_array_length(array) == 4, "an array");
	ok(vxe_json_get_array(root, "p", "o", &value, &err) < 0 && same_text(err->message, "p.o: must be an array"),
	   "an object is no array");
	ok(vxe_json_uint_value(vxe_json_array_at(array, 0), "a[0]", 1, &number, &err) == 0 && number == 1, "an element");
	ok(vxe_json_uint_value(vxe_json_array_at(array, 3), "a[3]", 9, &number, &err) < 0 &&
		   same_text(err->message, "a[3]: must be an integer from 0 to 9, is -1"),
	   "an element out of range");
	ok(vxe_json_string_value(vxe_json_array_at(array, 1), "a[1]", &borrowed, &err) == 0 && same_text(borrowed, "x"),
	   "a string element");
	ok(vxe_json_string_value(vxe_json_array_at(array, 2), "a[2]", &borrowed, &err) < 0 &&
		   same_text(err->message, "a[2]: must be a string"),
	   "a null element");
	ok(vxe_json_array_at(array, 4) == NULL && vxe_json_array_length(NULL) == 0, "beyond the end of an array");
	for (const char *const *key = (const char *const[]){"f", "e", "ea", NULL}; *key; key++)
		ok(vxe_json_get(root, *key, &value) == 1 && vxe_json_is_empty(value), "\"%s\" says nothing", *key);
	for (const char *const *key = (const char *const[]){"b", "s", "i", "o", "a", NULL}; *key; key++)
		ok(vxe_json_get(root, *key, &value) == 1 && !vxe_json_is_empty(value), "\"%s\" says something", *key);
	vxe_error_free(&err);
	vxe_json_put(&root);
	vxe_json_put(&root);
	ok(!root, "giving back twice");
}

static int stop_at_second(const char *key, struct json_object *value, void *data)
{
	(void)value;
	strcat(data, key);
	return strlen(data) == 2 ? 5 : 0;
}

static void test_each(void)
{
	struct json_object *root = parse("{\"z\":1,\"a\":2,\"m\":3}");
	char seen[8] = "";

	ok(vxe_json_object_each(root, stop_at_second, seen) == 5 && same_text(seen, "za"), "members in order, and a stop");
	ok(vxe_json_object_each(NULL, stop_at_second, seen) == 0, "no object, no members");
	vxe_json_put(&root);
}

static void test_text(void)
{
	struct vxe_json_text text = {0};
	struct json_object *root;
	char *string = NULL;
	uint64_t number = 0;

	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_string(&text, "plain", "a\"b\\c/d\b\f\n\r\t\x01\x7f");
	vxe_json_text_string(&text, "k\ney", "\xc3\xa9\xf0\x9f\x98\x80");
	vxe_json_text_string(&text, "acts",
			     "\xc2\x9b"
			     "1m\xe2\x80\xae\xe2\x81\xa9");
	vxe_json_text_string(&text, "shows", "\xc2\xa0\xe2\x80\xa9\xe2\x81\xa5");
	vxe_json_text_string(&text, "bad",
			     "a\xff"
			     "b\xc0\xaf\xed\xa0\x80\xc3");
	vxe_json_text_uint(&text, "u", UINT64_MAX);
	vxe_json_text_int(&text, "i", INT64_MIN);
	vxe_json_text_wide(&text, "w", -(1LL << 53) + 1);
	vxe_json_text_wide(&text, "x", 1LL << 53);
	vxe_json_text_wide(&text, "y", INT64_MIN);
	vxe_json_text_bool(&text, "t", true);
	vxe_json_text_null(&text, "n");
	vxe_json_text_array_begin(&text, "a");
	vxe_json_text_array_begin(&text, NULL);
	vxe_json_text_array_end(&text);
	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_object_end(&text);
	vxe_json_text_string(&text, NULL, "");
	vxe_json_text_bool(&text, NULL, false);
	vxe_json_text_array_end(&text);
	vxe_json_text_object_end(&text);
	ok(vxe_json_text_finish(&text) == 0 &&
		   same_text(text.data, "{\"plain\":\"a\\\"b\\\\c/d\\b\\f\\n\\r\\t\\u0001\\u007f\","
					"\"k\\ney\":\"\xc3\xa9\xf0\x9f\x98\x80\","
					"\"acts\":\"\\u009b1m\\u202e\\u2069\","
					"\"shows\":\"\xc2\xa0\xe2\x80\xa9\xe2\x81\xa5\","
					"\"bad\":\"a\xef\xbf\xbd"
					"b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
					"\"u\":18446744073709551615,\"i\":-9223372036854775808,"
					"\"w\":-9007199254740991,\"x\":\"9007199254740992\",\"y\":\"-9223372036854775808\","
					"\"t\":true,\"n\":null,"
					"\"a\":[[],{},\"\",false]}"),
	   "everything that can be written");
	root = parse(text.data);
	ok(vxe_json_get_string(root, "", "plain", &string, NULL) == 1 && same_text(string, "a\"b\\c/d\b\f\n\r\t\x01\x7f") &&
		   vxe_json_get_uint(root, "", "u", UINT64_MAX, &number, NULL) == 1 && number == UINT64_MAX,
	   "what is written reads back");
	free(string);
	vxe_json_put(&root);
	vxe_json_text_free(&text);
	ok(!text.data && !text.size, "freed");

	vxe_json_text_array_begin(&text, NULL);
	for (unsigned int i = 0; i < 5000; i++)
		vxe_json_text_uint(&text, NULL, i);
	vxe_json_text_array_end(&text);
	ok(vxe_json_text_finish(&text) == 0 && text.size == strlen(text.data), "it grows");
	root = parse(text.data);
	ok(vxe_json_array_length(root) == 5000, "and is whole");
	vxe_json_put(&root);
	vxe_json_text_free(&text);
	ok(vxe_json_text_finish(&text) == 0 && same_text(text.data, ""), "an empty text");
	vxe_json_text_free(&text);
}

static void test_compact(void)
{
	static const struct {
		const char *text, *wanted;
	} texts[] = {
		{" { \"a b\" :\t[ 1 ,\r\n 2 ] }\n", "{\"a b\":[1,2]}"},
		{"[\"\\\" \", \"\\\\\" , \" \"]", "[\"\\\" \",\"\\\\\",\" \"]"},
		{"  1  ", "1"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char text[64];

		strcpy(text, texts[i].text);
		text[vxe_json_compact(text, strlen(text))] = '\0';
		ok(same_text(text, texts[i].wanted), "without space: %s", texts[i].wanted);
	}
}

/* Texts of all sizes, with more values than their size lets expect and with fewer: those around a bound are stored in another way. */
static void test_sizes(void)
{
	static const char *const values[] = {"0", "\"a string of many bytes, so that there are few values\""};
	int failed = 0;

	for (size_t size = 64; size < 1u << 20; size = size * 5 / 4)
		for (size_t kind = 0; kind < 2; kind++) {
			cleanup_free char *text = malloc(size + 128);
			size_t length = strlen(values[kind]), used = 1, count = 0, right = 0;
			struct json_object *root = NULL;

			text[0] = '[';
			for (; used < size; count++, used += length, text[used++] = ',')
				memcpy(text + used, values[kind], length);
			text[used - 1] = ']';
			if (vxe_json_parse(text, used, &root, NULL) == 0)
				right = vxe_json_array_length(root);
			for (size_t i = 0; right == count && i < count; i += count / 3 + 1)
				right = vxe_json_array_at(root, i) ? right : 0;
			failed += right != count;
			vxe_json_put(&root);
		}
	ok(failed == 0, "texts of all sizes, with many values and few");
}

/* Strings are looked through eight bytes at a time: every byte is written alike at each place among plain ones. */
static void test_places(void)
{
	unsigned int wrong = 0;

	for (unsigned int byte = 1; byte < 256; byte++) {
		struct vxe_json_text alone = {0};
		const char one[] = {(char)byte, '\0'};

		vxe_json_text_string(&alone, NULL, one);
		wrong += vxe_json_text_finish(&alone) < 0;
		for (size_t length = 1; length <= 20; length++) {
			for (size_t at = 0; at < length; at++) {
				struct vxe_json_text text = {0};
				char string[21] = "", expected[64];

				memset(string, 'a', length);
				string[at] = (char)byte;
				snprintf(expected, sizeof(expected), "\"%.*s%.*s%.*s\"", (int)at, string, (int)alone.size - 2,
					 alone.data + 1, (int)(length - at - 1), string + at + 1);
				vxe_json_text_string(&text, NULL, string);
				wrong += vxe_json_text_finish(&text) < 0 || strcmp(text.data, expected) != 0;
				vxe_json_text_free(&text);
			}
		}
		vxe_json_text_free(&alone);
	}
	ok(!wrong, "each byte is written alike at each place of a string: %u are not", wrong);
}

int main(void)
{
	test_places();
	test_sizes();
	test_compact();
	test_rows();
	test_limits();
	test_getters();
	test_each();
	test_text();
	return tap_done();
}
