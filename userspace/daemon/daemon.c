/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "daemon/notify.h"
#include "identity/identity.h"

#define LADDER_RETRY_NS (30 * PLM_NS_PER_S) /* no rung works: try again this often */
#define READ_FAILURES_MAX 5                 /* in a row, then the ladder is opened anew */
#define ENGINE_SAVE_NS (5 * PLM_NS_PER_S)   /* the engine's memory is written this often, and with every change */
#define RECORD_EVERY_NS (5 * PLM_NS_PER_S)  /* decision records without a change are written at most this often */
#define RECORD_JSON_MAX (64u << 10)

/* --- sample --- */

static void note_ladder(struct plm_daemon *d)
{
	const struct plm_rung_report *reports;
	size_t n = plm_ladder_report(d->ladder, &reports);
	for (size_t i = 0; i < n && i < PLM_LADDER_MAX_REPORTS; i++)
		d->rungs[i] = (struct plm_rung_view){ .rung = reports[i].rung,
						      .name = reports[i].name,
						      .is_usable = reports[i].status == 0,
						      .is_chosen = reports[i].is_chosen,
						      .reason = reports[i].reason };
	d->view.n_rungs = n;
	const struct plm_source_ops *source = plm_ladder_source(d->ladder);
	d->host.rung = source->rung;
	d->host.rung_name = source->name;
	d->host.has_events = plm_ladder_has_events(d->ladder);
	plm_log(PLM_LOG_INFO, "kernel", "sampling by rung %c (%s), lifecycle events %s", source->rung, source->name,
		d->host.has_events ? "on" : "off");
	for (size_t i = 0; i < n; i++)
		if (reports[i].status != 0)
			plm_log(PLM_LOG_INFO, "kernel", "rung %c (%s) not used: %s", reports[i].rung, reports[i].name,
				reports[i].reason);
}

static int open_ladder(struct plm_daemon *d, plm_ns now_mono, struct plm_err *err)
{
	struct plm_source_cfg cfg = { .root = d->config->kernel_root };
	d->ladder_retry_mono = now_mono + LADDER_RETRY_NS;
	int r = plm_ladder_open(&cfg, d->config->rung, d->config->without_events, &d->ladder, err);
	if (r == 0)
		note_ladder(d);
	return r;
}

static void close_ladder(struct plm_daemon *d)
{
	plm_ladder_close(d->ladder);
	d->ladder = NULL;
	d->view.n_rungs = 0;
	d->host.rung = 0;
	d->host.rung_name = NULL;
	d->host.has_events = false;
}

static void count_sample(struct plm_self *self, double seconds)
{
	size_t b = 0;
	while (b < PLM_SAMPLE_BUCKETS && seconds > plm_sample_buckets[b])
		b++;
	self->sample_bucket[b]++;
	self->sample_sum_s += seconds;
}

static void sample(struct plm_daemon *d)
{
	struct plm_err err = PLM_ERR_INIT;
	plm_sample_set_reset(&d->tick.samples);
	if (!d->ladder && d->tick.now.mono < d->ladder_retry_mono)
		return;
	int r = d->ladder ? 0 : open_ladder(d, d->tick.now.mono, &err);
	if (r == 0)
		r = plm_ladder_read(d->ladder, &d->tick.samples, &err);
	if (r == 0) {
		d->read_failures = 0;
		d->self.sample_error[0] = '\0';
		d->self.lost_events = d->tick.samples.lost_events;
		d->self.lost_cgroups = d->tick.samples.lost_cgroups;
		count_sample(&d->self, (double)d->tick.samples.cost_cpu_ns / (double)PLM_NS_PER_S);
		return;
	}
	plm_sample_set_reset(&d->tick.samples);
	d->self.sample_failures++;
	(void)plm_strcpy(d->self.sample_error, sizeof(d->self.sample_error), plm_err_text(&err));
	plm_log_limited(PLM_LOG_WARN, "kernel", "sample", "cannot sample: %s, deciding nothing on old numbers",
			plm_err_text(&err));
	if (d->ladder && ++d->read_failures >= READ_FAILURES_MAX)
		close_ladder(d);
}

/* --- what the backend knows --- */

static void ask_backend(struct plm_daemon *d)
{
	struct plm_err err = PLM_ERR_INIT;
	int r = d->backend->converge(d->backend_ctx, &d->tick.now, &err);
	if (r == 0)
		r = d->backend->list(d->backend_ctx, &d->tick.now, &d->tick.cluster, &err);
	if (r == 0) {
		d->self.backend_error[0] = '\0';
		return;
	}
	d->self.backend_failures++;
	(void)plm_strcpy(d->self.backend_error, sizeof(d->self.backend_error), plm_err_text(&err));
	plm_log_limited(PLM_LOG_WARN, "backend", "backend", "backend \"%s\": %s, keeping its last answer",
			d->backend->name, plm_err_text(&err));
}

/* --- attribute and aggregate --- */

static int make_usage(struct plm_daemon *d)
{
	struct plm_tick *t = &d->tick;
	int r = plm_identity_attribute(&t->samples, &t->cluster, &t->attribution);
	if (r == 0)
		r = plm_aggregate_tick(d->aggregate, &t->samples, &t->attribution, &t->cluster, &d->policies, &t->now,
				       &t->usage);
	if (r != 0) {
		t->usage.n_tasks = t->usage.n_services = 0;
		plm_log_limited(PLM_LOG_ERROR, "aggregate", "aggregate", "out of memory, this tick decides nothing");
	}
	return r;
}

/* --- decide --- */

static void decide(struct plm_daemon *d)
{
	struct plm_tick *t = &d->tick;
	t->n_decisions = 0;
	if (t->cap_decisions < d->policies.n_targets) {
		struct plm_decision *bigger = realloc(t->decisions, d->policies.n_targets * sizeof(*bigger));
		if (!bigger)
			return;
		t->decisions = bigger;
		t->cap_decisions = d->policies.n_targets;
	}
	struct plm_engine_input in = {
		.policies = &d->policies, .cluster = &t->cluster, .usage = &t->usage, .now = t->now
	};
	t->n_decisions = plm_engine_evaluate(d->engine, &in, t->decisions, t->cap_decisions);
}

/* --- act --- */

int plm_daemon_apply(struct plm_daemon *d, struct plm_activity *a, const struct plm_now *now, struct plm_err *err)
{
	if (!d->config->is_dry_run)
		plm_activities_begin(d->activities, a, now);
	int r = plm_apply_desired(d->backend, d->backend_ctx, d->config->is_dry_run, a->service, a->to, now, err);
	if (r == 1) {
		a->not_scaled = PLM_NS_DRY_RUN;
		(void)plm_activities_not_scaled(d->activities, a, now);
	} else {
		plm_activities_sent(d->activities, a, r, err, now);
	}
	plm_counters_scaled(&d->counters, a, r == 1);
	return r;
}

static const char *deciding_policy(const struct plm_decision *dec)
{
	return dec->deciding >= 0 ? dec->proposals[dec->deciding].policy : "";
}

static void carry_out(struct plm_daemon *d, struct plm_decision *dec)
{
	struct plm_err err = PLM_ERR_INIT;
	struct plm_activity a;
	if (!plm_activities_may_try(d->activities, dec->service, &dec->at)) {
		dec->not_scaled = PLM_NS_BACKEND_ERROR;
		return;
	}
	plm_activity_from_decision(dec, &a);
	int r = plm_daemon_apply(d, &a, &dec->at, &err);
	(void)plm_strcpy(dec->activity_id, sizeof(dec->activity_id), a.id);
	if (r == 0) {
		plm_engine_applied(d->engine, dec);
		plm_log(PLM_LOG_INFO, "scaling", "service \"%s\": %s (activity %s)", dec->service, dec->sentence, a.id);
	} else if (r == 1) {
		dec->not_scaled = PLM_NS_DRY_RUN;
		plm_log_limited(PLM_LOG_INFO, "scaling", dec->service, "dry run: service \"%s\" would go %d -> %d: %s",
				dec->service, dec->desired, dec->result, dec->sentence);
	} else {
		dec->not_scaled = PLM_NS_BACKEND_ERROR;
		plm_log_limited(PLM_LOG_WARN, "scaling", dec->service, "service \"%s\" stays at %d: %s", dec->service,
				dec->desired, plm_err_text(&err));
	}
}

static void note_not_scaled(struct plm_daemon *d, const struct plm_decision *dec)
{
	plm_counters_not_scaled(&d->counters, dec->service, deciding_policy(dec), dec->not_scaled);
	if (dec->not_scaled == PLM_NS_ALREADY_AT_DESIRED || dec->not_scaled == PLM_NS_DRY_RUN ||
	    dec->not_scaled == PLM_NS_BACKEND_ERROR)
		return; /* nothing was wanted, or carry_out() has told it */
	struct plm_activity a;
	plm_activity_from_decision(dec, &a);
	if (plm_activities_not_scaled(d->activities, &a, &dec->at))
		plm_log(PLM_LOG_INFO, "scaling", "service \"%s\": %s (%s)", dec->service, dec->sentence,
			plm_not_scaled_name(dec->not_scaled));
}

static void act(struct plm_daemon *d)
{
	bool has_changed = false;
	for (size_t i = 0; i < d->tick.n_decisions; i++) {
		struct plm_decision *dec = &d->tick.decisions[i];
		if (dec->result != dec->desired) {
			carry_out(d, dec);
			has_changed = true;
		}
		if (dec->not_scaled != PLM_SCALED)
			note_not_scaled(d, dec);
	}
	if (has_changed)
		ask_backend(d); /* starts tasks now instead of a tick later */
}

/* --- record --- */

/* What the newest written record of a service said. */
struct last_record {
	enum plm_not_scaled not_scaled;
	plm_ns written_mono;
};

static bool is_worth_a_record(struct plm_daemon *d, const struct plm_decision *dec)
{
	struct last_record *last = plm_smap_get(&d->records, dec->service);
	if (!last) {
		last = calloc(1, sizeof(*last));
		if (!last || plm_smap_put(&d->records, dec->service, last) != 0) {
			free(last);
			return false;
		}
	} else if (dec->result == dec->desired &&
		   (last->not_scaled == dec->not_scaled || dec->at.mono - last->written_mono < RECORD_EVERY_NS)) {
		return false;
	} else if (dec->result != dec->desired && !dec->activity_id[0] && last->not_scaled == dec->not_scaled) {
		return false; /* the same failed or dry change again */
	}
	last->not_scaled = dec->not_scaled;
	last->written_mono = dec->at.mono;
	return true;
}

static void record(struct plm_daemon *d)
{
	struct plm_tick *t = &d->tick;
	bool has_changed = false;
	struct plm_buf json = PLM_BUF_INIT(RECORD_JSON_MAX);
	for (size_t i = 0; i < t->n_decisions; i++) {
		const struct plm_decision *dec = &t->decisions[i];
		has_changed |= dec->result != dec->desired;
		if (!is_worth_a_record(d, dec))
			continue;
		struct plm_jw w;
		plm_buf_reset(&json);
		plm_jw_init(&w, &json);
		plm_jw_obj(&w, NULL);
		plm_decision_json(dec, &w);
		plm_jw_end_obj(&w);
		if (!json.failed)
			plm_state_put_decision(d->state, dec->service, dec->at.wall, plm_buf_text(&json));
	}
	plm_buf_done(&json);
	plm_activities_tick(d->activities, &t->cluster, &t->now);
	if (has_changed || t->now.mono - d->engine_saved_mono >= ENGINE_SAVE_NS) {
		plm_state_save_engine(d->state, d->engine, &d->policies, t->now.wall);
		d->engine_saved_mono = t->now.mono;
	}
	plm_state_tick(d->state, &t->now);
}

/* --- show --- */

static void show(struct plm_daemon *d)
{
	const struct plm_tick *t = &d->tick;
	d->self.ticks++;
	d->self.state_failures = plm_state_failures(d->state);
	(void)plm_strcpy(d->self.state_error, sizeof(d->self.state_error), plm_state_trouble(d->state));
	d->self.is_dry_run = d->config->is_dry_run;
	d->view.now = t->now;
	d->view.decisions = t->decisions;
	d->view.n_decisions = t->n_decisions;
	d->view.scalings = d->counters.scalings;
	d->view.n_scalings = d->counters.n_scalings;
	d->view.not_scaled = d->counters.not_scaled;
	d->view.n_not_scaled = d->counters.n_not_scaled;
	d->view.is_ready = d->ladder && !d->self.sample_error[0] && !d->self.backend_error[0];
}

/* --- the tick --- */

void plm_daemon_tick(void *ctx, uint32_t expirations)
{
	struct plm_daemon *d = ctx;
	d->self.late_ticks += expirations > 1 ? expirations - 1 : 0;
	d->tick.now = plm_clock_now();
	ask_backend(d);
	sample(d);
	if (make_usage(d) == 0)
		decide(d);
	else
		d->tick.n_decisions = 0;
	act(d);
	record(d);
	show(d);
	plm_notify("WATCHDOG=1");
}
