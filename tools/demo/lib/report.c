/* SPDX-License-Identifier: Apache-2.0
 * The table at the end of a run. */
#include <math.h>

#include "record.h"

static void since(const char *what, double at_s, double from_s, const char *note)
{
	if (isfinite(at_s))
		printf("  %-40s %6.1f s   %s\n", what, at_s - from_s, note);
	else
		printf("  %-40s %8s   %s\n", what, "never", note);
}

static void latency_row(const char *what, const struct plm_load_stats *s)
{
	char p50[16], p99[16];

	printf("  %-40s %8s %10s %8zu %8zu\n", what, plm_term_ms(s->p50_ms, p50), plm_term_ms(s->p99_ms, p99), s->ok,
	       s->failed);
}

/* "1 for 13 s → 3 for 2 s → 4 for 36 s": how many ran, and how long. */
static void tasks_over_time(const struct plm_record *r, const struct plm_term *term)
{
	double since_s = 0;
	int column = 12;

	printf("  %-9s", "tasks");
	for (size_t i = 0; i < r->n_points; i++) {
		const bool is_last = i + 1 == r->n_points;
		char text[48];
		if (!is_last && r->points[i + 1].running == r->points[i].running)
			continue;
		const double until_s = is_last ? r->points[i].t_s : r->points[i + 1].t_s;
		const int n = snprintf(text, sizeof(text), "%d for %.0f s", r->points[i].running, until_s - since_s);
		if (column + n > 98) {
			printf("\n%11s", "");
			column = 12;
		}
		printf(" %s%s%s", text, is_last ? "" : " ", is_last ? "" : term->arrow);
		column += n + 3;
		since_s = until_s;
	}
	puts("");
}

void plm_record_print(const struct plm_record *r, const struct plm_record_facts *f, const struct plm_term *term)
{
	const struct plm_demo_scenario *s = r->scenario;
	char note[96], what[64];

	printf("\n%sHow fast%s\n", term->bold, term->off);
	since("load rises to first decision", f->first_out_s, s->step_s,
	      "(AWS target tracking: 86 s at best, 363 s standard)");
	snprintf(note, sizeof(note), "(%d tasks running)", s->needed);
	since("load rises to enough capacity", f->capacity_s, s->step_s, note);
	snprintf(note, sizeof(note), "(a lower count must be right for %d s first)", s->stabilize_in_s);
	since("load falls to first decision", f->first_in_s, s->fall_s, note);
	snprintf(note, sizeof(note), "(%d task running)", PLM_DEMO_MIN);
	since("load falls to the minimum", f->at_min_s, s->fall_s, note);

	printf("\n%s%-42s %8s %10s %8s %8s%s\n", term->bold, "Latency, from when each request was due", "p50", "p99",
	       "served", "failed", term->off);
	snprintf(what, sizeof(what), "before: %g/s", s->profile.phases[0].rate_from);
	latency_row(what, &f->before);
	snprintf(what, sizeof(what), "first %.0f s at %g/s", f->step_to_s - s->step_s, s->peak);
	latency_row(what, &f->step);
	snprintf(what, sizeof(what), "last %.0f s at %g/s", s->fall_s - f->settled_from_s, s->peak);
	latency_row(what, &f->settled);
	snprintf(what, sizeof(what), "after: %g/s", s->profile.phases[2].rate_from);
	latency_row(what, &f->after);
	latency_row("the whole run", &f->all);

	printf("\n%sWhat it took%s\n", term->bold, term->off);
	tasks_over_time(r, term);
	if (isfinite(r->daemon_cpu_s))
		printf("  %-9s %.2f s of CPU in %.0f s = %.2f %% of a core; %.1f MiB resident; a sample each %g s\n",
		       "plimsolld", r->daemon_cpu_s, r->wall_s, r->daemon_cpu_s / r->wall_s * 100,
		       (double)r->host.resident_bytes / 1048576, PLM_DEMO_INTERVAL_MS / 1000.0);
	printf("  %-9s rung %s (%s), cgroups %s, Linux %s\n", "kernel", r->host.rung, r->host.rung_name,
	       r->host.cgroup_mode, r->host.kernel);
}
