/* SPDX-License-Identifier: Apache-2.0 */
#include "model/decision.h"

static const char *const not_scaled_names[] = {
	"",
	"AlreadyAtDesiredCapacity",
	"AlreadyAtMaxCapacity",
	"AlreadyAtMinCapacity",
	"AutoScalingAnticipatedFlapping",
	"TargetServicePutResourceAsUnscalable",
	"InsufficientData",
	"Stabilizing",
	"RateLimited",
	"ScaleInDisabled",
	"PolicySuspended",
	"DryRun",
	"BackendError",
};
_Static_assert(sizeof(not_scaled_names) / sizeof(not_scaled_names[0]) == _PLM_NOT_SCALED_MAX, "a name for each reason");

static const char *const stage_names[] = {
	"policy", "tolerance", "stabilize", "flapping", "rate", "bounds", "suspended", "deployment", "data",
};
_Static_assert(sizeof(stage_names) / sizeof(stage_names[0]) == _PLM_STAGE_MAX, "a name for each stage");

static const char *const activity_names[] = { "Pending",    "InProgress",  "Successful",
					      "Overridden", "Unfulfilled", "Failed" };
_Static_assert(sizeof(activity_names) / sizeof(activity_names[0]) == _PLM_ACTIVITY_STATUS_MAX,
	       "a name for each status");

const char *plm_not_scaled_name(enum plm_not_scaled r)
{
	return not_scaled_names[r];
}

const char *plm_stage_name(enum plm_stage_kind k)
{
	return stage_names[k];
}

const char *plm_activity_status_name(enum plm_activity_status s)
{
	return activity_names[s];
}
