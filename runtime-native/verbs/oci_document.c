#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "file.h"
#include "json.h"
#include "mount.h"
#include "oci.h"

static void strings_write(struct vxe_json_text *text, const char *key, const char *const *items)
{
	vxe_json_text_array_begin(text, key);
	for (; *items; items++)
		vxe_json_text_string(text, NULL, *items);
	vxe_json_text_array_end(text);
}

/* runtime-spec features.md: what this program does, not what one host can. */
int vxe_oci_features(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const char *const hooks[] = {
		"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop", NULL};
	static const char *const namespaces[] = {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts", NULL};
	static const char *const actions[] = {
		"SCMP_ACT_KILL",  "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP",   "SCMP_ACT_ERRNO",
		"SCMP_ACT_TRACE", "SCMP_ACT_ALLOW",	  "SCMP_ACT_LOG",	   "SCMP_ACT_NOTIFY", NULL};
	static const char *const flags[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
					    "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL};
	static const char *const unsafe[] = {"org.vxe.", NULL};
	static const char *const operators[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	    "SCMP_CMP_EQ",
						"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ", NULL};
	static const char *const archs[] = {"SCMP_ARCH_X86_64",	 "SCMP_ARCH_X86", "SCMP_ARCH_X32",
					    "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", NULL};
	static const char *const absent[] = {"intelRdt", "netDevices"};
	char word[32];
	struct vxe_json_text text = {0};

	(void)globals;
	(void)argv;
	if (argc != 1)
		return vxe_oci_misuse("features", "takes no argument", err);
	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_string(&text, "ociVersionMin", "1.0.0");
	vxe_json_text_string(&text, "ociVersionMax", "1.2.0");
	strings_write(&text, "hooks", hooks);
	vxe_json_text_array_begin(&text, "mountOptions");
	for (size_t i = 0; vxe_mount_option(i, word, sizeof(word)); i++)
		vxe_json_text_string(&text, NULL, word);
	vxe_json_text_array_end(&text);
	vxe_json_text_object_begin(&text, "linux");
	strings_write(&text, "namespaces", namespaces);
	strings_write(&text, "capabilities", vxe_config_capabilities());
	vxe_json_text_object_begin(&text, "cgroup");
	vxe_json_text_bool(&text, "v1", false);
	vxe_json_text_bool(&text, "v2", true);
	vxe_json_text_bool(&text, "systemd", true);
	vxe_json_text_bool(&text, "systemdUser", true);
	vxe_json_text_bool(&text, "rdma", true);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_begin(&text, "seccomp");
	vxe_json_text_bool(&text, "enabled", true);
	strings_write(&text, "actions", actions);
	strings_write(&text, "operators", operators);
	strings_write(&text, "archs", archs);
	strings_write(&text, "knownFlags", flags);
	strings_write(&text, "supportedFlags", flags);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_begin(&text, "apparmor");
	vxe_json_text_bool(&text, "enabled", true);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_begin(&text, "selinux");
	vxe_json_text_bool(&text, "enabled", false);
	vxe_json_text_object_end(&text);
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		vxe_json_text_object_begin(&text, absent[i]);
		vxe_json_text_bool(&text, "enabled", false);
		vxe_json_text_object_end(&text);
	}
	vxe_json_text_object_begin(&text, "mountExtensions");
	vxe_json_text_object_begin(&text, "idmap");
	vxe_json_text_bool(&text, "enabled", true);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_end(&text);
	vxe_json_text_object_begin(&text, "annotations");
	vxe_json_text_string(&text, "org.vxe.landlock", "abi 7");
	vxe_json_text_object_end(&text);
	strings_write(&text, "potentiallyUnsafeConfigAnnotations", unsafe);
	vxe_json_text_object_end(&text);
	if (vxe_json_text_finish(&text) == 0)
		puts(text.data);
	vxe_json_text_free(&text);
	return 0;
}

/* What `spec` writes: a shell in every namespace, with the folders and masks that the specification's example has. */
static const char spec_head[] =
	"{\n"
	"  \"ociVersion\": \"1.2.0\",\n"
	"  \"process\": {\n"
	"    \"terminal\": true,\n"
	"    \"user\": { \"uid\": 0, \"gid\": 0 },\n"
	"    \"args\": [\"sh\"],\n"
	"    \"env\": [\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\", \"TERM=xterm\"],\n"
	"    \"cwd\": \"/\",\n"
	"    \"capabilities\": {\n"
	"      \"bounding\": [\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"],\n"
	"      \"effective\": [\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"],\n"
	"      \"permitted\": [\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"]\n"
	"    },\n"
	"    \"rlimits\": [{ \"type\": \"RLIMIT_NOFILE\", \"soft\": 1024, \"hard\": 1024 }],\n"
	"    \"noNewPrivileges\": true\n"
	"  },\n"
	"  \"root\": { \"path\": \"rootfs\", \"readonly\": true },\n"
	"  \"hostname\": \"vxe\",\n"
	"  \"mounts\": [\n"
	"    { \"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\", \"options\": [\"nosuid\", \"noexec\", "
	"\"nodev\"] },\n"
	"    { \"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\", \"options\": [\"nosuid\", "
	"\"strictatime\", "
	"\"mode=755\", \"size=65536k\"] },\n"
	"    { \"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\", \"options\": [\"nosuid\", "
	"\"noexec\", "
	"\"newinstance\", \"ptmxmode=0666\", \"mode=0620\"";
/* The group tty, as other runtimes have it: a namespace for one user does not map it. */
static const char spec_tty[] = ", \"gid=5\"";
static const char spec_mounts[] =
	"] },\n"
	"    { \"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\", \"options\": [\"nosuid\", \"noexec\", "
	"\"nodev\", \"mode=1777\", \"size=65536k\"] },\n"
	"    { \"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\", \"options\": [\"nosuid\", "
	"\"noexec\", \"nodev\"] }";
static const char spec_sysfs[] =
	",\n    { \"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\", \"options\": [\"nosuid\", \"noexec\", "
	"\"nodev\", \"ro\"] },\n"
	"    { \"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", \"source\": \"cgroup\", \"options\": [\"nosuid\", "
	"\"noexec\", \"nodev\", \"relatime\", \"ro\"] }";
static const char spec_linux[] =
	"\n  ],\n"
	"  \"linux\": {\n"
	"    \"maskedPaths\": [\"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\", \"/proc/latency_stats\",\n"
	"      \"/proc/timer_list\", \"/proc/timer_stats\", \"/proc/sched_debug\", \"/sys/firmware\", \"/proc/scsi\"],\n"
	"    \"readonlyPaths\": [\"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", \"/proc/sysrq-trigger\"],\n"
	"    \"namespaces\": [\n"
	"      { \"type\": \"pid\" }, { \"type\": \"ipc\" }, { \"type\": \"uts\" }, { \"type\": \"mount\" }, { \"type\": "
	"\"network\" },\n";
static const char spec_root_tail[] = "      { \"type\": \"cgroup\" }\n"
				     "    ],\n"
				     "    \"resources\": { \"devices\": [{ \"allow\": false, \"access\": \"rwm\" }] }\n"
				     "  }\n"
				     "}\n";

int vxe_oci_spec(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {{"bundle", required_argument, NULL, 'b'},
						{"rootless", no_argument, NULL, 'r'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	const char *bundle = ".";
	cleanup_free char *text = NULL;
	cleanup_fd int dir = -1;
	cleanup_fd int file = -1;
	bool rootless = false;
	int option, length;

	(void)globals;
	while ((option = getopt_long(argc, argv, "+b:h", options, NULL)) >= 0) {
		if (option == 'b')
			bundle = optarg;
		else if (option == 'r')
			rootless = true;
		else
			return option == 'h' ? vxe_oci_help("spec") : vxe_oci_misuse("spec", NULL, err);
	}
	if (optind != argc)
		return vxe_oci_misuse("spec", "takes no argument", err);
	if (rootless)
		length = asprintf(&text,
				  "%s%s%s      { \"type\": \"cgroup\" }, { \"type\": \"user\" }\n    ],\n"
				  "    \"uidMappings\": [{ \"containerID\": 0, \"hostID\": %u, \"size\": 1 }],\n"
				  "    \"gidMappings\": [{ \"containerID\": 0, \"hostID\": %u, \"size\": 1 }]\n  }\n}\n",
				  spec_head, spec_mounts, spec_linux, geteuid(), getegid());
	else
		length = asprintf(&text, "%s%s%s%s%s%s", spec_head, spec_tty, spec_mounts, spec_sysfs, spec_linux,
				  spec_root_tail);
	if (length < 0) {
		text = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "writing config.json");
	}
	dir = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the bundle folder %s", bundle);
	file = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (file < 0 || vxe_write_all(file, text, (size_t)length) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "writing %s/config.json", bundle);
	return 0;
}
