/* SPDX-License-Identifier: Apache-2.0
 * What a target remembers: windows against a plain list, limits, clocks, saved state. */
#include "test.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "scaling/history.h"

#define S PLM_NS_PER_S
#define START (1800000000LL * S)

static struct plm_now at(int second)
{
	return (struct plm_now){ .mono = (1000 + second) * S, .wall = START + second * S };
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* The extreme of the last `window` values of a plain list. */
static int plain_extreme(const int *values, int n, int window, bool is_max)
{
	int best = values[n - 1];
	for (int i = n - 1; i >= 0 && i > n - 1 - window; i--)
		if (is_max ? values[i] > best : values[i] < best)
			best = values[i];
	return best;
}

static void windows__random_walk__equal_a_plain_list(void **state)
{
	(void)state;
	enum { N = 5000 };
	static int values[N];
	struct plm_history h;
	plm_history_init(&h);
	uint32_t seed = 1;
	int v = 50;
	for (int i = 0; i < N; i++) {
		v += (int)(next_random(&seed) % 3) - 1;
		v = v < 1 ? 1 : v > 60 ? 60 : v; /* at most 60 distinct values: nothing is merged */
		values[i] = v;
		plm_history_clock(&h, at(i));
		plm_history_add(&h, at(i).wall, 7, v, 300);
		if (i < 300)
			continue; /* the count found at the start is still in the window */
		assert_int_equal(plm_history_max(&h, at(i).wall, 300).count, plain_extreme(values, i + 1, 300, true));
		assert_int_equal(plm_history_min(&h, at(i).wall, 300).count, plain_extreme(values, i + 1, 300, false));
		assert_int_equal(plm_history_max(&h, at(i).wall, 30).count, plain_extreme(values, i + 1, 30, true));
	}
}

/* More distinct values than there is room for: the window may get a little longer, never shorter. */
static void windows__long_decline__never_let_go_early(void **state)
{
	(void)state;
	enum { N = 6000, WINDOW = 300, SLACK = WINDOW / 16 };
	static int values[N];
	struct plm_history h;
	plm_history_init(&h);
	for (int i = 0; i < N; i++) {
		values[i] = N - i;
		plm_history_clock(&h, at(i));
		plm_history_add(&h, at(i).wall, N, values[i], WINDOW);
		int found = plm_history_max(&h, at(i).wall, WINDOW).count;
		if (i < WINDOW + SLACK)
			continue;
		assert_true(found >= plain_extreme(values, i + 1, WINDOW, true));
		assert_true(found <= plain_extreme(values, i + 1, WINDOW + SLACK, true));
		assert_true(h.maxima.n <= PLM_EXTREMES_MAX);
	}
}

static void add__steps_of_a_minute__are_no_gap(void **state)
{
	(void)state;
	struct plm_history h;
	plm_history_init(&h);
	for (int i = 0; i < 20; i++) {
		plm_history_clock(&h, at(60 * i));
		plm_history_add(&h, at(60 * i).wall, 5, 2, 300);
	}
	assert_int_equal(plm_history_max(&h, at(60 * 19).wall, 300).count, 2);
}

static void add__gap_or_outside_change__begins_anew(void **state)
{
	(void)state;
	struct plm_history h;
	plm_history_init(&h);
	plm_history_add(&h, at(0).wall, 5, 2, 300);
	assert_int_equal(h.seed, PLM_SEED_START);
	plm_history_add(&h, at(1).wall, 5, 2, 300);
	plm_history_add(&h, at(16).wall, 5, 2, 300);
	assert_int_equal(h.seed_wall, at(0).wall); /* 15 s are bearable */
	plm_history_add(&h, at(100).wall, 5, 2, 300);
	assert_int_equal(h.seed, PLM_SEED_GAP);
	assert_int_equal(h.seed_wall, at(100).wall);
	plm_history_add(&h, at(101).wall, 8, 2, 300);
	assert_int_equal(h.seed, PLM_SEED_CHANGED);
	assert_int_equal(plm_history_max(&h, at(101).wall, 300).count, 8);
	plm_history_changed(&h, at(101).wall, 8, 6); /* our own change is none */
	plm_history_add(&h, at(102).wall, 6, 2, 300);
	assert_int_equal(h.seed_wall, at(101).wall);
}

static void limits__worked_numbers__as_documented(void **state)
{
	(void)state;
	static const struct {
		int before, change, age_s, max_tasks, max_percent, out, in; /* one change `age_s` ago, 15 s periods */
	} rows[] = {
		{ 10, 0, 0, 4, 100, 20, 0 },
		{ 1, 0, 0, 4, 100, 5, 0 },
		{ 6, 4, 6, 4, 100, 12, 0 },
		{ 6, 4, 14, 4, 0, 10, 6 },
		{ 6, 4, 15, 4, 0, 14, 6 },
		{ 10, 0, 0, 0, 15, 12, 9 }, /* 1.5: up to 2 more, 1 fewer */
		{ 10, 0, 0, 0, 5, 11, 10 }, /* 0.5: 1 more, none fewer */
		{ 10, -4, 3, 4, 0, 10, 6 }, /* what was removed does not widen scale-out; all 4 are used up for in */
		{ 10, -4, 3, 0, 50, 9, 5 },
		{ 10, 0, 0, 0, 0, INT_MAX, 0 },
		{ 100000, 0, 0, 0, 10000, 10100000, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct plm_history h;
		struct plm_direction d = { rows[i].max_tasks, rows[i].max_percent, 15, 0 };
		int desired = rows[i].before + rows[i].change;
		plm_history_init(&h);
		plm_history_changed(&h, at(0).wall, rows[i].before, desired);
		int out = plm_history_limit_out(&h, at(rows[i].age_s).wall, desired, &d);
		int in = plm_history_limit_in(&h, at(rows[i].age_s).wall, desired, &d);
		if (out != rows[i].out || in != rows[i].in)
			fail_msg("row %zu: out %d, in %d", i, out, in);
	}
}

static void changes__beyond_the_room__limits_get_no_looser(void **state)
{
	(void)state;
	struct plm_history h;
	struct plm_direction d = { 10, 0, 3600, 0 };
	plm_history_init(&h);
	int desired = 5000, added = 0, removed = 0;
	for (int i = 0; i < 1000; i++) { /* ever the other way round */
		int change = i % 2 ? -2 : 3;
		added += change > 0 ? change : 0;
		removed += change < 0 ? -change : 0;
		plm_history_changed(&h, at(i).wall, desired, desired + change);
		desired += change;
		assert_true(plm_history_limit_out(&h, at(i).wall, desired, &d) <= desired - added + 10);
		assert_true(plm_history_limit_in(&h, at(i).wall, desired, &d) >= desired + removed - 10);
	}
	assert_true(h.n_changes <= PLM_CHANGES_MAX);
	plm_history_init(&h);
	for (int i = 0; i < 1000; i++)
		plm_history_changed(&h, at(i).wall, i, i + 1);
	plm_history_changed(&h, at(1000).wall, 1000, 999);
	for (int i = 0; i < 200; i++)
		plm_history_changed(&h, at(1001 + i).wall, 999 + i, 1000 + i);
	assert_true(plm_history_limit_out(&h, at(1201).wall, 1199, &d) <= 10);
}

static void ready_mean__changes__are_weighted_by_time(void **state)
{
	(void)state;
	struct plm_history h;
	plm_history_init(&h);
	for (int i = 0; i <= 10; i++)
		plm_history_ready(&h, at(i).wall, 8);
	assert_true(plm_history_ready_mean(&h, at(10).wall, 5) == 8);
	plm_history_ready(&h, at(11).wall, 16);
	assert_true(plm_history_ready_mean(&h, at(11).wall, 5) == (4 * 8 + 16) / 5.0);
	assert_true(plm_history_ready_mean(&h, at(11).wall, 0) == 16);
	plm_history_ready(&h, at(12).wall, 4);
	plm_history_ready(&h, at(13).wall, 4);
	assert_true(plm_history_ready_mean(&h, at(13).wall, 5) == (2 * 8 + 16 + 2 * 4) / 5.0);
	for (int i = 14; i < 200; i++) /* more runs than there is room for */
		plm_history_ready(&h, at(i).wall, i);
	assert_true(plm_history_ready_mean(&h, at(199).wall, 5) == 197);
	assert_true(h.n_ready <= PLM_RUNS_MAX);
}

static void clock__set_while_running__nothing_changes(void **state)
{
	(void)state;
	const plm_ns jumps[] = { 86400 * S, -86400 * S, 3 * S, -3 * S, 10 * 365 * 86400LL * S, 0 };
	for (size_t j = 0; j < sizeof(jumps) / sizeof(jumps[0]); j++) {
		struct plm_history h;
		struct plm_direction d = { 4, 0, 60, 0 };
		plm_history_init(&h);
		for (int i = 0; i < 100; i++) {
			struct plm_now now = at(i);
			now.wall += i >= 50 ? jumps[j] : 0;
			plm_history_clock(&h, now);
			if (i == 45)
				plm_history_changed(&h, now.wall, 9, 9 + 3);
			plm_history_add(&h, now.wall, i < 45 ? 9 : 12, i == 40 ? 8 : 3, 60);
			if (i == 99) {
				assert_int_equal(plm_history_max(&h, now.wall, 50).count, 3);
				assert_int_equal(plm_history_max(&h, now.wall, 60).count, 8);
				assert_int_equal(plm_history_limit_out(&h, now.wall, 12, &d), 13);
			}
		}
		assert_true(h.seed_wall < START + 86400 * 366 * 10 * S);
	}
}

static struct plm_history filled(void)
{
	struct plm_history h;
	plm_history_init(&h);
	for (int i = 0; i < 100; i++) {
		plm_history_clock(&h, at(i));
		plm_history_add(&h, at(i).wall, 9, 3 + i % 5, 300);
	}
	plm_history_changed(&h, at(99).wall, 9, 12);
	return h;
}

static void reload(const struct plm_history *h, struct plm_history *ret)
{
	struct plm_buf json = PLM_BUF_INIT(1 << 20);
	struct plm_err err = PLM_ERR_INIT;
	assert_int_equal(plm_history_save(h, &json), 0);
	if (plm_history_load(plm_buf_text(&json), ret, &err) != 0)
		fail_msg("%s", plm_err_text(&err));
	plm_buf_done(&json);
}

static void load__saved__is_the_same(void **state)
{
	(void)state;
	struct plm_history h = filled(), back;
	reload(&h, &back);
	struct plm_buf a = PLM_BUF_INIT(1 << 20), b = PLM_BUF_INIT(1 << 20);
	assert_int_equal(plm_history_save(&h, &a), 0);
	assert_int_equal(plm_history_save(&back, &b), 0);
	assert_string_equal(plm_buf_text(&a), plm_buf_text(&b));
	assert_true(a.len < 4096); /* 300 s at one sample a second stay small */
	plm_buf_done(&a);
	plm_buf_done(&b);
}

static void load__clock_behind_the_saved_times__limits_stay_and_windows_begin_anew(void **state)
{
	(void)state;
	struct plm_history h = filled(), back;
	struct plm_direction d = { 4, 0, 60, 0 };
	reload(&h, &back);
	struct plm_now earlier = { .mono = 5 * S, .wall = START - 86400 * S };
	plm_history_clock(&back, earlier);
	plm_history_add(&back, earlier.wall, 12, 3, 300);
	assert_int_equal(back.seed, PLM_SEED_START);
	assert_int_equal(plm_history_max(&back, earlier.wall, 300).count, 12);
	assert_int_equal(plm_history_limit_out(&back, earlier.wall, 12, &d), 13);
}

static void load__long_after__windows_begin_anew(void **state)
{
	(void)state;
	struct plm_history h = filled(), back;
	reload(&h, &back);
	plm_history_clock(&back, at(200));
	plm_history_add(&back, at(200).wall, 12, 3, 300);
	assert_int_equal(back.seed, PLM_SEED_START);
	assert_int_equal(back.seed_wall, at(200).wall);
}

static void load__damaged__is_refused_and_changes_nothing(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"",
		"[]",
		"{}",
		"null",
		"{\"version\":2}",
		"{\"version\":1,\"last_wall\":\"x\",\"step_ns\":\"0\",\"seed_wall\":\"0\",\"seed\":\"start\","
		"\"desired\":1,\"maxima\":[],"
		"\"minima\":[],\"changes\":[],\"ready\":[]}",
		"{\"version\":1,\"last_wall\":\"1\",\"step_ns\":\"0\",\"seed_wall\":\"0\",\"seed\":\"noon\","
		"\"desired\":1,\"maxima\":[],"
		"\"minima\":[],\"changes\":[],\"ready\":[]}",
		"{\"version\":1,\"last_wall\":\"1\",\"step_ns\":\"0\",\"seed_wall\":\"0\",\"seed\":\"start\","
		"\"desired\":1,\"maxima\":[[\"1\",2],"
		"[\"2\",3]],\"minima\":[],\"changes\":[],\"ready\":[]}",
		"{\"version\":1,\"last_wall\":\"1\",\"step_ns\":\"0\",\"seed_wall\":\"0\",\"seed\":\"start\","
		"\"desired\":1,\"maxima\":[],"
		"\"minima\":[],\"changes\":[[\"5\",2],[\"2\",3]],\"ready\":[]}",
		"{\"version\":1,\"last_wall\":\"1\",\"step_ns\":\"0\",\"seed_wall\":\"0\",\"seed\":\"start\","
		"\"desired\":1,\"maxima\":[7],"
		"\"minima\":[],\"changes\":[],\"ready\":[]}",
		"{\"version\":1,\"last_wall\":\"1\",\"step_ns\":\"0\",\"seed_wall\":\"0\",\"seed\":\"start\","
		"\"desired\":1,\"maxima\":[[\"1\",1e99]],"
		"\"minima\":[],\"changes\":[],\"ready\":[]}",
	};
	struct plm_history h = filled(), before = h;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct plm_err err = PLM_ERR_INIT;
		assert_int_equal(plm_history_load(rows[i], &h, &err), -EINVAL);
		assert_true(err.msg[0]);
		assert_memory_equal(&h, &before, sizeof(h));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows__random_walk__equal_a_plain_list),
		cmocka_unit_test(windows__long_decline__never_let_go_early),
		cmocka_unit_test(add__steps_of_a_minute__are_no_gap),
		cmocka_unit_test(add__gap_or_outside_change__begins_anew),
		cmocka_unit_test(limits__worked_numbers__as_documented),
		cmocka_unit_test(changes__beyond_the_room__limits_get_no_looser),
		cmocka_unit_test(ready_mean__changes__are_weighted_by_time),
		cmocka_unit_test(clock__set_while_running__nothing_changes),
		cmocka_unit_test(load__saved__is_the_same),
		cmocka_unit_test(load__clock_behind_the_saved_times__limits_stay_and_windows_begin_anew),
		cmocka_unit_test(load__long_after__windows_begin_anew),
		cmocka_unit_test(load__damaged__is_refused_and_changes_nothing),
	};
	return PLM_RUN_TESTS(tests);
}
