#include "held.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "file.h"
#include "json.h"
#include "json_node.h"
#include "words.h"

#define HELD_MAX 8192

static const char *const record_names[] = {
	[VXE_OBJECTS_UNRECORDED] = "none", [VXE_OBJECTS_BY_SUPERVISOR] = "supervisor", [VXE_OBJECTS_BY_AUDIT] = "audit"};

bool vxe_held_restart_due(const struct vxe_held *held)
{
	return held->asked != held->calls || held->asked != held->objects;
}

void vxe_held_format(const struct vxe_held *held, struct vxe_json_text *text, const char *key)
{
	vxe_json_text_object_begin(text, key);
	vxe_json_text_string(text, "asked", vxe_mode_name(held->asked));
	vxe_json_text_string(text, "calls", vxe_mode_name(held->calls));
	vxe_json_text_string(text, "objects", vxe_mode_name(held->objects));
	vxe_json_text_bool(text, "restartDue", vxe_held_restart_due(held));
	vxe_json_text_string(text, "objectRecords", record_names[held->records]);
	vxe_json_text_uint(text, "refused", held->refused);
	vxe_json_text_uint(text, "performed", held->performed);
	vxe_json_text_uint(text, "lost", held->lost);
	vxe_json_text_int(text, "lastNs", held->last_ns);
	vxe_json_text_string(text, "last", held->last);
	vxe_json_text_object_end(text);
}

int vxe_held_write(int state_dir_fd, const struct vxe_held *held, struct vxe_error **err)
{
	struct vxe_json_text text = {0};
	int failed;

	vxe_held_format(held, &text, NULL);
	failed = vxe_json_text_finish(&text) < 0
			 ? vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "writing what is held")
			 : vxe_file_replace_at(state_dir_fd, VXE_HELD_FILE, text.data, text.size, 0600, err);
	vxe_json_text_free(&text);
	return failed;
}

static int mode_get(struct json_object *root, const char *key, enum vxe_mode *out, struct vxe_error **err)
{
	cleanup_free char *word = NULL;

	if (vxe_json_get_string(root, "", key, &word, err) < 0)
		return -1;
	if (!word || vxe_mode_parse(word, out) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is no mode", key);
	return 0;
}

/* Where a text that is too long was cut. */
static void half_character_cut(char *text)
{
	const unsigned char *end = (const unsigned char *)text + strlen(text);
	size_t length;

	for (char *p = text; *p; p += length) {
		length = vxe_json_utf8_length((const unsigned char *)p, end);
		if (!length) {
			*p = '\0';
			return;
		}
	}
}

static int held_take(struct json_object *root, struct vxe_held *out, struct vxe_error **err)
{
	cleanup_free char *last = NULL, *records = NULL;

	if (!vxe_json_is_object(root))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "is no object");
	if (mode_get(root, "asked", &out->asked, err) < 0 || mode_get(root, "calls", &out->calls, err) < 0 ||
	    mode_get(root, "objects", &out->objects, err) < 0 ||
	    vxe_json_get_string(root, "", "objectRecords", &records, err) < 0 ||
	    vxe_json_get_uint(root, "", "refused", UINT64_MAX, &out->refused, err) < 0 ||
	    vxe_json_get_uint(root, "", "performed", UINT64_MAX, &out->performed, err) < 0 ||
	    vxe_json_get_uint(root, "", "lost", UINT64_MAX, &out->lost, err) < 0 ||
	    vxe_json_get_int(root, "", "lastNs", 0, INT64_MAX, &out->last_ns, err) < 0 ||
	    vxe_json_get_string(root, "", "last", &last, err) < 0)
		return -1;
	for (size_t i = 0; records && i < sizeof(record_names) / sizeof(*record_names); i++)
		if (!strcmp(records, record_names[i]))
			out->records = (enum vxe_object_records)i;
	vxe_text_copy(out->last, sizeof(out->last), last ? last : "");
	half_character_cut(out->last);
	return 0;
}

int vxe_held_parse(const char *text, size_t size, struct vxe_held *out, struct vxe_error **err)
{
	struct json_object *root = NULL;
	int failed;

	memset(out, 0, sizeof(*out));
	failed = vxe_json_parse(text, size, &root, err) < 0 || held_take(root, out, err) < 0;
	vxe_json_put(&root);
	return failed ? -1 : 0;
}

int vxe_held_read(int state_dir_fd, struct vxe_held *out, bool *found, struct vxe_error **err)
{
	cleanup_error struct vxe_error *failure = NULL;
	cleanup_free char *text = NULL;
	size_t size = 0;

	memset(out, 0, sizeof(*out));
	*found = false;
	if (vxe_file_read_own_at(state_dir_fd, VXE_HELD_FILE, HELD_MAX, &text, &size, &failure) < 0) {
		if (failure && failure->errnum == ENOENT)
			return 0;
		if (err)
			*err = steal_pointer(&failure);
		return -1;
	}
	*found = vxe_held_parse(text, size, out, err) == 0;
	return *found ? 0 : vxe_error_wrap(err, VXE_HELD_FILE);
}

void vxe_held_filter(int state_dir_fd, struct vxe_filter *out)
{
	struct vxe_filter loaded;
	struct stat st;

	vxe_filter_free(out);
	if (fstatat(state_dir_fd, VXE_HELD_FILTER_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    (st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022) ||
	    vxe_filter_load_file(state_dir_fd, VXE_HELD_FILTER_FILE, &loaded, NULL) < 0)
		return;
	*out = loaded;
}

int vxe_held_watch(int state_dir_fd)
{
	cleanup_fd int fd = -1;
	sigset_t set;

	/* Not by inotify, of which a user gets 128 instances as a rule: each instance of ours would be one. */
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || fcntl(state_dir_fd, F_NOTIFY, DN_RENAME | DN_CREATE | DN_MULTISHOT) < 0)
		return -1;
	return steal_fd(&fd);
}

void vxe_held_watch_drain(int watch_fd)
{
	struct signalfd_siginfo info;

	while (read(watch_fd, &info, sizeof(info)) > 0)
		;
}
