/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The level that has NOTIFY; fixed, so that the same rules give the same program whatever kernel compiles them. */
#define API_LEVEL 6

static int error_set(struct vxe_filter_error *err, const char *call, int errnum, long rule)
{
	err->call = call;
	err->errnum = errnum < 0 ? -errnum : errnum;
	err->rule = rule;
	return -1;
}

static int context_prepare(scmp_filter_ctx ctx, const struct vxe_filter *filter, struct vxe_filter_error *err)
{
	int rc = seccomp_arch_exist(ctx, filter->arch);

	if (rc == -EEXIST) {
		rc = seccomp_arch_add(ctx, filter->arch);
		if (rc < 0)
			return error_set(err, "seccomp_arch_add", rc, -1);
		rc = seccomp_arch_remove(ctx, seccomp_arch_native());
		if (rc < 0)
			return error_set(err, "seccomp_arch_remove", rc, -1);
	} else if (rc < 0) {
		return error_set(err, "seccomp_arch_exist", rc, -1);
	}
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, filter->bad_arch_action);
	if (rc < 0)
		return error_set(err, "seccomp_attr_set", rc, -1);
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, filter->optimize);
	if (rc < 0)
		return error_set(err, "seccomp_attr_set", rc, -1);
	return 0;
}

/* libseccomp takes the numbers of the machine that it runs on, and translates them by name for any other. */
static int number_native(uint32_t arch, int nr)
{
	char *name;
	int native;

	if (arch == seccomp_arch_native())
		return nr;
	name = seccomp_syscall_resolve_num_arch(arch, nr);
	native = name ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;
	free(name);
	return native;
}

static int rules_add(scmp_filter_ctx ctx, const struct vxe_filter *filter, struct vxe_filter_error *err)
{
	for (size_t i = 0; i < filter->rule_count; i++) {
		const struct vxe_filter_rule *rule = &filter->rules[i];
		int rc = seccomp_rule_add_exact_array(ctx, rule->action, number_native(filter->arch, rule->nr), rule->arg_count,
						      rule->args);

		if (rc < 0)
			return error_set(err, "seccomp_rule_add_exact_array", rc, (long)i);
	}
	return 0;
}

/* libseccomp 2.5 writes programs to descriptors only. */
static int program_export(scmp_filter_ctx ctx, uint8_t **bytes, size_t *size, struct vxe_filter_error *err)
{
	struct stat st;
	int result = -1;
	int rc;
	uint8_t *data = NULL;
	size_t done = 0;
	int fd = memfd_create("seccomp-program", MFD_CLOEXEC);

	if (fd < 0)
		return error_set(err, "memfd_create", errno, -1);
	rc = seccomp_export_bpf(ctx, fd);
	if (rc < 0) {
		error_set(err, "seccomp_export_bpf", rc, -1);
		goto out;
	}
	if (fstat(fd, &st) < 0) {
		error_set(err, "fstat", errno, -1);
		goto out;
	}
	data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
	if (data == NULL) {
		error_set(err, "malloc", ENOMEM, -1);
		goto out;
	}
	while (done < (size_t)st.st_size) {
		ssize_t n = pread(fd, data + done, (size_t)st.st_size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			error_set(err, "pread", n < 0 ? errno : EIO, -1);
			goto out;
		}
		done += (size_t)n;
	}
	*bytes = data;
	*size = done;
	data = NULL;
	result = 0;
out:
	free(data);
	close(fd);
	return result;
}

int vxe_filter_compile(const struct vxe_filter *filter, uint8_t **bytes, size_t *size, struct vxe_filter_error *err)
{
	scmp_filter_ctx ctx = NULL;
	int result = -1;
	int rc = seccomp_api_set(API_LEVEL);

	if (rc < 0)
		return error_set(err, "seccomp_api_set", rc, -1);
	ctx = seccomp_init(filter->default_action);
	if (ctx == NULL)
		return error_set(err, "seccomp_init", EINVAL, -1);
	if (context_prepare(ctx, filter, err) == 0 && rules_add(ctx, filter, err) == 0)
		result = program_export(ctx, bytes, size, err);
	seccomp_release(ctx);
	return result;
}
