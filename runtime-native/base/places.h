/* Where things live: an override, the system's folder for root, the user's own (XDG Base Directory) otherwise. */
#ifndef VXE_BASE_PLACES_H
#define VXE_BASE_PLACES_H

#include <stdbool.h>

struct vxe_place {
	const char *override;	     /* environment variable that names the folder */
	const char *system;	     /* for root */
	const char *user, *fallback; /* XDG variable, and what below the home folder stands for it */
	const char *below;	     /* in the user's folder */
};

extern const struct vxe_place vxe_place_bundles, vxe_place_compiled, vxe_place_logs, vxe_place_recordings, vxe_place_history;

/* Another user namespace than the host's. */
bool vxe_in_user_namespace(void);
/* Who is root in a user namespace alone, as with engines without root, has no right to the system's folders: what is theirs is the
   session's, and the user's that began it. */
bool vxe_root_of_session(void);
/* The path of `name` there, malloc'd; NULL when there is no memory. */
char *vxe_place_path(const struct vxe_place *place, const char *name);

#endif
