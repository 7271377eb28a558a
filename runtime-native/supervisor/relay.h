/* The two services an instance can be given: a /dev/log (RFC 3164 datagrams) and an sd_notify(3) socket. */
#ifndef VXE_SUPERVISOR_RELAY_H
#define VXE_SUPERVISOR_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

#define VXE_RELAY_FOLDER "notify"
#define VXE_RELAY_NOTIFY "notify.sock"

/* A datagram socket bound to state_dir/name, mode 0666 (the program may have changed its user). */
int vxe_relay_bind(const char *state_dir, const char *name, struct vxe_error **err);
/* One waiting datagram: its length, 0 for none. */
size_t vxe_relay_receive(int fd, char *out, size_t size);
/* "<30>Jan  1 00:00:00 popa3d[7]: text" -> "2026-01-01T00:00:00Z popa3d[7]: text\n". Length written. */
size_t vxe_relay_syslog_line(const char *datagram, size_t size, char *out, size_t out_size);
/* The same for the host's log: "<30>Jan  1 00:00:00 vxe-ID[PID]: popa3d[7]: text". The tag and the PID are VXE's, whatever the program
   wrote, and a facility or severity that is not a program's to use is replaced. Length written, 0: no room. */
size_t vxe_relay_syslog_datagram(const char *id, const char *datagram, size_t size, char *out, size_t out_size);
/* To the socket of the host's log (/dev/log), if it has one. */
void vxe_relay_syslog_forward(const char *log, const char *id, const char *datagram, size_t size);
/* The lines of a notification that are passed on, each with its end; bytes written. */
size_t vxe_relay_notify_lines(const char *datagram, size_t size, char *out, size_t out_size);
/* To the service manager. MAINPID and other lines that would let the program speak for the supervisor are left out; where it says READY=1
   and main_pid is not 0, MAINPID is that. Does it say so? */
bool vxe_relay_notify(const char *manager, const char *datagram, size_t size, pid_t main_pid);

#endif
