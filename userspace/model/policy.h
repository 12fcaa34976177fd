/* SPDX-License-Identifier: Apache-2.0
 *
 * Scalable targets and policies, as read from documents in AWS Application Auto Scaling's JSON.
 */
#ifndef PLM_MODEL_POLICY_H
#define PLM_MODEL_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "model/service.h"

enum plm_policy_type { PLM_POLICY_TARGET_TRACKING, _PLM_POLICY_TYPE_MAX };
enum plm_metric { PLM_METRIC_CPU, PLM_METRIC_MEMORY, _PLM_METRIC_MAX };
/* "ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization" */
const char *plm_metric_name(enum plm_metric m);
enum plm_evaluation { PLM_EVALUATION_FAST, _PLM_EVALUATION_MAX };
const char *plm_evaluation_name(enum plm_evaluation e); /* "fast" */

/* A scalable target: RegisterScalableTarget's body. */
struct plm_target {
	char cluster[PLM_NAME_MAX], service[PLM_NAME_MAX]; /* of ResourceId "service/CLUSTER/SERVICE" */
	int min, max;                                      /* MinCapacity, MaxCapacity */
	bool in_suspended, out_suspended;                  /* SuspendedState */
	char file[PLM_PATH_MAX];                           /* where it comes from */
};

/* How fast and how far a direction may go (fast profile). */
struct plm_direction {
	int max_tasks;   /* per period; 0 = this limit is not set */
	int max_percent; /* of the count at the period's start; 0 = not set. The larger of the two limits rules */
	int period_s;
	int stabilization_s; /* window over which the calmest recommendation wins */
};

struct plm_policy {
	char name[PLM_NAME_MAX];
	char cluster[PLM_NAME_MAX], service[PLM_NAME_MAX];
	enum plm_policy_type type;
	enum plm_evaluation evaluation;
	enum plm_metric metric;
	double target;                     /* TargetValue, in the metric's unit (percent) */
	int out_cooldown_s, in_cooldown_s; /* ScaleOutCooldown, ScaleInCooldown; -1 = not given */
	bool is_scale_in_disabled;
	double tolerance; /* share of the target inside which nothing is done */
	int window_s;     /* over which the metric is averaged */
	struct plm_direction out, in;
	char file[PLM_PATH_MAX];
};

struct plm_policy_set {
	struct plm_target *targets;
	size_t n_targets;
	struct plm_policy *policies;
	size_t n_policies;
};
void plm_policy_set_done(struct plm_policy_set *set);
const struct plm_target *plm_policy_set_target(const struct plm_policy_set *set, const char *service);

#endif
