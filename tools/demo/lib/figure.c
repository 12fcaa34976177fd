/* SPDX-License-Identifier: Apache-2.0
 * The run as a figure: load, utilisation, tasks, latency. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "plot.h"
#include "record.h"

#define BLUE "#2563eb"
#define GREY "#94a3b8"
#define ORANGE "#ea580c"
#define GREEN "#15803d"
#define PURPLE "#7c3aed"
#define TEAL "#0e7490"

/* All the series, one array each: per second of load, and per look at the daemon. */
struct columns {
	size_t n_bins, n_points;
	double *bin_t, *mid_t, *offered, *served, *p50, *p99;
	double *t, *cpu, *desired, *running;
	double target_t[2], target_v[2];
	double memory[]; /* of all of them */
};

static struct columns *columns_new(const struct plm_record *r)
{
	const size_t n_bins = (size_t)ceil(r->scenario->seconds), n = r->n_points;
	struct columns *c = calloc(1, sizeof(*c) + (6 * n_bins + 4 * n) * sizeof(double));
	double *next;

	if (!c)
		return NULL;
	c->n_bins = n_bins;
	c->n_points = n;
	next = c->memory;
	double **bins[] = { &c->bin_t, &c->mid_t, &c->offered, &c->served, &c->p50, &c->p99 };
	for (size_t i = 0; i < PLM_ARRAY_SIZE(bins); i++, next += n_bins)
		*bins[i] = next;
	double **points[] = { &c->t, &c->cpu, &c->desired, &c->running };
	for (size_t i = 0; i < PLM_ARRAY_SIZE(points); i++, next += n)
		*points[i] = next;
	return c;
}

static int columns_fill(struct columns *c, const struct plm_record *r)
{
	for (size_t i = 0; i < c->n_bins; i++) {
		const plm_ns from = (plm_ns)i * PLM_NS_PER_S;
		struct plm_load_stats s;
		if (plm_load_read(r->load, PLM_LOAD_BY_END, from, from + PLM_NS_PER_S, &s) < 0)
			return -ENOMEM;
		c->bin_t[i] = (double)i;
		c->mid_t[i] = (double)i + 0.5;
		c->offered[i] = (double)s.offered;
		c->served[i] = (double)s.ok;
		c->p50[i] = s.p50_ms;
		c->p99[i] = s.p99_ms;
	}
	for (size_t i = 0; i < c->n_points; i++) {
		c->t[i] = r->points[i].t_s;
		c->cpu[i] = r->points[i].cpu_percent;
		c->desired[i] = r->points[i].desired;
		c->running[i] = r->points[i].running;
	}
	c->target_t[1] = r->scenario->seconds;
	c->target_v[0] = c->target_v[1] = PLM_DEMO_TARGET;
	return 0;
}

static double highest(const double *v, size_t n, double floor_value)
{
	double max = floor_value;

	for (size_t i = 0; i < n; i++)
		if (v[i] > max)
			max = v[i];
	return max;
}

static void add(struct plm_plot_panel *panel, const char *label, const char *colour, enum plm_plot_style style,
		const double *t, const double *v, size_t n)
{
	panel->series[panel->n_series++] = (struct plm_plot_series){ label, colour, style, t, v, n };
}

static void panels(struct plm_plot *p, const struct columns *c)
{
	static const struct plm_plot_tick latency[] = { { 3, "3 ms" },     { 10, "10 ms" },   { 30, "30 ms" },
							{ 100, "100 ms" }, { 300, "300 ms" }, { 1000, "1 s" },
							{ 3000, "3 s" },   { 10000, "10 s" } };
	struct plm_plot_panel *panel = &p->panels[p->n_panels++];

	*panel = (struct plm_plot_panel){ .title = "Requests per second", .height = 104 };
	add(panel, "offered", GREY, PLM_PLOT_AREA, c->mid_t, c->offered, c->n_bins);
	add(panel, "served", BLUE, PLM_PLOT_LINE, c->mid_t, c->served, c->n_bins);
	plm_plot_ticks(panel, fmax(highest(c->offered, c->n_bins, 1), highest(c->served, c->n_bins, 1)), 4, "");
	panel = &p->panels[p->n_panels++];
	*panel = (struct plm_plot_panel){ .title = "CPU utilisation of the service, read from the kernel",
					  .height = 104 };
	add(panel, "measured", ORANGE, PLM_PLOT_LINE, c->t, c->cpu, c->n_points);
	add(panel, "target", TEAL, PLM_PLOT_DASHED, c->target_t, c->target_v, 2);
	plm_plot_ticks(panel, 100, 5, " %");
	panel->max = fmax(104, highest(c->cpu, c->n_points, 0)); /* a hard limit; sampling may read a little above */
	panel = &p->panels[p->n_panels++];
	*panel = (struct plm_plot_panel){ .title = "Tasks", .height = 104 };
	add(panel, "running", GREEN, PLM_PLOT_STEP_AREA, c->t, c->running, c->n_points);
	add(panel, "desired", "#111827", PLM_PLOT_STEP, c->t, c->desired, c->n_points);
	plm_plot_ticks(panel, fmax(highest(c->desired, c->n_points, 4), highest(c->running, c->n_points, 4)), 6, "");
	panel->max += 0.4;
	panel = &p->panels[p->n_panels++];
	*panel = (struct plm_plot_panel){ .title = "Latency from when a request was due",
					  .height = 128,
					  .is_log = true,
					  .min = 3,
					  .max = 10000,
					  .n_ticks = PLM_ARRAY_SIZE(latency) };
	memcpy(panel->ticks, latency, sizeof(latency));
	add(panel, "p50", GREY, PLM_PLOT_LINE, c->mid_t, c->p50, c->n_bins);
	add(panel, "p99", PURPLE, PLM_PLOT_LINE, c->mid_t, c->p99, c->n_bins);
}

int plm_record_plot(const struct plm_record *r, const struct plm_record_facts *f, const char *path, struct plm_err *err)
{
	const struct plm_demo_scenario *s = r->scenario;
	PLM_FREE struct columns *c = columns_new(r);
	struct plm_buf out = PLM_BUF_INIT(PLM_PLOT_MAX_BYTES);
	PLM_FREE struct plm_plot *p = calloc(1, sizeof(*p));
	char subtitle[256], p99_step[16], p99_settled[16], span[64];
	int ret;

	if (!c || !p || columns_fill(c, r) < 0)
		return plm_err_set(err, ENOMEM, path, "out of memory");
	if (isfinite(f->first_out_s) && isfinite(f->capacity_s))
		snprintf(subtitle, sizeof(subtitle),
			 "Load rises: first decision after %.1f s, %d tasks after %.1f s; p99 from %s down to %s. "
			 "%zu requests, %zu failed.",
			 f->first_out_s - s->step_s, s->needed, f->capacity_s - s->step_s,
			 plm_term_ms(f->step.p99_ms, p99_step), plm_term_ms(f->settled.p99_ms, p99_settled),
			 f->all.offered, f->all.failed);
	else
		snprintf(subtitle, sizeof(subtitle),
			 "The load rose and the service did not reach %d tasks. %zu requests, %zu failed.", s->needed,
			 f->all.offered, f->all.failed);
	snprintf(span, sizeof(span), "%g requests/s offered", s->peak);
	*p = (struct plm_plot){ .title = "Plimsoll: a service follows its load",
				.subtitle = subtitle,
				.seconds = s->seconds,
				.span_from = s->step_s,
				.span_to = s->fall_s,
				.span_label = span,
				.marks_label = "scaling decisions" };
	for (size_t i = 0; i < r->n_decisions && p->n_marks < PLM_PLOT_MAX_MARKS; i++) {
		const struct plm_record_decision *d = &r->decisions[i];
		struct plm_plot_mark *m = &p->marks[p->n_marks++];
		m->t = d->t_s;
		m->colour = d->to > d->from ? GREEN : BLUE;
		snprintf(m->text, sizeof(m->text), "%d \xe2\x86\x92 %d", d->from, d->to);
	}
	panels(p, c);
	plm_plot_svg(p, &out);
	ret = out.failed ? plm_err_set(err, ENOMEM, path, "out of memory")
			 : plm_file_replace(path, plm_buf_text(&out), out.len, 0644, err);
	plm_buf_done(&out);
	return ret;
}
