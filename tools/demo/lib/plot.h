/* SPDX-License-Identifier: Apache-2.0
 *
 * A plot as SVG text: panels one below the other that share the time axis, a shaded span, and marks that cross all
 * panels. No dependency. Readable at 920 pixels width on a white page.
 */
#ifndef PLM_DEMO_PLOT_H
#define PLM_DEMO_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define PLM_PLOT_MAX_PANELS 6
#define PLM_PLOT_MAX_SERIES 4
#define PLM_PLOT_MAX_TICKS 8
#define PLM_PLOT_MAX_MARKS 64
#define PLM_PLOT_MAX_BYTES (1u << 20)

enum plm_plot_style {
	PLM_PLOT_LINE,
	PLM_PLOT_STEP,      /* a value holds until the next */
	PLM_PLOT_AREA,      /* filled down to the axis, thin outline */
	PLM_PLOT_STEP_AREA, /* both */
	PLM_PLOT_DASHED,
};
struct plm_plot_series {
	const char *label, *colour;
	enum plm_plot_style style;
	const double *t, *v; /* seconds ascending; a value that is NAN leaves a gap */
	size_t n;
};
struct plm_plot_tick {
	double at;
	char label[16];
};
struct plm_plot_panel {
	const char *title;
	double height; /* of the plotting area, in pixels */
	double min, max;
	bool is_log; /* min > 0 */
	struct plm_plot_tick ticks[PLM_PLOT_MAX_TICKS];
	size_t n_ticks;
	struct plm_plot_series series[PLM_PLOT_MAX_SERIES];
	size_t n_series;
};
struct plm_plot_mark {
	double t;
	char text[24];
	const char *colour;
};
struct plm_plot {
	const char *title, *subtitle;
	double seconds;            /* the axis is 0 to this */
	double span_from, span_to; /* shaded; equal = none */
	const char *span_label;
	const char *marks_label; /* what the marks are */
	struct plm_plot_panel panels[PLM_PLOT_MAX_PANELS];
	size_t n_panels;
	struct plm_plot_mark marks[PLM_PLOT_MAX_MARKS];
	size_t n_marks;
};

/* Appends the document; failure is sticky in `out`. */
void plm_plot_svg(const struct plm_plot *p, struct plm_buf *out);
/* Ticks from 0 at a round step (1, 2, 5 times a power of ten), at most `most` of them above 0; sets max to cover `top`.
 */
void plm_plot_ticks(struct plm_plot_panel *panel, double top, unsigned most, const char *unit);

#endif
