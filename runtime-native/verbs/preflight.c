#include "preflight.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"

/* The inode of the socket that listens on the port, from /proc/net/tcp and tcp6 (state 0A is LISTEN). */
static unsigned long listener_inode(unsigned int port)
{
	static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};

	for (size_t i = 0; i < 2; i++) {
		cleanup_file FILE *file = fopen(tables[i], "re");
		char line[512];

		while (file && fgets(line, sizeof(line), file)) {
			unsigned int local_port, state;
			unsigned long inode;

			if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
				   &local_port, &state, &inode) == 3 &&
			    local_port == port && state == 0x0A)
				return inode;
		}
	}
	return 0;
}

static bool process_has_socket(const char *pid, unsigned long inode)
{
	char path[300], wanted[64], target[64];
	cleanup_dir DIR *fds = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	fds = opendir(path);
	while (fds && (entry = readdir(fds))) {
		ssize_t got = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

		if (got > 0) {
			target[got] = '\0';
			if (!strcmp(target, wanted))
				return true;
		}
	}
	return false;
}

static int port_owner(unsigned int port, char *comm, size_t size)
{
	unsigned long inode = listener_inode(port);
	cleanup_dir DIR *proc = inode ? opendir("/proc") : NULL;
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		char path[300];
		cleanup_file FILE *file = NULL;

		if (!isdigit((unsigned char)entry->d_name[0]) || !process_has_socket(entry->d_name, inode))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file || !fgets(comm, (int)size, file))
			snprintf(comm, size, "?");
		comm[strcspn(comm, "\n")] = '\0';
		return atoi(entry->d_name);
	}
	return 0;
}

static int port_check(unsigned int port, struct vxe_error **err)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char comm[64] = "";
	int one = 1, pid;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return 0;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 || errno != EADDRINUSE)
		return 0;
	pid = port_owner(port, comm, sizeof(comm));
	if (pid)
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "TCP port %u is taken by %s (process %d)", port, comm, pid);
	else
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "TCP port %u is taken", port);
	return vxe_error_hint(err, "stop what listens there, then start again");
}

int vxe_preflight_ports(const struct vxe_config *config, struct vxe_error **err)
{
	const char *words = vxe_config_annotation(config, "org.vxe.listen");
	unsigned int port;

	if (vxe_config_namespace(config, CLONE_NEWNET))
		return 0;
	while (words && *words) {
		/* Of a range some may well be taken. */
		if (sscanf(words, "tcp/%u", &port) == 1 && words[4 + strspn(words + 4, "0123456789")] != '-' && port > 0 &&
		    port < 65536 && port_check(port, err) < 0)
			return -1;
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	return 0;
}
