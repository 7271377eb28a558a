/* The state of instances: what a crash leaves behind must neither block a new start nor be taken for the truth. */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "file.h"
#include "folder.h"
#include "tap.h"

static char folder[] = "/tmp/vxe-test-state-XXXXXX";
static pid_t main_pid;

static void clean_up(void)
{
	if (getpid() == main_pid)
		folder_remove(folder);
}

static struct vxe_state sample(enum vxe_status status)
{
	return (struct vxe_state){
		.id = "popd",
		.bundle = "/var/lib/vxe/bundles/popd",
		.oci_version = "1.2.0",
		.status = status,
		.owner = geteuid(),
		.exit_code = -1,
	};
}

static struct vxe_process_id identify(pid_t pid)
{
	return (struct vxe_process_id){.pid = pid, .start_time = vxe_process_start_time(pid)};
}

/* A process that does nothing until it is killed. */
static pid_t spawn_sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_ids(void)
{
	static const char *const good[] = {"a", "popd", "A-b_c.d+e", "0", "_", "+x", "a.", "a..b"};
	static const char *const bad[] = {"",	 ".",	"..",  "-a",	   ".a", "a/b", "../a",
					  "a b", "a\n", "a:b", "\xc3\xa9", "a%", "a*"};
	char long_id[258];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(vxe_state_id_valid(good[i]), "a good id: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!vxe_state_id_valid(bad[i]), "bad id %zu", i);
	memset(long_id, 'a', sizeof(long_id));
	long_id[255] = '\0';
	ok(vxe_state_id_valid(long_id), "255 characters");
	long_id[255] = 'a';
	long_id[256] = '\0';
	ok(!vxe_state_id_valid(long_id), "256 characters");
}

static void test_root(void)
{
	cleanup_free char *wanted = NULL, *path = NULL, *link_path = NULL;
	struct vxe_error *err = NULL;
	struct stat st;
	int fd;

	if (asprintf(&wanted, "%s/deep/root", folder) < 0 || asprintf(&link_path, "%s/link", folder) < 0)
		abort();
	umask(077);
	ok(vxe_state_root_open(wanted, false, &path, &err) < 0 && err->errnum == ENOENT && !path, "an absent root is not made");
	vxe_error_free(&err);
	fd = vxe_state_root_open(wanted, true, &path, &err);
	ok(fd >= 0 && same_text(path, wanted) && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0711, "it is made, mode 0711");
	free(steal_pointer(&path));
	ok(fcntl(fd, F_GETFD) == FD_CLOEXEC, "its descriptor is closed on exec");
	fchmod(fd, 0777);
	close(fd);
	ok(vxe_state_root_open(wanted, true, &path, &err) < 0 && strstr(err->message, "others may write to it") && err->hint,
	   "one that others may write to is refused");
	vxe_error_free(&err);
	chmod(wanted, 0711);
	ok(symlink(wanted, link_path) == 0 && vxe_state_root_open(link_path, true, &path, &err) < 0,
	   "a symbolic link is refused");
	vxe_error_free(&err);
	if (geteuid() == 0) {
		ok(chown(wanted, 12345, 0) == 0 && vxe_state_root_open(wanted, true, &path, &err) < 0 &&
			   strstr(err->message, "belongs to user 12345"),
		   "one of another user is refused");
		vxe_error_free(&err);
		if (chown(wanted, 0, 0) < 0)
			abort();
	} else {
		skip("needs root", "one of another user is refused");
	}
	setenv("VXE_ROOT", wanted, 1);
	fd = vxe_state_root_open(NULL, false, &path, &err);
	ok(fd >= 0 && same_text(path, wanted), "VXE_ROOT names it");
	close(fd);
	free(steal_pointer(&path));
	unsetenv("VXE_ROOT");
}

/* The caller becomes the root of a user namespace in which there is nobody else. */
static bool root_of_namespace(void)
{
	char map[32];
	int length = snprintf(map, sizeof(map), "0 %u 1", (unsigned int)geteuid());
	cleanup_fd int fd = -1;

	/* The change of the user took the right to write there. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (unshare(CLONE_NEWUSER) < 0)
		return false;
	fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, map, (size_t)length) == length && geteuid() == 0;
}

/* Not where another user may make none, nor in user-mode emulation, whose process has threads. */
static bool namespaces_here(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(setresuid(54321, 54321, 54321) == 0 && root_of_namespace() ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* As another user, in a child, because it cannot be taken back. */
static bool user_finds(bool in_namespace, const char *runtime_dir, const char *wanted, const char *wanted_error)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		cleanup_free char *path = NULL;
		struct vxe_error *err = NULL;
		int fd;

		if (geteuid() == 0 && setresuid(54321, 54321, 54321) < 0)
			_exit(2);
		if (in_namespace && !root_of_namespace())
			_exit(3);
		if (runtime_dir)
			setenv("XDG_RUNTIME_DIR", runtime_dir, 1);
		else
			unsetenv("XDG_RUNTIME_DIR");
		fd = vxe_state_root_open(NULL, true, &path, &err);
		if (wanted)
			_exit(fd >= 0 && same_text(path, wanted) ? 0 : 1);
		_exit(fd < 0 && strstr(err->message, wanted_error) && (in_namespace || err->hint) ? 0 : 1);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void test_user_root(void)
{
	cleanup_free char *runtime_dir = NULL, *wanted = NULL;

	if (geteuid() != 0) {
		skip("needs root", "the state root of a user");
		return;
	}
	if (asprintf(&runtime_dir, "%s/user", folder) < 0 || asprintf(&wanted, "%s/vxe", runtime_dir) < 0 ||
	    mkdir(runtime_dir, 0700) < 0 || chown(runtime_dir, 54321, 54321) < 0 || chmod(folder, 0711) < 0)
		abort();
	ok(user_finds(false, runtime_dir, wanted, NULL), "a user's root lies in XDG_RUNTIME_DIR");
	ok(user_finds(false, NULL, NULL, "XDG_RUNTIME_DIR is not set and /run/user/54321 does not exist"),
	   "without it there is none");
	ok(user_finds(false, "relative", NULL, "XDG_RUNTIME_DIR is not set"), "a relative one counts as none");
	if (!namespaces_here()) {
		skip("no user namespace of a user's can be made here",
		     "the state root of who is root in a user namespace alone");
		return;
	}
	ok(user_finds(true, runtime_dir, wanted, NULL), "who is root in a user namespace alone has it there, too");
	ok(user_finds(true, folder, NULL, "/run/vxe"), "and not in a folder that is another's");
}

static int open_root(void)
{
	cleanup_free char *path = NULL, *wanted = NULL;
	int fd;

	if (asprintf(&wanted, "%s/root", folder) < 0)
		abort();
	fd = vxe_state_root_open(wanted, true, &path, NULL);
	if (fd < 0)
		abort();
	return fd;
}

static void test_process(void)
{
	pid_t pid = spawn_sleeper();
	struct vxe_process_id self = identify(getpid()), child = identify(pid), other;
	struct vxe_state state = {.status = VXE_RUNNING};
	struct rlimit limit;

	ok(self.start_time > 0 && child.start_time >= self.start_time, "start times");
	ok(vxe_process_alive(&self) && vxe_process_alive(&child), "living processes");
	other = child;
	other.start_time++;
	ok(!vxe_process_alive(&other), "the same number with another start time is another process");
	/* Of no process can be told that it has ended by one that may open nothing. */
	getrlimit(RLIMIT_NOFILE, &limit);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max});
	state.init = child;
	ok(vxe_process_alive(&child), "what cannot be looked at counts as living");
	ok(vxe_state_refresh(&state) < 0 && errno == EMFILE && state.status == VXE_RUNNING,
	   "whether a state is true cannot be told without descriptors");
	setrlimit(RLIMIT_NOFILE, &limit);
	ok(vxe_state_refresh(&state) == 0 && state.status == VXE_RUNNING, "and can with them");
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
	ok(!vxe_process_alive(&child), "a zombie is dead");
	waitpid(pid, NULL, 0);
	ok(!vxe_process_alive(&child), "and so is what has been reaped");
	errno = 0;
	ok(vxe_process_start_time(pid) == 0 && errno == ESRCH, "ESRCH for a process that is not there");
	ok(vxe_process_start_time(0) == 0 && vxe_process_start_time(-1) == 0, "and for none");
	ok(!vxe_process_alive(&(struct vxe_process_id){0}), "no process is not alive");
}

static void test_round_trip(int root_fd)
{
	struct vxe_state state = sample(VXE_RUNNING), *read = NULL;
	struct vxe_pair pairs[] = {{(char *)"org.vxe.name", (char *)"p\"o\npd"}, {(char *)"x", (char *)""}};
	cleanup_free char *oci = NULL, *own = NULL, *wanted = NULL;
	cleanup_fd int dir_fd = -1, lock_fd = -1;
	struct vxe_error *err = NULL;

	state.rootfs = (char *)"/r";
	state.profile = (char *)"popd";
	state.cgroup = (char *)"/sys/fs/cgroup/vxe/popd";
	state.init = state.program = state.supervisor = identify(getpid());
	state.supervised = true;
	state.cgroup_anothers = true;
	state.own_pid_namespace = true;
	state.detached = true;
	state.created_ns = 1767225600000000042;
	state.exit_code = 137;
	state.annotations = (struct vxe_pairs){pairs, 2};
	ok(vxe_state_create(root_fd, "popd", true, &dir_fd, &lock_fd, &err) == 0 && vxe_state_write(dir_fd, &state, &err) == 0,
	   "written");
	ok(vxe_state_read(dir_fd, &read, &err) == 0, "read%s%s", err ? ": " : "", err ? err->message : "");
	ok(same_text(read->id, "popd") && same_text(read->bundle, state.bundle) && same_text(read->oci_version, "1.2.0") &&
		   same_text(read->rootfs, "/r") && same_text(read->profile, "popd") && same_text(read->cgroup, state.cgroup),
	   "the texts");
	ok(read->status == VXE_RUNNING && read->init.pid == getpid() && read->init.start_time == state.init.start_time &&
		   read->program.pid == getpid() && read->supervisor.pid == getpid() && read->supervised && read->detached &&
		   read->cgroup_anothers && read->own_pid_namespace && read->created_ns == state.created_ns &&
		   read->owner == geteuid() && read->exit_code == 137,
	   "the numbers");
	ok(read->annotations.count == 2 && same_text(read->annotations.items[0].value, "p\"o\npd") &&
		   same_text(read->annotations.items[1].value, ""),
	   "the annotations");
	if (asprintf(&wanted,
		     "{\"ociVersion\":\"1.2.0\",\"id\":\"popd\",\"status\":\"running\",\"pid\":%d,"
		     "\"bundle\":\"/var/lib/vxe/bundles/popd\",\"annotations\":{\"org.vxe.name\":\"p\\\"o\\npd\",\"x\":\"\"}}",
		     getpid()) < 0)
		abort();
	ok(vxe_state_to_json(read, false, &oci, &err) == 0 && same_text(oci, wanted), "the OCI document");
	ok(vxe_state_to_json(read, true, &own, &err) == 0 && strstr(own, "\"created\":\"2026-01-01T00:00:00.000000042Z\"") &&
		   strstr(own, "\"exitCode\":137"),
	   "VXE's own document");
	vxe_state_free(&read);
	ok(vxe_state_parse(own, strlen(own), &read, &err) == 0 && read->created_ns == state.created_ns, "which reads back");
	vxe_state_free(&read);
	vxe_state_free(&read);
	ok(vxe_state_remove(root_fd, "popd", &err) == 0 && !vxe_state_exists(root_fd, "popd"), "removed");
	ok(vxe_state_remove(root_fd, "popd", &err) == 0 && !err, "removing it again is no error");
}

static void test_refresh(void)
{
	pid_t init_pid = spawn_sleeper(), program_pid = spawn_sleeper();
	struct vxe_pair forking = {(char *)"org.vxe.kind", (char *)"forking"};
	struct vxe_state state = sample(VXE_RUNNING);
	struct vxe_process_id init = identify(init_pid), program = identify(program_pid);
	static const enum vxe_status all[] = {VXE_CREATING, VXE_CREATED, VXE_RUNNING, VXE_PAUSED, VXE_STOPPED};

	state.init = init;
	state.program = program;
	for (size_t i = 0; i < 5; i++) {
		state.status = all[i];
		vxe_state_refresh(&state);
		ok(state.status == all[i], "with all alive, %s stays", vxe_status_name(all[i]));
	}
	end_child(program_pid);
	state.status = VXE_RUNNING;
	vxe_state_refresh(&state);
	ok(state.status == VXE_STOPPED && vxe_state_alive(&state),
	   "without its program an instance is stopped, though init lives");
	state.status = VXE_RUNNING;
	state.annotations = (struct vxe_pairs){&forking, 1};
	vxe_state_refresh(&state);
	ok(state.status == VXE_RUNNING, "unless the program is of the forking kind");
	state.status = VXE_CREATED;
	vxe_state_refresh(&state);
	ok(state.status == VXE_CREATED, "created: only init is there yet");
	end_child(init_pid);
	for (size_t i = 0; i < 5; i++) {
		state.status = all[i];
		vxe_state_refresh(&state);
		ok(state.status == VXE_STOPPED, "with all dead, %s is stopped", vxe_status_name(all[i]));
	}
	state.status = VXE_CREATING;
	state.supervisor = identify(getpid());
	vxe_state_refresh(&state);
	ok(state.status == VXE_CREATING, "creating: the creator is there");
}

/* Puts an instance's folder into the root as a crash at some point would leave it. */
static void plant(int root_fd, const char *id, const char *text)
{
	cleanup_fd int dir_fd = -1;

	mkdirat(root_fd, id, 0700);
	dir_fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (text && vxe_file_replace_at(dir_fd, "state.json", text, strlen(text), 0600, NULL) < 0)
		abort();
}

#define DEAD_STATE                                                                                                             \
	"{\"ociVersion\":\"1.2.0\",\"id\":\"crash\",\"status\":\"running\",\"bundle\":\"/b\",\"owner\":0,"                     \
	"\"init\":{\"pid\":4194303,\"startTime\":5},\"program\":{\"pid\":1,\"startTime\":18446744073709551615}}"

static void test_crashes(int root_fd)
{
	static const struct {
		const char *what, *text, *error;
	} cases[] = {
		{"killed before the state was written", NULL, "its creation was interrupted, there is no state"},
		{"an empty state", "", "its state is damaged: state.json: is empty"},
		{"half a state", "{\"ociVersion\":\"1.2.0\",\"id\":\"cra",
		 "its state is damaged: state.json: line 1, column 28: the string is not closed"},
		{"not an object", "[]", "its state is damaged: state.json: the root: must be an object"},
		{"a state without its fields", "{\"id\":\"crash\"}", "its state is damaged: state.json: bundle: is missing"},
		{"an unknown status", "{\"ociVersion\":\"1\",\"id\":\"a\",\"bundle\":\"/\",\"status\":\"odd\"}",
		 "its state is damaged: state.json: status: \"odd\" is not known"},
		{"a bad id", "{\"ociVersion\":\"1\",\"id\":\"../a\",\"bundle\":\"/\",\"status\":\"running\"}",
		 "its state is damaged: state.json: id: is not the name of an instance"},
		{"a pid out of range",
		 "{\"ociVersion\":\"1\",\"id\":\"a\",\"bundle\":\"/\",\"status\":\"running\",\"init\":{\"pid\":-1}}",
		 "its state is damaged: state.json: init.pid: must be an integer from 0 to 2147483647, is -1"},
		{"a dead instance", DEAD_STATE, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int dir_fd = -1, new_fd = -1, lock_fd = -1;
		struct vxe_state *state = NULL;
		struct vxe_error *err = NULL;

		plant(root_fd, "crash", cases[i].text);
		if (vxe_state_open(root_fd, "crash", &dir_fd, &err) < 0)
			abort();
		if (cases[i].error)
			ok(vxe_state_read(dir_fd, &state, &err) < 0 && !state && same_text(err->message, cases[i].error) &&
				   err->hint,
			   "%s: told", cases[i].what);
		else
			ok(vxe_state_read(dir_fd, &state, &err) == 0 && state->status == VXE_STOPPED, "%s: stopped",
			   cases[i].what);
		vxe_error_free(&err);
		vxe_state_free(&state);
		ok(vxe_state_create(root_fd, "crash", true, &new_fd, &lock_fd, &err) == 0 &&
			   faccessat(new_fd, "state.json", F_OK, 0) < 0,
		   "%s: cleared by the next creation%s%s", cases[i].what, err ? ", but " : "", err ? err->message : "");
		vxe_error_free(&err);
		close(dir_fd);
		close(new_fd);
		close(lock_fd);
		vxe_state_remove(root_fd, "crash", NULL);
	}
}

static void test_locks(int root_fd)
{
	int dir_fd = -1, lock_fd = -1, other_dir = -1, other_lock = -1;
	struct vxe_state state = sample(VXE_CREATING), *read = NULL;
	struct vxe_error *err = NULL;
	pid_t pid;

	ok(vxe_state_create(root_fd, "../x", true, &dir_fd, &lock_fd, &err) < 0 && err->exit == VXE_EXIT_MISUSE && dir_fd == -1,
	   "an id that is a path");
	ok(vxe_state_create(root_fd, "lock", true, &dir_fd, &lock_fd, &err) == 0 && fcntl(lock_fd, F_GETFD) == FD_CLOEXEC &&
		   fcntl(dir_fd, F_GETFD) == FD_CLOEXEC && vxe_state_locked(dir_fd),
	   "created, locked");
	ok(vxe_state_read(dir_fd, &read, &err) < 0 && same_text(err->message, "is being created, there is no state yet"),
	   "before the first state it is being created");
	ok(vxe_state_create(root_fd, "lock", true, &other_dir, &other_lock, &err) < 0 &&
		   same_text(err->message, "lock: an instance of this name is being started or stopped") && other_dir == -1,
	   "not created twice");
	ok(vxe_state_write(dir_fd, &state, NULL) == 0 && vxe_state_read(dir_fd, &read, NULL) == 0 &&
		   read->status == VXE_CREATING,
	   "creating, as the lock is held");
	vxe_state_free(&read);
	close(lock_fd);
	ok(!vxe_state_locked(dir_fd) && vxe_state_read(dir_fd, &read, NULL) == 0 && read->status == VXE_STOPPED,
	   "stopped, when the creator is gone");
	vxe_state_free(&read);

	pid = spawn_sleeper();
	state.status = VXE_RUNNING;
	state.init = identify(pid);
	ok(vxe_state_write(dir_fd, &state, NULL) == 0 &&
		   vxe_state_create(root_fd, "lock", true, &other_dir, &other_lock, &err) < 0 &&
		   same_text(err->message, "lock: an instance of this name exists and its processes are alive") && err->hint,
	   "alive without a supervisor is alive");
	end_child(pid);
	ok(vxe_state_create(root_fd, "lock", true, &other_dir, &other_lock, &err) == 0, "dead without a supervisor is cleared");
	vxe_error_free(&err);
	close(dir_fd);
	close(other_dir);
	close(other_lock);
	vxe_state_remove(root_fd, "lock", NULL);
}

/* Who ends an instance, beside who makes it. */
static void test_take(int root_fd)
{
	cleanup_fd int dir_fd = -1, new_dir = -1;
	int lock_fd = -1, taken = -1, again = -1, new_lock = -1;
	struct vxe_error *err = NULL;

	ok(vxe_state_create(root_fd, "take", true, &dir_fd, &lock_fd, &err) == 0 && vxe_state_is(root_fd, "take", dir_fd) &&
		   vxe_state_coming(dir_fd) && !vxe_state_interrupted(dir_fd),
	   "a creation under way is coming");
	ok(vxe_state_take(root_fd, "take", dir_fd, 5, &taken, &err) == 0 && taken == -1, "its lock cannot be had");
	close(lock_fd);
	ok(!vxe_state_coming(dir_fd) && vxe_state_interrupted(dir_fd), "and is interrupted when its maker is gone");
	ok(vxe_state_take(root_fd, "take", dir_fd, 5, &taken, &err) == 0 && taken >= 0 && fcntl(taken, F_GETFD) == FD_CLOEXEC &&
		   vxe_state_locked(dir_fd),
	   "then the lock can be had");
	ok(vxe_state_take(root_fd, "take", dir_fd, 5, &again, &err) == 0 && again == -1 &&
		   vxe_state_create(root_fd, "take", true, &new_dir, &new_lock, &err) < 0 &&
		   strstr(err->message, "is being started or stopped"),
	   "by one alone, and nobody takes the name");
	vxe_error_free(&err);
	ok(vxe_state_remove(root_fd, "take", &err) == 0 && !vxe_state_is(root_fd, "take", dir_fd), "removed under the lock");
	close(taken);
	ok(vxe_state_create(root_fd, "take", true, &new_dir, &new_lock, &err) == 0 && !vxe_state_is(root_fd, "take", dir_fd) &&
		   vxe_state_is(root_fd, "take", new_dir),
	   "another of its name is another");
	ok(vxe_state_take(root_fd, "take", dir_fd, 5, &taken, &err) == 0 && taken == -1, "whose lock is not taken for it");
	close(new_lock);
	ok(unlinkat(new_dir, "lock", 0) == 0 && vxe_state_take(root_fd, "take", new_dir, 5, &taken, &err) == 0 && taken >= 0,
	   "a folder that was left without a lock is taken");
	close(taken);
	vxe_state_remove(root_fd, "take", NULL);
}

/* A creation that comes to its end while another one waits for its lock: what it has made lives. */
static void test_ends_meanwhile(int root_fd)
{
	cleanup_fd int dir_fd = -1, new_dir = -1;
	struct vxe_state state = sample(VXE_CREATING);
	struct vxe_error *err = NULL;
	int lock_fd = -1, new_lock = -1;
	pid_t container = spawn_sleeper(), maker;

	ok(vxe_state_create(root_fd, "ends", true, &dir_fd, &lock_fd, &err) == 0 && vxe_state_write(dir_fd, &state, &err) == 0,
	   "a creation is under way");
	maker = fork();
	if (maker == 0) {
		usleep(5000);
		state.status = VXE_CREATED;
		state.init = identify(container);
		_exit(vxe_state_write(dir_fd, &state, NULL) < 0);
	}
	/* The child has it, too. */
	close(lock_fd);
	ok(vxe_state_create(root_fd, "ends", true, &new_dir, &new_lock, &err) < 0 && strstr(err->message, "are alive") &&
		   vxe_state_is(root_fd, "ends", dir_fd),
	   "another one finds what it has made, and leaves it");
	vxe_error_free(&err);
	waitpid(maker, NULL, 0);
	end_child(container);
	ok(vxe_state_create(root_fd, "ends", false, &new_dir, &new_lock, &err) < 0 && strstr(err->message, "which is stopped"),
	   "one that is dead is an error for an engine");
	vxe_error_free(&err);
	ok(vxe_state_create(root_fd, "ends", true, &new_dir, &new_lock, &err) == 0, "and is cleared for others");
	close(new_lock);
	vxe_state_remove(root_fd, "ends", NULL);
}

static void test_turn(int root_fd)
{
	cleanup_fd int dir_fd = -1, turn = -1, again = -1;
	struct vxe_state state = sample(VXE_CREATED), *found = NULL;
	struct vxe_error *err = NULL;
	int lock_fd = -1, other = -1;
	pid_t waiter;
	int status;

	ok(vxe_state_create(root_fd, "turn", true, &dir_fd, &lock_fd, &err) == 0 &&
		   vxe_state_write(dir_fd, &state, &err) == 0 && vxe_state_turn(root_fd, "turn", dir_fd, &turn, &err) == 0 &&
		   fcntl(turn, F_GETFD) == FD_CLOEXEC,
	   "a command has its turn");
	waiter = fork();
	if (waiter == 0) {
		close(turn);
		/* It ends with an error once the folder is gone, and not before the turn is free. */
		_exit(vxe_state_turn(root_fd, "turn", dir_fd, &again, &err) < 0 &&
				      strstr(err->message, "does not exist any more")
			      ? 7
			      : 8);
	}
	usleep(20000);
	ok(waitpid(waiter, &status, WNOHANG) == 0, "another one waits for its own");
	ok(vxe_state_remove(root_fd, "turn", &err) == 0, "who has the turn removes it");
	close(turn);
	turn = -1;
	ok(waitpid(waiter, &status, 0) == waiter && WIFEXITED(status) && WEXITSTATUS(status) == 7, "who waited is told");
	close(lock_fd);
	ok(vxe_state_find(root_fd, "turn", &other, &found, &err) < 0 && strstr(err->message, "does not exist"),
	   "there is none");
	vxe_error_free(&err);
	ok(mkdirat(root_fd, ".gone", 0700) == 0 && mkdirat(root_fd, ".gone/left", 0700) == 0 &&
		   vxe_state_clear(root_fd, "turn", &err) == 0 && faccessat(root_fd, ".gone", F_OK, 0) < 0,
	   "what a killed removal has left is cleared");
	ok(mkdirat(root_fd, ".gone", 0700) == 0 && mkdirat(root_fd, ".gone/left", 0700) == 0 &&
		   vxe_state_create(root_fd, "turn", true, &other, &lock_fd, &err) == 0 &&
		   vxe_state_clear(root_fd, "turn", &err) == 0 && vxe_state_is(root_fd, "turn", other) &&
		   vxe_state_remove(root_fd, "turn", &err) == 0 && faccessat(root_fd, ".gone", F_OK, 0) < 0,
	   "an instance that came meanwhile is not");
	close(other);
	close(lock_fd);
}

/* What a container waits for, and what is no file, as a state. */
static void test_kernel_words(int root_fd)
{
	cleanup_fd int dir_fd = -1, waits = -1;
	pid_t container = spawn_sleeper();
	struct vxe_state state = sample(VXE_CREATED), *found = NULL;
	struct vxe_error *err = NULL;
	int lock_fd = -1;

	state.init = identify(container);
	ok(vxe_state_create(root_fd, "words", true, &dir_fd, &lock_fd, &err) == 0 &&
		   mkfifoat(dir_fd, VXE_STATE_START, 0600) == 0 &&
		   (waits = openat(dir_fd, VXE_STATE_START, O_RDWR | O_CLOEXEC)) >= 0 &&
		   vxe_state_write(dir_fd, &state, &err) == 0 && vxe_state_read(dir_fd, &found, &err) == 0 &&
		   found->status == VXE_CREATED,
	   "it waits for its start");
	vxe_state_free(&found);
	state.status = VXE_PAUSED;
	ok(vxe_state_write(dir_fd, &state, &err) == 0 && vxe_state_read(dir_fd, &found, &err) == 0 &&
		   found->status == VXE_CREATED,
	   "paused is what the kernel says, and not what was written");
	vxe_state_free(&found);
	close(waits);
	waits = -1;
	state.status = VXE_CREATED;
	ok(vxe_state_write(dir_fd, &state, &err) == 0 && vxe_state_read(dir_fd, &found, &err) == 0 &&
		   found->status == VXE_RUNNING,
	   "who does not wait any more was started, by a command that was killed before it wrote that");
	vxe_state_free(&found);
	alarm(10);
	ok(unlinkat(dir_fd, "state.json", 0) == 0 && mkfifoat(dir_fd, "state.json", 0600) == 0 &&
		   vxe_state_read(dir_fd, &found, &err) < 0 && strstr(err->message, "is not a file"),
	   "a pipe in its place is not waited for");
	vxe_error_free(&err);
	ok(unlinkat(dir_fd, "state.json", 0) == 0 && symlinkat("/etc/passwd", dir_fd, "state.json") == 0 &&
		   vxe_state_read(dir_fd, &found, &err) < 0 && strstr(err->message, "cannot be opened"),
	   "a link is not followed");
	vxe_error_free(&err);
	close(lock_fd);
	ok(unlinkat(dir_fd, "lock", 0) == 0 && mkfifoat(dir_fd, "lock", 0600) == 0 && !vxe_state_locked(dir_fd),
	   "nor is a pipe in place of the lock waited for");
	alarm(0);
	end_child(container);
	vxe_state_remove(root_fd, "words", NULL);
}

/* Creators that are killed at any moment leave nothing that blocks the next. */
static void test_kills(int root_fd)
{
	unsigned int failures = 0;

	for (unsigned int i = 0; i < 100; i++) {
		int ends[2], dir_fd = -1, lock_fd = -1;
		struct vxe_error *err = NULL;
		pid_t pid;

		if (pipe(ends) < 0)
			abort();
		pid = fork();
		if (pid == 0) {
			struct vxe_state state = sample(VXE_CREATING);

			if (write(ends[1], "x", 1) != 1)
				_exit(1);
			for (;;) {
				if (vxe_state_create(root_fd, "kill", true, &dir_fd, &lock_fd, NULL) < 0)
					_exit(1);
				vxe_state_write(dir_fd, &state, NULL);
				vxe_state_remove(root_fd, "kill", NULL);
				close(dir_fd);
				close(lock_fd);
			}
		}
		if (read(ends[0], &(char){0}, 1) != 1)
			abort();
		usleep(i * 20);
		end_child(pid);
		close(ends[0]);
		close(ends[1]);
		if (vxe_state_create(root_fd, "kill", true, &dir_fd, &lock_fd, &err) < 0) {
			printf("# %s\n", err->message);
			failures++;
		}
		vxe_error_free(&err);
		close(dir_fd);
		close(lock_fd);
		if (i % 2)
			vxe_state_remove(root_fd, "kill", NULL);
	}
	ok(failures == 0, "100 killed creators block nobody");
	vxe_state_remove(root_fd, "kill", NULL);
}

enum { RACERS = 8, ROUNDS = 20 };

/* Tries to create when `go` ends, tells the result, and if it won keeps the lock until `hold` ends. */
static pid_t spawn_racer(int root_fd, const int go[2], const int results[2], const int hold[2])
{
	pid_t pid = fork();
	int dir_fd, lock_fd;
	bool won;

	if (pid != 0)
		return pid;
	close(go[1]);
	close(hold[1]);
	(void)!read(go[0], &(char){0}, 1);
	won = vxe_state_create(root_fd, "race", true, &dir_fd, &lock_fd, NULL) == 0;
	(void)!write(results[1], won ? "W" : "L", 1);
	if (won)
		(void)!read(hold[0], &(char){0}, 1);
	_exit(0);
}

/* Readers look at the lock by taking it for a moment. */
static pid_t spawn_reader(int root_fd)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (;;) {
		int dir_fd;

		if (vxe_state_open(root_fd, "race", &dir_fd, NULL) == 0) {
			vxe_state_locked(dir_fd);
			close(dir_fd);
		}
	}
}

static unsigned int run_race(int root_fd)
{
	pid_t racers[RACERS], reader = spawn_reader(root_fd);
	int go[2], results[2], hold[2];
	unsigned int winners = 0;

	if (pipe(go) < 0 || pipe(results) < 0 || pipe(hold) < 0)
		abort();
	for (unsigned int i = 0; i < RACERS; i++)
		racers[i] = spawn_racer(root_fd, go, results, hold);
	close(go[1]);
	for (unsigned int i = 0; i < RACERS; i++) {
		char result = 0;

		winners += read(results[0], &result, 1) == 1 && result == 'W';
	}
	close(hold[1]);
	for (unsigned int i = 0; i < RACERS; i++)
		waitpid(racers[i], NULL, 0);
	end_child(reader);
	close(go[0]);
	close(hold[0]);
	close(results[0]);
	close(results[1]);
	return winners;
}

static void test_race(int root_fd)
{
	unsigned int bad_rounds = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int winners = run_race(root_fd);

		if (winners != 1) {
			printf("# round %u: %u winners\n", round, winners);
			bad_rounds++;
		}
		vxe_state_remove(root_fd, "race", NULL);
	}
	ok(bad_rounds == 0, "of %d creators at once, beside a reader, one wins", RACERS);
}

/* The last words of a supervisor that ends. */
static void remove_beside_writer(int root_fd)
{
	cleanup_fd int dir_fd = -1, lock_fd = -1;
	struct vxe_error *err = NULL;
	int ends[2], failed = 0;

	for (int round = 0; round < 20 && !failed; round++) {
		pid_t pid;

		if (vxe_state_create(root_fd, "words", true, &dir_fd, &lock_fd, &err) < 0 || pipe2(ends, O_CLOEXEC) < 0)
			abort();
		pid = fork();
		if (pid == 0) {
			for (int i = 0; i < 200; i++) {
				char name[16];

				snprintf(name, sizeof(name), "%d", i);
				close(openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
				if (i == 20 && write(ends[1], "x", 1) != 1)
					_exit(1);
			}
			_exit(0);
		}
		if (read(ends[0], &(char){0}, 1) != 1)
			abort();
		failed = vxe_state_remove(root_fd, "words", &err) < 0 || vxe_state_exists(root_fd, "words");
		waitpid(pid, NULL, 0);
		for (int i = 0; i < 2; i++)
			close(ends[i]);
		close(dir_fd);
		close(lock_fd);
		dir_fd = lock_fd = -1;
	}
	ok(!failed, "removed while somebody still writes into it%s%s", err ? ": " : "", err ? err->message : "");
	vxe_error_free(&err);
}

static void test_remove(int root_fd)
{
	cleanup_fd int dir_fd = -1, lock_fd = -1;
	struct vxe_error *err = NULL;
	struct stat st;
	char outside[64];

	snprintf(outside, sizeof(outside), "%s/outside", folder);
	mkdir(outside, 0700);
	ok(vxe_state_create(root_fd, "tree", true, &dir_fd, &lock_fd, &err) == 0 && mkdirat(dir_fd, "a", 0700) == 0 &&
		   mkdirat(dir_fd, "a/b", 0700) == 0 && vxe_file_replace_at(dir_fd, "a/b/c", "x", 1, 0600, &err) == 0 &&
		   symlinkat(outside, dir_fd, "a/link") == 0 && mkfifoat(dir_fd, "fifo", 0600) == 0,
	   "a folder with more in it");
	ok(vxe_state_remove(root_fd, "tree", &err) == 0 && !vxe_state_exists(root_fd, "tree"), "removed with all in it");
	ok(stat(outside, &st) == 0, "what a link pointed to is still there");
	remove_beside_writer(root_fd);
	ok(vxe_state_remove(root_fd, "..", &err) < 0 && err->exit == VXE_EXIT_MISUSE, "a path is not removed");
	vxe_error_free(&err);
	ok(symlinkat(outside, root_fd, "slink") == 0 && !vxe_state_exists(root_fd, "slink") &&
		   vxe_state_open(root_fd, "slink", &(int){0}, &err) < 0 && strstr(err->message, "does not exist"),
	   "a link is no instance");
	vxe_error_free(&err);
	ok(vxe_state_remove(root_fd, "slink", &err) == 0 && stat(outside, &st) == 0, "and is removed as a link");
}

static void test_list(int root_fd)
{
	struct vxe_strings list = {0};

	ok(vxe_state_list(root_fd, &list, NULL) == 0 && list.count == 0 && list.items && !list.items[0], "an empty root");
	vxe_strings_free(&list);
	for (int i = 0; i < 40; i++) {
		char id[8];

		snprintf(id, sizeof(id), "i%02d", 39 - i);
		mkdirat(root_fd, id, 0700);
	}
	mkdirat(root_fd, ".hidden", 0700);
	close(openat(root_fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ok(vxe_state_list(root_fd, &list, NULL) == 0 && list.count == 40 && same_text(list.items[0], "i00") &&
		   same_text(list.items[39], "i39") && !list.items[40],
	   "sorted, folders alone");
	for (size_t i = 0; i < list.count; i++)
		vxe_state_remove(root_fd, list.items[i], NULL);
	vxe_strings_free(&list);
	ok(vxe_state_list(-1, &list, NULL) < 0 && !list.items, "no root");
}

int main(void)
{
	int root_fd;

	main_pid = getpid();
	if (!mkdtemp(folder))
		abort();
	atexit(clean_up);
	test_ids();
	test_root();
	test_user_root();
	test_process();
	root_fd = open_root();
	test_round_trip(root_fd);
	test_refresh();
	test_crashes(root_fd);
	test_locks(root_fd);
	test_take(root_fd);
	test_ends_meanwhile(root_fd);
	test_turn(root_fd);
	test_kernel_words(root_fd);
	test_kills(root_fd);
	test_race(root_fd);
	test_remove(root_fd);
	test_list(root_fd);
	close(root_fd);
	return tap_done();
}
