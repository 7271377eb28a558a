#include "ruleset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "kernel.h"
#include "landlock.h"

/* Which ABI brought which right; a new ABI is a new row. */
static const struct {
	int abi;
	uint64_t fs, net, scoped;
	const char *what;
	bool flags;
} abi_rows[] = {
	{1, (1ULL << 13) - 1, 0, 0, "the file rights of ABI 1", false},
	{2, LANDLOCK_ACCESS_FS_REFER, 0, 0, "refer", false},
	{3, LANDLOCK_ACCESS_FS_TRUNCATE, 0, 0, "truncate", false},
	{4, 0, LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP, 0, "bind_tcp and connect_tcp", false},
	{5, LANDLOCK_ACCESS_FS_IOCTL_DEV, 0, 0, "ioctl_dev", false},
	{6, 0, 0, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL, "the scopes abstract_unix_socket and signal",
	 false},
	{7, 0, 0, 0, "the flags of the audit log", true},
	{9, LANDLOCK_ACCESS_FS_RESOLVE_UNIX, 0, 0, "resolve_unix", false},
	{10, 0, LANDLOCK_ACCESS_NET_BIND_UDP | LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP, 0, "bind_udp and connect_send_udp", false},
};

#define FILE_RIGHTS                                                                                                            \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |                           \
	 LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV | LANDLOCK_ACCESS_FS_RESOLVE_UNIX)

int vxe_landlock_abi(void)
{
	/* It does not change under a program that runs. */
	static long abi = -1;

	if (abi < 0)
		abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return abi < 0 ? 0 : (int)abi;
}

int vxe_landlock_check(const struct vxe_landlock *landlock, struct vxe_error **err)
{
	uint64_t fs = 0, net = 0, scoped = 0;
	char missing[512] = "", has[32] = "no Landlock";
	size_t used = 0;
	int abi;

	if (!landlock->present)
		return 0;
	abi = vxe_landlock_abi();
	for (size_t i = 0; i < sizeof(abi_rows) / sizeof(*abi_rows); i++) {
		bool wanted = (landlock->handled_fs & abi_rows[i].fs) || (landlock->handled_net & abi_rows[i].net) ||
			      (landlock->scoped & abi_rows[i].scoped) || (landlock->flags && abi_rows[i].flags);

		fs |= abi_rows[i].fs;
		net |= abi_rows[i].net;
		scoped |= abi_rows[i].scoped;
		if (wanted && abi_rows[i].abi > abi && used < sizeof(missing))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used, "%s%s (ABI %d)", used ? ", " : "",
						 abi_rows[i].what, abi_rows[i].abi);
	}
	if (used) {
		if (abi)
			snprintf(has, sizeof(has), "Landlock ABI %d", abi);
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the profile needs Landlock's %s, and this kernel has %s", missing,
			      has);
		return vxe_error_hint(err, abi ? "boot a newer kernel, or make the profile without it"
					       : "boot a kernel with CONFIG_SECURITY_LANDLOCK and landlock in its lsm= list");
	}
	if ((landlock->handled_fs & ~fs) || (landlock->handled_net & ~net) || (landlock->scoped & ~scoped))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "process.landlock handles a right that this VXE does not know");
	return 0;
}

/* Opened with the root as the world: a link in the rootfs cannot lead out of it. What no rule of the profile names was found there
   without a link on the way: where one has come since, it may lead to what the profile refuses. */
static int rule_path_open(int root_fd, const char *path, bool optional)
{
	uint64_t how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (optional ? RESOLVE_NO_SYMLINKS : 0);

	return sys_openat2(root_fd, path, O_PATH, 0, how);
}

static uint64_t rights_on(const struct stat *st, uint64_t access)
{
	return S_ISDIR(st->st_mode) ? access : access & FILE_RIGHTS;
}

static int path_rule_add(int ruleset, int root_fd, const char *path, uint64_t access, bool optional, struct vxe_error **err)
{
	cleanup_fd int fd = rule_path_open(root_fd, path, optional);
	struct landlock_path_beneath_attr attr = {.parent_fd = fd};
	struct stat st;

	if (fd < 0 && optional && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (fd < 0) {
		int saved = errno;

		vxe_error_set(err, VXE_EXIT_FAILURE, saved, "the profile has a rule for %s, which is not in the instance",
			      path);
		return vxe_error_hint(err, "create the file, or write the rule for its folder");
	}
	if (fstat(fd, &st) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "reading what %s is", path);
	attr.allowed_access = rights_on(&st, access);
	if (!attr.allowed_access)
		return 0;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "adding the Landlock rule for %s", path);
	return 0;
}

int vxe_landlock_build(const struct vxe_landlock *landlock, int root_fd, int *ruleset_fd, struct vxe_error **err)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = landlock->handled_fs,
		.handled_access_net = landlock->handled_net,
		.scoped = landlock->scoped,
	};
	cleanup_fd int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the Landlock ruleset");
	for (size_t i = 0; i < landlock->n_path_rules; i++) {
		const struct vxe_landlock_paths *rule = &landlock->path_rules[i];

		for (size_t k = 0; k < rule->paths.count; k++)
			if (path_rule_add(fd, root_fd, rule->paths.items[k], rule->access & landlock->handled_fs,
					  rule->optional, err) < 0)
				return -1;
	}
	for (size_t i = 0; i < landlock->n_port_rules; i++) {
		const struct vxe_landlock_ports *rule = &landlock->port_rules[i];

		for (size_t k = 0; k < rule->count; k++) {
			struct landlock_net_port_attr port = {.allowed_access = rule->access, .port = rule->ports[k]};

			if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_NET_PORT, &port, 0) < 0)
				return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "adding the Landlock rule for TCP port %llu",
						     (unsigned long long)rule->ports[k]);
		}
	}
	*ruleset_fd = steal_fd(&fd);
	return 0;
}

int vxe_landlock_restrict(const struct vxe_landlock *landlock, int ruleset_fd)
{
	/* Denials of the executed program are worth a record; they are off by default after an exec (ABI 7). */
	unsigned int flags = landlock->has_flags       ? landlock->flags
			     : vxe_landlock_abi() >= 7 ? LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON
						       : 0;

	return (int)syscall(SYS_landlock_restrict_self, ruleset_fd, flags);
}

static int object_compare(const void *a, const void *b)
{
	const struct vxe_landlock_object *one = a, *other = b;

	if (one->dev != other->dev)
		return one->dev < other->dev ? -1 : 1;
	return one->ino < other->ino ? -1 : one->ino > other->ino;
}

/* Holds it by a rule of a ruleset that restricts nobody: a descriptor of each would be too many. */
static void object_hold(int ruleset, int fd)
{
	const struct landlock_path_beneath_attr attr = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE, .parent_fd = fd};

	if (ruleset >= 0)
		(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
}

static void object_find(struct vxe_landlock_objects *out, int root_fd, const char *path, uint64_t access, bool optional)
{
	cleanup_fd int fd = rule_path_open(root_fd, path, optional);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !rights_on(&st, access))
		return;
	object_hold(out->held_fd, fd);
	out->items[out->count++] = (struct vxe_landlock_object){st.st_dev, st.st_ino, rights_on(&st, access)};
}

/* Several paths may be one object: it gets what all of them grant. */
static void objects_sort(struct vxe_landlock_objects *objects)
{
	size_t kept = 0;

	qsort(objects->items, objects->count, sizeof(*objects->items), object_compare);
	for (size_t i = 0; i < objects->count; i++) {
		if (kept && !object_compare(&objects->items[kept - 1], &objects->items[i]))
			objects->items[kept - 1].access |= objects->items[i].access;
		else
			objects->items[kept++] = objects->items[i];
	}
	objects->count = kept;
}

int vxe_landlock_objects_find(const struct vxe_landlock *landlock, int root_fd, struct vxe_landlock_objects *out)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE};
	size_t most = 0;

	for (size_t i = 0; i < landlock->n_path_rules; i++)
		most += landlock->path_rules[i].paths.count;
	*out = (struct vxe_landlock_objects){.held_fd = -1, .items = calloc(most + 1, sizeof(*out->items))};
	if (!out->items)
		return -1;
	out->held_fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	for (size_t i = 0; i < landlock->n_path_rules; i++) {
		const struct vxe_landlock_paths *rule = &landlock->path_rules[i];

		for (size_t k = 0; k < rule->paths.count; k++)
			object_find(out, root_fd, rule->paths.items[k], rule->access & landlock->handled_fs, rule->optional);
	}
	objects_sort(out);
	return 0;
}

void vxe_landlock_objects_free(struct vxe_landlock_objects *objects)
{
	free(objects->items);
	objects->items = NULL;
	objects->count = 0;
	if (objects->held_fd >= 0)
		close(steal_fd(&objects->held_fd));
}

uint64_t vxe_landlock_objects_access(const struct vxe_landlock_objects *objects, dev_t dev, ino_t ino)
{
	const struct vxe_landlock_object wanted = {.dev = dev, .ino = ino};
	const struct vxe_landlock_object *found =
		objects->count ? bsearch(&wanted, objects->items, objects->count, sizeof(wanted), object_compare) : NULL;

	return found ? found->access : 0;
}
