/* SPDX-License-Identifier: Apache-2.0
 * The demo's load: when requests are due, and what is made of how they ended. */
#include "test.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "../../tools/demo/lib/load.h"
#include "base/cleanup.h"

#define MS PLM_NS_PER_MS
#define S PLM_NS_PER_S

static struct plm_load_profile profile(const char *text)
{
	struct plm_load_profile p = { .n = 0 };

	assert_int_equal(plm_load_profile_parse(text, &p, NULL), 0);
	return p;
}

static size_t count_due(const plm_ns *due, size_t n, double from_s, double to_s)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += (double)due[i] >= from_s * 1e9 && (double)due[i] < to_s * 1e9;
	return count;
}

static void profile_parse__good_text__phases_and_rates(void **state)
{
	const struct plm_load_profile p = profile("12:12,2:12-110,30:110");
	(void)state;

	assert_int_equal(p.n, 3);
	assert_true(plm_load_profile_seconds(&p) == 44);
	assert_true(plm_load_profile_rate(&p, 0) == 12);
	assert_true(plm_load_profile_rate(&p, 13) == 61);
	assert_true(plm_load_profile_rate(&p, 14) == 110);
	assert_true(plm_load_profile_rate(&p, 44) == 0);
	assert_true(plm_load_profile_rate(&p, -1) == 0);
}

static void profile_parse__bad_text__einval_and_output_untouched(void **state)
{
	static const char *const bad[] = {
		"",     "12",    "12:",   ":5",
		"0:5",  "5:-1",  "5:1-",  "5:1,",
		"5:1x", "5:nan", "1e9:1", "1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1,1:1"
	};
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct plm_load_profile p = { .n = 77 };
		struct plm_err err = PLM_ERR_INIT;
		if (plm_load_profile_parse(bad[i], &p, &err) != -EINVAL || p.n != 77 || !err.msg[0])
			fail_msg("\"%s\" was taken, or without a message", bad[i]);
	}
}

static void schedule__even__one_per_unit_of_the_integral(void **state)
{
	const struct plm_load_profile p = profile("10:10,10:10-30,10:0,10:5");
	PLM_FREE plm_ns *due = NULL;
	size_t n = 0;
	(void)state;

	assert_int_equal(plm_load_schedule(&p, PLM_LOAD_EVEN, 1, &due, &n, NULL), 0);
	assert_int_equal(n, 100 + 200 + 0 + 50);
	assert_int_equal(count_due(due, n, 0, 10), 100);
	assert_int_equal(count_due(due, n, 10, 15), 75); /* 10 to 20 a second */
	assert_int_equal(count_due(due, n, 20, 30), 0);
	assert_int_equal(due[0], 50 * MS);
	assert_int_equal(due[1], 150 * MS);
	for (size_t i = 1; i < n; i++)
		assert_true(due[i] >= due[i - 1]);
}

static void schedule__poisson__mean_and_variance_of_a_poisson_process(void **state)
{
	const struct plm_load_profile p = profile("1000:50");
	PLM_FREE plm_ns *due = NULL;
	double sum = 0, squares = 0;
	size_t n = 0;
	(void)state;

	assert_int_equal(plm_load_schedule(&p, PLM_LOAD_POISSON, 7, &due, &n, NULL), 0);
	size_t *bins = calloc(1000, sizeof(*bins));
	assert_non_null(bins);
	for (size_t i = 0; i < n; i++)
		bins[due[i] / S]++;
	for (int i = 0; i < 1000; i++) {
		sum += (double)bins[i];
		squares += (double)bins[i] * (double)bins[i];
	}
	free(bins);
	const double mean = sum / 1000, variance = squares / 1000 - mean * mean;
	assert_true(fabs(mean - 50) < 5 * sqrt(50.0 / 1000));
	assert_true(fabs(variance / mean - 1) <
		    5 * sqrt(2.0 / 1000)); /* five standard deviations of the dispersion index */
}

static void schedule__seed__same_seed_same_times_other_seed_other_times(void **state)
{
	const struct plm_load_profile p = profile("5:20,5:20-80");
	PLM_FREE plm_ns *a = NULL, *b = NULL, *c = NULL;
	size_t n_a = 0, n_b = 0, n_c = 0, same = 0;
	(void)state;

	assert_int_equal(plm_load_schedule(&p, PLM_LOAD_POISSON, 1, &a, &n_a, NULL), 0);
	assert_int_equal(plm_load_schedule(&p, PLM_LOAD_POISSON, 1, &b, &n_b, NULL), 0);
	assert_int_equal(plm_load_schedule(&p, PLM_LOAD_POISSON, 2, &c, &n_c, NULL), 0);
	assert_int_equal(n_a, n_b);
	assert_memory_equal(a, b, n_a * sizeof(*a));
	for (size_t i = 0; i < n_a && i < n_c; i++)
		same += a[i] == c[i];
	assert_true(same < n_a / 10);
}

static void schedule__too_many__e2big(void **state)
{
	const struct plm_load_profile p = profile("60:100000");
	plm_ns *due = NULL;
	size_t n = 0;
	(void)state;

	assert_int_equal(plm_load_schedule(&p, PLM_LOAD_EVEN, 1, &due, &n, NULL), -E2BIG);
	assert_null(due);
}

static void stats__by_due_and_by_end__each_its_own_window(void **state)
{
	const struct plm_load_request requests[] = {
		{ .due = 0, .end = 10 * MS, .outcome = PLM_LOAD_OK },
		{ .due = 900 * MS, .end = 1400 * MS, .outcome = PLM_LOAD_OK }, /* ends in the next second */
		{ .due = 1100 * MS, .end = 1130 * MS, .outcome = PLM_LOAD_OK },
		{ .due = 1900 * MS, .outcome = PLM_LOAD_OPEN },
	};
	struct plm_load_stats s;
	(void)state;

	assert_int_equal(plm_load_stats_of(requests, 4, 5 * S, PLM_LOAD_BY_DUE, 0, S, &s), 0);
	assert_int_equal(s.offered, 2);
	assert_int_equal(s.ok, 2);
	assert_true(s.p99_ms == 500);
	assert_int_equal(plm_load_stats_of(requests, 4, 5 * S, PLM_LOAD_BY_END, S, 2 * S, &s), 0);
	assert_int_equal(s.offered, 2); /* due in it: one ended, one open */
	assert_int_equal(s.ok, 2);      /* ended in it */
	assert_true(s.p50_ms == 30);
	assert_true(s.p99_ms == 500);
}

static void stats__failed_request__counts_as_the_time_out_at_least(void **state)
{
	const struct plm_load_request requests[] = {
		{ .due = 0, .end = 1 * MS, .outcome = PLM_LOAD_RESET }, /* quick, and yet not good */
		{ .due = 1 * MS, .end = 6 * MS, .outcome = PLM_LOAD_OK },
	};
	struct plm_load_stats s;
	(void)state;

	assert_int_equal(plm_load_stats_of(requests, 2, 5 * S, PLM_LOAD_BY_DUE, 0, S, &s), 0);
	assert_int_equal(s.ok, 1);
	assert_int_equal(s.failed, 1);
	assert_true(s.p50_ms == 5);
	assert_true(s.p99_ms == 5000);
}

static void stats__empty_window__no_percentile(void **state)
{
	struct plm_load_stats s;
	(void)state;

	assert_int_equal(plm_load_stats_of(NULL, 0, S, PLM_LOAD_BY_END, 0, S, &s), 0);
	assert_int_equal(s.offered, 0);
	assert_true(isnan(s.p50_ms) && isnan(s.p99_ms));
}

static void stats__hundred_values__nearest_rank(void **state)
{
	struct plm_load_request requests[100];
	struct plm_load_stats s;
	(void)state;

	for (int i = 0; i < 100; i++) /* 1…100 ms, in another order */
		requests[i] = (struct plm_load_request){ .due = i,
							 .end = i + (plm_ns)(1 + i * 37 % 100) * MS,
							 .outcome = PLM_LOAD_OK };
	assert_int_equal(plm_load_stats_of(requests, 100, S, PLM_LOAD_BY_DUE, 0, S, &s), 0);
	assert_true(s.p50_ms == 50);
	assert_true(s.p99_ms == 99);
	assert_true(s.max_ms == 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profile_parse__good_text__phases_and_rates),
		cmocka_unit_test(profile_parse__bad_text__einval_and_output_untouched),
		cmocka_unit_test(schedule__even__one_per_unit_of_the_integral),
		cmocka_unit_test(schedule__poisson__mean_and_variance_of_a_poisson_process),
		cmocka_unit_test(schedule__seed__same_seed_same_times_other_seed_other_times),
		cmocka_unit_test(schedule__too_many__e2big),
		cmocka_unit_test(stats__by_due_and_by_end__each_its_own_window),
		cmocka_unit_test(stats__failed_request__counts_as_the_time_out_at_least),
		cmocka_unit_test(stats__empty_window__no_percentile),
		cmocka_unit_test(stats__hundred_values__nearest_rank),
	};
	return PLM_RUN_TESTS(tests);
}
