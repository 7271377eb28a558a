/*
 * The system calls as the kernel's entry points take them: names, numbers, arguments, and how the values are written. The
 * tables are those of src/policy (tables.c is made from them).
 */
#ifndef VXE_DECODE_CALLS_H
#define VXE_DECODE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vxe_argument_type {
	VXE_ARG_INT,
	VXE_ARG_UINT,
	VXE_ARG_MODE,
	VXE_ARG_LONG,
	VXE_ARG_SIZE,
	VXE_ARG_PTR,
	VXE_ARG_FD,
	VXE_ARG_DIRFD,
	VXE_ARG_PATH,
	VXE_ARG_TEXT,
	VXE_ARG_SOCKADDR,
};

/*
 * The tables hold no pointers but places in one another: in a program that is loaded anywhere each pointer would be written at every
 * start, into a page of its own for every process.
 */
struct vxe_value_name {
	uint64_t mask, value;
	char name[40]; /* empty: the end */
};

struct vxe_value_set {
	enum { VXE_VALUE_NAMES, VXE_VALUE_OCTAL, VXE_VALUE_NUMBER } kind;
	uint16_t first; /* of vxe_value_names */
};

struct vxe_value_use {
	uint64_t values[8];
	uint16_t set;	   /* of vxe_value_sets */
	signed char other; /* only where this argument has one of the values; -1: everywhere */
	unsigned char n_values;
};

struct vxe_argument {
	char name[16];
	unsigned char type;   /* enum vxe_argument_type */
	unsigned char n_uses; /* none: no rule speaks of its values */
	uint16_t first_use;   /* of vxe_value_uses */
};

struct vxe_call_shape {
	char name[28];
	int16_t nr;		   /* on x86_64 */
	signed char n_args;	   /* -1: not known */
	unsigned char moves_names; /* what is found at a path may be another thing after it */
	struct vxe_argument args[6];
};

/* An argument that another architecture has in another register, or with other bits. */
struct vxe_machine_argument {
	char call[20];
	signed char index; /* on x86_64 */
	signed char place; /* the register there */
	signed char other; /* the bits are others only where this argument has the value; -1: everywhere */
	uint32_t value;
	unsigned char pairs[2][2]; /* bits that stand for each other */
	unsigned char n_pairs;
};

extern const struct vxe_machine_argument vxe_aarch64_arguments[];
extern const size_t vxe_aarch64_argument_count;
extern const struct vxe_value_name vxe_value_names[];
extern const struct vxe_value_set vxe_value_sets[];
extern const struct vxe_value_use vxe_value_uses[];
extern const struct vxe_call_shape vxe_call_shapes[];
extern const size_t vxe_call_shape_count;
/* What rings of io_uring do, in the words of plans; the place is the kernel's number, NULL the end. */
extern const char *const vxe_ring_operations[];
extern const char *const vxe_ring_registrations[];

const struct vxe_call_shape *vxe_call_shape_named(const char *name);
/* Of a call as the kernel reports it (AUDIT_ARCH_*, the x32 bit in the number); NULL: not known. */
const struct vxe_call_shape *vxe_call_shape_find(uint32_t audit_arch, int nr);
/* A malloc'd name ("openat", or "nr 512"); *arch gets "x86_64", "x86", "x32", "aarch64", ... */
char *vxe_call_name(uint32_t audit_arch, int nr, const char **arch);

/* A call's registers as x86_64 would have them, of which shapes and profiles speak. */
void vxe_call_arguments(uint32_t audit_arch, const char *call, const uint64_t registers[6], uint64_t out[6]);
/* The part of a register that the kernel looks at. */
uint64_t vxe_argument_value(const struct vxe_argument *argument, uint64_t value);
/* The set that the argument's values are of in a call with these registers; NULL: rules have nothing to say about it. */
const struct vxe_value_set *vxe_value_set_find(const struct vxe_argument *argument, const uint64_t args[6]);
/* As profiles and records write it; 0 if it fitted. */
int vxe_value_write(const struct vxe_value_set *set, uint64_t value, char *out, size_t size);

#endif
