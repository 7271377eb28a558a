#include "guard.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "signals.h"

#define TIDY_MS 10000 /* for a launcher whose program is gone */

struct vxe_guard {
	atomic_int launcher; /* 0: none */
};

void vxe_guard_launcher(struct vxe_guard *guard, pid_t launcher)
{
	atomic_store(&guard->launcher, launcher);
}

/* Each child of a process is killed; how many there were. `spared` is not, its own are. */
static int children_kill(pid_t parent, pid_t spared)
{
	cleanup_file FILE *file = NULL;
	char path[64];
	int pid, count = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &pid) == 1) {
		count++;
		if (pid == spared)
			children_kill(pid, 0);
		else
			kill(pid, SIGKILL);
	}
	return count;
}

/* What the recorder has left is ours now, and what that leaves will be. */
static void rest_end(pid_t launcher)
{
	for (int waited = 0; children_kill(getpid(), waited < TIDY_MS ? launcher : 0) > 0; waited += 10) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
}

/* Until the recorder has ended. What comes from the terminal has come to the recorder as well. */
static int recorder_wait(pid_t recorder, const sigset_t *set)
{
	siginfo_t info;
	int status;

	for (;;) {
		pid_t pid = waitpid(recorder, &status, WNOHANG);

		if (pid == recorder)
			return status;
		if (sigwaitinfo(set, &info) > 0 && info.si_signo != SIGCHLD && info.si_code != SI_KERNEL)
			kill(recorder, info.si_signo);
	}
}

int vxe_guard_fork(const char *recording, struct vxe_guard **guard, int *code, struct vxe_error **err)
{
	struct vxe_guard *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t own = getpid(), recorder;
	sigset_t set;
	int status;

	if (shared == MAP_FAILED)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "preparing the recorder");
	/* Before there is anybody to lose: what the recorder leaves comes to us. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	vxe_recorder_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fflush(NULL);
	recorder = fork();
	if (recorder < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "starting the recorder");
	if (recorder == 0) {
		*guard = shared;
		/* The end of the guard is told like any wish that it stop. */
		if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0 || getppid() != own)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "starting the recorder");
		return 0;
	}
	status = recorder_wait(recorder, &set);
	if (WIFEXITED(status)) {
		*code = WEXITSTATUS(status);
		return 1;
	}
	rest_end(atomic_load(&shared->launcher));
	*code = 128 + WTERMSIG(status);
	vxe_error_set(err, VXE_EXIT_FAILURE, 0,
		      "the recorder was killed (signal %d), what it recorded is ended, and %s is not complete",
		      WTERMSIG(status), recording);
	vxe_error_hint(err, "record again");
	return 1;
}
