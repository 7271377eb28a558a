#include "recorder.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "kernel.h"

void vxe_names_join(const char *names, size_t size, char *out, size_t out_size)
{
	size_t used = out_size - 1;

	out[used] = '\0';
	/* From the last name, which is the nearest to the root. */
	for (size_t at = 0; at < size;) {
		size_t length = strnlen(names + at, size - at);

		if (used < length + 1)
			break;
		used -= length;
		memcpy(out + used, names + at, length);
		out[--used] = '/';
		at += length + 1;
	}
	if (used == out_size - 1)
		out[--used] = '/';
	memmove(out, out + used, out_size - used);
}

static const char *argument_name(const struct vxe_call_shape *shape, int argument)
{
	return shape && argument >= 0 && argument < shape->n_args ? shape->args[argument].name : "result";
}

/* Is it this call's only path that was not there? A program may be, whose interpreter is missing. */
static bool names_one(const struct vxe_call_shape *shape)
{
	int paths = 0;

	for (int i = 0; i < shape->n_args; i++)
		paths += shape->args[i].type == VXE_ARG_PATH;
	return paths == 1 && strcmp(shape->name, "execve") && strcmp(shape->name, "execveat");
}

static void path_look_up(const struct vxe_recorder *recorder, const struct vxe_event *event, const struct vxe_call_shape *shape,
			 const struct vxe_path_facts *facts, struct vxe_event_path *path, struct vxe_walked *walked)
{
	bool follow = !shape || vxe_walk_follows(shape, facts->argument, event->args);
	bool missing = event->has_result && !event->filtered && (event->result == -ENOENT || event->result == -ENOTDIR);

	if (facts->truncated || !facts->base || !facts->given)
		return;
	/* What the descriptor itself is (AT_EMPTY_PATH), or what no kernel finds. */
	if (!facts->given[0]) {
		if (missing)
			return;
		path->path = facts->base[0] ? facts->base : "/";
		path->kind = facts->kind;
		path->known = VXE_KNOWN_KERNEL;
		if (path->kind == VXE_KIND_UNKNOWN) {
			vxe_walk_path(&recorder->walk, "", path->path, true, walked);
			path->kind = walked->known == VXE_KNOWN_WALKED ? walked->kind : VXE_KIND_UNKNOWN;
		}
		return;
	}
	if (missing && shape && names_one(shape))
		vxe_walk_missing(&recorder->walk, facts->base, facts->given, walked);
	else
		vxe_walk_path(&recorder->walk, facts->base, facts->given, follow, walked);
	path->path = walked->path;
	path->kind = walked->kind;
	path->known = walked->known;
	/* It was there when the call was made; what it was cannot be seen any more. */
	if (walked->kind == VXE_KIND_ABSENT && event->has_result && !event->filtered && !missing)
		path->kind = VXE_KIND_UNKNOWN;
}

static bool outdates(const struct vxe_call_shape *shape, const struct vxe_call_facts *facts)
{
	for (size_t i = 0; i < facts->n_paths; i++)
		if (facts->paths[i].access && strstr(facts->paths[i].access, "create"))
			return true;
	return !shape || shape->moves_names;
}

void vxe_recorder_call(struct vxe_recorder *recorder, struct vxe_call_facts *facts)
{
	struct vxe_event *event = &facts->event;
	const struct vxe_call_shape *shape = vxe_call_shape_find(event->arch, event->nr);
	static struct vxe_walked walked[VXE_EVENT_PATHS];
	bool failed = event->filtered || (event->has_result && event->result < 0);

	if (recorder->walk.found && !failed && outdates(shape, facts))
		vxe_found_forget(recorder->walk.found);
	for (size_t i = 0; i < facts->n_paths && i < VXE_EVENT_PATHS; i++) {
		const struct vxe_path_facts *from = &facts->paths[i];
		struct vxe_event_path *path = &event->paths[i];

		*path = (struct vxe_event_path){.argument = argument_name(shape, from->argument),
						.given = from->given,
						.truncated = from->truncated,
						.access = from->access};
		if (from->object) {
			path->path = from->kind == VXE_KIND_ANONYMOUS ? NULL : from->object;
			path->kind = from->kind;
			path->known = VXE_KNOWN_KERNEL;
		} else {
			path_look_up(recorder, event, shape, from, path, &walked[i]);
		}
	}
	event->n_paths = facts->n_paths;
	event->full = true;
	event->instance = recorder->instance;
	event->mechanism = event->filtered ? "own-filter" : recorder->mechanism;
	if (!event->count)
		event->count = 1;
	if (event->arch == VXE_NATIVE_ARCH && event->nr == SYS_listen && !event->filtered &&
	    (!event->has_result || event->result == 0))
		recorder->seen_listen = true;
	if (recorder->take)
		recorder->take(recorder->taker, event);
	else
		vxe_stream_call(&recorder->stream, event);
}
