#include "roots.h"

#include <linux/audit.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#include "kernel.h"

#define X32_BIT 0x40000000

/* By whatever they are given. Which folder is mounted where changes no root. */
static const int changing[] = {SYS_chroot, SYS_pivot_root, SYS_setns, SYS_unshare, SYS_clone3};

/* Other tables of calls than the one whose numbers these are. */
static const uint32_t others[] = {
#if defined(__x86_64__)
	AUDIT_ARCH_I386,
#elif defined(__aarch64__)
	AUDIT_ARCH_ARM,
#endif
};

static struct vxe_filter_call one_of(uint32_t arch, int nr, int known_nr, uint64_t flags)
{
	return (struct vxe_filter_call){.call = {.arch = arch, .nr = nr, .args = {flags}},
					.known = {.arch = UINT32_MAX, .nr = known_nr, .args = {flags}}};
}

bool vxe_roots_stay(const struct vxe_filter *filter)
{
	struct vxe_filter_call calls[sizeof(changing) / sizeof(*changing) + sizeof(others) / sizeof(*others) + 2];
	size_t count = 0;

	for (size_t i = 0; i < sizeof(changing) / sizeof(*changing); i++)
		calls[count++] = one_of(VXE_NATIVE_ARCH, changing[i], -1, 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		calls[count++] = one_of(others[i], 0, 0, 0);
	if (VXE_NATIVE_ARCH == AUDIT_ARCH_X86_64)
		calls[count++] = one_of(VXE_NATIVE_ARCH, X32_BIT, X32_BIT, 0);
	calls[count++] = one_of(VXE_NATIVE_ARCH, SYS_clone, -1, CLONE_NEWNS);
	return !vxe_filter_may_permit(filter, calls, count);
}

bool vxe_roots_change(const struct seccomp_data *data)
{
	if (data->arch != VXE_NATIVE_ARCH || (data->nr & X32_BIT))
		return true;
	for (size_t i = 0; i < sizeof(changing) / sizeof(*changing); i++)
		if (data->nr == changing[i])
			return true;
	return data->nr == SYS_clone && (data->args[0] & CLONE_NEWNS);
}
