/* SPDX-License-Identifier: Apache-2.0
 * User and system CPU time from tick samples, pure. */
#ifndef PLM_KERNEL_CPUTIME_H
#define PLM_KERNEL_CPUTIME_H

#include <stdint.h>

/* What was shown last for one cgroup; zeroed at its birth. */
struct plm_cputime {
	uint64_t user_ns, system_ns;
};

/* Splits `usage_ns` (exact run time) in the proportion of the tick samples, so that user + system = usage and neither
 * ever falls. Without samples all counts as user time. The rule is the kernel's own for cpu.stat (cputime_adjust in
 * kernel/sched/cputime.c); as it depends on earlier readings, the split may differ from the file's by some ticks.
 * A usage below what was shown before (not expected) leaves *shown as it is. */
void plm_cputime_split(uint64_t usage_ns, uint64_t user_raw_ns, uint64_t system_raw_ns, struct plm_cputime *shown);

#endif
