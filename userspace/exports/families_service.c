/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks, services, policies and scaling, under our own names. Identity that does not change goes into `_info` families,
 * to be joined when asked; the other series carry cluster, service and task or policy, nothing else.
 */
#include "exports/families.h"

static struct plm_value one(const struct plm_row *r)
{
	(void)r;
	return plm_value_u64(1);
}

/* --- tasks --- */

static struct plm_value task_cpu(const struct plm_row *r)
{
	return r->sample && r->sample->has & PLM_HAS_CPU ? plm_value_ns((plm_ns)r->sample->cpu_usage_ns)
							 : plm_value_none();
}

static struct plm_value task_cpu_reserved(const struct plm_row *r)
{
	return r->task->cpu_units ? plm_value_num((double)r->task->cpu_units / PLM_UNITS_PER_VCPU) : plm_value_none();
}

static struct plm_value task_working_set(const struct plm_row *r)
{
	bool is_known = r->sample && r->sample->has & PLM_HAS_WORKING_SET;
	return is_known ? plm_value_u64(r->sample->mem_working_set_bytes) : plm_value_none();
}

static struct plm_value task_mem_reserved(const struct plm_row *r)
{
	return r->task->memory_bytes ? plm_value_u64(r->task->memory_bytes) : plm_value_none();
}

static struct plm_value task_ready(const struct plm_row *r)
{
	return r->task_usage ? plm_value_u64(r->task_usage->is_ready) : plm_value_none();
}

#define TASK_USAGE(fn, field, scale)                                                                     \
	static struct plm_value fn(const struct plm_row *r)                                              \
	{                                                                                                \
		return r->task_usage ? plm_value_num(r->task_usage->field * (scale)) : plm_value_none(); \
	}

TASK_USAGE(task_cpu_utilization, cpu_utilization, 0.01) /* percent → ratio */
TASK_USAGE(task_mem_utilization, memory_utilization, 0.01)
TASK_USAGE(task_throttled, throttled_share, 1)
TASK_USAGE(task_cpu_pressure, cpu_pressure, 1)
TASK_USAGE(task_mem_pressure, memory_pressure, 1)

/* --- services --- */

#define SERVICE(fn, make, field)                            \
	static struct plm_value fn(const struct plm_row *r) \
	{                                                   \
		return make(r->service->field);             \
	}

SERVICE(desired, plm_value_count, desired)
SERVICE(running, plm_value_count, running)
SERVICE(pending, plm_value_count, pending)
SERVICE(restarts, plm_value_u64, restarts)
SERVICE(deploying, plm_value_u64, is_deploying)
SERVICE(scalable, plm_value_u64, is_scalable)

#define SERVICE_USAGE(fn, value)                                      \
	static struct plm_value fn(const struct plm_row *r)           \
	{                                                             \
		const struct plm_service_usage *u = r->service_usage; \
		return u ? (value) : plm_value_none();                \
	}

SERVICE_USAGE(ready, plm_value_count(u->ready))
SERVICE_USAGE(service_cpu_utilization, plm_value_num(u->cpu.value / 100))
SERVICE_USAGE(service_mem_utilization, plm_value_num(u->memory.value / 100))
SERVICE_USAGE(service_coverage, plm_value_num(u->cpu.coverage))
SERVICE_USAGE(service_cpu, plm_value_ns((plm_ns)u->cpu_usage_ns))
SERVICE_USAGE(tasks_ended, plm_value_u64(u->tasks_ended))

static struct plm_value min_tasks(const struct plm_row *r)
{
	return r->target ? plm_value_count(r->target->min) : plm_value_none();
}

static struct plm_value max_tasks(const struct plm_row *r)
{
	return r->target ? plm_value_count(r->target->max) : plm_value_none();
}

/* --- policies and scaling --- */

static struct plm_value metric_value(const struct plm_row *r)
{
	return r->proposal ? plm_value_num(r->proposal->input.value) : plm_value_none();
}

static struct plm_value target_value(const struct plm_row *r)
{
	return plm_value_num(r->policy->target);
}

static struct plm_value recommended(const struct plm_row *r)
{
	return r->proposal ? plm_value_count(r->proposal->desired) : plm_value_none();
}

static struct plm_value count(const struct plm_row *r)
{
	return plm_value_u64(r->count);
}

#define TASK_GAUGE PLM_FAMILY_GAUGE, PLM_SCOPE_TASK
#define SERVICE_GAUGE PLM_FAMILY_GAUGE, PLM_SCOPE_SERVICE
#define SERVICE_COUNTER PLM_FAMILY_COUNTER, PLM_SCOPE_SERVICE
#define POLICY_GAUGE PLM_FAMILY_GAUGE, PLM_SCOPE_POLICY

const struct plm_family plm_families_service[] = {
	{ "plimsoll_service_desired_tasks", SERVICE_GAUGE, "", NULL, desired, NULL,
	  "Tasks that the service should run." },
	{ "plimsoll_service_running_tasks", SERVICE_GAUGE, "", NULL, running, NULL, "Tasks that run." },
	{ "plimsoll_service_pending_tasks", SERVICE_GAUGE, "", NULL, pending, NULL,
	  "Tasks not yet running, those waiting after a failure included." },
	{ "plimsoll_service_ready_tasks", SERVICE_GAUGE, "", NULL, ready, NULL,
	  "Running tasks measured over at least one full interval; utilisation is taken over these." },
	{ "plimsoll_service_min_tasks", SERVICE_GAUGE, "", NULL, min_tasks, NULL,
	  "Lower bound that scaling keeps to." },
	{ "plimsoll_service_max_tasks", SERVICE_GAUGE, "", NULL, max_tasks, NULL,
	  "Upper bound that scaling keeps to." },
	{ "plimsoll_service_cpu_utilization_ratio", SERVICE_GAUGE, "ratio", NULL, service_cpu_utilization, NULL,
	  "CPU used by all tasks over CPU reserved for them; above 1 when they use more than reserved." },
	{ "plimsoll_service_memory_utilization_ratio", SERVICE_GAUGE, "ratio", NULL, service_mem_utilization, NULL,
	  "Memory used by all tasks over memory reserved for them." },
	{ "plimsoll_service_cpu_coverage_ratio", SERVICE_GAUGE, "ratio", NULL, service_coverage, NULL,
	  "Share of the running tasks whose samples are in the CPU utilisation." },
	{ "plimsoll_service_cpu_seconds", SERVICE_COUNTER, "seconds", NULL, service_cpu, NULL,
	  "CPU time of all tasks since the service is known, ended and short-lived ones included." },
	{ "plimsoll_service_tasks_ended", SERVICE_COUNTER, "", NULL, tasks_ended, NULL,
	  "Tasks whose end the kernel reported." },
	{ "plimsoll_service_task_restarts", SERVICE_COUNTER, "", NULL, restarts, NULL,
	  "Tasks started again after a failure." },
	{ "plimsoll_service_deploying", SERVICE_GAUGE, "", NULL, deploying, NULL,
	  "1 while a deployment is in progress." },
	{ "plimsoll_service_scalable", SERVICE_GAUGE, "", NULL, scalable, NULL,
	  "0 for services that are never scaled, such as one task per host." },

	{ "plimsoll_task", PLM_FAMILY_INFO, PLM_SCOPE_TASK_INFO, "", NULL, one, NULL, "What a task is." },
	{ "plimsoll_task_cpu_seconds", PLM_FAMILY_COUNTER, PLM_SCOPE_TASK, "seconds", NULL, task_cpu, NULL,
	  "CPU time used since the task started." },
	{ "plimsoll_task_cpu_reserved_cores", TASK_GAUGE, "cores", NULL, task_cpu_reserved, NULL,
	  "CPU reserved by the task definition." },
	{ "plimsoll_task_cpu_utilization_ratio", TASK_GAUGE, "ratio", NULL, task_cpu_utilization, NULL,
	  "CPU used over CPU reserved." },
	{ "plimsoll_task_cpu_throttled_ratio", TASK_GAUGE, "ratio", NULL, task_throttled, NULL,
	  "Share of the quota periods in which the quota was used up, over the window." },
	{ "plimsoll_task_cpu_pressure_ratio", TASK_GAUGE, "ratio", NULL, task_cpu_pressure, NULL,
	  "Share of the window in which some thread waited for CPU." },
	{ "plimsoll_task_memory_working_set_bytes", TASK_GAUGE, "bytes", NULL, task_working_set, NULL,
	  "Memory charged now less inactive file pages." },
	{ "plimsoll_task_memory_reserved_bytes", TASK_GAUGE, "bytes", NULL, task_mem_reserved, NULL,
	  "Memory reserved by the task definition." },
	{ "plimsoll_task_memory_utilization_ratio", TASK_GAUGE, "ratio", NULL, task_mem_utilization, NULL,
	  "Memory used over memory reserved." },
	{ "plimsoll_task_memory_pressure_ratio", TASK_GAUGE, "ratio", NULL, task_mem_pressure, NULL,
	  "Share of the window in which some thread waited for memory." },
	{ "plimsoll_task_ready", TASK_GAUGE, "", NULL, task_ready, NULL,
	  "1 when the task runs and was measured over at least one full interval." },

	{ "plimsoll_policy", PLM_FAMILY_INFO, PLM_SCOPE_POLICY_INFO, "", NULL, one, NULL, "What a policy is." },
	{ "plimsoll_policy_metric_value", POLICY_GAUGE, "", NULL, metric_value, NULL,
	  "What the policy measured last, in its own unit (percent for utilisation)." },
	{ "plimsoll_policy_target_value", POLICY_GAUGE, "", NULL, target_value, NULL,
	  "What the policy aims at, in its own unit." },
	{ "plimsoll_policy_recommended_tasks", POLICY_GAUGE, "", NULL, recommended, NULL,
	  "Tasks that the policy asked for last, before bounds and limits." },
	{ "plimsoll_scaling_activities", PLM_FAMILY_COUNTER, PLM_SCOPE_SCALING, "", NULL, count, NULL,
	  "Scaling activities by direction and status." },
	{ "plimsoll_scaling_not_scaled", PLM_FAMILY_COUNTER, PLM_SCOPE_NOT_SCALED, "", NULL, count, NULL,
	  "Evaluations that ended without an activity, by reason." },
	{ .name = NULL },
};
