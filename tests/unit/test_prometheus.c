/* SPDX-License-Identifier: Apache-2.0
 *
 * The exposition over a view made by hand. With an argument ("text" or "openmetrics") the program prints that view's
 * exposition instead, for the format oracles.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "exports/exports.h"
#include "exports/prom_text.h"
#include "view_fixture.h"

#define MAX_TEXT (64u << 20)

struct rendered {
	struct fixture f;
	struct plm_buf text;
};

static void render(struct rendered *r, enum plm_prom_format format)
{
	plm_buf_init(&r->text, MAX_TEXT);
	assert_int_equal(plm_prom_render(&r->f.view, format, &r->text), 0);
}

static void assert_has(const struct rendered *r, const char *line)
{
	char whole[1024];
	(void)snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(plm_buf_text(&r->text), whole))
		fail_msg("no line: %s", line);
}

static void assert_lacks(const struct rendered *r, const char *text)
{
	const char *at = strstr(plm_buf_text(&r->text), text);
	if (at)
		fail_msg("should not be there: %.200s", at);
}

static void done(struct rendered *r)
{
	plm_buf_done(&r->text);
	fixture_done(&r->f);
}

#define TASK0 "00000000000000000000000000abc000"
#define ID0 "id=\"/plimsoll/web/" TASK0 "\",name=\"" TASK0 "\",image=\"web-app:7\""

static void prom_render__container_families__cadvisor_names_and_labels(void **state)
{
	(void)state;
	struct rendered r;
	fixture_init(&r.f, 20);
	render(&r, PLM_PROM_TEXT);
	assert_has(&r, "# TYPE container_cpu_usage_seconds_total counter");
	assert_has(&r, "container_cpu_usage_seconds_total{" ID0 ",cpu=\"total\"} 12.345679001");
	assert_has(&r, "container_cpu_user_seconds_total{" ID0 "} 10");
	assert_has(&r, "container_cpu_cfs_throttled_seconds_total{" ID0 "} 5.6");
	assert_has(&r, "container_pressure_cpu_waiting_seconds_total{" ID0 "} 1.5");
	assert_has(&r, "container_pressure_io_stalled_seconds_total{" ID0 "} 1.500000005");
	assert_has(&r, "container_memory_working_set_bytes{" ID0 "} 94371840");
	assert_has(&r, "container_oom_events_total{" ID0 "} 2");
	assert_has(&r, "container_spec_memory_limit_bytes{" ID0 "} 268435456");
	assert_has(&r, "container_spec_cpu_shares{" ID0 "} 256");
	assert_has(&r, "container_last_seen{" ID0 "} 1772366399.75");
	assert_has(&r, "machine_cpu_cores 2");
	assert_has(&r, "machine_memory_bytes 8589934592");
	done(&r);
}

static void prom_render__absent_values__no_lines(void **state)
{
	(void)state;
	struct rendered r;
	fixture_init(&r.f, 10);
	r.f.usage.services[0].cpu.value = NAN;
	r.f.decisions[0].proposals[0].desired = -1;
	render(&r, PLM_PROM_TEXT);
	assert_has(&r, "container_cpu_usage_seconds_total{id=\"/\",cpu=\"total\"} 12.345678902");
	assert_lacks(&r, "container_memory_usage_bytes{id=\"/\"}");
	assert_lacks(&r, "container_spec_memory_limit_bytes{id=\"/plimsoll\"}"); /* no limit */
	assert_lacks(&r, "plimsoll_service_cpu_utilization_ratio");              /* no head either */
	assert_lacks(&r, "plimsoll_policy_recommended_tasks");
	/* the tenth task waits and was never measured */
	assert_has(&r,
		   "plimsoll_task_info{cluster=\"default\",service=\"web\",task=\"00000000000000000000000000abc009\","
		   "family=\"web-app\",revision=\"7\",host=\"node-1\"} 1");
	assert_lacks(&r, "plimsoll_task_cpu_seconds_total{cluster=\"default\",service=\"web\","
			 "task=\"00000000000000000000000000abc009\"}");
	assert_lacks(&r, "NaN");
	done(&r);
}

static void prom_render__own_families__values_in_base_units(void **state)
{
	(void)state;
	struct rendered r;
	fixture_init(&r.f, 10);
	r.f.self.is_dry_run = true;
	render(&r, PLM_PROM_TEXT);
	assert_has(&r, "plimsoll_build_info{version=\"0.1.0\"} 1");
	assert_has(&r, "plimsoll_host_info{host=\"node-1\",kernel=\"6.18.0\",cgroup_mode=\"hybrid\"} 1");
	assert_has(&r, "plimsoll_kernel_rung{rung=\"C\",name=\"iterator-hybrid\"} 1");
	assert_has(&r, "plimsoll_kernel_rung_usable{rung=\"B\",name=\"iterator-v2\","
		       "reason=\"no controllers on the \\\"v2\\\" hierarchy\"} 0");
	assert_has(&r, "plimsoll_service_desired_tasks{cluster=\"default\",service=\"web\"} 10");
	assert_has(&r, "plimsoll_service_max_tasks{cluster=\"default\",service=\"web\"} 20");
	assert_has(&r, "plimsoll_service_cpu_utilization_ratio{cluster=\"default\",service=\"web\"} 1.5");
	assert_has(&r, "plimsoll_service_memory_utilization_ratio{cluster=\"default\",service=\"web\"} 0.703125");
	assert_has(&r, "plimsoll_service_cpu_seconds_total{cluster=\"default\",service=\"web\"} 222.222222222");
	assert_has(&r, "plimsoll_task_cpu_reserved_cores{cluster=\"default\",service=\"web\",task=\"" TASK0 "\"} 0.25");
	assert_has(&r, "plimsoll_policy_metric_value{cluster=\"default\",service=\"web\",policy=\"cpu-60\"} 150");
	assert_has(&r, "plimsoll_policy_target_value{cluster=\"default\",service=\"web\",policy=\"cpu-60\"} 60");
	assert_has(&r, "plimsoll_policy_recommended_tasks{cluster=\"default\",service=\"web\",policy=\"cpu-60\"} 23");
	assert_has(&r, "plimsoll_scaling_activities_total{service=\"web\",policy=\"cpu-60\",direction=\"out\","
		       "status=\"Successful\"} 4");
	assert_has(&r, "plimsoll_scaling_activities_total{service=\"web\",policy=\"cpu-60\",direction=\"out\","
		       "status=\"DryRun\"} 3"); /* two dry-run statuses are one series */
	assert_has(&r, "plimsoll_scaling_not_scaled_total{service=\"web\",reason=\"InsufficientData\"} 7");
	assert_has(&r, "plimsoll_dry_run 1");
	assert_has(&r, "plimsoll_backend_up 1");
	assert_has(&r, "plimsoll_backend_last_success_timestamp_seconds 1772366399.5");
	assert_has(&r, "plimsoll_cgroups 12");
	assert_has(&r, "process_start_time_seconds 1772362800");
	done(&r);
}

static void prom_render__histogram__cumulative_with_inf_sum_count(void **state)
{
	(void)state;
	struct rendered r;
	fixture_init(&r.f, 1);
	render(&r, PLM_PROM_TEXT);
	assert_has(&r, "# TYPE plimsoll_sample_duration_seconds histogram\n"
		       "plimsoll_sample_duration_seconds_bucket{le=\"0.0001\"} 0\n"
		       "plimsoll_sample_duration_seconds_bucket{le=\"0.0003\"} 5\n"
		       "plimsoll_sample_duration_seconds_bucket{le=\"0.001\"} 3005\n"
		       "plimsoll_sample_duration_seconds_bucket{le=\"0.003\"} 3595\n"
		       "plimsoll_sample_duration_seconds_bucket{le=\"0.01\"} 3599\n"
		       "plimsoll_sample_duration_seconds_bucket{le=\"0.03\"} 3600\n"
		       "plimsoll_sample_duration_seconds_bucket{le=\"0.1\"} 3600\n"
		       "plimsoll_sample_duration_seconds_bucket{le=\"0.3\"} 3600\n"
		       "plimsoll_sample_duration_seconds_bucket{le=\"+Inf\"} 3600\n"
		       "plimsoll_sample_duration_seconds_sum 2.5\n"
		       "plimsoll_sample_duration_seconds_count 3600");
	done(&r);
}

static void prom_render__odd_cgroup_names__escaped_and_still_different(void **state)
{
	(void)state;
	struct rendered r;
	fixture_init(&r.f, 1);
	render(&r, PLM_PROM_TEXT);
	assert_has(&r, "container_threads{id=\"/odd/a\\\"b\\\\c\\\\x09d\\\\xff\xc3\xa9\"} 17");
	done(&r);

	static const struct {
		const char *value, *expected;
	} cases[] = {
		{ "plain", "l=\"plain\"" },
		{ "", "" },
		{ "two\nlines", "l=\"two\\nlines\"" },
		{ "\xe2\x82\xac", "l=\"\xe2\x82\xac\"" },
		{ "\xc0\xaf", "l=\"\\\\xc0\\\\xaf\"" },            /* overlong */
		{ "\xed\xa0\x80", "l=\"\\\\xed\\\\xa0\\\\x80\"" }, /* surrogate */
		{ "cut\xe2\x82", "l=\"cut\\\\xe2\\\\x82\"" },
		{ "\r\x7f", "l=\"\\\\x0d\\\\x7f\"" },
	};
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		struct plm_buf out = PLM_BUF_INIT(256);
		plm_label_add(&out, 0, "l", cases[i].value);
		assert_string_equal(plm_buf_text(&out), cases[i].expected);
		plm_buf_done(&out);
	}
}

static void prom_render__openmetrics__heads_suffixes_and_eof(void **state)
{
	(void)state;
	struct rendered r;
	fixture_init(&r.f, 10);
	render(&r, PLM_PROM_OPENMETRICS);
	assert_has(
		&r,
		"# TYPE container_cpu_usage_seconds counter\n# UNIT container_cpu_usage_seconds seconds\n"
		"# HELP container_cpu_usage_seconds CPU time used since the cgroup was made, its children included.");
	assert_has(&r, "container_cpu_usage_seconds_total{" ID0 ",cpu=\"total\"} 12.345679001");
	assert_has(&r, "# TYPE plimsoll_task info\n# HELP plimsoll_task What a task is.");
	const char *eof = strstr(plm_buf_text(&r.text), "\n# EOF\n");
	assert_non_null(eof);
	assert_string_equal(eof, "\n# EOF\n");
	done(&r);
}

static void prom_render__every_family__once_and_together(void **state)
{
	(void)state;
	struct rendered r;
	fixture_init(&r.f, 20);
	render(&r, PLM_PROM_TEXT);
	for (size_t t = 0; plm_family_tables[t]; t++) {
		for (const struct plm_family *f = plm_family_tables[t]; f->name; f++) {
			char head[160];
			(void)snprintf(head, sizeof(head), "# TYPE %s%s ", f->name,
				       f->type == PLM_FAMILY_COUNTER ? "_total"
				       : f->type == PLM_FAMILY_INFO  ? "_info"
								     : "");
			const char *at = strstr(plm_buf_text(&r.text), head);
			if (!at)
				fail_msg("the fixture shows no %s", f->name);
			assert_null(strstr(at + 1, head));
		}
	}
	done(&r);
}

static void families__table__names_units_and_help_are_sound(void **state)
{
	(void)state;
	size_t n = 0;
	for (size_t t = 0; plm_family_tables[t]; t++) {
		for (const struct plm_family *f = plm_family_tables[t]; f->name; f++, n++) {
			size_t name_len = strlen(f->name), unit_len = strlen(f->unit), help_len = strlen(f->help);
			assert_true(strspn(f->name, "abcdefghijklmnopqrstuvwxyz_") == name_len);
			assert_true(name_len < 100);
			if (unit_len) {
				assert_string_equal(f->name + name_len - unit_len, f->unit);
				assert_int_equal(f->name[name_len - unit_len - 1], '_');
			}
			assert_null(strstr(f->name, "_total"));
			assert_int_equal(f->help[help_len - 1], '.');
			assert_null(strpbrk(f->help, "\"\\\n"));
			assert_true((f->type == PLM_FAMILY_HISTOGRAM) == (f->histogram != NULL));
			assert_true((f->type == PLM_FAMILY_HISTOGRAM) == (f->value == NULL));
			assert_non_null(plm_scope_labels(f->scope));
		}
	}
	assert_true(n > 60);
}

static void prom_render__empty_view__only_what_is_known(void **state)
{
	(void)state;
	struct plm_view view = { .version = "0.1.0" };
	struct plm_buf out = PLM_BUF_INIT(MAX_TEXT);
	assert_int_equal(plm_prom_render(&view, PLM_PROM_OPENMETRICS, &out), 0);
	assert_non_null(strstr(plm_buf_text(&out), "plimsoll_build_info{version=\"0.1.0\"} 1\n"));
	assert_non_null(strstr(plm_buf_text(&out), "process_open_fds "));
	assert_null(strstr(plm_buf_text(&out), "container_"));
	assert_null(strstr(plm_buf_text(&out), "plimsoll_cgroups"));
	plm_buf_done(&out);
}

static void prom_render__too_small_a_buffer__emsgsize(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 10);
	struct plm_buf out = PLM_BUF_INIT(5000);
	assert_int_equal(plm_prom_render(&f.view, PLM_PROM_TEXT, &out), -EMSGSIZE);
	plm_buf_done(&out);
	fixture_done(&f);
}

static void prom_negotiate__accept_headers__format(void **state)
{
	(void)state;
	static const struct {
		const char *accept;
		enum plm_prom_format expected;
	} cases[] = {
		{ NULL, PLM_PROM_TEXT },
		{ "", PLM_PROM_TEXT },
		{ "*/*", PLM_PROM_TEXT },
		{ "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", PLM_PROM_TEXT },
		{ "nonsense;;;=,,;q", PLM_PROM_TEXT },
		{ "application/openmetrics-text", PLM_PROM_OPENMETRICS },
		{ "Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8", PLM_PROM_OPENMETRICS },
		{ "application/openmetrics-text;version=\"1.0.0\"", PLM_PROM_OPENMETRICS },
		{ "application/openmetrics-text;version=0.0.1", PLM_PROM_TEXT },
		{ "application/openmetrics-text;version=2.0.0;q=1,text/plain;q=0.1", PLM_PROM_TEXT },
		{ "application/openmetrics-text;q=0", PLM_PROM_TEXT },
		{ "application/openmetrics-text;q=0.000", PLM_PROM_TEXT },
		{ "application/openmetrics-text;q=1.5", PLM_PROM_TEXT }, /* no qvalue */
		{ "application/openmetrics-text;q=0.9,text/plain;q=0.5", PLM_PROM_OPENMETRICS },
		{ "application/openmetrics-text;q=0.5 , text/plain ; q=0.9", PLM_PROM_TEXT },
		{ "application/openmetrics-text;q=0.5,text/plain;version=0.0.4", PLM_PROM_TEXT },
		{ "application/openmetrics-text;q=0.5,text/plain;q=0.2,*/*;q=0.9", PLM_PROM_OPENMETRICS },
		{ "application/openmetrics-text;q=0.5,*/*;q=0.9", PLM_PROM_TEXT },
		{ "text/plain,application/openmetrics-text", PLM_PROM_OPENMETRICS },
		/* Prometheus 2.42 */
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
		  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  PLM_PROM_OPENMETRICS },
		/* Prometheus 3 */
		{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		  "application/openmetrics-text;version=0.0.1;q=0.5,"
		  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
		  "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		  PLM_PROM_OPENMETRICS },
	};
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++)
		if (plm_prom_negotiate(cases[i].accept) != cases[i].expected)
			fail_msg("wrong for: %s", cases[i].accept ? cases[i].accept : "(none)");
	assert_string_equal(plm_prom_content_type(PLM_PROM_TEXT), "text/plain; version=0.0.4; charset=utf-8");
	assert_string_equal(plm_prom_content_type(PLM_PROM_OPENMETRICS),
			    "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

static void prom_write__numbers__read_back_the_same(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *expected;
	} cases[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ -2.5, "-2.5" },
		{ 0.001, "0.001" },
		{ 0.0001, "0.0001" },
		{ 1.0 / 3, "0.333333333" },
		{ 999999999.5, "999999999.5" },
		{ 1e9, "1000000000" },
		{ 1e20, "1e+20" },
		{ INFINITY, "+Inf" },
		{ -INFINITY, "-Inf" },
		{ 0.9999999999, "1" },
		{ 3e-7, "3e-07" },
	};
	char text[PLM_PROM_NUMBER_MAX + 1];
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		*plm_prom_write_double(text, cases[i].value) = '\0';
		assert_string_equal(text, cases[i].expected);
	}
	*plm_prom_write_u64(text, UINT64_MAX) = '\0';
	assert_string_equal(text, "18446744073709551615");
	*plm_prom_write_seconds(text, INT64_MIN) = '\0';
	assert_string_equal(text, "-9223372036.854775808");
	*plm_prom_write_seconds(text, 1000000001) = '\0';
	assert_string_equal(text, "1.000000001");
}

static int print_fixture(const char *format)
{
	struct fixture f;
	fixture_init(&f, 20);
	struct plm_buf out = PLM_BUF_INIT(MAX_TEXT);
	int r = plm_prom_render(&f.view, strcmp(format, "openmetrics") == 0 ? PLM_PROM_OPENMETRICS : PLM_PROM_TEXT,
				&out);
	(void)fwrite(out.data, 1, out.len, stdout);
	plm_buf_done(&out);
	fixture_done(&f);
	return r == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return print_fixture(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prom_render__container_families__cadvisor_names_and_labels),
		cmocka_unit_test(prom_render__absent_values__no_lines),
		cmocka_unit_test(prom_render__own_families__values_in_base_units),
		cmocka_unit_test(prom_render__histogram__cumulative_with_inf_sum_count),
		cmocka_unit_test(prom_render__odd_cgroup_names__escaped_and_still_different),
		cmocka_unit_test(prom_render__openmetrics__heads_suffixes_and_eof),
		cmocka_unit_test(prom_render__every_family__once_and_together),
		cmocka_unit_test(families__table__names_units_and_help_are_sound),
		cmocka_unit_test(prom_render__empty_view__only_what_is_known),
		cmocka_unit_test(prom_render__too_small_a_buffer__emsgsize),
		cmocka_unit_test(prom_negotiate__accept_headers__format),
		cmocka_unit_test(prom_write__numbers__read_back_the_same),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
