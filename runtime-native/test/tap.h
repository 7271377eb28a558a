/* The Test Anything Protocol: one line for each check, and the exit status says whether all held. */
#ifndef VXE_TEST_TAP_H
#define VXE_TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tap {
	unsigned int checks, failures;
};

static struct tap tap;

static inline bool tap_check(bool good, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static inline bool tap_check(bool good, const char *file, int line, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", good ? "" : "not ", ++tap.checks);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	if (!good) {
		tap.failures++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

#define ok(good, ...) tap_check((good), __FILE__, __LINE__, __VA_ARGS__)

#define skip(reason, ...)                                                                                                      \
	do {                                                                                                                   \
		printf("ok %u - ", ++tap.checks);                                                                              \
		printf(__VA_ARGS__);                                                                                           \
		printf(" # SKIP %s\n", reason);                                                                                \
	} while (0)

static inline bool same_text(const char *is, const char *wanted)
{
	bool same = is && wanted ? strcmp(is, wanted) == 0 : is == wanted;

	if (!same)
		printf("# is \"%s\", wanted \"%s\"\n", is ? is : "(null)", wanted ? wanted : "(null)");
	return same;
}

/* The value for main to return. */
static inline int tap_done(void)
{
	printf("1..%u\n", tap.checks);
	return tap.failures || !tap.checks ? 1 : 0;
}

#endif
