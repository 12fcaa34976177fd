/* SPDX-License-Identifier: Apache-2.0
 * The model of top: joins, order, lines; and the rates between two readings. */
#include "test.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/rates.h"
#include "cli/table.h"
#include "cli/top_model.h"

#define SERVICES                                                                                                     \
	"{\"services\":[{\"service\":\"web\",\"desired\":3,\"running\":2,\"pending\":1,\"cpu_utilization_percent\":" \
	"50,"                                                                                                        \
	"\"memory_utilization_percent\":null},{\"service\":\"idle\",\"desired\":0,\"running\":0,\"pending\":null}]}"
#define TASKS                                                                                                        \
	"{\"tasks\":[{\"id\":\"0123456789abcdef\",\"service\":\"web\",\"status\":\"RUNNING\",\"cpu_cores\":0.25,"    \
	"\"memory_working_set_bytes\":1048576,\"throttled_share\":0.5,\"cpu_pressure\":0.25,\"memory_pressure\":0}," \
	"{\"id\":\"1123456789abcdef\",\"service\":\"web\",\"status\":\"PENDING\",\"cpu_cores\":null},"               \
	"{\"id\":\"2123456789abcdef\",\"service\":\"web\",\"status\":\"RUNNING\",\"cpu_cores\":0.5,\"throttled_"     \
	"share\":0,"                                                                                                 \
	"\"memory_working_set_bytes\":1048576},"                                                                     \
	"{\"id\":\"3123456789abcdef\",\"service\":\"web\",\"status\":\"STOPPED\",\"cpu_cores\":9}]}"

static struct plm_top_model model(enum plm_top_view view)
{
	struct plm_top_model m = { .view = view, .cpus = 4, .memory_bytes = 8589934592.0 };
	cJSON *services = cJSON_Parse(SERVICES), *tasks = cJSON_Parse(TASKS);
	if (view == PLM_TOP_SERVICES)
		plm_top_add_services(&m, services, tasks);
	else if (view == PLM_TOP_TASKS)
		plm_top_add_tasks(&m, tasks);
	cJSON_Delete(services);
	cJSON_Delete(tasks);
	return m;
}

static void add_services__with_tasks__sums_and_means_of_the_known(void **state)
{
	(void)state;
	struct plm_top_model m = model(PLM_TOP_SERVICES);
	assert_int_equal(m.n_rows, 2);
	assert_true(m.rows[0].cpu_cores == 0.75);
	assert_true(m.rows[0].memory_bytes == 2097152);
	assert_true(m.rows[0].throttled_percent == 25);
	assert_true(m.rows[0].cpu_pressure_percent == 25);
	assert_true(isnan(m.rows[0].memory_percent));
	assert_string_equal(m.rows[0].state, "3/2/1");
	assert_true(isnan(m.rows[1].cpu_cores));
	assert_string_equal(m.rows[1].state, "0/0/-");
	plm_top_model_done(&m);
}

static void add_services__no_answer__no_rows(void **state)
{
	(void)state;
	struct plm_top_model m = { .view = PLM_TOP_SERVICES };
	plm_top_add_services(&m, NULL, NULL);
	assert_int_equal(m.n_rows, 0);
	cJSON *services = cJSON_Parse(SERVICES);
	plm_top_add_services(&m, services, NULL);
	assert_int_equal(m.n_rows, 2);
	assert_true(isnan(m.rows[0].cpu_cores));
	cJSON_Delete(services);
	plm_top_model_done(&m);
}

static void add_tasks__stopped__left_out(void **state)
{
	(void)state;
	struct plm_top_model m = model(PLM_TOP_TASKS);
	assert_int_equal(m.n_rows, 3);
	assert_string_equal(m.rows[0].name, "web/01234567");
	assert_true(m.rows[0].throttled_percent == 50);
	assert_string_equal(m.rows[1].state, "PENDING");
	plm_top_model_done(&m);
}

static void arrange__orders__largest_first_unknown_last(void **state)
{
	static const struct {
		enum plm_top_sort sort;
		bool is_reversed;
		const char *first, *last;
	} cases[] = { { PLM_TOP_BY_CPU, false, "c", "z" },
		      { PLM_TOP_BY_CPU, true, "a", "z" },
		      { PLM_TOP_BY_NAME, false, "a", "z" },
		      { PLM_TOP_BY_NAME, true, "z", "a" },
		      { PLM_TOP_BY_MEMORY, false, "a", "z" } };
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		struct plm_top_model m = { .view = PLM_TOP_CGROUPS };
		plm_top_add(&m, "z");
		plm_top_add(&m, "b")->cpu_cores = 2;
		plm_top_add(&m, "a")->cpu_cores = 1;
		plm_top_add(&m, "c")->cpu_cores = 3;
		plm_top_arrange(&m, NULL, cases[i].sort, cases[i].is_reversed);
		assert_string_equal(m.rows[0].name, cases[i].first);
		assert_string_equal(m.rows[3].name, cases[i].last);
		plm_top_arrange(&m, "A", cases[i].sort, false);
		assert_int_equal(m.n_rows, 1);
		plm_top_arrange(&m, "nothing", cases[i].sort, false);
		assert_int_equal(m.n_rows, 0);
		plm_top_model_done(&m);
	}
}

static void line__80_columns__everything_in_its_place(void **state)
{
	(void)state;
	char text[PLM_TOP_LINE_MAX];
	struct plm_top_model m = model(PLM_TOP_SERVICES);
	plm_top_titles(&m, 80, text);
	assert_string_equal(text, "SERVICE         CORES   CPU%            MEMORY  MEM%  THR% CPUw% MEMw%   DES/R/P");
	plm_top_line(&m, &m.rows[0], 80, text);
	assert_string_equal(text, "web             0.750   50.0 [####   ]    2.0M     -  25.0  25.0   0.0     3/2/1");
	plm_top_line(&m, &m.rows[1], 80, text);
	assert_string_equal(text, "idle                -      - [       ]       -     -     -     -     -     0/0/-");
	struct plm_top_bar bar = plm_top_bar_place(&m, 80);
	assert_int_equal(text[bar.column], '[');
	assert_int_equal(text[bar.column + bar.width - 1], ']');
	plm_top_model_done(&m);
}

static void line__any_width__never_wider(void **state)
{
	(void)state;
	char text[PLM_TOP_LINE_MAX];
	for (int view = 0; view < _PLM_TOP_VIEW_MAX; view++) {
		struct plm_top_model m = model((enum plm_top_view)view);
		struct plm_top_row *row = plm_top_add(
			&m, "/a/very/long/path/of/a/cgroup/with/größe/in/it/0123456789abcdef0123456789abcdef");
		row->cpu_cores = 1e6;
		row->cpu_percent = 1e7;
		row->memory_bytes = 1e18;
		row->throttled_percent = 100;
		(void)snprintf(row->state, sizeof(row->state), "100000/100000/100000");
		for (int width = PLM_TOP_MIN_WIDTH; width <= 300; width++) {
			for (size_t i = 0; i < m.n_rows; i++) {
				plm_top_line(&m, &m.rows[i], width, text);
				assert_true(plm_text_width(text) <= width);
				assert_null(strchr(text, '\n'));
			}
			plm_top_titles(&m, width, text);
			assert_true(plm_text_width(text) <= width);
			for (int line = 0; line < 2; line++) {
				plm_top_head(&m, line, width, text);
				assert_int_equal(plm_text_width(text), width);
			}
		}
		plm_top_model_done(&m);
	}
}

static void line__long_cgroup__its_end_is_kept(void **state)
{
	(void)state;
	char text[PLM_TOP_LINE_MAX];
	struct plm_top_model m = { .view = PLM_TOP_CGROUPS };
	struct plm_top_row *row = plm_top_add(&m, "/plimsoll/web/0123456789abcdef0123456789abcdef");
	plm_top_line(&m, row, 80, text);
	assert_int_equal(text[0], '~');
	assert_non_null(strstr(text, "cdef0123456789abcdef "));
	plm_top_model_done(&m);
}

static void rates__two_readings__per_second(void **state)
{
	(void)state;
	struct plm_rates r;
	struct plm_sample old = { .time_ns = 1000000000,
				  .has = PLM_HAS_CPU | PLM_HAS_THROTTLE | PLM_HAS_PSI_CPU,
				  .cpu_usage_ns = 500,
				  .nr_periods = 10,
				  .nr_throttled = 5,
				  .psi_ns = { 100 } };
	struct plm_sample fresh = { .time_ns = 3000000000,
				    .has = old.has | PLM_HAS_PSI_IO,
				    .cpu_usage_ns = 1000000500,
				    .cpu_user_ns = 600000000,
				    .cpu_system_ns = 400000000,
				    .nr_periods = 30,
				    .nr_throttled = 10,
				    .psi_ns = { 1000000100 } };
	plm_rates_between(&old, &fresh, &r);
	assert_true(r.interval_s == 2);
	assert_true(r.cpu_cores == 0.5);
	assert_true(fabs(r.cpu_user_cores - 0.3) < 1e-9);
	assert_true(r.throttled_share == 0.25);
	assert_true(r.psi_share[PLM_PSI_CPU_SOME] == 0.5);
	assert_true(isnan(r.psi_share[PLM_PSI_IO_SOME])); /* known only now */
	assert_true(isnan(r.psi_share[PLM_PSI_MEM_SOME]));
	fresh.nr_periods = 10;
	fresh.psi_ns[0] = 9000000000;
	plm_rates_between(&old, &fresh, &r);
	assert_true(isnan(r.throttled_share)); /* no period passed */
	assert_true(r.psi_share[PLM_PSI_CPU_SOME] == 1);
	fresh.cpu_usage_ns = 200; /* a counter that went backwards begins at zero */
	plm_rates_between(&old, &fresh, &r);
	assert_true(r.cpu_cores == 1e-7);
}

static void rates__nothing_before__unknown(void **state)
{
	(void)state;
	struct plm_rates r;
	struct plm_sample s = { .time_ns = 5, .has = PLM_HAS_CPU };
	plm_rates_between(NULL, &s, &r);
	assert_true(isnan(r.cpu_cores) && isnan(r.interval_s) && isnan(r.psi_share[PLM_PSI_IO_FULL]));
	plm_rates_between(&s, &s, &r);
	assert_true(isnan(r.cpu_cores));
}

static void previous__kept_again__only_the_last_reading(void **state)
{
	(void)state;
	struct plm_sample rows[] = { { .id = 1, .cpu_usage_ns = 10, .path = "/a" },
				     { .id = 2, .cpu_usage_ns = 20, .path = "/b" } };
	struct plm_sample_set set = { .rows = rows, .n_rows = 2 };
	struct plm_previous p = { .rows = NULL };
	assert_null(plm_previous_get(&p, 1));
	assert_int_equal(plm_previous_keep(&p, &set), 0);
	assert_int_equal(plm_previous_get(&p, 2)->cpu_usage_ns, 20);
	assert_null(plm_previous_get(&p, 2)->path);
	set.n_rows = 1;
	assert_int_equal(plm_previous_keep(&p, &set), 0);
	assert_non_null(plm_previous_get(&p, 1));
	assert_null(plm_previous_get(&p, 2));
	plm_previous_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_services__with_tasks__sums_and_means_of_the_known),
		cmocka_unit_test(add_services__no_answer__no_rows),
		cmocka_unit_test(add_tasks__stopped__left_out),
		cmocka_unit_test(arrange__orders__largest_first_unknown_last),
		cmocka_unit_test(line__80_columns__everything_in_its_place),
		cmocka_unit_test(line__any_width__never_wider),
		cmocka_unit_test(line__long_cgroup__its_end_is_kept),
		cmocka_unit_test(rates__two_readings__per_second),
		cmocka_unit_test(rates__nothing_before__unknown),
		cmocka_unit_test(previous__kept_again__only_the_last_reading),
	};
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return PLM_RUN_TESTS(tests);
}
