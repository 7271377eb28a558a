/* A container's passwd file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "home.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of its own size, so that a byte too far is seen. */
	char *text = malloc(size ? size : 1);

	memcpy(text, data, size);
	for (uid_t uid = 0; uid < 3; uid++) {
		char *home = vxe_home_in(text, size, uid);

		if (home && (*home != '/' || strlen(home) > size))
			abort();
		free(home);
	}
	free(text);
	return 0;
}
