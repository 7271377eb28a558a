/*
 * Kills each process of a launch at each of its system calls, and looks at what is left after the next command.
 *
 *   inject SCENARIO EVERY VXE STATE CGROUPS IDLE WAITING PROGRAM NAME
 *
 * A scenario is a row of commands, run under ptrace with all that they start. A first pass counts each process's calls; then for every
 * EVERYth of them the scenario runs again, with that process killed (SIGKILL) as it is about to make that call, everybody else let
 * go, and `delete --force`. Nothing may remain: no process, no mount, no cgroup, no state. Prints TAP, one test for each process.
 * Scenarios with a command beside kill nobody: the process stands still at its call for a moment, and the other command runs meanwhile. Both end, with
 * success or a message that says what happened; the state is whole and says what the kernel says; hooks run once. VXE_KILL_SWAP is a program that
 * deletes the container and starts another of its name, which the command that stood still must leave alone; VXE_KILL_RULES a file of resources;
 * VXE_KILL_HOOKED what the hooks of IDLE write a line to. VXE_KILL_ON goes on after a fault, VXE_KILL_SAYS prints each message.
 * Of a container in a cgroup that is another's (VXE_KILL_OTHERS is its path): after a kill before the container was in it a bystander enters the
 * cgroup, which the next command must neither end nor remove.
 * In the scenarios `fail-...` a call fails, in each way in which it may, in place of being made. The command then does its whole work
 * or says in one sentence why not, and what runs is confined as undisturbed: the program says by what. VXE_KILL_STANDING is its
 * question, VXE_KILL_PROCESS and VXE_KILL_RESOURCES are files for exec and update. KILL_TELL tells also of what went well.
 * Must be the first process of its own pid and mount namespaces, or their only user.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"

#define COMMANDS_MAX 12
#define WORDS_MAX 12
#define PROCESSES_MAX 24
#define CALLS_MAX 4096
/* A machine that stands still for a minute is none of our business. */
#define LIMIT_S 300
/* A command whose call failed may not hang, though: some of what they wait for may take them ten seconds. */
#define FAILING_LIMIT_S 25

struct scenario {
	const char *name;
	const char *commands[COMMANDS_MAX][WORDS_MAX]; /* ends with an empty one; "@" waits for the container's end */
	const char *clean[WORDS_MAX];
	/* Runs while the last command stands still at one of its calls; nobody is killed then. */
	const char *beside[WORDS_MAX];
	/* What a command of the old container's must not do to the new one (see `swap`); a word that its state has then. */
	const char *spoilt;
};

static const char *vxe, *state_root, *cgroup_root, *idle, *waiting, *program, *name, *others, *swap, *rules, *hooked;
/* What the command that stands still has said, the one beside it, and the one that asks for the state afterwards. */
enum { HELD, BESIDE, ASKED, SAYING };
static int sayings[SAYING];
static pid_t bystander;

#define CREATE                                                                                                                 \
	{                                                                                                                      \
		"$runtime", "create", "--bundle", "$idle", "$name"                                                             \
	}
#define START                                                                                                                  \
	{                                                                                                                      \
		"$runtime", "start", "$name"                                                                                   \
	}
#define EXEC                                                                                                                   \
	{                                                                                                                      \
		"$runtime", "exec", "$name", "$program"                                                                        \
	}
#define PAUSE                                                                                                                  \
	{                                                                                                                      \
		"$runtime", "pause", "$name"                                                                                   \
	}
#define RESUME                                                                                                                 \
	{                                                                                                                      \
		"$runtime", "resume", "$name"                                                                                  \
	}
#define UPDATE                                                                                                                 \
	{                                                                                                                      \
		"$runtime", "update", "--resources", "$rules", "$name"                                                         \
	}
#define KILL                                                                                                                   \
	{                                                                                                                      \
		"$runtime", "kill", "--all", "$name", "KILL"                                                                   \
	}
#define DELETE                                                                                                                 \
	{                                                                                                                      \
		"$runtime", "delete", "--force", "$name"                                                                       \
	}
/* A program that deletes the container, and creates and starts another of its name. */
#define SWAP                                                                                                                   \
	{                                                                                                                      \
		"$swap", "$runtime", "$idle", "$name"                                                                          \
	}

/* The words with a dollar are replaced. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
static const struct scenario scenarios[] = {
	{"run", {{"$runtime", "run", "--bundle", "$idle", "$name"}}, {"$runtime", "delete", "--force", "$name"}},
	{"oci",
	 {{"$runtime", "create", "--bundle", "$waiting", "$name"},
	  {"$runtime", "start", "$name"},
	  {"$runtime", "exec", "$name", "$program"},
	  {"$runtime", "delete", "--force", "$name"}},
	 {"$runtime", "delete", "--force", "$name"}},
	{"ended",
	 {{"$runtime", "create", "--bundle", "$idle", "$name"},
	  {"$runtime", "start", "$name"},
	  {"@"},
	  {"$runtime", "delete", "$name"}},
	 {"$runtime", "delete", "--force", "$name"}},
	{"detached",
	 {{"$runtime", "run", "--detach", "--bundle", "$waiting", "$name"},
	  {"$runtime", "pause", "$name"},
	  {"$runtime", "resume", "$name"},
	  {"$runtime", "delete", "--force", "$name"}},
	 {"$runtime", "delete", "--force", "$name"}},
	/* Of a container in a user namespace, for which the launcher opens and makes things. */
	{"apart", {{"$runtime", "run", "--bundle", "$idle", "$name"}}, {"$runtime", "delete", "--force", "$name"}},
	/* In a cgroup that was there before it, and in one that somebody else makes after the kill. */
	{"given", {{"$runtime", "run", "--bundle", "$idle", "$name"}}, {"$runtime", "delete", "--force", "$name"}},
	{"unmade", {{"$runtime", "run", "--bundle", "$idle", "$name"}}, {"$runtime", "delete", "--force", "$name"}},
	{"own",
	 {{"$vxe", "start", "$waiting", "--detach"}, {"$vxe", "exec", "waiting", "$program"}, {"$vxe", "stop", "waiting"}},
	 {"$vxe", "stop", "waiting"}},
	/* The same, where the waiting bundle's profile has hooks after calls, and each launch a companion that tells them. */
	{"hooked",
	 {{"$vxe", "start", "$waiting", "--detach"}, {"$vxe", "exec", "waiting", "$program"}, {"$vxe", "stop", "waiting"}},
	 {"$vxe", "stop", "waiting"}},
	/* These clean up while the command is at work. */
	/* In these nobody is killed: a call fails. */
	{"fail-run", {{"$runtime", "run", "--bundle", "$idle", "$name"}}, {"$runtime", "delete", "--force", "$name"}},
	{"fail-apart", {{"$runtime", "run", "--bundle", "$idle", "$name"}}, {"$runtime", "delete", "--force", "$name"}},
	{"fail-oci",
	 {{"$runtime", "create", "--bundle", "$idle", "$name"},
	  {"$runtime", "start", "$name"},
	  {"@"},
	  {"$runtime", "state", "$name"},
	  {"$runtime", "delete", "$name"}},
	 {"$runtime", "delete", "--force", "$name"}},
	{"fail-exec",
	 {{"$runtime", "run", "--detach", "--bundle", "$waiting", "$name"},
	  {"$runtime", "exec", "--process", "$process", "$name"},
	  {"$runtime", "pause", "$name"},
	  {"$runtime", "state", "$name"},
	  {"$runtime", "resume", "$name"},
	  {"$runtime", "update", "--resources", "$resources", "$name"},
	  {"$runtime", "exec", "--process", "$process", "$name"},
	  {"$runtime", "delete", "--force", "$name"}},
	 {"$runtime", "delete", "--force", "$name"}},
	{"fail-own", {{"$vxe", "start", "$idle"}}, {"$vxe", "stop", "told"}},
	{"fail-stop",
	 {{"$vxe", "start", "$waiting", "--detach"},
	  {"$vxe", "exec", "waiting", "--", "$program", "$standing"},
	  {"$vxe", "stop", "waiting"}},
	 {"$vxe", "stop", "waiting"}},
	{"deleted", {{"$runtime", "create", "--bundle", "$waiting", "$name"}}, DELETE, DELETE},
	{"stopped", {{"$vxe", "start", "$waiting", "--detach"}}, {"$vxe", "stop", "waiting"}, {"$vxe", "stop", "waiting"}},
	/* Two commands on one container, as of an engine that has timed out and asks again: the last one stands still, the other runs beside it. */
	{"create-create", {CREATE}, DELETE, CREATE},
	{"start-start", {CREATE, START}, DELETE, START},
	{"start-delete", {CREATE, START}, DELETE, DELETE},
	{"start-kill", {CREATE, START}, DELETE, KILL},
	{"start-pause", {CREATE, START}, DELETE, PAUSE},
	{"delete-start", {CREATE, DELETE}, DELETE, START},
	{"delete-create", {CREATE, START, DELETE}, DELETE, CREATE},
	{"delete-delete", {CREATE, START, DELETE}, DELETE, DELETE},
	{"delete-state", {CREATE, START, DELETE}, DELETE, {"$runtime", "state", "$name"}},
	{"delete-exec", {CREATE, START, DELETE}, DELETE, EXEC},
	{"delete-pause", {CREATE, START, DELETE}, DELETE, PAUSE},
	{"delete-resume", {CREATE, START, PAUSE, DELETE}, DELETE, RESUME},
	{"delete-update", {CREATE, START, DELETE}, DELETE, UPDATE},
	{"delete-kill", {CREATE, START, DELETE}, DELETE, KILL},
	{"exec-delete", {CREATE, START, EXEC}, DELETE, DELETE},
	{"exec-exec", {CREATE, START, EXEC}, DELETE, EXEC},
	{"exec-kill", {CREATE, START, EXEC}, DELETE, KILL},
	{"pause-pause", {CREATE, START, PAUSE}, DELETE, PAUSE},
	{"pause-start", {CREATE, PAUSE}, DELETE, START},
	{"pause-resume", {CREATE, START, PAUSE}, DELETE, RESUME},
	{"pause-delete", {CREATE, START, PAUSE}, DELETE, DELETE},
	{"resume-pause", {CREATE, START, PAUSE, RESUME}, DELETE, PAUSE},
	{"resume-delete", {CREATE, START, PAUSE, RESUME}, DELETE, DELETE},
	{"update-update", {CREATE, START, UPDATE}, DELETE, UPDATE},
	{"update-delete", {CREATE, START, UPDATE}, DELETE, DELETE},
	{"kill-delete", {CREATE, START, KILL}, DELETE, DELETE},
	{"state-delete", {CREATE, START, {"$runtime", "state", "$name"}}, DELETE, DELETE},
	{"list-delete", {CREATE, START, {"$runtime", "list"}}, DELETE, DELETE},
	{"ps-delete", {CREATE, START, {"$runtime", "ps", "$name"}}, DELETE, DELETE},
	{"events-delete", {CREATE, START, {"$runtime", "events", "--stats", "$name"}}, DELETE, DELETE},
	{"run-run",
	 {{"$runtime", "run", "--bundle", "$idle", "--detach", "$name"}},
	 DELETE,
	 {"$runtime", "run", "--bundle", "$idle", "--detach", "$name"}},
	/* Another container takes the name meanwhile: the command is none for that one. */
	{"kill-swap", {CREATE, START, KILL}, DELETE, SWAP, "stopped"},
	{"kill-one-swap", {CREATE, START, {"$runtime", "kill", "$name", "KILL"}}, DELETE, SWAP, "stopped"},
	{"kill-each-swap", {CREATE, START, {"$runtime", "kill", "--all", "$name", "HUP"}}, DELETE, SWAP, "stopped"},
	{"pause-swap", {CREATE, START, PAUSE}, DELETE, SWAP, "paused"},
	{"delete-swap", {CREATE, START, DELETE}, DELETE, SWAP, ""},
	{"exec-swap", {CREATE, START, EXEC}, DELETE, SWAP},
	{"start-swap", {CREATE, START}, DELETE, SWAP},
	{"update-swap", {CREATE, START, UPDATE}, DELETE, SWAP},
	/* A recorder, its guard and what they record, a program that ends only when it is told to. */
	{"trace-notify",
	 {{"$recorder", "--recorder", "notify", "--wait", "0", "--host", "$program", "wait", "--", "$program"}},
	 {"$recorder", "--recorder", "notify", "--host", "$program"}},
	{"trace-bpf",
	 {{"$recorder", "--recorder", "bpf", "--wait", "0", "--host", "$program", "wait", "--", "$program"}},
	 {"$recorder", "--recorder", "bpf", "--host", "$program"}},
	{"trace-bundle",
	 {{"$recorder", "--recorder", "notify", "--wait", "0", "$waiting", "--", "$program"}},
	 {"$recorder", "--recorder", "notify", "--wait", "0", "$waiting", "--", "$program"}},
};
#pragma GCC diagnostic pop

/* In these a call fails. */
static bool is_failing(const struct scenario *scenario)
{
	return !strncmp(scenario->name, "fail-", 5);
}

static bool is_beside(const struct scenario *scenario)
{
	return scenario->beside[0] != NULL;
}

static const char *word(const char *text)
{
	static char runtime[4096], recorder[4096];

	snprintf(runtime, sizeof(runtime), "%s-runtime", vxe);
	snprintf(recorder, sizeof(recorder), "%s-recorder", vxe);
	return !strcmp(text, "$vxe")	     ? vxe
	       : !strcmp(text, "$runtime")   ? runtime
	       : !strcmp(text, "$recorder")  ? recorder
	       : !strcmp(text, "$idle")	     ? idle
	       : !strcmp(text, "$waiting")   ? waiting
	       : !strcmp(text, "$program")   ? program
	       : !strcmp(text, "$name")	     ? name
	       : !strcmp(text, "$process")   ? getenv("VXE_KILL_PROCESS")
	       : !strcmp(text, "$resources") ? getenv("VXE_KILL_RESOURCES")
	       : !strcmp(text, "$standing")  ? getenv("VXE_KILL_STANDING")
	       : !strcmp(text, "$rules")     ? rules
	       : !strcmp(text, "$swap")	     ? swap
					     : text;
}

/* --- one run under ptrace, in a process of its own: when that ends, the kernel lets all tracees go --- */

struct process {
	pid_t pid;
	int command, order; /* which command it comes from, and as which of its processes: 0 is the command itself */
	bool alive;
	bool confined; /* a filter is loaded */
	bool other;    /* executes another program than ours */
	unsigned int calls;
	unsigned short numbers[CALLS_MAX];
	unsigned int details[CALLS_MAX];
};

/* Shared with the process that drives. */
struct result {
	struct process processes[PROCESSES_MAX];
	int count;
	bool killed;	     /* the call was reached */
	int command, status; /* of the last one that ended */
	bool beside;	     /* the command beside it came to its end meanwhile */
	int ended[2];	     /* of HELD and BESIDE */
	char failure[256];
};

struct target {
	int process; /* -1: only count */
	unsigned int call;
	const struct scenario *beside; /* NULL: the process is killed */
	bool fails;		       /* none is killed, one fails */
	struct fault *fault;
	struct process *failing; /* until the call returns */
	pid_t cleaner;		 /* runs beside it; 0: has ended */
};

static struct process *process_find(struct result *result, pid_t pid)
{
	for (int i = 0; i < result->count; i++)
		if (result->processes[i].pid == pid)
			return &result->processes[i];
	return NULL;
}

static struct process *process_add(struct result *result, pid_t pid, int command)
{
	struct process *process = &result->processes[result->count];

	if (result->count == PROCESSES_MAX) {
		snprintf(result->failure, sizeof(result->failure), "more than %d processes", PROCESSES_MAX);
		_exit(1);
	}
	result->count++;
	process->pid = pid;
	process->command = command;
	process->order = 0;
	for (int i = 0; i < result->count - 1; i++)
		process->order += result->processes[i].command == command;
	process->alive = true;
	process->confined = process->other = false;
	process->calls = 0;
	return process;
}

static int out_fd = -1, err_fd = -1;

static int command_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* saying: where its messages go; -1 */
static pid_t command_start(const char *const *words, bool told, int saying)
{
	const char *argv[WORDS_MAX + 4];
	char root[4200];
	size_t n = 0;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(root, sizeof(root), "--root=%s", state_root);
	argv[n++] = word(words[0]);
	if (strcmp(words[0], "$swap") != 0)
		argv[n++] = root;
	for (size_t i = 1; i < WORDS_MAX && words[i]; i++)
		argv[n++] = word(words[i]);
	argv[n] = NULL;
	setenv("VXE_ROOT", state_root, 1);
	if (getenv("KILL_VERBOSE") == NULL) {
		int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null_fd, 0);
		dup2(told ? out_fd : null_fd, 1);
		dup2(told ? err_fd : null_fd, 2);
	}
	if (saying >= 0)
		dup2(saying, 2);
	if (saying == sayings[ASKED])
		dup2(saying, 1);
	raise(SIGSTOP);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

/* Long enough for it to come to its end, or to what it waits for. */
#define BESIDE_MS 20
#define SWAP_MS 400

static pid_t command_begin(const char *const *words, int saying)
{
	pid_t pid = command_start(words, false, saying);
	int status;

	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	return pid;
}

static void run_beside(struct result *result, struct target *target)
{
	int most = strcmp(target->beside->beside[0], "$swap") ? BESIDE_MS : SWAP_MS;
	pid_t ended = 0;
	int status;

	target->cleaner = command_begin(target->beside->beside, sayings[BESIDE]);
	for (int waited = 0; waited < most && ended == 0; waited++) {
		usleep(1000);
		ended = waitpid(target->cleaner, &status, WNOHANG);
	}
	if (ended == 0)
		return;
	result->beside = true;
	result->ended[BESIDE] = command_status(status);
	target->cleaner = 0;
}

/* At its call: counted already. */
static bool is_target(const struct result *result, const struct process *process, const struct target *target)
{
	return target->process >= 0 && process == &result->processes[target->process] && process->calls == target->call + 1;
}

/* What is executed now is a container's program, or a hook's. */
static void program_note(const struct target *target, struct process *process)
{
	char path[64], file[4096] = "";

	snprintf(path, sizeof(path), "/proc/%d/exe", process->pid);
	if (readlink(path, file, sizeof(file) - 1) < 0)
		file[0] = '\0';
	process->other = target->fails && !strstr(file, "vxe");
}

/* At a system call's entry. True when it was the one that somebody is killed at. */
static bool call_entered(struct result *result, struct process *process, struct target *target)
{
	struct __ptrace_syscall_info info;
	pid_t ended;
	int status;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof(info), &info) <= 0)
		return false;
	if (target->failing == process && info.op == PTRACE_SYSCALL_INFO_EXIT) {
		fault_end(process->pid, target->fault);
		target->failing = NULL;
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY || process->other)
		return false;
	if (process->calls < CALLS_MAX) {
		process->numbers[process->calls] = (unsigned short)info.entry.nr;
		process->details[process->calls] = fault_detail(info.entry.nr, (const uint64_t *)info.entry.args);
	}
	process->calls++;
	process->confined |= info.entry.nr == SYS_seccomp && info.entry.args[0] == SECCOMP_SET_MODE_FILTER &&
			     info.entry.args[2] && !(is_target(result, process, target) && target->fault);
	if (!is_target(result, process, target))
		return false;
	if (target->beside) {
		result->killed = true;
		run_beside(result, target);
		return false;
	}
	if (target->fault) {
		target->fault->masked = process->confined;
		if (fault_begin(process->pid, target->fault, &info)) {
			target->failing = process;
			result->killed = true;
		}
		return false;
	}
	kill(process->pid, SIGKILL);
	/* Until its descriptors are closed and its locks free. The first process of a namespace ends after all others are buried, by whoever
	   is their parent: all go on meanwhile. */
	while ((ended = waitpid(-1, &status, __WALL)) > 0 && (ended != process->pid || WIFSTOPPED(status)))
		if (WIFSTOPPED(status))
			ptrace(PTRACE_CONT, ended, 0,
			       status >> 16 || WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status));
	result->killed = true;
	return true;
}

/* Until the process of the command has ended (its status), or the target was killed (-1). */
static int trace(struct result *result, int command, pid_t waited, struct target *target)
{
	for (;;) {
		struct process *process;
		int status, sig = 0;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0)
			return 0;
		process = process_find(result, pid);
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (process)
				process->alive = false;
			if (pid == target->cleaner) {
				target->cleaner = 0;
				result->ended[BESIDE] = command_status(status);
			}
			if (pid == waited)
				return command_status(status);
			continue;
		}
		if (!process)
			process = process_add(result, pid, command);
		if (!WIFSTOPPED(status))
			continue;
		/* Its child is of the same command, also where that shows itself when the next one runs. */
		if (status >> 16 == PTRACE_EVENT_CLONE || status >> 16 == PTRACE_EVENT_FORK ||
		    status >> 16 == PTRACE_EVENT_VFORK) {
			unsigned long child;

			if (ptrace(PTRACE_GETEVENTMSG, pid, 0, &child) == 0 && !process_find(result, (pid_t)child))
				process_add(result, (pid_t)child, process->command);
		}
		if (status >> 16 == PTRACE_EVENT_EXEC)
			program_note(target, process);
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			if (call_entered(result, process, target))
				return -1;
		} else if (status >> 16 == 0) {
			sig = WSTOPSIG(status);
		}
		ptrace(PTRACE_SYSCALL, pid, 0, sig);
	}
}

static void scenario_run(const struct scenario *scenario, struct result *result, struct target *target)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;

	alarm(target->fails ? FAILING_LIMIT_S : LIMIT_S);
	for (int i = 0; i < COMMANDS_MAX && scenario->commands[i][0]; i++) {
		bool last = i + 1 == COMMANDS_MAX || !scenario->commands[i + 1][0];
		int status;
		pid_t pid;

		/* What leads to the one that stands still is not looked at. */
		if (is_beside(scenario) && !last) {
			pid = command_begin(scenario->commands[i], -1);
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				;
			if (command_status(status) == 0)
				continue;
			snprintf(result->failure, sizeof(result->failure), "%s ends with %d", scenario->commands[i][1],
				 command_status(status));
			_exit(1);
		}

		if (!strcmp(scenario->commands[i][0], "@")) {
			/* The container is the first process that the first command made and that has not ended with it. */
			int container = 1;

			while (container < result->count && !result->processes[container].alive)
				container++;
			if (container < result->count && trace(result, i, result->processes[container].pid, target) < 0)
				_exit(0);
			continue;
		}
		(void)!ftruncate(err_fd, 0);
		pid = command_start(scenario->commands[i], is_failing(scenario), is_beside(scenario) ? sayings[HELD] : -1);
		if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
			_exit(1);
		/* The way into the program is ours, not the command's: counted from its execve on. */
		if (ptrace(PTRACE_SEIZE, pid, 0, options | PTRACE_O_TRACEEXEC) < 0)
			_exit(1);
		process_add(result, pid, i);
		kill(pid, SIGCONT);
		status = trace(result, i, pid, target);
		result->ended[HELD] = status;
		if (target->cleaner)
			trace(result, i, target->cleaner, target);
		/* What ends beside it may end it. */
		if (status < 0 || (target->beside && result->killed))
			_exit(0);
		result->command = i;
		result->status = status;
		if (status != 0 && target->fault)
			_exit(0);
		if (status != 0) {
			snprintf(result->failure, sizeof(result->failure), "%s ends with %d", scenario->commands[i][1], status);
			_exit(1);
		}
	}
	_exit(0);
}

static void traced(const struct scenario *scenario, struct result *result, struct target *target)
{
	pid_t tracer;

	for (int i = 0; i < PROCESSES_MAX; i++)
		result->processes[i].calls = 0;
	result->count = 0;
	result->command = result->status = 0;
	result->killed = result->beside = false;
	for (int i = 0; i < SAYING; i++)
		(void)!ftruncate(sayings[i], 0);
	if (hooked)
		(void)!truncate(hooked, 0);
	result->failure[0] = '\0';
	tracer = fork();
	if (tracer == 0)
		scenario_run(scenario, result, target);
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, 0);

		if (pid < 0 || pid == tracer) {
			if (pid < 0 || !WIFEXITED(status))
				snprintf(result->failure, sizeof(result->failure), "the scenario hangs");
			return;
		}
	}
}

/* --- what is left --- */

static void mounts_read(char *out, size_t size)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got;

	while (used + 1 < size && (got = read(fd, out + used, size - 1 - used)) > 0)
		used += (size_t)got;
	out[used] = '\0';
	close(fd);
}

static bool folder_holds(const char *path, const char *part, char *found, size_t size)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool holds = false;

	while (dir && !holds && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && (!part || strstr(entry->d_name, part))) {
			snprintf(found, size, "%s/%s", path, entry->d_name);
			holds = true;
		}
	if (dir)
		closedir(dir);
	return holds;
}

/* A process that was not there at the beginning, by its number and name. */
static bool process_left(const bool *known, char *found, size_t size)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool left = false;

	while (proc && !left && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name);
		char path[64], text[128] = "";
		int fd;

		if (pid <= 0 || pid >= 1 << 22 || known[pid] || pid == getpid() || pid == bystander)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		left = read(fd, text, sizeof(text) - 1) > 0;
		close(fd);
		if (left)
			snprintf(found, size, "process %.100s", text);
	}
	if (proc)
		closedir(proc);
	return left;
}

static void processes_note(bool *known)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		if (pid > 0 && pid < 1 << 22)
			known[pid] = true;
	}
	if (proc)
		closedir(proc);
}

/* --- a cgroup that is another's --- */

static bool file_says(const char *folder, const char *file, const char *text)
{
	char path[4200], content[8192] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, content, sizeof(content) - 1) < 0)
		content[0] = '\0';
	close(fd);
	return strstr(content, text);
}

static bool is_given(const struct scenario *scenario)
{
	return !strcmp(scenario->name, "given");
}

static bool has_others(const struct scenario *scenario)
{
	return is_given(scenario) || !strcmp(scenario->name, "unmade");
}

static bool others_begin(const struct scenario *scenario)
{
	if (!others)
		return false;
	return is_given(scenario) ? mkdir(others, 0755) == 0 || errno == EEXIST : rmdir(others) == 0 || errno == ENOENT;
}

/* Where the container was in it, or its maker is alive, nobody could tell by whom a process came there. */
static bool others_enter(const struct scenario *scenario, const struct process *killed, char *found, size_t size)
{
	char state[4200];

	snprintf(state, sizeof(state), "%s/%s", state_root, name);
	if (!has_others(scenario) || killed->order != 0 || file_says(state, "state.json", "\"init\":{"))
		return true;
	/* What was being made ends by itself. */
	for (int waited = 0; waited < 5000 && file_says(others, "cgroup.events", "populated 1"); waited++)
		usleep(1000);
	if (mkdir(others, 0755) < 0 && errno != EEXIST) {
		snprintf(found, size, "making %s: %s", others, strerror(errno));
		return false;
	}
	bystander = fork();
	if (bystander == 0) {
		char path[4200];
		int fd;

		snprintf(path, sizeof(path), "%s/cgroup.procs", others);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	for (int waited = 0; waited < 5000 && !file_says(others, "cgroup.events", "populated 1"); waited++)
		usleep(1000);
	snprintf(found, size, "nobody could enter %s", others);
	return file_says(others, "cgroup.events", "populated 1");
}

/* The bystander is where it was; without one the cgroup is empty, or gone if it was the container's. */
static bool others_kept(const struct scenario *scenario, char *found, size_t size)
{
	bool there = access(others, F_OK) == 0, populated = file_says(others, "cgroup.events", "populated 1");
	bool wanted = bystander || is_given(scenario);

	snprintf(found, size, "%s: the cgroup is %s, and has %s", bystander ? "a bystander came" : "nobody came",
		 there ? "there" : "gone", populated ? "processes" : "none");
	if (bystander)
		kill(bystander, SIGKILL);
	while (bystander && waitpid(bystander, NULL, 0) < 0 && errno == EINTR)
		;
	/* The kernel lets go of it a moment after its last process has ended. */
	for (int waited = 0; bystander && waited < 5000 && file_says(others, "cgroup.events", "populated 1"); waited++)
		usleep(1000);
	for (int waited = 0; bystander && !is_given(scenario) && waited < 5000 && rmdir(others) < 0 && errno == EBUSY; waited++)
		usleep(1000);
	wanted = there == wanted && populated == (bystander > 0);
	bystander = 0;
	return wanted;
}

static void children_reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static bool anything_left(const bool *known, const char *mounts, char *found, size_t size)
{
	static char now[1 << 16];

	children_reap();
	if (process_left(known, found, size))
		return true;
	mounts_read(now, sizeof(now));
	if (strcmp(now, mounts)) {
		snprintf(found, size, "a mount");
		return true;
	}
	return folder_holds(cgroup_root, name, found, size) || folder_holds(state_root, NULL, found, size);
}

static int clean(const struct scenario *scenario)
{
	pid_t pid = command_begin(scenario->clean, -1);
	int status = 0;

	alarm(LIMIT_S);
	/* Orphans are ours, and a pid namespace ends when the last of its dead is buried. */
	while (waitpid(-1, &status, 0) != pid)
		;
	alarm(0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* vxe stop of what never came to be says that there is none. */
static bool clean_is_good(const struct scenario *scenario, int status)
{
	return status == 0 || (!strcmp(scenario->clean[1], "stop") && status == 1);
}

/* What the guard of a killed recorder is still ending is there for the next command, which says so. */
static bool clean_is_early(const struct scenario *scenario, int status)
{
	return status == 1 && !strcmp(scenario->name, "trace-bundle");
}

/* 0, or what is wrong in *found. What ends because another was killed may take a moment to go, and hold a lock till then. */
static int inspect(const struct scenario *scenario, const bool *known, const char *mounts, char *found, size_t size)
{
	for (int attempt = 0, early = 0; attempt < 3; attempt++) {
		int status = clean(scenario);

		for (; clean_is_early(scenario, status) && early < 200; early++) {
			usleep(50000);
			status = clean(scenario);
		}
		if (!clean_is_good(scenario, status)) {
			snprintf(found, size, "the next command ends with %d", status);
			return -1;
		}
		for (int waited = 0; waited < (status || is_failing(scenario) ? 200 : 2000); waited++) {
			if (!anything_left(known, mounts, found, size))
				return 0;
			usleep(waited < 100 ? 1000 : 10000);
		}
	}
	return -1;
}

static const char *process_title(const struct scenario *scenario, const struct process *process)
{
	static char title[64];
	const char *verb = scenario->commands[process->command][1];

	if (process->order == 0)
		snprintf(title, sizeof(title), "%s", verb);
	else
		snprintf(title, sizeof(title), "process %d of %s", process->order, verb);
	return title;
}

/* libseccomp 2.5 does not outlive it that it has no memory for the filter that it writes. */
static bool is_beyond(const struct process *process, unsigned int call)
{
	bool exports = false;

	for (unsigned int before = 1; before <= 4 && before <= call; before++)
		exports |= process->numbers[call - before] == SYS_memfd_create;
	return exports && process->numbers[call] == SYS_mmap;
}

/* A row of calls that repeats (signals, capabilities, waiting) is one step of the launch; the first time is tried, and the second. */
static bool is_step(const struct process *process, unsigned int call)
{
	const unsigned short *numbers = process->numbers + call;

	for (unsigned int period = 1; period <= 3; period++)
		if (call + 1 >= 3 * period &&
		    !memcmp(numbers - period + 1, numbers - 2 * period + 1, period * sizeof(*numbers)) &&
		    !memcmp(numbers - period + 1, numbers - 3 * period + 1, period * sizeof(*numbers)))
			return false;
	return true;
}

/* What a recorder starts is ended with it, wherever it is by then, and a supervisor is looked at as long as its command is there: not each run has
   each of their processes, nor have they each of their calls. */
static bool goes_its_way(const struct scenario *scenario, const struct process *process)
{
	return process->order < 2 || (strncmp(scenario->name, "trace-", 6) != 0 && !is_beside(scenario));
}

static void memory_read(int fd, char *out, size_t size)
{
	ssize_t got = pread(fd, out, size - 1, 0);

	out[got < 0 ? 0 : got] = '\0';
	/* Its number is another each time. */
	for (char *at = out; (at = strstr(at, "\"pid\":")); at++)
		memmove(at + 6, at + strcspn(at, ","), strlen(at + strcspn(at, ",")) + 1);
}

static char usual[1 << 18];

static void said_begin(void)
{
	(void)!ftruncate(out_fd, 0);
	(void)!ftruncate(err_fd, 0);
}

/* Whatever hangs would be in the way of all that follow. */
static void others_end(const bool *known)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		if (pid > 1 && pid < 1 << 22 && !known[pid] && pid != getpid())
			kill(pid, SIGKILL);
	}
	if (proc)
		closedir(proc);
}

/* Nor may what one has left be found again after the next. */
static void rests_remove(const bool *known, char *found, size_t size)
{
	char command[8192];

	others_end(known);
	usleep(100000);
	children_reap();

	if (folder_holds(cgroup_root, name, found, size))
		rmdir(found);
	snprintf(command, sizeof(command), "rm -rf '%s'/*", state_root);
	(void)!system(command);
}

/* One call of a process fails in each way in which it may. */
static unsigned int call_fails(const struct scenario *scenario, int index, const struct process *counted, unsigned int call,
			       const bool *known, const char *mounts, struct result *result, unsigned int *bad)
{
	static char said[1 << 18], errors[1 << 12];
	unsigned int reached = 0;
	struct fault fault;

	for (unsigned int nth = 0; fault_of(counted->numbers[call], counted->details[call], nth, &fault); nth++) {
		struct target target = {.process = index, .call = call, .fails = true, .fault = &fault};
		char found[512] = "", left[512] = "";
		bool good;

		said_begin();
		traced(scenario, result, &target);
		memory_read(err_fd, errors, sizeof(errors));
		reached += result->killed;
		if (result->failure[0])
			others_end(known);
		good = inspect(scenario, known, mounts, left, sizeof(left)) == 0;
		memory_read(out_fd, said, sizeof(said));
		if (!good)
			rests_remove(known, found, sizeof(found));
		found[0] = '\0';
		if (result->failure[0])
			snprintf(found, sizeof(found), "%s", result->failure);
		if (!result->failure[0] && fault_outcome_good(result->status, said, usual, errors, found, sizeof(found)) &&
		    good) {
			if (getenv("KILL_TELL") && result->killed)
				printf("# fine: call %u (number %u, %u) %s: %s %d %s\n", call, counted->numbers[call],
				       counted->details[call], fault_name(&fault), scenario->commands[result->command][1],
				       result->status, errors);
			continue;
		}
		++*bad;
		printf("# call %u of %u (number %u, %u) %s%s: %s %s%s%s\n", call, counted->calls, counted->numbers[call],
		       counted->details[call], fault_name(&fault), result->killed ? "" : ", which it did not make this time",
		       scenario->commands[result->command][1], found, good ? "" : "; left: ", left);
		fflush(stdout);
	}
	return reached;
}

static int failing_test(const struct scenario *scenario, int index, const struct process *counted, unsigned int every,
			const bool *known, const char *mounts, struct result *result)
{
	unsigned int tried = 0, reached = 0, bad = 0;

	/* A command's first is not its own. */
	for (unsigned int call = counted->order == 0, step = 0; call < counted->calls && call < CALLS_MAX; call++)
		if (is_step(counted, call) && !is_beyond(counted, call) && step++ % every == (unsigned int)index % every) {
			tried++;
			reached += call_fails(scenario, index, counted, call, known, mounts, result, &bad);
		}
	printf("# %u calls, %u tried, in %u ways\n", counted->calls, tried, reached);
	return bad ? -1 : 0;
}

/* --- two commands on one container --- */

static const char *said_by(int who)
{
	static char text[SAYING][4096];
	ssize_t got = pread(sayings[who], text[who], sizeof(text[who]) - 1, 0);

	text[who][got > 0 ? got : 0] = '\0';
	text[who][strcspn(text[who], "\n")] = '\0';
	return text[who];
}

/* The kernel's words for what the other one has done meanwhile, and guesses, are no message. */
static bool misleads(const char *text)
{
	static const char *const words[] = {
		"No such ", "Cannot allocate", "Broken pipe", "temporary file", "interrupted",
		"damaged",  "hangs",	       "go on",	      "come to rest",	"first process was killed"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

static bool answer_is_good(const struct scenario *scenario, const struct result *result, int who, char *found, size_t size)
{
	const char *const *words = scenario->beside;
	const char *text = said_by(who), *known = getenv("VXE_KILL_SAYS");
	int status = result->ended[who];

	for (int i = 0; who == HELD && i < COMMANDS_MAX && scenario->commands[i][0]; i++)
		words = scenario->commands[i];
	if (known && (status || *text))
		printf("# said: %s of %s: %d: %s\n", words[1], scenario->name, status, text);
	/* The program's own end. */
	if (status == 0 || (!strcmp(words[1], "exec") && status > 128 && status < 255 && !*text))
		return true;
	snprintf(found, size, "%s ends with %d: %s", words[1], status, *text ? text : "nothing is said");
	return *text && status < 128 + (!strcmp(words[1], "exec") ? 128 : 0) && !misleads(text);
}

/* The value of a member of the state's document; whole numbers as they are. */
static bool state_has(const char *document, const char *key, char *out, size_t size)
{
	const char *at = strstr(document, key);

	if (!at)
		return false;
	at += strlen(key);
	snprintf(out, size, "%.*s", (int)strcspn(at, "\","), at);
	return true;
}

/* "": there is none. The state is whole, and says what is so. */
static bool state_is_true(char status[32], char *found, size_t size)
{
	static const char *const ask[WORDS_MAX] = {"$runtime", "state", "$name"}, *const list[WORDS_MAX] = {"$runtime", "list",
													    "--format", "json"};
	char cgroup[4200] = "", pid[32] = "", path[4300];
	bool alive, frozen;
	const char *document;
	int ended;

	status[0] = '\0';
	(void)!ftruncate(sayings[ASKED], 0);
	while (waitpid(command_begin(ask, sayings[ASKED]), &ended, 0) < 0 && errno == EINTR)
		;
	document = said_by(ASKED);
	if (command_status(ended) != 0) {
		snprintf(found, size, "state: %s", document);
		return strstr(document, "does not exist");
	}
	state_has(document, "\"status\":\"", status, 32);
	(void)!ftruncate(sayings[ASKED], 0);
	while (waitpid(command_begin(list, sayings[ASKED]), &ended, 0) < 0 && errno == EINTR)
		;
	document = said_by(ASKED);
	state_has(document, "\"cgroup\":\"", cgroup, sizeof(cgroup));
	state_has(document, "\"init\":{\"pid\":", pid, sizeof(pid));
	snprintf(path, sizeof(path), "/proc/%s", pid);
	children_reap();
	alive = *pid && file_says(path, "stat", "(") && !file_says(path, "stat", ") Z");
	frozen = file_says(cgroup, "cgroup.freeze", "1");
	snprintf(found, size, "the state is %s, the container %s%s", status, alive ? "lives" : "does not live",
		 frozen ? " and is frozen" : "");
	if (!alive)
		return !strcmp(status, "stopped");
	return frozen ? !strcmp(status, "paused") : !strcmp(status, "running") || !strcmp(status, "created");
}

static int hooks_run(const char *kind)
{
	char text[4096] = "";
	int fd = hooked ? open(hooked, O_RDONLY | O_CLOEXEC) : -1, count = 0;

	if (fd >= 0) {
		(void)!read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	for (const char *at = text; (at = strstr(at, kind)); at++)
		count++;
	return count;
}

/* Of two that want the same thing, one has it. */
static bool is_exclusive(const struct scenario *scenario)
{
	return !strcmp(scenario->name, "create-create") || !strcmp(scenario->name, "start-start") ||
	       !strcmp(scenario->name, "run-run");
}

/* *kept: at an earlier call the new container was not the command's any more. */
static bool pair_is_good(const struct scenario *scenario, const struct result *result, bool *kept, char *found, size_t size)
{
	bool swapped = !strcmp(scenario->beside[0], "$swap");
	char status[32];

	if (result->failure[0]) {
		snprintf(found, size, "%s", result->failure);
		return false;
	}
	if (!result->killed)
		return true;
	if (!answer_is_good(scenario, result, HELD, found, size) ||
	    (!swapped && !answer_is_good(scenario, result, BESIDE, found, size)))
		return false;
	/* What was killed ends a moment later. */
	if (swapped)
		usleep(30000);
	for (int attempt = 0; !state_is_true(status, found, size); attempt++) {
		if (attempt == 50)
			return false;
		usleep(10000);
	}
	if (is_exclusive(scenario) && (result->ended[HELD] == 0) == (result->ended[BESIDE] == 0)) {
		snprintf(found, size, "both end with %d", result->ended[HELD]);
		return false;
	}
	if (!swapped && hooks_run("poststart") > 1) {
		snprintf(found, size, "poststart hooks run twice");
		return false;
	}
	if (!swapped || !scenario->spoilt || !result->beside || result->ended[BESIDE])
		return true;
	snprintf(found, size, "the next container of the name is \"%s\"", status);
	if (strcmp(status, scenario->spoilt)) {
		*kept = true;
		return true;
	}
	return !*kept;
}

/* At the end of all. */
static bool hooks_are_good(const struct scenario *scenario, char *found, size_t size)
{
	int most = strstr(scenario->name, "create") || strstr(scenario->name, "swap") || strstr(scenario->name, "run") ? 2 : 1;

	snprintf(found, size, "poststop hooks run %d times", hooks_run("poststop"));
	return hooks_run("poststop") <= most;
}

static int process_test(const struct scenario *scenario, int index, const struct process *counted, unsigned int every,
			const bool *known, const char *mounts, struct result *result)
{
	unsigned int tried = 0, reached = 0;
	bool kept = false;
	int failed = 0;
	struct timespec begin, end;
	char found[512];

	clock_gettime(CLOCK_MONOTONIC, &begin);

	for (unsigned int call = 0, step = 0; call < counted->calls && call < CALLS_MAX; call++) {
		struct target target = {.process = index, .call = call, .beside = is_beside(scenario) ? scenario : NULL};
		bool good;

		if (!is_step(counted, call) || step++ % every != (unsigned int)index % every)
			continue;
		traced(scenario, result, &target);
		tried++;
		reached += result->killed;
		good = !is_beside(scenario) || pair_is_good(scenario, result, &kept, found, sizeof(found));
		/* By hand all that is wrong is of interest. */
		if (!good) {
			printf("# beside call %u of %u (number %u): %s\n", call, counted->calls, counted->numbers[call], found);
			failed = -1;
		}
		if (!good && !getenv("VXE_KILL_ON")) {
			inspect(scenario, known, mounts, found, sizeof(found));
			return -1;
		}
		if (!others_enter(scenario, counted, found, sizeof(found)) ||
		    inspect(scenario, known, mounts, found, sizeof(found)) < 0 ||
		    (has_others(scenario) && !others_kept(scenario, found, sizeof(found))) ||
		    (is_beside(scenario) && !hooks_are_good(scenario, found, sizeof(found)))) {
			printf("# %s at call %u of %u (number %u)%s: left: %s\n", is_beside(scenario) ? "cleaned up" : "killed",
			       call, counted->calls, counted->numbers[call],
			       result->killed ? "" : ", which it did not make this time", found);
			return -1;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("# %u calls, %s at %u, reached %u, in %ld s\n", counted->calls, is_beside(scenario) ? "cleaned up" : "killed",
	       tried, reached, (long)(end.tv_sec - begin.tv_sec));
	return tried && !reached && goes_its_way(scenario, counted) ? -1 : failed;
}

static int scenario_test(const struct scenario *scenario, unsigned int every, const bool *known, const char *mounts,
			 struct result *result, int test)
{
	struct target nobody = {.process = -1, .fails = is_failing(scenario)};
	static struct process counted[PROCESSES_MAX];
	char found[512];
	int count;

	if (has_others(scenario) && !others_begin(scenario)) {
		printf("# VXE_KILL_OTHERS: %s\nnot ok %d - %s: as it is\n", others ? strerror(errno) : "no path", ++test,
		       scenario->name);
		return test;
	}
	said_begin();
	traced(scenario, result, &nobody);
	memory_read(out_fd, usual, sizeof(usual));
	if (result->failure[0] || inspect(scenario, known, mounts, found, sizeof(found)) < 0) {
		printf("# %s\nnot ok %d - %s: as it is\n", result->failure[0] ? result->failure : found, ++test,
		       scenario->name);
		return test;
	}
	if (is_failing(scenario) && getenv("KILL_TELL"))
		printf("# usual: %s\n", usual);
	count = result->count;
	memcpy(counted, result->processes, sizeof(counted));
	for (int i = 0; i < count; i++) {
		int failed = (is_failing(scenario) ? failing_test : process_test)(scenario, i, &counted[i], every, known,
										  mounts, result);

		if (is_failing(scenario)) {
			printf("%s %d - %s: where a call of %s fails, it is done or told\n", failed ? "not ok" : "ok", ++test,
			       scenario->name, process_title(scenario, &counted[i]));
			fflush(stdout);
			continue;
		}
		printf("%s %d - %s: nothing is left of it with %s %s at its calls\n", failed ? "not ok" : "ok", ++test,
		       scenario->name, process_title(scenario, &counted[i]), is_beside(scenario) ? "standing still" : "killed");
		fflush(stdout);
	}
	return test;
}

int main(int argc, char **argv)
{
	static bool known[1 << 22];
	static char mounts[1 << 16];
	struct result *result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int every = argc == 10 ? (unsigned int)atoi(argv[2]) : 0;
	int tests = 0;

	if (every == 0 || result == MAP_FAILED) {
		fprintf(stderr, "inject: SCENARIO|all EVERY VXE STATE CGROUPS IDLE WAITING PROGRAM NAME\n");
		return 2;
	}
	vxe = argv[3];
	state_root = argv[4];
	cgroup_root = argv[5];
	idle = argv[6];
	waiting = argv[7];
	program = argv[8];
	others = getenv("VXE_KILL_OTHERS");
	swap = getenv("VXE_KILL_SWAP");
	rules = getenv("VXE_KILL_RULES");
	hooked = getenv("VXE_KILL_HOOKED");
	for (int i = 0; i < SAYING; i++)
		if ((sayings[i] = memfd_create("said", MFD_CLOEXEC)) < 0 || fcntl(sayings[i], F_SETFL, O_APPEND) < 0)
			return 2;
	name = argv[9]; /* of the container; no cgroup of the host has it in its name */
	mkdir(state_root, 0711);
	out_fd = memfd_create("out", MFD_CLOEXEC);
	err_fd = memfd_create("err", MFD_CLOEXEC);
	fcntl(out_fd, F_SETFL, O_APPEND);
	fcntl(err_fd, F_SETFL, O_APPEND);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	processes_note(known);
	mounts_read(mounts, sizeof(mounts));
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
		if ((!strcmp(argv[1], "all") && !is_failing(&scenarios[i])) || !strcmp(argv[1], scenarios[i].name))
			tests = scenario_test(&scenarios[i], every, known, mounts, result, tests);
	printf("1..%d\n", tests);
	if (!tests)
		fprintf(stderr, "inject: there is no scenario %s\n", argv[1]);
	return tests ? 0 : 2;
}
