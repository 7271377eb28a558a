/* Names of the kernel's numbers: errno(3), signal(7). */
#ifndef VXE_BASE_NAMES_H
#define VXE_BASE_NAMES_H

/* "EPERM"; NULL where no error has that number. */
const char *vxe_errno_name(int errnum);

/* "TERM"; NULL where no signal has that number, or a real-time one. */
const char *vxe_signal_name(int sig);

#endif
