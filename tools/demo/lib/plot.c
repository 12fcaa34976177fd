/* SPDX-License-Identifier: Apache-2.0 */
#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 920.0
#define LEFT 64.0
#define RIGHT 24.0
#define HEAD 62.0 /* title and subtitle */
#define MARK_ROW 19.0
#define MARK_ROWS 3
#define MARK_WIDTH 40.0
#define PANEL_HEAD 30.0 /* a panel's title and legend, above its area */
#define PANEL_GAP 14.0
#define FOOT 44.0
#define INK "#1f2937"
#define FAINT "#6b7280"
#define GRID "#e5e7eb"
#define SPAN "#f3f4f6"
/* A white edge around text that a mark may pass behind. */
#define HALO " stroke=\"#ffffff\" stroke-width=\"5\" stroke-linejoin=\"round\" paint-order=\"stroke\""

static void escaped(struct plm_buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			plm_buf_adds(out, "&lt;");
		else if (*text == '>')
			plm_buf_adds(out, "&gt;");
		else if (*text == '&')
			plm_buf_adds(out, "&amp;");
		else
			plm_buf_add(out, text, 1);
	}
}

/* `style` is more attributes, "" for none. */
static void label(struct plm_buf *out, double x, double y, const char *style, const char *text)
{
	plm_buf_addf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, style);
	escaped(out, text);
	plm_buf_adds(out, "</text>\n");
}

static double x_of(const struct plm_plot *p, double t)
{
	return LEFT + fmin(fmax(t / p->seconds, 0), 1) * (WIDTH - LEFT - RIGHT);
}

/* y of a value in a panel whose area begins at `top`. */
static double y_of(const struct plm_plot_panel *panel, double top, double v)
{
	double share = panel->is_log ? log(fmax(v, panel->min) / panel->min) / log(panel->max / panel->min)
				     : (v - panel->min) / (panel->max - panel->min);

	return top + panel->height * (1 - fmin(fmax(share, 0), 1));
}

void plm_plot_ticks(struct plm_plot_panel *panel, double top, unsigned most, const char *unit)
{
	static const double steps[] = { 1, 2, 5, 10 };
	const double power = pow(10, floor(log10(fmax(top, 1e-9) / most)));
	double step = 10 * power;

	for (size_t i = sizeof(steps) / sizeof(steps[0]); i-- > 0;)
		if (steps[i] * power * most >= top * 0.999)
			step = steps[i] * power;
	panel->n_ticks = 0;
	panel->max = 0;
	while (panel->n_ticks < PLM_PLOT_MAX_TICKS && (panel->n_ticks == 0 || panel->max < top * 0.999)) {
		struct plm_plot_tick *tick = &panel->ticks[panel->n_ticks];
		tick->at = panel->max = step * (double)panel->n_ticks++;
		snprintf(tick->label, sizeof(tick->label), "%g%s", tick->at, unit);
	}
	panel->min = 0;
}

/* --- series --- */

static bool is_stepped(const struct plm_plot_series *s)
{
	return s->style == PLM_PLOT_STEP || s->style == PLM_PLOT_STEP_AREA;
}

/* The points [from, to) as path commands; the caller has opened the attribute. */
static void path(const struct plm_plot *p, const struct plm_plot_panel *panel, double top,
		 const struct plm_plot_series *s, size_t from, size_t to, struct plm_buf *out)
{
	for (size_t i = from; i < to; i++) {
		const double x = x_of(p, s->t[i]), y = y_of(panel, top, s->v[i]);
		if (i > from && is_stepped(s))
			plm_buf_addf(out, "H%.1f", x);
		plm_buf_addf(out, "%c%.1f,%.1f", i == from ? 'M' : 'L', x, y);
	}
	if (is_stepped(s) && to < s->n) /* holds until the gap begins */
		plm_buf_addf(out, "H%.1f", x_of(p, s->t[to]));
}

static void run_of(const struct plm_plot *p, const struct plm_plot_panel *panel, double top,
		   const struct plm_plot_series *s, size_t from, size_t to, struct plm_buf *out)
{
	const double bottom = top + panel->height;
	const bool is_area = s->style == PLM_PLOT_AREA || s->style == PLM_PLOT_STEP_AREA;

	if (is_area) {
		plm_buf_addf(out, "<path fill=\"%s\" fill-opacity=\"0.18\" d=\"", s->colour);
		path(p, panel, top, s, from, to, out);
		plm_buf_addf(out, "V%.1fH%.1fZ\"/>\n", bottom, x_of(p, s->t[from]));
	}
	plm_buf_addf(out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" stroke-linejoin=\"round\"%s d=\"",
		     s->colour, is_area || s->style == PLM_PLOT_DASHED ? "1.3" : "2",
		     s->style == PLM_PLOT_DASHED ? " stroke-dasharray=\"6 4\"" : "");
	path(p, panel, top, s, from, to, out);
	plm_buf_adds(out, "\"/>\n");
}

static void series(const struct plm_plot *p, const struct plm_plot_panel *panel, double top,
		   const struct plm_plot_series *s, struct plm_buf *out)
{
	size_t from = 0;

	for (size_t i = 0; i <= s->n; i++) {
		if (i < s->n && isfinite(s->v[i]))
			continue;
		if (i > from)
			run_of(p, panel, top, s, from, i, out);
		from = i + 1;
	}
}

/* --- panels --- */

/* Entries right-aligned above the area, in the order of the series. */
static void legend(const struct plm_plot_panel *panel, double y, struct plm_buf *out)
{
	double x = WIDTH - RIGHT;

	for (size_t i = panel->n_series; i-- > 0;) {
		const struct plm_plot_series *s = &panel->series[i];
		const bool is_area = s->style == PLM_PLOT_AREA || s->style == PLM_PLOT_STEP_AREA;
		x -= (double)strlen(s->label) * 6.1 + 4;
		label(out, x, y, "font-size=\"11.5\" fill=\"" INK "\"" HALO, s->label);
		x -= 26;
		if (is_area)
			plm_buf_addf(out,
				     "<rect x=\"%.1f\" y=\"%.1f\" width=\"20\" height=\"9\" fill=\"%s\" "
				     "fill-opacity=\"0.25\" stroke=\"%s\"/>\n",
				     x, y - 8.5, s->colour, s->colour);
		else
			plm_buf_addf(out, "<path d=\"M%.1f,%.1fh20\" stroke=\"%s\" stroke-width=\"2\"%s/>\n", x, y - 4,
				     s->colour, s->style == PLM_PLOT_DASHED ? " stroke-dasharray=\"5 3\"" : "");
		x -= 14;
	}
}

/* What lies under the marks: the span and the grid. */
static void panel_ground(const struct plm_plot *p, const struct plm_plot_panel *panel, double top, struct plm_buf *out)
{
	if (p->span_to > p->span_from)
		plm_buf_addf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"" SPAN "\"/>\n",
			     x_of(p, p->span_from), top, x_of(p, p->span_to) - x_of(p, p->span_from), panel->height);
	for (size_t i = 0; i < panel->n_ticks; i++) {
		const double y = y_of(panel, top, panel->ticks[i].at);
		plm_buf_addf(out, "<path d=\"M%.1f,%.1fH%.1f\" stroke=\"%s\"/>\n", LEFT, y, WIDTH - RIGHT,
			     i == 0 ? "#9ca3af" : GRID);
		label(out, LEFT - 8, y + 4, "font-size=\"11\" text-anchor=\"end\" fill=\"" FAINT "\"",
		      panel->ticks[i].label);
	}
}

/* What lies over them. */
static void panel_front(const struct plm_plot *p, const struct plm_plot_panel *panel, double top, struct plm_buf *out)
{
	label(out, LEFT, top - 9, "font-size=\"13\" font-weight=\"600\" fill=\"" INK "\"" HALO, panel->title);
	legend(panel, top - 9, out);
	for (size_t i = 0; i < panel->n_series; i++)
		series(p, panel, top, &panel->series[i], out);
}

static void panels(const struct plm_plot *p, double top, struct plm_buf *out,
		   void (*draw)(const struct plm_plot *p, const struct plm_plot_panel *panel, double top,
				struct plm_buf *out))
{
	for (size_t i = 0; i < p->n_panels; i++) {
		top += PANEL_HEAD;
		draw(p, &p->panels[i], top, out);
		top += p->panels[i].height + PANEL_GAP;
	}
}

static void time_axis(const struct plm_plot *p, double y, struct plm_buf *out)
{
	const int step = p->seconds > 150 ? 30 : p->seconds > 40 ? 10 : 5;
	char text[24];

	for (int t = 0; t <= (int)p->seconds; t += step) {
		plm_buf_addf(out, "<path d=\"M%.1f,%.1fv5\" stroke=\"#9ca3af\"/>\n", x_of(p, t), y);
		snprintf(text, sizeof(text), "%d s", t);
		label(out, x_of(p, t), y + 19, "font-size=\"11\" text-anchor=\"middle\" fill=\"" FAINT "\"", text);
	}
}

/* Marks as lines through all panels, each with its text in a pill; close ones go to the next row. */
static void marks(const struct plm_plot *p, double rows_top, double bottom, struct plm_buf *out)
{
	double end[MARK_ROWS] = { 0 };

	if (p->n_marks > 0 && p->marks_label)
		label(out, LEFT, rows_top + 11, "font-size=\"11.5\" fill=\"" FAINT "\"", p->marks_label);
	for (size_t i = 0; i < p->n_marks; i++) {
		const struct plm_plot_mark *m = &p->marks[i];
		const double x = x_of(p, m->t);
		size_t row = 0;
		while (row < MARK_ROWS - 1 && x - MARK_WIDTH / 2 < end[row])
			row++;
		const double y = rows_top + (double)row * MARK_ROW;
		end[row] = x + MARK_WIDTH / 2 + 3;
		plm_buf_addf(
			out,
			"<path d=\"M%.1f,%.1fV%.1f\" stroke=\"%s\" stroke-width=\"1\" stroke-dasharray=\"2 3\"/>\n", x,
			y + 15, bottom, m->colour);
		plm_buf_addf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" height=\"16\" rx=\"8\" fill=\"%s\"/>\n",
			     x - MARK_WIDTH / 2, y, MARK_WIDTH, m->colour);
		label(out, x, y + 12, "font-size=\"11\" font-weight=\"600\" text-anchor=\"middle\" fill=\"#ffffff\"",
		      m->text);
	}
}

void plm_plot_svg(const struct plm_plot *p, struct plm_buf *out)
{
	const double rows_top = HEAD;
	const double y = rows_top + MARK_ROWS * MARK_ROW;
	double bottom = y;

	for (size_t i = 0; i < p->n_panels; i++)
		bottom += PANEL_HEAD + p->panels[i].height + (i ? PANEL_GAP : 0);
	plm_buf_addf(
		out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
		"font-family=\"'Helvetica Neue',Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif\">\n",
		WIDTH, bottom + FOOT, WIDTH, bottom + FOOT);
	plm_buf_adds(out, "<title>");
	escaped(out, p->title);
	plm_buf_adds(out, "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
	label(out, 24, 30, "font-size=\"18\" font-weight=\"700\" fill=\"" INK "\"", p->title);
	label(out, 24, 50, "font-size=\"12.5\" fill=\"" FAINT "\"", p->subtitle);
	panels(p, y, out, panel_ground);
	marks(p, rows_top, bottom, out);
	panels(p, y, out, panel_front);
	if (p->n_panels > 0 && p->span_to > p->span_from && p->span_label)
		label(out, x_of(p, p->span_to) - 8, y + PANEL_HEAD + p->panels[0].height - 8,
		      "font-size=\"11\" text-anchor=\"end\" fill=\"" FAINT "\"", p->span_label);
	time_axis(p, bottom, out);
	plm_buf_adds(out, "</svg>\n");
}
