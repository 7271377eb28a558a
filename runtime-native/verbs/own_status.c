#include "own_status.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "held.h"
#include "json.h"
#include "own_mode.h"
#include "records.h"
#include "state.h"
#include "words.h"

#define UNENFORCED "org.vxe.unenforced"
#define STACKED '+' /* between the names of a stack's members */

static int misuse(const char *what, struct vxe_error **err)
{
	return vxe_verb_misuse("vxe", vxe_verb_find(vxe_own_verbs, "status"), what, err);
}

static const char *state_words(const struct vxe_state *state)
{
	if (state->status == VXE_STOPPED)
		return "stopped: its processes are gone";
	if (state->supervised && !vxe_process_alive(&state->supervisor))
		return "running without its supervisor: refused calls fail, none is logged";
	return vxe_status_name(state->status);
}

static void time_print(int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	char text[32];
	struct tm tm;

	if (localtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) > 0)
		fputs(text, stdout);
}

/* What an administrator is not to forget: that several profiles are at work, and which rules nothing holds. */
static void profile_lines(const struct vxe_state *state)
{
	const char *rules = vxe_state_annotation(state, UNENFORCED);

	if (state->profile && strchr(state->profile, STACKED)) {
		printf("%-20s permitted is what each of these profiles permits:", "");
		for (const char *name = state->profile; *name;) {
			size_t length = strcspn(name, (const char[]){STACKED, '\0'});

			printf(" %.*s", (int)length, name);
			name += length + (name[length] == STACKED);
		}
		putchar('\n');
	}
	while (rules && *rules) {
		size_t length = strcspn(rules, "\n");
		cleanup_free char *rule = strndup(rules, length);

		if (rule)
			vxe_text_plain(rule, length, '?');
		printf("%-20s not enforced, as the profile accepts: %s\n", "", rule ? rule : "out of memory");
		rules += length + (rules[length] == '\n');
	}
}

static void status_line(const char *id, const struct vxe_state *state, bool running, const struct vxe_held *held)
{
	char records[VXE_RECORDS_WORDS];

	printf("%-20s %s%s%.0d", id, state_words(state), running ? ", process " : "", running ? state->program.pid : 0);
	if (held) {
		fputs(", ", stdout);
		vxe_mode_print(held, stdout);
	}
	putchar('\n');
	if (running)
		profile_lines(state);
	if (held && held->refused + held->performed) {
		printf("%-20s violations: %llu refused, %llu performed, the last at ", "", (unsigned long long)held->refused,
		       (unsigned long long)held->performed);
		time_print(held->last_ns);
		printf(": %s; see vxe violations %s\n", held->last, id);
	}
	if (running && held && held->objects == VXE_MODE_PRODUCTION) {
		vxe_records_words(id, held->records, true, &state->annotations, records, sizeof(records));
		printf("%-20s %s\n", "", records);
	}
	if (held && held->lost)
		printf("%-20s %llu violations are missing in the log: it could not be written, or the kernel did not tell "
		       "whose they were\n",
		       "", (unsigned long long)held->lost);
}

/* The parts of a text as strings of a list; none of an absent text. */
static void list_format(struct vxe_json_text *text, const char *key, const char *parts, char between)
{
	vxe_json_text_array_begin(text, key);
	while (parts && *parts) {
		size_t length = strcspn(parts, (const char[]){between, '\0'});
		cleanup_free char *part = strndup(parts, length);

		if (part)
			vxe_json_text_string(text, NULL, part);
		parts += length + (parts[length] == between);
	}
	vxe_json_text_array_end(text);
}

/* The state's document with members more: the profiles at work, the rules that nothing holds, and the mode. */
static void status_json(const char *document, const struct vxe_state *state, const struct vxe_held *held)
{
	struct vxe_json_text text = {0};

	vxe_json_text_object_begin(&text, NULL);
	list_format(&text, "profiles", state->profile, STACKED);
	list_format(&text, "unenforced", vxe_state_annotation(state, UNENFORCED), '\n');
	if (held)
		vxe_held_format(held, &text, "mode");
	vxe_json_text_object_end(&text);
	if (vxe_json_text_finish(&text) == 0)
		printf("%.*s,%s", (int)strlen(document) - 1, document, text.data + 1);
	else
		fputs(document, stdout);
	vxe_json_text_free(&text);
}

/* Lines for people, one JSON document for machines. A state that cannot be read is told, not hidden. */
static int status_print(int root_fd, const char *id, bool json, bool *running)
{
	cleanup_fd int dir_fd = -1;
	cleanup_error struct vxe_error *err = NULL;
	cleanup_free char *text = NULL;
	struct vxe_state *state = NULL;
	struct vxe_held held;
	bool has_held = false;

	*running = false;
	if (vxe_state_find(root_fd, id, &dir_fd, &state, &err) < 0) {
		if (!json)
			printf("%-20s %s\n", id, err ? err->message : "unreadable");
		return -1;
	}
	*running = state->status != VXE_STOPPED;
	if (*running)
		(void)vxe_held_read(dir_fd, &held, &has_held, NULL);
	if (json && vxe_state_to_json(state, true, &text, NULL) == 0)
		status_json(text, state, has_held ? &held : NULL);
	else if (!json)
		status_line(id, state, *running, has_held ? &held : NULL);
	vxe_state_free(&state);
	return 0;
}

int vxe_status_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	cleanup_fd int root_fd = -1;
	struct vxe_strings ids = {0};
	bool json = globals->json, running, first = true;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (option == 'j')
			json = true;
		else if (option == 'h')
			return vxe_verb_help("vxe", vxe_verb_find(vxe_own_verbs, "status"));
		else
			return misuse(NULL, err);
	}
	if (optind + 1 < argc)
		return misuse("takes one instance", err);
	if (vxe_state_root_find(globals->root, &root_fd, err) < 0)
		return -1;
	if (optind < argc) {
		const char *id = argv[optind];

		if (!vxe_state_id_valid(id))
			return vxe_error_set(err, VXE_EXIT_MISUSE, 0,
					     "%s is no name of an instance: letters, digits, '.', '_' and '-', no path", id);
		if (root_fd < 0 || !vxe_state_exists(root_fd, id)) {
			if (json)
				printf("{\"id\":\"%s\",\"status\":\"stopped\"}\n", id);
			else
				printf("%-20s not running\n", id);
			return 3;
		}
		status_print(root_fd, id, json, &running);
		if (json)
			putchar('\n');
		return running ? 0 : 3;
	}
	if (root_fd >= 0 && vxe_state_list(root_fd, &ids, err) < 0)
		return -1;
	if (json)
		putchar('[');
	for (size_t i = 0; i < ids.count; i++) {
		if (json && !first)
			putchar(',');
		first &= status_print(root_fd, ids.items[i], json, &running) < 0 && json;
		free(ids.items[i]);
	}
	free(ids.items);
	if (json)
		puts("]");
	else if (!ids.count)
		puts("no instances");
	return 0;
}
