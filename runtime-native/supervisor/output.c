#include "output.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

#define OUTPUT_FILE "output.log"
#define OUTPUT_FILE_OLD "output.log.1"
#define OUTPUT_MAX_SIZE (16 << 20)

int vxe_output_open(int log_dir_fd)
{
	return openat(log_dir_fd, OUTPUT_FILE, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

void vxe_output_append(int log_dir_fd, int *fd, const char *text, size_t size)
{
	struct stat st;

	if (*fd < 0)
		return;
	if (fstat(*fd, &st) == 0 && st.st_size + (off_t)size > OUTPUT_MAX_SIZE &&
	    renameat(log_dir_fd, OUTPUT_FILE, log_dir_fd, OUTPUT_FILE_OLD) == 0) {
		int fresh = vxe_output_open(log_dir_fd);

		if (fresh >= 0) {
			close(*fd);
			*fd = fresh;
		}
	}
	(void)vxe_write_all(*fd, text, size);
}
