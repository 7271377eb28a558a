#include "journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cleanup.h"
#include "judge.h"
#include "names.h"
#include "words.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
/* Of every violation record (sd-id128). */
#define MESSAGE_ID "5c4f0d3f3a6b4c1e9d8a7f2b6e1c0a95"

int vxe_journal_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *given = getenv("VXE_JOURNAL");
	cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", given && *given ? given : JOURNAL_SOCKET) >=
	    (int)sizeof(address.sun_path))
		return -1;
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return steal_fd(&fd);
}

struct entry {
	char data[4096];
	size_t used;
};

/* What the caller chose may hold a line end, which would forge a field: it becomes a space. */
static void field(struct entry *entry, const char *name, const char *value)
{
	size_t start;
	int written;

	if (!value[0])
		return;
	start = entry->used + strlen(name) + 1;
	written = snprintf(entry->data + entry->used, sizeof(entry->data) - entry->used, "%s=%s\n", name, value);
	if (written < 0 || (size_t)written >= sizeof(entry->data) - entry->used)
		return;
	entry->used += (size_t)written;
	vxe_text_plain(entry->data + start, entry->used - start - 1, ' ');
}

static void number(struct entry *entry, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	field(entry, name, text);
}

void vxe_journal_send(const struct vxe_record_log *log, const struct vxe_violation *v, const char *call, uint64_t count)
{
	struct entry entry = {.used = 0};
	char text[1024], own[96], times[48] = "", needs[64];
	const char *object = v->path[0] ? v->path : v->address;
	/* Notice what is performed, warn of what is not. */
	static const char *const said[] = {"refused:", "performed in soft mode:", "after the call:", "not told after calls:"},
				 *const priorities[] = {"4", "5", "6", "4"};

	if (log->journal_fd < 0)
		return;
	if (count > 1)
		snprintf(times, sizeof(times), ", %" PRIu64 " times", count);
	snprintf(own, sizeof(own), "calls:%s", call);
	snprintf(text, sizeof(text), "%s: %s %s%s%s by %s%s", log->instance, said[v->verdict], call, object[0] ? " " : "",
		 object, v->rule ? v->rule : own, times);
	vxe_access_words(v->needs, needs, sizeof(needs));
	field(&entry, "MESSAGE", text);
	field(&entry, "MESSAGE_ID", MESSAGE_ID);
	field(&entry, "PRIORITY", priorities[v->verdict]);
	field(&entry, "SYSLOG_IDENTIFIER", "vxe");
	field(&entry, "VXE_INSTANCE", log->instance);
	field(&entry, "VXE_PROFILE", log->profile);
	/* Hooks are told in any. */
	if (log->of == VXE_RECORDS_OF_VIOLATIONS)
		field(&entry, "VXE_MODE", vxe_mode_name(log->mode));
	field(&entry, "VXE_RULE", v->rule ? v->rule : own);
	field(&entry, "VXE_CALL", call);
	field(&entry, "VXE_DETAIL", v->detail);
	field(&entry, "VXE_PATH", v->path);
	field(&entry, "VXE_ADDRESS", v->address);
	field(&entry, "VXE_NEEDS", needs);
	field(&entry, "VXE_VERDICT", vxe_verdict_word(v->verdict));
	if (v->verdict == VXE_TOLD) {
		snprintf(text, sizeof(text), "%" PRId64, v->result);
		field(&entry, "VXE_RESULT", text);
	}
	if (v->errnum)
		field(&entry, "VXE_ERRNO", vxe_errno_name(v->errnum) ? vxe_errno_name(v->errnum) : "");
	field(&entry, "VXE_MECHANISM", v->mechanism ? v->mechanism : "seccomp");
	field(&entry, "VXE_COMM", v->comm);
	field(&entry, "VXE_EXE", v->exe);
	number(&entry, "VXE_PID", (uint64_t)v->pid);
	number(&entry, "VXE_COUNT", count);
	(void)send(log->journal_fd, entry.data, entry.used, MSG_NOSIGNAL | MSG_DONTWAIT);
}
