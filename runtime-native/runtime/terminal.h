/* process.terminal: a pseudoterminal of the instance's own devpts, its master sent over the console socket (runc's protocol). */
#ifndef VXE_RUNTIME_TERMINAL_H
#define VXE_RUNTIME_TERMINAL_H

#include "config.h"
#include "error.h"

/* In the instance, after pivot_root: makes the terminal, sends the master, and makes the slave stdio and the controlling terminal;
   with console it is /dev/console too. */
int vxe_terminal_make(int console_socket, const struct vxe_process *process, bool console, struct vxe_error **err);

#endif
