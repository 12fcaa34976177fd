/* SPDX-License-Identifier: Apache-2.0
 *
 * The fast profile, one target at a time: proposals of the policies → one recommendation → stabilisation → flapping →
 * bounds → rate limit. Each stage that changes the number leaves a line in the record.
 *
 * Per tick: one pass over policies and services to find what belongs together (hash look-ups), then one over the targets.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "scaling/history.h"
#include "scaling/scaling.h"
#include "scaling/tracking.h"

/* One target while a tick is computed, and what it remembers between ticks. */
struct plm_target_state {
	struct plm_history history;
	/* of the tick with this number; older than the engine's: not a target now */
	uint64_t tick;
	const struct plm_target *target;
	const struct plm_service *service;
	const struct plm_service_usage *usage;
	const struct plm_policy *policies[PLM_DECISION_MAX_POLICIES];
	size_t n_policies;
	int keep_s; /* longest stabilisation window of the policies */
};

struct plm_engine_state {
	struct plm_map targets; /* struct plm_target_state by service */
	uint64_t tick;
	struct plm_target_state **order; /* of this tick's targets; NULL = the service stands there twice */
	size_t cap_order;
};

struct plm_engine_state *plm_engine_state_new(void)
{
	return calloc(1, sizeof(struct plm_engine_state));
}

void plm_engine_state_free(struct plm_engine_state *s)
{
	if (!s)
		return;
	void *t;
	for (size_t i = 0; (t = plm_map_next(&s->targets, &i));)
		free(t);
	plm_map_done(&s->targets);
	free(s->order);
	free(s);
}

/* NULL = out of memory. */
static struct plm_target_state *state_of(struct plm_engine_state *s, const char *service)
{
	struct plm_target_state *t = plm_smap_get(&s->targets, service);
	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t || plm_smap_put(&s->targets, service, t) != 0) {
		free(t);
		return NULL;
	}
	plm_history_init(&t->history);
	return t;
}

int plm_engine_state_save(const struct plm_engine_state *s, const char *service, struct plm_buf *out)
{
	const struct plm_target_state *t = plm_smap_get(&s->targets, service);
	return t ? plm_history_save(&t->history, out) : -ENOENT;
}

int plm_engine_state_load(struct plm_engine_state *s, const char *service, const char *json, struct plm_err *err)
{
	struct plm_target_state *t = state_of(s, service);
	return t ? plm_history_load(json, &t->history, err) : plm_err_set(err, ENOMEM, NULL, "out of memory");
}

void plm_engine_applied(struct plm_engine_state *s, const struct plm_decision *d)
{
	struct plm_target_state *t = state_of(s, d->service);
	if (t)
		plm_history_changed(&t->history, d->at.wall, d->desired, d->result);
}

/* --- the record --- */

static void add_stage(struct plm_decision *d, enum plm_stage_kind kind, int before, int after, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

static void add_stage(struct plm_decision *d, enum plm_stage_kind kind, int before, int after, const char *fmt, ...)
{
	if (d->n_stages == PLM_DECISION_MAX_STAGES)
		return;
	struct plm_stage *s = &d->stages[d->n_stages++];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(s->text, sizeof(s->text), fmt, ap);
	va_end(ap);
	s->kind = kind;
	s->before = before;
	s->after = after;
}

/* Nothing is done, for this reason. */
static void hold(struct plm_decision *d, enum plm_not_scaled reason)
{
	d->result = d->desired;
	d->not_scaled = reason;
}

static const char *metric_word(enum plm_metric m)
{
	return m == PLM_METRIC_CPU ? "CPU" : "memory";
}

/* Why a policy has no proposal. */
static void tell_lack(struct plm_decision *d, const struct plm_proposal *p, const struct plm_service *s)
{
	const struct plm_signal *in = &p->input;
	const char *metric = metric_word(p->metric);
	bool has_reserve = p->metric == PLM_METRIC_CPU ? s->cpu_units > 0 : s->memory_bytes > 0;
	if (d->desired == 0)
		add_stage(d, PLM_STAGE_DATA, 0, 0, "%.40s: the desired count is 0, and %s has no value without tasks",
			  p->policy, metric);
	else if (d->running == 0)
		add_stage(d, PLM_STAGE_DATA, d->desired, d->desired, "%.40s: no task is running, so %s has no value",
			  p->policy, metric);
	else if (isnan(in->value) && !has_reserve)
		add_stage(d, PLM_STAGE_DATA, d->desired, d->desired,
			  "%.40s: %s utilisation has no value, because the task definition reserves no %s", p->policy,
			  metric, metric);
	else if (isnan(in->value))
		add_stage(d, PLM_STAGE_DATA, d->desired, d->desired,
			  "%.40s: no %s value yet (running %d, too young %d, missing %d)", p->policy, metric,
			  d->running, d->unready, d->missing);
	else if (!(in->age_s <= PLM_SIGNAL_MAX_AGE_S))
		add_stage(d, PLM_STAGE_DATA, d->desired, d->desired,
			  "%.40s: the %s value is %.1f s old; at most %g s are trusted", p->policy, metric, in->age_s,
			  PLM_SIGNAL_MAX_AGE_S);
	else
		add_stage(d, PLM_STAGE_DATA, d->desired, d->desired,
			  "%.40s: %s is known of %.0f %% of the tasks; at least %.0f %% are needed", p->policy, metric,
			  in->coverage * 100, PLM_MIN_COVERAGE_OUT * 100);
}

/* Why the formula's count is not followed. */
static void tell_tolerance(struct plm_decision *d, const struct plm_proposal *p, double tolerance, int count)
{
	if (plm_tracking_is_above(p->input.value, p->target, tolerance))
		add_stage(d, PLM_STAGE_TOLERANCE, count, d->desired,
			  "the %d tasks wanted already, of which %d are ready, are enough for it", d->desired,
			  d->ready);
	else if (count > d->desired && d->ready > d->desired)
		add_stage(d, PLM_STAGE_TOLERANCE, count, d->desired,
			  "%d tasks are still there, and the metric is not above the target", d->ready);
	else
		add_stage(d, PLM_STAGE_TOLERANCE, count, d->desired, "%.1f %% is within %g %% of the target %g %%",
			  p->input.value, tolerance * 100, p->target);
}

/* The formula with its numbers, and what the policy made of it. */
static void tell_policy(struct plm_decision *d, const struct plm_proposal *p, const struct plm_policy *policy)
{
	int count = plm_tracking_round_up(p->raw);
	const char *metric = metric_word(p->metric);
	double ready = p->input.value > 0 ? p->raw * p->target / p->input.value : d->ready;
	add_stage(d, PLM_STAGE_POLICY, d->desired, count,
		  "%.40s: ceil(%.3g ready%s x %.1f %% %s / %g %%) = ceil(%.2f) = %d", p->policy, ready,
		  fabs(ready - d->ready) < 0.005 ? "" : " on average", p->input.value, metric, p->target, p->raw,
		  count);
	if (p->not_scaled == PLM_NS_INSUFFICIENT_DATA)
		add_stage(d, PLM_STAGE_DATA, count, d->desired, "%d of %d tasks reported; scale-in needs all of them",
			  p->input.tasks, p->input.tasks + d->missing);
	else if (p->not_scaled == PLM_NS_SCALE_IN_DISABLED)
		add_stage(d, PLM_STAGE_POLICY, count, d->desired, "DisableScaleIn is set");
	else if (p->not_scaled == PLM_NS_ANTICIPATED_FLAPPING && d->desired == 1)
		add_stage(d, PLM_STAGE_FLAPPING, 0, 1, "without a task there is no %s to measure, so one is kept",
			  metric);
	else if (p->not_scaled == PLM_NS_ANTICIPATED_FLAPPING)
		add_stage(d, PLM_STAGE_FLAPPING, d->desired - 1, d->desired,
			  "%d tasks would be at %.1f %%, above the target again", d->desired - 1,
			  p->raw * p->target / (d->desired - 1));
	else if (p->desired == d->desired && count != d->desired)
		tell_tolerance(d, p, policy->tolerance, count);
	else if (p->desired != count)
		add_stage(d, PLM_STAGE_FLAPPING, count, p->desired,
			  "without a task there is no %s to measure, so one is kept", metric);
}

/* --- the stages behind the recommendation --- */

/* Why the calmest recommendation is only the count found when the windows began anew. */
static void tell_seed(struct plm_decision *d, const struct plm_history *h, bool is_out, int window_s, double age,
		      int want, int after)
{
	static const char *const since[] = { "since the first look at the service", "since the last gap in the data",
					     "since somebody else set the desired count" };
	_Static_assert(sizeof(since) / sizeof(since[0]) == _PLM_SEED_MAX, "a text for each reason");
	add_stage(d, PLM_STAGE_STABILIZE, want, after,
		  "scale-%s needs %d s of recommendations; %.0f s %s, %.0f s remain", is_out ? "out" : "in", window_s,
		  age, since[h->seed], fmax(0.0, window_s - age));
}

static int stabilize(struct plm_decision *d, const struct plm_history *h, const struct plm_policy *p, int want)
{
	bool is_out = want > d->desired;
	int window_s = is_out ? p->out.stabilization_s : p->in.stabilization_s;
	if (window_s == 0)
		return want;
	struct plm_point calmest =
		is_out ? plm_history_min(h, d->at.wall, window_s) : plm_history_max(h, d->at.wall, window_s);
	int after = is_out ? (calmest.count > d->desired ? calmest.count : d->desired)
			   : (calmest.count < d->desired ? calmest.count : d->desired);
	if (after == want)
		return want;
	double age = (double)(d->at.wall - calmest.wall) / (double)PLM_NS_PER_S;
	if (calmest.wall == h->seed_wall && after == d->desired)
		tell_seed(d, h, is_out, window_s, age, want, after);
	else
		add_stage(d, PLM_STAGE_STABILIZE, want, after,
			  "%s recommendation of the last %d s was %d, %.0f s ago; %.0f s remain",
			  is_out ? "lowest" : "highest", window_s, calmest.count, age, fmax(0.0, window_s - age));
	if (after == d->desired)
		d->not_scaled = PLM_NS_STABILIZING;
	return after;
}

/* No scale-in that would make another policy scale out at once. */
static int keep_calm(struct plm_decision *d, const struct plm_policy *const policies[], int want)
{
	int by, after = plm_tracking_calm_count(d->proposals, policies, d->n_proposals, want, d->desired, &by);
	if (after == want || by < 0)
		return want;
	const struct plm_proposal *p = &d->proposals[by];
	add_stage(d, PLM_STAGE_FLAPPING, want, after,
		  "%.40s would scale out again: %d tasks would be at %.1f %% %s, its target is %g %%", p->policy, want,
		  p->raw * p->target / want, metric_word(p->metric), p->target);
	if (after == d->desired)
		d->not_scaled = PLM_NS_ANTICIPATED_FLAPPING;
	return after;
}

/* A policy never sets a count outside the bounds, nor moves one found outside further away or past the other bound. */
static int bound(struct plm_decision *d, int want)
{
	bool is_out = want > d->desired;
	int after = want;
	if (is_out && after > d->max)
		after = d->desired > d->max ? d->desired : d->max;
	if (!is_out && after < d->min)
		after = d->desired < d->min ? d->desired : d->min;
	if (is_out && after < d->min)
		after = d->min;
	if (!is_out && after > d->max)
		after = d->max;
	if (after == want)
		return want;
	bool is_max = is_out ? want > d->max : want > after;
	add_stage(d, PLM_STAGE_BOUNDS, want, after, "%s is %d", is_max ? "MaxCapacity" : "MinCapacity",
		  is_max ? d->max : d->min);
	if (after == d->desired)
		d->not_scaled = is_out ? PLM_NS_ALREADY_AT_MAX : PLM_NS_ALREADY_AT_MIN;
	return after;
}

static void tell_rate(struct plm_decision *d, const struct plm_direction *dir, int limit, int want, int after)
{
	const char *to = want > d->desired ? "up to" : "down to";
	if (dir->max_tasks && dir->max_percent)
		add_stage(d, PLM_STAGE_RATE, want, after,
			  "at most %d tasks or %d %%, whichever is more, in %d s: %s %d for now", dir->max_tasks,
			  dir->max_percent, dir->period_s, to, limit);
	else
		add_stage(d, PLM_STAGE_RATE, want, after, "at most %d %s in %d s: %s %d for now",
			  dir->max_tasks ? dir->max_tasks : dir->max_percent, dir->max_tasks ? "tasks" : "%",
			  dir->period_s, to, limit);
}

/* A count found above MaxCapacity goes to it in one step: a policy never sets more. */
static int limit_rate(struct plm_decision *d, const struct plm_history *h, const struct plm_policy *p, int want)
{
	bool is_out = want > d->desired;
	const struct plm_direction *dir = is_out ? &p->out : &p->in;
	int limit = is_out ? plm_history_limit_out(h, d->at.wall, d->desired, dir)
			   : plm_history_limit_in(h, d->at.wall, d->desired, dir);
	if (!is_out && limit > d->max)
		limit = d->max;
	int after = is_out ? (want < limit ? want : limit) : (want > limit ? want : limit);
	/* A limit that is already used up must not turn the direction round. */
	after = is_out ? (after > d->desired ? after : d->desired) : (after < d->desired ? after : d->desired);
	if (after == want)
		return want;
	tell_rate(d, dir, after, want, after);
	if (after == d->desired)
		d->not_scaled = PLM_NS_RATE_LIMITED;
	return after;
}

/* Reasons that forbid a direction whatever the numbers say. True when it is held. */
static bool is_vetoed(struct plm_decision *d, const struct plm_target *t, const struct plm_service *s, int want)
{
	bool is_out = want > d->desired;
	if (!s->is_scalable) {
		add_stage(d, PLM_STAGE_DEPLOYMENT, want, d->desired,
			  "the service runs one task per host and is never scaled");
		hold(d, PLM_NS_UNSCALABLE);
		return true;
	}
	if (is_out ? t->out_suspended : t->in_suspended) {
		add_stage(d, PLM_STAGE_SUSPENDED, want, d->desired, "DynamicScaling%sSuspended is set",
			  is_out ? "Out" : "In");
		hold(d, PLM_NS_SUSPENDED);
		return true;
	}
	if (!is_out && s->is_deploying) {
		add_stage(d, PLM_STAGE_DEPLOYMENT, want, d->desired,
			  "a deployment is in progress: no scale-in until it is done");
		hold(d, PLM_NS_UNSCALABLE);
		return true;
	}
	return false;
}

static void run_stages(struct plm_decision *d, const struct plm_target_state *t, int want)
{
	const struct plm_policy *p = t->policies[d->deciding];
	if (is_vetoed(d, t->target, t->service, want))
		return;
	int after = stabilize(d, &t->history, p, want);
	if (after < d->desired)
		after = keep_calm(d, t->policies, after);
	if (after != d->desired)
		after = bound(d, after);
	if (after != d->desired)
		after = limit_rate(d, &t->history, p, after);
	d->result = after;
	if (after != d->desired)
		d->not_scaled = PLM_SCALED;
}

/* --- one target --- */

static void sum_up(struct plm_decision *d)
{
	const struct plm_stage *last = d->n_stages ? &d->stages[d->n_stages - 1] : NULL;
	const struct plm_proposal *p = d->deciding >= 0 ? &d->proposals[d->deciding] : NULL;
	bool has_reason = last && last->kind != PLM_STAGE_POLICY; /* the formula itself is told by `input` */
	char input[96] = "";
	if (p && p->desired >= 0)
		(void)snprintf(input, sizeof(input), "%s %.1f %% against a target of %g %% on %d ready task%s",
			       metric_word(p->metric), p->input.value, p->target, d->ready, d->ready == 1 ? "" : "s");
	if (d->not_scaled == PLM_SCALED && p)
		(void)snprintf(d->sentence, sizeof(d->sentence), "%s: %d -> %d%s%s%s", input, d->desired, d->result,
			       has_reason ? " (" : "", has_reason ? last->text : "", has_reason ? ")" : "");
	else if (d->not_scaled == PLM_SCALED)
		(void)snprintf(d->sentence, sizeof(d->sentence), "desired count %d is below MinCapacity %d: %d -> %d",
			       d->desired, d->min, d->desired, d->result);
	else if (d->not_scaled == PLM_NS_ALREADY_AT_DESIRED && input[0])
		(void)snprintf(d->sentence, sizeof(d->sentence), "%s: %d is right", input, d->desired);
	else if (last)
		(void)snprintf(d->sentence, sizeof(d->sentence), "%s%sstays at %d: %s", input, input[0] ? ", " : "",
			       d->desired, last->text);
	else
		(void)snprintf(d->sentence, sizeof(d->sentence), "stays at %d: the target has no policy", d->desired);
}

static void decide(struct plm_decision *d, struct plm_target_state *t)
{
	if (d->model_age_s > PLM_MODEL_FRESH_S) {
		add_stage(d, PLM_STAGE_DATA, d->desired, d->desired,
			  "the backend last answered %.0f s ago; older than %.0f s decides nothing", d->model_age_s,
			  PLM_MODEL_FRESH_S);
		hold(d, PLM_NS_INSUFFICIENT_DATA);
		return;
	}
	if (d->desired < d->min && t->service->is_scalable && !t->target->out_suspended) {
		add_stage(d, PLM_STAGE_BOUNDS, d->desired, d->min, "MinCapacity is %d", d->min);
		d->result = d->min;
		d->not_scaled = PLM_SCALED;
		return;
	}
	d->deciding = plm_tracking_choose(d->proposals, t->policies, d->n_proposals, d->desired);
	if (d->deciding < 0) {
		hold(d, PLM_NS_ALREADY_AT_DESIRED);
		return;
	}
	const struct plm_proposal *p = &d->proposals[d->deciding];
	if (p->desired < 0) {
		tell_lack(d, p, t->service);
		hold(d, PLM_NS_INSUFFICIENT_DATA);
		return;
	}
	tell_policy(d, p, t->policies[d->deciding]);
	if (p->not_scaled != PLM_NS_INSUFFICIENT_DATA)
		plm_history_add(&t->history, d->at.wall, d->desired, p->desired, t->keep_s);
	if (p->desired == d->desired || p->not_scaled == PLM_NS_SCALE_IN_DISABLED) {
		bool is_at_min = p->not_scaled == PLM_NS_ANTICIPATED_FLAPPING && d->desired <= d->min;
		if (is_at_min)
			add_stage(d, PLM_STAGE_BOUNDS, d->desired - 1, d->desired, "MinCapacity is %d", d->min);
		hold(d, is_at_min ? PLM_NS_ALREADY_AT_MIN : p->not_scaled);
		return;
	}
	run_stages(d, t, p->desired);
}

static void propose(struct plm_target_state *t, const struct plm_policy *p, const struct plm_decision *d,
		    struct plm_proposal *ret)
{
	double ready_mean = d->ready; /* memory is the newest sample */
	if (p->metric == PLM_METRIC_CPU && plm_tracking_has_data(p, t->usage, d->desired)) {
		plm_history_ready(&t->history, d->at.wall, d->ready);
		ready_mean = plm_history_ready_mean(&t->history, d->at.wall, t->usage->cpu.window_s);
	}
	plm_tracking_propose(p, t->usage, d->desired, ready_mean, ret);
}

/* The arrays are filled as far as their counts say; clearing 5 KiB per target and tick would cost more than deciding. */
static void begin(const struct plm_engine_input *in, struct plm_target_state *t, struct plm_decision *d)
{
	const struct plm_service *s = t->service;
	(void)plm_strcpy(d->service, sizeof(d->service), t->target->service);
	(void)plm_strcpy(d->cluster, sizeof(d->cluster), t->target->cluster);
	d->at = in->now;
	d->desired = d->result = s->desired;
	d->running = s->running;
	d->pending = s->pending;
	d->ready = t->usage->ready;
	d->unready = t->usage->unready;
	d->missing = t->usage->missing;
	d->min = t->target->min;
	d->max = t->target->max;
	d->model_age_s = (double)(in->now.mono - in->cluster->asked_mono) / (double)PLM_NS_PER_S;
	d->n_stages = 0;
	d->deciding = -1;
	d->not_scaled = PLM_NS_ALREADY_AT_DESIRED;
	d->sentence[0] = d->activity_id[0] = '\0';
	d->n_proposals = t->n_policies;
	for (size_t i = 0; i < t->n_policies; i++)
		propose(t, t->policies[i], d, &d->proposals[i]);
}

/* --- what belongs together --- */

static struct plm_target_state *present(struct plm_engine_state *s, const char *service)
{
	struct plm_target_state *t = plm_smap_get(&s->targets, service);
	return t && t->tick == s->tick ? t : NULL;
}

static int join_targets(struct plm_engine_state *s, const struct plm_policy_set *set)
{
	if (s->cap_order < set->n_targets) {
		struct plm_target_state **bigger =
			realloc(s->order, set->n_targets * sizeof(struct plm_target_state *));
		if (!bigger)
			return -ENOMEM;
		s->order = bigger;
		s->cap_order = set->n_targets;
	}
	s->tick++;
	for (size_t i = 0; i < set->n_targets; i++) {
		struct plm_target_state *t = state_of(s, set->targets[i].service);
		s->order[i] = t && t->tick != s->tick ? t : NULL;
		if (!s->order[i])
			continue;
		t->tick = s->tick;
		t->target = &set->targets[i];
		t->service = NULL;
		t->usage = NULL;
		t->n_policies = 0;
		t->keep_s = 0;
	}
	return 0;
}

static void join_policy(struct plm_engine_state *s, const struct plm_policy *p)
{
	struct plm_target_state *t = present(s, p->service);
	if (!t || t->n_policies == PLM_DECISION_MAX_POLICIES || strcmp(t->target->cluster, p->cluster) != 0)
		return;
	t->policies[t->n_policies++] = p;
	if (p->in.stabilization_s > t->keep_s)
		t->keep_s = p->in.stabilization_s;
	if (p->out.stabilization_s > t->keep_s)
		t->keep_s = p->out.stabilization_s;
}

/* Usage comes in the order of the services; looked for only where it does not. */
static void join_service(struct plm_engine_state *s, const struct plm_engine_input *in, size_t i)
{
	const struct plm_service *service = &in->cluster->services[i];
	struct plm_target_state *t = present(s, service->name);
	if (!t)
		return;
	const struct plm_service_usage *same = i < in->usage->n_services ? &in->usage->services[i] : NULL;
	t->service = service;
	t->usage =
		same && strcmp(same->service, service->name) == 0 ? same : plm_usage_service(in->usage, service->name);
}

size_t plm_engine_evaluate(struct plm_engine_state *s, const struct plm_engine_input *in, struct plm_decision *ret,
			   size_t max)
{
	size_t n = 0;
	if (join_targets(s, in->policies) != 0)
		return 0;
	for (size_t i = 0; i < in->policies->n_policies; i++)
		join_policy(s, &in->policies->policies[i]);
	for (size_t i = 0; i < in->cluster->n_services; i++)
		join_service(s, in, i);
	for (size_t i = 0; i < in->policies->n_targets && n < max; i++) {
		struct plm_target_state *t = s->order[i];
		if (!t || !t->service || !t->usage)
			continue;
		struct plm_decision *d = &ret[n++];
		plm_history_clock(&t->history, in->now);
		begin(in, t, d);
		decide(d, t);
		sum_up(d);
	}
	return n;
}
