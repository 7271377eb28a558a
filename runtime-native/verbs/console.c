/*
 * A process of its own carries the bytes between the caller's streams and the terminal of the container: it does so too while the launcher
 * waits for the supervisor's business, and gives the caller's terminal back when the launcher is killed.
 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "launch.h"

#define CHUNK 16384
/* Who holds the terminal open behind the program's end: not awaited for longer. */
#define DRAIN_MS 200

struct carried {
	char bytes[CHUNK];
	size_t size, sent;
};

struct carrier {
	int launcher, master, signals, terminal;
	bool input_open, launcher_gone, master_gone;
	struct carried typed, shown;
};

static void size_carry(const struct carrier *carrier)
{
	struct winsize size;

	if (carrier->terminal >= 0 && carrier->master >= 0 && ioctl(carrier->terminal, TIOCGWINSZ, &size) == 0 &&
	    (size.ws_row || size.ws_col))
		(void)ioctl(carrier->master, TIOCSWINSZ, &size);
}

/* False at the end of what comes. */
static bool take(int fd, struct carried *carried)
{
	ssize_t got = read(fd, carried->bytes, sizeof(carried->bytes));

	if (got <= 0)
		return got < 0 && (errno == EINTR || errno == EAGAIN);
	carried->size = (size_t)got;
	carried->sent = 0;
	return true;
}

/* False where nobody takes it any more. */
static bool give(int fd, struct carried *carried)
{
	ssize_t put = write(fd, carried->bytes + carried->sent, carried->size - carried->sent);

	if (put < 0)
		return errno == EINTR || errno == EAGAIN;
	carried->sent += (size_t)put;
	if (carried->sent == carried->size)
		carried->size = carried->sent = 0;
	return true;
}

/* What stands for the end of the input in a terminal (termios(3), VEOF), once the caller has no more to say. */
static void input_end(struct carrier *carrier)
{
	struct termios now;

	carrier->input_open = false;
	if (carrier->master >= 0 && tcgetattr(carrier->master, &now) == 0 && (now.c_lflag & ICANON)) {
		carrier->typed.bytes[0] = (char)now.c_cc[VEOF];
		carrier->typed.size = 1;
		carrier->typed.sent = 0;
	}
}

static void signals_take(struct carrier *carrier)
{
	struct signalfd_siginfo info;

	/* The launcher hears the others as well, and passes them on. */
	while (read(carrier->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGWINCH)
			size_carry(carrier);
}

static void carry(struct carrier *carrier, bool sized)
{
	enum { LAUNCHER, SIGNALS, INPUT, OUTPUT, MASTER, COUNT };

	for (;;) {
		struct carried *typed = &carrier->typed, *shown = &carrier->shown;
		bool have = carrier->master >= 0 && !carrier->master_gone;
		short master = (short)((have && !shown->size ? POLLIN : 0) | (have && typed->size ? POLLOUT : 0));
		struct pollfd fds[COUNT] = {
			[LAUNCHER] = {.fd = carrier->launcher_gone ? -1 : carrier->launcher, .events = POLLIN},
			[SIGNALS] = {.fd = carrier->signals, .events = POLLIN},
			[INPUT] = {.fd = have && carrier->input_open && !typed->size ? 0 : -1, .events = POLLIN},
			[OUTPUT] = {.fd = shown->size ? 1 : -1, .events = POLLOUT},
			[MASTER] = {.fd = master ? carrier->master : -1, .events = master},
		};
		int ready;

		if ((carrier->master_gone || (carrier->launcher_gone && carrier->master < 0)) && !shown->size)
			return;
		ready = poll(fds, COUNT, carrier->launcher_gone && !shown->size ? DRAIN_MS : -1);
		if (ready == 0)
			return;
		if (ready < 0 && errno != EINTR)
			return;
		if (ready < 0)
			continue;
		if (fds[SIGNALS].revents)
			signals_take(carrier);
		if (fds[LAUNCHER].revents) {
			int fd;

			/* Of the message, which is the terminal's name, the first byte is enough. */
			carrier->launcher_gone = vxe_sync_receive(carrier->launcher, &fd) < 0;
			if (fd >= 0 && carrier->master < 0) {
				carrier->master = fd;
				(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
				if (!sized)
					size_carry(carrier);
			} else if (fd >= 0) {
				close(fd);
			}
		}
		if (fds[INPUT].revents && !take(0, typed))
			input_end(carrier);
		if (fds[OUTPUT].revents && !give(1, shown))
			return;
		/* EIO: nobody has the other end open. */
		if (fds[MASTER].revents & (POLLIN | POLLHUP | POLLERR) && !shown->size && !take(carrier->master, shown))
			carrier->master_gone = true;
		if (fds[MASTER].revents & POLLOUT && typed->size && !give(carrier->master, typed))
			typed->size = typed->sent = 0;
	}
}

/* Of the caller's three streams, the first that is a terminal. */
static int terminal_of_caller(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (isatty(fd))
			return fd;
	return -1;
}

__attribute__((noreturn)) static void carrier_main(const struct vxe_console *console, int launcher, bool sized)
{
	struct carrier carrier = {.launcher = launcher, .master = -1, .terminal = terminal_of_caller(), .input_open = true};
	sigset_t signals;

	prctl(PR_SET_NAME, "vxe-console", 0, 0, 0);
	/* The launcher's others: what it waits for at their end would not come. */
	if (launcher != 3 && dup3(launcher, 3, O_CLOEXEC) < 0)
		_exit(VXE_EXIT_FAILURE);
	carrier.launcher = 3;
	if (sys_close_range(4, ~0U, 0) < 0)
		_exit(VXE_EXIT_FAILURE);
	sigfillset(&signals);
	sigdelset(&signals, SIGTSTP);
	sigdelset(&signals, SIGTTIN);
	sigdelset(&signals, SIGTTOU);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	carrier.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (carrier.signals >= 0)
		carry(&carrier, sized);
	if (console->raw)
		(void)tcsetattr(0, TCSADRAIN, &console->before);
	_exit(0);
}

int vxe_console_open(struct vxe_console *console, bool sized, struct vxe_error **err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making a socket pair");
	console->raw = tcgetattr(0, &console->before) == 0;
	console->pid = fork();
	if (console->pid == 0) {
		close(pair[0]);
		carrier_main(console, pair[1], sized);
	}
	close(pair[1]);
	if (console->pid < 0) {
		close(pair[0]);
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the process that carries the terminal");
	}
	if (console->raw) {
		struct termios raw = console->before;

		cfmakeraw(&raw);
		if (tcsetattr(0, TCSADRAIN, &raw) < 0)
			console->raw = false;
	}
	console->socket = pair[0];
	return 0;
}

void vxe_console_close(struct vxe_console *console)
{
	if (console->socket < 0)
		return;
	/* Others may have it, too, until they are gone. */
	shutdown(console->socket, SHUT_RDWR);
	close(steal_fd(&console->socket));
	while (waitpid(console->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (console->raw)
		(void)tcsetattr(0, TCSADRAIN, &console->before);
}
