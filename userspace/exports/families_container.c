/* SPDX-License-Identifier: Apache-2.0
 *
 * What dashboards made for cAdvisor ask for: the same names, types and units, one series per cgroup. `id` is the
 * cgroup's path; for the cgroup of a task `name` is the task's id and `image` its definition ("family:revision").
 *
 * Left out on purpose: samples carry no time stamps, so that a cgroup that ended goes stale at once; "no limit" gives
 * no line where cAdvisor writes 0; families that the kernel rung in use does not know have no lines at all.
 */
#include "exports/families.h"

/* Defines a getter of one field of the sample, known when all of `bits` are. */
#define SAMPLE(fn, bits, make, field)                                                       \
	static struct plm_value fn(const struct plm_row *r)                                 \
	{                                                                                   \
		return r->sample->has & (bits) ? make(r->sample->field) : plm_value_none(); \
	}

SAMPLE(cpu_usage, PLM_HAS_CPU, plm_value_ns, cpu_usage_ns)
SAMPLE(cpu_user, PLM_HAS_CPU, plm_value_ns, cpu_user_ns)
SAMPLE(cpu_system, PLM_HAS_CPU, plm_value_ns, cpu_system_ns)
SAMPLE(periods, PLM_HAS_THROTTLE, plm_value_u64, nr_periods)
SAMPLE(throttled_periods, PLM_HAS_THROTTLE, plm_value_u64, nr_throttled)
SAMPLE(throttled, PLM_HAS_THROTTLE, plm_value_ns, throttled_ns)
SAMPLE(cpu_some, PLM_HAS_PSI_CPU, plm_value_ns, psi_ns[PLM_PSI_CPU_SOME])
SAMPLE(cpu_full, PLM_HAS_PSI_CPU, plm_value_ns, psi_ns[PLM_PSI_CPU_FULL])
SAMPLE(mem_some, PLM_HAS_PSI_MEM, plm_value_ns, psi_ns[PLM_PSI_MEM_SOME])
SAMPLE(mem_full, PLM_HAS_PSI_MEM, plm_value_ns, psi_ns[PLM_PSI_MEM_FULL])
SAMPLE(io_some, PLM_HAS_PSI_IO, plm_value_ns, psi_ns[PLM_PSI_IO_SOME])
SAMPLE(io_full, PLM_HAS_PSI_IO, plm_value_ns, psi_ns[PLM_PSI_IO_FULL])
SAMPLE(mem_usage, PLM_HAS_MEM, plm_value_u64, mem_usage_bytes)
SAMPLE(working_set, PLM_HAS_WORKING_SET, plm_value_u64, mem_working_set_bytes)
SAMPLE(oom_kills, PLM_HAS_OOM, plm_value_u64, oom_kills)
SAMPLE(threads, PLM_HAS_PROCS, plm_value_u64, pids)

static struct plm_value mem_limit(const struct plm_row *r)
{
	bool has_limit = r->sample->has & PLM_HAS_MEM_LIMIT && r->sample->mem_limit_bytes != PLM_NO_MEM_LIMIT;
	return has_limit ? plm_value_u64(r->sample->mem_limit_bytes) : plm_value_none();
}

static struct plm_value mem_reservation(const struct plm_row *r)
{
	return r->task && r->task->memory_bytes ? plm_value_u64(r->task->memory_bytes) : plm_value_none();
}

static struct plm_value cpu_shares(const struct plm_row *r)
{
	return r->task && r->task->cpu_units ? plm_value_u64(r->task->cpu_units) : plm_value_none();
}

static struct plm_value start_time(const struct plm_row *r)
{
	return r->task && r->task->started_wall ? plm_value_ns(r->task->started_wall) : plm_value_none();
}

static struct plm_value last_seen(const struct plm_row *r)
{
	return plm_value_ns(r->view->now.wall - (r->view->now.mono - r->sample->time_ns));
}

#define COUNTER PLM_FAMILY_COUNTER, PLM_SCOPE_CGROUP
#define GAUGE PLM_FAMILY_GAUGE, PLM_SCOPE_CGROUP

const struct plm_family plm_families_container[] = {
	{ "container_cpu_usage_seconds", COUNTER, "seconds", "cpu=\"total\"", cpu_usage, NULL,
	  "CPU time used since the cgroup was made, its children included." },
	{ "container_cpu_user_seconds", COUNTER, "seconds", NULL, cpu_user, NULL,
	  "Part of the CPU time spent in user mode." },
	{ "container_cpu_system_seconds", COUNTER, "seconds", NULL, cpu_system, NULL,
	  "Part of the CPU time spent in the kernel." },
	{ "container_cpu_cfs_periods", COUNTER, "", NULL, periods, NULL,
	  "Enforcement periods of the CPU quota in which something was runnable." },
	{ "container_cpu_cfs_throttled_periods", COUNTER, "", NULL, throttled_periods, NULL,
	  "Of these, periods in which the quota was used up." },
	{ "container_cpu_cfs_throttled_seconds", COUNTER, "seconds", NULL, throttled, NULL,
	  "Time during which the CPU quota held the cgroup back." },
	{ "container_pressure_cpu_waiting_seconds", COUNTER, "seconds", NULL, cpu_some, NULL,
	  "Time during which at least one thread waited for CPU." },
	{ "container_pressure_cpu_stalled_seconds", COUNTER, "seconds", NULL, cpu_full, NULL,
	  "Time during which all threads that could run waited for CPU." },
	{ "container_pressure_memory_waiting_seconds", COUNTER, "seconds", NULL, mem_some, NULL,
	  "Time during which at least one thread waited for memory." },
	{ "container_pressure_memory_stalled_seconds", COUNTER, "seconds", NULL, mem_full, NULL,
	  "Time during which all threads that could run waited for memory." },
	{ "container_pressure_io_waiting_seconds", COUNTER, "seconds", NULL, io_some, NULL,
	  "Time during which at least one thread waited for input or output." },
	{ "container_pressure_io_stalled_seconds", COUNTER, "seconds", NULL, io_full, NULL,
	  "Time during which all threads that could run waited for input or output." },
	{ "container_memory_usage_bytes", GAUGE, "bytes", NULL, mem_usage, NULL,
	  "Memory charged now, page cache included." },
	{ "container_memory_working_set_bytes", GAUGE, "bytes", NULL, working_set, NULL,
	  "Memory charged now less inactive file pages." },
	{ "container_oom_events", COUNTER, "", NULL, oom_kills, NULL, "Processes killed for want of memory." },
	{ "container_threads", GAUGE, "", NULL, threads, NULL, "Processes and threads alive now." },
	{ "container_spec_memory_limit_bytes", GAUGE, "bytes", NULL, mem_limit, NULL,
	  "Memory limit of the cgroup; absent when there is none." },
	{ "container_spec_memory_reservation_limit_bytes", GAUGE, "bytes", NULL, mem_reservation, NULL,
	  "Memory reserved by the task definition." },
	{ "container_spec_cpu_shares", GAUGE, "", NULL, cpu_shares, NULL,
	  "CPU units reserved by the task definition; 1024 are one vCPU." },
	{ "container_start_time_seconds", GAUGE, "seconds", NULL, start_time, NULL,
	  "When the task started, seconds since the epoch." },
	{ "container_last_seen", GAUGE, "", NULL, last_seen, NULL,
	  "When the cgroup was sampled, seconds since the epoch." },
	{ .name = NULL },
};
