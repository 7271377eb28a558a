/* Numbers as text, without reading a format: a recording writes ten of them for each call. */
#ifndef VXE_BASE_DIGITS_H
#define VXE_BASE_DIGITS_H

#include <stddef.h>
#include <stdint.h>

#define VXE_DIGITS 24 /* room for the longest, its NUL included */

/* Both end the text with a NUL and give its length. */
size_t vxe_digits_decimal(uint64_t value, char out[VXE_DIGITS]);
/* With "0x" before it. */
size_t vxe_digits_hex(uint64_t value, char out[VXE_DIGITS]);
/* Exactly so many decimal digits, zeros first; no NUL. What has more loses its first ones. */
void vxe_digits_fixed(uint64_t value, char *out, size_t digits);

#endif
