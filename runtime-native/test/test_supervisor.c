/* The supervisor's parts that need no instance: lines, words, records, rotation. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "file.h"
#include "json.h"
#include "notify.h"
#include "output.h"
#include "calls.h"
#include "record.h"
#include "relay.h"
#include "tap.h"

static void errno_words(void)
{
	static const struct {
		const char *words, *call;
		int errnum;
	} rows[] = {
		{NULL, "connect", EPERM},
		{"", "connect", EPERM},
		{"connect=EACCES", "connect", EACCES},
		{"connect=EACCES", "conn", EPERM},
		{"reconnect=EACCES", "connect", EPERM},
		{"openat2=ENOSYS connect=ECONNREFUSED", "connect", ECONNREFUSED},
		{"connect=ENOSUCHERRNO", "connect", EPERM},
		{"connect=EACCESS", "connect", EPERM},
		{"connect", "connect", EPERM},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(vxe_notify_errno(rows[i].words, rows[i].call) == rows[i].errnum, "errno of %s in \"%s\"", rows[i].call,
		   rows[i].words ? rows[i].words : "(none)");
}

static void listen_words(void)
{
	ok(vxe_notify_port_listed("tcp/110 tcp/995", 995) && vxe_notify_port_listed("tcp/110", 110), "a port that is listed");
	ok(vxe_notify_port_listed("tcp/25 tcp/100-120", 110) && vxe_notify_port_listed("tcp/100-110", 110) &&
		   vxe_notify_port_listed("tcp/0-65535", 65535),
	   "a port in a range");
	ok(!vxe_notify_port_listed("tcp/111-120", 110) && !vxe_notify_port_listed("tcp/100-120x", 110) &&
		   !vxe_notify_port_listed("tcp/110x", 110) && !vxe_notify_port_listed("tcp/", 0),
	   "and outside of it, or none");
	ok(!vxe_notify_port_listed("tcp/1100", 110) && !vxe_notify_port_listed("tcp/110", 0) &&
		   !vxe_notify_port_listed("udp/110", 110) && !vxe_notify_port_listed("", 110) &&
		   !vxe_notify_port_listed(NULL, 110),
	   "and those that are not");
}

static void own_files(void)
{
	static const char lines[] = "/proc/self/fd read\n/proc/self/task/*/comm read write\n/proc/self/stat";
	char path[PATH_MAX];

	ok(vxe_own_granted(lines, "/proc/self/fd") == VXE_READ &&
		   vxe_own_granted(lines, "/proc/self/task/17/comm") == (VXE_READ | VXE_WRITE),
	   "files of the calling process, with numbers for stars");
	ok(!vxe_own_granted(lines, "/proc/self/fd/3") && !vxe_own_granted(lines, "/proc/self/task//comm") &&
		   !vxe_own_granted(lines, "/proc/self/task/1/2/comm") && !vxe_own_granted(lines, "/proc/self/task/x/comm") &&
		   !vxe_own_granted(lines, "/proc/self/task/*/comm") && !vxe_own_granted(lines, "/proc/self/f") &&
		   !vxe_own_granted(lines, "/proc/self/stat") && !vxe_own_granted("", "/proc/self/fd") &&
		   !vxe_own_granted(NULL, "/proc/self/fd"),
	   "and nothing below them, beside them, or without words");
	{
		const struct vxe_own own = {.lines = lines, .openat = true}, none = {.openat = true};

		ok(vxe_own_raised(&own, SYS_openat) && !vxe_own_raised(&own, SYS_openat2) && !vxe_own_raised(&own, SYS_read) &&
			   !vxe_own_raised(&none, SYS_openat),
		   "only the opens that the profile permits are raised for them, and only where there are rules");
	}
	snprintf(path, sizeof(path), "/proc/%d/task/4/comm", getpid());
	vxe_own_name(getpid(), path);
	ok(!strcmp(path, "/proc/self/task/4/comm"), "the process's own number is its own name");
	snprintf(path, sizeof(path), "/proc/%d1/stat", getpid());
	vxe_own_name(getpid(), path);
	ok(strncmp(path, "/proc/self", 10) != 0, "and another's is not");
}

static void syslog_lines(void)
{
	static const struct {
		const char *datagram, *text;
	} rows[] = {
		{"<30>Nov 22 09:34:50 popa3d[7]: Session from 127.0.0.1", "popa3d[7]: Session from 127.0.0.1"},
		{"<30>popa3d: no date\n", "popa3d: no date"},
		{"no priority", "no priority"},
		{"<30>a\x1b[31mred\nforged line", "a [31mred forged line"},
		{"a\xc2\x9b"
		 "31mred \xe2\x80\xae\x9b \xc3\xa9",
		 "a  31mred      \xc3\xa9"},
		{"<999999>x", "<999999>x"},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char out[256];
		size_t size = vxe_relay_syslog_line(rows[i].datagram, strlen(rows[i].datagram), out, sizeof(out));

		out[size - 1] = '\0';
		ok(strlen(out) > 20 && same_text(out + 21, rows[i].text), "syslog line %zu", i + 1);
	}
	{
		char large[6000], out[4200];
		size_t size;

		memset(large, 'x', sizeof(large));
		size = vxe_relay_syslog_line(large, sizeof(large), out, sizeof(out));
		ok(size == sizeof(out) && out[size - 1] == '\n', "a line longer than the buffer is cut, and ends");
	}
}

static void syslog_forward(const char *folder)
{
	static const struct {
		const char *datagram, *priority, *text, *what;
	} rows[] = {
		{"<22>Nov 22 09:34:50 popa3d[7]: login", "<22>", "popa3d[7]: login", "the mail facility is kept"},
		{"<0>kernel: panic", "<25>", "kernel: panic", "an emergency of the kernel is the daemon's alert"},
		{"<44>rsyslogd: x", "<28>", "rsyslogd: x", "what the log says of itself is not the program's to say"},
		{"<8>to all terminals", "<9>", "to all terminals", "nobody's terminal is written to"},
		{"<9999>x", "<31>", "x", "a facility that there is not"},
		{"<38>sshd[1]: Accepted password", "<38>", "sshd[1]: Accepted password", "another program's tag"},
		{"x\n<0>kernel: y", "<29>", "x <0>kernel: y", "a second line"},
		{"<>x", "<29>", "<>x", "a priority without digits"},
		{"", "<29>", "", "nothing"},
	};
	char path[256], got[512], tag[64];
	int fd = vxe_relay_bind(folder, "log", NULL);

	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(tag, sizeof(tag), " vxe-popd[%d]: ", (int)getpid());
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t size, used = strlen(rows[i].priority);

		vxe_relay_syslog_forward(path, "popd", rows[i].datagram, strlen(rows[i].datagram));
		size = vxe_relay_receive(fd, got, sizeof(got) - 1);
		got[size] = '\0';
		ok(size >= used + 15 + strlen(tag) && !memcmp(got, rows[i].priority, used) &&
			   !memcmp(got + used + 15, tag, strlen(tag)) && same_text(got + used + 15 + strlen(tag), rows[i].text),
		   "to the host's log: %s", rows[i].what);
	}
	close(fd);
	unlink(path);
}

static void notify_relay(const char *folder)
{
	struct vxe_error *err = NULL;
	char path[256], got[512];
	int fd = vxe_relay_bind(folder, "manager", &err);
	static const char message[] = "MAINPID=1\nREADY=1\nFDSTORE=1\nSTATUS=at work\nX=READY=1";
	size_t size;

	ok(fd >= 0, "a service socket is made (%s)", err ? err->message : "");
	snprintf(path, sizeof(path), "%s/manager", folder);
	vxe_relay_notify(path, message, strlen(message), 0);
	size = vxe_relay_receive(fd, got, sizeof(got) - 1);
	got[size] = '\0';
	ok(same_text(got, "READY=1\nSTATUS=at work\n"),
	   "the program's word is passed on, what would speak for the supervisor is not");
	vxe_relay_notify(path, "STATUS=\x1b]0;t\x07 at", 16, 0);
	size = vxe_relay_receive(fd, got, sizeof(got) - 1);
	got[size] = '\0';
	ok(same_text(got, "STATUS=?]0;t? at\n"), "what the manager shows of it acts on no terminal");
	ok(vxe_relay_notify(path, message, strlen(message), 77), "that it is ready is told to who waits for it");
	size = vxe_relay_receive(fd, got, sizeof(got) - 1);
	got[size] = '\0';
	ok(same_text(got, "READY=1\nSTATUS=at work\nMAINPID=77\n"), "with the process that the runtime names");
	ok(!vxe_relay_notify(path, "STATUS=READY=1\nXREADY=1\nREADY=11", 32, 77), "only where it says so");
	size = vxe_relay_receive(fd, got, sizeof(got) - 1);
	got[size] = '\0';
	ok(same_text(got, "STATUS=READY=1\n"), "and no process is named without it");
	vxe_relay_notify(path, "MAINPID=1", 9, 77);
	ok(vxe_relay_receive(fd, got, sizeof(got)) == 0, "a message with nothing to pass on is not sent");
	close(fd);
	unlink(path);
	vxe_error_free(&err);
}

static void records(const char *folder)
{
	int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct vxe_record_log log;
	struct vxe_error *err = NULL;
	struct vxe_violation violation = {
		.pid = getpid(), .arch = AUDIT_ARCH_X86_64, .nr = 42, .args = {3, UINT64_MAX}, .errnum = EPERM};
	char *text = NULL;
	size_t size = 0, lines = 0;
	uint64_t counted = 0;
	struct stat st;

	snprintf(violation.detail, sizeof(violation.detail), "connect(3, \"\x01\xff\n\")");
	ok(vxe_record_open(&log, dir_fd, "popd", "popd-1", &err) == 0, "the violation log opens");
	for (int i = 0; i < 10000; i++)
		vxe_record_write(&log, &violation);
	vxe_record_close(&log);
	ok(vxe_file_read_at(dir_fd, "violations.ndjson", 64 << 20, &text, &size, &err) == 0, "and is read back");
	for (char *line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		struct json_object *object = NULL;
		uint64_t count = 0;

		if (vxe_json_parse(line, strlen(line), &object, &err) < 0) {
			ok(false, "line %zu is JSON: %s", lines + 1, err->message);
			break;
		}
		vxe_json_get_uint(object, "", "count", UINT64_MAX, &count, NULL);
		counted += count;
		lines++;
		vxe_json_put(&object);
	}
	ok(counted == 10000, "every refusal of a flood is counted (%llu)", (unsigned long long)counted);
	ok(lines < 5000, "and the flood is folded (%zu lines)", lines);
	free(text);
	ok(fstatat(dir_fd, "violations.ndjson", &st, 0) == 0 && (st.st_mode & 0777) == 0640,
	   "the log is not the world's to read");
	unlinkat(dir_fd, "violations.ndjson", 0);
	close(dir_fd);
	vxe_error_free(&err);
}

/* The lines of a log, and what their counts come to. */
static size_t lines_read(int dir_fd, uint64_t *counted)
{
	char *text = NULL;
	size_t size = 0, lines = 0;

	*counted = 0;
	if (vxe_file_read_at(dir_fd, "violations.ndjson", 64 << 20, &text, &size, NULL) < 0)
		return 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		struct json_object *object = NULL;
		uint64_t count = 0;

		/* What a full disk cut is no record. */
		if (vxe_json_parse(line, strlen(line), &object, NULL) < 0)
			continue;
		vxe_json_get_uint(object, "", "count", UINT64_MAX, &count, NULL);
		*counted += count;
		lines++;
		vxe_json_put(&object);
	}
	free(text);
	return lines;
}

static void record_kinds(const char *folder)
{
	int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct vxe_violation violation = {.pid = getpid(), .arch = AUDIT_ARCH_X86_64, .nr = 41, .errnum = EPERM};
	struct vxe_record_log log;
	uint64_t counted;
	size_t lines;

	vxe_record_open(&log, dir_fd, "popd", "popd-1", NULL);
	for (uint64_t i = 0; i < 20; i++) {
		violation.args[0] = i;
		vxe_record_write(&log, &violation);
	}
	ok(lines_read(dir_fd, &counted) == 20, "violations that differ in a number are kept apart");
	for (uint64_t i = 0; i < 20; i++) {
		violation.args[0] = 3;
		violation.args[1] = 0x7ffe00000000 + i * 64;
		vxe_record_write(&log, &violation);
	}
	lines = lines_read(dir_fd, &counted);
	ok(lines == 28 && log.folded == 12, "those that differ in an address of memory are one kind (%zu lines)", lines);
	ok(vxe_record_tick(&log) > 1000, "what is folded is told at the end of its window");
	/* More kinds than there are slots, faster than the rate. */
	for (uint64_t i = 0; i < 20000; i++) {
		violation.args[0] = 100 + i;
		violation.args[1] = 0;
		vxe_record_write(&log, &violation);
	}
	vxe_record_close(&log);
	lines = lines_read(dir_fd, &counted);
	ok(counted == 20040, "of a flood of kinds every one is counted (%llu)", (unsigned long long)counted);
	ok(lines < 2000, "and the log stays small (%zu lines)", lines);
	unlinkat(dir_fd, "violations.ndjson", 0);
	close(dir_fd);
}

/* A log that another supervisor has rotated, or that the administrator has removed, is followed. */
static void record_follows(const char *folder)
{
	int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	struct vxe_violation violation = {.pid = getpid(), .arch = AUDIT_ARCH_X86_64, .nr = 41, .errnum = EPERM};
	struct vxe_record_log log;
	uint64_t counted;

	vxe_record_open(&log, dir_fd, "popd", "popd-1", NULL);
	vxe_record_write(&log, &violation);
	renameat(dir_fd, "violations.ndjson", dir_fd, "violations.ndjson.1");
	vxe_record_write(&log, &violation);
	ok(lines_read(dir_fd, &counted) == 1, "after a rotation by another, the next record is in the new file");
	vxe_record_close(&log);
	fd = openat(dir_fd, "violations.ndjson", O_WRONLY | O_TRUNC | O_CLOEXEC);
	ok(write(fd, "{\"time\":\"20", 11) == 11, "a line that a full disk cut");
	close(fd);
	vxe_record_open(&log, dir_fd, "popd", "popd-1", NULL);
	vxe_record_write(&log, &violation);
	vxe_record_close(&log);
	ok(lines_read(dir_fd, &counted) == 1, "does not swallow the next record");
	unlinkat(dir_fd, "violations.ndjson", 0);
	unlinkat(dir_fd, "violations.ndjson.1", 0);
	close(dir_fd);
}

/* The journal's side of its native protocol: one datagram, a field a line. */
static void record_journal(const char *folder)
{
	int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct vxe_violation violation = {.pid = getpid(),
					  .arch = AUDIT_ARCH_X86_64,
					  .nr = 257,
					  .errnum = EACCES,
					  .rule = "files:/etc",
					  .mechanism = "landlock",
					  .path = "/etc/a\nVXE_RULE=forged"};
	struct vxe_record_log log;
	char path[256], got[8192];
	size_t size;
	int fd;

	fd = vxe_relay_bind(folder, "journal", NULL);
	snprintf(path, sizeof(path), "%s/journal", folder);
	setenv("VXE_JOURNAL", path, 1);
	vxe_record_open(&log, dir_fd, "popd", "popd-1", NULL);
	vxe_record_write(&log, &violation);
	size = vxe_relay_receive(fd, got, sizeof(got) - 1);
	got[size] = '\0';
	ok(strstr(got, "\nVXE_RULE=files:/etc\n") && strstr(got, "\nVXE_INSTANCE=popd-1\n") && strstr(got, "\nPRIORITY=4\n") &&
		   strstr(got, "\nVXE_ERRNO=EACCES\n") && strstr(got, "\nMESSAGE_ID="),
	   "the journal gets the record as fields");
	ok(strstr(got, "VXE_PATH=/etc/a VXE_RULE=forged\n") && !strstr(got, "\nVXE_RULE=forged"),
	   "and the caller's text forges none");
	close(fd);
	unlink(path);
	for (int i = 0; i < 5; i++)
		vxe_record_write(&log, &violation);
	ok(log.lost == 0 && log.total == 6, "a journal that is gone costs nothing");
	vxe_record_close(&log);
	unsetenv("VXE_JOURNAL");
	unlinkat(dir_fd, "violations.ndjson", 0);
	close(dir_fd);
}

static void call_names(void)
{
	static const struct {
		uint32_t arch;
		int nr;
		const char *name, *arch_name;
	} rows[] = {
		{AUDIT_ARCH_X86_64, 59, "execve", "x86_64"},	{AUDIT_ARCH_X86_64, 0x40000000 | 2, "open", "x32"},
		{AUDIT_ARCH_I386, 11, "execve", "x86"},		{AUDIT_ARCH_AARCH64, 221, "execve", "aarch64"},
		{AUDIT_ARCH_X86_64, 4000, "nr 4000", "x86_64"}, {1, 1, "nr 1", "unknown"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *arch;
		char *name = vxe_call_name(rows[i].arch, rows[i].nr, &arch);

		ok(same_text(name, rows[i].name) && same_text(arch, rows[i].arch_name), "%s of %s", rows[i].name,
		   rows[i].arch_name);
		free(name);
	}
}

static void output_rotation(const char *folder)
{
	int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = vxe_output_open(dir_fd);
	static char block[1 << 20];
	struct stat now = {0}, old = {0};

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 40; i++)
		vxe_output_append(dir_fd, &fd, block, sizeof(block));
	ok(fstatat(dir_fd, "output.log", &now, 0) == 0 && fstatat(dir_fd, "output.log.1", &old, 0) == 0 &&
		   now.st_size + old.st_size <= 32 << 20,
	   "forty megabytes of output take at most thirty-two");
	close(fd);
	unlinkat(dir_fd, "output.log", 0);
	unlinkat(dir_fd, "output.log.1", 0);
	close(dir_fd);
}

int main(void)
{
	char folder[] = "/tmp/vxe-test-supervisor-XXXXXX";

	if (!mkdtemp(folder))
		return 1;
	errno_words();
	listen_words();
	own_files();
	syslog_lines();
	syslog_forward(folder);
	notify_relay(folder);
	records(folder);
	record_kinds(folder);
	record_follows(folder);
	record_journal(folder);
	call_names();
	output_rotation(folder);
	rmdir(folder);
	return tap_done();
}
