#include "memory.h"

#include <string.h>
#include <sys/uio.h>

static ssize_t memory_take(pid_t pid, uint64_t address, void *out, size_t size)
{
	struct iovec local = {out, size}, remote = {(void *)(uintptr_t)address, size};

	return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

int vxe_memory_read(pid_t pid, uint64_t address, void *out, size_t size)
{
	return memory_take(pid, address, out, size) == (ssize_t)size ? 0 : -1;
}

int vxe_memory_write(pid_t pid, uint64_t address, const void *data, size_t size)
{
	struct iovec local = {(void *)(uintptr_t)data, size}, remote = {(void *)(uintptr_t)address, size};

	return process_vm_writev(pid, &local, 1, &remote, 1, 0) == (ssize_t)size ? 0 : -1;
}

/* A string may end just before an unmapped page: read page by page. */
int vxe_memory_string(pid_t pid, uint64_t address, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	while (used + 1 < size) {
		size_t chunk = 4096 - (address + used) % 4096;
		ssize_t got;

		if (chunk > size - 1 - used)
			chunk = size - 1 - used;
		/* Most strings are short. */
		if (used == 0 && chunk > 256)
			chunk = 256;
		got = memory_take(pid, address + used, out + used, chunk);
		if (got <= 0) {
			out[used] = '\0';
			return used ? 0 : -1;
		}
		if (memchr(out + used, '\0', (size_t)got))
			return 1;
		used += (size_t)got;
	}
	out[used] = '\0';
	return 0;
}
