/* SPDX-License-Identifier: Apache-2.0
 * The cgroup layout of this host, from /proc/self/mountinfo. */
#ifndef PLM_KERNEL_CGROUPFS_H
#define PLM_KERNEL_CGROUPFS_H

#include <stdbool.h>

#include "base/err.h"

enum plm_cgroup_mode { PLM_CGROUP_V2, PLM_CGROUP_HYBRID, PLM_CGROUP_V1, _PLM_CGROUP_MODE_MAX };

/* Mount points; "" when not mounted. On a pure v2 host only `v2` is set. A v1 controller that is bound to
 * v2 has an empty mount here. */
struct plm_cgroup_layout {
	enum plm_cgroup_mode mode;
	char v2[128];
	char v1_cpu[128], v1_cpuacct[128], v1_memory[128], v1_pids[128];
	bool v2_has_cpu, v2_has_memory, v2_has_pids; /* in cgroup.controllers of the v2 root */
};

/* `mountinfo` NULL = /proc/self/mountinfo (tests pass fixtures). 0, -ENOENT when no cgroup filesystem. */
int plm_cgroup_layout_detect(const char *mountinfo, struct plm_cgroup_layout *ret, struct plm_err *err);
const char *plm_cgroup_mode_name(enum plm_cgroup_mode mode); /* "v2", "hybrid", "v1" */

#endif
