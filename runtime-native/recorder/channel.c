#include "channel.h"

int vxe_channel_tell(int channel, char message, int fd)
{
	int none;

	return vxe_sync_send(channel, message, fd) < 0 || vxe_sync_receive(channel, &none) < 0 ? -1 : 0;
}

int vxe_channel_hear(int channel, int *fd)
{
	return vxe_sync_receive(channel, fd);
}

int vxe_channel_answer(int channel)
{
	return vxe_sync_send(channel, VXE_SYNC_GO, -1);
}
