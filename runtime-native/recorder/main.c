/* vxe-recorder: runs a program and records all that it does; `vxe trace` is this program. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "cleanup.h"
#include "config.h"
#include "guard.h"
#include "json.h"
#include "places.h"
#include "recorder.h"
#include "self.h"

static const char usage[] =
	"Usage: vxe trace [OPTION...] NAME [-- EXERCISE [ARGUMENT...]]\n"
	"       vxe trace [OPTION...] --host PROGRAM [ARGUMENT...] [-- EXERCISE [ARGUMENT...]]\n"
	"\n"
	"Runs a bundle, or a program of the host, with everything allowed, and records all that it does.\n"
	"\n"
	"  --recorder bpf|notify   how to watch; by default bpf where that is possible\n"
	"  --every                 a line for each call, instead of counting those that differ in nothing a rule could say\n"
	"  --wait SECONDS          before the exercise begins; by default until the program listens\n"
	"  --name NAME             under which the recording is kept; by default the bundle's or the program's\n"
	"  -o, --output FILE       where to write the recording\n"
	"  --json                  tell what was recorded as JSON, on standard output\n";

struct options {
	bool help, host, every, json;
	const char *recorder, *output, *name, *root;
	struct vxe_target target;
};

static int misuse(const char *what, struct vxe_error **err)
{
	vxe_error_set(err, VXE_EXIT_MISUSE, 0, "trace %s", what);
	return vxe_error_hint(err, "see vxe trace --help");
}

/* Cuts the list at "--"; what stands behind it, or NULL. */
static char **split(char **words)
{
	for (; *words; words++) {
		if (strcmp(*words, "--"))
			continue;
		*words = NULL;
		return words[1] ? words + 1 : NULL;
	}
	return NULL;
}

static int options_parse(int argc, char **argv, struct options *o, struct vxe_error **err)
{
	static const struct option known[] = {
		{"host", no_argument, NULL, 'H'},	    {"every", no_argument, NULL, 'e'},
		{"recorder", required_argument, NULL, 'r'}, {"wait", required_argument, NULL, 'w'},
		{"name", required_argument, NULL, 'n'},	    {"output", required_argument, NULL, 'o'},
		{"root", required_argument, NULL, 'R'},	    {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},	    {0}};
	char *end;
	int option;

	o->target.wait = -1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+o:h", known, NULL)) >= 0) {
		switch (option) {
		case 'H':
			o->host = true;
			break;
		case 'e':
			o->every = true;
			break;
		case 'r':
			o->recorder = optarg;
			if (strcmp(optarg, "bpf") && strcmp(optarg, "notify"))
				return misuse("--recorder is bpf or notify", err);
			break;
		case 'w':
			o->target.wait = strtod(optarg, &end);
			if (!*optarg || *end || !(o->target.wait >= 0 && o->target.wait <= 86400))
				return misuse("--wait takes seconds", err);
			break;
		case 'n':
			o->name = optarg;
			break;
		case 'o':
			o->output = optarg;
			break;
		case 'R':
			o->root = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			o->help = true;
			return 0;
		default:
			return misuse("has an unknown or incomplete option", err);
		}
	}
	if (optind >= argc)
		return misuse("needs the name of a bundle, or --host and a program", err);
	o->target.bundle = !o->host;
	o->target.root = o->root;
	if (o->host) {
		o->target.program = argv + optind;
		o->target.exercise = split(argv + optind);
	} else {
		o->target.name = argv[optind];
		if (argv[optind + 1] && strcmp(argv[optind + 1], "--"))
			return misuse("takes one name of a bundle, and an exercise behind --", err);
		o->target.exercise = split(argv + optind + 1);
	}
	if (!o->target.name && !o->target.program[0])
		return misuse("needs a program", err);
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static int folders_make(char *path)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -1;
		*p = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

/* RECORDINGS/NAME/TIME.ndjson */
static int output_choose(const struct options *o, const char *name, char **out, struct vxe_error **err)
{
	cleanup_free char *folder = NULL;
	char when[32];
	time_t now = time(NULL);
	struct tm tm;

	if (o->output)
		return (*out = strdup(o->output)) ? 0 : vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "naming the recording");
	if (strchr(name, '/') || name[0] == '.')
		return misuse("--name takes a name, no path", err);
	folder = vxe_place_path(&vxe_place_recordings, name);
	if (!folder || folders_make(folder) < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the folder of recordings %s", folder ? folder : name);
		return vxe_error_hint(err, "make it writable, set VXE_RECORDINGS, or name a file with --output");
	}
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	for (int n = 0; n < 1000; n++) {
		int length =
			n ? asprintf(out, "%s/%s-%d.ndjson", folder, when, n) : asprintf(out, "%s/%s.ndjson", folder, when);

		if (length < 0)
			break;
		if (access(*out, F_OK) < 0)
			return 0;
		free(*out);
	}
	*out = NULL;
	return vxe_error_set(err, VXE_EXIT_FAILURE, EEXIST, "naming the recording in %s", folder);
}

/* What a bundle runs, for the header. */
static int bundle_program(const char *name, struct vxe_config **config, struct vxe_error **err)
{
	cleanup_free char *bundle = NULL;
	cleanup_fd int fd = -1;

	if (vxe_bundle_find(name, &bundle, err) < 0)
		return -1;
	fd = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the bundle folder %s", bundle);
	return vxe_config_load(fd, bundle, config, err);
}

static struct vxe_source *source_choose(const struct options *o, struct vxe_recorder *recorder, struct vxe_error **err)
{
	cleanup_error struct vxe_error *unable = NULL;
	struct vxe_source *source;

	if (o->recorder)
		return !strcmp(o->recorder, "bpf") ? vxe_bpf_source(recorder, err) : vxe_notify_source(recorder, err);
	source = vxe_bpf_source(recorder, &unable);
	return source ? source : vxe_notify_source(recorder, err);
}

/* The exercise and the program have written on standard output, too: JSON is the last line there. */
static void outcome_tell(const struct options *o, const struct vxe_trailer *trailer, const char *program, const char *output)
{
	struct vxe_json_text text = {0};
	char trouble[512] = "";
	uint64_t lost = 0;

	for (size_t i = 0; i < trailer->n_losses; i++)
		lost += trailer->losses[i].count;
	if (!o->json) {
		if (o->target.exercise && trailer->exercise < 0 && trailer->status >= 0)
			snprintf(trouble, sizeof(trouble), "%s ended (status %d) before its exercise began%s; ", program,
				 trailer->status,
				 o->host		? ""
				 : trailer->status == 0 ? ": what goes to the background by itself needs the "
							  "argument that keeps it from that, or "
							  "'kind: forking' in its recipe"
							: ": 'vxe why' says what failed");
		else if (o->target.exercise && trailer->exercise > 0)
			snprintf(trouble, sizeof(trouble), "the exercise failed (status %d); ", trailer->exercise);
		fprintf(stderr, "vxe: %srecorded %" PRIu64 " calls in %s\n", trouble, trailer->calls - lost, output);
		if (lost)
			fprintf(stderr,
				"vxe: %" PRIu64 " of %" PRIu64 " calls were lost; record again with less else going on\n", lost,
				trailer->calls);
		if (trailer->lost_processes)
			fprintf(stderr, "vxe: %" PRIu64 " beginnings and ends of processes were lost\n",
				trailer->lost_processes);
		return;
	}
	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_string(&text, "recording", output);
	vxe_json_text_uint(&text, "calls", trailer->calls);
	vxe_json_text_uint(&text, "lost", lost);
	vxe_json_text_uint(&text, "lostProcesses", trailer->lost_processes);
	vxe_json_text_string(&text, "end", trailer->end);
	vxe_status_write(&text, "status", trailer->status);
	if (o->target.exercise)
		vxe_status_write(&text, "exercise", trailer->exercise);
	vxe_json_text_object_end(&text);
	if (vxe_json_text_finish(&text) == 0)
		puts(text.data);
	vxe_json_text_free(&text);
}

static int record(struct options *o, struct vxe_error **err)
{
	struct vxe_recorder recorder = {.every = o->every};
	struct vxe_trailer trailer = {.status = -1, .exercise = -1};
	struct vxe_header header = {.every = o->every, .bundle = !o->host, .exercise = o->target.exercise};
	struct vxe_config *config = NULL;
	cleanup_free char *output = NULL;
	const char *name = o->name ? o->name : base_name(o->host ? o->target.program[0] : o->target.name);
	struct vxe_source *source;
	char run[17], mechanism[32];
	bool stopped = false;
	int failed, code = 0;

	if (!o->host && bundle_program(o->target.name, &config, err) < 0)
		return -1;
	if (output_choose(o, name, &output, err) < 0)
		return -1;
	failed = vxe_guard_fork(output, &o->target.guard, &code, err);
	if (failed != 0)
		return failed < 0 ? -1 : code;
	vxe_walk_init(&recorder.walk);
	source = source_choose(o, &recorder, err);
	if (!source)
		return -1;
	snprintf(mechanism, sizeof(mechanism), "record-%s", source->name);
	recorder.mechanism = mechanism;
	recorder.instance = o->host ? NULL : base_name(o->target.name);
	header.recorder = source->name;
	header.results = source->results;
	header.instance = recorder.instance;
	header.program = o->host ? o->target.program : config->process.args.items;
	if (vxe_stream_open(&recorder.stream, output, &header, run, err) < 0)
		return -1;
	failed = vxe_target_run(&o->target, &recorder, source, &trailer.status, &trailer.exercise, &stopped, err);
	if (failed == 0) {
		trailer.end = stopped ? "stopped" : "exited";
		source->finish(source, &trailer);
		failed = vxe_stream_close(&recorder.stream, &trailer, err);
	} else {
		vxe_stream_abandon(&recorder.stream);
		unlink(output);
	}
	if (failed == 0)
		outcome_tell(o, &trailer, name, output);
	source->close(source);
	vxe_walk_close(&recorder.walk);
	vxe_processes_free(&recorder.processes);
	vxe_config_free(&config);
	if (failed < 0)
		return err && *err ? -1 : trailer.status > 0 ? trailer.status : VXE_EXIT_FAILURE;
	/* An exercise that failed has not exercised what it was to. */
	if (o->target.exercise)
		return trailer.exercise < 0 ? VXE_EXIT_FAILURE : trailer.exercise;
	return stopped ? 0 : trailer.status < 0 ? VXE_EXIT_FAILURE : trailer.status;
}

int main(int argc, char **argv)
{
	cleanup_error struct vxe_error *err = NULL;
	struct options o = {0};
	int code;

	vxe_self_init(argv);
	if (argc == 5 && !strcmp(argv[1], "--after"))
		return vxe_recorder_after(argv[2], argv[3], argv[4]);
	if (options_parse(argc, argv, &o, &err) == 0) {
		if (o.help)
			return fputs(usage, stdout) < 0 ? VXE_EXIT_FAILURE : 0;
		/* What is launched must not reach this program's file; that starts it over, so before all else. */
		code = o.host ? 0 : vxe_self_seal(&err);
		if (code == 0)
			code = record(&o, &err);
		if (code >= 0) {
			/* The guard says what became of the recorder. */
			if (err)
				vxe_error_print("vxe", err);
			return code;
		}
	}
	vxe_error_print("vxe", err);
	return err ? (int)err->exit : VXE_EXIT_FAILURE;
}
