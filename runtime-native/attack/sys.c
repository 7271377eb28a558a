#include "sys.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>

long sys_fork(void)
{
	static int tid;
	long pid = sys5(SYS_clone, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, 0, 0, &tid, 0);

	if (pid < 0)
		pid = sys5(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		pid = sys0(SYS_fork);
	return pid;
}

/* What libc passes in pthread_create. The thread borrows its maker's thread control block. */
#define THREAD_FLAGS                                                                                                           \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |                     \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

long sys_thread(void (*fn)(void *), void *arg, void *stack_top)
{
	static int parent_tid, child_tid;
	long *top = (long *)((uintptr_t)stack_top & ~15UL);
	long tls, ret;

	__asm__("mov %%fs:0, %0" : "=r"(tls));

	/* The child starts with nothing but its registers and what lies on its stack. */
	*--top = (long)arg;
	*--top = (long)fn;
	register long r10 __asm__("r10") = (long)&child_tid;
	register long r8 __asm__("r8") = tls;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "pop %%rax\n\t"
			 "pop %%rdi\n\t"
			 "call *%%rax\n\t"
			 "mov %[exit_nr], %%eax\n\t"
			 "xor %%edi, %%edi\n\t"
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(ret)
			 : "a"((long)SYS_clone), "D"((long)THREAD_FLAGS), "S"(top), "d"(&parent_tid), "r"(r10),
			   "r"(r8), [exit_nr] "i"(SYS_exit)
			 : "rcx", "r11", "memory");
	return ret;
}
