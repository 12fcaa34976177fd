/* SPDX-License-Identifier: Apache-2.0
 *
 * Target tracking of the fast profile: what each policy asks for, and which of them decides. Pure; no state.
 */
#ifndef PLM_SCALING_TRACKING_H
#define PLM_SCALING_TRACKING_H

#include "model/decision.h"
#include "model/policy.h"
#include "model/usage.h"

#define PLM_SIGNAL_MAX_AGE_S 5.0 /* a value older than this is no data */
#define PLM_COUNT_MAX 1000000    /* no count grows beyond */

/* ceil(); a value within 1e-9 (relative) of a whole number is that number, so that 3 * 50 / 50 is 3. */
int plm_tracking_round_up(double raw);

/* Whether the metric is above the target's tolerance band: scaling out is considered only then. */
bool plm_tracking_is_above(double value, double target, double tolerance);

/* Whether the policy's signal can be trusted: a value, fresh, of enough tasks. */
bool plm_tracking_has_data(const struct plm_policy *p, const struct plm_service_usage *u, int desired);

/* What one policy asks for, before anything holds it back: *ret, with desired -1 when it has no data.
 *
 *   raw = ready tasks * metric / target,  count = ceil(raw)
 *
 * While the number of ready tasks changes, a value averaged over the window belongs to neither the old nor the new number: 5 s in
 * which 8 saturated tasks became 16, taken times 16, would ask for twice too many. So @ready_mean, their mean over the metric's
 * window, is taken instead where that asks for the smaller change: the lower of both for out, the higher for in.
 *
 * (Application Auto Scaling user guide, target tracking: proportional, rounded towards capacity. Kubernetes documentation,
 * Horizontal Pod Autoscaling, "algorithm details": tasks not yet ready count as idle when scaling out, and a small deviation
 * is left alone.) Out: metric > target * (1 + tolerance), and raw above the desired count by more than the tolerance too, so
 * tasks that are still starting are counted. In: metric < target * (1 - tolerance) and count below the desired count. At least
 * 1: without a task there is no CPU or memory to measure, so nothing could scale the service out again.
 *
 * 2 ready tasks at 93.1 % against 50 %: ceil(3.724) = 4; while 2 more are pending (desired 4), 4 again. */
void plm_tracking_propose(const struct plm_policy *p, const struct plm_service_usage *u, int desired, double ready_mean,
			  struct plm_proposal *ret);

/* Which proposal decides: out if any policy asks for more, the largest; in only if every policy that may scale in asks for
 * less, again the largest; one of these without data keeps the count. -1 without any policy. */
int plm_tracking_choose(const struct plm_proposal *proposals, const struct plm_policy *const policies[], size_t n,
			int desired);

/* The smallest count below `desired` down to `want` at which no policy, also none with DisableScaleIn, would be above its band
 * again on the present load; `desired` when there is none. *ret_by: the policy that stands in the way, -1 when none does.
 * Whole proposals already round towards capacity; this matters for policies that are not asked about scale-in. */
int plm_tracking_calm_count(const struct plm_proposal *proposals, const struct plm_policy *const policies[], size_t n,
			    int want, int desired, int *ret_by);

#endif
