#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "instance.h"
#include "json.h"
#include "ruleset.h"
#include "state.h"
#include "verbs.h"

static const struct vxe_verb *verb(const char *name)
{
	return vxe_verb_find(vxe_oci_verbs, name);
}

static int misuse(const char *name, const char *what, struct vxe_error **err)
{
	return vxe_verb_misuse("vxe-runtime", verb(name), what, err);
}

/* create and run: the options that engines give to runc. */
static int launch_options(const char *name, int argc, char **argv, struct vxe_instance_options *out, char **bundle,
			  struct vxe_error **err)
{
	static const struct option options[] = {
		{"bundle", required_argument, NULL, 'b'},   {"console-socket", required_argument, NULL, 'c'},
		{"pid-file", required_argument, NULL, 'p'}, {"preserve-fds", required_argument, NULL, 'f'},
		{"detach", no_argument, NULL, 'd'},	    {"no-new-keyring", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},	    {0}};
	const char *given = ".";
	int option;

	while ((option = getopt_long(argc, argv, "+b:c:p:f:dh", options, NULL)) >= 0) {
		if (option == 'b')
			given = optarg;
		else if (option == 'c')
			out->console_socket = optarg;
		else if (option == 'p')
			out->pid_file = optarg;
		else if (option == 'f')
			out->preserve_fds = atoi(optarg);
		else if (option == 'd' && !strcmp(name, "run"))
			out->detach = true;
		else if (option == 'h')
			return vxe_verb_help("vxe-runtime", verb(name));
		else if (option != 'k')
			return misuse(name, NULL, err);
	}
	if (optind + 1 != argc)
		return misuse(name, "wants one container id", err);
	out->id = argv[optind];
	if (!vxe_state_id_valid(out->id))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0,
				     "%s is no container id: letters, digits, '.', '_', '+' and '-', no path", out->id);
	*bundle = realpath(given, NULL);
	if (!*bundle)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the bundle folder %s", given);
	out->bundle = *bundle;
	return -2; /* go on */
}

static int create_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	struct vxe_instance_options options = {.root = globals->root, .keep_fd = -1};
	cleanup_free char *bundle = NULL;
	int code = launch_options("create", argc, argv, &options, &bundle, err);

	return code != -2 ? code : vxe_instance_create(&options, err);
}

static int run_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	struct vxe_instance_options options = {.root = globals->root, .keep_fd = -1};
	cleanup_free char *bundle = NULL;
	int code = launch_options("run", argc, argv, &options, &bundle, err);

	if (code != -2)
		return code;
	code = VXE_EXIT_FAILURE;
	return vxe_instance_run(&options, &code, err) < 0 ? -1 : code;
}

static int one_id(const char *name, int argc, char **argv, const char **id, struct vxe_error **err)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "+h", options, NULL)) >= 0)
		return option == 'h' ? vxe_verb_help("vxe-runtime", verb(name)) : misuse(name, NULL, err);
	if (optind + 1 != argc)
		return misuse(name, "wants one container id", err);
	*id = argv[optind];
	return -2;
}

static int start_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	const char *id;
	int code = one_id("start", argc, argv, &id, err);

	return code != -2 ? code : vxe_instance_start(globals->root, id, err);
}

static int state_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	cleanup_free char *text = NULL;
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	struct vxe_state *state = NULL;
	const char *id;
	int code = one_id("state", argc, argv, &id, err);

	if (code != -2)
		return code;
	if (!vxe_state_id_valid(id))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "%s is no container id", id);
	root_fd = vxe_state_root_open(globals->root, false, NULL, err);
	if (root_fd < 0 || vxe_state_open(root_fd, id, &dir_fd, err) < 0 || vxe_state_read(dir_fd, &state, err) < 0)
		return -1;
	code = vxe_state_to_json(state, false, &text, err);
	if (!code)
		puts(text);
	vxe_state_free(&state);
	return code;
}

/* "TERM", "SIGTERM", "15" */
static int signal_parse(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text && !*end)
		return number >= 0 && number < 65 ? (int)number : -1;
	if (!strncmp(text, "SIG", 3))
		text += 3;
	for (int sig = 1; sig < 65; sig++) {
		const char *name = sigabbrev_np(sig);

		if (name && !strcmp(name, text))
			return sig;
	}
	return -1;
}

static int kill_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"all", no_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {0}};
	bool all = false;
	int option, sig = SIGTERM;

	while ((option = getopt_long(argc, argv, "+ah", options, NULL)) >= 0) {
		if (option == 'a')
			all = true;
		else
			return option == 'h' ? vxe_verb_help("vxe-runtime", verb("kill")) : misuse("kill", NULL, err);
	}
	if (optind + 1 != argc && optind + 2 != argc)
		return misuse("kill", "wants a container id and a signal", err);
	if (optind + 2 == argc && (sig = signal_parse(argv[optind + 1])) < 0)
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "%s is no signal", argv[optind + 1]);
	return vxe_instance_kill(globals->root, argv[optind], sig, all, err);
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
			return option == 'h' ? vxe_verb_help("vxe-runtime", verb("delete")) : misuse("delete", NULL, err);
	}
	if (optind + 1 != argc)
		return misuse("delete", "wants one container id", err);
	return vxe_instance_delete(globals->root, argv[optind], force, err);
}

static int exec_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"process", required_argument, NULL, 'p'},
						{"pid-file", required_argument, NULL, 'P'},
						{"console-socket", required_argument, NULL, 'c'},
						{"cwd", required_argument, NULL, 'w'},
						{"env", required_argument, NULL, 'e'},
						{"user", required_argument, NULL, 'u'},
						{"preserve-fds", required_argument, NULL, 'f'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct vxe_exec_options exec = {.root = globals->root};
	char *env[65] = {0};
	size_t n_env = 0;
	int option, code = VXE_EXIT_FAILURE;

	while ((option = getopt_long(argc, argv, "+p:e:u:h", options, NULL)) >= 0) {
		unsigned int uid, gid = 0;

		if (option == 'h')
			return vxe_verb_help("vxe-runtime", verb("exec"));
		if (option == 'p')
			exec.process_file = optarg;
		else if (option == 'P')
			exec.pid_file = optarg;
		else if (option == 'c')
			exec.console_socket = optarg;
		else if (option == 'w')
			exec.cwd = optarg;
		else if (option == 'f')
			exec.preserve_fds = atoi(optarg);
		else if (option == 'e' && n_env < 64)
			env[n_env++] = optarg;
		else if (option == 'u' && sscanf(optarg, "%u:%u", &uid, &gid) >= 1) {
			exec.uid = uid;
			exec.gid = gid;
			exec.has_user = true;
		} else
			return misuse("exec", NULL, err);
	}
	if (optind >= argc || (optind + 1 == argc && !exec.process_file))
		return misuse("exec", "wants a container id and a program, or --process", err);
	exec.id = argv[optind];
	exec.args = optind + 1 < argc ? argv + optind + 1 : NULL;
	exec.env = env;
	return vxe_instance_exec(&exec, &code, err) < 0 ? -1 : code;
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
		else if (option == 'f')
			json = !strcmp(optarg, "json");
		else
			return option == 'h' ? vxe_verb_help("vxe-runtime", verb("list")) : misuse("list", NULL, err);
	}
	root_fd = vxe_state_root_open(globals->root, false, NULL, NULL);
	if (root_fd >= 0 && vxe_state_list(root_fd, &ids, err) < 0)
		return -1;
	if (json)
		putchar('[');
	else if (!quiet)
		printf("%-24s %-8s %-10s %s\n", "ID", "PID", "STATUS", "BUNDLE");
	for (size_t i = 0; i < ids.count; i++) {
		cleanup_fd int dir_fd = -1;
		cleanup_free char *text = NULL;
		struct vxe_state *state = NULL;

		if (vxe_state_open(root_fd, ids.items[i], &dir_fd, NULL) == 0 && vxe_state_read(dir_fd, &state, NULL) == 0) {
			if (json && vxe_state_to_json(state, true, &text, NULL) == 0)
				printf("%s%s", first ? "" : ",", text);
			else if (quiet)
				puts(ids.items[i]);
			else
				printf("%-24s %-8d %-10s %s\n", ids.items[i], state->init.pid, vxe_status_name(state->status),
				       state->bundle);
			first = false;
			vxe_state_free(&state);
		}
		free(ids.items[i]);
	}
	free(ids.items);
	if (json)
		puts("]");
	return 0;
}

static void strings_write(struct vxe_json_text *text, const char *key, const char *const *items)
{
	vxe_json_text_array_begin(text, key);
	for (; *items; items++)
		vxe_json_text_string(text, NULL, *items);
	vxe_json_text_array_end(text);
}

/* runtime-spec features.md: what this program does, not what one host can. */
static int features_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const char *const hooks[] = {
		"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop", NULL};
	static const char *const options[] = {
		"ro",	      "rw",	  "nosuid",	 "suid",      "nodev",	    "dev",	   "noexec",
		"exec",	      "noatime",  "atime",	 "relatime",  "norelatime", "strictatime", "nostrictatime",
		"nodiratime", "diratime", "nosymfollow", "symfollow", "bind",	    "rbind",	   "private",
		"rprivate",   "shared",	  "rshared",	 "slave",     "rslave",	    "unbindable",  "runbindable",
		"rro",	      "rrw",	  "rnosuid",	 "rnodev",    "rnoexec",    NULL};
	static const char *const namespaces[] = {"cgroup", "ipc", "mount", "network", "pid", "user", "uts", NULL};
	struct vxe_json_text text = {0};

	(void)globals;
	(void)argv;
	if (argc != 1)
		return misuse("features", "takes no argument", err);
	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_string(&text, "ociVersionMin", "1.0.0");
	vxe_json_text_string(&text, "ociVersionMax", "1.2.0");
	strings_write(&text, "hooks", hooks);
	strings_write(&text, "mountOptions", options);
	vxe_json_text_object_begin(&text, "linux");
	strings_write(&text, "namespaces", namespaces);
	vxe_json_text_object_begin(&text, "seccomp");
	vxe_json_text_bool(&text, "enabled", true);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_begin(&text, "apparmor");
	vxe_json_text_bool(&text, "enabled", false);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_begin(&text, "selinux");
	vxe_json_text_bool(&text, "enabled", false);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_begin(&text, "annotations");
	vxe_json_text_string(&text, "org.vxe.landlock", "abi 7");
	vxe_json_text_object_end(&text);
	vxe_json_text_object_end(&text);
	if (vxe_json_text_finish(&text) == 0)
		puts(text.data);
	vxe_json_text_free(&text);
	return 0;
}

const struct vxe_verb vxe_oci_verbs[] = {
	{"create", "create [--bundle DIR] [--console-socket PATH] [--pid-file FILE] [--preserve-fds N] ID",
	 "make a container; it waits for start", create_run},
	{"start", "start ID", "start the program of a created container", start_run},
	{"state", "state ID", "print a container's state as JSON", state_run},
	{"kill", "kill [--all] ID [SIGNAL]", "send a signal (TERM) to a container's first process", kill_run},
	{"delete", "delete [--force] ID", "remove a stopped container; with --force end it first", delete_run},
	{"run", "run [--bundle DIR] [--detach] [--console-socket PATH] [--pid-file FILE] [--preserve-fds N] ID",
	 "create, start, wait, delete", run_run},
	{"exec",
	 "exec [--process FILE] [--pid-file FILE] [--cwd DIR] [--env NAME=VALUE] [--user UID[:GID]] ID [PROGRAM ARGUMENT...]",
	 "run a further program in a container", exec_run},
	{"list", "list [--format table|json] [--quiet]", "list the containers", list_run},
	{"features", "features", "print what this runtime does, as JSON", features_run},
	{0},
};
