/* Other doors into the kernel: the 32-bit and x32 entries, and the terminal's. */
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#ifndef TIOCSTI
#define TIOCSTI 0x5412
#endif
#ifndef TIOCLINUX
#define TIOCLINUX 0x541c
#endif

static void answer(struct vxe_attack *attack, long ret, const char *call, const char *step)
{
	if (ret < 0)
		attack_failed(attack, ret, call, "%s", step);
	else
		attack_succeeded(attack, call, "%s", step);
}

/* In low memory, as the 32-bit entry needs it. */
static char low_path[] = "/etc/passwd";
static char low_program[] = "/bin/sh";
static uint32_t low_socket_args[3];

static uint32_t low(const void *pointer)
{
	return (uint32_t)(uintptr_t)pointer;
}

static void open_by_32(struct vxe_attack *attack)
{
	answer(attack, sys_int80(5, low(low_path), O_WRONLY | O_APPEND, 0, 0), "open",
	       "open /etc/passwd to write by the 32-bit entry");
}

static void pid_by_32(struct vxe_attack *attack)
{
	/* getpid has no arguments to judge: the entry itself is what is tried. */
	answer(attack, sys_int80(20, 0, 0, 0, 0), "getpid", "call by the 32-bit entry");
}

static void socket_by_32(struct vxe_attack *attack)
{
	/* socketcall(SYS_SOCKET, {AF_PACKET, SOCK_RAW, 0}): one number for all socket calls, arguments in memory. */
	low_socket_args[0] = AF_PACKET;
	low_socket_args[1] = SOCK_RAW;
	low_socket_args[2] = 0;
	answer(attack, sys_int80(102, 1, low(low_socket_args), 0, 0), "socketcall", "make a packet socket by the 32-bit entry");
}

static void execute_by_32(struct vxe_attack *attack)
{
	attack_executing(attack, "execve", "execute /bin/sh by the 32-bit entry");
	attack_failed(attack, sys_int80(11, low(low_program), 0, 0, 0), "execve", "execute /bin/sh by the 32-bit entry");
}

static void open_by_x32(struct vxe_attack *attack)
{
	answer(attack, sys4(SYS_X32_BIT | SYS_openat, AT_FDCWD, low_path, O_WRONLY | O_APPEND, 0), "openat",
	       "open /etc/passwd to write by the x32 entry");
}

static void execute_by_x32(struct vxe_attack *attack)
{
	/* 520 is execve in the x32 table; 59 with the bit is nothing. */
	attack_executing(attack, "execve", "execute /bin/sh by the x32 entry");
	attack_failed(attack, sys3(SYS_X32_BIT | 520, low_program, 0, 0), "execve", "execute /bin/sh by the x32 entry");
}

/* A terminal of its own as the controlling one, so that the control types into nobody's shell. */
static long own_terminal(struct vxe_attack *attack)
{
	char path[64];
	int number, unlock = 0;
	long master = attack_open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);

	if (master < 0) {
		attack_failed(attack, master, "openat", "open /dev/ptmx");
		return master;
	}
	long ret = sys3(SYS_ioctl, master, TIOCGPTN, &number);
	if (ret >= 0)
		ret = sys3(SYS_ioctl, master, TIOCSPTLCK, &unlock);
	if (ret < 0) {
		attack_failed(attack, ret, "ioctl", "unlock a terminal of its own");
		return ret;
	}
	sys0(SYS_setsid);
	attack_format(path, sizeof(path), "/dev/pts/%d", number);
	long fd = attack_open(path, O_RDWR, 0);
	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open a terminal of its own");
		return fd;
	}
	ret = sys3(SYS_ioctl, fd, TIOCSCTTY, 0);
	return ret < 0 ? ret : fd;
}

static void type_into(struct vxe_attack *attack, long fd, unsigned long request, const char *step)
{
	/* A NUL: what cannot be mistaken for a command. */
	char nothing = '\0';

	answer(attack, sys3(SYS_ioctl, fd, request, &nothing), "ioctl", step);
}

static void type_terminal(struct vxe_attack *attack, unsigned long request)
{
	if (attack->world->control) {
		long fd = own_terminal(attack);

		if (fd >= 0)
			type_into(attack, fd, request, "type into a terminal of its own");
		return;
	}
	for (long fd = 0; fd < 3; fd++)
		type_into(attack, fd, request, "type into the launcher's terminal");
	long fd = attack_open("/dev/tty", O_RDWR | O_CLOEXEC, 0);
	if (fd >= 0) {
		type_into(attack, fd, request, "type into /dev/tty");
		attack_close(fd);
	}
}

static void type_keys(struct vxe_attack *attack)
{
	type_terminal(attack, TIOCSTI);
}

static void type_keys_wide(struct vxe_attack *attack)
{
	type_terminal(attack, 0xdeadbeefUL << 32 | TIOCSTI);
}

static void console_paste(struct vxe_attack *attack)
{
	/* TIOCL_GETSHIFTSTATE, the harmless one of the console's calls; pasting is another number of the same. */
	char subcode = 6;

	for (long fd = 0; fd < 3; fd++)
		answer(attack, sys3(SYS_ioctl, fd, TIOCLINUX, &subcode), "ioctl", "speak to the console behind the terminal");
	static const char *const consoles[] = {"/dev/tty0", "/dev/tty1", "/dev/console"};
	for (size_t i = 0; i < COUNT_OF(consoles); i++) {
		long fd = attack_open(consoles[i], O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);

		if (fd < 0) {
			attack_failed(attack, fd, "openat", "open %s", consoles[i]);
			continue;
		}
		answer(attack, sys3(SYS_ioctl, fd, TIOCLINUX, &subcode), "ioctl", "speak to the console");
		attack_close(fd);
		if (attack_has_succeeded(attack))
			return;
	}
}

static void new_terminal(struct vxe_attack *attack)
{
	long fd = attack_open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);

	answer(attack, fd, "openat", "make a terminal");
	attack_close(fd);
}

#define GROUP "entries"
#define ROW(name, tries, control, events, run)                                                                                 \
	{                                                                                                                      \
		name, GROUP, tries, control, events, VXE_NO_CAPABILITY, run                                                    \
	}

static const struct vxe_attack_row rows[] = {
	ROW("int80-call", "Calls the kernel by its 32-bit entry.", "The call works.", NULL, pid_by_32),
	ROW("int80-open", "Opens the list of accounts to write by the 32-bit entry.", "It is open.", NULL, open_by_32),
	ROW("int80-socket", "Makes a packet socket by the 32-bit entry.", "It is made.", NULL, socket_by_32),
	ROW("int80-exec", "Runs a shell by the 32-bit entry.", "It runs.", NULL, execute_by_32),
	ROW("x32-open", "Opens the list of accounts to write by the x32 entry.", "It is open.", NULL, open_by_x32),
	ROW("x32-exec", "Runs a shell by the x32 entry.", "It runs.", NULL, execute_by_x32),
	ROW("terminal-type", "Types into the terminal it was started from.", "A character is typed into a terminal of its own.",
	    "ioctl(0, TIOCSTI)", type_keys),
	ROW("terminal-type-wide", "The same with garbage in the upper half of the request.", "A character is typed.",
	    "ioctl(0, TIOCSTI)", type_keys_wide),
	ROW("console", "Speaks to the console, which can paste.", "The console answers.", "ioctl(0, TIOCLINUX)", console_paste),
	ROW("terminal-make", "Makes a terminal of its own.", "It is made.", "openat(\"/dev/ptmx\", O_RDWR)", new_terminal),
};

const struct vxe_attack_group vxe_attack_entries = {rows, COUNT_OF(rows)};
