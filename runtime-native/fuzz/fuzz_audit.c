/* Lines of the kernel's audit stream ("1423 audit(...): ..."): whatever their bytes, an event that is told is whole and within bounds. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ends(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

/* By its number, so that all answers come about. */
static int is_inside(void *data, pid_t pid)
{
	(void)data;
	return pid % 3 - 1;
}

static void told(const struct vxe_audit_event *event)
{
	if (!event->n_refusals || event->n_refusals > VXE_AUDIT_REFUSALS_MAX || !ends(event->comm, sizeof(event->comm)) ||
	    !ends(event->exe, sizeof(event->exe)) || !ends(event->stamp, sizeof(event->stamp)))
		abort();
	for (size_t i = 0; i < event->n_refusals; i++) {
		const struct vxe_audit_refusal *refusal = &event->refusals[i];
		struct vxe_violation violation;

		if (!ends(refusal->path, sizeof(refusal->path)) || !ends(refusal->blockers, sizeof(refusal->blockers)) ||
		    !ends(refusal->address, sizeof(refusal->address)))
			abort();
		vxe_audit_violation(NULL, event, refusal, &violation);
		if (!violation.rule || !violation.at)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vxe_audit audit = {.maker = 7, .is_inside = is_inside};

	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t length = end ? (size_t)(end - data) : size;
		unsigned int type = 0;
		size_t head = 0;

		for (; head < length && head < 4 && data[head] >= '0' && data[head] <= '9'; head++)
			type = type * 10 + (data[head] - '0');
		/* A copy of its own, so that a step beyond it is seen. */
		if (head < length) {
			char *line = malloc(length - head);

			if (!line)
				return 0;
			memcpy(line, data + head + 1, length - head - 1);
			if (vxe_audit_line(&audit, type, line, length - head - 1))
				told(&audit.event);
			free(line);
		}
		data += length + (end != NULL);
		size -= length + (end != NULL);
	}
	vxe_audit_end(&audit);
	return 0;
}
