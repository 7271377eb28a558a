/* What several rows need: folders that can be written to, small programs, sockets, other processes. */
#ifndef VXE_ATTACK_TOOLS_H
#define VXE_ATTACK_TOOLS_H

#include "battery.h"

#include <stdint.h>
#include <sys/stat.h>

#define ATTACK_EXIT 42 /* what the battery's own little program exits with */
#define ATTACK_PATH 256
#define COUNT_OF(a) (sizeof(a) / sizeof(*(a)))

/* A complete static program that exits with ATTACK_EXIT: the smallest thing an intruder brings along. */
extern const unsigned char attack_program[];
extern const size_t attack_program_size;
/* The same; exits with ATTACK_EXIT if its effective user is 0, else with 1. */
extern const unsigned char attack_setuid_program[];
extern const size_t attack_setuid_program_size;

/* open for reading/writing/making by the entry that works: openat, then open, then creat. */
long attack_open(const char *path, int flags, int mode);

/* fstat by whichever call the filter permits. */
long attack_status(long fd, struct stat *status);

/* -EBADF: there is no such descriptor; by whichever call the filter permits. */
long attack_descriptor(long fd);
void attack_close(long fd);
/*
 * A new file in the next folder that takes one, from *dir on; -1 after telling why when there is none any more. path gets
 * its name. attack_code_file gives at the end also a file that is there already and belongs to the program's user, for
 * an intruder who may write and not create: dir is then past the last folder.
 */
long attack_new_file(struct vxe_attack *attack, int flags, int mode, char path[ATTACK_PATH], size_t *dir);
long attack_code_file(struct vxe_attack *attack, int flags, int mode, char path[ATTACK_PATH], size_t *dir);
/* Removes what attack_code_file made; what was there stays. */
void attack_discard(const struct vxe_attack *attack, const char *path);
void attack_unlink(const char *path);
/* A folder in which nothing was made yet: the first writable one; NULL after telling why there is none. */
const char *attack_writable_dir(struct vxe_attack *attack);

/* A rest of about so long by whatever call the profile lets one rest with; by the processor alone if there is none. */
void attack_rest(long microseconds);
void attack_sleep_ms(long ms);
/* CLOCK_MONOTONIC, answered in user space. */
int64_t attack_now_ns(void);
/* Waits for counter to exceed before, at most ms. */
bool attack_wait_counter(_Atomic uint32_t *counter, uint32_t before, long ms);

/* Every process that can be seen and is neither this one nor one of the battery's: the outside's raw number first, then
   pid 1 and its like. Returns how many. */
size_t attack_outside_pids(struct vxe_attack *attack, long pids[], size_t max);
/* pid 1 where that is not the program itself; 0 and an absence told otherwise. */
long attack_init_pid(struct vxe_attack *attack);

/* Ends a child and takes its status; returns wait's status or -1. */
int attack_wait(long pid);
bool attack_has_capability(int capability);
bool attack_equal(const char *a, const char *b);
void attack_format(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
