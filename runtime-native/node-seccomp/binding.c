/* SPDX-License-Identifier: Apache-2.0 */
/* Node-API over libseccomp: values in, values out; each failed call becomes an exception with errno and the call's name. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include <node_api.h>

#include "features.h"
#include "filter.h"
#include "probes.h"

#define RULES_MAX 65536
#define NAME_MAX_BYTES 64
/* One past the last call number asked of libseccomp; the kernel's tables end below 600. */
#define NUMBERS_END 1024

/* Throws unless an exception is on its way already, which then says more. */
static bool call_failed(napi_env env, napi_status status, const char *what)
{
	bool pending = false;
	char text[160];

	if (status == napi_ok)
		return false;
	if (napi_is_exception_pending(env, &pending) == napi_ok && pending)
		return true;
	snprintf(text, sizeof(text), "%s: the value has the wrong type or is missing (Node-API status %d)", what, (int)status);
	napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text);
	return true;
}

#define TRY(env, expression, what)                                                                                             \
	do {                                                                                                                   \
		if (call_failed((env), (expression), (what)))                                                                  \
			return NULL;                                                                                           \
	} while (0)

static napi_value system_error_throw(napi_env env, const char *call, int errnum, long rule)
{
	napi_value message, error, number, name;
	char text[192];

	if (rule >= 0)
		snprintf(text, sizeof(text), "%s: %s (rule %ld)", call, strerror(errnum), rule);
	else
		snprintf(text, sizeof(text), "%s: %s", call, strerror(errnum));
	TRY(env, napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message), call);
	TRY(env, napi_create_error(env, NULL, message, &error), call);
	TRY(env, napi_create_int32(env, errnum, &number), call);
	TRY(env, napi_set_named_property(env, error, "errno", number), call);
	TRY(env, napi_create_string_utf8(env, call, NAPI_AUTO_LENGTH, &name), call);
	TRY(env, napi_set_named_property(env, error, "syscall", name), call);
	if (rule >= 0) {
		TRY(env, napi_create_int64(env, rule, &number), call);
		TRY(env, napi_set_named_property(env, error, "rule", number), call);
	}
	call_failed(env, napi_throw(env, error), call);
	return NULL;
}

static bool uint32_property(napi_env env, napi_value object, const char *name, uint32_t *out)
{
	napi_value value;
	double number;

	if (call_failed(env, napi_get_named_property(env, object, name, &value), name))
		return false;
	if (call_failed(env, napi_get_value_double(env, value, &number), name))
		return false;
	/* Node-API would wrap a number that does not fit; here it is an error. */
	if (!(number >= 0 && number <= UINT32_MAX && number == (double)(uint32_t)number)) {
		char text[96];

		snprintf(text, sizeof(text), "%s: not an integer of 32 bits without sign", name);
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text);
		return false;
	}
	*out = (uint32_t)number;
	return true;
}

static bool uint64_property(napi_env env, napi_value object, const char *name, uint64_t *out)
{
	napi_value value;
	bool lossless = false;

	if (call_failed(env, napi_get_named_property(env, object, name, &value), name))
		return false;
	if (call_failed(env, napi_get_value_bigint_uint64(env, value, out, &lossless), name))
		return false;
	if (!lossless) {
		char text[96];

		snprintf(text, sizeof(text), "%s: not an integer of 64 bits without sign", name);
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text);
		return false;
	}
	return true;
}

/* A list's length after checking that it is a list. */
static bool list_property(napi_env env, napi_value object, const char *name, napi_value *list, uint32_t *length)
{
	if (call_failed(env, napi_get_named_property(env, object, name, list), name))
		return false;
	return !call_failed(env, napi_get_array_length(env, *list, length), name);
}

static bool arguments_get(napi_env env, napi_callback_info info, size_t wanted, napi_value *argv)
{
	size_t argc = wanted;

	if (call_failed(env, napi_get_cb_info(env, info, &argc, argv, NULL, NULL), "arguments"))
		return false;
	if (argc < wanted) {
		napi_throw_type_error(env, "ERR_MISSING_ARGS", "too few arguments");
		return false;
	}
	return true;
}

/* Copies a string that must fit; libseccomp and this file never see a cut-off name. */
static bool text_get(napi_env env, napi_value value, char *buffer, size_t size, const char *what)
{
	size_t length = 0;

	if (call_failed(env, napi_get_value_string_utf8(env, value, NULL, 0, &length), what))
		return false;
	if (length >= size) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the name is too long");
		return false;
	}
	if (call_failed(env, napi_get_value_string_utf8(env, value, buffer, size, &length), what))
		return false;
	if (strlen(buffer) != length) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the name has a zero byte");
		return false;
	}
	return true;
}

static bool arch_get(napi_env env, napi_value value, uint32_t *arch)
{
	char name[NAME_MAX_BYTES];
	char text[128];

	if (!text_get(env, value, name, sizeof(name), "arch"))
		return false;
	*arch = seccomp_arch_resolve_name(name);
	if (*arch != 0)
		return true;
	snprintf(text, sizeof(text), "libseccomp does not know the architecture %s", name);
	napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text);
	return false;
}

static bool comparison_read(napi_env env, napi_value value, struct scmp_arg_cmp *out)
{
	uint32_t index;
	uint64_t mask, datum;

	if (!uint32_property(env, value, "index", &index) || !uint64_property(env, value, "mask", &mask) ||
	    !uint64_property(env, value, "value", &datum))
		return false;
	out->arg = index;
	out->op = SCMP_CMP_MASKED_EQ;
	out->datum_a = mask;
	out->datum_b = datum;
	return true;
}

static bool rule_read(napi_env env, napi_value value, struct vxe_filter_rule *rule)
{
	napi_value list, item;
	uint32_t nr, count;

	if (!uint32_property(env, value, "action", &rule->action) || !uint32_property(env, value, "nr", &nr) ||
	    !list_property(env, value, "comparisons", &list, &count))
		return false;
	if (nr > INT32_MAX || count > 6) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE",
				       "a rule has a call number or a count of comparisons that no kernel has");
		return false;
	}
	rule->nr = (int)nr;
	rule->arg_count = count;
	for (uint32_t i = 0; i < count; i++) {
		if (call_failed(env, napi_get_element(env, list, i, &item), "comparisons"))
			return false;
		if (!comparison_read(env, item, &rule->args[i]))
			return false;
	}
	return true;
}

static bool filter_read(napi_env env, napi_value object, struct vxe_filter *filter)
{
	napi_value value, list;
	napi_handle_scope scope;
	uint32_t count;

	if (call_failed(env, napi_get_named_property(env, object, "arch", &value), "arch") ||
	    !arch_get(env, value, &filter->arch) || !uint32_property(env, object, "defaultAction", &filter->default_action) ||
	    !uint32_property(env, object, "badArchAction", &filter->bad_arch_action) ||
	    !uint32_property(env, object, "optimize", &filter->optimize) || !list_property(env, object, "rules", &list, &count))
		return false;
	if (count > RULES_MAX) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "more rules than a program can hold");
		return false;
	}
	filter->rules = calloc(count > 0 ? count : 1, sizeof(*filter->rules));
	if (filter->rules == NULL) {
		system_error_throw(env, "calloc", ENOMEM, -1);
		return false;
	}
	filter->rule_count = count;
	for (uint32_t i = 0; i < count; i++) {
		bool good;

		if (call_failed(env, napi_open_handle_scope(env, &scope), "rules"))
			return false;
		good = !call_failed(env, napi_get_element(env, list, i, &value), "rules") &&
		       rule_read(env, value, &filter->rules[i]);
		if (call_failed(env, napi_close_handle_scope(env, scope), "rules") || !good)
			return false;
	}
	return true;
}

static napi_value filter_compile(napi_env env, napi_callback_info info)
{
	struct vxe_filter filter = {0};
	struct vxe_filter_error error = {0};
	napi_value argv[1], buffer = NULL;
	uint8_t *bytes = NULL;
	size_t size = 0;

	if (!arguments_get(env, info, 1, argv))
		return NULL;
	if (filter_read(env, argv[0], &filter)) {
		if (vxe_filter_compile(&filter, &bytes, &size, &error) < 0)
			system_error_throw(env, error.call, error.errnum, error.rule);
		else
			call_failed(env, napi_create_buffer_copy(env, size, bytes, NULL, &buffer), "program");
	}
	free(bytes);
	free(filter.rules);
	return buffer;
}

static napi_value call_resolve(napi_env env, napi_callback_info info)
{
	napi_value argv[2], result;
	char name[NAME_MAX_BYTES];
	uint32_t arch;
	int nr;

	if (!arguments_get(env, info, 2, argv) || !text_get(env, argv[0], name, sizeof(name), "name") ||
	    !arch_get(env, argv[1], &arch))
		return NULL;
	nr = seccomp_syscall_resolve_name_arch(arch, name);
	/* Negative numbers are libseccomp's own stand-ins for calls that this architecture does not have. */
	if (nr < 0)
		TRY(env, napi_get_undefined(env, &result), "name");
	else
		TRY(env, napi_create_int32(env, nr, &result), "name");
	return result;
}

static napi_value call_name(napi_env env, napi_callback_info info)
{
	napi_value argv[2], result;
	uint32_t arch;
	int32_t nr;
	char *name;
	napi_status status;

	if (!arguments_get(env, info, 2, argv))
		return NULL;
	TRY(env, napi_get_value_int32(env, argv[0], &nr), "number");
	if (!arch_get(env, argv[1], &arch))
		return NULL;
	name = nr < 0 ? NULL : seccomp_syscall_resolve_num_arch(arch, nr);
	if (name == NULL)
		status = napi_get_undefined(env, &result);
	else
		status = napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &result);
	free(name);
	TRY(env, status, "number");
	return result;
}

static napi_value calls_list(napi_env env, napi_callback_info info)
{
	napi_value argv[1], result, number;
	uint32_t arch;

	if (!arguments_get(env, info, 1, argv) || !arch_get(env, argv[0], &arch))
		return NULL;
	TRY(env, napi_create_object(env, &result), "list");
	for (int nr = 0; nr < NUMBERS_END; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(arch, nr);
		napi_status status;

		if (name == NULL)
			continue;
		status = napi_create_int32(env, nr, &number);
		if (status == napi_ok)
			status = napi_set_named_property(env, result, name, number);
		free(name);
		TRY(env, status, "list");
	}
	return result;
}

static napi_value library_version(napi_env env, napi_callback_info info)
{
	const struct scmp_version *version = seccomp_version();
	char text[48];
	napi_value result;

	(void)info;
	if (version == NULL)
		return system_error_throw(env, "seccomp_version", EINVAL, -1);
	snprintf(text, sizeof(text), "%u.%u.%u", version->major, version->minor, version->micro);
	TRY(env, napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result), "version");
	return result;
}

static napi_value kernel_features(napi_env env, napi_callback_info info)
{
	napi_value result, value, list;
	uint32_t count = 0;
	int answer = vxe_landlock_abi();

	(void)info;
	if (answer < 0)
		return system_error_throw(env, "landlock_create_ruleset", errno, -1);
	TRY(env, napi_create_object(env, &result), "features");
	TRY(env, napi_create_int32(env, answer, &value), "features");
	TRY(env, napi_set_named_property(env, result, "landlockAbi", value), "features");
	TRY(env, napi_create_array(env, &list), "features");
	for (const struct vxe_seccomp_action *action = vxe_seccomp_actions; action->name != NULL; action++) {
		answer = vxe_seccomp_action_available(action->value);
		if (answer < 0)
			return system_error_throw(env, "seccomp", errno, -1);
		if (answer == 0)
			continue;
		TRY(env, napi_create_string_utf8(env, action->name, NAPI_AUTO_LENGTH, &value), "features");
		TRY(env, napi_set_element(env, list, count++, value), "features");
	}
	TRY(env, napi_set_named_property(env, result, "seccompActions", list), "features");
	answer = vxe_user_namespaces_usable();
	if (answer < 0)
		return system_error_throw(env, "fork", errno, -1);
	TRY(env, napi_get_boolean(env, answer == 1, &value), "features");
	TRY(env, napi_set_named_property(env, result, "userNamespaces", value), "features");
	return result;
}

/* 0, or the errno of an attempt. */
static napi_value kernel_probe(napi_env env, napi_callback_info info)
{
	napi_value argv[2], result;
	char name[NAME_MAX_BYTES];
	uint32_t value;
	int answer;

	if (!arguments_get(env, info, 2, argv) || !text_get(env, argv[0], name, sizeof(name), "name"))
		return NULL;
	TRY(env, napi_get_value_uint32(env, argv[1], &value), "value");
	answer = vxe_probe(name, value);
	if (answer < 0)
		return system_error_throw(env, name, errno, -1);
	TRY(env, napi_create_int32(env, answer, &result), "probe");
	return result;
}

static napi_value names_exchange(napi_env env, napi_callback_info info)
{
	napi_value argv[2], result;
	char one[PATH_MAX], other[PATH_MAX];

	if (!arguments_get(env, info, 2, argv) || !text_get(env, argv[0], one, sizeof(one), "one") ||
	    !text_get(env, argv[1], other, sizeof(other), "other"))
		return NULL;
	if (renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) < 0)
		return system_error_throw(env, "renameat2", errno, -1);
	TRY(env, napi_get_undefined(env, &result), "exchange");
	return result;
}

/* Whether the open file is this process's alone from now on; it is given up by closing it, or by the end of the process. */
static napi_value file_lock(napi_env env, napi_callback_info info)
{
	napi_value argv[1], result;
	int32_t fd;
	int status;

	if (!arguments_get(env, info, 1, argv))
		return NULL;
	TRY(env, napi_get_value_int32(env, argv[0], &fd), "fd");
	status = flock(fd, LOCK_EX | LOCK_NB);
	if (status < 0 && errno != EWOULDBLOCK)
		return system_error_throw(env, "flock", errno, -1);
	TRY(env, napi_get_boolean(env, status == 0, &result), "lock");
	return result;
}

#define METHOD(name, function)                                                                                                 \
	{                                                                                                                      \
		name, NULL, function, NULL, NULL, NULL, napi_enumerable, NULL                                                  \
	}

NAPI_MODULE_INIT()
{
	const napi_property_descriptor methods[] = {
		METHOD("compile", filter_compile),  METHOD("resolveCall", call_resolve),
		METHOD("callName", call_name),	    METHOD("listCalls", calls_list),
		METHOD("version", library_version), METHOD("kernelFeatures", kernel_features),
		METHOD("probe", kernel_probe),	    METHOD("exchange", names_exchange),
		METHOD("lock", file_lock),
	};

	TRY(env, napi_define_properties(env, exports, sizeof(methods) / sizeof(methods[0]), methods), "exports");
	return exports;
}
