/* SPDX-License-Identifier: Apache-2.0
 *
 * The hierarchies that matter to sampling, in the order in which every rung reads them, so that the same cgroup has
 * the same id on each rung.
 */
#ifndef PLM_KERNEL_HIERARCHY_H
#define PLM_KERNEL_HIERARCHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/cgroupfs.h"

/* v2, v1 memory, v1 pids, v1 cpu, v1 cpuacct. cpu and cpuacct mounted together are one. */
#define PLM_MAX_HIERARCHIES 5

struct plm_hierarchy {
	const char *mount; /* points into the layout */
	bool is_v2;
	bool has_cpuacct;
	uint8_t tag; /* in the top byte of public ids; 0 for v2, whose ids are thus the kernel's */
};

/* Returns how many were written. */
size_t plm_hierarchy_list(const struct plm_cgroup_layout *layout, struct plm_hierarchy ret[PLM_MAX_HIERARCHIES]);

/* Ids of different hierarchies may be equal; kernfs ids stay below 2^56 for the life of a boot. */
uint64_t plm_hierarchy_id(const struct plm_hierarchy *h, uint64_t kernfs_id);

/* Opens `path` (from the hierarchy's root) as a directory. fd or -errno. */
int plm_hierarchy_open(const struct plm_hierarchy *h, const char *path);

/* A root as in plm_source_cfg: absolute, no trailing slash but for "/" itself. NULL gives "/". 0, -ENAMETOOLONG, -EINVAL. */
int plm_hierarchy_clean_root(const char *root, char *ret, size_t size);

#endif
