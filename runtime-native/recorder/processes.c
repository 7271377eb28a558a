#include "processes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t place_of(const struct vxe_processes *processes, pid_t pid)
{
	size_t at = ((uint32_t)pid * 2654435761u) & (processes->size - 1);

	while (processes->places[at].pid && processes->places[at].pid != pid)
		at = (at + 1) & (processes->size - 1);
	return at;
}

static int grow(struct vxe_processes *processes)
{
	struct vxe_processes bigger = {.size = processes->size ? processes->size * 2 : 256, .used = processes->used};

	bigger.places = calloc(bigger.size, sizeof(*bigger.places));
	if (!bigger.places)
		return -1;
	for (size_t i = 0; i < processes->size; i++)
		if (processes->places[i].pid)
			bigger.places[place_of(&bigger, processes->places[i].pid)] = processes->places[i];
	free(processes->places);
	*processes = bigger;
	return 0;
}

struct vxe_recorded_process *vxe_process_find(struct vxe_processes *processes, pid_t pid)
{
	struct vxe_recorded_process *found;

	if (!processes->size || pid <= 0)
		return NULL;
	found = &processes->places[place_of(processes, pid)];
	return found->pid ? found : NULL;
}

struct vxe_recorded_process *vxe_process_get(struct vxe_processes *processes, pid_t pid)
{
	struct vxe_recorded_process *found = vxe_process_find(processes, pid);

	if (found || pid <= 0)
		return found;
	if (processes->used * 2 >= processes->size && grow(processes) < 0)
		return NULL;
	found = &processes->places[place_of(processes, pid)];
	found->pid = pid;
	processes->used++;
	return found;
}

static void replace(char **text, const char *with)
{
	char *copy = with ? strdup(with) : NULL;

	free(*text);
	*text = copy;
}

void vxe_process_fork(struct vxe_processes *processes, pid_t parent, pid_t child)
{
	struct vxe_recorded_process *to = vxe_process_get(processes, child), *from = vxe_process_find(processes, parent);

	if (!to || !from || to == from)
		return;
	replace(&to->exe, from->exe);
	replace(&to->file, from->file);
}

void vxe_process_exec(struct vxe_processes *processes, pid_t pid, const char *exe, const char *file)
{
	struct vxe_recorded_process *process = vxe_process_get(processes, pid);

	if (!process)
		return;
	replace(&process->exe, exe);
	replace(&process->file, file);
}

void vxe_processes_free(struct vxe_processes *processes)
{
	for (size_t i = 0; i < processes->size; i++) {
		free(processes->places[i].exe);
		free(processes->places[i].file);
	}
	free(processes->places);
	memset(processes, 0, sizeof(*processes));
}
