/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kernel.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "kernel/cgroupfs.h"

#define PATH_SIZE 4096

int plm_cli_ladder(const struct plm_cli *cli, const char *root, char forced, struct plm_ladder **ret)
{
	struct plm_err err = PLM_ERR_INIT;
	struct plm_source_cfg cfg = { .root = root };
	int r = plm_ladder_open(&cfg, forced, true, ret, &err);
	if (r == 0)
		return PLM_EXIT_OK;
	if (r == -EPERM || r == -EACCES) {
		char *noise = strstr(err.msg, ": libbpf:"); /* the library's guesses at what EPERM means */
		if (noise)
			*noise = '\0';
		plm_cli_say(cli, "%s%s", err.code ? plm_err_text(&err) : strerror(-r),
			    strstr(err.msg, "CAP_BPF") ? ""
						       : "; reading the kernel needs root, or CAP_BPF and CAP_PERFMON");
		return PLM_EXIT_PRIVILEGE;
	}
	plm_cli_say(cli, "%s; \"plimsoll doctor\" tells what this host can do",
		    err.code ? plm_err_text(&err) : strerror(-r));
	return PLM_EXIT_FAILED;
}

/* The part of `path` below `mount`, or NULL. */
static const char *below(const char *path, const char *mount)
{
	size_t len = strlen(mount);
	if (len < 2 || strncmp(path, mount, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return NULL;
	return path + len;
}

int plm_cli_cgroup_path(const char *typed, char *ret_path, size_t size)
{
	struct plm_cgroup_layout layout;
	const char *path = typed, *rest;
	char text[PATH_SIZE + 4];
	if (plm_cgroup_layout_detect(NULL, &layout, NULL) == 0) {
		const char *mounts[] = { layout.v2, layout.v1_cpu, layout.v1_cpuacct, layout.v1_memory,
					 layout.v1_pids };
		for (size_t i = 0; i < PLM_ARRAY_SIZE(mounts) && path == typed; i++)
			if ((rest = below(typed, mounts[i])))
				path = rest;
	}
	if (strlen(path) > PATH_SIZE)
		return -ENAMETOOLONG;
	(void)snprintf(text, sizeof(text), "/%s/", path);
	if (strstr(text, "/../") || strstr(text, "/./"))
		return -EINVAL;
	char *out = text; /* one slash for several */
	for (const char *in = text; *in; in++)
		if (*in != '/' || out == text || out[-1] != '/')
			*out++ = *in;
	if (out > text + 1 && out[-1] == '/')
		out--;
	*out = '\0';
	return plm_strcpy(ret_path, size, text);
}

bool plm_cli_cgroup_exists(const char *path)
{
	struct plm_cgroup_layout layout;
	struct stat st;
	if (plm_cgroup_layout_detect(NULL, &layout, NULL) < 0)
		return true;
	const char *mounts[] = { layout.v2, layout.v1_cpu, layout.v1_cpuacct, layout.v1_memory, layout.v1_pids };
	for (size_t i = 0; i < PLM_ARRAY_SIZE(mounts); i++) {
		char full[PATH_SIZE];
		if (!mounts[i][0] || snprintf(full, sizeof(full), "%s%s", mounts[i], path) >= (int)sizeof(full))
			continue;
		if (stat(full, &st) == 0 && S_ISDIR(st.st_mode))
			return true;
	}
	return false;
}
