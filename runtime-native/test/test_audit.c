/* Refusals by Landlock in the kernel's audit stream: lines that Linux 6.18 wrote, what is made of them, and lines that nobody wrote. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include "landlock.h"
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit_source.h"
#include "cleanup.h"
#include "kernel.h"
#include "tap.h"

struct line {
	unsigned int type;
	const char *text;
};

static const struct line lines[] = {
	{1423, "audit(1795656074.640:47): domain=1da20837c blockers=fs.read_file path=\"/etc/passwd\" dev=\"vda\" ino=739"},
	{1424, "audit(1795656074.640:47): domain=1da20837c status=allocated mode=enforcing pid=30552 uid=0 "
	       "exe=\"/usr/bin/vxe\" comm=\"vxe\""},
	{1300, "audit(1795656074.640:47): arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=7ffe14b34f50 a2=80800 "
	       "a3=180 items=0 ppid=30551 pid=30552 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 "
	       "tty=(none) ses=4294967295 comm=\"acts\" exe=\"/usr/bin/acts\" key=(null)"},
	{1320, "audit(1795656074.640:47): "},
	{1423, "audit(1795656074.640:50): domain=1da20837c blockers=fs.refer path=\"/srv/p\" dev=\"vda\" ino=2204054"},
	{1423,
	 "audit(1795656074.640:50): domain=1da20837c blockers=fs.make_reg,fs.refer path=\"/srv\" dev=\"vda\" ino=2197592"},
	{1300, "audit(1795656074.640:50): arch=c000003e syscall=265 success=no exit=-13 a0=ffffff9c a1=7ffe14b34f50 "
	       "a2=ffffff9c a3=7ffe14b35f50 items=0 ppid=30551 pid=30552 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 "
	       "egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm=\"acts\" exe=\"/usr/bin/acts\" key=(null)"},
	{1320, "audit(1795656074.640:50): "},
	{1423, "audit(1795656074.640:51): domain=1da20837c blockers=net.connect_tcp daddr=127.0.0.1 dest=80"},
	{1300, "audit(1795656074.640:51): arch=c000003e syscall=42 success=no exit=-13 a0=4 a1=7ffe14b34e00 a2=10 a3=0 items=0 "
	       "ppid=30551 pid=30552 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) "
	       "ses=4294967295 comm=\"acts\" exe=\"/usr/bin/acts\" key=(null)"},
	{1320, "audit(1795656074.640:51): "},
	{1423, "audit(1795656074.640:52): domain=1da20837c blockers=net.bind_tcp saddr=127.0.0.1 src=80"},
	{1300, "audit(1795656074.640:52): arch=c000003e syscall=49 success=no exit=-13 a0=4 a1=7ffe14b34e00 a2=10 a3=0 items=0 "
	       "ppid=30551 pid=30552 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) "
	       "ses=4294967295 comm=\"acts\" exe=\"/usr/bin/acts\" key=(null)"},
	{1320, "audit(1795656074.640:52): "},
	{1423, "audit(1795656074.640:53): domain=1da20837c blockers=net.connect_tcp daddr=::1 dest=80"},
	{1300, "audit(1795656074.640:53): arch=c000003e syscall=42 success=no exit=-13 a0=4 a1=7ffe14b34e00 a2=1c a3=0 items=0 "
	       "ppid=30551 pid=30552 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) "
	       "ses=4294967295 comm=\"acts\" exe=\"/usr/bin/acts\" key=(null)"},
	{1320, "audit(1795656074.640:53): "},
	{1423, "audit(1795656074.640:54): domain=1da20837c blockers=fs.ioctl_dev path=\"/dev/zero\" dev=\"devtmpfs\" ino=4 "
	       "ioctlcmd=0x5401"},
	{1300, "audit(1795656074.640:54): arch=c000003e syscall=16 success=no exit=-13 a0=4 a1=5401 a2=7fa89d7542e0 a3=0 "
	       "items=0 ppid=30551 pid=30552 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 "
	       "tty=(none) ses=4294967295 comm=\"acts\" exe=\"/usr/bin/acts\" key=(null)"},
	{1320, "audit(1795656074.640:54): "},
	{1423, "audit(1795656074.640:55): domain=1da20837c blockers=scope.signal opid=30551 ocomm=\"vxe\""},
	{1300, "audit(1795656074.640:55): arch=c000003e syscall=62 success=no exit=-1 a0=1 a1=0 a2=0 a3=0 items=0 ppid=30551 "
	       "pid=30552 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 "
	       "comm=\"acts\" exe=\"/usr/bin/acts\" key=(null)"},
	{1320, "audit(1795656074.640:55): "},
	{1423, "audit(1795656074.640:57): domain=1da20837c blockers=fs.execute,fs.read_file path=\"/usr/bin/true\" dev=\"vda\" "
	       "ino=260958"},
	{1300, "audit(1795656074.640:57): arch=c000003e syscall=59 success=no exit=-13 a0=7ffe14b34f50 a1=7ffe14b34df0 "
	       "a2=7fa89d7220b8 a3=0 items=0 ppid=30552 pid=30558 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 "
	       "sgid=0 fsgid=0 tty=(none) ses=4294967295 comm=\"acts\" exe=\"/usr/bin/acts\" key=(null)"},
	{1320, "audit(1795656074.640:57): "},
};

#define MAKER 30552

static const char judge_text[] =
	"{\"judge\":2,\"profile\":\"p\",\"files\":[{\"rule\":\"files:/srv/p\",\"at\":\"p:3:1\",\"path\":\"/srv/"
	"p\",\"access\":[\"create\","
	"\"remove\"]}],\"sockets\":[{\"rule\":\"network:tcp/80\",\"at\":\"p:4:1\",\"protocol\":\"tcp\",\"from\":80,\"to\":80,"
	"\"access\":[\"accept\"]}],\"unix\":[],\"mounts\":[],\"calls\":{}}";

struct wanted {
	const char *call, *path, *address, *rule, *needs;
	int errnum;
	bool folder, narrowed;
};

static const struct wanted wanted[] = {
	{"openat", "/etc/passwd", "", "files:default", "read", EACCES, false, false},
	{"linkat", "/srv/p", "", "files:/srv/p", "create remove", EACCES, true, true},
	{"linkat", "/srv", "", "files:default", "create remove", EACCES, true, false},
	{"connect", "", "tcp/127.0.0.1:80", "network:tcp/80", "", EACCES, false, false},
	{"bind", "", "tcp/127.0.0.1:80", "network:tcp/80", "", EACCES, false, false},
	{"connect", "", "tcp/[::1]:80", "network:tcp/80", "", EACCES, false, false},
	{"ioctl", "/dev/zero", "", "files:default", "ioctl", EACCES, false, false},
	{"kill", "", "", "scope:signal", "", EPERM, false, false},
	{"execve", "/usr/bin/true", "", "files:default", "read execute", EACCES, false, false},
};

static void violation_check(const struct vxe_audit_event *event, const struct vxe_violation *v, const struct wanted *want)
{
	char words[64];

	vxe_access_words(v->needs, words, sizeof(words));
	ok(!strncmp(v->detail, want->call, strlen(want->call)) && !strcmp(v->path, want->path) &&
		   !strcmp(v->rule, want->rule) && !strcmp(v->address, want->address) && !strcmp(words, want->needs) &&
		   v->errnum == want->errnum && v->folder == want->folder && v->narrowed == want->narrowed &&
		   !strcmp(v->mechanism, "landlock") && v->verdict == VXE_REFUSED,
	   "%s: %s%s by %s, needs \"%s\", %d", v->detail, v->path, v->address, v->rule, words, v->errnum);
	ok(event->pid > 30000 && !strcmp(v->comm, "acts") && !strcmp(v->exe, "/usr/bin/acts"), "who did it: %s %s", v->comm,
	   v->exe);
}

static int answer(void *data, pid_t pid)
{
	(void)pid;
	return *(int *)data;
}

static void real_lines(void)
{
	struct vxe_judge *judge = NULL;
	struct vxe_audit audit = {.maker = MAKER, .exe = "/usr/bin/vxe"};
	size_t at = 0;

	if (!ok(vxe_judge_parse(judge_text, strlen(judge_text), &judge, NULL) == 0, "a judge to name rules by"))
		return;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (!vxe_audit_line(&audit, lines[i].type, lines[i].text, strlen(lines[i].text)))
			continue;
		for (size_t k = 0; k < audit.event.n_refusals && at < sizeof(wanted) / sizeof(*wanted); k++) {
			struct vxe_violation violation;

			vxe_audit_violation(judge, &audit.event, &audit.event.refusals[k], &violation);
			violation_check(&audit.event, &violation, &wanted[at++]);
		}
	}
	ok(at == sizeof(wanted) / sizeof(*wanted), "each refusal was told (%zu)", at);
	vxe_audit_end(&audit);
	vxe_judge_free(&judge);
}

static size_t told(struct vxe_audit audit)
{
	size_t count = 0;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		count += vxe_audit_line(&audit, lines[i].type, lines[i].text, strlen(lines[i].text));
	vxe_audit_end(&audit);
	return count;
}

/* Which of the lines are left out, and in which order the others come. */
static struct vxe_audit heard(int inside, const size_t *order, size_t count, size_t *refusals)
{
	struct vxe_audit audit = {.maker = MAKER, .is_inside = answer, .data = &inside};

	*refusals = 0;
	for (size_t i = 0; i < count; i++)
		if (vxe_audit_line(&audit, lines[order[i]].type, lines[order[i]].text, strlen(lines[order[i]].text)))
			*refusals += audit.event.n_refusals;
	vxe_audit_end(&audit);
	audit.data = NULL;
	return audit;
}

/* Lines that did not come (a full queue, an audit rule that leaves them out), and those of two processes between each other. */
static void not_all_lines(void)
{
	enum { ALL = sizeof(lines) / sizeof(*lines), FIRST = 4 };
	size_t later[ALL], without_domain[ALL], without_calls[ALL], mixed[ALL], n_later = 0, n_domain = 0, n_calls = 0,
										n_mixed = 0;
	size_t refusals = sizeof(wanted) / sizeof(*wanted), got;
	struct vxe_audit audit;

	for (size_t i = 0; i < ALL; i++) {
		if (i >= FIRST)
			later[n_later++] = i;
		if (lines[i].type != VXE_AUDIT_LANDLOCK_DOMAIN)
			without_domain[n_domain++] = i;
		if (lines[i].type != VXE_AUDIT_SYSCALL && lines[i].type != VXE_AUDIT_END)
			without_calls[n_calls++] = i;
	}
	/* First what was refused, then which calls that were: as many events at once as there are. */
	for (size_t i = 0; i < ALL; i++)
		if (lines[i].type == VXE_AUDIT_LANDLOCK_ACCESS || lines[i].type == VXE_AUDIT_LANDLOCK_DOMAIN)
			mixed[n_mixed++] = i;
	for (size_t i = 0; i < ALL; i++)
		if (lines[i].type == VXE_AUDIT_SYSCALL || lines[i].type == VXE_AUDIT_END)
			mixed[n_mixed++] = i;

	audit = heard(1, later, n_later, &got);
	ok(got == refusals - 1 && !audit.unattributed,
	   "a domain whose first event was missed: its refusals are attributed by the process (%zu)", got);
	audit = heard(0, later, n_later, &got);
	ok(!got && !audit.unattributed, "those of a process elsewhere are not ours");
	audit = heard(-1, later, n_later, &got);
	ok(!got && audit.unattributed == refusals - 1, "those of a process that is gone are counted (%llu)",
	   (unsigned long long)audit.unattributed);
	audit = heard(1, without_domain, n_domain, &got);
	ok(got == refusals && !audit.unattributed, "without any word of the domain (%zu)", got);
	audit = heard(-1, without_calls, n_calls, &got);
	ok(!got && audit.domain && audit.unattributed == refusals, "refusals of ours without their calls are counted (%llu)",
	   (unsigned long long)audit.unattributed);
	audit = heard(-1, mixed, n_mixed, &got);
	ok(got == refusals && !audit.unattributed, "events between each other are all told (%zu)", got);
}

/* Others make domains without end; of theirs nothing is asked or counted, and what never ends gives way. */
static void crowd(void)
{
	int inside = -1;
	struct vxe_audit audit = {.maker = MAKER, .is_inside = answer, .data = &inside};
	char line[256];

	for (int i = 1; i <= 1000; i++) {
		snprintf(line, sizeof(line), "audit(2.2:%d): domain=%x blockers=fs.read_file path=\"/x\" ino=1", i, i);
		vxe_audit_line(&audit, VXE_AUDIT_LANDLOCK_ACCESS, line, strlen(line));
		snprintf(line, sizeof(line), "audit(2.2:%d): domain=%x status=allocated pid=%d exe=\"/x\"", i, i, i);
		vxe_audit_line(&audit, VXE_AUDIT_LANDLOCK_DOMAIN, line, strlen(line));
	}
	ok(!audit.unattributed, "a thousand domains of others are others'");
	snprintf(line, sizeof(line), "audit(2.3:1): domain=ffff blockers=fs.read_file path=\"/x\" ino=1");
	vxe_audit_line(&audit, VXE_AUDIT_LANDLOCK_ACCESS, line, strlen(line));
	vxe_audit_end(&audit);
	ok(audit.unattributed == 1, "what nobody has told the owner of is counted (%llu)",
	   (unsigned long long)audit.unattributed);
}

static void of_others(void)
{
	static const struct line forged[] = {
		{VXE_AUDIT_LANDLOCK_ACCESS, "audit(1.1:1): domain=1 blockers=fs.read_file path=\"/a domain=2 path=/b\" ino=1"},
		{VXE_AUDIT_LANDLOCK_DOMAIN,
		 "audit(1.1:1): domain=1 status=allocated mode=enforcing pid=7 exe=\"/x\" comm=\"pid=9\""},
		{VXE_AUDIT_SYSCALL, "audit(1.1:1): arch=c000003e syscall=2 success=no exit=-13 a0=1 a1=2 a2=3 a3=4 pid=8 "
				    "comm=2F73206578653D78 exe=\"/x\""},
		{VXE_AUDIT_END, "audit(1.1:1): "},
	};
	struct vxe_audit audit = {.maker = 7};
	bool whole = false;

	ok(told((struct vxe_audit){.maker = MAKER + 1}) == 0, "what another process's domain is refused is not ours");
	ok(told((struct vxe_audit){.maker = MAKER, .exe = "/usr/bin/other"}) == 0, "nor when another program made it");
	ok(told((struct vxe_audit){.maker = MAKER, .domain = 5}) == 0, "nor another domain's, once ours is known");
	for (size_t i = 0; i < sizeof(forged) / sizeof(*forged); i++)
		whole = vxe_audit_line(&audit, forged[i].type, forged[i].text, strlen(forged[i].text));
	ok(whole && audit.domain == 1 && !strcmp(audit.event.refusals[0].path, "/a domain=2 path=/b"),
	   "fields that a name pretends to be are part of it (%s)", audit.event.refusals[0].path);
	ok(audit.event.pid == 8 && !strcmp(audit.event.comm, "/s exe=x") && audit.event.errnum == EACCES,
	   "what is written in hexadecimal is read (%s)", audit.event.comm);
	ok(!vxe_audit_line(&audit, VXE_AUDIT_END, "audit(1.2:2): ", 14), "an event without a refusal is none");
	ok(!vxe_audit_line(&audit, VXE_AUDIT_END, "audit(", 6) && !vxe_audit_line(&audit, VXE_AUDIT_END, "", 0),
	   "nor is half a line");
	vxe_audit_end(&audit);
}

/* Refused by a domain of its own. */
static void refused_child(void)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);

	if (ruleset < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		_exit(1);
	_exit(open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 2);
}

static void live(void)
{
	char folder[] = "/tmp/vxe-audit-XXXXXX";
	struct vxe_judge_source judge = {.fd = -1};
	struct vxe_record_log log = {.fd = -1, .journal_fd = -1};
	struct vxe_audit_source source = {.fd = -1, .judge = &judge, .log = &log};
	cleanup_fd int dir_fd = -1;
	int status = -1;
	pid_t pid;

	vxe_audit_source_open(&source);
	if (source.fd < 0) {
		skip("the kernel's audit stream is off, or not for this process to read: the administrator turns it on",
		     "a refusal by the running kernel");
		return;
	}
	if (!mkdtemp(folder) || (dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    vxe_record_open(&log, dir_fd, "p", "p", NULL) < 0)
		exit(2);
	pid = fork();
	if (pid == 0)
		refused_child();
	vxe_audit_source_follow(&source, pid);
	waitpid(pid, &status, 0);
	for (int i = 0; i < 3000 && !log.total; i++) {
		vxe_audit_source_drain(&source);
		poll(NULL, 0, 20);
	}
	ok(status == 0 && log.total == 1 && !strcmp(log.last.path, "/etc/passwd") && log.last.errnum == EACCES,
	   "a refusal by the running kernel is told with its path (%s)", log.last.path);
	vxe_record_close(&log);
	vxe_audit_source_close(&source);
	unlinkat(dir_fd, "violations.ndjson", 0);
	rmdir(folder);
}

int main(void)
{
	real_lines();
	of_others();
	not_all_lines();
	crowd();
	live();
	return tap_done();
}
