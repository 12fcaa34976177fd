/* SPDX-License-Identifier: Apache-2.0
 *
 * The record of one evaluation of one scalable target, written also when nothing is done: which numbers went in, what each
 * policy asked for, each stage that changed it, what came out and why. And the activity that follows from it.
 */
#ifndef PLM_MODEL_DECISION_H
#define PLM_MODEL_DECISION_H

#include "model/policy.h"
#include "model/usage.h"

/* Why nothing was done. The first five are AWS's codes, the others ours. */
enum plm_not_scaled {
	PLM_SCALED, /* something was done */
	PLM_NS_ALREADY_AT_DESIRED,
	PLM_NS_ALREADY_AT_MAX,
	PLM_NS_ALREADY_AT_MIN,
	PLM_NS_ANTICIPATED_FLAPPING,
	PLM_NS_UNSCALABLE, /* TargetServicePutResourceAsUnscalable: a deployment, a daemon service */
	PLM_NS_INSUFFICIENT_DATA,
	PLM_NS_STABILIZING,
	PLM_NS_RATE_LIMITED,
	PLM_NS_SCALE_IN_DISABLED,
	PLM_NS_SUSPENDED,
	PLM_NS_DRY_RUN,
	PLM_NS_BACKEND_ERROR,
	_PLM_NOT_SCALED_MAX,
};
const char *plm_not_scaled_name(enum plm_not_scaled r); /* "AlreadyAtMaxCapacity", …; "" for PLM_SCALED */

enum plm_stage_kind {
	PLM_STAGE_POLICY, /* the raw recommendation of the deciding policy */
	PLM_STAGE_TOLERANCE,
	PLM_STAGE_STABILIZE,
	PLM_STAGE_FLAPPING,
	PLM_STAGE_RATE,
	PLM_STAGE_BOUNDS,
	PLM_STAGE_SUSPENDED,
	PLM_STAGE_DEPLOYMENT,
	PLM_STAGE_DATA, /* insufficient data */
	_PLM_STAGE_MAX,
};
const char *plm_stage_name(enum plm_stage_kind k); /* "policy", "tolerance", … */

/* One step from recommendation to result: "stabilize 6 -> 8: highest of the last 300 s, from 12 s ago". */
struct plm_stage {
	enum plm_stage_kind kind;
	int before, after;
	char text[160];
};

#define PLM_DECISION_MAX_POLICIES 8
#define PLM_DECISION_MAX_STAGES 12

struct plm_proposal {
	char policy[PLM_NAME_MAX];
	enum plm_metric metric;
	double target;
	struct plm_signal input;        /* input.value NAN = no data */
	double raw;                     /* ready * value / target, before rounding; NAN = none */
	int desired;                    /* -1 = no proposal */
	enum plm_not_scaled not_scaled; /* why this policy proposes nothing */
};

struct plm_decision {
	char service[PLM_NAME_MAX], cluster[PLM_NAME_MAX];
	struct plm_now at;
	int desired, running, pending, ready, unready, missing; /* tasks as the evaluation found them */
	int min, max;
	double model_age_s;
	struct plm_proposal proposals[PLM_DECISION_MAX_POLICIES];
	size_t n_proposals;
	int deciding; /* index into proposals; -1 = none */
	struct plm_stage stages[PLM_DECISION_MAX_STAGES];
	size_t n_stages;
	int result; /* desired count after; == desired when nothing is done */
	enum plm_not_scaled not_scaled;
	char sentence[320];   /* the whole in one sentence */
	char activity_id[40]; /* of the activity it led to; "" = none */
};

enum plm_activity_status {
	PLM_ACT_PENDING,
	PLM_ACT_IN_PROGRESS,
	PLM_ACT_SUCCESSFUL,
	PLM_ACT_OVERRIDDEN,
	PLM_ACT_UNFULFILLED,
	PLM_ACT_FAILED,
	_PLM_ACTIVITY_STATUS_MAX,
};
const char *plm_activity_status_name(enum plm_activity_status s); /* "Pending", … as AWS writes them */

/* What was done (or, with not_scaled set, tried and not done), in AWS's terms. */
struct plm_activity {
	char id[40]; /* uuid */
	char cluster[PLM_NAME_MAX], service[PLM_NAME_MAX];
	char policy[PLM_NAME_MAX]; /* "" = by hand or by bounds */
	char description[160];
	char cause[320];
	plm_ns start_wall, end_wall; /* end 0 = still going */
	enum plm_activity_status status;
	char status_message[256];
	enum plm_not_scaled not_scaled;
	int from, to;
	uint32_t repeats; /* identical not-scaled outcomes collapsed into this one, after the first */
};

#endif
