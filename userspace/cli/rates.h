/* SPDX-License-Identifier: Apache-2.0
 * Rates between two readings of one cgroup, for the commands that read the kernel themselves. */
#ifndef PLM_CLI_RATES_H
#define PLM_CLI_RATES_H

#include "base/map.h"
#include "model/sample.h"

/* Unknown is NAN. */
struct plm_rates {
	double interval_s;
	double cpu_cores, cpu_user_cores, cpu_system_cores;
	double throttled_share; /* throttled periods / periods, 0…1; NAN also when no period passed */
	/* Stalled time / time, 0…1. The kernel adds to its totals up to 2 s late, so over shorter intervals a stall may show in
	 * the next one; what would be above 1 is shown as 1. */
	double psi_share[_PLM_PSI_MAX];
};

/* `old` NULL (a new cgroup), or no time between the two: everything is NAN. */
void plm_rates_between(const struct plm_sample *old, const struct plm_sample *fresh, struct plm_rates *ret);

/* The rows of the last reading, by cgroup id. At most PLM_SOURCE_MAX_CGROUPS. */
struct plm_previous {
	struct plm_sample *rows; /* path is not kept */
	size_t n_rows, cap_rows;
	struct plm_map index;
};
const struct plm_sample *plm_previous_get(const struct plm_previous *p, uint64_t id);
int plm_previous_keep(struct plm_previous *p, const struct plm_sample_set *set); /* 0 or -ENOMEM */
void plm_previous_done(struct plm_previous *p);

#endif
