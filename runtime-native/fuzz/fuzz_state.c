/* state.json: what is accepted is written and read back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct vxe_state *state)
{
	struct vxe_state *again = NULL;
	char *first = NULL, *second = NULL, *oci = NULL;

	if (!vxe_state_id_valid(state->id) || !state->bundle || !state->oci_version ||
	    vxe_state_to_json(state, true, &first, NULL) < 0 || vxe_state_to_json(state, false, &oci, NULL) < 0 ||
	    vxe_state_parse(first, strlen(first), &again, NULL) < 0 || vxe_state_to_json(again, true, &second, NULL) < 0 ||
	    strcmp(first, second) != 0)
		abort();
	vxe_state_refresh(again);
	vxe_state_free(&again);
	free(first);
	free(second);
	free(oci);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vxe_state *state = NULL;
	struct vxe_error *err = NULL;
	char *text = malloc(size ? size : 1);

	memcpy(text, data, size);
	if (vxe_state_parse(text, size, &state, &err) == 0)
		check(state);
	else if (!err || state)
		abort();
	vxe_state_free(&state);
	vxe_error_free(&err);
	free(text);
	return 0;
}
