/* SPDX-License-Identifier: Apache-2.0
 * plm_api_handle() on every route and error; test_api_server.c has the sockets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/internal.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "api_fake.h"

/* One request; the answer's body stays in a static buffer until the next. */
static struct plm_api_response ask(struct fake *k, const char *method, const char *path, const char *query,
				   const char *body, bool is_trusted)
{
	static struct plm_api_response r;
	plm_buf_done(&r.body);
	struct plm_api_request req = { .method = method,
				       .path = path,
				       .query = query,
				       .body = body,
				       .body_len = body ? strlen(body) : 0,
				       .is_trusted = is_trusted,
				       .actor = "uid 7" };
	plm_api_handle(&fake_ops, k, &req, &r);
	return r;
}

static cJSON *parse(const struct plm_api_response *r)
{
	cJSON *doc = NULL;
	struct plm_err err = PLM_ERR_INIT;
	assert_string_equal(r->content_type, "application/json");
	if (plm_json_parse(r->body.data, r->body.len, 0, "answer", &doc, &err) != 0)
		fail_msg("%s in: %s", plm_err_text(&err), r->body.data);
	assert_int_equal(cJSON_GetObjectItem(doc, "api_version")->valueint, 1);
	return doc;
}

static void assert_error(const struct plm_api_response *r, int status, const char *code, const char *in_message)
{
	assert_int_equal(r->status, status);
	cJSON *doc = parse(r), *error = cJSON_GetObjectItem(doc, "error");
	assert_non_null(error);
	assert_string_equal(cJSON_GetObjectItem(error, "code")->valuestring, code);
	const char *message = cJSON_GetObjectItem(error, "message")->valuestring;
	if (!strstr(message, in_message))
		fail_msg("\"%s\" is not in: %s", in_message, message);
	cJSON_Delete(doc);
}

/* The members of an object, in order, as "a,b,c". */
static void assert_keys(const cJSON *obj, const char *expected)
{
	struct plm_buf keys = PLM_BUF_INIT(4096);
	assert_non_null(obj);
	for (const cJSON *i = obj->child; i; i = i->next)
		plm_buf_addf(&keys, "%s%s", keys.len ? "," : "", i->string);
	assert_string_equal(plm_buf_text(&keys), expected);
	plm_buf_done(&keys);
}

static const cJSON *item(const cJSON *doc, const char *array, int i)
{
	return cJSON_GetArrayItem(cJSON_GetObjectItem(doc, array), i);
}

static double number(const cJSON *obj, const char *key)
{
	const cJSON *n = cJSON_GetObjectItem(obj, key);
	assert_true(cJSON_IsNumber(n));
	return n->valuedouble;
}

static const char *text(const cJSON *obj, const char *key)
{
	const cJSON *s = cJSON_GetObjectItem(obj, key);
	assert_true(cJSON_IsString(s));
	return s->valuestring;
}

static void assert_null_member(const cJSON *obj, const char *key)
{
	if (!cJSON_IsNull(cJSON_GetObjectItem(obj, key)))
		fail_msg("%s should be null", key);
}

/* --- routes --- */

static void api_handle__services__shape_and_unknown_is_null(void **state)
{
	struct fake *k = *state;
	k->f.usage.services[0].memory.value = NAN;
	k->f.cluster.services[0].cpu_units = 0;
	struct plm_api_response r = ask(k, "GET", "/api/v1/services", NULL, NULL, false);
	assert_int_equal(r.status, 200);
	cJSON *doc = parse(&r);
	const cJSON *s = item(doc, "services", 0);
	assert_keys(s, "cluster,service,family,revision,desired,running,pending,ready,min,max,cpu_utilization_percent,"
		       "memory_utilization_percent,cpu_units,memory_reserved_bytes,cpu_usage_us,restarts,is_deploying,"
		       "is_scalable,reason");
	assert_string_equal(text(s, "service"), "web");
	assert_true(number(s, "cpu_utilization_percent") == 150);
	assert_null_member(s, "memory_utilization_percent");
	assert_null_member(s, "cpu_units");
	assert_true(number(s, "cpu_usage_us") == 222222222);
	assert_true(number(s, "max") == 20);
	cJSON_Delete(doc);

	k->f.policies.n_targets = 0;
	k->f.usage.n_services = 0;
	r = ask(k, "GET", "/api/v1/services", NULL, NULL, false);
	doc = parse(&r);
	assert_null_member(item(doc, "services", 0), "min");
	assert_null_member(item(doc, "services", 0), "ready");
	assert_null_member(item(doc, "services", 0), "cpu_usage_us");
	cJSON_Delete(doc);
}

static void api_handle__tasks__shape_filter_and_never_measured(void **state)
{
	struct fake *k = *state;
	struct plm_api_response r = ask(k, "GET", "/api/v1/tasks", "service=web", NULL, false);
	assert_int_equal(r.status, 200);
	cJSON *doc = parse(&r);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(doc, "tasks")), 10);
	const cJSON *t = item(doc, "tasks", 0);
	assert_keys(t, "id,service,family,revision,status,pid,port,cgroup,cpu_units,memory_reserved_bytes,cpu_usage_us,"
		       "cpu_cores,cpu_utilization_percent,memory_usage_bytes,memory_working_set_bytes,"
		       "memory_utilization_percent,throttled_share,cpu_pressure,memory_pressure,pids,oom_kills,"
		       "is_ready,created_at,started_at,stopped_at,exit_code,reason");
	assert_true(number(t, "cpu_usage_us") == 12345679);
	assert_true(number(t, "memory_pressure") == 0); /* measured zero stays zero */
	assert_string_equal(text(t, "started_at"), "2026-03-01T11:59:10.000Z");
	assert_null_member(t, "stopped_at");
	assert_null_member(t, "exit_code");
	t = item(doc, "tasks", 9);
	assert_string_equal(text(t, "status"), "PENDING");
	static const char *const unknown[] = { "pid",
					       "port",
					       "cgroup",
					       "cpu_usage_us",
					       "cpu_cores",
					       "cpu_utilization_percent",
					       "memory_usage_bytes",
					       "throttled_share",
					       "pids",
					       "oom_kills",
					       "started_at" };
	for (size_t i = 0; i < PLM_ARRAY_SIZE(unknown); i++)
		assert_null_member(t, unknown[i]);
	cJSON_Delete(doc);

	r = ask(k, "GET", "/api/v1/tasks", "service=nobody", NULL, false);
	assert_error(&r, 404, "not_found", "nobody");
}

static void api_handle__policies__newest_proposal_is_joined(void **state)
{
	struct fake *k = *state;
	struct plm_api_response r = ask(k, "GET", "/api/v1/policies", NULL, NULL, false);
	cJSON *doc = parse(&r);
	assert_keys(item(doc, "targets", 0), "cluster,service,min,max,in_suspended,out_suspended,file");
	const cJSON *p = item(doc, "policies", 0);
	assert_keys(p, "name,cluster,service,type,evaluation,metric,target_value,tolerance,window_s,scale_in_disabled,"
		       "in_stabilization_s,out_stabilization_s,metric_value,recommended,file");
	assert_string_equal(text(p, "type"), "TargetTrackingScaling");
	assert_true(number(p, "metric_value") == 150);
	assert_true(number(p, "recommended") == 23);
	cJSON_Delete(doc);

	k->f.decisions[0].proposals[0].desired = -1;
	k->f.decisions[0].proposals[0].input.value = NAN;
	r = ask(k, "GET", "/api/v1/policies", NULL, NULL, false);
	doc = parse(&r);
	assert_null_member(item(doc, "policies", 0), "metric_value");
	assert_null_member(item(doc, "policies", 0), "recommended");
	cJSON_Delete(doc);
}

static void api_handle__host__shape(void **state)
{
	struct plm_api_response r = ask(*state, "GET", "/api/v1/host", NULL, NULL, false);
	cJSON *doc = parse(&r);
	assert_keys(doc, "api_version,version,is_ready,time,host,rungs,self");
	assert_keys(cJSON_GetObjectItem(doc, "host"),
		    "name,kernel,cpus,memory_bytes,cgroup_mode,rung,rung_name,has_events");
	assert_keys(item(doc, "rungs", 0), "rung,name,is_usable,is_chosen,reason");
	const cJSON *self = cJSON_GetObjectItem(doc, "self");
	assert_keys(self,
		    "started_at,ticks,late_ticks,cgroups,sample_failures,backend_failures,state_failures,lost_events,"
		    "lost_cgroups,is_config_good,config_error,sample_error,backend_error,state_error,is_dry_run,"
		    "cpu_seconds,resident_bytes,last_sample_cpu_us");
	assert_string_equal(text(doc, "time"), "2026-03-01T12:00:00.000Z");
	assert_true(number(self, "last_sample_cpu_us") == 730);
	assert_true(number(self, "resident_bytes") > 1e5);
	assert_null_member(self, "config_error");
	cJSON_Delete(doc);
}

static void api_handle__activities__parameters_reach_the_daemon(void **state)
{
	struct fake *k = *state;
	struct plm_api_response r = ask(k, "GET", "/api/v1/activities", NULL, NULL, false);
	cJSON *doc = parse(&r);
	assert_string_equal(text(item(doc, "activities", 0), "id"), "a-1");
	cJSON_Delete(doc);
	assert_string_equal(k->asked, "");
	assert_int_equal(k->max, 50);
	assert_false(k->with_not_scaled);

	r = ask(k, "GET", "/api/v1/activities", "service=a%2Fb+c&include_not_scaled=1&max=1000", NULL, false);
	assert_int_equal(r.status, 200);
	assert_string_equal(k->asked, "a/b c");
	assert_int_equal(k->max, 1000);
	assert_true(k->with_not_scaled);

	k->activities_result = -EIO;
	r = ask(k, "GET", "/api/v1/activities", NULL, NULL, false);
	assert_error(&r, 500, "state_failed", "state.db: disk I/O error");
}

static void api_handle__explain__time_and_missing(void **state)
{
	struct fake *k = *state;
	struct plm_api_response r =
		ask(k, "GET", "/api/v1/explain", "service=web&at=2026-03-01T12:00:00Z", NULL, false);
	cJSON *doc = parse(&r);
	assert_string_equal(text(cJSON_GetObjectItem(doc, "decision"), "sentence"), "because");
	cJSON_Delete(doc);
	assert_true(k->at == FIXTURE_WALL);
	r = ask(k, "GET", "/api/v1/explain", "service=web", NULL, false);
	assert_int_equal(r.status, 200);
	assert_true(k->at == 0);
	k->explain_result = -ENOENT;
	r = ask(k, "GET", "/api/v1/explain", "service=web", NULL, false);
	assert_error(&r, 404, "not_found", "no decision is recorded for service \"web\"");
	k->explain_result = -EIO;
	r = ask(k, "GET", "/api/v1/explain", "service=web", NULL, false);
	assert_error(&r, 500, "state_failed", "");
}

static void api_handle__bad_requests__named_in_the_error(void **state)
{
	static const struct {
		const char *method, *path, *query;
		int status;
		const char *code, *in_message;
	} cases[] = {
		{ "GET", "/nothing", NULL, 404, "not_found", "/nothing" },
		{ "GET", "", NULL, 404, "not_found", "" },
		{ "GET", "/api/v1/services/", NULL, 404, "not_found", "" },
		{ "GET", "/api/v1/services//desired", NULL, 404, "not_found", "" },
		{ "POST", "/api/v1/services/a/b/desired", NULL, 404, "not_found", "" },
		{ "DELETE", "/metrics", NULL, 405, "method_not_allowed", "GET, HEAD" },
		{ "POST", "/api/v1/tasks", NULL, 405, "method_not_allowed", "" },
		{ "GET", "/api/v1/services/web/desired", NULL, 405, "method_not_allowed", "POST is" },
		{ "", "/metrics", NULL, 405, "method_not_allowed", "" },
		{ "GE", "/metrics", NULL, 405, "method_not_allowed", "" },
		{ "GET, HEAD", "/metrics", NULL, 405, "method_not_allowed", "" },
		{ "GET", "/api/v1/tasks", "servce=web", 400, "invalid_parameter", "servce" },
		{ "GET", "/api/v1/tasks", "service=%zz", 400, "invalid_parameter", "service: bad percent escape" },
		{ "GET", "/api/v1/tasks", "service=%4", 400, "invalid_parameter", "bad percent escape" },
		{ "GET", "/api/v1/tasks", "service=%00", 400, "invalid_parameter", "" },
		{ "GET", "/api/v1/activities", "max=0", 400, "invalid_parameter", "from 1 to 1000" },
		{ "GET", "/api/v1/activities", "max=1001", 400, "invalid_parameter", "1001" },
		{ "GET", "/api/v1/activities", "include_not_scaled=yes", 400, "invalid_parameter", "from 0 to 1" },
		{ "GET", "/api/v1/explain", NULL, 400, "invalid_parameter", "service: required" },
		{ "GET", "/api/v1/explain", "service=web&at=yesterday", 400, "invalid_parameter", "yesterday" },
		{ "POST", "/api/v1/services/%zz/desired", NULL, 400, "invalid_path", "percent" },
	};
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		struct plm_api_response r = ask(*state, cases[i].method, cases[i].path, cases[i].query, NULL, true);
		if (r.status != cases[i].status)
			fail_msg("%s %s: %d", cases[i].method, cases[i].path, r.status);
		assert_error(&r, cases[i].status, cases[i].code, cases[i].in_message);
		assert_true((r.allow != NULL) == (r.status == 405));
	}
	struct plm_api_response r = ask(*state, "PUT", "/api/v1/services/web/desired", NULL, NULL, true);
	assert_string_equal(r.allow, "POST");
}

static void api_handle__long_service_name__refused(void **state)
{
	char query[400] = "service=";
	memset(query + 8, 'x', 300);
	struct plm_api_response r = ask(*state, "GET", "/api/v1/tasks", query, NULL, false);
	assert_error(&r, 400, "invalid_parameter", "at most 255 bytes");
}

static void api_handle__set_desired__through_the_daemon(void **state)
{
	struct fake *k = *state;
	struct plm_api_response r = ask(k, "POST", "/api/v1/services/web/desired", NULL, "{\"desired\":12}", true);
	assert_int_equal(r.status, 200);
	cJSON *doc = parse(&r);
	assert_keys(doc, "api_version,service,from,desired,dry_run");
	assert_true(number(doc, "from") == 10 && number(doc, "desired") == 12);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(doc, "dry_run")));
	cJSON_Delete(doc);
	assert_string_equal(k->scaled, "web");
	assert_string_equal(k->actor, "uid 7");
	assert_int_equal(k->desired, 12);

	k->scale_result = 1;
	r = ask(k, "POST", "/api/v1/services/other%2Dname/desired", NULL, "{\"desired\":0}", true);
	doc = parse(&r);
	assert_null_member(doc, "from");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(doc, "dry_run")));
	cJSON_Delete(doc);
	assert_string_equal(k->scaled, "other-name");
}

static void api_handle__set_desired__errors(void **state)
{
	struct fake *k = *state;
	static const struct {
		int result, status;
		const char *code;
	} cases[] = {
		{ -ENOENT, 404, "not_found" },    { -EPERM, 409, "not_scalable" },
		{ -EINVAL, 400, "invalid_body" }, { -ETIMEDOUT, 502, "backend_failed" },
		{ -EIO, 502, "backend_failed" },
	};
	static const char *const bodies[] = { NULL,
					      "",
					      "12",
					      "[]",
					      "{}",
					      "{\"desired\":-1}",
					      "{\"desired\":1.5}",
					      "{\"desired\":\"3\"}",
					      "{\"desired\":100001}",
					      "{\"desired\":3,\"x\":1}",
					      "{\"desired\":3}}",
					      "{\"Desired\":3}" };
	struct plm_api_response r;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		k->scale_result = cases[i].result;
		r = ask(k, "POST", "/api/v1/services/web/desired", NULL, "{\"desired\":3}", true);
		assert_error(&r, cases[i].status, cases[i].code, "made to fail");
	}
	k->scale_result = 0;
	k->scaled[0] = '\0';
	for (size_t i = 0; i < PLM_ARRAY_SIZE(bodies); i++) {
		r = ask(k, "POST", "/api/v1/services/web/desired", NULL, bodies[i], true);
		assert_error(&r, 400, "invalid_body", "");
	}
	r = ask(k, "POST", "/api/v1/services/web/desired", NULL, "{\"desired\":3}", false);
	assert_error(&r, 403, "read_only", "Unix socket");
	assert_string_equal(k->scaled, ""); /* none of these reached the daemon */
}

static void api_handle__readyz__reasons_and_rung(void **state)
{
	struct fake *k = *state;
	struct plm_api_response r = ask(k, "GET", "/readyz", NULL, NULL, false);
	assert_int_equal(r.status, 200);
	assert_string_equal(plm_buf_text(&r.body),
			    "ok\nkernel: rung C (iterator-hybrid), events of ending cgroups on\n"
			    "kernel: rung B (iterator-v2) not usable: no controllers on the \"v2\" hierarchy\n");
	(void)snprintf(k->f.self.state_error, sizeof(k->f.self.state_error), "database or disk is full");
	r = ask(k, "GET", "/readyz", NULL, NULL, false);
	assert_int_equal(r.status, 200); /* goes on without */
	assert_non_null(strstr(plm_buf_text(&r.body), "\nwarning: state: database or disk is full\n"));

	(void)snprintf(k->f.self.backend_error, sizeof(k->f.self.backend_error), "connection refused");
	(void)snprintf(k->f.self.config_error, sizeof(k->f.self.config_error), "plimsoll.json: web: unknown key");
	k->f.self.is_config_good = false;
	r = ask(k, "GET", "/readyz", NULL, NULL, false);
	assert_int_equal(r.status, 503);
	assert_non_null(
		strstr(plm_buf_text(&r.body),
		       "not ready\nbackend: connection refused\nconfiguration: plimsoll.json: web: unknown key\n"));
	k->f.view = (struct plm_view){ .version = "0.1.0" };
	r = ask(k, "GET", "/readyz", NULL, NULL, false);
	assert_int_equal(r.status, 503);
	assert_string_equal(plm_buf_text(&r.body),
			    "not ready\nstart: no full sample yet, or the backend has not answered yet\n");
}

static void api_handle__page_and_metrics__content(void **state)
{
	struct fake *k = *state;
	(void)snprintf(k->f.cluster.services[0].reason, PLM_REASON_MAX, "<script>alert(1)</script> & more");
	struct plm_api_response r = ask(k, "GET", "/", NULL, NULL, false);
	assert_string_equal(r.content_type, "text/html; charset=utf-8");
	assert_null(strstr(r.body.data, "<script"));
	assert_non_null(strstr(r.body.data, "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more"));
	assert_non_null(strstr(r.body.data, "href=\"/metrics\""));
	assert_non_null(strstr(r.body.data, "150.0&nbsp;%"));
	r = ask(k, "HEAD", "/metrics", "collect[]=cpu", NULL, false);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.content_type, "text/plain; version=0.0.4; charset=utf-8");
	r = ask(k, "GET", "/healthz", NULL, NULL, false);
	assert_string_equal(plm_buf_text(&r.body), "ok\n");
}

static void api_handle__view_without_parts__every_route_answers(void **state)
{
	struct fake *k = *state;
	static const char *const paths[] = { "/",
					     "/metrics",
					     "/healthz",
					     "/readyz",
					     "/api/v1/services",
					     "/api/v1/tasks",
					     "/api/v1/policies",
					     "/api/v1/activities",
					     "/api/v1/host" };
	k->f.view = (struct plm_view){ .version = NULL };
	for (size_t i = 0; i < PLM_ARRAY_SIZE(paths); i++) {
		struct plm_api_response r = ask(k, "GET", paths[i], NULL, NULL, false);
		assert_int_equal(r.status, strcmp(paths[i], "/readyz") == 0 ? 503 : 200);
	}
	k->has_no_view = true;
	struct plm_api_response r = ask(k, "GET", "/api/v1/host", NULL, NULL, false);
	assert_error(&r, 503, "not_ready", "");
}

static void host_is_loopback__headers__told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *host;
		bool expected;
	} cases[] = {
		{ "localhost", true },
		{ "LocalHost:17546", true },
		{ "127.0.0.1:80", true },
		{ "127.1.2.3", true },
		{ "[::1]", true },
		{ "[::1]:17546", true },
		{ "evil.example", false },
		{ "localhost.evil.example", false },
		{ "127.0.0.1.evil.example", false },
		{ "", false },
		{ "[::1", false },
		{ "[::1]x", false },
		{ "10.0.0.1", false },
		{ "::1", false },
	};
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++)
		if (plm_host_is_loopback(cases[i].host) != cases[i].expected)
			fail_msg("wrong for \"%s\"", cases[i].host);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(api_handle__services__shape_and_unknown_is_null),
		CASE(api_handle__tasks__shape_filter_and_never_measured),
		CASE(api_handle__policies__newest_proposal_is_joined),
		CASE(api_handle__host__shape),
		CASE(api_handle__activities__parameters_reach_the_daemon),
		CASE(api_handle__explain__time_and_missing),
		CASE(api_handle__bad_requests__named_in_the_error),
		CASE(api_handle__long_service_name__refused),
		CASE(api_handle__set_desired__through_the_daemon),
		CASE(api_handle__set_desired__errors),
		CASE(api_handle__readyz__reasons_and_rung),
		CASE(api_handle__page_and_metrics__content),
		CASE(api_handle__view_without_parts__every_route_answers),
		CASE(host_is_loopback__headers__told_apart),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	plm_log_setup(PLM_LOG_ERROR, PLM_LOG_LOGFMT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
