#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "instance.h"
#include "oci.h"
#include "state.h"
#include "verbs.h"
#include "warn.h"

static const struct vxe_verb *verb(const char *name)
{
	return vxe_verb_find(vxe_oci_verbs, name);
}

int vxe_oci_misuse(const char *name, const char *what, struct vxe_error **err)
{
	return vxe_verb_misuse("vxe-runtime", verb(name), what, err);
}

int vxe_oci_help(const char *name)
{
	return vxe_verb_help("vxe-runtime", verb(name));
}

/* How many descriptors the program is to have, after 2 and the sockets of LISTEN_FDS. */
static int preserve_parse(const char *text, int *out, struct vxe_error **err)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (!*text || *end || value < 0 || value > 1024)
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "--preserve-fds: \"%s\" is not a number from 0 to 1024", text);
	*out = (int)value;
	return 0;
}

/* create and run: the options that engines give to runc. */
static int launch_options(const char *name, int argc, char **argv, struct vxe_instance_options *out, char **bundle,
			  char **config, struct vxe_error **err)
{
	static const struct option options[] = {{"bundle", required_argument, NULL, 'b'},
						{"config", required_argument, NULL, 'f'},
						{"console-socket", required_argument, NULL, 'c'},
						{"pid-file", required_argument, NULL, 'p'},
						{"preserve-fds", required_argument, NULL, 'F'},
						{"detach", no_argument, NULL, 'd'},
						{"keep", no_argument, NULL, 'K'},
						{"no-new-keyring", no_argument, NULL, 'k'},
						{"no-pivot", no_argument, NULL, 'k'},
						{"no-subreaper", no_argument, NULL, 'k'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	const char *given = ".", *file = NULL;
	int option, failed = 0;

	while ((option = getopt_long(argc, argv, "+b:c:p:f:dh", options, NULL)) >= 0) {
		if (option == 'b')
			given = optarg;
		else if (option == 'c')
			out->console_socket = optarg;
		else if (option == 'p')
			out->pid_file = optarg;
		else if (option == 'f')
			file = optarg;
		else if (option == 'F')
			failed = preserve_parse(optarg, &out->preserve_fds, err);
		else if (option == 'd' && !strcmp(name, "run"))
			out->detach = out->keep = true;
		else if (option == 'K' && !strcmp(name, "run"))
			out->keep = true;
		else if (option == 'h')
			return vxe_oci_help(name);
		else if (option !=
			 'k') /* 'k': the program gets a new keyring and pivot_root, which are safer, all the same; a subreaper
					   is never made */
			return vxe_oci_misuse(name, NULL, err);
		if (failed)
			return -1;
	}
	if (optind + 1 != argc)
		return vxe_oci_misuse(name, "wants one container id", err);
	out->id = argv[optind];
	if (!vxe_state_id_valid(out->id))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0,
				     "%s is no container id: letters, digits, '.', '_', '+' and '-', no path", out->id);
	*bundle = realpath(given, NULL);
	if (!*bundle)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the bundle folder %s", given);
	out->bundle = *bundle;
	/* As crun has it: the plain name is the bundle's file, wherever the caller is. */
	if (!file || !strcmp(file, "config.json"))
		return -2; /* go on */
	*config = realpath(file, NULL);
	if (!*config)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the configuration %s", file);
	out->config = *config;
	return -2;
}

static int create_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	struct vxe_instance_options options = {.root = globals->root,
					       .ends = true,
					       .no_cgroup = globals->no_cgroup,
					       .systemd_cgroup = globals->systemd_cgroup};
	cleanup_free char *bundle = NULL;
	cleanup_free char *config = NULL;
	int code = launch_options("create", argc, argv, &options, &bundle, &config, err);

	return code != -2 ? code : vxe_instance_create(&options, err);
}

static int run_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	struct vxe_instance_options options = {.root = globals->root,
					       .ends = true,
					       .no_cgroup = globals->no_cgroup,
					       .systemd_cgroup = globals->systemd_cgroup};
	cleanup_free char *bundle = NULL;
	cleanup_free char *config = NULL;
	int code = launch_options("run", argc, argv, &options, &bundle, &config, err);

	if (code != -2)
		return code;
	code = VXE_EXIT_FAILURE;
	return vxe_instance_run(&options, &code, err) < 0 ? -1 : code;
}

int vxe_oci_one_id(const char *name, int argc, char **argv, const char **id, struct vxe_error **err)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "+h", options, NULL)) >= 0)
		return option == 'h' ? vxe_oci_help(name) : vxe_oci_misuse(name, NULL, err);
	if (optind + 1 != argc)
		return vxe_oci_misuse(name, "wants one container id", err);
	*id = argv[optind];
	return -2;
}

int vxe_oci_format(const char *name, const char *format, bool *json, struct vxe_error **err)
{
	*json = !strcmp(format, "json");
	return *json || !strcmp(format, "table") ? 0 : vxe_oci_misuse(name, "knows the formats table and json", err);
}

static int start_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	const char *id;
	int code = vxe_oci_one_id("start", argc, argv, &id, err);

	return code != -2 ? code : vxe_instance_start(globals->root, id, err);
}

static int state_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	cleanup_free char *text = NULL;
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	struct vxe_state *state = NULL;
	const char *id;
	int code = vxe_oci_one_id("state", argc, argv, &id, err);

	if (code != -2)
		return code;
	if (vxe_instance_find(globals->root, id, &root_fd, &dir_fd, &state, err) < 0)
		return -1;
	code = vxe_state_to_json(state, false, &text, err);
	if (!code)
		puts(text);
	vxe_state_free(&state);
	return code;
}

static int delete_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"force", no_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
	bool force = false;
	int option;

	while ((option = getopt_long(argc, argv, "+fh", options, NULL)) >= 0) {
		if (option == 'f')
			force = true;
		else
			return option == 'h' ? vxe_oci_help("delete") : vxe_oci_misuse("delete", NULL, err);
	}
	if (optind + 1 != argc)
		return vxe_oci_misuse("delete", "wants one container id", err);
	return vxe_instance_delete(globals->root, argv[optind], force, err);
}

static int exec_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"process", required_argument, NULL, 'p'},
						{"pid-file", required_argument, NULL, 'P'},
						{"console-socket", required_argument, NULL, 's'},
						{"cwd", required_argument, NULL, 'w'},
						{"env", required_argument, NULL, 'e'},
						{"user", required_argument, NULL, 'u'},
						{"additional-gids", required_argument, NULL, 'g'},
						{"preserve-fds", required_argument, NULL, 'f'},
						{"tty", optional_argument, NULL, 't'},
						{"detach", no_argument, NULL, 'd'},
						{"cap", required_argument, NULL, 'C'},
						{"no-new-privs", no_argument, NULL, 'n'},
						{"apparmor", required_argument, NULL, 'a'},
						{"process-label", required_argument, NULL, 'l'},
						{"cgroup", required_argument, NULL, 'G'},
						{"ignore-paused", no_argument, NULL, 'i'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct vxe_exec_options exec = {.root = globals->root, .ends = true};
	char *env[65] = {0};
	gid_t gids[64];
	size_t n_env = 0;
	int option, code = VXE_EXIT_FAILURE;

	while ((option = getopt_long(argc, argv, "+p:e:u:g:tdc:h", options, NULL)) >= 0) {
		uint32_t uid, gid = 0, none;

		if (option == 'h')
			return vxe_oci_help("exec");
		if (option == 'p')
			exec.process_file = optarg;
		else if (option == 'P')
			exec.pid_file = optarg;
		else if (option == 's')
			exec.console_socket = optarg;
		else if (option == 't')
			exec.terminal = !optarg || (strcmp(optarg, "false") && strcmp(optarg, "no"));
		else if (option == 'd')
			exec.detach = true;
		else if (option == 'i')
			exec.ignore_paused = true;
		else if (option == 'a')
			exec.apparmor = optarg;
		else if (option == 'G')
			exec.cgroup = optarg;
		else if (option == 'n')
			exec.no_new_privileges = true;
		else if (option == 'w')
			exec.cwd = optarg;
		else if (option == 'c' || option == 'C') {
			/* As in a configuration: it grants nothing. */
			if (vxe_config_capability(optarg, &exec.capabilities) < 0)
				vxe_warning("--cap: \"%.64s\" is not the name of a capability and grants nothing", optarg);
		} else if (option == 'f') {
			if (preserve_parse(optarg, &exec.preserve_fds, err) < 0)
				return -1;
		} else if (option == 'l') {
			if (*optarg)
				return vxe_error_set(err, VXE_EXIT_MISUSE, 0,
						     "--process-label: labels of SELinux are not supported");
		} else if (option == 'e' && n_env < 64)
			env[n_env++] = optarg;
		else if (option == 'u' && vxe_verb_user(optarg, &uid, &gid) > 0) {
			exec.uid = uid;
			exec.gid = gid;
			exec.has_user = true;
		} else if (option == 'g' && exec.n_gids < 64 && vxe_verb_user(optarg, &gid, &none) == 1) {
			gids[exec.n_gids++] = gid;
		} else
			return vxe_oci_misuse("exec", NULL, err);
	}
	if (optind >= argc || (optind + 1 == argc && !exec.process_file))
		return vxe_oci_misuse("exec", "wants a container id and a program, or --process", err);
	exec.id = argv[optind];
	exec.args = optind + 1 < argc ? argv + optind + 1 : NULL;
	exec.env = env;
	exec.gids = gids;
	if (vxe_instance_exec(&exec, &code, err) == 0)
		return code;
	if (err && *err && (*err)->exit == VXE_EXIT_FAILURE)
		(*err)->exit = VXE_EXIT_NO_PROGRAM;
	return -1;
}

/* The owner by the number: names are for who reads the host's user database. */
static void row_print(const struct vxe_state *state)
{
	char created[VXE_STATE_TIME];

	vxe_state_created(state, created);
	printf("%-24s %-8d %-10s %-40s %-30s #%u\n", state->id, state->init.pid, vxe_status_name(state->status), state->bundle,
	       created, state->owner);
}

/* Of one whose state cannot be read the others' list is told, and on standard error that it is there. */
static int list_print(int root_fd, const char *id, bool json, bool quiet, bool first)
{
	cleanup_error struct vxe_error *err = NULL;
	cleanup_fd int dir_fd = -1;
	cleanup_free char *text = NULL;
	struct vxe_state *state = NULL;
	int failed = vxe_state_find(root_fd, id, &dir_fd, &state, &err);

	if (!failed && json)
		failed = vxe_state_to_json(state, true, &text, &err);
	if (!failed && json)
		printf("%s%s", first ? "" : ",", text);
	else if (!failed && quiet)
		puts(id);
	else if (!failed)
		row_print(state);
	else if (dir_fd >= 0 && !vxe_state_coming(dir_fd) && vxe_state_is(root_fd, id, dir_fd))
		vxe_warning("%s is not in the list: %s", id, err ? err->message : strerror(ENOMEM));
	vxe_state_free(&state);
	return failed;
}

static int list_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"format", required_argument, NULL, 'f'},
						{"quiet", no_argument, NULL, 'q'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	cleanup_fd int root_fd = -1;
	struct vxe_strings ids = {0};
	bool json = globals->json, quiet = false, first = true;
	int option;

	while ((option = getopt_long(argc, argv, "+f:qh", options, NULL)) >= 0) {
		if (option == 'q')
			quiet = true;
		else if (option != 'f')
			return option == 'h' ? vxe_oci_help("list") : vxe_oci_misuse("list", NULL, err);
		else if (vxe_oci_format("list", optarg, &json, err) < 0)
			return -1;
	}
	if (vxe_state_root_find(globals->root, &root_fd, err) < 0)
		return -1;
	if (root_fd >= 0 && vxe_state_list(root_fd, &ids, err) < 0)
		return -1;
	if (json)
		putchar('[');
	else if (!quiet)
		printf("%-24s %-8s %-10s %-40s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER");
	for (size_t i = 0; i < ids.count; i++) {
		if (list_print(root_fd, ids.items[i], json, quiet, first) == 0)
			first = false;
		free(ids.items[i]);
	}
	free(ids.items);
	if (json)
		puts("]");
	return 0;
}

const struct vxe_verb vxe_oci_verbs[] = {
	{"create",
	 "create [--bundle DIR] [--config FILE] [--console-socket PATH] [--pid-file FILE] [--preserve-fds N] [--no-pivot] ID",
	 "make a container; it waits for start", create_run},
	{"start", "start ID", "start the program of a created container", start_run},
	{"state", "state ID", "print a container's state as JSON", state_run},
	{"kill", "kill [--all] ID [SIGNAL]", "send a signal (TERM) to a container's first process", vxe_oci_kill},
	{"delete", "delete [--force] ID", "remove a stopped container; with --force end it first", delete_run},
	{"run",
	 "run [--bundle DIR] [--config FILE] [--detach] [--keep] [--console-socket PATH] [--pid-file FILE] [--preserve-fds N] "
	 "[--no-pivot] ID",
	 "create, start, wait, delete; with --detach or --keep delete is a step of its own", run_run},
	{"exec",
	 "exec [--process FILE] [--detach] [--tty] [--console-socket PATH] [--pid-file FILE] [--preserve-fds N] [--cap NAME] "
	 "[--no-new-privs] [--apparmor PROFILE] [--cgroup PATH] [--cwd DIR] [--env NAME=VALUE] [--user UID[:GID]] "
	 "[--additional-gids GID] [--preserve-fds N] [--ignore-paused] ID [PROGRAM ARGUMENT...]",
	 "run a further program in a container", exec_run},
	{"pause", "pause ID", "stop all processes of a container where they are", vxe_oci_pause},
	{"resume", "resume ID", "let the processes of a paused container go on", vxe_oci_resume},
	{"ps", "ps [--format table|json] ID [PS-OPTION...]",
	 "list the processes of a container, as a table of our own or of ps(1)", vxe_oci_ps},
	{"update",
	 "update [--resources FILE|-] [--memory N] [--memory-swap N] [--memory-reservation N] [--cpu-share N] [--cpu-quota N] "
	 "[--cpu-period N] [--cpu-idle 0|1] [--cpu-burst N] [--cpuset-cpus LIST] [--cpuset-mems LIST] [--pids-limit N] "
	 "[--blkio-weight N] ID",
	 "change the limits of a container", vxe_oci_update},
	{"events", "events [--stats] [--interval DURATION] ID", "print what a container uses, as JSON, once or every 5s",
	 vxe_oci_events},
	{"list", "list [--format table|json] [--quiet]", "list the containers", list_run},
	{"features", "features", "print what this runtime does, as JSON", vxe_oci_features},
	{"spec", "spec [--bundle DIR] [--rootless]", "write a config.json to begin with", vxe_oci_spec},
	{0},
};
