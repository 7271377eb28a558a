/* process.terminal of a container that its caller waits for, where no console socket is given: the caller's own streams are its terminal's. */
#ifndef VXE_VERBS_CONSOLE_H
#define VXE_VERBS_CONSOLE_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

#include "error.h"

struct vxe_console {
	int socket; /* for the launch, as one that was given with --console-socket; -1: there is none */
	pid_t pid;  /* of the process that carries what is typed and shown */
	bool raw;   /* the caller's terminal is made raw meanwhile */
	struct termios before;
};

#define VXE_CONSOLE_NONE                                                                                                       \
	{                                                                                                                      \
		.socket = -1, .pid = -1                                                                                        \
	}

/* Before anything is opened that the carrying process is not to hold. With `sized` the terminal has the size that the configuration
   gives it until the caller's changes. */
int vxe_console_open(struct vxe_console *console, bool sized, struct vxe_error **err);
/* When the program has ended: waits until all it wrote is shown, and gives the caller's terminal back. */
void vxe_console_close(struct vxe_console *console);

#endif
