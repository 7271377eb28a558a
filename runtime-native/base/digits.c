#include "digits.h"

void vxe_digits_fixed(uint64_t value, char *out, size_t digits)
{
	for (; digits; value /= 10)
		out[--digits] = (char)('0' + value % 10);
}

size_t vxe_digits_decimal(uint64_t value, char out[VXE_DIGITS])
{
	size_t length = 1;

	for (uint64_t rest = value; rest >= 10; rest /= 10)
		length++;
	vxe_digits_fixed(value, out, length);
	out[length] = '\0';
	return length;
}

size_t vxe_digits_hex(uint64_t value, char out[VXE_DIGITS])
{
	size_t length = 3;

	for (uint64_t rest = value; rest >= 16; rest /= 16)
		length++;
	out[0] = '0';
	out[1] = 'x';
	out[length] = '\0';
	for (size_t at = length; at > 2; value /= 16)
		out[--at] = "0123456789abcdef"[value % 16];
	return length;
}
