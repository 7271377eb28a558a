/* The file of a mode: what is taken is one of the two words and nothing else. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum vxe_mode mode = VXE_MODE_PRODUCTION;
	char *text = malloc(size ? size : 1);

	memcpy(text, data, size);
	if (vxe_mode_parse_file(text, size, &mode) == 0) {
		const char *name = vxe_mode_name(mode);
		size_t length = strlen(name);

		if (size < length || size > length + 1 || memcmp(text, name, length) != 0 ||
		    (size > length && text[length] != '\n'))
			abort();
	} else if (mode != VXE_MODE_PRODUCTION) {
		abort();
	}
	free(text);
	return 0;
}
