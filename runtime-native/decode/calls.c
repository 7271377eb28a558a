#include "calls.h"

#include <inttypes.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X32_BIT 0x40000000

const struct vxe_call_shape *vxe_call_shape_named(const char *name)
{
	for (size_t i = 0; i < vxe_call_shape_count; i++)
		if (!strcmp(vxe_call_shapes[i].name, name))
			return &vxe_call_shapes[i];
	return NULL;
}

static const struct vxe_call_shape *shape_numbered(int nr)
{
	size_t low = 0, high = vxe_call_shape_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (vxe_call_shapes[middle].nr == nr)
			return &vxe_call_shapes[middle];
		if (vxe_call_shapes[middle].nr < nr)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct vxe_call_shape *vxe_call_shape_find(uint32_t audit_arch, int nr)
{
	const struct vxe_call_shape *shape = NULL;
	char *name;

	if (audit_arch == AUDIT_ARCH_X86_64)
		return nr & X32_BIT ? NULL : shape_numbered(nr);
	/* 32-bit entries have other arguments under the same names. */
	if (audit_arch != AUDIT_ARCH_AARCH64)
		return NULL;
	name = seccomp_syscall_resolve_num_arch(audit_arch, nr);
	if (name)
		shape = vxe_call_shape_named(name);
	free(name);
	return shape;
}

char *vxe_call_name(uint32_t audit_arch, int nr, const char **arch)
{
	const struct vxe_call_shape *shape = vxe_call_shape_find(audit_arch, nr);
	char *name;

	*arch = "unknown";
	if (audit_arch == AUDIT_ARCH_X86_64) {
		*arch = "x86_64";
		if (nr & X32_BIT) {
			*arch = "x32";
			nr &= ~X32_BIT;
		}
	} else if (audit_arch == AUDIT_ARCH_I386) {
		*arch = "x86";
	} else if (audit_arch == AUDIT_ARCH_AARCH64) {
		*arch = "aarch64";
	} else if (audit_arch == AUDIT_ARCH_ARM) {
		*arch = "arm";
	}
	name = shape ? strdup(shape->name) : seccomp_syscall_resolve_num_arch(audit_arch, nr);
	if (!name && asprintf(&name, "nr %d", nr) < 0)
		return NULL;
	return name;
}

static uint64_t bits_swapped(uint64_t word, const struct vxe_machine_argument *argument)
{
	uint64_t out = word;

	for (size_t i = 0; i < argument->n_pairs; i++) {
		unsigned int a = argument->pairs[i][0], b = argument->pairs[i][1];

		out &= ~(1ULL << a | 1ULL << b);
		out |= (word >> a & 1) << b | (word >> b & 1) << a;
	}
	return out;
}

void vxe_call_arguments(uint32_t audit_arch, const char *call, const uint64_t registers[6], uint64_t out[6])
{
	memcpy(out, registers, 6 * sizeof(*out));
	if (audit_arch != AUDIT_ARCH_AARCH64)
		return;
	for (size_t i = 0; i < vxe_aarch64_argument_count; i++) {
		const struct vxe_machine_argument *argument = &vxe_aarch64_arguments[i];
		uint64_t word = registers[argument->place];

		if (strcmp(argument->call, call) != 0)
			continue;
		/* What an argument hangs on is in its own register: the test of the tables holds that. */
		if (argument->other < 0 || (uint32_t)registers[argument->other] == argument->value)
			word = bits_swapped(word, argument);
		out[argument->index] = word;
	}
}

uint64_t vxe_argument_value(const struct vxe_argument *argument, uint64_t value)
{
	switch (argument->type) {
	case VXE_ARG_MODE:
		return (uint16_t)value;
	case VXE_ARG_INT:
	case VXE_ARG_UINT:
	case VXE_ARG_FD:
	case VXE_ARG_DIRFD:
		return (uint32_t)value;
	default:
		return value;
	}
}

const struct vxe_value_set *vxe_value_set_find(const struct vxe_argument *argument, const uint64_t args[6])
{
	for (size_t i = 0; i < argument->n_uses; i++) {
		const struct vxe_value_use *use = &vxe_value_uses[argument->first_use + i];

		if (use->other < 0)
			return &vxe_value_sets[use->set];
		for (size_t j = 0; j < use->n_values; j++)
			if ((uint32_t)args[(int)use->other] == (uint32_t)use->values[j])
				return &vxe_value_sets[use->set];
	}
	return NULL;
}

int vxe_value_write(const struct vxe_value_set *set, uint64_t value, char *out, size_t size)
{
	uint64_t told = 0;
	size_t used = 0;
	int n;

	if (set->kind == VXE_VALUE_OCTAL)
		return snprintf(out, size, value ? "0%" PRIo64 : "%" PRIo64, value) < (int)size ? 0 : -1;
	if (set->kind == VXE_VALUE_NUMBER)
		return snprintf(out, size, value < 65536 ? "%" PRIu64 : "0x%" PRIx64, value) < (int)size ? 0 : -1;
	for (const struct vxe_value_name *name = &vxe_value_names[set->first]; name->name[0]; name++) {
		if ((value & name->mask) != name->value || (told & name->mask))
			continue;
		told |= name->mask;
		n = snprintf(out + used, size - used, "%s%s", used ? "|" : "", name->name);
		if (n < 0 || (size_t)n >= size - used)
			return -1;
		used += (size_t)n;
	}
	if (!(value & ~told) && used)
		return 0;
	n = snprintf(out + used, size - used, value & ~told ? "%s0x%" PRIx64 : "%s%" PRIu64, used ? "|" : "", value & ~told);
	return n < 0 || (size_t)n >= size - used ? -1 : 0;
}
