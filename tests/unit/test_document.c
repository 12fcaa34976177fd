/* SPDX-License-Identifier: Apache-2.0
 * Policy documents: what is taken, what is refused and in which words; examples, schema and README against the table. */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"
#include "scaling/fields.h"
#include "scaling/scaling.h"

#define EXAMPLES "policies/examples"
#define SCHEMA "policies/schema/policy.schema.json"

#define PLACE                                                      \
	"\"ServiceNamespace\":\"ecs\",\"ResourceId\":\"service/c/" \
	"web\",\"ScalableDimension\":\"ecs:service:DesiredCount\""
#define TARGET "{" PLACE ",\"MinCapacity\":1,\"MaxCapacity\":10}"
#define METRIC(name) "\"PredefinedMetricSpecification\":{\"PredefinedMetricType\":\"" name "\"}"
#define CPU METRIC("ECSServiceAverageCPUUtilization")
#define POLICY_HEAD "\"PolicyName\":\"p\",\"PolicyType\":\"TargetTrackingScaling\"," PLACE
#define TRACKING(members) "\"TargetTrackingScalingPolicyConfiguration\":{" members "}"
#define POLICY "{" POLICY_HEAD "," TRACKING("\"TargetValue\":50," CPU) "}"
#define POLICY_WITH(members) "{" POLICY_HEAD "," TRACKING("\"TargetValue\":50," CPU) "," members "}"
#define TARGETS(list) "{\"ScalableTargets\":[" list "]}"
#define POLICIES(list) "{\"ScalingPolicies\":[" list "]}"

static int add(const char *text, struct plm_policy_set *set, struct plm_err *err)
{
	cJSON *doc;
	int r = plm_json_parse(text, strlen(text), PLM_JSON_COMMENTS, "web.json", &doc, err);
	if (r != 0)
		return r;
	r = plm_policy_document_add(doc, "web.json", set, err);
	cJSON_Delete(doc);
	return r;
}

static struct plm_policy_set added(const char *text)
{
	struct plm_policy_set set = { .n_targets = 0 };
	struct plm_err err = PLM_ERR_INIT;
	if (add(text, &set, &err) != 0)
		fail_msg("%s", plm_err_text(&err));
	return set;
}

static void add__target_body__is_read(void **state)
{
	(void)state;
	struct plm_policy_set set = added(
		"{" PLACE ",\"MinCapacity\":1,\"MaxCapacity\":10,\"SuspendedState\":{\"DynamicScalingInSuspended\":"
		"true,\"DynamicScalingOutSuspended\":false},\"Tags\":{\"a\":\"b\"}}");
	assert_int_equal(set.n_targets, 1);
	assert_int_equal(set.n_policies, 0);
	assert_string_equal(set.targets[0].cluster, "c");
	assert_string_equal(set.targets[0].service, "web");
	assert_string_equal(set.targets[0].file, "web.json");
	assert_int_equal(set.targets[0].min, 1);
	assert_int_equal(set.targets[0].max, 10);
	assert_true(set.targets[0].in_suspended);
	assert_false(set.targets[0].out_suspended);
	plm_policy_set_done(&set);
}

static void add__bare_policy__has_the_documented_defaults(void **state)
{
	(void)state;
	struct plm_policy_set set = added(POLICY);
	const struct plm_policy *p = &set.policies[0];
	assert_int_equal(set.n_policies, 1);
	assert_string_equal(p->name, "p");
	assert_int_equal(p->metric, PLM_METRIC_CPU);
	assert_int_equal(p->evaluation, PLM_EVALUATION_FAST);
	assert_true(p->target == 50);
	assert_true(p->tolerance == 0.1);
	assert_int_equal(p->window_s, 3);
	assert_int_equal(p->out_cooldown_s, -1);
	assert_int_equal(p->in_cooldown_s, -1);
	assert_false(p->is_scale_in_disabled);
	assert_int_equal(p->out.max_tasks, 4);
	assert_int_equal(p->out.max_percent, 100);
	assert_int_equal(p->out.period_s, 15);
	assert_int_equal(p->out.stabilization_s, 0);
	assert_int_equal(p->in.max_tasks, 0);
	assert_int_equal(p->in.max_percent, 100);
	assert_int_equal(p->in.period_s, 15);
	assert_int_equal(p->in.stabilization_s, 300);
	plm_policy_set_done(&set);
}

static void add__own_member__sets_the_profile(void **state)
{
	(void)state;
	struct plm_policy_set set =
		added(POLICY_WITH("\"Plimsoll\":{\"Evaluation\":\"fast\",\"Tolerance\":0.2,\"WindowSeconds\":10,"
				  "\"ScaleOut\":{\"MaxTasks\":2,\"StabilizationSeconds\":30},"
				  "\"ScaleIn\":{\"MaxPercent\":20,\"MaxTasks\":1,\"PeriodSeconds\":60}}"));
	const struct plm_policy *p = &set.policies[0];
	assert_true(p->tolerance == 0.2);
	assert_int_equal(p->window_s, 10);
	assert_int_equal(p->out.max_tasks, 2);
	assert_int_equal(p->out.max_percent, 0); /* naming one limit drops the other's default */
	assert_int_equal(p->out.period_s, 15);
	assert_int_equal(p->out.stabilization_s, 30);
	assert_int_equal(p->in.max_tasks, 1);
	assert_int_equal(p->in.max_percent, 20);
	assert_int_equal(p->in.period_s, 60);
	assert_int_equal(p->in.stabilization_s, 300);
	plm_policy_set_done(&set);
}

static void add__scale_in_cooldown__is_the_window_unless_ours_is_given(void **state)
{
	(void)state;
	struct plm_policy_set set = added("{" POLICY_HEAD "," TRACKING(
		"\"TargetValue\":50,\"ScaleInCooldown\":90,\"ScaleOutCooldown\":0,\"DisableScaleIn\":true," CPU) "}");
	assert_int_equal(set.policies[0].in.stabilization_s, 90);
	assert_int_equal(set.policies[0].out_cooldown_s, 0);
	assert_int_equal(set.policies[0].out.stabilization_s, 0);
	assert_true(set.policies[0].is_scale_in_disabled);
	plm_policy_set_done(&set);
	set = added("{" POLICY_HEAD
		    "," TRACKING("\"TargetValue\":50,\"ScaleInCooldown\":90," CPU) ",\"Plimsoll\":{\"ScaleIn\":{"
										   "\"StabilizationSeconds\":7}}}");
	assert_int_equal(set.policies[0].in.stabilization_s, 7);
	plm_policy_set_done(&set);
}

static void add__null_members__count_as_absent(void **state)
{
	(void)state;
	struct plm_policy_set set =
		added(POLICY_WITH("\"StepScalingPolicyConfiguration\":null,\"Plimsoll\":null,\"Alarms\":null"));
	assert_int_equal(set.n_policies, 1);
	plm_policy_set_done(&set);
	set = added("{\"ScalableTargets\":[],\"ScheduledActions\":[],\"NextToken\":null}");
	assert_int_equal(set.n_targets + set.n_policies, 0);
	plm_policy_set_done(&set);
}

static void add__string_with_escapes__reads_them(void **state)
{
	(void)state;
	struct plm_policy_set set =
		added("{\"PolicyName\":\"gr\\u00f6\\u00dfe \\\"x\\\"\",\"PolicyType\":\"TargetTrackingScaling\"," PLACE
		      "," TRACKING("\"TargetValue\":5e1," CPU) "}");
	assert_string_equal(set.policies[0].name, "gr\xc3\xb6\xc3\x9f"
						  "e \"x\"");
	plm_policy_set_done(&set);
}

/* Each with the place and the words that a person needs. */
static const struct {
	const char *text, *where, *says;
} bad[] = {
	{ "[]", "web.json", "must be an object" },
	{ TARGETS("7"), "web.json: ScalableTargets[0]", "must be an object" },
	{ "{\"ScalableTargets\":{}}", "web.json: ScalableTargets", "must be an array" },
	{ "{\"ScalingPolicys\":[]}", "web.json: ScalingPolicys", "did you mean \"ScalingPolicies\"?" },
	{ "{\"ScheduledActions\":[{}]}", "web.json: ScheduledActions",
	  "not carried out by this version, which takes ScalableTargets" },
	{ "{\"Budgets\":5}", "web.json: Budgets", "must be an array" },
	{ "{\"ScheduledActionName\":\"a\",\"Schedule\":\"rate(1 day)\"," PLACE "}", "web.json",
	  "scheduled action is not carried out" },
	{ "{\"policyName\":\"p\"}", "web.json: policyName", "did you mean \"PolicyName\"?" },
	{ "{" PLACE "}", "web.json: MinCapacity", "is required" },
	{ "{\"ServiceNamespace\":\"dynamodb\",\"ResourceId\":\"table/"
	  "t\",\"ScalableDimension\":\"dynamodb:table:ReadCapacityUnits\","
	  "\"MinCapacity\":1,\"MaxCapacity\":2}",
	  "web.json: ServiceNamespace", "it must be ecs" },
	{ "{\"ServiceNamespace\":\"ecs\",\"ResourceId\":\"service/c/"
	  "web\",\"ScalableDimension\":\"ecs:service:desiredcount\","
	  "\"MinCapacity\":1,\"MaxCapacity\":2}",
	  "web.json: ScalableDimension", "it must be ecs:service:DesiredCount" },
	{ TARGETS("{" PLACE ",\"MinCapacity\":5,\"MaxCapacity\":4}"), "web.json: ScalableTargets[0].MinCapacity",
	  "is 5, more than MaxCapacity 4" },
	{ TARGETS(TARGET ",{" PLACE ",\"MinCapacity\":-1,\"MaxCapacity\":4}"),
	  "web.json: ScalableTargets[1].MinCapacity", "from 0 to 100000" },
	{ TARGETS("{" PLACE ",\"MinCapacity\":1.5,\"MaxCapacity\":4}"), "web.json: ScalableTargets[0].MinCapacity",
	  "whole number" },
	{ TARGETS("{" PLACE ",\"MinCapacity\":\"1\",\"MaxCapacity\":4}"), "web.json: ScalableTargets[0].MinCapacity",
	  "is a string" },
	{ TARGETS("{" PLACE ",\"MinCapacity\":1,\"MaxCapacity\":4,\"SuspendedState\":{\"DynamicScalingIn\":true}}"),
	  "web.json: ScalableTargets[0].SuspendedState.DynamicScalingIn", "is not a known member" },
	{ POLICIES("{" POLICY_HEAD "," TRACKING("\"TargetValue\":0," CPU) "}"),
	  "web.json: ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.TargetValue",
	  "is 0; it must be more than 0" },
	{ POLICIES("{" POLICY_HEAD "," TRACKING("\"TargetValue\":-5," CPU) "}"),
	  "web.json: ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.TargetValue",
	  "is -5; it must be more than 0" },
	{ POLICIES("{" POLICY_HEAD "," TRACKING("\"TargetValue\":1e109," CPU) "}"),
	  "web.json: ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.TargetValue", "at most 2.34854e+108" },
	{ POLICIES("{" POLICY_HEAD "," TRACKING("\"TargetValue\":1e999," CPU) "}"),
	  "web.json: ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.TargetValue", "it must be" },
	{ POLICIES("{" POLICY_HEAD "," TRACKING(CPU) "}"),
	  "web.json: ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.TargetValue", "is required" },
	{ POLICIES("{" POLICY_HEAD "," TRACKING("\"TargetValu\":50," CPU) "}"),
	  "web.json: ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.TargetValu",
	  "did you mean \"TargetValue\"?" },
	{ POLICIES("{" POLICY_HEAD "," TRACKING("\"TargetValue\":50") "}"),
	  "web.json: ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification",
	  "is required" },
	{ POLICIES("{" POLICY_HEAD "," TRACKING("\"TargetValue\":50," METRIC("ALBRequestCountPerTarget")) "}"),
	  "web.json: "
	  "ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification."
	  "PredefinedMetricType",
	  "ALBRequestCountPerTarget is not carried out by this version, which takes ECSServiceAverageCPUUtilization "
	  "and "
	  "ECSServiceAverageMemoryUtilization" },
	{ POLICIES("{" POLICY_HEAD
		   "," TRACKING("\"TargetValue\":50," METRIC("ECSServiceAverageCPUUtilizationHighResolution")) "}"),
	  "web.json: "
	  "ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification."
	  "PredefinedMetricType",
	  "not carried out" },
	{ POLICIES("{" POLICY_HEAD "," TRACKING("\"TargetValue\":50," METRIC("CPUUtilization")) "}"),
	  "web.json: "
	  "ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification."
	  "PredefinedMetricType",
	  "one of: ECSServiceAverageCPUUtilization" },
	{ POLICIES("{" POLICY_HEAD
		   "," TRACKING("\"TargetValue\":50,\"CustomizedMetricSpecification\":{\"MetricName\":\"m\"}") "}"),
	  "web.json: ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification",
	  "not carried out" },
	{ POLICIES("{\"PolicyName\":\"s\",\"PolicyType\":\"StepScaling\"," PLACE
		   ",\"StepScalingPolicyConfiguration\":{}}"),
	  "web.json: ScalingPolicies[0].PolicyType",
	  "StepScaling is not carried out by this version, which takes TargetTrackingScaling" },
	{ POLICIES("{\"PolicyName\":\"s\",\"PolicyType\":\"PredictiveScaling\"," PLACE "}"),
	  "web.json: ScalingPolicies[0].PolicyType", "not carried out" },
	{ POLICIES("{\"PolicyName\":\"s\",\"PolicyType\":\"TargetTracking\"," PLACE "}"),
	  "web.json: ScalingPolicies[0].PolicyType", "one of: TargetTrackingScaling" },
	{ POLICIES(POLICY_WITH("\"StepScalingPolicyConfiguration\":{}")),
	  "web.json: ScalingPolicies[0].StepScalingPolicyConfiguration", "not carried out" },
	{ POLICIES("{" POLICY_HEAD "," TRACKING("\"TargetValue\":50,\"ScaleInCooldown\":-1," CPU) "}"),
	  "web.json: ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.ScaleInCooldown", "from 0 to 86400" },
	{ POLICIES("{" POLICY_HEAD "," TRACKING("\"TargetValue\":50,\"DisableScaleIn\":\"yes\"," CPU) "}"),
	  "web.json: ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.DisableScaleIn", "true or false" },
	{ POLICIES(POLICY_WITH("\"Plimsoll\":{\"Evaluation\":\"aws\"}")),
	  "web.json: ScalingPolicies[0].Plimsoll.Evaluation",
	  "aws is not carried out by this version, which takes fast" },
	{ POLICIES(POLICY_WITH("\"Plimsoll\":{\"Evaluation\":\"quick\"}")),
	  "web.json: ScalingPolicies[0].Plimsoll.Evaluation", "one of: fast" },
	{ POLICIES(POLICY_WITH("\"Plimsoll\":{\"Tolerance\":0.6}")), "web.json: ScalingPolicies[0].Plimsoll.Tolerance",
	  "from 0 to 0.5" },
	{ POLICIES(POLICY_WITH("\"Plimsoll\":{\"ScaleOut\":{\"MaxTasks\":0}}")),
	  "web.json: ScalingPolicies[0].Plimsoll.ScaleOut.MaxTasks", "from 1 to 100000" },
	{ POLICIES(POLICY_WITH("\"Plimsoll\":{\"ScaleIn\":{\"Stabilisation\":1}}")),
	  "web.json: ScalingPolicies[0].Plimsoll.ScaleIn.Stabilisation", "is not a known member" },
	{ POLICIES(POLICY_WITH("\"Alarms\":{}")), "web.json: ScalingPolicies[0].Alarms", "must be an array" },
	{ POLICIES(POLICY_WITH("\"CreationTime\":[]")), "web.json: ScalingPolicies[0].CreationTime", "must be a time" },
	{ "{\"PolicyName\":\"a\\u0007b\",\"PolicyType\":\"TargetTrackingScaling\"," PLACE
	  "," TRACKING("\"TargetValue\":50," CPU) "}",
	  "web.json: PolicyName", "control character" },
	{ "{\"PolicyName\":\"\",\"PolicyType\":\"TargetTrackingScaling\"," PLACE "}", "web.json: PolicyName",
	  "1 to 255" },
};

static void add__bad_document__names_place_and_range_and_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct plm_policy_set set =
			added("{\"ScalableTargets\":[" TARGET "],\"ScalingPolicies\":[" POLICY "]}");
		struct plm_target target = set.targets[0];
		struct plm_policy policy = set.policies[0];
		struct plm_err err = PLM_ERR_INIT;
		if (add(bad[i].text, &set, &err) != -EINVAL || strcmp(err.where, bad[i].where) != 0 ||
		    !strstr(err.msg, bad[i].says))
			fail_msg("row %zu: %s\n  wanted \"%s\" at %s\n  got \"%s\" at %s", i, bad[i].text, bad[i].says,
				 bad[i].where, err.msg, err.where);
		assert_int_equal(set.n_targets, 1);
		assert_int_equal(set.n_policies, 1);
		assert_memory_equal(&set.targets[0], &target, sizeof(target));
		assert_memory_equal(&set.policies[0], &policy, sizeof(policy));
		plm_policy_set_done(&set);
	}
}

static void add__last_entry_of_two_lists_bad__adds_neither_list(void **state)
{
	(void)state;
	struct plm_policy_set set = { .n_targets = 0 };
	struct plm_err err = PLM_ERR_INIT;
	assert_int_equal(add("{\"ScalableTargets\":[" TARGET "],\"ScalingPolicies\":[" POLICY ",{}]}", &set, &err),
			 -EINVAL);
	assert_string_equal(err.where, "web.json: ScalingPolicies[1].PolicyName");
	assert_int_equal(set.n_targets, 0);
	assert_int_equal(set.n_policies, 0);
	plm_policy_set_done(&set);
}

static void add__hostile_text__is_refused_by_the_parser(void **state)
{
	(void)state;
	struct plm_policy_set set = { .n_targets = 0 };
	struct plm_err err = PLM_ERR_INIT;
	size_t len = 1 << 20;
	char *deep = malloc(len + 1);
	assert_non_null(deep);
	memset(deep, '[', len);
	deep[len] = '\0';
	assert_int_equal(add(deep, &set, &err), -EINVAL);
	free(deep);
	const char *whole = "{\"ScalableTargets\":[" TARGET "],\"ScalingPolicies\":[" POLICY "]}";
	char cut[2048];
	for (size_t n = 0; n < strlen(whole); n++) {
		(void)snprintf(cut, sizeof(cut), "%.*s", (int)n, whole);
		assert_true(add(cut, &set, &err) < 0);
	}
	assert_int_equal(set.n_targets + set.n_policies, 0);
	plm_policy_set_done(&set);
}

static void resource_id__many__only_service_cluster_name(void **state)
{
	(void)state;
	char long_ok[300] = "service/c/", long_bad[300] = "service/c/", text[1200];
	memset(long_ok + 10, 'x', 255);
	memset(long_bad + 10, 'x', 256);
	const struct {
		const char *id;
		bool is_good;
	} ids[] = { { "service/c/web", true },  { "service/c-1/web_2", true },
		    { "service/web", false },   { "service//web", false },
		    { "service/c/", false },    { "service/c/web/1", false },
		    { "Service/c/web", false }, { "web", false },
		    { long_ok, true },          { long_bad, false } };
	cJSON *schema;
	assert_int_equal(plm_json_load(SCHEMA, 0, &schema, NULL), 0);
	const cJSON *target =
		cJSON_GetObjectItem(cJSON_GetObjectItem(cJSON_GetObjectItem(schema, "$defs"), "target"), "properties");
	regex_t pattern;
	assert_int_equal(regcomp(&pattern,
				 cJSON_GetObjectItem(cJSON_GetObjectItem(target, "ResourceId"), "pattern")->valuestring,
				 REG_EXTENDED | REG_NOSUB),
			 0);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct plm_policy_set set = { .n_targets = 0 };
		(void)snprintf(text, sizeof(text),
			       "{\"ServiceNamespace\":\"ecs\",\"ScalableDimension\":\"ecs:service:DesiredCount\","
			       "\"ResourceId\":\"%s\",\"MinCapacity\":0,\"MaxCapacity\":0}",
			       ids[i].id);
		assert_int_equal(add(text, &set, NULL), ids[i].is_good ? 0 : -EINVAL);
		assert_int_equal(regexec(&pattern, ids[i].id, 0, NULL, 0) == 0, ids[i].is_good);
		plm_policy_set_done(&set);
	}
	regfree(&pattern);
	cJSON_Delete(schema);
}

/* --- cross-checks --- */

#define SECOND(name, metric)                                                           \
	"{\"PolicyName\":\"" name "\",\"PolicyType\":\"TargetTrackingScaling\"," PLACE \
	"," TRACKING("\"TargetValue\":50," METRIC(metric)) "}"

static void check__sets__are_told_apart(void **state)
{
	(void)state;
	const struct {
		const char *text, *says;
	} rows[] = {
		{ "{\"ScalableTargets\":[" TARGET "],\"ScalingPolicies\":[" POLICY "]}", NULL },
		{ "{\"ScalableTargets\":[" TARGET "],\"ScalingPolicies\":[" POLICY
		  "," SECOND("q", "ECSServiceAverageMemoryUtilization") "]}",
		  NULL },
		{ TARGETS(TARGET), NULL },
		{ "{}", NULL },
		{ POLICIES(POLICY), "no ScalableTargets entry for service/c/web" },
		{ TARGETS(TARGET "," TARGET), "target service/c/web is also in web.json" },
		{ "{\"ScalableTargets\":[" TARGET "],\"ScalingPolicies\":[" POLICY
		  "," SECOND("p", "ECSServiceAverageMemoryUtilization") "]}",
		  "policy \"p\" of service \"web\" is also in web.json" },
		{ "{\"ScalableTargets\":[" TARGET "],\"ScalingPolicies\":[" POLICY
		  "," SECOND("q", "ECSServiceAverageCPUUtilization") "]}",
		  "policies \"p\" and \"q\" of service \"web\" track the same metric ECSServiceAverageCPUUtilization" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct plm_policy_set set = added(rows[i].text);
		struct plm_err err = PLM_ERR_INIT;
		int r = plm_policy_set_check(&set, &err);
		if ((rows[i].says != NULL) != (r == -EINVAL) || (rows[i].says && !strstr(err.msg, rows[i].says)))
			fail_msg("row %zu: %d \"%s\"", i, r, err.msg);
		plm_policy_set_done(&set);
	}
}

static void check__same_service_in_two_clusters__is_two_targets(void **state)
{
	(void)state;
	struct plm_policy_set set = added(TARGETS(TARGET));
	struct plm_err err = PLM_ERR_INIT;
	assert_int_equal(add("{\"ServiceNamespace\":\"ecs\",\"ScalableDimension\":\"ecs:service:DesiredCount\","
			     "\"ResourceId\":\"service/d/web\","
			     "\"MinCapacity\":0,\"MaxCapacity\":1}",
			     &set, &err),
			 0);
	assert_int_equal(plm_policy_set_check(&set, &err), 0);
	plm_policy_set_done(&set);
}

static void check__ten_thousand_policies__are_taken(void **state)
{
	(void)state;
	struct plm_policy_set set = { .n_targets = 0 };
	char text[1200];
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"ScalableTargets\":[{\"ServiceNamespace\":\"ecs\",\"ResourceId\":\"service/c/s%d\","
			       "\"ScalableDimension\":\"ecs:service:DesiredCount\",\"MinCapacity\":1,\"MaxCapacity\":"
			       "10}],\"ScalingPolicies\":[{"
			       "\"PolicyName\":\"p\",\"PolicyType\":\"TargetTrackingScaling\",\"ServiceNamespace\":"
			       "\"ecs\",\"ResourceId\":"
			       "\"service/c/s%d\",\"ScalableDimension\":\"ecs:service:DesiredCount\"," TRACKING(
				       "\"TargetValue\":50," CPU) "}]}",
			       i, i);
		assert_int_equal(add(text, &set, NULL), 0);
	}
	assert_int_equal(plm_policy_set_check(&set, NULL), 0);
	plm_policy_set_done(&set);
}

/* --- files of this tree --- */

static void examples__each__is_loaded(void **state)
{
	(void)state;
	struct plm_policy_set all = { .n_targets = 0 };
	struct plm_err err = PLM_ERR_INIT;
	int n = 0;
	DIR *folder = opendir(EXAMPLES);
	assert_non_null(folder);
	for (struct dirent *e; (e = readdir(folder));) {
		char path[600];
		if (!plm_glob("*.json", e->d_name))
			continue;
		cJSON *doc;
		(void)snprintf(path, sizeof(path), EXAMPLES "/%s", e->d_name);
		if (plm_json_load(path, PLM_JSON_COMMENTS, &doc, &err) != 0 ||
		    plm_policy_document_add(doc, path, &all, &err) != 0)
			fail_msg("%s", plm_err_text(&err));
		cJSON_Delete(doc);
		n++;
	}
	closedir(folder);
	if (plm_policy_set_check(&all, &err) != 0)
		fail_msg("%s", plm_err_text(&err));
	assert_true(n >= 7);
	assert_int_equal(all.n_targets, 5);
	assert_int_equal(all.n_policies, 6);
	for (size_t i = 0; i < all.n_policies; i++)
		if (strcmp(all.policies[i].name, "memory75") == 0)
			assert_int_equal(all.policies[i].in.stabilization_s, 600);
	plm_policy_set_done(&all);
}

static bool is_text(const cJSON *item, const char *text)
{
	return cJSON_IsString(item) && strcmp(item->valuestring, text) == 0;
}

static bool is_number(const cJSON *schema, const char *key, double value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(schema, key);
	return cJSON_IsNumber(item) && fabs(item->valuedouble - value) <= fabs(value) * 1e-12;
}

static bool is_reference(const cJSON *schema, const char *inner)
{
	char text[64];
	(void)snprintf(text, sizeof(text), "#/$defs/%s", inner);
	return is_text(cJSON_GetObjectItemCaseSensitive(schema, "$ref"), text);
}

static bool is_same_words(const cJSON *list, const struct plm_field *f)
{
	if (!f->values)
		return !list;
	if (cJSON_GetArraySize(list) != f->n_taken)
		return false;
	for (int i = 0; i < f->n_taken; i++)
		if (!is_text(cJSON_GetArrayItem(list, i), f->values[i]))
			return false;
	return true;
}

/* Whether a property of the schema says what the field's row says. */
static bool is_same_field(const cJSON *s, const struct plm_field *f)
{
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(s, "type"),
		    *items = cJSON_GetObjectItemCaseSensitive(s, "items");
	switch (f->type) {
	case PLM_FIELD_STRING:
		return is_text(type, "string") && is_same_words(cJSON_GetObjectItemCaseSensitive(s, "enum"), f) &&
		       (f->values || (is_number(s, "minLength", f->min) && is_number(s, "maxLength", f->max)));
	case PLM_FIELD_INTEGER:
		return is_text(type, "integer") && is_number(s, "minimum", f->min) && is_number(s, "maximum", f->max);
	case PLM_FIELD_NUMBER:
		return is_text(type, "number") &&
		       is_number(s, f->is_above_min ? "exclusiveMinimum" : "minimum", f->min) &&
		       is_number(s, "maximum", f->max);
	case PLM_FIELD_BOOLEAN:
		return is_text(type, "boolean");
	case PLM_FIELD_OBJECT:
		return f->inner ? is_reference(s, f->inner) : is_text(type, "object");
	case PLM_FIELD_ARRAY:
		return is_text(type, "array") &&
		       (f->inner ? is_reference(items, f->inner)
				 : is_text(cJSON_GetObjectItemCaseSensitive(items, "type"), "object"));
	case PLM_FIELD_TIME:
		return cJSON_GetArraySize(type) == 2 && is_text(cJSON_GetArrayItem(type, 0), "string") &&
		       is_text(cJSON_GetArrayItem(type, 1), "number");
	case PLM_FIELD_LATER:
		return cJSON_IsFalse(s);
	case PLM_FIELD_LATER_LIST:
		return is_text(type, "array") && is_number(s, "maxItems", 0);
	}
	return false;
}

static bool is_in_list(const cJSON *list, const char *text)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, list) if (is_text(item, text)) return true;
	return false;
}

static void schema__and_field_table__are_equal(void **state)
{
	(void)state;
	cJSON *schema;
	struct plm_err err = PLM_ERR_INIT;
	if (plm_json_load(SCHEMA, 0, &schema, &err) != 0)
		fail_msg("%s", plm_err_text(&err));
	const cJSON *defs = cJSON_GetObjectItemCaseSensitive(schema, "$defs"), *def;
	size_t n_properties = 0, n_required = 0;
	for (size_t i = 0; i < plm_n_fields; i++) {
		const struct plm_field *f = &plm_fields[i];
		def = cJSON_GetObjectItemCaseSensitive(defs, f->object);
		const cJSON *property =
			cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(def, "properties"), f->key);
		if (!property || !is_same_field(property, f))
			fail_msg("%s.%s differs between the schema and the table", f->object, f->key);
		if (is_in_list(cJSON_GetObjectItemCaseSensitive(def, "required"), f->key) != f->is_required)
			fail_msg("%s.%s: \"required\" differs", f->object, f->key);
		n_required += f->is_required;
	}
	cJSON_ArrayForEach(def, defs)
	{
		assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(def, "additionalProperties")));
		n_properties += (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(def, "properties"));
		n_required -= (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(def, "required"));
	}
	assert_int_equal(n_properties, plm_n_fields); /* and nothing beyond the table */
	assert_int_equal(n_required, 0);
	const cJSON *shapes = cJSON_GetObjectItemCaseSensitive(schema, "anyOf");
	assert_int_equal(cJSON_GetArraySize(shapes), 3);
	assert_true(is_reference(cJSON_GetArrayItem(shapes, 0), "document"));
	assert_true(is_reference(cJSON_GetArrayItem(shapes, 1), "target"));
	assert_true(is_reference(cJSON_GetArrayItem(shapes, 2), "policy"));
	cJSON_Delete(schema);
}

/* The line of the README's table about `key`, NULL when there is none. */
static const char *line_about(const char *text, const char *key, char *line, size_t size)
{
	char quoted[80];
	(void)snprintf(quoted, sizeof(quoted), "`%s`", key);
	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		(void)snprintf(line, size, "%.*s", (int)strcspn(p, "\n"), p);
		char *second = line[0] == '|' ? strchr(line + 1, '|') : NULL,
		     *at = second ? strstr(line, quoted) : NULL;
		if (at && at < second)
			return line;
	}
	return NULL;
}

static void readme__each_field__has_a_row_with_its_range(void **state)
{
	(void)state;
	struct plm_buf text = PLM_BUF_INIT(1 << 20);
	char line[2000], range[80];
	assert_int_equal(plm_file_read(AT_FDCWD, "policies/README.md", &text, NULL), 0);
	for (size_t i = 0; i < plm_n_fields; i++) {
		const struct plm_field *f = &plm_fields[i];
		if (f->type == PLM_FIELD_LATER) {
			if (!strstr(plm_buf_text(&text), f->key))
				fail_msg("%s is not mentioned in policies/README.md", f->key);
			continue;
		}
		if (!line_about(plm_buf_text(&text), f->key, line, sizeof(line)))
			fail_msg("%s has no row in policies/README.md", f->key);
		(void)snprintf(range, sizeof(range), "%.10g to %.10g", f->min, f->max);
		bool has_range = (f->type == PLM_FIELD_INTEGER || (f->type == PLM_FIELD_NUMBER && !f->is_above_min)) &&
				 strcmp(f->key, "PredictedCapacity") != 0;
		if (has_range && !strstr(line, range))
			fail_msg("%s: the row in policies/README.md does not say \"%s\"", f->key, range);
		for (int v = 0; v < f->n_taken; v++)
			if (!strstr(line, f->values[v]) && strcmp(f->object, "policy") != 0)
				fail_msg("%s: the row in policies/README.md does not say \"%s\"", f->key, f->values[v]);
	}
	plm_buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add__target_body__is_read),
		cmocka_unit_test(add__bare_policy__has_the_documented_defaults),
		cmocka_unit_test(add__own_member__sets_the_profile),
		cmocka_unit_test(add__scale_in_cooldown__is_the_window_unless_ours_is_given),
		cmocka_unit_test(add__null_members__count_as_absent),
		cmocka_unit_test(add__string_with_escapes__reads_them),
		cmocka_unit_test(add__bad_document__names_place_and_range_and_changes_nothing),
		cmocka_unit_test(add__last_entry_of_two_lists_bad__adds_neither_list),
		cmocka_unit_test(add__hostile_text__is_refused_by_the_parser),
		cmocka_unit_test(resource_id__many__only_service_cluster_name),
		cmocka_unit_test(check__sets__are_told_apart),
		cmocka_unit_test(check__same_service_in_two_clusters__is_two_targets),
		cmocka_unit_test(check__ten_thousand_policies__are_taken),
		cmocka_unit_test(examples__each__is_loaded),
		cmocka_unit_test(schema__and_field_table__are_equal),
		cmocka_unit_test(readme__each_field__has_a_row_with_its_range),
	};
	return PLM_RUN_TESTS(tests);
}
