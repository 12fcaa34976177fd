/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine over time: a small closed loop of load, tasks and measurement, and what must hold on every tick of it.
 *
 * The loop: load in percent of one task; utilisation is the mean over the last 5 s of load / ready, at most 100 % per task; a new
 * task is ready 3 s after it was asked for; fewer tasks are gone at once. Random numbers from a fixed seed.
 */
#include "scaling_world.h"

#define START_S 3
#define WINDOW 5
#define HISTORY 8192

struct loop {
	struct world *w;
	double served[HISTORY]; /* percent of one task, per tick */
	int ready_then[HISTORY];
	int t;
	int due[HISTORY]; /* tasks that become ready at that tick */
	int desired_then[HISTORY];
	uint32_t seed;
	int actions;
};

static struct loop *loop_new(int tasks, int min, int max, double target)
{
	struct loop *l = calloc(1, sizeof(*l));
	assert_non_null(l);
	l->w = world_new(tasks, min, max);
	world_policy(l->w, "cpu", PLM_METRIC_CPU, target);
	l->seed = 1;
	return l;
}

static void loop_free(struct loop *l)
{
	world_free(l->w);
	free(l);
}

/* -1 … 1 */
static double noise(struct loop *l)
{
	l->seed = l->seed * 1664525u + 1013904223u;
	return (double)(l->seed >> 8) / (double)(1u << 23) - 1.0;
}

static void measure(struct loop *l, double load)
{
	struct world *w = l->w;
	double served = 0, capacity = 0;
	w->use.ready += l->due[l->t];
	w->use.unready -= l->due[l->t];
	l->ready_then[l->t] = w->use.ready;
	l->served[l->t] = fmin(load, 100.0 * w->use.ready);
	for (int i = l->t; i > l->t - WINDOW && i >= 0; i--) {
		served += l->served[i];
		capacity += l->ready_then[i];
	}
	world_cpu(w, served / capacity);
}

static void obey(struct loop *l)
{
	struct world *w = l->w;
	const struct plm_decision *d = &w->d;
	if (d->result == d->desired)
		return;
	plm_engine_applied(w->engine, d);
	l->actions++;
	w->service.desired = d->result;
	if (d->result > w->use.ready + w->use.unready) {
		int more = d->result - w->use.ready - w->use.unready;
		l->due[l->t + START_S] += more;
		w->use.unready += more;
		return;
	}
	for (int i = l->t + START_S; i > l->t; i--) { /* starting ones go first */
		while (l->due[i] && w->use.ready + w->use.unready > d->result) {
			l->due[i]--;
			w->use.unready--;
		}
	}
	if (w->use.ready > d->result)
		w->use.ready = d->result;
}

static const struct plm_decision *loop_tick(struct loop *l, double load)
{
	struct world *w = l->w;
	assert_true(l->t + START_S + 1 < HISTORY);
	measure(l, load);
	w->service.running = w->use.running = w->use.ready + w->use.unready;
	l->desired_then[l->t] = w->service.desired;
	const struct plm_decision *d = world_tick(w);
	obey(l);
	l->t++;
	return d;
}

/* --- steps and calm --- */

static void step__any_height__decided_within_five_evaluations(void **state)
{
	(void)state;
	static const double heights[] = { 66.7, 70, 90, 150, 300, 1000 };
	for (size_t i = 0; i < sizeof(heights) / sizeof(heights[0]); i++) {
		struct loop *l = loop_new(10, 1, 200, 60);
		for (int t = 0; t < 400; t++)
			assert_int_equal(loop_tick(l, 580)->result, 10);
		int ticks = 0;
		while (l->actions == 0 && ticks < 20) {
			loop_tick(l, 10 * heights[i]);
			ticks++;
		}
		if (ticks > 5)
			fail_msg("a step to %g %% took %d evaluations", heights[i], ticks);
		for (int t = 0; t < 200; t++)
			loop_tick(l, 10 * heights[i]);
		assert_true(l->w->use.ready * 60 * 1.1 >= 10 * heights[i]);       /* and enough in the end */
		assert_true(l->w->service.desired <= ceil(10 * heights[i] / 60)); /* but not more than needed */
		loop_free(l);
	}
}

static void calm__noise_for_an_hour__no_action(void **state)
{
	(void)state;
	struct loop *l = loop_new(10, 1, 200, 60);
	for (int t = 0; t < 3600; t++)
		loop_tick(l, 570 * (1 + 0.03 * noise(l)));
	assert_int_equal(l->actions, 0);
	assert_int_equal(l->w->service.desired, 10);
	loop_free(l);
}

static void saw__faster_than_the_window__goes_out_once_and_stays(void **state)
{
	(void)state;
	struct loop *l = loop_new(10, 1, 200, 60);
	for (int t = 0; t < 3600; t++) /* 50 % to 90 % of ten tasks and back, each 4 minutes */
		loop_tick(l, 500 + 400.0 * abs(120 - t % 240) / 120);
	assert_true(l->actions <= 6);
	assert_in_range(l->w->service.desired, 14, 15);
	loop_free(l);
}

static void peak__over__comes_down_after_the_window(void **state)
{
	(void)state;
	struct loop *l = loop_new(2, 1, 50, 60);
	int down = 0;
	for (int t = 0; t < 60; t++)
		loop_tick(l, 110);
	for (int t = 0; t < 60; t++)
		loop_tick(l, 1200);
	assert_int_equal(l->w->service.desired, 20);
	while (l->w->service.desired > 2 && down < 1000) {
		loop_tick(l, 110);
		down++;
		if (down < 300)
			assert_int_equal(l->w->service.desired, 20);
	}
	assert_in_range(down, 300, 310);
	loop_free(l);
}

/* --- properties over random loads --- */

/* A load that jumps, drifts and rests; the metric fails at times. */
static double random_load(struct loop *l, double load)
{
	double x = noise(l);
	if (x > 0.995)
		return 100 + 2900 * fabs(noise(l));
	return fmax(0, load * (1 + 0.02 * x));
}

static void check_tick(const struct loop *l, const struct plm_decision *d)
{
	const struct plm_target *t = l->w->set.targets;
	int now = l->t - 1, lowest = d->desired, highest = d->desired;
	if (d->result == d->desired)
		return;
	assert_in_range(d->result, t->min, t->max);
	assert_int_not_equal(d->deciding, -1);
	for (int i = now; i > now - 15 && i >= 0; i--) {
		lowest = l->desired_then[i] < lowest ? l->desired_then[i] : lowest;
		highest = l->desired_then[i] > highest ? l->desired_then[i] : highest;
	}
	if (d->result > d->desired) /* never more than the larger of +4 and double what was there within the period */
		assert_true(d->result <= (highest + 4 > 2 * highest ? highest + 4 : 2 * highest));
	if (d->result > d->desired && lowest == d->desired)
		assert_true(d->result <= (lowest + 4 > 2 * lowest ? lowest + 4 : 2 * lowest));
	if (d->result < d->desired) { /* never below what was needed at any moment of the last 5 minutes */
		for (int i = now; i > now - 299 && i >= 0; i--) {
			double served = 0, ready = 0;
			for (int k = i; k > i - WINDOW && k >= 0; k--) {
				served += l->served[k];
				ready += l->ready_then[k];
			}
			double raw = l->ready_then[i] * (served / ready) / 60;
			assert_true(d->result >= fmin(raw, l->desired_then[i]) / 1.1 - 1e-6 || d->result == t->max);
		}
	}
}

static void random_load__for_hours__bounds_and_limits_hold(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 5; seed++) {
		struct loop *l = loop_new(5, 2, 40, 60);
		double load = 300;
		l->seed = seed;
		for (int t = 0; t < 8000; t++) {
			load = random_load(l, load);
			check_tick(l, loop_tick(l, load));
		}
		assert_true(l->actions > 5);
		loop_free(l);
	}
}

/* --- the same again, also after restarts and clock changes --- */

static void record(const struct plm_decision *d, struct plm_buf *out)
{
	struct plm_jw w;
	plm_jw_init(&w, out);
	plm_jw_obj(&w, NULL);
	plm_decision_json(d, &w);
	plm_jw_end_obj(&w);
	plm_buf_add(out, "\n", 1);
}

/* A new daemon takes over: only what was saved lives on. */
static void restart(struct world *w)
{
	struct plm_buf json = PLM_BUF_INIT(1 << 20);
	struct plm_err err = PLM_ERR_INIT;
	assert_int_equal(plm_engine_state_save(w->engine, "web", &json), 0);
	plm_engine_state_free(w->engine);
	w->engine = plm_engine_state_new();
	if (plm_engine_state_load(w->engine, "web", plm_buf_text(&json), &err) != 0)
		fail_msg("%s", plm_err_text(&err));
	plm_buf_done(&json);
}

static void run_story(struct plm_buf *out, int restart_every, bool is_clock_set)
{
	struct loop *l = loop_new(5, 2, 40, 60);
	double load = 300;
	l->seed = 7;
	for (int t = 0; t < 3000; t++) {
		load = random_load(l, load);
		if (restart_every && t % restart_every == 0 && t)
			restart(l->w);
		if (is_clock_set && t % 400 == 399)
			l->w->now.wall += (t % 800 == 399 ? 1 : -1) * 7200 * PLM_NS_PER_S;
		struct plm_decision d = *loop_tick(l, load);
		if (is_clock_set)
			d.at.wall = 0;
		record(&d, out);
	}
	loop_free(l);
}

static void same_input_twice__same_bytes(void **state)
{
	(void)state;
	struct plm_buf a = PLM_BUF_INIT(16 << 20), b = PLM_BUF_INIT(16 << 20);
	run_story(&a, 0, false);
	run_story(&b, 0, false);
	assert_true(a.len > 100000 && !a.failed && !b.failed);
	assert_string_equal(plm_buf_text(&a), plm_buf_text(&b));
	plm_buf_done(&a);
	plm_buf_done(&b);
}

static void restarted_often__same_decisions(void **state)
{
	(void)state;
	struct plm_buf a = PLM_BUF_INIT(16 << 20), b = PLM_BUF_INIT(16 << 20);
	run_story(&a, 0, false);
	run_story(&b, 13, false);
	assert_false(a.failed || b.failed);
	assert_string_equal(plm_buf_text(&a), plm_buf_text(&b));
	plm_buf_done(&a);
	plm_buf_done(&b);
}

/* Results and reasons line by line; times differ, of course. */
static void clock_set_while_running__same_decisions(void **state)
{
	(void)state;
	struct plm_buf a = PLM_BUF_INIT(16 << 20), b = PLM_BUF_INIT(16 << 20);
	run_story(&a, 0, false);
	run_story(&b, 0, true);
	const char *x = plm_buf_text(&a), *y = plm_buf_text(&b);
	int n = 0;
	for (; *x && *y; x = strchr(x, '\n') + 1, y = strchr(y, '\n') + 1, n++) {
		const char *from_x = strstr(x, "\"cluster\""), *from_y = strstr(y, "\"cluster\"");
		size_t len = strcspn(from_x, "\n");
		assert_int_equal(len, strcspn(from_y, "\n"));
		assert_memory_equal(from_x, from_y, len);
	}
	assert_int_equal(n, 3000);
	plm_buf_done(&a);
	plm_buf_done(&b);
}

static void restart_without_state__holds_scale_in_for_a_window(void **state)
{
	(void)state;
	struct loop *l = loop_new(10, 1, 40, 60);
	for (int t = 0; t < 290; t++)
		loop_tick(l, 200);
	assert_int_equal(l->actions, 0);
	plm_engine_state_free(l->w->engine);
	l->w->engine = plm_engine_state_new();
	for (int t = 0; t < 300; t++)
		loop_tick(l, 200);
	assert_int_equal(l->actions, 0);
	loop_tick(l, 200);
	assert_int_equal(l->actions, 1);
	loop_free(l);
}

static void decision_not_carried_out__is_made_again_and_counts_nowhere(void **state)
{
	(void)state;
	struct world *w = world_new(4, 1, 40);
	world_policy(w, "cpu", PLM_METRIC_CPU, 50);
	world_cpu(w, 100);
	for (int i = 0; i < 60; i++) /* the backend refuses, or a dry run */
		assert_int_equal(world_tick(w)->result, 8);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(step__any_height__decided_within_five_evaluations),
		cmocka_unit_test(calm__noise_for_an_hour__no_action),
		cmocka_unit_test(saw__faster_than_the_window__goes_out_once_and_stays),
		cmocka_unit_test(peak__over__comes_down_after_the_window),
		cmocka_unit_test(random_load__for_hours__bounds_and_limits_hold),
		cmocka_unit_test(same_input_twice__same_bytes),
		cmocka_unit_test(restarted_often__same_decisions),
		cmocka_unit_test(clock_set_while_running__same_decisions),
		cmocka_unit_test(restart_without_state__holds_scale_in_for_a_window),
		cmocka_unit_test(decision_not_carried_out__is_made_again_and_counts_nowhere),
	};
	return PLM_RUN_TESTS(tests);
}
