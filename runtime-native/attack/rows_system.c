/* The system's own files: other processes in /proc, kernel memory and logs, switches below /proc/sys and /sys, devices. */
#include "bystander.h"
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static bool try_open(struct vxe_attack *attack, const char *path, int flags)
{
	long fd = attack_open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open %s%s", path, (flags & O_ACCMODE) == O_RDONLY ? "" : " to write");
		return false;
	}
	attack_close(fd);
	attack_succeeded(attack, "openat", "%s is open%s", path, (flags & O_ACCMODE) == O_RDONLY ? "" : " to write");
	return true;
}

/* What is there to be read, not only opened: several files of /proc ask for permission at the first read. */
static bool try_read(struct vxe_attack *attack, const char *path)
{
	char byte;
	long fd = attack_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);

	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open %s", path);
		return false;
	}
	long ret = sys3(SYS_read, fd, &byte, 1);
	attack_close(fd);
	if (ret < 0) {
		attack_failed(attack, ret, "read", "read %s", path);
		return false;
	}
	attack_succeeded(attack, "openat", "%s was read", path);
	return true;
}

/* Of every process that is not the program's own. */
static void each_process(struct vxe_attack *attack, const char *file, bool (*act)(struct vxe_attack *, const char *))
{
	long pids[32];
	size_t count = attack_outside_pids(attack, pids, COUNT_OF(pids));

	for (size_t i = 0; i < count; i++) {
		char path[64];

		attack_format(path, sizeof(path), "/proc/%ld/%s", pids[i], file);
		if (act(attack, path))
			return;
	}
}

static bool list_folder(struct vxe_attack *attack, const char *path)
{
	char buffer[512] __attribute__((aligned(8)));
	long fd = attack_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open %s", path);
		return false;
	}
	long ret = sys3(SYS_getdents64, fd, buffer, sizeof(buffer));
	attack_close(fd);
	if (ret < 0) {
		attack_failed(attack, ret, "getdents64", "list %s", path);
		return false;
	}
	attack_succeeded(attack, "openat", "%s was listed", path);
	return true;
}

static bool open_to_write(struct vxe_attack *attack, const char *path)
{
	return try_open(attack, path, O_RDWR);
}

static void process_root(struct vxe_attack *attack)
{
	each_process(attack, "root/", list_folder);
}

static void process_cwd(struct vxe_attack *attack)
{
	each_process(attack, "cwd/", list_folder);
}

static void process_environ(struct vxe_attack *attack)
{
	each_process(attack, "environ", try_read);
}

static void process_maps(struct vxe_attack *attack)
{
	each_process(attack, "maps", try_read);
}

static void process_memory(struct vxe_attack *attack)
{
	each_process(attack, "mem", open_to_write);
}

static void process_descriptors(struct vxe_attack *attack)
{
	each_process(attack, "fd/", list_folder);
}

static void process_oom(struct vxe_attack *attack)
{
	each_process(attack, "oom_score_adj", open_to_write);
}

static void see_processes(struct vxe_attack *attack)
{
	char path[64];
	struct stat status;

	attack_format(path, sizeof(path), "/proc/%d", attack->world->shared->pid);
	long ret = sys2(SYS_stat, path, &status);
	if (ret < 0)
		ret = sys4(SYS_newfstatat, AT_FDCWD, path, &status, 0);
	attack_event(attack, "stat(\"%s\")", path);
	if (ret < 0)
		attack_failed(attack, ret, "stat", "see the outside's process");
	else
		attack_succeeded(attack, "stat", "the outside's process is seen");
}

static void read_kernel_memory(struct vxe_attack *attack)
{
	if (!try_read(attack, "/proc/kcore"))
		try_open(attack, "/dev/mem", O_RDONLY);
}

static void read_symbols(struct vxe_attack *attack)
{
	try_read(attack, "/proc/kallsyms");
}

static void press_keys(struct vxe_attack *attack)
{
	/* Opened, never written. */
	try_open(attack, "/proc/sysrq-trigger", O_WRONLY);
}

static void write_any(struct vxe_attack *attack, const char *const paths[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (try_open(attack, paths[i], O_WRONLY))
			return;
}

static void set_core_pattern(struct vxe_attack *attack)
{
	write_any(attack, (const char *const[]){"/proc/sys/kernel/core_pattern"}, 1);
}

static void set_helpers(struct vxe_attack *attack)
{
	static const char *const paths[] = {"/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug",
					    "/sys/kernel/uevent_helper", "/proc/sys/fs/binfmt_misc/register",
					    "/proc/sys/kernel/poweroff_cmd"};

	write_any(attack, paths, COUNT_OF(paths));
}

static void set_switches(struct vxe_attack *attack)
{
	static const char *const paths[] = {"/proc/sys/kernel/randomize_va_space", "/proc/sys/kernel/kptr_restrict",
					    "/proc/sys/vm/overcommit_memory",	   "/proc/sys/kernel/panic",
					    "/proc/irq/default_smp_affinity",	   "/proc/sys/net/ipv4/ip_forward"};

	write_any(attack, paths, COUNT_OF(paths));
}

static void write_sys(struct vxe_attack *attack)
{
	static const char *const paths[] = {"/sys/power/state", "/sys/kernel/mm/transparent_hugepage/enabled",
					    "/sys/kernel/mm/ksm/run", "/sys/module/printk/parameters/time",
					    "/sys/kernel/profiling"};

	write_any(attack, paths, COUNT_OF(paths));
}

static void write_cgroup(struct vxe_attack *attack)
{
	static const char *const paths[] = {"/sys/fs/cgroup/cgroup.procs",	    "/sys/fs/cgroup/memory/release_agent",
					    "/sys/fs/cgroup/rdma/release_agent",    "/sys/fs/cgroup/unified/cgroup.procs",
					    "/sys/fs/cgroup/systemd/release_agent", "/sys/fs/cgroup/cpu/release_agent",
					    "/sys/fs/cgroup/cgroup.subtree_control"};

	write_any(attack, paths, COUNT_OF(paths));
}

static void list_sys(struct vxe_attack *attack)
{
	list_folder(attack, "/sys/kernel");
}

static void read_log_device(struct vxe_attack *attack)
{
	char buffer[8192];
	long fd = attack_open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);

	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open /dev/kmsg");
		return;
	}
	long ret = sys3(SYS_read, fd, buffer, sizeof(buffer));
	attack_close(fd);
	if (ret < 0 && ret != -EAGAIN)
		attack_failed(attack, ret, "read", "read /dev/kmsg");
	else
		attack_succeeded(attack, "openat", "the kernel's log is open");
}

static void read_log(struct vxe_attack *attack)
{
	static char buffer[4096];
	/* 3: read all without clearing. */
	long ret = sys3(SYS_syslog, 3, buffer, sizeof(buffer));

	if (ret < 0)
		attack_failed(attack, ret, "syslog", "read the kernel's log");
	else
		attack_succeeded(attack, "syslog", "the kernel's log was read");
}

static const char *const disks[] = {"/dev/vda",	  "/dev/sda",	"/dev/nvme0n1", "/dev/xvda", "/dev/dm-0",
				    "/dev/loop0", "/dev/zram0", "/dev/mmcblk0", "/dev/root"};

static void open_disk(struct vxe_attack *attack)
{
	for (size_t i = 0; i < COUNT_OF(disks); i++)
		if (try_open(attack, disks[i], O_RDONLY))
			return;
}

/* Where a node may be made: a name is the least of it, the open is what counts. */
static void make_node(struct vxe_attack *attack, mode_t type, dev_t device, const char *what)
{
	for (size_t i = 0; attack->world->dirs[i]; i++) {
		const char *folder = attack->world->dirs[i];
		char path[ATTACK_PATH];

		attack_format(path, sizeof(path), "%s/vxe-attack-node-%c", attack_equal(folder, "/") ? "" : folder,
			      type == S_IFBLK ? 'b' : 'c');
		long ret = sys3(SYS_mknod, path, type | 0600, device);
		if (ret == -EPERM || ret == -ENOSYS) {
			long other = sys4(SYS_mknodat, AT_FDCWD, path, type | 0600, device);
			ret = other == -ENOSYS ? ret : other;
		}
		if (ret < 0) {
			attack_failed(attack, ret, "mknod", "make %s in %s", what, folder);
			continue;
		}
		long fd = attack_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
		attack_unlink(path);
		if (fd >= 0) {
			attack_close(fd);
			attack_succeeded(attack, "mknod", "%s, made in %s, is open", what, folder);
			return;
		}
		attack_failed(attack, fd, "openat", "open %s made in %s", what, folder);
	}
}

static void make_block(struct vxe_attack *attack)
{
	if (attack->world->disk != 0)
		make_node(attack, S_IFBLK, attack->world->disk, "a disk");
	else
		attack_failed(attack, -ENXIO, "mknod", "find a disk of the host");
}

static void make_character(struct vxe_attack *attack)
{
	/* 1:11 is the kernel's log, 1:1 its memory. */
	make_node(attack, S_IFCHR, makedev(1, 11), "a door to the kernel's log");
}

/* Every node that a daemon's /dev should not have. */
static void open_devices(struct vxe_attack *attack)
{
	static const char *const devices[] = {"/dev/port",	   "/dev/kvm",	  "/dev/fuse",		"/dev/net/tun",
					      "/dev/loop-control", "/dev/uinput", "/dev/btrfs-control", "/dev/vhost-net",
					      "/dev/vhost-vsock",  "/dev/tty0",	  "/dev/tty1",		"/dev/vcs",
					      "/dev/rtc0",	   "/dev/hpet",	  "/dev/snapshot",	"/dev/input/event0",
					      "/dev/dri/card0",	   "/dev/hwrng",  "/dev/cpu/0/msr",	"/dev/userfaultfd"};

	for (size_t i = 0; i < COUNT_OF(devices); i++)
		try_open(attack, devices[i], O_RDWR);
}

static void open_debug(struct vxe_attack *attack)
{
	static const char *const folders[] = {"/sys/kernel/debug",    "/sys/kernel/tracing", "/sys/fs/bpf",
					      "/sys/kernel/security", "/sys/firmware",	     "/sys/kernel/config"};

	for (size_t i = 0; i < COUNT_OF(folders); i++)
		list_folder(attack, folders[i]);
}

static void read_settings(struct vxe_attack *attack)
{
	static const char *const paths[] = {"/proc/cmdline", "/proc/config.gz",	 "/proc/modules",
					    "/proc/keys",    "/proc/timer_list", "/proc/sched_debug",
					    "/proc/iomem",   "/proc/slabinfo",	 "/proc/partitions"};

	for (size_t i = 0; i < COUNT_OF(paths); i++)
		try_read(attack, paths[i]);
}

#define GROUP "system"
#define ROW(name, tries, control, events, run)                                                                                 \
	{                                                                                                                      \
		name, GROUP, tries, control, events, VXE_NO_CAPABILITY, run                                                    \
	}

static const struct vxe_attack_row rows[] = {
	ROW("proc-see-others", "Sees processes outside.", "One is seen.", NULL, see_processes),
	ROW("proc-root", "Reaches the host's tree through /proc/1/root and its like.", "A root folder is listed.",
	    "openat(\"/proc/1/root\", O_RDONLY | O_DIRECTORY)", process_root),
	ROW("proc-cwd", "Reaches the host's tree through /proc/1/cwd and its like.", "A folder is listed.",
	    "openat(\"/proc/1/cwd\", O_RDONLY | O_DIRECTORY)", process_cwd),
	ROW("proc-environ", "Reads another process's environment.", "One is read.", "openat(\"/proc/1/environ\", O_RDONLY)",
	    process_environ),
	ROW("proc-maps", "Reads another process's memory map.", "One is read.", "openat(\"/proc/1/maps\", O_RDONLY)",
	    process_maps),
	ROW("proc-mem", "Opens another process's memory to write.", "One is open.", "openat(\"/proc/1/mem\", O_RDWR)",
	    process_memory),
	ROW("proc-fd", "Lists another process's descriptors.", "They are listed.",
	    "openat(\"/proc/1/fd\", O_RDONLY | O_DIRECTORY)", process_descriptors),
	ROW("proc-oom", "Makes another process the first to be killed when memory is short.", "The file is open.",
	    "openat(\"/proc/1/oom_score_adj\", O_RDWR)", process_oom),
	ROW("kernel-memory", "Reads the kernel's memory.", "/proc/kcore or /dev/mem is open.",
	    "openat(\"/proc/kcore\", O_RDONLY)", read_kernel_memory),
	ROW("kernel-symbols", "Reads the kernel's addresses.", "/proc/kallsyms is read.",
	    "openat(\"/proc/kallsyms\", O_RDONLY)", read_symbols),
	ROW("kernel-settings", "Reads what /proc tells of the host's hardware, kernel and keys.", "One of the files is read.",
	    "openat(\"/proc/cmdline\", O_RDONLY)", read_settings),
	ROW("sysrq", "Opens the trigger of the kernel's emergency keys.", "The trigger is open; nothing is written.",
	    "openat(\"/proc/sysrq-trigger\", O_WRONLY)", press_keys),
	ROW("core-pattern", "Opens the setting that names a program to run at a crash.", "It is open; nothing is written.",
	    "openat(\"/proc/sys/kernel/core_pattern\", O_WRONLY)", set_core_pattern),
	ROW("kernel-helpers", "Opens the settings that name the kernel's helper programs.", "One is open; nothing is written.",
	    "openat(\"/proc/sys/kernel/modprobe\", O_WRONLY)", set_helpers),
	ROW("kernel-switches", "Opens the kernel's settings below /proc/sys to write.", "One is open; nothing is written.",
	    "openat(\"/proc/sys/kernel/randomize_va_space\", O_WRONLY)", set_switches),
	ROW("sys-write", "Opens files of /sys to write.", "One is open; nothing is written.",
	    "openat(\"/sys/power/state\", O_WRONLY)", write_sys),
	ROW("sys-list", "Looks around in /sys.", "/sys/kernel is listed.", "openat(\"/sys/kernel\", O_RDONLY | O_DIRECTORY)",
	    list_sys),
	ROW("cgroup-write", "Opens control group files to write: processes and release agents.",
	    "One is open; nothing is written.", "openat(\"/sys/fs/cgroup/cgroup.procs\", O_WRONLY)", write_cgroup),
	ROW("debug-list", "Looks into debugfs, tracefs, the BPF file system.", "One is listed.",
	    "openat(\"/sys/kernel/debug\", O_RDONLY | O_DIRECTORY)", open_debug),
	ROW("kmsg-read", "Reads the kernel's log by its device.", "The log is open.", "openat(\"/dev/kmsg\", O_RDONLY)",
	    read_log_device),
	ROW("syslog-read", "Reads the kernel's log by the call.", "The log is read.", "syslog(3)", read_log),
	ROW("disk-open", "Opens a disk to read.", "It is open.", "openat(\"/dev/vda\", O_RDONLY)", open_disk),
	ROW("disk-make", "Makes a disk's device node wherever it can and opens it.", "The disk is open.",
	    "mknod(\"/vxe-attack-node\", S_IFBLK | 0600)", make_block),
	ROW("device-make", "Makes a character device's node wherever it can and opens it.", "The device is open.",
	    "mknod(\"/vxe-attack-node\", S_IFCHR | 0600)", make_character),
	ROW("device-open", "Opens devices that a daemon's /dev should not have.", "One is open.",
	    "openat(\"/dev/fuse\", O_RDWR)", open_devices),
};

const struct vxe_attack_group vxe_attack_system = {rows, COUNT_OF(rows)};
