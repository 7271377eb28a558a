#include "control.h"

#include "tools.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPOOL "/var/mail"
#define MAILBOX SPOOL "/vxe-attack-other"
#define MAILBOX_OWNER 65534

/* What went wrong in the child, which has no other way to tell. */
struct trouble {
	int errnum;
	char what[160];
};

void *vxe_attack_share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

dev_t vxe_attack_find_disk(void)
{
	DIR *devices = opendir("/sys/class/block");
	dev_t found = 0;

	for (struct dirent *entry; devices && found == 0 && (entry = readdir(devices));) {
		char path[300];
		struct stat status;

		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (fstat(fd, &status) == 0 && S_ISBLK(status.st_mode))
			found = status.st_rdev;
		close(fd);
	}
	if (devices)
		closedir(devices);
	return found;
}

static int fail(struct trouble *trouble, const char *what)
{
	trouble->errnum = errno;
	snprintf(trouble->what, sizeof(trouble->what), "%s", what);
	return -1;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	ssize_t written = write(fd, text, strlen(text));
	close(fd);
	return written < 0 ? -1 : 0;
}

static int map_user(uid_t uid, gid_t gid, struct trouble *trouble)
{
	char map[64];

	snprintf(map, sizeof(map), "0 %u 1", gid);
	if (write_text("/proc/self/setgroups", "deny") < 0 || write_text("/proc/self/gid_map", map) < 0)
		return fail(trouble, "map the group into a user namespace");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (write_text("/proc/self/uid_map", map) < 0)
		return fail(trouble, "map the user into a user namespace");
	return 0;
}

/* The host's node of that name, in a /dev of the control's own. Absent ones stay absent. */
static void copy_device(const char *root, const char *name)
{
	char from[128], to[512];
	struct stat status;

	snprintf(from, sizeof(from), "/dev/%s", name);
	snprintf(to, sizeof(to), "%s/dev/%s", root, name);
	if (stat(from, &status) < 0 || (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)))
		return;
	if (mknod(to, status.st_mode, status.st_rdev) == 0)
		return;
	/* Not allowed in a user namespace: the host's own node then. */
	int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	mount(from, to, NULL, MS_BIND, NULL);
}

static int make_devices(const char *root, struct trouble *trouble)
{
	static const char *const names[] = {
		"null", "zero", "full",	   "random", "urandom", "tty", "kmsg",	  "fuse",  "tty0", "tty1",    "loop-control",
		"vda",	"sda",	"nvme0n1", "xvda",   "loop0",	"kvm", "net/tun", "hwrng", "rtc0", "console", "userfaultfd"};
	char path[512];

	snprintf(path, sizeof(path), "%s/dev", root);
	if (mount("none", path, "tmpfs", MS_NOSUID, "mode=0755") < 0)
		return fail(trouble, "mount a /dev");
	static const char *const folders[] = {"pts", "shm", "net", "mqueue"};
	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		snprintf(path, sizeof(path), "%s/dev/%s", root, folders[i]);
		mkdir(path, 0755);
	}
	for (size_t i = 0; i < COUNT_OF(names); i++)
		copy_device(root, names[i]);
	snprintf(path, sizeof(path), "%s/dev/pts", root);
	if (mount("none", path, "devpts", 0, "newinstance,ptmxmode=0666") < 0)
		return fail(trouble, "mount a /dev/pts");
	snprintf(path, sizeof(path), "%s/dev/shm", root);
	if (mount("none", path, "tmpfs", 0, NULL) < 0)
		return fail(trouble, "mount a /dev/shm");
	snprintf(path, sizeof(path), "%s/dev/ptmx", root);
	if (symlink("pts/ptmx", path) < 0)
		return fail(trouble, "link /dev/ptmx");
	snprintf(path, sizeof(path), "%s/dev/fd", root);
	if (symlink("/proc/self/fd", path) < 0)
		return fail(trouble, "link /dev/fd");
	return 0;
}

static int lay_over(const char *base, const char *lower, const char *name, const char *target, bool rootless)
{
	char upper[300], work[300], options[1024];

	snprintf(upper, sizeof(upper), "%s/upper-%s", base, name);
	snprintf(work, sizeof(work), "%s/work-%s", base, name);
	/* A user namespace may only keep overlayfs's marks as user attributes. */
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s%s", lower, upper, work,
		 rootless ? ",userxattr" : "");
	if (mkdir(upper, 0755) < 0 || mkdir(work, 0755) < 0)
		return -1;
	return mount("none", target, "overlay", 0, options);
}

/* A user namespace may not have the host's root in an overlay, since other mounts are on it; its folders it may. One that
   cannot be laid over stays empty, and the attempts that want something in it say so. */
static int lay_over_folders(const char *base, const char *root)
{
	static const char *const own[] = {"proc", "sys", "dev", "tmp", "run", "mnt", ".", ".."};
	DIR *top = opendir("/");

	if (!top)
		return -1;
	for (struct dirent *entry; (entry = readdir(top));) {
		char from[300], to[600], link[256];
		bool skip = false;

		for (size_t i = 0; i < COUNT_OF(own); i++)
			skip = skip || strcmp(entry->d_name, own[i]) == 0;
		snprintf(from, sizeof(from), "/%s", entry->d_name);
		snprintf(to, sizeof(to), "%s/%s", root, entry->d_name);
		ssize_t length = skip ? -1 : readlink(from, link, sizeof(link) - 1);
		if (length > 0) {
			link[length] = '\0';
			skip = symlink(link, to) == 0;
		}
		if (!skip && mkdir(to, 0755) == 0)
			lay_over(base, from, entry->d_name, to, true);
	}
	closedir(top);
	for (size_t i = 0; i < 3; i++) {
		char to[600];

		snprintf(to, sizeof(to), "%s/%s", root, own[i]);
		if (mkdir(to, 0755) < 0)
			return -1;
	}
	return 0;
}

/* An overlay: all of the host's files, each of which may be written without the host noticing. */
static int make_tree(const char *base, bool rootless, char *root, size_t size, struct trouble *trouble)
{
	char path[512];

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail(trouble, "make the mounts private");
	if (mount("none", base, "tmpfs", 0, "mode=0755") < 0)
		return fail(trouble, "mount a file system for the copy");
	snprintf(root, size, "%s/root", base);
	if (mkdir(root, 0755) < 0 || (rootless && mount("none", root, "tmpfs", 0, "mode=0755") < 0))
		return fail(trouble, "make the copy's folder");
	if ((rootless ? lay_over_folders(base, root) : lay_over(base, "/", "host", root, false)) < 0)
		return fail(trouble, "mount an overlay of the host's tree");
	snprintf(path, sizeof(path), "%s/proc", root);
	if (mount("none", path, "proc", 0, NULL) < 0)
		return fail(trouble, "mount a /proc");
	snprintf(path, sizeof(path), "%s/sys", root);
	if (mount("/sys", path, NULL, MS_BIND | MS_REC, NULL) < 0)
		return fail(trouble, "mount /sys");
	return make_devices(root, trouble);
}

static int enter_tree(const char *root, bool rootless, struct trouble *trouble)
{
	if (chdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return fail(trouble, "change the root to the copy");
	mkdir("/mnt", 0755);
	mkdir("/tmp", 01777);
	mkdir("/var", 0755);
	mkdir(SPOOL, 0755);
	if (rootless && mount("none", SPOOL, "tmpfs", 0, NULL) < 0)
		return fail(trouble, "mount a spool");
	int fd = open(MAILBOX, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(trouble, "make a mailbox");
	/* Where anybody may create there is no need of a file that is there already: world->own_file stays NULL. */
	int ret = write(fd, "From other\n", 11) < 0 ||
		  (geteuid() == 0 && fchown(fd, MAILBOX_OWNER, MAILBOX_OWNER) < 0 && errno != EINVAL);
	close(fd);
	return ret ? fail(trouble, "fill a mailbox") : 0;
}

static int raise_loopback(struct trouble *trouble)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fail(trouble, "make a socket");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	int ret = ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	if (ret < 0)
		return fail(trouble, "raise the loopback interface");
	/* Ping sockets and fast open are settings of the network namespace; the daemon's may have them on. */
	write_text("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	write_text("/proc/sys/net/ipv4/tcp_fastopen", "519");
	return 0;
}

static int init_main(struct vxe_attack_world *world, const char *base, uid_t uid, gid_t gid, bool rootless,
		     struct trouble *trouble)
{
	static const char *const dirs[] = {SPOOL, "/tmp", "/etc", "/usr", "/opt", "/dev/shm", "/"};
	char root[256];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (rootless && map_user(uid, gid, trouble) < 0)
		return -1;
	if (make_tree(base, rootless, root, sizeof(root), trouble) < 0 || enter_tree(root, rootless, trouble) < 0 ||
	    raise_loopback(trouble) < 0)
		return -1;
	world->control = true;
	world->program = "/bin/true";
	world->mailbox = MAILBOX;
	world->mailbox_owner = rootless ? 0 : MAILBOX_OWNER;
	world->spool_socket = SPOOL "/vxe-attack-socket";
	memcpy(world->dirs, dirs, sizeof(dirs));
	pid_t bystander = vxe_bystander_start(world->shared, world->spool_socket);
	if (bystander < 0)
		return fail(trouble, "start the bystander");
	/* In a child, since the first process of a process namespace is no ordinary one. */
	pid_t battery = fork();
	if (battery < 0)
		return fail(trouble, "fork");
	if (battery == 0) {
		/* What an attempt manages to run may print. */
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
			_exit(1);
		_exit(vxe_battery_run(world));
	}
	int status = 0;
	while (waitpid(battery, &status, 0) < 0 && errno == EINTR)
		;
	vxe_bystander_stop(world->shared, bystander);
	return 0;
}

static volatile sig_atomic_t control_init;

/* Ends the control; what waits for it then cleans up. */
static void end_control(int signal)
{
	(void)signal;
	if (control_init > 0)
		kill(control_init, SIGKILL);
}

int vxe_control_run(struct vxe_attack_world *world, struct vxe_error **err)
{
	struct trouble *trouble = vxe_attack_share(sizeof(*trouble));
	const char *tmp = getenv("TMPDIR");
	uid_t uid = geteuid();
	gid_t gid = getegid();
	bool rootless = uid != 0;
	char base[128];
	int status = 0;

	snprintf(base, sizeof(base), "%s/vxe-attack-XXXXXX", tmp && *tmp == '/' && strlen(tmp) < 64 ? tmp : "/tmp");
	if (!trouble || !mkdtemp(base))
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the control's folder %s cannot be made", base);
	unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD;
	long pid = syscall(SYS_clone, flags | (rootless ? CLONE_NEWUSER : 0), 0, 0, 0, 0);
	if (pid > 0) {
		static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

		control_init = (int)pid;
		for (size_t i = 0; i < COUNT_OF(ends); i++)
			signal(ends[i], end_control);
	}
	if (pid == 0)
		_exit(init_main(world, base, uid, gid, rootless, trouble) < 0 ? 1 : 0);
	if (pid < 0) {
		int errnum = errno;

		rmdir(base);
		vxe_error_set(err, VXE_EXIT_FAILURE, errnum, "the control's namespaces cannot be made");
		return vxe_error_hint(err, "run it as root, or let users make user namespaces");
	}
	while (waitpid((pid_t)pid, &status, 0) < 0 && errno == EINTR)
		;
	rmdir(base);
	if (trouble->what[0] != '\0')
		return vxe_error_set(err, VXE_EXIT_FAILURE, trouble->errnum, "the control cannot %s", trouble->what);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the control ended before its time");
	return 0;
}
