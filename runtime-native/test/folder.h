/* A test's folder, with all that is in it. */
#ifndef VXE_TEST_FOLDER_H
#define VXE_TEST_FOLDER_H

#include <ftw.h>
#include <stdio.h>

static inline int folder_entry_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void folder_remove(const char *path)
{
	nftw(path, folder_entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
