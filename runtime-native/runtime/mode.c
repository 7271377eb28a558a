#include "mode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "file.h"
#include "kernel.h"

static const char *const mode_names[] = {[VXE_MODE_PRODUCTION] = "production", [VXE_MODE_SOFT] = "soft"};

const char *vxe_mode_name(enum vxe_mode mode)
{
	return mode_names[mode];
}

int vxe_word_find(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(word, words[i]))
			return (int)i;
	return -1;
}

int vxe_mode_parse(const char *word, enum vxe_mode *out)
{
	int found = vxe_word_find(word, mode_names, sizeof(mode_names) / sizeof(*mode_names));

	if (found >= 0)
		*out = (enum vxe_mode)found;
	return found < 0 ? -1 : 0;
}

int vxe_word_parse(const char *text, size_t size, char word[VXE_WORD_SIZE])
{
	size -= size > 0 && text[size - 1] == '\n';
	/* A zero byte would end the word before the text does. */
	if (size >= VXE_WORD_SIZE || memchr(text, '\0', size))
		return -1;
	memcpy(word, text, size);
	word[size] = '\0';
	return 0;
}

int vxe_mode_parse_file(const char *text, size_t size, enum vxe_mode *out)
{
	char word[VXE_WORD_SIZE];

	return vxe_word_parse(text, size, word) < 0 ? -1 : vxe_mode_parse(word, out);
}

int vxe_word_read(int dir_fd, const char *file, const char *again, char word[VXE_WORD_SIZE], bool *found,
		  struct vxe_error **err)
{
	cleanup_fd int fd = sys_openat2(dir_fd, file, O_RDONLY | O_NONBLOCK, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	cleanup_free char *text = NULL;
	struct stat st;
	size_t size = 0;

	*found = fd >= 0;
	word[0] = '\0';
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "reading %s", file);
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022)) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is not a file that its owner alone may write", file);
		return vxe_error_hint(err, "remove it, and %s", again);
	}
	if (vxe_file_read_fd(fd, file, 64, &text, &size, err) < 0)
		return -1;
	if (vxe_word_parse(text, size, word) == 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s says \"%s\", which is no word of it", file, text);
	return vxe_error_hint(err, "%s", again);
}

int vxe_word_write(int dir_fd, const char *file, const char *word, struct vxe_error **err)
{
	char text[VXE_WORD_SIZE + 1];
	int length = snprintf(text, sizeof(text), "%s\n", word);

	return vxe_file_replace_at(dir_fd, file, text, (size_t)length, 0644, err);
}

int vxe_mode_read(int dir_fd, const char *file, enum vxe_mode *out, bool *found, struct vxe_error **err)
{
	static const char again[] = "say it again: vxe mode NAME soft|production";
	char word[VXE_WORD_SIZE];

	*out = VXE_MODE_PRODUCTION;
	if (vxe_word_read(dir_fd, file, again, word, found, err) < 0)
		return -1;
	if (!*found || vxe_mode_parse(word, out) == 0)
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s says \"%s\", which is no mode", file, word);
	return vxe_error_hint(err, again);
}

int vxe_mode_write(int dir_fd, const char *file, enum vxe_mode mode, struct vxe_error **err)
{
	return vxe_word_write(dir_fd, file, mode_names[mode], err);
}
