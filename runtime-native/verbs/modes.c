#include "modes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "held.h"
#include "places.h"
#include "records.h"
#include "warn.h"

static bool at_or_below(const char *path, const char *folder)
{
	const size_t length = strlen(folder);

	return !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static void path_remove(struct vxe_strings *paths, const char *path, bool with_below)
{
	size_t kept = 0;

	for (size_t i = 0; i < paths->count; i++) {
		if (with_below ? !at_or_below(paths->items[i], path) : strcmp(paths->items[i], path) != 0)
			paths->items[kept++] = paths->items[i];
		else
			free(paths->items[i]);
	}
	if (paths->items)
		paths->items[kept] = NULL;
	paths->count = kept;
}

static int path_add(struct vxe_strings *paths, const char *path, struct vxe_error **err)
{
	char **items = realloc(paths->items, (paths->count + 2) * sizeof(char *));

	if (!items)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "masking %s", path);
	paths->items = items;
	items[paths->count] = strdup(path);
	if (!items[paths->count])
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "masking %s", path);
	items[++paths->count] = NULL;
	return 0;
}

/* A file whatever its name. */
struct object {
	dev_t dev;
	ino_t ino;
};

struct objects {
	struct object *items;
	size_t count;
};

static void objects_cleanup(struct objects *objects)
{
	free(objects->items);
}

static bool object_of(const char *path, struct object *object)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	*object = (struct object){st.st_dev, st.st_ino};
	return true;
}

/* What the rules of Landlock grant something on, with all below it. */
static int granted_objects(const struct vxe_landlock *landlock, struct objects *out, struct vxe_error **err)
{
	size_t most = 0;

	for (size_t i = 0; i < landlock->n_path_rules; i++)
		most += landlock->path_rules[i].paths.count;
	out->items = calloc(most + 1, sizeof(*out->items));
	if (!out->items)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "looking for what the profile grants");
	for (size_t i = 0; i < landlock->n_path_rules; i++)
		for (size_t k = 0; k < landlock->path_rules[i].paths.count; k++)
			if (object_of(landlock->path_rules[i].paths.items[k], &out->items[out->count]))
				out->count++;
	return 0;
}

static bool among(const struct objects *objects, const struct object *one)
{
	for (size_t i = 0; i < objects->count; i++)
		if (objects->items[i].dev == one->dev && objects->items[i].ino == one->ino)
			return true;
	return false;
}

static bool ruled_at_or_below(const struct vxe_landlock *landlock, bool optional, const char *folder)
{
	for (size_t i = 0; i < landlock->n_path_rules; i++)
		for (size_t k = 0; landlock->path_rules[i].optional == optional && k < landlock->path_rules[i].paths.count; k++)
			if (at_or_below(landlock->path_rules[i].paths.items[k], folder))
				return true;
	return false;
}

/* Does a rule that has its path by what lies beside or above it reach the folder, by whatever name it has there? */
static bool reached_from_above(const struct vxe_landlock *landlock, const struct objects *granted, const char *folder)
{
	cleanup_free char *path = strdup(folder);
	struct object above;

	if (!path)
		return true;
	for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
		*slash = '\0';
		if (object_of(slash == path ? "/" : path, &above) && among(granted, &above))
			return true;
	}
	return ruled_at_or_below(landlock, true, folder);
}

/* With the modes that those who fill them make them with. */
static const struct {
	const struct vxe_place *place;
	mode_t mode;
} places[] = {{&vxe_place_bundles, 0755},
	      {&vxe_place_compiled, 0755},
	      {&vxe_place_logs, 0755},
	      {&vxe_place_recordings, 0700},
	      {&vxe_place_history, 0700}};

/* A mask hides what lies below it, other masks' places among that: one is enough, and over a place that is hidden none can be laid. */
static int mask_add(struct vxe_strings *masks, const char *folder, struct vxe_error **err)
{
	for (size_t i = 0; i < masks->count; i++)
		if (at_or_below(folder, masks->items[i]))
			return 0;
	path_remove(masks, folder, true);
	return path_add(masks, folder, err);
}

/* What leads past a mask: by a file's handle, by taking the mask away or going to where it is not, by another process's memory and descriptors, by
   the disk itself. Landlock holds all of that but the first, where it is not held back at the folder. */
static const struct {
	const char *name;
	int number;
	bool held;
} powers[] = {{"CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH, false},
	      {"CAP_SYS_ADMIN", CAP_SYS_ADMIN, true},
	      {"CAP_SYS_PTRACE", CAP_SYS_PTRACE, true},
	      {"CAP_SYS_MODULE", CAP_SYS_MODULE, true},
	      {"CAP_SYS_RAWIO", CAP_SYS_RAWIO, true},
	      {"CAP_MKNOD", CAP_MKNOD, true}};

static bool grants(const struct vxe_config *config, int capability)
{
	return config->process.capabilities.bounding >> capability & 1;
}

bool vxe_modes_beyond(const struct vxe_config *config, char *out, size_t size)
{
	char names[128] = "";
	size_t used = 0;

	/* Over its own user namespace alone they lead nowhere. */
	if (geteuid() != 0 || vxe_config_namespace(config, CLONE_NEWUSER))
		return false;
	for (size_t i = 0; i < sizeof(powers) / sizeof(*powers) && used < sizeof(names); i++)
		/* In the pid namespace of a bundle there is nobody else, and nothing is opened by a handle without Landlock. */
		if (grants(config, powers[i].number) && powers[i].number != CAP_SYS_PTRACE &&
		    powers[i].number != CAP_DAC_READ_SEARCH)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", powers[i].name);
	snprintf(out, size,
		 "the profile grants %s: in soft mode its program is held no more than that is, and could leave the bundle",
		 names);
	return used > 0;
}

static int powers_refuse(const struct vxe_config *config, bool soft, const char *folder, struct vxe_error **err)
{
	for (size_t i = 0; i < sizeof(powers) / sizeof(*powers); i++) {
		if (!grants(config, powers[i].number) || (powers[i].held && !soft))
			continue;
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the profile grants %s, which leads past the mask over %s%s",
			      powers[i].name, folder, soft ? " in soft mode" : "");
		return vxe_error_hint(err,
				      soft ? "take it out of the profile, run it in production, or make a bundle of it"
					   : "take it out of the profile, or grant folders below the one that holds VXE's own");
	}
	return 0;
}

/*
 * Over the host's own tree nothing but Landlock keeps a program from VXE's files, and a rule for a folder far above them opens them as well: there,
 * and where there is no Landlock, mounts hide them.
 */
static int own_folders_mask(struct vxe_config *config, const char *state_root, bool soft, struct vxe_error **err)
{
	const struct vxe_landlock *landlock = &config->process.landlock;
	const bool held = !soft && landlock->present;
	__attribute__((cleanup(objects_cleanup))) struct objects granted = {0};

	if (held && granted_objects(landlock, &granted, err) < 0)
		return -1;
	for (size_t i = 0; i <= sizeof(places) / sizeof(*places); i++) {
		cleanup_free char *path = i ? vxe_place_path(places[i - 1].place, "") : strdup(state_root);
		cleanup_free char *real = NULL;

		/* One that comes later would come unmasked. Where not even its owner can make it, as whom this runs, nobody else inside can. */
		if (!path || (vxe_folders_make(path, i ? places[i - 1].mode : 0700) < 0 && errno == ENOMEM))
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "masking VXE's folders");
		real = realpath(path, NULL);
		if (!real)
			continue;
		/* A profile that names the folder, or what lies in it, means it. */
		if (held && (ruled_at_or_below(landlock, false, real) || !reached_from_above(landlock, &granted, real)))
			continue;
		if (powers_refuse(config, soft, real, err) < 0 || mask_add(&config->masked_paths, real, err) < 0)
			return -1;
	}
	return 0;
}

/* Soft: no Landlock, and what a mount holds for a rule is not mounted over. Everything else stays as in production. */
static int soft_prepare(struct vxe_config *config, const struct vxe_judge *judge, struct vxe_error **err)
{
	if (!judge) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the bundle has nothing to judge by in soft mode (org.vxe.judge)");
		return vxe_error_hint(err, "create it again with --replace, or start it in production");
	}
	for (size_t i = 0; i < judge->n_mounts; i++)
		path_remove(judge->mounts[i].masked ? &config->masked_paths : &config->readonly_paths, judge->mounts[i].path,
			    false);
	return 0;
}

bool vxe_modes_soft(const struct vxe_instance_options *options, int bundle_fd)
{
	enum vxe_mode mode = VXE_MODE_PRODUCTION;
	bool found;

	if (options->entry)
		return false;
	if (options->mode)
		return *options->mode == VXE_MODE_SOFT;
	return vxe_mode_read(bundle_fd, VXE_MODE_FILE, &mode, &found, NULL) == 0 && mode == VXE_MODE_SOFT;
}

/* The battery and the recorders look for themselves. */
static int records_choose(const struct vxe_instance_options *options, const struct vxe_config *config,
			  struct vxe_launch *launch, struct vxe_audit_source *audit, struct vxe_error **err)
{
	enum vxe_records_wish wish;

	if (options->entry || options->observer)
		return 0;
	if (options->records)
		wish = *options->records;
	else if (vxe_records_read(launch->bundle_fd, &wish, err) < 0)
		return -1;
	launch->raise_objects = vxe_records_choose(wish, config, audit) == VXE_OBJECTS_BY_SUPERVISOR;
	return 0;
}

int vxe_modes_judge(const struct vxe_config *config, const struct vxe_launch *launch, struct vxe_judge_source *judge,
		    struct vxe_error **err)
{
	if (judge->judge || (!launch->soft && !launch->raise_objects))
		return 0;
	return vxe_judge_load(judge, launch->bundle_fd, config, err);
}

int vxe_modes_choose(const struct vxe_instance_options *options, struct vxe_config *config, const char *state_root,
		     struct vxe_launch *launch, struct vxe_supervision *supervision, enum vxe_mode *mode,
		     struct vxe_judge_source *judge, struct vxe_error **err)
{
	char beyond[VXE_BEYOND_WORDS];
	bool found;

	if (vxe_judge_open(judge, launch->bundle_fd, config, err) < 0)
		return -1;
	if (options->mode)
		*mode = *options->mode;
	else if (vxe_mode_read(launch->bundle_fd, VXE_MODE_FILE, mode, &found, err) < 0)
		return -1;
	/* The battery tries what production holds, whatever the bundle's mode is. */
	if (options->entry)
		*mode = VXE_MODE_PRODUCTION;
	launch->soft = *mode == VXE_MODE_SOFT;
	if (judge->fd >= 0 && config->process.landlock.present && !launch->soft &&
	    records_choose(options, config, launch, &supervision->audit, err) < 0)
		return -1;
	/* It changes what is masked. */
	if (launch->soft && vxe_modes_judge(config, launch, judge, err) < 0)
		return -1;
	if (launch->soft && soft_prepare(config, judge->judge, err) < 0)
		return -1;
	if (launch->soft && !launch->host_root && vxe_modes_beyond(config, beyond, sizeof(beyond)))
		vxe_warning("%s: %s", options->id, beyond);
	return launch->host_root ? own_folders_mask(config, state_root, launch->soft, err) : 0;
}

int vxe_modes_join(int state_dir_fd, const struct vxe_config *config, struct vxe_launch *launch,
		   struct vxe_supervision *supervision, struct vxe_judge_source *judge, struct vxe_error **err)
{
	struct vxe_held held;
	bool found;

	if (vxe_judge_open(judge, launch->bundle_fd, config, err) < 0 || vxe_held_read(state_dir_fd, &held, &found, err) < 0)
		return -1;
	supervision->judge = judge;
	if (judge->fd < 0 || !found)
		return 0;
	supervision->asked = held.asked;
	supervision->joins = true;
	supervision->state_fd = fcntl(state_dir_fd, F_DUPFD_CLOEXEC, 3);
	if (supervision->state_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "watching the state of the instance");
	launch->soft = held.objects == VXE_MODE_SOFT;
	launch->raise_objects = held.records == VXE_OBJECTS_BY_SUPERVISOR;
	return 0;
}
