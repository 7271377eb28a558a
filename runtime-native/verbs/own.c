#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "bundle.h"
#include "cleanup.h"
#include "config.h"
#include "file.h"
#include "instance.h"
#include "own_mode.h"
#include "own_status.h"
#include "places.h"
#include "state.h"
#include "verbs.h"
#include "words.h"

static const struct vxe_verb *verb(const char *name)
{
	return vxe_verb_find(vxe_own_verbs, name);
}

static int misuse(const char *name, const char *what, struct vxe_error **err)
{
	return vxe_verb_misuse("vxe", verb(name), what, err);
}

/* Says whose failure it is, once. */
static int named(const char *id, struct vxe_error **err)
{
	size_t length = strlen(id);

	if (err && *err && !strncmp((*err)->message, id, length) && (*err)->message[length] == ':')
		return -1;
	return vxe_error_wrap(err, "%s", id);
}

/* The id of an instance started from a bundle named by a path is the folder's name. */
static const char *id_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash && slash[1] ? slash + 1 : name;
}

static int seconds_parse(const char *text, int *out)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (!*text || *end || value < 0 || value > 86400)
		return -1;
	*out = (int)value;
	return 0;
}

static int start_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"detach", no_argument, NULL, 'd'},
						{"pid-file", required_argument, NULL, 'p'},
						{"name", required_argument, NULL, 'n'},
						{"mode", required_argument, NULL, 'm'},
						{"record-files", optional_argument, NULL, 'r'},
						{"no-record-files", no_argument, NULL, 'R'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct vxe_instance_options instance = {.root = globals->root, .own_verb = true, .ends = true};
	cleanup_free char *bundle = NULL;
	enum vxe_records_wish records;
	enum vxe_mode mode;
	int option, code = VXE_EXIT_FAILURE;

	while ((option = getopt_long(argc, argv, "dp:n:h", options, NULL)) >= 0) {
		if (option == 'd')
			instance.detach = true;
		else if (option == 'p')
			instance.pid_file = optarg;
		else if (option == 'n')
			instance.id = optarg;
		else if (option == 'm' && vxe_mode_parse(optarg, &mode) == 0)
			instance.mode = &mode;
		else if (option == 'm')
			return misuse("start", "knows the modes soft and production", err);
		else if ((option == 'r' || option == 'R') && vxe_records_option(option == 'r', optarg, &records) == 0)
			instance.records = &records;
		else if (option == 'r')
			return misuse("start", VXE_RECORDS_MISUSE, err);
		else if (option == 'h')
			return vxe_verb_help("vxe", verb("start"));
		else
			return misuse("start", NULL, err);
	}
	if (optind + 1 != argc)
		return misuse("start", optind == argc ? "names no bundle" : "takes one bundle", err);
	if (vxe_bundle_find(argv[optind], &bundle, err) < 0)
		return -1;
	instance.bundle = bundle;
	if (!instance.id)
		instance.id = id_of(bundle);
	if (vxe_instance_run(&instance, &code, err) < 0)
		return named(instance.id, err);
	return code;
}

static int stop_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {
		{"timeout", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0}};
	int option, timeout = 10;

	while ((option = getopt_long(argc, argv, "t:h", options, NULL)) >= 0) {
		if (option == 'h')
			return vxe_verb_help("vxe", verb("stop"));
		if (option != 't' || seconds_parse(optarg, &timeout) < 0)
			return misuse("stop", option == 't' ? "wants whole seconds for --timeout" : NULL, err);
	}
	if (optind + 1 != argc)
		return misuse("stop", optind == argc ? "names no instance" : "takes one instance", err);
	return vxe_instance_stop(globals->root, argv[optind], timeout, err);
}

/* The bundle of a running instance, or the one of that name. */
static int restart_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"timeout", required_argument, NULL, 't'},
						{"detach", no_argument, NULL, 'd'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct vxe_instance_options instance = {.root = globals->root, .own_verb = true, .ends = true};
	cleanup_free char *bundle = NULL;
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	struct vxe_state *state = NULL;
	int option, timeout = 10, code = VXE_EXIT_FAILURE;

	while ((option = getopt_long(argc, argv, "t:dh", options, NULL)) >= 0) {
		if (option == 'h')
			return vxe_verb_help("vxe", verb("restart"));
		if (option == 'd')
			instance.detach = true;
		else if (option != 't' || seconds_parse(optarg, &timeout) < 0)
			return misuse("restart", option == 't' ? "wants whole seconds for --timeout" : NULL, err);
	}
	if (optind + 1 != argc)
		return misuse("restart", optind == argc ? "names no instance" : "takes one instance", err);
	instance.id = id_of(argv[optind]);
	root_fd = vxe_state_root_open(globals->root, false, NULL, NULL);
	if (root_fd >= 0 && vxe_state_open(root_fd, instance.id, &dir_fd, NULL) == 0 &&
	    vxe_state_read(dir_fd, &state, NULL) == 0) {
		bundle = strdup(state->bundle);
		instance.detach |= state->detached;
		vxe_state_free(&state);
		if (vxe_instance_stop(globals->root, instance.id, timeout, err) < 0)
			return -1;
	}
	if (!bundle && vxe_bundle_find(argv[optind], &bundle, err) < 0)
		return -1;
	instance.bundle = bundle;
	if (vxe_instance_run(&instance, &code, err) < 0)
		return named(instance.id, err);
	return code;
}

/* Is the file as it was when it was compiled ("PATH MTIME_NS SIZE")? */
static bool source_unchanged(const char *source, size_t length)
{
	cleanup_free char *path = strndup(source, length);
	char *size = path ? strrchr(path, ' ') : NULL, *mtime;
	struct stat st;

	if (!size)
		return false;
	*size++ = '\0';
	mtime = strrchr(path, ' ');
	if (!mtime)
		return false;
	*mtime++ = '\0';
	return stat(path, &st) == 0 && (long long)st.st_size == strtoll(size, NULL, 10) &&
	       (long long)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec == strtoll(mtime, NULL, 10);
}

/* Is the compiled profile as new as its sources (org.vxe.source, a line for each member of a stack)? */
static bool compiled_fresh(const char *bundle)
{
	cleanup_fd int fd = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct vxe_config *config = NULL;
	bool fresh = false;

	if (fd >= 0 && vxe_config_load(fd, bundle, &config, NULL) == 0) {
		const char *source = vxe_config_annotation(config, "org.vxe.source");

		fresh = source && *source;
		while (fresh && *source) {
			size_t length = strcspn(source, "\n");

			fresh = source_unchanged(source, length);
			source += length + (source[length] == '\n');
		}
		vxe_config_free(&config);
	}
	return fresh;
}

static int compiled_find(const char *profile, char **path, char **name, struct vxe_error **err)
{
	const char *base = id_of(profile), *dot = strstr(base, ".vxed");

	*name = dot && dot > base ? strndup(base, (size_t)(dot - base)) : strdup(base);
	if (!*name)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "finding the profile");
	if (!vxe_state_id_valid(*name))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "%s is no name of a profile", *name);
	*path = vxe_place_path(&vxe_place_compiled, *name);
	if (!*path)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "finding the profile");
	return 0;
}

/* A stack is named by its members with a plus between: what each of them permits is permitted. */
static int stack_push(char **stack, const char *profile, struct vxe_error **err)
{
	cleanup_free char *before = *stack;

	*stack = NULL;
	if (asprintf(stack, "%s%s%s", before ? before : "", before ? "+" : "", profile) >= 0)
		return 0;
	*stack = NULL;
	return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "naming the stack");
}

static int run_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"name", required_argument, NULL, 'n'},
						{"mode", required_argument, NULL, 'm'},
						{"profile", required_argument, NULL, 'p'},
						{"record-files", optional_argument, NULL, 'r'},
						{"help", no_argument, NULL, 'h'},
						{"no-record-files", no_argument, NULL, 'R'},
						{0}};
	struct vxe_instance_options instance = {.root = globals->root, .own_verb = true, .ends = true, .host_root = true};
	cleanup_free char *bundle = NULL, *name = NULL, *id = NULL, *stack = NULL;
	enum vxe_records_wish records;
	enum vxe_mode mode;
	const char *profile;
	int option, code = VXE_EXIT_FAILURE;

	while ((option = getopt_long(argc, argv, "+n:p:h", options, NULL)) >= 0) {
		if (option == 'n')
			instance.id = optarg;
		else if (option == 'p' && !*optarg)
			return misuse("run", "wants the name of a profile for --profile", err);
		else if (option == 'p' && stack_push(&stack, optarg, err) < 0)
			return -1;
		else if (option == 'p')
			continue;
		else if (option == 'm' && vxe_mode_parse(optarg, &mode) == 0)
			instance.mode = &mode;
		else if (option == 'm')
			return misuse("run", "knows the modes soft and production", err);
		else if ((option == 'r' || option == 'R') && vxe_records_option(option == 'r', optarg, &records) == 0)
			instance.records = &records;
		else if (option == 'r')
			return misuse("run", VXE_RECORDS_MISUSE, err);
		else if (option == 'h')
			return vxe_verb_help("vxe", verb("run"));
		else
			return misuse("run", NULL, err);
	}
	/* With --profile, what is left is the program. */
	if (!stack && optind < argc && stack_push(&stack, argv[optind++], err) < 0)
		return -1;
	if (optind < argc && !strcmp(argv[optind], "--"))
		optind++;
	profile = stack;
	if (!profile || optind >= argc)
		return misuse("run", profile ? "names no program" : "wants a profile and a program", err);
	if (compiled_find(profile, &bundle, &name, err) < 0)
		return -1;
	if (!compiled_fresh(bundle)) {
		char *const compile[] = {(char *)"profile", (char *)"compile", (char *)profile, (char *)"--quiet", NULL};
		int failed = vxe_author_run(compile, err);

		/* It has said what is wrong. */
		if (failed)
			return failed;
	}
	if (!instance.id) {
		if (asprintf(&id, "%s-%d", name, getpid()) < 0) {
			id = NULL;
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "naming the instance");
		}
		instance.id = id;
	}
	instance.bundle = bundle;
	instance.args = argv + optind;
	instance.inherit = true;
	if (vxe_instance_run(&instance, &code, err) < 0)
		return named(profile, err);
	return code;
}

static int exec_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"env", required_argument, NULL, 'e'},
						{"cwd", required_argument, NULL, 'c'},
						{"user", required_argument, NULL, 'u'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct vxe_exec_options exec = {.root = globals->root, .own_verb = true, .ends = true};
	char *env[65] = {0};
	size_t n_env = 0;
	int option, code = VXE_EXIT_FAILURE;

	while ((option = getopt_long(argc, argv, "+e:c:u:h", options, NULL)) >= 0) {
		uint32_t uid, gid;

		if (option == 'h')
			return vxe_verb_help("vxe", verb("exec"));
		if (option == 'e' && n_env < 64 && strchr(optarg, '='))
			env[n_env++] = optarg;
		else if (option == 'c')
			exec.cwd = optarg;
		else if (option == 'u' && vxe_verb_user(optarg, &uid, &gid) == 2) {
			exec.uid = uid;
			exec.gid = gid;
			exec.has_user = true;
		} else
			return misuse("exec",
				      option == 'u'   ? "wants UID:GID for --user"
				      : option == 'e' ? "wants NAME=VALUE for --env"
						      : NULL,
				      err);
	}
	if (optind + 1 < argc && !strcmp(argv[optind + 1], "--")) {
		argv[optind + 1] = argv[optind];
		optind++;
	}
	if (optind + 2 > argc)
		return misuse("exec", "wants an instance and a program", err);
	exec.id = argv[optind];
	exec.args = argv + optind + 1;
	exec.env = env;
	if (vxe_instance_exec(&exec, &code, err) < 0)
		return named(exec.id, err);
	return code;
}

/* On a terminal, what the program wrote shows and does nothing; tabs and line ends stay. */
static void lines_plain(char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t length = 0;

		while (at + length < size && text[at + length] != '\n' && text[at + length] != '\t')
			length++;
		vxe_text_plain(text + at, length, '?');
		at += length + 1;
	}
}

static int file_copy(int dir_fd, const char *name, off_t *offset)
{
	cleanup_fd int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char buffer[65536];
	struct stat st;
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) == 0 && st.st_size < *offset)
		*offset = 0; /* rotated */
	while ((got = pread(fd, buffer, sizeof(buffer), *offset)) > 0) {
		*offset += got;
		if (isatty(1))
			lines_plain(buffer, (size_t)got);
		if (vxe_write_all(1, buffer, (size_t)got) < 0)
			return -1;
	}
	return got < 0 ? -1 : 0;
}

static int logs_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"follow", no_argument, NULL, 'f'},
						{"violations", no_argument, NULL, 'v'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	const char *name = "output.log", *older = "output.log.1";
	cleanup_free char *path = NULL;
	cleanup_fd int dir_fd = -1;
	cleanup_fd int watch = -1;
	bool follow = false;
	off_t offset = 0, none = 0;
	int option;

	(void)globals;
	while ((option = getopt_long(argc, argv, "fvh", options, NULL)) >= 0) {
		if (option == 'f') {
			follow = true;
		} else if (option == 'v') {
			name = "violations.ndjson";
			older = "violations.ndjson.1";
		} else if (option == 'h') {
			return vxe_verb_help("vxe", verb("logs"));
		} else {
			return misuse("logs", NULL, err);
		}
	}
	if (optind + 1 != argc)
		return misuse("logs", optind == argc ? "names no instance" : "takes one instance", err);
	if (!vxe_state_id_valid(argv[optind]))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0,
				     "%s is no name of an instance: letters, digits, '.', '_' and '-', no path", argv[optind]);
	dir_fd = vxe_log_dir_find(argv[optind], &path, err);
	if (dir_fd < 0)
		return -1;
	/* Watching begins before reading, so that nothing falls between. */
	if (follow && ((watch = inotify_init1(IN_CLOEXEC)) < 0 ||
		       inotify_add_watch(watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0))
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "watching %s", path);
	if (file_copy(dir_fd, older, &none) < 0 || file_copy(dir_fd, name, &offset) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "reading the log of %s", argv[optind]);
	while (follow) {
		char events[4096];

		if (read(watch, events, sizeof(events)) < 0 && errno != EINTR)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "watching %s", path);
		if (file_copy(dir_fd, name, &offset) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "reading the log of %s", argv[optind]);
	}
	return 0;
}

const struct vxe_verb vxe_own_verbs[] = {
	{"start",
	 "start [--detach] [--mode soft|production] [--name ID] [--pid-file FILE] [--record-files[=WHEN]|--no-record-files] "
	 "BUNDLE",
	 "start a bundle's program in its environment", start_run},
	{"stop", "stop [--timeout SECONDS] INSTANCE", "end an instance: SIGTERM, then SIGKILL after 10 s", stop_run},
	{"restart", "restart [--detach] [--timeout SECONDS] INSTANCE", "stop, then start again, detached if it was",
	 restart_run},
	{"status", "status [--json] [INSTANCE]", "what is running; exit code 3 when the instance named is not", vxe_status_run},
	{"mode", "mode [--record-files[=WHEN]|--no-record-files] NAME [soft|production]",
	 "what becomes of violations: performed (soft) or refused (production), and recorded", vxe_mode_run},
	{"run",
	 "run [--mode soft|production] [--name ID] [--record-files[=WHEN]|--no-record-files] PROFILE PROGRAM [ARGUMENT...], "
	 "run "
	 "[OPTION...] "
	 "--profile PROFILE [--profile PROFILE...] PROGRAM [ARGUMENT...]",
	 "run a program of the host under a profile, or under several: what each of them permits", run_run},
	{"exec", "exec [--env NAME=VALUE] [--cwd DIR] [--user UID:GID] INSTANCE PROGRAM [ARGUMENT...]",
	 "run a further program in an instance, under the same profile", exec_run},
	{"trace", "trace [OPTION...] NAME [-- EXERCISE...], trace [OPTION...] --host PROGRAM [ARGUMENT...] [-- EXERCISE...]",
	 "run a bundle or a program with everything allowed, and record all that it does", vxe_trace_run},
	{"logs", "logs [--follow] [--violations] INSTANCE", "what an instance wrote, or what it was refused", logs_run},
	{0},
};
