/* The hardening of a program linked with musl: each write too long ends the process that makes it, one that fits does not. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static char small[8];
static volatile size_t fits = 8, exceeds = 9;
static const char source[16] = "0123456789";

enum act { COPY, MOVE, SET, PRINT, READ, STRING, APPEND, ACTS };
static const char *const names[] = {"memcpy", "memmove", "memset", "snprintf", "read", "strcpy", "strcat"};

static void act(enum act which, size_t size)
{
	char text[16];

	memset(text, 'x', sizeof(text));
	text[size - 1] = '\0';
	switch (which) {
	case COPY:
		memcpy(small, source, size);
		break;
	case MOVE:
		memmove(small, source, size);
		break;
	case SET:
		memset(small, 1, size);
		break;
	case PRINT:
		snprintf(small, size, "%d", (int)size);
		break;
	case READ:
		/* None is open there. */
		if (read(-1, small, size) < 0)
			_exit(0);
		break;
	case STRING:
		strcpy(small, text);
		break;
	default:
		small[0] = '\0';
		strcat(small, text);
	}
}

/* The signal that ends a child that does it; 0: none. */
static int ends_by(enum act which, size_t size)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		act(which, size);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static int write_relocated(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		/* Pointers, so that they had to be relocated. */
		*(const char *volatile *)&names[fits - 7] = "written";
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int main(void)
{
	int number = 0, failed = 0;

	for (int which = 0; which < ACTS; which++) {
		int good = ends_by((enum act)which, fits) == 0, bad = ends_by((enum act)which, exceeds);

		failed += !good + (bad != SIGILL && bad != SIGTRAP);
		printf("%sok %d - %s that fits\n", good ? "" : "not ", ++number, names[which]);
		printf("%sok %d - %s beyond its object ends the process\n", bad == SIGILL || bad == SIGTRAP ? "" : "not ",
		       ++number, names[which]);
	}
	failed += write_relocated() != SIGSEGV;
	printf("%sok %d - relocated data cannot be written\n", write_relocated() == SIGSEGV ? "" : "not ", ++number);
	printf("1..%d\n", number);
	return failed != 0;
}
