/*
 * A fuzz target without a fuzzer: gives every file of its corpus to LLVMFuzzerTestOneInput, under the sanitizers, and prints TAP. What a
 * fuzzer once found stays found. The program's name, replay_NAME, tells the corpus.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	size_t size;

	if (!file)
		return -1;
	data = malloc(INPUT_MAX);
	if (!data) {
		fclose(file);
		return -1;
	}
	size = fread(data, 1, INPUT_MAX, file);
	fclose(file);
	/* To the byte, so that the sanitizer sees a read behind the end. */
	if (size > 0) {
		uint8_t *exact = realloc(data, size);

		data = exact ? exact : data;
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
	struct dirent **entries = NULL;
	char folder[512], path[1024];
	int count, failures = 0;

	name = name ? name + 1 : argv[0];
	if (strncmp(name, "replay_", 7) != 0) {
		fprintf(stderr, "replay: %s is not called replay_NAME\n", name);
		return 2;
	}
	snprintf(folder, sizeof(folder), "runtime-native/fuzz/corpus/%s", name + 7);
	count = scandir(folder, &entries, is_input, alphasort);
	if (count <= 0) {
		printf("1..0 # skip %s holds no input\n", folder);
		return 0;
	}
	for (int i = 0; i < count; i++) {
		int length = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);

		/* Printed before, so that a crash tells which input it was. */
		printf("# %s\n", path);
		fflush(stdout);
		if (length < 0 || (size_t)length >= sizeof(path) || replay_file(path) < 0) {
			printf("not ok %d - %s: %s\n", i + 1, entries[i]->d_name, strerror(errno));
			failures++;
		} else {
			printf("ok %d - %s %s\n", i + 1, name, entries[i]->d_name);
		}
		free(entries[i]);
	}
	free(entries);
	printf("1..%d\n", count);
	return failures > 0;
}
