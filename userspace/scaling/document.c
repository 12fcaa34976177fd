/* SPDX-License-Identifier: Apache-2.0
 *
 * Policy documents: the bodies that Application Auto Scaling takes (register-scalable-target, put-scaling-policy) and prints
 * (describe-…), read strictly. What AWS knows and this version does not carry out is refused by name, never skipped.
 */
#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "scaling/scaling.h"

#define MAX_ROWS 4096 /* targets or policies over all documents */

/* Defaults of the `fast` profile. Tolerance, scale-out limits and the 300 s window are the Kubernetes HPA's. */
#define DEFAULT_TOLERANCE 0.10
#define DEFAULT_WINDOW_S 3
#define DEFAULT_OUT_TASKS 4
#define DEFAULT_OUT_PERCENT 100
#define DEFAULT_IN_PERCENT 100
#define DEFAULT_PERIOD_S 15
#define DEFAULT_IN_STABILIZATION_S 300

#define COOLDOWN_MAX_S 86400
#define CAPACITY_MAX 100000

static const char *const wrapper_members[] = { "ScalableTargets", "ScalingPolicies", "NextToken", NULL };
static const char *const wrapper_later[] = { "ScheduledActions", "Budgets", "RebalancingPolicies", NULL };
static const char *const target_members[] = { "ServiceNamespace", "ResourceId", "ScalableDimension", "MinCapacity", "MaxCapacity",
					      "SuspendedState", "RoleARN", "ScalableTargetARN", "CreationTime",
					      "PredictedCapacity", "Tags", NULL };
static const char *const suspended_members[] = { "DynamicScalingInSuspended", "DynamicScalingOutSuspended",
						 "ScheduledScalingSuspended", NULL };
static const char *const policy_members[] = { "PolicyName", "PolicyType", "ServiceNamespace", "ResourceId", "ScalableDimension",
					      "TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration",
					      "PredictiveScalingPolicyConfiguration", "PolicyARN", "Alarms", "CreationTime",
					      "Plimsoll", NULL };
static const char *const tracking_members[] = { "TargetValue", "PredefinedMetricSpecification", "CustomizedMetricSpecification",
						"ScaleOutCooldown", "ScaleInCooldown", "DisableScaleIn", NULL };
static const char *const metric_members[] = { "PredefinedMetricType", "ResourceLabel", NULL };
static const char *const own_members[] = { "Evaluation", "Tolerance", "WindowSeconds", "ScaleOut", "ScaleIn", NULL };
static const char *const direction_members[] = { "MaxTasks", "MaxPercent", "PeriodSeconds", "StabilizationSeconds", NULL };

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

static int not_yet(struct plm_err *err, const struct plm_json_at *at, const char *key, const char *what, const char *supported)
{
	return plm_json_err(err, at, key, "%s is not carried out by this version, which takes %s", what, supported);
}

/* "service/CLUSTER/SERVICE" */
static int take_resource(const cJSON *obj, const struct plm_json_at *at, char cluster[PLM_NAME_MAX], char service[PLM_NAME_MAX],
			 struct plm_err *err)
{
	const char *id;
	int unused, r = plm_json_enum(obj, at, "ServiceNamespace", true, namespaces, &unused, err);
	if (r == 1)
		r = plm_json_enum(obj, at, "ScalableDimension", true, dimensions, &unused, err);
	if (r == 1)
		r = plm_json_str(obj, at, "ResourceId", true, 1, 1600, &id, err);
	if (r < 0)
		return r;
	const char *first = strncmp(id, "service/", 8) == 0 ? id + 8 : NULL;
	const char *slash = first ? strchr(first, '/') : NULL;
	if (!slash || slash == first || !slash[1] || strchr(slash + 1, '/') || slash - first >= PLM_NAME_MAX ||
	    plm_strcpy(service, PLM_NAME_MAX, slash + 1) != 0)
		return plm_json_err(err, at, "ResourceId", "is \"%.100s\"; it must be service/CLUSTER/SERVICE, each part 1 to %d characters",
				    id, PLM_NAME_MAX - 1);
	(void)snprintf(cluster, PLM_NAME_MAX, "%.*s", (int)(slash - first), first);
	return 0;
}

static int take_suspended(const cJSON *obj, const struct plm_json_at *at, struct plm_target *t, struct plm_err *err)
{
	const cJSON *state;
	bool scheduled;
	int r = plm_json_obj(obj, at, "SuspendedState", false, &state, err);
	if (r <= 0)
		return r;
	struct plm_json_at inner = plm_json_member(at, "SuspendedState");
	r = plm_json_only(state, &inner, suspended_members, err);
	if (r == 0)
		r = plm_json_bool(state, &inner, "DynamicScalingInSuspended", false, &t->in_suspended, err);
	if (r >= 0)
		r = plm_json_bool(state, &inner, "DynamicScalingOutSuspended", false, &t->out_suspended, err);
	if (r >= 0)
		r = plm_json_bool(state, &inner, "ScheduledScalingSuspended", false, &scheduled, err);
	return r < 0 ? r : 0;
}

static int parse_target(const cJSON *obj, const struct plm_json_at *at, struct plm_target *t, struct plm_err *err)
{
	int64_t min = 0, max = 0;
	int r = plm_json_only(obj, at, target_members, err);
	if (r == 0)
		r = take_resource(obj, at, t->cluster, t->service, err);
	if (r == 0)
		r = plm_json_int(obj, at, "MinCapacity", true, 0, CAPACITY_MAX, &min, err);
	if (r == 1)
		r = plm_json_int(obj, at, "MaxCapacity", true, 0, CAPACITY_MAX, &max, err);
	if (r == 1)
		r = take_suspended(obj, at, t, err);
	if (r < 0)
		return r;
	if (min > max)
		return plm_json_err(err, at, "MinCapacity", "is %lld, more than MaxCapacity %lld; it must be from 0 to MaxCapacity",
				    (long long)min, (long long)max);
	t->min = (int)min;
	t->max = (int)max;
	return 0;
}

static int take_metric(const cJSON *obj, const struct plm_json_at *at, struct plm_policy *p, struct plm_err *err)
{
	const cJSON *spec;
	int metric, r;
	if (cJSON_HasObjectItem(obj, "CustomizedMetricSpecification"))
		return not_yet(err, at, "CustomizedMetricSpecification", "a customised metric", "PredefinedMetricSpecification");
	r = plm_json_obj(obj, at, "PredefinedMetricSpecification", true, &spec, err);
	if (r < 0)
		return r;
	struct plm_json_at inner = plm_json_member(at, "PredefinedMetricSpecification");
	r = plm_json_only(spec, &inner, metric_members, err);
	if (r == 0)
		r = plm_json_enum(spec, &inner, "PredefinedMetricType", true, metrics, &metric, err);
	if (r < 0)
		return r;
	if (metric >= _PLM_METRIC_MAX)
		return not_yet(err, &inner, "PredefinedMetricType", metrics[metric],
			       "ECSServiceAverageCPUUtilization and ECSServiceAverageMemoryUtilization");
	if (cJSON_HasObjectItem(spec, "ResourceLabel"))
		return plm_json_err(err, &inner, "ResourceLabel", "goes with ALBRequestCountPerTarget only");
	p->metric = (enum plm_metric)metric;
	return 0;
}

static int take_cooldown(const cJSON *obj, const struct plm_json_at *at, const char *key, int *ret, struct plm_err *err)
{
	int64_t seconds;
	int r = plm_json_int(obj, at, key, false, 0, COOLDOWN_MAX_S, &seconds, err);
	if (r == 1)
		*ret = (int)seconds;
	return r < 0 ? r : 0;
}

static int take_tracking(const cJSON *obj, const struct plm_json_at *at, struct plm_policy *p, struct plm_err *err)
{
	const cJSON *config;
	int r = plm_json_obj(obj, at, "TargetTrackingScalingPolicyConfiguration", true, &config, err);
	if (r < 0)
		return r;
	struct plm_json_at inner = plm_json_member(at, "TargetTrackingScalingPolicyConfiguration");
	r = plm_json_only(config, &inner, tracking_members, err);
	if (r == 0)
		r = plm_json_num(config, &inner, "TargetValue", true, 0.01, 1e6, &p->target, err);
	if (r == 1)
		r = take_metric(config, &inner, p, err);
	if (r == 0)
		r = take_cooldown(config, &inner, "ScaleOutCooldown", &p->out_cooldown_s, err);
	if (r == 0)
		r = take_cooldown(config, &inner, "ScaleInCooldown", &p->in_cooldown_s, err);
	if (r == 0)
		r = plm_json_bool(config, &inner, "DisableScaleIn", false, &p->is_scale_in_disabled, err);
	return r < 0 ? r : 0;
}

static int take_direction(const cJSON *obj, const struct plm_json_at *at, const char *key, struct plm_direction *d,
			  struct plm_err *err)
{
	static const struct {
		const char *key;
		int64_t min, max;
	} fields[] = { { "MaxTasks", 0, CAPACITY_MAX }, { "MaxPercent", 0, 10000 }, { "PeriodSeconds", 1, 3600 },
		       { "StabilizationSeconds", 0, 3600 } };
	int *values[] = { &d->max_tasks, &d->max_percent, &d->period_s, &d->stabilization_s };
	const cJSON *direction;
	int r = plm_json_obj(obj, at, key, false, &direction, err);
	if (r <= 0)
		return r;
	struct plm_json_at inner = plm_json_member(at, key);
	r = plm_json_only(direction, &inner, direction_members, err);
	for (size_t i = 0; r >= 0 && i < sizeof(fields) / sizeof(fields[0]); i++) {
		int64_t v;
		r = plm_json_int(direction, &inner, fields[i].key, false, fields[i].min, fields[i].max, &v, err);
		if (r == 1)
			*values[i] = (int)v;
	}
	return r < 0 ? r : 0;
}

/* Our own member. A limit of 0 is "not set"; with both at 0 a direction is not limited. */
static int take_own(const cJSON *obj, const struct plm_json_at *at, struct plm_policy *p, struct plm_err *err)
{
	const cJSON *own;
	int64_t window;
	int evaluation, r = plm_json_obj(obj, at, "Plimsoll", false, &own, err);
	if (r <= 0)
		return r;
	struct plm_json_at inner = plm_json_member(at, "Plimsoll");
	r = plm_json_only(own, &inner, own_members, err);
	if (r == 0)
		r = plm_json_enum(own, &inner, "Evaluation", false, evaluations, &evaluation, err);
	if (r == 1 && evaluation >= _PLM_EVALUATION_MAX)
		return not_yet(err, &inner, "Evaluation", evaluations[evaluation], "fast");
	if (r >= 0)
		r = plm_json_num(own, &inner, "Tolerance", false, 0, 0.5, &p->tolerance, err);
	if (r >= 0)
		r = plm_json_int(own, &inner, "WindowSeconds", false, 1, 60, &window, err);
	if (r == 1)
		p->window_s = (int)window;
	if (r >= 0)
		r = take_direction(own, &inner, "ScaleOut", &p->out, err);
	if (r >= 0)
		r = take_direction(own, &inner, "ScaleIn", &p->in, err);
	return r < 0 ? r : 0;
}

static int take_type(const cJSON *obj, const struct plm_json_at *at, struct plm_err *err)
{
	int type = 0, r = plm_json_enum(obj, at, "PolicyType", true, policy_types, &type, err);
	if (r < 0)
		return r;
	if (type >= _PLM_POLICY_TYPE_MAX)
		return not_yet(err, at, "PolicyType", policy_types[type], "TargetTrackingScaling");
	if (cJSON_HasObjectItem(obj, "StepScalingPolicyConfiguration"))
		return plm_json_err(err, at, "StepScalingPolicyConfiguration", "goes with PolicyType StepScaling only");
	if (cJSON_HasObjectItem(obj, "PredictiveScalingPolicyConfiguration"))
		return plm_json_err(err, at, "PredictiveScalingPolicyConfiguration", "goes with PolicyType PredictiveScaling only");
	return 0;
}

static int parse_policy(const cJSON *obj, const struct plm_json_at *at, struct plm_policy *p, struct plm_err *err)
{
	const char *name;
	*p = (struct plm_policy){ .tolerance = DEFAULT_TOLERANCE,
				  .window_s = DEFAULT_WINDOW_S,
				  .out_cooldown_s = -1,
				  .in_cooldown_s = -1,
				  .out = { DEFAULT_OUT_TASKS, DEFAULT_OUT_PERCENT, DEFAULT_PERIOD_S, 0 },
				  .in = { 0, DEFAULT_IN_PERCENT, DEFAULT_PERIOD_S, DEFAULT_IN_STABILIZATION_S } };
	int r = plm_json_only(obj, at, policy_members, err);
	if (r == 0)
		r = plm_json_str(obj, at, "PolicyName", true, 1, PLM_NAME_MAX - 1, &name, err);
	if (r == 1)
		r = take_type(obj, at, err);
	if (r == 0)
		r = take_resource(obj, at, p->cluster, p->service, err);
	if (r == 0)
		r = take_tracking(obj, at, p, err);
	if (r < 0)
		return r;
	if (p->in_cooldown_s >= 0)
		p->in.stabilization_s = p->in_cooldown_s;
	(void)plm_strcpy(p->name, sizeof(p->name), name);
	return take_own(obj, at, p, err);
}

/* --- lists --- */

/* Room for `more` rows behind `n`. */
static int make_room(void **rows, size_t n, size_t more, size_t size, const struct plm_json_at *at, struct plm_err *err)
{
	if (n + more > MAX_ROWS)
		return plm_json_err(err, at, NULL, "more than %d entries over all documents", MAX_ROWS);
	void *bigger = realloc(*rows, (n + more + 1) * size);
	if (!bigger)
		return plm_err_set(err, ENOMEM, at->file, "out of memory");
	*rows = bigger;
	return 0;
}

static int add_target(const cJSON *obj, const struct plm_json_at *at, struct plm_policy_set *set, struct plm_err *err)
{
	struct plm_target t = { .min = 0 };
	if (!cJSON_IsObject(obj))
		return plm_json_err(err, at, NULL, "must be an object");
	int r = parse_target(obj, at, &t, err);
	if (r != 0)
		return r;
	(void)plm_strcpy(t.file, sizeof(t.file), at->file);
	set->targets[set->n_targets++] = t;
	return 0;
}

static int add_policy(const cJSON *obj, const struct plm_json_at *at, struct plm_policy_set *set, struct plm_err *err)
{
	struct plm_policy p;
	if (!cJSON_IsObject(obj))
		return plm_json_err(err, at, NULL, "must be an object");
	int r = parse_policy(obj, at, &p, err);
	if (r != 0)
		return r;
	(void)plm_strcpy(p.file, sizeof(p.file), at->file);
	set->policies[set->n_policies++] = p;
	return 0;
}

static int add_list(const cJSON *doc, const struct plm_json_at *at, const char *key, struct plm_policy_set *set,
		    int (*add)(const cJSON *, const struct plm_json_at *, struct plm_policy_set *, struct plm_err *),
		    struct plm_err *err)
{
	const cJSON *list, *item;
	int i = 0, r = plm_json_arr(doc, at, key, false, &list, err);
	if (r <= 0)
		return r;
	struct plm_json_at list_at = plm_json_member(at, key);
	cJSON_ArrayForEach(item, list) {
		struct plm_json_at item_at = plm_json_item(&list_at, i++);
		r = add(item, &item_at, set, err);
		if (r != 0)
			return r;
	}
	return 0;
}

static int add_wrapper(const cJSON *doc, const struct plm_json_at *at, struct plm_policy_set *set, struct plm_err *err)
{
	for (size_t i = 0; wrapper_later[i]; i++)
		if (cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(doc, wrapper_later[i])) > 0)
			return not_yet(err, at, wrapper_later[i], wrapper_later[i], "ScalableTargets and ScalingPolicies");
	for (const cJSON *m = doc->child; m; m = m->next) {
		bool is_later = false;
		for (size_t i = 0; wrapper_later[i]; i++)
			is_later |= strcmp(m->string, wrapper_later[i]) == 0;
		bool is_known = is_later;
		for (size_t i = 0; wrapper_members[i]; i++)
			is_known |= strcmp(m->string, wrapper_members[i]) == 0;
		if (!is_known)
			return plm_json_only(doc, at, wrapper_members, err);
	}
	int r = add_list(doc, at, "ScalableTargets", set, add_target, err);
	return r ? r : add_list(doc, at, "ScalingPolicies", set, add_policy, err);
}

/* Rows that a document can add at most. */
static size_t count_rows(const cJSON *doc, const char *key)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, key);
	return cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 1;
}

int plm_policy_document_add(const cJSON *doc, const char *file, struct plm_policy_set *set, struct plm_err *err)
{
	struct plm_json_at at = plm_json_root(file);
	if (!cJSON_IsObject(doc))
		return plm_err_set(err, EINVAL, file, "the document must be an object");
	size_t targets = set->n_targets, policies = set->n_policies;
	int r = make_room((void **)&set->targets, targets, count_rows(doc, "ScalableTargets"), sizeof(*set->targets), &at, err);
	if (r == 0)
		r = make_room((void **)&set->policies, policies, count_rows(doc, "ScalingPolicies"), sizeof(*set->policies), &at, err);
	if (r != 0)
		return r;
	if (cJSON_HasObjectItem(doc, "PolicyName") || cJSON_HasObjectItem(doc, "PolicyType"))
		r = add_policy(doc, &at, set, err);
	else if (cJSON_HasObjectItem(doc, "MinCapacity") || cJSON_HasObjectItem(doc, "MaxCapacity"))
		r = add_target(doc, &at, set, err);
	else
		r = add_wrapper(doc, &at, set, err);
	if (r != 0) {
		set->n_targets = targets;
		set->n_policies = policies;
	}
	return r;
}

/* --- cross-checks --- */

static bool is_same_target(const char *cluster_a, const char *service_a, const char *cluster_b, const char *service_b)
{
	return strcmp(service_a, service_b) == 0 && strcmp(cluster_a, cluster_b) == 0;
}

static int check_policy(const struct plm_policy_set *set, size_t i, struct plm_err *err)
{
	const struct plm_policy *p = &set->policies[i];
	size_t same_target = 0;
	bool has_target = false;
	for (size_t t = 0; t < set->n_targets && !has_target; t++)
		has_target = is_same_target(set->targets[t].cluster, set->targets[t].service, p->cluster, p->service);
	if (!has_target)
		return plm_err_set(err, EINVAL, p->file,
				   "policy \"%.80s\": no ScalableTargets entry for service/%.80s/%.80s, which gives its MinCapacity and MaxCapacity",
				   p->name, p->cluster, p->service);
	for (size_t j = 0; j < i; j++) {
		const struct plm_policy *q = &set->policies[j];
		if (!is_same_target(p->cluster, p->service, q->cluster, q->service))
			continue;
		if (strcmp(p->name, q->name) == 0)
			return plm_err_set(err, EINVAL, p->file, "policy \"%.80s\" of service \"%.80s\" is also in %.200s", p->name, p->service,
					   q->file);
		if (p->metric == q->metric)
			return plm_err_set(err, EINVAL, p->file,
					   "policies \"%.60s\" and \"%.60s\" of service \"%.60s\" track the same metric %s; each needs its own",
					   q->name, p->name, p->service, plm_metric_name(p->metric));
		if (++same_target >= PLM_DECISION_MAX_POLICIES)
			return plm_err_set(err, EINVAL, p->file, "service \"%.80s\" has more than %d policies", p->service,
					   PLM_DECISION_MAX_POLICIES);
	}
	return 0;
}

int plm_policy_set_check(const struct plm_policy_set *set, struct plm_err *err)
{
	for (size_t i = 0; i < set->n_targets; i++) {
		const struct plm_target *t = &set->targets[i];
		for (size_t j = 0; j < i; j++)
			if (is_same_target(t->cluster, t->service, set->targets[j].cluster, set->targets[j].service))
				return plm_err_set(err, EINVAL, t->file, "target service/%.80s/%.80s is also in %.200s", t->cluster, t->service,
						   set->targets[j].file);
	}
	for (size_t i = 0; i < set->n_policies; i++) {
		int r = check_policy(set, i, err);
		if (r != 0)
			return r;
	}
	return 0;
}
