/* Socket addresses as records tell them. */
#ifndef VXE_DECODE_ADDRESS_H
#define VXE_DECODE_ADDRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Of a unix address two bytes more than there is room for in a sockaddr_un: every byte may be escaped. */
#define VXE_ADDRESS_TEXT 512

struct vxe_address {
	char text[VXE_ADDRESS_TEXT]; /* tcp/HOST:PORT, udp/..., ip/... (type not known), unix:PATH, unix:@NAME, AF_... */
	char family[24];
	char host[64]; /* empty: none */
	int port;      /* -1: none */
	char path[VXE_ADDRESS_TEXT];
};

/* 0 when a whole address was copied from the caller's memory. */
int vxe_address_read(pid_t pid, uint64_t pointer, uint64_t length, struct sockaddr_storage *out, size_t *size);
/* `type` is the socket's SOCK_..., -1 where it is not known. */
void vxe_address_describe(const struct sockaddr_storage *address, size_t length, int type, struct vxe_address *out);
/* SOCK_...; NULL where the number is none. */
const char *vxe_socket_type_name(int type);

#endif
