/*
 * What becomes of violations: production refuses and records them, soft performs and records them. A bundle says it in
 * vxe/mode and is in production without; what says neither word is an error, for no mode falls back to permitting.
 */
#ifndef VXE_RUNTIME_MODE_H
#define VXE_RUNTIME_MODE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

enum vxe_mode { VXE_MODE_PRODUCTION, VXE_MODE_SOFT };

const char *vxe_mode_name(enum vxe_mode mode);
/* 0, or -1 where the word is no mode. */
int vxe_mode_parse(const char *word, enum vxe_mode *out);

/* What a file of a mode says: one word, and a line end or none. */
int vxe_mode_parse_file(const char *text, size_t size, enum vxe_mode *out);

#define VXE_WORD_SIZE 16

/* One word in a file that its owner alone may write, and a line end or none. `again` says how it is said again. */
int vxe_word_parse(const char *text, size_t size, char word[VXE_WORD_SIZE]);
int vxe_word_read(int dir_fd, const char *file, const char *again, char word[VXE_WORD_SIZE], bool *found,
		  struct vxe_error **err);
/* Its place among them, or -1. */
int vxe_word_find(const char *word, const char *const *words, size_t count);
int vxe_word_write(int dir_fd, const char *file, const char *word, struct vxe_error **err);

#define VXE_MODE_FILE "vxe/mode"

/* A bundle's (VXE_MODE_FILE), or a running instance's in its state folder ("mode"). *found says whether the file is there. */
int vxe_mode_read(int dir_fd, const char *file, enum vxe_mode *out, bool *found, struct vxe_error **err);
int vxe_mode_write(int dir_fd, const char *file, enum vxe_mode mode, struct vxe_error **err);

#endif
