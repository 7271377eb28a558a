/*
 * Makes a running process perform one system call, as somebody who has taken it over would, and prints what the kernel answered.
 *
 *   inject PID NUMBER [ARG...]     ARG: a number, or text, which is put on the process's stack and passed by address
 *
 * The process goes on afterwards as if nothing had happened.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t target;

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "inject: process %d: %s: %s\n", (int)target, what, strerror(errno));
	exit(2);
}

static void wait_for_stop(void)
{
	int status;

	need(waitpid(target, &status, __WALL) == target, "waiting for it");
	if (!WIFSTOPPED(status)) {
		fprintf(stderr, "inject: process %d ended\n", (int)target);
		exit(2);
	}
}

/* Below the red zone, a word at a time; returns the address. */
static uint64_t put_text(uint64_t *stack, const char *text)
{
	size_t size = strlen(text) + 1;

	*stack = (*stack - size) & ~15ull;
	for (size_t done = 0; done < size; done += sizeof(long)) {
		long word = 0;

		memcpy(&word, text + done, size - done < sizeof(word) ? size - done : sizeof(word));
		need(ptrace(PTRACE_POKEDATA, target, *stack + done, word) == 0, "writing its stack");
	}
	return *stack;
}

int main(int argc, char **argv)
{
	struct user_regs_struct saved, regs;
	uint64_t arguments[6] = {0}, stack;
	long code, answer;

	if (argc < 3 || argc > 9) {
		fprintf(stderr, "inject: PID NUMBER [ARG...]\n");
		return 2;
	}
	target = atoi(argv[1]);
	need(ptrace(PTRACE_ATTACH, target, NULL, NULL) == 0, "attaching");
	wait_for_stop();
	need(ptrace(PTRACE_GETREGS, target, NULL, &saved) == 0, "reading its registers");
	/* A process that waits in the kernel stands right behind its syscall instruction. */
	errno = 0;
	code = ptrace(PTRACE_PEEKTEXT, target, saved.rip - 2, NULL);
	if (errno || (code & 0xffff) != 0x050f) {
		fprintf(stderr, "inject: process %d does not wait in a system call\n", (int)target);
		ptrace(PTRACE_DETACH, target, NULL, NULL);
		return 2;
	}
	stack = saved.rsp - 4096;
	for (int i = 3; i < argc; i++) {
		char *end;

		errno = 0;
		arguments[i - 3] = strtoull(argv[i], &end, 0);
		if (errno || *end || end == argv[i])
			arguments[i - 3] = put_text(&stack, argv[i]);
	}
	regs = saved;
	regs.rip = saved.rip - 2;
	regs.orig_rax = (unsigned long long)-1; /* no restart of the call that was interrupted, not yet */
	regs.rax = strtoull(argv[2], NULL, 0);
	regs.rdi = arguments[0];
	regs.rsi = arguments[1];
	regs.rdx = arguments[2];
	regs.r10 = arguments[3];
	regs.r8 = arguments[4];
	regs.r9 = arguments[5];
	need(ptrace(PTRACE_SETREGS, target, NULL, &regs) == 0, "writing its registers");
	need(ptrace(PTRACE_SINGLESTEP, target, NULL, NULL) == 0, "letting it go");
	wait_for_stop();
	need(ptrace(PTRACE_GETREGS, target, NULL, &regs) == 0, "reading its registers");
	answer = (long)regs.rax;
	need(ptrace(PTRACE_SETREGS, target, NULL, &saved) == 0, "restoring its registers");
	need(ptrace(PTRACE_DETACH, target, NULL, NULL) == 0, "detaching");
	if (answer < 0 && answer > -4096)
		printf("refused: %s\n", strerror((int)-answer));
	else
		printf("permitted: %ld\n", answer);
	return answer < 0 && answer > -4096 ? 0 : 1;
}
