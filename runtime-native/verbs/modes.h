/* What an instance's mode means for its launch; docs/architecture.md, "Modes", says what each layer does in soft mode. */
#ifndef VXE_VERBS_MODES_H
#define VXE_VERBS_MODES_H

#include "instance.h"
#include "judge.h"
#include "launch.h"
#include "mode.h"
#include "supervise.h"

/* The mode of this launch (the options', else the bundle's), its judge, who records what Landlock refuses, and the configuration and launch
   changed as that needs. A bundle that cannot be run in that mode is an error. */
int vxe_modes_choose(const struct vxe_instance_options *options, struct vxe_config *config, const char *state_root,
		     struct vxe_launch *launch, struct vxe_supervision *supervision, enum vxe_mode *mode,
		     struct vxe_judge_source *judge, struct vxe_error **err);

/* What is judged by it has to have it, from before the program runs: read once the first process is at work. Else it names rules, and is read when
   there is one to name. */
int vxe_modes_judge(const struct vxe_config *config, const struct vxe_launch *launch, struct vxe_judge_source *judge,
		    struct vxe_error **err);

/* Will it be soft, as far as can be told before anything else is done? */
bool vxe_modes_soft(const struct vxe_instance_options *options, int bundle_fd);

#define VXE_BEYOND_WORDS 256

/* A sentence on what the configuration grants that leads out of a bundle where there is no Landlock. False: nothing. */
bool vxe_modes_beyond(const struct vxe_config *config, char *out, size_t size);

/* A further program in a running instance: under the mode that its first supervisor holds. */
int vxe_modes_join(int state_dir_fd, const struct vxe_config *config, struct vxe_launch *launch,
		   struct vxe_supervision *supervision, struct vxe_judge_source *judge, struct vxe_error **err);

#endif
