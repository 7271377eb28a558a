/* Which calls look the same to rules: the notify recorder's side of what bpf/record.bpf.c does in the kernel. */
#ifndef VXE_RECORDER_FOLD_H
#define VXE_RECORDER_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct vxe_fold_hash {
	uint64_t a, b;
};

struct vxe_fold_entry {
	struct vxe_fold_hash hash;
	uint64_t seq; /* 0: a free place */
	uint64_t count;
	struct timespec last;
};

struct vxe_fold {
	struct vxe_fold_entry *places;
	size_t size, used; /* size is a power of two */
	uint64_t secret_a, secret_b;
};

int vxe_fold_init(struct vxe_fold *fold);
void vxe_fold_free(struct vxe_fold *fold);

struct vxe_fold_hash vxe_fold_begin(const struct vxe_fold *fold);
void vxe_fold_word(const struct vxe_fold *fold, struct vxe_fold_hash *hash, uint64_t word);
void vxe_fold_bytes(const struct vxe_fold *fold, struct vxe_fold_hash *hash, const void *bytes, size_t size);

/* True: one like it was told, and this one is counted. False: it is to be told, under this number. */
bool vxe_fold_seen(struct vxe_fold *fold, const struct vxe_fold_hash *hash, uint64_t seq, const struct timespec *when);

#endif
