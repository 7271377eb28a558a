#include "descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "words.h"

#define ANNOTATION "org.vxe.descriptors"
#define FDS_MAX 1024

/* sd_listen_fds(3): descriptors 3.. are ours to pass on if LISTEN_PID says that they are for this process. */
static int listening(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

	return pid && count && atoi(pid) == getpid() && atoi(count) >= 1 && atoi(count) <= FDS_MAX ? atoi(count) : 0;
}

int vxe_descriptors_passed(int preserved, int *sockets, struct vxe_error **err)
{
	*sockets = listening();
	/* One that is not open would become a descriptor of our own. What is not the caller's ends at the execution of a program, and this one
	   was executed. */
	for (int fd = 3; fd < 3 + *sockets + preserved; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || (flags & FD_CLOEXEC))
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "descriptor %d is not open, which %s %d hands over", fd,
					     fd < 3 + *sockets ? "LISTEN_FDS" : "--preserve-fds",
					     fd < 3 + *sockets ? *sockets : preserved);
	}
	return 0;
}

static int option(int fd, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

/*
 * The kernel asks the programs of the cgroup that a socket was made in. One that was made outside could be disconnected, and connected
 * to anything, so none is passed on; a stream of unix sockets that is connected cannot be led elsewhere.
 */
static int socket_check(int fd, const struct vxe_socket_rules *rules, struct vxe_error **err)
{
	int domain = option(fd, SO_DOMAIN);
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	bool internet = domain == AF_INET || domain == AF_INET6;

	if (!(internet && rules->count) && !(domain == AF_UNIX && rules->no_unix))
		return 0;
	if (domain == AF_UNIX && option(fd, SO_TYPE) != SOCK_DGRAM && getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0,
		      "descriptor %d is a socket that was made outside, where the profile's rules on %s do not reach", fd,
		      internet ? "addresses" : "unix sockets");
	return vxe_error_hint(err, fd < 3 ? "redirect it, or rule ports only"
					  : "let the program make it itself, or rule ports only");
}

/* What the supervisor has put in place of them stays. */
static int stdio_close(struct vxe_launch *launch, struct vxe_error **err)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening /dev/null");
	for (int i = 0; i < 3; i++)
		if (launch->stdio[i] < 0)
			launch->stdio[i] = null_fd;
	return 0;
}

/* Whoever uses the terminal next would share it with the program: what is typed into it could be read, and what it shows be written. */
static int terminal_check(int fd, struct vxe_error **err)
{
	if (!isatty(fd))
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0,
		      "descriptor %d is a terminal, which the program would keep when its caller has gone", fd);
	return vxe_error_hint(err, "redirect it, or set process.terminal and give a --console-socket");
}

int vxe_descriptors_take(const struct vxe_config *config, struct vxe_launch *launch, int sockets, int preserved, bool stays,
			 struct vxe_error **err)
{
	const struct vxe_process *process = launch->process ? launch->process : &config->process;
	const char *words = vxe_config_annotation(config, ANNOTATION);
	bool listens = !words || vxe_words_have(words, "listen");

	launch->extra_fds = sockets + preserved;
	launch->listen_fds = sockets;
	if (!listens && launch->extra_fds) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0,
			      "the profile takes no descriptors of the launcher's, and %d %s handed over",
			      sockets ? sockets : preserved, sockets ? "sockets (LISTEN_FDS) are" : "are");
		return vxe_error_hint(err, "add to the profile: descriptors: [stdio, listen]");
	}
	if (words && !vxe_words_have(words, "stdio") && !process->terminal && stdio_close(launch, err) < 0)
		return -1;
	/* An engine's container has what its engine gives it, as with other runtimes. */
	if (stays && !process->terminal && vxe_config_annotation(config, "org.vxe.version"))
		for (int fd = 0; fd < 3; fd++)
			if (launch->stdio[fd] < 0 && terminal_check(fd, err) < 0)
				return -1;
	/* In soft mode there are no programs to get around. */
	for (int fd = 0; fd < 3 + launch->extra_fds && !launch->soft; fd++) {
		bool own = fd < 3 && (process->terminal || launch->stdio[fd] >= 0);

		if (!own && socket_check(fd, &config->sockets, err) < 0)
			return -1;
	}
	return 0;
}

void vxe_descriptors_leave(void)
{
	cleanup_dir DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name), flags = fd < 3 ? -1 : fcntl(fd, F_GETFD);

		if (flags >= 0 && !(flags & FD_CLOEXEC))
			close(fd);
	}
}
