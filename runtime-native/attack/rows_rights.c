/* Rights that were given up: capabilities, users, limits. */
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/resource.h>

static void answer(struct vxe_attack *attack, long ret, const char *call, const char *step)
{
	if (ret < 0)
		attack_failed(attack, ret, call, "%s", step);
	else
		attack_succeeded(attack, call, "%s", step);
}

static long set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)effective, .permitted = (uint32_t)permitted, .inheritable = (uint32_t)inheritable},
		{.effective = (uint32_t)(effective >> 32),
		 .permitted = (uint32_t)(permitted >> 32),
		 .inheritable = (uint32_t)(inheritable >> 32)},
	};

	return sys2(SYS_capset, &header, data);
}

static uint64_t permitted_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (sys2(SYS_capget, &header, data) < 0)
		return 0;
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static void raise_capabilities(struct vxe_attack *attack)
{
	uint64_t permitted = permitted_capabilities();

	/* What was only laid aside may be taken up again: the control's way. Inside, ask for what was taken away. */
	if (attack->world->control)
		set_capabilities(0, permitted, 0);
	else
		permitted |= 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_SYS_MODULE;
	answer(attack, set_capabilities(permitted, permitted, 0), "capset", "take capabilities back");
}

static void use_capability(struct vxe_attack *attack)
{
	/* The most dangerous ones, one by one: which does the process have? */
	static const struct {
		int number;
		const char *name;
	} dangerous[] = {{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
			 {CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
			 {CAP_SYS_MODULE, "CAP_SYS_MODULE"},
			 {CAP_SYS_RAWIO, "CAP_SYS_RAWIO"},
			 {CAP_SYS_BOOT, "CAP_SYS_BOOT"},
			 {CAP_MAC_ADMIN, "CAP_MAC_ADMIN"},
			 {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"},
			 {CAP_MKNOD, "CAP_MKNOD"},
			 {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
			 {CAP_NET_RAW, "CAP_NET_RAW"},
			 {CAP_BPF, "CAP_BPF"},
			 {CAP_PERFMON, "CAP_PERFMON"}};
	uint64_t permitted = permitted_capabilities();

	for (size_t i = 0; i < COUNT_OF(dangerous); i++) {
		if (!(permitted >> dangerous[i].number & 1))
			continue;
		attack_event(attack, "capable(%s)", dangerous[i].name);
		attack_succeeded(attack, "capget", "%s", dangerous[i].name);
	}
	if (!attack_has_succeeded(attack))
		attack_failed(attack, -EPERM, "capget", "have a capability that undoes a confinement");
}

static void bounding_set(struct vxe_attack *attack)
{
	/* PR_CAPBSET_READ: what an exec of a file with capabilities could give. */
	long ret = sys5(SYS_prctl, PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0);

	if (ret > 0)
		attack_succeeded(attack, "prctl", "CAP_SYS_ADMIN is in the bounding set");
	else
		attack_failed(attack, ret < 0 ? ret : -EPERM, "prctl", "find CAP_SYS_ADMIN in the bounding set");
}

static void ambient(struct vxe_attack *attack)
{
	uint64_t permitted = permitted_capabilities();

	set_capabilities(permitted, permitted, permitted);
	answer(attack, sys5(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0), "prctl",
	       "hand CAP_SYS_ADMIN on to what it runs");
}

static void become_root(struct vxe_attack *attack)
{
	uint64_t permitted = permitted_capabilities();

	/* As a worker that gave root up and kept its capabilities by mistake. */
	sys5(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
	long ret = sys3(SYS_setresuid, 65534, 65534, 65534);
	if (ret < 0) {
		attack_failed(attack, ret, "setresuid", "be somebody else first");
		return;
	}
	set_capabilities(permitted, permitted, 0);
	attack_event(attack, "setresuid(65534, 65534, 65534)");
	attack_event(attack, "setresuid(0, 0, 0)");
	answer(attack, sys3(SYS_setresuid, 0, 0, 0), "setresuid", "become root again");
}

static void become_root_plainly(struct vxe_attack *attack)
{
	/* After giving root up for good there must be no way back, kept capabilities or not. */
	if (!attack->world->control) {
		long ret = sys3(SYS_setresuid, 65534, 65534, 65534);

		if (ret < 0)
			ret = sys1(SYS_setuid, 65534);
		if (ret < 0 && sys0(SYS_getuid) == 0) {
			attack_failed(attack, ret, "setresuid", "be somebody else first");
			return;
		}
	}
	answer(attack, sys1(SYS_setuid, 0), "setuid", "become root after giving it up");
}

static void other_groups(struct vxe_attack *attack)
{
	/* disk and shadow of Debian. */
	static const uint32_t groups[] = {6, 42};

	answer(attack, sys2(SYS_setgroups, COUNT_OF(groups), groups), "setgroups", "join the groups disk and shadow");
}

static void clear_secure_bits(struct vxe_attack *attack)
{
	answer(attack, sys5(SYS_prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0), "prctl",
	       "keep capabilities across users");
}

static void raise_limits(struct vxe_attack *attack)
{
	struct rlimit limits;
	long ret = sys4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limits);

	if (ret < 0) {
		attack_failed(attack, ret, "prlimit64", "read its limits");
		return;
	}
	/* The control raises the soft limit, which everybody may; inside, the hard one is what counts. */
	if (attack->world->control) {
		limits.rlim_cur = limits.rlim_max;
	} else {
		limits.rlim_max += 1;
		limits.rlim_cur = limits.rlim_max;
	}
	answer(attack, sys4(SYS_prlimit64, 0, RLIMIT_NOFILE, &limits, 0), "prlimit64", "raise its limits");
}

static void dump_core(struct vxe_attack *attack)
{
	/* A core file is written by the kernel, past every rule on files, if the limit lets it. */
	struct rlimit limits = {0};
	long ret = sys4(SYS_prlimit64, 0, RLIMIT_CORE, 0, &limits);

	if (ret < 0) {
		attack_failed(attack, ret, "prlimit64", "read the limit on core files");
		return;
	}
	limits.rlim_cur = limits.rlim_max;
	ret = sys4(SYS_prlimit64, 0, RLIMIT_CORE, &limits, 0);
	if (ret < 0)
		attack_failed(attack, ret, "prlimit64", "raise the limit on core files");
	else if (limits.rlim_max == 0)
		attack_failed(attack, -EPERM, "prlimit64", "have a core file written");
	else
		attack_succeeded(attack, "prlimit64", "core files may be written");
	attack_event(attack, "prlimit64(0, RLIMIT_CORE)");
}

#define GROUP "rights"
#define ROW(name, capability, tries, control, events, run)                                                                     \
	{                                                                                                                      \
		name, GROUP, tries, control, events, capability, run                                                           \
	}

static const struct vxe_attack_row rows[] = {
	ROW("capability-raise", VXE_NO_CAPABILITY, "Takes capabilities back.", "What was laid aside is taken up.", "capset()",
	    raise_capabilities),
	ROW("capability-have", CAP_SYS_ADMIN, "Has a capability that undoes a confinement.", "It has some.", NULL,
	    use_capability),
	ROW("capability-bounding", CAP_SYS_ADMIN, "Could get CAP_SYS_ADMIN from a file.", "The bounding set has it.",
	    "capable(CAP_SYS_ADMIN)", bounding_set),
	ROW("capability-ambient", CAP_SYS_ADMIN, "Hands capabilities on to what it runs.", "It does.", "prctl(PR_CAP_AMBIENT)",
	    ambient),
	ROW("root-again", CAP_SETUID, "Gives root up, keeping capabilities, and becomes root again.", "It is root again.", NULL,
	    become_root),
	ROW("root-after-giving-up", VXE_NO_CAPABILITY, "Gives root up for good and becomes root again.",
	    "Root may become root.", "setuid(0)", become_root_plainly),
	ROW("groups-join", CAP_SETGID, "Joins the groups that own disks and password hashes.", "It has them.", "setgroups()",
	    other_groups),
	ROW("secure-bits", CAP_SETPCAP, "Keeps capabilities across a change of user.", "The bit is set.",
	    "prctl(PR_SET_SECUREBITS)", clear_secure_bits),
	ROW("limits-raise", VXE_NO_CAPABILITY, "Raises its limits.", "The soft limit is raised.", "prlimit64(0, RLIMIT_NOFILE)",
	    raise_limits),
	ROW("core-file", VXE_NO_CAPABILITY, "Has the kernel write a core file.", "The limit lets it.", NULL, dump_core),
};

const struct vxe_attack_group vxe_attack_rights = {rows, COUNT_OF(rows)};
