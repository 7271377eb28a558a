/* config.json to C values: what is taken, and that what is wrong or cannot be held is named. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "file.h"
#include "landlock.h"
#include "tap.h"

/* Where in a minimal config.json a row's text goes. */
enum place { WHOLE, ROOT, PROCESS, LINUX };

struct row {
	enum place place;
	const char *text;
	const char *error; /* NULL: accepted */
};

static char *make_text(enum place place, const char *text)
{
	char *out = NULL;

	if (place == WHOLE)
		return strdup(text);
	if (asprintf(&out,
		     "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},"
		     "\"process\":{\"args\":[\"/x\"],\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0}%s%s},"
		     "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"uts\"},{\"type\":\"ipc\"}]"
		     "%s%s}%s%s}",
		     place == PROCESS ? "," : "", place == PROCESS ? text : "", place == LINUX ? "," : "",
		     place == LINUX ? text : "", place == ROOT ? "," : "", place == ROOT ? text : "") < 0)
		abort();
	return out;
}

static int parse(enum place place, const char *text, struct vxe_config **out, struct vxe_error **err)
{
	cleanup_free char *whole = make_text(place, text);

	return vxe_config_parse(whole, strlen(whole), "/bundle", out, err);
}

#define MINIMAL_TAIL "\"root\":{\"path\":\"rootfs\"}"
#define SECCOMP(text) "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\"," text "}"
#define RULE(text) SECCOMP("\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"," text "}]")
#define ARG(text) RULE("\"args\":[{" text "}]")
#define LANDLOCK(rules)                                                                                                        \
	"\"landlock\":{\"ruleset\":{\"handledAccessFS\":[\"read_file\"],\"handledAccessNet\":[\"bind_tcp\"]},\"rules\":"       \
	"{" rules "}}"
#define DEVICE(text) "\"devices\":[{\"type\":\"c\",\"path\":\"/dev/x\"," text "}]"

static const struct row rows[] = {
	/* The root. */
	{WHOLE, "", "is empty"},
	{WHOLE, "[]", "the root: must be an object"},
	{WHOLE, "null", "the root: must be an object"},
	{WHOLE, "{}", "ociVersion: is missing"},
	{WHOLE, "{\"ociVersion\":1}", "ociVersion: must be a string"},
	{WHOLE, "{\"ociVersion\":\"0.9.0\"," MINIMAL_TAIL "}",
	 "ociVersion: \"0.9.0\" is not supported, VXE reads 1.0.0 and later 1.x"},
	{WHOLE, "{\"ociVersion\":\"2.0.0\"," MINIMAL_TAIL "}",
	 "ociVersion: \"2.0.0\" is not supported, VXE reads 1.0.0 and later 1.x"},
	{WHOLE, "{\"ociVersion\":\"1.2\"," MINIMAL_TAIL "}",
	 "ociVersion: \"1.2\" is not supported, VXE reads 1.0.0 and later 1.x"},
	{WHOLE, "{\"ociVersion\":\"1.2.0x\"," MINIMAL_TAIL "}",
	 "ociVersion: \"1.2.0x\" is not supported, VXE reads 1.0.0 and later 1.x"},
	{WHOLE, "{\"ociVersion\":\"1. 2.0\"," MINIMAL_TAIL "}",
	 "ociVersion: \"1. 2.0\" is not supported, VXE reads 1.0.0 and later 1.x"},
	{WHOLE, "{\"ociVersion\":\"1.-2.0\"," MINIMAL_TAIL "}",
	 "ociVersion: \"1.-2.0\" is not supported, VXE reads 1.0.0 and later 1.x"},
	{WHOLE, "{\"ociVersion\":\"1.0.2-dev\"," MINIMAL_TAIL "}", NULL},
	{WHOLE, "{\"ociVersion\":\"1.3.0+x\"," MINIMAL_TAIL "}", NULL},
	{WHOLE, "{\"ociVersion\":\"1.2.0\"}", "root.path: is missing"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"\"}}", "root.path: is missing"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\",\"root\":\"rootfs\"}", "root: must be an object"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"x\",\"readonly\":1}}", "root.readonly: must be true or false"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"x\"},\"root\":{}}",
	 "line 1, column 43: duplicate key \"root\""},
	{WHOLE, "{\"ociVersion\":\"1.2.0\",\"annotations\":{\"org.vxe.root\":\"host\"}}", NULL},
	{WHOLE, "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},\"annotations\":{\"org.vxe.root\":\"host\"}}",
	 "root.path: must be \"/\" or absent where org.vxe.root is host"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\",\"annotations\":{\"org.vxe.root\":\"Host\"}}",
	 "annotations.org.vxe.root: \"Host\" is not known, only \"host\" is"},
	{ROOT, "\"annotations\":{\"\":\"x\"}", "annotations: a key is empty"},
	{ROOT, "\"annotations\":{\"a\":1}", "annotations: the value of \"a\" must be a string"},
	{ROOT, "\"annotations\":null,\"hooks\":null,\"mounts\":null", NULL},
	{ROOT, "\"unknownField\":{\"x\":[1,2]}", NULL},
	{ROOT, "\"windows\":{},\"solaris\":{},\"vm\":{}", NULL},
	{ROOT, "\"windows\":{\"layerFolders\":[\"x\"]}", "windows: not supported"},
	{ROOT, "\"vm\":{\"kernel\":{\"path\":\"/x\"}}", "vm: not supported"},
	{ROOT, "\"zos\":{\"namespaces\":[1]}", "zos: not supported"},
	{ROOT, "\"hostname\":5", "hostname: must be a string"},
	{ROOT, "\"hostname\":\"\"", NULL},
	{ROOT, "\"hostname\":\"0123456789012345678901234567890123456789012345678901234567890123\"", NULL},
	{ROOT, "\"hostname\":\"01234567890123456789012345678901234567890123456789012345678901234\"",
	 "hostname: has more than 64 bytes"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL ",\"hostname\":\"h\"}",
	 "hostname: needs the uts namespace in linux.namespaces, without it the host would be renamed"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL ",\"domainname\":\"h\",\"linux\":{}}",
	 "domainname: needs the uts namespace in linux.namespaces, without it the host would be renamed"},
	/* Mounts. */
	{ROOT, "\"mounts\":{}", "mounts: must be an array"},
	{ROOT, "\"mounts\":[5]", "mounts[0]: must be an object"},
	{ROOT, "\"mounts\":[{\"destination\":\"/a\"},{}]", "mounts[1].destination: is missing"},
	{ROOT, "\"mounts\":[{\"destination\":\"\"}]", "mounts[0].destination: is missing"},
	{ROOT, "\"mounts\":[{\"destination\":\"/a\",\"options\":\"ro\"}]", "mounts[0].options: must be an array"},
	{ROOT, "\"mounts\":[{\"destination\":\"/a\",\"options\":[\"ro\",1]}]", "mounts[0].options: element 1 must be a string"},
	{ROOT, "\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\"}]",
	 "mounts[0].source: is missing, a bind mount needs one"},
	{ROOT, "\"mounts\":[{\"destination\":\"/a\",\"options\":[\"rbind\"],\"source\":\"\"}]",
	 "mounts[0].source: is missing, a bind mount needs one"},
	{ROOT, "\"mounts\":[{\"destination\":\"/a\\u0000b\"}]",
	 NULL /* replaced below: the position differs with the template */},
	{ROOT, "\"mounts\":[{\"destination\":\"/a\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0}]}]",
	 "mounts[0].uidMappings[0].size: is missing"},
	/* Hooks. */
	{ROOT, "\"hooks\":[]", "hooks: must be an object"},
	{ROOT, "\"hooks\":{\"poststop\":[{\"path\":\"x\"}]}", "hooks.poststop[0].path: \"x\" is not an absolute path"},
	{ROOT, "\"hooks\":{\"createRuntime\":[{}]}", "hooks.createRuntime[0].path: is missing"},
	{ROOT, "\"hooks\":{\"prestart\":[{\"path\":\"/x\",\"timeout\":0}]}",
	 "hooks.prestart[0].timeout: must be an integer from 1 to 2147483647, is 0"},
	{ROOT, "\"hooks\":{\"startContainer\":[{\"path\":\"/x\",\"args\":[null]}]}",
	 "hooks.startContainer[0].args: element 0 must be a string"},
	/* The process. */
	{WHOLE, "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL ",\"process\":[]}", "process: must be an object"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL ",\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0}}}",
	 "process.args: names no program"},
	{WHOLE,
	 "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL
	 ",\"process\":{\"args\":[\"\"],\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0}}}",
	 "process.args: names no program"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL ",\"process\":{\"args\":[\"x\"],\"user\":{\"uid\":0,\"gid\":0}}}",
	 "process.cwd: is missing"},
	{WHOLE,
	 "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL
	 ",\"process\":{\"args\":[\"x\"],\"cwd\":\"a\",\"user\":{\"uid\":0,\"gid\":0}}}",
	 "process.cwd: \"a\" is not an absolute path"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL ",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\"}}",
	 "process.user: is missing"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL ",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"user\":{\"uid\":0}}}",
	 "process.user.gid: is missing"},
	{WHOLE,
	 "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL
	 ",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"user\":{\"uid\":4294967295,\"gid\":0}}}",
	 "process.user.uid: must be an integer from 0 to 4294967294, is 4294967295"},
	{WHOLE,
	 "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL
	 ",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"user\":{\"uid\":4294967296,\"gid\":0}}}",
	 "process.user.uid: must be an integer from 0 to 4294967294, is 4294967296"},
	{WHOLE,
	 "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL
	 ",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"user\":{\"uid\":-1,\"gid\":0}}}",
	 "process.user.uid: must be an integer from 0 to 4294967294, is -1"},
	{WHOLE,
	 "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL
	 ",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[1,\"x\"]}}}",
	 "process.user.additionalGids[1]: must be an integer"},
	{WHOLE,
	 "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL
	 ",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0,\"umask\":512}}}",
	 "process.user.umask: must be an integer from 0 to 511, is 512"},
	{PROCESS, "\"env\":[\"A=1\",\"B\"]", "process.env: \"B\" is not NAME=VALUE"},
	{PROCESS, "\"env\":[\"=1\"]", "process.env: \"=1\" is not NAME=VALUE"},
	{PROCESS, "\"terminal\":\"yes\"", "process.terminal: must be true or false"},
	{PROCESS, "\"consoleSize\":{\"height\":65536,\"width\":1}",
	 "process.consoleSize.height: must be an integer from 0 to 65535, is 65536"},
	{PROCESS, "\"oomScoreAdj\":1001", "process.oomScoreAdj: must be an integer from -1000 to 1000, is 1001"},
	{PROCESS, "\"capabilities\":[]", "process.capabilities: must be an object"},
	/* A warning, as config.md demands. */
	{PROCESS, "\"capabilities\":{\"bounding\":[\"CAP_NOTHING\"]}", NULL},
	{PROCESS, "\"capabilities\":{\"ambient\":[\"cap_kill\"]}", NULL},
	{PROCESS, "\"capabilities\":{\"permitted\":[7]}", "process.capabilities.permitted: element 0 must be a string"},
	{PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]",
	 "process.rlimits[0].type: \"RLIMIT_X\" is not the name of a resource limit"},
	{PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":1}]", "process.rlimits[0].hard: is missing"},
	{PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"hard\":1}]", "process.rlimits[0].soft: is missing"},
	{PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":2,\"hard\":1}]",
	 "process.rlimits[0].soft: is above the hard limit"},
	{PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":-1,\"hard\":1}]",
	 "process.rlimits[0].soft: must be an integer from 0 to 18446744073709551615, is -1"},
	{PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1},{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1}]",
	 "process.rlimits[1].type: the limit is given twice"},
	{PROCESS, "\"apparmorProfile\":\"\",\"selinuxLabel\":\"\",\"scheduler\":null,\"ioPriority\":{}", NULL},
	{PROCESS, "\"selinuxLabel\":\"a:b\"", "process.selinuxLabel: not supported"},
	{PROCESS, "\"scheduler\":{\"nice\":1}", "process.scheduler.policy: is missing"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_X\"}",
	 "process.scheduler.policy: \"SCHED_X\" is not the name of a scheduling policy"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_FIFO\"}",
	 "process.scheduler.priority: is missing, the policy needs one from 1 to 99"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":1}",
	 "process.scheduler.priority: is for SCHED_FIFO and SCHED_RR alone"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}",
	 "process.scheduler.nice: must be an integer from -20 to 19, is 20"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_RR\",\"priority\":1,\"nice\":1}",
	 "process.scheduler.nice: has no meaning with this policy"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"deadline\":1}",
	 "process.scheduler.deadline: is for SCHED_DEADLINE alone"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"flags\":[\"X\"]}",
	 "process.scheduler.flags: \"X\" is not the name of a scheduler flag"},
	{PROCESS, "\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"runtime\":1,\"deadline\":2,\"period\":3}", NULL},
	{PROCESS, "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\"}", "process.ioPriority.priority: is missing"},
	{PROCESS, "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}",
	 "process.ioPriority.priority: must be an integer from 0 to 7, is 8"},
	{PROCESS, "\"ioPriority\":{\"class\":\"RT\"}", "process.ioPriority.class: \"RT\" is not the name of an I/O class"},
	{PROCESS, "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\"}", NULL},
	{PROCESS, "\"execCPUAffinity\":{\"initial\":\"0-3,7\",\"final\":\"0\"}", NULL},
	{PROCESS, "\"execCPUAffinity\":{\"initial\":\"3-0\"}",
	 "process.execCPUAffinity.initial: \"3-0\" is not a list of CPUs"},
	{PROCESS, "\"execCPUAffinity\":{\"final\":\"0,\"}", "process.execCPUAffinity.final: \"0,\" is not a list of CPUs"},
	{PROCESS, "\"execCPUAffinity\":{\"final\":\"99999999999999999999\"}",
	 "process.execCPUAffinity.final: \"99999999999999999999\" is not a list of CPUs"},
	/* Landlock. */
	{PROCESS, "\"landlock\":{}", "process.landlock.ruleset: is missing"},
	{PROCESS, "\"landlock\":{\"ruleset\":{}}",
	 "process.landlock.ruleset: handles no access right and no scope, so it would restrict nothing"},
	{PROCESS, "\"landlock\":{\"ruleset\":{\"handledAccessFs\":[]}}",
	 "process.landlock.ruleset.handledAccessFs: is not a field of process.landlock"},
	{PROCESS, "\"landlock\":{\"rulset\":{}}", "process.landlock.rulset: is not a field of process.landlock"},
	{PROCESS, "\"landlock\":{\"ruleset\":{\"handledAccessFS\":[\"read\"]}}",
	 "process.landlock.ruleset.handledAccessFS: \"read\" is not the name of a Landlock file access right"},
	{PROCESS, "\"landlock\":{\"ruleset\":{\"handledAccessNet\":[\"bind_icmp\"]}}",
	 "process.landlock.ruleset.handledAccessNet: \"bind_icmp\" is not the name of a Landlock network access right"},
	{PROCESS, "\"landlock\":{\"ruleset\":{\"scoped\":[\"ptrace\"]}}",
	 "process.landlock.ruleset.scoped: \"ptrace\" is not the name of a Landlock scope"},
	{PROCESS, "\"landlock\":{\"ruleset\":{\"scoped\":[\"signal\"]},\"disableBestEffort\":1}",
	 "process.landlock.disableBestEffort: must be true or false"},
	{PROCESS, LANDLOCK("\"pathBelow\":[]"), "process.landlock.rules.pathBelow: is not a field of process.landlock"},
	{PROCESS, LANDLOCK("\"pathBeneath\":[{\"allowedAccess\":[\"write_file\"],\"paths\":[\"/\"]}]"),
	 "process.landlock.rules.pathBeneath[0].allowedAccess: \"write_file\" is not in ruleset.handledAccessFS"},
	{PROCESS, LANDLOCK("\"pathBeneath\":[{\"allowedAccess\":[],\"paths\":[\"/\"]}]"),
	 "process.landlock.rules.pathBeneath[0].allowedAccess: must name at least one access right"},
	{PROCESS, LANDLOCK("\"pathBeneath\":[{\"allowedAccess\":[\"read_file\"]}]"),
	 "process.landlock.rules.pathBeneath[0].paths: must name at least one path"},
	{PROCESS, LANDLOCK("\"pathBeneath\":[{\"allowedAccess\":[\"read_file\"],\"paths\":[\"etc\"]}]"),
	 "process.landlock.rules.pathBeneath[0].paths: \"etc\" is not an absolute path"},
	{PROCESS, LANDLOCK("\"netPort\":[{\"allowedAccess\":[\"bind_tcp\"],\"ports\":[80,65536]}]"),
	 "process.landlock.rules.netPort[0].ports[1]: must be an integer from 0 to 65535, is 65536"},
	{PROCESS, LANDLOCK("\"netPort\":[{\"allowedAccess\":[\"connect_tcp\"],\"ports\":[80]}]"),
	 "process.landlock.rules.netPort[0].allowedAccess: \"connect_tcp\" is not in ruleset.handledAccessNet"},
	{PROCESS, LANDLOCK("\"netPort\":[{\"allowedAccess\":[\"bind_tcp\"],\"ports\":[]}]"),
	 "process.landlock.rules.netPort[0].ports: must name at least one port"},
	/* linux. */
	{WHOLE, "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL ",\"linux\":{\"namespaces\":[{\"type\":\"net\"}]}}",
	 "linux.namespaces[0].type: \"net\" is not the name of a namespace"},
	{WHOLE,
	 "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL ",\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]}}",
	 "linux.namespaces[1].type: the pid namespace is given twice"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL ",\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"x\"}]}}",
	 "linux.namespaces[0].path: \"x\" is not an absolute path"},
	{WHOLE, "{\"ociVersion\":\"1.2.0\"," MINIMAL_TAIL ",\"linux\":{\"namespaces\":[{}]}}",
	 "linux.namespaces[0].type: is missing"},
	{LINUX, "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}]",
	 "linux.uidMappings: needs the user namespace in linux.namespaces"},
	{LINUX, "\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":0}]",
	 "linux.gidMappings[0].size: must be at least 1"},
	{LINUX, "\"gidMappings\":[{\"containerID\":0,\"hostID\":4294967295,\"size\":1}]",
	 "linux.gidMappings[0]: the range goes beyond the last id, 4294967294"},
	{LINUX, "\"gidMappings\":[{\"hostID\":1,\"size\":1}]", "linux.gidMappings[0].containerID: is missing"},
	{LINUX, DEVICE("\"major\":1"), "linux.devices[0].minor: is missing"},
	{LINUX, DEVICE("\"major\":4096,\"minor\":1"), "linux.devices[0].major: must be an integer from 0 to 4095, is 4096"},
	{LINUX, DEVICE("\"major\":1,\"minor\":1,\"fileMode\":131072"),
	 "linux.devices[0].fileMode: must be an integer from 0 to 65535, is 131072"},
	{LINUX, "\"devices\":[{\"type\":\"x\",\"path\":\"/dev/x\"}]", "linux.devices[0].type: \"x\" is not c, u, b or p"},
	{LINUX, "\"devices\":[{\"type\":\"p\"}]", "linux.devices[0].path: is missing"},
	{LINUX, "\"maskedPaths\":[\"proc\"]", "linux.maskedPaths: \"proc\" is not an absolute path"},
	{LINUX, "\"readonlyPaths\":[\"\"]", "linux.readonlyPaths: \"\" is not an absolute path"},
	{LINUX, "\"rootfsPropagation\":\"open\"",
	 "linux.rootfsPropagation: \"open\" is not shared, slave, private or unbindable"},
	{LINUX, "\"sysctl\":{\"kernel.shmmax\":\"1\",\"fs.mqueue.msg_max\":\"2\",\"vm.memfd_noexec\":\"2\"}", NULL},
	{LINUX, "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}",
	 "linux.sysctl.net.ipv4.ip_forward: needs the network namespace in linux.namespaces, without it the host would be "
	 "changed"},
	{LINUX, "\"sysctl\":{\"kernel.core_pattern\":\"x\"}",
	 "linux.sysctl.kernel.core_pattern: belongs to no namespace, setting it would change the host"},
	{LINUX, "\"sysctl\":{\"fs.mqueue./../../kernel/core_pattern\":\"x\"}",
	 "linux.sysctl.fs.mqueue./../../kernel/core_pattern: is not a sysctl's name, parts joined by single dots"},
	{LINUX, "\"sysctl\":{\"fs.mqueue...x\":\"x\"}",
	 "linux.sysctl.fs.mqueue...x: is not a sysctl's name, parts joined by single dots"},
	{LINUX, "\"sysctl\":{\"kernel.shmmax\":1}", "linux.sysctl: the value of \"kernel.shmmax\" must be a string"},
	{LINUX, "\"intelRdt\":{},\"personality\":null,\"mountLabel\":\"\",\"netDevices\":{},\"timeOffsets\":{}", NULL},
	{LINUX, "\"intelRdt\":{\"closID\":\"x\"}", "linux.intelRdt: not supported"},
	{LINUX, "\"personality\":{\"domain\":\"LINUX64\"}", "linux.personality.domain: \"LINUX64\" is not LINUX or LINUX32"},
	{LINUX, "\"mountLabel\":\"x\"", "linux.mountLabel: not supported"},
	{LINUX, "\"netDevices\":{\"eth0\":{}}", "linux.netDevices: not supported"},
	{LINUX, "\"timeOffsets\":{\"boottime\":{\"secs\":1}}",
	 "linux.timeOffsets: needs a new time namespace in linux.namespaces"},
	{LINUX, "\"timeOffsets\":{\"monotonic\":{\"nanosecs\":1000000000}}",
	 "linux.timeOffsets.monotonic.nanosecs: must be an integer from 0 to 999999999, is 1000000000"},
	/* Resources. */
	{LINUX, "\"resources\":[]", "linux.resources: must be an object"},
	{LINUX, "\"resources\":{\"blockIO\":{\"weight\":9}}", "linux.resources.blockIO.weight: is not from 10 to 1000"},
	{LINUX, "\"resources\":{\"blockIO\":{\"leafWeight\":10}}", "linux.resources.blockIO.leafWeight: is of cgroup v1 alone"},
	{LINUX, "\"resources\":{\"blockIO\":{\"weightDevice\":[{\"major\":1,\"minor\":2}]}}",
	 "linux.resources.blockIO.weightDevice[0].weight: is missing"},
	{LINUX, "\"resources\":{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":1,\"rate\":2}]}}",
	 "linux.resources.blockIO.throttleReadBpsDevice[0].minor: is missing"},
	{LINUX, "\"resources\":{\"blockIO\":{\"throttleWriteIOPSDevice\":[{\"major\":1,\"minor\":0}]}}",
	 "linux.resources.blockIO.throttleWriteIOPSDevice[0].rate: is missing"},
	{LINUX,
	 "\"resources\":{\"blockIO\":{\"weight\":10,\"leafWeight\":0,\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,"
	 "\"rate\":600}]},\"cpu\":{\"burst\":1,\"idle\":1},\"memory\":{\"checkBeforeUpdate\":true}}",
	 NULL},
	{LINUX, "\"resources\":{\"cpu\":{\"idle\":2}}", "linux.resources.cpu.idle: must be an integer from 0 to 1, is 2"},
	{LINUX, "\"resources\":{\"hugepageLimits\":[{}]}", "linux.resources.hugepageLimits[0].pageSize: is missing"},
	{LINUX, "\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"../2MB\",\"limit\":1}]}",
	 "linux.resources.hugepageLimits[0].pageSize: \"../2MB\" is not a size as 64KB, 2MB or 1GB"},
	{LINUX, "\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"2MB\"}]}",
	 "linux.resources.hugepageLimits[0].limit: is missing"},
	{LINUX, "\"resources\":{\"network\":{\"classID\":1}}", "linux.resources.network.classID: not supported"},
	{LINUX, "\"resources\":{\"rdma\":{\"x\":{}}}", "linux.resources.rdma.x: must have hcaHandles or hcaObjects"},
	{LINUX, "\"resources\":{\"rdma\":{\"a b\":{\"hcaHandles\":1}}}",
	 "linux.resources.rdma.a b: is not the name of a device"},
	{LINUX, "\"resources\":{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000}}}", NULL},
	{LINUX,
	 "\"resources\":{\"blockIO\":{},\"hugepageLimits\":[],\"network\":{},\"memory\":{\"kernel\":0,\"disableOOMKiller\":"
	 "false}}",
	 NULL},
	{LINUX, "\"resources\":{\"memory\":{\"swappiness\":0}}", "linux.resources.memory.swappiness: not supported"},
	{LINUX, "\"resources\":{\"memory\":{\"disableOOMKiller\":true}}",
	 "linux.resources.memory.disableOOMKiller: not supported"},
	{LINUX, "\"resources\":{\"memory\":{\"kernelTCP\":5}}", "linux.resources.memory.kernelTCP: not supported"},
	{LINUX, "\"resources\":{\"cpu\":{\"realtimeRuntime\":5}}", "linux.resources.cpu.realtimeRuntime: not supported"},
	{LINUX, "\"resources\":{\"memory\":{\"limit\":-2}}",
	 "linux.resources.memory.limit: must be an integer from -1 to 9223372036854775807, is -2"},
	{LINUX, "\"resources\":{\"memory\":{\"limit\":10,\"swap\":9}}",
	 "linux.resources.memory.swap: counts memory and swap together, so it cannot be below memory.limit"},
	{LINUX, "\"resources\":{\"memory\":{\"swap\":9}}",
	 "linux.resources.memory.swap: counts memory and swap together, so it needs memory.limit"},
	{LINUX, "\"resources\":{\"pids\":{\"limit\":1.5}}", "linux.resources.pids.limit: must be an integer"},
	{LINUX, "\"resources\":{\"cpu\":{\"shares\":262145}}",
	 "linux.resources.cpu.shares: must be an integer from 0 to 262144, is 262145"},
	{LINUX, "\"resources\":{\"unified\":{\"../memory.max\":\"1\"}}",
	 "linux.resources.unified.../memory.max: is not the name of a cgroup v2 limit"},
	{LINUX, "\"resources\":{\"unified\":{\"cgroup.procs\":\"1\"}}",
	 "linux.resources.unified.cgroup.procs: is not the name of a cgroup v2 limit"},
	{LINUX, "\"resources\":{\"unified\":{\"memory.high\":1}}",
	 "linux.resources.unified: the value of \"memory.high\" must be a string"},
	{LINUX, "\"resources\":{\"devices\":[{}]}", "linux.resources.devices[0].allow: is missing"},
	{LINUX, "\"resources\":{\"devices\":[1]}", "linux.resources.devices[0]: must be an object"},
	{LINUX, "\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"q\"}]}",
	 "linux.resources.devices[0].type: \"q\" is not a, b or c"},
	{LINUX, "\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwx\"}]}",
	 "linux.resources.devices[0].access: \"rwx\" is not made of r, w and m"},
	{LINUX, "\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rrr\"}]}",
	 "linux.resources.devices[0].access: \"rrr\" is not made of r, w and m"},
	{LINUX, "\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"\"}]}",
	 "linux.resources.devices[0].access: \"\" is not made of r, w and m"},
	/* seccomp. */
	{LINUX, "\"seccomp\":{}", "linux.seccomp.defaultAction: is missing"},
	{LINUX, "\"seccomp\":{\"defaultAction\":\"ALLOW\"}",
	 "linux.seccomp.defaultAction: \"ALLOW\" is not the name of a seccomp action"},
	{LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1}",
	 "linux.seccomp.defaultErrnoRet: its action takes no errno"},
	{LINUX, SECCOMP("\"defaultErrnoRet\":4096"),
	 "linux.seccomp.defaultErrnoRet: must be an integer from 0 to 4095, is 4096"},
	{LINUX, SECCOMP("\"architectures\":[\"x86_64\"]"),
	 "linux.seccomp.architectures: \"x86_64\" is not the name of an architecture"},
	{LINUX, SECCOMP("\"flags\":[\"SECCOMP_FILTER_FLAG_NEW_LISTENER\"]"),
	 "linux.seccomp.flags: \"SECCOMP_FILTER_FLAG_NEW_LISTENER\" is not the name of a seccomp filter flag"},
	{LINUX, SECCOMP("\"listenerPath\":\"x\""), "linux.seccomp.listenerPath: \"x\" is not an absolute path"},
	{LINUX, SECCOMP("\"syscalls\":[{\"action\":\"SCMP_ACT_ALLOW\"}]"),
	 "linux.seccomp.syscalls[0].names: must name at least one system call"},
	{LINUX, SECCOMP("\"syscalls\":[{\"names\":[\"read\"]}]"), "linux.seccomp.syscalls[0].action: is missing"},
	{LINUX, RULE("\"errnoRet\":1"), "linux.seccomp.syscalls[0].errnoRet: its action takes no errno"},
	{LINUX, ARG("\"value\":1,\"op\":\"SCMP_CMP_EQ\""), "linux.seccomp.syscalls[0].args[0].index: is missing"},
	{LINUX, ARG("\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\""),
	 "linux.seccomp.syscalls[0].args[0].index: must be an integer from 0 to 5, is 6"},
	{LINUX, ARG("\"index\":0,\"op\":\"SCMP_CMP_EQ\""), "linux.seccomp.syscalls[0].args[0].value: is missing"},
	{LINUX, ARG("\"index\":0,\"value\":-1,\"op\":\"SCMP_CMP_EQ\""),
	 "linux.seccomp.syscalls[0].args[0].value: must be an integer from 0 to 18446744073709551615, is -1"},
	{LINUX, ARG("\"index\":0,\"value\":0"), "linux.seccomp.syscalls[0].args[0].op: is missing"},
	{LINUX, ARG("\"index\":0,\"value\":0,\"op\":\"EQ\""),
	 "linux.seccomp.syscalls[0].args[0].op: \"EQ\" is not the name of a seccomp comparison"},
};

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_free char *text = make_text(rows[i].place, rows[i].text), *wanted = NULL;
		struct vxe_config *config = NULL;
		struct vxe_error *err = NULL;
		int status = parse(rows[i].place, rows[i].text, &config, &err);

		if (strstr(text, "\\u0000")) {
			ok(status < 0 && strstr(err->message, "\\u0000 would cut the string short"), "refused: NUL in a path");
		} else if (rows[i].error) {
			if (asprintf(&wanted, "config.json: %s", rows[i].error) < 0)
				abort();
			ok(status < 0 && err && !config && same_text(err->message, wanted), "refused: %s", rows[i].error);
		} else {
			ok(status == 0 && config && !err, "accepted: %s%s%s", rows[i].text, err ? ", but " : "",
			   err ? err->message : "");
		}
		vxe_config_free(&config);
		vxe_error_free(&err);
	}
}

static void test_hint(void)
{
	struct vxe_config *config = NULL;
	struct vxe_error *err = NULL;

	parse(LINUX, "\"intelRdt\":{\"closID\":\"x\"}", &config, &err);
	ok(err && err->hint && strstr(err->hint, "remove it"), "what is not supported comes with what to do");
	vxe_error_free(&err);
}

/* Every prefix of a whole configuration is malformed in its own way. */
static void test_prefixes(const char *text)
{
	size_t length = strlen(text), accepted = 0;

	for (size_t i = 0; i < length; i++) {
		char *copy = malloc(i ? i : 1);
		struct vxe_config *config = NULL;
		struct vxe_error *err = NULL;

		memcpy(copy, text, i);
		if (vxe_config_parse(copy, i, "/bundle", &config, &err) == 0 || !err || config)
			accepted++;
		vxe_config_free(&config);
		vxe_error_free(&err);
		free(copy);
	}
	ok(accepted == 0, "%zu prefixes are refused", length);
}

static const char full[] =
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\",\"domainname\":\"d\","
	"\"annotations\":{\"org.vxe.name\":\"popd\",\"b\":\"\"},"
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"nosuid\",\"noexec\"]},"
	"{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"data\",\"options\":[]},"
	"{\"destination\":\"/e\",\"source\":\"/abs\",\"options\":[\"rbind\"],"
	"\"uidMappings\":[{\"containerID\":1,\"hostID\":2,\"size\":3}],\"gidMappings\":[{\"containerID\":4,\"hostID\":5,"
	"\"size\":6}]},"
	"{\"destination\":\"/t\"}],"
	"\"hooks\":{\"prestart\":[{\"path\":\"/1\"}],\"createRuntime\":[{\"path\":\"/"
	"2\",\"args\":[\"a\",\"b\"],\"env\":[\"E=1\"],"
	"\"timeout\":9}],\"createContainer\":[{\"path\":\"/3\"}],\"startContainer\":[{\"path\":\"/4\"}],"
	"\"poststart\":[{\"path\":\"/5\"}],\"poststop\":[{\"path\":\"/6\"},{\"path\":\"/7\"}]},"
	"\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":25,\"width\":80},\"args\":[\"/bin/a\",\"\",\"c\"],"
	"\"env\":[\"A=1\",\"B=\"],\"cwd\":\"/w\",\"user\":{\"uid\":7,\"gid\":4294967294,\"umask\":18,\"additionalGids\":[0,5]},"
	"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_CHECKPOINT_RESTORE\"],\"effective\":[\"CAP_KILL\"],"
	"\"inheritable\":[],\"permitted\":[\"CAP_KILL\"],\"ambient\":[\"CAP_SETUID\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":5,\"hard\":18446744073709551615}],\"noNewPrivileges\":true,"
	"\"oomScoreAdj\":-7,"
	"\"landlock\":{\"ruleset\":{\"handledAccessFS\":[\"execute\",\"ioctl_dev\",\"read_file\",\"resolve_unix\"],"
	"\"handledAccessNet\":[\"bind_tcp\",\"connect_tcp\",\"bind_udp\",\"connect_send_udp\"],\"scoped\":[\"abstract_unix_"
	"socket\",\"signal\"]},"
	"\"rules\":{\"pathBeneath\":[{\"allowedAccess\":[\"read_file\"],\"paths\":[\"/etc\",\"/usr\"]}],"
	"\"netPort\":[{\"allowedAccess\":[\"bind_tcp\"],\"ports\":[110,995]}]},\"disableBestEffort\":true}},"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/run/netns/x\"},{\"type\":\"mount\"},"
	"{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"user\"},{\"type\":\"cgroup\"},{\"type\":\"time\"}],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":4294967295}],"
	"\"devices\":[{\"type\":\"c\",\"path\":\"/dev/null\",\"major\":1,\"minor\":3,\"fileMode\":8630,\"uid\":1,\"gid\":2},"
	"{\"type\":\"p\",\"path\":\"/dev/fifo\"},{\"type\":\"b\",\"path\":\"/dev/b\",\"major\":8,\"minor\":1}],"
	"\"cgroupsPath\":\"/vxe/popd\",\"rootfsPropagation\":\"rslave\",\"maskedPaths\":[\"/proc/kcore\"],"
	"\"readonlyPaths\":[\"/proc/sys\",\"/proc/bus\"],\"sysctl\":{\"net.core.somaxconn\":\"256\"},"
	"\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],"
	"\"memory\":{\"limit\":1000,\"swap\":2000,\"reservation\":-1,\"useHierarchy\":true},"
	"\"cpu\":{\"shares\":1024,\"quota\":-1,\"period\":100000,\"cpus\":\"0-1\",\"mems\":\"0\"},\"pids\":{\"limit\":64},"
	"\"unified\":{\"memory.high\":\"900\"}},"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
	"\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X32\"],"
	"\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\",\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\","
	"\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"],\"listenerPath\":\"/run/l\",\"listenerMetadata\":\"m\","
	"\"syscalls\":[{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_ALLOW\"},"
	"{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13,"
	"\"args\":[{\"index\":0,\"value\":18446744073709551615,\"valueTwo\":2,\"op\":\"SCMP_CMP_MASKED_EQ\"},"
	"{\"index\":5,\"value\":0,\"op\":\"SCMP_CMP_NE\"}]},"
	"{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_ERRNO\"},{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_TRACE\","
	"\"errnoRet\":65535},"
	"{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_NOTIFY\"},{\"names\":[\"kexec_load\"],\"action\":\"SCMP_ACT_KILL\"},"
	"{\"names\":[\"swapon\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"}]}}}";

static void check_process(const struct vxe_process *p)
{
	const struct vxe_landlock *l = &p->landlock;

	ok(p->present && p->terminal && p->console_rows == 25 && p->console_columns == 80, "process: the terminal");
	ok(p->args.count == 3 && same_text(p->args.items[0], "/bin/a") && same_text(p->args.items[1], "") && !p->args.items[3],
	   "process: args is an argv");
	ok(p->env.count == 2 && same_text(p->env.items[1], "B=") && !p->env.items[2] && same_text(p->cwd, "/w"),
	   "process: env and cwd");
	ok(p->uid == 7 && p->gid == 4294967294 && p->has_umask && p->umask == 022 && p->n_additional_gids == 2 &&
		   p->additional_gids[0] == 0 && p->additional_gids[1] == 5,
	   "process: the user");
	ok(p->capabilities.present &&
		   p->capabilities.bounding == (UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_CHECKPOINT_RESTORE) &&
		   p->capabilities.effective == UINT64_C(1) << CAP_KILL && p->capabilities.inheritable == 0 &&
		   p->capabilities.permitted == UINT64_C(1) << CAP_KILL && p->capabilities.ambient == UINT64_C(1) << CAP_SETUID,
	   "process: the capabilities");
	ok(p->n_rlimits == 1 && p->rlimits[0].resource == RLIMIT_NOFILE && p->rlimits[0].limit.rlim_cur == 5 &&
		   p->rlimits[0].limit.rlim_max == RLIM_INFINITY,
	   "process: the limits, with infinity");
	ok(p->no_new_privileges && p->has_oom_score_adj && p->oom_score_adj == -7, "process: the rest");
	ok(l->present &&
		   l->handled_fs == (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_IOCTL_DEV | LANDLOCK_ACCESS_FS_READ_FILE |
				     1ULL << 16) &&
		   l->handled_net == 0xf && l->scoped == (LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL),
	   "landlock: what is handled");
	ok(l->n_path_rules == 1 && l->path_rules[0].access == LANDLOCK_ACCESS_FS_READ_FILE &&
		   l->path_rules[0].paths.count == 2 && same_text(l->path_rules[0].paths.items[1], "/usr"),
	   "landlock: the paths");
	ok(l->n_port_rules == 1 && l->port_rules[0].access == LANDLOCK_ACCESS_NET_BIND_TCP && l->port_rules[0].count == 2 &&
		   l->port_rules[0].ports[1] == 995,
	   "landlock: the ports");
}

static void check_seccomp(const struct vxe_seccomp *s)
{
	ok(s->present && s->default_action == SCMP_ACT_ERRNO(ENOSYS) && s->n_architectures == 2 &&
		   s->architectures[0] == SCMP_ARCH_X86_64 && s->architectures[1] == SCMP_ARCH_X32,
	   "seccomp: the default and the architectures");
	ok(s->flags == (SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
			SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) &&
		   same_text(s->listener_path, "/run/l") && same_text(s->listener_metadata, "m"),
	   "seccomp: the flags and the listener");
	if (!ok(s->n_rules == 7, "seccomp: the rules"))
		return;
	ok(s->rules[0].action == SCMP_ACT_ALLOW && s->rules[0].names.count == 2 && s->rules[0].n_args == 0, "seccomp: allow");
	ok(s->rules[1].action == SCMP_ACT_ERRNO(EACCES) && s->rules[1].n_args == 2 && s->rules[1].args[0].value == UINT64_MAX &&
		   s->rules[1].args[0].value_two == 2 && s->rules[1].args[0].op == SCMP_CMP_MASKED_EQ &&
		   s->rules[1].args[1].index == 5 && s->rules[1].args[1].op == SCMP_CMP_NE,
	   "seccomp: an errno, and arguments of all 64 bits");
	ok(s->rules[2].action == SCMP_ACT_ERRNO(EPERM), "seccomp: EPERM where no errno is given");
	ok(s->rules[3].action == SCMP_ACT_TRACE(65535) && s->rules[4].action == SCMP_ACT_NOTIFY &&
		   s->rules[5].action == SCMP_ACT_KILL_THREAD && s->rules[6].action == SCMP_ACT_KILL_PROCESS,
	   "seccomp: the other actions");
}

static void check_linux(const struct vxe_config *c)
{
	const struct vxe_resources *r = &c->resources;
	static const int flags[] = {CLONE_NEWPID, CLONE_NEWNET,	 CLONE_NEWNS,	  CLONE_NEWIPC,
				    CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWCGROUP, 0x80};

	for (size_t i = 0; i < 8; i++)
		ok(vxe_config_namespace(c, flags[i]) == &c->namespaces[i], "linux: namespace %#x", (unsigned int)flags[i]);
	ok(same_text(c->namespaces[1].path, "/run/netns/x") && !c->namespaces[0].path, "linux: one namespace by path");
	ok(c->uid_mappings.count == 1 && c->uid_mappings.items[0].host == 1000 && c->gid_mappings.items[0].size == UINT32_MAX,
	   "linux: the id mappings");
	ok(c->n_devices == 3 && c->devices[0].type == S_IFCHR && c->devices[0].major == 1 && c->devices[0].minor == 3 &&
		   c->devices[0].mode == 0666 && c->devices[0].uid == 1 && c->devices[0].gid == 2,
	   "linux: a device, whose mode comes without its type");
	ok(c->devices[1].type == S_IFIFO && c->devices[1].mode == 0666 && c->devices[2].type == S_IFBLK,
	   "linux: other devices");
	ok(same_text(c->cgroups_path, "/vxe/popd") && c->rootfs_propagation == (MS_SLAVE | MS_REC) &&
		   c->masked_paths.count == 1 && c->readonly_paths.count == 2 && c->sysctl.count == 1 &&
		   same_text(c->sysctl.items[0].value, "256"),
	   "linux: paths and sysctl");
	ok(r->has_memory_limit && r->memory_limit == 1000 && r->has_memory_swap && r->memory_swap == 2000 &&
		   r->has_memory_reservation && r->memory_reservation == -1,
	   "resources: memory");
	ok(r->has_cpu_shares && r->cpu_shares == 1024 && r->has_cpu_quota && r->cpu_quota == -1 && r->has_cpu_period &&
		   r->cpu_period == 100000 && same_text(r->cpuset_cpus, "0-1") && same_text(r->cpuset_mems, "0"),
	   "resources: cpu");
	ok(r->has_pids_limit && r->pids_limit == 64 && r->unified.count == 1 &&
		   same_text(r->unified.items[0].key, "memory.high"),
	   "resources: pids and unified");
	ok(r->n_devices == 1 && !r->has_other_devices, "resources: the device rule that every engine writes");
}

static void test_full(void)
{
	struct vxe_config *c = NULL;
	struct vxe_error *err = NULL;

	if (!ok(vxe_config_parse(full, strlen(full), "/bundle", &c, &err) == 0, "a full configuration%s%s", err ? ": " : "",
		err ? err->message : ""))
		return;
	ok(same_text(c->bundle, "/bundle") && same_text(c->rootfs, "/bundle/rootfs") && c->root_readonly &&
		   same_text(c->hostname, "h") && same_text(c->domainname, "d") && same_text(c->oci_version, "1.2.0"),
	   "the root's values");
	ok(same_text(vxe_config_annotation(c, "org.vxe.name"), "popd") && same_text(vxe_config_annotation(c, "b"), "") &&
		   !vxe_config_annotation(c, "absent"),
	   "annotations");
	ok(c->n_mounts == 4 && same_text(c->mounts[0].source, "proc") && c->mounts[0].options.count == 2 &&
		   !c->mounts[0].options.items[2],
	   "mounts: one of a file system");
	ok(same_text(c->mounts[1].source, "/bundle/data"), "mounts: a relative bind is from the bundle");
	ok(same_text(c->mounts[2].source, "/abs") && c->mounts[2].uid_mappings.items[0].host == 2 &&
		   c->mounts[2].gid_mappings.items[0].size == 6,
	   "mounts: an absolute bind, with its mappings");
	ok(!c->mounts[3].type && !c->mounts[3].source && c->mounts[3].options.count == 0, "mounts: one with next to nothing");
	ok(same_text(c->prestart.items[0].path, "/1") && same_text(c->create_container.items[0].path, "/3") &&
		   same_text(c->start_container.items[0].path, "/4") && same_text(c->poststart.items[0].path, "/5") &&
		   c->poststop.count == 2,
	   "hooks");
	ok(same_text(c->create_runtime.items[0].args.items[1], "b") &&
		   same_text(c->create_runtime.items[0].env.items[0], "E=1") && c->create_runtime.items[0].timeout == 9,
	   "a hook's fields");
	check_process(&c->process);
	check_linux(c);
	check_seccomp(&c->seccomp);
	vxe_config_free(&c);
	ok(!c, "freed");
	vxe_config_free(&c);
	test_prefixes(full);
}

/* With a compiled filter of its own a bundle's rules are for other engines; what stands beside them is still read. */
static void test_compiled_filter(void)
{
	static const char format[] =
		"{\"ociVersion\":\"1.2.0\",%s\"root\":{\"path\":\"rootfs\"},\"linux\":{\"seccomp\":{\"defaultAction\":\"%s\","
		"\"syscalls\":[{\"names\":[\"read\"],\"action\":\"%s\"}]}}}";
	static const char annotations[] = "\"annotations\":{\"org.vxe.seccomp.filter\":\"vxe/filter.bpf\"},";
	static const struct {
		const char *annotations, *fallback, *action, *what;
		bool good;
		size_t rules;
	} cases[] = {
		{"", "SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "rules without a compiled filter", true, 1},
		{"", "SCMP_ACT_ERRNO", "ALLOW", "a wrong rule without a compiled filter", false, 0},
		{annotations, "SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "rules beside a compiled filter", true, 0},
		{annotations, "SCMP_ACT_ERRNO", "ALLOW", "a wrong rule beside a compiled filter", true, 0},
		{annotations, "ERRNO", "SCMP_ACT_ALLOW", "a wrong default beside a compiled filter", false, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_free char *text = NULL;
		struct vxe_config *config = NULL;
		struct vxe_error *err = NULL;
		int length = asprintf(&text, format, cases[i].annotations, cases[i].fallback, cases[i].action), status;

		if (length < 0)
			abort();
		status = vxe_config_parse(text, (size_t)length, "/bundle", &config, &err);
		ok(cases[i].good ? status == 0 && config->seccomp.n_rules == cases[i].rules : status < 0, "%s", cases[i].what);
		vxe_config_free(&config);
		vxe_error_free(&err);
	}
}

static void test_devices(void)
{
	static const struct {
		const char *rules;
		bool others;
	} cases[] = {
		{"{\"allow\":false,\"access\":\"rwm\"}", false},
		{"{\"allow\":false,\"type\":\"a\",\"major\":-1,\"minor\":-1,\"access\":\"rwm\"}", false},
		{"{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"},"
		 "{\"allow\":true,\"type\":\"c\",\"major\":136,\"access\":\"rwm\"}",
		 false},
		{"{\"allow\":false},{\"allow\":true,\"type\":\"b\",\"major\":1,\"minor\":3,\"access\":\"r\"}", true},
		{"{\"allow\":true,\"access\":\"rwm\"}", true},
		{"{\"allow\":false,\"access\":\"w\"}", true},
		{"{\"allow\":false,\"type\":\"c\",\"access\":\"rwm\"}", true},
		{"{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":200,\"access\":\"rwm\"}", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_free char *text = NULL;
		struct vxe_config *config = NULL;

		if (asprintf(&text, "\"resources\":{\"devices\":[%s]}", cases[i].rules) < 0)
			abort();
		ok(parse(LINUX, text, &config, NULL) == 0 && config->resources.n_devices &&
			   config->resources.has_other_devices == cases[i].others,
		   "device rules %s", cases[i].rules);
		vxe_config_free(&config);
	}
}

static void test_process(void)
{
	static const char text[] = "{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{\"uid\":1,\"gid\":2}}";
	struct vxe_process *process = NULL;
	struct vxe_error *err = NULL;

	ok(vxe_config_parse_process(text, strlen(text), &process, &err) == 0 && process->uid == 1 && process->args.count == 1 &&
		   process->env.items && !process->env.items[0] && !process->capabilities.present && !process->landlock.present,
	   "a process alone; its env is empty, not NULL");
	vxe_process_free(&process);
	ok(vxe_config_parse_process("[]", 2, &process, &err) < 0 && same_text(err->message, "process: must be an object"),
	   "no object");
	ok(vxe_config_parse_process("{}", 2, &process, &err) < 0 && !process &&
		   same_text(err->message, "process.args: names no program"),
	   "an empty one");
	vxe_error_free(&err);
	vxe_process_free(&process);
}

static void test_bundle(void)
{
	static const char text[] = "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"/abs\"}}";
	static const char host[] = "{\"ociVersion\":\"1.2.0\",\"annotations\":{\"org.vxe.root\":\"host\"},"
				   "\"process\":{\"user\":{\"uid\":0,\"gid\":0}}}";
	struct vxe_config *config = NULL;
	struct vxe_error *err = NULL;
	cleanup_free char *here = getcwd(NULL, 0), *wanted = NULL;
	char folder[] = "/tmp/vxe-test-config-XXXXXX";
	int fd;

	if (asprintf(&wanted, "%s/rel", here) < 0 || !mkdtemp(folder))
		abort();
	ok(vxe_config_parse(text, strlen(text), "rel", &config, &err) == 0 && same_text(config->bundle, wanted) &&
		   same_text(config->rootfs, "/abs") && !config->process.present && config->process.args.count == 0,
	   "a relative bundle, an absolute root, no process");
	vxe_config_free(&config);
	ok(vxe_config_parse(host, strlen(host), "/b", &config, &err) == 0 && same_text(config->rootfs, "/") &&
		   config->process.args.items && !config->process.cwd,
	   "a compiled profile needs no root and no program");
	vxe_config_free(&config);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(vxe_config_load(fd, folder, &config, &err) < 0 && err->errnum == ENOENT && err->hint &&
		   strstr(err->message, "config.json"),
	   "a folder that is no bundle");
	vxe_error_free(&err);
	ok(vxe_file_replace_at(fd, "config.json", text, strlen(text), 0600, NULL) == 0 &&
		   vxe_config_load(fd, folder, &config, &err) == 0 && same_text(config->bundle, folder),
	   "a bundle folder");
	ok(vxe_config_unchanged(fd, config, &err) == 0, "nobody changed it");
	ok(vxe_file_replace_at(fd, "config.json", text, strlen(text), 0600, NULL) == 0 &&
		   vxe_config_unchanged(fd, config, &err) < 0 && strstr(err->message, "other plans") && err->hint,
	   "another file in its place is told from it, though it says the same");
	vxe_error_free(&err);
	vxe_config_free(&config);
	/* As a relowering leaves it: a link into the folder of the plans. */
	ok(mkdirat(fd, "vxe", 0700) == 0 && renameat(fd, "config.json", fd, "vxe/config.json") == 0 &&
		   symlinkat("vxe/config.json", fd, "config.json") == 0 && vxe_config_load(fd, folder, &config, &err) == 0 &&
		   vxe_config_unchanged(fd, config, &err) == 0,
	   "a link into the folder of the plans");
	ok(renameat(fd, "vxe", fd, "old") == 0 && mkdirat(fd, "vxe", 0700) == 0 &&
		   vxe_file_replace_at(fd, "vxe/config.json", text, strlen(text), 0600, NULL) == 0 &&
		   vxe_config_unchanged(fd, config, &err) < 0 && strstr(err->message, "other plans"),
	   "the other folder in its place is told from it");
	vxe_error_free(&err);
	ok(unlinkat(fd, "vxe/config.json", 0) == 0 && vxe_config_unchanged(fd, config, &err) < 0 && err->errnum == ENOENT,
	   "one that is gone is too");
	unlinkat(fd, "vxe", AT_REMOVEDIR);
	unlinkat(fd, "old/config.json", 0);
	unlinkat(fd, "old", AT_REMOVEDIR);
	vxe_config_free(&config);
	vxe_error_free(&err);
	unlinkat(fd, "config.json", 0);
	close(fd);
	rmdir(folder);
}

int main(void)
{
	test_rows();
	test_hint();
	test_full();
	test_compiled_filter();
	test_devices();
	test_process();
	test_bundle();
	return tap_done();
}
