#include "own_mode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bundle.h"
#include "cleanup.h"
#include "file.h"
#include "held.h"
#include "instance.h"
#include "json.h"
#include "modes.h"
#include "records.h"

#define TAKEN_UP_WITHIN_MS 5000
#define WAIT_MS 10

static void moment(void)
{
	nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000}, NULL);
}

static int misuse(const char *what, struct vxe_error **err)
{
	return vxe_verb_misuse("vxe", vxe_verb_find(vxe_own_verbs, "mode"), what, err);
}

/* What an operator should know besides: NULL, or a sentence. */
static const char *restart_words(const struct vxe_held *held)
{
	if (held->asked == VXE_MODE_PRODUCTION && held->objects == VXE_MODE_SOFT)
		return "calls are refused from now on; files, ports and scopes are not refused until a restart, since Landlock "
		       "cannot be "
		       "put on a running program";
	if (held->asked == VXE_MODE_SOFT && held->objects == VXE_MODE_PRODUCTION)
		return "calls are performed from now on; files, ports and scopes are refused until a restart, since Landlock "
		       "cannot be "
		       "taken off a running program";
	return NULL;
}

void vxe_mode_print(const struct vxe_held *held, FILE *out)
{
	if (!vxe_held_restart_due(held)) {
		fputs(vxe_mode_name(held->asked), out);
		return;
	}
	fprintf(out, "%s asked for, held: calls %s, files and ports %s; restart due", vxe_mode_name(held->asked),
		vxe_mode_name(held->calls), vxe_mode_name(held->objects));
}

/* The supervisor of a running instance takes a new mode up by itself; how far, it says in held.json. 0: the instance has ended meanwhile. */
static int taken_up(int root_fd, const char *name, int dir_fd, enum vxe_mode mode, struct vxe_held *held,
		    struct vxe_error **err)
{
	for (int waited = 0; waited < TAKEN_UP_WITHIN_MS; waited += WAIT_MS) {
		enum vxe_mode asked;
		bool found;

		if (vxe_held_read(dir_fd, held, &found, err) < 0)
			return -1;
		if (found && held->asked == mode)
			return 1;
		if (!vxe_state_is(root_fd, name, dir_fd))
			return 0;
		if (vxe_mode_read(dir_fd, VXE_HELD_MODE_FILE, &asked, &found, NULL) == 0 && found && asked != mode)
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "another command has asked for the mode %s meanwhile",
					     vxe_mode_name(asked));
		moment();
	}
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the supervisor does not take the mode up");
	return vxe_error_hint(err, "restart the instance");
}

/*
 * 1: it runs, and *held says how; 0: it does not; -1 with *err. One that is being started has read the bundle's mode already, maybe the one
 * before: it is waited for.
 */
static int held_wait(int root_fd, const char *name, int *dir_fd, struct vxe_held *held, struct vxe_error **err)
{
	for (int waited = 0; waited < TAKEN_UP_WITHIN_MS; waited += WAIT_MS) {
		cleanup_fd int fd = -1;
		struct vxe_state *state = NULL;
		enum vxe_status status = VXE_CREATING;
		bool found;

		if (vxe_state_open(root_fd, name, &fd, NULL) < 0)
			return 0;
		if (vxe_state_read(fd, &state, NULL) == 0)
			status = state->status;
		else if (!vxe_state_locked(fd))
			return 0;
		vxe_state_free(&state);
		if (status == VXE_STOPPED)
			return 0;
		if (vxe_held_read(fd, held, &found, err) < 0)
			return -1;
		if (found) {
			*dir_fd = steal_fd(&fd);
			return 1;
		}
		if (status != VXE_CREATING)
			break;
		moment();
	}
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "it runs from a bundle that has no modes");
	return vxe_error_hint(err, "create the bundle again with --replace, and restart it");
}

/* -1 with *err; 0: not running, 1: running and *held says how. */
static int running_mode(const struct vxe_globals *globals, const char *name, const enum vxe_mode *mode, struct vxe_held *held,
			struct vxe_error **err)
{
	cleanup_fd int root_fd = vxe_state_root_open(globals->root, false, NULL, NULL);
	cleanup_fd int dir_fd = -1;
	int running = root_fd < 0 ? 0 : held_wait(root_fd, name, &dir_fd, held, err);

	if (running != 1 || !mode)
		return running;
	if (vxe_mode_write(dir_fd, VXE_HELD_MODE_FILE, *mode, err) == 0)
		return taken_up(root_fd, name, dir_fd, *mode, held, err);
	if (vxe_state_is(root_fd, name, dir_fd))
		return -1;
	vxe_error_free(err);
	return 0;
}

struct wish {
	bool has_mode;
	enum vxe_mode mode;
	bool has_records;
	enum vxe_records_wish records;
	/* when it is granted */
	struct vxe_config *config;	/* NULL: the bundle has no profile */
	enum vxe_object_records record; /* by whom refused files are recorded, from the next start on */
};

/* Is a process putting other plans into the bundle? Its folder for them is there from before it looks at the mode until it is done. */
static bool change_under_way(int bundle_fd)
{
	int fd = openat(bundle_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	bool found = false;

	if (!folder && fd >= 0)
		close(fd);
	for (struct dirent *entry = folder ? readdir(folder) : NULL; entry && !found; entry = readdir(folder)) {
		unsigned long long start;
		int pid;

		found = sscanf(entry->d_name, ".vxe.new-%d-%llu", &pid, &start) == 2 && vxe_process_start_time(pid) == start;
	}
	if (folder)
		closedir(folder);
	return found;
}

static int words_write(int bundle_fd, const struct wish *wish, struct vxe_error **err)
{
	if (wish->has_records && vxe_records_write(bundle_fd, wish->records, err) < 0)
		return -1;
	return wish->has_mode ? vxe_mode_write(bundle_fd, VXE_MODE_FILE, wish->mode, err) : 0;
}

static bool words_stand(int bundle_fd, const struct wish *wish)
{
	enum vxe_records_wish records;
	enum vxe_mode mode;
	bool found;

	return (!wish->has_records || (vxe_records_read(bundle_fd, &records, NULL) == 0 && records == wish->records)) &&
	       (!wish->has_mode ||
		(vxe_mode_read(bundle_fd, VXE_MODE_FILE, &mode, &found, NULL) == 0 && found && mode == wish->mode));
}

/*
 * The folder that they were written into may trade places with another one, by a process that took those before along and is killed before it
 * takes these: what is done when no such process is left is what stays.
 */
static int words_set(int bundle_fd, const struct wish *wish, struct vxe_error **err)
{
	if (words_write(bundle_fd, wish, err) < 0)
		return -1;
	for (int waited = 0; waited < TAKEN_UP_WITHIN_MS; waited += WAIT_MS) {
		if (!change_under_way(bundle_fd))
			break;
		moment();
	}
	return words_stand(bundle_fd, wish) ? 0 : words_write(bundle_fd, wish, err);
}

/* The kernel refuses another's change; this refuses the look as well, and says why. */
static int check_owner(int bundle_fd, const char *name, struct vxe_error **err)
{
	struct stat st;

	if (fstat(bundle_fd, &st) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "examining the bundle %s", name);
	if (!geteuid() || st.st_uid == geteuid())
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the bundle belongs to user %u, not to you", (unsigned int)st.st_uid);
	return vxe_error_hint(err, "ask as its owner, or as root");
}

/* What the bundle makes of it. Production is had of a bundle whose configuration cannot be read, too. */
static int granted_find(int bundle_fd, const char *bundle, struct wish *wish, struct vxe_error **err)
{
	struct vxe_audit_source audit = {.fd = -1};
	bool needed = wish->has_mode && wish->mode == VXE_MODE_SOFT;

	if (!wish->has_records && vxe_records_read(bundle_fd, &wish->records, err) < 0)
		return -1;
	if (faccessat(bundle_fd, "vxe/judge.json", F_OK, 0) < 0)
		return 0;
	if (vxe_config_load(bundle_fd, bundle, &wish->config, needed ? err : NULL) < 0)
		return needed ? -1 : 0;
	wish->record = vxe_records_choose(wish->records, wish->config, &audit);
	vxe_audit_source_close(&audit);
	return 0;
}

static int bundle_mode(const char *name, struct wish *wish, enum vxe_mode *mode, struct vxe_error **err)
{
	cleanup_free char *bundle = NULL;
	cleanup_fd int fd = -1;
	bool found;

	if (vxe_bundle_find(name, &bundle, err) < 0)
		return -1;
	fd = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the bundle folder %s", bundle);
	if (check_owner(fd, name, err) < 0)
		return -1;
	if (wish->has_mode && faccessat(fd, "vxe/judge.json", F_OK, 0) < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0,
			      "the bundle has no profile that a mode could hold (vxe/judge.json is missing)");
		return vxe_error_hint(
			err, "make one with 'vxe trace %s -- EXERCISE' and 'vxe learn %s', or create it again with --replace",
			name, name);
	}
	if (granted_find(fd, bundle, wish, err) < 0)
		return -1;
	if ((wish->has_mode || wish->has_records) && words_set(fd, wish, err) < 0)
		return vxe_error_hint(err, "only the bundle's owner sets its mode, and who records");
	return vxe_mode_read(fd, VXE_MODE_FILE, mode, &found, err);
}

static void json_print(const char *name, enum vxe_mode mode, bool running, const struct vxe_held *held, const char *records)
{
	struct vxe_json_text text = {0};

	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_string(&text, "name", name);
	vxe_json_text_string(&text, "mode", vxe_mode_name(mode));
	vxe_json_text_bool(&text, "running", running);
	if (running)
		vxe_held_format(held, &text, "held");
	if (*records)
		vxe_json_text_string(&text, "records", records);
	vxe_json_text_object_end(&text);
	if (vxe_json_text_finish(&text) == 0)
		puts(text.data);
	vxe_json_text_free(&text);
}

static void text_print(const char *name, enum vxe_mode mode, bool running, const struct vxe_held *held, const struct wish *wish,
		       const char *records)
{
	const char *words = running ? restart_words(held) : NULL;
	char beyond[VXE_BEYOND_WORDS];

	printf("%s: %s%s", name, vxe_mode_name(mode), running ? "; running: " : "; not running");
	if (running)
		vxe_mode_print(held, stdout);
	putchar('\n');
	if (words)
		printf("%s: %s\n", name, words);
	if (wish->config && wish->has_mode && wish->mode == VXE_MODE_SOFT &&
	    vxe_modes_beyond(wish->config, beyond, sizeof(beyond)))
		printf("%s: %s\n", name, beyond);
	/* Who goes into production with a profile that lacks something is to see what it lacks. */
	if (*records)
		printf("%s: %s\n", name, records);
	if (wish->config && running && mode == VXE_MODE_PRODUCTION &&
	    (held->objects == VXE_MODE_SOFT || (wish->has_records && wish->record != held->records))) {
		char next[VXE_RECORDS_WORDS];

		vxe_records_words(name, wish->record, false, &wish->config->annotations, next, sizeof(next));
		printf("%s: from the next start on, %s\n", name, next);
	}
}

int vxe_mode_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"record-files", optional_argument, NULL, 'r'},
						{"no-record-files", no_argument, NULL, 'R'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct wish wish = {0};
	enum vxe_mode mode = VXE_MODE_PRODUCTION;
	struct vxe_held held = {0};
	char records[VXE_RECORDS_WORDS] = "";
	int option, running;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (option == 'h')
			return vxe_verb_help("vxe", vxe_verb_find(vxe_own_verbs, "mode"));
		if (option != 'r' && option != 'R')
			return misuse(NULL, err);
		wish.has_records = true;
		if (vxe_records_option(option == 'r', optarg, &wish.records) < 0)
			return misuse(VXE_RECORDS_MISUSE, err);
	}
	if (optind == argc || optind + 2 < argc)
		return misuse(optind == argc ? "names no bundle" : "takes a bundle and a mode", err);
	if (optind + 2 == argc) {
		wish.has_mode = true;
		if (vxe_mode_parse(argv[optind + 1], &wish.mode) < 0)
			return misuse("knows the modes soft and production", err);
	}
	/* First what will be, then what is: a fall in between leaves the running instance as it was. */
	running = bundle_mode(argv[optind], &wish, &mode, err);
	if (running == 0 && vxe_state_id_valid(argv[optind])) {
		running = running_mode(globals, argv[optind], wish.has_mode ? &wish.mode : NULL, &held, err);
		if (running < 0)
			vxe_error_wrap(err, "%s", argv[optind]);
	}
	if (running < 0) {
		vxe_config_free(&wish.config);
		return -1;
	}
	if (wish.config && (running ? held.objects : mode) == VXE_MODE_PRODUCTION)
		vxe_records_words(argv[optind], running ? held.records : wish.record, running, &wish.config->annotations,
				  records, sizeof(records));
	if (globals->json)
		json_print(argv[optind], mode, running, &held, records);
	else
		text_print(argv[optind], mode, running, &held, &wish, records);
	vxe_config_free(&wish.config);
	return 0;
}
