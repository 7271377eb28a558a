/* The privileged recorder's user side: loads bpf/record.bpf.c, reads its ring, makes lines of its events. */
#include "recorder.h"

#ifdef VXE_HAVE_BPF

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/audit.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "recording.h"

/* The program itself, as the compiler made it. */
__asm__(".pushsection .rodata\n"
	".balign 16\n"
	".global vxe_record_object, vxe_record_object_end\n"
	"vxe_record_object: .incbin \"" VXE_RECORD_OBJECT "\"\n"
	"vxe_record_object_end:\n"
	".popsection\n");
extern const char vxe_record_object[], vxe_record_object_end[];

#define PROGRAMS 8

struct bpf_source {
	struct vxe_source source;
	struct vxe_recorder *recorder;
	struct bpf_object *object;
	struct bpf_link *links[PROGRAMS];
	size_t n_links;
	struct ring_buffer *ring;
	struct vxe_found found;
	struct timespec offset; /* from CLOCK_MONOTONIC to CLOCK_REALTIME */
	uint64_t received;
	bool capabilities_watched;
	uint64_t capabilities[VXE_RECORD_CALLS];
};

static char last_complaint[512];

/* libbpf's own words go into our error, not onto the terminal. */
static int complaint_keep(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && !last_complaint[0]) {
		vsnprintf(last_complaint, sizeof(last_complaint), format, args);
		last_complaint[strcspn(last_complaint, "\n")] = '\0';
	}
	return 0;
}

static struct timespec realtime(const struct bpf_source *s, uint64_t ns)
{
	struct timespec time = {s->offset.tv_sec + (time_t)(ns / 1000000000), s->offset.tv_nsec + (long)(ns % 1000000000)};

	if (time.tv_nsec >= 1000000000) {
		time.tv_sec++;
		time.tv_nsec -= 1000000000;
	}
	return time;
}

static void clock_offset(struct timespec *offset)
{
	struct timespec real, monotonic;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	offset->tv_sec = real.tv_sec - monotonic.tv_sec;
	offset->tv_nsec = real.tv_nsec - monotonic.tv_nsec;
	if (offset->tv_nsec < 0) {
		offset->tv_nsec += 1000000000;
		offset->tv_sec--;
	}
}

/* --- shapes --- */

static bool tells_file(const char *call)
{
	static const char *const calls[] = {"ioctl",	    "fchmod", "fchown",	    "ftruncate", "fallocate", "fsetxattr",
					    "fremovexattr", "fchdir", "getdents64", "getdents",	 "fstatfs",   NULL};

	for (const char *const *each = calls; *each; each++)
		if (!strcmp(*each, call))
			return true;
	return false;
}

static enum vxe_record_opens opens_file(const char *call)
{
	static const char *const calls[] = {"open", "openat", "openat2", "creat", "open_by_handle_at", "open_tree", NULL};

	for (const char *const *each = calls; *each; each++)
		if (!strcmp(*each, call))
			return VXE_OPENS_DESCRIPTOR;
	return VXE_OPENS_NOTHING;
}

static bool tells_address(const struct vxe_call_shape *shape)
{
	for (int i = 0; i < shape->n_args; i++)
		if (shape->args[i].type == VXE_ARG_SOCKADDR)
			return true;
	return !strcmp(shape->name, "sendmsg") || !strcmp(shape->name, "sendmmsg") || !strcmp(shape->name, "listen");
}

static void shape_make(const struct vxe_call_shape *shape, struct vxe_record_shape *out)
{
	memset(out, 0, sizeof(*out));
	out->known = shape->n_args >= 0;
	out->opens = !strcmp(shape->name, "chdir")    ? VXE_OPENS_FOLDER
		     : !strcmp(shape->name, "chroot") ? VXE_OPENS_ROOT
						      : opens_file(shape->name);
	for (int i = 0; i < shape->n_args; i++) {
		const struct vxe_argument *argument = &shape->args[i];
		const struct vxe_value_use *uses = &vxe_value_uses[argument->first_use];

		out->keep[i] = argument->type == VXE_ARG_MODE				? UINT16_MAX
			       : vxe_argument_value(argument, UINT64_MAX) == UINT32_MAX ? UINT32_MAX
											: UINT64_MAX;
		if (argument->type == VXE_ARG_TEXT)
			out->use[i] = VXE_USE_TEXT;
		else if (argument->type == VXE_ARG_PATH)
			out->use[i] = i && shape->args[i - 1].type == VXE_ARG_DIRFD ? VXE_USE_PATH_AT : VXE_USE_PATH;
		else if (argument->type == VXE_ARG_SOCKADDR)
			out->use[i] = VXE_USE_ADDRESS;
		else if (!strcmp(argument->name, "message") && !strcmp(shape->name, "sendmsg"))
			out->use[i] = VXE_USE_MESSAGE;
		else if (!strcmp(argument->name, "messages") && !strcmp(shape->name, "sendmmsg"))
			out->use[i] = VXE_USE_MESSAGE;
		else if (i == 0 && argument->type == VXE_ARG_FD && tells_address(shape))
			out->use[i] = VXE_USE_SOCKET;
		else if (i == 0 && argument->type == VXE_ARG_FD && tells_file(shape->name))
			out->use[i] = VXE_USE_FILE;
		if (!argument->n_uses)
			continue;
		out->use[i] = VXE_USE_VALUE;
		/* At most one argument's weight hangs on another's value alone; a second one counts always. */
		if (uses[argument->n_uses - 1].other < 0 || out->n_conditions)
			continue;
		for (size_t j = 0; j < argument->n_uses; j++)
			for (size_t k = 0; k < uses[j].n_values && out->n_conditions < VXE_RECORD_CONDITIONS; k++)
				out->conditions[out->n_conditions++] = (uint32_t)uses[j].values[k];
		out->use[i] = VXE_USE_VALUE_IF;
		out->condition_other = (uint8_t)uses[0].other;
	}
	/* Of a fork the child's return must be told from the parent's. */
	out->plain = out->known && !out->opens && strcmp(shape->name, "fork") && strcmp(shape->name, "vfork") &&
		     strcmp(shape->name, "clone3");
	for (int i = 0; i < 6; i++) {
		out->plain &= out->use[i] == VXE_USE_NOTHING;
		out->n_values += out->use[i] == VXE_USE_VALUE || out->use[i] == VXE_USE_VALUE_IF;
	}
}

static int shapes_fill(struct bpf_object *object, const bool *told)
{
	int fd = bpf_object__find_map_fd_by_name(object, "shapes");

	for (size_t i = 0; i < vxe_call_shape_count; i++) {
		struct vxe_record_shape shape;
		uint32_t nr = (uint32_t)vxe_call_shapes[i].nr;

		if (nr >= VXE_RECORD_CALLS)
			continue;
		shape_make(&vxe_call_shapes[i], &shape);
		shape.hooked = told && told[nr];
		if (bpf_map_update_elem(fd, &nr, &shape, BPF_ANY) < 0)
			return -1;
	}
	return 0;
}

/* --- events --- */

/* The pieces of one event, by argument. */
struct pieces {
	const struct vxe_record_piece *text[6], *base[6], *object[7], *exe, *file, *argv;
};

static const char *piece_bytes(const struct vxe_record_piece *piece)
{
	return (const char *)(piece + 1);
}

static void pieces_find(const struct vxe_record_event *event, size_t size, struct pieces *out)
{
	const char *data = (const char *)(event + 1);
	size_t at = 0, end = event->data_size;

	memset(out, 0, sizeof(*out));
	if (end > size - sizeof(*event))
		end = size - sizeof(*event);
	while (at + sizeof(struct vxe_record_piece) <= end) {
		const struct vxe_record_piece *piece = (const void *)(data + at);

		if (piece->size > end - at - sizeof(*piece))
			break;
		if (piece->kind == VXE_PIECE_TEXT && piece->argument < 6)
			out->text[piece->argument] = piece;
		else if (piece->kind == VXE_PIECE_BASE && piece->argument < 6)
			out->base[piece->argument] = piece;
		else if (piece->kind == VXE_PIECE_OBJECT && piece->argument < 7)
			out->object[piece->argument] = piece;
		else if (piece->kind == VXE_PIECE_EXE)
			out->exe = piece;
		else if (piece->kind == VXE_PIECE_FILE)
			out->file = piece;
		else if (piece->kind == VXE_PIECE_ARGV)
			out->argv = piece;
		at += sizeof(*piece) + ((piece->size + 7u) & ~7u);
	}
}

static const char *piece_string(const struct vxe_record_piece *piece)
{
	return piece && !(piece->flags & VXE_PIECE_UNREADABLE) && piece->size ? piece_bytes(piece) : NULL;
}

static const char *piece_path(const struct vxe_record_piece *piece, char *out, size_t size)
{
	if (!piece || piece->flags & VXE_PIECE_CUT)
		return NULL;
	vxe_names_join(piece_bytes(piece), piece->size, out, size);
	return out;
}

static enum vxe_path_kind piece_kind(const struct vxe_record_piece *piece)
{
	enum vxe_path_kind kind = vxe_kind_of_mode(piece->mode);

	/* Pipes, sockets and memory files have names that lead nowhere. */
	return piece->flags & VXE_PIECE_ANONYMOUS ? VXE_KIND_ANONYMOUS : kind;
}

static const char *piece_access(const struct vxe_record_piece *piece, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s", piece->flags & VXE_PIECE_READ ? "read " : "",
		 piece->flags & VXE_PIECE_WRITE ? "write " : "", piece->flags & VXE_PIECE_CREATED ? "create " : "");
	if (!out[0])
		return NULL;
	out[strlen(out) - 1] = '\0';
	return out;
}

static const char *executable_of(struct bpf_source *s, pid_t pid)
{
	const struct vxe_recorded_process *process = vxe_process_find(&s->recorder->processes, pid);

	return process ? process->exe : NULL;
}

/* What an address names in the file system. */
static bool local_path(const struct vxe_record_event *event, char *out, size_t size)
{
	const struct sockaddr_un *un = (const void *)event->address;
	size_t length = event->address_size > 2 ? event->address_size - 2u : 0;

	if (!event->has_address || un->sun_family != AF_UNIX || !length || !un->sun_path[0])
		return false;
	if (length > sizeof(un->sun_path))
		length = sizeof(un->sun_path);
	snprintf(out, size, "%.*s", (int)length, un->sun_path);
	return true;
}

static void exec_paths(struct bpf_source *s, struct vxe_call_facts *facts, int argument)
{
	const struct vxe_recorded_process *process = vxe_process_find(&s->recorder->processes, facts->event.pid);
	static struct vxe_walked walked;

	if (!process || !process->file)
		return;
	facts->event.strings[argument] = process->file;
	vxe_walk_path(&s->recorder->walk, "", process->file, true, &walked);
	facts->paths[0] = (struct vxe_path_facts){.argument = argument, .given = process->file};
	facts->n_paths = 1;
	if (!process->exe)
		return;
	/* A script is executed by another file, which is told too. */
	if (process->file[0] != '/' || !strcmp(walked.path, process->exe) || walked.kind != VXE_KIND_FILE) {
		facts->paths[0].object = process->exe;
		facts->paths[0].kind = VXE_KIND_FILE;
		return;
	}
	facts->paths[0].object = walked.path;
	facts->paths[0].kind = VXE_KIND_FILE;
	facts->paths[1] = (struct vxe_path_facts){.argument = 6, .object = process->exe, .kind = VXE_KIND_FILE};
	facts->n_paths = 2;
}

static void call_paths(const struct vxe_record_event *event, const struct vxe_call_shape *shape, const struct pieces *pieces,
		       struct vxe_call_facts *facts)
{
	static char texts[VXE_EVENT_PATHS][VXE_RECORD_TEXT + 1], bases[VXE_EVENT_PATHS][VXE_RECORD_TEXT + 1],
		objects[VXE_EVENT_PATHS][VXE_RECORD_TEXT + 1], accesses[VXE_EVENT_PATHS][32];

	for (int i = 0; i < 6 && facts->n_paths < VXE_EVENT_PATHS; i++) {
		size_t n = facts->n_paths;
		struct vxe_path_facts *path = &facts->paths[n];
		const struct vxe_record_piece *object = pieces->object[i];
		bool is_path = shape && i < shape->n_args && shape->args[i].type == VXE_ARG_PATH;
		bool is_address = shape && i < shape->n_args && shape->args[i].type == VXE_ARG_SOCKADDR;

		*path = (struct vxe_path_facts){.argument = i};
		if (is_path && pieces->text[i]) {
			path->given = piece_string(pieces->text[i]);
			path->truncated = pieces->text[i]->flags & VXE_PIECE_CUT;
			path->base = pieces->base[i] ? piece_path(pieces->base[i], bases[n], sizeof(bases[n]))
				     : path->given && path->given[0] == '/' ? ""
									    : NULL;
			if (pieces->base[i] && pieces->base[i]->flags & VXE_PIECE_ANONYMOUS)
				path->base = NULL;
			if (path->given && !path->given[0] && pieces->base[i])
				path->kind = piece_kind(pieces->base[i]);
			object = pieces->object[6];
		} else if (is_address && local_path(event, texts[n], sizeof(texts[n]))) {
			path->given = texts[n];
			/* Relative ones are rare, and their folder is not told. */
			path->base = texts[n][0] == '/' ? "" : NULL;
		} else if (!object) {
			continue;
		}
		if (object) {
			path->object = piece_path(object, objects[n], sizeof(objects[n]));
			path->kind = piece_kind(object);
			path->access = piece_access(object, accesses[n], sizeof(accesses[n]));
			if (path->object && piece_kind(object) == VXE_KIND_ANONYMOUS && !is_path)
				continue;
		}
		facts->n_paths++;
	}
}

static void call_tell(struct bpf_source *s, const struct vxe_record_event *event, const struct pieces *pieces)
{
	static struct vxe_call_facts facts;
	static struct sockaddr_storage address;
	uint32_t arch = event->compat ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
	const struct vxe_call_shape *shape = vxe_call_shape_find(arch, event->nr);
	bool is_exec = shape && event->has_result && !event->result && !event->has_args &&
		       (!strcmp(shape->name, "execve") || !strcmp(shape->name, "execveat"));

	memset(&facts, 0, sizeof(facts));
	facts.event = (struct vxe_event){.seq = event->seq,
					 .time = realtime(s, event->time),
					 .pid = (pid_t)event->pid,
					 .tid = (pid_t)event->tid,
					 .ppid = (pid_t)event->ppid,
					 .comm = event->comm,
					 .exe = executable_of(s, (pid_t)event->pid),
					 .arch = arch,
					 .nr = event->nr,
					 .no_args = !event->has_args,
					 .socket_type = event->socket_type,
					 .has_result = event->has_result,
					 .result = event->result,
					 .filtered = event->filtered};
	memcpy(facts.event.args, event->args, sizeof(facts.event.args));
	for (int i = 0; i < 6; i++)
		facts.event.strings[i] = piece_string(pieces->text[i]);
	if (event->has_address) {
		memset(&address, 0, sizeof(address));
		memcpy(&address, event->address,
		       event->address_size <= sizeof(address) ? event->address_size : sizeof(address));
		facts.event.address = &address;
		facts.event.address_size = event->address_size;
	}
	if (is_exec)
		exec_paths(s, &facts, shape->args[0].type == VXE_ARG_PATH ? 0 : 1);
	else
		call_paths(event, shape, pieces, &facts);
	vxe_recorder_call(s->recorder, &facts);
}

static void process_tell(struct bpf_source *s, const struct vxe_record_event *event, const struct pieces *pieces)
{
	struct vxe_process_line line = {.seq = event->seq,
					.time = realtime(s, event->time),
					.pid = (pid_t)event->pid,
					.tid = (pid_t)event->tid,
					.ppid = (pid_t)event->ppid,
					.comm = event->comm,
					.status = -1};
	char exe[VXE_RECORD_TEXT + 1];
	const char *found;

	if (event->kind == VXE_RECORD_FORK) {
		line.event = "fork";
		line.child = (pid_t)event->child;
		if (event->child_pid != event->pid)
			vxe_process_fork(&s->recorder->processes, line.pid, (pid_t)event->child_pid);
	} else if (event->kind == VXE_RECORD_EXEC) {
		line.event = "exec";
		vxe_process_exec(&s->recorder->processes, line.pid, piece_path(pieces->exe, exe, sizeof(exe)),
				 piece_string(pieces->file));
		if (pieces->argv && piece_string(pieces->argv)) {
			line.argv = piece_string(pieces->argv);
			line.argv_size = pieces->argv->size;
		}
	} else {
		line.event = "exit";
		line.status =
			event->exit_code & 0x7f ? 128 + (int)(event->exit_code & 0x7f) : (int)(event->exit_code >> 8 & 0xff);
	}
	if (s->recorder->take)
		return;
	found = executable_of(s, line.pid);
	line.exe = found ? found : "";
	vxe_stream_process(&s->recorder->stream, &line);
}

static int event_take(void *context, void *data, size_t size)
{
	struct bpf_source *s = context;
	const struct vxe_record_event *event = data;
	struct pieces pieces;

	if (size < sizeof(*event))
		return 0;
	pieces_find(event, size, &pieces);
	if (event->kind == VXE_RECORD_CALL) {
		s->received++;
		call_tell(s, event, &pieces);
	} else {
		process_tell(s, event, &pieces);
	}
	return 0;
}

/* --- the source --- */

/* A process's number in the innermost pid namespace that it is in, and how many of them are between that and ours. */
static int pid_inside(pid_t pid, uint32_t *depth)
{
	char path[64], line[256];
	cleanup_file FILE *file = NULL;
	int inside = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "NSpid:", 6))
			continue;
		*depth = 0;
		for (char *at = strchr(line, '\t'); at; at = strchr(at + 1, '\t')) {
			inside = atoi(at + 1);
			++*depth;
		}
		--*depth;
	}
	return inside;
}

static struct bpf_map *map_ending(struct bpf_object *object, const char *end, size_t value_size)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);
		size_t length = strlen(name), tail = strlen(end);

		if (length >= tail && !strcmp(name + length - tail, end) && bpf_map__value_size(map) == value_size)
			return map;
	}
	return NULL;
}

static int adopt(struct vxe_source *source, pid_t pid, struct vxe_error **err)
{
	struct bpf_source *s = source->data;
	struct bpf_map *map = map_ending(s->object, ".bss", sizeof(struct vxe_record_state));
	struct vxe_record_state state = {0};
	uint32_t zero = 0;
	char path[64];
	struct stat st;
	int inside = pid_inside(pid, &state.adopt_depth);

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	if (!map || inside < 0 || stat(path, &st) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "finding the program among the processes");
	/* The kernel's own form of a device number. */
	state.adopt_device = (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev);
	state.adopt_inode = st.st_ino;
	state.adopt_pid = (uint32_t)inside;
	if (bpf_map_update_elem(bpf_map__fd(map), &zero, &state, BPF_ANY) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "watching the program");
	return vxe_walk_root(&s->recorder->walk, pid, err);
}

static int poll_fd(const struct vxe_source *source)
{
	return ring_buffer__epoll_fd(((const struct bpf_source *)source->data)->ring);
}

static int serve(struct vxe_source *source)
{
	return ring_buffer__consume(((struct bpf_source *)source->data)->ring) < 0 ? -1 : 0;
}

static void counters_sum(struct bpf_source *s, struct vxe_record_counters *sum)
{
	int cpus = libbpf_num_possible_cpus();
	struct vxe_record_counters *each = calloc((size_t)(cpus > 0 ? cpus : 1), sizeof(*each));
	uint32_t zero = 0;

	memset(sum, 0, sizeof(*sum));
	if (each && cpus > 0 && bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(s->object, "counters"), &zero, each) == 0) {
		for (int i = 0; i < cpus; i++) {
			sum->calls += each[i].calls;
			sum->written += each[i].written;
			sum->folded += each[i].folded;
			sum->lost_ring += each[i].lost_ring;
			sum->processes += each[i].processes;
			sum->lost_processes += each[i].lost_processes;
		}
	}
	free(each);
}

#define BATCH 4096

/* What was counted instead of told. Many at a time: one by one this took a good part of what ending a recording takes. */
static void repeats_write(struct bpf_source *s)
{
	static struct vxe_record_key keys[BATCH];
	static struct vxe_record_repeat repeats[BATCH];
	int fd = bpf_object__find_map_fd_by_name(s->object, "seen"), more = 0;
	uint32_t from = 0;

	for (bool first = true; more == 0; first = false) {
		uint32_t count = BATCH;

		/* The last ones come with an error that says so; with another none come, and what they counted is missing in the sum. */
		more = bpf_map_lookup_batch(fd, first ? NULL : &from, &from, keys, repeats, &count, NULL);
		if (more < 0 && errno != ENOENT)
			break;
		for (uint32_t i = 0; i < count; i++) {
			struct timespec last = realtime(s, repeats[i].last);

			if (repeats[i].count)
				vxe_stream_repeat(&s->recorder->stream, repeats[i].seq, repeats[i].count, &last);
		}
	}
}

/* Every growing of memory asks for this one, to choose how much may be promised; nothing is refused for it. */
static bool asks_for_memory(const char *call)
{
	static const char *const calls[] = {"mmap",  "mprotect", "mremap", "brk",   "execve", "execveat",
					    "clone", "clone3",	 "fork",   "vfork", "shmat",  NULL};

	for (const char *const *each = calls; *each; each++)
		if (!strcmp(*each, call))
			return true;
	return false;
}

/* False: they cannot be read. */
static bool capabilities_read(struct bpf_source *s)
{
	int fd = bpf_object__find_map_fd_by_name(s->object, "capabilities");
	static uint32_t numbers[VXE_RECORD_CALLS];
	uint32_t from = 0, count = VXE_RECORD_CALLS;

	/* All at once, which is the end of them as well. */
	if (bpf_map_lookup_batch(fd, NULL, &from, numbers, s->capabilities, &count, NULL) < 0 && errno != ENOENT)
		return false;
	for (int nr = 0; nr < VXE_RECORD_CALLS; nr++) {
		const struct vxe_call_shape *shape = vxe_call_shape_find(AUDIT_ARCH_X86_64, nr);

		if (shape && asks_for_memory(shape->name))
			s->capabilities[nr] &= ~(1ULL << 21 /* CAP_SYS_ADMIN */);
	}
	return true;
}

static void finish(struct vxe_source *source, struct vxe_trailer *trailer)
{
	static struct vxe_loss losses[2];
	struct bpf_source *s = source->data;
	struct vxe_record_counters sum;

	/* Nothing may be added while it is summed up. */
	for (size_t i = 0; i < s->n_links; i++)
		bpf_link__destroy(s->links[i]);
	s->n_links = 0;
	while (ring_buffer__consume(s->ring) > 0)
		;
	repeats_write(s);
	counters_sum(s, &sum);
	trailer->calls = sum.calls;
	losses[0] = (struct vxe_loss){"ring", sum.lost_ring};
	/* Anything else that is missing is a fault of the recorder, which must not hide it. */
	losses[1] = (struct vxe_loss){"unexplained", sum.calls - sum.lost_ring > s->recorder->stream.recorded
							     ? sum.calls - sum.lost_ring - s->recorder->stream.recorded
							     : 0};
	trailer->losses = losses;
	trailer->n_losses = 2;
	trailer->lost_processes = sum.lost_processes;
	if (s->capabilities_watched && capabilities_read(s)) {
		trailer->capabilities = s->capabilities;
		trailer->n_capabilities = VXE_RECORD_CALLS - 1;
	}
}

static uint64_t lost(struct vxe_source *source)
{
	struct vxe_record_counters sum;

	counters_sum(source->data, &sum);
	return sum.lost_ring;
}

static void source_close(struct vxe_source *source)
{
	struct bpf_source *s = source->data;

	for (size_t i = 0; i < s->n_links; i++)
		bpf_link__destroy(s->links[i]);
	if (s->ring)
		ring_buffer__free(s->ring);
	bpf_object__close(s->object);
	s->recorder->walk.found = NULL;
	vxe_found_free(&s->found);
	free(s);
}

static int settings_write(struct bpf_source *s, size_t ring_size)
{
	/* A recording's calls are many, and are fetched by time; hooks are told as they come. */
	struct vxe_record_settings settings = {
		.every = s->recorder->every, .hooked = s->recorder->told != NULL, .wake_at = (uint32_t)(ring_size / 4)};
	struct bpf_map *map = map_ending(s->object, ".rodata", sizeof(settings));

	errno = EINVAL;
	if (!map || getrandom(&settings.secret_a, 8, 0) != 8 || getrandom(&settings.secret_b, 8, 0) != 8)
		return -1;
	return bpf_map__set_initial_value(map, &settings, sizeof(settings));
}

static bool is_of_capabilities(const struct bpf_program *program)
{
	return strstr(bpf_program__section_name(program), "cap_capable");
}

/* Hooks are not about capabilities, and would have every check of the host pass there. */
static void programs_choose(struct bpf_source *s)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, s->object)
	{
		if (s->recorder->told && is_of_capabilities(program))
			bpf_program__set_autoload(program, false);
	}
}

/* Capabilities are told by a tracepoint of newer kernels, or a probe; where there is neither, they are not known. */
static int programs_attach(struct bpf_source *s)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, s->object)
	{
		bool optional = is_of_capabilities(program);
		struct bpf_link *link;

		if (s->n_links == PROGRAMS || !bpf_program__autoload(program) || (optional && s->capabilities_watched))
			continue;
		link = bpf_program__attach(program);
		if (libbpf_get_error(link)) {
			if (optional)
				continue;
			return -1;
		}
		s->capabilities_watched |= optional;
		s->links[s->n_links++] = link;
	}
	return 0;
}

static int source_fail(struct bpf_source *s, const char *doing, struct vxe_error **err)
{
	int saved = errno;

	vxe_error_set(err, VXE_EXIT_FAILURE, saved, "%s%s%s%s", doing, last_complaint[0] ? " (" : "", last_complaint,
		      last_complaint[0] ? ")" : "");
	vxe_error_hint(err, "use --recorder notify");
	source_close(&s->source);
	return -1;
}

struct vxe_source *vxe_bpf_source(struct vxe_recorder *recorder, struct vxe_error **err)
{
	struct bpf_source *s = calloc(1, sizeof(*s));
	size_t ring_size = recorder->told ? 4 << 20 : 16 << 20;
	struct bpf_map *ring;

	if (!s) {
		vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "watching the program");
		return NULL;
	}
	s->source = (struct vxe_source){.name = "bpf",
					.results = true,
					.data = s,
					.adopt = adopt,
					.poll_fd = poll_fd,
					.timeout = recorder->told ? -1 : 20,
					.serve = serve,
					.finish = finish,
					.close = source_close,
					.lost = lost};
	s->recorder = recorder;
	/* Here calls are told when they are over; of one that is yet to be performed nothing may be kept. */
	vxe_found_init(&s->found);
	recorder->walk.found = &s->found;
	clock_offset(&s->offset);
	libbpf_set_print(complaint_keep);
	s->object = bpf_object__open_mem(vxe_record_object, (size_t)(vxe_record_object_end - vxe_record_object), NULL);
	if (!s->object)
		return source_fail(s, "opening the recorder's BPF program", err), NULL;
	ring = bpf_object__find_map_by_name(s->object, "ring");
	if (getenv("VXE_RECORDER_RING")) /* for tests of losses */
		ring_size = strtoul(getenv("VXE_RECORDER_RING"), NULL, 10);
	if (!ring || bpf_map__set_max_entries(ring, (uint32_t)ring_size) < 0 || settings_write(s, ring_size) < 0)
		return source_fail(s, "setting up the recorder's BPF program", err), NULL;
	programs_choose(s);
	if (bpf_object__load(s->object) < 0)
		return source_fail(s, "loading the recorder's BPF program", err), NULL;
	s->ring = ring_buffer__new(bpf_map__fd(ring), event_take, s, NULL);
	if (!s->ring || shapes_fill(s->object, recorder->told) < 0 || programs_attach(s) < 0)
		return source_fail(s, "attaching the recorder's BPF program", err), NULL;
	return &s->source;
}

#else

struct vxe_source *vxe_bpf_source(struct vxe_recorder *recorder, struct vxe_error **err)
{
	(void)recorder;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "this VXE was built without the BPF recorder (%s)", VXE_NO_BPF);
	vxe_error_hint(err, "use --recorder notify, or build with clang-19, libbpf-dev and libelf-dev installed");
	return NULL;
}

#endif
