/* SPDX-License-Identifier: Apache-2.0
 * This daemon and its host: what was built, what the kernel grants, whether all is well, what it costs. */
#include "exports/families.h"

static struct plm_value one(const struct plm_row *r)
{
	(void)r;
	return plm_value_u64(1);
}

static struct plm_value rung_chosen(const struct plm_row *r)
{
	return plm_value_u64(r->rung->is_chosen);
}

static struct plm_value rung_usable(const struct plm_row *r)
{
	return plm_value_u64(r->rung->is_usable);
}

static struct plm_value cpu_cores(const struct plm_row *r)
{
	return r->view->host && r->view->host->cpus ? plm_value_u64(r->view->host->cpus) : plm_value_none();
}

static struct plm_value host_memory(const struct plm_row *r)
{
	return r->view->host && r->view->host->memory_bytes ? plm_value_u64(r->view->host->memory_bytes)
							    : plm_value_none();
}

static struct plm_value ready(const struct plm_row *r)
{
	return plm_value_u64(r->view->is_ready);
}

static struct plm_value cgroups(const struct plm_row *r)
{
	return r->view->samples ? plm_value_u64(r->view->samples->n_rows) : plm_value_none();
}

/* Defines a getter of one fact about the daemon itself. */
#define SELF(fn, value)                                     \
	static struct plm_value fn(const struct plm_row *r) \
	{                                                   \
		const struct plm_self *s = r->view->self;   \
		return s ? (value) : plm_value_none();      \
	}

SELF(dry_run, plm_value_u64(s->is_dry_run))
SELF(backend_failures, plm_value_u64(s->backend_failures))
SELF(config_good, plm_value_u64(s->is_config_good))
SELF(config_time, s->config_wall ? plm_value_ns(s->config_wall) : plm_value_none())
SELF(ticks, plm_value_u64(s->ticks))
SELF(late_ticks, plm_value_u64(s->late_ticks))
SELF(sample_failures, plm_value_u64(s->sample_failures))
SELF(state_failures, plm_value_u64(s->state_failures))
SELF(lost_events, plm_value_u64(s->lost_events))
SELF(lost_cgroups, plm_value_u64(s->lost_cgroups))
SELF(start_time, s->started_wall ? plm_value_ns(s->started_wall) : plm_value_none())

static struct plm_value backend_up(const struct plm_row *r)
{
	if (r->view->self && r->view->self->backend_error[0])
		return plm_value_u64(0);
	bool was_asked = r->view->cluster && r->view->cluster->asked_mono;
	return was_asked ? plm_value_u64(1) : plm_value_none();
}

/* When the backend last answered, carried over from the monotonic clock to the wall clock of the last tick. */
static struct plm_value backend_time(const struct plm_row *r)
{
	if (!r->view->cluster || !r->view->cluster->asked_mono)
		return plm_value_none();
	return plm_value_ns(r->view->now.wall - (r->view->now.mono - r->view->cluster->asked_mono));
}

static bool sample_duration(const struct plm_view *view, struct plm_histogram *ret)
{
	if (!view->self)
		return false;
	*ret = (struct plm_histogram){ .bounds = plm_sample_buckets,
				       .counts = view->self->sample_bucket,
				       .n = PLM_SAMPLE_BUCKETS,
				       .sum = view->self->sample_sum_s };
	return true;
}

static struct plm_value limit(bool is_known, uint64_t value)
{
	if (!is_known)
		return plm_value_none();
	return value == PLM_PROCESS_NO_LIMIT ? plm_value_num(1.0 / 0.0) : plm_value_u64(value);
}

#define PROCESS(fn, value)                                  \
	static struct plm_value fn(const struct plm_row *r) \
	{                                                   \
		const struct plm_process *p = r->process;   \
		return value;                               \
	}

PROCESS(process_cpu, plm_value_ns(p->cpu_ns))
PROCESS(resident, p->has_memory ? plm_value_u64(p->resident_bytes) : plm_value_none())
PROCESS(virtual_size, p->has_memory ? plm_value_u64(p->virtual_bytes) : plm_value_none())
PROCESS(virtual_max, limit(p->has_limits, p->max_virtual_bytes))
PROCESS(open_fds, p->has_fds ? plm_value_u64(p->open_fds) : plm_value_none())
PROCESS(max_fds, limit(p->has_limits, p->max_fds))
PROCESS(threads, p->has_threads ? plm_value_u64(p->threads) : plm_value_none())

#define COUNTER PLM_FAMILY_COUNTER, PLM_SCOPE_DAEMON
#define GAUGE PLM_FAMILY_GAUGE, PLM_SCOPE_DAEMON

const struct plm_family plm_families_self[] = {
	{ "plimsoll_build", PLM_FAMILY_INFO, PLM_SCOPE_BUILD, "", NULL, one, NULL, "What program this is." },
	{ "plimsoll_host", PLM_FAMILY_INFO, PLM_SCOPE_HOST, "", NULL, one, NULL, "What host this is." },
	{ "plimsoll_kernel_rung", PLM_FAMILY_GAUGE, PLM_SCOPE_RUNG, "", NULL, rung_chosen, NULL,
	  "Ways to read the kernel, best first; 1 for those in use. L is the events of ending cgroups." },
	{ "plimsoll_kernel_rung_usable", PLM_FAMILY_GAUGE, PLM_SCOPE_RUNG, "", NULL, rung_usable, NULL,
	  "1 when this host allows the way to be used; the label reason tells why not." },
	{ "machine_cpu_cores", GAUGE, "", NULL, cpu_cores, NULL, "CPUs online." },
	{ "machine_memory_bytes", GAUGE, "bytes", NULL, host_memory, NULL, "Memory of the host." },
	{ "plimsoll_ready", GAUGE, "", NULL, ready, NULL, "1 when a full sample was taken and the backend answered." },
	{ "plimsoll_dry_run", GAUGE, "", NULL, dry_run, NULL, "1 when decisions are recorded but not carried out." },
	{ "plimsoll_backend_up", GAUGE, "", NULL, backend_up, NULL, "1 when the backend answered last time." },
	{ "plimsoll_backend_failures", COUNTER, "", NULL, backend_failures, NULL, "Calls to the backend that failed." },
	{ "plimsoll_backend_last_success_timestamp_seconds", GAUGE, "seconds", NULL, backend_time, NULL,
	  "When the backend last answered, seconds since the epoch." },
	{ "plimsoll_config_reload_success", GAUGE, "", NULL, config_good, NULL,
	  "1 when the last load of the configuration succeeded; at 0 the one before stays in force." },
	{ "plimsoll_config_last_reload_timestamp_seconds", GAUGE, "seconds", NULL, config_time, NULL,
	  "When a configuration was last loaded with success, seconds since the epoch." },
	{ "plimsoll_ticks", COUNTER, "", NULL, ticks, NULL, "Passes from sample to decision." },
	{ "plimsoll_samples_late", COUNTER, "", NULL, late_ticks, NULL,
	  "Passes that began more than one sample interval late." },
	{ "plimsoll_sample_failures", COUNTER, "", NULL, sample_failures, NULL, "Samples that the kernel refused." },
	{ "plimsoll_sample_duration_seconds", PLM_FAMILY_HISTOGRAM, PLM_SCOPE_DAEMON, "seconds", NULL, NULL,
	  sample_duration, "CPU time that one sample took." },
	{ "plimsoll_state_write_failures", COUNTER, "", NULL, state_failures, NULL,
	  "Writes to the database that failed." },
	{ "plimsoll_bpf_events_dropped", COUNTER, "", NULL, lost_events, NULL,
	  "Events of ending cgroups that did not fit into the ring buffer." },
	{ "plimsoll_cgroups", GAUGE, "", NULL, cgroups, NULL, "Cgroups in the last sample." },
	{ "plimsoll_cgroups_dropped", COUNTER, "", NULL, lost_cgroups, NULL,
	  "Cgroups that did not fit into a sample." },
	{ "process_cpu_seconds", COUNTER, "seconds", NULL, process_cpu, NULL, "CPU time used by this daemon." },
	{ "process_resident_memory_bytes", GAUGE, "bytes", NULL, resident, NULL, "Memory of this daemon in RAM." },
	{ "process_virtual_memory_bytes", GAUGE, "bytes", NULL, virtual_size, NULL, "Address space of this daemon." },
	{ "process_virtual_memory_max_bytes", GAUGE, "bytes", NULL, virtual_max, NULL,
	  "Most address space that this daemon may have." },
	{ "process_open_fds", GAUGE, "", NULL, open_fds, NULL, "File descriptors that this daemon holds open." },
	{ "process_max_fds", GAUGE, "", NULL, max_fds, NULL, "Most file descriptors that this daemon may open." },
	{ "process_threads", GAUGE, "", NULL, threads, NULL, "Threads of this daemon." },
	{ "process_start_time_seconds", GAUGE, "seconds", NULL, start_time, NULL,
	  "When this daemon started, seconds since the epoch." },
	{ .name = NULL },
};

const struct plm_family *const plm_family_tables[] = { plm_families_self, plm_families_service, plm_families_container,
						       NULL };
