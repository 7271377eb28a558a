/* Lists of words in one string, parted by spaces, as the annotations have them. */
#ifndef VXE_BASE_WORDS_H
#define VXE_BASE_WORDS_H

#include <stdbool.h>

/* Is the word, whole, among them? A NULL list has none. */
bool vxe_words_have(const char *words, const char *word);

#endif
