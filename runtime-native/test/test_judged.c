/*
 * Which object a rule is for, by the judge and by Landlock itself: over mounts, by other names, and when the file of a name has become another
 * one. Each open is judged as a call of this process, and tried by a child that has restricted itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "judge.h"
#include "landlock.h"
#include "objects.h"
#include "ruleset.h"
#include "tap.h"

static const char judge_text[] =
	"{\"judge\":2,\"profile\":\"p\",\"files\":[],\"sockets\":[],\"unix\":[],\"mounts\":[],\"calls\":{}}";

#define READ LANDLOCK_ACCESS_FS_READ_FILE
#define WRITE LANDLOCK_ACCESS_FS_WRITE_FILE
#define MAKE LANDLOCK_ACCESS_FS_MAKE_REG

static char *readable[] = {(char *)"/a/f", (char *)"/e", (char *)"/e/gone", (char *)"/b/c", NULL};
static char *writable[] = {(char *)"/a", (char *)"/h/link", (char *)"/s", NULL};
static struct vxe_landlock_paths rules[] = {
	{.access = READ, .paths = {.items = readable, .count = 4}},
	{.access = WRITE | MAKE, .paths = {.items = writable, .count = 3}},
};
static struct vxe_landlock landlock = {
	.present = true, .handled_fs = READ | WRITE | MAKE, .path_rules = rules, .n_path_rules = 2};

static const char *const files[] = {"/a/f", "/a/g",    "/a/self/f", "/a/self/g", "/b/c/f", "/b/c/g", "/e/f", "/e/on",
				    "/h/f", "/h/link", "/n",	    "/s",	 "/x",	   "/y/f",   "/y/g", "/e/self/g"};

static bool made(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

	return fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0;
}

static bool bound(const char *from, const char *to)
{
	return mount(from, to, NULL, MS_BIND, NULL) == 0;
}

/* The tree is this process's root, so that paths are those of the rules. */
static bool stage_make(void)
{
	static const char *const folders[] = {"/a", "/a/self", "/b", "/b/c", "/e", "/e/self", "/h", "/y"};

	if ((unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWNS | CLONE_NEWUSER) < 0) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("t", "/mnt", "tmpfs", 0, NULL) < 0 ||
	    mkdir("/mnt/proc", 0755) < 0 || mount("/proc", "/mnt/proc", NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    chdir("/mnt") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return false;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (mkdir(folders[i], 0755) < 0)
			return false;
	return made("/a/f") && made("/a/g") && made("/e/f") && made("/e/on") && made("/e/gone") && made("/h/f") && made("/n") &&
	       made("/s") && made("/x") && made("/y/f") && made("/y/g") && link("/h/f", "/h/link") == 0 &&
	       bound("/a", "/b/c") && bound("/a", "/a/self") && bound("/x", "/e/on") && bound("/", "/e/self");
}

static bool judged_of(const struct vxe_judge *judge, pid_t pid, const char *path, int flags)
{
	const struct vxe_objects_view view = {.judge = judge, .listener_fd = -1};
	struct vxe_object found[VXE_OBJECTS_MAX];
	struct seccomp_notif request = {
		.pid = (uint32_t)pid,
		.data = {.nr = SYS_openat,
			 .args = {(uint64_t)AT_FDCWD, (uint64_t)(uintptr_t)path, (uint64_t)(unsigned int)flags}}};

	return vxe_objects_judge(&view, &request, found) == 1 && found[0].refused;
}

static bool judged(const struct vxe_judge *judge, const char *path, int flags)
{
	return judged_of(judge, getpid(), path, flags);
}

/* A process under Landlock that opens what it is told to, for as long as there are paths. */
struct confined {
	pid_t pid;
	int ask, answer;
};

struct asked {
	char path[64];
	int flags;
};

static void confined_run(int ask, int answer)
{
	struct asked asked;

	while (read(ask, &asked, sizeof(asked)) == (ssize_t)sizeof(asked)) {
		int fd = open(asked.path, asked.flags | O_CLOEXEC), errnum = fd < 0 ? errno : 0;

		if (fd >= 0)
			close(fd);
		if (write(answer, &errnum, sizeof(errnum)) != (ssize_t)sizeof(errnum))
			_exit(1);
	}
	_exit(0);
}

static bool confined_start(struct confined *confined)
{
	int ask[2], answer[2], ruleset = -1, root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (pipe2(ask, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0 ||
	    vxe_landlock_build(&landlock, root_fd, &ruleset, NULL) < 0)
		return false;
	confined->pid = fork();
	if (confined->pid == 0) {
		close(ask[1]);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || vxe_landlock_restrict(&landlock, ruleset) < 0)
			_exit(2);
		confined_run(ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	close(ruleset);
	close(root_fd);
	confined->ask = ask[1];
	confined->answer = answer[0];
	return confined->pid > 0;
}

static int confined_open(const struct confined *confined, const char *path, int flags)
{
	struct asked asked = {.flags = flags};
	int errnum = -1;

	snprintf(asked.path, sizeof(asked.path), "%s", path);
	return write(confined->ask, &asked, sizeof(asked)) == (ssize_t)sizeof(asked) &&
			       read(confined->answer, &errnum, sizeof(errnum)) == (ssize_t)sizeof(errnum)
		       ? errnum
		       : -1;
}

static void compared(const struct vxe_judge *judge, const struct confined *confined, const char *when, unsigned int counts[2])
{
	static const int flags[] = {O_RDONLY, O_WRONLY, O_RDWR};
	char different[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		for (size_t k = 0; k < sizeof(flags) / sizeof(*flags) && used < sizeof(different); k++) {
			int errnum = confined_open(confined, files[i], flags[k]);
			bool refused = judged(judge, files[i], flags[k]);

			counts[errnum == EACCES] += errnum == 0 || errnum == EACCES;
			if (errnum != ENOENT && refused != (errnum != 0))
				used += (size_t)snprintf(different + used, sizeof(different) - used, " %s %d: %d and %s",
							 files[i], flags[k], errnum, refused ? "refused" : "permitted");
		}
	}
	ok(!used, "%s: the judge says what Landlock does%s", when, different);
}

/* What is not there, and is made or not. */
static void made_compared(const struct vxe_judge *judge, const struct confined *confined, const char *when)
{
	static const char *const absent[] = {"/a/new", "/a/self/new", "/b/c/new", "/e/new",   "/e/self/new",
					     "/new",   "/s/new",      "/y/new",	  "/none/new"};
	char different[512] = "";
	unsigned int counts[2] = {0};
	size_t used = 0;

	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent) && used < sizeof(different); i++) {
		bool refused = judged(judge, absent[i], O_CREAT | O_WRONLY), looked = judged(judge, absent[i], O_RDONLY);
		int errnum = confined_open(confined, absent[i], O_CREAT | O_WRONLY);

		counts[errnum == EACCES] += errnum == 0 || errnum == EACCES;
		unlink(absent[i]);
		if (looked || refused != (errnum == EACCES))
			used += (size_t)snprintf(different + used, sizeof(different) - used, " %s: %d and %s", absent[i],
						 errnum,
						 looked	   ? "looked at"
						 : refused ? "refused"
							   : "permitted");
	}
	ok(!used && counts[0] && counts[1], "%s, of what is to be made: the judge says what Landlock does%s", when, different);
}

static void opens(void)
{
	struct confined confined;
	struct vxe_judge *judge = NULL;
	unsigned int counts[2] = {0};
	int status = -1;

	if (!ok(vxe_judge_parse(judge_text, strlen(judge_text), &judge, NULL) == 0 && confined_start(&confined),
		"a judge, and a process under Landlock"))
		return;
	judge->landlock = &landlock;
	ok(judged(judge, "/a/f", O_RDONLY), "as long as no rule's object is known, nothing is granted");
	judge->keeps_root = true;
	vxe_judge_bind(judge, getpid());
	ok(!judged(judge, "/a/f", O_RDONLY), "then it is");
	ok(judge->root_fd >= 0, "and the root that all have is kept");
	compared(judge, &confined, "as it was", counts);
	made_compared(judge, &confined, "as it was");
	ok(rename("/a/g", "/y/z") == 0 && rename("/a/f", "/a/g") == 0 && rename("/y/g", "/a/f") == 0,
	   "files change their names");
	compared(judge, &confined, "with other names", counts);
	ok(syscall(SYS_renameat2, AT_FDCWD, "/n", AT_FDCWD, "/s", 2 /* RENAME_EXCHANGE */) == 0, "two trade theirs");
	compared(judge, &confined, "after a trade", counts);
	ok(unlink("/e/gone") == 0 && unlink("/h/f") == 0 && made("/h/f"), "one is made anew, and one is gone");
	compared(judge, &confined, "made anew", counts);
	ok(umount2("/b/c", MNT_DETACH) == 0 && made("/b/c/f") && made("/b/c/g") && bound("/y", "/b/c"), "mounts change");
	compared(judge, &confined, "over other mounts", counts);
	made_compared(judge, &confined, "over other mounts");
	ok(counts[0] >= 20 && counts[1] >= 20, "%u opens were permitted, %u refused", counts[0], counts[1]);
	close(confined.ask);
	close(confined.answer);
	ok(waitpid(confined.pid, &status, 0) == confined.pid && status == 0, "the process ends well");
	vxe_judge_free(&judge);
}

/* Whose root is a folder of the tree: from there the rules' paths lead elsewhere. */
static void chrooted(void)
{
	struct vxe_judge *judge = NULL;
	int gone[2], stays[2];
	char byte;
	pid_t pid;

	if (!ok(pipe2(gone, O_CLOEXEC) == 0 && pipe2(stays, O_CLOEXEC) == 0 &&
			vxe_judge_parse(judge_text, strlen(judge_text), &judge, NULL) == 0,
		"a judge"))
		return;
	judge->landlock = &landlock;
	pid = fork();
	if (pid == 0) {
		close(stays[1]);
		if (chroot("/y") < 0 || write(gone[1], "g", 1) != 1)
			_exit(1);
		_exit(read(stays[0], &byte, 1) != 0);
	}
	close(gone[1]);
	ok(pid > 0 && read(gone[0], &byte, 1) == 1, "a process that has chrooted");
	vxe_judge_bind(judge, pid);
	ok(!judge->bound && !judge->objects.count, "by its root no rule is looked up");
	vxe_judge_bind(judge, getpid());
	ok(judge->bound && judge->objects.count, "by another's it is");
	/* The same memory is there, since it is a fork. */
	ok(!judged(judge, "/a/f", O_RDONLY) && judged_of(judge, pid, "/f", O_RDONLY) &&
		   !judged_of(judge, pid, "/a/f", O_RDONLY),
	   "what it names is in its own root");
	vxe_judge_free(&judge);
	if (!ok(vxe_judge_parse(judge_text, strlen(judge_text), &judge, NULL) == 0, "a judge that keeps the root"))
		return;
	judge->landlock = &landlock;
	judge->keeps_root = true;
	vxe_judge_bind(judge, getpid());
	vxe_judge_roots_differ(judge);
	ok(judge->root_fd < 0 && judged_of(judge, pid, "/f", O_RDONLY) && !judged_of(judge, pid, "/a/f", O_RDONLY),
	   "nor does one that kept a root keep it once they differ");
	close(gone[0]);
	close(stays[0]);
	close(stays[1]);
	waitpid(pid, NULL, 0);
	vxe_judge_free(&judge);
}

static long free_blocks(void)
{
	struct statfs st;

	return statfs("/", &st) < 0 ? -1 : (long)st.f_bfree;
}

/* A file that is removed gives its room back when nobody holds it: until then no other has its number. */
static void held(void)
{
	static char *named[] = {(char *)"/large", NULL};
	struct vxe_landlock_paths rule = {.access = READ, .paths = {.items = named, .count = 1}};
	const struct vxe_landlock one = {.present = true, .handled_fs = READ, .path_rules = &rule, .n_path_rules = 1};
	struct vxe_landlock_objects objects;
	int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = open("/large", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	long before = free_blocks(), held;
	struct stat st;

	ok(fd >= 0 && fallocate(fd, 0, 0, 1 << 20) == 0 && fstat(fd, &st) == 0 && close(fd) == 0, "a file with some room");
	ok(vxe_landlock_objects_find(&one, root_fd, &objects) == 0 && objects.count == 1 &&
		   vxe_landlock_objects_access(&objects, st.st_dev, st.st_ino) == READ &&
		   !vxe_landlock_objects_access(&objects, st.st_dev, st.st_ino + 1),
	   "is found by its number");
	ok(unlink("/large") == 0, "and removed");
	held = free_blocks();
	vxe_landlock_objects_free(&objects);
	ok(before - held >= (1 << 20) / 4096 && free_blocks() == before, "it is held until the judge goes (%ld, %ld, %ld)",
	   before, held, free_blocks());
	close(root_fd);
}

int main(void)
{
	if (!vxe_landlock_abi()) {
		skip("this kernel has no Landlock", "the judge beside Landlock");
		return tap_done();
	}
	if (!ok(stage_make(), "a tree of its own (%s)", strerror(errno)))
		return tap_done();
	held();
	chrooted();
	opens();
	return tap_done();
}
