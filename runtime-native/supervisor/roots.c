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

static bool may_be_permitted(const struct vxe_filter *filter, uint32_t arch, int nr, int known_nr, uint64_t flags)
{
	const struct seccomp_data call = {.arch = arch, .nr = nr, .args = {flags}};
	const struct seccomp_data known = {.arch = UINT32_MAX, .nr = known_nr, .args = {flags}};

	return vxe_filter_may_permit(filter, &call, &known);
}

bool vxe_roots_stay(const struct vxe_filter *filter)
{
	for (size_t i = 0; i < sizeof(changing) / sizeof(*changing); i++)
		if (may_be_permitted(filter, VXE_NATIVE_ARCH, changing[i], -1, 0))
			return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (may_be_permitted(filter, others[i], 0, 0, 0))
			return false;
	if (VXE_NATIVE_ARCH == AUDIT_ARCH_X86_64 && may_be_permitted(filter, VXE_NATIVE_ARCH, X32_BIT, X32_BIT, 0))
		return false;
	return !may_be_permitted(filter, VXE_NATIVE_ARCH, SYS_clone, -1, CLONE_NEWNS);
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
