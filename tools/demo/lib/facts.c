/* SPDX-License-Identifier: Apache-2.0
 * The figures of a run, and whether they say what the demo claims. */
#include <math.h>
#include <stdarg.h>

#include "record.h"

#define STEP_WINDOW_S 10.0
#define SETTLED_SHARE (1.0 / 3) /* of the time at the peak, at its end */
#define CLAIM_PEAK 3            /* tasks at least */
#define CLAIM_LAST 2            /* desired at most, at the end of a run of full length */
#define CLAIM_DECISION_S 5.0
#define CLAIM_RECOVERY 0.5 /* the settled p99 is at most this share of the step's */
#define FULL_LENGTH_S 60.0 /* shorter runs need not come as far down */

static plm_ns ns(double s)
{
	return (plm_ns)(s * 1e9);
}

static void window(const struct plm_record *r, double from_s, double to_s, struct plm_load_stats *ret)
{
	*ret = (struct plm_load_stats){ .p50_ms = NAN, .p99_ms = NAN, .max_ms = NAN };
	(void)plm_load_read(r->load, PLM_LOAD_BY_DUE, ns(from_s), ns(to_s), ret);
}

static void facts_of_points(const struct plm_record *r, struct plm_record_facts *f)
{
	const struct plm_demo_scenario *s = r->scenario;

	for (size_t i = 0; i < r->n_points; i++) {
		const struct plm_record_point *p = &r->points[i];
		if (p->running > f->peak)
			f->peak = p->running;
		if (!isfinite(f->capacity_s) && p->t_s >= s->step_s && p->running >= s->needed)
			f->capacity_s = p->t_s;
		if (!isfinite(f->at_min_s) && p->t_s >= s->fall_s && p->running <= PLM_DEMO_MIN)
			f->at_min_s = p->t_s;
		f->last = p->running;
		f->last_desired = p->desired;
	}
}

void plm_record_facts(const struct plm_record *r, struct plm_record_facts *ret)
{
	const struct plm_demo_scenario *s = r->scenario;
	struct plm_record_facts f = { .first_out_s = NAN, .capacity_s = NAN, .first_in_s = NAN, .at_min_s = NAN };

	facts_of_points(r, &f);
	for (size_t i = 0; i < r->n_decisions; i++) {
		const struct plm_record_decision *d = &r->decisions[i];
		if (!isfinite(f.first_out_s) && d->to > d->from && d->t_s >= s->step_s)
			f.first_out_s = d->t_s;
		if (!isfinite(f.first_in_s) && d->to < d->from && d->t_s >= s->fall_s)
			f.first_in_s = d->t_s;
	}
	f.settled_from_s = s->fall_s - (s->fall_s - s->step_s) * SETTLED_SHARE;
	f.step_to_s = fmin(s->step_s + STEP_WINDOW_S, f.settled_from_s);
	window(r, 0, s->step_s, &f.before);
	window(r, s->step_s, f.step_to_s, &f.step);
	window(r, f.settled_from_s, s->fall_s, &f.settled);
	window(r, s->fall_s, s->seconds, &f.after);
	window(r, 0, s->seconds, &f.all);
	*ret = f;
}

static int claim(const struct plm_term *term, bool holds, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int claim(const struct plm_term *term, bool holds, const char *fmt, ...)
{
	va_list ap;

	printf("  %s%s%s ", holds ? term->green : term->red, holds ? term->tick : term->cross, term->off);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	puts("");
	return !holds;
}

int plm_record_check(const struct plm_record *r, const struct plm_record_facts *f, const struct plm_term *term)
{
	const struct plm_demo_scenario *s = r->scenario;
	const double decision_s = f->first_out_s - s->step_s;
	const int last_max = s->seconds < FULL_LENGTH_S ? f->peak - 1 : CLAIM_LAST;
	char step[16], settled[16];
	int wrong = 0;

	printf("\n%sDoes it hold?%s\n", term->bold, term->off);
	wrong += claim(term, f->peak >= CLAIM_PEAK, "scaled out from %d to %d tasks (at least %d)", PLM_DEMO_MIN,
		       f->peak, CLAIM_PEAK);
	wrong += claim(term, f->last_desired <= last_max,
		       "scaled in again: %d desired, %d running at the end (at most %d desired)", f->last_desired,
		       f->last, last_max);
	if (isfinite(decision_s))
		wrong +=
			claim(term, decision_s <= CLAIM_DECISION_S,
			      "first decision %.1f s after the load rose (at most %g s)", decision_s, CLAIM_DECISION_S);
	else
		wrong += claim(term, false, "no decision to scale out after the load rose");
	wrong +=
		claim(term, f->settled.p99_ms <= CLAIM_RECOVERY * f->step.p99_ms,
		      "p99 recovered under full load: %s, after %s while the load rose (at most %g %% of it)",
		      plm_term_ms(f->settled.p99_ms, settled), plm_term_ms(f->step.p99_ms, step), CLAIM_RECOVERY * 100);
	return wrong;
}
