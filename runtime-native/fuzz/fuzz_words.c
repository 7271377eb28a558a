/* The lists in annotations, and socket addresses of a program's memory, as text for the record. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "json_node.h"
#include "calls.h"
#include "notify.h"
#include "rings.h"
#include "words.h"

/* What is left is UTF-8 that acts nowhere, and as long as it was. */
static void check_plain(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = 'x';
	vxe_text_plain(text, size, '?');
	for (size_t at = 0, length; at < size; at += length) {
		length = vxe_json_utf8_length((const unsigned char *)text + at, (const unsigned char *)text + size);
		if (!length || vxe_text_acts(text + at, length))
			abort();
	}
	if (text[size] != 'x')
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static void check_address(const uint8_t *data, size_t size)
{
	static const int types[] = {-1, SOCK_STREAM, SOCK_DGRAM};
	struct sockaddr_storage storage = {0};
	struct vxe_address address;

	if (size < sizeof(sa_family_t))
		return;
	if (size > sizeof(storage))
		size = sizeof(storage);
	memcpy(&storage, data, size);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		memset(&address, 'x', sizeof(address));
		vxe_address_describe(&storage, size, types[i], &address);
		if (!ends(address.text, sizeof(address.text)) || !ends(address.family, sizeof(address.family)) ||
		    !ends(address.host, sizeof(address.host)) || !ends(address.path, sizeof(address.path)) ||
		    address.port < -1 || address.port > UINT16_MAX)
			abort();
	}
}

/* What was read is in the kernel's tables, and was said in so many words. */
static void check_rings(const char *text)
{
	struct vxe_rings rings;
	struct vxe_error *err = NULL;

	if (vxe_rings_read(&rings, text, &err) < 0) {
		if (!err)
			abort();
		vxe_error_free(&err);
		return;
	}
	if (rings.n_operations > sizeof(rings.operations) || rings.n_registrations > sizeof(rings.registrations))
		abort();
	for (size_t i = 0; i < rings.n_operations; i++)
		if (!strstr(text, vxe_ring_operations[rings.operations[i]]))
			abort();
	for (size_t i = 0; i < rings.n_registrations; i++)
		if (!strstr(text, vxe_ring_registrations[rings.registrations[i]]))
			abort();
}

/* No ring is granted more than the profile gives, whatever is asked for. */
static void check_grant(const uint8_t *data, size_t size)
{
	const unsigned int harmless =
		IORING_SETUP_IOPOLL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | 1U << 7 | 1U << 8 | 1U << 9 | 1U << 16;
	struct io_uring_params asked = {0}, params;
	char refusal[VXE_RING_REFUSAL] = "";
	unsigned int entries = 0, granted;
	int answer;

	if (size)
		memcpy(&entries, data, size < sizeof(entries) ? size : sizeof(entries));
	if (size > sizeof(entries))
		memcpy(&asked, data + sizeof(entries),
		       size - sizeof(entries) < sizeof(asked) ? size - sizeof(entries) : sizeof(asked));
	answer = vxe_rings_grant(&asked, entries, &params, &granted, refusal);
	if (answer) {
		if (answer != EINVAL || !ends(refusal, sizeof(refusal)))
			abort();
		return;
	}
	if (refusal[0] || granted > 4096 || granted > entries || (params.flags & ~harmless) || params.wq_fd ||
	    params.sq_thread_cpu || params.sq_thread_idle ||
	    ((params.flags & IORING_SETUP_CQSIZE) && params.cq_entries > 32768))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *word;
	int answer;

	check_address(data, size);
	check_grant(data, size);
	check_plain(data, size);
	memcpy(text, data, size);
	text[size] = '\0';
	/* The first line is what is looked for, the second where. */
	word = text;
	text = strchr(word, '\n');
	if (text) {
		*text++ = '\0';
		(void)vxe_words_have(text, word);
		(void)vxe_notify_port_listed(text, (unsigned int)strlen(word));
		(void)vxe_own_granted(text, word);
		check_rings(text);
		/* A path without a star is what it names. */
		if (!strchr(word, '*') && (!vxe_own_matches(word, word) || vxe_own_matches(word, text) != !strcmp(word, text)))
			abort();
		answer = vxe_notify_errno(text, word);
		/* 0 would be a permission. */
		if (answer <= 0 || answer > 4095)
			abort();
	}
	free(word);
	return 0;
}
