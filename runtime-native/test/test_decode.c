/* What records are made of: names and values, another's memory, addresses, and the lines of the published example. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"
#include "cleanup.h"
#include "event.h"
#include "file.h"
#include "memory.h"
#include "tap.h"

/* Of the filters for aarch64 too, records speak as profiles do. */
static void machines(void)
{
	static const struct {
		uint32_t arch;
		const char *call;
		uint64_t there[6], here[6];
	} rows[] = {
		{AUDIT_ARCH_AARCH64, "openat", {1, 2, 0x4000, 0x4000}, {1, 2, 0x10000, 0x4000}},
		{AUDIT_ARCH_AARCH64, "openat", {1, 2, 0x28042}, {1, 2, 0x28042}},
		{AUDIT_ARCH_AARCH64, "openat", {0, 0, 0x8000}, {0, 0, 0x20000}},
		{AUDIT_ARCH_AARCH64, "clone", {17, 1, 2, 3, 4, 5}, {17, 1, 2, 4, 3, 5}},
		{AUDIT_ARCH_AARCH64, "fcntl", {0, F_SETFL, 0x10400}, {0, F_SETFL, 0x4400}},
		{AUDIT_ARCH_AARCH64, "fcntl", {0, F_SETFD, 0x10400}, {0, F_SETFD, 0x10400}},
		{AUDIT_ARCH_AARCH64, "read", {0, 0, 0x4000}, {0, 0, 0x4000}},
		{AUDIT_ARCH_X86_64, "openat", {1, 2, 0x4000}, {1, 2, 0x4000}},
		{AUDIT_ARCH_X86_64, "clone", {17, 1, 2, 3, 4, 5}, {17, 1, 2, 3, 4, 5}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t out[6];

		vxe_call_arguments(rows[i].arch, rows[i].call, rows[i].there, out);
		ok(!memcmp(out, rows[i].here, sizeof(out)), "%s %zu: the arguments as x86_64 has them", rows[i].call, i);
	}
}

static void values(void)
{
	static const struct {
		const char *call;
		int index;
		uint64_t args[6];
		const char *text;
	} rows[] = {
		{"openat", 2, {0, 0, 0x80000}, "O_RDONLY|O_CLOEXEC"},
		{"openat", 2, {0, 0, 0x101441}, "O_WRONLY|O_SYNC|O_APPEND|O_CREAT"},
		{"openat", 2, {0, 0, 0x410002}, "O_RDWR|O_TMPFILE"},
		{"openat", 3, {0, 0, 0, 0644}, "0644"},
		{"openat", 2, {0, 0, 0x80000000}, "O_RDONLY|0x80000000"},
		{"socket", 2, {2, 0, 6}, "IPPROTO_TCP"},
		{"socket", 2, {16, 0, 0}, "NETLINK_ROUTE"},
		{"socket", 2, {1, 0, 0}, "0"},
		{"socket", 1, {0, 0x80801}, "SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK"},
		{"mmap", 2, {0, 0, 0}, "0"},
		{"clone", 0, {0x1200011}, "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD"},
		{"futex", 1, {0, 0x80}, "FUTEX_WAIT|FUTEX_PRIVATE_FLAG"},
		{"fcntl", 2, {0, F_SETFL, O_RDWR | O_NONBLOCK}, "O_RDWR|O_NONBLOCK"},
		{"ioctl", 1, {0, 0xffffffff00005413}, "TIOCGWINSZ"},
		{"kill", 1, {0, 9}, "SIGKILL"},
		{"kill", 0, {1}, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct vxe_call_shape *shape = vxe_call_shape_named(rows[i].call);
		const struct vxe_argument *argument = &shape->args[rows[i].index];
		const struct vxe_value_set *set = vxe_value_set_find(argument, rows[i].args);
		char out[256] = "";

		if (!rows[i].text) {
			ok(!set, "%s: nothing to say about %s", rows[i].call, argument->name);
			continue;
		}
		ok(set &&
			   vxe_value_write(set, vxe_argument_value(argument, rows[i].args[rows[i].index]), out, sizeof(out)) ==
				   0 &&
			   same_text(out, rows[i].text),
		   "%s: %s is %s", rows[i].call, argument->name, rows[i].text);
	}
	{
		char out[8];
		const uint64_t args[6] = {0};
		const struct vxe_value_set *domains = vxe_value_set_find(&vxe_call_shape_named("socket")->args[0], args);

		ok(vxe_value_write(domains, 1, out, sizeof(out)) == 0 && same_text(out, "AF_UNIX"), "a name that just fits");
		ok(vxe_value_write(domains, 10, out, sizeof(out)) == -1, "one that does not");
	}
}

static void memory(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), out[5000];
	uint64_t end = (uint64_t)(uintptr_t)map + 2 * page;

	munmap(map + 2 * page, page);
	memset(map, 'a', 2 * page);
	strcpy(map + 2 * page - 4, "end");
	ok(vxe_memory_string(getpid(), end - 4, out, sizeof(out)) == 1 && same_text(out, "end"), "a string before a gap");
	map[2 * page - 1] = 'x';
	ok(vxe_memory_string(getpid(), end - 4, out, sizeof(out)) == 0 && same_text(out, "endx"), "one that runs into it");
	ok(vxe_memory_string(getpid(), end, out, sizeof(out)) == -1 && !out[0], "nothing there");
	strcpy(map + 300, "");
	ok(vxe_memory_string(getpid(), (uint64_t)(uintptr_t)map, out, sizeof(out)) == 1 && strlen(out) == 300,
	   "one longer than the first piece");
	ok(vxe_memory_string(getpid(), (uint64_t)(uintptr_t)map, out, 10) == 0 && same_text(out, "aaaaaaaaa"),
	   "one that is cut");
	ok(vxe_memory_read(getpid(), end - 2, out, 4) == -1, "half there is not there");
	munmap(map, 2 * page);
}

static void addresses(void)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in *in = (void *)&storage;
	struct sockaddr_in6 *in6 = (void *)&storage;
	struct sockaddr_un *un = (void *)&storage;
	struct vxe_address out;

	*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0x7f000001)};
	vxe_address_describe(&storage, sizeof(*in), SOCK_STREAM, &out);
	ok(same_text(out.text, "tcp/127.0.0.1:80") && same_text(out.family, "AF_INET") && out.port == 80, "IPv4 over TCP");
	vxe_address_describe(&storage, sizeof(*in), SOCK_DGRAM, &out);
	ok(same_text(out.text, "udp/127.0.0.1:80"), "over UDP");
	vxe_address_describe(&storage, sizeof(*in), -1, &out);
	ok(same_text(out.text, "ip/127.0.0.1:80"), "over what is not known");
	vxe_address_describe(&storage, 8, SOCK_STREAM, &out);
	ok(same_text(out.text, "AF_INET") && out.port == -1 && !out.host[0], "one that is too short");
	memset(&storage, 0, sizeof(storage));
	*in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(443), .sin6_addr = in6addr_loopback};
	vxe_address_describe(&storage, sizeof(*in6), SOCK_STREAM, &out);
	ok(same_text(out.text, "tcp/[::1]:443") && same_text(out.host, "::1"), "IPv6");
	memset(&storage, 0, sizeof(storage));
	un->sun_family = AF_UNIX;
	memset(un->sun_path, 'p', sizeof(un->sun_path));
	vxe_address_describe(&storage, sizeof(*un), SOCK_STREAM, &out);
	ok(strlen(out.path) == sizeof(un->sun_path), "a unix path without an end");
	vxe_address_describe(&storage, sizeof(sa_family_t), SOCK_STREAM, &out);
	ok(same_text(out.text, "unix:") && !out.path[0], "an unnamed one");
	memcpy(un->sun_path, "\0a\0\\\xff", 5);
	vxe_address_describe(&storage, sizeof(sa_family_t) + 5, SOCK_DGRAM, &out);
	ok(same_text(out.text, "unix:@a\\x00\\x5c\\xff"), "an abstract one, byte for byte");
	storage.ss_family = AF_NETLINK;
	vxe_address_describe(&storage, 12, SOCK_RAW, &out);
	ok(same_text(out.text, "AF_NETLINK"), "another family");
	storage.ss_family = 200;
	vxe_address_describe(&storage, 12, SOCK_RAW, &out);
	ok(same_text(out.text, "0xc8"), "none that has a name");
}

/* schemas/examples/recording.ndjson, which the TypeScript tests read too: the calls in it are these. */
static void example(void)
{
	struct sockaddr_storage inet = {0}, local = {0};
	struct vxe_event events[] = {
		{.nr = 257,
		 .args = {0xffffff9c, 0x7ffe00001000, 0x80000, 0},
		 .strings = {[1] = "../etc/nginx/nginx.conf"},
		 .n_paths = 1,
		 .paths = {{"path", "../etc/nginx/nginx.conf", "/etc/nginx/nginx.conf", VXE_KIND_FILE, VXE_KNOWN_KERNEL, false,
			    "read"}},
		 .has_result = true,
		 .result = 3},
		{.nr = 49,
		 .args = {6, 0x7ffe00002000, 16},
		 .address = &inet,
		 .address_size = sizeof(struct sockaddr_in),
		 .has_result = true},
		{.nr = 42,
		 .args = {7, 0x7ffe00002000, 110},
		 .address = &local,
		 .address_size = sizeof(struct sockaddr_un),
		 .n_paths = 1,
		 .paths = {{"addr", "/run/nscd/socket", "/run/nscd/socket", VXE_KIND_ABSENT, VXE_KNOWN_JOINED, false, NULL}},
		 .has_result = true,
		 .result = -ENOENT},
		{.nr = 82,
		 .args = {0x7ffe00003000, 0x7ffe00003040},
		 .strings = {"/var/lib/nginx/a", "/var/lib/nginx/b"},
		 .n_paths = 2,
		 .paths = {{"oldpath", "/var/lib/nginx/a", "/var/lib/nginx/a", VXE_KIND_FILE, VXE_KNOWN_WALKED, false, NULL},
			   {"newpath", "/var/lib/nginx/b", "/var/lib/nginx/b", VXE_KIND_ABSENT, VXE_KNOWN_JOINED, false, NULL}},
		 .mechanism = "record-notify"},
	};
	cleanup_free char *text = NULL;
	cleanup_error struct vxe_error *err = NULL;
	size_t size, found = 0;
	char *line, *next;

	*(struct sockaddr_in *)(void *)&inet = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(8080)};
	local.ss_family = AF_UNIX;
	strcpy(((struct sockaddr_un *)(void *)&local)->sun_path, "/run/nscd/socket");
	if (vxe_file_read_at(AT_FDCWD, "schemas/examples/recording.ndjson", 1 << 20, &text, &size, &err) < 0) {
		ok(false, "the example can be read (the tests run in the top folder): %s", err->message);
		return;
	}
	for (line = text; line && *line; line = next) {
		struct vxe_json_text out = {0};
		struct vxe_event *event = &events[found];

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!strncmp(line, "{\"record\"", 9) || found == sizeof(events) / sizeof(*events))
			continue;
		event->full = true;
		event->seq = 2 + found;
		event->time = (struct timespec){1767225600, (long)(2 + found) * 1000000};
		event->instance = "web";
		event->pid = event->tid = 42;
		event->ppid = 1;
		event->comm = "nginx";
		event->exe = "/usr/sbin/nginx";
		event->arch = AUDIT_ARCH_X86_64;
		event->socket_type = SOCK_STREAM;
		event->count = 1;
		if (!event->mechanism)
			event->mechanism = "record-bpf";
		vxe_event_write(event, &out);
		ok(vxe_json_text_finish(&out) == 0 && same_text(out.data, line), "line of call %zu of the example", ++found);
		vxe_json_text_free(&out);
	}
	ok(found == sizeof(events) / sizeof(*events), "every call of the example was found");
}

static void times(void)
{
	struct timespec time = {1767225599, 7};
	char when[40];

	vxe_time_format(&time, when);
	ok(same_text(when, "2025-12-31T23:59:59.000000007Z"), "a time has all its digits");
	time = (struct timespec){951782400, 999999999};
	vxe_time_format(&time, when);
	ok(same_text(when, "2000-02-29T00:00:00.999999999Z"), "a time on a leap day");
}

static void violations(void)
{
	struct vxe_event event = {.pid = 7,
				  .comm = "sh",
				  .exe = "/bin/sh",
				  .arch = AUDIT_ARCH_X86_64,
				  .nr = 59,
				  .strings = {"/bin/\"x\\\n"},
				  .n_paths = 1,
				  .paths = {{.argument = "path", .given = "/bin/\"x\\\n"}},
				  .socket_type = -1,
				  .refused = EACCES,
				  .mechanism = "seccomp",
				  .count = 3};
	struct vxe_json_text out = {0};
	static const char expected[] =
		"{\"time\":\"1970-01-01T00:00:00.000000000Z\",\"vxe\":null,\"instance\":null,\"pid\":7,\"comm\":\"sh\","
		"\"exe\":\"/bin/sh\",\"arch\":\"x86_64\",\"call\":\"execve\",\"nr\":59,\"args\":[\"0x0\",\"0x0\",\"0x0\"],"
		"\"detail\":\"execve(\\\"/bin/\\\"x\\\\\\n\\\", NULL, "
		"NULL)\",\"path\":\"/bin/\\\"x\\\\\\n\",\"rule\":\"calls:execve\","
		"\"verdict\":\"refused\",\"errno\":\"EACCES\",\"mechanism\":\"seccomp\",\"count\":3}";
	char long_text[5000];

	vxe_event_write(&event, &out);
	ok(vxe_json_text_finish(&out) == 0 && same_text(out.data, expected), "a violation, with what must be escaped");
	vxe_json_text_free(&out);
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	event.strings[0] = long_text;
	event.args[1] = event.args[2] = 1;
	vxe_event_write(&event, &out);
	ok(vxe_json_text_finish(&out) == 0 && strstr(out.data, "xxx...\",\"path\""), "what is too long ends with dots");
	vxe_json_text_free(&out);
	event.nr = 100000;
	event.arch = AUDIT_ARCH_I386;
	vxe_event_write(&event, &out);
	ok(vxe_json_text_finish(&out) == 0 && strstr(out.data, "\"arch\":\"x86\",\"call\":\"nr 100000\"") &&
		   strstr(out.data, "\"detail\":null"),
	   "a call that nobody knows");
	vxe_json_text_free(&out);
}

int main(void)
{
	values();
	machines();
	memory();
	addresses();
	example();
	times();
	violations();
	return tap_done();
}
