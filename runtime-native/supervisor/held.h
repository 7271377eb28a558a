/*
 * The mode of a running instance: what is asked for, in STATE/ID/mode, which the administrator's verb replaces and every supervisor of the
 * instance watches; and what is held, layer by layer, in STATE/ID/held.json, which its first supervisor writes. The state folder is
 * its owner's alone (0700) and in no instance's root: who can write there controls the instance already.
 */
#ifndef VXE_SUPERVISOR_HELD_H
#define VXE_SUPERVISOR_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "filter.h"
#include "json.h"
#include "mode.h"
#include "record.h"

#define VXE_HELD_MODE_FILE "mode"
#define VXE_HELD_FILE "held.json"
#define VXE_HELD_FILTER_FILE "filter"

/* Who tells of refusals by Landlock in production. */
enum vxe_object_records { VXE_OBJECTS_UNRECORDED, VXE_OBJECTS_BY_SUPERVISOR, VXE_OBJECTS_BY_AUDIT };

struct vxe_held {
	enum vxe_mode asked;
	enum vxe_mode calls;   /* by the answers to notifications: changes at once */
	enum vxe_mode objects; /* files, ports, scopes, mounts: Landlock is taken up before the program starts, or not at all */
	enum vxe_object_records records;
	uint64_t refused, performed, lost; /* violations so far */
	int64_t last_ns;		   /* of the last one, CLOCK_REALTIME */
	char last[800];			   /* it in words */
};

/* What is asked for can be had only by a restart. */
bool vxe_held_restart_due(const struct vxe_held *held);

/* As an object of a JSON text. */
void vxe_held_format(const struct vxe_held *held, struct vxe_json_text *text, const char *key);
int vxe_held_write(int state_dir_fd, const struct vxe_held *held, struct vxe_error **err);
int vxe_held_parse(const char *text, size_t size, struct vxe_held *out, struct vxe_error **err);
/* *found: the instance has one. */
int vxe_held_read(int state_dir_fd, struct vxe_held *out, bool *found, struct vxe_error **err);

/* The filter of a profile that was upgraded since the launch (VXE_HELD_FILTER_FILE), in the place of *out; none where there is none, or none that
   is its owner's alone. */
void vxe_held_filter(int state_dir_fd, struct vxe_filter *out);

/* A descriptor that becomes readable when the mode asked for may have changed, as long as state_dir_fd is open; -1 with errno. Blocks SIGIO. */
int vxe_held_watch(int state_dir_fd);
/* Empties it. */
void vxe_held_watch_drain(int watch_fd);

#endif
