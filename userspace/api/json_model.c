/* SPDX-License-Identifier: Apache-2.0
 * Services, tasks and policies as JSON. Unknown is null; keys carry their units; a reserve or bound that is not set is
 * null. */
#include <math.h>
#include <string.h>

#include "api/internal.h"
#include "api/json_null.h"
#include "model/lookup.h"

/* AWS's PolicyType. */
static const char *const policy_types[] = { "TargetTrackingScaling" };
_Static_assert(sizeof(policy_types) / sizeof(policy_types[0]) == _PLM_POLICY_TYPE_MAX, "a name for each policy type");

static void add_service(const struct plm_lookup *l, const struct plm_service *s, struct plm_jw *w)
{
	const struct plm_service_usage *u = plm_lookup_service_usage(l, s->name);
	const struct plm_target *t = plm_lookup_target(l, s->name);
	plm_jw_obj(w, NULL);
	plm_jw_str(w, "cluster", s->cluster);
	plm_jw_str(w, "service", s->name);
	text_or_null(w, "family", s->family);
	plm_jw_i64(w, "revision", s->revision);
	plm_jw_i64(w, "desired", s->desired);
	plm_jw_i64(w, "running", s->running);
	plm_jw_i64(w, "pending", s->pending);
	int_or_null(w, "ready", u != NULL, u ? u->ready : 0);
	int_or_null(w, "min", t != NULL, t ? t->min : 0);
	int_or_null(w, "max", t != NULL, t ? t->max : 0);
	plm_jw_num(w, "cpu_utilization_percent", u ? u->cpu.value : NAN);
	plm_jw_num(w, "memory_utilization_percent", u ? u->memory.value : NAN);
	u64_or_null(w, "cpu_units", s->cpu_units != 0, s->cpu_units);
	u64_or_null(w, "memory_reserved_bytes", s->memory_bytes != 0, s->memory_bytes);
	u64_or_null(w, "cpu_usage_us", u != NULL, u ? u->cpu_usage_ns / PLM_NS_PER_US : 0);
	plm_jw_u64(w, "restarts", s->restarts);
	plm_jw_bool(w, "is_deploying", s->is_deploying);
	plm_jw_bool(w, "is_scalable", s->is_scalable);
	text_or_null(w, "reason", s->reason);
	plm_jw_end_obj(w);
}

void plm_api_json_services(const struct plm_view *view, struct plm_jw *w)
{
	struct plm_lookup l;
	if (plm_lookup_init(&l, view) != 0)
		w->out->failed = true;
	plm_jw_arr(w, "services");
	for (size_t i = 0; view->cluster && i < view->cluster->n_services; i++)
		add_service(&l, &view->cluster->services[i], w);
	plm_jw_end_arr(w);
	plm_lookup_done(&l);
}

static void add_task_identity(const struct plm_task *t, struct plm_jw *w)
{
	plm_jw_str(w, "id", t->id);
	plm_jw_str(w, "service", t->service);
	text_or_null(w, "family", t->family);
	plm_jw_i64(w, "revision", t->revision);
	plm_jw_str(w, "status", plm_task_status_name(t->status));
	int_or_null(w, "pid", t->pid != 0, t->pid);
	int_or_null(w, "port", t->port != 0, t->port);
	text_or_null(w, "cgroup", t->cgroup);
	u64_or_null(w, "cpu_units", t->cpu_units != 0, t->cpu_units);
	u64_or_null(w, "memory_reserved_bytes", t->memory_bytes != 0, t->memory_bytes);
}

static void add_task_usage(const struct plm_task_usage *u, struct plm_jw *w)
{
	static const struct plm_task_usage unknown = { .cpu_utilization = NAN,
						       .memory_utilization = NAN,
						       .throttled_share = NAN,
						       .cpu_pressure = NAN,
						       .memory_pressure = NAN };
	if (!u)
		u = &unknown;
	const struct plm_sample *s = &u->last;
	u64_or_null(w, "cpu_usage_us", s->has & PLM_HAS_CPU, s->cpu_usage_ns / PLM_NS_PER_US);
	plm_jw_num(w, "cpu_cores", u->has_rates ? u->cpu_cores : NAN);
	plm_jw_num(w, "cpu_utilization_percent", u->cpu_utilization);
	u64_or_null(w, "memory_usage_bytes", s->has & PLM_HAS_MEM, s->mem_usage_bytes);
	u64_or_null(w, "memory_working_set_bytes", s->has & PLM_HAS_WORKING_SET, s->mem_working_set_bytes);
	plm_jw_num(w, "memory_utilization_percent", u->memory_utilization);
	plm_jw_num(w, "throttled_share", u->throttled_share);
	plm_jw_num(w, "cpu_pressure", u->cpu_pressure);
	plm_jw_num(w, "memory_pressure", u->memory_pressure);
	u64_or_null(w, "pids", s->has & PLM_HAS_PROCS, s->pids);
	u64_or_null(w, "oom_kills", s->has & PLM_HAS_OOM, s->oom_kills);
	plm_jw_bool(w, "is_ready", u->is_ready);
}

void plm_api_json_tasks(const struct plm_view *view, const char *service, struct plm_jw *w)
{
	struct plm_lookup l;
	if (plm_lookup_init(&l, view) != 0)
		w->out->failed = true;
	plm_jw_arr(w, "tasks");
	for (size_t i = 0; view->cluster && i < view->cluster->n_tasks; i++) {
		const struct plm_task *t = &view->cluster->tasks[i];
		if (*service && strcmp(t->service, service) != 0)
			continue;
		plm_jw_obj(w, NULL);
		add_task_identity(t, w);
		add_task_usage(plm_lookup_task_usage(&l, t->id), w);
		time_or_null(w, "created_at", t->created_wall);
		time_or_null(w, "started_at", t->started_wall);
		time_or_null(w, "stopped_at", t->stopped_wall);
		int_or_null(w, "exit_code", t->exit_code != -1 && t->status == PLM_TASK_STOPPED, t->exit_code);
		text_or_null(w, "reason", t->reason);
		plm_jw_end_obj(w);
	}
	plm_jw_end_arr(w);
	plm_lookup_done(&l);
}

static void add_target(const struct plm_target *t, struct plm_jw *w)
{
	plm_jw_obj(w, NULL);
	plm_jw_str(w, "cluster", t->cluster);
	plm_jw_str(w, "service", t->service);
	plm_jw_i64(w, "min", t->min);
	plm_jw_i64(w, "max", t->max);
	plm_jw_bool(w, "in_suspended", t->in_suspended);
	plm_jw_bool(w, "out_suspended", t->out_suspended);
	text_or_null(w, "file", t->file);
	plm_jw_end_obj(w);
}

static void add_policy(const struct plm_lookup *l, const struct plm_policy *p, struct plm_jw *w)
{
	const struct plm_proposal *asked = plm_lookup_proposal(l, p);
	plm_jw_obj(w, NULL);
	plm_jw_str(w, "name", p->name);
	plm_jw_str(w, "cluster", p->cluster);
	plm_jw_str(w, "service", p->service);
	plm_jw_str(w, "type", policy_types[p->type]);
	plm_jw_str(w, "evaluation", plm_evaluation_name(p->evaluation));
	plm_jw_str(w, "metric", plm_metric_name(p->metric));
	plm_jw_num(w, "target_value", p->target);
	plm_jw_num(w, "tolerance", p->tolerance);
	plm_jw_i64(w, "window_s", p->window_s);
	plm_jw_bool(w, "scale_in_disabled", p->is_scale_in_disabled);
	plm_jw_i64(w, "in_stabilization_s", p->in.stabilization_s);
	plm_jw_i64(w, "out_stabilization_s", p->out.stabilization_s);
	plm_jw_num(w, "metric_value", asked ? asked->input.value : NAN);
	int_or_null(w, "recommended", asked && asked->desired >= 0, asked ? asked->desired : 0);
	text_or_null(w, "file", p->file);
	plm_jw_end_obj(w);
}

void plm_api_json_policies(const struct plm_view *view, struct plm_jw *w)
{
	struct plm_lookup l;
	if (plm_lookup_init(&l, view) != 0)
		w->out->failed = true;
	const struct plm_policy_set *set = view->policies;
	plm_jw_arr(w, "targets");
	for (size_t i = 0; set && i < set->n_targets; i++)
		add_target(&set->targets[i], w);
	plm_jw_end_arr(w);
	plm_jw_arr(w, "policies");
	for (size_t i = 0; set && i < set->n_policies; i++)
		add_policy(&l, &set->policies[i], w);
	plm_jw_end_arr(w);
	plm_lookup_done(&l);
}
