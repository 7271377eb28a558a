#include "companion.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beside.h"
#include "cleanup.h"
#include "kernel.h"

#define ENDS_MS 10000 /* for what waits in its ring */

bool vxe_companion_wanted(const struct vxe_config *config)
{
	return vxe_config_annotation(config, "org.vxe.after") != NULL;
}

/* Its descriptors in order, whatever numbers they have here. */
__attribute__((noreturn)) static void companion_main(const char *recorder, char *const *args, const int fds[3])
{
	int copies[3], null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	/* Whoever waits for the end of the caller's streams waits for the program's, not for this one. */
	for (int i = 0; i < 3; i++)
		if (null_fd < 0 || dup2(null_fd, i) < 0)
			_exit(127);
	/* A terminal's keys are for the program, and an end of the service for the supervisor. */
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < 3; i++)
		if ((copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 6)) < 0)
			_exit(127);
	for (int i = 0; i < 3; i++)
		if (dup2(copies[i], 3 + i) < 0)
			_exit(127);
	execv(recorder, args);
	_exit(127);
}

int vxe_companion_begin(struct vxe_companion *companion, const struct vxe_config *config, int bundle_fd, const char *id,
			const char *profile, int log_dir_fd, struct vxe_error **err)
{
	const char *hooks = vxe_config_annotation(config, "org.vxe.after");
	const char *supervised = vxe_config_annotation(config, "org.vxe.supervised");
	char recorder[VXE_BESIDE_MAX];
	const char *args[] = {recorder, "--after", id, profile ? profile : id, supervised ? supervised : "", NULL};
	cleanup_fd int theirs = -1;
	int pair[2], fds[3];

	companion->hooks_fd = sys_openat2(bundle_fd, hooks, O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (companion->hooks_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the bundle's %s", hooks);
	if (vxe_beside_find(&vxe_recorder_program, recorder, err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "starting what tells calls after they are performed");
	companion->channel = pair[0];
	theirs = pair[1];
	fds[0] = theirs;
	fds[1] = companion->hooks_fd;
	fds[2] = log_dir_fd;
	companion->pid = fork();
	if (companion->pid < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "starting what tells calls after they are performed");
	if (companion->pid == 0)
		companion_main(recorder, (char *const *)args, fds);
	return 0;
}

/* VXE_SYNC_GO, or 'E' with a sentence and a hint, each ended by NUL. */
static int answer_hear(int channel, struct vxe_error **err)
{
	char text[1024];
	const char *hint;
	ssize_t got;

	do
		got = recv(channel, text, sizeof(text) - 1, 0);
	while (got < 0 && errno == EINTR);
	if (got == 1 && text[0] == VXE_SYNC_GO)
		return 0;
	if (got < 2 || text[0] != 'E')
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "what tells calls after they are performed has ended");
	text[got] = '\0';
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the profile's hooks after calls: %s", text + 1);
	hint = text + 1 + strlen(text + 1) + 1;
	return hint < text + got ? vxe_error_hint(err, "%s", hint) : -1;
}

int vxe_companion_watch(const struct vxe_companion *companion, const struct vxe_launch *launch, struct vxe_error **err)
{
	int pidfd = launch->program_pidfd >= 0 ? launch->program_pidfd : launch->init_pidfd;

	/* One that has ended already may have said why. */
	if (vxe_sync_send(companion->channel, VXE_SYNC_WAITING, pidfd) < 0 && errno != EPIPE)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "starting what tells calls after they are performed");
	return answer_hear(companion->channel, err);
}

void vxe_companion_end(struct vxe_companion *companion)
{
	struct pollfd gone = {.fd = companion->channel};

	if (companion->hooks_fd >= 0)
		close(steal_fd(&companion->hooks_fd));
	if (companion->channel < 0)
		return;
	shutdown(companion->channel, SHUT_WR);
	while (poll(&gone, 1, ENDS_MS) < 0 && errno == EINTR)
		;
	close(steal_fd(&companion->channel));
	/* Where it is another's child there is nothing to be had of it here. */
	if (!gone.revents)
		kill(companion->pid, SIGKILL);
	(void)waitpid(companion->pid, NULL, 0);
}
