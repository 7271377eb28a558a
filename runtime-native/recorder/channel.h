/* Between the recorder and the process that launches the program: one byte at a time, with a descriptor where there is one. */
#ifndef VXE_RECORDER_CHANNEL_H
#define VXE_RECORDER_CHANNEL_H

#include <sys/types.h>

#include "error.h"
#include "launch.h"

/* What the launcher tells, in this order. After each it waits for the recorder's word. */
enum vxe_channel_message {
	VXE_CHANNEL_WAITING = VXE_SYNC_WAITING,	  /* the program's process exists; passes its pidfd */
	VXE_CHANNEL_LISTENER = VXE_SYNC_LISTENER, /* its filter is loaded; passes the listener */
	VXE_CHANNEL_FAILED = 'X',		  /* instead: it will not run; why not is said already */
};

/* Tells, and waits for the answer. -1: the other side is gone. */
int vxe_channel_tell(int channel, char message, int fd);
/* The next message, and its descriptor; -1: the other side has ended. */
int vxe_channel_hear(int channel, int *fd);
int vxe_channel_answer(int channel);

#endif
