/* SPDX-License-Identifier: Apache-2.0
 *
 * One cgroup read from its files, which stay open: on all its hierarchies together up to ten, 3-20 us per read each.
 * The files rung reads everything this way; the other rungs only the hierarchy's root, whose totals the kernel keeps
 * nowhere else.
 */
#ifndef PLM_KERNEL_CGFILES_H
#define PLM_KERNEL_CGFILES_H

#include "kernel/cputime.h"
#include "kernel/hierarchy.h"
#include "model/sample.h"

enum plm_cgfile {
	PLM_CGFILE_V2_CPU_STAT,
	PLM_CGFILE_V2_CPU_PRESSURE,
	PLM_CGFILE_V2_MEMORY_PRESSURE,
	PLM_CGFILE_V2_IO_PRESSURE,
	PLM_CGFILE_MEMORY_USAGE,
	PLM_CGFILE_MEMORY_STAT,
	PLM_CGFILE_MEMORY_LIMIT,
	PLM_CGFILE_MEMORY_EVENTS,
	PLM_CGFILE_PIDS,
	PLM_CGFILE_V1_CPU_STAT,
	PLM_CGFILE_CPUACCT_USAGE,
	PLM_CGFILE_CPUACCT_STAT,
	_PLM_CGFILE_MAX
};

struct plm_cgfiles {
	int fd[_PLM_CGFILE_MAX];  /* -1: not there */
	struct plm_cputime shown; /* of cpuacct, whose user and system times are raw ticks */
};

void plm_cgfiles_init(struct plm_cgfiles *f); /* all closed */
void plm_cgfiles_done(struct plm_cgfiles *f);

/* Opens what this cgroup has in this hierarchy and is not open yet. Files that do not exist are no error.
 * 0, -EMFILE and the like when descriptors run out (what is open stays open). */
int plm_cgfiles_open(struct plm_cgfiles *f, const struct plm_hierarchy *h, int dir_fd);

/* Fills the row's counters and `has`, with `time_ns` = now. A file that went away (ENODEV) is closed and its fields are
 * absent. Returns the number of files read; 0 means that the cgroup is gone. */
int plm_cgfiles_read(struct plm_cgfiles *f, plm_ns now, struct plm_sample *row);

#endif
