/* vxe/judge.json and vxe/after.json: whatever their bytes, they are read into memory of their own or refused, and asking them ends. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "after.h"
#include "judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hooks_try(const char *text, size_t size)
{
	static const struct seccomp_data calls[] = {{.nr = 257, .arch = 0xc000003e, .args = {UINT64_MAX, 1, 2, 3, 4, 5}},
						    {.nr = -1, .arch = 0x40000003}};
	struct vxe_after *after = NULL;

	if (vxe_after_parse(text, size, &after, NULL) == 0) {
		if (!after->n_hooks)
			abort();
		for (size_t i = 0; i < after->n_hooks; i++)
			for (size_t k = 0; k < sizeof(calls) / sizeof(*calls); k++)
				(void)vxe_after_holds(&after->hooks[i], &calls[k]);
	} else if (after) {
		abort();
	}
	vxe_after_free(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t address[4] = {0xfd000000, 0, 0, 1};
	struct vxe_judge *judge = NULL;

	if (vxe_judge_parse((const char *)data, size, &judge, NULL) == 0) {
		const struct vxe_judged_file *file = vxe_judge_file(judge, "/etc/shadow");

		if (file && (!file->name.rule || !file->name.at))
			abort();
		(void)vxe_judge_socket(judge, 6, 10, address, 110);
		(void)vxe_judge_unix(judge, "/run/x");
		(void)vxe_judge_call(judge, "openat");
	} else if (judge) {
		abort();
	}
	vxe_judge_free(&judge);
	hooks_try((const char *)data, size);
	return 0;
}
