/* Filters as bytes: what is no program is refused before it meets the kernel; linux.seccomp compiles to what it says. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "filter.h"
#include "kernel.h"
#include "tap.h"

#define RET(action)                                                                                                            \
	{                                                                                                                      \
		BPF_RET | BPF_K, 0, 0, (action)                                                                                \
	}

static void refused(const char *what, const void *bytes, size_t size, const char *word)
{
	struct vxe_filter filter;
	struct vxe_error *err = NULL;
	int result = vxe_filter_from_bytes(bytes, size, &filter, &err);

	ok(result < 0 && err && strstr(err->message, word), "%s is refused (%s)", what, err ? err->message : "no error");
	vxe_error_free(&err);
}

static void shapes(void)
{
	static const struct sock_filter good[] = {RET(SECCOMP_RET_ALLOW)};
	static const struct sock_filter notifies[] = {{BPF_JMP | BPF_JA, 0, 0, 0}, RET(SECCOMP_RET_USER_NOTIF)};
	static const struct sock_filter far_jump[] = {{BPF_JMP | BPF_JA, 0, 0, 1}, RET(SECCOMP_RET_ALLOW)};
	static const struct sock_filter far_branch[] = {{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0}, RET(SECCOMP_RET_ALLOW)};
	static const struct sock_filter endless[] = {{BPF_JMP | BPF_JA, 0, 0, 0xffffffff}, RET(SECCOMP_RET_ALLOW)};
	static const struct sock_filter no_return[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0}};
	static struct sock_filter large[BPF_MAXINSNS + 1];
	struct vxe_filter filter;
	struct vxe_error *err = NULL;

	refused("an empty file", good, 0, "0 bytes");
	refused("half an instruction", good, 4, "4 bytes");
	refused("a jump past the end", far_jump, sizeof(far_jump), "instruction 0 jumps");
	refused("a branch past the end", far_branch, sizeof(far_branch), "instruction 0 jumps");
	refused("a jump that wraps around", endless, sizeof(endless), "instruction 0 jumps");
	refused("a program without a return", no_return, sizeof(no_return), "return");
	refused("more instructions than the kernel takes", large, sizeof(large), "bytes");
	ok(vxe_filter_from_bytes(good, sizeof(good), &filter, &err) == 0 && filter.length == 1 && !filter.notifies,
	   "one return is a program");
	vxe_filter_free(&filter);
	ok(vxe_filter_from_bytes(notifies, sizeof(notifies), &filter, &err) == 0 && filter.notifies,
	   "a return of USER_NOTIF is seen");
	vxe_filter_free(&filter);
}

/* What a launch says to a filter that lets one machine's processes end, and raises all else; NULL: nothing. */
static char *said_of_machine(int folder, uint32_t arch, uint32_t exit_group)
{
	const struct sock_filter program[] = {
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch)},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, 3, arch},
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, exit_group},
		RET(SECCOMP_RET_ALLOW),
		RET(SECCOMP_RET_USER_NOTIF),
	};
	struct vxe_filter filter;
	struct vxe_error *err = NULL;
	char *said = NULL;
	int fd = openat(folder, "filter.bpf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, program, sizeof(program)) != sizeof(program))
		return strdup("the test cannot write its filter");
	close(fd);
	if (vxe_filter_load_file(folder, "filter.bpf", &filter, &err) < 0)
		said = strdup(err->message);
	else
		vxe_filter_free(&filter);
	vxe_error_free(&err);
	return said;
}

static void machines(void)
{
	static const struct {
		const char *name;
		uint32_t arch, exit_group;
	} known[] = {{"x86_64", AUDIT_ARCH_X86_64, 231}, {"aarch64", AUDIT_ARCH_AARCH64, 94}};
	char template[] = "/tmp/vxe-filter-XXXXXX";
	int folder = mkdtemp(template) ? open(template, O_DIRECTORY | O_CLOEXEC) : -1;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		char *said = said_of_machine(folder, known[i].arch, known[i].exit_group);
		char wanted[64];

		snprintf(wanted, sizeof(wanted), "was compiled for %s, and this machine is", known[i].name);
		if (known[i].arch == VXE_NATIVE_ARCH)
			ok(!said, "control: a filter for %s is taken here (%s)", known[i].name, said ? said : "taken");
		else
			ok(said && strstr(said, wanted), "a filter for %s is refused (%s)", known[i].name,
			   said ? said : "taken");
		free(said);
	}
	unlinkat(folder, "filter.bpf", 0);
	close(folder);
	rmdir(template);
}

/* The filter of a configuration, loaded in a child that then makes the call: its errno, or -1. */
static int errno_under(const char *seccomp, long (*call)(void))
{
	char *text = NULL;
	struct vxe_config *config = NULL;
	struct vxe_filter filter;
	struct vxe_error *err = NULL;
	int status = -1;

	if (asprintf(&text,
		     "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"args\":[\"/x\"],\"cwd\":\"/"
		     "\",\"user\":{\"uid\":0,\"gid\":0}},"
		     "\"linux\":{\"seccomp\":%s}}",
		     seccomp) < 0)
		return -1;
	if (vxe_config_parse(text, strlen(text), "/nowhere", &config, &err) < 0 ||
	    vxe_filter_load(-1, config, &filter, &err) < 0) {
		printf("# %s\n", err ? err->message : "?");
		vxe_error_free(&err);
	} else {
		pid_t pid = fork();

		if (pid == 0) {
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || vxe_filter_install(&filter) < 0)
				_exit(255);
			/* By its number: before _exit a sanitizer makes calls of its own, which the filter may refuse. */
			syscall(SYS_exit_group, call() < 0 ? errno : 0);
		}
		waitpid(pid, &status, 0);
		vxe_filter_free(&filter);
	}
	vxe_config_free(&config);
	free(text);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static long call_getppid(void)
{
	return syscall(SYS_getppid);
}

static long call_personality(void)
{
	return syscall(SYS_personality, 0xffffffff);
}

static long call_unknown(void)
{
	return syscall(1000);
}

#ifdef __x86_64__
static long call_x32(void)
{
	return syscall(0x40000000 + 1000);
}

static long call_unknown_32(void)
{
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(1000) : "memory", "cc", "r8", "r9", "r10", "r11");
	errno = -result;
	return -1;
}
#endif

#define LIST(errnum)                                                                                                           \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\"" errnum                                                                         \
	",\"syscalls\":[{\"names\":[\"exit_group\",\"openat2\"],\"action\":\"SCMP_ACT_ALLOW\"}]}"

static void newer(void)
{
	ok(errno_under(LIST(""), call_unknown) == ENOSYS, "a call behind all that a list names is not there");
	ok(errno_under(LIST(""), call_getppid) == EPERM, "control: one between them is not permitted");
	ok(errno_under(LIST(",\"defaultErrnoRet\":1"), call_unknown) == ENOSYS, "as Docker's list has it");
	ok(errno_under(LIST(",\"defaultErrnoRet\":99"), call_unknown) == 99, "another errno is kept");
#ifdef __x86_64__
	ok(errno_under(LIST(""), call_x32) == -1, "a call of x32 ends the program, as libseccomp has it");
	if (errno_under("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"]}", call_unknown_32) ==
	    ENOSYS) {
		ok(errno_under(LIST(""), call_unknown_32) == -1, "and one by 32-bit entry, where the list is not for it");
		ok(errno_under(LIST(",\"architectures\":[\"SCMP_ARCH_X86\"]"), call_unknown_32) == ENOSYS,
		   "where it is, it is not there");
	} else {
		skip("this kernel has no 32-bit entry",
		     "a call by 32-bit entry, with a list that is not for it, and with one that is");
	}
#endif
}

static void compiled(void)
{
	ok(errno_under("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", call_getppid) == 0,
	   "control: under a filter that allows all, getppid answers");
	ok(errno_under("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_"
		       "ERRNO\",\"errnoRet\":38}]}",
		       call_getppid) == ENOSYS,
	   "a refused call gives its errno");
	ok(errno_under("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_"
		       "ERRNO\","
		       "\"args\":[{\"index\":0,\"value\":4294967295,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		       call_personality) == EPERM,
	   "an argument is compared");
	ok(errno_under("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_"
		       "ERRNO\","
		       "\"args\":[{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		       call_personality) == 0,
	   "and another value passes");
	ok(errno_under("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"no_such_call\"],\"action\":\"SCMP_"
		       "ACT_ERRNO\"}]}",
		       call_getppid) == 0,
	   "a name that libseccomp does not know is skipped, as the specification lets engines do");
}

int main(void)
{
	shapes();
	machines();
	compiled();
	newer();
	return tap_done();
}
