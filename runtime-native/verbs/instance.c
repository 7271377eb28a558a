#include "instance_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bundle.h"
#include "caps.h"
#include "cgroup.h"
#include "cleanup.h"
#include "descriptors.h"
#include "file.h"
#include "json.h"
#include "landlock.h"
#include "modes.h"
#include "plans.h"
#include "hooks.h"
#include "preflight.h"
#include "record.h"
#include "relay.h"
#include "self.h"
#include "warn.h"
#include "words.h"

void instance_init(struct instance *instance, const struct vxe_instance_options *options)
{
	memset(instance, 0, sizeof(*instance));
	instance->options = options;
	instance->root_fd = instance->dir_fd = instance->lock_fd = instance->bundle_fd = instance->log_fd = -1;
	instance->console = (struct vxe_console)VXE_CONSOLE_NONE;
	instance->fifo_fd = instance->tell_fd = instance->console_fd = instance->ready_fd = instance->cgroup_fd = -1;
	instance->judge.fd = -1;
	instance->companion = (struct vxe_companion)VXE_COMPANION_NONE;
	vxe_launch_init(&instance->launch);
	vxe_supervision_init(&instance->supervision);
}

void instance_poststop(const struct instance *instance)
{
	(void)vxe_hooks_run(&instance->config->poststop, "poststop", instance->config, instance->options->id, 0, "stopped",
			    NULL);
}

void instance_failed(struct instance *instance)
{
	bool begun = instance->launch.init_pid > 0;

	vxe_launch_abort(&instance->launch);
	/* runtime.md, Lifecycle: what fails once the environment is there, as a hook does, goes on with the container's end. */
	if (begun)
		instance_poststop(instance);
}

static void instance_free(struct instance *instance)
{
	int *owned[] = {&instance->bundle_fd,  &instance->log_fd,   &instance->fifo_fd,	  &instance->tell_fd,
			&instance->console_fd, &instance->ready_fd, &instance->cgroup_fd, &instance->dir_fd,
			&instance->lock_fd,    &instance->root_fd};

	vxe_supervision_free(&instance->supervision);
	vxe_launch_free(&instance->launch);
	vxe_judge_close(&instance->judge);
	vxe_config_free(&instance->config);
	/* The lock is among the last: whoever waits for it finds the state gone. */
	for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++)
		if (*owned[i] >= 0)
			close(*owned[i]);
	free(instance->root_path);
	free(instance->dir_path);
	free(instance->cgroup);
	free(instance->slice);
	free(instance->scope);
	free(instance->config_text);
}

bool instance_left(bool ends)
{
#ifdef VXE_SANITIZED
	return ends && false;
#else
	return ends;
#endif
}

void instance_close(struct instance *instance, bool keep_state)
{
	bool has_cgroup = instance->cgroup_fd >= 0 || instance->launch.place;

	vxe_companion_end(&instance->companion);
	/* The state knows where the cgroup is: it stays as long as that does. Of a name that was deleted and taken again both are another's. */
	if (instance->has_state && !keep_state && vxe_state_is(instance->root_fd, instance->options->id, instance->dir_fd) &&
	    (!has_cgroup || instance_cgroup_remove(&instance->state, NULL) == 0))
		(void)vxe_state_remove(instance->root_fd, instance->options->id, NULL);
	if (!instance_left(instance->options->ends))
		instance_free(instance);
}

/* Replaces *out by a copy of a NULL-terminated list. */
int instance_strings_copy(char *const *items, struct vxe_strings *out)
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

struct vxe_process_id instance_process_id(pid_t pid)
{
	return (struct vxe_process_id){.pid = pid, .start_time = pid > 0 ? vxe_process_start_time(pid) : 0};
}

static int process_time(struct vxe_process_id *process)
{
	if (process->pid <= 0 || process->start_time)
		return 0;
	process->start_time = vxe_process_start_time(process->pid);
	return process->start_time || errno == ESRCH ? 0 : -1;
}

int instance_state_write(struct instance *instance, enum vxe_status status, struct vxe_error **err)
{
	/* Without the time at which it began nobody could tell later whether it lives. */
	if (process_time(&instance->state.init) < 0 || process_time(&instance->state.program) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "looking at the processes of %s", instance->options->id);
	instance->state.status = status;
	if (vxe_state_write(instance->dir_fd, &instance->state, err) == 0)
		return 0;
	if (vxe_state_is(instance->root_fd, instance->options->id, instance->dir_fd))
		return -1;
	vxe_error_free(err);
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s was deleted while it was being made", instance->options->id);
}

static bool annotation_is(const struct vxe_config *config, const char *key, const char *value)
{
	const char *found = vxe_config_annotation(config, key);

	return found && !strcmp(found, value);
}

/* With Landlock ruling what may be executed, this program's own file cannot be. */
bool instance_holds_execute(const struct vxe_landlock *landlock)
{
	return landlock->present && (landlock->handled_fs & LANDLOCK_ACCESS_FS_EXECUTE);
}

/* VXE's own verbs start over, and clear away what a killed supervisor has left. */
static int name_clear(const struct instance *instance, struct vxe_error **err)
{
	const struct vxe_instance_options *options = instance->options;
	cleanup_fd int dir_fd = -1, lock_fd = -1;
	struct vxe_state *state = NULL;
	int failed = 0;

	if (vxe_state_find(instance->root_fd, options->id, &dir_fd, &state, NULL) < 0)
		return 0;
	if (state->status == VXE_STOPPED && state->cgroup) {
		/* Where somebody else is about to start it, the cgroup may be the new one's. */
		failed = vxe_state_take(instance->root_fd, options->id, dir_fd, 20, &lock_fd, err);
		if (lock_fd >= 0 && vxe_state_is(instance->root_fd, options->id, dir_fd))
			failed = instance_cgroup_remove(state, err);
	}
	vxe_state_free(&state);
	return failed;
}

int instance_config_kept(int dir_fd, const struct vxe_state *state, struct vxe_config **config, struct vxe_error **err)
{
	int status;

	/* What there was to warn of was told when the instance was made. */
	vxe_warning_keep();
	status = vxe_config_load(dir_fd, state->bundle, config, err);
	vxe_warning_release(false);
	return status;
}

static int config_keep(struct instance *instance, struct vxe_error **err)
{
	cleanup_fd int fd =
		openat(instance->dir_fd, "config.json", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	/* The state is in memory. */
	instance->config_size = vxe_json_compact(instance->config_text, instance->config_size);
	if (fd < 0 || vxe_write_all(fd, instance->config_text, instance->config_size) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "keeping the configuration of %s", instance->options->id);
	/* Who supervises lives long. */
	free(steal_pointer(&instance->config_text));
	return 0;
}

/* A bundle without a profile permits nothing, in any mode: the recorder alone runs it, and gives its program what there is. */
static int unprofiled(const struct vxe_instance_options *options, struct vxe_config *config, struct vxe_error **err)
{
	if (!annotation_is(config, "org.vxe.trace", "only"))
		return 0;
	if (options->observer) {
		vxe_caps_all(&config->process, vxe_config_namespace(config, CLONE_NEWUSER) || geteuid() != 0);
		return 0;
	}
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the bundle has no profile yet, so it can be traced and nothing else");
	return vxe_error_hint(err,
			      "record what it does with 'vxe trace %s -- EXERCISE', then make its profile with 'vxe learn %s'",
			      options->id, options->id);
}

static int bundle_read(struct instance *instance, struct vxe_error **err)
{
	const struct vxe_instance_options *options = instance->options;
	struct vxe_config *config;

	instance->bundle_fd = open(options->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (instance->bundle_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the bundle folder %s", options->bundle);
	if (vxe_config_load_text(instance->bundle_fd, options->bundle, options->config, &instance->config,
				 &instance->config_text, &instance->config_size, err) < 0)
		return -1;
	config = instance->config;
	if (options->own_verb && vxe_bundle_trusted(instance->bundle_fd, config, err) < 0)
		return -1;
	if (unprofiled(options, config, err) < 0)
		return -1;
	/* Before anything is made: this starts the program over. */
	if (!options->detach &&
	    (!instance_holds_execute(&config->process.landlock) || vxe_modes_soft(options, instance->bundle_fd)) &&
	    vxe_self_seal(err) < 0)
		return -1;
	return 0;
}

int instance_open(struct instance *instance, struct vxe_error **err)
{
	const struct vxe_instance_options *options = instance->options;
	struct vxe_launch *launch = &instance->launch;
	const struct vxe_namespace *pids;
	struct vxe_config *config;
	int status;

	/* A program that starts over reads it once more. */
	vxe_warning_keep();
	status = bundle_read(instance, err);
	vxe_warning_release(true);
	if (status < 0)
		return -1;
	config = instance->config;
	launch->config = config;
	launch->host_root = options->host_root || annotation_is(config, "org.vxe.root", "host");
	if (vxe_launch_ahead(launch, err) < 0)
		return -1;
	if (options->args && instance_strings_copy(options->args, &config->process.args) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the arguments");
	if (options->inherit) {
		if (instance_strings_copy(environ, &config->process.env) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the environment");
		free(config->process.cwd);
		config->process.cwd = getcwd(NULL, 0);
		if (!config->process.cwd)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "finding the working folder");
	}
	if (!options->entry && vxe_preflight_ports(config, err) < 0)
		return -1;
	if (instance_cgroup_name(instance, err) < 0)
		return -1;
	instance->root_fd = vxe_state_root_open(options->root, true, &instance->root_path, err);
	if (instance->root_fd < 0)
		return -1;
	if (options->own_verb && name_clear(instance, err) < 0)
		return -1;
	/* What an engine asks for is told it: a name is taken until delete, whatever has become of the container. */
	if (vxe_state_create(instance->root_fd, options->id, options->own_verb, &instance->dir_fd, &instance->lock_fd, err) < 0)
		return -1;
	instance->has_state = true;
	if (asprintf(&instance->dir_path, "%s/%s", instance->root_path, options->id) < 0) {
		instance->dir_path = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "opening the state of %s", options->id);
	}
	pids = vxe_config_namespace(config, CLONE_NEWPID);
	instance->state = (struct vxe_state){
		.id = (char *)options->id,
		.bundle = config->bundle,
		.oci_version = config->oci_version,
		.rootfs = config->rootfs,
		.profile = (char *)vxe_config_annotation(config, "org.vxe.profile"),
		.supervisor = instance_process_id(getpid()),
		.cgroup = instance->cgroup,
		.cgroup_anothers = instance->cgroup && vxe_cgroup_there(instance->cgroup),
		.scope = instance->scope,
		.own_pid_namespace = pids && !pids->path,
		.detached = options->detach,
		.created_ns = realtime_ns(),
		.owner = geteuid(),
		.exit_code = -1,
		.annotations = config->annotations,
	};
	launch->id = options->id;
	launch->bundle_fd = instance->bundle_fd;
	launch->reaper =
		instance->state.own_pid_namespace && (options->own_verb ? !annotation_is(config, "org.vxe.init", "false")
									: annotation_is(config, "org.vxe.init", "true"));
	/* With entry the instance ends with it, whatever it leaves behind. */
	launch->forking = launch->reaper && !options->entry && annotation_is(config, "org.vxe.kind", "forking");
	launch->without = options->without;
	launch->marked = options->own_verb;
	launch->entry = options->entry;
	launch->entry_arg = options->entry_arg;
	/* A profile's capabilities are granted or it does not start; an engine's are as many as there are. */
	if (!vxe_config_annotation(config, "org.vxe.version"))
		vxe_caps_fit(&config->process, vxe_config_namespace(config, CLONE_NEWUSER) || geteuid() != 0);
	if (vxe_modes_choose(options, config, instance->root_path, launch, &instance->supervision, &instance->mode,
			     &instance->judge, err) < 0)
		return -1;
	/* A cgroup would outlive us: it is written down before it is made. What else there will be ends with us. */
	return instance->cgroup || instance->scope ? instance_state_write(instance, VXE_CREATING, err) : 0;
}

/* The configuration was read in memory that is free by now, and a supervisor may stay for as long as the host is up. */
void instance_settle(void)
{
	vxe_descriptors_leave();
#ifdef __GLIBC__
	/* Other libraries give back what is freed at once. */
	malloc_trim(0);
#endif
}

/* A violation log is kept for every instance under a VXED, and for any whose filter notifies. */
int instance_open_log(struct instance *instance, struct vxe_error **err)
{
	instance->log_fd = vxe_log_dir_open(instance->options->id, NULL, err);
	return instance->log_fd < 0 ? -1 : 0;
}

int instance_pid_file_write(const char *path, pid_t pid, struct vxe_error **err)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", pid);

	return path ? vxe_file_replace_at(AT_FDCWD, path, text, (size_t)length, 0644, err) : 0;
}

int instance_status_code(int status)
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

int instance_console(struct vxe_launch *launch, const struct vxe_process *process, const char *path, bool leaves,
		     int *connected, struct vxe_console *carried, struct vxe_error **err)
{
	if (path) {
		launch->console_socket = *connected = console_connect(path, err);
		return *connected < 0 ? -1 : 0;
	}
	if (!process->terminal || leaves)
		return 0;
	if (vxe_console_open(carried, process->console_rows || process->console_columns, err) < 0)
		return -1;
	launch->console_socket = carried->socket;
	return 0;
}

/* A recording sees it all, and the attack battery executes no program. */
bool instance_has_hooks(const struct instance *instance)
{
	return vxe_companion_wanted(instance->config) && !instance->options->observer && !instance->options->entry;
}

static int companion_begin(struct instance *instance, struct vxe_error **err)
{
	if (!instance_has_hooks(instance))
		return 0;
	if (instance->log_fd < 0 && instance_open_log(instance, err) < 0)
		return -1;
	if (vxe_companion_begin(&instance->companion, instance->config, instance->bundle_fd, instance->options->id,
				instance->state.profile, instance->log_fd, err) < 0)
		return -1;
	instance->supervision.companion_fd = instance->companion.channel;
	return 0;
}

int instance_begin(struct instance *instance, struct vxe_error **err)
{
	struct vxe_launch *launch = &instance->launch;
	const struct vxe_process *process = launch->process ? launch->process : &instance->config->process;
	sigset_t signals;

	if (instance_console(launch, process, instance->options->console_socket,
			     instance->options->detach || launch->start_fifo >= 0, &instance->console_fd, &instance->console,
			     err) < 0)
		return -1;
	launch->listen_names = getenv("LISTEN_FDNAMES");
	if (vxe_descriptors_take(instance->config, launch, instance->options->listen_fds, instance->options->preserve_fds,
				 instance->options->detach || launch->start_fifo >= 0, err) < 0)
		return -1;
	vxe_supervision_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (instance_cgroup_make(instance, err) < 0 || companion_begin(instance, err) < 0 || vxe_launch_begin(launch, err) < 0)
		return -1;
	/* The first process is at work meanwhile. */
	vxe_config_settle(instance->config);
	if (!instance->cgroup && !instance->scope && instance_state_write(instance, VXE_CREATING, err) < 0)
		return -1;
	if (config_keep(instance, err) < 0 || vxe_modes_judge(instance->config, launch, &instance->judge, err) < 0)
		return -1;
	return vxe_plans_keep(instance->dir_fd, launch, &instance->judge, instance->companion.hooks_fd, err);
}

int instance_wait(struct instance *instance, struct vxe_error **err)
{
	struct vxe_launch *launch = &instance->launch;

	if (vxe_launch_wait(launch, err) < 0)
		return -1;
	if (instance->companion.channel >= 0 && vxe_companion_watch(&instance->companion, launch, err) < 0)
		return -1;
	/* Now that the instance's own devices are made, and before its program runs. */
	if (instance->cgroup_fd >= 0 &&
	    vxe_cgroup_devices(instance->cgroup_fd, &instance->config->resources, instance->state.cgroup_anothers, err) < 0)
		return -1;
	instance->state.init = instance_process_id(launch->init_pid);
	instance->state.program =
		launch->program_pid == launch->init_pid ? instance->state.init : instance_process_id(launch->program_pid);
	instance->state.supervised = launch->filter.notifies;
	for (size_t i = 0; i < VXE_NAMESPACE_KINDS; i++)
		instance->state.namespaces[i] = launch->namespace_fds[i] > 2 ? launch->namespace_fds[i] : 0;
	return instance_pid_file_write(instance->options->pid_file, launch->init_pid, err);
}

void instance_supervision_fill(struct instance *instance)
{
	struct vxe_supervision *s = &instance->supervision;

	s->launch = &instance->launch;
	s->id = instance->options->id;
	s->profile = instance->state.profile;
	s->log_dir_fd = instance->log_fd;
	s->state_dir = instance->dir_path;
	s->judge = &instance->judge;
	s->asked = instance->mode;
	s->user = instance;
	s->manager_notify = instance_manager_notify();
	/* vxe's own verbs are what the manager has started and takes for the service; an engine's go, and name the container. */
	s->names_main = !instance->options->own_verb;
	/* Whether a program may notify is for its profile to say. */
	s->relay_folder = s->manager_notify && s->names_main && !instance->launch.host_root &&
			  !vxe_config_annotation(instance->config, "org.vxe.version");
}

bool instance_waits_ready(const struct instance *instance)
{
	const struct vxe_supervision *s = &instance->supervision;

	return s->manager_notify && s->names_main &&
	       (s->relay_folder || vxe_words_have(vxe_config_annotation(instance->config, "org.vxe.services"), "notify"));
}

const char *instance_manager_notify(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && *path ? path : NULL;
}

#define NOTIFY_PATH "/run/vxe/notify.sock"
/* A plain OCI bundle has no such file; the folder is where runc has it. */
#define NOTIFY_FOLDER "/run/notify"

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
	mount->of_launcher = true;
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
int instance_services_mount(struct instance *instance, struct vxe_error **err)
{
	static char *const notify_env[] = {(char *)"NOTIFY_SOCKET=" NOTIFY_PATH, NULL};
	static char *const folder_env[] = {(char *)"NOTIFY_SOCKET=" NOTIFY_FOLDER "/" VXE_RELAY_NOTIFY, NULL};
	const struct vxe_supervision *s = &instance->supervision;

	if (instance->launch.host_root)
		return 0;
	if (s->syslog_fd >= 0 && socket_mount_add(instance, "log.sock", SYSLOG_PATH, err) < 0)
		return -1;
	if (s->notify_fd < 0)
		return 0;
	instance->launch.extra_env = s->relay_folder ? folder_env : notify_env;
	if (s->relay_folder)
		return socket_mount_add(instance, VXE_RELAY_FOLDER, NOTIFY_FOLDER, err);
	return socket_mount_add(instance, "notify.sock", NOTIFY_PATH, err);
}
