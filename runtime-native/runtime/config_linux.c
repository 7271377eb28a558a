#include "config_internal.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/stat.h>

#include "namespaces.h"

#define MINOR_MAX ((1u << 20) - 1) /* the kernel's dev_t has 12 and 20 bits */
#define MAJOR_MAX ((1u << 12) - 1)
#define DEFAULT_DEVICE_MODE 0666

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static const struct config_name namespace_names[] = {
	{"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET}, {"mount", CLONE_NEWNS},      {"ipc", CLONE_NEWIPC},
	{"uts", CLONE_NEWUTS}, {"user", CLONE_NEWUSER},	  {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
};

static const struct config_name propagation_names[] = {
	{"shared", MS_SHARED},
	{"slave", MS_SLAVE},
	{"private", MS_PRIVATE},
	{"unbindable", MS_UNBINDABLE},
	{"rshared", MS_SHARED | MS_REC},
	{"rslave", MS_SLAVE | MS_REC},
	{"rprivate", MS_PRIVATE | MS_REC},
	{"runbindable", MS_UNBINDABLE | MS_REC},
};

static const char *const unsupported[] = {"intelRdt", "mountLabel", "netDevices", "memoryPolicy"};

static int parse_namespace(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	struct vxe_namespace *namespace = item;
	const struct vxe_config *config = data;
	char *type = NULL;
	uint64_t flag;
	int status = config_need_string(object, path, "type", &type, err);

	if (status == 0 && config_lookup(CONFIG_NAMES(namespace_names), type, &flag) < 0)
		status = config_fail(err, path, "type", "\"%s\" is not the name of a namespace", type);
	for (const struct vxe_namespace *other = config->namespaces; status == 0 && other < namespace; other++)
		if (other->flag == (int)flag)
			status = config_fail(err, path, "type", "the %s namespace is given twice", type);
	free(type);
	if (status < 0)
		return -1;
	namespace->flag = (int)flag;
	return config_absolute_path(object, path, "path", &namespace->path, err);
}

static int parse_device_number(struct json_object *object, const char *path, const char *key, uint64_t max, uint32_t *out,
			       struct vxe_error **err)
{
	uint64_t value;
	int found = vxe_json_get_uint(object, path, key, max, &value, err);

	if (found == 0)
		return config_fail(err, path, key, "is missing");
	if (found < 0)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

static int parse_device_type(struct json_object *object, const char *path, mode_t *out, struct vxe_error **err)
{
	static const struct config_name types[] = {{"c", S_IFCHR}, {"u", S_IFCHR}, {"b", S_IFBLK}, {"p", S_IFIFO}};
	char *type = NULL;
	uint64_t value = 0;
	int status = config_need_string(object, path, "type", &type, err);

	if (status == 0 && config_lookup(CONFIG_NAMES(types), type, &value) < 0)
		status = config_fail(err, path, "type", "\"%s\" is not c, u, b or p", type);
	free(type);
	*out = (mode_t)value;
	return status;
}

static int parse_device(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	struct vxe_device *device = item;
	uint64_t mode = DEFAULT_DEVICE_MODE, uid = 0, gid = 0;
	int has_mode, has_uid, has_gid;

	(void)data;
	if (parse_device_type(object, path, &device->type, err) < 0 ||
	    config_absolute_path(object, path, "path", &device->path, err) < 0)
		return -1;
	if (!device->path)
		return config_fail(err, path, "path", "is missing");
	if (device->type != S_IFIFO && (parse_device_number(object, path, "major", MAJOR_MAX, &device->major, err) < 0 ||
					parse_device_number(object, path, "minor", MINOR_MAX, &device->minor, err) < 0))
		return -1;
	/* Engines put the file type into fileMode too; the type field holds. */
	if ((has_mode = vxe_json_get_uint(object, path, "fileMode", S_IFMT | 07777, &mode, err)) < 0 ||
	    (has_uid = vxe_json_get_uint(object, path, "uid", UINT32_MAX - 1, &uid, err)) < 0 ||
	    (has_gid = vxe_json_get_uint(object, path, "gid", UINT32_MAX - 1, &gid, err)) < 0)
		return -1;
	device->has_mode = has_mode;
	device->has_uid = has_uid;
	device->has_gid = has_gid;
	device->mode = (mode_t)mode & 07777;
	device->uid = (uid_t)uid;
	device->gid = (gid_t)gid;
	return 0;
}

static int parse_propagation(struct json_object *object, struct vxe_config *config, struct vxe_error **err)
{
	char *name = NULL;
	uint64_t flags = 0;
	int status = vxe_json_get_string(object, "linux", "rootfsPropagation", &name, err) < 0 ? -1 : 0;

	if (status == 0 && name && *name && config_lookup(CONFIG_NAMES(propagation_names), name, &flags) < 0)
		status = config_fail(err, "linux", "rootfsPropagation", "\"%s\" is not shared, slave, private or unbindable",
				     name);
	free(name);
	config->rootfs_propagation = (unsigned long)flags;
	return status;
}

static int parse_personality(struct json_object *linux_object, struct vxe_config *config, struct vxe_error **err)
{
	static const struct config_name domains[] = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}};
	static const char *const flags[] = {"flags"};
	const char *path = "linux.personality";
	struct json_object *object;
	char *name = NULL;
	uint64_t value = 0;
	int status, found = vxe_json_get_object(linux_object, "linux", "personality", &object, err);

	if (found <= 0)
		return found;
	if (config_refuse(object, path, flags, 1, err) < 0)
		return -1;
	status = config_need_string(object, path, "domain", &name, err);
	if (status == 0 && config_lookup(CONFIG_NAMES(domains), name, &value) < 0)
		status = config_fail(err, path, "domain", "\"%s\" is not LINUX or LINUX32", name);
	free(name);
	config->has_personality = status == 0;
	config->personality = (unsigned long)value;
	return status;
}

static int parse_time_offsets(struct json_object *linux_object, struct vxe_config *config, struct vxe_error **err)
{
	static const char *const clocks[] = {"monotonic", "boottime"};
	const char *path = "linux.timeOffsets";
	struct json_object *object;
	int found = vxe_json_get_object(linux_object, "linux", "timeOffsets", &object, err);

	if (found <= 0)
		return found;
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		struct vxe_time_offset *offset = &config->time_offsets[config->n_time_offsets];
		char where[CONFIG_PATH_MAX];
		struct json_object *clock;
		uint64_t nanoseconds = 0;

		found = vxe_json_get_object(object, path, clocks[i], &clock, err);
		if (found < 0)
			return -1;
		if (found == 0)
			continue;
		config_path(where, "%s.%s", path, clocks[i]);
		/* The kernel's own bound, some 146 years either way, is told by the kernel. */
		if (vxe_json_get_int(clock, where, "secs", INT64_MIN, INT64_MAX, &offset->seconds, err) < 0 ||
		    vxe_json_get_uint(clock, where, "nanosecs", 999999999, &nanoseconds, err) < 0)
			return -1;
		offset->clock = clocks[i];
		offset->nanoseconds = (uint32_t)nanoseconds;
		config->n_time_offsets++;
	}
	return 0;
}

static bool under(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* The namespace that confines a sysctl, or 0: then it would be the host's. Names as in sysctl(8). */
static int sysctl_namespace(const char *name)
{
	static const char *const ipc[] = {"kernel.msgmax",	"kernel.msgmnb",     "kernel.msgmni",
					  "kernel.msg_next_id", "kernel.sem",	     "kernel.shmall",
					  "kernel.shmmax",	"kernel.shmmni",     "kernel.shm_rmid_forced",
					  "kernel.sem_next_id", "kernel.shm_next_id"};

	if (under(name, "net."))
		return CLONE_NEWNET;
	if (under(name, "fs.mqueue."))
		return CLONE_NEWIPC;
	if (under(name, "user.max_"))
		return CLONE_NEWUSER;
	if (strcmp(name, "kernel.domainname") == 0)
		return CLONE_NEWUTS;
	if (strcmp(name, "vm.memfd_noexec") == 0)
		return CLONE_NEWPID;
	for (size_t i = 0; i < sizeof(ipc) / sizeof(ipc[0]); i++)
		if (strcmp(name, ipc[i]) == 0)
			return CLONE_NEWIPC;
	return 0;
}

static int check_sysctl(const struct vxe_config *config, const char *name, struct vxe_error **err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	int flag = sysctl_namespace(name);

	/* The name becomes a path below /proc/sys, so it may hold no separator and no empty part. */
	if (name[strspn(name, letters)] != '\0' || strstr(name, "..") || name[0] == '.' || name[strlen(name) - 1] == '.')
		return config_fail(err, "linux.sysctl", name, "is not a sysctl's name, parts joined by single dots");
	if (strcmp(name, "kernel.hostname") == 0)
		return config_fail(err, "linux.sysctl", name, "is the field hostname's to set");
	if (flag == 0)
		return config_fail(err, "linux.sysctl", name, "belongs to no namespace, setting it would change the host");
	if (!vxe_config_namespace(config, flag))
		return config_fail(err, "linux.sysctl", name,
				   "needs the %s namespace in linux.namespaces, without it the host would be changed",
				   vxe_namespace_type(flag));
	return 0;
}

static int check_needs(const struct vxe_config *config, struct vxe_error **err)
{
	if ((config->uid_mappings.count || config->gid_mappings.count) && !vxe_config_namespace(config, CLONE_NEWUSER))
		return config_fail(err, "linux", config->uid_mappings.count ? "uidMappings" : "gidMappings",
				   "needs the user namespace in linux.namespaces");
	if (config->n_time_offsets &&
	    (!vxe_config_namespace(config, CLONE_NEWTIME) || vxe_config_namespace(config, CLONE_NEWTIME)->path))
		return config_fail(err, "linux", "timeOffsets", "needs a new time namespace in linux.namespaces");
	for (size_t i = 0; i < config->sysctl.count; i++)
		if (check_sysctl(config, config->sysctl.items[i].key, err) < 0)
			return -1;
	return 0;
}

int config_parse_linux(struct json_object *root, struct vxe_config *config, struct vxe_error **err)
{
	const char *path = "linux";
	struct json_object *object;
	int found = vxe_json_get_object(root, "", path, &object, err);

	if (found <= 0)
		return found;
	if (config_refuse(object, path, unsupported, sizeof(unsupported) / sizeof(unsupported[0]), err) < 0 ||
	    config_items(object, path, "namespaces", sizeof(*config->namespaces), parse_namespace, config, &config->namespaces,
			 &config->n_namespaces, err) < 0 ||
	    config_id_mappings(object, path, "uidMappings", &config->uid_mappings, err) < 0 ||
	    config_id_mappings(object, path, "gidMappings", &config->gid_mappings, err) < 0 ||
	    config_items(object, path, "devices", sizeof(*config->devices), parse_device, NULL, &config->devices,
			 &config->n_devices, err) < 0 ||
	    config_absolute_paths(object, path, "maskedPaths", &config->masked_paths, err) < 0 ||
	    config_absolute_paths(object, path, "readonlyPaths", &config->readonly_paths, err) < 0 ||
	    config_pairs(object, path, "sysctl", &config->sysctl, err) < 0 || parse_propagation(object, config, err) < 0 ||
	    parse_personality(object, config, err) < 0 || parse_time_offsets(object, config, err) < 0 ||
	    vxe_json_get_string(object, path, "cgroupsPath", &config->cgroups_path, err) < 0 ||
	    config_parse_resources(object, &config->resources, err) < 0 ||
	    config_parse_seccomp(object, !vxe_config_annotation(config, "org.vxe.seccomp.filter"), &config->seccomp, err) < 0)
		return -1;
	return check_needs(config, err);
}

void config_free_linux(struct vxe_config *config)
{
	for (size_t i = 0; i < config->n_namespaces; i++)
		free(config->namespaces[i].path);
	free(config->namespaces);
	free(config->uid_mappings.items);
	free(config->gid_mappings.items);
	for (size_t i = 0; i < config->n_devices; i++)
		free(config->devices[i].path);
	free(config->devices);
	vxe_strings_free(&config->masked_paths);
	vxe_strings_free(&config->readonly_paths);
	vxe_pairs_free(&config->sysctl);
	free(config->cgroups_path);
	vxe_resources_free(&config->resources);
	config_free_seccomp(&config->seccomp);
}
