/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters to rates to windows to services: pure. Keeps the last counters per cgroup and a ring of recent
 * samples per task; everything else is computed anew each tick.
 */
#ifndef PLM_AGGREGATE_AGGREGATE_H
#define PLM_AGGREGATE_AGGREGATE_H

#include "model/policy.h"
#include "model/usage.h"

struct plm_aggregate; /* what lives between ticks */

struct plm_aggregate *plm_aggregate_new(void);
void plm_aggregate_free(struct plm_aggregate *a);

/* Attributes the samples to the cluster's tasks and fills *ret (its old arrays are reused or freed).
 * `window_s` ≥ 1: over how many seconds utilisation is averaged. 0 or -ENOMEM. */
int plm_aggregate_tick(struct plm_aggregate *a, const struct plm_sample_set *samples, const struct plm_cluster *cluster,
		       int window_s, const struct plm_now *now, struct plm_usage *ret);
void plm_usage_done(struct plm_usage *u);

#endif
