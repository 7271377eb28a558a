#include "plans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"

#define FILTER "launch.filter"
#define SOFT "launch.soft"
#define JUDGE "launch.judge"
#define AFTER "launch.after"

static const struct {
	const char *annotation, *file;
} plans[] = {
	{"org.vxe.seccomp.filter", FILTER}, {"org.vxe.soft.filter", SOFT}, {"org.vxe.judge", JUDGE}, {"org.vxe.after", AFTER}};

static int kept_open(int dir_fd, const char *name)
{
	return openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int fail(const char *name, struct vxe_error **err)
{
	return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "keeping %s", name);
}

static int filter_keep(int dir_fd, const char *name, const struct vxe_filter *filter, struct vxe_error **err)
{
	cleanup_fd int fd = kept_open(dir_fd, name);

	if (fd < 0 || vxe_write_all(fd, filter->program, filter->length * sizeof(*filter->program)) < 0)
		return fail(name, err);
	return 0;
}

/* From the descriptor that the launch judges by: the name in the bundle may lead to another one by now. */
static int file_keep(int dir_fd, const char *name, int from, struct vxe_error **err)
{
	cleanup_fd int fd = kept_open(dir_fd, name);
	off_t at = 0;
	ssize_t sent = fd < 0 ? -1 : 1;

	while (sent > 0)
		sent = sendfile(fd, from, &at, 1 << 20);
	return sent < 0 ? fail(name, err) : 0;
}

int vxe_plans_keep(int state_dir_fd, const struct vxe_launch *launch, const struct vxe_judge_source *judge, int hooks_fd,
		   struct vxe_error **err)
{
	bool raises = launch->soft || launch->raise_objects;
	const struct vxe_filter *production = raises ? &judge->judge->filter : &launch->filter;

	if (vxe_config_annotation(launch->config, plans[0].annotation) && production->length &&
	    filter_keep(state_dir_fd, FILTER, production, err) < 0)
		return -1;
	if (raises && filter_keep(state_dir_fd, SOFT, &launch->filter, err) < 0)
		return -1;
	if (hooks_fd >= 0 && file_keep(state_dir_fd, AFTER, hooks_fd, err) < 0)
		return -1;
	return judge->fd < 0 ? 0 : file_keep(state_dir_fd, JUDGE, judge->fd, err);
}

int vxe_plans_kept(struct vxe_config *config, struct vxe_error **err)
{
	for (size_t i = 0; i < config->annotations.count; i++) {
		struct vxe_pair *pair = &config->annotations.items[i];

		for (size_t k = 0; k < sizeof(plans) / sizeof(*plans); k++) {
			char *file;

			if (strcmp(pair->key, plans[k].annotation))
				continue;
			file = strdup(plans[k].file);
			if (!file)
				return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the configuration");
			free(pair->value);
			pair->value = file;
		}
	}
	return 0;
}
