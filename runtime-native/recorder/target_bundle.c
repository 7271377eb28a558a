/* A bundle as the recorder launches it: in its namespaces and its rootfs, with everything allowed. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "absent.h"
#include "bundle.h"
#include "channel.h"
#include "cleanup.h"
#include "instance.h"
#include "launch.h"
#include "recorder.h"

struct bundle_target {
	bool needs_filter;
	int channel;
};

/* Before anything is made: the filter is the recorder's. */
static int launching(void *user, struct vxe_launch *launch, struct vxe_error **err)
{
	static const struct sock_filter raising[] = VXE_RECORDER_RAISING, hiding[] = VXE_RECORDER_FILTER;
	const struct bundle_target *b = user;
	const struct sock_filter *program = b->needs_filter ? raising : hiding;
	size_t size = b->needs_filter ? sizeof(raising) : sizeof(hiding);

	launch->filter.program = malloc(size);
	if (!launch->filter.program)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "preparing the recorder's filter");
	memcpy(launch->filter.program, program, size);
	launch->filter.length = (unsigned short)(size / sizeof(*program));
	launch->filter.notifies = b->needs_filter;
	return 0;
}

static int waiting(void *user, struct vxe_launch *launch, struct vxe_error **err)
{
	struct bundle_target *b = user;
	int pidfd = launch->program_pidfd >= 0 ? launch->program_pidfd : launch->init_pidfd;

	if (vxe_channel_tell(b->channel, VXE_CHANNEL_WAITING, pidfd) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the recorder has ended");
	return 0;
}

static int going(void *user, struct vxe_launch *launch, struct vxe_error **err)
{
	struct bundle_target *b = user;

	if (!b->needs_filter)
		return 0;
	if (vxe_channel_tell(b->channel, VXE_CHANNEL_LISTENER, launch->listener_fd) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the recorder has ended");
	/* It is the recorder who answers. */
	close(steal_fd(&launch->listener_fd));
	return 0;
}

static const char *id_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash && slash[1] ? slash + 1 : name;
}

void vxe_target_bundle(const struct vxe_target *target, bool needs_filter, int channel)
{
	struct bundle_target b = {.needs_filter = needs_filter, .channel = channel};
	struct vxe_instance_observer observer = {.user = &b, .launching = launching, .waiting = waiting, .going = going};
	struct vxe_instance_options options = {
		.id = id_of(target->name),
		.root = target->root,
		.own_verb = true,
		.args = target->program,
		.without = VXE_WITHOUT_SECCOMP | VXE_WITHOUT_LANDLOCK,
		.observer = &observer,
	};
	cleanup_free char *bundle = NULL;
	struct vxe_error *err = NULL;
	int code = VXE_EXIT_FAILURE;

	if (vxe_bundle_find(target->name, &bundle, &err) == 0) {
		options.bundle = bundle;
		if (vxe_instance_run(&options, &code, &err) == 0)
			_exit(code);
	}
	vxe_error_print("vxe", err);
	(void)vxe_channel_tell(channel, VXE_CHANNEL_FAILED, -1);
	_exit(err ? (int)err->exit : VXE_EXIT_FAILURE);
}
