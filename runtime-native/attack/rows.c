#include "rows.h"

#include <stddef.h>

const struct vxe_attack_group *const vxe_attack_groups[] = {
	&vxe_attack_programs,  &vxe_attack_memory,
	&vxe_attack_files,     &vxe_attack_aliases,
	&vxe_attack_system,    &vxe_attack_network,
	&vxe_attack_passages,  &vxe_attack_processes,
	&vxe_attack_mounts,    &vxe_attack_kernel,
	&vxe_attack_entries,   &vxe_attack_rights,
	&vxe_attack_inherited, NULL,
};
