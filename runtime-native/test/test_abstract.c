/* Abstract sockets outside of an instance: who holds a name, where programs inside choose names that look like lines of /proc/net/unix. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abstract.h"
#include "objects_internal.h"
#include "tap.h"

/* A zero byte and a text. */
struct name {
	char bytes[108];
	size_t length;
};

static struct name name_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct name name_of(const char *format, ...)
{
	struct name name = {.bytes = ""};
	va_list args;

	va_start(args, format);
	name.length = 1 + (size_t)vsnprintf(name.bytes + 1, sizeof(name.bytes) - 1, format, args);
	va_end(args);
	return name;
}

static int socket_of(const struct name *name, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, name->bytes, name->length);
	if (fd < 0 ||
	    bind(fd, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name->length)) <
		    0 ||
	    (type == SOCK_STREAM && listen(fd, 1) < 0))
		ok(false, "a socket is bound (%s)", strerror(errno));
	return fd;
}

static bool outside(pid_t pid, const struct name *name, int type)
{
	return objects_abstract_outside(pid, name->bytes, name->length, type);
}

static void texts(void)
{
	static const char text[] = "Num       RefCount Protocol Flags    Type St Inode Path\n"
				   "0000000000000000: 00000002 00000000 00010000 0001 01 11 @a\n"
				   "0000000000000000: 00000003 00000000 00000000 0001 03 12 @a\n"
				   "0000000000000000: 00000002 00000000 00000000 0002 01 13 @a\n"
				   "0000000000000000: 00000003 00000000 00000000 0001 03 14\n"
				   "0000000000000000: 00000002 00000000 00010000 0001 01 15 @a\nb\n"
				   "0000000000000000: 00000002 00000000 00010000 0001 01 16 @a@b\n"
				   "0000000000000000: 00000002 00000000 00010000 0001 01 17 @cut";
	unsigned long inodes[VXE_ABSTRACT_MOST] = {0};
	const size_t size = sizeof(text) - 1;

	ok(vxe_abstract_find(text, size, "\0a", 2, SOCK_STREAM, inodes) == 2 && inodes[0] == 11 && inodes[1] == 15,
	   "the one that listens, and what looks like it");
	ok(vxe_abstract_find(text, size, "\0a", 2, SOCK_DGRAM, inodes) == 1 && inodes[0] == 13, "another of another type");
	ok(vxe_abstract_find(text, size, "\0a\nb", 4, SOCK_STREAM, inodes) == 1 && inodes[0] == 15, "a name with a line end");
	ok(vxe_abstract_find(text, size, "\0a\0b", 4, SOCK_STREAM, inodes) == 1 && inodes[0] == 16, "a name with a zero byte");
	ok(vxe_abstract_find(text, size, "\0cut", 4, SOCK_STREAM, inodes) == 0, "half a line is none");
	ok(vxe_abstract_find(text, size, "\0b", 2, SOCK_STREAM, inodes) == 0, "nor is a name that is not there");
}

/* In a pid namespace of its own, as an instance is: sockets of its own, and names that say that it holds the one outside. */
static void inside(const struct name *own, const struct name *victim, int forged, int told)
{
	struct stat st;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fstat(socket_of(own, SOCK_STREAM), &st) < 0)
		_exit(1);
	for (int i = 0; i < forged; i++) {
		struct name line = name_of("%d\n0: 2 0 10000 0001 01 %lu @%s", i, (unsigned long)st.st_ino, victim->bytes + 1);

		socket_of(&line, SOCK_STREAM);
	}
	if (write(told, "t", 1) == 1)
		pause();
	_exit(1);
}

static void forgers(int forged)
{
	struct name victim = name_of("vxe-outside-%d-%d", getpid(), forged), broken = name_of("vxe-%d\n%d", getpid(), forged),
		    own = name_of("vxe-inside-%d-%d", getpid(), forged), none = name_of("vxe-none-%d", getpid());
	int fds[2], told[2];
	pid_t child;
	char byte;

	if (pipe2(told, O_CLOEXEC) < 0) {
		ok(false, "a pipe");
		return;
	}
	child = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
	if (child == 0)
		inside(&own, &victim, forged, told[1]);
	/* After it, so that it has none of them. */
	fds[0] = socket_of(&victim, SOCK_STREAM);
	fds[1] = socket_of(&broken, SOCK_DGRAM);
	if (child < 0 || read(told[0], &byte, 1) != 1)
		ok(false, "the process inside is ready");
	ok(!outside(child, &own, SOCK_STREAM), "%d forged: control: a socket of its own is inside", forged);
	ok(!outside(child, &none, SOCK_STREAM), "%d forged: control: a name that nobody has is not outside", forged);
	ok(outside(child, &victim, SOCK_STREAM), "%d forged: what another holds is outside, whatever the text says", forged);
	ok(!outside(child, &victim, SOCK_DGRAM), "%d forged: it is not of another type", forged);
	ok(outside(child, &broken, SOCK_DGRAM), "%d forged: so is one with a line end in its name", forged);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		close(fds[i]);
	close(told[0]);
	close(told[1]);
}

/* With a file that is too large in the place of the table, in a mount namespace of its own: -1 where it cannot be put there. */
static int outside_covered(const struct name *name)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		char place[32], folder[40], table[48];
		int fd = -1;

		snprintf(place, sizeof(place), "/proc/%d", getppid());
		snprintf(folder, sizeof(folder), "%s/net", place);
		snprintf(table, sizeof(table), "%s/unix", folder);
		if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		    mount("tmpfs", place, "tmpfs", 0, NULL) == 0 && mkdir(folder, 0700) == 0)
			fd = open(table, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		_exit(fd >= 0 && ftruncate(fd, (64 << 20) + 1) == 0 ? outside(getppid(), name, SOCK_STREAM) : 2);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) < 2 ? WEXITSTATUS(status) : -1;
}

static void unreadable(void)
{
	struct name own = name_of("vxe-own-%d", getpid());
	int fd = socket_of(&own, SOCK_STREAM);

	ok(!outside(getpid(), &own, SOCK_STREAM), "control: where they can be looked at, a socket of its own is inside");
	ok(outside((pid_t)0x7fffffff, &own, SOCK_STREAM), "of a process that is gone nothing is");
	ok(outside_covered(&own) == 1, "nor is it where there are too many to read");
	close(fd);
}

int main(void)
{
	static const int many[] = {0, 4, 40};

	texts();
	if (geteuid() == 0)
		unreadable();
	else
		skip("not root", "sockets that cannot be looked at");
	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++)
		if (geteuid() == 0)
			forgers(many[i]);
		else
			skip("not root", "names that %d sockets inside forge", many[i]);
	return tap_done();
}
