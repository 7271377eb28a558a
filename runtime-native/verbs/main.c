#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "names.h"
#include "self.h"
#include "verbs.h"
#include "warn.h"

#ifndef VXE_VERSION
#error "the build gives VXE_VERSION"
#endif

static char **verb_argv; /* what getopt is at */

const struct vxe_verb *vxe_verb_find(const struct vxe_verb *verbs, const char *name)
{
	for (; verbs->name; verbs++)
		if (!strcmp(verbs->name, name))
			return verbs;
	return NULL;
}

int vxe_verb_help(const char *program, const struct vxe_verb *verb)
{
	printf("Usage: %s %s\n\n%s\n", program, verb->usage, verb->summary);
	return 0;
}

int vxe_verb_misuse(const char *program, const struct vxe_verb *verb, const char *what, struct vxe_error **err)
{
	if (what)
		vxe_error_set(err, VXE_EXIT_MISUSE, 0, "%s %s", verb->name, what);
	else
		vxe_error_set(err, VXE_EXIT_MISUSE, 0, "%s: unknown or incomplete option %s", verb->name,
			      verb_argv ? verb_argv[optind - 1] : "");
	return vxe_error_hint(err, "usage: %s %s", program, verb->usage);
}

/* An id in digits; the last number is none: to the kernel it means "leave it as it is", which would be ours. */
static int id_parse(const char *text, char end, uint32_t *out, const char **rest)
{
	char *after;
	unsigned long long value;

	if (*text < '0' || *text > '9')
		return -1;
	value = strtoull(text, &after, 10);
	if (value >= UINT32_MAX || (*after != end && *after != '\0'))
		return -1;
	*out = (uint32_t)value;
	*rest = *after ? after + 1 : NULL;
	return 0;
}

int vxe_verb_user(const char *text, uint32_t *uid, uint32_t *gid)
{
	const char *group, *rest;

	if (id_parse(text, ':', uid, &group) < 0)
		return -1;
	if (!group)
		return 1;
	return id_parse(group, '\0', gid, &rest) < 0 ? -1 : 2;
}

/* What the authoring CLI adds. A test holds this list against the commands that there are. */
static const char *const author_verbs[][2] = {
	{"bundle create", "make a bundle from a recipe, a package or a program"},
	{"bundle list", "list the bundles"},
	{"bundle inspect", "show what a bundle holds and why"},
	{"bundle audit", "list every executable of a bundle; fail on one that was not admitted"},
	{"bundle remove", "remove a bundle"},
	{"profile list", "list the profiles"},
	{"profile check", "check a profile and say where it is wrong"},
	{"profile compile", "compile a profile for `vxe run`"},
	{"profile convert", "write a profile in another form"},
	{"profile log", "list the kept versions of a bundle's profile"},
	{"profile diff", "show how two versions of it differ"},
	{"profile rollback", "put an earlier version of it in place"},
	{"profile fmt", "bring vxelisp texts into the one layout"},
	{"doctor", "what this kernel and user can enforce, and whether a bundle would start"},
	{"learn", "make a profile of what was recorded"},
	{"explain", "which mechanism holds each rule, or what becomes of one call"},
	{"violations", "what a profile refused, by what is to be decided about it"},
	{"why", "why something was refused, what would permit it, and what that opens"},
	{"upgrade", "take what the violation log shows over into a bundle's profile"},
	{"prove", "show for all inputs that what is enforced is what the profile says"},
	{"lisp", "evaluate vxelisp, and try predicates on recorded calls"},
	{"attack", "run an intruder's battery inside a bundle's confinement"},
	{"completion", "print a completion script for bash, zsh or fish"},
};

static void help_print(bool oci)
{
	const struct vxe_verb *verbs = oci ? vxe_oci_verbs : vxe_own_verbs;

	printf(oci ? "vxe-runtime: an OCI runtime that holds VXE profiles and Landlock\n\nUsage: vxe-runtime [--root DIR] "
		     "[--log FILE] [--log-format text|json] VERB ...\n\n"
		   : "vxe: confines a program, and all that it forks, to what its work needs\n\nUsage: vxe [--root DIR] VERB "
		     "...\n\nRunning:\n");
	for (; verbs->name; verbs++)
		printf("  %-18s %s\n", verbs->name, verbs->summary);
	if (!oci) {
		puts("\nAuthoring:");
		for (size_t i = 0; i < sizeof(author_verbs) / sizeof(*author_verbs); i++)
			printf("  %-18s %s\n", author_verbs[i][0], author_verbs[i][1]);
		puts("\nvxe VERB --help tells more. Exit codes: 0 done, 1 failed, 2 misuse; start and run return the "
		     "program's.");
	}
}

static void version_print(bool oci)
{
	printf("%s %s\n", oci ? "vxe-runtime version" : "vxe", VXE_VERSION);
	if (oci)
		puts("spec: 1.2.0");
}

/* Engines read the reason of a failure from the file they named. */
static void log_append(const struct vxe_globals *globals, const char *level, const char *message, int errnum)
{
	cleanup_file FILE *file = globals->log ? fopen(globals->log, "ae") : NULL;
	cleanup_free char *whole = NULL;
	struct vxe_json_text text = {0};
	time_t now = time(NULL);
	char time_text[32];
	struct tm tm;

	if (!file || asprintf(&whole, "%s%s%s", message, errnum ? ": " : "", errnum ? strerror(errnum) : "") < 0) {
		whole = NULL;
		return;
	}
	if (!globals->log_json) {
		vxe_json_text_string(&text, NULL, whole);
		if (vxe_json_text_finish(&text) == 0)
			fprintf(file, "level=%s msg=%s\n", level, text.data);
		vxe_json_text_free(&text);
		return;
	}
	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_string(&text, "level", level);
	vxe_json_text_string(&text, "msg", whole);
	if (gmtime_r(&now, &tm) && strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		vxe_json_text_string(&text, "time", time_text);
	vxe_json_text_object_end(&text);
	if (vxe_json_text_finish(&text) == 0)
		fprintf(file, "%s\n", text.data);
	vxe_json_text_free(&text);
}

static void warning_tell(const char *message, void *data)
{
	const struct vxe_globals *globals = data;

	fprintf(stderr, "%s: warning: %s\n", globals->oci ? "vxe-runtime" : "vxe", message);
	log_append(globals, "warning", message, 0);
}

/* The file is there from the beginning, whether anything goes wrong or not; with --debug it says what is done. */
static void log_begin(const struct vxe_globals *globals, bool debug, const char *verb)
{
	cleanup_file FILE *file = globals->log ? fopen(globals->log, "ae") : NULL;
	char message[128];

	snprintf(message, sizeof(message), "vxe-runtime %s: %.64s", VXE_VERSION, verb);
	if (debug && globals->log)
		log_append(globals, "debug", message, 0);
	else if (debug)
		fprintf(stderr, "level=debug msg=\"%s\"\n", message);
}

static void error_print_json(const struct vxe_error *err)
{
	struct vxe_json_text text = {0};

	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_object_begin(&text, "error");
	vxe_json_text_string(&text, "code", err->exit == VXE_EXIT_MISUSE ? "misuse" : "failed");
	vxe_json_text_string(&text, "message", err->message);
	if (err->errnum)
		vxe_json_text_string(&text, "errno", vxe_errno_name(err->errnum));
	if (err->hint)
		vxe_json_text_string(&text, "hint", err->hint);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_end(&text);
	if (vxe_json_text_finish(&text) == 0)
		puts(text.data);
	vxe_json_text_free(&text);
}

/* The kernel refuses control from inside, by more than one mechanism; this only says so before it is tried. */
static int refused_inside(struct vxe_error **err)
{
	const char *instance = getenv("VXE_INSTANCE");

	if (!instance)
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "this is inside the instance %s, and instances are controlled from outside",
		      instance);
	return vxe_error_hint(err, "use a shell of the host");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"root", required_argument, NULL, 'r'},
						{"log", required_argument, NULL, 'l'},
						{"log-format", required_argument, NULL, 'f'},
						{"json", no_argument, NULL, 'j'},
						{"debug", no_argument, NULL, 'D'},
						{"systemd-cgroup", no_argument, NULL, 's'},
						{"cgroup-manager", required_argument, NULL, 'c'},
						{"rootless", required_argument, NULL, 'd'},
						{"criu", required_argument, NULL, 'd'}, /* for verbs that there are not */
						{"version", no_argument, NULL, 'v'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "vxe";
	bool oci = !strcmp(name, "vxe-runtime");
	struct vxe_globals globals = {.oci = oci};
	cleanup_error struct vxe_error *err = NULL;
	const struct vxe_verb *verb;
	const char *other_driver = NULL;
	bool debug = false;
	int option, code;

	vxe_self_init(argv);
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+vVh", options, NULL)) >= 0) {
		switch (option) {
		case 'r':
			globals.root = optarg;
			break;
		case 'l':
			globals.log = optarg;
			break;
		case 'f':
			globals.log_json = !strcmp(optarg, "json");
			if (globals.log_json || !strcmp(optarg, "text"))
				break;
			fprintf(stderr, "%s: --log-format is text or json, not %s\n", name, optarg);
			return VXE_EXIT_MISUSE;
		case 'j':
			globals.json = true;
			break;
		case 'D':
			debug = true;
			break;
		case 'd':
			break;
		case 'c':
			globals.no_cgroup = !strcmp(optarg, "disabled");
			globals.systemd_cgroup = !strcmp(optarg, "systemd");
			if (!globals.no_cgroup && !globals.systemd_cgroup && strcmp(optarg, "cgroupfs") != 0)
				other_driver = optarg;
			break;
		case 's':
			globals.systemd_cgroup = true;
			break;
		case 'v':
		case 'V':
			version_print(oci);
			return 0;
		case 'h':
			help_print(oci);
			return 0;
		default:
			fprintf(stderr, "%s: unknown option %s; see %s --help\n", name, argv[optind - 1], name);
			return VXE_EXIT_MISUSE;
		}
	}
	if (optind >= argc) {
		help_print(oci);
		return VXE_EXIT_MISUSE;
	}
	argv += optind;
	argc -= optind;
	verb = vxe_verb_find(oci ? vxe_oci_verbs : vxe_own_verbs, argv[0]);
	if (!verb && !strcmp(argv[0], "help") && argc == 1) {
		help_print(oci);
		return 0;
	}
	/* --json is every verb's, up to where a program's own arguments may begin. */
	for (int i = 1; verb && !oci && i < argc && strcmp(argv[i], "--"); i++) {
		if (argv[i][0] != '-' &&
		    (!strcmp(verb->name, "run") || !strcmp(verb->name, "exec") || !strcmp(verb->name, "trace")))
			break;
		if (strcmp(argv[i], "--json"))
			continue;
		globals.json = true;
		memmove(&argv[i], &argv[i + 1], (size_t)(argc - i) * sizeof(*argv));
		argc--;
		i--;
	}
	optind = 0;
	verb_argv = argv;
	vxe_warning_to(warning_tell, &globals);
	/* A file that may not be so large is told like any that cannot be written. Programs get it as it is by default. */
	signal(SIGXFSZ, SIG_IGN);
	if (oci && (globals.log || debug))
		log_begin(&globals, debug, verb ? verb->name : "");
	if (other_driver && oci) {
		vxe_error_set(&err, VXE_EXIT_FAILURE, 0, "the cgroup driver %s is not supported, cgroupfs and systemd are",
			      other_driver);
		code = vxe_error_hint(&err, "tell the engine to use one of them (podman: --cgroup-manager=systemd)");
	} else if (verb)
		code = refused_inside(&err) < 0 ? -1 : verb->run(&globals, argc, argv, &err);
	else if (!oci)
		code = vxe_author_exec(argv, &err);
	else
		code = vxe_error_set(&err, VXE_EXIT_MISUSE, 0, "%s is no verb; see vxe-runtime --help", argv[0]);
	/* What nobody could read was not done. */
	if (code >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
		code = vxe_error_set(&err, VXE_EXIT_FAILURE, errno, "writing to standard output");
	if (code >= 0)
		return code;
	if (err)
		log_append(&globals, "error", err->message, err->errnum);
	if (err && globals.json)
		error_print_json(err);
	else
		vxe_error_print(oci ? "vxe-runtime" : "vxe", err);
	return err ? (int)err->exit : VXE_EXIT_FAILURE;
}
