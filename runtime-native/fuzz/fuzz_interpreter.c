/* The head of a program that is executed: whatever its bytes, what it names is a whole string within bounds, or nothing. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "interpreter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_fd int fd = memfd_create("program", MFD_CLOEXEC);
	char path[PATH_MAX];
	bool script;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	memset(path, 'x', sizeof(path));
	if (vxe_interpreter_read(fd, path, &script) && !memchr(path, 0, sizeof(path)))
		abort();
	return 0;
}
