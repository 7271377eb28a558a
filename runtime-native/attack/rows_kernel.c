/* The kernel's own machinery: modules, kexec, BPF, keys, rings, clocks, accounting. */
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/fanotify.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/quota.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timex.h>

static void answer(struct vxe_attack *attack, long ret, const char *call, const char *step)
{
	if (ret < 0)
		attack_failed(attack, ret, call, "%s", step);
	else
		attack_succeeded(attack, call, "%s", step);
}

/* The call is made with something that cannot work; `past` is the answer that only those get who may. */
static void answer_past(struct vxe_attack *attack, long ret, long past, const char *call, const char *step)
{
	if (ret == -past)
		attack_succeeded(attack, call, "the call is let through; only what was given to it is wrong");
	else
		answer(attack, ret, call, step);
}

static void load_module(struct vxe_attack *attack)
{
	static const char garbage[64] = "not a module";

	answer_past(attack, sys3(SYS_init_module, garbage, sizeof(garbage), ""), ENOEXEC, "init_module",
		    "load a module from memory");
}

static void load_module_file(struct vxe_attack *attack)
{
	long fd = attack_open("/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		fd = attack_open("/etc/passwd", O_RDONLY | O_CLOEXEC, 0);
	/* The permission is asked for before the descriptor is looked at. */
	long ret = sys3(SYS_finit_module, fd, "", 0);
	attack_close(fd);
	if (ret == -ENOEXEC || ret == -EBADF || ret == -EINVAL)
		ret = 0;
	answer(attack, ret, "finit_module", "load a module from a file");
}

static void delete_module(struct vxe_attack *attack)
{
	answer_past(attack, sys2(SYS_delete_module, "vxe_attack_no_such_module", O_NONBLOCK), ENOENT, "delete_module",
		    "unload a module");
}

static void kexec(struct vxe_attack *attack)
{
	/* Too many segments. */
	answer_past(attack, sys4(SYS_kexec_load, 0, 1000, 0, 0), EINVAL, "kexec_load", "load another kernel");
}

static void kexec_file(struct vxe_attack *attack)
{
	answer_past(attack, sys5(SYS_kexec_file_load, -1, -1, 0, 0, 0), EBADF, "kexec_file_load",
		    "load another kernel from a file");
}

static void restart(struct vxe_attack *attack)
{
	/* Without the magic numbers nothing can happen. */
	answer_past(attack, sys4(SYS_reboot, 1, 2, 3, 0), EINVAL, "reboot", "restart the machine");
}

static void bpf_map(struct vxe_attack *attack)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};

	answer(attack, sys3(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)), "bpf", "make a map");
}

static void bpf_program(struct vxe_attack *attack)
{
	/* r0 = 0; exit */
	static const struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insn_cnt = COUNT_OF(code);
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.license = (uint64_t)(uintptr_t) "GPL";
	answer(attack, sys3(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)), "bpf", "load a program into the kernel");
}

static void perf(struct vxe_attack *attack)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK};

	answer(attack, sys5(SYS_perf_event_open, &attr, 0, -1, -1, 0), "perf_event_open", "measure the kernel");
}

static void fault_handler(struct vxe_attack *attack)
{
	answer(attack, sys1(SYS_userfaultfd, O_CLOEXEC), "userfaultfd", "handle page faults of the kernel's accesses");
}

static void add_key(struct vxe_attack *attack)
{
	/* -2: the process's own keyring, gone with it. */
	answer(attack, sys5(SYS_add_key, "user", "vxe-attack", "x", 1, -2), "add_key", "keep a key in the kernel");
}

static void request_key(struct vxe_attack *attack)
{
	long ret = sys4(SYS_request_key, "user", "vxe-attack-no-such-key", 0, -2);

	answer_past(attack, ret, ENOKEY, "request_key", "ask for a key");
}

static void key_control(struct vxe_attack *attack)
{
	/* KEYCTL_GET_KEYRING_ID of the session's keyring. */
	answer(attack, sys3(SYS_keyctl, 0, -3, 0), "keyctl", "look at the session's keys");
}

static void ring(struct vxe_attack *attack)
{
	struct io_uring_params params = {0};

	answer(attack, sys2(SYS_io_uring_setup, 1, &params), "io_uring_setup", "set up a ring");
}

static void quota(struct vxe_attack *attack)
{
	answer(attack, sys4(SYS_quotactl, QCMD(Q_SYNC, USRQUOTA), 0, 0, 0), "quotactl", "write quotas out");
}

static void swap_on(struct vxe_attack *attack)
{
	answer_past(attack, sys2(SYS_swapon, "/etc/passwd", 0), EINVAL, "swapon", "swap to a file");
}

static void swap_off(struct vxe_attack *attack)
{
	answer_past(attack, sys1(SYS_swapoff, "/etc/passwd"), EINVAL, "swapoff", "stop swapping");
}

static void set_time(struct vxe_attack *attack)
{
	/* Neither a time nor a zone: only the permission is asked for. */
	answer(attack, sys2(SYS_settimeofday, 0, 0), "settimeofday", "set the clock");
}

static void adjust_time(struct vxe_attack *attack)
{
	struct timex adjustment = {.modes = ADJ_TICK, .tick = 1};

	answer_past(attack, sys1(SYS_adjtimex, &adjustment), EINVAL, "adjtimex", "bend the clock");
}

static void adjust_clock(struct vxe_attack *attack)
{
	struct timex adjustment = {.modes = ADJ_TICK, .tick = 1};

	answer_past(attack, sys2(SYS_clock_adjtime, 0, &adjustment), EINVAL, "clock_adjtime", "bend the clock");
}

static void host_name(struct vxe_attack *attack)
{
	struct {
		char system[65], node[65], rest[4][65];
	} names = {{0}, {0}, {{0}}};
	size_t length;

	sys1(SYS_uname, &names);
	for (length = 0; length < 64 && names.node[length]; length++)
		;
	/* To what it is. */
	answer(attack, sys2(SYS_sethostname, names.node, length), "sethostname", "set the host's name");
}

static void domain_name(struct vxe_attack *attack)
{
	answer_past(attack, sys2(SYS_setdomainname, "x", -1), EINVAL, "setdomainname", "set the domain's name");
}

static void accounting(struct vxe_attack *attack)
{
	answer_past(attack, sys1(SYS_acct, "/vxe-attack/no/such/file"), ENOENT, "acct", "write process accounts");
}

static void cookie(struct vxe_attack *attack)
{
	static char buffer[64];

	answer_past(attack, sys3(SYS_lookup_dcookie, 1, buffer, sizeof(buffer)), EINVAL, "lookup_dcookie",
		    "look a path up by its cookie");
}

static void io_privilege(struct vxe_attack *attack)
{
	answer(attack, sys1(SYS_iopl, 3), "iopl", "use the machine's ports");
}

static void io_permission(struct vxe_attack *attack)
{
	answer(attack, sys3(SYS_ioperm, 0x80, 1, 1), "ioperm", "use one of the machine's ports");
}

static void local_table(struct vxe_attack *attack)
{
	/* struct user_desc: entry 0, a 32-bit data segment of one page. */
	struct {
		uint32_t entry, base, limit, flags;
	} segment = {.limit = 0xfff, .flags = 0x51};

	answer(attack, sys3(SYS_modify_ldt, 0x11, &segment, sizeof(segment)), "modify_ldt", "make a segment of its own");
}

static void hang_up(struct vxe_attack *attack)
{
	/* In a session of its own there is no terminal to lose; without one it is not tried. */
	long session = sys0(SYS_setsid);
	long terminal = session < 0 ? attack_open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC, 0) : -1;

	attack_close(terminal);
	if (terminal >= 0) {
		attack_failed(attack, session, "setsid", "leave the terminal's session");
		return;
	}
	answer(attack, sys0(SYS_vhangup), "vhangup", "hang the terminal up");
}

static void watch_files(struct vxe_attack *attack)
{
	answer(attack, sys2(SYS_fanotify_init, FAN_CLASS_CONTENT, O_RDONLY), "fanotify_init",
	       "decide on others' access to files");
}

static void clear_log(struct vxe_attack *attack)
{
	/* 8: the console's level, to the level that it has; -1 is none, and comes after the permission. */
	answer_past(attack, sys3(SYS_syslog, 8, 0, -1), EINVAL, "syslog", "silence the console");
}

static void own_listener(struct vxe_attack *attack)
{
	/* A filter that allows all, with a listener: whoever holds the newest listener answers for the calls that are
	   referred to one. */
	static const struct {
		uint16_t code;
		uint8_t jump_true, jump_false;
		uint32_t value;
	} code[] = {{6, 0, 0, 0x7fff0000}};
	const struct {
		unsigned short length;
		const void *code;
	} program = {1, code};

	sys5(SYS_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0);
	/* SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER */
	answer(attack, sys3(SYS_seccomp, 1, 8, &program), "seccomp", "become the judge of its own calls");
}

static void memory_policy(struct vxe_attack *attack)
{
	answer(attack, sys1(SYS_mlockall, MCL_FUTURE | MCL_ONFAULT), "mlockall", "lock all of its memory");
}

static void watch_latency(struct vxe_attack *attack)
{
	struct {
		int priority;
	} param = {1};

	/* SCHED_FIFO: a loop at this priority stops everything else on the processor. */
	answer(attack, sys3(SYS_sched_setscheduler, 0, 1, &param), "sched_setscheduler", "run before everything else");
}

#define GROUP "kernel"
#define ROW(name, capability, tries, control, events, run)                                                                     \
	{                                                                                                                      \
		name, GROUP, tries, control, events, capability, run                                                           \
	}
#define PAST "The kernel only minds what was given to it."

static const struct vxe_attack_row rows[] = {
	ROW("module-load", CAP_SYS_MODULE, "Loads a kernel module from memory (garbage).", PAST, "init_module()", load_module),
	ROW("module-load-file", CAP_SYS_MODULE, "Loads a kernel module from a file (no module).", PAST, "finit_module()",
	    load_module_file),
	ROW("module-unload", CAP_SYS_MODULE, "Unloads a kernel module (that does not exist).", PAST, "delete_module()",
	    delete_module),
	ROW("kexec", CAP_SYS_BOOT, "Loads another kernel (with impossible segments).", PAST, "kexec_load()", kexec),
	ROW("kexec-file", CAP_SYS_BOOT, "Loads another kernel from a file (that is not open).", PAST, "kexec_file_load()",
	    kexec_file),
	ROW("reboot", CAP_SYS_BOOT, "Restarts the machine (without the magic numbers).", PAST, "reboot()", restart),
	ROW("bpf-map", VXE_NO_CAPABILITY, "Makes a BPF map.", "It is made.", "bpf(0)", bpf_map),
	ROW("bpf-program", VXE_NO_CAPABILITY, "Loads a BPF program.", "It is loaded.", "bpf(5)", bpf_program),
	ROW("perf", VXE_NO_CAPABILITY, "Opens a performance counter.", "It is open.", "perf_event_open()", perf),
	ROW("userfaultfd", CAP_SYS_PTRACE, "Handles page faults, to stop the kernel in the middle of a copy.", "It may.",
	    "userfaultfd()", fault_handler),
	ROW("key-add", VXE_NO_CAPABILITY, "Keeps a key in the kernel.", "It is kept, for the attempt's process.", "add_key()",
	    add_key),
	ROW("key-request", VXE_NO_CAPABILITY, "Asks for a key (that nobody has).", PAST, "request_key()", request_key),
	ROW("key-control", VXE_NO_CAPABILITY, "Looks at its session's keys.", "They are seen.", "keyctl()", key_control),
	ROW("io-uring", VXE_NO_CAPABILITY, "Sets up a ring.", "It is set up.", "io_uring_setup()", ring),
	ROW("quota", VXE_NO_CAPABILITY, "Writes the file systems' quotas out.", "It may.", "quotactl()", quota),
	ROW("swap-on", CAP_SYS_ADMIN, "Swaps to a file (that is no swap file).", PAST, "swapon(\"/etc/passwd\")", swap_on),
	ROW("swap-off", CAP_SYS_ADMIN, "Stops swapping (to a file that is none).", PAST, "swapoff(\"/etc/passwd\")", swap_off),
	ROW("clock-set", CAP_SYS_TIME, "Sets the clock (to nothing).", "It may.", "settimeofday()", set_time),
	ROW("clock-adjust", CAP_SYS_TIME, "Bends the clock (impossibly).", PAST, "adjtimex()", adjust_time),
	ROW("clock-adjust-2", CAP_SYS_TIME, "The same by clock_adjtime.", PAST, "clock_adjtime()", adjust_clock),
	ROW("host-name", VXE_NO_CAPABILITY, "Sets the host's name.", "Set to what it was.", "sethostname()", host_name),
	ROW("domain-name", VXE_NO_CAPABILITY, "Sets the domain's name (of impossible length).", PAST, "setdomainname()",
	    domain_name),
	ROW("accounting", CAP_SYS_PACCT, "Writes process accounts (to a file that cannot be).", PAST,
	    "acct(\"/vxe-attack/no/such/file\")", accounting),
	ROW("cookie", CAP_SYS_ADMIN, "Looks a path up by its cookie, an old call.", PAST, "lookup_dcookie()", cookie),
	ROW("port-privilege", CAP_SYS_RAWIO, "Takes the right to all of the machine's ports.", "It has it.", "iopl(3)",
	    io_privilege),
	ROW("port-permission", CAP_SYS_RAWIO, "Takes the right to one of the machine's ports.", "It has it.", "ioperm()",
	    io_permission),
	ROW("descriptor-table", VXE_NO_CAPABILITY, "Makes a memory segment of its own.", "It is made.", "modify_ldt()",
	    local_table),
	ROW("hang-up", CAP_SYS_TTY_CONFIG, "Hangs the terminal up (of a session that has none).", "It may.", "vhangup()",
	    hang_up),
	ROW("fanotify", CAP_SYS_ADMIN, "Decides on other programs' access to files.", "It may.", "fanotify_init()",
	    watch_files),
	ROW("console-level", CAP_SYSLOG, "Silences the console (impossibly).", PAST, "syslog(8)", clear_log),
	ROW("own-judge", VXE_NO_CAPABILITY, "Adds a filter with a listener, to judge its own calls.", "It has a listener.",
	    "seccomp()", own_listener),
	ROW("memory-lock", VXE_NO_CAPABILITY, "Locks all of its memory.", "It is locked.", "mlockall(MCL_FUTURE)",
	    memory_policy),
	ROW("real-time", CAP_SYS_NICE, "Takes a real-time priority.", "It has it.", "sched_setscheduler(0, SCHED_FIFO)",
	    watch_latency),
};

const struct vxe_attack_group vxe_attack_kernel = {rows, COUNT_OF(rows)};
