#include "names.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "tap.h"

/* glibc knows the same names, in an order of its own. */
static bool same(const char *ours, const char *libs)
{
	return ours && libs ? !strcmp(ours, libs) : ours == libs;
}

int main(void)
{
	int differ = 0, named = 0;

	for (int errnum = 1; errnum < 200; errnum++) {
		differ += !same(vxe_errno_name(errnum), strerrorname_np(errnum));
		named += vxe_errno_name(errnum) != NULL;
	}
	ok(differ == 0 && named > 130, "errors have glibc's names");
	ok(!vxe_errno_name(0) && !vxe_errno_name(-1) && !vxe_errno_name(INT32_MAX), "no error, no name");
	ok(!strcmp(vxe_errno_name(EOPNOTSUPP), "EOPNOTSUPP") && !strcmp(vxe_errno_name(EAGAIN), "EAGAIN"),
	   "of two names of one number the usual one");
	differ = 0;
	for (int sig = 1; sig < 70; sig++)
		differ += !same(vxe_signal_name(sig), sigabbrev_np(sig));
	ok(differ == 0 && !strcmp(vxe_signal_name(SIGTERM), "TERM"), "signals have glibc's names");
	ok(!vxe_signal_name(0) && !vxe_signal_name(-1) && !vxe_signal_name(64), "no signal, no name");
	return tap_done();
}
