#include "audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A field's text between its quotes, or as it stands: the kernel writes what has odd bytes in it in hexadecimal, without quotes. */
struct field {
	const char *text;
	size_t size;
	bool quoted;
};

/* Finds " KEY=" outside of quotes. The first one counts: what a process calls itself comes later, or in quotes. */
static bool field_find(const char *text, size_t size, const char *key, struct field *out)
{
	size_t length = strlen(key);

	for (size_t at = 0; at < size;) {
		size_t from, equals;

		while (at < size && text[at] == ' ')
			at++;
		for (equals = at; equals < size && text[equals] != '=' && text[equals] != ' '; equals++)
			;
		from = equals + 1;
		if (equals >= size || text[equals] != '=') {
			at = from;
			continue;
		}
		out->quoted = from < size && text[from] == '"';
		out->text = text + from + out->quoted;
		for (from += out->quoted; from < size && text[from] != (out->quoted ? '"' : ' '); from++)
			;
		out->size = (size_t)(text + from - out->text);
		if (equals - at == length && !memcmp(text + at, key, length))
			return true;
		at = from + out->quoted;
	}
	return false;
}

static bool number_get(const char *text, size_t size, const char *key, int base, uint64_t *out)
{
	struct field field;
	char digits[32], *end;

	if (!field_find(text, size, key, &field) || !field.size || field.size >= sizeof(digits))
		return false;
	memcpy(digits, field.text, field.size);
	digits[field.size] = '\0';
	*out = strtoull(digits, &end, base);
	return !*end;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* As much as there is room for. */
static bool text_get(const char *text, size_t size, const char *key, char *out, size_t room)
{
	struct field field;
	size_t used = 0;

	out[0] = '\0';
	if (!field_find(text, size, key, &field))
		return false;
	for (size_t i = 0; i < field.size && used + 1 < room; i++) {
		int high = field.quoted ? -1 : hex_digit(field.text[i]);
		int low = high < 0 || i + 1 >= field.size ? -1 : hex_digit(field.text[i + 1]);

		out[used++] = low < 0 ? field.text[i] : (char)(high << 4 | low);
		i += low >= 0;
	}
	out[used] = '\0';
	return true;
}

/* A word of the kernel's own, which is never in hexadecimal: digits of an address are digits. */
static bool word_get(const char *text, size_t size, const char *key, char *out, size_t room)
{
	struct field field;

	out[0] = '\0';
	if (!field_find(text, size, key, &field) || field.size >= room)
		return false;
	memcpy(out, field.text, field.size);
	out[field.size] = '\0';
	return true;
}

static bool is_others(const struct vxe_audit *audit, uint64_t domain)
{
	if (audit->domain)
		return domain != audit->domain;
	for (size_t i = 0; i < audit->n_others && i < VXE_AUDIT_OTHERS_MAX; i++)
		if (audit->others[i] == domain)
			return true;
	return false;
}

static void refusal_read(struct vxe_audit_event *event, const char *text, size_t size)
{
	struct vxe_audit_refusal *refusal = &event->refusals[event->n_refusals];
	uint64_t domain = 0, port;

	if (event->n_refusals == VXE_AUDIT_REFUSALS_MAX || !number_get(text, size, "domain", 16, &domain) || !domain ||
	    (event->n_refusals && domain != event->domain))
		return;
	memset(refusal, 0, sizeof(*refusal));
	if (!word_get(text, size, "blockers", refusal->blockers, sizeof(refusal->blockers)))
		return;
	event->domain = domain;
	refusal->port = number_get(text, size, "dest", 10, &port) || number_get(text, size, "src", 10, &port)
				? (int)(port & 0xffff)
				: -1;
	if (!word_get(text, size, "daddr", refusal->address, sizeof(refusal->address)))
		(void)word_get(text, size, "saddr", refusal->address, sizeof(refusal->address));
	(void)text_get(text, size, "path", refusal->path, sizeof(refusal->path));
	event->n_refusals++;
}

static void domain_read(struct vxe_audit *audit, const char *text, size_t size)
{
	char status[16], exe[256];
	uint64_t domain, pid;

	if (audit->domain || !number_get(text, size, "domain", 16, &domain) || !number_get(text, size, "pid", 10, &pid) ||
	    !word_get(text, size, "status", status, sizeof(status)) || strcmp(status, "allocated"))
		return;
	if ((pid_t)pid == audit->maker &&
	    (!audit->exe || (text_get(text, size, "exe", exe, sizeof(exe)) && !strcmp(exe, audit->exe))))
		audit->domain = domain;
	else if (!is_others(audit, domain))
		audit->others[audit->n_others++ % VXE_AUDIT_OTHERS_MAX] = domain;
}

static void call_read(struct vxe_audit_event *event, const char *text, size_t size)
{
	static const char *const names[] = {"a0", "a1", "a2", "a3"};
	char result[16];
	uint64_t arch, nr, pid;

	if (!number_get(text, size, "arch", 16, &arch) || !number_get(text, size, "syscall", 10, &nr) ||
	    !number_get(text, size, "pid", 10, &pid) || !word_get(text, size, "exit", result, sizeof(result)))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!number_get(text, size, names[i], 16, &event->args[i]))
			return;
	event->arch = (uint32_t)arch;
	event->nr = (int)nr;
	event->pid = (pid_t)pid;
	event->errnum = result[0] == '-' ? (int)(strtoul(result + 1, NULL, 10) & 0xfff) : 0;
	(void)text_get(text, size, "comm", event->comm, sizeof(event->comm));
	(void)text_get(text, size, "exe", event->exe, sizeof(event->exe));
	event->has_call = true;
}

/* "audit(1795656074.640:47): ", of which the part in parentheses is the event's. */
static const char *stamp_take(const char *text, size_t size, char stamp[48])
{
	static const char head[] = "audit(";
	const char *end;

	if (size < sizeof(head) || memcmp(text, head, sizeof(head) - 1))
		return NULL;
	end = memchr(text, ')', size);
	if (!end || (size_t)(end - text) - (sizeof(head) - 1) >= 48 || end + 2 > text + size || end[1] != ':')
		return NULL;
	memcpy(stamp, text + sizeof(head) - 1, (size_t)(end - text) - (sizeof(head) - 1));
	stamp[(size_t)(end - text) - (sizeof(head) - 1)] = '\0';
	return end + 2;
}

/* Whose domain it is, nobody has told: by the process. */
static bool attributed(struct vxe_audit *audit, const struct vxe_audit_event *event)
{
	int inside;

	if (audit->domain)
		return true;
	inside = event->has_call && audit->is_inside ? audit->is_inside(audit->data, event->pid) : -1;
	if (inside < 0)
		audit->unattributed += event->n_refusals;
	return inside > 0;
}

/* It is not ended any more. */
static void given_up(struct vxe_audit *audit, struct vxe_audit_event *event)
{
	if (event->n_refusals && !is_others(audit, event->domain) && attributed(audit, event))
		audit->unattributed += event->n_refusals;
	memset(event, 0, sizeof(*event));
}

static bool ended(struct vxe_audit *audit, struct vxe_audit_event *event)
{
	bool whole = event->n_refusals && event->has_call && !is_others(audit, event->domain) && attributed(audit, event);

	if (!whole && !event->has_call) {
		given_up(audit, event);
		return false;
	}
	if (whole)
		audit->event = *event;
	memset(event, 0, sizeof(*event));
	return whole;
}

/* The event of the stamp; NULL: it has not begun. */
static struct vxe_audit_event *event_find(struct vxe_audit *audit, const char *stamp)
{
	for (size_t i = 0; audit->open && i < VXE_AUDIT_EVENTS_MAX; i++)
		if (!strcmp(audit->open[i].stamp, stamp))
			return &audit->open[i];
	return NULL;
}

/* In place of the one that has waited longest. NULL: no memory. */
static struct vxe_audit_event *event_begin(struct vxe_audit *audit, const char *stamp)
{
	struct vxe_audit_event *event;

	if (!audit->open)
		audit->open = calloc(VXE_AUDIT_EVENTS_MAX, sizeof(*audit->open));
	if (!audit->open) {
		audit->unattributed++;
		return NULL;
	}
	event = &audit->open[0];
	for (size_t i = 1; i < VXE_AUDIT_EVENTS_MAX; i++)
		if (audit->open[i].begun < event->begun)
			event = &audit->open[i];
	given_up(audit, event);
	strcpy(event->stamp, stamp);
	event->begun = ++audit->begun;
	return event;
}

bool vxe_audit_line(struct vxe_audit *audit, unsigned int type, const char *text, size_t size)
{
	char stamp[48];
	const char *rest = stamp_take(text, size, stamp);
	struct vxe_audit_event *event;

	if (!rest || !stamp[0])
		return false;
	size -= (size_t)(rest - text);
	if (type == VXE_AUDIT_LANDLOCK_DOMAIN) {
		domain_read(audit, rest, size);
		return false;
	}
	event = event_find(audit, stamp);
	/* Most of what is audited is no refusal by Landlock, which comes before the other lines of its event. */
	if (!event && type == VXE_AUDIT_LANDLOCK_ACCESS)
		event = event_begin(audit, stamp);
	if (!event)
		return false;
	if (type == VXE_AUDIT_LANDLOCK_ACCESS)
		refusal_read(event, rest, size);
	else if (type == VXE_AUDIT_SYSCALL)
		call_read(event, rest, size);
	return type == VXE_AUDIT_END && ended(audit, event);
}

void vxe_audit_end(struct vxe_audit *audit)
{
	for (size_t i = 0; audit->open && i < VXE_AUDIT_EVENTS_MAX; i++)
		given_up(audit, &audit->open[i]);
	free(audit->open);
	audit->open = NULL;
}
