/* Who tells of what Landlock and the cgroup refuse in production: what a bundle asks for, what comes of it, and the words for it. */
#ifndef VXE_VERBS_RECORDS_H
#define VXE_VERBS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "audit_source.h"
#include "config.h"
#include "error.h"
#include "held.h"

/* A bundle's, by one word in this file. Automatic is what it is without: the kernel's audit stream where that tells all, else the supervisor, by a
   filter that raises each permitted call that names a file or a port. */
#define VXE_RECORDS_FILE "vxe/record-objects"

enum vxe_records_wish { VXE_RECORDS_AUTO, VXE_RECORDS_ALWAYS, VXE_RECORDS_NEVER };

#define VXE_RECORDS_WORDS 320
#define VXE_RECORDS_MISUSE "knows auto, always and never for --record-files"

/* --record-files[=WORD], or --no-record-files. 0, or -1 where the word is none. */
int vxe_records_option(bool record, const char *word, enum vxe_records_wish *out);
int vxe_records_parse(const char *word, enum vxe_records_wish *out);
int vxe_records_read(int bundle_fd, enum vxe_records_wish *out, struct vxe_error **err);
int vxe_records_write(int bundle_fd, enum vxe_records_wish wish, struct vxe_error **err);

/* Opens the audit stream where that is what comes of it. */
enum vxe_object_records vxe_records_choose(enum vxe_records_wish wish, const struct vxe_config *config,
					   struct vxe_audit_source *audit);

/* One sentence without its end. The configuration's annotations say why they are not recorded; a running instance's stream may have been
   turned off since. */
void vxe_records_words(const char *name, enum vxe_object_records records, bool running, const struct vxe_pairs *annotations,
		       char *out, size_t size);

#endif
