/* SPDX-License-Identifier: Apache-2.0
 * From samples to service utilisation, and the total that keeps what ended tasks used. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/aggregate.h"
#include "base/num.h"
#include "identity/identity.h"

#define MAX_TASKS 8

/* A small world: one service, some tasks, one sample per living task and tick. */
struct world {
	struct plm_aggregate *aggregate;
	struct plm_service service;
	struct plm_task tasks[MAX_TASKS];
	struct plm_cluster cluster;
	struct plm_sample_set samples;
	struct plm_attribution attribution;
	struct plm_usage usage;
	struct plm_policy_set policies;
	struct plm_now now;
};

static struct plm_task *add_task(struct world *w, uint32_t units, uint64_t memory)
{
	struct plm_task *t = &w->tasks[w->cluster.n_tasks++];
	memset(t, 0, sizeof(*t));
	(void)snprintf(t->id, sizeof(t->id), "task%zu", w->cluster.n_tasks);
	(void)snprintf(t->cgroup, sizeof(t->cgroup), "/plimsoll/web/task%zu", w->cluster.n_tasks);
	(void)plm_strcpy(t->service, sizeof(t->service), "web");
	t->status = PLM_TASK_RUNNING;
	t->cpu_units = units;
	t->memory_bytes = memory;
	t->started_mono = w->now.mono;
	return t;
}

static struct plm_sample *add_sample(struct world *w, const char *path, uint64_t cpu_ms)
{
	struct plm_sample *s = plm_sample_set_add(&w->samples);
	assert_non_null(s);
	s->path = path;
	s->time_ns = w->now.mono;
	s->has = PLM_HAS_CPU;
	s->cpu_usage_ns = cpu_ms * 1000000;
	return s;
}

static void add_final(struct world *w, const char *path, uint64_t cpu_ms)
{
	struct plm_final *f = plm_sample_set_add_final(&w->samples);
	assert_non_null(f);
	(void)plm_strcpy(f->path, sizeof(f->path), path);
	f->cpu_usage_ns = cpu_ms * 1000000;
}

static const struct plm_service_usage *tick(struct world *w)
{
	assert_int_equal(plm_identity_attribute(&w->samples, &w->cluster, &w->attribution), 0);
	assert_int_equal(plm_aggregate_tick(w->aggregate, &w->samples, &w->attribution, &w->cluster, &w->policies,
					    &w->now, &w->usage),
			 0);
	plm_sample_set_reset(&w->samples);
	return &w->usage.services[0];
}

static void advance(struct world *w, double seconds)
{
	w->now.mono += (plm_ns)(seconds * PLM_NS_PER_S);
	w->now.wall += (plm_ns)(seconds * PLM_NS_PER_S);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	if (!w)
		return -1;
	w->aggregate = plm_aggregate_new();
	w->now = (struct plm_now){ .mono = 1000 * PLM_NS_PER_S, .wall = 1772366400 * PLM_NS_PER_S };
	(void)plm_strcpy(w->service.name, sizeof(w->service.name), "web");
	w->cluster = (struct plm_cluster){ .services = &w->service, .n_services = 1, .tasks = w->tasks };
	*state = w;
	return w->aggregate ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;
	plm_aggregate_free(w->aggregate);
	plm_sample_set_done(&w->samples);
	plm_attribution_done(&w->attribution);
	plm_usage_done(&w->usage);
	free(w);
	return 0;
}

static void utilization__the_documented_example__116_67_percent(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 3; i++)
		(void)add_task(w, 256, 0);
	const uint64_t used_units[] = { 128, 256, 512 };
	for (uint64_t s = 0; s <= 2; s++) {
		for (int i = 0; i < 3; i++)
			(void)add_sample(w, w->tasks[i].cgroup, s * used_units[i] * 1000 / 1024);
		const struct plm_service_usage *u = tick(w);
		assert_int_equal(u->ready, s == 0 ? 0 : 3);
		if (s == 0)
			assert_true(isnan(u->cpu.value)); /* one reading is no rate */
		else
			assert_true(fabs(u->cpu.value - 116.67) < 0.2);
		advance(w, 1);
	}
	assert_int_equal(w->usage.services[0].cpu.tasks, 3);
	assert_true(w->usage.services[0].cpu.coverage == 1.0);
}

static void utilization__memory_and_units_not_reserved__absent_not_zero(void **state)
{
	struct world *w = *state;
	(void)add_task(w, 0, 0);
	for (uint64_t s = 0; s <= 1; s++) {
		(void)add_sample(w, w->tasks[0].cgroup, s * 100);
		(void)tick(w);
		advance(w, 1);
	}
	assert_true(isnan(w->usage.services[0].cpu.value));
	assert_true(isnan(w->usage.services[0].memory.value));
	assert_true(isnan(w->usage.tasks[0].throttled_share));
	assert_true(fabs(w->usage.tasks[0].cpu_cores - 0.1) < 1e-9);
}

static void utilization__a_step__window_holds_three_seconds(void **state)
{
	struct world *w = *state;
	(void)add_task(w, 1024, 0);
	uint64_t cpu = 0;
	for (int s = 0; s < 20; s++) {
		(void)add_sample(w, w->tasks[0].cgroup, cpu += s < 10 ? 100 : 900);
		(void)tick(w);
		advance(w, 1);
		if (s == 9)
			assert_true(fabs(w->usage.services[0].cpu.value - 10) < 0.01);
		if (s == 11) /* 2 of 3 seconds are new */
			assert_true(fabs(w->usage.services[0].cpu.value - (2 * 90 + 10) / 3.0) < 0.01);
	}
	assert_true(fabs(w->usage.services[0].cpu.value - 90) < 0.01);
}

static void readiness__young_silent_and_measured_tasks__told_apart(void **state)
{
	struct world *w = *state;
	(void)add_task(w, 256, 0);
	(void)add_task(w, 256, 0); /* never gives a sample */
	for (uint64_t s = 0; s <= 1; s++) {
		(void)add_sample(w, w->tasks[0].cgroup, s * 100);
		(void)tick(w);
		advance(w, 1);
	}
	assert_int_equal(w->usage.services[0].ready, 1);
	assert_int_equal(w->usage.services[0].unready, 1);
	assert_true(w->usage.services[0].cpu.coverage == 1.0); /* nothing is expected of it yet */
	for (uint64_t s = 2; s <= 5; s++) {
		(void)add_sample(w, w->tasks[0].cgroup, s * 100);
		(void)tick(w);
		advance(w, 1);
	}
	assert_int_equal(w->usage.services[0].missing, 1);
	assert_true(w->usage.services[0].cpu.coverage == 0.5);
}

static void readiness__start_unknown_and_silent__missing_after_the_grace(void **state)
{
	struct world *w = *state;
	struct plm_task *t = add_task(w, 256, 0);
	t->started_mono = 0; /* taken over; perhaps of an earlier boot */
	assert_int_equal(tick(w)->unready, 1);
	advance(w, 4);
	assert_int_equal(tick(w)->missing, 1);
}

static void readiness__long_interval__two_samples_are_awaited(void **state)
{
	struct world *w = *state;
	plm_aggregate_set_interval(w->aggregate, 20 * PLM_NS_PER_S);
	(void)add_task(w, 256, 0);
	advance(w, 19); /* the first sample comes late */
	for (uint64_t s = 0; s < 2; s++) {
		(void)add_sample(w, w->tasks[0].cgroup, s * 10000);
		const struct plm_service_usage *u = tick(w);
		assert_int_equal(u->unready, s == 0);
		assert_int_equal(u->ready, s == 1);
		assert_int_equal(u->missing, 0);
		advance(w, 20);
	}
}

static void samples_stop__value_ages_then_vanishes(void **state)
{
	struct world *w = *state;
	(void)add_task(w, 256, 0);
	for (uint64_t s = 0; s <= 5; s++) {
		(void)add_sample(w, w->tasks[0].cgroup, s * 100);
		(void)tick(w);
		advance(w, 1);
	}
	advance(w, 1);
	const struct plm_service_usage *u = tick(w); /* no sample came */
	assert_false(isnan(u->cpu.value));
	assert_true(fabs(u->cpu.age_s - 2) < 1e-9);
	advance(w, 5);
	u = tick(w);
	assert_true(isnan(u->cpu.value));
	assert_int_equal(u->missing, 1);
}

static void totals__task_born_and_ended_between_samples__counted(void **state)
{
	struct world *w = *state;
	struct plm_task *t = add_task(w, 256, 0);
	t->status = PLM_TASK_STOPPED;
	add_final(w, t->cgroup, 7);
	const struct plm_service_usage *u = tick(w);
	assert_int_equal(u->cpu_usage_ns, 7000000);
	assert_int_equal(u->tasks_ended, 1);
}

static void totals__final_after_samples_with_nested_cgroups__each_microsecond_once(void **state)
{
	struct world *w = *state;
	struct plm_task *t = add_task(w, 256, 0);
	char nested[PLM_PATH_MAX + 8];
	(void)snprintf(nested, sizeof(nested), "%s/inner", t->cgroup);
	(void)add_sample(w, t->cgroup, 50); /* holds the inner cgroup's 20 already */
	(void)add_sample(w, nested, 20);
	assert_int_equal(tick(w)->cpu_usage_ns, 50000000);
	add_final(w, nested, 25);
	assert_int_equal(tick(w)->cpu_usage_ns, 50000000);
	add_final(w, t->cgroup, 40); /* of its own: 40 + 25 over its life */
	const struct plm_service_usage *u = tick(w);
	assert_int_equal(u->cpu_usage_ns, 65000000);
	assert_int_equal(u->tasks_ended, 1);
}

static void totals__final_smaller_than_the_last_sample__never_goes_back(void **state)
{
	struct world *w = *state;
	struct plm_task *t = add_task(w, 256, 0);
	(void)add_sample(w, t->cgroup, 50);
	(void)tick(w);
	add_final(w, t->cgroup, 30);
	assert_int_equal(tick(w)->cpu_usage_ns, 50000000);
}

static void attribution__foreign_cgroups__counted_as_unattributed(void **state)
{
	struct world *w = *state;
	(void)add_task(w, 256, 0);
	(void)add_sample(w, "/system.slice/cron.service", 5);
	(void)add_sample(w, "/plimsoll/web/task1", 5);
	(void)add_sample(w, "/plimsoll/web/task1/init", 5);
	(void)add_sample(w, "/plimsoll/web/task11", 5); /* a longer name is not a child */
	(void)tick(w);
	assert_int_equal(w->attribution.n_unattributed, 2);
	assert_int_equal(w->attribution.row_task[1], 0);
	assert_int_equal(w->attribution.row_task[2], -1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(utilization__the_documented_example__116_67_percent),
		CASE(utilization__memory_and_units_not_reserved__absent_not_zero),
		CASE(utilization__a_step__window_holds_three_seconds),
		CASE(readiness__young_silent_and_measured_tasks__told_apart),
		CASE(readiness__start_unknown_and_silent__missing_after_the_grace),
		CASE(readiness__long_interval__two_samples_are_awaited),
		CASE(samples_stop__value_ages_then_vanishes),
		CASE(totals__task_born_and_ended_between_samples__counted),
		CASE(totals__final_after_samples_with_nested_cgroups__each_microsecond_once),
		CASE(totals__final_smaller_than_the_last_sample__never_goes_back),
		CASE(attribution__foreign_cgroups__counted_as_unattributed),
	};
	return PLM_RUN_TESTS(tests);
}
