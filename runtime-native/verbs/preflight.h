/* Checks before the launch that turn a daemon's obscure death into one clear sentence. */
#ifndef VXE_VERBS_PREFLIGHT_H
#define VXE_VERBS_PREFLIGHT_H

#include "config.h"
#include "error.h"

/* Each "tcp/PORT" of org.vxe.listen, when the instance shares the caller's network namespace. */
int vxe_preflight_ports(const struct vxe_config *config, struct vxe_error **err);

#endif
