/* Records as entries of the systemd journal, by its native protocol (systemd.io, "Native Journal Protocol"). */
#ifndef VXE_SUPERVISOR_JOURNAL_H
#define VXE_SUPERVISOR_JOURNAL_H

#include <stdint.h>

#include "record.h"

/* -1: the host has no journal. VXE_JOURNAL names another socket. */
int vxe_journal_open(void);
/* Never waits: a journal that does not keep up misses entries, the file does not. */
void vxe_journal_send(const struct vxe_record_log *log, const struct vxe_violation *violation, const char *call,
		      uint64_t count);

#endif
