/* SPDX-License-Identifier: Apache-2.0
 *
 * Policy documents: the bodies that Application Auto Scaling takes (register-scalable-target, put-scaling-policy) and prints
 * (describe-…), read strictly. What AWS knows and this version does not carry out is refused by name, never skipped.
 * Names, types and ranges are checked by the table in fields.c; here are the meanings. Read at start and on reload.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "scaling/fields.h"
#include "scaling/scaling.h"

#define MAX_ROWS 16384 /* targets, and policies, over all documents */

/* Defaults of the `fast` profile. Tolerance, both rate limits and the 300 s window are the defaults of the Kubernetes
 * HorizontalPodAutoscaler (API reference, autoscaling/v2, "behavior"); 300 s is also AWS's default scale-in cooldown.
 * The 3 s window is ours: three samples, so that a step of a third above the target is decided within 5 s. */
#define DEFAULT_TOLERANCE 0.10
#define DEFAULT_WINDOW_S 3
#define DEFAULT_OUT_TASKS 4
#define DEFAULT_OUT_PERCENT 100
#define DEFAULT_OUT_STABILIZATION_S 0
#define DEFAULT_IN_PERCENT 100
#define DEFAULT_IN_STABILIZATION_S 300
#define DEFAULT_PERIOD_S 15

static int take_int(const cJSON *obj, const char *key, int otherwise)
{
	const cJSON *item = plm_fields_get(obj, key);
	return item ? (int)item->valuedouble : otherwise;
}

static bool take_bool(const cJSON *obj, const char *key)
{
	return cJSON_IsTrue(plm_fields_get(obj, key));
}

/* Control characters have no place in names that end up in logs, paths and tables. */
static bool is_printable(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

/* "service/CLUSTER/SERVICE" */
static int take_resource(const cJSON *obj, const struct plm_json_at *at, char cluster[PLM_NAME_MAX],
			 char service[PLM_NAME_MAX], struct plm_err *err)
{
	const char *id = plm_fields_get(obj, "ResourceId")->valuestring;
	const char *first = strncmp(id, "service/", 8) == 0 ? id + 8 : NULL;
	const char *slash = first ? strchr(first, '/') : NULL;
	if (!slash || slash == first || !slash[1] || strchr(slash + 1, '/') || slash - first >= PLM_NAME_MAX ||
	    strlen(slash + 1) >= PLM_NAME_MAX || !is_printable(id))
		return plm_json_err(
			err, at, "ResourceId",
			"is \"%.100s\"; it must be service/CLUSTER/SERVICE, each part 1 to %d printable characters", id,
			PLM_NAME_MAX - 1);
	(void)snprintf(cluster, PLM_NAME_MAX, "%.*s", (int)(slash - first), first);
	(void)plm_strcpy(service, PLM_NAME_MAX, slash + 1);
	return 0;
}

static int parse_target(const cJSON *obj, const struct plm_json_at *at, struct plm_target *t, struct plm_err *err)
{
	int r = plm_fields_check(obj, at, "target", err);
	if (r == 0)
		r = take_resource(obj, at, t->cluster, t->service, err);
	if (r != 0)
		return r;
	t->min = take_int(obj, "MinCapacity", 0);
	t->max = take_int(obj, "MaxCapacity", 0);
	if (t->min > t->max)
		return plm_json_err(err, at, "MinCapacity",
				    "is %d, more than MaxCapacity %d; it must be from 0 to MaxCapacity", t->min,
				    t->max);
	const cJSON *suspended = plm_fields_get(obj, "SuspendedState");
	if (!suspended)
		return 0;
	struct plm_json_at inner = plm_json_member(at, "SuspendedState");
	r = plm_fields_check(suspended, &inner, "suspended", err);
	t->in_suspended = take_bool(suspended, "DynamicScalingInSuspended");
	t->out_suspended = take_bool(suspended, "DynamicScalingOutSuspended");
	return r;
}

static int take_tracking(const cJSON *obj, const struct plm_json_at *at, struct plm_policy *p, struct plm_err *err)
{
	const cJSON *config = plm_fields_get(obj, "TargetTrackingScalingPolicyConfiguration");
	struct plm_json_at inner = plm_json_member(at, "TargetTrackingScalingPolicyConfiguration");
	int r = plm_fields_check(config, &inner, "tracking", err);
	if (r != 0)
		return r;
	const cJSON *metric = plm_fields_get(config, "PredefinedMetricSpecification");
	struct plm_json_at metric_at = plm_json_member(&inner, "PredefinedMetricSpecification");
	r = plm_fields_check(metric, &metric_at, "metric", err);
	if (r != 0)
		return r;
	const char *type = plm_fields_get(metric, "PredefinedMetricType")->valuestring;
	for (int m = 0; m < _PLM_METRIC_MAX; m++)
		if (strcmp(type, plm_metric_name((enum plm_metric)m)) == 0)
			p->metric = (enum plm_metric)m;
	p->target = plm_fields_get(config, "TargetValue")->valuedouble;
	p->out_cooldown_s = take_int(config, "ScaleOutCooldown", -1);
	p->in_cooldown_s = take_int(config, "ScaleInCooldown", -1);
	p->is_scale_in_disabled = take_bool(config, "DisableScaleIn");
	return 0;
}

/* Naming one of the two limits drops the default of the other: {"MaxTasks": 1} means one task, not one task or 100 %. */
static int take_direction(const cJSON *own, const struct plm_json_at *at, const char *key, struct plm_direction *d,
			  struct plm_err *err)
{
	const cJSON *direction = plm_fields_get(own, key);
	if (!direction)
		return 0;
	struct plm_json_at inner = plm_json_member(at, key);
	int r = plm_fields_check(direction, &inner, "direction", err);
	if (r != 0)
		return r;
	if (plm_fields_get(direction, "MaxTasks") || plm_fields_get(direction, "MaxPercent")) {
		d->max_tasks = take_int(direction, "MaxTasks", 0);
		d->max_percent = take_int(direction, "MaxPercent", 0);
	}
	d->period_s = take_int(direction, "PeriodSeconds", d->period_s);
	d->stabilization_s = take_int(direction, "StabilizationSeconds", d->stabilization_s);
	return 0;
}

static int take_own(const cJSON *obj, const struct plm_json_at *at, struct plm_policy *p, struct plm_err *err)
{
	const cJSON *own = plm_fields_get(obj, "Plimsoll");
	if (!own)
		return 0;
	struct plm_json_at inner = plm_json_member(at, "Plimsoll");
	int r = plm_fields_check(own, &inner, "plimsoll", err);
	if (r != 0)
		return r;
	const cJSON *tolerance = plm_fields_get(own, "Tolerance");
	if (tolerance)
		p->tolerance = tolerance->valuedouble;
	p->window_s = take_int(own, "WindowSeconds", p->window_s);
	r = take_direction(own, &inner, "ScaleOut", &p->out, err);
	return r ? r : take_direction(own, &inner, "ScaleIn", &p->in, err);
}

static int parse_policy(const cJSON *obj, const struct plm_json_at *at, struct plm_policy *p, struct plm_err *err)
{
	*p = (struct plm_policy){ .type = PLM_POLICY_TARGET_TRACKING,
				  .evaluation = PLM_EVALUATION_FAST,
				  .tolerance = DEFAULT_TOLERANCE,
				  .window_s = DEFAULT_WINDOW_S,
				  .out = { DEFAULT_OUT_TASKS, DEFAULT_OUT_PERCENT, DEFAULT_PERIOD_S,
					   DEFAULT_OUT_STABILIZATION_S },
				  .in = { 0, DEFAULT_IN_PERCENT, DEFAULT_PERIOD_S, DEFAULT_IN_STABILIZATION_S } };
	int r = plm_fields_check(obj, at, "policy", err);
	if (r == 0)
		r = take_resource(obj, at, p->cluster, p->service, err);
	if (r == 0)
		r = take_tracking(obj, at, p, err);
	if (r != 0)
		return r;
	const char *name = plm_fields_get(obj, "PolicyName")->valuestring;
	if (!is_printable(name))
		return plm_json_err(err, at, "PolicyName", "has a control character; it must have printable ones only");
	(void)plm_strcpy(p->name, sizeof(p->name), name);
	if (p->in_cooldown_s >= 0)
		p->in.stabilization_s = p->in_cooldown_s;
	return take_own(obj, at, p, err);
}

/* --- lists --- */

/* Room for `more` rows behind `n`. */
static int make_room(void **rows, size_t n, size_t more, size_t size, const struct plm_json_at *at, struct plm_err *err)
{
	if (more == 0)
		return 0;
	if (n + more > MAX_ROWS)
		return plm_json_err(err, at, NULL, "%zu entries over all documents; at most %d are allowed", n + more,
				    MAX_ROWS);
	void *bigger = realloc(*rows, (n + more) * size);
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

typedef int (*add_fn)(const cJSON *, const struct plm_json_at *, struct plm_policy_set *, struct plm_err *);

static int add_list(const cJSON *doc, const struct plm_json_at *at, const char *key, struct plm_policy_set *set,
		    add_fn add, struct plm_err *err)
{
	const cJSON *list = plm_fields_get(doc, key), *item;
	int i = 0;
	struct plm_json_at list_at = plm_json_member(at, key);
	cJSON_ArrayForEach(item, list)
	{
		struct plm_json_at item_at = plm_json_item(&list_at, i++);
		int r = add(item, &item_at, set, err);
		if (r != 0)
			return r;
	}
	return 0;
}

enum shape { SHAPE_LISTS, SHAPE_TARGET, SHAPE_POLICY, SHAPE_SCHEDULE };

static bool has_any(const cJSON *doc, const char *const *keys)
{
	for (size_t i = 0; keys[i]; i++)
		if (cJSON_HasObjectItem(doc, keys[i])) /* whatever the case, so that a wrong one is told as such */
			return true;
	return false;
}

/* What kind of document this is. Bare bodies are told by the members that only they have. */
static enum shape shape_of(const cJSON *doc)
{
	static const char *const schedule[] = { "ScheduledActionName", "ScalableTargetAction", "Schedule", NULL };
	static const char *const policy[] = { "PolicyName",
					      "PolicyType",
					      "TargetTrackingScalingPolicyConfiguration",
					      "StepScalingPolicyConfiguration",
					      "PredictiveScalingPolicyConfiguration",
					      NULL };
	static const char *const target[] = { "MinCapacity", "MaxCapacity",       "SuspendedState",
					      "ResourceId",  "ScalableDimension", "ServiceNamespace",
					      NULL };
	if (has_any(doc, schedule))
		return SHAPE_SCHEDULE;
	if (has_any(doc, policy))
		return SHAPE_POLICY;
	return has_any(doc, target) ? SHAPE_TARGET : SHAPE_LISTS;
}

static size_t count_rows(const cJSON *doc, const char *key)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, key);
	return cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
}

static int add_lists(const cJSON *doc, const struct plm_json_at *at, struct plm_policy_set *set, struct plm_err *err)
{
	int r = plm_fields_check(doc, at, "document", err);
	if (r == 0)
		r = add_list(doc, at, "ScalableTargets", set, add_target, err);
	return r ? r : add_list(doc, at, "ScalingPolicies", set, add_policy, err);
}

int plm_policy_document_add(const cJSON *doc, const char *file, struct plm_policy_set *set, struct plm_err *err)
{
	struct plm_json_at at = plm_json_root(file);
	if (!cJSON_IsObject(doc))
		return plm_err_set(err, EINVAL, file, "the document must be an object");
	enum shape shape = shape_of(doc);
	if (shape == SHAPE_SCHEDULE)
		return plm_json_err(err, &at, NULL,
				    "a scheduled action is not carried out by this version, which takes scalable "
				    "targets and scaling policies");
	size_t targets = set->n_targets, policies = set->n_policies;
	size_t more_targets = shape == SHAPE_TARGET ? 1 : count_rows(doc, "ScalableTargets");
	size_t more_policies = shape == SHAPE_POLICY ? 1 : count_rows(doc, "ScalingPolicies");
	int r = make_room((void **)&set->targets, targets, more_targets, sizeof(*set->targets), &at, err);
	if (r == 0)
		r = make_room((void **)&set->policies, policies, more_policies, sizeof(*set->policies), &at, err);
	if (r != 0)
		return r;
	if (shape == SHAPE_POLICY)
		r = add_policy(doc, &at, set, err);
	else if (shape == SHAPE_TARGET)
		r = add_target(doc, &at, set, err);
	else
		r = add_lists(doc, &at, set, err);
	if (r != 0) {
		set->n_targets = targets;
		set->n_policies = policies;
	}
	return r;
}

/* --- cross-checks: on sorted pointers, so that thousands of policies are checked in milliseconds --- */

static int compare_place(const char *service_a, const char *cluster_a, const char *service_b, const char *cluster_b)
{
	int c = strcmp(service_a, service_b);
	return c ? c : strcmp(cluster_a, cluster_b);
}

static int compare_targets(const void *a, const void *b)
{
	const struct plm_target *x = *(const struct plm_target *const *)a, *y = *(const struct plm_target *const *)b;
	int c = compare_place(x->service, x->cluster, y->service, y->cluster);
	return c ? c : (x > y) - (x < y); /* equals in the order of the documents */
}

static int compare_policies(const void *a, const void *b)
{
	const struct plm_policy *x = *(const struct plm_policy *const *)a, *y = *(const struct plm_policy *const *)b;
	int c = compare_place(x->service, x->cluster, y->service, y->cluster);
	return c ? c : (x > y) - (x < y);
}

static int policy_to_target(const void *key, const void *element)
{
	const struct plm_policy *p = key;
	const struct plm_target *t = *(const struct plm_target *const *)element;
	return compare_place(p->service, p->cluster, t->service, t->cluster);
}

static int check_targets(const struct plm_target *const *targets, size_t n, struct plm_err *err)
{
	for (size_t i = 1; i < n; i++) {
		const struct plm_target *t = targets[i - 1], *u = targets[i];
		if (compare_place(t->service, t->cluster, u->service, u->cluster) == 0)
			return plm_err_set(err, EINVAL, u->file, "target service/%.80s/%.80s is also in %.200s",
					   u->cluster, u->service, t->file);
	}
	return 0;
}

/* One policy against those of the same target before it. */
static int check_pair(const struct plm_policy *q, const struct plm_policy *p, struct plm_err *err)
{
	if (strcmp(p->name, q->name) == 0)
		return plm_err_set(err, EINVAL, p->file, "policy \"%.80s\" of service \"%.80s\" is also in %.200s",
				   p->name, p->service, q->file);
	if (p->metric == q->metric)
		return plm_err_set(err, EINVAL, p->file,
				   "policies \"%.60s\" and \"%.60s\" of service \"%.60s\" track the same metric %s; "
				   "each needs its own",
				   q->name, p->name, p->service, plm_metric_name(p->metric));
	return 0;
}

static int check_policies(const struct plm_policy *const *policies, size_t n, const struct plm_target *const *targets,
			  size_t n_targets, struct plm_err *err)
{
	size_t first = 0; /* of the same target */
	for (size_t i = 0; i < n; i++) {
		const struct plm_policy *p = policies[i], *f = policies[first];
		if (!n_targets || !bsearch(p, targets, n_targets, sizeof(const struct plm_target *), policy_to_target))
			return plm_err_set(err, EINVAL, p->file,
					   "policy \"%.80s\": no ScalableTargets entry for service/%.80s/%.80s, which "
					   "gives its MinCapacity and MaxCapacity",
					   p->name, p->cluster, p->service);
		if (compare_place(p->service, p->cluster, f->service, f->cluster) != 0)
			first = i;
		if (i - first >= PLM_DECISION_MAX_POLICIES)
			return plm_err_set(err, EINVAL, p->file, "service \"%.80s\" has more than %d policies",
					   p->service, PLM_DECISION_MAX_POLICIES);
		for (size_t j = first; j < i; j++) {
			int r = check_pair(policies[j], p, err);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

int plm_policy_set_check(const struct plm_policy_set *set, struct plm_err *err)
{
	PLM_FREE const struct plm_target **targets = malloc((set->n_targets + 1) * sizeof(const struct plm_target *));
	PLM_FREE const struct plm_policy **policies = malloc((set->n_policies + 1) * sizeof(const struct plm_policy *));
	if (!targets || !policies)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	for (size_t i = 0; i < set->n_targets; i++)
		targets[i] = &set->targets[i];
	for (size_t i = 0; i < set->n_policies; i++)
		policies[i] = &set->policies[i];
	qsort(targets, set->n_targets, sizeof(const struct plm_target *), compare_targets);
	qsort(policies, set->n_policies, sizeof(const struct plm_policy *), compare_policies);
	int r = check_targets(targets, set->n_targets, err);
	return r ? r : check_policies(policies, set->n_policies, targets, set->n_targets, err);
}
