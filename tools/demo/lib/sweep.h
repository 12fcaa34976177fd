/* SPDX-License-Identifier: Apache-2.0
 * Removes what a demo may have left: a folder, and a cgroup subtree in every hierarchy with all that runs in it. */
#ifndef PLM_DEMO_SWEEP_H
#define PLM_DEMO_SWEEP_H

/* Every cgroup this demo makes begins so; nothing else is ever swept. */
#define PLM_DEMO_CGROUP_PREFIX "/plimsoll-demo-"

/* What a sweep found. A well-behaved daemon leaves nothing: both counts are 0. */
struct plm_sweep_report {
	int killed;  /* processes that still ran in the subtree */
	int removed; /* cgroups that were still there */
	int left;    /* cgroups that could not be removed */
};

/* Kills and removes below `cgroup` (PLM_DEMO_CGROUP_PREFIX and at least one more character, no further slash) in each
 * mounted cgroup hierarchy; waits up to 3 s for the processes to end. */
struct plm_sweep_report plm_sweep_cgroup(const char *cgroup);
/* rm -r; does not follow symbolic links. A missing folder is fine. */
void plm_sweep_folder(const char *path);

#endif
