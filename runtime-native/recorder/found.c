#include "found.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"

#define PLACES 1024
#define KEY_SIZE (2 * PATH_MAX + 3)

/* The coarse clock, since it is asked at each lookup. */
static int64_t now_ms(void)
{
	return vxe_clock_ns(CLOCK_MONOTONIC_COARSE) / 1000000;
}

void vxe_found_init(struct vxe_found *found)
{
	*found = (struct vxe_found){.places = calloc(PLACES, sizeof(*found->places)), .round = 1};
}

void vxe_found_free(struct vxe_found *found)
{
	for (size_t i = 0; found->places && i < PLACES; i++) {
		free(found->places[i].key);
		free(found->places[i].path);
	}
	free(found->places);
	*found = (struct vxe_found){0};
}

void vxe_found_forget(struct vxe_found *found)
{
	found->round++;
}

/* 0: too long to be kept. */
static size_t key_make(const char *base, const char *given, bool follow, char out[KEY_SIZE])
{
	size_t first = strlen(base) + 1, second = strlen(given) + 1;

	if (first + second + 1 > KEY_SIZE)
		return 0;
	memcpy(out, base, first);
	memcpy(out + first, given, second);
	out[first + second] = (char)follow;
	return first + second + 1;
}

/* Who chooses texts that meet in one place makes lookups slower, and nothing wrong. */
static struct vxe_found_place *place_of(const struct vxe_found *found, const char *key, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)key[i]) * 0x100000001b3ULL;
	return &found->places[(hash ^ hash >> 32) % PLACES];
}

const struct vxe_found_place *vxe_found_get(struct vxe_found *found, const char *base, const char *given, bool follow)
{
	const struct vxe_found_place *place;
	char key[KEY_SIZE];
	size_t size;

	if (!found->places || !(size = key_make(base, given, follow, key)))
		return NULL;
	if (now_ms() >= found->until)
		vxe_found_forget(found);
	place = place_of(found, key, size);
	return place->round == found->round && place->key_size == size && !memcmp(place->key, key, size) ? place : NULL;
}

void vxe_found_put(struct vxe_found *found, const char *base, const char *given, bool follow, const char *path,
		   enum vxe_path_kind kind, enum vxe_path_known known)
{
	struct vxe_found_place *place;
	char key[KEY_SIZE];
	size_t size;
	int64_t now;

	if (!found->places || !(size = key_make(base, given, follow, key)))
		return;
	now = now_ms();
	if (now >= found->until) {
		vxe_found_forget(found);
		found->until = now + VXE_FOUND_MS;
	}
	place = place_of(found, key, size);
	place->round = 0;
	free(place->path);
	place->path = path ? strdup(path) : NULL;
	if (place->key_size != size || memcmp(place->key, key, size)) {
		free(place->key);
		place->key_size = 0;
		place->key = malloc(size);
		if (!place->key)
			return;
		memcpy(place->key, key, size);
		place->key_size = size;
	}
	if (path && !place->path)
		return;
	place->kind = kind;
	place->known = known;
	place->round = found->round;
}
