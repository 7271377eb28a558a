#include "judge.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "file.h"
#include "json.h"
#include "kernel.h"
#include "lookup.h"
#include "own.h"
#include "part.h"
#include "socket_rules.h"

struct word {
	const char *word;
	unsigned int bit;
};

static const struct word access_words[] = {
	{"read", VXE_READ},	{"write", VXE_WRITE},	  {"create", VXE_CREATE},
	{"remove", VXE_REMOVE}, {"execute", VXE_EXECUTE}, {"ioctl", VXE_IOCTL},
};

static const struct word socket_words[] = {
	{"accept", 1U << VXE_SOCKET_ACCEPT}, {"connect", 1U << VXE_SOCKET_CONNECT}, {"send", 1U << VXE_SOCKET_SEND}};

void vxe_access_words(unsigned int access, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(access_words) / sizeof(*access_words) && used < size; i++)
		if (access & access_words[i].bit)
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", access_words[i].word);
}

static int judge_take(struct json_object *root, void *out, struct vxe_error **err);

static const struct vxe_part part = {.what = "the bundle's judge", .key = "judge", .version = 2, .take = judge_take};

static int fail(struct vxe_error **err, const char *what)
{
	return vxe_part_fail(&part, what, err);
}

static int name_parse(struct json_object *object, struct vxe_rule_name *out, struct vxe_error **err)
{
	int found = vxe_json_get_string(object, "", "rule", &out->rule, err);

	if (found > 0)
		found = vxe_json_get_string(object, "", "at", &out->at, err);
	if (found == 0)
		return fail(err, "a rule without its name or place");
	return found < 0 ? -1 : 0;
}

static int needed_string(struct json_object *object, const char *key, char **out, struct vxe_error **err)
{
	int found = vxe_json_get_string(object, "", key, out, err);

	return found == 0 ? fail(err, "a rule without its object") : found < 0 ? -1 : 0;
}

static int words_parse(struct json_object *object, const struct word *table, size_t size, const char *of, unsigned int *out,
		       struct vxe_error **err)
{
	struct json_object *words = NULL;

	if (vxe_json_get_array(object, "", "access", &words, err) < 0)
		return -1;
	for (size_t i = 0; i < vxe_json_array_length(words); i++) {
		const char *word;
		unsigned int bit = 0;

		if (vxe_json_string_value(vxe_json_array_at(words, i), "access", &word, err) < 0)
			return -1;
		for (size_t k = 0; k < size; k++)
			if (!strcmp(table[k].word, word))
				bit = table[k].bit;
		if (!bit)
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
					     "the bundle's judge: a word of %s that this VXE does not know", of);
		*out |= bit;
	}
	return 0;
}

static int access_parse(struct json_object *object, unsigned int *out, struct vxe_error **err)
{
	return words_parse(object, access_words, sizeof(access_words) / sizeof(*access_words), "access", out, err);
}

static int socket_words_parse(struct json_object *object, unsigned int *out, struct vxe_error **err)
{
	return words_parse(object, socket_words, sizeof(socket_words) / sizeof(*socket_words), "sockets", out, err);
}

static int file_parse(struct json_object *object, void *item, struct vxe_error **err)
{
	struct vxe_judged_file *file = item;

	if (name_parse(object, &file->name, err) < 0 || needed_string(object, "path", &file->path, err) < 0)
		return -1;
	if (file->path[0] != '/')
		return fail(err, "a path that is not absolute");
	return access_parse(object, &file->access, err);
}

static int socket_parse(struct json_object *object, void *item, struct vxe_error **err)
{
	struct vxe_judged_socket *rule = item;
	cleanup_free char *protocol = NULL;
	cleanup_free char *address = NULL;
	uint64_t from = 0, to = 0;

	if (name_parse(object, &rule->name, err) < 0 || needed_string(object, "protocol", &protocol, err) < 0 ||
	    vxe_json_get_string(object, "", "address", &address, err) < 0 ||
	    vxe_json_get_uint(object, "", "from", UINT16_MAX, &from, err) < 0 ||
	    vxe_json_get_uint(object, "", "to", UINT16_MAX, &to, err) < 0)
		return -1;
	rule->range.protocol = !strcmp(protocol, "tcp") ? IPPROTO_TCP : !strcmp(protocol, "udp") ? IPPROTO_UDP : 0;
	rule->range.family = AF_UNSPEC;
	rule->range.from = (uint16_t)from;
	rule->range.to = (uint16_t)to;
	if (!rule->range.protocol || (address && vxe_socket_rule_address(address, &rule->range) < 0))
		return fail(err, "an address or protocol that is none");
	return socket_words_parse(object, &rule->words, err);
}

static int unix_parse(struct json_object *object, void *item, struct vxe_error **err)
{
	struct vxe_judged_unix *rule = item;

	if (name_parse(object, &rule->name, err) < 0 || needed_string(object, "path", &rule->path, err) < 0)
		return -1;
	return rule->path[0] == '/' ? socket_words_parse(object, &rule->words, err) : fail(err, "a path that is not absolute");
}

static int mount_parse(struct json_object *object, void *item, struct vxe_error **err)
{
	struct vxe_judged_mount *mount = item;
	cleanup_free char *kind = NULL;

	if (name_parse(object, &mount->name, err) < 0 || needed_string(object, "path", &mount->path, err) < 0 ||
	    needed_string(object, "kind", &kind, err) < 0)
		return -1;
	mount->masked = !strcmp(kind, "mask");
	return mount->masked || !strcmp(kind, "readonly") ? 0 : fail(err, "a mount that is neither mask nor readonly");
}

typedef int item_parse(struct json_object *object, void *item, struct vxe_error **err);

static int items_parse(struct json_object *root, const char *key, size_t item_size, item_parse *parse, void *items,
		       size_t *count, struct vxe_error **err)
{
	struct json_object *array = NULL;
	size_t length;
	char *space;

	if (vxe_json_get_array(root, "", key, &array, err) < 0)
		return -1;
	if (!array)
		return fail(err, "a list of rules is missing");
	length = vxe_json_array_length(array);
	space = calloc(length + 1, item_size);
	if (!space)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the bundle's judge");
	*(void **)items = space;
	for (; *count < length; (*count)++) {
		struct json_object *object = vxe_json_array_at(array, *count);

		if (!vxe_json_is_object(object))
			return fail(err, "a rule that is no object");
		if (parse(object, space + *count * item_size, err) < 0) {
			(*count)++;
			return -1;
		}
	}
	return 0;
}

struct call_visit {
	struct vxe_judge *judge;
	struct vxe_error **err;
};

static int call_visit(const char *key, struct json_object *value, void *data)
{
	struct call_visit *visit = data;
	struct vxe_judged_call *call = &visit->judge->calls[visit->judge->n_calls++];

	call->call = strdup(key);
	if (!call->call)
		return vxe_error_set(visit->err, VXE_EXIT_FAILURE, ENOMEM, "reading the bundle's judge");
	if (!vxe_json_is_object(value))
		return fail(visit->err, "a rule that is no object");
	return name_parse(value, &call->name, visit->err);
}

static int calls_parse(struct json_object *root, struct vxe_judge *judge, struct vxe_error **err)
{
	struct call_visit visit = {judge, err};
	struct json_object *calls = NULL;

	if (vxe_json_get_object(root, "", "calls", &calls, err) < 0)
		return -1;
	if (!calls)
		return fail(err, "the rules of calls are missing");
	judge->calls = calloc(vxe_json_object_length(calls) + 1, sizeof(*judge->calls));
	if (!judge->calls)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the bundle's judge");
	return vxe_json_object_each(calls, call_visit, &visit) < 0 ? -1 : 0;
}

static int judge_take(struct json_object *root, void *out, struct vxe_error **err)
{
	struct vxe_judge *judge = out;

	if (items_parse(root, "files", sizeof(*judge->files), file_parse, &judge->files, &judge->n_files, err) < 0 ||
	    items_parse(root, "sockets", sizeof(*judge->sockets_named), socket_parse, &judge->sockets_named, &judge->n_sockets,
			err) < 0 ||
	    items_parse(root, "unix", sizeof(*judge->unix_named), unix_parse, &judge->unix_named, &judge->n_unix, err) < 0 ||
	    items_parse(root, "mounts", sizeof(*judge->mounts), mount_parse, &judge->mounts, &judge->n_mounts, err) < 0)
		return -1;
	return calls_parse(root, judge, err);
}

int vxe_judge_parse(const char *text, size_t size, struct vxe_judge **out, struct vxe_error **err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the bundle's judge");
	(*out)->objects.held_fd = (*out)->root_fd = -1;
	if (vxe_part_parse(&part, text, size, *out, err) == 0)
		return 0;
	vxe_judge_free(out);
	return -1;
}

int vxe_judge_open(struct vxe_judge_source *source, int bundle_fd, const struct vxe_config *config, struct vxe_error **err)
{
	const char *path = vxe_config_annotation(config, "org.vxe.judge");

	*source = (struct vxe_judge_source){.fd = -1, .landlock = &config->process.landlock, .sockets = &config->sockets};
	if (!path)
		return 0;
	source->fd = sys_openat2(bundle_fd, path, O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (source->fd < 0) {
		int saved = errno;

		vxe_error_set(err, VXE_EXIT_FAILURE, saved, "opening the bundle's %s", path);
		return vxe_error_hint(err, "create the bundle again with --replace");
	}
	return 0;
}

static int source_read(struct vxe_judge_source *source, struct vxe_error **err)
{
	cleanup_free char *text = NULL;
	size_t size = 0;

	if (vxe_file_read_fd(source->fd, "the bundle's judge", VXE_JSON_MAX_SIZE, &text, &size, err) < 0 ||
	    vxe_judge_parse(text, size, &source->judge, err) < 0)
		return -1;
	source->judge->landlock = source->landlock;
	source->judge->sockets = source->sockets;
	return 0;
}

int vxe_judge_load(struct vxe_judge_source *source, int bundle_fd, const struct vxe_config *config, struct vxe_error **err)
{
	if (source->fd < 0)
		return 0;
	if (source_read(source, err) < 0)
		return -1;
	return vxe_filter_load(bundle_fd, config, &source->judge->filter, err);
}

const struct vxe_judge *vxe_judge_get(struct vxe_judge_source *source)
{
	/* Once: one that cannot be read would not be read the next time either. */
	if (source && source->fd >= 0 && !source->judge && source_read(source, NULL) < 0)
		close(steal_fd(&source->fd));
	return source ? source->judge : NULL;
}

void vxe_judge_close(struct vxe_judge_source *source)
{
	vxe_judge_free(&source->judge);
	if (source->fd >= 0)
		close(steal_fd(&source->fd));
}

static void name_free(struct vxe_rule_name *name)
{
	free(name->rule);
	free(name->at);
}

void vxe_judge_free(struct vxe_judge **pointer)
{
	struct vxe_judge *judge = *pointer;

	if (!judge)
		return;
	for (size_t i = 0; i < judge->n_files; i++) {
		name_free(&judge->files[i].name);
		free(judge->files[i].path);
	}
	for (size_t i = 0; i < judge->n_sockets; i++)
		name_free(&judge->sockets_named[i].name);
	for (size_t i = 0; i < judge->n_unix; i++) {
		name_free(&judge->unix_named[i].name);
		free(judge->unix_named[i].path);
	}
	for (size_t i = 0; i < judge->n_calls; i++) {
		name_free(&judge->calls[i].name);
		free(judge->calls[i].call);
	}
	for (size_t i = 0; i < judge->n_mounts; i++) {
		name_free(&judge->mounts[i].name);
		free(judge->mounts[i].path);
	}
	free(judge->files);
	free(judge->sockets_named);
	free(judge->unix_named);
	free(judge->calls);
	free(judge->mounts);
	vxe_filter_free(&judge->filter);
	vxe_landlock_objects_free(&judge->objects);
	vxe_judge_roots_differ(judge);
	free(judge);
	*pointer = NULL;
}

static bool holds_path(const char *rule, const char *path)
{
	size_t length = strlen(rule);

	return !strcmp(rule, "/") || (!strncmp(path, rule, length) && (!path[length] || path[length] == '/'));
}

void vxe_judge_bind(struct vxe_judge *judge, pid_t pid)
{
	char name[PATH_MAX];
	cleanup_fd int root_fd = -1;

	if (judge->bound || !judge->landlock)
		return;
	root_fd = vxe_lookup_root(pid, name);
	/* One that has chrooted already has other paths than those that the rules name. */
	if (root_fd >= 0 && !strcmp(name, "/"))
		judge->bound = vxe_landlock_objects_find(judge->landlock, root_fd, &judge->objects) == 0;
	if (judge->bound && judge->keeps_root)
		judge->root_fd = steal_fd(&root_fd);
}

void vxe_judge_roots_differ(struct vxe_judge *judge)
{
	if (judge->root_fd >= 0)
		close(steal_fd(&judge->root_fd));
	judge->keeps_root = false;
}

/* Upward as Landlock goes: over the mounts, to the root of the mount namespace, whatever the caller's root is. */
uint64_t vxe_judge_granted(const struct vxe_judge *judge, int folder_fd, uint64_t enough)
{
	struct vxe_lookup_climb climb;
	uint64_t granted = 0;

	if (vxe_lookup_climb_begin(&climb, folder_fd) < 0)
		return 0;
	do
		granted |= vxe_landlock_objects_access(&judge->objects, climb.here.st_dev, climb.here.st_ino);
	while ((!enough || (enough & ~granted)) && vxe_lookup_climb_up(&climb) > 0);
	vxe_lookup_climb_end(&climb);
	return granted;
}

const struct vxe_judged_mount *vxe_judge_mount(const struct vxe_judge *judge, const struct vxe_judged_file *file)
{
	for (size_t i = 0; i < judge->n_mounts; i++)
		if (!strcmp(judge->mounts[i].path, file->path))
			return &judge->mounts[i];
	return NULL;
}

bool vxe_judge_is_own(const struct vxe_judged_file *file)
{
	return !strncmp(file->path, "/proc/self/", strlen("/proc/self/"));
}

const struct vxe_judged_file *vxe_judge_file(const struct vxe_judge *judge, const char *path)
{
	for (size_t i = 0; i < judge->n_files; i++)
		if (vxe_judge_is_own(&judge->files[i]) ? vxe_own_matches(judge->files[i].path, path)
						       : holds_path(judge->files[i].path, path))
			return &judge->files[i];
	return NULL;
}

const struct vxe_judged_socket *vxe_judge_socket(const struct vxe_judge *judge, int protocol, int family,
						 const uint32_t address[4], uint16_t port)
{
	for (size_t i = 0; i < judge->n_sockets; i++) {
		const struct vxe_judged_socket *rule = &judge->sockets_named[i];

		if (rule->range.protocol == protocol && vxe_socket_rule_matches(&rule->range, family, address, port))
			return rule;
	}
	return NULL;
}

const struct vxe_judged_unix *vxe_judge_unix(const struct vxe_judge *judge, const char *path)
{
	for (size_t i = 0; i < judge->n_unix; i++)
		if (holds_path(judge->unix_named[i].path, path))
			return &judge->unix_named[i];
	return NULL;
}

bool vxe_judge_port_granted(const struct vxe_judge *judge, uint64_t right, unsigned int port)
{
	const struct vxe_landlock *landlock = judge->landlock;

	for (size_t i = 0; landlock && i < landlock->n_port_rules; i++) {
		const struct vxe_landlock_ports *rule = &landlock->port_rules[i];

		for (size_t k = 0; (rule->access & right) && k < rule->count; k++)
			if (rule->ports[k] == port)
				return true;
	}
	return false;
}

const struct vxe_judged_call *vxe_judge_call(const struct vxe_judge *judge, const char *call)
{
	for (size_t i = 0; i < judge->n_calls; i++)
		if (!strcmp(judge->calls[i].call, call))
			return &judge->calls[i];
	return NULL;
}
