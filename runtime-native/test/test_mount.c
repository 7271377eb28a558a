/* Mount options become attributes, propagation and the file system's own data; what is not understood is an error. */
#include <sched.h>
#include <sys/mount.h>

#include "config.h"
#include "kernel.h"
#include "mount.h"
#include "tap.h"

static struct vxe_config *config_with(const char *mount)
{
	struct vxe_config *config = NULL;
	struct vxe_error *err = NULL;
	char *text = NULL;

	if (asprintf(&text, "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},\"mounts\":[%s]}", mount) < 0)
		return NULL;
	if (vxe_config_parse(text, strlen(text), "/bundle", &config, &err) < 0)
		printf("# %s\n", err->message);
	vxe_error_free(&err);
	free(text);
	return config;
}

static void attributes(void)
{
	static const struct {
		const char *options;
		uint64_t set, clear, recursive_set, propagation;
		const char *data;
	} rows[] = {
		{"\"ro\",\"nosuid\",\"nodev\",\"noexec\"",
		 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0, 0, 0, NULL},
		{"\"ro\",\"rw\"", 0, MOUNT_ATTR_RDONLY, 0, 0, NULL},
		{"\"rw\",\"ro\"", MOUNT_ATTR_RDONLY, 0, 0, 0, NULL},
		{"\"rro\"", 0, 0, MOUNT_ATTR_RDONLY, 0, NULL},
		{"\"noatime\"", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME & ~MOUNT_ATTR_NOATIME, 0, 0, NULL},
		{"\"rslave\"", 0, 0, 0, MS_SLAVE, NULL},
		{"\"mode=755\",\"nosuid\"", MOUNT_ATTR_NOSUID, 0, 0, 0, "mode=755"},
		{"\"defaults\",\"silent\"", 0, 0, 0, 0, NULL},
		{"\"async\"", 0, 0, 0, 0, "async"},
		{"\"remount\",\"ro\"", MOUNT_ATTR_RDONLY, 0, 0, 0, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *mount = NULL;
		struct vxe_config *config = NULL;
		struct vxe_mount_plans plans = {0};
		struct vxe_error *err = NULL;

		if (asprintf(&mount, "{\"destination\":\"/x\",\"type\":\"tmpfs\",\"source\":\"t\",\"options\":[%s]}",
			     rows[i].options) < 0)
			continue;
		config = config_with(mount);
		if (!ok(config && vxe_mount_plan_make(config, &plans, &err) == 0, "%s is understood", rows[i].options)) {
			free(mount);
			continue;
		}
		ok(plans.items[0].set == rows[i].set && plans.items[0].recursive_set == rows[i].recursive_set &&
			   (plans.items[0].clear & rows[i].clear) == rows[i].clear &&
			   plans.items[0].propagation == rows[i].propagation &&
			   same_text(plans.items[0].data.items[0], rows[i].data),
		   "and means what mount(8) means by it");
		vxe_mount_plan_free(&plans);
		vxe_config_free(&config);
		free(mount);
	}
}

static void errors(void)
{
	static const struct {
		const char *mount, *word;
	} rows[] = {
		{"{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/y\",\"options\":[\"nonsense\"]}", "nonsense"},
		{"{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/y\",\"options\":[\"async\",\"nonsense\"]}",
		 "nonsense"},
		{"{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"remount\",\"size=1m\"]}", "size=1m"},
		{"{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\",\"remount\"]}", "tmpcopyup"},
		{"{\"destination\":\"/x\"}", "type"},
		{"{\"destination\":\"/x\",\"type\":\"proc\",\"options\":[\"tmpcopyup\"]}", "tmpcopyup"},
		{"{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/y\",\"options\":[\"idmap\"]}", "uidMappings"},
		{"{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/y\",\"uidMappings\":[{\"containerID\":0,"
		 "\"hostID\":1,\"size\":1}]}",
		 "gidMappings"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct vxe_config *config = config_with(rows[i].mount);
		struct vxe_mount_plans plans = {0};
		struct vxe_error *err = NULL;

		ok(config && vxe_mount_plan_make(config, &plans, &err) < 0 && err && strstr(err->message, rows[i].word) &&
			   strstr(err->message, "/x"),
		   "%s is refused by name (%s)", rows[i].word, err ? err->message : "no error");
		vxe_error_free(&err);
		vxe_mount_plan_free(&plans);
		vxe_config_free(&config);
	}
}

int main(void)
{
	attributes();
	errors();
	return tap_done();
}
