/* What is written is read again; what is cut or changed is refused. A small server plays systemd's part of the conversation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"
#include "cgroup.h"
#include "scope.h"
#include "tap.h"

/* A message with these fields, as a broker writes it. */
static size_t message_make(uint8_t out[512], uint8_t type, uint32_t reply, const char *member, const char *signature,
			   const struct vxe_bus_body *content)
{
	const uint8_t start[] = {'l', type, 0, 1};
	struct vxe_bus_body body = {0};
	size_t fields, size;
	uint8_t code;

	vxe_bus_put_bytes(&body, start, 4);
	vxe_bus_put_u32(&body, content ? (uint32_t)content->size : 0);
	vxe_bus_put_u32(&body, 7);
	fields = vxe_bus_array_begin(&body, 8);
	if (reply) {
		code = 5;
		vxe_bus_put_bytes(&body, &code, 1);
		vxe_bus_put_signature(&body, "u");
		vxe_bus_put_u32(&body, reply);
	}
	if (member) {
		vxe_bus_align(&body, 8);
		code = 3;
		vxe_bus_put_bytes(&body, &code, 1);
		vxe_bus_put_signature(&body, "s");
		vxe_bus_put_string(&body, member);
	}
	if (signature) {
		vxe_bus_align(&body, 8);
		code = 8;
		vxe_bus_put_bytes(&body, &code, 1);
		vxe_bus_put_signature(&body, "g");
		vxe_bus_put_signature(&body, signature);
	}
	vxe_bus_array_end(&body, fields, 8);
	vxe_bus_align(&body, 8);
	if (content)
		vxe_bus_put_bytes(&body, content->data, content->size);
	size = body.failed || body.size > 512 ? 0 : body.size;
	memcpy(out, body.data, size);
	vxe_bus_body_free(&body);
	return size;
}

static void test_messages(void)
{
	struct vxe_bus_body content = {0};
	struct vxe_bus_message message;
	uint8_t bytes[512], changed[512];
	uint32_t number = 0;
	size_t size, at = 0, refused = 0;

	vxe_bus_put_u32(&content, 42);
	vxe_bus_put_string(&content, "/job/42");
	size = message_make(bytes, VXE_BUS_SIGNAL, 0, "JobRemoved", "uo", &content);
	ok(size && vxe_bus_message_size(bytes) == size && vxe_bus_message_parse(bytes, size, &message) == 0,
	   "a message is read");
	ok(message.type == VXE_BUS_SIGNAL && same_text(message.member, "JobRemoved") && same_text(message.signature, "uo"),
	   "with its fields");
	ok(vxe_bus_get_u32(&message, &at, &number) && number == 42 && same_text(vxe_bus_get_string(&message, &at), "/job/42"),
	   "and its body");
	ok(!vxe_bus_get_string(&message, &at) && !vxe_bus_get_u32(&message, &at, &number), "and no more than that");
	for (size_t cut = 0; cut < size; cut++) {
		/* Memory of just that size, so that the sanitizer sees a step beyond. */
		uint8_t *exact = malloc(cut ? cut : 1);

		memcpy(exact, bytes, cut);
		refused += vxe_bus_message_parse(exact, cut, &message) < 0;
		free(exact);
	}
	ok(refused == size, "a message that is cut is none, wherever (%zu of %zu)", refused, size);
	memcpy(changed, bytes, size);
	changed[0] = 'B';
	ok(vxe_bus_message_size(changed) == 0, "the other byte order is refused");
	memcpy(changed, bytes, size);
	changed[15] = 0xff;
	ok(vxe_bus_message_size(changed) == 0, "so is a length beyond the limit");
	for (size_t i = 0; i < size; i++)
		for (int value = 0; value < 256; value += 5) {
			uint8_t *exact = malloc(size);

			memcpy(exact, bytes, size);
			exact[i] = (uint8_t)value;
			if (vxe_bus_message_parse(exact, size, &message) == 0)
				for (at = 0; vxe_bus_get_string(&message, &at);)
					;
			free(exact);
		}
	ok(1, "a byte that is another leads nowhere else");
	vxe_bus_body_free(&content);
}

static int line_take(int fd)
{
	char byte = 0;

	while (byte != '\n')
		if (read(fd, &byte, 1) != 1)
			return -1;
	return 0;
}

/* Takes one connection: the handshake, one call, and an answer that comes behind a signal. */
static void serve(int listener, const char *handshake, bool fails)
{
	int fd = accept(listener, NULL, NULL);
	struct vxe_bus_body content = {0};
	uint8_t bytes[512], header[16];
	char nul, rest[4096];
	size_t size;

	if (fd < 0 || read(fd, &nul, 1) != 1 || line_take(fd) < 0 || line_take(fd) < 0 || line_take(fd) < 0)
		_exit(1);
	if (write(fd, handshake, strlen(handshake)) < 0)
		_exit(1);
	if (read(fd, header, 16) != 16 || (size = vxe_bus_message_size(header)) == 0 ||
	    read(fd, rest, size - 16) != (ssize_t)size - 16)
		_exit(0);
	size = message_make(bytes, VXE_BUS_SIGNAL, 0, "UnitNew", NULL, NULL);
	if (write(fd, bytes, size) < 0)
		_exit(1);
	vxe_bus_put_string(&content, fails ? "it is not so" : "/the/answer");
	size = message_make(bytes, fails ? VXE_BUS_ERROR : VXE_BUS_RETURN, 1, NULL, fails ? "s" : "o", &content);
	_exit(write(fd, bytes, size) < 0);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	return bind(listener, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0 ? -1
														 : listener;
}

static int call(const char *handshake, bool fails, struct vxe_bus *bus, struct vxe_bus_message *answer, struct vxe_error **err)
{
	static const struct vxe_bus_target target = {"a.b", "/a/b", "a.b.C"};
	char path[64];
	int listener, status, opened;
	pid_t server;

	snprintf(path, sizeof(path), "/tmp/vxe-test-bus-%d", getpid());
	listener = listen_at(path);
	if (listener < 0)
		return -2;
	server = fork();
	if (server == 0)
		serve(listener, handshake, fails);
	opened = vxe_bus_open(bus, path, false);
	if (opened < 0)
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening");
	status = opened < 0 ? -3 : vxe_bus_call(bus, &target, "Do", NULL, NULL, answer, err);
	close(listener);
	unlink(path);
	waitpid(server, NULL, 0);
	return status;
}

static void test_connection(void)
{
	struct vxe_bus bus;
	struct vxe_bus_message answer;
	struct vxe_error *err = NULL;
	size_t at = 0;

	ok(call("DATA\r\nOK 0123\r\n", false, &bus, &answer, &err) == 0 &&
		   same_text(vxe_bus_get_string(&answer, &at), "/the/answer"),
	   "a call gets its answer, past a signal");
	vxe_bus_close(&bus);
	vxe_error_free(&err);
	ok(call("DATA\r\nOK 0123\r\n", true, &bus, &answer, &err) == -1 && err && strstr(err->message, "it is not so"),
	   "an error is told in its words");
	vxe_bus_close(&bus);
	vxe_error_free(&err);
	ok(call("REJECTED EXTERNAL\r\n", false, &bus, &answer, &err) == -3, "who is not let in does not call");
	vxe_bus_close(&bus);
	vxe_error_free(&err);
}

/* The cgroup of this process, as it is named in the file system; NULL where there is no version 2. */
static char *own_cgroup(void)
{
	char line[4096], *path = NULL;
	FILE *file = fopen("/proc/self/cgroup", "re");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::/", 4)) {
			line[strcspn(line, "\n")] = '\0';
			(void)vxe_cgroup_in_hierarchy(line + 3, &path, NULL);
		}
	if (file)
		fclose(file);
	return path;
}

/* As a user, whose systemd says that it has put this process into the cgroup, or that it has not: what comes of that. */
static const char *attached(const char *cgroup, bool fails, char *said, size_t size)
{
	char folder[] = "/tmp/vxe-test-bus-XXXXXX", path[64];
	int listener, pipes[2];
	pid_t server, user;
	ssize_t got;

	if (!mkdtemp(folder) || pipe(pipes) < 0)
		return NULL;
	snprintf(path, sizeof(path), "%s/systemd", folder);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/systemd/private", folder);
	listener = listen_at(path);
	chmod(path, 0666);
	chmod(folder, 0755);
	server = fork();
	if (server == 0)
		serve(listener, "DATA\r\nOK 0123\r\n", fails);
	user = fork();
	if (user == 0) {
		struct vxe_error *err = NULL;
		int status;

		if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
			_exit(1);
		setenv("XDG_RUNTIME_DIR", folder, 1);
		status = vxe_scope_attach("some.scope", "", getpid(), cgroup, &err);
		dprintf(pipes[1], "%s", status == 0 ? "entered" : err->message);
		vxe_error_free(&err);
		_exit(0);
	}
	close(pipes[1]);
	close(listener);
	waitpid(user, NULL, 0);
	waitpid(server, NULL, 0);
	got = read(pipes[0], said, size - 1);
	said[got > 0 ? got : 0] = '\0';
	close(pipes[0]);
	unlink(path);
	snprintf(path, sizeof(path), "%s/systemd", folder);
	rmdir(path);
	rmdir(folder);
	return said;
}

static void test_attach(void)
{
	char *cgroup = own_cgroup(), *other = NULL, said[512];

	if (!cgroup || asprintf(&other, "%s/below", cgroup) < 0) {
		skip("no cgroup v2", "a process is put into a scope by systemd");
		free(cgroup);
		return;
	}
	ok(same_text(attached(cgroup, false, said, sizeof(said)), "entered"), "who is in the cgroup has entered it");
	ok(strstr(attached(other, false, said, sizeof(said)), "systemd put the process elsewhere"),
	   "who is not has not, whatever systemd says (%s)", said);
	ok(strstr(attached(cgroup, true, said, sizeof(said)), "it is not so"), "what systemd refuses is refused (%s)", said);
	free(other);
	free(cgroup);
}

static void test_names(void)
{
	static const struct {
		const char *path, *slice, *unit; /* unit NULL: refused */
	} rows[] = {
		{"user.slice:libpod:abc", "user.slice", "libpod-abc.scope"},
		{"a-b.slice::abc", "a-b.slice", "abc.scope"},
		{"system.slice:docker:0123", "system.slice", "docker-0123.scope"},
		{"-.slice:x:y", "-.slice", "x-y.scope"},
		{"/absolute", NULL, NULL},
		{"system.slice:docker", NULL, NULL},
		{"system.slice:docker:a:b", NULL, NULL},
		{"no-slice:docker:a", NULL, NULL},
		{"../x.slice:docker:a", NULL, NULL},
		{"a--b.slice:docker:a", NULL, NULL},
		{"system.slice:docker:", NULL, NULL},
		{"system.slice:docker:a/b", NULL, NULL},
		{"system.slice:docker:a\nb", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vxe_error *err = NULL;
		char *slice = NULL, *unit = NULL;
		int status = vxe_scope_names(rows[i].path, "id", &slice, &unit, &err);

		if (rows[i].unit)
			ok(status == 0 && same_text(slice, rows[i].slice) && same_text(unit, rows[i].unit), "%s is %s in %s",
			   rows[i].path, unit ? unit : "-", slice ? slice : "-");
		else
			ok(status < 0 && err && strstr(err->message, "linux.cgroupsPath"), "cgroupsPath %zu is refused", i);
		free(slice);
		free(unit);
		vxe_error_free(&err);
	}
}

int main(void)
{
	test_messages();
	test_connection();
	test_attach();
	test_names();
	return tap_done();
}
