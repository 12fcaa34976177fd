/* SPDX-License-Identifier: Apache-2.0
 * The fast profile: the formula, what holds it back, and what must never happen. */
#include "scaling_world.h"

#include <errno.h>

#include "scaling/tracking.h"

/* --- the formula --- */

static void round_up__near_whole_numbers__snaps(void **state)
{
	(void)state;
	assert_int_equal(plm_tracking_round_up(6.0), 6);
	assert_int_equal(plm_tracking_round_up(3 * 70.0 / 70.0), 3);
	assert_int_equal(plm_tracking_round_up(3.0000000001), 3);
	assert_int_equal(plm_tracking_round_up(3.00001), 4);
	assert_int_equal(plm_tracking_round_up(17.996), 18);
	assert_int_equal(plm_tracking_round_up(0.0), 0);
	assert_int_equal(plm_tracking_round_up(1e30), PLM_COUNT_MAX);
	assert_int_equal(plm_tracking_round_up(INFINITY), PLM_COUNT_MAX);
}

static void decide__worked_numbers__as_documented(void **state)
{
	(void)state;
	static const struct {
		int ready, desired;
		double m, t;
		int result;
		enum plm_not_scaled reason;
	} rows[] = {
		{ 4, 4, 75, 50, 6, PLM_SCALED },
		{ 10, 10, 63, 50, 13, PLM_SCALED },
		{ 2, 2, 93.1, 50, 4, PLM_SCALED },
		{ 3, 3, 51, 50, 3, PLM_NS_ALREADY_AT_DESIRED }, /* the band */
		{ 3, 3, 55, 50, 3, PLM_NS_ALREADY_AT_DESIRED }, /* exactly its edge */
		{ 3, 3, 55.1, 50, 4, PLM_SCALED },
		{ 10, 10, 40, 50, 8, PLM_SCALED },
		{ 10, 10, 45, 50, 10, PLM_NS_ALREADY_AT_DESIRED },
		{ 10, 10, 44.9, 50, 9, PLM_SCALED },
		{ 20, 20, 44.99, 50, 18, PLM_SCALED },
		{ 2, 2, 30, 50, 2, PLM_NS_ANTICIPATED_FLAPPING },
		{ 2, 2, 24, 50, 1, PLM_SCALED },
		{ 1, 1, 5, 50, 1, PLM_NS_ANTICIPATED_FLAPPING },
		{ 1, 1, 0, 50, 1, PLM_NS_ANTICIPATED_FLAPPING },
		{ 4, 4, 0, 50, 1, PLM_SCALED },                   /* never 0: nothing would bring it back */
		{ 2, 4, 93.1, 50, 4, PLM_NS_ALREADY_AT_DESIRED }, /* two are starting */
		{ 2, 4, 99, 50, 4, PLM_NS_ALREADY_AT_DESIRED },
		{ 2, 4, 120, 50, 5, PLM_SCALED },
		{ 2, 4, 110, 50, 4, PLM_NS_ALREADY_AT_DESIRED }, /* 4.4 of 4 is within the tolerance */
		{ 2, 4, 50, 50, 4,
		  PLM_NS_ALREADY_AT_DESIRED }, /* on target; starting tasks are no reason to scale in */
		{ 2, 6, 60, 50, 6, PLM_NS_ALREADY_AT_DESIRED }, /* above target with too few ready: no scale-in */
		{ 2, 4, 20, 50, 1, PLM_SCALED },
		{ 10, 2, 45, 50, 2, PLM_NS_ALREADY_AT_DESIRED }, /* stopping tasks are no reason to scale out */
		{ 10, 4, 60, 50, 8, PLM_SCALED },
		{ 5, 5, 130, 100, 7, PLM_SCALED }, /* above 100 % is not clamped */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(rows[i].ready, 0, 100);
		struct plm_policy *p = world_policy(w, "cpu", PLM_METRIC_CPU, rows[i].t);
		p->in.stabilization_s = 0;
		w->service.desired = rows[i].desired;
		world_cpu(w, rows[i].m);
		const struct plm_decision *d = world_tick(w);
		if (d->result != rows[i].result || d->not_scaled != rows[i].reason)
			fail_msg("row %zu: %d (%s), wanted %d (%s): %s", i, d->result,
				 plm_not_scaled_name(d->not_scaled), rows[i].result,
				 plm_not_scaled_name(rows[i].reason), d->sentence);
		world_free(w);
	}
}

static void decide__record__tells_formula_and_inputs(void **state)
{
	(void)state;
	struct world *w = world_new(2, 1, 10);
	world_policy(w, "cpu50", PLM_METRIC_CPU, 50);
	world_cpu(w, 93.1);
	const struct plm_decision *d = world_tick(w);
	assert_string_equal(d->service, "web");
	assert_string_equal(d->cluster, "c");
	assert_int_equal(d->ready, 2);
	assert_int_equal(d->n_proposals, 1);
	assert_int_equal(d->deciding, 0);
	assert_true(fabs(d->proposals[0].raw - 3.724) < 1e-9);
	assert_int_equal(d->proposals[0].desired, 4);
	assert_int_equal(d->stages[0].kind, PLM_STAGE_POLICY);
	assert_int_equal(d->stages[0].before, 2);
	assert_int_equal(d->stages[0].after, 4);
	assert_string_equal(d->stages[0].text, "cpu50: ceil(2 ready x 93.1 % CPU / 50 %) = ceil(3.72) = 4");
	assert_string_equal(d->sentence, "CPU 93.1 % against a target of 50 % on 2 ready tasks: 2 -> 4");
	world_free(w);
}

/* --- data --- */

static void decide__insufficient_data__holds(void **state)
{
	(void)state;
	static const struct {
		double value, age, coverage;
		int ready, desired;
		plm_ns model_age;
		const char *says;
	} rows[] = {
		{ NAN, NAN, 0, 4, 4, 0, "no CPU value yet" },
		{ 10, 5.5, 1, 4, 4, 0, "5.5 s old" },
		{ 90, 5.5, 1, 4, 4, 0, "5.5 s old" },
		{ 10, NAN, 1, 4, 4, 0, "s old" },
		{ 90, 0, 0.4, 4, 4, 0, "known of 40 %" },
		{ 10, 0, 0.9, 4, 4, 0, "scale-in needs all" },
		{ NAN, NAN, 0, 0, 4, 0, "no task is running" },
		{ NAN, NAN, 0, 0, 0, 0, "desired count is 0" },
		{ 90, 0, 1, 4, 0, 0, "desired count is 0" }, /* somebody stopped it; its tasks are still going */
		{ 90, 0, 1, 4, 4, 11 * PLM_NS_PER_S, "last answered 11 s ago" },
		{ 10, 0, 1, 4, 4, 11 * PLM_NS_PER_S, "last answered 11 s ago" },
		{ -1, 0, 1, 4, 4, 0, "" },
		{ INFINITY, 0, 1, 4, 4, 0, "" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(rows[i].ready, 0, 100);
		world_policy(w, "cpu", PLM_METRIC_CPU, 50)->in.stabilization_s = 0;
		w->service.desired = rows[i].desired;
		w->use.cpu = (struct plm_signal){ rows[i].value, rows[i].age, 5, rows[i].coverage, rows[i].ready };
		w->now.mono += PLM_NS_PER_S;
		w->cluster.asked_mono = w->now.mono - rows[i].model_age;
		const struct plm_decision *d = world_evaluate(w);
		if (d->result != d->desired || d->not_scaled != PLM_NS_INSUFFICIENT_DATA ||
		    !strstr(d->sentence, rows[i].says))
			fail_msg("row %zu: %d (%s): %s", i, d->result, plm_not_scaled_name(d->not_scaled), d->sentence);
		world_free(w);
	}
}

static void decide__half_the_tasks_reported__may_scale_out(void **state)
{
	(void)state;
	struct world *w = world_new(2, 0, 100);
	world_policy(w, "cpu", PLM_METRIC_CPU, 50);
	w->service.desired = w->service.running = w->use.running = 4;
	w->use.missing = 2;
	w->use.cpu = (struct plm_signal){ 150, 0.1, 5, 0.5, 2 };
	assert_int_equal(world_tick(w)->result, 6); /* the missing ones count as idle */
	world_free(w);
}

static void decide__nothing_reserved__says_so(void **state)
{
	(void)state;
	struct world *w = world_new(2, 0, 100);
	world_policy(w, "mem", PLM_METRIC_MEMORY, 50);
	w->service.memory_bytes = 0;
	assert_contains(world_tick(w)->sentence, "reserves no memory");
	world_free(w);
}

static void decide__metric_stops_at_peak__never_scales_in(void **state)
{
	(void)state;
	struct world *w = world_new(4, 1, 20);
	world_policy(w, "cpu", PLM_METRIC_CPU, 60)->in.stabilization_s = 30;
	w->is_obeyed = true;
	world_cpu(w, 90);
	assert_int_equal(world_until_change(w, 5), 1);
	int peak = w->service.desired;
	w->use.cpu = (struct plm_signal){ .value = NAN, .age_s = NAN };
	assert_int_equal(world_until_change(w, 600), 0);
	assert_int_equal(w->service.desired, peak);
	world_cpu(w, 10); /* data are back, low: a whole window first */
	assert_contains(world_tick(w)->sentence, "since the last gap in the data");
	assert_int_equal(w->d.not_scaled, PLM_NS_STABILIZING);
	assert_int_equal(world_until_change(w, 100), 30);
	world_free(w);
}

/* --- stabilisation --- */

static void scale_in__first_look__waits_for_a_whole_window(void **state)
{
	(void)state;
	struct world *w = world_new(10, 1, 20);
	world_policy(w, "cpu", PLM_METRIC_CPU, 50);
	world_cpu(w, 20);
	const struct plm_decision *d = world_tick(w);
	assert_int_equal(d->not_scaled, PLM_NS_STABILIZING);
	assert_string_equal(
		world_stage(d, PLM_STAGE_STABILIZE)->text,
		"scale-in needs 300 s of recommendations; 0 s since the first look at the service, 300 s remain");
	assert_int_equal(world_stage(d, PLM_STAGE_STABILIZE)->before, 4);
	assert_int_equal(world_stage(d, PLM_STAGE_STABILIZE)->after, 10);
	assert_int_equal(world_until_change(w, 400), 300);
	assert_int_equal(w->d.result, 4);
	world_free(w);
}

static void scale_in__window__highest_recommendation_rules(void **state)
{
	(void)state;
	struct world *w = world_new(10, 1, 20);
	world_policy(w, "cpu", PLM_METRIC_CPU, 50)->in.stabilization_s = 30;
	w->is_obeyed = true;
	world_cpu(w, 50);
	for (int i = 0; i < 60; i++)
		assert_int_equal(world_tick(w)->result, 10);
	world_cpu(w, 40); /* asks for 8, for one second */
	world_tick(w);
	world_cpu(w, 20); /* asks for 4 */
	for (int i = 0; i < 12; i++)
		world_tick(w);
	assert_string_equal(world_stage(&w->d, PLM_STAGE_STABILIZE)->text,
			    "highest recommendation of the last 30 s was 10, 13 s ago; 17 s remain");
	assert_int_equal(world_until_change(w, 100), 17);
	assert_int_equal(w->d.result, 8);
	assert_contains(w->d.sentence, "10 -> 8 (highest recommendation of the last 30 s was 8, 29 s ago; 1 s remain)");
	world_cpu(w, 20 * 10 / 8.0);
	assert_int_equal(world_until_change(w, 100),
			 1); /* the metric is a mean over 5 s, so are the tasks: (4 x 10 + 8) / 5 */
	assert_contains(w->d.stages[0].text, "ceil(9.6 ready on average x 25.0 % CPU / 50 %) = ceil(4.80) = 5");
	assert_int_equal(w->d.result, 5);
	world_free(w);
}

static void scale_out__window__lowest_recommendation_rules(void **state)
{
	(void)state;
	struct world *w = world_new(4, 1, 50);
	world_policy(w, "cpu", PLM_METRIC_CPU, 50)->out.stabilization_s = 10;
	world_cpu(w, 50);
	for (int i = 0; i < 20; i++)
		world_tick(w);
	world_cpu(w, 90); /* 8 */
	world_tick(w);
	assert_int_equal(w->d.not_scaled, PLM_NS_STABILIZING);
	assert_contains(w->d.sentence, "lowest recommendation of the last 10 s was 4, 1 s ago; 9 s remain");
	world_cpu(w, 75); /* 6 */
	world_tick(w);
	world_cpu(w, 90);
	assert_int_equal(world_until_change(w, 50), 8);
	assert_int_equal(w->d.result, 6);
	world_free(w);
}

static void stabilize__outside_change__is_a_new_base(void **state)
{
	(void)state;
	struct world *w = world_new(4, 1, 50);
	world_policy(w, "cpu", PLM_METRIC_CPU, 50)->in.stabilization_s = 60;
	world_cpu(w, 45);
	for (int i = 0; i < 100; i++)
		assert_int_equal(world_tick(w)->result, 4);
	world_tasks(w, 10); /* by hand: more than the load needs */
	world_cpu(w, 18);
	assert_contains(world_tick(w)->sentence, "since somebody else set the desired count");
	assert_int_equal(world_until_change(w, 100), 60);
	assert_int_equal(w->d.result, 4);

	world_tasks(w, 2); /* by hand: fewer, with tasks still stopping and the metric on target */
	w->use.ready = 4;
	world_cpu(w, 45);
	assert_int_equal(world_until_change(w, 20), 0);
	w->use.ready = 2; /* gone; the load is what it was: the usual rule, at once */
	world_cpu(w, 90);
	assert_int_equal(world_until_change(w, 20), 1);
	assert_int_equal(w->d.result, 4);
	world_free(w);
}

/* --- rate limits --- */

static void scale_out__rate__larger_of_four_and_double_per_period(void **state)
{
	(void)state;
	struct world *w = world_new(1, 1, 100);
	world_policy(w, "cpu", PLM_METRIC_CPU, 10);
	w->is_obeyed = true;
	world_cpu(w, 100);
	world_tick(w);
	assert_int_equal(w->d.result, 5);
	assert_string_equal(world_stage(&w->d, PLM_STAGE_RATE)->text,
			    "at most 4 tasks or 100 %, whichever is more, in 15 s: up to 5 for now");
	world_cpu(w, 100);
	assert_int_equal(world_until_change(w, 100), 15);
	assert_int_equal(w->d.result, 10);
	assert_int_equal(world_until_change(w, 100), 15);
	assert_int_equal(w->d.result, 20);
	world_tick(w);
	assert_int_equal(w->d.not_scaled, PLM_NS_RATE_LIMITED);
	assert_int_equal(w->d.result, 20);
	world_free(w);
}

static void scale_out__rate__counts_what_the_period_added(void **state)
{
	(void)state;
	struct world *w = world_new(6, 1, 100);
	world_policy(w, "cpu", PLM_METRIC_CPU, 50);
	w->is_obeyed = true;
	world_cpu(w, 80);
	assert_int_equal(world_tick(w)->result, 10);
	world_cpu(w, 100);
	for (int i = 0; i < 5; i++)
		world_tick(w);
	assert_int_equal(w->service.desired, 12); /* 6 at the period's start: up to max(6 + 4, 6 + 6) */
	world_free(w);
}

static void scale_in__rate__percent_is_cut(void **state)
{
	(void)state;
	struct world *w = world_new(19, 1, 100);
	struct plm_policy *p = world_policy(w, "cpu", PLM_METRIC_CPU, 50);
	p->in = (struct plm_direction){ .max_percent = 10, .period_s = 60 };
	w->is_obeyed = true;
	world_cpu(w, 5);
	assert_int_equal(world_tick(w)->result, 18); /* 10 % of 19 is 1.9, cut to 1 */
	assert_contains(w->d.sentence, "at most 10 % in 60 s: down to 18 for now");
	world_cpu(w, 5);
	assert_int_equal(world_until_change(w, 100), 60);
	assert_int_equal(w->d.result, 17);
	p->in.max_percent = 0;
	p->in.max_tasks = 3;
	assert_int_equal(world_until_change(w, 100), 1); /* one of three is used up */
	assert_int_equal(w->d.result, 15);
	world_free(w);
}

/* --- bounds and vetoes --- */

static void decide__bounds__never_outside(void **state)
{
	(void)state;
	static const struct {
		int ready, min, max;
		double m;
		int result;
		enum plm_not_scaled reason;
		const char *says;
	} rows[] = {
		{ 4, 1, 5, 75, 5, PLM_SCALED, "MaxCapacity is 5" },
		{ 5, 1, 5, 75, 5, PLM_NS_ALREADY_AT_MAX, "MaxCapacity is 5" },
		{ 9, 1, 5, 75, 9, PLM_NS_ALREADY_AT_MAX, "MaxCapacity is 5" }, /* found above: not further away */
		{ 9, 1, 5, 40, 5, PLM_SCALED, "MaxCapacity is 5" },
		{ 9, 1, 5, 50, 9, PLM_NS_ALREADY_AT_DESIRED, "9 is right" },
		{ 4, 3, 5, 20, 3, PLM_SCALED, "MinCapacity is 3" },
		{ 3, 3, 5, 20, 3, PLM_NS_ALREADY_AT_MIN, "MinCapacity is 3" },
		{ 1, 1, 5, 20, 1, PLM_NS_ALREADY_AT_MIN, "MinCapacity is 1" },
		{ 2, 3, 5, 50, 3, PLM_SCALED, "below MinCapacity 3" }, /* without any policy asking */
		{ 0, 1, 5, NAN, 1, PLM_SCALED, "below MinCapacity 1" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(rows[i].ready, rows[i].min, rows[i].max);
		world_policy(w, "cpu", PLM_METRIC_CPU, 50)->in.stabilization_s = 0;
		world_cpu(w, rows[i].m);
		const struct plm_decision *d = world_tick(w);
		if (d->result != rows[i].result || d->not_scaled != rows[i].reason ||
		    !strstr(d->sentence, rows[i].says))
			fail_msg("row %zu: %d (%s): %s", i, d->result, plm_not_scaled_name(d->not_scaled), d->sentence);
		world_free(w);
	}
}

static void decide__found_above_max__comes_down_in_one_step_whatever_the_rate(void **state)
{
	(void)state;
	struct world *w = world_new(9, 1, 5);
	struct plm_policy *p = world_policy(w, "cpu", PLM_METRIC_CPU, 50);
	p->in = (struct plm_direction){ .max_tasks = 1, .period_s = 60 };
	world_cpu(w, 10);
	assert_int_equal(world_tick(w)->result, 5);
	world_free(w);
}

static void decide__no_policy__only_the_minimum(void **state)
{
	(void)state;
	struct world *w = world_new(2, 3, 5);
	assert_int_equal(world_tick(w)->result, 3);
	world_tasks(w, 4);
	assert_int_equal(world_tick(w)->result, 4);
	assert_string_equal(w->d.sentence, "stays at 4: the target has no policy");
	world_free(w);
}

static void decide__vetoes__hold_their_direction_only(void **state)
{
	(void)state;
	static const struct {
		bool in_suspended, out_suspended, is_deploying, is_scalable;
		double m;
		int result;
		enum plm_not_scaled reason;
	} rows[] = {
		{ true, false, false, true, 20, 10, PLM_NS_SUSPENDED },
		{ true, false, false, true, 90, 18, PLM_SCALED },
		{ false, true, false, true, 90, 10, PLM_NS_SUSPENDED },
		{ false, true, false, true, 20, 4, PLM_SCALED },
		{ false, false, true, true, 20, 10, PLM_NS_UNSCALABLE },
		{ false, false, true, true, 90, 18, PLM_SCALED },
		{ false, false, false, false, 90, 10, PLM_NS_UNSCALABLE },
		{ false, false, false, false, 20, 10, PLM_NS_UNSCALABLE },
		{ true, true, true, false, 50, 10, PLM_NS_ALREADY_AT_DESIRED },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(10, 1, 50);
		world_policy(w, "cpu", PLM_METRIC_CPU, 50)->in.stabilization_s = 0;
		w->set.targets->in_suspended = rows[i].in_suspended;
		w->set.targets->out_suspended = rows[i].out_suspended;
		w->service.is_deploying = rows[i].is_deploying;
		w->service.is_scalable = rows[i].is_scalable;
		world_cpu(w, rows[i].m);
		const struct plm_decision *d = world_tick(w);
		if (d->result != rows[i].result || d->not_scaled != rows[i].reason)
			fail_msg("row %zu: %d (%s): %s", i, d->result, plm_not_scaled_name(d->not_scaled), d->sentence);
		world_free(w);
	}
}

static void decide__below_minimum_but_suspended_or_unscalable__stays(void **state)
{
	(void)state;
	struct world *w = world_new(1, 3, 5);
	world_policy(w, "cpu", PLM_METRIC_CPU, 50);
	world_cpu(w, 50);
	w->set.targets->out_suspended = true;
	assert_int_equal(world_tick(w)->result, 1);
	w->set.targets->out_suspended = false;
	w->service.is_scalable = false;
	assert_int_equal(world_tick(w)->result, 1);
	world_free(w);
}

/* --- several policies --- */

static void several__out_if_any_in_if_all__largest_rules(void **state)
{
	(void)state;
	static const struct {
		double cpu, memory;
		bool is_memory_out_only;
		int result;
		const char *deciding;
	} rows[] = {
		{ 75, 40, false, 15, "cpu" },  { 75, 64, false, 16, "mem" }, /* 10 * 64 / 40 */
		{ 20, 40, false, 10, "mem" },                                /* memory is on target: no scale-in */
		{ 20, 32, false, 8, "mem" },   { 35, 24, false, 7, "cpu" },
		{ NAN, 24, false, 10, "cpu" }, /* absence is a veto */
		{ NAN, 64, false, 16, "mem" }, { 20, NAN, false, 10, "mem" },
		{ 20, NAN, true, 4, "cpu" }, /* not asked about scale-in */
		{ 40, 38, true, 9, "cpu" },  /* 8 would put memory at 47.5 %, above its band at 44 % */
		{ 20, 10, true, 4, "cpu" },    { 50, 10, true, 10, "cpu" },
		{ 50, 64, true, 16, "mem" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(10, 1, 50);
		world_policy(w, "cpu", PLM_METRIC_CPU, 50)->in.stabilization_s = 0;
		struct plm_policy *mem = world_policy(w, "mem", PLM_METRIC_MEMORY, 40);
		mem->in.stabilization_s = 0;
		mem->is_scale_in_disabled = rows[i].is_memory_out_only;
		world_cpu(w, rows[i].cpu);
		world_memory(w, rows[i].memory);
		const struct plm_decision *d = world_tick(w);
		if (d->result != rows[i].result || strcmp(d->proposals[d->deciding].policy, rows[i].deciding) != 0)
			fail_msg("row %zu: %d by %s: %s", i, d->result, d->proposals[d->deciding].policy, d->sentence);
		world_free(w);
	}
}

static void several__scale_in_would_bounce__is_held_with_the_reason(void **state)
{
	(void)state;
	struct world *w = world_new(10, 1, 50);
	world_policy(w, "cpu", PLM_METRIC_CPU, 50)->in.stabilization_s = 0;
	world_policy(w, "mem", PLM_METRIC_MEMORY, 40)->is_scale_in_disabled = true;
	world_cpu(w, 44);
	world_memory(w, 43);
	const struct plm_decision *d = world_tick(w);
	assert_int_equal(d->not_scaled, PLM_NS_ANTICIPATED_FLAPPING);
	assert_string_equal(world_stage(d, PLM_STAGE_FLAPPING)->text,
			    "mem would scale out again: 9 tasks would be at 47.8 % memory, its target is 40 %");
	world_free(w);
}

static void only_policy__scale_in_disabled__says_so(void **state)
{
	(void)state;
	struct world *w = world_new(10, 1, 50);
	struct plm_policy *p = world_policy(w, "cpu", PLM_METRIC_CPU, 50);
	p->is_scale_in_disabled = true;
	p->in.stabilization_s = 0;
	world_cpu(w, 20);
	assert_int_equal(world_tick(w)->not_scaled, PLM_NS_SCALE_IN_DISABLED);
	assert_int_equal(w->d.result, 10);
	assert_contains(w->d.sentence, "DisableScaleIn is set");
	world_free(w);
}

static void other_clusters_policy__is_not_used(void **state)
{
	(void)state;
	struct world *w = world_new(2, 1, 50);
	(void)plm_strcpy(world_policy(w, "cpu", PLM_METRIC_CPU, 50)->cluster, PLM_NAME_MAX, "d");
	world_cpu(w, 90);
	assert_int_equal(world_tick(w)->n_proposals, 0);
	world_free(w);
}

static void evaluate__ten_thousand_targets__each_by_its_own_policy(void **state)
{
	(void)state;
	enum { N = 10000 };
	struct plm_policy_set set = { .targets = calloc(N, sizeof(*set.targets)),
				      .n_targets = N,
				      .policies = calloc(N, sizeof(*set.policies)),
				      .n_policies = N };
	struct plm_cluster cluster = { .services = calloc(N, sizeof(*cluster.services)),
				       .n_services = N,
				       .asked_mono = PLM_NS_PER_S };
	struct plm_usage usage = { .services = calloc(N, sizeof(*usage.services)), .n_services = N };
	struct plm_decision *d = malloc(N * sizeof(*d));
	struct plm_engine_state *engine = plm_engine_state_new();
	assert_true(set.targets && set.policies && cluster.services && usage.services && d && engine);
	for (int i = 0; i < N; i++) {
		struct plm_service *s = &cluster.services[N - 1 - i]; /* in another order than the targets */
		(void)snprintf(set.targets[i].service, PLM_NAME_MAX, "service-%d", i);
		(void)snprintf(set.policies[(i * 7) % N].service, PLM_NAME_MAX, "service-%d", i);
		(void)snprintf(s->name, PLM_NAME_MAX, "service-%d", i);
		set.targets[i].max = 1000;
		set.policies[(i * 7) % N].target = 50;
		set.policies[(i * 7) % N].tolerance = 0.1;
		s->desired = s->running = 1 + i % 20;
		s->is_scalable = true;
		(void)plm_strcpy(usage.services[N - 1 - i].service, PLM_NAME_MAX, s->name);
		usage.services[N - 1 - i].ready = s->desired;
		usage.services[N - 1 - i].cpu = (struct plm_signal){ 100, 0.1, 5, 1, s->desired };
	}
	struct plm_engine_input in = {
		.policies = &set, .cluster = &cluster, .usage = &usage, .now = { PLM_NS_PER_S, WORLD_START }
	};
	assert_int_equal(plm_engine_evaluate(engine, &in, d, N), N);
	assert_int_equal(plm_engine_evaluate(engine, &in, d, 10), 10); /* the caller's room is respected */
	assert_int_equal(plm_engine_evaluate(engine, &in, d, N), N);
	for (int i = 0; i < N; i++) {
		assert_string_equal(d[i].service, set.targets[i].service);
		assert_int_equal(d[i].result, 2 * (1 + i % 20));
	}
	plm_engine_state_free(engine);
	plm_policy_set_done(&set);
	free(cluster.services);
	free(usage.services);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_up__near_whole_numbers__snaps),
		cmocka_unit_test(decide__worked_numbers__as_documented),
		cmocka_unit_test(decide__record__tells_formula_and_inputs),
		cmocka_unit_test(decide__insufficient_data__holds),
		cmocka_unit_test(decide__half_the_tasks_reported__may_scale_out),
		cmocka_unit_test(decide__nothing_reserved__says_so),
		cmocka_unit_test(decide__metric_stops_at_peak__never_scales_in),
		cmocka_unit_test(scale_in__first_look__waits_for_a_whole_window),
		cmocka_unit_test(scale_in__window__highest_recommendation_rules),
		cmocka_unit_test(scale_out__window__lowest_recommendation_rules),
		cmocka_unit_test(stabilize__outside_change__is_a_new_base),
		cmocka_unit_test(scale_out__rate__larger_of_four_and_double_per_period),
		cmocka_unit_test(scale_out__rate__counts_what_the_period_added),
		cmocka_unit_test(scale_in__rate__percent_is_cut),
		cmocka_unit_test(decide__bounds__never_outside),
		cmocka_unit_test(decide__found_above_max__comes_down_in_one_step_whatever_the_rate),
		cmocka_unit_test(decide__no_policy__only_the_minimum),
		cmocka_unit_test(decide__vetoes__hold_their_direction_only),
		cmocka_unit_test(decide__below_minimum_but_suspended_or_unscalable__stays),
		cmocka_unit_test(several__out_if_any_in_if_all__largest_rules),
		cmocka_unit_test(several__scale_in_would_bounce__is_held_with_the_reason),
		cmocka_unit_test(only_policy__scale_in_disabled__says_so),
		cmocka_unit_test(other_clusters_policy__is_not_used),
		cmocka_unit_test(evaluate__ten_thousand_targets__each_by_its_own_policy),
	};
	return PLM_RUN_TESTS(tests);
}
