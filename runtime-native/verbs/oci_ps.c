/* ps: the processes of a container, as the kernel or ps(1) describes them. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "manage.h"
#include "oci.h"
#include "words.h"

static void process_print(pid_t pid)
{
	char path[64], line[256], name[64] = "?";
	unsigned int uid = 0, parent = 0;
	cleanup_file FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	/* It may have ended since. */
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Name:\t%63[^\n]", name) == 1 || sscanf(line, "PPid:\t%u", &parent) == 1)
			continue;
		if (sscanf(line, "Uid:\t%u", &uid) == 1)
			break;
	}
	/* A process names itself. */
	vxe_text_plain(name, strlen(name), '?');
	printf("%-10u %-8d %-8u %s\n", uid, pid, parent, name);
}

static bool listed(const pid_t *pids, size_t count, long pid)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Which of the columns, parted by blanks, has the heading PID; -1: none. */
static int pid_column(const char *heading)
{
	static const char blanks[] = " \t\n";
	int column = 0;

	for (const char *at = heading + strspn(heading, blanks); *at; column++) {
		size_t length = strcspn(at, blanks);

		if (length == 3 && !strncmp(at, "PID", 3))
			return column;
		at += length;
		at += strspn(at, blanks);
	}
	return -1;
}

static long number_at(const char *line, int column)
{
	static const char blanks[] = " \t\n";
	const char *at = line + strspn(line, blanks);

	for (; column > 0; column--) {
		at += strcspn(at, blanks);
		at += strspn(at, blanks);
	}
	return strtol(at, NULL, 10);
}

/* Its heading, and of its lines those of the container. Reads to the end, so that it does not die of a closed pipe. */
static int table_pass(FILE *table, const pid_t *pids, size_t count)
{
	cleanup_free char *line = NULL;
	size_t size = 0;
	int column = -1;

	if (getline(&line, &size, table) > 0 && (column = pid_column(line)) >= 0)
		fputs(line, stdout);
	while (getline(&line, &size, table) > 0)
		if (column >= 0 && listed(pids, count, number_at(line, column)))
			fputs(line, stdout);
	return column;
}

/* ps(1) of the host is asked for all that its options say, with the caller's rights and words. */
static int program_table(char *const *words, const pid_t *pids, size_t count, struct vxe_error **err)
{
	cleanup_file FILE *table = NULL;
	int pipes[2], status, column;
	pid_t pid;

	fflush(stdout);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "running ps");
	pid = fork();
	if (pid == 0) {
		if (dup2(pipes[1], 1) == 1)
			execvp("ps", words);
		_exit(127);
	}
	close(pipes[1]);
	table = fdopen(pipes[0], "r");
	if (!table)
		close(pipes[0]);
	if (pid < 0 || !table)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "running ps");
	column = table_pass(table, pids, count);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "there is no program ps here; leave its options away");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "ps failed with these options");
	return column < 0 ? vxe_error_set(err, VXE_EXIT_FAILURE, 0, "with these options ps has no column PID to choose by") : 0;
}

int vxe_oci_ps(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	static const struct option options[] = {
		{"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
	cleanup_free pid_t *pids = NULL;
	bool json = globals->json;
	size_t count = 0;
	int option;

	while ((option = getopt_long(argc, argv, "+f:h", options, NULL)) >= 0) {
		if (option == 'h')
			return vxe_oci_help("ps");
		if (option != 'f')
			return vxe_oci_misuse("ps", NULL, err);
		if (vxe_oci_format("ps", optarg, &json, err) < 0)
			return -1;
	}
	if (optind >= argc)
		return vxe_oci_misuse("ps", "wants a container id", err);
	if (json && optind + 1 < argc)
		return vxe_oci_misuse("ps", "has no place for options of ps(1) in JSON", err);
	if (vxe_instance_processes(globals->root, argv[optind], &pids, &count, err) < 0)
		return -1;
	if (optind + 1 < argc) {
		/* In the id's place stands the program's name from here on. */
		argv[optind] = (char *)"ps";
		return program_table(argv + optind, pids, count, err);
	}
	if (!json)
		printf("%-10s %-8s %-8s %s\n", "UID", "PID", "PPID", "CMD");
	for (size_t i = 0; i < count; i++) {
		if (json)
			printf("%s%d", i ? "," : "[", pids[i]);
		else
			process_print(pids[i]);
	}
	if (json)
		puts(count ? "]" : "[]");
	return 0;
}
