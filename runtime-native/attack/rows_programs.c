/* Running another program: by path, from memory, through the loader, from where one can write. */
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static char *const empty_environment[] = {NULL};

/* By both entries, the second only if the first is refused. */
static void execute(struct vxe_attack *attack, const char *path, char *const argv[])
{
	attack_executing(attack, "execve", "execute %s", path);
	attack_failed(attack, sys3(SYS_execve, path, argv, empty_environment), "execve", "execute %s", path);
}

static void run_shell(struct vxe_attack *attack)
{
	static const char *const shells[] = {"/bin/sh",	    "/bin/bash",	"/bin/dash",
					     "/usr/bin/sh", "/usr/bin/busybox", "/bin/busybox"};

	for (size_t i = 0; i < COUNT_OF(shells); i++)
		execute(attack, shells[i], (char *const[]){"sh", "-c", "exit 42", NULL});
}

static void run_shell_by_execveat(struct vxe_attack *attack)
{
	static char *const argv[] = {"sh", "-c", "exit 42", NULL};

	attack_executing(attack, "execveat", "execute /bin/sh");
	attack_failed(attack, sys5(SYS_execveat, AT_FDCWD, "/bin/sh", argv, empty_environment, 0), "execveat",
		      "execute /bin/sh");
}

static void run_tool(struct vxe_attack *attack)
{
	static const char *const tools[] = {"/usr/bin/true", "/bin/true",  "/usr/bin/perl", "/usr/bin/python3",
					    "/bin/cp",	     "/bin/cat",   "/usr/bin/curl", "/usr/bin/wget",
					    "/usr/bin/nc",   "/usr/bin/vi"};

	for (size_t i = 0; i < COUNT_OF(tools); i++)
		execute(attack, tools[i], (char *const[]){"tool", "--version", NULL});
}

static void run_itself(struct vxe_attack *attack)
{
	const char *program = attack->world->program;

	if (!program) {
		attack_failed(attack, -ENOENT, "execve", "know the program's path");
		return;
	}
	attack_event(attack, "execve(\"%s\")", program);
	execute(attack, program, (char *const[]){(char *)program, "--version", NULL});
}

static void run_script(struct vxe_attack *attack)
{
	static const char text[] = "#!/bin/sh\nexit 42\n";
	char path[ATTACK_PATH];
	size_t dir = 0;
	long fd;

	while ((fd = attack_code_file(attack, O_WRONLY, 0700, path, &dir)) >= 0) {
		sys3(SYS_write, fd, text, sizeof(text) - 1);
		attack_close(fd);
		long pid = sys_fork();
		if (pid <= 0) {
			execute(attack, path, (char *const[]){"script", NULL});
			if (pid == 0)
				sys_exit(0);
		} else if (attack_wait(pid) == ATTACK_EXIT << 8) {
			attack_event(attack, "execve(\"%s\")", path);
			attack_succeeded(attack, "execve", "the script %s ran", path);
		}
		attack_discard(attack, path);
		if (attack_has_succeeded(attack))
			return;
	}
}

static void write_and_run(struct vxe_attack *attack)
{
	char path[ATTACK_PATH];
	size_t dir = 0;
	long fd;

	while ((fd = attack_code_file(attack, O_WRONLY, 0700, path, &dir)) >= 0) {
		sys3(SYS_write, fd, attack_program, attack_program_size);
		attack_close(fd);
		long pid = sys_fork();
		if (pid <= 0) {
			execute(attack, path, (char *const[]){"own", NULL});
			if (pid == 0)
				sys_exit(0);
		} else if (attack_wait(pid) == ATTACK_EXIT << 8) {
			attack_event(attack, "execve(\"%s\")", path);
			attack_succeeded(attack, "execve", "the program %s ran", path);
		}
		attack_discard(attack, path);
	}
}

static long program_in_memory(struct vxe_attack *attack)
{
	long fd = sys2(SYS_memfd_create, "vxe-attack", 0);

	if (fd < 0) {
		attack_failed(attack, fd, "memfd_create", "make a file in memory");
		/* MFD_EXEC, which newer kernels may demand. */
		fd = sys2(SYS_memfd_create, "vxe-attack", 0x10);
	}
	if (fd < 0)
		return -1;
	sys3(SYS_write, fd, attack_program, attack_program_size);
	return fd;
}

static void run_memory(struct vxe_attack *attack)
{
	long fd = program_in_memory(attack);

	if (fd < 0)
		return;
	attack_executing(attack, "execveat", "execute a file in memory by its descriptor");
	attack_failed(attack, sys5(SYS_execveat, fd, "", ((char *const[]){"memory", NULL}), empty_environment, AT_EMPTY_PATH),
		      "execveat", "execute a file in memory by its descriptor");
}

static void run_memory_by_name(struct vxe_attack *attack)
{
	char path[64];
	long fd = program_in_memory(attack);

	if (fd < 0)
		return;
	attack_format(path, sizeof(path), "/proc/self/fd/%ld", fd);
	execute(attack, path, (char *const[]){"memory", NULL});
	attack_format(path, sizeof(path), "/dev/fd/%ld", fd);
	execute(attack, path, (char *const[]){"memory", NULL});
}

static void run_by_loader(struct vxe_attack *attack)
{
	static const char *const loaders[] = {"/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
					      "/lib/ld-linux.so.2", "/lib/ld-musl-x86_64.so.1"};
	const char *program = attack->world->program ? attack->world->program : "/bin/true";

	for (size_t i = 0; i < COUNT_OF(loaders); i++)
		execute(attack, loaders[i], (char *const[]){"ld.so", "--verify", (char *)program, NULL});
}

static void run_setuid(struct vxe_attack *attack)
{
	static const char *const programs[] = {"/bin/su",	 "/usr/bin/su",	  "/usr/bin/sudo",   "/usr/bin/passwd",
					       "/usr/bin/mount", "/usr/bin/chsh", "/usr/bin/newgrp", "/bin/ping"};

	for (size_t i = 0; i < COUNT_OF(programs); i++)
		execute(attack, programs[i], (char *const[]){(char *)programs[i], "--version", NULL});
}

static void make_setuid(struct vxe_attack *attack)
{
	char path[ATTACK_PATH];
	size_t dir = 0;
	long fd;

	while ((fd = attack_code_file(attack, O_WRONLY, 0755, path, &dir)) >= 0) {
		sys3(SYS_write, fd, attack_setuid_program, attack_setuid_program_size);
		attack_close(fd);
		long ret = sys2(SYS_chmod, path, 04755);
		if (ret < 0)
			ret = sys3(SYS_fchmodat, AT_FDCWD, path, 04755);
		if (ret < 0)
			attack_failed(attack, ret, "chmod", "make %s setuid", path);
		long pid = ret < 0 ? -1 : sys_fork();
		if (pid == 0) {
			/* Somebody else, who would become root by it. */
			sys3(SYS_setresuid, 65534, 65534, 65534);
			execute(attack, path, (char *const[]){"setuid", NULL});
			sys_exit(0);
		} else if (pid > 0 && attack_wait(pid) == ATTACK_EXIT << 8) {
			attack_event(attack, "chmod(\"%s\", 04755)", path);
			attack_event(attack, "execve(\"%s\")", path);
			attack_succeeded(attack, "execve", "the setuid program %s gave root", path);
		}
		attack_discard(attack, path);
	}
}

static void use_library(struct vxe_attack *attack)
{
	long ret = sys1(SYS_uselib, "/lib/x86_64-linux-gnu/libc.so.6");

	if (ret < 0)
		attack_failed(attack, ret, "uselib", "load a library by the old call");
	else
		attack_succeeded(attack, "uselib", "a library was loaded");
}

static const struct vxe_attack_row rows[] = {
	{"exec-shell", "programs", "Runs a shell by its path.", "/bin/sh runs.", "execve(\"/bin/sh\")", VXE_NO_CAPABILITY,
	 run_shell},
	{"exec-shell-at", "programs", "Runs a shell by execveat.", "/bin/sh runs.", "execveat(\"/bin/sh\")", VXE_NO_CAPABILITY,
	 run_shell_by_execveat},
	{"exec-tool", "programs", "Runs a copy tool, an interpreter or a download tool.", "One of them runs.",
	 "execve(\"/usr/bin/true\")", VXE_NO_CAPABILITY, run_tool},
	{"exec-itself", "programs", "Starts the confined program once more.", "The program starts.", NULL, VXE_NO_CAPABILITY,
	 run_itself},
	{"exec-script", "programs", "Writes a script wherever it can and runs it.", "The script runs.", NULL, VXE_NO_CAPABILITY,
	 run_script},
	{"exec-written", "programs", "Writes a program into every folder that takes it and runs it.", "The program runs.", NULL,
	 VXE_NO_CAPABILITY, write_and_run},
	{"exec-memfd", "programs", "Runs a program from a file in memory by its descriptor.", "The program runs.",
	 "memfd_create()", VXE_NO_CAPABILITY, run_memory},
	{"exec-memfd-name", "programs", "Runs a program from a file in memory by its name below /proc/self/fd.",
	 "The program runs.", "memfd_create()", VXE_NO_CAPABILITY, run_memory_by_name},
	{"exec-loader", "programs", "Runs a program through the dynamic loader, which asks nobody for execute permission.",
	 "The loader runs.", "execve(\"/lib64/ld-linux-x86-64.so.2\")", VXE_NO_CAPABILITY, run_by_loader},
	{"exec-setuid", "programs", "Runs a setuid program of the system.", "One of them runs.", "execve(\"/usr/bin/su\")",
	 VXE_NO_CAPABILITY, run_setuid},
	{"exec-setuid-made", "programs", "Makes a setuid program and becomes root by it.", "Another user becomes root by it.",
	 NULL, VXE_NO_CAPABILITY, make_setuid},
	{"uselib", "programs", "Loads a library by the old call.", "The library is loaded.",
	 "uselib(\"/lib/x86_64-linux-gnu/libc.so.6\")", VXE_NO_CAPABILITY, use_library},
};

const struct vxe_attack_group vxe_attack_programs = {rows, COUNT_OF(rows)};
