#include "part.h"

int vxe_part_fail(const struct vxe_part *part, const char *wrong, struct vxe_error **err)
{
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s: %s", part->what, wrong);
	return vxe_error_hint(err, "create the bundle again with --replace");
}

static int version_check(const struct vxe_part *part, struct json_object *root, struct vxe_error **err)
{
	uint64_t version = 0;

	if (!vxe_json_is_object(root))
		return vxe_part_fail(part, "the root must be an object", err);
	if (vxe_json_get_uint(root, "", part->key, UINT64_MAX, &version, err) < 0)
		return -1;
	return version == part->version ? 0 : vxe_part_fail(part, "a version that this VXE does not know", err);
}

int vxe_part_parse(const struct vxe_part *part, const char *text, size_t size, void *out, struct vxe_error **err)
{
	struct json_object *root = NULL;
	int status = vxe_json_parse(text, size, &root, err);

	if (status == 0)
		status = version_check(part, root, err);
	if (status == 0)
		status = part->take(root, out, err);
	vxe_json_put(&root);
	return status;
}
