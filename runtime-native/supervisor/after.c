#include "after.h"

#include <errno.h>
#include <linux/bpf_common.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "part.h"

#define HOOKS_MAX 4096

static int after_take(struct json_object *root, void *out, struct vxe_error **err);

static const struct vxe_part part = {.what = "the bundle's hooks", .key = "after", .version = 1, .take = after_take};

static int fail(struct vxe_error **err, const char *what)
{
	return vxe_part_fail(&part, what, err);
}

static int instruction_parse(struct json_object *item, struct sock_filter *out, struct vxe_error **err)
{
	static const uint64_t most[4] = {UINT16_MAX, UINT8_MAX, UINT8_MAX, UINT32_MAX};
	uint64_t parts[4] = {0};

	if (vxe_json_array_length(item) != 4)
		return fail(err, "an instruction that is not four numbers");
	for (size_t i = 0; i < 4; i++)
		if (vxe_json_uint_value(vxe_json_array_at(item, i), "an instruction", most[i], &parts[i], err) < 0)
			return -1;
	*out = (struct sock_filter){(uint16_t)parts[0], (uint8_t)parts[1], (uint8_t)parts[2], (uint32_t)parts[3]};
	return 0;
}

static int program_parse(struct json_object *object, struct vxe_filter *out, struct vxe_error **err)
{
	cleanup_free struct sock_filter *program = NULL;
	struct json_object *items = NULL;
	size_t length;

	if (vxe_json_get_array(object, "", "program", &items, err) < 0)
		return -1;
	length = items ? vxe_json_array_length(items) : 0;
	if (!length || length > BPF_MAXINSNS)
		return fail(err, "a program that is none");
	program = calloc(length, sizeof(*program));
	if (!program)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the bundle's hooks");
	for (size_t i = 0; i < length; i++)
		if (instruction_parse(vxe_json_array_at(items, i), &program[i], err) < 0)
			return -1;
	return vxe_filter_from_bytes(program, length * sizeof(*program), out, err);
}

static int hook_parse(struct json_object *object, struct vxe_after_hook *hook, struct vxe_error **err)
{
	uint64_t nr = UINT64_MAX;

	if (!vxe_json_is_object(object))
		return fail(err, "a hook that is no object");
	if (vxe_json_get_string(object, "", "rule", &hook->name.rule, err) < 0 ||
	    vxe_json_get_string(object, "", "at", &hook->name.at, err) < 0 ||
	    vxe_json_get_string(object, "", "call", &hook->call, err) < 0 ||
	    vxe_json_get_uint(object, "", "nr", UINT32_MAX, &nr, err) < 0)
		return -1;
	if (!hook->name.rule || !hook->name.at || !hook->call || nr > UINT32_MAX)
		return fail(err, "a hook without its name, place, call or number");
	hook->nr = (uint32_t)nr;
	return program_parse(object, &hook->program, err);
}

static int after_take(struct json_object *root, void *out, struct vxe_error **err)
{
	struct json_object *hooks = NULL;
	struct vxe_after *after = out;
	size_t length;

	if (vxe_json_get_array(root, "", "hooks", &hooks, err) < 0)
		return -1;
	length = hooks ? vxe_json_array_length(hooks) : 0;
	if (!length || length > HOOKS_MAX)
		return fail(err, "there are none, or too many");
	after->hooks = calloc(length, sizeof(*after->hooks));
	if (!after->hooks)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the bundle's hooks");
	while (after->n_hooks < length) {
		size_t i = after->n_hooks++;

		if (hook_parse(vxe_json_array_at(hooks, i), &after->hooks[i], err) < 0)
			return -1;
	}
	return 0;
}

int vxe_after_parse(const char *text, size_t size, struct vxe_after **out, struct vxe_error **err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the bundle's hooks");
	if (vxe_part_parse(&part, text, size, *out, err) == 0)
		return 0;
	vxe_after_free(out);
	return -1;
}

void vxe_after_free(struct vxe_after **pointer)
{
	struct vxe_after *after = *pointer;

	if (!after)
		return;
	for (size_t i = 0; i < after->n_hooks; i++) {
		struct vxe_after_hook *hook = &after->hooks[i];

		free(hook->name.rule);
		free(hook->name.at);
		free(hook->call);
		vxe_filter_free(&hook->program);
	}
	free(after->hooks);
	free(after);
	*pointer = NULL;
}

bool vxe_after_holds(const struct vxe_after_hook *hook, const struct seccomp_data *data)
{
	return (vxe_filter_run(&hook->program, data) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
}
