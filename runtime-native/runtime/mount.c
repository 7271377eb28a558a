#include "mount.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "copy_up.h"
#include "file.h"
#include "idmap.h"
#include "kernel.h"
#include "mount_internal.h"

struct option_word {
	const char *word;
	uint64_t set, clear;
};

/* runtime-spec config.md, "Linux mount options". The recursive forms carry the same words with an 'r' before. */
static const struct option_word attribute_words[] = {
	{"ro", MOUNT_ATTR_RDONLY, 0},
	{"rw", 0, MOUNT_ATTR_RDONLY},
	{"nosuid", MOUNT_ATTR_NOSUID, 0},
	{"suid", 0, MOUNT_ATTR_NOSUID},
	{"nodev", MOUNT_ATTR_NODEV, 0},
	{"dev", 0, MOUNT_ATTR_NODEV},
	{"noexec", MOUNT_ATTR_NOEXEC, 0},
	{"exec", 0, MOUNT_ATTR_NOEXEC},
	{"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
	{"diratime", 0, MOUNT_ATTR_NODIRATIME},
	{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
	{"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
	{"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
	{"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
	{"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
	{"nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
};

static const struct option_word propagation_words[] = {
	{"shared", MS_SHARED, 0},
	{"slave", MS_SLAVE, 0},
	{"private", MS_PRIVATE, 0},
	{"unbindable", MS_UNBINDABLE, 0},
};

/* What a file system is by itself: a new one is told, since a word before it may have said otherwise; a bind mount leaves it as it is. */
static const char *const usual_words[] = {"async", "nolazytime", "nomand"};
/* These change nothing that fsconfig could: how loud the kernel's log is of the mount; versions of inodes, which a file system that has them
   counts always, since Linux 6.1. */
static const char *const ignored_words[] = {"silent", "loud", "iversion", "noiversion", "defaults"};

static const struct option_word *word_find(const struct option_word *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(words[i].word, word))
			return &words[i];
	return NULL;
}

#define WORD_FIND(words, word) word_find(words, sizeof(words) / sizeof(*(words)), word)

static bool word_in(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(words[i], word))
			return true;
	return false;
}

#define WORD_IN(words, word) word_in(words, sizeof(words) / sizeof(*(words)), word)

/* Besides those of the tables: what is done in another way, and what fsconfig knows of every file system. */
static const char *const further_words[] = {"bind",   "rbind", "remount", "tmpcopyup", "idmap",
					    "ridmap", "sync",  "dirsync", "lazytime",  "mand"};

bool vxe_mount_option(size_t index, char *word, size_t size)
{
	const struct {
		const struct option_word *words;
		size_t count;
	} tables[] = {{attribute_words, sizeof(attribute_words) / sizeof(*attribute_words)},
		      {propagation_words, sizeof(propagation_words) / sizeof(*propagation_words)}};
	const struct {
		const char *const *words;
		size_t count;
	} lists[] = {{further_words, sizeof(further_words) / sizeof(*further_words)},
		     {usual_words, sizeof(usual_words) / sizeof(*usual_words)},
		     {ignored_words, sizeof(ignored_words) / sizeof(*ignored_words)}};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		if (index < 2 * tables[i].count) {
			snprintf(word, size, "%s%s", index % 2 ? "r" : "", tables[i].words[index / 2].word);
			return true;
		}
		index -= 2 * tables[i].count;
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		if (index < lists[i].count) {
			snprintf(word, size, "%s", lists[i].words[index]);
			return true;
		}
		index -= lists[i].count;
	}
	return false;
}

static void attribute_add(const struct option_word *word, uint64_t *set, uint64_t *clear)
{
	*set = (*set & ~word->clear) | word->set;
	*clear = (*clear & ~word->set) | word->clear;
}

/* True when the option was understood as one of the mount's, false when it belongs to the file system. */
static bool option_apply(struct vxe_mount_plan *plan, const char *option)
{
	const struct option_word *word;

	if (!strcmp(option, "bind")) {
		plan->bind = true;
	} else if (!strcmp(option, "rbind")) {
		plan->bind = plan->recursive_bind = true;
	} else if (!strcmp(option, "remount")) {
		plan->remount = true;
	} else if (!strcmp(option, "tmpcopyup")) {
		plan->copy_up = true;
	} else if (!strcmp(option, "idmap")) {
		plan->idmap = true;
	} else if (!strcmp(option, "ridmap")) {
		plan->idmap = plan->ridmap = true;
	} else if ((word = WORD_FIND(attribute_words, option))) {
		attribute_add(word, &plan->set, &plan->clear);
	} else if ((word = WORD_FIND(propagation_words, option))) {
		plan->propagation = word->set;
	} else if (*option == 'r' && (word = WORD_FIND(propagation_words, option + 1))) {
		plan->propagation = word->set;
		plan->propagation_recursive = true;
	} else if (*option == 'r' && (word = WORD_FIND(attribute_words, option + 1))) {
		attribute_add(word, &plan->recursive_set, &plan->recursive_clear);
	} else {
		return WORD_IN(ignored_words, option);
	}
	return true;
}

static int attributes_set(int fd, unsigned int flags, uint64_t set, uint64_t clear, uint64_t propagation)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};

	if (!set && !clear && !propagation)
		return 0;
	/* The kernel wants the whole atime field cleared when one of its values is set. */
	if (clear & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attr);
}

/* Which folder it is that does not let the caller through. Only who reads the error rests on it. */
static int unreached_hint(const char *path, struct vxe_error **err)
{
	cleanup_free char *copy = strdup(path);

	for (char *slash = copy; slash && (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		if (access(copy, X_OK) < 0)
			return vxe_error_hint(
				err,
				"the user that is root of the instance may not search the folder %s: give it that "
				"right (x), or start the instance as root",
				copy);
		*slash = '/';
	}
	return -1;
}

static int idmap_set(int fd, const struct vxe_mount_plan *plan, struct vxe_error **err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)plan->idmap_fd};

	if (plan->idmap_fd >= 0 && sys_mount_setattr(fd, "", AT_EMPTY_PATH | (plan->ridmap ? AT_RECURSIVE : 0), &attr) < 0)
		return vxe_error_set(
			err, VXE_EXIT_FAILURE, errno,
			"config.json: the mount on %s: mapping its ids (the file system must know id-mapped mounts)",
			plan->mount->destination);
	return 0;
}

/* A tree of the host's, by its descriptor or else by its name. */
static int tree_clone(int source, const char *path, unsigned int flags)
{
	return source >= 0 ? sys_open_tree(source, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | flags)
			   : sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | flags);
}

/* In a user namespace a bind mount keeps the locked flags of its source; the kernel refuses to clear them, which is an error. */
int mount_bind(const struct vxe_mount_plan *plan, int source, struct vxe_error **err)
{
	const struct vxe_mount *mount = plan->mount;
	cleanup_fd int fd = tree_clone(source, mount->source, plan->recursive_bind ? AT_RECURSIVE : 0);

	if (fd < 0) {
		int saved = errno;

		vxe_error_set(err, VXE_EXIT_FAILURE, saved, "the mount on %s needs %s of the host", mount->destination,
			      mount->source);
		if (saved == ENOENT)
			vxe_error_hint(err, "make it, or create the bundle with --mount %s=OTHER", mount->destination);
		return saved == EACCES ? unreached_hint(mount->source, err) : -1;
	}
	if (attributes_set(fd, 0, plan->set, plan->clear, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting the options of the mount on %s",
				     mount->destination);
	return idmap_set(fd, plan, err) < 0 ? -1 : steal_fd(&fd);
}

/* Before the first namespace is made: only who rules the file system's own user namespace may map a mount of it. The container's own
   mappings serve where the mount has none (config.md, Mounts, idmap). */
static int idmap_prepare(struct vxe_mount_plan *plan, const struct vxe_config *config, bool given, struct vxe_error **err)
{
	const struct vxe_mount *mount = plan->mount;
	const struct vxe_id_mappings *uids = &mount->uid_mappings, *gids = &mount->gid_mappings;

	if (!uids->count && !gids->count) {
		uids = &config->uid_mappings;
		gids = &config->gid_mappings;
	}
	if (!uids->count || !gids->count)
		return vxe_error_set(
			err, VXE_EXIT_FAILURE, 0,
			"config.json: the mount on %s: an id-mapped mount needs uidMappings and gidMappings, its own or "
			"those of a user namespace",
			mount->destination);
	if (vxe_idmap_open(uids, gids, &plan->idmap_fd, err) < 0)
		return -1;
	if (!plan->bind || given)
		return 0;
	plan->clone_fd = mount_bind(plan, -1, err);
	return plan->clone_fd < 0 ? -1 : 0;
}

/* The options of a mount are its own. Those of its file system hold for every mount of it, the host's too: no business of a container. */
static int remount_check(const struct vxe_mount_plan *plan, struct vxe_error **err)
{
	const struct vxe_mount *mount = plan->mount;

	if (plan->data.count)
		return vxe_error_set(
			err, VXE_EXIT_FAILURE, 0,
			"config.json: the mount on %s: remount changes what is the mount's own, and %s is the file "
			"system's: give it where the file system is mounted",
			mount->destination, plan->data.items[0]);
	if (plan->copy_up || plan->idmap || mount->uid_mappings.count || mount->gid_mappings.count)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				     "config.json: the mount on %s: remount goes neither with tmpcopyup nor with mapped ids",
				     mount->destination);
	return 0;
}

int vxe_mount_plan_make(const struct vxe_config *config, struct vxe_mount_plans *out, struct vxe_error **err)
{
	out->items = calloc(config->n_mounts ? config->n_mounts : 1, sizeof(*out->items));
	if (!out->items)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the mounts");
	out->count = config->n_mounts;
	out->null_fd = out->rootfs_fd = -1;
	out->device_fds = calloc(config->n_devices + 1, sizeof(*out->device_fds));
	if (!out->device_fds)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the devices");
	out->n_devices = config->n_devices;
	for (size_t i = 0; i < out->n_devices; i++)
		out->device_fds[i] = -1;
	out->given = geteuid() == 0 && vxe_config_namespace(config, CLONE_NEWUSER) &&
		     vxe_config_namespace(config, CLONE_NEWNS) && !vxe_config_annotation(config, "org.vxe.root");
	for (size_t i = 0; i < config->n_mounts; i++) {
		const struct vxe_mount *mount = &config->mounts[i];
		struct vxe_mount_plan *plan = &out->items[i];

		plan->mount = mount;
		plan->idmap_fd = plan->clone_fd = plan->source_fd = plan->made_fd = -1;
		plan->data.items = calloc(mount->options.count + 1, sizeof(char *));
		if (!plan->data.items)
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the mounts");
		for (size_t k = 0; k < mount->options.count; k++)
			if (!option_apply(plan, mount->options.items[k]))
				plan->data.items[plan->data.count++] = mount->options.items[k];
		if (mount->type && !strcmp(mount->type, "bind"))
			plan->bind = true;
		plan->is_proc = mount->type && !strcmp(mount->type, "proc");
		plan->is_dev = !strcmp(mount->destination, "/dev") && !plan->bind;
		plan->own_cgroups = vxe_config_namespace(config, CLONE_NEWCGROUP);
		if (plan->is_dev && !plan->remount) {
			plan->read_only_later = (plan->set | plan->recursive_set) & MOUNT_ATTR_RDONLY;
			plan->set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
			plan->recursive_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		}
		if (plan->remount && remount_check(plan, err) < 0)
			return -1;
		if (plan->remount)
			continue;
		if (!plan->bind && !mount->type)
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "config.json: the mount on %s names no type",
					     mount->destination);
		for (size_t k = 0; plan->bind && k < plan->data.count; k++)
			if (!WORD_IN(usual_words, plan->data.items[k]))
				return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
						     "config.json: the bind mount on %s has the unknown option %s",
						     mount->destination, plan->data.items[k]);
		if (plan->copy_up && (plan->bind || strcmp(mount->type, "tmpfs") != 0))
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "config.json: the mount on %s: tmpcopyup is for a tmpfs",
					     mount->destination);
		plan->idmap |= mount->uid_mappings.count || mount->gid_mappings.count;
		if (plan->idmap &&
		    idmap_prepare(plan, config, out->given && !vxe_config_namespace(config, CLONE_NEWNS)->path, err) < 0)
			return -1;
	}
	return 0;
}

void vxe_mount_plan_free(struct vxe_mount_plans *plans)
{
	for (size_t i = 0; i < plans->count && plans->items[i].mount; i++) {
		free(plans->items[i].data.items);
		vxe_cleanup_fd(&plans->items[i].idmap_fd);
		vxe_cleanup_fd(&plans->items[i].clone_fd);
		vxe_cleanup_fd(&plans->items[i].source_fd);
		vxe_cleanup_fd(&plans->items[i].made_fd);
	}
	for (size_t i = 0; i < plans->n_devices; i++)
		vxe_cleanup_fd(&plans->device_fds[i]);
	if (plans->items) {
		vxe_cleanup_fd(&plans->null_fd);
		vxe_cleanup_fd(&plans->rootfs_fd);
	}
	free(plans->device_fds);
	free(plans->items);
	memset(plans, 0, sizeof(*plans));
	plans->null_fd = plans->rootfs_fd = -1;
}

static int open_in_root(int root_fd, const char *path, uint64_t flags)
{
	return sys_openat2(root_fd, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/* Links that lead to nothing, on the way to one path: as many as the kernel follows. */
#define LINKS_MAX 40

static int open_making(int root_fd, const char *path, bool directory, unsigned int *links);

/* Opens the parent of `path` in the root, making missing folders; *name points into `copy`. */
static int parent_making(int root_fd, char *copy, const char **name, unsigned int *links)
{
	char *slash;

	while (*copy == '/')
		copy++;
	for (size_t end = strlen(copy); end && copy[end - 1] == '/'; end--)
		copy[end - 1] = '\0';
	slash = strrchr(copy, '/');
	*name = slash ? slash + 1 : copy;
	if (!slash)
		return open_in_root(root_fd, ".", O_PATH | O_DIRECTORY);
	*slash = '\0';
	return open_making(root_fd, copy, true, links);
}

static int open_parent(int root_fd, char *copy, const char **name)
{
	unsigned int links = 0;

	return parent_making(root_fd, copy, name, &links);
}

/* What a link in `folder` stands for, from the root. NULL with errno 0: it is no link. */
static char *link_follow(int parent, const char *folder, const char *name)
{
	cleanup_free char *target = malloc(PATH_MAX);
	char *path = NULL;
	ssize_t length = target ? readlinkat(parent, name, target, PATH_MAX - 1) : -1;

	if (length < 0) {
		errno = target ? 0 : ENOMEM;
		return NULL;
	}
	target[length] = '\0';
	if (asprintf(&path, "%s/%s", *target == '/' ? "" : folder, target) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return path;
}

/*
 * Opens what a path names in the root, making what is missing: folders, and at its end a folder or an empty file. A link that leads to
 * nothing stands for what it names, as /etc/resolv.conf of an image does, whose service makes the file when it runs.
 */
static int open_making(int root_fd, const char *path, bool directory, unsigned int *links)
{
	cleanup_free char *copy = NULL, *followed = NULL;
	cleanup_fd int parent = -1, made = -1;
	const char *name;
	int fd = open_in_root(root_fd, path, O_PATH);
	bool there;

	if (fd >= 0 || errno != ENOENT)
		return fd;
	copy = strdup(path + strspn(path, "/"));
	if (!copy || (parent = parent_making(root_fd, copy, &name, links)) < 0)
		return -1;
	if (directory) {
		there = mkdirat(parent, name, 0755) < 0;
	} else {
		made = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
		there = made < 0;
	}
	if (there && errno != EEXIST)
		return -1;
	if (there) {
		followed = link_follow(parent, name == copy ? "" : copy, name);
		if (!followed && errno)
			return -1;
	}
	if (!followed)
		return open_in_root(root_fd, path, O_PATH);
	if (++*links > LINKS_MAX) {
		errno = ELOOP;
		return -1;
	}
	return open_making(root_fd, followed, directory, links);
}

/*
 * A path of the configuration below a file system of the kernel's that was mounted there is looked for in that mount. By its name from the root it could be another thing each time, as long as somebody else has a hand in the rootfs
 * (CVE-2023-27561 and its kin). *rest is the path in what is given.
 */
static int base_of(const struct vxe_mount_plans *plans, int root_fd, const char *path, const char **rest)
{
	int base = root_fd;

	*rest = path;
	for (size_t i = 0; plans && i < plans->count; i++) {
		const char *destination = plans->items[i].mount->destination;
		size_t length = strlen(destination);

		while (length && destination[length - 1] == '/')
			length--;
		/* The last one is on top. */
		if (plans->items[i].made_fd < 0 || strncmp(path, destination, length) != 0 ||
		    (path[length] != '/' && path[length] != '\0'))
			continue;
		base = plans->items[i].made_fd;
		*rest = path + length;
	}
	*rest += strspn(*rest, "/");
	return base;
}

static int open_configured(const struct vxe_mount_plans *plans, int root_fd, const char *path)
{
	const char *rest;
	int base = base_of(plans, root_fd, path, &rest);

	return *rest ? open_in_root(base, rest, O_PATH) : fcntl(base, F_DUPFD_CLOEXEC, 0);
}

/* The destination as a descriptor; made when absent (a folder, or an empty file where a file is mounted). */
static int destination_open(int root_fd, const char *destination, bool directory, struct vxe_error **err)
{
	unsigned int links = 0;
	int fd = open_making(root_fd, destination, directory, &links);

	return fd < 0 ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the mount point %s", destination) : fd;
}

int vxe_mount_folder(const char *path)
{
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? -1 : destination_open(root, path, true, NULL);
}

/* The last message the file system left in its context ("e tmpfs: Bad value for 'size'"). */
static const char *fs_message(int fs_fd, char *buffer, size_t size)
{
	ssize_t got = read(fs_fd, buffer, size - 1);

	if (got <= 0)
		return "";
	buffer[got] = '\0';
	buffer[strcspn(buffer, "\n")] = '\0';
	return got > 2 ? buffer + 2 : buffer;
}

/* In a user namespace without a cgroup namespace of its own there is none to mount: the host's, which is not the container's to write
   (CVE-2023-25809). */
static int cgroup_clone(const struct vxe_mount_plan *plan, struct vxe_error **err)
{
	cleanup_fd int fd = sys_open_tree(AT_FDCWD, "/sys/fs/cgroup", OPEN_TREE_CLONE);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
		return vxe_error_set(
			err, VXE_EXIT_FAILURE, fd < 0 ? errno : 0,
			"the mount on %s: without a cgroup namespace it needs the host's cgroup v2 on /sys/fs/cgroup",
			plan->mount->destination);
	if (attributes_set(fd, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the cgroups on %s read-only",
				     plan->mount->destination);
	return steal_fd(&fd);
}

/* `mode` is the root's, for a file system that takes one and was given none; NULL: none. */
static int filesystem_make(const struct vxe_mount_plan *plan, const char *mode, struct vxe_error **err)
{
	const struct vxe_mount *mount = plan->mount;
	const char *type = !strcmp(mount->type, "cgroup") ? "cgroup2" : mount->type;
	cleanup_fd int fs = sys_fsopen(type);
	cleanup_fd int fd = -1;
	char text[256];

	if (fs < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the mount on %s: this kernel gives no %s file system",
				     mount->destination, type);
	if (mount->source && sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", mount->source, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the mount on %s: source %s", mount->destination,
				     mount->source);
	if (mode && sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", mode, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the mount on %s: mode %s", mount->destination, mode);
	for (size_t i = 0; i < plan->data.count; i++) {
		cleanup_free char *key = strdup(plan->data.items[i]);
		char *value;
		int failed;

		if (!key)
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "the mount on %s", mount->destination);
		value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		failed = value ? sys_fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0)
			       : sys_fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);
		if (failed < 0) {
			int saved = errno;

			return vxe_error_set(err, VXE_EXIT_FAILURE, saved, "the mount on %s: option %s %s", mount->destination,
					     plan->data.items[i], fs_message(fs, text, sizeof(text)));
		}
	}
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		int saved = errno;

		if (saved == EPERM && !strcmp(type, "cgroup2") && !plan->own_cgroups)
			return cgroup_clone(plan, err);
		return vxe_error_set(err, VXE_EXIT_FAILURE, saved, "the mount on %s: making the %s file system %s",
				     mount->destination, type, fs_message(fs, text, sizeof(text)));
	}
	/* What is copied up has to be written first. */
	fd = sys_fsmount(fs, plan->copy_up ? 0 : (unsigned int)plan->set);
	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the mount on %s: mounting the %s file system",
				     mount->destination, type);
	return idmap_set(fd, plan, err) < 0 ? -1 : steal_fd(&fd);
}

static bool fd_is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int attach(int mount_fd, int target_fd, const char *where, struct vxe_error **err)
{
	if (sys_move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "mounting on %s", where);
	return 0;
}

struct device_row {
	const char *name;
	unsigned int major, minor;
};

/* runtime-spec config-linux.md, "Default Devices". /dev/console and ptmx depend on a terminal and on devpts. */
static const struct device_row default_devices[] = {
	{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

static const char *const device_links[][2] = {
	{"/proc/self/fd", "fd"},
	{"/proc/self/fd/0", "stdin"},
	{"/proc/self/fd/1", "stdout"},
	{"/proc/self/fd/2", "stderr"},
};

/* How devices come into an instance: nobody makes one in a user namespace, and none is mounted where the mount namespace is not its own. */
enum device_way { DEVICES_MADE_OR_MOUNTED, DEVICES_MOUNTED, DEVICES_MADE };

/* A host's device node, checked to be the device that it is called by, as a detached bind mount. */
static int device_clone(const char *host_path, mode_t type, unsigned int major_number, unsigned int minor_number,
			struct vxe_error **err)
{
	cleanup_fd int fd = sys_open_tree(AT_FDCWD, host_path, OPEN_TREE_CLONE);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "binding the host's %s", host_path);
	if ((st.st_mode & S_IFMT) != type || st.st_rdev != makedev(major_number, minor_number))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the host's %s is not the device %u:%u", host_path, major_number,
				     minor_number);
	return steal_fd(&fd);
}

/* config-linux.md, Devices: what is there already has to be the device that is asked for. */
static int device_look(int parent, const char *name, mode_t type, dev_t number, const char *path, struct stat *st,
		       struct vxe_error **err)
{
	if (fstatat(parent, name, st, AT_SYMLINK_NOFOLLOW) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the device %s", path);
	if ((st->st_mode & S_IFMT) != type || (type != S_IFIFO && st->st_rdev != number))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "making the device %s: something else is there already", path);
	return 0;
}

/* An empty file to mount a device on. One that a container before has left in the rootfs will do, and so will the device itself. */
static int device_target(int parent, const char *name, mode_t type, dev_t number)
{
	cleanup_fd int fd = openat(parent, name, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
	struct stat st;

	if (fd < 0 && errno == EEXIST)
		fd = openat(parent, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISREG(st.st_mode) ? st.st_size == 0 : (st.st_mode & S_IFMT) == type && st.st_rdev == number)
		return steal_fd(&fd);
	errno = EEXIST;
	return -1;
}

/* `field` says who wants the device; errno, why it could not be made. */
static int device_unmade(const char *field, const char *path, struct vxe_error **err)
{
	vxe_error_set(err, VXE_EXIT_FAILURE, errno,
		      "config.json: %s: without a mount namespace, %s has to be made in the rootfs itself", field, path);
	return vxe_error_hint(err, "list a mount namespace, or have the device in the rootfs");
}

static int device_make(int dev_fd, const struct device_row *row, enum device_way way, struct vxe_error **err)
{
	char host_path[32];
	cleanup_fd int clone = -1;
	cleanup_fd int target = -1;
	struct stat st;

	snprintf(host_path, sizeof(host_path), "/dev/%s", row->name);
	if (way != DEVICES_MOUNTED) {
		if (mknodat(dev_fd, row->name, S_IFCHR | 0666, makedev(row->major, row->minor)) == 0)
			return 0;
		if (errno == EEXIST)
			return device_look(dev_fd, row->name, S_IFCHR, makedev(row->major, row->minor), host_path, &st, err);
		if (way == DEVICES_MADE)
			return device_unmade("linux.namespaces", host_path, err);
		if (errno != EPERM)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making %s", host_path);
	}
	clone = device_clone(host_path, S_IFCHR, row->major, row->minor, err);
	if (clone < 0)
		return -1;
	target = device_target(dev_fd, row->name, S_IFCHR, makedev(row->major, row->minor));
	if (target < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making %s", host_path);
	return attach(clone, target, host_path, err);
}

/* A node that is not made for the container has the owner and mode that it has: what the configuration asks for has to be just that. */
static int device_as_asked(const struct vxe_device *device, size_t number, const struct stat *st, struct vxe_error **err)
{
	const char *field = device->has_mode && (st->st_mode & 07777) != device->mode ? "fileMode"
			    : device->has_uid && st->st_uid != device->uid	      ? "uid"
			    : device->has_gid && st->st_gid != device->gid	      ? "gid"
										      : NULL;

	if (!field)
		return 0;
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
			     "config.json: linux.devices[%zu].%s: %s is there with mode %o, owner %u:%u", number, field,
			     device->path, st->st_mode & 07777, st->st_uid, st->st_gid);
}

/* In a user namespace nobody can make one: the launcher has, or the host's is mounted. */
static int device_given(const struct vxe_mount_plans *plans, const struct vxe_device *device, size_t number,
			struct vxe_error **err)
{
	cleanup_fd int clone = -1;
	struct stat st;

	if (plans->device_fds[number] >= 0)
		return fcntl(plans->device_fds[number], F_DUPFD_CLOEXEC, 0);
	clone = device_clone(device->path, device->type, device->major, device->minor, err);
	if (clone < 0) {
		vxe_error_wrap(err, "config.json: linux.devices[%zu]: no device can be made here", number);
		return vxe_error_hint(err,
				      "start the instance as root with CAP_MKNOD, or name one that the host has at this path");
	}
	if (fstat(clone, &st) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the host's %s", device->path);
	if (device_as_asked(device, number, &st, err) < 0)
		return vxe_error_hint(err,
				      "no device can be made here: leave the field out, or start the instance as root with "
				      "CAP_MKNOD");
	return steal_fd(&clone);
}

/* The device of that number of the configuration. */
static int device_add(const struct vxe_config *config, const struct vxe_mount_plans *plans, size_t number, int base,
		      const char *rest, enum device_way way, struct vxe_error **err)
{
	const struct vxe_device *device = &config->devices[number];
	cleanup_free char *copy = strdup(rest);
	cleanup_fd int parent = -1;
	cleanup_fd int target = -1;
	cleanup_fd int clone = -1;
	dev_t dev = makedev(device->major, device->minor);
	const char *name;
	struct stat st;
	int made;

	if (!copy)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "making the device %s", device->path);
	parent = open_parent(base, copy, &name);
	if (parent < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the device %s", device->path);
	if (way == DEVICES_MOUNTED && device->type != S_IFIFO) {
		clone = device_given(plans, device, number, err);
		if (clone < 0)
			return -1;
		target = device_target(parent, name, device->type, dev);
		return target < 0 ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the device %s", device->path)
				  : attach(clone, target, device->path, err);
	}
	made = mknodat(parent, name, device->type | device->mode, dev);
	if (made < 0 && errno != EEXIST && way == DEVICES_MADE) {
		char field[48];

		snprintf(field, sizeof(field), "linux.devices[%zu]", number);
		return device_unmade(field, device->path, err);
	}
	if (made < 0 && errno != EEXIST)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the device %s", device->path);
	if (device_look(parent, name, device->type, dev, device->path, &st, err) < 0)
		return -1;
	/* Not ours to change: it may be another container's, or the host's. */
	if (made < 0)
		return device_as_asked(device, number, &st, err);
	if (fchownat(parent, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the device %s", device->path);
	return 0;
}

/* Is it the configuration that says how a default device is to be? */
static bool device_configured(const struct vxe_config *config, const struct device_row *row)
{
	for (size_t i = 0; i < config->n_devices; i++) {
		const struct vxe_device *device = &config->devices[i];

		if (!strncmp(device->path, "/dev/", 5) && !strcmp(device->path + 5, row->name) && device->type == S_IFCHR &&
		    device->major == row->major && device->minor == row->minor)
			return true;
	}
	return false;
}

/* All of the configuration's devices are there already. */
static int devices_find(const struct vxe_config *config, int root_fd, struct vxe_error **err)
{
	for (size_t i = 0; i < config->n_devices; i++) {
		const struct vxe_device *device = &config->devices[i];
		cleanup_free char *copy = strdup(device->path);
		cleanup_fd int parent = -1;
		const char *name;
		struct stat st;

		if (!copy || (parent = open_parent(root_fd, copy, &name)) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "config.json: linux.devices[%zu]: %s", i,
					     device->path);
		if (device_look(parent, name, device->type, makedev(device->major, device->minor), device->path, &st, err) < 0)
			return -1;
	}
	return 0;
}

/* Default devices, the configuration's own, and the links that programs expect. */
static int dev_entries(const struct vxe_config *config, const struct vxe_mount_plans *plans, int root_fd, int dev,
		       enum device_way way, struct vxe_error **err)
{
	bool has_pts = false;

	for (size_t i = 0; i < sizeof(default_devices) / sizeof(*default_devices); i++) {
		/* /dev/tty is a way to the caller's terminal: only where the program gets one. */
		if (!strcmp(default_devices[i].name, "tty") && !config->process.terminal &&
		    vxe_config_annotation(config, "org.vxe.version"))
			continue;
		if (device_configured(config, &default_devices[i]))
			continue;
		if (device_make(dev, &default_devices[i], way, err) < 0)
			return -1;
	}
	/* Where the terminal is mounted, once there is one (vxe_terminal_make). */
	if (config->process.terminal) {
		cleanup_fd int console = openat(dev, "console", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (console < 0 && errno != EEXIST)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making /dev/console");
	}
	for (size_t i = 0; i < sizeof(device_links) / sizeof(*device_links); i++)
		if (symlinkat(device_links[i][0], dev, device_links[i][1]) < 0 && errno != EEXIST)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making /dev/%s", device_links[i][1]);
	for (size_t i = 0; i < config->n_mounts; i++)
		has_pts |= config->mounts[i].type && !strcmp(config->mounts[i].type, "devpts");
	if (has_pts && symlinkat("pts/ptmx", dev, "ptmx") < 0 && errno != EEXIST)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making /dev/ptmx");
	for (size_t i = 0; i < config->n_devices; i++) {
		const char *rest;
		int base = base_of(plans, root_fd, config->devices[i].path, &rest);

		/* config-linux.md, Default Devices: it is that of the container's devpts. A privileged container names the host's, too. */
		if (has_pts && !strcmp(config->devices[i].path, "/dev/ptmx"))
			continue;
		if (device_add(config, plans, i, base, rest, way, err) < 0)
			return -1;
	}
	return 0;
}

/* Nodes get their mode at once, as it is asked for: a name that is changed later may be another's by then. */
static int dev_fill(const struct vxe_config *config, const struct vxe_mount_plans *plans, int root_fd, int dev,
		    enum device_way way, struct vxe_error **err)
{
	mode_t mask = umask(0);
	int status = dev_entries(config, plans, root_fd, dev, way, err);

	umask(mask);
	return status;
}

/* The mode that the options name wins over that of the folder. */
static int copy_up(const struct vxe_mount_plan *plan, int target, int fd, struct vxe_error **err)
{
	const char *destination = plan->mount->destination;
	bool itself = true;

	for (size_t i = 0; i < plan->data.count; i++)
		itself &= strncmp(plan->data.items[i], "mode=", 5) != 0;
	if (vxe_copy_up(target, fd, itself, destination, err) < 0)
		return -1;
	if (attributes_set(fd, 0, plan->set, plan->clear, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting the options of the mount on %s", destination);
	return 0;
}

/* A rootfs must not choose where /proc or /sys lands by a symbolic link (CVE-2019-19921), nor between two looks at it. */
static int plain_open(int root_fd, const char *destination, struct vxe_error **err)
{
	const char *path = destination + strspn(destination, "/");
	int fd = sys_openat2(root_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	if (fd < 0 && errno == ENOENT) {
		int made = destination_open(root_fd, destination, true, err);

		if (made < 0)
			return -1;
		close(made);
		fd = sys_openat2(root_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	}
	return fd < 0 ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s of the rootfs is not a plain folder", destination) : fd;
}

static int target_open(const struct vxe_mount_plan *plan, const struct vxe_mount_plans *before, int root_fd, bool directory,
		       struct vxe_error **err)
{
	const char *destination = plan->mount->destination, *rest;
	bool kernels = plan->is_proc || (plan->mount->type && !strcmp(plan->mount->type, "sysfs"));
	int base = base_of(before, root_fd, destination, &rest);

	if (!*rest)
		return fcntl(base, F_DUPFD_CLOEXEC, 0);
	return kernels ? plain_open(base, rest, err) : destination_open(base, rest, directory, err);
}

/* Is what is in it the kernel's, or ours? Elsewhere absolute links are meant from the root. */
static bool is_kernels(const struct vxe_mount_plan *plan, int fd)
{
	struct statfs fs;

	if (!plan->bind)
		return !plan->copy_up || plan->is_dev;
	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC);
}

/* A tmpfs that is given no mode takes that of the folder that it covers, as programs in the image expect it there; one that was made for it
   has none to give. */
static bool takes_mode(const struct vxe_mount_plan *plan)
{
	if (plan->bind || plan->clone_fd >= 0 || plan->copy_up || plan->is_dev || strcmp(plan->mount->type, "tmpfs") != 0)
		return false;
	for (size_t i = 0; i < plan->data.count; i++)
		if (!strncmp(plan->data.items[i], "mode=", 5))
			return false;
	return true;
}

static int options_set(const struct vxe_mount_plan *plan, int fd, struct vxe_error **err)
{
	if (attributes_set(fd, AT_RECURSIVE, plan->recursive_set, plan->recursive_clear, 0) < 0 ||
	    attributes_set(fd, plan->propagation_recursive ? AT_RECURSIVE : 0, 0, 0, plan->propagation) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting the options of the mount on %s",
				     plan->mount->destination);
	return 0;
}

/* What an entry before this one has mounted, or the rootfs itself. */
static int remount(const struct vxe_mount_plans *plans, const struct vxe_mount_plan *plan, int root_fd, struct vxe_error **err)
{
	const char *destination = plan->mount->destination, *rest;
	int base = base_of(plans, root_fd, destination, &rest);
	cleanup_fd int fd = open_in_root(base, *rest ? rest : ".", O_PATH);

	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "config.json: remounting %s", destination);
	if (attributes_set(fd, 0, plan->set, plan->clear, 0) < 0)
		return errno == EINVAL ? vxe_error_set(err, VXE_EXIT_FAILURE, 0,
						       "config.json: remounting %s: nothing is mounted there", destination)
				       : vxe_error_set(err, VXE_EXIT_FAILURE, errno, "config.json: remounting %s", destination);
	return options_set(plan, fd, err);
}

/* `plans` are those made so far. */
static int mount_one(const struct vxe_config *config, const struct vxe_mount_plans *plans, struct vxe_mount_plan *plan,
		     int root_fd, enum device_way way, struct vxe_error **err)
{
	const char *destination = plan->mount->destination;
	cleanup_fd int target = -1, fd = -1;
	char mode[16];
	struct stat st;

	if (plan->remount)
		return remount(plans, plan, root_fd, err);
	if (takes_mode(plan)) {
		target = open_configured(plans, root_fd, destination);
		if (target < 0 ? errno != ENOENT : fstat(target, &st) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the mount point %s", destination);
		if (target >= 0)
			snprintf(mode, sizeof(mode), "%o", st.st_mode & 07777);
	}
	fd = plan->clone_fd >= 0 ? fcntl(plan->clone_fd, F_DUPFD_CLOEXEC, 0)
	     : plan->bind	 ? mount_bind(plan, plan->source_fd, err)
				 : filesystem_make(plan, target >= 0 ? mode : NULL, err);
	if (fd < 0)
		return -1;
	if (target < 0)
		target = target_open(plan, plans, root_fd, fd_is_directory(fd), err);
	if (target < 0)
		return -1;
	if (plan->copy_up && copy_up(plan, target, fd, err) < 0)
		return -1;
	if (attach(fd, target, destination, err) < 0)
		return -1;
	if (options_set(plan, fd, err) < 0)
		return -1;
	plan->made_fd = is_kernels(plan, fd) ? steal_fd(&fd) : -1;
	return plan->is_dev ? dev_fill(config, plans, root_fd, plan->made_fd, way, err) : 0;
}

/* Engines leave it to the runtime to make the folder that an image names, which is there to be made as long as the root can be written. Where it
   cannot be made, the program does not enter it. */
static void cwd_make(const struct vxe_config *config, const struct vxe_mount_plans *plans, int root_fd)
{
	const char *cwd = config->process.cwd, *rest;
	cleanup_fd int made = -1;
	int base;

	if (!config->process.present || !cwd || vxe_config_annotation(config, "org.vxe.version"))
		return;
	base = base_of(plans, root_fd, cwd, &rest);
	if (*rest)
		made = destination_open(base, rest, true, NULL);
}

/* Where nothing new is mounted on /dev, the rootfs's own is filled. The host's, bound there, is as it is: only looked at. */
static int dev_without_mount(const struct vxe_config *config, const struct vxe_mount_plans *plans, int root_fd,
			     enum device_way way, struct vxe_error **err)
{
	cleanup_fd int dev = -1;
	bool bound = false;

	for (size_t i = 0; i < plans->count; i++) {
		if (plans->items[i].is_dev && !plans->items[i].remount)
			return 0;
		bound |= plans->items[i].bind && !strcmp(plans->items[i].mount->destination, "/dev");
	}
	if (bound)
		return devices_find(config, root_fd, err);
	/* A bundle of VXE says all that it has. */
	if (vxe_config_annotation(config, "org.vxe.version"))
		return 0;
	dev = destination_open(root_fd, "/dev", true, err);
	return dev < 0 ? -1 : dev_fill(config, plans, root_fd, dev, way, err);
}

int vxe_mount_none(const struct vxe_config *config, struct vxe_mount_plans *plans, int *root_fd, struct vxe_error **err)
{
	cleanup_fd int root = open(config->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0) {
		int saved = errno;

		vxe_error_set(err, VXE_EXIT_FAILURE, saved, "opening the rootfs %s", config->rootfs);
		return saved == EACCES ? unreached_hint(config->rootfs, err) : -1;
	}
	if (dev_without_mount(config, plans, root, DEVICES_MADE, err) < 0)
		return -1;
	*root_fd = steal_fd(&root);
	return 0;
}

int vxe_mount_none_enter(const struct vxe_config *config, int root_fd, struct vxe_error **err)
{
	return fchdir(root_fd) < 0 || chroot(".") < 0
		       ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "entering the rootfs %s", config->rootfs)
		       : 0;
}

int vxe_mount_build(const struct vxe_config *config, struct vxe_mount_plans *plans, bool in_user_namespace, int *root_fd,
		    struct vxe_error **err)
{
	enum device_way way = in_user_namespace ? DEVICES_MOUNTED : DEVICES_MADE_OR_MOUNTED;
	cleanup_fd int tree = -1;
	/* No mount made here may reach the host, whatever the rootfs's own propagation will be. */
	unsigned long propagation = MS_REC | (config->rootfs_propagation & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE);

	if (mount(NULL, "/", NULL, propagation, NULL) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "parting the mount namespace from the host's");
	tree = tree_clone(plans->rootfs_fd, config->rootfs, AT_RECURSIVE);
	if (tree < 0) {
		int saved = errno;

		vxe_error_set(err, VXE_EXIT_FAILURE, saved, "opening the rootfs %s", config->rootfs);
		return saved == EACCES ? unreached_hint(config->rootfs, err) : -1;
	}
	if (!fd_is_directory(tree))
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOTDIR, "the rootfs %s", config->rootfs);
	/* A slave receives what is mounted on the host later, which only who asks for it gets. */
	if (attributes_set(tree, 0, 0, 0, config->rootfs_propagation & MS_SLAVE ? MS_SLAVE : MS_PRIVATE) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the rootfs private");
	if (plans->rootfs_fd >= 0
		    ? sys_move_mount(tree, "", plans->rootfs_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		    : sys_move_mount(tree, "", AT_FDCWD, config->rootfs, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "mounting the rootfs %s", config->rootfs);
	for (size_t i = 0; i < plans->count; i++)
		if (mount_one(config, plans, &plans->items[i], tree, way, err) < 0)
			return -1;
	if (dev_without_mount(config, plans, tree, way, err) < 0)
		return -1;
	cwd_make(config, plans, tree);
	for (size_t i = 0; i < plans->count; i++)
		if (plans->items[i].read_only_later && attributes_set(plans->items[i].made_fd, 0, MOUNT_ATTR_RDONLY, 0, 0) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making /dev read-only");
	*root_fd = steal_fd(&tree);
	return 0;
}

/* Written through a descriptor that is checked to be procfs of this instance, not through a path (CVE-2025-52881). */
static int sysctl_write(const struct vxe_mount_plans *plans, int root_fd, const struct vxe_pair *pair, struct vxe_error **err)
{
	cleanup_fd int proc = open_configured(plans, root_fd, "/proc/sys");
	cleanup_free char *name = strdup(pair->key);
	cleanup_fd int fd = -1;
	struct statfs fs;

	if (!name)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "setting the sysctl %s", pair->key);
	for (char *p = name; *p; p++)
		if (*p == '.')
			*p = '/';
	if (proc < 0 || fstatfs(proc, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "setting the sysctl %s needs a /proc in the instance",
				     pair->key);
	fd = sys_openat2(proc, name, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (fd < 0 || vxe_write_all(fd, pair->value, strlen(pair->value)) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting the sysctl %s", pair->key);
	return 0;
}

/* One empty file system, nothing in which can be changed, covers them all. */
static int mask_make(struct vxe_error **err)
{
	static const struct vxe_mount empty = {
		.destination = (char *)"a masked folder", .type = (char *)"tmpfs", .source = (char *)"vxe-mask"};
	static char *options[] = {(char *)"nr_inodes=1", NULL};
	const struct vxe_mount_plan plan = {
		.mount = &empty,
		.idmap_fd = -1,
		.clone_fd = -1,
		.source_fd = -1,
		.made_fd = -1,
		.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		.data = {.items = options, .count = 1},
	};

	return filesystem_make(&plan, NULL, err);
}

/* Of a mount that is attached: kernels before 6.15 copy no other. */
static int mask_again(int mask_fd, int target, const char *path, struct vxe_error **err)
{
	cleanup_fd int copy = sys_open_tree(mask_fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);

	if (copy < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "masking %s", path);
	return attach(copy, target, path, err);
}

static int mask_folder(int *mask_fd, int target, const char *path, struct vxe_error **err)
{
	if (*mask_fd >= 0)
		return mask_again(*mask_fd, target, path, err);
	*mask_fd = mask_make(err);
	return *mask_fd < 0 ? -1 : attach(*mask_fd, target, path, err);
}

/* The host's own null device, checked: the instance's /dev/null is under the rootfs's control (CVE-2025-31133). */
static int mask_prepare(const struct vxe_config *config, struct vxe_mount_plans *plans, struct vxe_error **err)
{
	if (config->masked_paths.count)
		plans->null_fd = device_clone("/dev/null", S_IFCHR, 1, 3, err);
	return config->masked_paths.count && plans->null_fd < 0 ? -1 : 0;
}

static int mask_file(struct vxe_mount_plans *plans, int target, const char *path, struct vxe_error **err)
{
	if (plans->null_attached)
		return mask_again(plans->null_fd, target, path, err);
	plans->null_attached = true;
	return attach(plans->null_fd, target, path, err);
}

/* Of the kernel's own trees each kernel has its part. Elsewhere a profile rests on the mount: what it covers may come later. */
static bool path_may_lack(const struct vxe_config *config, const char *path)
{
	return !vxe_config_annotation(config, "org.vxe.version") || !strncmp(path, "/proc/", 6) || !strncmp(path, "/sys/", 5);
}

static int fail_uncovered(const struct vxe_config *config, const char *field, const char *path, const char *from,
			  struct vxe_error **err)
{
	if (!vxe_config_annotation(config, "org.vxe.version"))
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "config.json: linux.%s: covering %s", field, path);
	vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the profile keeps %s from %s by a mount over it", path, from);
	return vxe_error_hint(err, "make the file or folder, so that it can be covered, or rule its folder");
}

static int path_mask(const struct vxe_config *config, struct vxe_mount_plans *plans, int root_fd, int *mask_fd,
		     const char *path, struct vxe_error **err)
{
	cleanup_fd int target = open_configured(plans, root_fd, path);

	if (target < 0 && (errno == ENOENT || errno == ENOTDIR) && path_may_lack(config, path))
		return 0;
	if (target < 0)
		return fail_uncovered(config, "maskedPaths", path, "the program", err);
	return fd_is_directory(target) ? mask_folder(mask_fd, target, path, err) : mask_file(plans, target, path, err);
}

static int path_make_readonly(const struct vxe_config *config, const struct vxe_mount_plans *plans, int root_fd,
			      const char *path, struct vxe_error **err)
{
	cleanup_fd int target = open_configured(plans, root_fd, path);
	cleanup_fd int clone = -1;

	if (target < 0 && (errno == ENOENT || errno == ENOTDIR) && path_may_lack(config, path))
		return 0;
	if (target < 0)
		return fail_uncovered(config, "readonlyPaths", path, "being changed", err);
	clone = sys_open_tree(target, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
	if (clone < 0 || attributes_set(clone, AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making %s read-only", path);
	return attach(clone, target, path, err);
}

static int paths_protect(const struct vxe_config *config, struct vxe_mount_plans *plans, int root_fd, struct vxe_error **err)
{
	cleanup_fd int mask_fd = -1;

	for (size_t i = 0; i < config->sysctl.count; i++)
		if (sysctl_write(plans, root_fd, &config->sysctl.items[i], err) < 0)
			return -1;
	for (size_t i = 0; i < config->readonly_paths.count; i++)
		if (path_make_readonly(config, plans, root_fd, config->readonly_paths.items[i], err) < 0)
			return -1;
	for (size_t i = 0; i < config->masked_paths.count; i++)
		if (path_mask(config, plans, root_fd, &mask_fd, config->masked_paths.items[i], err) < 0)
			return -1;
	return 0;
}

int vxe_mount_pivot(const struct vxe_config *config, struct vxe_mount_plans *plans, int root_fd, struct vxe_error **err)
{
	cleanup_fd int self = -1;

	if (mask_prepare(config, plans, err) < 0)
		return -1;
	/*
	 * pivot_root changes the root of the caller. Where that is a chroot, what lies above it would stay the root of the mount
	 * namespace, one chroot away for the program and the first thing that setns shows. Entering our own namespace once more
	 * puts us at its true root.
	 */
	self = sys_pidfd_open(getpid(), 0);
	if (self < 0 || setns(self, CLONE_NEWNS) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "going to the root of the mount namespace");
	if (fchdir(root_fd) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "entering the rootfs");
	/* pivot_root(2), "pivot_root(".", ".")": the old root ends up stacked on the new one and is taken off at once. */
	if (sys_pivot_root(".", ".") < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "pivot_root into %s", config->rootfs);
	if (umount2(".", MNT_DETACH) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "taking the host's root away");
	if (chdir("/") < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "entering the new root");
	return 0;
}

int vxe_mount_seal(const struct vxe_config *config, struct vxe_mount_plans *plans, int root_fd, struct vxe_error **err)
{
	if (paths_protect(config, plans, root_fd, err) < 0)
		return -1;
	if (config->root_readonly && attributes_set(root_fd, 0, MOUNT_ATTR_RDONLY, 0, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the rootfs read-only");
	/* config-linux.md: a peer group of its own; pivot_root takes no shared mount, so this comes after it. */
	if ((config->rootfs_propagation & (MS_SHARED | MS_UNBINDABLE)) &&
	    mount(NULL, "/", NULL, config->rootfs_propagation, NULL) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting the propagation of the rootfs");
	return 0;
}

int vxe_mount_host(const struct vxe_config *config, struct vxe_error **err)
{
	struct vxe_mount_plan plan = {.made_fd = -1};
	struct vxe_mount_plans made = {.items = &plan, .null_fd = -1, .rootfs_fd = -1};
	cleanup_fd int root = -1;
	cleanup_fd int proc_fd = -1;
	cleanup_fd int null_fd = -1;

	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "parting the mount namespace from the host's");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the root folder");
	if (vxe_config_namespace(config, CLONE_NEWPID)) {
		static const struct vxe_mount proc = {
			.destination = (char *)"/proc", .type = (char *)"proc", .source = (char *)"proc"};
		plan = (struct vxe_mount_plan){.mount = &proc,
					       .idmap_fd = -1,
					       .clone_fd = -1,
					       .source_fd = -1,
					       .made_fd = -1,
					       .is_proc = true,
					       .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
		made.count = 1;
		if (mount_one(config, &made, &plan, root, true, err) < 0)
			return -1;
		proc_fd = plan.made_fd;
	}
	if (mask_prepare(config, &made, err) < 0)
		return -1;
	null_fd = made.null_fd;
	return paths_protect(config, &made, root, err);
}
