#include "streams.h"

#include <sched.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef PIPEFS_MAGIC
#define PIPEFS_MAGIC 0x50495045
#endif

/* A bundle of VXE says all that its program may open. */
static bool gives(const struct vxe_launch *launch)
{
	return launch->process->present && !launch->process->terminal && !launch->host_root &&
	       !vxe_config_annotation(launch->config, "org.vxe.version");
}

static void pipes_give(const struct vxe_launch *launch, uid_t uid)
{
	for (int i = 0; i < 3; i++) {
		int fd = launch->stdio[i] >= 0 ? launch->stdio[i] : i;
		struct statfs fs;
		struct stat st;

		if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && st.st_uid != uid && fstatfs(fd, &fs) == 0 &&
		    fs.f_type == PIPEFS_MAGIC)
			(void)!fchown(fd, uid, (gid_t)-1);
	}
}

void vxe_streams_give(const struct vxe_launch *launch)
{
	const struct vxe_id_mappings *mappings = &launch->config->uid_mappings;
	uid_t uid = launch->process->uid;

	if (geteuid() != 0 || !gives(launch))
		return;
	if (!vxe_config_namespace(launch->config, CLONE_NEWUSER)) {
		if (uid != 0)
			pipes_give(launch, uid);
		return;
	}
	for (size_t i = 0; i < mappings->count; i++)
		if (uid - mappings->items[i].container < mappings->items[i].size)
			pipes_give(launch, mappings->items[i].host + (uid - mappings->items[i].container));
}

void vxe_streams_give_inside(const struct vxe_launch *launch)
{
	if (launch->process->uid != 0 && vxe_config_namespace(launch->config, CLONE_NEWUSER) && gives(launch))
		pipes_give(launch, launch->process->uid);
}
