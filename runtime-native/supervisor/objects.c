#include "objects_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "caller.h"
#include "interpreter.h"
#include "kernel.h"
#include "landlock.h"
#include "lookup.h"
#include "memory.h"
#include "own.h"
#include "words.h"

/* What has a meaning for something that is no folder. */
#define FILE_RIGHTS                                                                                                            \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |                           \
	 LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV | LANDLOCK_ACCESS_FS_RESOLVE_UNIX)

enum kind {
	OPENED,	    /* what the flags say */
	EXISTING,   /* must be there for the call to come to anything */
	MADE,	    /* must not be there */
	NODE,	    /* made, and of a type that may be forbidden altogether */
	MOVED_FROM, /* and the row after it is where to */
	LINKED_FROM,
	MOVED_TO,
};

/* The same table as the reference evaluator's (src/policy/file-needs.ts). */
struct need {
	int nr;
	enum kind kind;
	signed char dirfd, path, flags; /* arguments; -1: none. Of what must be there, flags of at-calls */
	unsigned int access;
	bool nofollow;
};

static const struct need needs[] = {
	{SYS_openat, OPENED, 0, 1, 2, 0, false},
	{SYS_openat2, OPENED, 0, 1, 2, 0, false},
	{SYS_truncate, EXISTING, -1, 0, -1, VXE_WRITE, false},
	{SYS_execve, EXISTING, -1, 0, -1, VXE_READ | VXE_EXECUTE, false},
	{SYS_execveat, EXISTING, 0, 1, 4, VXE_READ | VXE_EXECUTE, false},
	{SYS_acct, OPENED, -1, 0, -1, 0, false},
	{SYS_swapon, OPENED, -1, 0, -1, 0, false},
	{SYS_swapoff, OPENED, -1, 0, -1, 0, false},
	{SYS_mkdirat, MADE, 0, 1, -1, VXE_CREATE, true},
	{SYS_mknodat, NODE, 0, 1, 2, VXE_CREATE, true},
	{SYS_symlinkat, MADE, 1, 2, -1, VXE_CREATE, true},
	{SYS_unlinkat, EXISTING, 0, 1, -1, VXE_REMOVE, true},
	{SYS_renameat2, MOVED_FROM, 0, 1, -1, VXE_REMOVE, true},
	{SYS_renameat2, MOVED_TO, 2, 3, -1, VXE_CREATE, true},
	{SYS_linkat, LINKED_FROM, 0, 1, 4, 0, true},
	{SYS_linkat, MOVED_TO, 2, 3, -1, VXE_CREATE, true},
#ifdef SYS_open
	{SYS_open, OPENED, -1, 0, 1, 0, false},
	{SYS_creat, OPENED, -1, 0, -1, 0, false},
	{SYS_mkdir, MADE, -1, 0, -1, VXE_CREATE, true},
	{SYS_mknod, NODE, -1, 0, 1, VXE_CREATE, true},
	{SYS_symlink, MADE, -1, 1, -1, VXE_CREATE, true},
	{SYS_unlink, EXISTING, -1, 0, -1, VXE_REMOVE, true},
	{SYS_rmdir, EXISTING, -1, 0, -1, VXE_REMOVE, true},
	{SYS_rename, MOVED_FROM, -1, 0, -1, VXE_REMOVE, true},
	{SYS_rename, MOVED_TO, -1, 1, -1, VXE_CREATE, true},
	{SYS_link, LINKED_FROM, -1, 0, -1, 0, true},
	{SYS_link, MOVED_TO, -1, 1, -1, VXE_CREATE, true},
#endif
#ifdef SYS_uselib
	{SYS_uselib, EXISTING, -1, 0, -1, VXE_READ | VXE_EXECUTE, false},
#endif
#ifdef SYS_renameat
	{SYS_renameat, MOVED_FROM, 0, 1, -1, VXE_REMOVE, true},
	{SYS_renameat, MOVED_TO, 2, 3, -1, VXE_CREATE, true},
#endif
};

static void folder_of(const char *path, char out[PATH_MAX])
{
	char *slash;

	vxe_text_copy(out, PATH_MAX, path);
	slash = strrchr(out, '/');
	if (slash)
		slash[slash == out] = '\0';
}

/* What Landlock grants on an object, by its own rule and those of the folders it lies in, and in the folder that holds its name. */
struct granted {
	uint64_t object, folder;
};

static struct granted granted_on(const struct vxe_judge *judge, pid_t pid, const struct vxe_lookup *found)
{
	cleanup_fd int folder_fd = vxe_lookup_folder(pid, found->path);
	uint64_t folder = vxe_judge_granted(judge, folder_fd, 0);
	uint64_t own = found->exists ? vxe_landlock_objects_access(&judge->objects, found->dev, found->ino) : 0;

	return (struct granted){found->alone ? own : own | folder, folder};
}

/*
 * The kernel's view decides whether it is refused, the profile's names the rule. They differ where a narrower rule lies below a
 * folder: then the folder itself does not get all that its rule says. And where the file of a rule's name is another one by now: Landlock's
 * rules are for the objects that were there at the launch.
 */
static void granted_judge(const struct vxe_judge *judge, const char *path, const struct granted *granted, unsigned int access,
			  const struct objects_rights *rights, struct vxe_object *out)
{
	const struct vxe_judged_file *file = vxe_judge_file(judge, path);
	uint64_t handled = judge->landlock ? judge->landlock->handled_fs : 0;
	const struct vxe_judged_mount *mount = NULL;
	bool lacks = (rights->object & handled & ~granted->object) || (rights->folder & handled & ~granted->folder);

	/* Of these the supervisor gives what the rule says. */
	if (file && vxe_judge_is_own(file) && !(access & ~file->access))
		lacks = false;
	if (!lacks && file && (access & ~file->access))
		mount = vxe_judge_mount(judge, file);
	out->mount = mount != NULL;
	out->narrowed = lacks && file && !(access & ~file->access);
	vxe_text_copy(out->path, sizeof(out->path), path);
	out->needs = access;
	/* What is masked is empty, and no error. */
	out->errnum = !mount ? EACCES : mount->masked ? 0 : EROFS;
	out->rule = file ? file->name.rule : "files:default";
	out->at = file ? file->name.at : "";
	out->refused = lacks || out->mount;
}

void objects_file_judge(const struct vxe_judge *judge, pid_t pid, const struct vxe_lookup *found, unsigned int access,
			const struct objects_rights *rights, struct vxe_object *out)
{
	struct granted granted = granted_on(judge, pid, found);
	char path[PATH_MAX];

	vxe_text_copy(path, sizeof(path), found->path);
	vxe_own_name(pid, path);
	granted_judge(judge, path, &granted, access, rights, out);
}

bool objects_unseen(pid_t pid, const char *given, const struct vxe_lookup *found, struct vxe_object *out)
{
	if (!found->unseen || !vxe_caller_sees_more(pid))
		return false;
	vxe_text_copy(out->path, sizeof(out->path), given);
	out->rule = "files:unseen";
	out->at = "";
	out->unseen = true;
	return true;
}

static uint64_t open_flags(const struct seccomp_notif *request, const struct need *need)
{
	struct open_how how = {0};

#ifdef SYS_creat
	if (request->data.nr == SYS_creat)
		return O_CREAT | O_WRONLY | O_TRUNC;
#endif
	/* These open it for the kernel's own use. */
	if (request->data.nr == SYS_acct)
		return O_WRONLY | O_APPEND;
	if (request->data.nr == SYS_swapon || request->data.nr == SYS_swapoff)
		return O_RDWR;
	if (request->data.nr != SYS_openat2)
		return (unsigned int)request->data.args[(int)need->flags];
	/* The struct may be longer than the one known here; its first member is the flags. */
	if (vxe_memory_read((pid_t)request->pid, request->data.args[2], &how, sizeof(how.flags)) < 0)
		return O_PATH;
	return how.flags;
}

/* What opening asks for; 0: the file's content is not asked for, or the kernel has a reason of its own to refuse. */
static unsigned int open_access(uint64_t flags, const struct vxe_lookup *found)
{
	unsigned int access = 0;
	bool temporary = (flags & O_TMPFILE) == O_TMPFILE;

	if ((flags & O_PATH) || (!found->exists && !(flags & O_CREAT)))
		return 0;
	if (found->exists && !temporary && (flags & O_CREAT) && (flags & O_EXCL))
		return 0;
	if (found->exists && (flags & O_NOFOLLOW) && S_ISLNK(found->type))
		return 0;
	if ((flags & O_ACCMODE) != O_WRONLY)
		access |= VXE_READ;
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))
		access |= VXE_WRITE;
	if (temporary || !found->exists)
		access |= VXE_CREATE;
	return access;
}

static uint64_t made_right(mode_t type)
{
	switch (type & S_IFMT) {
	case S_IFDIR:
		return LANDLOCK_ACCESS_FS_MAKE_DIR;
	case S_IFLNK:
		return LANDLOCK_ACCESS_FS_MAKE_SYM;
	case S_IFIFO:
		return LANDLOCK_ACCESS_FS_MAKE_FIFO;
	case S_IFSOCK:
		return LANDLOCK_ACCESS_FS_MAKE_SOCK;
	case S_IFCHR:
		return LANDLOCK_ACCESS_FS_MAKE_CHAR;
	case S_IFBLK:
		return LANDLOCK_ACCESS_FS_MAKE_BLOCK;
	default:
		return LANDLOCK_ACCESS_FS_MAKE_REG;
	}
}

static uint64_t removed_right(bool folder)
{
	return folder ? LANDLOCK_ACCESS_FS_REMOVE_DIR : LANDLOCK_ACCESS_FS_REMOVE_FILE;
}

static struct objects_rights opened_rights(uint64_t flags, unsigned int access, const struct vxe_lookup *found)
{
	bool folder = found->exists && S_ISDIR(found->type);
	struct objects_rights rights = {0};

	if (access & VXE_READ)
		rights.object |= folder ? LANDLOCK_ACCESS_FS_READ_DIR : LANDLOCK_ACCESS_FS_READ_FILE;
	if ((flags & O_ACCMODE) != O_RDONLY)
		rights.object |= LANDLOCK_ACCESS_FS_WRITE_FILE;
	if (found->exists && S_ISREG(found->type) && (flags & O_TRUNC))
		rights.object |= LANDLOCK_ACCESS_FS_TRUNCATE;
	/* What is made has the rights of its folder: a rule on a file of that name was on the one that is gone. */
	if (!found->exists)
		rights = (struct objects_rights){.folder = rights.object | LANDLOCK_ACCESS_FS_MAKE_REG};
	return rights;
}

/* What a call makes, by the type that it says itself. */
static mode_t made_type(const struct seccomp_notif *request, const struct need *need)
{
	switch (request->data.nr) {
	case SYS_mkdirat:
#ifdef SYS_mkdir
	case SYS_mkdir:
#endif
		return S_IFDIR;
	case SYS_symlinkat:
#ifdef SYS_symlink
	case SYS_symlink:
#endif
		return S_IFLNK;
	default:
		return need->kind == NODE ? (mode_t)request->data.args[(int)need->flags] : S_IFREG;
	}
}

static bool removes_folder(const struct seccomp_notif *request)
{
#ifdef SYS_rmdir
	if (request->data.nr == SYS_rmdir)
		return true;
#endif
	return request->data.nr == SYS_unlinkat && (request->data.args[2] & AT_REMOVEDIR);
}

static struct objects_rights existing_rights(const struct seccomp_notif *request, unsigned int access)
{
	struct objects_rights rights = {0};

	if (access & VXE_REMOVE)
		rights.folder = removed_right(removes_folder(request));
	if (access & VXE_WRITE)
		rights.object |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (access & VXE_READ)
		rights.object |= LANDLOCK_ACCESS_FS_READ_FILE;
	if (access & VXE_EXECUTE)
		rights.object |= LANDLOCK_ACCESS_FS_EXECUTE;
	return rights;
}

/* What a call of the at-family says of how its path is meant. */
static unsigned int at_flags(const struct seccomp_notif *request, const struct need *need)
{
	return need->flags >= 0 && (need->kind == EXISTING || need->kind == LINKED_FROM)
		       ? (unsigned int)request->data.args[(int)need->flags]
		       : 0;
}

static bool follows(const struct seccomp_notif *request, const struct need *need)
{
	unsigned int flags = at_flags(request, need);

	return need->kind == LINKED_FROM ? (flags & AT_SYMLINK_FOLLOW) != 0 : !need->nofollow && !(flags & AT_SYMLINK_NOFOLLOW);
}

/* The caller's words. false: it names nothing by them, unless the call takes the descriptor itself then. */
static bool path_given(const struct seccomp_notif *request, const struct need *need, char given[PATH_MAX])
{
	int whole = vxe_memory_string((pid_t)request->pid, request->data.args[(int)need->path], given, PATH_MAX);

	return given[0] || (whole == 1 && (at_flags(request, need) & AT_EMPTY_PATH));
}

static int path_dirfd(const struct seccomp_notif *request, const struct need *need)
{
	return need->dirfd < 0 ? AT_FDCWD : (int)request->data.args[(int)need->dirfd];
}

static bool path_lookup(const struct seccomp_notif *request, const struct need *need, bool follow, struct vxe_lookup *found,
			char given[PATH_MAX])
{
	memset(found, 0, sizeof(*found));
	return path_given(request, need, given) &&
	       vxe_lookup((pid_t)request->pid, path_dirfd(request, need), given, follow, found) == 0;
}

/* The path of a name in a folder, as the rules have it. False: the caller sees the folder by another one, or by none. */
static bool plain_path(const struct vxe_judge *judge, pid_t pid, const char *given, const struct vxe_lookup_plain *plain,
		       char path[PATH_MAX])
{
	char root[PATH_MAX], folder[PATH_MAX];
	cleanup_fd int root_fd = -1;

	/* What is absolute lies below its root; and that which all have is the namespace's. */
	if (given[0] != '/' && judge->root_fd < 0 && ((root_fd = vxe_lookup_root(pid, root)) < 0 || strcmp(root, "/")))
		return false;
	if (vxe_lookup_name(plain->folder_fd, folder) < 0 ||
	    snprintf(path, PATH_MAX, "%s/%s", strcmp(folder, "/") ? folder : "", plain->name) >= PATH_MAX)
		return false;
	/* That may be the name of one that is gone. */
	if (given[0] != '/' && strstr(folder, " (deleted)"))
		return false;
	vxe_own_name(pid, path);
	return true;
}

/*
 * Most of what a program opens is a plain name, of something that is there and granted, or not there at all: that is seen without its path, unless
 * mounts hold rules. How many objects are judged; -1: it is looked up the long way.
 */
static int plain_judge(const struct vxe_judge *judge, const struct seccomp_notif *request, const struct need *need,
		       struct vxe_object *out)
{
	uint64_t flags = open_flags(request, need), handled = judge->landlock ? judge->landlock->handled_fs : 0, wanted;
	pid_t pid = (pid_t)request->pid;
	struct vxe_lookup_plain plain;
	struct vxe_lookup found = {0};
	cleanup_fd int folder_fd = -1;
	struct objects_rights rights;
	struct granted granted;
	char given[PATH_MAX], path[PATH_MAX];
	unsigned int access;

	if (request->data.nr == SYS_acct)
		return -1;
	(void)vxe_memory_string(pid, request->data.args[(int)need->path], given, sizeof(given));
	if (vxe_lookup_plain(pid, judge->root_fd, path_dirfd(request, need), given, &plain) < 0)
		return -1;
	folder_fd = plain.folder_fd;
	found.exists = plain.exists;
	found.type = plain.type;
	access = open_access(flags, &found);
	/* Without the folder it cannot be made either. */
	if (!access || folder_fd < 0)
		return 0;
	/* A file without a name. */
	if (plain.exists && (access & VXE_CREATE))
		return -1;
	rights = opened_rights(flags, access, &found);
	granted.object = plain.exists ? vxe_landlock_objects_access(&judge->objects, plain.dev, plain.ino) : 0;
	wanted = ((rights.object & ~granted.object) | rights.folder) & handled;
	granted.folder = wanted ? vxe_judge_granted(judge, folder_fd, wanted) : 0;
	granted.object |= granted.folder;
	if (!(wanted & ~granted.folder) && !judge->n_mounts)
		return 0;
	if (!plain_path(judge, pid, given, &plain, path))
		return -1;
	memset(out, 0, sizeof(*out));
	granted_judge(judge, path, &granted, access, &rights, out);
	return 1;
}

static bool path_judge(const struct vxe_judge *judge, const struct seccomp_notif *request, const struct need *need,
		       struct vxe_object *out)
{
	unsigned int access = need->access;
	bool follow = follows(request, need);
	struct vxe_lookup found;
	char given[PATH_MAX];
	struct objects_rights rights = {0};
	uint64_t flags = 0;

	if (need->kind == OPENED) {
		flags = open_flags(request, need);
		follow = !(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	}
	if (!path_lookup(request, need, follow, &found, given))
		return objects_unseen((pid_t)request->pid, given, &found, out);
	switch (need->kind) {
	case OPENED:
		access = open_access(flags, &found);
		if (!access)
			return false;
		rights = opened_rights(flags, access, &found);
		/* The kernel opens it once more, by a mount of its own that begins at the file: no folder's rule is above it there. */
		found.alone = request->data.nr == SYS_acct;
		break;
	case NODE:
	case MADE:
		if (found.exists)
			return false;
		rights.folder = made_right(made_type(request, need));
		break;
	default:
		if (!found.exists)
			return false;
		rights = existing_rights(request, access);
	}
	objects_file_judge(judge, (pid_t)request->pid, &found, access, &rights, out);
	return true;
}

/* A name that leaves a folder for another (rename), or that is given once more (link). */
static size_t move_judge(const struct vxe_judge *judge, const struct seccomp_notif *request, const struct need *from,
			 const struct need *to, bool renames, struct vxe_object out[VXE_OBJECTS_MAX])
{
	char given[PATH_MAX], from_folder[PATH_MAX], to_folder[PATH_MAX];
	struct vxe_lookup old, new;
	struct objects_rights old_rights = {0}, new_rights = {0};
	struct granted on_old, on_new;
	pid_t pid = (pid_t)request->pid;
	unsigned int access = VXE_CREATE;
	bool across, gains;
	unsigned int flags = request->data.nr == SYS_renameat2 ? (unsigned int)request->data.args[4] : 0;
	bool exchanges = flags & RENAME_EXCHANGE;

	if (!path_lookup(request, from, follows(request, from), &old, given))
		return objects_unseen(pid, given, &old, &out[0]);
	if (!old.exists)
		return 0;
	if (!path_lookup(request, to, false, &new, given))
		return objects_unseen(pid, given, &new, &out[0]);
	if ((new.exists && (!renames || (flags & RENAME_NOREPLACE))) || (!new.exists &&exchanges))
		return 0;
	folder_of(old.path, from_folder);
	folder_of(new.path, to_folder);
	across = strcmp(from_folder, to_folder) != 0;
	if (renames)
		old_rights.folder |= removed_right(S_ISDIR(old.type));
	new_rights.folder |= made_right(old.type);
	if (new.exists) {
		access |= VXE_REMOVE;
		new_rights.folder |= removed_right(S_ISDIR(new.type));
	}
	if (exchanges)
		old_rights.folder |= made_right(new.type);
	if (across) {
		old_rights.folder |= LANDLOCK_ACCESS_FS_REFER;
		new_rights.folder |= LANDLOCK_ACCESS_FS_REFER;
	}
	/* Landlock lets nothing be moved to where more may be done with it. */
	on_old = granted_on(judge, pid, &old);
	on_new = granted_on(judge, pid, &new);
	gains = across && (on_new.folder & ~on_old.object & (S_ISDIR(old.type) ? ~0ULL : FILE_RIGHTS));
	if (exchanges && across)
		gains |= on_old.folder & ~on_new.object & (S_ISDIR(new.type) ? ~0ULL : FILE_RIGHTS);
	granted_judge(judge, old.path, &on_old,
		      exchanges ? VXE_REMOVE | VXE_CREATE
		      : renames ? VXE_REMOVE
				: VXE_CREATE,
		      &old_rights, &out[0]);
	granted_judge(judge, new.path, &on_new, access, &new_rights, &out[1]);
	out[1].narrowed |= gains && !out[1].refused;
	out[1].refused |= gains;
	/* The old name of a link is asked for nothing but its place. */
	out[0].refused &= renames || across;
	return 2;
}

/* The file behind an object, if it is one with content. */
static int content_open(int object_fd, mode_t type)
{
	char link[64];

	errno = 0;
	if (!S_ISREG(type))
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", object_fd);
	return open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* What the kernel opens to execute it, which takes the same right. */
static size_t interpreters_judge(const struct vxe_judge *judge, const struct seccomp_notif *request, const struct need *need,
				 struct vxe_object *out)
{
	const struct objects_rights rights = {.object = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE};
	pid_t pid = (pid_t)request->pid;
	char given[PATH_MAX];
	struct vxe_lookup found;
	cleanup_fd int object_fd = -1;
	bool script;
	size_t count = 0;

	if (path_given(request, need, given))
		object_fd = vxe_lookup_open(pid, path_dirfd(request, need), given, follows(request, need), &found);
	while (object_fd >= 0 && count < VXE_INTERPRETERS_MAX) {
		cleanup_fd int fd = content_open(object_fd, found.type);

		/* The kernel executes what may not be read. */
		if (fd < 0 && errno == EACCES) {
			vxe_text_copy(given, sizeof(given), found.path);
			found.unseen = true;
			count += objects_unseen(pid, given, &found, &out[count]);
		}
		if (fd < 0 || !vxe_interpreter_read(fd, given, &script))
			break;
		close(object_fd);
		object_fd = vxe_lookup_open(pid, AT_FDCWD, given, true, &found);
		if (object_fd < 0) {
			count += objects_unseen(pid, given, &found, &out[count]);
			break;
		}
		objects_file_judge(judge, pid, &found, VXE_READ | VXE_EXECUTE, &rights, &out[count++]);
		if (!script)
			break;
	}
	return count;
}

static size_t need_judge(const struct vxe_judge *judge, const struct seccomp_notif *request, const struct need *need,
			 struct vxe_object out[VXE_OBJECTS_MAX])
{
	if (need->kind == MOVED_FROM || need->kind == LINKED_FROM)
		return move_judge(judge, request, need, need + 1, need->kind == MOVED_FROM, out);
	if (!path_judge(judge, request, need, out))
		return 0;
	return 1 + (request->data.nr == SYS_execve || request->data.nr == SYS_execveat
			    ? interpreters_judge(judge, request, need, out + 1)
			    : 0);
}

size_t vxe_objects_judge(const struct vxe_objects_view *view, const struct seccomp_notif *request,
			 struct vxe_object out[VXE_OBJECTS_MAX])
{
	const struct need *need = NULL;
	size_t count;
	int plain;

	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs) && !need; i++)
		if (needs[i].nr == request->data.nr)
			need = &needs[i];
	plain = need && need->kind == OPENED ? plain_judge(view->judge, request, need, out) : -1;
	if (plain >= 0)
		return (size_t)plain;
	memset(out, 0, sizeof(*out) * VXE_OBJECTS_MAX);
	if (need)
		return need_judge(view->judge, request, need, out);
	count = objects_sockets_judge(view, request, out);
	return count ? count : objects_scopes_judge(view, request, out);
}
