#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "events.h"
#include "file.h"
#include "json.h"
#include "manage.h"
#include "names.h"
#include "oci.h"

#define RESOURCES_MAX (1u << 20)

/* The real-time signals that the C library leaves to programs, as kill(1) names them. */
#define REALTIME_FIRST 34
#define REALTIME_LAST 64

/* "RTMIN", "RTMIN+2", "RTMAX-1" */
static int realtime_parse(const char *text)
{
	bool first = !strncasecmp(text, "RTMIN", 5);
	long distance = 0;
	char *end;

	if (!first && strncasecmp(text, "RTMAX", 5) != 0)
		return -1;
	text += 5;
	if (*text) {
		if (*text != (first ? '+' : '-') || text[1] < '0' || text[1] > '9')
			return -1;
		distance = strtol(text + 1, &end, 10);
		if (*end || distance > REALTIME_LAST - REALTIME_FIRST)
			return -1;
	}
	return first ? REALTIME_FIRST + (int)distance : REALTIME_LAST - (int)distance;
}

/* "TERM", "SIGTERM", "term", "15", "SIGRTMIN+3" */
static int signal_parse(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text && !*end)
		return number >= 0 && number < 65 ? (int)number : -1;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (int sig = 1; sig < 65; sig++) {
		const char *name = vxe_signal_name(sig);

		if (name && !strcasecmp(name, text))
			return sig;
	}
	return realtime_parse(text);
}

int vxe_oci_kill(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"all", no_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {0}};
	bool all = false;
	int option, sig = SIGTERM;

	while ((option = getopt_long(argc, argv, "+ah", options, NULL)) >= 0) {
		if (option == 'a')
			all = true;
		else
			return option == 'h' ? vxe_oci_help("kill") : vxe_oci_misuse("kill", NULL, err);
	}
	if (optind + 1 != argc && optind + 2 != argc)
		return vxe_oci_misuse("kill", "wants a container id and a signal", err);
	if (optind + 2 == argc && (sig = signal_parse(argv[optind + 1])) < 0)
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "%s is no signal", argv[optind + 1]);
	return vxe_instance_kill(globals->root, argv[optind], sig, all, err);
}

int vxe_oci_pause(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	const char *id;
	int code = vxe_oci_one_id("pause", argc, argv, &id, err);

	return code != -2 ? code : vxe_instance_pause(globals->root, id, true, err);
}

int vxe_oci_resume(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	const char *id;
	int code = vxe_oci_one_id("resume", argc, argv, &id, err);

	return code != -2 ? code : vxe_instance_pause(globals->root, id, false, err);
}

/* --- update --- */

/* Each option and its place in linux.resources: the command line is turned into that document, so that one parser judges both. */
static const struct {
	const char *option, *group, *field;
	bool text;
} limits[] = {
	{"memory", "memory", "limit", false},	  {"memory-reservation", "memory", "reservation", false},
	{"memory-swap", "memory", "swap", false}, {"cpu-share", "cpu", "shares", false},
	{"cpu-quota", "cpu", "quota", false},	  {"cpu-period", "cpu", "period", false},
	{"cpu-idle", "cpu", "idle", false},	  {"cpu-burst", "cpu", "burst", false},
	{"cpuset-cpus", "cpu", "cpus", true},	  {"cpuset-mems", "cpu", "mems", true},
	{"pids-limit", "pids", "limit", false},	  {"blkio-weight", "blockIO", "weight", false},
};
#define N_LIMITS (sizeof(limits) / sizeof(limits[0]))

/* A number with K, M, G or T, each 1024 of the one before. */
static int size_parse(const char *text, int64_t *out)
{
	static const char letters[] = "kmgtKMGT";
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text)
		return -1;
	if (*end) {
		const char *letter = strchr(letters, *end);
		int64_t scaled = value;

		if (!letter || end[1])
			return -1;
		for (long i = (letter - letters) % 4; i >= 0; i--)
			if (__builtin_mul_overflow(scaled, INT64_C(1024), &scaled))
				return -1;
		value = scaled;
	}
	*out = value;
	return 0;
}

static int limits_write(const char *const values[N_LIMITS], struct vxe_json_text *text, struct vxe_error **err)
{
	const char *open = NULL;

	vxe_json_text_object_begin(text, NULL);
	for (size_t i = 0; i < N_LIMITS; i++) {
		int64_t number;

		if (!values[i])
			continue;
		if (!open || strcmp(open, limits[i].group) != 0) {
			if (open)
				vxe_json_text_object_end(text);
			open = limits[i].group;
			vxe_json_text_object_begin(text, open);
		}
		if (limits[i].text)
			vxe_json_text_string(text, limits[i].field, values[i]);
		else if (size_parse(values[i], &number) < 0)
			return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "--%s: \"%s\" is not a number", limits[i].option,
					     values[i]);
		else
			vxe_json_text_int(text, limits[i].field, number);
	}
	if (open)
		vxe_json_text_object_end(text);
	vxe_json_text_object_end(text);
	return vxe_json_text_finish(text) < 0 ? vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the limits") : 0;
}

static int resources_read(const char *file, char **text, size_t *size, struct vxe_error **err)
{
	if (!strcmp(file, "-"))
		return vxe_file_read_fd(STDIN_FILENO, "standard input", RESOURCES_MAX, text, size, err);
	return vxe_file_read_at(AT_FDCWD, file, RESOURCES_MAX, text, size, err);
}

int vxe_oci_update(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	struct option options[N_LIMITS + 3] = {{"resources", required_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'}};
	const char *values[N_LIMITS] = {0}, *file = NULL;
	struct vxe_json_text text = {0};
	struct vxe_resources resources = {0};
	cleanup_free char *given = NULL;
	bool any = false;
	size_t size = 0;
	int option, failed;

	for (size_t i = 0; i < N_LIMITS; i++)
		options[i + 2] = (struct option){limits[i].option, required_argument, NULL, 256 + (int)i};
	while ((option = getopt_long(argc, argv, "r:h", options, NULL)) >= 0) {
		if (option == 'h')
			return vxe_oci_help("update");
		if (option == 'r') {
			file = optarg;
		} else if (option >= 256) {
			values[option - 256] = optarg;
			any = true;
		} else {
			return vxe_oci_misuse("update", NULL, err);
		}
	}
	if (optind + 1 != argc || (!file && !any) || (file && any))
		return vxe_oci_misuse("update", "wants one container id, and either --resources or limits", err);
	if (file)
		failed = resources_read(file, &given, &size, err);
	else
		failed = limits_write(values, &text, err);
	if (!failed)
		failed = vxe_config_parse_resources(file ? given : text.data, file ? size : text.size, &resources, err);
	vxe_json_text_free(&text);
	if (!failed)
		failed = vxe_instance_update(globals->root, argv[optind], &resources, err);
	vxe_resources_free(&resources);
	return failed;
}

/* --- events --- */

/* As in Go: numbers with units, "1m30s", "0.5s". */
static int duration_parse(const char *text, int64_t *out)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
	double total = 0;

	if (!*text)
		return -1;
	while (*text) {
		char *end;
		/* Neither signs and spaces nor hexadecimal numbers and infinities. */
		size_t digits = strspn(text, "0123456789."), letters, i = 0;
		double number = strtod(text, &end);

		if (!digits || end != text + digits)
			return -1;
		letters = strcspn(end, "0123456789.");
		while (i < sizeof(units) / sizeof(*units) &&
		       (strlen(units[i].unit) != letters || memcmp(units[i].unit, end, letters) != 0))
			i++;
		if (i == sizeof(units) / sizeof(*units))
			return -1;
		total += number * units[i].ns;
		text = end + letters;
	}
	if (!(total >= 1) || total > 9e18)
		return -1;
	*out = (int64_t)total;
	return 0;
}

int vxe_oci_events(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"stats", no_argument, NULL, 's'},
						{"interval", required_argument, NULL, 'i'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	int64_t interval_ns = INT64_C(5000000000);
	bool stats = false;
	int option;

	while ((option = getopt_long(argc, argv, "+h", options, NULL)) >= 0) {
		if (option == 'h')
			return vxe_oci_help("events");
		if (option == 's')
			stats = true;
		else if (option != 'i')
			return vxe_oci_misuse("events", NULL, err);
		else if (duration_parse(optarg, &interval_ns) < 0)
			return vxe_oci_misuse("events", "wants an interval above zero with its unit, as in 5s or 500ms", err);
	}
	if (optind + 1 != argc)
		return vxe_oci_misuse("events", "wants one container id", err);
	return stats ? vxe_instance_stats(globals->root, argv[optind], err)
		     : vxe_instance_events(globals->root, argv[optind], interval_ns, err);
}
