#include "fold.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

int vxe_fold_init(struct vxe_fold *fold)
{
	memset(fold, 0, sizeof(*fold));
	/* What is recorded must not be able to choose calls that look equal. */
	return getrandom(&fold->secret_a, 8, 0) == 8 && getrandom(&fold->secret_b, 8, 0) == 8 ? 0 : -1;
}

void vxe_fold_free(struct vxe_fold *fold)
{
	free(fold->places);
	memset(fold, 0, sizeof(*fold));
}

struct vxe_fold_hash vxe_fold_begin(const struct vxe_fold *fold)
{
	return (struct vxe_fold_hash){fold->secret_a, fold->secret_b};
}

void vxe_fold_word(const struct vxe_fold *fold, struct vxe_fold_hash *hash, uint64_t word)
{
	hash->a = (hash->a ^ word) * 0x9fb21c651e98df25ULL;
	hash->a ^= hash->a >> 32;
	hash->b = (hash->b + word) * 0xd6e8feb86659fd93ULL;
	hash->b ^= hash->b >> 29;
	hash->a += fold->secret_a;
	hash->b ^= fold->secret_b;
}

void vxe_fold_bytes(const struct vxe_fold *fold, struct vxe_fold_hash *hash, const void *bytes, size_t size)
{
	const char *at = bytes;

	vxe_fold_word(fold, hash, size);
	for (; size; at += 8) {
		uint64_t word = 0;
		size_t part = size < 8 ? size : 8;

		memcpy(&word, at, part);
		vxe_fold_word(fold, hash, word);
		size -= part;
	}
}

static struct vxe_fold_entry *place_of(struct vxe_fold_entry *places, size_t size, const struct vxe_fold_hash *hash)
{
	size_t at = (size_t)hash->a & (size - 1);

	while (places[at].seq && (places[at].hash.a != hash->a || places[at].hash.b != hash->b))
		at = (at + 1) & (size - 1);
	return &places[at];
}

static int grow(struct vxe_fold *fold)
{
	size_t size = fold->size ? fold->size * 2 : 1024;
	struct vxe_fold_entry *places = calloc(size, sizeof(*places));

	if (!places)
		return -1;
	for (size_t i = 0; i < fold->size; i++)
		if (fold->places[i].seq)
			*place_of(places, size, &fold->places[i].hash) = fold->places[i];
	free(fold->places);
	fold->places = places;
	fold->size = size;
	return 0;
}

bool vxe_fold_seen(struct vxe_fold *fold, const struct vxe_fold_hash *hash, uint64_t seq, const struct timespec *when)
{
	struct vxe_fold_entry *entry;

	/* Without memory each call is told. */
	if (fold->used * 2 >= fold->size && grow(fold) < 0)
		return false;
	entry = place_of(fold->places, fold->size, hash);
	if (entry->seq) {
		entry->count++;
		entry->last = *when;
		return true;
	}
	*entry = (struct vxe_fold_entry){.hash = *hash, .seq = seq};
	fold->used++;
	return false;
}
