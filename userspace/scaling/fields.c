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

#define STRING(object, key, min, max) { object, key, PLM_FIELD_STRING, false, false, min, max, NULL, 0, NULL, NULL }
#define NEEDED_STRING(object, key, min, max) { object, key, PLM_FIELD_STRING, true, false, min, max, NULL, 0, NULL, NULL }
#define NEEDED_WORD(object, key, values, taken) { object, key, PLM_FIELD_STRING, true, false, 1, 256, values, taken, NULL, NULL }
#define WORD(object, key, values, taken) { object, key, PLM_FIELD_STRING, false, false, 1, 256, values, taken, NULL, NULL }
#define INTEGER(object, key, min, max) { object, key, PLM_FIELD_INTEGER, false, false, min, max, NULL, 0, NULL, NULL }
#define NEEDED_INTEGER(object, key, min, max) { object, key, PLM_FIELD_INTEGER, true, false, min, max, NULL, 0, NULL, NULL }
#define NUMBER(object, key, min, max) { object, key, PLM_FIELD_NUMBER, false, false, min, max, NULL, 0, NULL, NULL }
#define BOOLEAN(object, key) { object, key, PLM_FIELD_BOOLEAN, false, false, 0, 0, NULL, 0, NULL, NULL }
#define OBJECT(object, key, inner) { object, key, PLM_FIELD_OBJECT, false, false, 0, 0, NULL, 0, inner, NULL }
#define NEEDED_OBJECT(object, key, inner) { object, key, PLM_FIELD_OBJECT, true, false, 0, 0, NULL, 0, inner, NULL }
#define ARRAY(object, key, inner) { object, key, PLM_FIELD_ARRAY, false, false, 0, 0, NULL, 0, inner, NULL }
#define TIME(object, key) { object, key, PLM_FIELD_TIME, false, false, 0, 0, NULL, 0, NULL, NULL }
#define LATER(object, key, text) { object, key, PLM_FIELD_LATER, false, false, 0, 0, NULL, 0, NULL, text }
#define LATER_LIST(object, key, text) { object, key, PLM_FIELD_LATER_LIST, false, false, 0, 0, NULL, 0, NULL, text }

#define TAKES_LISTS "ScalableTargets and ScalingPolicies"

const struct plm_field plm_fields[] = {
	STRING("document", "$schema", 0, 1024),
	ARRAY("document", "ScalableTargets", "target"),
	ARRAY("document", "ScalingPolicies", "policy"),
	STRING("document", "NextToken", 0, 4096),
	LATER_LIST("document", "ScheduledActions", TAKES_LISTS),
	LATER_LIST("document", "Budgets", TAKES_LISTS),
	LATER_LIST("document", "RebalancingPolicies", TAKES_LISTS),

	NEEDED_WORD("target", "ServiceNamespace", namespaces, 1),
	NEEDED_WORD("target", "ScalableDimension", dimensions, 1),
	NEEDED_STRING("target", "ResourceId", 1, 1600),
	NEEDED_INTEGER("target", "MinCapacity", 0, CAPACITY_MAX),
	NEEDED_INTEGER("target", "MaxCapacity", 0, CAPACITY_MAX),
	OBJECT("target", "SuspendedState", "suspended"),
	STRING("target", "RoleARN", 0, 1600),
	STRING("target", "ScalableTargetARN", 0, 1600),
	TIME("target", "CreationTime"),
	INTEGER("target", "PredictedCapacity", 0, INT32_MAX),
	OBJECT("target", "Tags", NULL),

	BOOLEAN("suspended", "DynamicScalingInSuspended"),
	BOOLEAN("suspended", "DynamicScalingOutSuspended"),
	BOOLEAN("suspended", "ScheduledScalingSuspended"),

	NEEDED_STRING("policy", "PolicyName", 1, PLM_NAME_MAX - 1),
	NEEDED_WORD("policy", "PolicyType", policy_types, 1),
	NEEDED_WORD("policy", "ServiceNamespace", namespaces, 1),
	NEEDED_WORD("policy", "ScalableDimension", dimensions, 1),
	NEEDED_STRING("policy", "ResourceId", 1, 1600),
	LATER("policy", "StepScalingPolicyConfiguration", "PolicyType TargetTrackingScaling"),
	LATER("policy", "PredictiveScalingPolicyConfiguration", "PolicyType TargetTrackingScaling"),
	NEEDED_OBJECT("policy", "TargetTrackingScalingPolicyConfiguration", "tracking"),
	STRING("policy", "PolicyARN", 0, 1600),
	ARRAY("policy", "Alarms", NULL),
	TIME("policy", "CreationTime"),
	OBJECT("policy", "Plimsoll", "plimsoll"),

	{ "tracking", "TargetValue", PLM_FIELD_NUMBER, true, true, 0, PLM_TARGET_VALUE_MAX, NULL, 0, NULL, NULL },
	LATER("tracking", "CustomizedMetricSpecification", "PredefinedMetricSpecification"),
	NEEDED_OBJECT("tracking", "PredefinedMetricSpecification", "metric"),
	INTEGER("tracking", "ScaleOutCooldown", 0, COOLDOWN_MAX_S),
	INTEGER("tracking", "ScaleInCooldown", 0, COOLDOWN_MAX_S),
	BOOLEAN("tracking", "DisableScaleIn"),

	NEEDED_WORD("metric", "PredefinedMetricType", metrics, 2),
	LATER("metric", "ResourceLabel", "metrics without one: it goes with ALBRequestCountPerTarget only"),

	WORD("plimsoll", "Evaluation", evaluations, 1),
	NUMBER("plimsoll", "Tolerance", 0, 0.5),
	INTEGER("plimsoll", "WindowSeconds", 1, 60),
	OBJECT("plimsoll", "ScaleOut", "direction"),
	OBJECT("plimsoll", "ScaleIn", "direction"),

	INTEGER("direction", "MaxTasks", 1, CAPACITY_MAX),
	INTEGER("direction", "MaxPercent", 1, 10000),
	INTEGER("direction", "PeriodSeconds", 1, 3600),
	INTEGER("direction", "StabilizationSeconds", 0, 3600),
};
const size_t plm_n_fields = sizeof(plm_fields) / sizeof(plm_fields[0]);

const cJSON *plm_fields_get(const cJSON *obj, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, key);
	return cJSON_IsNull(item) ? NULL : item;
}

static int not_taken(struct plm_err *err, const struct plm_json_at *at, const char *key, const char *what, const char *taken)
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
		return plm_json_err(err, at, f->key, "is %g; it must be more than %g and at most %g", v, f->min, f->max);
	return r;
}

static int check_time(const cJSON *obj, const struct plm_json_at *at, const struct plm_field *f, struct plm_err *err)
{
	const cJSON *item = plm_fields_get(obj, f->key);
	if (item && !cJSON_IsString(item) && !cJSON_IsNumber(item))
		return plm_json_err(err, at, f->key, "must be a time: a string or a number of seconds");
	return 0;
}

static int check_later_list(const cJSON *obj, const struct plm_json_at *at, const struct plm_field *f, struct plm_err *err)
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
