/* The recorded program's life: launched beside the recorder, exercised, ended. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "cleanup.h"
#include "guard.h"
#include "launch.h"
#include "recorder.h"
#include "signals.h"

#define KILL_AFTER 10.0 /* seconds from SIGTERM to SIGKILL */
#define LISTEN_WAIT 60.0
#define TWICE_AFTER 0.3
#define FLUSH_EVERY 1.0 /* seconds that a line may be kept */

struct life {
	const struct vxe_target *target;
	struct vxe_recorder *recorder;
	struct vxe_source *source;
	int channel, signals_fd;
	pid_t launcher, exercise;
	bool started, failed, ended, stopped;
	bool watched;				 /* its calls are seen */
	double begun, flushed, stop_at, kill_at; /* seconds of CLOCK_MONOTONIC; 0: not */
	int status, exercise_status;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int status_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int launcher_start(struct life *life, struct vxe_error **err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making a socket pair");
	fflush(NULL);
	life->launcher = fork();
	if (life->launcher == 0) {
		close(pair[0]);
		if (life->target->bundle)
			vxe_target_bundle(life->target, life->source->needs_filter, pair[1]);
		vxe_target_host(life->target, life->source->needs_filter, pair[1]);
	}
	close(pair[1]);
	life->channel = pair[0];
	if (life->target->bundle && life->launcher > 0)
		vxe_guard_launcher(life->target->guard, life->launcher);
	if (life->launcher < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "starting the program");
	return 0;
}

static int channel_serve(struct life *life, struct vxe_error **err)
{
	int fd = -1, message = vxe_channel_hear(life->channel, &fd), failed = 0;
	cleanup_fd int passed = fd;

	if (message < 0) {
		/* The launcher has gone its way: it became the program, or supervises it, or has said why not. */
		close(steal_fd(&life->channel));
		return 0;
	}
	if (message == VXE_CHANNEL_WAITING)
		failed = life->source->adopt(life->source, vxe_pidfd_pid(passed), err);
	else if (message == VXE_CHANNEL_LISTENER && life->source->listen)
		failed = life->source->listen(life->source, passed, err);
	if (failed < 0)
		return -1;
	if (message == VXE_CHANNEL_FAILED)
		life->failed = true;
	else
		life->started = true;
	if (message == VXE_CHANNEL_LISTENER || !life->source->needs_filter)
		life->watched = true;
	return vxe_channel_answer(life->channel) < 0
		       ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "telling the program to go on")
		       : 0;
}

static void exercise_start(struct life *life)
{
	fflush(NULL);
	life->exercise = fork();
	if (life->exercise != 0)
		return;
	{
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
	}
	execvp(life->target->exercise[0], life->target->exercise);
	fprintf(stderr, "vxe: executing the exercise %s: %s\n", life->target->exercise[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void program_signal(const struct life *life, int sig)
{
	/* The supervisor of a bundle passes it on; a program of the host gets it itself. */
	if (life->launcher > 0 && !life->ended)
		kill(life->launcher, sig);
}

static void stop(struct life *life)
{
	if (life->stop_at > 0)
		return;
	life->stopped = true;
	life->stop_at = now();
	life->kill_at = life->stop_at + KILL_AFTER;
	program_signal(life, SIGTERM);
}

/* Those that a program of the host has left behind are the recorder's now. */
static void orphans_signal(int sig)
{
	char path[64];
	cleanup_file FILE *file = NULL;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &pid) == 1)
		kill(pid, sig);
}

/* 1: nothing runs any more. */
static int children_reap(struct life *life)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid < 0)
			return errno == ECHILD;
		/* What the exercise leaves behind is not of the bundle, and nobody waits for it. */
		if (pid == 0)
			return life->target->bundle && life->ended && !life->exercise;
		if (pid == life->launcher) {
			life->ended = true;
			life->status = status_code(status);
		} else if (pid == life->exercise) {
			life->exercise = 0;
			life->exercise_status = status_code(status);
			stop(life);
			/* A daemon's first process has ended long ago. */
			if (life->ended && !life->target->bundle)
				orphans_signal(SIGTERM);
		} else if (!life->watched && !life->target->bundle && !life->ended) {
			/* The program makes no call before its filter is handed over: the orphan is who was to do that, and it would be waited
			   for without end. */
			fprintf(stderr, "vxe: who was to hand over the recorder's filter has ended\n");
			kill(life->launcher, SIGKILL);
		}
	}
}

static void signals_take(struct life *life)
{
	struct signalfd_siginfo info;

	while (read(life->signals_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM) {
			/* Twice: now. What comes to the whole group comes from the guard as well, at the same moment. */
			if (life->stop_at > 0 && now() - life->stop_at > TWICE_AFTER)
				life->kill_at = now();
			stop(life);
			if (life->ended && !life->target->bundle)
				orphans_signal(SIGTERM);
		} else {
			program_signal(life, (int)info.ssi_signo);
		}
	}
}

static bool exercise_due(const struct life *life)
{
	double since = now() - life->begun;

	/* Before its calls are seen nothing is recorded. */
	if (!life->target->exercise || life->exercise_status != -1 || life->exercise || !life->watched || life->stopped)
		return false;
	if (life->target->wait >= 0)
		return since >= life->target->wait;
	/* A program that never listens is exercised all the same. */
	return life->recorder->seen_listen ? since >= 0.3 : since >= LISTEN_WAIT;
}

static int loop(struct life *life, struct vxe_error **err)
{
	bool source_done = false;

	for (;;) {
		struct pollfd fds[3] = {
			{.fd = source_done ? -1 : life->source->poll_fd(life->source), .events = POLLIN},
			{.fd = life->signals_fd, .events = POLLIN},
			{.fd = life->channel, .events = POLLIN},
		};
		int timeout = life->source->timeout;

		if ((life->target->exercise && life->exercise_status == -1 && !life->exercise) || life->stop_at > 0)
			timeout = timeout < 0 || timeout > 50 ? 50 : timeout;
		if (timeout < 0 && life->recorder->stream.kept)
			timeout = (int)(FLUSH_EVERY * 1000);
		if (poll(fds, 3, timeout) < 0 && errno != EINTR)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "waiting for the program");
		if (fds[2].revents && channel_serve(life, err) < 0)
			return -1;
		if ((fds[0].revents & POLLIN || life->source->timeout >= 0) && life->source->serve(life->source) < 0)
			source_done = true;
		else if (fds[0].revents & (POLLHUP | POLLERR) && !(fds[0].revents & POLLIN))
			source_done = true;
		if (!fds[1].revents && fds[0].revents & POLLIN)
			continue; /* a flood of calls; the rest can wait for its end */
		signals_take(life);
		if (children_reap(life))
			return 0;
		if (now() - life->flushed >= FLUSH_EVERY) {
			life->flushed = now();
			vxe_stream_flush(&life->recorder->stream);
		}
		if (life->recorder->stream.failed)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "writing the recording");
		if (exercise_due(life))
			exercise_start(life);
		if (life->kill_at > 0 && now() >= life->kill_at) {
			program_signal(life, SIGKILL);
			if (life->ended && !life->target->bundle)
				orphans_signal(SIGKILL);
			life->kill_at = now() + KILL_AFTER;
		}
		/* What the program has ended with, its orphans end with, too, when they were to be stopped. */
		if (life->ended && !life->target->bundle && life->stop_at > 0)
			orphans_signal(now() - life->stop_at > KILL_AFTER / 2 ? SIGKILL : SIGTERM);
	}
}

int vxe_target_run(const struct vxe_target *target, struct vxe_recorder *recorder, struct vxe_source *source, int *status,
		   int *exercise, bool *stopped, struct vxe_error **err)
{
	struct life life = {.target = target,
			    .recorder = recorder,
			    .source = source,
			    .channel = -1,
			    .signals_fd = -1,
			    .begun = now(),
			    .status = -1,
			    .exercise_status = -1};
	sigset_t set;
	int result;

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	vxe_recorder_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	life.signals_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (life.signals_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "listening for signals");
	result = launcher_start(&life, err);
	if (result == 0)
		result = loop(&life, err);
	if (result < 0 && life.launcher > 0) {
		kill(life.launcher, SIGKILL);
		orphans_signal(SIGKILL);
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
	if (life.channel >= 0)
		close(life.channel);
	close(life.signals_fd);
	*status = life.status;
	*exercise = life.exercise_status;
	*stopped = life.stopped;
	if (result == 0 && !life.started && !life.failed)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the program was killed before it was started");
	return result < 0 || life.failed ? -1 : 0;
}
