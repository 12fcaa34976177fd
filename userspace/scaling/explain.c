/* SPDX-License-Identifier: Apache-2.0
 * Records and activities in words: AWS's terms for activities, our own chain for decisions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "scaling/scaling.h"

static void time_member(struct plm_jw *w, const char *key, plm_ns wall)
{
	char text[PLM_RFC3339_LEN];
	plm_jw_str(w, key, wall ? plm_time_format(wall, text) : NULL);
}

/* Three decimals are enough to follow a formula by hand. */
static void number_member(struct plm_jw *w, const char *key, double value)
{
	plm_jw_num(w, key, round(value * 1000) / 1000);
}

static void reason_member(struct plm_jw *w, const char *key, enum plm_not_scaled reason)
{
	plm_jw_str(w, key, reason == PLM_SCALED ? NULL : plm_not_scaled_name(reason));
}

static void proposal_json(const struct plm_proposal *p, struct plm_jw *w)
{
	plm_jw_obj(w, NULL);
	plm_jw_str(w, "policy", p->policy);
	plm_jw_str(w, "metric", plm_metric_name(p->metric));
	number_member(w, "target", p->target);
	number_member(w, "value", p->input.value);
	number_member(w, "age_s", p->input.age_s);
	number_member(w, "window_s", p->input.window_s);
	number_member(w, "coverage", p->input.coverage);
	plm_jw_i64(w, "tasks", p->input.tasks);
	number_member(w, "raw", p->raw);
	if (p->desired >= 0)
		plm_jw_i64(w, "desired", p->desired);
	else
		plm_jw_null(w, "desired");
	reason_member(w, "reason", p->not_scaled);
	plm_jw_end_obj(w);
}

void plm_decision_json(const struct plm_decision *d, struct plm_jw *w)
{
	time_member(w, "time", d->at.wall);
	plm_jw_str(w, "cluster", d->cluster);
	plm_jw_str(w, "service", d->service);
	plm_jw_i64(w, "desired", d->desired);
	plm_jw_i64(w, "running", d->running);
	plm_jw_i64(w, "pending", d->pending);
	plm_jw_i64(w, "ready", d->ready);
	plm_jw_i64(w, "unready", d->unready);
	plm_jw_i64(w, "missing", d->missing);
	plm_jw_i64(w, "min", d->min);
	plm_jw_i64(w, "max", d->max);
	number_member(w, "model_age_s", d->model_age_s);
	plm_jw_arr(w, "proposals");
	for (size_t i = 0; i < d->n_proposals; i++)
		proposal_json(&d->proposals[i], w);
	plm_jw_end_arr(w);
	plm_jw_str(w, "deciding", d->deciding >= 0 ? d->proposals[d->deciding].policy : NULL);
	plm_jw_arr(w, "stages");
	for (size_t i = 0; i < d->n_stages; i++) {
		plm_jw_obj(w, NULL);
		plm_jw_str(w, "stage", plm_stage_name(d->stages[i].kind));
		plm_jw_i64(w, "before", d->stages[i].before);
		plm_jw_i64(w, "after", d->stages[i].after);
		plm_jw_str(w, "text", d->stages[i].text);
		plm_jw_end_obj(w);
	}
	plm_jw_end_arr(w);
	plm_jw_i64(w, "result", d->result);
	reason_member(w, "reason", d->not_scaled);
	plm_jw_str(w, "sentence", d->sentence);
	plm_jw_str(w, "activity_id", d->activity_id[0] ? d->activity_id : NULL);
}

/* AWS's status of an outcome without a change: Failed where a bound or a fault stood in the way, else Successful. */
static enum plm_activity_status quiet_status(enum plm_not_scaled reason)
{
	switch (reason) {
	case PLM_NS_ALREADY_AT_MAX:
	case PLM_NS_ALREADY_AT_MIN:
	case PLM_NS_UNSCALABLE:
	case PLM_NS_INSUFFICIENT_DATA:
	case PLM_NS_BACKEND_ERROR:
		return PLM_ACT_FAILED;
	default:
		return PLM_ACT_SUCCESSFUL;
	}
}

/* "policy cpu50: ECSServiceAverageCPUUtilization 93.1 % over 5 s against target 50 % on 2 ready tasks asked for 4; …" */
static void tell_cause(const struct plm_decision *d, const struct plm_proposal *p, char *text, size_t size)
{
	const struct plm_stage *last = d->n_stages ? &d->stages[d->n_stages - 1] : NULL;
	char window[32] = "";
	if (p->input.window_s > 0)
		(void)snprintf(window, sizeof(window), " over %g s", p->input.window_s);
	int n = snprintf(text, size, "policy %.60s: %s %.1f %%%s against target %g %% on %d ready task%s asked for %d",
			 p->policy, plm_metric_name(p->metric), p->input.value, window, p->target, d->ready,
			 d->ready == 1 ? "" : "s", d->stages[0].after);
	if (last && last->kind != PLM_STAGE_POLICY && n > 0 && (size_t)n < size)
		(void)snprintf(text + n, size - (size_t)n, "; %s", last->text);
}

void plm_activity_from_decision(const struct plm_decision *d, struct plm_activity *ret)
{
	const struct plm_proposal *p = d->deciding >= 0 ? &d->proposals[d->deciding] : NULL;
	*ret = (struct plm_activity){
		.start_wall = d->at.wall, .from = d->desired, .to = d->result, .not_scaled = d->not_scaled
	};
	(void)plm_strcpy(ret->cluster, sizeof(ret->cluster), d->cluster);
	(void)plm_strcpy(ret->service, sizeof(ret->service), d->service);
	if (p)
		(void)plm_strcpy(ret->policy, sizeof(ret->policy), p->policy);
	if (d->not_scaled == PLM_SCALED) {
		ret->status = PLM_ACT_PENDING;
		(void)snprintf(ret->description, sizeof(ret->description), "Setting desired count to %d.", d->result);
	} else {
		ret->status = quiet_status(d->not_scaled);
		(void)snprintf(ret->description, sizeof(ret->description), "Attempting to scale due to policy %.100s",
			       p ? p->policy : "evaluation");
	}
	if (p && p->desired >= 0 && d->n_stages)
		tell_cause(d, p, ret->cause, sizeof(ret->cause));
	else
		(void)plm_strcpy(ret->cause, sizeof(ret->cause), d->sentence);
}

static void not_scaled_json(const struct plm_activity *a, struct plm_jw *w)
{
	plm_jw_arr(w, "not_scaled_reasons");
	if (a->not_scaled != PLM_SCALED) {
		plm_jw_obj(w, NULL);
		plm_jw_str(w, "code", plm_not_scaled_name(a->not_scaled));
		if (a->not_scaled == PLM_NS_ALREADY_AT_MAX)
			plm_jw_i64(w, "max_capacity", a->from);
		else if (a->not_scaled == PLM_NS_ALREADY_AT_MIN)
			plm_jw_i64(w, "min_capacity", a->from);
		else if (a->not_scaled != PLM_NS_UNSCALABLE)
			plm_jw_i64(w, "current_capacity", a->from);
		plm_jw_end_obj(w);
	}
	plm_jw_end_arr(w);
}

void plm_activity_json(const struct plm_activity *a, struct plm_jw *w)
{
	plm_jw_str(w, "activity_id", a->id);
	plm_jw_str(w, "cluster", a->cluster);
	plm_jw_str(w, "service", a->service);
	plm_jw_str(w, "policy", a->policy[0] ? a->policy : NULL);
	plm_jw_str(w, "description", a->description);
	plm_jw_str(w, "cause", a->cause);
	time_member(w, "start_time", a->start_wall);
	time_member(w, "end_time", a->end_wall);
	plm_jw_str(w, "status_code", plm_activity_status_name(a->status));
	plm_jw_str(w, "status_message", a->status_message[0] ? a->status_message : NULL);
	plm_jw_i64(w, "from", a->from);
	plm_jw_i64(w, "to", a->to);
	plm_jw_u64(w, "repeats", a->repeats);
	not_scaled_json(a, w);
}
