/* vxe/judge.json: whatever its bytes, it is read into memory of its own or refused, and looking things up in it ends. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	return 0;
}
