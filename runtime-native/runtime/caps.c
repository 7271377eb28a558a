#include "caps.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "warn.h"

struct cap_sets {
	struct __user_cap_data_struct data[2];
};

static int sets_write(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct cap_sets sets;

	for (int i = 0; i < 2; i++) {
		sets.data[i].effective = (uint32_t)(effective >> (32 * i));
		sets.data[i].permitted = (uint32_t)(permitted >> (32 * i));
		sets.data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	return (int)syscall(SYS_capset, &header, sets.data);
}

static int sets_read(uint64_t *effective, uint64_t *permitted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct cap_sets sets;

	if (syscall(SYS_capget, &header, sets.data) < 0)
		return -1;
	*effective = sets.data[0].effective | (uint64_t)sets.data[1].effective << 32;
	*permitted = sets.data[0].permitted | (uint64_t)sets.data[1].permitted << 32;
	return 0;
}

/* Capabilities end where the kernel answers EINVAL. Who may not drop has done it already, or fails. */
static int bounding_keep(uint64_t keep)
{
	for (int capability = 0; capability < 64; capability++) {
		if ((keep & (1ULL << capability)) || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			return 0;
		if (errno != EPERM || prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 0)
			return -1;
	}
	return 0;
}

bool vxe_caps_have(int capability)
{
	uint64_t effective, permitted;

	return sets_read(&effective, &permitted) == 0 && (effective & (1ULL << capability));
}

static void fit(uint64_t *set, uint64_t available, const char *name, const char *why)
{
	const char *const *names = vxe_config_capabilities();
	uint64_t missing = *set & ~available;

	for (int capability = 0; missing >> capability; capability++)
		if (missing & (1ULL << capability))
			vxe_warning("process.capabilities.%s: %s is not granted, %s", name, names[capability], why);
	*set &= available;
}

static int available_read(bool own_user_namespace, uint64_t *available)
{
	uint64_t effective;

	if (!own_user_namespace)
		return sets_read(&effective, available);
	/* All that this kernel knows. */
	*available = 0;
	for (int capability = 0; capability < 64 && prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		*available |= 1ULL << capability;
	return 0;
}

void vxe_caps_all(struct vxe_process *process, bool own_user_namespace)
{
	struct vxe_capabilities *caps = &process->capabilities;
	uint64_t available;

	if (available_read(own_user_namespace, &available) < 0)
		return; /* it gets those that the configuration says */
	caps->bounding = caps->permitted = caps->effective = available;
	/* Of another user the kernel takes them away at exec, unless they are ambient. */
	if (process->uid != 0)
		caps->inheritable = caps->ambient = available;
}

void vxe_caps_fit(struct vxe_process *process, bool own_user_namespace)
{
	struct vxe_capabilities *caps = &process->capabilities;
	uint64_t available;

	if (available_read(own_user_namespace, &available) < 0)
		return; /* the kernel says it when they are set */
	fit(&caps->bounding, available, "bounding", "the caller does not have it");
	fit(&caps->permitted, available, "permitted", "the caller does not have it");
	fit(&caps->inheritable, available, "inheritable", "the caller does not have it");
	fit(&caps->effective, caps->permitted, "effective", "it is not permitted");
	fit(&caps->ambient, caps->permitted & caps->inheritable, "ambient", "it is not permitted and inheritable");
}

int vxe_caps_keep(uint64_t keep)
{
	uint64_t effective, permitted;

	if (sets_read(&effective, &permitted) < 0 || bounding_keep(keep) < 0)
		return -1;
	return sets_write(permitted & keep, permitted & keep, 0);
}

int vxe_caps_none(void)
{
	return sets_write(0, 0, 0);
}

/* An ordinary user's own groups stay, in a user namespace of its own, too: the kernel lets such a one drop none (user_namespaces(7),
   setgroups). Root's do not. */
static int groups_set(const struct vxe_process *process, uint64_t effective, struct vxe_error **err)
{
	bool ordinary = geteuid() != 0 || (effective & (1ULL << CAP_SETGID));

	if (sys_setgroups(process->n_additional_gids, process->additional_gids) == 0)
		return 0;
	if (errno == EPERM && !process->n_additional_gids && (ordinary || getgroups(0, NULL) == 0))
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting the additional groups");
	return vxe_error_hint(err, "start it with CAP_SETGID");
}

int vxe_caps_apply(const struct vxe_process *process, bool keep_groups, struct vxe_error **err)
{
	const struct vxe_capabilities *caps = &process->capabilities;
	uint64_t effective, permitted;
	bool privileged;

	if (sets_read(&effective, &permitted) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "reading the capabilities");
	privileged = effective & (1ULL << CAP_SETPCAP);
	/* Without process.capabilities the program gets none. What stays in the bounding set, root has again after an execve, unless
	   no_new_privs keeps it from that. */
	if ((privileged || !process->no_new_privileges) && bounding_keep(caps->bounding) < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "cutting the bounding set");
		return vxe_error_hint(err, "start it with CAP_SETPCAP, or set process.noNewPrivileges");
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "keeping the capabilities over the change of user");
	if (!keep_groups && groups_set(process, effective, err) < 0)
		return -1;
	if (sys_setresgid(process->gid, process->gid, process->gid) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "changing to group %u", process->gid);
	if (sys_setresuid(process->uid, process->uid, process->uid) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "changing to user %u", process->uid);
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "ending the keeping of capabilities");
	/* A caller that lacks a capability the configuration wants cannot give it. */
	if ((caps->permitted | caps->effective) & ~permitted & caps->bounding) {
		uint64_t missing = (caps->permitted | caps->effective) & ~permitted;
		int first = __builtin_ctzll(missing);

		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the profile grants capability %d, which the caller does not have",
			      first);
		return vxe_error_hint(err, "start as a user that has it, or take it out of the profile");
	}
	if (sets_write(caps->effective & permitted, caps->permitted & permitted, caps->inheritable & permitted) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting the capability sets");
	for (int capability = 0; capability < 64; capability++)
		if ((caps->ambient & (1ULL << capability)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "raising ambient capability %d", capability);
	return 0;
}
