/* Paths that the recorder looks up: what is remembered for a moment never differs from a fresh look once it is told of a change. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "recorder/walk.h"
#include "tap.h"

static char folder[64];

static const char *in(const char *name)
{
	static char out[4][128];
	static unsigned int next;
	char *at = out[next++ % 4];

	snprintf(at, sizeof(out[0]), "%s/%s", folder, name);
	return at;
}

static void make_file(const char *name)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
}

static bool is(const struct vxe_walk *walk, const char *given, bool missing, const char *path, enum vxe_path_kind kind)
{
	static struct vxe_walked walked;

	if (missing)
		vxe_walk_missing(walk, folder, given, &walked);
	else
		vxe_walk_path(walk, folder, given, true, &walked);
	return same_text(walked.path, in(path)) && walked.kind == kind;
}

static void wait_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void moments(struct vxe_walk *walk)
{
	make_file("a");
	ok(is(walk, "a", false, "a", VXE_KIND_FILE), "a file");
	ok(is(walk, ".//./a", false, "a", VXE_KIND_FILE), "with dots");
	ok(is(walk, "none/b", false, "none/b", VXE_KIND_ABSENT), "what is not there has the name that was given");
	ok(is(walk, "a", true, "a", VXE_KIND_ABSENT), "what the call did not find is absent, also where it is there by now");
	ok(symlink("real", in("link")) == 0 && mkdir(in("real"), 0700) == 0 &&
		   is(walk, "link/x", true, "real/x", VXE_KIND_ABSENT),
	   "below a link it has the folder's own name");

	ok(unlink(in("link")) == 0 && symlink("else", in("link")) == 0 && mkdir(in("else"), 0700) == 0, "the link is replaced");
	vxe_found_forget(walk->found);
	ok(is(walk, "link/x", true, "else/x", VXE_KIND_ABSENT), "which is seen at once when the change is told");
	ok(is(walk, "link", false, "else", VXE_KIND_FOLDER), "the link");
	ok(unlink(in("link")) == 0 && symlink("real", in("link")) == 0, "it is replaced again");
	wait_ms(VXE_FOUND_MS + 10);
	ok(is(walk, "link", false, "real", VXE_KIND_FOLDER), "which is seen after a moment when nobody tells");
	ok(is(walk, "late", true, "late", VXE_KIND_ABSENT) && is(walk, "late/x", true, "late/x", VXE_KIND_ABSENT),
	   "nothing there");
	make_file("late");
	ok(is(walk, "late", false, "late", VXE_KIND_FILE),
	   "what a call has found is looked up, whatever was absent a moment ago");
}

/* Random changes, each told; random looks, by one that remembers and one that does not. */
static void as_without(struct vxe_walk *walk)
{
	static const char *const names[] = {"a",     "b",	   "c",	     "a/x",    "b/x",	     "c/x",
					    "a/x/y", "./b/../a/x", "c//x/y", "x/../a", "b/x/../../c"};
	static struct vxe_walked with, without;
	struct vxe_walk plain = *walk;
	unsigned int seed = 1, found = 0, differ = 0;

	plain.found = NULL;
	for (int i = 0; i < 20000; i++) {
		const char *from = names[rand_r(&seed) % 7], *to = names[rand_r(&seed) % 7];
		const char *look = names[rand_r(&seed) % 11];
		bool follow = rand_r(&seed) % 2, missing = rand_r(&seed) % 2;
		int changed = -1;

		switch (rand_r(&seed) % 40) {
		case 0:
			changed = mkdir(in(from), 0700);
			break;
		case 1:
			changed = rename(in(from), in(to));
			break;
		case 2:
			changed = symlink(to, in(from));
			break;
		case 3:
			changed = remove(in(from));
			break;
		default:
			break;
		}
		if (changed == 0)
			vxe_found_forget(walk->found);
		if (missing) {
			vxe_walk_missing(walk, folder, look, &with);
			vxe_walk_missing(&plain, folder, look, &without);
		} else {
			vxe_walk_path(walk, folder, look, follow, &with);
			vxe_walk_path(&plain, folder, look, follow, &without);
		}
		found += without.kind != VXE_KIND_ABSENT;
		differ += strcmp(with.path, without.path) || with.kind != without.kind || with.known != without.known;
	}
	ok(!differ && found > 1000, "20000 looks between changes: %u differ from looks without memory, %u found something",
	   differ, found);
}

static void *rename_about(void *done)
{
	char one[128], two[128];

	snprintf(one, sizeof(one), "%s/other/one", folder);
	snprintf(two, sizeof(two), "%s/other/two", folder);
	while (!atomic_load((atomic_bool *)done)) {
		rename(one, two);
		rename(two, one);
	}
	return NULL;
}

/* Anywhere on the host: the kernel then wants to be asked again about a path that leads upward. */
static void while_others_rename(struct vxe_walk *walk)
{
	static struct vxe_walked walked;
	struct vxe_walk plain = *walk;
	atomic_bool done = false;
	unsigned int missed = 0;
	pthread_t thread;

	plain.found = NULL;
	if (mkdir(in("sub"), 0700) < 0 || mkdir(in("other"), 0700) < 0)
		return (void)ok(false, "setting up");
	make_file("other/one");
	make_file("file");
	if (pthread_create(&thread, NULL, rename_about, &done) != 0)
		return (void)ok(false, "setting up");
	for (int i = 0; i < 20000; i++) {
		vxe_walk_path(&plain, folder, "sub/../sub/../file", true, &walked);
		missed += walked.kind != VXE_KIND_FILE;
	}
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	ok(!missed, "what is there is found while others rename: %u of 20000 were missed", missed);
}

int main(void)
{
	char command[128];
	struct vxe_error *err = NULL;
	struct vxe_found found;
	struct vxe_walk walk;

	snprintf(folder, sizeof(folder), "/tmp/vxe-walk-XXXXXX");
	vxe_walk_init(&walk);
	if (!mkdtemp(folder) || vxe_walk_root(&walk, getpid(), &err) < 0) {
		ok(false, "setting up");
		return tap_done();
	}
	vxe_found_init(&found);
	walk.found = &found;
	moments(&walk);
	while_others_rename(&walk);
	as_without(&walk);
	vxe_found_free(&found);
	vxe_walk_close(&walk);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	ok(system(command) == 0, "tidied up");
	return tap_done();
}
