/*
 * Does what it is told on standard input, and prints the error number of each act. A ruleset there restricts it from then on; more
 * of them are more layers.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

struct ruleset {
	uint64_t handled_fs;
	uint64_t handled_net;
};

struct port_rule {
	uint64_t allowed;
	uint64_t port;
};

struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

static int opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int bound(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int failed = bind(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
	close(fd);
	return failed;
}

/* The port instead of a path; a port that nobody listens on refuses what is let through. */
static int tcp(const char *what, const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int failed = (*what == 'b' ? bind : connect)(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;

	close(fd);
	return failed;
}

static int act(const char *what, const char *path)
{
	char *const arguments[] = {(char *)path, NULL};

	if (!strcmp(what, "read"))
		return opened(path, O_RDONLY);
	if (!strcmp(what, "list"))
		return opened(path, O_RDONLY | O_DIRECTORY);
	if (!strcmp(what, "write"))
		return opened(path, O_WRONLY);
	if (!strcmp(what, "truncate"))
		return truncate(path, 0) ? errno : 0;
	/* The file is in no format that can run: being let through shows as ENOEXEC. */
	if (!strcmp(what, "execute"))
		return execv(path, arguments) ? errno : 0;
	if (!strcmp(what, "remove_file"))
		return unlink(path) ? errno : 0;
	if (!strcmp(what, "remove_dir"))
		return rmdir(path) ? errno : 0;
	if (!strcmp(what, "make_reg"))
		return mknod(path, S_IFREG | 0600, 0) ? errno : 0;
	if (!strcmp(what, "make_dir"))
		return mkdir(path, 0700) ? errno : 0;
	if (!strcmp(what, "make_sym"))
		return symlink("nowhere", path) ? errno : 0;
	if (!strcmp(what, "make_sock"))
		return bound(path);
	if (!strcmp(what, "make_fifo"))
		return mkfifo(path, 0600) ? errno : 0;
	if (!strcmp(what, "make_char"))
		return mknod(path, S_IFCHR | 0600, makedev(1, 3)) ? errno : 0;
	if (!strcmp(what, "make_block"))
		return mknod(path, S_IFBLK | 0600, makedev(7, 0)) ? errno : 0;
	/* The attributes of the mount, as statvfs(2) has them. */
	if (!strcmp(what, "flags")) {
		struct statvfs fs;

		return statvfs(path, &fs) ? -1 : (int)(fs.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC));
	}
	if (!strcmp(what, "bind") || !strcmp(what, "connect"))
		return tcp(what, path);
	return -1;
}

int main(void)
{
	char what[32], path[512];
	unsigned long long rights;
	int ruleset = -1;

	while (scanf("%31s %llx %511s", what, &rights, path) == 3) {
		if (!strcmp(what, "handle")) {
			struct ruleset attributes = {.handled_fs = rights, .handled_net = strtoull(path, NULL, 16)};

			ruleset = (int)syscall(444, &attributes, sizeof(attributes), 0);
			if (ruleset < 0)
				return perror("landlock_create_ruleset"), 1;
		} else if (!strcmp(what, "rule")) {
			struct path_rule rule = {.allowed = rights, .parent = open(path, O_PATH | O_CLOEXEC)};

			if (rule.parent < 0 || syscall(445, ruleset, 1, &rule, 0))
				return perror(path), 1;
			close(rule.parent);
		} else if (!strcmp(what, "port")) {
			struct port_rule rule = {.allowed = rights, .port = strtoull(path, NULL, 10)};

			if (syscall(445, ruleset, 2, &rule, 0))
				return perror(path), 1;
		} else if (!strcmp(what, "restrict")) {
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(446, ruleset, 0))
				return perror("landlock_restrict_self"), 1;
		} else {
			printf("%d\n", act(what, path));
		}
	}
	return 0;
}
