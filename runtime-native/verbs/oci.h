/* The OCI verbs by file: oci.c has the life of a container, oci_control.c what is done to a running one, oci_ps.c its processes, oci_document.c
   what is printed. */
#ifndef VXE_VERBS_OCI_H
#define VXE_VERBS_OCI_H

#include "verbs.h"

typedef int vxe_oci_verb(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err);

vxe_oci_verb vxe_oci_kill, vxe_oci_pause, vxe_oci_resume, vxe_oci_update, vxe_oci_ps, vxe_oci_events;
vxe_oci_verb vxe_oci_features, vxe_oci_spec;

int vxe_oci_misuse(const char *name, const char *what, struct vxe_error **err);
int vxe_oci_help(const char *name);
/* The one argument of a verb that takes no options but --help. -2: go on with *id; else the exit code. */
int vxe_oci_one_id(const char *name, int argc, char **argv, const char **id, struct vxe_error **err);

/* --format: table or json. */
int vxe_oci_format(const char *name, const char *format, bool *json, struct vxe_error **err);

#endif
