/* Modes and the judge: words, what is read of a bundle, which rule speaks of what, filters run as the kernel runs them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "filter.h"
#include "held.h"
#include "judge.h"
#include "lookup.h"
#include "mode.h"
#include "records.h"
#include "tap.h"

static void mode_file(int dir_fd, const char *content, mode_t permissions, bool good, enum vxe_mode wanted, const char *what)
{
	struct vxe_error *err = NULL;
	enum vxe_mode mode = VXE_MODE_SOFT;
	bool found = false;
	int result;

	unlinkat(dir_fd, "mode", 0);
	if (content && vxe_file_replace_at(dir_fd, "mode", content, strlen(content), permissions, &err) < 0)
		ok(false, "%s is written (%s)", what, err->message);
	result = vxe_mode_read(dir_fd, "mode", &mode, &found, &err);
	ok((result == 0) == good && (!good || (mode == wanted && found == (content != NULL))), "%s (%s)", what,
	   err ? err->message : vxe_mode_name(mode));
	/* Whatever goes wrong, what is left in *out permits nothing. */
	ok(good || mode == VXE_MODE_PRODUCTION, "%s: production is what is left", what);
	vxe_error_free(&err);
}

static void modes(int dir_fd)
{
	struct vxe_error *err = NULL;
	enum vxe_mode mode;
	bool found;

	mode_file(dir_fd, NULL, 0, true, VXE_MODE_PRODUCTION, "no file is production");
	mode_file(dir_fd, "soft\n", 0644, true, VXE_MODE_SOFT, "soft");
	mode_file(dir_fd, "soft", 0644, true, VXE_MODE_SOFT, "soft without a line end");
	mode_file(dir_fd, "production\n", 0644, true, VXE_MODE_PRODUCTION, "production");
	mode_file(dir_fd, "", 0644, false, 0, "an empty file is an error");
	mode_file(dir_fd, "softly\n", 0644, false, 0, "another word is an error");
	mode_file(dir_fd, "SOFT\n", 0644, false, 0, "so is one in capitals");
	mode_file(dir_fd, "soft\nproduction\n", 0644, false, 0, "two words are an error");
	mode_file(dir_fd, "soft\n\n", 0644, false, 0, "so is an empty line");
	mode_file(dir_fd, "soft\n", 0666, false, 0, "a file that everybody writes is an error");
	unlinkat(dir_fd, "mode", 0);
	symlinkat("soft-somewhere", dir_fd, "mode");
	ok(vxe_mode_read(dir_fd, "mode", &mode, &found, NULL) < 0 && mode == VXE_MODE_PRODUCTION, "a link is an error");
	unlinkat(dir_fd, "mode", 0);
	ok(vxe_mode_write(dir_fd, "mode", VXE_MODE_SOFT, &err) == 0 &&
		   vxe_mode_read(dir_fd, "mode", &mode, &found, &err) == 0 && found && mode == VXE_MODE_SOFT,
	   "what is written is read back");
	unlinkat(dir_fd, "mode", 0);
	vxe_error_free(&err);
}

static void held(int dir_fd)
{
	struct vxe_held written = {.asked = VXE_MODE_PRODUCTION,
				   .calls = VXE_MODE_PRODUCTION,
				   .objects = VXE_MODE_SOFT,
				   .records = VXE_OBJECTS_BY_SUPERVISOR,
				   .refused = UINT64_MAX,
				   .last_ns = 42,
				   .last = "openat \"/etc/\x01shadow\""};
	struct vxe_held read = {0};
	struct vxe_error *err = NULL;
	bool found = true;

	ok(vxe_held_read(dir_fd, &read, &found, &err) == 0 && !found, "an instance without modes has no held.json");
	ok(vxe_held_write(dir_fd, &written, &err) == 0 && vxe_held_read(dir_fd, &read, &found, &err) == 0 && found,
	   "what is held is written and read (%s)", err ? err->message : "");
	ok(read.objects == VXE_MODE_SOFT && read.refused == UINT64_MAX && read.records == VXE_OBJECTS_BY_SUPERVISOR &&
		   same_text(read.last, written.last),
	   "and is the same");
	ok(vxe_held_restart_due(&read), "what is not held as asked is due");
	read.objects = VXE_MODE_PRODUCTION;
	ok(!vxe_held_restart_due(&read), "and what is held is not");
	vxe_file_replace_at(dir_fd, VXE_HELD_FILE, "{\"asked\":\"soft\"}", 16, 0600, NULL);
	ok(vxe_held_read(dir_fd, &read, &found, &err) < 0 && !found, "half a file is an error");
	vxe_error_free(&err);
	vxe_file_replace_at(dir_fd, VXE_HELD_FILE, "\"soft\"", 6, 0600, NULL);
	ok(vxe_held_read(dir_fd, &read, &found, &err) < 0 && !found && err, "what is no object is one that says so");
	unlinkat(dir_fd, VXE_HELD_FILE, 0);
	vxe_error_free(&err);
}

static void records_file(int dir_fd, const char *content, mode_t permissions, int wanted, const char *what)
{
	struct vxe_error *err = NULL;
	enum vxe_records_wish wish = VXE_RECORDS_NEVER;
	int result;

	if (content && vxe_file_replace_at(dir_fd, VXE_RECORDS_FILE, content, strlen(content), permissions, &err) < 0)
		ok(false, "%s is written (%s)", what, err->message);
	result = vxe_records_read(dir_fd, &wish, &err);
	ok(wanted < 0 ? result < 0 && err : result == 0 && wish == (enum vxe_records_wish)wanted, "%s (%s)", what,
	   err ? err->message : "");
	vxe_error_free(&err);
	unlinkat(dir_fd, VXE_RECORDS_FILE, 0);
}

static const char *said(enum vxe_object_records records, const struct vxe_config *config)
{
	static char words[VXE_RECORDS_WORDS];

	vxe_records_words("web", records, true, &config->annotations, words, sizeof(words));
	return words;
}

/* Where nobody may read the kernel's audit stream: it is not for another network namespace, nor for an ordinary user. */
static int records_unheard(void)
{
	struct vxe_audit_source audit = {.fd = -1};
	struct vxe_pair pair = {(char *)"org.vxe.rings", (char *)"READ"};
	struct vxe_config plain = {.process.landlock.present = true}, rings = plain, ruled = plain;
	bool good = true;

	rings.annotations = (struct vxe_pairs){&pair, 1};
	ruled.sockets.no_unix = true;
	if (geteuid() == 0 && unshare(CLONE_NEWNET) < 0)
		return 2;
	good &= vxe_records_choose(VXE_RECORDS_AUTO, &plain, &audit) == VXE_OBJECTS_BY_SUPERVISOR;
	good &= vxe_records_choose(VXE_RECORDS_AUTO, &ruled, &audit) == VXE_OBJECTS_BY_SUPERVISOR;
	good &= vxe_records_choose(VXE_RECORDS_AUTO, &rings, &audit) == VXE_OBJECTS_UNRECORDED;
	good &= vxe_records_choose(VXE_RECORDS_ALWAYS, &rings, &audit) == VXE_OBJECTS_BY_SUPERVISOR;
	good &= vxe_records_choose(VXE_RECORDS_NEVER, &plain, &audit) == VXE_OBJECTS_UNRECORDED;
	good &= audit.fd < 0;
	good &= strstr(said(VXE_OBJECTS_BY_SUPERVISOR, &plain), "are recorded by the supervisor") != NULL;
	good &= strstr(said(VXE_OBJECTS_BY_AUDIT, &plain), "are not recorded, since the kernel's audit stream has been") !=
		NULL;
	good &= strstr(said(VXE_OBJECTS_UNRECORDED, &plain),
		       "not recorded, as asked; from the next start on they are after: vxe "
		       "mode --record-files=auto web") != NULL;
	good &= strstr(said(VXE_OBJECTS_UNRECORDED, &rings), "io_uring") != NULL;
	return good ? 0 : 1;
}

static void records(int dir_fd)
{
	struct vxe_error *err = NULL;
	int status = -1;
	pid_t pid;

	mkdirat(dir_fd, "vxe", 0755);
	records_file(dir_fd, NULL, 0, VXE_RECORDS_AUTO, "who records is found where nothing is said");
	records_file(dir_fd, "", 0644, VXE_RECORDS_ALWAYS, "an empty file is the word always");
	records_file(dir_fd, "never\n", 0644, VXE_RECORDS_NEVER, "never");
	records_file(dir_fd, "auto\n", 0644, VXE_RECORDS_AUTO, "auto");
	records_file(dir_fd, "Never\n", 0644, -1, "another word is an error");
	records_file(dir_fd, "never\nalways\n", 0644, -1, "two words are an error");
	records_file(dir_fd, "never\n", 0666, -1, "a file that everybody writes is an error");
	ok(vxe_records_write(dir_fd, VXE_RECORDS_NEVER, &err) == 0, "it is written");
	records_file(dir_fd, NULL, 0, VXE_RECORDS_NEVER, "and read back");
	unlinkat(dir_fd, "vxe", AT_REMOVEDIR);
	pid = fork();
	if (pid == 0)
		_exit(records_unheard());
	waitpid(pid, &status, 0);
	ok(status == 0, "where the audit stream cannot be read it is the supervisor's, but for rings (status %d)", status);
}

static const char judge_text[] =
	"{\"judge\":2,\"profile\":\"p\",\"files\":["
	"{\"rule\":\"files:/etc/shadow\",\"at\":\"p:3:1\",\"path\":\"/etc/shadow\",\"access\":[]},"
	"{\"rule\":\"files:/etc\",\"at\":\"p:2:1\",\"path\":\"/etc\",\"access\":[\"read\"]}],"
	"\"sockets\":[{\"rule\":\"network:tcp/10.0.0.0/8\",\"at\":\"\",\"protocol\":\"tcp\",\"address\":\"10.0.0.0/"
	"8\",\"from\":0,"
	"\"to\":65535,\"access\":[]},{\"rule\":\"network:tcp/110\",\"at\":\"\",\"protocol\":\"tcp\",\"from\":110,\"to\":110,"
	"\"access\":[\"accept\",\"connect\"]}],\"unix\":[{\"rule\":\"network:unix:/run\",\"at\":\"\",\"path\":\"/run\","
	"\"access\":[\"send\"]}],\"mounts\":[],"
	"\"calls\":{\"read\":{\"rule\":\"calls:read\",\"at\":\"p:9:1\"}}}";

static const char *socket_rule(const struct vxe_judge *judge, int protocol, uint32_t address, uint16_t port)
{
	const uint32_t words[4] = {address}, mapped[4] = {0, 0, 0xffff, address};
	const struct vxe_judged_socket *rule = vxe_judge_socket(judge, protocol, AF_INET, words, port);

	return rule == vxe_judge_socket(judge, protocol, AF_INET6, mapped, port) ? rule ? rule->name.rule : NULL : "differs";
}

static void sockets_judged(const struct vxe_judge *judge)
{
	const struct vxe_judged_unix *below = vxe_judge_unix(judge, "/run/x");

	ok(same_text(socket_rule(judge, IPPROTO_TCP, 0x0a000001, 110), "network:tcp/10.0.0.0/8"), "the longest prefix speaks");
	ok(same_text(socket_rule(judge, IPPROTO_TCP, 0x0b000001, 110), "network:tcp/110"), "then the port");
	ok(same_text(socket_rule(judge, IPPROTO_TCP, 0x0b000001, 111), NULL) &&
		   same_text(socket_rule(judge, IPPROTO_UDP, 0x0a000001, 110), NULL),
	   "of other ports and protocols no rule speaks");
	ok(judge->sockets_named[1].words == (1U << VXE_SOCKET_ACCEPT | 1U << VXE_SOCKET_CONNECT), "with its words");
	ok(below && below->words == 1U << VXE_SOCKET_SEND && !vxe_judge_unix(judge, "/runner"), "sockets by their path");
}

static void judging(void)
{
	static const struct {
		const char *path, *rule;
		unsigned int access;
	} rows[] = {
		{"/etc/passwd", "files:/etc", VXE_READ},
		{"/etc", "files:/etc", VXE_READ},
		{"/etc/shadow", "files:/etc/shadow", 0},
		{"/etc/shadow/x", "files:/etc/shadow", 0},
		{"/etc/shadow-", "files:/etc", VXE_READ},
		{"/etcetera", NULL, 0},
		{"/", NULL, 0},
	};
	struct vxe_judge *judge = NULL;
	struct vxe_error *err = NULL;
	char words[64];

	if (!ok(vxe_judge_parse(judge_text, strlen(judge_text), &judge, &err) == 0, "a judge is read (%s)",
		err ? err->message : ""))
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct vxe_judged_file *file = vxe_judge_file(judge, rows[i].path);

		ok(same_text(file ? file->name.rule : NULL, rows[i].rule) && (!file || file->access == rows[i].access),
		   "the rule of %s", rows[i].path);
	}
	sockets_judged(judge);
	ok(vxe_judge_call(judge, "read") && !vxe_judge_call(judge, "readv"), "calls by their whole name");
	vxe_access_words(VXE_READ | VXE_EXECUTE, words, sizeof(words));
	ok(same_text(words, "read execute"), "access in words");
	vxe_judge_free(&judge);
	vxe_error_free(&err);
}

static void judges_refused(void)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{}",
		"{\"judge\":1}",
		"{\"judge\":2}",
		"{\"judge\":1,\"files\":[],\"sockets\":[],\"unix\":[],\"mounts\":[],\"calls\":{}}",
		"{\"judge\":2,\"files\":[1],\"sockets\":[],\"unix\":[],\"mounts\":[],\"calls\":{}}",
		"{\"judge\":2,\"files\":[{\"rule\":\"r\",\"at\":\"\",\"path\":\"etc\",\"access\":[]}],\"sockets\":[],\"unix\":["
		"],\"mounts\":[],\"calls\":{}}",
		"{\"judge\":2,\"files\":[{\"rule\":\"r\",\"at\":\"\",\"path\":\"/"
		"etc\",\"access\":[\"fly\"]}],\"sockets\":[],\"unix\":[],\"mounts\":[],\"calls\":{}}",
		"{\"judge\":2,\"files\":[],\"sockets\":[{\"rule\":\"r\",\"at\":\"\",\"protocol\":\"tcp\",\"from\":1,\"to\":"
		"65536,\"access\":[]}],\"unix\":[],\"mounts\":[],\"calls\":{}}",
		"{\"judge\":2,\"files\":[],\"sockets\":[{\"rule\":\"r\",\"at\":\"\",\"protocol\":\"sctp\",\"from\":1,\"to\":1,"
		"\"access\":[]}],\"unix\":[],\"mounts\":[],\"calls\":{}}",
		"{\"judge\":2,\"files\":[],\"sockets\":[{\"rule\":\"r\",\"at\":\"\",\"protocol\":\"tcp\",\"from\":1,\"to\":1,"
		"\"access\":[],\"address\":\"10.0.0.0/33\"}],\"unix\":[],\"mounts\":[],\"calls\":{}}",
		"{\"judge\":2,\"files\":[],\"sockets\":[{\"rule\":\"r\",\"at\":\"\",\"protocol\":\"tcp\",\"from\":1,\"to\":1,"
		"\"access\":[\"read\"]}],\"unix\":[],\"mounts\":[],\"calls\":{}}",
		"{\"judge\":2,\"files\":[],\"sockets\":[],\"unix\":[{\"rule\":\"r\",\"at\":\"\",\"path\":\"run\",\"access\":[]}"
		"],\"mounts\":[],\"calls\":{}}",
		"{\"judge\":2,\"files\":[],\"sockets\":[],\"unix\":[],\"mounts\":[{\"rule\":\"r\",\"at\":\"\",\"path\":\"/"
		"x\",\"kind\":\"gone\"}],\"calls\":{}}",
		"{\"judge\":2,\"files\":[],\"sockets\":[],\"unix\":[],\"mounts\":[],\"calls\":{\"read\":1}}",
		"{\"judge\":2,\"files\":[],\"sockets\":[],\"unix\":[],\"mounts\":[]}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct vxe_judge *judge = NULL;
		struct vxe_error *err = NULL;

		ok(vxe_judge_parse(texts[i], strlen(texts[i]), &judge, &err) < 0 && !judge && err, "judge %zu is refused (%s)",
		   i + 1, err ? err->message : "no error");
		vxe_error_free(&err);
	}
}

static void filters(void)
{
	static struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + 4),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LD | BPF_IMM, 7),
		BPF_STMT(BPF_LDX | BPF_MEM, 3),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x37, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 13),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	static struct sock_filter past_data[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct seccomp_data)),
						 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	static struct sock_filter past_memory[] = {BPF_STMT(BPF_ST, BPF_MEMWORDS),
						   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct vxe_filter filter = {.program = program, .length = sizeof(program) / sizeof(*program)};
	struct vxe_filter data_filter = {.program = past_data, .length = 2},
			  memory_filter = {.program = past_memory, .length = 2};
	struct seccomp_data data = {.nr = 1};

	ok(vxe_filter_run(&filter, &data) == SECCOMP_RET_ALLOW, "a filter's first answer");
	data.nr = 2;
	ok(vxe_filter_run(&filter, &data) == SECCOMP_RET_USER_NOTIF, "its last");
	data.args[1] = 0x3fULL << 32;
	ok(vxe_filter_run(&filter, &data) == (SECCOMP_RET_ERRNO | 13), "one by an argument's upper half, through memory");
	ok(vxe_filter_run(&data_filter, &data) == SECCOMP_RET_KILL_PROCESS &&
		   vxe_filter_run(&memory_filter, &data) == SECCOMP_RET_KILL_PROCESS,
	   "reading or storing outside kills, and does nothing else");
}

/* A descriptor stands for its object, whatever has the object's name, or none; what lies in no folder of the caller's has no path. */
static void lookups_gone(const char *folder, int dir_fd, int fd)
{
	char real[4096], marked[4096], path[64];
	struct vxe_lookup found;
	struct stat object, other;
	int marked_fd, memory_fd = memfd_create("there", MFD_CLOEXEC);
	int unnamed_fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	snprintf(real, sizeof(real), "%s/there", folder);
	snprintf(marked, sizeof(marked), "%s/there (deleted)", folder);
	ok(vxe_lookup(getpid(), fd, "", true, &found) == 0 && found.exists && same_text(found.path, real),
	   "a descriptor in the place of a path");
	unlinkat(dir_fd, "there", 0);
	ok(fstat(fd, &object) == 0 && vxe_lookup(getpid(), fd, "", true, &found) == 0 && found.exists &&
		   same_text(found.path, real) && found.dev == object.st_dev && found.ino == object.st_ino,
	   "of one whose name is gone, by the name that it had");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ok(vxe_lookup(getpid(), AT_FDCWD, path, true, &found) == 0 && found.exists && found.ino == object.st_ino,
	   "the same by its link in /proc");
	marked_fd = open(marked, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ok(fstat(marked_fd, &other) == 0 && vxe_lookup(getpid(), fd, "", true, &found) == 0 && found.ino == object.st_ino &&
		   same_text(found.path, real),
	   "not what has the name that the kernel tells of it");
	ok(vxe_lookup(getpid(), marked_fd, "", true, &found) == 0 && found.ino == other.st_ino && same_text(found.path, marked),
	   "which is found by its own");
	ok(unnamed_fd < 0 || (fstat(unnamed_fd, &object) == 0 && vxe_lookup(getpid(), unnamed_fd, "", true, &found) == 0 &&
			      found.ino == object.st_ino && !strncmp(found.path, real, strlen(folder) + 1)),
	   "one that never had a name is in its folder");
	ok(memory_fd >= 0 && (vxe_lookup(getpid(), memory_fd, "", true, &found) < 0 || !found.exists),
	   "memory has no path, though it has a name");
	ok(vxe_lookup(getpid(), 1000000, "", true, &found) < 0, "nor has a descriptor that is none");
	close(memory_fd);
	close(unnamed_fd);
	close(marked_fd);
	unlinkat(dir_fd, "there (deleted)", 0);
}

/* In this very process: its root is the host's, its folder and descriptors are known. */
static void lookups(const char *folder)
{
	struct vxe_lookup found;
	char path[4096], real[4096];
	int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	snprintf(real, sizeof(real), "%s/there", folder);
	fd = open(real, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	symlinkat("there", dir_fd, "link");
	symlinkat("/proc/self/fd", dir_fd, "descriptors");
	ok(vxe_lookup(getpid(), AT_FDCWD, real, true, &found) == 0 && found.exists && same_text(found.path, real) &&
		   S_ISREG(found.type),
	   "a file by its path");
	ok(vxe_lookup(getpid(), dir_fd, "link", true, &found) == 0 && same_text(found.path, real),
	   "by a link, from a descriptor");
	ok(vxe_lookup(getpid(), dir_fd, "link", false, &found) == 0 && S_ISLNK(found.type) && found.exists,
	   "the link itself where it is not followed");
	ok(vxe_lookup(getpid(), dir_fd, "./x/../there", true, &found) < 0, "a folder that is not there leads nowhere");
	ok(vxe_lookup(getpid(), dir_fd, ".././././there", true, &found) == 0 && !found.exists, "dots are the kernel's to read");
	snprintf(path, sizeof(path), "%s/absent/", folder);
	ok(vxe_lookup(getpid(), AT_FDCWD, path, true, &found) == 0 && !found.exists && strstr(found.path, "/absent"),
	   "what is not there has the path that it would have");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ok(vxe_lookup(getpid(), AT_FDCWD, path, true, &found) == 0 && same_text(found.path, real),
	   "a descriptor by /proc/self");
	snprintf(path, sizeof(path), "descriptors/%d", fd);
	ok(vxe_lookup(getpid(), dir_fd, path, true, &found) == 0 && same_text(found.path, real), "the same through a link");
	ok(vxe_lookup(getpid(), AT_FDCWD, "/../../etc/./passwd", true, &found) == 0 && same_text(found.path, "/etc/passwd"),
	   "there is nothing above the root");
	ok(vxe_lookup(0x7ffffff, AT_FDCWD, "/etc", true, &found) < 0, "a process that is gone has no paths");
	lookups_gone(folder, dir_fd, fd);
	close(fd);
	unlinkat(dir_fd, "link", 0);
	unlinkat(dir_fd, "descriptors", 0);
	close(dir_fd);
}

/* More watchers than a user may have of inotify's, each a process of its own as supervisors are. */
static void watched_by_many(const char *folder, int dir_fd)
{
	enum { MANY = 200 };
	int ready[2], told[2], seen = 0, waiting = 0;
	pid_t children[MANY];
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(told, O_CLOEXEC) < 0) {
		ok(false, "pipes");
		return;
	}
	for (int i = 0; i < MANY; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct pollfd watch = {.fd = vxe_held_watch(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
					       .events = POLLIN};

			if (write(ready[1], watch.fd < 0 ? "n" : "y", 1) != 1 || poll(&watch, 1, 300000) != 1 ||
			    write(told[1], "t", 1) != 1)
				_exit(1);
			_exit(0);
		}
	}
	for (int i = 0; i < MANY && read(ready[0], &byte, 1) == 1; i++)
		waiting += byte == 'y';
	ok(waiting == MANY, "%d of %d processes watch the mode of their instance", waiting, MANY);
	ok(vxe_mode_write(dir_fd, "mode", VXE_MODE_SOFT, NULL) == 0, "the mode is written");
	for (int i = 0; i < MANY; i++) {
		int status = -1;

		if (children[i] > 0 && waitpid(children[i], &status, 0) == children[i])
			seen += status == 0;
	}
	ok(seen == MANY, "%d of %d learn of it", seen, MANY);
	unlinkat(dir_fd, "mode", 0);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(told[i]);
	}
}

int main(void)
{
	char folder[] = "/tmp/vxe-test-modes-XXXXXX";
	int dir_fd;

	if (!mkdtemp(folder))
		return 1;
	dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	modes(dir_fd);
	held(dir_fd);
	records(dir_fd);
	judging();
	judges_refused();
	filters();
	lookups(folder);
	watched_by_many(folder, dir_fd);
	close(dir_fd);
	rmdir(folder);
	return tap_done();
}
