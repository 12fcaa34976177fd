/* SPDX-License-Identifier: Apache-2.0 */
#include "scaling/fields.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/service.h"

#define CAPACITY_MAX 100000
#define COOLDOWN_MAX_S 86400
#define MAX_MEMBERS 16 /* of one object */

static const char *const namespaces[] = { "ecs", NULL };
static const char *const dimensions[] = { "ecs:service:DesiredCount", NULL };
static const char *const policy_types[] = { "TargetTrackingScaling", "StepScaling", "PredictiveScaling", NULL };
static const char *const metrics[] = { "ECSServiceAverageCPUUtilization",
				       "ECSServiceAverageMemoryUtilization",
				       "ECSServiceAverageCPUUtilizationHighResolution",
				       "ECSServiceAverageMemoryUtilizationHighResolution",
				       "ALBRequestCountPerTarget",
				       NULL };
static const char *const evaluations[] = { "fast", "aws", "aws-high-resolution", NULL };

#define TAKES_LISTS "ScalableTargets and ScalingPolicies"

const struct plm_field plm_fields[] = {
	{ "document", "$schema", .type = PLM_FIELD_STRING, .max = 1024 },
	{ "document", "ScalableTargets", .type = PLM_FIELD_ARRAY, .inner = "target" },
	{ "document", "ScalingPolicies", .type = PLM_FIELD_ARRAY, .inner = "policy" },
	{ "document", "NextToken", .type = PLM_FIELD_STRING, .max = 4096 },
	{ "document", "ScheduledActions", .type = PLM_FIELD_LATER_LIST, .later = TAKES_LISTS },
	{ "document", "Budgets", .type = PLM_FIELD_LATER_LIST, .later = TAKES_LISTS },
	{ "document", "RebalancingPolicies", .type = PLM_FIELD_LATER_LIST, .later = TAKES_LISTS },

	{ "target", "ServiceNamespace", .type = PLM_FIELD_STRING, .is_required = true, .min = 1, .max = 256,
	  .values = namespaces, .n_taken = 1 },
	{ "target", "ScalableDimension", .type = PLM_FIELD_STRING, .is_required = true, .min = 1, .max = 256,
	  .values = dimensions, .n_taken = 1 },
	{ "target", "ResourceId", .type = PLM_FIELD_STRING, .is_required = true, .min = 1, .max = 1600 },
	{ "target", "MinCapacity", .type = PLM_FIELD_INTEGER, .is_required = true, .max = CAPACITY_MAX },
	{ "target", "MaxCapacity", .type = PLM_FIELD_INTEGER, .is_required = true, .max = CAPACITY_MAX },
	{ "target", "SuspendedState", .type = PLM_FIELD_OBJECT, .inner = "suspended" },
	{ "target", "RoleARN", .type = PLM_FIELD_STRING, .max = 1600 },
	{ "target", "ScalableTargetARN", .type = PLM_FIELD_STRING, .max = 1600 },
	{ "target", "CreationTime", .type = PLM_FIELD_TIME },
	{ "target", "PredictedCapacity", .type = PLM_FIELD_INTEGER, .max = INT32_MAX },
	{ "target", "Tags", .type = PLM_FIELD_OBJECT },

	{ "suspended", "DynamicScalingInSuspended", .type = PLM_FIELD_BOOLEAN },
	{ "suspended", "DynamicScalingOutSuspended", .type = PLM_FIELD_BOOLEAN },
	{ "suspended", "ScheduledScalingSuspended", .type = PLM_FIELD_BOOLEAN },

	{ "policy", "PolicyName", .type = PLM_FIELD_STRING, .is_required = true, .min = 1, .max = PLM_NAME_MAX - 1 },
	{ "policy", "PolicyType", .type = PLM_FIELD_STRING, .is_required = true, .min = 1, .max = 256,
	  .values = policy_types, .n_taken = 1 },
	{ "policy", "ServiceNamespace", .type = PLM_FIELD_STRING, .is_required = true, .min = 1, .max = 256,
	  .values = namespaces, .n_taken = 1 },
	{ "policy", "ScalableDimension", .type = PLM_FIELD_STRING, .is_required = true, .min = 1, .max = 256,
	  .values = dimensions, .n_taken = 1 },
	{ "policy", "ResourceId", .type = PLM_FIELD_STRING, .is_required = true, .min = 1, .max = 1600 },
	{ "policy", "StepScalingPolicyConfiguration", .type = PLM_FIELD_LATER,
	  .later = "PolicyType TargetTrackingScaling" },
	{ "policy", "PredictiveScalingPolicyConfiguration", .type = PLM_FIELD_LATER,
	  .later = "PolicyType TargetTrackingScaling" },
	{ "policy", "TargetTrackingScalingPolicyConfiguration", .type = PLM_FIELD_OBJECT, .is_required = true,
	  .inner = "tracking" },
	{ "policy", "PolicyARN", .type = PLM_FIELD_STRING, .max = 1600 },
	{ "policy", "Alarms", .type = PLM_FIELD_ARRAY },
	{ "policy", "CreationTime", .type = PLM_FIELD_TIME },
	{ "policy", "Plimsoll", .type = PLM_FIELD_OBJECT, .inner = "plimsoll" },

	{ "tracking", "TargetValue", .type = PLM_FIELD_NUMBER, .is_required = true, .is_above_min = true,
	  .max = PLM_TARGET_VALUE_MAX },
	{ "tracking", "CustomizedMetricSpecification", .type = PLM_FIELD_LATER,
	  .later = "PredefinedMetricSpecification" },
	{ "tracking", "PredefinedMetricSpecification", .type = PLM_FIELD_OBJECT, .is_required = true,
	  .inner = "metric" },
	{ "tracking", "ScaleOutCooldown", .type = PLM_FIELD_INTEGER, .max = COOLDOWN_MAX_S },
	{ "tracking", "ScaleInCooldown", .type = PLM_FIELD_INTEGER, .max = COOLDOWN_MAX_S },
	{ "tracking", "DisableScaleIn", .type = PLM_FIELD_BOOLEAN },

	{ "metric", "PredefinedMetricType", .type = PLM_FIELD_STRING, .is_required = true, .min = 1, .max = 256,
	  .values = metrics, .n_taken = 2 },
	{ "metric", "ResourceLabel", .type = PLM_FIELD_LATER,
	  .later = "metrics without one: it goes with ALBRequestCountPerTarget only" },

	{ "plimsoll", "Evaluation", .type = PLM_FIELD_STRING, .min = 1, .max = 256, .values = evaluations,
	  .n_taken = 1 },
	{ "plimsoll", "Tolerance", .type = PLM_FIELD_NUMBER, .max = 0.5 },
	{ "plimsoll", "WindowSeconds", .type = PLM_FIELD_INTEGER, .min = 1, .max = 60 },
	{ "plimsoll", "ScaleOut", .type = PLM_FIELD_OBJECT, .inner = "direction" },
	{ "plimsoll", "ScaleIn", .type = PLM_FIELD_OBJECT, .inner = "direction" },

	{ "direction", "MaxTasks", .type = PLM_FIELD_INTEGER, .min = 1, .max = CAPACITY_MAX },
	{ "direction", "MaxPercent", .type = PLM_FIELD_INTEGER, .min = 1, .max = 10000 },
	{ "direction", "PeriodSeconds", .type = PLM_FIELD_INTEGER, .min = 1, .max = 3600 },
	{ "direction", "StabilizationSeconds", .type = PLM_FIELD_INTEGER, .max = 3600 },
};
const size_t plm_n_fields = sizeof(plm_fields) / sizeof(plm_fields[0]);

const cJSON *plm_fields_get(const cJSON *obj, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, key);
	return cJSON_IsNull(item) ? NULL : item;
}

static int not_taken(struct plm_err *err, const struct plm_json_at *at, const char *key, const char *what,
		     const char *taken)
{
	return plm_json_err(err, at, key, "%s is not carried out by this version, which takes %s", what, taken);
}

static int check_string(const cJSON *obj, const struct plm_json_at *at, const struct plm_field *f, struct plm_err *err)
{
	const char *text;
	int value, r;
	if (!f->values)
		return plm_json_str(obj, at, f->key, f->is_required, (size_t)f->min, (size_t)f->max, &text, err);
	r = plm_json_enum(obj, at, f->key, f->is_required, f->values, &value, err);
	if (r != 1 || value < f->n_taken)
		return r;
	char taken[160] = "";
	for (int i = 0; i < f->n_taken; i++) {
		size_t used = strlen(taken);
		(void)snprintf(taken + used, sizeof(taken) - used, "%s%s", i ? " and " : "", f->values[i]);
	}
	return not_taken(err, at, f->key, f->values[value], taken);
}

static int check_number(const cJSON *obj, const struct plm_json_at *at, const struct plm_field *f, struct plm_err *err)
{
	double v;
	if (!f->is_above_min)
		return plm_json_num(obj, at, f->key, f->is_required, f->min, f->max, &v, err);
	int r = plm_json_num(obj, at, f->key, f->is_required, -DBL_MAX, DBL_MAX, &v, err);
	if (r == 1 && !(v > f->min && v <= f->max))
		return plm_json_err(err, at, f->key, "is %g; it must be more than %g and at most %g", v, f->min,
				    f->max);
	return r;
}

static int check_time(const cJSON *obj, const struct plm_json_at *at, const struct plm_field *f, struct plm_err *err)
{
	const cJSON *item = plm_fields_get(obj, f->key);
	if (item && !cJSON_IsString(item) && !cJSON_IsNumber(item))
		return plm_json_err(err, at, f->key, "must be a time: a string or a number of seconds");
	return 0;
}

static int check_later_list(const cJSON *obj, const struct plm_json_at *at, const struct plm_field *f,
			    struct plm_err *err)
{
	const cJSON *list;
	int r = plm_json_arr(obj, at, f->key, false, &list, err);
	return r == 1 && cJSON_GetArraySize(list) > 0 ? not_taken(err, at, f->key, f->key, f->later) : r;
}

static int check_field(const cJSON *obj, const struct plm_json_at *at, const struct plm_field *f, struct plm_err *err)
{
	const cJSON *item;
	int64_t whole;
	bool flag;
	switch (f->type) {
	case PLM_FIELD_STRING:
		return check_string(obj, at, f, err);
	case PLM_FIELD_INTEGER:
		return plm_json_int(obj, at, f->key, f->is_required, (int64_t)f->min, (int64_t)f->max, &whole, err);
	case PLM_FIELD_NUMBER:
		return check_number(obj, at, f, err);
	case PLM_FIELD_BOOLEAN:
		return plm_json_bool(obj, at, f->key, f->is_required, &flag, err);
	case PLM_FIELD_OBJECT:
		return plm_json_obj(obj, at, f->key, f->is_required, &item, err);
	case PLM_FIELD_ARRAY:
		return plm_json_arr(obj, at, f->key, f->is_required, &item, err);
	case PLM_FIELD_TIME:
		return check_time(obj, at, f, err);
	case PLM_FIELD_LATER_LIST:
		return check_later_list(obj, at, f, err);
	case PLM_FIELD_LATER:
		return plm_fields_get(obj, f->key) ? not_taken(err, at, f->key, f->key, f->later) : 0;
	}
	return plm_json_err(err, at, f->key, "cannot be checked");
}

int plm_fields_check(const cJSON *obj, const struct plm_json_at *at, const char *object, struct plm_err *err)
{
	const char *known[MAX_MEMBERS + 1];
	size_t n = 0;
	for (size_t i = 0; i < plm_n_fields && n < MAX_MEMBERS; i++)
		if (strcmp(plm_fields[i].object, object) == 0)
			known[n++] = plm_fields[i].key;
	known[n] = NULL;
	int r = plm_json_only(obj, at, known, err);
	for (size_t i = 0; i < plm_n_fields && r >= 0; i++)
		if (strcmp(plm_fields[i].object, object) == 0)
			r = check_field(obj, at, &plm_fields[i], err);
	return r < 0 ? r : 0;
}
