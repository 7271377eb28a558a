/*
 * What stands outside the confinement to be attacked: a process with a secret in its memory and in a descriptor,
 * listening sockets, a shared memory segment. It counts what reaches it, so that a row need not believe a return value.
 */
#ifndef VXE_ATTACK_BYSTANDER_H
#define VXE_ATTACK_BYSTANDER_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#define VXE_ATTACK_SECRET "the bystander's secret"

struct vxe_attack_shared {
	_Atomic uint32_t ready;
	int32_t pid;	   /* of the bystander, as the world that made it numbers processes */
	int32_t secret_fd; /* a descriptor of the bystander, with the secret in it */
	uint64_t secret_address, scratch_address;
	uint16_t tcp4, tcp6, udp4, udp6; /* loopback ports, 0: none */
	char abstract_name[48];		 /* without the leading NUL */
	int32_t shm_id;			 /* System V segment with the secret, -1: none */
	char mqueue[48];		 /* POSIX message queue, "": none */
	_Atomic uint32_t flood_over;	 /* tells the processes of an attempt to end, by no call */
	_Atomic uint32_t tcp_seen, udp_seen, unix_seen, datagrams_seen, signals_seen, descriptors_seen;
};

/* Forks the bystander, which listens and waits. socket_path: a unix socket that it also listens on, or NULL.
   Returns its pid, or -1 with errno; shared is filled in. It dies with its parent. */
pid_t vxe_bystander_start(struct vxe_attack_shared *shared, const char *socket_path);
void vxe_bystander_stop(struct vxe_attack_shared *shared, pid_t pid);

#endif
