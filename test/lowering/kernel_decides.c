/*
 * Asks the running kernel what filters decide. Standard input has jobs: a struct job, its instructions, its calls. Each job runs in a
 * child of its own, which loads the filter and makes the calls; the errors that they give go to standard output, four bytes each.
 * Every answer of a filter must be an error, so that no call is ever performed: the child ends by a trap, since it cannot exit either.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARCH_I386 0x40000003u

struct job {
	uint32_t instructions;
	uint32_t calls;
};

struct call {
	uint32_t nr;
	uint32_t arch;
	uint64_t args[6];
};

static long enter_native(const struct call *call)
{
	long result = (long)(int32_t)call->nr;
	register uint64_t r10 __asm__("r10") = call->args[3];
	register uint64_t r8 __asm__("r8") = call->args[4];
	register uint64_t r9 __asm__("r9") = call->args[5];

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(call->args[0]), "S"(call->args[1]), "d"(call->args[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* The sixth argument is in the frame pointer, which no constraint can name. */
static long enter_i386(const struct call *call)
{
	long result = (long)call->nr;

	__asm__ volatile("pushq %%rbp\n\tmovq %[sixth], %%rbp\n\tint $0x80\n\tpopq %%rbp"
			 : "+a"(result)
			 : "b"(call->args[0]), "c"(call->args[1]), "d"(call->args[2]), "S"(call->args[3]),
			   "D"(call->args[4]), [sixth] "r"(call->args[5])
			 : "r8", "r9", "r10", "r11", "memory");
	return (long)(int32_t)result;
}

static _Noreturn void decide(const struct sock_fprog *program, const struct call *calls, uint32_t count, uint32_t *results)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program)) {
		perror("seccomp");
		_exit(1);
	}
	for (uint32_t i = 0; i < count; i++) {
		long result = calls[i].arch == ARCH_I386 ? enter_i386(&calls[i]) : enter_native(&calls[i]);

		results[i] = result < 0 && result >= -4095 ? (uint32_t)-result : UINT32_MAX;
	}
	results[count] = count;
	__builtin_trap();
}

static void *read_exactly(size_t size)
{
	void *data = malloc(size ? size : 1);

	if (!data || fread(data, 1, size, stdin) != size) {
		fputs("a job is cut off\n", stderr);
		exit(1);
	}
	return data;
}

static int run(const struct job *job)
{
	struct sock_filter *instructions = read_exactly(job->instructions * sizeof(*instructions));
	struct call *calls = read_exactly(job->calls * sizeof(*calls));
	/* The last says that all calls were made. */
	size_t size = (job->calls + 1) * sizeof(uint32_t);
	uint32_t *results = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sock_fprog program = {.len = (unsigned short)job->instructions, .filter = instructions};
	int status;

	for (uint32_t i = 0; i < job->instructions; i++) {
		if (instructions[i].code == (BPF_RET | BPF_K) &&
		    (instructions[i].k & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO) {
			fputs("an answer is no error: the call would be performed\n", stderr);
			return 1;
		}
	}
	if (results == MAP_FAILED)
		return perror("mmap"), 1;
	pid_t child = fork();
	if (child == 0)
		decide(&program, calls, job->calls, results);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return perror("fork"), 1;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGILL || results[job->calls] != job->calls) {
		fprintf(stderr, "the child ended with status 0x%x\n", (unsigned int)status);
		return 1;
	}
	if (fwrite(results, sizeof(*results), job->calls, stdout) != job->calls)
		return perror("standard output"), 1;
	munmap(results, size);
	free(instructions);
	free(calls);
	return 0;
}

int main(void)
{
	struct rlimit none = {0, 0};
	struct job job;

	setrlimit(RLIMIT_CORE, &none);
	while (fread(&job, sizeof(job), 1, stdin) == 1) {
		if (run(&job))
			return 1;
	}
	return 0;
}
