/*
 * The names are the same everywhere, the numbers are the architecture's. glibc has functions for them, other C libraries do not. Arrays
 * of characters and not of pointers, which would have to be relocated at each start.
 */
#include "names.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#define NAME_SIZE 16

#define NAMED(name) [name] = #name
static const char errno_names[][NAME_SIZE] = {NAMED(EPERM),
					      NAMED(ENOENT),
					      NAMED(ESRCH),
					      NAMED(EINTR),
					      NAMED(EIO),
					      NAMED(ENXIO),
					      NAMED(E2BIG),
					      NAMED(ENOEXEC),
					      NAMED(EBADF),
					      NAMED(ECHILD),
					      NAMED(EAGAIN),
					      NAMED(ENOMEM),
					      NAMED(EACCES),
					      NAMED(EFAULT),
					      NAMED(ENOTBLK),
					      NAMED(EBUSY),
					      NAMED(EEXIST),
					      NAMED(EXDEV),
					      NAMED(ENODEV),
					      NAMED(ENOTDIR),
					      NAMED(EISDIR),
					      NAMED(EINVAL),
					      NAMED(ENFILE),
					      NAMED(EMFILE),
					      NAMED(ENOTTY),
					      NAMED(ETXTBSY),
					      NAMED(EFBIG),
					      NAMED(ENOSPC),
					      NAMED(ESPIPE),
					      NAMED(EROFS),
					      NAMED(EMLINK),
					      NAMED(EPIPE),
					      NAMED(EDOM),
					      NAMED(ERANGE),
					      NAMED(EDEADLK),
					      NAMED(ENAMETOOLONG),
					      NAMED(ENOLCK),
					      NAMED(ENOSYS),
					      NAMED(ENOTEMPTY),
					      NAMED(ELOOP),
					      NAMED(ENOMSG),
					      NAMED(EIDRM),
					      NAMED(ECHRNG),
					      NAMED(EL2NSYNC),
					      NAMED(EL3HLT),
					      NAMED(EL3RST),
					      NAMED(ELNRNG),
					      NAMED(EUNATCH),
					      NAMED(ENOCSI),
					      NAMED(EL2HLT),
					      NAMED(EBADE),
					      NAMED(EBADR),
					      NAMED(EXFULL),
					      NAMED(ENOANO),
					      NAMED(EBADRQC),
					      NAMED(EBADSLT),
					      NAMED(EBFONT),
					      NAMED(ENOSTR),
					      NAMED(ENODATA),
					      NAMED(ETIME),
					      NAMED(ENOSR),
					      NAMED(ENONET),
					      NAMED(ENOPKG),
					      NAMED(EREMOTE),
					      NAMED(ENOLINK),
					      NAMED(EADV),
					      NAMED(ESRMNT),
					      NAMED(ECOMM),
					      NAMED(EPROTO),
					      NAMED(EMULTIHOP),
					      NAMED(EDOTDOT),
					      NAMED(EBADMSG),
					      NAMED(EOVERFLOW),
					      NAMED(ENOTUNIQ),
					      NAMED(EBADFD),
					      NAMED(EREMCHG),
					      NAMED(ELIBACC),
					      NAMED(ELIBBAD),
					      NAMED(ELIBSCN),
					      NAMED(ELIBMAX),
					      NAMED(ELIBEXEC),
					      NAMED(EILSEQ),
					      NAMED(ERESTART),
					      NAMED(ESTRPIPE),
					      NAMED(EUSERS),
					      NAMED(ENOTSOCK),
					      NAMED(EDESTADDRREQ),
					      NAMED(EMSGSIZE),
					      NAMED(EPROTOTYPE),
					      NAMED(ENOPROTOOPT),
					      NAMED(EPROTONOSUPPORT),
					      NAMED(ESOCKTNOSUPPORT),
					      NAMED(EOPNOTSUPP),
					      NAMED(EPFNOSUPPORT),
					      NAMED(EAFNOSUPPORT),
					      NAMED(EADDRINUSE),
					      NAMED(EADDRNOTAVAIL),
					      NAMED(ENETDOWN),
					      NAMED(ENETUNREACH),
					      NAMED(ENETRESET),
					      NAMED(ECONNABORTED),
					      NAMED(ECONNRESET),
					      NAMED(ENOBUFS),
					      NAMED(EISCONN),
					      NAMED(ENOTCONN),
					      NAMED(ESHUTDOWN),
					      NAMED(ETOOMANYREFS),
					      NAMED(ETIMEDOUT),
					      NAMED(ECONNREFUSED),
					      NAMED(EHOSTDOWN),
					      NAMED(EHOSTUNREACH),
					      NAMED(EALREADY),
					      NAMED(EINPROGRESS),
					      NAMED(ESTALE),
					      NAMED(EUCLEAN),
					      NAMED(ENOTNAM),
					      NAMED(ENAVAIL),
					      NAMED(EISNAM),
					      NAMED(EREMOTEIO),
					      NAMED(EDQUOT),
					      NAMED(ENOMEDIUM),
					      NAMED(EMEDIUMTYPE),
					      NAMED(ECANCELED),
					      NAMED(ENOKEY),
					      NAMED(EKEYEXPIRED),
					      NAMED(EKEYREVOKED),
					      NAMED(EKEYREJECTED),
					      NAMED(EOWNERDEAD),
					      NAMED(ENOTRECOVERABLE),
					      NAMED(ERFKILL),
					      NAMED(EHWPOISON)};
#undef NAMED

#define NAMED(name) [SIG##name] = #name
static const char signal_names[][NAME_SIZE] = {
	NAMED(HUP),  NAMED(INT),    NAMED(QUIT), NAMED(ILL),   NAMED(TRAP), NAMED(ABRT), NAMED(BUS),  NAMED(FPE),
	NAMED(KILL), NAMED(USR1),   NAMED(SEGV), NAMED(USR2),  NAMED(PIPE), NAMED(ALRM), NAMED(TERM), NAMED(STKFLT),
	NAMED(CHLD), NAMED(CONT),   NAMED(STOP), NAMED(TSTP),  NAMED(TTIN), NAMED(TTOU), NAMED(URG),  NAMED(XCPU),
	NAMED(XFSZ), NAMED(VTALRM), NAMED(PROF), NAMED(WINCH), NAMED(POLL), NAMED(PWR),	 NAMED(SYS)};
#undef NAMED

static const char *name_at(const char (*names)[NAME_SIZE], size_t count, int number)
{
	return number > 0 && (size_t)number < count && names[number][0] ? names[number] : NULL;
}

const char *vxe_errno_name(int errnum)
{
	return name_at(errno_names, sizeof(errno_names) / sizeof(*errno_names), errnum);
}

const char *vxe_signal_name(int sig)
{
	return name_at(signal_names, sizeof(signal_names) / sizeof(*signal_names), sig);
}
