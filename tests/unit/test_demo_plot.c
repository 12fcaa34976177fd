/* SPDX-License-Identifier: Apache-2.0
 * The demo's plot as SVG text. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../tools/demo/lib/plot.h"

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void ticks__any_top__round_steps_that_cover_it(void **state)
{
	static const struct {
		double top, max;
		unsigned most;
		size_t n;
	} cases[] = { { 6, 6, 6, 7 }, { 110, 150, 4, 4 }, { 100, 100, 5, 6 },
		      { 1, 1, 4, 6 }, { 0.3, 0.3, 3, 4 }, { 131, 150, 4, 4 } };
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plm_plot_panel p = { .title = "" };
		plm_plot_ticks(&p, cases[i].top, cases[i].most, "");
		if (fabs(p.max - cases[i].max) > 1e-9)
			fail_msg("top %g: max %g, not %g", cases[i].top, p.max, cases[i].max);
		assert_true(p.n_ticks >= 2 && p.n_ticks <= cases[i].most + 1u);
	}
}

static void svg__gap_in_a_series__two_paths_and_no_nan(void **state)
{
	static const double t[] = { 0, 1, 2, 3, 4 }, v[] = { 1, 2, NAN, 3, 1 };
	struct plm_plot p = { .title = "a < b & c", .subtitle = "", .seconds = 5, .n_panels = 1 };
	struct plm_buf out = PLM_BUF_INIT(PLM_PLOT_MAX_BYTES);
	(void)state;

	p.panels[0] = (struct plm_plot_panel){
		.title = "panel", .height = 100, .n_series = 1, .series = { { "s", "#123456", PLM_PLOT_LINE, t, v, 5 } }
	};
	plm_plot_ticks(&p.panels[0], 3, 3, "");
	plm_plot_svg(&p, &out);
	assert_false(out.failed);
	assert_null(strcasestr(out.data, "nan"));
	assert_int_equal(occurrences(out.data, "fill=\"none\" stroke=\"#123456\""), 2);
	assert_non_null(strstr(out.data, "a &lt; b &amp; c"));
	assert_true(strncmp(out.data, "<svg ", 5) == 0);
	assert_true(strcmp(out.data + out.len - 7, "</svg>\n") == 0);
	plm_buf_done(&out);
}

static void svg__log_panel_and_values_outside__stay_in_the_area(void **state)
{
	static const double t[] = { 0, 5 }, v[] = { 0, 1e9 };
	struct plm_plot p = { .title = "", .subtitle = "", .seconds = 5, .n_panels = 1 };
	struct plm_buf out = PLM_BUF_INIT(PLM_PLOT_MAX_BYTES);
	const char *path;
	double x0, y0, x1, y1;
	(void)state;

	p.panels[0] = (struct plm_plot_panel){ .title = "",
					       .height = 100,
					       .is_log = true,
					       .min = 1,
					       .max = 1000,
					       .n_series = 1,
					       .series = { { "s", "#123456", PLM_PLOT_LINE, t, v, 2 } } };
	plm_plot_svg(&p, &out);
	path = strstr(out.data, "stroke-linejoin=\"round\" d=\"M");
	assert_non_null(path);
	assert_int_equal(sscanf(strchr(path, 'M'), "M%lf,%lfL%lf,%lf", &x0, &y0, &x1, &y1), 4);
	assert_true(fabs(y0 - y1 - 100) < 0.2); /* bottom to top, not beyond */
	plm_buf_done(&out);
}

static void svg__marks_close_together__in_different_rows(void **state)
{
	struct plm_plot p = { .title = "", .subtitle = "", .seconds = 70, .n_marks = 2 };
	struct plm_buf out = PLM_BUF_INIT(PLM_PLOT_MAX_BYTES);
	const char *first, *second;
	double y0, y1;
	(void)state;

	p.marks[0] = (struct plm_plot_mark){ 10, "1 to 2", "#00aa00" };
	p.marks[1] = (struct plm_plot_mark){ 11, "2 to 4", "#00aa00" };
	plm_plot_svg(&p, &out);
	first = strstr(out.data, "rx=\"8\"");
	assert_non_null(first);
	second = strstr(first + 1, "rx=\"8\"");
	assert_non_null(second);
	while (*first != 'y' || first[1] != '=')
		first--;
	while (*second != 'y' || second[1] != '=')
		second--;
	assert_int_equal(sscanf(first, "y=\"%lf", &y0), 1);
	assert_int_equal(sscanf(second, "y=\"%lf", &y1), 1);
	assert_true(y1 > y0);
	plm_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks__any_top__round_steps_that_cover_it),
		cmocka_unit_test(svg__gap_in_a_series__two_paths_and_no_nan),
		cmocka_unit_test(svg__log_panel_and_values_outside__stay_in_the_area),
		cmocka_unit_test(svg__marks_close_together__in_different_rows),
	};
	return PLM_RUN_TESTS(tests);
}
