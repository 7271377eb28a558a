/* Lists of words in one string, parted by spaces, as the annotations have them. */
#ifndef VXE_BASE_WORDS_H
#define VXE_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Is the word, whole, among them? A NULL list has none. */
bool vxe_words_have(const char *words, const char *word);

/* A copy that is cut where it does not fit; always ended. */
void vxe_text_copy(char *out, size_t size, const char *text);

#endif
