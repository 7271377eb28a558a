/* A bundle's compiled filter: what is accepted has the promised shape, and running it ends. */
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is permitted may be, whatever part of the call is known. */
static void may_check(const struct vxe_filter *filter, const struct seccomp_data *call)
{
	uint32_t action = vxe_filter_run(filter, call) & SECCOMP_RET_ACTION_FULL;
	const unsigned char *bytes = (const unsigned char *)call;
	struct vxe_filter_call asked[3] = {{.call = *call}, {.call = *call}, {.call = *call}};

	memset(&asked[0].known, 0xff, sizeof(asked[0].known));
	for (size_t i = 0; i < sizeof(*call); i++)
		((unsigned char *)&asked[2].known)[i] = (unsigned char)(bytes[sizeof(*call) - 1 - i] * 37 + 11);
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++)
		if (!vxe_filter_may_permit(filter, &asked[i], 1) && (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seccomp_data call = {0};
	struct vxe_filter filter = {0};
	struct vxe_error *err = NULL;
	size_t head = size < sizeof(call) ? size : sizeof(call);
	uint8_t *bytes;

	/* The call comes first, the program after it. */
	memcpy(&call, data, head);
	data += head;
	size -= head;
	bytes = malloc(size ? size : 1);
	memcpy(bytes, data, size);
	if (vxe_filter_from_bytes(bytes, size, &filter, &err) == 0) {
		bool notifies = false;

		if (err || !filter.length || filter.length * sizeof(struct sock_filter) != size ||
		    BPF_CLASS(filter.program[filter.length - 1].code) != BPF_RET)
			abort();
		for (unsigned short i = 0; i < filter.length; i++)
			notifies |= filter.program[i].code == (BPF_RET | BPF_K) &&
				    (filter.program[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF;
		/* A notification that nobody expects would be answered by nobody. */
		if (notifies && !filter.notifies)
			abort();
		may_check(&filter, &call);
	} else if (!err || filter.program) {
		abort();
	}
	vxe_filter_free(&filter);
	vxe_error_free(&err);
	free(bytes);
	return 0;
}
