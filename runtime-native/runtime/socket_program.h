/* Rules on addresses as BPF programs of a cgroup (BPF_PROG_TYPE_CGROUP_SOCK_ADDR), assembled here: no compiler is at hand at a launch. */
#ifndef VXE_RUNTIME_SOCKET_PROGRAM_H
#define VXE_RUNTIME_SOCKET_PROGRAM_H

#include <linux/bpf.h>
#include <stddef.h>

#include "socket_rules.h"

/* What one program judges; an IPv6 hook has two of them, of which each lets the other's addresses pass. */
enum vxe_socket_view { VXE_VIEW_IPV4, VXE_VIEW_IPV6, VXE_VIEW_MAPPED };

/* The program for a word and protocol, malloc'd; NULL when there is no memory. Other protocols pass it. */
struct bpf_insn *vxe_socket_program(const struct vxe_socket_rules *rules, enum vxe_socket_word word, int protocol,
				    enum vxe_socket_view view, size_t *count);

#endif
