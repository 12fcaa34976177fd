/* SPDX-License-Identifier: Apache-2.0
 *
 * The fast profile, one target at a time: proposals of the policies → one recommendation → stabilisation → rate limit → bounds.
 * Each stage that changes the number leaves a line in the record.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "scaling/history.h"
#include "scaling/scaling.h"

#define SIGNAL_MAX_AGE_S 5.0 /* a value older than this is no data */
#define COUNT_MAX 1000000

struct plm_engine_state {
	struct plm_map targets; /* struct plm_history by service */
};

struct plm_engine_state *plm_engine_state_new(void)
{
	return calloc(1, sizeof(struct plm_engine_state));
}

void plm_engine_state_free(struct plm_engine_state *s)
{
	if (!s)
		return;
	void *h;
	for (size_t i = 0; (h = plm_map_next(&s->targets, &i));)
		free(h);
	plm_map_done(&s->targets);
	free(s);
}

static struct plm_history *history_of(struct plm_engine_state *s, const char *service)
{
	struct plm_history *h = plm_smap_get(&s->targets, service);
	if (h)
		return h;
	h = malloc(sizeof(*h));
	if (!h || plm_smap_put(&s->targets, service, h) != 0) {
		free(h);
		return NULL;
	}
	plm_history_init(h);
	return h;
}

int plm_engine_state_save(const struct plm_engine_state *s, const char *service, struct plm_buf *out)
{
	const struct plm_history *h = plm_smap_get(&s->targets, service);
	return h ? plm_history_save(h, out) : -ENOENT;
}

int plm_engine_state_load(struct plm_engine_state *s, const char *service, const char *json, struct plm_err *err)
{
	struct plm_history *h = history_of(s, service);
	return h ? plm_history_load(json, h, err) : plm_err_set(err, ENOMEM, NULL, "out of memory");
}

void plm_engine_applied(struct plm_engine_state *s, const struct plm_decision *d)
{
	struct plm_history *h = history_of(s, d->service);
	if (h)
		plm_history_changed(h, d->at.wall, d->desired, d->result);
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

/* Nothing is done, for this reason; the sentence is the last stage's unless given. */
static void hold(struct plm_decision *d, enum plm_not_scaled reason)
{
	d->result = d->desired;
	d->not_scaled = reason;
}

/* --- proposals --- */

/* Rounds up; a value within 1e-9 (relative) of a whole number is that number, so that 3 * 50 / 50 is 3. */
static int round_up(double raw)
{
	double nearest = round(raw);
	if (fabs(raw - nearest) <= 1e-9 * fmax(1.0, raw))
		raw = nearest;
	raw = ceil(raw);
	return raw > COUNT_MAX ? COUNT_MAX : (int)raw;
}

static const struct plm_signal *signal_of(const struct plm_service_usage *u, enum plm_metric metric)
{
	return metric == PLM_METRIC_CPU ? &u->cpu : &u->memory;
}

/* What one policy asks for, before anything holds it back.
 *
 *   raw = ready tasks * metric / target,  count = ceil(raw)
 *
 * (Application Auto Scaling user guide, target tracking: proportional, rounded towards capacity.) Compared with the desired
 * count, so tasks still on their way are counted; inside tolerance * target nothing is asked for. */
static void propose(const struct plm_policy *p, const struct plm_service_usage *u, const struct plm_decision *d,
		    struct plm_proposal *ret)
{
	*ret = (struct plm_proposal){ .metric = p->metric, .target = p->target, .input = *signal_of(u, p->metric), .raw = NAN,
				      .desired = -1 };
	(void)plm_strcpy(ret->policy, sizeof(ret->policy), p->name);
	const struct plm_signal *in = &ret->input;
	if (isnan(in->value) || in->age_s > SIGNAL_MAX_AGE_S || in->coverage < PLM_MIN_COVERAGE_OUT || u->ready == 0) {
		ret->not_scaled = PLM_NS_INSUFFICIENT_DATA;
		return;
	}
	ret->raw = u->ready * in->value / p->target;
	ret->desired = round_up(ret->raw);
	double ratio = d->desired > 0 ? ret->raw / d->desired : INFINITY;
	bool is_calm = ratio <= 1.0 + p->tolerance && ratio >= 1.0 - p->tolerance;
	if (is_calm)
		ret->desired = d->desired;
	if (ret->desired < d->desired && in->coverage < PLM_MIN_COVERAGE_IN) {
		ret->desired = d->desired;
		ret->not_scaled = PLM_NS_INSUFFICIENT_DATA;
	} else if (ret->desired < d->desired && p->is_scale_in_disabled) {
		ret->not_scaled = PLM_NS_SCALE_IN_DISABLED;
	} else if (ret->desired == d->desired) {
		ret->not_scaled = !is_calm && ratio < 1.0 ? PLM_NS_ANTICIPATED_FLAPPING : PLM_NS_ALREADY_AT_DESIRED;
	}
}

static void gather(const struct plm_engine_input *in, const struct plm_target *t, const struct plm_service_usage *u,
		   struct plm_decision *d, const struct plm_policy *policies[PLM_DECISION_MAX_POLICIES])
{
	for (size_t i = 0; i < in->policies->n_policies && d->n_proposals < PLM_DECISION_MAX_POLICIES; i++) {
		const struct plm_policy *p = &in->policies->policies[i];
		if (strcmp(p->service, t->service) != 0 || strcmp(p->cluster, t->cluster) != 0)
			continue;
		policies[d->n_proposals] = p;
		propose(p, u, d, &d->proposals[d->n_proposals++]);
	}
}

/* Which proposal decides: out if any policy asks for more (the largest wins); in only if every policy that may scale in asks
 * for less (the largest, again); otherwise the one that keeps the count. -1 without any policy. */
static int choose(const struct plm_decision *d)
{
	int best = -1, lacking = -1, disabled = -1;
	for (size_t i = 0; i < d->n_proposals; i++) {
		const struct plm_proposal *p = &d->proposals[i];
		if (p->desired < 0)
			lacking = (int)i;
		else if (p->not_scaled == PLM_NS_SCALE_IN_DISABLED)
			disabled = (int)i;
		else if (best < 0 || p->desired > d->proposals[best].desired)
			best = (int)i;
	}
	if (best >= 0 && d->proposals[best].desired > d->desired)
		return best;
	if (lacking >= 0) /* absence is a veto, not a zero */
		return lacking;
	return best >= 0 ? best : disabled;
}

static const char *metric_word(enum plm_metric m)
{
	return m == PLM_METRIC_CPU ? "CPU" : "memory";
}

/* The formula with its numbers. */
static void tell_policy(struct plm_decision *d, const struct plm_proposal *p)
{
	if (p->desired < 0) {
		if (d->running == 0)
			add_stage(d, PLM_STAGE_DATA, d->desired, d->desired, "%s: no task is running, so %s has no value", p->policy,
				  plm_metric_name(p->metric));
		else if (isnan(p->input.value))
			add_stage(d, PLM_STAGE_DATA, d->desired, d->desired, "%s: no %s value yet from %d running tasks", p->policy,
				  metric_word(p->metric), d->running);
		else
			add_stage(d, PLM_STAGE_DATA, d->desired, d->desired,
				  "%s: %s value is %.1f s old (limit %.0f s) and covers %.0f %% of the tasks (at least %.0f %%)", p->policy,
				  metric_word(p->metric), p->input.age_s, SIGNAL_MAX_AGE_S, p->input.coverage * 100,
				  PLM_MIN_COVERAGE_OUT * 100);
		return;
	}
	add_stage(d, PLM_STAGE_POLICY, d->desired, round_up(p->raw), "%s: ceil(%d ready x %.1f %% %s / %g %%) = ceil(%.2f) = %d",
		  p->policy, d->ready, p->input.value, metric_word(p->metric), p->target, p->raw, round_up(p->raw));
}

/* --- the stages behind the recommendation --- */

static int stabilize(struct plm_decision *d, const struct plm_history *h, const struct plm_policy *p, int want)
{
	bool is_out = want > d->desired;
	int window_s = is_out ? p->out.stabilization_s : p->in.stabilization_s;
	struct plm_point calmest = is_out ? plm_history_min(h, d->at.wall, window_s) : plm_history_max(h, d->at.wall, window_s);
	int after = is_out ? (calmest.count > d->desired ? calmest.count : d->desired) :
			     (calmest.count < d->desired ? calmest.count : d->desired);
	if (window_s == 0 || after == want)
		return want;
	double age = (double)(d->at.wall - calmest.wall) / (double)PLM_NS_PER_S;
	add_stage(d, PLM_STAGE_STABILIZE, want, after, "%s recommendation of the last %d s was %d, %.0f s ago; it counts for %.0f s more",
		  is_out ? "lowest" : "highest", window_s, calmest.count, age, fmax(0.0, window_s - age));
	if (after == d->desired)
		d->not_scaled = PLM_NS_STABILIZING;
	return after;
}

static int limit_rate(struct plm_decision *d, const struct plm_history *h, const struct plm_policy *p, int want)
{
	bool is_out = want > d->desired;
	const struct plm_direction *dir = is_out ? &p->out : &p->in;
	int limit = is_out ? plm_history_limit_out(h, d->at.wall, d->desired, dir) :
			     plm_history_limit_in(h, d->at.wall, d->desired, dir);
	int after = is_out ? (want < limit ? want : limit) : (want > limit ? want : limit);
	/* A limit that is already used up must not turn the direction round. */
	after = is_out ? (after > d->desired ? after : d->desired) : (after < d->desired ? after : d->desired);
	if (after == want)
		return want;
	add_stage(d, PLM_STAGE_RATE, want, after, "at most %d tasks or %d %% in %d s: %s %d for now", dir->max_tasks, dir->max_percent,
		  dir->period_s, is_out ? "up to" : "down to", limit);
	if (after == d->desired)
		d->not_scaled = PLM_NS_RATE_LIMITED;
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
	bool is_cut = after < want;
	add_stage(d, PLM_STAGE_BOUNDS, want, after, "%s is %d", is_cut ? "MaxCapacity" : "MinCapacity", is_cut ? d->max : d->min);
	if (after == d->desired)
		d->not_scaled = is_out ? PLM_NS_ALREADY_AT_MAX : PLM_NS_ALREADY_AT_MIN;
	return after;
}

/* Reasons that forbid a direction whatever the numbers say. True when it is held. */
static bool is_vetoed(struct plm_decision *d, const struct plm_target *t, const struct plm_service *s, int want)
{
	bool is_out = want > d->desired;
	if (!s->is_scalable) {
		add_stage(d, PLM_STAGE_DEPLOYMENT, want, d->desired, "the service runs one task per host and is never scaled");
		hold(d, PLM_NS_UNSCALABLE);
		return true;
	}
	if (is_out ? t->out_suspended : t->in_suspended) {
		add_stage(d, PLM_STAGE_SUSPENDED, want, d->desired, "DynamicScaling%sSuspended is set", is_out ? "Out" : "In");
		hold(d, PLM_NS_SUSPENDED);
		return true;
	}
	if (!is_out && s->is_deploying) {
		add_stage(d, PLM_STAGE_DEPLOYMENT, want, d->desired, "a deployment is in progress: no scale-in until it is done");
		hold(d, PLM_NS_UNSCALABLE);
		return true;
	}
	return false;
}

/* --- one target --- */

static void run_stages(struct plm_decision *d, struct plm_history *h, const struct plm_target *t, const struct plm_service *s,
		       const struct plm_policy *p, int want)
{
	if (is_vetoed(d, t, s, want))
		return;
	int after = stabilize(d, h, p, want);
	if (after != d->desired)
		after = bound(d, after);
	if (after != d->desired)
		after = limit_rate(d, h, p, after);
	d->result = after;
	if (after != d->desired)
		d->not_scaled = PLM_SCALED;
}

static void sum_up(struct plm_decision *d)
{
	const struct plm_stage *last = d->n_stages ? &d->stages[d->n_stages - 1] : NULL;
	const struct plm_proposal *p = d->deciding >= 0 ? &d->proposals[d->deciding] : NULL;
	char input[96] = "";
	if (p && p->desired >= 0)
		(void)snprintf(input, sizeof(input), "%s %.1f %% against a target of %g %% on %d ready tasks", metric_word(p->metric),
			       p->input.value, p->target, d->ready);
	if (d->not_scaled == PLM_SCALED && p)
		(void)snprintf(d->sentence, sizeof(d->sentence), "%s: %d -> %d%s%s", input, d->desired, d->result,
			       last && last->kind != PLM_STAGE_POLICY ? ", " : "", last && last->kind != PLM_STAGE_POLICY ? last->text : "");
	else if (d->not_scaled == PLM_SCALED)
		(void)snprintf(d->sentence, sizeof(d->sentence), "desired count %d is below MinCapacity %d: %d -> %d", d->desired, d->min,
			       d->desired, d->result);
	else if (d->not_scaled == PLM_NS_ALREADY_AT_DESIRED && input[0])
		(void)snprintf(d->sentence, sizeof(d->sentence), "%s: %d is right", input, d->desired);
	else if (d->not_scaled == PLM_NS_ANTICIPATED_FLAPPING && input[0])
		(void)snprintf(d->sentence, sizeof(d->sentence), "%s: one task fewer would be above the target again", input);
	else
		(void)snprintf(d->sentence, sizeof(d->sentence), "%s%s%s", input, input[0] ? ": " : "", last ? last->text : "no policy");
}

static void decide(struct plm_decision *d, struct plm_history *h, const struct plm_target *t, const struct plm_service *s,
		   const struct plm_policy *const policies[])
{
	if (d->model_age_s > PLM_MODEL_FRESH_S) {
		add_stage(d, PLM_STAGE_DATA, d->desired, d->desired, "the backend last answered %.0f s ago; older than %.0f s decides nothing",
			  d->model_age_s, PLM_MODEL_FRESH_S);
		hold(d, PLM_NS_INSUFFICIENT_DATA);
		return;
	}
	if (d->desired < d->min && s->is_scalable && !t->out_suspended) {
		add_stage(d, PLM_STAGE_BOUNDS, d->desired, d->min, "MinCapacity is %d", d->min);
		d->result = d->min;
		d->not_scaled = PLM_SCALED;
		return;
	}
	d->deciding = choose(d);
	if (d->deciding < 0) {
		hold(d, PLM_NS_ALREADY_AT_DESIRED);
		return;
	}
	const struct plm_proposal *p = &d->proposals[d->deciding];
	tell_policy(d, p);
	if (p->desired < 0) {
		hold(d, PLM_NS_INSUFFICIENT_DATA);
		return;
	}
	plm_history_add(h, d->at.wall, d->desired, p->desired);
	if (p->desired == d->desired || p->not_scaled == PLM_NS_SCALE_IN_DISABLED) {
		if (p->desired == d->desired && round_up(p->raw) != d->desired)
			add_stage(d, PLM_STAGE_TOLERANCE, round_up(p->raw), d->desired,
				  p->not_scaled == PLM_NS_INSUFFICIENT_DATA ? "%.0f %% of the tasks reported; scale-in needs all of them" :
									      "%.2f tasks are within the tolerance of the desired count",
				  p->not_scaled == PLM_NS_INSUFFICIENT_DATA ? p->input.coverage * 100 : p->raw);
		hold(d, p->not_scaled == PLM_NS_ANTICIPATED_FLAPPING && d->desired <= d->min ? PLM_NS_ALREADY_AT_MIN : p->not_scaled);
		return;
	}
	run_stages(d, h, t, s, policies[d->deciding], p->desired);
}

static void begin(const struct plm_engine_input *in, const struct plm_target *t, const struct plm_service *s,
		  const struct plm_service_usage *u, struct plm_decision *d)
{
	*d = (struct plm_decision){ .at = in->now, .desired = s->desired, .running = s->running, .pending = s->pending,
				    .ready = u->ready, .unready = u->unready, .missing = u->missing, .min = t->min, .max = t->max,
				    .deciding = -1, .result = s->desired, .not_scaled = PLM_NS_ALREADY_AT_DESIRED };
	(void)plm_strcpy(d->service, sizeof(d->service), t->service);
	(void)plm_strcpy(d->cluster, sizeof(d->cluster), t->cluster);
	d->model_age_s = (double)(in->now.mono - in->cluster->asked_mono) / (double)PLM_NS_PER_S;
}

size_t plm_engine_evaluate(struct plm_engine_state *s, const struct plm_engine_input *in, struct plm_decision *ret, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < in->policies->n_targets && n < max; i++) {
		const struct plm_target *t = &in->policies->targets[i];
		const struct plm_service *service = plm_cluster_service(in->cluster, t->service);
		const struct plm_service_usage *usage = plm_usage_service(in->usage, t->service);
		struct plm_history *h = service && usage ? history_of(s, t->service) : NULL;
		if (!h)
			continue;
		const struct plm_policy *policies[PLM_DECISION_MAX_POLICIES];
		struct plm_decision *d = &ret[n++];
		begin(in, t, service, usage, d);
		gather(in, t, usage, d, policies);
		decide(d, h, t, service, policies);
		sum_up(d);
	}
	return n;
}
