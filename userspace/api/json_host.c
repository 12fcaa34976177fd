/* SPDX-License-Identifier: Apache-2.0
 * The host and the daemon itself as JSON. Unknown is null. */
#include "api/internal.h"
#include "api/json_null.h"
#include "base/process.h"

static void add_host(const struct plm_host *host, struct plm_jw *w)
{
	if (!host) {
		plm_jw_null(w, "host");
		return;
	}
	plm_jw_obj(w, "host");
	text_or_null(w, "name", host->name);
	text_or_null(w, "kernel", host->kernel);
	plm_jw_u64(w, "cpus", host->cpus);
	plm_jw_u64(w, "memory_bytes", host->memory_bytes);
	text_or_null(w, "cgroup_mode", host->cgroup_mode);
	text_or_null(w, "rung", (const char[]){ host->rung, '\0' });
	text_or_null(w, "rung_name", host->rung_name);
	plm_jw_bool(w, "has_events", host->has_events);
	plm_jw_end_obj(w);
}

static void add_rungs(const struct plm_view *view, struct plm_jw *w)
{
	plm_jw_arr(w, "rungs");
	for (size_t i = 0; view->rungs && i < view->n_rungs; i++) {
		const struct plm_rung_view *r = &view->rungs[i];
		plm_jw_obj(w, NULL);
		text_or_null(w, "rung", (const char[]){ r->rung, '\0' });
		text_or_null(w, "name", r->name);
		plm_jw_bool(w, "is_usable", r->is_usable);
		plm_jw_bool(w, "is_chosen", r->is_chosen);
		text_or_null(w, "reason", r->reason);
		plm_jw_end_obj(w);
	}
	plm_jw_end_arr(w);
}

static void add_self(const struct plm_view *view, struct plm_jw *w)
{
	const struct plm_self *s = view->self;
	if (!s) {
		plm_jw_null(w, "self");
		return;
	}
	struct plm_process p;
	plm_process_read(&p);
	plm_jw_obj(w, "self");
	time_or_null(w, "started_at", s->started_wall);
	plm_jw_u64(w, "ticks", s->ticks);
	plm_jw_u64(w, "late_ticks", s->late_ticks);
	u64_or_null(w, "cgroups", view->samples != NULL, view->samples ? view->samples->n_rows : 0);
	plm_jw_u64(w, "sample_failures", s->sample_failures);
	plm_jw_u64(w, "backend_failures", s->backend_failures);
	plm_jw_u64(w, "state_failures", s->state_failures);
	plm_jw_u64(w, "lost_events", s->lost_events);
	plm_jw_u64(w, "lost_cgroups", s->lost_cgroups);
	plm_jw_bool(w, "is_config_good", s->is_config_good);
	text_or_null(w, "config_error", s->config_error);
	text_or_null(w, "sample_error", s->sample_error);
	text_or_null(w, "backend_error", s->backend_error);
	text_or_null(w, "state_error", s->state_error);
	plm_jw_bool(w, "is_dry_run", s->is_dry_run);
	plm_jw_num(w, "cpu_seconds", (double)p.cpu_ns / 1e9);
	u64_or_null(w, "resident_bytes", p.has_memory, p.resident_bytes);
	u64_or_null(w, "last_sample_cpu_us", view->samples != NULL,
		    view->samples ? (uint64_t)(view->samples->cost_cpu_ns / PLM_NS_PER_US) : 0);
	plm_jw_end_obj(w);
}

void plm_api_json_host(const struct plm_view *view, struct plm_jw *w)
{
	text_or_null(w, "version", view->version);
	plm_jw_bool(w, "is_ready", view->is_ready);
	time_or_null(w, "time", view->now.wall);
	add_host(view->host, w);
	add_rungs(view, w);
	add_self(view, w);
}
