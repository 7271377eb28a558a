#include "agent.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "json.h"
#include "kernel.h"

bool vxe_agent_wanted(const struct vxe_launch *launch)
{
	/* A filter of VXE's own is VXE's to answer. */
	return launch->filter.notifies && launch->config->seccomp.listener_path &&
	       !vxe_config_annotation(launch->config, "org.vxe.seccomp.filter");
}

static int agent_connect(const char *path, struct vxe_error **err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENAMETOOLONG, "config.json: linux.seccomp.listenerPath: %s", path);
	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "connecting to the seccomp agent at %s", path);
		return vxe_error_hint(err, "start the agent that linux.seccomp.listenerPath names");
	}
	return steal_fd(&fd);
}

/* config-linux.md, Seccomp: the container process state. */
static int state_text(const struct vxe_launch *launch, pid_t init, const char *status, struct vxe_json_text *text)
{
	const struct vxe_config *config = launch->config;

	vxe_json_text_object_begin(text, NULL);
	vxe_json_text_string(text, "ociVersion", config->oci_version);
	vxe_json_text_array_begin(text, "fds");
	vxe_json_text_string(text, NULL, "seccompFd");
	vxe_json_text_array_end(text);
	vxe_json_text_int(text, "pid", launch->program_pid);
	if (config->seccomp.listener_metadata)
		vxe_json_text_string(text, "metadata", config->seccomp.listener_metadata);
	vxe_json_text_object_begin(text, "state");
	vxe_json_text_string(text, "ociVersion", config->oci_version);
	vxe_json_text_string(text, "id", launch->id);
	vxe_json_text_string(text, "status", status);
	vxe_json_text_int(text, "pid", init);
	vxe_json_text_string(text, "bundle", config->bundle);
	vxe_json_text_object_begin(text, "annotations");
	for (size_t i = 0; i < config->annotations.count; i++)
		vxe_json_text_string(text, config->annotations.items[i].key, config->annotations.items[i].value);
	vxe_json_text_object_end(text);
	vxe_json_text_object_end(text);
	vxe_json_text_object_end(text);
	return vxe_json_text_finish(text);
}

int vxe_agent_hand_over(struct vxe_launch *launch, pid_t init, const char *status, struct vxe_error **err)
{
	const char *path = launch->config->seccomp.listener_path;
	cleanup_fd int fd = agent_connect(path, err);
	struct vxe_json_text text = {0};
	int failed = fd < 0 ? -1 : 0;

	if (!failed && state_text(launch, init, status, &text) < 0)
		failed = vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "telling the seccomp agent the state");
	sys_listener_take_turns(launch->listener_fd);
	if (!failed && vxe_send_all(fd, text.data, text.size, launch->listener_fd) < 0)
		failed = vxe_error_set(err, VXE_EXIT_FAILURE, errno, "sending the listener to the seccomp agent at %s", path);
	vxe_json_text_free(&text);
	if (!failed)
		close(steal_fd(&launch->listener_fd));
	return failed;
}
