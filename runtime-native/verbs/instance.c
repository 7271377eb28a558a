#include "instance.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "cgroup.h"
#include "cleanup.h"
#include "file.h"
#include "hooks.h"
#include "kernel.h"
#include "landlock.h"
#include "launch.h"
#include "places.h"
#include "preflight.h"
#include "record.h"
#include "self.h"
#include "state.h"
#include "supervise.h"

int vxe_bundle_find(const char *name, char **path, struct vxe_error **err)
{
	cleanup_free char *found = NULL, *config = NULL;

	/* A path is taken as one only when it does not climb: what looks like a name must not end elsewhere. */
	if (!strncmp(name, "../", 3) || strstr(name, "/../") || !strcmp(name, ".."))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "%s is no name of a bundle; give a name, or a path without '..'",
				     name);
	if (strchr(name, '/'))
		found = realpath(name, NULL);
	else if (!vxe_state_id_valid(name))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0,
				     "%s is no name of a bundle: letters, digits, '.', '_' and '-', no path", name);
	if (!found)
		found = strchr(name, '/') ? strdup(name) : vxe_place_path(&vxe_place_bundles, name);
	if (!found)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "finding the bundle %s", name);
	if (asprintf(&config, "%s/config.json", found) < 0) {
		config = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "finding the bundle %s", name);
	}
	if (access(config, F_OK) < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "there is no bundle %s (%s)", name, config);
		return vxe_error_hint(err,
				      strchr(name, '/') ? "name the folder that holds config.json"
							: "make it with: vxe bundle create %s",
				      name);
	}
	*path = steal_pointer(&found);
	return 0;
}

/* All that an instance's process holds while it runs; released by instance_close in any state. */
struct instance {
	const struct vxe_instance_options *options;
	char *root_path, *dir_path;
	int root_fd, dir_fd, lock_fd, bundle_fd, log_fd, fifo_fd, console_fd;
	struct vxe_config *config;
	struct vxe_launch launch;
	struct vxe_supervision supervision;
	struct vxe_state state;
	char *cgroup; /* where it is, or is to be; NULL: none */
	int cgroup_fd;
	bool has_state; /* ROOT/ID is ours to remove */
	int ready_fd;	/* detached: told when the program runs */
};

static void instance_init(struct instance *instance, const struct vxe_instance_options *options)
{
	memset(instance, 0, sizeof(*instance));
	instance->options = options;
	instance->root_fd = instance->dir_fd = instance->lock_fd = instance->bundle_fd = instance->log_fd = -1;
	instance->fifo_fd = instance->console_fd = instance->ready_fd = instance->cgroup_fd = -1;
	vxe_launch_init(&instance->launch);
	instance->supervision = (struct vxe_supervision){
		.output_read = -1, .output_write = -1, .output_log = -1, .syslog_fd = -1, .notify_fd = -1};
}

static void instance_close(struct instance *instance, bool keep_state)
{
	int *owned[] = {&instance->dir_fd,     &instance->bundle_fd, &instance->log_fd,	  &instance->fifo_fd,
			&instance->console_fd, &instance->ready_fd,  &instance->cgroup_fd};

	vxe_supervision_free(&instance->supervision);
	vxe_launch_free(&instance->launch);
	/* The state knows where the cgroup is: it stays as long as that does. */
	if (instance->has_state && !keep_state && (instance->cgroup_fd < 0 || vxe_cgroup_remove(instance->cgroup, NULL) == 0))
		(void)vxe_state_remove(instance->root_fd, instance->options->id, NULL);
	for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++)
		if (*owned[i] >= 0)
			close(*owned[i]);
	/* The lock goes last: whoever waits for it finds the state gone. */
	if (instance->lock_fd >= 0)
		close(instance->lock_fd);
	if (instance->root_fd >= 0)
		close(instance->root_fd);
	free(instance->root_path);
	free(instance->dir_path);
	free(instance->cgroup);
	vxe_config_free(&instance->config);
}

/* Replaces *out by a copy of a NULL-terminated list. */
static int strings_copy(char *const *items, struct vxe_strings *out)
{
	size_t count = 0;

	vxe_strings_free(out);
	memset(out, 0, sizeof(*out));
	while (items[count])
		count++;
	out->items = calloc(count + 1, sizeof(char *));
	if (!out->items)
		return -1;
	for (; out->count < count; out->count++)
		if (!(out->items[out->count] = strdup(items[out->count])))
			return -1;
	return 0;
}

static int64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static struct vxe_process_id process_id(pid_t pid)
{
	return (struct vxe_process_id){.pid = pid, .start_time = pid > 0 ? vxe_process_start_time(pid) : 0};
}

static int state_write(struct instance *instance, enum vxe_status status, struct vxe_error **err)
{
	instance->state.status = status;
	return vxe_state_write(instance->dir_fd, &instance->state, err);
}

static bool annotation_is(const struct vxe_config *config, const char *key, const char *value)
{
	const char *found = vxe_config_annotation(config, key);

	return found && !strcmp(found, value);
}

/* With Landlock ruling what may be executed, this program's own file cannot be. */
static bool landlock_holds_execute(const struct vxe_landlock *landlock)
{
	return landlock->present && (landlock->handled_fs & LANDLOCK_ACCESS_FS_EXECUTE);
}

/* What an engine asks for is told it: a name is taken until delete, whatever has become of the container. VXE's own verbs start
   over, and clear away what a killed supervisor has left. */
static int name_free(const struct instance *instance, struct vxe_error **err)
{
	const struct vxe_instance_options *options = instance->options;
	cleanup_fd int dir_fd = -1;
	struct vxe_state *state = NULL;
	int failed = 0;

	if (vxe_state_open(instance->root_fd, options->id, &dir_fd, NULL) < 0 || vxe_state_read(dir_fd, &state, NULL) < 0)
		return 0;
	if (state->status == VXE_STOPPED && !options->own_verb) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "there is a container %s already, which is stopped", options->id);
		failed = vxe_error_hint(err, "delete it first, or choose another id");
	} else if (state->status == VXE_STOPPED && state->cgroup && !vxe_state_locked(dir_fd)) {
		failed = vxe_cgroup_remove(state->cgroup, err);
	}
	vxe_state_free(&state);
	return failed;
}

/* Engines expect a cgroup for every container (pause, ps and kill --all rest on it); otherwise only what is asked for needs one. */
static bool cgroup_needed(const struct instance *instance)
{
	const struct vxe_config *config = instance->config;

	return vxe_cgroup_wanted(config) || (config->resources.n_devices && !instance->options->own_verb && geteuid() == 0 &&
					     !vxe_config_namespace(config, CLONE_NEWUSER));
}

static int cgroup_name(struct instance *instance, struct vxe_error **err)
{
	const struct vxe_instance_options *options = instance->options;
	cleanup_error struct vxe_error *unavailable = NULL;

	if (!cgroup_needed(instance) && (options->own_verb || options->entry || geteuid() != 0))
		return 0;
	if (vxe_cgroup_path(instance->config, options->id, &instance->cgroup, &unavailable) == 0)
		return 0;
	if (!cgroup_needed(instance))
		return 0;
	if (err)
		*err = steal_pointer(&unavailable);
	return -1;
}

static int cgroup_make(struct instance *instance, struct vxe_error **err)
{
	cleanup_error struct vxe_error *unavailable = NULL;

	if (!instance->cgroup)
		return 0;
	if (vxe_cgroup_make(instance->cgroup, &instance->config->resources, &instance->cgroup_fd, &unavailable) == 0) {
		instance->launch.cgroup_fd = instance->cgroup_fd;
		return 0;
	}
	if (cgroup_needed(instance)) {
		if (err)
			*err = steal_pointer(&unavailable);
		return -1;
	}
	/* Nobody asked for one. */
	instance->state.cgroup = NULL;
	return 0;
}

/* Reads the bundle, takes the name, and fills in what the launch needs. */
static int instance_open(struct instance *instance, struct vxe_error **err)
{
	const struct vxe_instance_options *options = instance->options;
	struct vxe_launch *launch = &instance->launch;
	struct vxe_config *config;

	instance->bundle_fd = open(options->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (instance->bundle_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the bundle folder %s", options->bundle);
	if (vxe_config_load(instance->bundle_fd, options->bundle, &instance->config, err) < 0)
		return -1;
	config = instance->config;
	/* Before anything is made: this starts the program over. */
	if (!options->detach && !landlock_holds_execute(&config->process.landlock) && vxe_self_seal(err) < 0)
		return -1;
	if (options->args && strings_copy(options->args, &config->process.args) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the arguments");
	if (options->inherit) {
		if (strings_copy(environ, &config->process.env) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the environment");
		free(config->process.cwd);
		config->process.cwd = getcwd(NULL, 0);
		if (!config->process.cwd)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "finding the working folder");
	}
	if (!options->entry && vxe_preflight_ports(config, err) < 0)
		return -1;
	if (cgroup_name(instance, err) < 0)
		return -1;
	instance->root_fd = vxe_state_root_open(options->root, true, &instance->root_path, err);
	if (instance->root_fd < 0)
		return -1;
	if (name_free(instance, err) < 0)
		return -1;
	if (vxe_state_create(instance->root_fd, options->id, &instance->dir_fd, &instance->lock_fd, err) < 0)
		return -1;
	instance->has_state = true;
	if (asprintf(&instance->dir_path, "%s/%s", instance->root_path, options->id) < 0) {
		instance->dir_path = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "opening the state of %s", options->id);
	}
	instance->state = (struct vxe_state){
		.id = (char *)options->id,
		.bundle = config->bundle,
		.oci_version = config->oci_version,
		.rootfs = config->rootfs,
		.profile = (char *)vxe_config_annotation(config, "org.vxe.profile"),
		.supervisor = process_id(getpid()),
		.cgroup = instance->cgroup,
		.detached = options->detach,
		.created_ns = realtime_ns(),
		.owner = geteuid(),
		.exit_code = -1,
		.annotations = config->annotations,
	};
	launch->config = config;
	launch->id = options->id;
	launch->bundle_fd = instance->bundle_fd;
	launch->host_root = options->host_root || annotation_is(config, "org.vxe.root", "host");
	launch->reaper = vxe_config_namespace(config, CLONE_NEWPID) && !vxe_config_namespace(config, CLONE_NEWPID)->path &&
			 (options->own_verb ? !annotation_is(config, "org.vxe.init", "false")
					    : annotation_is(config, "org.vxe.init", "true"));
	/* With entry the instance ends with it, whatever it leaves behind. */
	launch->forking = launch->reaper && !options->entry && annotation_is(config, "org.vxe.kind", "forking");
	launch->without = options->without;
	launch->marked = options->own_verb;
	launch->entry = options->entry;
	launch->entry_arg = options->entry_arg;
	return state_write(instance, VXE_CREATING, err);
}

/* A violation log is kept for every instance under a VXED, and for any whose filter notifies. */
static int instance_open_log(struct instance *instance, struct vxe_error **err)
{
	instance->log_fd = vxe_log_dir_open(instance->options->id, NULL, err);
	return instance->log_fd < 0 ? -1 : 0;
}

/* sd_listen_fds(3): descriptors 3.. are ours to pass on if LISTEN_PID says that they are for this process. */
static void listen_fds_take(struct vxe_launch *launch)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

	if (!pid || !count || atoi(pid) != getpid() || atoi(count) < 1 || atoi(count) > 1024)
		return;
	launch->extra_fds = atoi(count);
	launch->listen_fds = true;
}

static int pid_file_write(const char *path, pid_t pid, struct vxe_error **err)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", pid);

	return path ? vxe_file_replace_at(AT_FDCWD, path, text, (size_t)length, 0644, err) : 0;
}

static int instance_started(struct vxe_supervision *supervision, struct vxe_error **err)
{
	struct instance *instance = supervision->user;

	if (state_write(instance, VXE_RUNNING, err) < 0)
		return -1;
	if (vxe_hooks_run(&instance->config->poststart, "poststart", instance->config, instance->options->id,
			  instance->launch.init_pid, "running", err) < 0)
		return -1;
	if (instance->ready_fd >= 0) {
		(void)vxe_write_all(instance->ready_fd, "R", 1);
		close(steal_fd(&instance->ready_fd));
		/* From here on nobody reads what we print. */
		for (int fd = 0; fd < 3; fd++) {
			int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

			if (null_fd >= 0) {
				dup2(null_fd, fd);
				close(null_fd);
			}
		}
	}
	return 0;
}

static int status_code(int status)
{
	if (status < 0)
		return VXE_EXIT_FAILURE;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int console_connect(const char *path, struct vxe_error **err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENAMETOOLONG, "the console socket %s", path);
	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "connecting to the console socket %s", path);
	return steal_fd(&fd);
}

/* The launch up to the waiting program, with the state that says so. */
static int instance_set_up(struct instance *instance, struct vxe_error **err)
{
	struct vxe_launch *launch = &instance->launch;
	sigset_t signals;

	if (instance->options->console_socket) {
		instance->console_fd = console_connect(instance->options->console_socket, err);
		if (instance->console_fd < 0)
			return -1;
		launch->console_socket = instance->console_fd;
	}
	if (instance->options->preserve_fds > 0)
		launch->extra_fds = instance->options->preserve_fds;
	vxe_supervision_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (cgroup_make(instance, err) < 0 || vxe_launch_create(launch, err) < 0)
		return -1;
	/* Now that the instance's own devices are made, and before its program runs. */
	if (instance->cgroup_fd >= 0 && vxe_cgroup_devices(instance->cgroup_fd, &instance->config->resources, err) < 0)
		return -1;
	instance->state.init = process_id(launch->init_pid);
	instance->state.program = process_id(launch->program_pid);
	instance->state.supervised = launch->filter.notifies;
	return pid_file_write(instance->options->pid_file, launch->init_pid, err);
}

static void supervision_fill(struct instance *instance)
{
	struct vxe_supervision *s = &instance->supervision;

	s->launch = &instance->launch;
	s->id = instance->options->id;
	s->profile = instance->state.profile;
	s->log_dir_fd = instance->log_fd;
	s->state_dir = instance->dir_path;
	s->started = instance_started;
	s->user = instance;
}

#define NOTIFY_PATH "/run/vxe/notify.sock"
#define SYSLOG_PATH "/dev/log"

/* A service's socket, mounted where the program looks for it. */
static int socket_mount_add(struct instance *instance, const char *name, const char *destination, struct vxe_error **err)
{
	static const char *const options[] = {"bind", "ro", "nosuid", "nodev", "noexec"};
	struct vxe_config *config = instance->config;
	struct vxe_mount *mounts = realloc(config->mounts, (config->n_mounts + 1) * sizeof(*mounts));
	struct vxe_mount *mount;

	if (!mounts)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "mounting %s", destination);
	config->mounts = mounts;
	mount = &mounts[config->n_mounts++];
	memset(mount, 0, sizeof(*mount));
	mount->destination = strdup(destination);
	mount->type = strdup("bind");
	mount->options.items = calloc(sizeof(options) / sizeof(*options) + 1, sizeof(char *));
	if (!mount->destination || !mount->type || !mount->options.items ||
	    asprintf(&mount->source, "%s/%s", instance->dir_path, name) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "mounting %s", destination);
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (!(mount->options.items[mount->options.count++] = strdup(options[i])))
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "mounting %s", destination);
	return 0;
}

/* The sockets of the services that the profile has. Over the host's own tree (vxe run) the host's are there. */
static int service_mounts_add(struct instance *instance, struct vxe_error **err)
{
	static char *const notify_env[] = {(char *)"NOTIFY_SOCKET=" NOTIFY_PATH, NULL};
	const struct vxe_supervision *s = &instance->supervision;

	if (instance->launch.host_root)
		return 0;
	if (s->syslog_fd >= 0 && socket_mount_add(instance, "log.sock", SYSLOG_PATH, err) < 0)
		return -1;
	if (s->notify_fd < 0)
		return 0;
	instance->launch.extra_env = notify_env;
	return socket_mount_add(instance, "notify.sock", NOTIFY_PATH, err);
}

static int instance_run(struct instance *instance, int *exit_code, struct vxe_error **err)
{
	struct vxe_supervision *s = &instance->supervision;

	if (instance_open(instance, err) < 0)
		return -1;
	/* A plain OCI bundle leaves no log folder behind, unless there is something to write there. */
	if ((instance->options->own_verb || instance->options->detach ||
	     vxe_config_annotation(instance->config, "org.vxe.version")) &&
	    instance_open_log(instance, err) < 0)
		return -1;
	supervision_fill(instance);
	s->child = true;
	s->capture = instance->options->detach;
	s->manager_notify = instance->options->own_verb ? getenv("NOTIFY_SOCKET") : NULL;
	if (instance->options->own_verb)
		listen_fds_take(&instance->launch);
	if (vxe_supervision_prepare(s, err) < 0 || service_mounts_add(instance, err) < 0 || instance_set_up(instance, err) < 0)
		return -1;
	if (instance->launch.filter.notifies && instance->log_fd < 0 && instance_open_log(instance, err) < 0)
		return -1;
	s->log_dir_fd = instance->log_fd;
	if (state_write(instance, VXE_CREATED, err) < 0 || vxe_launch_go(&instance->launch, err) < 0 ||
	    vxe_supervision_run(s, err) < 0)
		return -1;
	*exit_code = status_code(s->status);
	vxe_hooks_run(&instance->config->poststop, "poststop", instance->config, instance->options->id, 0, "stopped", NULL);
	return 0;
}

static int run_here(const struct vxe_instance_options *options, int ready_fd, int *exit_code, struct vxe_error **err)
{
	struct instance instance;
	int failed;

	instance_init(&instance, options);
	instance.ready_fd = ready_fd;
	failed = instance_run(&instance, exit_code, err);
	if (failed) {
		if (instance.launch.report && vxe_launch_failure(&instance.launch, err) < 0)
			failed = -1;
		vxe_launch_abort(&instance.launch);
	}
	instance_close(&instance, false);
	return failed;
}

/* The detached supervisor reports on the caller's stderr until the program runs, and then leaves the caller. */
static int run_detached(const struct vxe_instance_options *options, int *exit_code, struct vxe_error **err)
{
	int pipes[2], status;
	struct pollfd waiting;
	char byte;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "detaching");
	pid = fork();
	if (pid < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "detaching");
	if (pid == 0) {
		cleanup_error struct vxe_error *failure = NULL;
		int code = VXE_EXIT_FAILURE, input;

		close(pipes[0]);
		setsid();
		input = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (input >= 0 && dup2(input, 0) == 0)
			close(input);
		if (chdir("/") < 0 || run_here(options, pipes[1], &code, &failure) < 0) {
			if (failure && strncmp(failure->message, options->id, strlen(options->id)))
				vxe_error_wrap(&failure, "%s", options->id);
			vxe_error_print("vxe", failure);
			_exit(failure ? (int)failure->exit : VXE_EXIT_FAILURE);
		}
		_exit(code);
	}
	close(pipes[1]);
	waiting = (struct pollfd){.fd = pipes[0], .events = POLLIN};
	while (poll(&waiting, 1, -1) < 0 && errno == EINTR)
		;
	if (read(pipes[0], &byte, 1) == 1) {
		close(pipes[0]);
		*exit_code = 0;
		return 0;
	}
	close(pipes[0]);
	/* It has said why itself. */
	waitpid(pid, &status, 0);
	*exit_code = status_code(status);
	return 0;
}

/* A detached supervisor cannot start over once it has left its caller: it is sealed before. */
static int seal_for_bundle(const char *bundle, struct vxe_error **err)
{
	cleanup_fd int fd = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct vxe_config *config = NULL;
	bool held;

	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the bundle folder %s", bundle);
	if (vxe_config_load(fd, bundle, &config, err) < 0)
		return -1;
	held = landlock_holds_execute(&config->process.landlock);
	vxe_config_free(&config);
	return held ? 0 : vxe_self_seal(err);
}

int vxe_instance_run(const struct vxe_instance_options *options, int *exit_code, struct vxe_error **err)
{
	if (options->detach && seal_for_bundle(options->bundle, err) < 0)
		return -1;
	return options->detach ? run_detached(options, exit_code, err) : run_here(options, -1, exit_code, err);
}

/* --- create and start apart, for engines --- */

static int fifo_make(struct instance *instance, struct vxe_error **err)
{
	/* Opened for both ways it never blocks, and the waiting process is a reader as long as it lives. */
	if (mkfifoat(instance->dir_fd, "start", 0600) < 0 ||
	    (instance->fifo_fd = openat(instance->dir_fd, "start", O_RDWR | O_CLOEXEC)) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the start fifo of %s", instance->options->id);
	instance->launch.start_fifo = instance->fifo_fd;
	return 0;
}

/* The supervisor of a created container: not its parent, since engines wait for the container themselves. */
__attribute__((noreturn)) static void supervisor_main(struct instance *instance)
{
	struct vxe_supervision *s = &instance->supervision;
	cleanup_error struct vxe_error *err = NULL;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; null_fd >= 0 && fd < 3; fd++)
		dup2(null_fd, fd);
	close(steal_fd(&instance->fifo_fd));
	supervision_fill(instance);
	instance->state.supervisor = process_id(getpid());
	s->started = NULL;
	if (vxe_launch_take_listener(&instance->launch, &err) < 0 || vxe_supervision_run(s, &err) < 0)
		sys_pidfd_send_signal(instance->launch.init_pidfd, SIGKILL);
	_exit(0);
}

int vxe_instance_create(const struct vxe_instance_options *options, struct vxe_error **err)
{
	struct instance instance;
	int failed;

	instance_init(&instance, options);
	failed = instance_open(&instance, err);
	if (!failed)
		failed = fifo_make(&instance, err);
	if (!failed && vxe_config_annotation(instance.config, "org.vxe.version"))
		failed = instance_open_log(&instance, err);
	if (!failed) {
		supervision_fill(&instance);
		failed = vxe_supervision_prepare(&instance.supervision, err);
	}
	if (!failed)
		failed = service_mounts_add(&instance, err);
	if (!failed)
		failed = instance_set_up(&instance, err);
	if (!failed && instance.launch.filter.notifies) {
		pid_t pid;

		if (instance.log_fd < 0)
			failed = instance_open_log(&instance, err);
		pid = failed ? -1 : fork();
		if (pid == 0)
			supervisor_main(&instance);
		if (!failed && pid < 0)
			failed = vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the supervisor of %s", options->id);
		instance.state.supervisor = process_id(pid);
	} else if (!failed) {
		instance.state.supervisor = (struct vxe_process_id){0};
	}
	if (!failed)
		failed = state_write(&instance, VXE_CREATED, err);
	if (failed)
		vxe_launch_abort(&instance.launch);
	instance_close(&instance, !failed);
	return failed;
}

int vxe_instance_find(const char *root, const char *id, int *root_fd, int *dir_fd, struct vxe_state **state,
		      struct vxe_error **err)
{
	if (!vxe_state_id_valid(id))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0,
				     "%s is no name of an instance: letters, digits, '.', '_', '+' and '-', no path", id);
	*root_fd = vxe_state_root_open(root, false, NULL, err);
	if (*root_fd < 0 || vxe_state_open(*root_fd, id, dir_fd, err) < 0)
		return -1;
	return vxe_state_read(*dir_fd, state, err);
}

/* One that fails ends the container, as with run. */
static int poststart_run(const struct vxe_state *state, struct vxe_error **err)
{
	cleanup_fd int bundle_fd = open(state->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int init = -1;
	struct vxe_config *config = NULL;
	int failed;

	if (bundle_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the bundle folder %s", state->bundle);
	failed = vxe_config_load(bundle_fd, state->bundle, &config, err);
	if (!failed)
		failed = vxe_hooks_run(&config->poststart, "poststart", config, state->id, state->init.pid, "running", err);
	if (failed && (init = vxe_process_open(&state->init)) >= 0)
		sys_pidfd_send_signal(init, SIGKILL);
	vxe_config_free(&config);
	return failed;
}

int vxe_instance_start(const char *root, const char *id, struct vxe_error **err)
{
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	cleanup_fd int fifo = -1;
	struct vxe_state *state = NULL;
	int failed = vxe_instance_find(root, id, &root_fd, &dir_fd, &state, err);

	if (failed)
		return -1;
	if (state->status != VXE_CREATED) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the container is %s, not created", vxe_status_name(state->status));
		vxe_state_free(&state);
		return -1;
	}
	fifo = openat(dir_fd, "start", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fifo < 0 || vxe_write_all(fifo, "G", 1) < 0)
		failed = vxe_error_set(err, VXE_EXIT_FAILURE, errno, "telling the container to start");
	if (!failed) {
		state->status = VXE_RUNNING;
		failed = vxe_state_write(dir_fd, state, err);
		unlinkat(dir_fd, "start", 0);
	}
	if (!failed)
		failed = poststart_run(state, err);
	vxe_state_free(&state);
	return failed;
}

/* --- signals, stop, delete --- */

int vxe_process_open(const struct vxe_process_id *process)
{
	cleanup_fd int fd = process->pid > 0 ? sys_pidfd_open(process->pid, 0) : -1;

	if (fd < 0 || !vxe_process_alive(process)) {
		errno = ESRCH;
		return -1;
	}
	return steal_fd(&fd);
}

static int64_t monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool process_wait(int pidfd, int64_t until_ms)
{
	struct pollfd waiting = {.fd = pidfd, .events = POLLIN};

	for (;;) {
		int64_t left = until_ms - monotonic_ms();
		int ready = poll(&waiting, 1, left > 0 ? (int)left : 0);

		if (ready > 0)
			return true;
		if (ready == 0 || errno != EINTR)
			return false;
	}
}

int vxe_instance_stop(const char *root, const char *id, int timeout, struct vxe_error **err)
{
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	cleanup_fd int init = -1;
	cleanup_fd int supervisor = -1;
	cleanup_free char *cgroup = NULL;
	struct vxe_state *state = NULL;

	if (vxe_instance_find(root, id, &root_fd, &dir_fd, &state, err) < 0)
		return -1;
	init = vxe_process_open(&state->init);
	supervisor = vxe_process_open(&state->supervisor);
	cgroup = steal_pointer(&state->cgroup);
	vxe_state_free(&state);
	if (init >= 0) {
		if (sys_pidfd_send_signal(init, SIGTERM) < 0 && errno != ESRCH)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "stopping %s", id);
		if (!process_wait(init, monotonic_ms() + (int64_t)timeout * 1000)) {
			sys_pidfd_send_signal(init, SIGKILL);
			if (!process_wait(init, monotonic_ms() + 10000))
				return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
						     "%s does not end, even by SIGKILL: a process of it hangs in the kernel",
						     id);
		}
	}
	if (supervisor >= 0 && !process_wait(supervisor, monotonic_ms() + 10000))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the supervisor of %s does not end", id);
	/* Whatever a killed supervisor left behind. */
	if (cgroup && vxe_cgroup_remove(cgroup, err) < 0)
		return -1;
	return vxe_state_remove(root_fd, id, err);
}

int vxe_instance_delete(const char *root, const char *id, bool force, struct vxe_error **err)
{
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	cleanup_fd int bundle_fd = -1;
	cleanup_fd int pidfd = -1;
	struct vxe_state *state = NULL;
	struct vxe_config *config = NULL;
	int failed = -1;

	if (vxe_instance_find(root, id, &root_fd, &dir_fd, &state, err) < 0) {
		if (!force)
			return -1;
		vxe_error_free(err);
		return root_fd < 0 ? 0 : vxe_state_remove(root_fd, id, err);
	}
	if (state->status != VXE_STOPPED && !force) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the container %s is %s", id, vxe_status_name(state->status));
		vxe_error_hint(err, "stop it first, or delete it with --force");
		goto out;
	}
	pidfd = vxe_process_open(&state->init);
	if (pidfd >= 0) {
		sys_pidfd_send_signal(pidfd, SIGKILL);
		if (!process_wait(pidfd, monotonic_ms() + 10000)) {
			vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the container %s does not end", id);
			goto out;
		}
	}
	if (state->cgroup && vxe_cgroup_remove(state->cgroup, err) < 0)
		goto out;
	bundle_fd = open(state->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bundle_fd >= 0 && vxe_config_load(bundle_fd, state->bundle, &config, NULL) == 0)
		(void)vxe_hooks_run(&config->poststop, "poststop", config, id, 0, "stopped", NULL);
	failed = vxe_state_remove(root_fd, id, err);
out:
	vxe_config_free(&config);
	vxe_state_free(&state);
	return failed;
}

/* --- exec --- */

/* The instance's process object, changed by the command line; the confinement in it stays what it is. */
static int exec_process_make(const struct vxe_exec_options *options, struct vxe_config *config, struct vxe_process **given,
			     struct vxe_error **err)
{
	struct vxe_process *process = &config->process;

	if (options->process_file) {
		cleanup_free char *text = NULL;
		size_t size = 0;

		if (vxe_file_read_at(AT_FDCWD, options->process_file, 1 << 20, &text, &size, err) < 0 ||
		    vxe_config_parse_process(text, size, given, err) < 0)
			return -1;
		/* A process file names a program, not a way around the profile. */
		if (process->landlock.present && !(*given)->landlock.present)
			(*given)->landlock = process->landlock;
		(*given)->no_new_privileges |= process->no_new_privileges;
		(*given)->terminal |= options->terminal;
		return 0;
	}
	if (options->args && strings_copy(options->args, &process->args) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the arguments");
	for (size_t i = 0; options->env && options->env[i]; i++) {
		char **items = realloc(process->env.items, (process->env.count + 2) * sizeof(char *));

		if (!items || !(items[process->env.count] = strdup(options->env[i])))
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the environment");
		items[++process->env.count] = NULL;
		process->env.items = items;
	}
	if (options->cwd) {
		free(process->cwd);
		process->cwd = strdup(options->cwd);
	}
	if (options->has_user) {
		process->uid = options->uid;
		process->gid = options->gid;
	}
	process->terminal = options->terminal || options->console_socket != NULL;
	/* In all sets, the ambient one excepted; what the instance's own bounding set lacks, the kernel does not give. */
	process->capabilities.bounding |= options->capabilities;
	process->capabilities.effective |= options->capabilities;
	process->capabilities.permitted |= options->capabilities;
	process->capabilities.present |= options->capabilities != 0;
	process->no_new_privileges |= options->no_new_privileges;
	return 0;
}

/* Told by the process that stays to supervise: 'R' when the program runs, nothing when it does not. */
static int exec_started(struct vxe_supervision *supervision, struct vxe_error **err)
{
	int *ready = supervision->user;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)err;
	(void)vxe_write_all(*ready, "R", 1);
	close(steal_fd(ready));
	for (int fd = 0; null_fd >= 0 && fd < 3; fd++)
		dup2(null_fd, fd);
	return 0;
}

/* exec --detach: the caller becomes the program's parent, as engines expect. Only a filter that notifies needs somebody who stays. */
static int exec_leave(struct vxe_supervision *supervision, struct vxe_error **err)
{
	struct vxe_launch *launch = supervision->launch;
	cleanup_error struct vxe_error *failure = NULL;
	cleanup_fd int ready = -1;
	struct pollfd waiting = {.fd = launch->sync_fd, .events = POLLIN};
	int pipes[2];
	char byte;
	pid_t pid;

	if (!launch->filter.notifies) {
		while (poll(&waiting, 1, -1) < 0 && errno == EINTR)
			;
		return vxe_launch_failure(launch, err);
	}
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "detaching");
	ready = pipes[0];
	pid = fork();
	if (pid == 0) {
		close(ready);
		setsid();
		supervision->child = false;
		supervision->started = exec_started;
		supervision->user = &pipes[1];
		if (vxe_supervision_run(supervision, &failure) < 0)
			sys_pidfd_send_signal(launch->program_pidfd, SIGKILL);
		_exit(0);
	}
	close(pipes[1]);
	if (pid < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the supervisor");
	if (read(ready, &byte, 1) == 1)
		return 0;
	waitpid(pid, NULL, 0);
	if (vxe_launch_failure(launch, err) < 0)
		return -1;
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the program ended before it was executed");
}

int vxe_instance_exec(const struct vxe_exec_options *options, int *exit_code, struct vxe_error **err)
{
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	cleanup_fd int bundle_fd = -1;
	cleanup_fd int log_fd = -1;
	cleanup_fd int init = -1;
	cleanup_fd int cgroup = -1;
	cleanup_fd int console = -1;
	struct vxe_state *state = NULL;
	struct vxe_config *config = NULL;
	struct vxe_process *given = NULL;
	struct vxe_launch launch;
	struct vxe_supervision supervision = {
		.output_read = -1, .output_write = -1, .output_log = -1, .syslog_fd = -1, .notify_fd = -1, .status = -1};
	sigset_t signals;
	int failed = -1;

	vxe_launch_init(&launch);
	/* Processes of the instance are there already, and will see this one. */
	if (vxe_self_seal(err) < 0 || vxe_instance_find(options->root, options->id, &root_fd, &dir_fd, &state, err) < 0)
		return -1;
	if (state->status == VXE_PAUSED) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is paused", options->id);
		vxe_error_hint(err, "resume it first");
		goto out;
	}
	if (state->status != VXE_RUNNING && state->status != VXE_CREATED) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is not running", options->id);
		vxe_error_hint(err, "start it with: vxe start %s", options->id);
		goto out;
	}
	init = vxe_process_open(&state->init);
	if (init < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is not running", options->id);
		goto out;
	}
	bundle_fd = open(state->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bundle_fd < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the bundle folder %s", state->bundle);
		goto out;
	}
	if (vxe_config_load(bundle_fd, state->bundle, &config, err) < 0 || exec_process_make(options, config, &given, err) < 0)
		goto out;
	log_fd = vxe_log_dir_open(options->id, NULL, err);
	if (log_fd < 0)
		goto out;
	launch.config = config;
	launch.process = given ? given : &config->process;
	launch.id = options->id;
	launch.bundle_fd = bundle_fd;
	launch.join_pidfd = init;
	launch.extra_fds = options->preserve_fds;
	launch.detached = options->detach;
	if (state->cgroup && (cgroup = vxe_cgroup_open(state->cgroup, err)) < 0)
		goto out;
	launch.cgroup_fd = cgroup;
	if (options->console_socket && (console = console_connect(options->console_socket, err)) < 0)
		goto out;
	launch.console_socket = console;
	supervision.launch = &launch;
	supervision.id = options->id;
	supervision.profile = state->profile;
	supervision.log_dir_fd = log_fd;
	supervision.child = true;
	vxe_supervision_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	failed = vxe_launch_create(&launch, err);
	if (!failed)
		failed = pid_file_write(options->pid_file, launch.program_pid, err);
	if (!failed)
		failed = vxe_launch_go(&launch, err);
	if (!failed && options->detach) {
		failed = exec_leave(&supervision, err);
		if (!failed)
			*exit_code = 0;
		goto out;
	}
	if (!failed)
		failed = vxe_supervision_run(&supervision, err);
	if (failed) {
		(void)vxe_launch_failure(&launch, err);
		vxe_launch_abort(&launch);
	} else {
		*exit_code = status_code(supervision.status);
	}
out:
	vxe_launch_free(&launch);
	if (given && config && given->landlock.path_rules == config->process.landlock.path_rules)
		memset(&given->landlock, 0, sizeof(given->landlock));
	vxe_process_free(&given);
	vxe_config_free(&config);
	vxe_state_free(&state);
	return failed;
}
