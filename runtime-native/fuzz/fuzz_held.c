/* held.json: what is accepted is written and read back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "held.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct vxe_held *held)
{
	struct vxe_json_text first = {0}, second = {0};
	struct vxe_held again;

	vxe_held_format(held, &first, NULL);
	if (vxe_json_text_finish(&first) < 0 || vxe_held_parse(first.data, first.size, &again, NULL) < 0)
		abort();
	vxe_held_format(&again, &second, NULL);
	if (vxe_json_text_finish(&second) < 0 || strcmp(first.data, second.data) != 0 ||
	    vxe_held_restart_due(held) != vxe_held_restart_due(&again))
		abort();
	vxe_json_text_free(&first);
	vxe_json_text_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vxe_error *err = NULL;
	struct vxe_held held;
	char *text = malloc(size ? size : 1);

	memcpy(text, data, size);
	if (vxe_held_parse(text, size, &held, &err) == 0)
		check(&held);
	else if (!err)
		abort();
	vxe_error_free(&err);
	free(text);
	return 0;
}
