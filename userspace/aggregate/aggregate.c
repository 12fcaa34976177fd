/* SPDX-License-Identifier: Apache-2.0 */
#include "aggregate/aggregate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/num.h"

#define RING_POINTS 128                /* recent counters per task: 128 s at 1 s samples, 12.8 s at 100 ms */
#define FORGET_NS (120 * PLM_NS_PER_S) /* a task that the backend no longer lists is forgotten after this */

/* The counters of one sample that windows are made of. */
struct point {
	plm_ns time;
	uint32_t has;
	uint64_t cpu_ns, periods, throttled, psi_cpu_ns, psi_mem_ns;
};

struct task_entry {
	char id[PLM_TASK_ID_MAX];
	char service[PLM_NAME_MAX];
	struct point ring[RING_POINTS];
	size_t n_points, newest;     /* newest: index of the newest point, valid when n_points > 0 */
	uint64_t counted_ns;         /* of this task's CPU time, what the service total already holds */
	uint64_t finals_ns;          /* CPU time of ended cgroups in this task's subtree, its own included */
	bool is_ended;               /* its own final was counted */
	plm_ns first_listed, listed; /* when the backend first and last listed it */
};

struct service_entry {
	uint64_t cpu_usage_ns, tasks_ended;
};

struct plm_aggregate {
	struct plm_map tasks;    /* by id */
	struct plm_map services; /* by name */
	plm_ns interval;
};

struct plm_aggregate *plm_aggregate_new(void)
{
	struct plm_aggregate *a = calloc(1, sizeof(*a));
	if (a)
		a->interval = PLM_NS_PER_S;
	return a;
}

void plm_aggregate_set_interval(struct plm_aggregate *a, plm_ns interval)
{
	a->interval = interval;
}

void plm_aggregate_free(struct plm_aggregate *a)
{
	if (!a)
		return;
	void *v;
	for (size_t i = 0; (v = plm_map_next(&a->tasks, &i));)
		free(v);
	for (size_t i = 0; (v = plm_map_next(&a->services, &i));)
		free(v);
	plm_map_done(&a->tasks);
	plm_map_done(&a->services);
	free(a);
}

void plm_usage_done(struct plm_usage *u)
{
	free(u->tasks);
	free(u->services);
	memset(u, 0, sizeof(*u));
}

static struct task_entry *task_entry(struct plm_aggregate *a, const struct plm_task *task)
{
	struct task_entry *e = plm_smap_get(&a->tasks, task->id);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e || plm_smap_put(&a->tasks, task->id, e) != 0) {
		free(e);
		return NULL;
	}
	(void)plm_strcpy(e->id, sizeof(e->id), task->id);
	(void)plm_strcpy(e->service, sizeof(e->service), task->service);
	return e;
}

static struct service_entry *service_entry(struct plm_aggregate *a, const char *name)
{
	struct service_entry *e = plm_smap_get(&a->services, name);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e || plm_smap_put(&a->services, name, e) != 0) {
		free(e);
		return NULL;
	}
	return e;
}

/* Raises what the service's total holds of this task to `total_ns`; never lowers it. */
static void count_cpu(struct service_entry *s, struct task_entry *e, uint64_t total_ns)
{
	if (total_ns <= e->counted_ns)
		return;
	s->cpu_usage_ns += total_ns - e->counted_ns;
	e->counted_ns = total_ns;
}

static const struct point *newest(const struct task_entry *e)
{
	return e->n_points ? &e->ring[e->newest] : NULL;
}

/* The point `back` steps before the newest; back < n_points. */
static const struct point *point_back(const struct task_entry *e, size_t back)
{
	return &e->ring[(e->newest + RING_POINTS - back) % RING_POINTS];
}

static void add_point(struct task_entry *e, const struct plm_sample *s)
{
	const struct point *last = newest(e);
	if (last && s->time_ns <= last->time)
		return; /* the same reading again gives no rate */
	if (last && s->cpu_usage_ns < last->cpu_ns)
		e->n_points = 0; /* a counter that went backwards belongs to another cgroup: start over */
	e->newest = e->n_points ? (e->newest + 1) % RING_POINTS : 0;
	if (e->n_points < RING_POINTS)
		e->n_points++;
	e->ring[e->newest] = (struct point){
		.time = s->time_ns,
		.has = s->has,
		.cpu_ns = s->cpu_usage_ns,
		.periods = s->nr_periods,
		.throttled = s->nr_throttled,
		.psi_cpu_ns = s->psi_ns[PLM_PSI_CPU_SOME],
		.psi_mem_ns = s->psi_ns[PLM_PSI_MEM_SOME],
	};
}

/* The oldest point not older than window_s before the newest, with half a second of slack for a late timer. */
static const struct point *window_start(const struct task_entry *e, int window_s)
{
	const struct point *last = newest(e), *start = last;
	plm_ns limit = last->time - (plm_ns)window_s * PLM_NS_PER_S - PLM_NS_PER_S / 2;
	for (size_t back = 1; back < e->n_points; back++) {
		const struct point *p = point_back(e, back);
		if (p->time < limit)
			break;
		start = p;
	}
	return start;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : NAN;
}

/* Rates and utilisation of one task from its ring. */
static void fill_task(const struct task_entry *e, const struct plm_task *task, int window_s, const struct plm_now *now,
		      struct plm_task_usage *u)
{
	u->cpu_utilization = u->memory_utilization = u->throttled_share = u->cpu_pressure = u->memory_pressure = NAN;
	if ((u->last.has & PLM_HAS_WORKING_SET) && task->memory_bytes)
		u->memory_utilization = 100.0 * (double)u->last.mem_working_set_bytes / (double)task->memory_bytes;
	if (e->n_points < 2 || now->mono - newest(e)->time > PLM_TASK_GRACE_NS)
		return;
	const struct point *last = newest(e), *before = point_back(e, 1), *start = window_start(e, window_s);
	if (start == last)
		start = before;
	double span = (double)(last->time - start->time);
	u->sampled_mono = last->time;
	uint32_t has = last->has & start->has;
	u->has_rates = has & PLM_HAS_CPU;
	if (has & PLM_HAS_CPU) {
		u->cpu_cores = (double)(last->cpu_ns - before->cpu_ns) / (double)(last->time - before->time);
		if (task->cpu_units)
			u->cpu_utilization = 100.0 * PLM_UNITS_PER_VCPU * (double)(last->cpu_ns - start->cpu_ns) /
					     span / task->cpu_units;
	}
	if (has & PLM_HAS_THROTTLE)
		u->throttled_share = share(plm_counter_delta(last->throttled, start->throttled),
					   plm_counter_delta(last->periods, start->periods));
	if (has & PLM_HAS_PSI_CPU)
		u->cpu_pressure = fmin(1.0, (double)plm_counter_delta(last->psi_cpu_ns, start->psi_cpu_ns) / span);
	if (has & PLM_HAS_PSI_MEM)
		u->memory_pressure = fmin(1.0, (double)plm_counter_delta(last->psi_mem_ns, start->psi_mem_ns) / span);
	u->is_ready = task->status == PLM_TASK_RUNNING && u->has_rates;
}

/* Started, or taken over from an earlier daemon, so lately that it has no rate yet. */
static bool is_young(const struct plm_aggregate *a, const struct task_entry *e, const struct plm_task *task,
		     const struct plm_now *now)
{
	plm_ns grace = 2 * a->interval > PLM_TASK_GRACE_NS ? 2 * a->interval : PLM_TASK_GRACE_NS;
	return now->mono - (task->started_mono ? task->started_mono : e->first_listed) <= grace;
}

/* What a service's signals are summed up from. */
struct sums {
	double used, reserved;
	plm_ns oldest; /* time of the least fresh sample in it: gives the age */
	int tasks;
};

/* One service while a tick is computed. */
struct service_work {
	int window_s;
	struct sums cpu, memory;
};

static void add_to(struct sums *s, double utilization, double reserved, plm_ns time)
{
	if (isnan(utilization))
		return;
	s->used += utilization / 100.0 * reserved;
	s->reserved += reserved;
	if (!s->tasks || time < s->oldest)
		s->oldest = time;
	s->tasks++;
}

static struct plm_signal to_signal(const struct sums *s, int expected, double window_s, const struct plm_now *now)
{
	struct plm_signal signal = { .value = NAN, .age_s = NAN, .window_s = window_s };
	if (!s->tasks || s->reserved <= 0)
		return signal;
	signal.value = 100.0 * s->used / s->reserved;
	signal.age_s = fmax(0, (double)(now->mono - s->oldest) / (double)PLM_NS_PER_S); /* a pass is read after `now` */
	signal.tasks = s->tasks;
	signal.coverage = expected > 0 ? fmin(1.0, (double)s->tasks / expected) : 0;
	return signal;
}

/* Counts one running task into its service. */
static void add_task(const struct plm_task *task, const struct plm_task_usage *u, bool young, struct service_work *w,
		     struct plm_service_usage *s)
{
	if (task->status != PLM_TASK_RUNNING)
		return;
	s->running++;
	if (u->is_ready) {
		s->ready++;
		add_to(&w->cpu, u->cpu_utilization, task->cpu_units, u->sampled_mono);
		add_to(&w->memory, u->memory_utilization, (double)task->memory_bytes, u->sampled_mono);
	} else if (young) {
		s->unready++;
	} else {
		s->missing++;
	}
}

static int window_of(const struct plm_policy_set *policies, const char *service)
{
	for (size_t i = 0; i < policies->n_policies; i++) {
		const struct plm_policy *p = &policies->policies[i];
		if (p->metric == PLM_METRIC_CPU && strcmp(p->service, service) == 0)
			return p->window_s;
	}
	return PLM_DEFAULT_WINDOW_S;
}

static int make_room(struct plm_usage *u, const struct plm_cluster *cluster)
{
	struct plm_task_usage *tasks = realloc(u->tasks, (cluster->n_tasks + 1) * sizeof(*tasks));
	if (tasks)
		u->tasks = tasks;
	struct plm_service_usage *services = realloc(u->services, (cluster->n_services + 1) * sizeof(*services));
	if (services)
		u->services = services;
	if (!tasks || !services)
		return -ENOMEM;
	memset(u->tasks, 0, cluster->n_tasks * sizeof(*u->tasks));
	memset(u->services, 0, cluster->n_services * sizeof(*u->services));
	u->n_tasks = cluster->n_tasks;
	u->n_services = cluster->n_services;
	return 0;
}

/* The samples of tasks: newest counters into the usage, the ring and the service's total. */
static int take_samples(struct plm_aggregate *a, const struct plm_sample_set *samples,
			const struct plm_attribution *attribution, const struct plm_cluster *cluster,
			struct plm_usage *u)
{
	for (size_t i = 0; i < samples->n_rows; i++) {
		int index = attribution->row_task[i];
		if (index < 0)
			continue;
		const struct plm_task *task = &cluster->tasks[index];
		struct task_entry *e = task_entry(a, task);
		struct service_entry *s = service_entry(a, task->service);
		if (!e || !s)
			return -ENOMEM;
		u->tasks[index].last = samples->rows[i];
		if (samples->rows[i].has & PLM_HAS_CPU) {
			add_point(e, &samples->rows[i]);
			count_cpu(s, e, samples->rows[i].cpu_usage_ns);
		}
	}
	return 0;
}

/* The finals of tasks and of cgroups below them. A final covers one cgroup without its children, so the task's total is the sum
 * over its subtree, or the last sample where that saw more. */
static int take_finals(struct plm_aggregate *a, const struct plm_sample_set *samples,
		       const struct plm_attribution *attribution, const struct plm_cluster *cluster)
{
	for (size_t i = 0; i < samples->n_finals; i++) {
		int index = attribution->final_task[i];
		if (index < 0)
			continue;
		const struct plm_task *task = &cluster->tasks[index];
		struct task_entry *e = task_entry(a, task);
		struct service_entry *s = service_entry(a, task->service);
		if (!e || !s)
			return -ENOMEM;
		e->finals_ns += samples->finals[i].cpu_usage_ns;
		if (strcmp(samples->finals[i].path, task->cgroup) == 0) {
			count_cpu(s, e, e->finals_ns);
			s->tasks_ended += !e->is_ended;
			e->is_ended = true;
		}
	}
	return 0;
}

static void forget_old(struct plm_aggregate *a, const struct plm_now *now)
{
	struct task_entry *e;
	for (size_t i = 0; (e = plm_map_next(&a->tasks, &i));) {
		if (now->mono - e->listed > FORGET_NS) {
			(void)plm_smap_del(&a->tasks, e->id);
			free(e);
		}
	}
}

/* Index + 1 of each service by name. */
static int index_services(const struct plm_cluster *cluster, struct plm_map *ret)
{
	for (size_t i = 0; i < cluster->n_services; i++)
		if (plm_smap_put(ret, cluster->services[i].name, (void *)(uintptr_t)(i + 1)) != 0)
			return -ENOMEM;
	return 0;
}

static int fill_tasks(struct plm_aggregate *a, const struct plm_cluster *cluster, const struct plm_map *by_name,
		      struct service_work *work, const struct plm_now *now, struct plm_usage *ret)
{
	for (size_t i = 0; i < cluster->n_tasks; i++) {
		const struct plm_task *task = &cluster->tasks[i];
		struct plm_task_usage *u = &ret->tasks[i];
		struct task_entry *e = task_entry(a, task);
		if (!e)
			return -ENOMEM;
		if (!e->listed)
			e->first_listed = now->mono;
		e->listed = now->mono;
		(void)plm_strcpy(u->task, sizeof(u->task), task->id);
		(void)plm_strcpy(u->service, sizeof(u->service), task->service);
		uintptr_t s = (uintptr_t)plm_smap_get(by_name, task->service);
		fill_task(e, task, s ? work[s - 1].window_s : PLM_DEFAULT_WINDOW_S, now, u);
		if (s)
			add_task(task, u, is_young(a, e, task, now), &work[s - 1], &ret->services[s - 1]);
	}
	return 0;
}

static void fill_service(const struct plm_aggregate *a, const struct service_work *w, const struct plm_now *now,
			 struct plm_service_usage *s)
{
	int expected = s->ready + s->missing;
	s->cpu = to_signal(&w->cpu, expected, w->window_s, now);
	s->memory = to_signal(&w->memory, expected, 0, now);
	const struct service_entry *e = plm_smap_get(&a->services, s->service);
	if (e) {
		s->cpu_usage_ns = e->cpu_usage_ns;
		s->tasks_ended = e->tasks_ended;
	}
}

int plm_aggregate_tick(struct plm_aggregate *a, const struct plm_sample_set *samples,
		       const struct plm_attribution *attribution, const struct plm_cluster *cluster,
		       const struct plm_policy_set *policies, const struct plm_now *now, struct plm_usage *ret)
{
	struct plm_map by_name = { .size = 0 };
	PLM_FREE struct service_work *work = calloc(cluster->n_services + 1, sizeof(*work));
	int r = work ? make_room(ret, cluster) : -ENOMEM;
	if (r == 0)
		r = index_services(cluster, &by_name);
	for (size_t i = 0; r == 0 && i < cluster->n_services; i++) {
		(void)plm_strcpy(ret->services[i].service, sizeof(ret->services[i].service), cluster->services[i].name);
		work[i].window_s = window_of(policies, cluster->services[i].name);
	}
	if (r == 0)
		r = take_samples(a, samples, attribution, cluster, ret);
	if (r == 0)
		r = take_finals(a, samples, attribution, cluster);
	if (r == 0)
		r = fill_tasks(a, cluster, &by_name, work, now, ret);
	for (size_t i = 0; r == 0 && i < cluster->n_services; i++)
		fill_service(a, &work[i], now, &ret->services[i]);
	plm_map_done(&by_name);
	forget_old(a, now);
	return r;
}
