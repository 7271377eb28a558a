#include "interpreter.h"

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* As much as the kernel reads of a program before it knows what it is. */
#define HEAD 256
#define SEGMENTS_MAX 64

static bool read_at(int fd, void *out, size_t size, uint64_t at)
{
	return at <= INT64_MAX - size && pread(fd, out, size, (off_t)at) == (ssize_t)size;
}

static bool script_read(const char *head, size_t size, char out[PATH_MAX])
{
	size_t from = 2, to;

	while (from < size && (head[from] == ' ' || head[from] == '\t'))
		from++;
	for (to = from; to < size && head[to] && !strchr(" \t\n", head[to]); to++)
		;
	/* A name that is cut off is no name. */
	if (to == from || to == HEAD)
		return false;
	memcpy(out, head + from, to - from);
	out[to - from] = '\0';
	return true;
}

static bool segment_read(int fd, uint64_t at, uint64_t size, char out[PATH_MAX])
{
	return size >= 2 && size <= PATH_MAX && read_at(fd, out, size, at) && !out[size - 1];
}

static bool elf64_read(int fd, const char *head, char out[PATH_MAX])
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	memcpy(&header, head, sizeof(header));
	for (size_t i = 0; i < header.e_phnum && i < SEGMENTS_MAX && header.e_phoff < INT64_MAX / 2; i++) {
		if (!read_at(fd, &segment, sizeof(segment), header.e_phoff + i * sizeof(segment)))
			return false;
		if (segment.p_type == PT_INTERP)
			return segment_read(fd, segment.p_offset, segment.p_filesz, out);
	}
	return false;
}

static bool elf32_read(int fd, const char *head, char out[PATH_MAX])
{
	Elf32_Ehdr header;
	Elf32_Phdr segment;

	memcpy(&header, head, sizeof(header));
	for (size_t i = 0; i < header.e_phnum && i < SEGMENTS_MAX; i++) {
		if (!read_at(fd, &segment, sizeof(segment), header.e_phoff + (uint64_t)i * sizeof(segment)))
			return false;
		if (segment.p_type == PT_INTERP)
			return segment_read(fd, segment.p_offset, segment.p_filesz, out);
	}
	return false;
}

bool vxe_interpreter_read(int fd, char out[PATH_MAX], bool *script)
{
	char head[HEAD] = "";
	ssize_t got = pread(fd, head, sizeof(head), 0);

	*script = got > 2 && !memcmp(head, "#!", 2);
	if (*script)
		return script_read(head, (size_t)got, out);
	if (got < (ssize_t)sizeof(Elf32_Ehdr) || memcmp(head, ELFMAG, SELFMAG))
		return false;
	return head[EI_CLASS] == ELFCLASS64 ? elf64_read(fd, head, out) : elf32_read(fd, head, out);
}
