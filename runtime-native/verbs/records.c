#include "records.h"

#include "kernel.h"
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "landlock.h"
#include "mode.h"

#define RINGS "org.vxe.rings"

static const char *const wish_names[] = {
	[VXE_RECORDS_AUTO] = "auto", [VXE_RECORDS_ALWAYS] = "always", [VXE_RECORDS_NEVER] = "never"};

int vxe_records_parse(const char *word, enum vxe_records_wish *out)
{
	int found = vxe_word_find(word, wish_names, sizeof(wish_names) / sizeof(*wish_names));

	if (found >= 0)
		*out = (enum vxe_records_wish)found;
	return found < 0 ? -1 : 0;
}

int vxe_records_option(bool record, const char *word, enum vxe_records_wish *out)
{
	*out = record ? VXE_RECORDS_ALWAYS : VXE_RECORDS_NEVER;
	return record && word ? vxe_records_parse(word, out) : 0;
}

int vxe_records_read(int bundle_fd, enum vxe_records_wish *out, struct vxe_error **err)
{
	static const char again[] = "say it again: vxe mode --record-files=auto|always|never NAME";
	char word[VXE_WORD_SIZE];
	bool found;

	*out = VXE_RECORDS_AUTO;
	if (vxe_word_read(bundle_fd, VXE_RECORDS_FILE, again, word, &found, err) < 0)
		return -1;
	if (!found || vxe_records_parse(word, out) == 0)
		return 0;
	/* By which earlier ones said it. */
	if (!*word) {
		*out = VXE_RECORDS_ALWAYS;
		return 0;
	}
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s says \"%s\", which is none of auto, always and never", VXE_RECORDS_FILE,
		      word);
	return vxe_error_hint(err, again);
}

int vxe_records_write(int bundle_fd, enum vxe_records_wish wish, struct vxe_error **err)
{
	return vxe_word_write(bundle_fd, VXE_RECORDS_FILE, wish_names[wish], err);
}

/* Rings would be gone with a filter that raises what names files; and what the cgroup refuses is not in the audit stream. */
enum vxe_object_records vxe_records_choose(enum vxe_records_wish wish, const struct vxe_config *config,
					   struct vxe_audit_source *audit)
{
	const struct vxe_landlock *landlock = &config->process.landlock;
	bool raises = wish == VXE_RECORDS_ALWAYS || (wish == VXE_RECORDS_AUTO && !vxe_config_annotation(config, RINGS));
	bool told = !landlock->has_flags || (landlock->flags & LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON);

	if (wish == VXE_RECORDS_ALWAYS || (raises && !vxe_socket_rules_empty(&config->sockets)))
		return VXE_OBJECTS_BY_SUPERVISOR;
	if (told)
		vxe_audit_source_open(audit);
	if (audit->fd >= 0)
		return VXE_OBJECTS_BY_AUDIT;
	return raises ? VXE_OBJECTS_BY_SUPERVISOR : VXE_OBJECTS_UNRECORDED;
}

static const char *annotation(const struct vxe_pairs *annotations, const char *key)
{
	for (size_t i = 0; i < annotations->count; i++)
		if (!strcmp(annotations->items[i].key, key))
			return annotations->items[i].value;
	return NULL;
}

static bool audit_is_off(void)
{
	struct vxe_audit_source audit = {.fd = -1};

	vxe_audit_source_open(&audit);
	if (audit.fd < 0)
		return true;
	vxe_audit_source_close(&audit);
	return false;
}

void vxe_records_words(const char *name, enum vxe_object_records records, bool running, const struct vxe_pairs *annotations,
		       char *out, size_t size)
{
	const char *by = "not recorded", *why = "", *hint = NULL;
	char more[160] = "";

	if (records == VXE_OBJECTS_BY_SUPERVISOR) {
		by = "recorded by the supervisor";
	} else if (records == VXE_OBJECTS_BY_AUDIT && running && audit_is_off()) {
		why = ", since the kernel's audit stream has been turned off; the next start looks for another way";
	} else if (records == VXE_OBJECTS_BY_AUDIT) {
		by = "recorded from the kernel's audit stream";
		why = annotation(annotations, "org.vxe.addresses") || annotation(annotations, "org.vxe.unix")
			      ? ", but for addresses that the cgroup refuses"
			      : "";
	} else if (annotation(annotations, RINGS)) {
		why = ", since the profile permits io_uring, which would be lost by it";
		hint = "always";
	} else {
		why = ", as asked";
		hint = "auto";
	}
	if (hint)
		snprintf(more, sizeof(more), "; from the next start on they are after: vxe mode --record-files=%s %s", hint,
			 name);
	snprintf(out, size, "refused files, ports and addresses are %s%s%s", by, why, more);
}
