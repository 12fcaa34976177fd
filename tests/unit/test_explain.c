/* SPDX-License-Identifier: Apache-2.0
 * Decisions and activities as people and programs read them. */
#include "scaling_world.h"

static cJSON *decision_doc(const struct plm_decision *d)
{
	struct plm_buf json = PLM_BUF_INIT(1 << 20);
	struct plm_err err = PLM_ERR_INIT;
	struct plm_jw w;
	cJSON *doc = NULL;
	plm_jw_init(&w, &json);
	plm_jw_obj(&w, NULL);
	plm_decision_json(d, &w);
	plm_jw_end_obj(&w);
	if (plm_json_parse(plm_buf_text(&json), json.len, 0, "decision", &doc, &err) != 0)
		fail_msg("%s: %s", plm_err_text(&err), plm_buf_text(&json));
	plm_buf_done(&json);
	return doc;
}

static void activity_text(const struct plm_activity *a, struct plm_buf *out)
{
	struct plm_jw w;
	plm_buf_reset(out);
	plm_jw_init(&w, out);
	plm_jw_obj(&w, NULL);
	plm_activity_json(a, &w);
	plm_jw_end_obj(&w);
}

static const char *text_of(const cJSON *doc, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(doc, key);
	return cJSON_IsString(item) ? item->valuestring : cJSON_IsNull(item) ? "null" : "absent or no string";
}

static double number_of(const cJSON *doc, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(doc, key);
	return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static struct world *busy_world(void)
{
	struct world *w = world_new(2, 1, 10);
	world_policy(w, "cpu50", PLM_METRIC_CPU, 50);
	world_cpu(w, 93.1);
	return w;
}

static void decision_json__scaled__has_every_key(void **state)
{
	(void)state;
	struct world *w = busy_world();
	w->service.pending = 1;
	w->use.unready = 3;
	world_tick(w);
	cJSON *doc = decision_doc(&w->d);
	assert_string_equal(text_of(doc, "time"), "2027-01-15T08:00:01.000Z");
	assert_string_equal(text_of(doc, "cluster"), "c");
	assert_string_equal(text_of(doc, "service"), "web");
	assert_true(number_of(doc, "desired") == 2 && number_of(doc, "running") == 2 && number_of(doc, "pending") == 1);
	assert_true(number_of(doc, "ready") == 2 && number_of(doc, "unready") == 3 && number_of(doc, "missing") == 0);
	assert_true(number_of(doc, "min") == 1 && number_of(doc, "max") == 10 && number_of(doc, "model_age_s") == 0);
	assert_true(number_of(doc, "result") == 4);
	assert_string_equal(text_of(doc, "deciding"), "cpu50");
	assert_string_equal(text_of(doc, "reason"), "null");
	assert_string_equal(text_of(doc, "activity_id"), "null");
	assert_contains(text_of(doc, "sentence"), "2 -> 4");
	const cJSON *p = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "proposals"), 0);
	assert_string_equal(text_of(p, "policy"), "cpu50");
	assert_string_equal(text_of(p, "metric"), "ECSServiceAverageCPUUtilization");
	assert_true(number_of(p, "target") == 50 && number_of(p, "value") == 93.1 && number_of(p, "raw") == 3.724);
	assert_true(number_of(p, "age_s") == 0.1 && number_of(p, "window_s") == 5 && number_of(p, "coverage") == 1);
	assert_true(number_of(p, "tasks") == 2 && number_of(p, "desired") == 4);
	assert_string_equal(text_of(p, "reason"), "null");
	const cJSON *s = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "stages"), 0);
	assert_string_equal(text_of(s, "stage"), "policy");
	assert_true(number_of(s, "before") == 2 && number_of(s, "after") == 4);
	assert_contains(text_of(s, "text"), "ceil(2 ready x 93.1 % CPU / 50 %) = ceil(3.72) = 4");
	cJSON_Delete(doc);
	world_free(w);
}

static void decision_json__no_data__is_null_and_never_zero(void **state)
{
	(void)state;
	struct world *w = busy_world();
	w->use.cpu = (struct plm_signal){ .value = NAN, .age_s = NAN, .window_s = 5 };
	world_tick(w);
	cJSON *doc = decision_doc(&w->d);
	const cJSON *p = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "proposals"), 0);
	static const char *const absent[] = { "value", "age_s", "raw", "desired" };
	for (size_t i = 0; i < 4; i++)
		assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(p, absent[i])));
	assert_string_equal(text_of(doc, "reason"), "InsufficientData");
	assert_string_equal(text_of(doc, "deciding"), "cpu50");
	cJSON_Delete(doc);
	world_free(w);
}

static void decision_json__strange_names__stay_json(void **state)
{
	(void)state;
	struct world *w = world_new(2, 1, 10);
	char name[PLM_NAME_MAX];
	memset(name, 0xc3, sizeof(name) - 1); /* cut UTF-8 all the way */
	name[sizeof(name) - 1] = '\0';
	world_policy(w, name, PLM_METRIC_CPU, 50);
	world_cpu(w, 1e300);
	world_tick(w);
	cJSON *doc = decision_doc(&w->d);
	assert_true(number_of(doc, "result") == 6);
	cJSON_Delete(doc);
	(void)plm_strcpy(w->set.policies->name, PLM_NAME_MAX, "a\"b\\c");
	world_tick(w);
	doc = decision_doc(&w->d);
	assert_string_equal(text_of(doc, "deciding"), "a\"b\\c");
	cJSON_Delete(doc);
	world_free(w);
}

static void activity__scaled__in_awss_words(void **state)
{
	(void)state;
	struct world *w = busy_world();
	struct plm_activity a;
	world_tick(w);
	plm_activity_from_decision(&w->d, &a);
	assert_string_equal(a.description, "Setting desired count to 4.");
	assert_string_equal(a.cause, "policy cpu50: ECSServiceAverageCPUUtilization 93.1 % over 5 s against target 50 "
				     "% on 2 ready tasks asked for 4");
	assert_string_equal(a.policy, "cpu50");
	assert_int_equal(a.status, PLM_ACT_PENDING);
	assert_int_equal(a.from, 2);
	assert_int_equal(a.to, 4);
	assert_true(a.start_wall == w->d.at.wall && a.end_wall == 0);
	world_free(w);
}

static void activity__limited__says_by_what(void **state)
{
	(void)state;
	struct world *w = busy_world();
	struct plm_activity a;
	w->set.targets->max = 3;
	world_tick(w);
	plm_activity_from_decision(&w->d, &a);
	assert_string_equal(a.description, "Setting desired count to 3.");
	assert_contains(a.cause, "asked for 4; MaxCapacity is 3");
	world_free(w);
}

static void activity__by_the_minimum__has_no_policy(void **state)
{
	(void)state;
	struct world *w = busy_world();
	struct plm_activity a;
	struct plm_buf json = PLM_BUF_INIT(1 << 16);
	w->set.targets->min = 5;
	world_tick(w);
	plm_activity_from_decision(&w->d, &a);
	assert_string_equal(a.policy, "");
	assert_string_equal(a.description, "Setting desired count to 5.");
	assert_string_equal(a.cause, "desired count 2 is below MinCapacity 5: 2 -> 5");
	activity_text(&a, &json);
	assert_contains(plm_buf_text(&json), "\"policy\":null");
	plm_buf_done(&json);
	world_free(w);
}

static void activity__not_scaled__reason_and_status_as_aws(void **state)
{
	(void)state;
	static const struct {
		int tasks, min, max;
		double m;
		const char *reasons;
		enum plm_activity_status status;
	} rows[] = {
		{ 4, 1, 4, 90, "\"not_scaled_reasons\":[{\"code\":\"AlreadyAtMaxCapacity\",\"max_capacity\":4}]",
		  PLM_ACT_FAILED },
		{ 4, 4, 8, 20, "\"not_scaled_reasons\":[{\"code\":\"AlreadyAtMinCapacity\",\"min_capacity\":4}]",
		  PLM_ACT_FAILED },
		{ 4, 1, 8, 50,
		  "\"not_scaled_reasons\":[{\"code\":\"AlreadyAtDesiredCapacity\",\"current_capacity\":4}]",
		  PLM_ACT_SUCCESSFUL },
		{ 4, 1, 8, 40,
		  "\"not_scaled_reasons\":[{\"code\":\"AutoScalingAnticipatedFlapping\",\"current_capacity\":4}]",
		  PLM_ACT_SUCCESSFUL },
		{ 4, 1, 8, NAN, "\"not_scaled_reasons\":[{\"code\":\"InsufficientData\",\"current_capacity\":4}]",
		  PLM_ACT_FAILED },
	};
	struct plm_buf json = PLM_BUF_INIT(1 << 16);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(rows[i].tasks, rows[i].min, rows[i].max);
		struct plm_activity a;
		world_policy(w, "cpu50", PLM_METRIC_CPU, 50)->in.stabilization_s = 0;
		world_cpu(w, rows[i].m);
		world_tick(w);
		plm_activity_from_decision(&w->d, &a);
		assert_string_equal(a.description, "Attempting to scale due to policy cpu50");
		assert_int_equal(a.status, rows[i].status);
		assert_int_equal(a.from, a.to);
		assert_true(a.cause[0]);
		activity_text(&a, &json);
		assert_contains(plm_buf_text(&json), rows[i].reasons);
		world_free(w);
	}
	struct world *w = busy_world();
	struct plm_activity a;
	w->service.is_scalable = false;
	world_tick(w);
	plm_activity_from_decision(&w->d, &a);
	activity_text(&a, &json);
	assert_contains(plm_buf_text(&json), "[{\"code\":\"TargetServicePutResourceAsUnscalable\"}]");
	plm_buf_done(&json);
	world_free(w);
}

static void activity_json__done_and_open__all_keys(void **state)
{
	(void)state;
	struct plm_activity a = { .id = "0a1b",
				  .cluster = "c",
				  .service = "web",
				  .policy = "cpu50",
				  .description = "Setting desired count to 4.",
				  .cause = "why",
				  .start_wall = 1767225600 * PLM_NS_PER_S,
				  .end_wall = 1767225603 * PLM_NS_PER_S,
				  .status = PLM_ACT_SUCCESSFUL,
				  .status_message = "done",
				  .from = 2,
				  .to = 4 };
	struct plm_buf json = PLM_BUF_INIT(1 << 16);
	activity_text(&a, &json);
	assert_string_equal(
		plm_buf_text(&json),
		"{\"activity_id\":\"0a1b\",\"cluster\":\"c\",\"service\":\"web\",\"policy\":\"cpu50\",\"description\":"
		"\"Setting desired "
		"count to "
		"4.\",\"cause\":\"why\",\"start_time\":\"2026-01-01T00:00:00.000Z\",\"end_time\":\"2026-01-01T00:00:03."
		"000Z\","
		"\"status_code\":\"Successful\",\"status_message\":\"done\",\"from\":2,\"to\":4,\"repeats\":0,"
		"\"not_scaled_reasons\":[]}");
	a.end_wall = 0;
	a.status_message[0] = '\0';
	a.repeats = 7;
	activity_text(&a, &json);
	assert_contains(plm_buf_text(&json), "\"end_time\":null");
	assert_contains(plm_buf_text(&json), "\"status_message\":null");
	assert_contains(plm_buf_text(&json), "\"repeats\":7");
	plm_buf_done(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decision_json__scaled__has_every_key),
		cmocka_unit_test(decision_json__no_data__is_null_and_never_zero),
		cmocka_unit_test(decision_json__strange_names__stay_json),
		cmocka_unit_test(activity__scaled__in_awss_words),
		cmocka_unit_test(activity__limited__says_by_what),
		cmocka_unit_test(activity__by_the_minimum__has_no_policy),
		cmocka_unit_test(activity__not_scaled__reason_and_status_as_aws),
		cmocka_unit_test(activity_json__done_and_open__all_keys),
	};
	return PLM_RUN_TESTS(tests);
}
