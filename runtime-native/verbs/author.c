#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beside.h"
#include "cleanup.h"
#include "verbs.h"

static const struct vxe_beside author_program = {
	.variable = "VXE_AUTHOR",
	.places = {"/../lib/vxe/bin/vxe-author.js", "/../../bin/vxe-author.js"},
	.access = R_OK,
	.missing = "this verb needs the authoring part of VXE, which is not beside this program",
	.hint = "install VXE whole (make install), or set VXE_AUTHOR to its vxe-author.js",
};

int vxe_author_exec(char *const *args, struct vxe_error **err)
{
	char script[VXE_BESIDE_MAX];
	const char *node = getenv("VXE_NODE");
	cleanup_free char **argv = NULL;
	size_t count = 0;

	if (vxe_beside_find(&author_program, script, err) < 0)
		return -1;
	while (args[count])
		count++;
	argv = calloc(count + 3, sizeof(char *));
	if (!argv)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "running the authoring part");
	argv[0] = (char *)"node";
	argv[1] = script;
	memcpy(argv + 2, args, count * sizeof(char *));
	execvp(node && *node ? node : "node", argv);
	vxe_error_set(err, VXE_EXIT_FAILURE, errno, "running node");
	return vxe_error_hint(err, "install Node.js 20.19 or newer, or set VXE_NODE to its path");
}

int vxe_author_run(char *const *args, struct vxe_error **err)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "running the authoring part");
	if (pid == 0) {
		cleanup_error struct vxe_error *failure = NULL;

		vxe_author_exec(args, &failure);
		vxe_error_print("vxe", failure);
		_exit(VXE_EXIT_FAILURE);
	}
	if (waitpid(pid, &status, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "waiting for the authoring part");
	return WIFEXITED(status) ? WEXITSTATUS(status) : VXE_EXIT_FAILURE;
}
