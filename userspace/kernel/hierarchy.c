/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/hierarchy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

size_t plm_hierarchy_list(const struct plm_cgroup_layout *layout, struct plm_hierarchy ret[PLM_MAX_HIERARCHIES])
{
	size_t n = 0;
	bool is_joint = layout->v1_cpu[0] && strcmp(layout->v1_cpu, layout->v1_cpuacct) == 0;
	if (layout->v2[0])
		ret[n++] = (struct plm_hierarchy){ .mount = layout->v2, .is_v2 = true, .tag = 0 };
	if (layout->v1_memory[0])
		ret[n++] = (struct plm_hierarchy){ .mount = layout->v1_memory, .tag = 1 };
	if (layout->v1_pids[0])
		ret[n++] = (struct plm_hierarchy){ .mount = layout->v1_pids, .tag = 2 };
	if (layout->v1_cpu[0])
		ret[n++] = (struct plm_hierarchy){ .mount = layout->v1_cpu, .has_cpuacct = is_joint, .tag = 3 };
	if (layout->v1_cpuacct[0] && !is_joint)
		ret[n++] = (struct plm_hierarchy){ .mount = layout->v1_cpuacct, .has_cpuacct = true, .tag = 4 };
	return n;
}

uint64_t plm_hierarchy_id(const struct plm_hierarchy *h, uint64_t kernfs_id)
{
	return (uint64_t)h->tag << 56 | kernfs_id;
}

int plm_hierarchy_open(const struct plm_hierarchy *h, const char *path)
{
	char full[PATH_MAX];
	if (snprintf(full, sizeof(full), "%s%s", h->mount, path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	int fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

int plm_hierarchy_clean_root(const char *root, char *ret, size_t size)
{
	if (!root || !root[0])
		root = "/";
	const char *up = strstr(root, "/..");
	if (root[0] != '/' || strstr(root, "//") || (up && (up[3] == '/' || up[3] == '\0')))
		return -EINVAL;
	if (plm_strcpy(ret, size, root) != 0)
		return -ENAMETOOLONG;
	size_t len = strlen(ret);
	if (len > 1 && ret[len - 1] == '/')
		ret[len - 1] = '\0';
	return 0;
}
