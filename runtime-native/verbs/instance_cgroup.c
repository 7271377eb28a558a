/* An instance's cgroup, by either driver. */
#include <sched.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "instance_internal.h"
#include "places.h"
#include "scope.h"

/* Engines expect a cgroup for every container (pause, ps and kill --all rest on it); otherwise only what is asked for needs one. */
static bool cgroup_needed(const struct instance *instance)
{
	const struct vxe_config *config = instance->config;

	return vxe_cgroup_wanted(config) ||
	       (config->resources.n_devices && !instance->options->own_verb && geteuid() == 0 && !vxe_in_user_namespace());
}

/* A profile's limits, started from a shell or a session: the cgroup there cannot be divided, and systemd makes one that can be limited. An
   engine says itself by which driver. */
static int limits_need_scope(const struct instance *instance, bool *need, struct vxe_error **err)
{
	*need = instance->options->own_verb && vxe_cgroup_room(instance->config) == VXE_CGROUP_TAKEN;
	if (!*need || vxe_scope_possible())
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0,
		      "resources: the cgroup that this was started in holds other processes or is not delegated, so that no "
		      "limits can be set "
		      "below it, and there is no systemd to ask for another");
	return vxe_error_hint(err,
			      "start it in a session of the user's systemd (XDG_RUNTIME_DIR), or as a unit with Delegate=yes");
}

int instance_cgroup_name(struct instance *instance, struct vxe_error **err)
{
	const struct vxe_instance_options *options = instance->options;
	cleanup_error struct vxe_error *unavailable = NULL;
	bool need_scope;

	if (options->own_verb && vxe_cgroup_weight_holds(&instance->config->resources, err) < 0)
		return -1;
	if (limits_need_scope(instance, &need_scope, err) < 0)
		return -1;
	if (options->systemd_cgroup || need_scope)
		return vxe_scope_names(instance->config->cgroups_path, options->id, &instance->slice, &instance->scope, err);
	if (!cgroup_needed(instance) && (options->own_verb || options->entry || options->no_cgroup || geteuid() != 0))
		return 0;
	if (options->no_cgroup) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0,
			      "config.json: linux.cgroupsPath, linux.resources and rules on addresses need a cgroup, and the "
			      "cgroup manager "
			      "is disabled");
		return vxe_error_hint(err, "leave --cgroup-manager away, or take them out");
	}
	if (vxe_cgroup_path(instance->config, options->id, &instance->cgroup, &unavailable) == 0)
		return 0;
	if (!cgroup_needed(instance))
		return 0;
	if (err)
		*err = steal_pointer(&unavailable);
	return -1;
}

/* Before there is a process that could make a socket: one that was made elsewhere would stay free of the rules. */
static int sockets_hold(const struct instance *instance, struct vxe_error **err)
{
	return instance->launch.soft ? 0 : vxe_cgroup_sockets(instance->cgroup_fd, &instance->config->sockets, err);
}

/* systemd puts a process into its scope that is there already: the instance's first, before it goes on. */
static int scope_place(struct vxe_launch *launch, void *arg, struct vxe_error **err)
{
	struct instance *instance = arg;
	const struct vxe_resources *resources = &instance->config->resources;
	cleanup_free char *inside = NULL;

	if (vxe_scope_start(instance->slice, instance->scope, launch->init_pid, resources, &inside, err) < 0 ||
	    vxe_cgroup_in_hierarchy(inside, &instance->cgroup, err) < 0)
		return -1;
	instance->state.cgroup = instance->cgroup;
	instance->cgroup_fd = vxe_cgroup_open(instance->cgroup, err);
	if (instance->cgroup_fd < 0 || vxe_cgroup_limit(instance->cgroup_fd, resources, err) < 0)
		return -1;
	/* The other limits the scope was made with. */
	if ((resources->unified.count || resources->block_weight || resources->has_cpu_idle) &&
	    vxe_scope_tell(instance->scope, instance->cgroup_fd, err) < 0)
		return -1;
	if (vxe_cgroup_owner(instance->cgroup_fd, instance->config, err) < 0)
		return -1;
	launch->cgroup_fd = instance->cgroup_fd;
	return sockets_hold(instance, err);
}

int instance_cgroup_make(struct instance *instance, struct vxe_error **err)
{
	cleanup_error struct vxe_error *unavailable = NULL;

	if (instance->scope) {
		instance->launch.place = scope_place;
		instance->launch.place_arg = instance;
		return 0;
	}
	if (!instance->cgroup)
		return 0;
	if (instance->options->own_verb && vxe_cgroup_room(instance->config) == VXE_CGROUP_ALONE &&
	    vxe_cgroup_step_down(err) < 0)
		return -1;
	if (vxe_cgroup_make(instance->cgroup, &instance->config->resources,
			    instance->state.cgroup_anothers && !vxe_config_annotation(instance->config, "org.vxe.version"),
			    !instance->options->own_verb, &instance->cgroup_fd, &unavailable) == 0) {
		instance->launch.cgroup_fd = instance->cgroup_fd;
		return vxe_cgroup_owner(instance->cgroup_fd, instance->config, err) < 0 ? -1 : sockets_hold(instance, err);
	}
	if (cgroup_needed(instance) || !unavailable || vxe_errno_is_shortage(unavailable->errnum)) {
		if (err)
			*err = steal_pointer(&unavailable);
		return -1;
	}
	/* Nobody asked for one, and there is none here. */
	instance->state.cgroup = NULL;
	return 0;
}

int instance_cgroup_remove(const struct vxe_state *state, struct vxe_error **err)
{
	/* Its first process has ended by now. */
	const enum vxe_cgroup_in in = state->init.pid <= 0	 ? VXE_CGROUP_NEVER
				      : state->own_pid_namespace ? VXE_CGROUP_ENDED
								 : VXE_CGROUP_ITS;

	/* Emptied first: systemd would ask its processes to end, and wait. */
	if (state->cgroup &&
	    (state->cgroup_anothers ? vxe_cgroup_leave(state->cgroup, in, err) : vxe_cgroup_remove(state->cgroup, in, err)) < 0)
		return -1;
	return state->scope ? vxe_scope_stop(state->scope, err) : 0;
}
