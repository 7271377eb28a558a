/* Small texts: lists of words, parted by spaces, as the annotations have them; and what may be shown. */
#ifndef VXE_BASE_WORDS_H
#define VXE_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Is the word, whole, among them? A NULL list has none. */
bool vxe_words_have(const char *words, const char *word);

/* A copy that is cut where it does not fit; always ended. */
void vxe_text_copy(char *out, size_t size, const char *text);

/* Does this one character, a whole sequence of UTF-8, do something where it is shown: a control (of C1 too), or a change of direction? */
bool vxe_text_acts(const char *sequence, size_t length);

/* What another has written, made fit for one line of a terminal or a log: what acts there, and what is no UTF-8, becomes `instead`. */
void vxe_text_plain(char *text, size_t size, char instead);

#endif
