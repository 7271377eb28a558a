#include "words.h"

#include <string.h>

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
