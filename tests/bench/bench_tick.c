/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU time of the pure part of a tick (attribute, aggregate, decide) at 10, 100 and 1,000 tasks, ten tasks per service, one
 * policy per service, each task one cgroup beside as many foreign ones. Baseline: copying the same samples once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aggregate/aggregate.h"
#include "base/num.h"
#include "identity/identity.h"
#include "scaling/scaling.h"

#define TASKS_PER_SERVICE 10
#define TICKS 200

struct world {
	size_t n;
	struct plm_cluster cluster;
	struct plm_policy_set policies;
	struct plm_sample_set samples;
	char (*paths)[PLM_PATH_MAX];
};

static double cpu_us(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void make_service(struct world *w, size_t i)
{
	struct plm_service *s = &w->cluster.services[i];
	struct plm_target *t = &w->policies.targets[i];
	struct plm_policy *p = &w->policies.policies[i];
	(void)snprintf(s->name, sizeof(s->name), "service-%zu", i);
	(void)snprintf(t->service, sizeof(t->service), "service-%zu", i);
	(void)snprintf(p->service, sizeof(p->service), "service-%zu", i);
	s->desired = s->running = TASKS_PER_SERVICE;
	s->is_scalable = true;
	t->max = 100;
	p->target = 50;
	p->tolerance = 0.1;
	p->window_s = 3;
	p->in.stabilization_s = 300;
}

static bool make_world(struct world *w, size_t n)
{
	size_t services = n / TASKS_PER_SERVICE;
	*w = (struct world){ .n = n };
	w->cluster.tasks = calloc(n, sizeof(*w->cluster.tasks));
	w->cluster.services = calloc(services, sizeof(*w->cluster.services));
	w->policies.targets = calloc(services, sizeof(*w->policies.targets));
	w->policies.policies = calloc(services, sizeof(*w->policies.policies));
	w->paths = calloc(2 * n, sizeof(*w->paths));
	if (!w->cluster.tasks || !w->cluster.services || !w->policies.targets || !w->policies.policies || !w->paths)
		return false;
	w->cluster.n_tasks = n;
	w->cluster.n_services = w->policies.n_targets = w->policies.n_policies = services;
	for (size_t i = 0; i < services; i++)
		make_service(w, i);
	for (size_t i = 0; i < n; i++) {
		struct plm_task *t = &w->cluster.tasks[i];
		(void)snprintf(t->id, sizeof(t->id), "%032zx", i);
		(void)snprintf(t->service, sizeof(t->service), "service-%zu", i / TASKS_PER_SERVICE);
		(void)snprintf(w->paths[i], sizeof(w->paths[i]), "/plimsoll/service-%zu/%032zx", i / TASKS_PER_SERVICE,
			       i);
		(void)plm_strcpy(t->cgroup, sizeof(t->cgroup), w->paths[i]);
		(void)snprintf(w->paths[n + i], sizeof(w->paths[n + i]), "/system.slice/unit-%zu.service", i);
		t->status = PLM_TASK_RUNNING;
		t->cpu_units = 256;
		t->memory_bytes = 64 << 20;
	}
	return true;
}

static void free_world(struct world *w)
{
	plm_cluster_done(&w->cluster);
	plm_policy_set_done(&w->policies);
	plm_sample_set_done(&w->samples);
	free(w->paths);
}

static void sample(struct world *w, const struct plm_now *now, uint64_t tick)
{
	plm_sample_set_reset(&w->samples);
	for (size_t i = 0; i < 2 * w->n; i++) {
		struct plm_sample *s = plm_sample_set_add(&w->samples);
		if (!s)
			return;
		s->path = w->paths[i];
		s->time_ns = now->mono;
		s->has = PLM_HAS_CPU | PLM_HAS_WORKING_SET;
		s->cpu_usage_ns = tick * (100 + i % 50) * 1000000;
		s->mem_working_set_bytes = 32 << 20;
	}
}

/* CPU µs per tick of the real thing and of the baseline. */
static bool measure(size_t n, double *ret_us, double *ret_copy_us)
{
	struct world w;
	struct plm_usage usage = { .n_tasks = 0 };
	struct plm_attribution attribution = { .row_task = NULL };
	struct plm_aggregate *aggregate = plm_aggregate_new();
	struct plm_engine_state *engine = plm_engine_state_new();
	struct plm_decision *decisions = calloc(n, sizeof(*decisions));
	bool is_good = aggregate && engine && decisions && make_world(&w, n);
	double us = 0, copy_us = 0;
	struct plm_now now = { .mono = PLM_NS_PER_S, .wall = 1772366400 * PLM_NS_PER_S };
	for (uint64_t tick = 0; is_good && tick < TICKS; tick++) {
		now.mono += PLM_NS_PER_S;
		now.wall += PLM_NS_PER_S;
		w.cluster.asked_mono = now.mono;
		sample(&w, &now, tick);
		double began = cpu_us();
		struct plm_sample *copy = malloc(w.samples.n_rows * sizeof(*copy));
		if (copy)
			memcpy(copy, w.samples.rows, w.samples.n_rows * sizeof(*copy));
		copy_us += cpu_us() - began;
		is_good = copy && copy[w.n].path; /* keeps the copy from being optimised away */
		free(copy);
		began = cpu_us();
		struct plm_engine_input in = {
			.policies = &w.policies, .cluster = &w.cluster, .usage = &usage, .now = now
		};
		is_good = is_good && plm_identity_attribute(&w.samples, &w.cluster, &attribution) == 0 &&
			  plm_aggregate_tick(aggregate, &w.samples, &attribution, &w.cluster, &w.policies, &now,
					     &usage) == 0 &&
			  plm_engine_evaluate(engine, &in, decisions, n) == w.policies.n_targets;
		us += cpu_us() - began;
	}
	*ret_us = us / TICKS;
	*ret_copy_us = copy_us / TICKS;
	plm_usage_done(&usage);
	plm_attribution_done(&attribution);
	plm_aggregate_free(aggregate);
	plm_engine_state_free(engine);
	free(decisions);
	if (is_good)
		free_world(&w);
	return is_good;
}

int main(void)
{
	static const size_t sizes[] = { 10, 100, 1000 };
	printf("attribute + aggregate + decide, CPU time per tick\n");
	printf("%8s %10s %14s %14s %16s %8s\n", "tasks", "cgroups", "us per tick", "us per task", "copy samples us",
	       "ratio");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double us, copy_us;
		if (!measure(sizes[i], &us, &copy_us)) {
			fprintf(stderr, "bench_tick: a step failed\n");
			return 1;
		}
		printf("%8zu %10zu %14.1f %14.3f %16.1f %8.1f\n", sizes[i], 2 * sizes[i], us, us / (double)sizes[i],
		       copy_us, us / copy_us);
	}
	return 0;
}
