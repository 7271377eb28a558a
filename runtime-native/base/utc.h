/* gmtime_r(3) reads the host's time zone first, which is a file more to open at each start. */
#ifndef VXE_BASE_UTC_H
#define VXE_BASE_UTC_H

#include <stdint.h>
#include <time.h>

/* Year, month, day, hour, minute and second of seconds since 1970; the other fields are 0. */
void vxe_utc(int64_t seconds, struct tm *tm);

#endif
