/* The groups of attempts, one for each rows_*.c file. */
#ifndef VXE_ATTACK_ROWS_H
#define VXE_ATTACK_ROWS_H

#include "battery.h"

extern const struct vxe_attack_group vxe_attack_programs, vxe_attack_memory, vxe_attack_files, vxe_attack_aliases,
	vxe_attack_system, vxe_attack_network, vxe_attack_passages, vxe_attack_processes, vxe_attack_mounts, vxe_attack_kernel,
	vxe_attack_entries, vxe_attack_rights, vxe_attack_inherited;

#endif
