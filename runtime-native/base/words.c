#include "words.h"

#include <string.h>

#include "json_node.h"

bool vxe_words_have(const char *words, const char *word)
{
	size_t wanted = strlen(word);

	while (words && *words) {
		size_t length = strcspn(words, " ");

		if (length == wanted && !strncmp(words, word, length))
			return true;
		words += length;
		words += strspn(words, " ");
	}
	return false;
}

void vxe_text_copy(char *out, size_t size, const char *text)
{
	size_t length = strnlen(text, size - 1);

	memcpy(out, text, length);
	out[length] = '\0';
}

bool vxe_text_acts(const char *sequence, size_t length)
{
	const unsigned char *p = (const unsigned char *)sequence;

	if (length == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (length == 2)
		return p[0] == 0xc2 && p[1] <= 0x9f;
	return length == 3 && p[0] == 0xe2 &&
	       ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) || (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

void vxe_text_plain(char *text, size_t size, char instead)
{
	for (size_t at = 0, length; at < size; at += length) {
		const unsigned char *p = (const unsigned char *)text + at;

		length = vxe_json_utf8_length(p, (const unsigned char *)text + size);
		if (length && !vxe_text_acts(text + at, length))
			continue;
		if (!length)
			length = 1;
		memset(text + at, instead, length);
	}
}
