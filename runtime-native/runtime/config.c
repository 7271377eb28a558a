#include "config_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"

#define CONFIG_FILE "config.json"
#define HOSTNAME_MAX 64 /* __NEW_UTS_LEN */
#define ROOT_ANNOTATION "org.vxe.root"

static const char *const other_platforms[] = {"solaris", "windows", "vm", "zos", "freebsd"};

static int make_absolute(const char *folder, const char *path, char **out, struct vxe_error **err)
{
	int length = *path == '/' ? asprintf(out, "%s", path) : asprintf(out, "%s/%s", folder, path);

	if (length < 0) {
		*out = NULL;
		return config_fail_memory(err);
	}
	return 0;
}

/* "1.MINOR.PATCH", and what semantic versioning lets follow. */
static bool is_supported_version(const char *version)
{
	static const char digits[] = "0123456789";
	size_t minor, patch;

	if (strncmp(version, "1.", 2) != 0)
		return false;
	version += 2;
	minor = strspn(version, digits);
	if (minor == 0 || version[minor] != '.')
		return false;
	version += minor + 1;
	patch = strspn(version, digits);
	return patch > 0 && (version[patch] == '\0' || version[patch] == '-' || version[patch] == '+');
}

static int parse_version(struct json_object *root, struct vxe_config *config, struct vxe_error **err)
{
	if (config_need_string(root, "", "ociVersion", &config->oci_version, err) < 0)
		return -1;
	if (!is_supported_version(config->oci_version))
		return config_fail(err, "", "ociVersion", "\"%s\" is not supported, VXE reads 1.0.0 and later 1.x",
				   config->oci_version);
	return 0;
}

static bool is_option(const struct vxe_strings *options, const char *name)
{
	for (size_t i = 0; i < options->count; i++)
		if (strcmp(options->items[i], name) == 0)
			return true;
	return false;
}

static int parse_mount(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	struct vxe_mount *mount = item;
	const struct vxe_config *config = data;
	cleanup_free char *source = NULL, *destination = NULL;
	bool bind;

	if (config_absent_string(object, path, "destination", &destination, err) < 0)
		return -1;
	if (!destination)
		return config_fail(err, path, "destination", "is missing");
	/* config.md, Mounts: a relative one is deprecated, and from "/". */
	if (make_absolute("", destination, &mount->destination, err) < 0 ||
	    vxe_json_get_string(object, path, "type", &mount->type, err) < 0 ||
	    vxe_json_get_string(object, path, "source", &source, err) < 0 ||
	    config_strings(object, path, "options", &mount->options, err) < 0 ||
	    config_id_mappings(object, path, "uidMappings", &mount->uid_mappings, err) < 0 ||
	    config_id_mappings(object, path, "gidMappings", &mount->gid_mappings, err) < 0)
		return -1;
	bind = (mount->type && strcmp(mount->type, "bind") == 0) || is_option(&mount->options, "bind") ||
	       is_option(&mount->options, "rbind");
	if (bind && (!source || *source == '\0'))
		return config_fail(err, path, "source", "is missing, a bind mount needs one");
	if (bind)
		return make_absolute(config->bundle, source, &mount->source, err);
	mount->source = steal_pointer(&source);
	return 0;
}

static int parse_hook(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	struct vxe_hook *hook = item;
	struct json_object *env = NULL;
	int64_t timeout = 0;

	(void)data;
	if (config_absolute_path(object, path, "path", &hook->path, err) < 0)
		return -1;
	if (!hook->path)
		return config_fail(err, path, "path", "is missing");
	if (config_strings(object, path, "args", &hook->args, err) < 0 ||
	    config_strings(object, path, "env", &hook->env, err) < 0 ||
	    vxe_json_get_array(object, path, "env", &env, err) < 0 ||
	    vxe_json_get_int(object, path, "timeout", 1, INT32_MAX, &timeout, err) < 0)
		return -1;
	hook->has_env = env;
	hook->timeout = (int)timeout;
	return 0;
}

static int parse_hooks(struct json_object *root, struct vxe_config *config, struct vxe_error **err)
{
	const struct {
		const char *key;
		struct vxe_hooks *hooks;
	} kinds[] = {
		{"prestart", &config->prestart},
		{"createRuntime", &config->create_runtime},
		{"createContainer", &config->create_container},
		{"startContainer", &config->start_container},
		{"poststart", &config->poststart},
		{"poststop", &config->poststop},
	};
	struct json_object *object;
	int found = vxe_json_get_object(root, "", "hooks", &object, err);

	if (found <= 0)
		return found;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (config_items(object, "hooks", kinds[i].key, sizeof(struct vxe_hook), parse_hook, NULL,
				 &kinds[i].hooks->items, &kinds[i].hooks->count, err) < 0)
			return -1;
	return 0;
}

static bool is_host_profile(const struct vxe_config *config)
{
	const char *kind = vxe_config_annotation(config, ROOT_ANNOTATION);

	return kind && strcmp(kind, "host") == 0;
}

/* A compiled profile for programs of the host has no rootfs of its own. */
static int parse_root(struct json_object *root, struct vxe_config *config, struct vxe_error **err)
{
	const char *kind = vxe_config_annotation(config, ROOT_ANNOTATION);
	cleanup_free char *path = NULL;
	struct json_object *object = NULL;
	bool host = is_host_profile(config);

	if (kind && !host)
		return config_fail(err, "annotations", ROOT_ANNOTATION, "\"%s\" is not known, only \"host\" is", kind);
	if (vxe_json_get_object(root, "", "root", &object, err) < 0 ||
	    vxe_json_get_string(object, "root", "path", &path, err) < 0 ||
	    vxe_json_get_bool(object, "root", "readonly", &config->root_readonly, err) < 0)
		return -1;
	if (host && path && strcmp(path, "/") != 0)
		return config_fail(err, "root", "path", "must be \"/\" or absent where %s is host", ROOT_ANNOTATION);
	if (!host && (!path || *path == '\0'))
		return config_fail(err, "root", "path", "is missing");
	return make_absolute(config->bundle, host ? "/" : path, &config->rootfs, err);
}

static int parse_uts(struct json_object *root, struct vxe_config *config, struct vxe_error **err)
{
	const struct {
		const char *key;
		char **name;
	} names[] = {{"hostname", &config->hostname}, {"domainname", &config->domainname}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char **name = names[i].name;

		if (vxe_json_get_string(root, "", names[i].key, name, err) < 0)
			return -1;
		if (*name && **name == '\0') {
			free(*name);
			*name = NULL;
		}
		if (!*name)
			continue;
		if (strlen(*name) > HOSTNAME_MAX)
			return config_fail(err, "", names[i].key, "has more than %d bytes", HOSTNAME_MAX);
		if (!vxe_config_namespace(config, CLONE_NEWUTS))
			return config_fail(err, "", names[i].key,
					   "needs the uts namespace in linux.namespaces, without it the host would be renamed");
	}
	return 0;
}

static int parse_sockets(struct vxe_config *config, struct vxe_error **err)
{
	return vxe_socket_rules_parse(vxe_config_annotation(config, "org.vxe.addresses"),
				      vxe_config_annotation(config, "org.vxe.unix"), &config->sockets, err);
}

static int parse_root_object(struct json_object *root, struct vxe_config *config, struct vxe_error **err)
{
	struct json_object *process = NULL;

	if (!vxe_json_is_object(root))
		return config_fail(err, "the root", "", "must be an object");
	if (parse_version(root, config, err) < 0 ||
	    config_refuse(root, "", other_platforms, sizeof(other_platforms) / sizeof(other_platforms[0]), err) < 0 ||
	    config_pairs(root, "", "annotations", &config->annotations, err) < 0 || parse_sockets(config, err) < 0 ||
	    parse_root(root, config, err) < 0 ||
	    config_items(root, "", "mounts", sizeof(*config->mounts), parse_mount, config, &config->mounts, &config->n_mounts,
			 err) < 0 ||
	    parse_hooks(root, config, err) < 0 || config_parse_linux(root, config, err) < 0 ||
	    parse_uts(root, config, err) < 0 || vxe_json_get_object(root, "", "process", &process, err) < 0)
		return -1;
	if (!process)
		return 0;
	return config_parse_process(process, "process", !is_host_profile(config), true, &config->process, err);
}

/* A bundle path that is relative is meant from the current folder. */
static int name_bundle(struct vxe_config *config, const char *bundle_path, struct vxe_error **err)
{
	cleanup_free char *here = NULL;

	if (*bundle_path != '/') {
		here = getcwd(NULL, 0);
		if (!here)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the current folder cannot be named");
	}
	return make_absolute(here, bundle_path, &config->bundle, err);
}

int vxe_config_parse(const char *text, size_t size, const char *bundle_path, struct vxe_config **out, struct vxe_error **err)
{
	struct vxe_config *config = calloc(1, sizeof(*config));
	int status;

	if (!config)
		return config_fail_memory(err);
	status = name_bundle(config, bundle_path, err);
	if (status == 0) {
		status = vxe_json_parse(text, size, &config->document, err);
		if (status == 0)
			status = parse_root_object(config->document, config, err);
		if (status < 0)
			vxe_error_wrap(err, "config.json");
	}
	if (status < 0) {
		vxe_config_free(&config);
		return -1;
	}
	*out = config;
	return 0;
}

int vxe_config_load_text(int bundle_fd, const char *bundle_path, const char *file, struct vxe_config **out, char **text,
			 size_t *size, struct vxe_error **err)
{
	const char *name = file ? file : CONFIG_FILE;
	cleanup_fd int fd = openat(bundle_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cleanup_free char *path = NULL;
	struct stat st;
	int status;

	if (fd < 0 || fstat(fd, &st) < 0)
		status = vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: cannot be opened", name);
	else
		status = vxe_file_read_fd(fd, name, VXE_JSON_MAX_SIZE, text, size, err);
	if (status < 0 && file)
		return -1;
	if (status < 0) {
		vxe_error_wrap(err, "%s", bundle_path);
		return vxe_error_hint(err, "name a bundle folder, one with config.json in it");
	}
	path = strdup(name);
	if (!path)
		return config_fail_memory(err);
	if (vxe_config_parse(*text, *size, bundle_path, out, err) < 0)
		return -1;
	(*out)->file = (struct vxe_config_file){.path = steal_pointer(&path),
						.dev = st.st_dev,
						.ino = st.st_ino,
						.changed = st.st_ctim,
						.uid = st.st_uid,
						.gid = st.st_gid,
						.mode = st.st_mode};
	return 0;
}

int vxe_config_unchanged(int bundle_fd, const struct vxe_config *config, struct vxe_error **err)
{
	const struct vxe_config_file *file = &config->file;
	struct stat st;

	if (!file->path)
		return 0;
	if (fstatat(bundle_fd, file->path, &st, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: looking at %s again", config->bundle, file->path);
	if (st.st_dev == file->dev && st.st_ino == file->ino && st.st_ctim.tv_sec == file->changed.tv_sec &&
	    st.st_ctim.tv_nsec == file->changed.tv_nsec)
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s: the bundle got other plans while they were being read", config->bundle);
	return vxe_error_hint(err, "start it again");
}

int vxe_config_load(int bundle_fd, const char *bundle_path, struct vxe_config **out, struct vxe_error **err)
{
	cleanup_free char *text = NULL;
	size_t size;

	return vxe_config_load_text(bundle_fd, bundle_path, NULL, out, &text, &size, err);
}

void vxe_config_settle(struct vxe_config *config)
{
	vxe_json_put(&config->document);
}

static void free_hooks(struct vxe_hooks *hooks)
{
	for (size_t i = 0; i < hooks->count; i++) {
		free(hooks->items[i].path);
		vxe_strings_free(&hooks->items[i].args);
		vxe_strings_free(&hooks->items[i].env);
	}
	free(hooks->items);
}

void vxe_config_free(struct vxe_config **pointer)
{
	struct vxe_config *config = *pointer;

	if (!config)
		return;
	vxe_config_settle(config);
	free(config->oci_version);
	free(config->bundle);
	free(config->file.path);
	free(config->rootfs);
	free(config->hostname);
	free(config->domainname);
	config_free_process(&config->process);
	for (size_t i = 0; i < config->n_mounts; i++) {
		struct vxe_mount *mount = &config->mounts[i];

		free(mount->destination);
		free(mount->type);
		free(mount->source);
		vxe_strings_free(&mount->options);
		free(mount->uid_mappings.items);
		free(mount->gid_mappings.items);
	}
	free(config->mounts);
	config_free_linux(config);
	free_hooks(&config->create_runtime);
	free_hooks(&config->create_container);
	free_hooks(&config->start_container);
	free_hooks(&config->poststart);
	free_hooks(&config->poststop);
	free_hooks(&config->prestart);
	vxe_pairs_free(&config->annotations);
	vxe_socket_rules_free(&config->sockets);
	free(config);
	*pointer = NULL;
}

const char *vxe_config_annotation(const struct vxe_config *config, const char *key)
{
	for (size_t i = 0; i < config->annotations.count; i++)
		if (strcmp(config->annotations.items[i].key, key) == 0)
			return config->annotations.items[i].value;
	return NULL;
}

const struct vxe_namespace *vxe_config_namespace(const struct vxe_config *config, int flag)
{
	for (size_t i = 0; i < config->n_namespaces; i++)
		if (config->namespaces[i].flag == flag)
			return &config->namespaces[i];
	return NULL;
}
