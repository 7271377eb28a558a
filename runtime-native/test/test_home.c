/* The home folder by a passwd file, which is a container's and may be anything. */
#include <stdlib.h>
#include <string.h>

#include "home.h"
#include "tap.h"

static bool home_is(const char *text, uid_t uid, const char *wanted)
{
	char *home = vxe_home_in(text, strlen(text), uid);
	bool same = home && wanted ? !strcmp(home, wanted) : !home && !wanted;

	free(home);
	return same;
}

int main(void)
{
	static const char file[] = "root:x:0:0:root:/root:/bin/sh\n"
				   "# words\n"
				   "\n"
				   "a:x:10:10::/home/a:/bin/sh\n"
				   "b:x:10:10::/home/b:/bin/sh\n"
				   "c:x:11:11::relative:/bin/sh\n"
				   "d:x:12\n"
				   "e:x: 13:13::/home/e\n"
				   "f:x:4294967310:14::/home/f\n"
				   "g:x:15:15::/home/g";
	char *home;

	ok(home_is(file, 0, "/root"), "the line of the user");
	ok(home_is(file, 10, "/home/a"), "the first of two lines counts");
	ok(home_is(file, 11, NULL), "what is no path is none");
	ok(home_is(file, 12, NULL), "nor is a field that is not there");
	ok(home_is(file, 13, NULL), "a number with a blank is none");
	ok(home_is(file, 14, NULL), "nor is one beyond 32 bits");
	ok(home_is(file, 15, "/home/g"), "a last line without its end and without a shell");
	ok(home_is("", 0, NULL), "an empty file");
	ok(!vxe_home_in("r:x:0:0::/a\0b:", 14, 0), "a path with a zero in it is none");
	home = vxe_home_find(4000000000U);
	ok(home && !strcmp(home, "/"), "who is not in the file is at the root");
	free(home);
	return tap_done();
}
