/* The kinds of namespaces, as what joins an instance enters them: the user namespace first, which gives the right to the others. */
#ifndef VXE_RUNTIME_NAMESPACES_H
#define VXE_RUNTIME_NAMESPACES_H

#define VXE_NAMESPACE_KINDS 8

struct vxe_namespace_kind {
	int flag;	  /* CLONE_NEW* */
	const char *file; /* in /proc/PID/ns; of the one that a process is born in */
	const char *type; /* in config.json */
};

extern const struct vxe_namespace_kind vxe_namespace_kinds[VXE_NAMESPACE_KINDS];

/* As config.json names it. */
const char *vxe_namespace_type(int flag);

struct vxe_namespace;
struct vxe_error;
/* A descriptor of the one that is given by its path. config-linux.md, Namespaces: one of another type is an error. */
int vxe_namespace_open(const struct vxe_namespace *given, struct vxe_error **err);

#endif
