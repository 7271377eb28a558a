/* Makes one call as it is told and prints what the kernel says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long a[7] = {0};

	for (int i = 0; i < 7 && i + 1 < argc; i++)
		a[i] = (long)strtoul(argv[i + 1], NULL, 0);
	long result = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
	printf("%d\n", result < 0 ? errno : 0);
	return 0;
}
