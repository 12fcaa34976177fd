/* SPDX-License-Identifier: Apache-2.0
 *
 * A world of one service for tests of the engine: what the backend and the aggregation would say is set by hand, one tick at a
 * time, one second apart.
 */
#ifndef PLM_TESTS_SCALING_WORLD_H
#define PLM_TESTS_SCALING_WORLD_H

#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "scaling/scaling.h"

#define WORLD_START (1800000000LL * PLM_NS_PER_S)

struct world {
	struct plm_policy_set set;
	struct plm_service service;
	struct plm_service_usage use;
	struct plm_cluster cluster;
	struct plm_usage usage;
	struct plm_now now;
	struct plm_engine_state *engine;
	struct plm_decision d; /* of the last tick */
	bool is_obeyed;        /* changes are carried out at once, new tasks are ready at once */
};

static inline struct plm_policy *world_policy(struct world *w, const char *name, enum plm_metric metric, double target)
{
	struct plm_policy *bigger = realloc(w->set.policies, (w->set.n_policies + 1) * sizeof(*bigger));
	assert_non_null(bigger);
	w->set.policies = bigger;
	struct plm_policy *p = &bigger[w->set.n_policies++];
	*p = (struct plm_policy){ .metric = metric,
				  .target = target,
				  .tolerance = 0.1,
				  .window_s = 5,
				  .out_cooldown_s = -1,
				  .in_cooldown_s = -1,
				  .out = { 4, 100, 15, 0 },
				  .in = { 0, 100, 15, 300 } };
	(void)plm_strcpy(p->name, sizeof(p->name), name);
	(void)plm_strcpy(p->cluster, sizeof(p->cluster), "c");
	(void)plm_strcpy(p->service, sizeof(p->service), "web");
	return p;
}

/* `ready` tasks all there, no policy yet. */
static inline struct world *world_new(int ready, int min, int max)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->set.targets = calloc(1, sizeof(*w->set.targets));
	w->set.n_targets = 1;
	w->engine = plm_engine_state_new();
	assert_true(w->set.targets && w->engine);
	(void)plm_strcpy(w->set.targets->cluster, PLM_NAME_MAX, "c");
	(void)plm_strcpy(w->set.targets->service, PLM_NAME_MAX, "web");
	w->set.targets->min = min;
	w->set.targets->max = max;
	(void)plm_strcpy(w->service.cluster, PLM_NAME_MAX, "c");
	(void)plm_strcpy(w->service.name, PLM_NAME_MAX, "web");
	(void)plm_strcpy(w->use.service, PLM_NAME_MAX, "web");
	w->service.is_scalable = true;
	w->service.cpu_units = 256;
	w->service.memory_bytes = 1 << 20;
	w->service.desired = w->service.running = w->use.running = w->use.ready = ready;
	w->use.cpu = (struct plm_signal){ .value = NAN, .age_s = NAN, .window_s = 5 };
	w->use.memory = (struct plm_signal){ .value = NAN, .age_s = NAN };
	w->now = (struct plm_now){ .mono = 1000 * PLM_NS_PER_S, .wall = WORLD_START };
	return w;
}

static inline void world_free(struct world *w)
{
	plm_policy_set_done(&w->set);
	plm_engine_state_free(w->engine);
	free(w);
}

static inline struct plm_signal world_signal(const struct world *w, double value, double window_s)
{
	return (struct plm_signal){
		.value = value, .age_s = 0.1, .window_s = window_s, .coverage = 1, .tasks = w->use.ready
	};
}

static inline void world_cpu(struct world *w, double value)
{
	w->use.cpu = world_signal(w, value, 5);
}

static inline void world_memory(struct world *w, double value)
{
	w->use.memory = world_signal(w, value, 0);
}

/* All of `n` tasks run and are ready. */
static inline void world_tasks(struct world *w, int n)
{
	w->service.desired = w->service.running = w->use.running = w->use.ready = n;
	w->service.pending = w->use.unready = w->use.missing = 0;
}

/* One evaluation now; the clock does not move. */
static inline const struct plm_decision *world_evaluate(struct world *w)
{
	w->cluster =
		(struct plm_cluster){ .services = &w->service, .n_services = 1, .asked_mono = w->cluster.asked_mono };
	w->usage = (struct plm_usage){ .services = &w->use, .n_services = 1 };
	struct plm_engine_input in = { .policies = &w->set, .cluster = &w->cluster, .usage = &w->usage, .now = w->now };
	assert_int_equal(plm_engine_evaluate(w->engine, &in, &w->d, 1), 1);
	const struct plm_decision *d = &w->d;
	assert_int_equal(d->not_scaled == PLM_SCALED, d->result != d->desired);
	assert_true(d->sentence[0]);
	if (d->n_stages) /* the chain ends where the result is */
		assert_true(d->stages[d->n_stages - 1].after == d->result || d->result == d->desired);
	if (w->is_obeyed && d->result != d->desired) {
		plm_engine_applied(w->engine, d);
		world_tasks(w, d->result);
	}
	return d;
}

static inline const struct plm_decision *world_tick(struct world *w)
{
	w->now.mono += PLM_NS_PER_S;
	w->now.wall += PLM_NS_PER_S;
	w->cluster.asked_mono = w->now.mono;
	return world_evaluate(w);
}

/* Ticks until something is done, at most `max`; how many it took, 0 = nothing was done. */
static inline int world_until_change(struct world *w, int max)
{
	for (int i = 1; i <= max; i++) {
		const struct plm_decision *d = world_tick(w);
		if (d->result != d->desired)
			return i;
	}
	return 0;
}

/* The stage of one kind, NULL when it is not in the record. */
static inline const struct plm_stage *world_stage(const struct plm_decision *d, enum plm_stage_kind kind)
{
	for (size_t i = 0; i < d->n_stages; i++)
		if (d->stages[i].kind == kind)
			return &d->stages[i];
	return NULL;
}

#define assert_contains(text, part)                                              \
	do {                                                                     \
		const char *_text = (text);                                      \
		if (!strstr(_text, part))                                        \
			fail_msg("\"%s\" does not contain \"%s\"", _text, part); \
	} while (0)

#endif
