/* The kinds of namespaces, as what joins an instance enters them: the user namespace first, which gives the right to the others. */
#ifndef VXE_RUNTIME_NAMESPACES_H
#define VXE_RUNTIME_NAMESPACES_H

#define VXE_NAMESPACE_KINDS 8

struct vxe_namespace_kind {
	int flag;	  /* CLONE_NEW* */
	const char *file; /* in /proc/PID/ns; of the one that a process is born in */
};

extern const struct vxe_namespace_kind vxe_namespace_kinds[VXE_NAMESPACE_KINDS];

#endif
