#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "tap.h"

static ino_t own_number(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) == 0 ? st.st_ino : 0;
}

static ino_t number_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* Nobody is left to be waited for, of either kind of child. */
static bool has_no_child(void)
{
	return waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD;
}

static void test_made(void)
{
	struct vxe_network network = VXE_NETWORK_NONE, again = VXE_NETWORK_NONE;
	ino_t own = own_number();
	cleanup_fd int fd = -1;
	cleanup_fd int other = -1;

	ok(vxe_network_begin(&network, NULL) == 0 && vxe_network_take(&network, &fd, NULL) == 0 && fd > 2 &&
		   number_of(fd) != own,
	   "a network namespace is made that is not the launcher's");
	ok(own_number() == own, "the launcher stays in its own");
	ok((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "no program gets its descriptor");
	ok(has_no_child(), "who made it has ended and was waited for");
	ok(vxe_network_begin(&again, NULL) == 0 && vxe_network_take(&again, &other, NULL) == 0 &&
		   number_of(other) != number_of(fd),
	   "the next one is another");
	vxe_network_free(&network);
	ok(number_of(fd) != 0, "what was taken is not closed");
}

static void test_streams_closed(void)
{
	struct vxe_network network = VXE_NETWORK_NONE;
	cleanup_fd int kept = dup(0);
	cleanup_fd int fd = -1;
	int status;

	close(0);
	status = vxe_network_begin(&network, NULL) == 0 ? vxe_network_take(&network, &fd, NULL) : -1;
	ok(status == 0 && fd > 2 && fcntl(0, F_GETFD) < 0, "it is not put in the place of a standard stream that is closed");
	dup2(kept, 0);
}

static void test_not_taken(void)
{
	struct vxe_network network = VXE_NETWORK_NONE;
	int lowest = dup(0), next;

	close(lowest);
	ok(vxe_network_begin(&network, NULL) == 0, "one is begun");
	vxe_network_free(&network);
	next = dup(0);
	ok(next == lowest && has_no_child(), "and leaves neither process nor descriptor when nobody takes it");
	close(next);
}

/* Without the right to make one. */
static void test_refused(void)
{
	struct vxe_network network = VXE_NETWORK_NONE;
	struct vxe_error *err = NULL;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = -1;

		if (setresuid(65534, 65534, 65534) < 0)
			_exit(9);
		status = vxe_network_begin(&network, &err) == 0 ? vxe_network_take(&network, &fd, &err) : -1;
		_exit(status < 0 && fd < 0 && err && err->errnum == EPERM && strstr(err->message, "network namespace") ? 0 : 1);
	}
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	   "where none may be made that is the error, by its number");
}

int main(void)
{
	if (geteuid() != 0) {
		skip("root is needed", "network namespaces");
		return tap_done();
	}
	test_made();
	test_streams_closed();
	test_not_taken();
	test_refused();
	return tap_done();
}
