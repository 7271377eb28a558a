/*
 * vxe-attack: runs the intruder's battery, without VXE (--control) or inside a bundle's confinement (--bundle), and
 * tells each outcome as a line of JSON. `vxe attack` makes the table of it.
 */
#include "self.h"
#include "battery.h"
#include "bystander.h"
#include "confine.h"
#include "control.h"
#include "launch.h"
#include "tell.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "Usage: vxe-attack --list\n"
			    "       vxe-attack --control [--only NAME]...\n"
			    "       vxe-attack --bundle FOLDER --id ID [--without seccomp|landlock]... [--only NAME]...\n"
			    "\n"
			    "  --list            tell the attempts, a line of JSON each\n"
			    "  --control         make them without VXE, in a throw-away copy of the host's tree\n"
			    "  --bundle FOLDER   make them inside this bundle's confinement, in place of its program\n"
			    "  --id ID           the instance's name, for its state and logs\n"
			    "  --without LAYER   leave a layer off, to learn what holds without it\n"
			    "  --only NAME       this attempt only\n";

struct options {
	bool list, control, help;
	struct vxe_confine_options confine;
	bool *selected; /* NULL: all */
};

static int select_row(struct options *options, const char *name, struct vxe_error **err)
{
	long index = vxe_attack_find(name);

	if (index < 0) {
		vxe_error_set(err, VXE_EXIT_MISUSE, 0, "there is no attempt %s", name);
		return vxe_error_hint(err, "see vxe-attack --list");
	}
	if (!options->selected)
		options->selected = vxe_attack_share(vxe_attack_count() * sizeof(*options->selected));
	if (!options->selected)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "the attempts cannot be selected");
	options->selected[index] = true;
	return 0;
}

static int parse_without(struct options *options, const char *layer, struct vxe_error **err)
{
	if (strcmp(layer, "seccomp") == 0)
		options->confine.without |= VXE_WITHOUT_SECCOMP;
	else if (strcmp(layer, "landlock") == 0)
		options->confine.without |= VXE_WITHOUT_LANDLOCK;
	else
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "there is no layer %s, only seccomp and landlock", layer);
	return 0;
}

static int parse_options(int argc, char **argv, struct options *options, struct vxe_error **err)
{
	static const struct option known[] = {
		{"list", no_argument, NULL, 'l'},	   {"control", no_argument, NULL, 'c'},
		{"bundle", required_argument, NULL, 'b'},  {"id", required_argument, NULL, 'i'},
		{"without", required_argument, NULL, 'w'}, {"only", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},	   {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		int ret = 0;

		switch (option) {
		case 'l':
			options->list = true;
			break;
		case 'c':
			options->control = true;
			break;
		case 'b':
			options->confine.bundle = optarg;
			break;
		case 'i':
			options->confine.id = optarg;
			break;
		case 'w':
			ret = parse_without(options, optarg, err);
			break;
		case 'o':
			ret = select_row(options, optarg, err);
			break;
		case 'h':
			options->help = true;
			break;
		default:
			/* getopt has said what it does not know. */
			return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "the options are wrong; see vxe-attack --help");
		}
		if (ret < 0)
			return -1;
	}
	if (options->help)
		return 0;
	if (optind < argc)
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "%s is no option; see vxe-attack --help", argv[optind]);
	if (options->list + options->control + (options->confine.bundle != NULL) != 1)
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "one of --list, --control and --bundle is needed");
	if ((options->confine.bundle != NULL) != (options->confine.id != NULL))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "--bundle and --id belong together");
	if (options->confine.without != 0 && !options->confine.bundle)
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "--without is for --bundle");
	return 0;
}

static int tell_rows(struct vxe_error **err)
{
	size_t count = vxe_attack_count();

	for (size_t i = 0; i < count; i++)
		if (vxe_attack_tell_row(stdout, vxe_attack_row(i)) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the list cannot be written");
	return 0;
}

/* What an attempt manages to run may print. Standard input stays: the terminal there, if it is one, is worth attacking. */
static int silence(int saved[2], struct vxe_error **err)
{
	cleanup_fd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	for (int i = 0; i < 2; i++) {
		saved[i] = fcntl(i + 1, F_DUPFD_CLOEXEC, 3);
		if (null < 0 || saved[i] < 0 || dup2(null, i + 1) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the battery's output cannot be set apart");
	}
	return 0;
}

static void speak(const int saved[2])
{
	for (int i = 0; i < 2; i++)
		if (saved[i] >= 0) {
			dup2(saved[i], i + 1);
			close(saved[i]);
		}
}

static int tell_results(const struct vxe_attack_world *world, struct vxe_error **err)
{
	size_t count = vxe_attack_count();

	for (size_t i = 0; i < count; i++) {
		if (world->selected && !world->selected[i])
			continue;
		if (vxe_attack_tell_result(stdout, vxe_attack_row(i), &world->results[i]) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the outcomes cannot be written");
	}
	return 0;
}

static int run(const struct options *options, struct vxe_error **err)
{
	struct vxe_attack_world *world = vxe_attack_share(sizeof(*world));

	if (!world)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "no memory for the battery");
	world->shared = vxe_attack_share(sizeof(*world->shared));
	world->results = vxe_attack_share(vxe_attack_count() * sizeof(*world->results));
	world->selected = options->selected;
	world->disk = vxe_attack_find_disk();
	if (!world->shared || !world->results)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "no memory for the battery");
	int saved[2] = {-1, -1};
	int ret = silence(saved, err);
	if (ret == 0)
		ret = options->control ? vxe_control_run(world, err) : vxe_confine_run(&options->confine, world, err);
	speak(saved);
	return ret < 0 ? ret : tell_results(world, err);
}

int main(int argc, char **argv)
{
	cleanup_error struct vxe_error *err = NULL;
	struct options options = {0};

	vxe_self_init(argv);
	if (parse_options(argc, argv, &options, &err) == 0) {
		if (options.help)
			return fputs(usage, stdout) < 0 ? VXE_EXIT_FAILURE : 0;
		if ((options.list ? tell_rows(&err) : run(&options, &err)) == 0)
			return 0;
	}
	vxe_error_print("vxe-attack", err);
	return err ? (int)err->exit : VXE_EXIT_FAILURE;
}
