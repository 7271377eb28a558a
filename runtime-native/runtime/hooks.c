#include "hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "kernel.h"
#include "json.h"

#define UNCONFINED 126

/* A hook without an env has the runtime's, a program of the container that of its program, as with runc and crun. */
static char *const *hook_env(const struct vxe_hook *hook, const struct vxe_hook_confinement *confinement)
{
	static char *const none[] = {NULL};

	if (!hook->has_env)
		return confinement ? confinement->env : environ;
	return hook->env.items ? hook->env.items : none;
}

static int hook_start(const struct vxe_hook *hook, const struct vxe_hook_confinement *confinement, int input, int *pidfd,
		      pid_t *pid)
{
	struct vxe_clone_args args = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uint64_t)(uintptr_t)pidfd};

	*pid = sys_clone3(&args);
	if (*pid == 0) {
		char *no_args[] = {hook->path, NULL};
		struct vxe_error *failure = NULL;
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		signal(SIGXFSZ, SIG_DFL);
		/* Its end of the pipe waits, as others do; ours must not. */
		if (fcntl(input, F_SETFL, 0) < 0 || dup2(input, 0) < 0)
			_exit(127);
		sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
		if (confinement && confinement->apply(confinement->arg, &failure) < 0) {
			vxe_error_print("startContainer", failure);
			_exit(UNCONFINED);
		}
		execve(hook->path, hook->args.count ? hook->args.items : no_args, hook_env(hook, confinement));
		_exit(127);
	}
	return *pid < 0 ? -1 : 0;
}

/* Gives it the state for as long as it reads, and waits for its end, up to its timeout. A hook that does not read must neither end us nor hold
   us up. */
static bool hook_feed(const struct vxe_hook *hook, int pidfd, int *output, const char *state)
{
	int64_t until = vxe_clock_ms() + (int64_t)hook->timeout * 1000;

	for (;;) {
		struct pollfd waiting[] = {{.fd = pidfd, .events = POLLIN}, {.fd = *output, .events = POLLOUT}};
		int64_t left = hook->timeout ? until - vxe_clock_ms() : INT_MAX;
		int ready = poll(waiting, 2, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);
		ssize_t written;

		if (ready < 0 && errno != EINTR)
			return false;
		if (ready > 0 && (waiting[0].revents & POLLIN))
			return true;
		if (ready == 0 && hook->timeout && vxe_clock_ms() >= until)
			return false;
		if (ready <= 0 || !waiting[1].revents)
			continue;
		written = write(*output, state, strlen(state));
		if (written > 0)
			state += written;
		if (!*state || (written < 0 && errno != EAGAIN && errno != EINTR))
			close(steal_fd(output));
	}
}

/* What is ignored here would stay so for the program. */
static bool hook_wait(const struct vxe_hook *hook, int pidfd, int *output, const char *state)
{
	const struct sigaction ignored = {.sa_handler = SIG_IGN};
	struct sigaction before;
	bool ended;

	sigaction(SIGPIPE, &ignored, &before);
	ended = hook_feed(hook, pidfd, output, state);
	sigaction(SIGPIPE, &before, NULL);
	return ended;
}

static int hook_run(const struct vxe_hook *hook, const char *kind, const struct vxe_hook_confinement *confinement,
		    const char *state, struct vxe_error **err)
{
	cleanup_fd int pidfd = -1;
	cleanup_fd int input = -1;
	cleanup_fd int output = -1;
	int pipes[2], status = 0;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "running the %s hook %s", kind, hook->path);
	input = pipes[0];
	output = pipes[1];
	if (hook_start(hook, confinement, input, &pidfd, &pid) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "running the %s hook %s", kind, hook->path);
	close(steal_fd(&input));
	if (!hook_wait(hook, pidfd, &output, state)) {
		sys_pidfd_send_signal(pidfd, SIGKILL);
		waitpid(pid, &status, 0);
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the %s hook %s took longer than its timeout of %d s", kind,
				     hook->path, hook->timeout);
	}
	if (waitpid(pid, &status, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "waiting for the %s hook %s", kind, hook->path);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (confinement && WIFEXITED(status) && WEXITSTATUS(status) == UNCONFINED)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				     "the %s hook %s could not be confined as the program is, or failed with exit code %d",
				     kind, hook->path, UNCONFINED);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the %s hook %s cannot be executed", kind, hook->path);
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the %s hook %s failed with %s %d", kind, hook->path,
			     WIFEXITED(status) ? "exit code" : "signal",
			     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

int vxe_hooks_run_inside(const struct vxe_hooks *hooks, const char *kind, const struct vxe_config *config, const char *id,
			 pid_t pid, const char *status, const struct vxe_hook_confinement *confinement, struct vxe_error **err)
{
	struct vxe_json_text text = {0};
	bool last = !strcmp(kind, "poststop");
	int failed = 0;

	if (!hooks->count)
		return 0;
	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_string(&text, "ociVersion", config->oci_version);
	vxe_json_text_string(&text, "id", id);
	vxe_json_text_string(&text, "status", status);
	if (pid > 0)
		vxe_json_text_int(&text, "pid", pid);
	vxe_json_text_string(&text, "bundle", config->bundle);
	vxe_json_text_object_begin(&text, "annotations");
	for (size_t i = 0; i < config->annotations.count; i++)
		vxe_json_text_string(&text, config->annotations.items[i].key, config->annotations.items[i].value);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_end(&text);
	if (vxe_json_text_finish(&text) < 0)
		failed = vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "telling the hooks the state");
	/* runtime.md, Lifecycle: after the container's end every hook has its turn. The first failure is told. */
	for (size_t i = 0; i < hooks->count && (!failed || last); i++)
		if (hook_run(&hooks->items[i], kind, confinement, text.data, failed ? NULL : err) < 0)
			failed = -1;
	vxe_json_text_free(&text);
	return failed;
}

int vxe_hooks_run(const struct vxe_hooks *hooks, const char *kind, const struct vxe_config *config, const char *id, pid_t pid,
		  const char *status, struct vxe_error **err)
{
	return vxe_hooks_run_inside(hooks, kind, config, id, pid, status, NULL, err);
}
