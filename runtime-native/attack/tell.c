#include "tell.h"

#include "json.h"
#include "names.h"

#include <errno.h>
#include <string.h>

#include <linux/capability.h>

const char *vxe_attack_state_name(enum vxe_attack_state state)
{
	switch (state) {
	case VXE_ATTACK_NOT_RUN:
		return "not-run";
	case VXE_ATTACK_RUNNING:
	case VXE_ATTACK_EXECUTING:
	case VXE_ATTACK_DIED:
		return "died";
	case VXE_ATTACK_REFUSED:
		return "refused";
	case VXE_ATTACK_SUCCEEDED:
		return "succeeded";
	case VXE_ATTACK_ABSENT:
		return "absent";
	case VXE_ATTACK_HUNG:
		return "hung";
	}
	return "not-run";
}

static const char *capability_name(int capability)
{
	switch (capability) {
	case CAP_SYS_MODULE:
		return "CAP_SYS_MODULE";
	case CAP_SYS_BOOT:
		return "CAP_SYS_BOOT";
	case CAP_SYS_ADMIN:
		return "CAP_SYS_ADMIN";
	case CAP_SYS_TIME:
		return "CAP_SYS_TIME";
	case CAP_SYS_PACCT:
		return "CAP_SYS_PACCT";
	case CAP_SYS_RAWIO:
		return "CAP_SYS_RAWIO";
	case CAP_SYS_TTY_CONFIG:
		return "CAP_SYS_TTY_CONFIG";
	case CAP_SYS_PTRACE:
		return "CAP_SYS_PTRACE";
	case CAP_SYS_NICE:
		return "CAP_SYS_NICE";
	case CAP_SYSLOG:
		return "CAP_SYSLOG";
	case CAP_SETUID:
		return "CAP_SETUID";
	case CAP_SETGID:
		return "CAP_SETGID";
	case CAP_SETPCAP:
		return "CAP_SETPCAP";
	default:
		return NULL;
	}
}

/* The lines of a text, as an array. */
static void tell_lines(struct vxe_json_text *text, const char *key, const char *lines)
{
	char line[512];

	vxe_json_text_array_begin(text, key);
	while (lines && *lines) {
		size_t length = strcspn(lines, "\n");

		if (length < sizeof(line)) {
			memcpy(line, lines, length);
			line[length] = '\0';
			vxe_json_text_string(text, NULL, line);
		}
		lines += length;
		if (*lines == '\n')
			lines++;
	}
	vxe_json_text_array_end(text);
}

static int put(FILE *out, struct vxe_json_text *text)
{
	int ret = vxe_json_text_finish(text);

	if (ret == 0 && (fwrite(text->data, 1, text->size, out) != text->size || fputc('\n', out) == EOF || fflush(out) != 0))
		ret = -1;
	vxe_json_text_free(text);
	return ret;
}

int vxe_attack_tell_row(FILE *out, const struct vxe_attack_row *row)
{
	struct vxe_json_text text = {0};

	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_string(&text, "name", row->name);
	vxe_json_text_string(&text, "group", row->group);
	vxe_json_text_string(&text, "tries", row->tries);
	vxe_json_text_string(&text, "control", row->control);
	tell_lines(&text, "events", row->events);
	if (capability_name(row->capability))
		vxe_json_text_string(&text, "capability", capability_name(row->capability));
	else
		vxe_json_text_null(&text, "capability");
	vxe_json_text_object_end(&text);
	return put(out, &text);
}

int vxe_attack_tell_result(FILE *out, const struct vxe_attack_row *row, const struct vxe_attack_result *result)
{
	struct vxe_json_text text = {0};
	enum vxe_attack_state state = (enum vxe_attack_state)atomic_load(&result->state);
	const char *errno_name = result->errnum > 0 && state != VXE_ATTACK_SUCCEEDED ? vxe_errno_name(result->errnum) : NULL;

	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_string(&text, "name", row->name);
	vxe_json_text_string(&text, "outcome", vxe_attack_state_name(state));
	if (errno_name)
		vxe_json_text_string(&text, "errno", errno_name);
	else
		vxe_json_text_null(&text, "errno");
	if (result->signal > 0)
		vxe_json_text_int(&text, "signal", result->signal);
	else
		vxe_json_text_null(&text, "signal");
	vxe_json_text_string(&text, "call", result->call);
	vxe_json_text_string(&text, "step", result->step);
	vxe_json_text_string(&text, "detail", result->detail);
	tell_lines(&text, "events", result->events);
	vxe_json_text_bool(&text, "eventsLost", result->events_lost != 0);
	vxe_json_text_bool(&text, "inProcess", result->in_process != 0);
	/* Nanoseconds since 1970 do not fit the numbers of every JSON reader. */
	char stamp[24];
	snprintf(stamp, sizeof(stamp), "%lld", (long long)result->begin_ns);
	vxe_json_text_string(&text, "begin", stamp);
	snprintf(stamp, sizeof(stamp), "%lld", (long long)result->end_ns);
	vxe_json_text_string(&text, "end", stamp);
	vxe_json_text_object_end(&text);
	return put(out, &text);
}
