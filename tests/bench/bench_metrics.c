/* SPDX-License-Identifier: Apache-2.0
 *
 * What one scrape costs: time and bytes of /metrics at 10, 100 and 1,000 tasks in both formats. The view is made by
 * hand; no kernel work is in it, as there is none at a real scrape. Aim: 1,000 tasks in at most 5 ms.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/view_fixture.h"
#include "base/clock.h"
#include "exports/exports.h"

#define ROUNDS 21 /* odd: the middle one is the median */
#define AIM_MS 5.0
#define MAX_TEXT (64u << 20)

static int compare(const void *a, const void *b)
{
	const plm_ns *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Renders into a fresh buffer each time, as the server does. Returns the bytes. */
static size_t measure(const struct plm_view *view, enum plm_prom_format format, plm_ns ret_times[ROUNDS])
{
	size_t bytes = 0;
	for (int i = 0; i < ROUNDS; i++) {
		struct plm_buf out = PLM_BUF_INIT(MAX_TEXT);
		plm_ns start = plm_clock_self_cpu();
		if (plm_prom_render(view, format, &out) != 0)
			abort();
		ret_times[i] = plm_clock_self_cpu() - start;
		bytes = out.len;
		plm_buf_done(&out);
	}
	qsort(ret_times, ROUNDS, sizeof(ret_times[0]), compare);
	return bytes;
}

int main(void)
{
	static const size_t tasks[] = { 10, 100, 1000 };
	static const char *const names[] = { "prometheus 0.0.4", "openmetrics 1.0" };
	bool is_met = true;
	printf("# /metrics, CPU time of one scrape (%d rounds each)\n", ROUNDS);
	printf("%8s  %-17s %12s %14s %10s %10s\n", "tasks", "format", "bytes", "bytes/task", "best ms", "median ms");
	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
		struct fixture f;
		fixture_init(&f, tasks[i]);
		for (int format = PLM_PROM_TEXT; format <= PLM_PROM_OPENMETRICS; format++) {
			plm_ns times[ROUNDS];
			size_t bytes = measure(&f.view, (enum plm_prom_format)format, times);
			double median = (double)times[ROUNDS / 2] / 1e6;
			is_met = is_met && median <= AIM_MS;
			printf("%8zu  %-17s %12zu %14zu %10.3f %10.3f\n", tasks[i], names[format], bytes,
			       bytes / tasks[i], (double)times[0] / 1e6, median);
		}
		fixture_done(&f);
	}
	printf("# aim: at most %.0f ms at 1,000 tasks: %s\n", AIM_MS, is_met ? "reached" : "missed");
	return 0;
}
