/* Whole files by descriptor, and replacement that a crash cannot leave half done. */
#ifndef VXE_BASE_FILE_H
#define VXE_BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/* The file's bytes and a NUL after them (not counted). Regular files, /proc and pipes; more than `max` bytes is an error. */
int vxe_file_read_at(int dirfd, const char *path, size_t max, char **out, size_t *size, struct vxe_error **err);
/* What we have written ourselves: a file, and no link, pipe or device that whoever opens it waits for. */
int vxe_file_read_own_at(int dirfd, const char *path, size_t max, char **out, size_t *size, struct vxe_error **err);
int vxe_file_read_fd(int fd, const char *what, size_t max, char **out, size_t *size, struct vxe_error **err);
/* A file that is small, as most of the kernel's are, with a NUL after it; its size, or -1 with errno: EFBIG where there is no room. */
ssize_t vxe_file_read_small(int dirfd, const char *path, char *out, size_t room);
/* Writes a temporary file beside path and renames it over: readers see the old or the new content, never a part. There is
   no sync: what must outlive a power cut does not belong here. */
int vxe_file_replace_at(int dirfd, const char *path, const char *data, size_t size, mode_t mode, struct vxe_error **err);
/* All of data to fd, through EINTR and short writes. 0 or -1 with errno. */
int vxe_write_all(int fd, const void *data, size_t size);
/* To a socket, with a descriptor that goes with the first byte (-1: none). */
int vxe_send_all(int socket_fd, const void *data, size_t size, int pass_fd);
/* mkdir -p: what is made above the last folder has the mode 0755. path is left as it was. 0 or -1 with errno. */
int vxe_folders_make(char *path, mode_t mode);

#endif
