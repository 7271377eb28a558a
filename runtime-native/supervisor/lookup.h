/*
 * Where a path of a waiting caller leads: in its root, from its folder or descriptor, with its links, as a path from the
 * instance's root. For records and for the judgements of soft mode; the caller may change the tree meanwhile, so nothing is refused by it.
 */
#ifndef VXE_SUPERVISOR_LOOKUP_H
#define VXE_SUPERVISOR_LOOKUP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct vxe_lookup {
	char path[PATH_MAX];
	bool exists; /* else: its folder does */
	mode_t type; /* S_IFMT bits, where it exists */
	dev_t dev;   /* and which object it is */
	ino_t ino;
	bool alone;  /* set by who judges it: what is granted on folders that it lies in is not granted on it */
	bool unseen; /* of what leads to nothing: the way there may not be searched from here, so that nothing is known of it */
};

struct vxe_lookup_plain {
	int folder_fd;	  /* O_PATH, the caller's of this to close; -1: a folder on the way is not there */
	const char *name; /* in the text that was given */
	bool exists;
	mode_t type;
	dev_t dev;
	ino_t ino;
};

/* From a folder upward: over the mounts, to the root of the mount namespace. */
struct vxe_lookup_climb {
	int from_fd; /* borrowed, or own_fd */
	int own_fd;
	int levels; /* above from_fd */
	int steps;
	struct stat here;
};

/* dirfd: the caller's, AT_FDCWD for its folder. follow: a final link is followed. An empty `given` is the descriptor itself: of that, and of a link
   of /proc that leads to an object, the very object is found, by the name that it had where that has been taken away or given to another one.
   -1: it leads to nothing that has a path in the instance, or the folder it would be in is not there. */
int vxe_lookup(pid_t pid, int dirfd, const char *given, bool follow, struct vxe_lookup *out);
/* The same, and gives the object itself (O_PATH), whose path is out's. -1: it is not there, or has no path. */
int vxe_lookup_open(pid_t pid, int dirfd, const char *given, bool follow, struct vxe_lookup *out);
/* A name that no link is on the way of, absolute or from the caller's folder or descriptor, in the folder that has it: what most names are, looked up by
   as few calls as can be. -1: whatever else it is, vxe_lookup knows. */
int vxe_lookup_plain(pid_t pid, int root_fd, int dirfd, const char *given, struct vxe_lookup_plain *out);
/* The folder above such a path (O_PATH), or the nearest above that which is still there. -1: the caller is gone. */
int vxe_lookup_folder(pid_t pid, const char *path);

/* The number behind a word in what /proc tells of a descriptor of a process: "mnt_id:". -1: there is none. */
long vxe_lookup_fdinfo(pid_t pid, int fd, const char *word);

/* The path of an open object from the root of the mount namespace that it is in. */
int vxe_lookup_name(int fd, char out[PATH_MAX]);

int vxe_lookup_climb_begin(struct vxe_lookup_climb *climb, int folder_fd);
/* To the folder that it lies in. 0: it is the root of its mount namespace. */
int vxe_lookup_climb_up(struct vxe_lookup_climb *climb);
void vxe_lookup_climb_end(struct vxe_lookup_climb *climb);

/* Its root (O_PATH); name: what that is called from outside of it, "/" or where it has chrooted to. */
int vxe_lookup_root(pid_t pid, char name[PATH_MAX]);

#endif
