/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters to rates to windows to services: pure. Keeps a ring of recent counters per task and the total per service;
 * everything else is computed anew each tick.
 */
#ifndef PLM_AGGREGATE_AGGREGATE_H
#define PLM_AGGREGATE_AGGREGATE_H

#include "model/attribution.h"
#include "model/policy.h"
#include "model/usage.h"

struct plm_aggregate; /* what lives between ticks */

struct plm_aggregate *plm_aggregate_new(void); /* NULL = out of memory */
void plm_aggregate_free(struct plm_aggregate *a);
/* How far apart samples are meant to be: 1 s until this is called. A rate takes two of them. */
void plm_aggregate_set_interval(struct plm_aggregate *a, plm_ns interval);

#define PLM_DEFAULT_WINDOW_S 3

/* A running task without a sample for this long is missing; one younger than this, or than two samples, is not yet expected to have
 * a rate. */
#define PLM_TASK_GRACE_NS (3 * PLM_NS_PER_S)

/* Takes one tick's samples and fills *ret (its arrays are reused). An empty sample set means that the reading failed: values
 * then age. CPU utilisation is averaged over the window of the service's CPU policy, PLM_DEFAULT_WINDOW_S without one.
 *
 * CPU utilisation (ECS developer guide, "service utilization metrics"): 100 * units used / (units reserved * tasks), where
 * 1024 units are one vCPU, so units used = 1024 * ΔCPU ns / Δwall ns; a ratio of sums over the tasks counted, not clamped.
 * Three tasks of 256 units that use 128, 256 and 512 give 116.67 %. Memory likewise, newest working set over reservation.
 *
 * 0 or -ENOMEM (then *ret may be incomplete and this tick's usage must not be used). */
int plm_aggregate_tick(struct plm_aggregate *a, const struct plm_sample_set *samples,
		       const struct plm_attribution *attribution, const struct plm_cluster *cluster,
		       const struct plm_policy_set *policies, const struct plm_now *now, struct plm_usage *ret);
void plm_usage_done(struct plm_usage *u);

#endif
