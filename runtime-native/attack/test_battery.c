/*
 * The battery by itself: its rows, its control on this host, and that it finds itself refused in a confinement of this
 * test's own making. What it does in VXE's confinement is tested through `vxe attack`.
 */
#include "battery.h"
#include "bystander.h"
#include "control.h"
#include "names.h"
#include "sys.h"
#include "tell.h"
#include "tools.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned int checks, failures;

/* A line of the Test Anything Protocol. */
__attribute__((format(printf, 2, 3))) static bool ok(bool good, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", good ? "" : "not ", ++checks);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	failures += !good;
	return good;
}

static bool is_name(const char *text)
{
	if (!islower((unsigned char)*text))
		return false;
	for (; *text; text++)
		if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) && *text != '-')
			return false;
	return true;
}

static bool is_sentence(const char *text)
{
	size_t length = strlen(text);

	return length > 3 && (isupper((unsigned char)text[0]) || text[0] == '/') && text[length - 1] == '.' &&
	       !strchr(text, '\n');
}

static void test_rows(void)
{
	size_t count = vxe_attack_count(), good = 0, unique = 0, found = 0;

	for (size_t i = 0; i < count; i++) {
		const struct vxe_attack_row *row = vxe_attack_row(i);
		size_t twins = 0;

		if (is_name(row->name) && is_name(row->group) && is_sentence(row->tries) && is_sentence(row->control) &&
		    row->run && (!row->events || (*row->events && row->events[strlen(row->events) - 1] != '\n')))
			good++;
		else
			printf("# badly written: %s\n", row->name);
		for (size_t j = 0; j < count; j++)
			twins += strcmp(row->name, vxe_attack_row(j)->name) == 0;
		if (twins == 1)
			unique++;
		else
			printf("# twice: %s\n", row->name);
		found += vxe_attack_find(row->name) == (long)i;
	}
	ok(count > 200, "there are many attempts (%zu)", count);
	ok(good == count, "each has a name, a group, sentences and a function");
	ok(unique == count, "no name is there twice");
	ok(found == count, "each is found by its name");
	ok(vxe_attack_row(count) == NULL && vxe_attack_find("no-such-attempt") < 0, "there is nothing beyond them");
}

static void test_outcomes(void)
{
	static struct vxe_attack_result result;
	struct vxe_attack attack = {.result = &result};

	atomic_store(&result.state, VXE_ATTACK_RUNNING);
	attack_failed(&attack, -ENOENT, "openat", "open %s", "/a");
	ok(result.state == VXE_ATTACK_ABSENT && result.errnum == ENOENT, "what is not there is absent");
	attack_failed(&attack, -EACCES, "openat", "open %s", "/b");
	ok(result.state == VXE_ATTACK_REFUSED && result.errnum == EACCES, "a refusal says more than an absence");
	attack_failed(&attack, -EPERM, "openat", "open %s", "/c");
	ok(result.errnum == EACCES && strcmp(result.step, "open /b") == 0, "the first refusal is kept");
	attack_executing(&attack, "execve", "execute /d");
	attack_failed(&attack, -ENOENT, "execve", "execute /d");
	ok(result.state == VXE_ATTACK_REFUSED && strcmp(result.step, "open /b") == 0,
	   "also over an execution that finds nothing");
	attack_succeeded(&attack, "openat", "e");
	attack_failed(&attack, -EPERM, "openat", "open /f");
	attack_executing(&attack, "execve", "execute /g");
	ok(result.state == VXE_ATTACK_SUCCEEDED, "nothing takes a success back");
	attack_succeeded(&attack, "openat", "h");
	ok(strcmp(result.detail, "e; h") == 0, "successes are all told");
	for (int i = 0; i < 400; i++)
		attack_event(&attack, "openat(\"/some/path/of/some/length/%d\", O_RDONLY)", i);
	size_t length = strlen(result.events);
	ok(result.events_lost && length > 0 && result.events[length - 1] == ')',
	   "events that do not fit are counted as lost, whole");
}

/* Modification times of what the control must not touch. */
static long fingerprint(void)
{
	static const char *const paths[] = {"/etc", "/etc/passwd", "/etc/shadow", "/usr", "/usr/bin", "/opt", "/mnt"};
	long sum = 0;

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct stat status;

		if (stat(paths[i], &status) == 0)
			sum = sum * 31 + status.st_mtim.tv_nsec + status.st_mtim.tv_sec + status.st_ctim.tv_nsec;
	}
	return sum;
}

static struct vxe_attack_world *make_world(void)
{
	struct vxe_attack_world *world = vxe_attack_share(sizeof(*world));

	if (!world)
		return NULL;
	world->shared = vxe_attack_share(sizeof(*world->shared));
	world->results = vxe_attack_share(vxe_attack_count() * sizeof(*world->results));
	world->disk = vxe_attack_find_disk();
	return world->shared && world->results ? world : NULL;
}

static void test_control(void)
{
	struct vxe_attack_world *world = make_world();
	struct vxe_error *err = NULL;
	size_t count = vxe_attack_count(), succeeded = 0, impossible = 0;

	if (geteuid() != 0) {
		printf("ok %u - the control # SKIP not root\n", ++checks);
		return;
	}
	long before = fingerprint();
	if (!ok(world && vxe_control_run(world, &err) == 0, "the control runs")) {
		printf("# %s\n", err ? err->message : "no memory");
		vxe_error_free(&err);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct vxe_attack_result *result = &world->results[i];
		const struct vxe_attack_row *row = vxe_attack_row(i);

		if (result->state == VXE_ATTACK_SUCCEEDED) {
			succeeded++;
		} else if (result->state == VXE_ATTACK_ABSENT ||
			   (row->capability >= 0 && !attack_has_capability(row->capability))) {
			impossible++;
			printf("# not in this kernel: %s (%s: %s)\n", row->name, result->step, vxe_errno_name(result->errnum));
		} else {
			ok(false, "%s works without VXE (%s, %s: %s) %s", row->name,
			   vxe_attack_state_name((enum vxe_attack_state)result->state), result->step,
			   vxe_errno_name(result->errnum), result->detail);
		}
	}
	ok(succeeded + impossible == count, "%zu attempts work without VXE, %zu are not in this kernel", succeeded, impossible);
	ok(succeeded > count / 2, "most attempts can be shown on this kernel");
	ok(fingerprint() == before, "the host's folders and accounts are as they were");
}

#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Nothing but to fork (if that), to wait, to rest, to end; no file by Landlock. */
static int confine(bool may_fork)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_exit_group),
		ALLOW(SYS_exit),
		ALLOW(SYS_clock_nanosleep),
		ALLOW(SYS_getpid),
		ALLOW(SYS_getppid),
		ALLOW(SYS_openat),
		/* clone with a plain fork's flags: the last rule, its jumps end the program. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, may_fork ? SYS_wait4 : 0xffff, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, may_fork ? SYS_clone : 0xffff, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x7e020000 | CLONE_VM, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = {.len = COUNT_OF(code), .filter = code};
	struct landlock_ruleset_attr attr = {.handled_access_fs = (1 << 13) - 1};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	/* Drops the bounding set too, as an emptied process would have it. */
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	long ruleset = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return -1;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	if (syscall(SYS_capset, &header, none) < 0)
		return -1;
	syscall(SYS_close_range, 3, ~0U, 0);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void test_confined(bool may_fork)
{
	struct vxe_attack_world *world = make_world();
	size_t count = vxe_attack_count(), succeeded = 0, silent = 0, in_process = 0;
	int status = 0;

	if (!ok(world && vxe_bystander_start(world->shared, NULL) > 0, "a bystander stands by"))
		return;
	static const char *const dirs[] = {"/var/mail", "/tmp", "/etc", "/"};
	memcpy(world->dirs, dirs, sizeof(dirs));
	world->program = "/bin/true";
	pid_t pid = fork();
	if (pid == 0) {
		/* In no terminal's session, so that no attempt can reach the tester's. */
		setsid();
		if (confine(may_fork) < 0)
			sys_exit(3);
		sys_exit(vxe_battery_run(world));
	}
	waitpid(pid, &status, 0);
	vxe_bystander_stop(world->shared, world->shared->pid);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the battery comes to its end (status %#x)", (unsigned int)status);
	for (size_t i = 0; i < count; i++) {
		const struct vxe_attack_result *result = &world->results[i];

		in_process += result->in_process;
		if (result->state == VXE_ATTACK_SUCCEEDED) {
			succeeded++;
			printf("# succeeded: %s (%s)\n", vxe_attack_row(i)->name, result->detail);
		} else if (result->state != VXE_ATTACK_REFUSED && result->state != VXE_ATTACK_ABSENT) {
			silent++;
			printf("# %s: %s\n", vxe_attack_row(i)->name,
			       vxe_attack_state_name((enum vxe_attack_state)result->state));
		}
	}
	/* 1024 processes are what a filter that lets it fork lets it do. */
	ok(succeeded == (may_fork ? 1 : 0), "a confinement that grants %s refuses the rest",
	   may_fork ? "only to fork" : "nothing");
	ok(silent == 0, "every attempt has an outcome");
	ok(in_process == (may_fork ? 0 : count), "attempts are made in %s", may_fork ? "children" : "the one process there is");
}

int main(void)
{
	test_rows();
	test_outcomes();
	test_control();
	test_confined(true);
	test_confined(false);
	printf("1..%u\n", checks);
	return failures > 0 ? 1 : 0;
}
