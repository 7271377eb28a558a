/*
 * What a program linked with musl has besides, so that it is as hard as one linked with glibc: the calls that the compiler makes of
 * those in fortify.h, some of which libseccomp's archive makes too, and relocated data that cannot be written once it is.
 */
#include <elf.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#undef memcpy
#undef memmove
#undef memset
#undef strcpy
#undef strcat
#undef snprintf
#undef vsnprintf

/* The compiler's, which knows them without a declaration. */
void *__memcpy_chk(void *to, const void *from, size_t size, size_t room);
void *__memmove_chk(void *to, const void *from, size_t size, size_t room);
void *__memset_chk(void *to, int byte, size_t size, size_t room);
char *__strcpy_chk(char *to, const char *from, size_t room);
char *__strcat_chk(char *to, const char *from, size_t room);
int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...) __attribute__((format(printf, 5, 6)));
int __vsnprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, va_list list)
	__attribute__((format(printf, 5, 0)));
int __fprintf_chk(FILE *file, int flag, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void need(size_t size, size_t room)
{
	if (size > room)
		__builtin_trap();
}

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room)
{
	need(size, room);
	return memcpy(to, from, size);
}

void *__memmove_chk(void *to, const void *from, size_t size, size_t room)
{
	need(size, room);
	return memmove(to, from, size);
}

void *__memset_chk(void *to, int byte, size_t size, size_t room)
{
	need(size, room);
	return memset(to, byte, size);
}

char *__strcpy_chk(char *to, const char *from, size_t room)
{
	size_t size = strlen(from) + 1;

	need(size, room);
	return memcpy(to, from, size);
}

char *__strcat_chk(char *to, const char *from, size_t room)
{
	size_t used = strlen(to), size = strlen(from) + 1;

	need(size, used < room ? room - used : 0);
	memcpy(to + used, from, size);
	return to;
}

int __vsnprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, va_list list)
{
	(void)flag;
	need(size, room);
	return vsnprintf(to, size, format, list);
}

int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...)
{
	va_list list;
	int length;

	va_start(list, format);
	length = __vsnprintf_chk(to, size, flag, room, format, list);
	va_end(list);
	return length;
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
	va_list list;
	int length;

	(void)flag;
	va_start(list, format);
	length = vfprintf(file, format, list);
	va_end(list);
	return length;
}

/* musl's start of a static program relocates it and leaves PT_GNU_RELRO as it is. */
static __attribute__((constructor)) void relro_protect(void)
{
	const Elf64_Phdr *header = (const Elf64_Phdr *)getauxval(AT_PHDR);
	size_t count = getauxval(AT_PHNUM), page = getauxval(AT_PAGESZ);
	uintptr_t base = 0;

	for (size_t i = 0; i < count; i++)
		if (header[i].p_type == PT_PHDR)
			base = (uintptr_t)header - header[i].p_vaddr;
	/* Without PT_PHDR, which only interpreters need, the headers are where the file begins. */
	if (!base)
		base = (uintptr_t)header & ~(page - 1);
	for (size_t i = 0; i < count; i++) {
		uintptr_t begin = base + header[i].p_vaddr, end = (begin + header[i].p_memsz) & ~(page - 1);

		begin &= ~(page - 1);
		if (header[i].p_type == PT_GNU_RELRO && end > begin && mprotect((void *)begin, end - begin, PROT_READ) < 0) {
			static const char told[] = "vxe: there is no memory to make its own data read-only\n";

			(void)!write(2, told, sizeof(told) - 1);
			_exit(1);
		}
	}
}
