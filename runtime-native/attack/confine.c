#include "confine.h"

#include "bystander.h"
#include "config.h"
#include "instance.h"
#include "tools.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

#define MAILBOX_OWNER 65534
/* What the attempts make is named vxe-attack-*; the bait apart from it, so that a second battery does not sweep it away. */
#define MADE_PREFIX "vxe-attack-"
#define BAIT_PREFIX MADE_PREFIX "bait-"

/* What was made on the host for the intruder to reach for, and is taken away afterwards. */
struct bait {
	char mailbox_host[PATH_MAX], mailbox[PATH_MAX];
	char own_host[PATH_MAX], own[PATH_MAX];
	char socket_host[PATH_MAX], socket[PATH_MAX];
};

static bool has_option(const struct vxe_mount *mount, const char *option)
{
	for (size_t i = 0; i < mount->options.count; i++)
		if (strcmp(mount->options.items[i], option) == 0)
			return true;
	return false;
}

static void add_dir(struct vxe_attack_world *world, const char *path)
{
	size_t count = 0;

	for (; world->dirs[count]; count++)
		if (strcmp(world->dirs[count], path) == 0)
			return;
	if (count < VXE_ATTACK_MAX_DIRS)
		world->dirs[count] = path;
}

/* nftw gives its callback no argument. */
static struct vxe_attack_world *walk_world;
static size_t walk_prefix;

static int walk_dir(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	const char *inside = path + walk_prefix;

	(void)status;
	if (type == FTW_D && walk->level <= 3)
		add_dir(walk_world, strdup(*inside ? inside : "/"));
	return 0;
}

/* The folders that are inside: mounts first, those that may be written before the others, then the tree. */
static void learn_dirs(const struct vxe_config *config, struct vxe_attack_world *world)
{
	for (int writable = 1; writable >= 0; writable--)
		for (size_t i = 0; i < config->n_mounts; i++)
			if (has_option(&config->mounts[i], "ro") != (writable == 1))
				add_dir(world, config->mounts[i].destination);
	static const char *const common[] = {"/",	 "/etc", "/usr", "/var",     "/tmp",
					     "/var/tmp", "/run", "/dev", "/dev/shm", "/root"};
	for (size_t i = 0; i < COUNT_OF(common); i++)
		add_dir(world, common[i]);
	if (strcmp(config->rootfs, "/") == 0)
		return;
	walk_world = world;
	walk_prefix = strlen(config->rootfs);
	nftw(config->rootfs, walk_dir, 16, FTW_PHYS | FTW_MOUNT);
}

static int make_file(const char *path, mode_t mode, uid_t owner, gid_t group)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0 || write(fd, "From other\n", 11) < 0 || fchmod(fd, mode) < 0 ||
	    (geteuid() == 0 && fchown(fd, owner, group) < 0))
		return -1;
	return 0;
}

static bool is_spool(const struct vxe_mount *mount)
{
	static const char *const system[] = {"/dev", "/proc", "/sys"};
	struct stat status;

	if (!mount->source || mount->source[0] != '/' || has_option(mount, "ro") || stat(mount->source, &status) < 0 ||
	    !S_ISDIR(status.st_mode))
		return false;
	for (size_t i = 0; i < COUNT_OF(system); i++)
		if (strncmp(mount->source, system[i], strlen(system[i])) == 0)
			return false;
	return true;
}

/* A file of another user's, one of the program's own, and a socket, in the first folder of the host that the instance
   may write to. Without such a folder there is no bait, and the rows that need it say so. */
static int lay_bait(const struct vxe_config *config, struct bait *bait, struct vxe_error **err)
{
	const struct vxe_mount *spool = NULL;
	int pid = (int)getpid();

	memset(bait, 0, sizeof(*bait));
	for (size_t i = 0; i < config->n_mounts && !spool; i++)
		if (is_spool(&config->mounts[i]))
			spool = &config->mounts[i];
	if (!spool)
		return 0;
	snprintf(bait->mailbox_host, sizeof(bait->mailbox_host), "%s/" BAIT_PREFIX "other-%d", spool->source, pid);
	snprintf(bait->mailbox, sizeof(bait->mailbox), "%s/" BAIT_PREFIX "other-%d", spool->destination, pid);
	snprintf(bait->own_host, sizeof(bait->own_host), "%s/" BAIT_PREFIX "own-%d", spool->source, pid);
	snprintf(bait->own, sizeof(bait->own), "%s/" BAIT_PREFIX "own-%d", spool->destination, pid);
	snprintf(bait->socket_host, sizeof(bait->socket_host), "%s/" BAIT_PREFIX "%d", spool->source, pid);
	snprintf(bait->socket, sizeof(bait->socket), "%s/" BAIT_PREFIX "%d", spool->destination, pid);
	if (make_file(bait->mailbox_host, 0600, MAILBOX_OWNER, MAILBOX_OWNER) < 0 ||
	    make_file(bait->own_host, 0700, config->process.uid, config->process.gid) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the bait in %s cannot be made", spool->source);
	return 0;
}

static void take_bait_away(const struct bait *bait)
{
	const char *const paths[] = {bait->mailbox_host, bait->own_host, bait->socket_host};

	for (size_t i = 0; i < COUNT_OF(paths); i++)
		if (paths[i][0] != '\0')
			unlink(paths[i]);
}

/* Where a folder of the inside is on the host: below the longest mount that it is in, or below the rootfs. */
static bool find_outside(const struct vxe_config *config, const char *inside, char out[PATH_MAX])
{
	const struct vxe_mount *found = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < config->n_mounts; i++) {
		const struct vxe_mount *mount = &config->mounts[i];
		size_t length = strlen(mount->destination);

		if (length > longest && strncmp(inside, mount->destination, length) == 0 &&
		    (inside[length] == '\0' || inside[length] == '/')) {
			found = mount;
			longest = length;
		}
	}
	/* What is in a file system of the instance's own goes with it. */
	if (found && (!found->source || found->source[0] != '/'))
		return false;
	int length = snprintf(out, PATH_MAX, "%s%s", found ? found->source : config->rootfs, inside + longest);
	return length > 0 && length < PATH_MAX;
}

static void sweep_dir(const char *path)
{
	cleanup_dir DIR *dir = opendir(path);

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (strncmp(entry->d_name, MADE_PREFIX, strlen(MADE_PREFIX)) != 0 ||
		    strncmp(entry->d_name, BAIT_PREFIX, strlen(BAIT_PREFIX)) == 0)
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
}

/* An attempt that may make a file need not be allowed to remove it. */
static void sweep(const struct vxe_config *config, const struct vxe_attack_world *world)
{
	char path[PATH_MAX];

	for (size_t i = 0; world->dirs[i]; i++)
		if (find_outside(config, world->dirs[i], path))
			sweep_dir(path);
}

static bool rows_left(const struct vxe_attack_world *world)
{
	size_t count = vxe_attack_count();

	for (size_t i = 0; i < count; i++)
		if (atomic_load(&world->results[i].state) == VXE_ATTACK_NOT_RUN && (!world->selected || world->selected[i]))
			return true;
	return false;
}

/* The instance ended in the middle of a row, which ran in the battery's own process: what does that mean? */
static bool conclude_interrupted(const struct vxe_attack_world *world, int exit_code)
{
	size_t count = vxe_attack_count();
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		struct vxe_attack_result *result = &world->results[i];
		uint32_t state = atomic_load(&result->state);

		if (state != VXE_ATTACK_RUNNING && state != VXE_ATTACK_EXECUTING)
			continue;
		any = true;
		if (exit_code > 128) {
			result->signal = exit_code - 128;
			atomic_store(&result->state, state == VXE_ATTACK_EXECUTING ? VXE_ATTACK_REFUSED : VXE_ATTACK_DIED);
		} else if (state == VXE_ATTACK_EXECUTING) {
			snprintf(result->detail, sizeof(result->detail), "another program ran and exited with %d", exit_code);
			atomic_store(&result->state, VXE_ATTACK_SUCCEEDED);
		} else {
			snprintf(result->detail, sizeof(result->detail), "the battery's process ended with %d", exit_code);
			atomic_store(&result->state, VXE_ATTACK_DIED);
		}
	}
	return any;
}

static int run_instances(const struct vxe_confine_options *options, struct vxe_attack_world *world, struct vxe_error **err)
{
	const struct vxe_instance_options instance = {
		.id = options->id,
		.bundle = options->bundle,
		.own_verb = true,
		.without = options->without,
		.entry = vxe_battery_run,
		.entry_arg = world,
	};

	while (rows_left(world)) {
		int exit_code = 0;

		if (vxe_instance_run(&instance, &exit_code, err) < 0)
			return -1;
		/* Passed on by the supervisor: meant for all of this, not for one attempt. */
		if (exit_code == 128 + SIGINT || exit_code == 128 + SIGTERM || exit_code == 128 + SIGHUP)
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the battery was interrupted");
		if (!conclude_interrupted(world, exit_code) && rows_left(world))
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the battery ended early, with %d, between two attempts",
					     exit_code);
	}
	return 0;
}

int vxe_confine_run(const struct vxe_confine_options *options, struct vxe_attack_world *world, struct vxe_error **err)
{
	struct bait bait;
	struct vxe_config *config = NULL;
	cleanup_fd int bundle_fd = open(options->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (bundle_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the bundle %s cannot be opened", options->bundle);
	if (vxe_config_load(bundle_fd, options->bundle, &config, err) < 0)
		return -1;
	world->program = config->process.args.count > 0 ? config->process.args.items[0] : NULL;
	learn_dirs(config, world);
	int ret = lay_bait(config, &bait, err);
	if (ret == 0) {
		world->mailbox = bait.mailbox[0] != '\0' ? bait.mailbox : NULL;
		world->mailbox_owner = MAILBOX_OWNER;
		world->own_file = bait.own[0] != '\0' ? bait.own : NULL;
		world->spool_socket = bait.socket[0] != '\0' ? bait.socket : NULL;
		pid_t bystander = vxe_bystander_start(world->shared, bait.socket_host[0] != '\0' ? bait.socket_host : NULL);
		if (bystander < 0) {
			ret = vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the bystander cannot be started");
		} else {
			ret = run_instances(options, world, err);
			vxe_bystander_stop(world->shared, bystander);
		}
	}
	take_bait_away(&bait);
	sweep(config, world);
	/* world->program and dirs point into it, and nobody needs them any more. */
	world->program = NULL;
	memset(world->dirs, 0, sizeof(world->dirs));
	vxe_config_free(&config);
	return ret;
}
