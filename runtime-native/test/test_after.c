/* Hooks after calls as data: what is read, what is refused with a reason, and which calls a hook is for. And their log: what a line says, and that it is another file. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <unistd.h>

#include "after.h"
#include "cleanup.h"
#include "file.h"
#include "folder.h"
#include "record.h"
#include "tap.h"

/* openat with O_CREAT (0100) among its flags. */
#define PROGRAM                                                                                                                \
	"[[32,0,0,4],[21,0,5,3221225534],[32,0,0,0],[21,0,3,257],[32,0,0,32],[69,0,1,64],[6,0,0,2147418112],[6,0,0,327681]]"
#define HOOK(rule) "{\"rule\":\"" rule "\",\"at\":\"p.vxed.yaml:1:1\",\"call\":\"openat\",\"nr\":257,\"program\":" PROGRAM "}"

static void refused(const char *text, const char *why)
{
	cleanup_error struct vxe_error *err = NULL;
	struct vxe_after *after = NULL;

	bool is = vxe_after_parse(text, strlen(text), &after, &err) < 0;

	ok(is && !after && err && strstr(err->message, why), "refused: %s", err ? err->message : text);
	vxe_after_free(&after);
}

static void read_tests(void)
{
	static const char text[] =
		"{\"after\":1,\"profile\":\"p\",\"hooks\":[" HOOK("after:first") "," HOOK("after:second") "]}";
	struct seccomp_data data = {.nr = 257, .arch = AUDIT_ARCH_X86_64, .args = {UINT32_MAX - 99, 0, 0101}};
	struct vxe_after *after = NULL;

	if (!ok(vxe_after_parse(text, sizeof(text) - 1, &after, NULL) == 0 && after->n_hooks == 2, "two hooks are read"))
		return;
	ok(!strcmp(after->hooks[0].name.rule, "after:first") && !strcmp(after->hooks[1].name.rule, "after:second"),
	   "in the order of the text");
	ok(vxe_after_holds(&after->hooks[0], &data), "the hook is for what its program says");
	data.args[2] = 1;
	ok(!vxe_after_holds(&after->hooks[0], &data), "not for other arguments");
	data.args[2] = 0101;
	data.nr = 2;
	ok(!vxe_after_holds(&after->hooks[0], &data), "not for another call");
	data.nr = 257;
	data.arch = AUDIT_ARCH_I386;
	ok(!vxe_after_holds(&after->hooks[0], &data), "not for another architecture");
	vxe_after_free(&after);
}

static void refusal_tests(void)
{
	refused("[]", "object");
	refused("{}", "version");
	refused("{\"after\":2,\"hooks\":[" HOOK("a") "]}", "version");
	refused("{\"after\":1}", "none");
	refused("{\"after\":1,\"hooks\":[]}", "none");
	refused("{\"after\":1,\"hooks\":[1]}", "no object");
	refused("{\"after\":1,\"hooks\":[{\"rule\":\"a\",\"at\":\"\",\"call\":\"x\",\"program\":" PROGRAM "}]}", "number");
	refused("{\"after\":1,\"hooks\":[{\"at\":\"\",\"call\":\"x\",\"nr\":1,\"program\":" PROGRAM "}]}", "without its name");
	refused("{\"after\":1,\"hooks\":[{\"rule\":\"a\",\"at\":\"\",\"call\":\"x\",\"nr\":1}]}", "program");
	refused("{\"after\":1,\"hooks\":[{\"rule\":\"a\",\"at\":\"\",\"call\":\"x\",\"nr\":1,\"program\":[[6,0,0]]}]}", "four");
	refused("{\"after\":1,\"hooks\":[{\"rule\":\"a\",\"at\":\"\",\"call\":\"x\",\"nr\":1,\"program\":[[6,0,256,0]]}]}",
		"instruction");
	/* A jump that leads out of it. */
	refused("{\"after\":1,\"hooks\":[{\"rule\":\"a\",\"at\":\"\",\"call\":\"x\",\"nr\":1,\"program\":[[5,0,0,9],[6,0,0,0]]}"
		"]}",
		"");
}

static void log_tests(void)
{
	struct vxe_violation line = {.pid = getpid(),
				     .arch = AUDIT_ARCH_X86_64,
				     .nr = 257,
				     .verdict = VXE_TOLD,
				     .result = -ENOENT,
				     .errnum = ENOENT,
				     .rule = "after:openat",
				     .at = "p.vxed.yaml:1:1",
				     .path = "/x",
				     .mechanism = "bpf"},
			     gone = {.arch = AUDIT_ARCH_X86_64,
				     .nr = -1,
				     .verdict = VXE_LOST,
				     .rule = "after:lost",
				     .mechanism = "bpf"};
	char folder[] = "/tmp/vxe-test-after-XXXXXX";
	cleanup_fd int dir_fd = -1;
	cleanup_free char *text = NULL;
	struct vxe_record_log log;
	size_t size = 0;

	if (!ok(mkdtemp(folder) && (dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0, "a folder"))
		return;
	ok(vxe_record_open_of(&log, VXE_RECORDS_OF_HOOKS, dir_fd, "p", "p-1", NULL) == 0, "the log of hooks opens");
	vxe_record_write(&log, &line);
	line.result = 7;
	line.errnum = 0;
	vxe_record_write(&log, &line);
	vxe_record_lost(&log, &gone, 12);
	ok(log.refused == 0, "nothing of it is a refusal");
	vxe_record_close(&log);
	ok(faccessat(dir_fd, "violations.ndjson", F_OK, 0) < 0, "it is no log of violations");
	ok(vxe_file_read_at(dir_fd, "after.ndjson", 1 << 16, &text, &size, NULL) == 0, "it is there");
	ok(text && strstr(text, "\"call\":\"openat\"") &&
		   strstr(text, "\"verdict\":\"told\",\"result\":-2,\"errno\":\"ENOENT\""),
	   "a line has the call's result, and its error's name");
	ok(text && strstr(text, "\"verdict\":\"told\",\"result\":7,\"errno\":null,\"mechanism\":\"bpf\""),
	   "a call that came to something has none");
	ok(text && strstr(text, "\"call\":null") && strstr(text, "\"rule\":\"after:lost\",\"verdict\":\"lost\"") &&
		   strstr(text, "\"count\":12}"),
	   "what was not seen is told with its number");
	ok(text && !strstr(text, "\"mode\""), "no mode is told");
	folder_remove(folder);
}

int main(void)
{
	read_tests();
	refusal_tests();
	log_tests();
	return tap_done();
}
