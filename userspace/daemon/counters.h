/* SPDX-License-Identifier: Apache-2.0
 * How often each service and policy was scaled or not, for /metrics. Bounded; in memory only. */
#ifndef PLM_DAEMON_COUNTERS_H
#define PLM_DAEMON_COUNTERS_H

#include "model/view.h"

#define PLM_COUNTERS_MAX 8192 /* rows per kind; more are counted nowhere */

struct plm_counters {
	struct plm_scaling_count *scalings;
	size_t n_scalings, cap_scalings;
	struct plm_not_scaled_count *not_scaled;
	size_t n_not_scaled, cap_not_scaled;
};

void plm_counters_done(struct plm_counters *c);
void plm_counters_scaled(struct plm_counters *c, const struct plm_activity *a, bool is_dry_run);
void plm_counters_not_scaled(struct plm_counters *c, const char *service, const char *policy,
			     enum plm_not_scaled reason);

#endif
