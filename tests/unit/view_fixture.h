/* SPDX-License-Identifier: Apache-2.0
 *
 * A view made by hand: services "web", "web-1"… with tasks, samples, policies, decisions and counts, all values fixed.
 * Of every ten tasks the last is PENDING and was never measured; cgroups also have a root, a parent and one with a name
 * that needs escaping. For unit tests, the format oracles and the benchmark.
 */
#ifndef PLM_TESTS_VIEW_FIXTURE_H
#define PLM_TESTS_VIEW_FIXTURE_H

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/view.h"

#define FIXTURE_TASKS_PER_SERVICE 10
#define FIXTURE_PLAIN_CGROUPS 3
#define FIXTURE_MONO (1000 * PLM_NS_PER_S)
#define FIXTURE_WALL (1772366400 * PLM_NS_PER_S) /* 2026-03-01T12:00:00Z */

struct fixture {
	struct plm_view view;
	struct plm_host host;
	struct plm_sample_set samples;
	struct plm_cluster cluster;
	struct plm_usage usage;
	struct plm_policy_set policies;
	struct plm_self self;
	struct plm_rung_view rungs[3];
	struct plm_scaling_count scalings[3];
	struct plm_not_scaled_count not_scaled[2];
	struct plm_decision *decisions;
	char (*paths)[PLM_PATH_MAX];
};

static inline void fixture_sample(struct plm_sample *s, uint64_t id, const char *path)
{
	*s = (struct plm_sample){ .id = id, .parent_id = 1, .path = path, .time_ns = FIXTURE_MONO - PLM_NS_PER_S / 4 };
	s->has = PLM_HAS_CPU | PLM_HAS_THROTTLE | PLM_HAS_MEM | PLM_HAS_WORKING_SET | PLM_HAS_MEM_LIMIT | PLM_HAS_OOM |
		 PLM_HAS_PSI_CPU | PLM_HAS_PSI_MEM | PLM_HAS_PSI_IO | PLM_HAS_PROCS;
	s->cpu_usage_ns = 12345678901 + id;
	s->cpu_user_ns = 10000000000;
	s->cpu_system_ns = 2345678901 + id;
	s->nr_periods = 1200;
	s->nr_throttled = 34;
	s->throttled_ns = 5600000000;
	s->mem_usage_bytes = 104857600;
	s->mem_working_set_bytes = 94371840;
	s->mem_limit_bytes = 268435456;
	s->oom_kills = 2;
	for (int i = 0; i < _PLM_PSI_MAX; i++)
		s->psi_ns[i] = 1500000000u + (unsigned)i;
	s->pids = 17;
}

static inline void fixture_task(struct fixture *f, size_t i, const char *service)
{
	struct plm_task *t = &f->cluster.tasks[i];
	struct plm_task_usage *u = &f->usage.tasks[i];
	char *path = f->paths[i + FIXTURE_PLAIN_CGROUPS];
	bool is_pending = i % FIXTURE_TASKS_PER_SERVICE == FIXTURE_TASKS_PER_SERVICE - 1;
	*t = (struct plm_task){ .revision = 7,
				.status = is_pending ? PLM_TASK_PENDING : PLM_TASK_RUNNING,
				.cpu_units = 256,
				.memory_bytes = 134217728,
				.created_wall = FIXTURE_WALL - 60 * PLM_NS_PER_S,
				.exit_code = -1 };
	(void)snprintf(t->id, sizeof(t->id), "%032zx", i + 0xabc000);
	(void)snprintf(t->service, sizeof(t->service), "%s", service);
	(void)snprintf(t->family, sizeof(t->family), "web-app");
	*u = (struct plm_task_usage){ .cpu_utilization = NAN,
				      .memory_utilization = NAN,
				      .throttled_share = NAN,
				      .cpu_pressure = NAN,
				      .memory_pressure = NAN };
	(void)snprintf(u->task, sizeof(u->task), "%s", t->id);
	(void)snprintf(u->service, sizeof(u->service), "%s", service);
	if (is_pending) {
		(void)snprintf(t->reason, sizeof(t->reason), "back-off: starts again in 8 s");
		return;
	}
	(void)snprintf(path, PLM_PATH_MAX, "/plimsoll/%s/%s", service, t->id);
	(void)snprintf(t->cgroup, sizeof(t->cgroup), "%s", path);
	t->pid = 4000 + (int)i;
	t->port = 32768 + (int)i;
	t->started_wall = FIXTURE_WALL - 50 * PLM_NS_PER_S;
	struct plm_sample *s = plm_sample_set_add(&f->samples);
	assert(s);
	fixture_sample(s, 100 + i, path);
	u->last = *s;
	u->has_rates = u->is_ready = true;
	u->cpu_cores = 0.125;
	u->cpu_utilization = 50;
	u->memory_utilization = 70.3125;
	u->throttled_share = 0.0625;
	u->cpu_pressure = 0.25;
	u->memory_pressure = 0;
}

static inline void fixture_service(struct fixture *f, size_t i, const char *name)
{
	struct plm_service *s = &f->cluster.services[i];
	*s = (struct plm_service){ .revision = 7,
				   .desired = 10,
				   .running = 9,
				   .pending = 1,
				   .cpu_units = 256,
				   .memory_bytes = 134217728,
				   .is_scalable = true,
				   .restarts = 3 };
	(void)snprintf(s->cluster, sizeof(s->cluster), "default");
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	(void)snprintf(s->family, sizeof(s->family), "web-app");
	(void)snprintf(s->reason, sizeof(s->reason), "1 task waits to be started again");

	struct plm_service_usage *u = &f->usage.services[i];
	*u = (struct plm_service_usage){ .running = 9, .ready = 9, .cpu_usage_ns = 222222222222, .tasks_ended = 5 };
	(void)snprintf(u->service, sizeof(u->service), "%s", name);
	u->cpu = (struct plm_signal){ .value = 150, .age_s = 0.25, .window_s = 10, .coverage = 1, .tasks = 9 };
	u->memory = (struct plm_signal){ .value = 70.3125, .age_s = 0.25, .window_s = 1, .coverage = 1, .tasks = 9 };

	struct plm_target *t = &f->policies.targets[i];
	*t = (struct plm_target){ .min = 2, .max = 20 };
	struct plm_policy *p = &f->policies.policies[i];
	*p = (struct plm_policy){ .metric = PLM_METRIC_CPU,
				  .target = 60,
				  .tolerance = 0.1,
				  .window_s = 10,
				  .out_cooldown_s = -1,
				  .in_cooldown_s = -1,
				  .in = { .stabilization_s = 300 } };
	struct plm_decision *d = &f->decisions[i];
	*d = (struct plm_decision){
		.at = f->view.now, .desired = 10, .running = 9, .min = 2, .max = 20, .n_proposals = 1, .result = 20
	};
	d->proposals[0] = (struct plm_proposal){ .target = 60, .raw = 22.5, .desired = 23, .input = u->cpu };
	(void)snprintf(d->sentence, sizeof(d->sentence), "CPU at 150 %% of 60 %%: 10 to 20 tasks");
	(void)snprintf(t->file, sizeof(t->file), "/etc/plimsoll/policies.d/web.json");
	(void)snprintf(p->file, sizeof(p->file), "%s", t->file);
	(void)snprintf(p->name, sizeof(p->name), "cpu-60");
	(void)snprintf(d->proposals[0].policy, sizeof(p->name), "cpu-60");
	(void)snprintf(t->cluster, sizeof(t->cluster), "default");
	(void)snprintf(p->cluster, sizeof(p->cluster), "default");
	(void)snprintf(d->cluster, sizeof(d->cluster), "default");
	(void)snprintf(t->service, sizeof(t->service), "%s", name);
	(void)snprintf(p->service, sizeof(p->service), "%s", name);
	(void)snprintf(d->service, sizeof(d->service), "%s", name);
}

static inline void fixture_self(struct fixture *f)
{
	f->self = (struct plm_self){ .started_wall = FIXTURE_WALL - 3600 * PLM_NS_PER_S,
				     .ticks = 3600,
				     .late_ticks = 1,
				     .sample_bucket = { 0, 5, 3000, 590, 4, 1, 0, 0, 0 },
				     .sample_sum_s = 2.5,
				     .is_config_good = true,
				     .config_wall = FIXTURE_WALL - 3600 * PLM_NS_PER_S };
	f->host = (struct plm_host){ .cpus = 2,
				     .memory_bytes = 8589934592,
				     .cgroup_mode = "hybrid",
				     .rung = 'C',
				     .rung_name = "iterator-hybrid",
				     .has_events = true };
	(void)snprintf(f->host.name, sizeof(f->host.name), "node-1");
	(void)snprintf(f->host.kernel, sizeof(f->host.kernel), "6.18.0");
	f->rungs[0] =
		(struct plm_rung_view){ 'B', "iterator-v2", false, false, "no controllers on the \"v2\" hierarchy" };
	f->rungs[1] = (struct plm_rung_view){ 'C', "iterator-hybrid", true, true, "" };
	f->rungs[2] = (struct plm_rung_view){ 'L', "lifecycle-events", true, true, "" };
	f->scalings[0] = (struct plm_scaling_count){ "web", "cpu-60", true, PLM_ACT_SUCCESSFUL, false, 4 };
	f->scalings[1] = (struct plm_scaling_count){ "web", "cpu-60", true, PLM_ACT_SUCCESSFUL, true, 2 };
	f->scalings[2] = (struct plm_scaling_count){ "web", "cpu-60", true, PLM_ACT_FAILED, true, 1 };
	f->not_scaled[0] = (struct plm_not_scaled_count){ "web", "cpu-60", PLM_NS_ALREADY_AT_DESIRED, 3000 };
	f->not_scaled[1] = (struct plm_not_scaled_count){ "web", "", PLM_NS_INSUFFICIENT_DATA, 7 };
}

static inline void fixture_init(struct fixture *f, size_t n_tasks)
{
	static const char *const plain[FIXTURE_PLAIN_CGROUPS] = { "/", "/plimsoll", "/odd/a\"b\\c\td\xff\xc3\xa9" };
	memset(f, 0, sizeof(*f));
	size_t n_services = (n_tasks + FIXTURE_TASKS_PER_SERVICE - 1) / FIXTURE_TASKS_PER_SERVICE;
	f->view.now = (struct plm_now){ .mono = FIXTURE_MONO, .wall = FIXTURE_WALL };
	f->paths = calloc(n_tasks + FIXTURE_PLAIN_CGROUPS, sizeof(*f->paths));
	f->cluster = (struct plm_cluster){ .services = calloc(n_services, sizeof(struct plm_service)),
					   .n_services = n_services,
					   .tasks = calloc(n_tasks, sizeof(struct plm_task)),
					   .n_tasks = n_tasks,
					   .asked_mono = FIXTURE_MONO - PLM_NS_PER_S / 2 };
	f->usage = (struct plm_usage){ .tasks = calloc(n_tasks, sizeof(struct plm_task_usage)),
				       .n_tasks = n_tasks,
				       .services = calloc(n_services, sizeof(struct plm_service_usage)),
				       .n_services = n_services };
	f->policies = (struct plm_policy_set){ .targets = calloc(n_services, sizeof(struct plm_target)),
					       .n_targets = n_services,
					       .policies = calloc(n_services, sizeof(struct plm_policy)),
					       .n_policies = n_services };
	f->decisions = calloc(n_services, sizeof(*f->decisions));
	for (size_t i = 0; i < FIXTURE_PLAIN_CGROUPS; i++) {
		struct plm_sample *s = plm_sample_set_add(&f->samples);
		assert(s);
		fixture_sample(s, i + 1, plain[i]);
	}
	f->samples.rows[0].has = PLM_HAS_CPU | PLM_HAS_PSI_CPU; /* a root has no limits and no charge */
	f->samples.rows[1].mem_limit_bytes = PLM_NO_MEM_LIMIT;
	f->samples.cost_cpu_ns = 730000;
	char name[32] = "web";
	for (size_t i = 0; i < n_tasks; i++) {
		size_t k = i / FIXTURE_TASKS_PER_SERVICE;
		if (i % FIXTURE_TASKS_PER_SERVICE == 0) {
			if (k)
				(void)snprintf(name, sizeof(name), "web-%zu", k);
			fixture_service(f, k, name);
		}
		fixture_task(f, i, name);
	}
	fixture_self(f);
	f->view = (struct plm_view){ .now = f->view.now,
				     .is_ready = true,
				     .version = "0.1.0",
				     .host = &f->host,
				     .rungs = f->rungs,
				     .n_rungs = 3,
				     .samples = &f->samples,
				     .cluster = &f->cluster,
				     .usage = &f->usage,
				     .policies = &f->policies,
				     .decisions = f->decisions,
				     .n_decisions = n_services,
				     .scalings = f->scalings,
				     .n_scalings = 3,
				     .not_scaled = f->not_scaled,
				     .n_not_scaled = 2,
				     .self = &f->self };
}

static inline void fixture_done(struct fixture *f)
{
	plm_sample_set_done(&f->samples);
	plm_cluster_done(&f->cluster);
	plm_policy_set_done(&f->policies);
	free(f->usage.tasks);
	free(f->usage.services);
	free(f->decisions);
	free(f->paths);
}

#endif
