#include "battery.h"

#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* An attempt that takes longer has hung; the slowest (waiting for a datagram that never comes) needs 0.3 s. */
#define ATTEMPT_DEADLINE_NS 4000000000LL

static int64_t realtime_ns(void)
{
	struct timespec now = {0};

	/* Answered in user space: no filter can refuse it. */
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000LL + now.tv_nsec;
}

size_t vxe_attack_count(void)
{
	size_t count = 0;

	for (const struct vxe_attack_group *const *group = vxe_attack_groups; *group; group++)
		count += (*group)->count;
	return count;
}

const struct vxe_attack_row *vxe_attack_row(size_t index)
{
	for (const struct vxe_attack_group *const *group = vxe_attack_groups; *group; group++) {
		if (index < (*group)->count)
			return &(*group)->rows[index];
		index -= (*group)->count;
	}
	return NULL;
}

long vxe_attack_find(const char *name)
{
	size_t count = vxe_attack_count();

	for (size_t i = 0; i < count; i++)
		if (strcmp(vxe_attack_row(i)->name, name) == 0)
			return (long)i;
	return -1;
}

/* The answers that say: there is nothing here, rather than: you may not. */
static bool tells_absence(long errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
	case ESRCH:
	case ENODEV:
	case ENXIO:
	case ENOSYS:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ESOCKTNOSUPPORT:
	case EPFNOSUPPORT:
	case ENOTTY:
		return true;
	default:
		return false;
	}
}

static void put_text(char *out, size_t size, const char *text)
{
	size_t length = strnlen(text, size - 1);

	memcpy(out, text, length);
	out[length] = '\0';
}

static uint32_t state_of(const struct vxe_attack *attack)
{
	return atomic_load(&attack->result->state);
}

void attack_failed(struct vxe_attack *attack, long ret, const char *call, const char *step, ...)
{
	struct vxe_attack_result *result = attack->result;
	uint32_t state = state_of(attack), now = tells_absence(-ret) ? VXE_ATTACK_ABSENT : VXE_ATTACK_REFUSED;
	va_list args;

	if (state == VXE_ATTACK_SUCCEEDED || state == VXE_ATTACK_REFUSED)
		return;
	if (state == VXE_ATTACK_ABSENT && now == VXE_ATTACK_ABSENT)
		return;
	if (state == VXE_ATTACK_EXECUTING && attack->kept_errnum != 0) {
		result->errnum = attack->kept_errnum;
		put_text(result->call, sizeof(result->call), attack->kept_call);
		put_text(result->step, sizeof(result->step), attack->kept_step);
		atomic_store(&result->state, VXE_ATTACK_REFUSED);
		return;
	}
	result->errnum = (int32_t)-ret;
	put_text(result->call, sizeof(result->call), call);
	va_start(args, step);
	vsnprintf(result->step, sizeof(result->step), step, args);
	va_end(args);
	atomic_store(&result->state, now);
}

void attack_succeeded(struct vxe_attack *attack, const char *call, const char *detail, ...)
{
	struct vxe_attack_result *result = attack->result;
	size_t used = state_of(attack) == VXE_ATTACK_SUCCEEDED ? strlen(result->detail) : 0;
	va_list args;

	result->errnum = 0;
	put_text(result->call, sizeof(result->call), call);
	if (used > 0 && used + 3 < sizeof(result->detail)) {
		memcpy(result->detail + used, "; ", 3);
		used += 2;
	}
	va_start(args, detail);
	vsnprintf(result->detail + used, sizeof(result->detail) - used, detail, args);
	va_end(args);
	atomic_store(&result->state, VXE_ATTACK_SUCCEEDED);
}

void attack_event(struct vxe_attack *attack, const char *event, ...)
{
	struct vxe_attack_result *result = attack->result;
	size_t used = strlen(result->events), start = used > 0 ? used + 1 : 0;
	va_list args;

	if (start + 1 >= sizeof(result->events)) {
		result->events_lost = 1;
		return;
	}
	va_start(args, event);
	int length = vsnprintf(result->events + start, sizeof(result->events) - start, event, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(result->events) - start) {
		/* Half an event would ask the evaluator something else. */
		result->events[used] = '\0';
		result->events_lost = 1;
		return;
	}
	if (start > 0)
		result->events[used] = '\n';
}

bool attack_has_succeeded(const struct vxe_attack *attack)
{
	return state_of(attack) == VXE_ATTACK_SUCCEEDED;
}

void attack_executing(struct vxe_attack *attack, const char *call, const char *step, ...)
{
	struct vxe_attack_result *result = attack->result;
	va_list args;

	if (state_of(attack) == VXE_ATTACK_SUCCEEDED)
		return;
	if (state_of(attack) == VXE_ATTACK_REFUSED) {
		attack->kept_errnum = result->errnum;
		put_text(attack->kept_call, sizeof(attack->kept_call), result->call);
		put_text(attack->kept_step, sizeof(attack->kept_step), result->step);
	}
	put_text(result->call, sizeof(result->call), call);
	va_start(args, step);
	vsnprintf(result->step, sizeof(result->step), step, args);
	va_end(args);
	atomic_store(&result->state, VXE_ATTACK_EXECUTING);
}

static bool is_final(uint32_t state)
{
	return state >= VXE_ATTACK_REFUSED;
}

static void attempt(const struct vxe_attack_world *world, const struct vxe_attack_row *row, struct vxe_attack_result *result)
{
	struct vxe_attack attack = {.world = world, .result = result};

	row->run(&attack);
}

/* What the end of the attempt's process means. */
static void conclude(struct vxe_attack_result *result, int status)
{
	uint32_t state = atomic_load(&result->state);

	if (is_final(state))
		return;
	if (WIFSIGNALED(status)) {
		result->signal = WTERMSIG(status);
		atomic_store(&result->state,
			     state == VXE_ATTACK_EXECUTING && result->signal != SIGSYS ? VXE_ATTACK_REFUSED : VXE_ATTACK_DIED);
		if (state == VXE_ATTACK_EXECUTING)
			result->errnum = 0;
		return;
	}
	if (state == VXE_ATTACK_EXECUTING) {
		attack_format(result->detail, sizeof(result->detail), "another program ran and exited with %d",
			      WEXITSTATUS(status));
		atomic_store(&result->state, VXE_ATTACK_SUCCEEDED);
		return;
	}
	attack_format(result->detail, sizeof(result->detail), "the attempt ended without a word");
	atomic_store(&result->state, VXE_ATTACK_DIED);
}

/* Waits for the attempt's process; where the profile grants no wait, its word in the shared memory is enough. */
static void await(long pid, struct vxe_attack_result *result)
{
	int64_t deadline = attack_now_ns() + ATTEMPT_DEADLINE_NS;
	bool can_wait = true;

	do {
		int status = 0;
		long ret = can_wait ? sys4(SYS_wait4, pid, &status, WNOHANG, 0) : 0;

		if (ret == pid) {
			conclude(result, status);
			return;
		}
		if (ret < 0)
			can_wait = false;
		if (!can_wait && is_final(atomic_load(&result->state)))
			return;
		attack_rest(100);
	} while (attack_now_ns() < deadline);
	/* If it may not be killed it stays until the instance ends. */
	if (sys2(SYS_kill, pid, SIGKILL) >= 0 && can_wait)
		sys4(SYS_wait4, pid, 0, 0, 0);
	if (is_final(atomic_load(&result->state)))
		return;
	if (atomic_load(&result->state) == VXE_ATTACK_EXECUTING) {
		attack_format(result->detail, sizeof(result->detail), "another program ran and did not end by itself");
		atomic_store(&result->state, VXE_ATTACK_SUCCEEDED);
		return;
	}
	atomic_store(&result->state, VXE_ATTACK_HUNG);
}

/* Where nothing may be forked, an attempt's descriptors would be found by those after it. */
#define DESCRIPTORS 1024
static bool was_open[DESCRIPTORS];

static void close_left_open(void)
{
	for (long fd = 3; fd < DESCRIPTORS; fd++) {
		if (!was_open[fd])
			sys1(SYS_close, fd);
	}
}

static void run_row(const struct vxe_attack_world *world, const struct vxe_attack_row *row, struct vxe_attack_result *result)
{
	result->begin_ns = realtime_ns();
	atomic_store(&result->state, VXE_ATTACK_RUNNING);
	long pid = sys_fork();
	if (pid == 0) {
		attempt(world, row, result);
		sys_exit(0);
	}
	if (pid > 0) {
		await(pid, result);
	} else {
		/* Whatever the attempt does to this process then stays; if it ends it, the process outside starts anew with
		   the rows that are left. */
		result->in_process = 1;
		attempt(world, row, result);
		close_left_open();
		if (!is_final(atomic_load(&result->state))) {
			attack_format(result->detail, sizeof(result->detail), "the attempt ended without a word");
			atomic_store(&result->state, VXE_ATTACK_DIED);
		}
	}
	result->end_ns = realtime_ns();
}

int vxe_battery_run(void *arg)
{
	const struct vxe_attack_world *world = arg;
	size_t count = vxe_attack_count();

	/* Finds out how to rest before there are attempts to blame for it, and what is open. */
	attack_rest(200);
	for (long fd = 3; fd < DESCRIPTORS; fd++)
		was_open[fd] = attack_descriptor(fd) != -EBADF;
	for (size_t i = 0; i < count; i++) {
		struct vxe_attack_result *result = &world->results[i];

		if (atomic_load(&result->state) != VXE_ATTACK_NOT_RUN || (world->selected && !world->selected[i]))
			continue;
		run_row(world, vxe_attack_row(i), result);
	}
	return 0;
}
