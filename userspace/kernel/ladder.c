/* SPDX-License-Identifier: Apache-2.0
 *
 * The fallback ladder: rungs are tried best first by loading them, not by kernel version, as distributions backport.
 * Lifecycle events stand beside the rungs: either may be refused without the other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "kernel/events.h"
#include "kernel/finals.h"
#include "kernel/hierarchy.h"
#include "kernel/source.h"

static const struct plm_source_ops *const rungs[] = { &plm_source_iter_v2, &plm_source_iter_hybrid, &plm_source_files };
_Static_assert(PLM_ARRAY_SIZE(rungs) + 1 <= PLM_LADDER_MAX_REPORTS, "one report per rung and one for the events");

struct plm_ladder {
	const struct plm_source_ops *ops;
	void *source;
	struct plm_events *events; /* NULL: refused or not wanted */
	struct plm_finals *finals;
	struct plm_rung_report reports[PLM_LADDER_MAX_REPORTS];
	size_t n_reports;
};

static void report(struct plm_rung_report *r, char rung, const char *name, int status, const struct plm_err *err)
{
	*r = (struct plm_rung_report){ .rung = rung, .name = name, .status = status };
	if (status != 0)
		(void)plm_strcpy(r->reason, sizeof(r->reason), plm_err_text(err));
}

static const struct plm_source_ops *find_rung(char letter)
{
	for (size_t i = 0; i < PLM_ARRAY_SIZE(rungs); i++) {
		if (rungs[i]->rung == letter)
			return rungs[i];
	}
	return NULL;
}

/* Probes and opens one rung; the report tells how it went. */
static int try_rung(struct plm_ladder *l, const struct plm_source_ops *ops, const struct plm_source_cfg *cfg,
		    struct plm_err *err)
{
	struct plm_err own = PLM_ERR_INIT;
	int r = ops->probe(cfg, &own);
	if (r == 0)
		r = ops->open(cfg, &l->source, &own);
	struct plm_rung_report *rep = &l->reports[l->n_reports++];
	report(rep, ops->rung, ops->name, r, &own);
	if (r == 0) {
		l->ops = ops;
		rep->is_chosen = true;
	} else if (err) {
		*err = own;
	}
	return r;
}

static int choose_rung(struct plm_ladder *l, const struct plm_source_cfg *cfg, char forced, struct plm_err *err)
{
	if (forced) {
		const struct plm_source_ops *ops = find_rung(forced);
		if (!ops)
			return plm_err_set(err, EINVAL, "rung",
					   "there is no rung '%c': choose B (iterator-v2), C "
					   "(iterator-hybrid) or E (files)",
					   forced);
		int r = try_rung(l, ops, cfg, err);
		return r == 0 ? 0
			      : plm_err_wrap(err, "rung %c (%s) was asked for and does not work here", forced,
					     ops->name);
	}
	int r = -ENOTSUP;
	for (size_t i = 0; r != 0 && i < PLM_ARRAY_SIZE(rungs); i++)
		r = try_rung(l, rungs[i], cfg, err);
	return r;
}

static void open_events(struct plm_ladder *l)
{
	struct plm_err own = PLM_ERR_INIT;
	int r = plm_events_open(&l->events, &own);
	struct plm_rung_report *rep = &l->reports[l->n_reports++];
	report(rep, 'L', "lifecycle", r, &own);
	rep->is_chosen = r == 0;
}

int plm_ladder_open(const struct plm_source_cfg *cfg, char forced, bool without_events, struct plm_ladder **ret,
		    struct plm_err *err)
{
	char root[256];
	int r = plm_hierarchy_clean_root(cfg->root, root, sizeof(root));
	if (r != 0)
		return plm_err_set(err, -r, cfg->root, "not an absolute cgroup path of at most 255 bytes");
	struct plm_ladder *l = calloc(1, sizeof(*l));
	if (!l)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	l->finals = plm_finals_new(root);
	r = l->finals ? choose_rung(l, cfg, forced, err) : plm_err_set(err, ENOMEM, NULL, "out of memory");
	if (r != 0) {
		plm_ladder_close(l);
		return r;
	}
	/* Before the first pass: what ends between the two is then told by an event. */
	if (!without_events)
		open_events(l);
	*ret = l;
	return 0;
}

static plm_ns thread_cpu_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (plm_ns)ts.tv_sec * PLM_NS_PER_S + ts.tv_nsec;
}

static void on_event(void *ctx, const struct plm_event *event)
{
	plm_finals_event(ctx, event);
}

int plm_ladder_read(struct plm_ladder *l, struct plm_sample_set *out, struct plm_err *err)
{
	plm_ns began = thread_cpu_ns();
	plm_sample_set_reset(out);
	out->time_ns = plm_clock_mono();
	int r = l->ops->read(l->source, out, err);
	/* Events also when the pass failed: the ring must not fill up. */
	if (l->events)
		plm_events_drain(l->events, on_event, l->finals);
	if (r == 0 && plm_finals_take(l->finals, out, plm_clock_mono()) != 0)
		r = plm_err_set(err, ENOMEM, NULL, "out of memory");
	out->lost_events = (l->events ? plm_events_lost(l->events) : 0) + plm_finals_lost(l->finals);
	out->cost_cpu_ns = thread_cpu_ns() - began;
	return r;
}

size_t plm_ladder_report(const struct plm_ladder *l, const struct plm_rung_report **ret)
{
	*ret = l->reports;
	return l->n_reports;
}

const struct plm_source_ops *plm_ladder_source(const struct plm_ladder *l)
{
	return l->ops;
}

bool plm_ladder_has_events(const struct plm_ladder *l)
{
	return l->events != NULL;
}

void plm_ladder_close(struct plm_ladder *l)
{
	if (!l)
		return;
	if (l->source)
		l->ops->close(l->source);
	plm_events_close(l->events);
	plm_finals_free(l->finals);
	free(l);
}

size_t plm_ladder_probe_all(const struct plm_source_cfg *cfg, struct plm_rung_report ret[PLM_LADDER_MAX_REPORTS])
{
	size_t n = 0;
	bool has_choice = false;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(rungs); i++, n++) {
		struct plm_err err = PLM_ERR_INIT;
		report(&ret[n], rungs[i]->rung, rungs[i]->name, rungs[i]->probe(cfg, &err), &err);
		ret[n].is_chosen = ret[n].status == 0 && !has_choice;
		has_choice |= ret[n].is_chosen;
	}
	struct plm_err err = PLM_ERR_INIT;
	struct plm_events *events = NULL;
	report(&ret[n], 'L', "lifecycle", plm_events_open(&events, &err), &err);
	ret[n].is_chosen = ret[n].status == 0;
	plm_events_close(events);
	return n + 1;
}
