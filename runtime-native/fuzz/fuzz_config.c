/* config.json, and its process object alone: what is accepted keeps what config.h promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good)
{
	if (!good)
		abort();
}

static void check_strings(const struct vxe_strings *strings)
{
	need(strings->items || strings->count == 0);
	if (!strings->items)
		return;
	for (size_t i = 0; i < strings->count; i++)
		need(strings->items[i] != NULL);
	need(!strings->items[strings->count]);
}

static void check_process(const struct vxe_process *process, bool host)
{
	const struct vxe_landlock *landlock = &process->landlock;

	if (!process->present)
		return;
	need(process->args.items && process->env.items);
	check_strings(&process->args);
	check_strings(&process->env);
	need(host || (process->args.count > 0 && process->args.items[0][0] && process->cwd));
	need(!process->cwd || process->cwd[0] == '/');
	for (size_t i = 0; i < landlock->n_path_rules; i++) {
		need((landlock->path_rules[i].access & ~landlock->handled_fs) == 0 && landlock->path_rules[i].access != 0);
		check_strings(&landlock->path_rules[i].paths);
		for (size_t j = 0; j < landlock->path_rules[i].paths.count; j++)
			need(landlock->path_rules[i].paths.items[j][0] == '/');
	}
	for (size_t i = 0; i < landlock->n_port_rules; i++)
		need((landlock->port_rules[i].access & ~landlock->handled_net) == 0 && landlock->port_rules[i].count > 0);
}

static void check_config(const struct vxe_config *config)
{
	const char *root = vxe_config_annotation(config, "org.vxe.root");

	need(config->oci_version && config->bundle && config->bundle[0] == '/' && config->rootfs && config->rootfs[0] == '/');
	for (size_t i = 0; i < config->n_mounts; i++) {
		need(config->mounts[i].destination && config->mounts[i].destination[0] == '/');
		check_strings(&config->mounts[i].options);
	}
	for (size_t i = 0; i < config->n_namespaces; i++)
		need(vxe_config_namespace(config, config->namespaces[i].flag) == &config->namespaces[i]);
	for (size_t i = 0; i < config->n_devices; i++)
		need(config->devices[i].path && config->devices[i].path[0] == '/' && (config->devices[i].mode & ~07777u) == 0);
	for (size_t i = 0; i < config->seccomp.n_rules; i++) {
		need(config->seccomp.rules[i].names.count > 0);
		check_strings(&config->seccomp.rules[i].names);
		for (size_t j = 0; j < config->seccomp.rules[i].n_args; j++)
			need(config->seccomp.rules[i].args[j].index < 6);
	}
	for (size_t i = 0; i < config->annotations.count; i++)
		need(config->annotations.items[i].key[0] && config->annotations.items[i].value);
	for (size_t i = 0; i < config->sysctl.count; i++)
		need(!strchr(config->sysctl.items[i].key, '/') && !strstr(config->sysctl.items[i].key, ".."));
	for (size_t i = 0; i < config->resources.unified.count; i++)
		need(!strchr(config->resources.unified.items[i].key, '/'));
	check_process(&config->process, root && strcmp(root, "host") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vxe_config *config = NULL;
	struct vxe_process *process = NULL;
	struct vxe_resources resources = {0};
	struct vxe_error *err = NULL;
	char *text = malloc(size ? size : 1);

	memcpy(text, data, size);
	if (vxe_config_parse(text, size, "/bundle", &config, &err) == 0) {
		need(!err);
		check_config(config);
	} else {
		need(err && err->message && !config);
	}
	vxe_error_free(&err);
	if (vxe_config_parse_process(text, size, &process, &err) == 0)
		check_process(process, false);
	else
		need(err && !process);
	vxe_error_free(&err);
	/* update --resources */
	need((vxe_config_parse_resources(text, size, &resources, &err) == 0) == !err);
	vxe_resources_free(&resources);
	vxe_config_free(&config);
	vxe_process_free(&process);
	vxe_error_free(&err);
	free(text);
	return 0;
}
