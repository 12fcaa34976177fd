/* SPDX-License-Identifier: Apache-2.0 */
#include "live.h"

#include <math.h>

#define BAR_CELLS 20 /* 5 % each */
#define BUSY_S 10.0  /* after a change of the load: a line each second */

void plm_live_intro(const struct plm_live *l, const struct plm_watch_host *host)
{
	const struct plm_demo_scenario *s = l->scenario;
	const struct plm_term *t = l->term;
	const double per_task = PLM_DEMO_CPU_UNITS / 1024.0 * 1000 / PLM_DEMO_CPU_MS;

	printf("%sPlimsoll demo%s: one service, a load that steps from %g to %g requests/s and back, %.0f s.\n\n",
	       t->bold, t->off, s->profile.phases[0].rate_from, s->peak, s->seconds);
	printf("  service  web: tasks of %g vCPU in their own cgroups; a request takes %g ms of CPU, so one task\n"
	       "           serves at most %.0f a second\n",
	       PLM_DEMO_CPU_UNITS / 1024.0, PLM_DEMO_CPU_MS, per_task);
	printf("  policy   AWS target tracking, ECSServiceAverageCPUUtilization at %g %%, %d to %d tasks\n",
	       PLM_DEMO_TARGET, PLM_DEMO_MIN, PLM_DEMO_MAX);
	printf("  load     open loop: sent when due, however slow the answers; latency counts from then\n");
	printf("  kernel   Linux %s, cgroups %s, rung %s (%s)\n\n", host->kernel, host->cgroup_mode, host->rung,
	       host->rung_name);
	printf("%s   time   offered   served       p99   CPU of the service, target %g %%   tasks%s\n", t->dim,
	       PLM_DEMO_TARGET, t->off);
}

static void print_time(double t_s)
{
	printf("  %2d:%02d", (int)t_s / 60, (int)t_s % 60);
}

static void bar(const struct plm_term *t, double percent)
{
	const int full = isfinite(percent) ? (int)fmin(BAR_CELLS, round(percent / 100 * BAR_CELLS)) : 0;
	const int target = (int)(PLM_DEMO_TARGET / 100 * BAR_CELLS);

	fputs(percent > 90 ? t->red : percent > PLM_DEMO_TARGET * 1.1 ? t->yellow : t->green, stdout);
	for (int i = 0; i < BAR_CELLS; i++) {
		if (i == full)
			printf("%s%s", t->off, t->dim);
		fputs(i < full ? t->full : i == target ? t->target : t->empty, stdout);
	}
	fputs(t->off, stdout);
	if (isfinite(percent))
		printf(" %4.0f %%", percent);
	else
		printf(" %6s", "-");
}

static void status_line(const struct plm_live *l, struct plm_load *load, const struct plm_record_point *now)
{
	const struct plm_term *t = l->term;
	const plm_ns to = (plm_ns)(now->t_s * 1e9);
	struct plm_load_stats s;
	char p99[16];

	if (plm_load_read(load, PLM_LOAD_BY_END, to - PLM_NS_PER_S, to, &s) < 0)
		return;
	print_time(now->t_s);
	printf("  %6zu/s %6zu/s  %8s   ", s.offered, s.ok, plm_term_ms(s.p99_ms, p99));
	bar(t, now->cpu_percent);
	printf("   %d/%d %s", now->running, now->desired, t->green);
	for (int i = 0; i < now->running || i < now->desired; i++)
		fputs(i < now->running ? t->task : t->no_task, stdout);
	printf("%s", t->off);
	if (s.failed > 0)
		printf(" %s%zu failed%s", t->red, s.failed, t->off);
	puts("");
}

static void load_changes(struct plm_live *l, double t_s)
{
	const struct plm_demo_scenario *s = l->scenario;

	if (!l->has_risen && t_s >= s->step_s) {
		print_time(s->step_s);
		printf("  %s%s load rises from %g to %g requests/s%s\n", l->term->bold, l->term->dot,
		       s->profile.phases[0].rate_from, s->peak, l->term->off);
		l->has_risen = true;
	}
	if (!l->has_fallen && t_s >= s->fall_s) {
		print_time(s->fall_s);
		printf("  %s%s load falls to %g requests/s%s\n", l->term->bold, l->term->dot,
		       s->profile.phases[2].rate_from, l->term->off);
		l->has_fallen = true;
	}
}

void plm_live_status(struct plm_live *l, struct plm_load *load, const struct plm_record_point *now)
{
	const struct plm_demo_scenario *s = l->scenario;
	const double t = now->t_s;
	const bool is_busy = (t >= s->step_s && t < s->step_s + BUSY_S) || (t >= s->fall_s && t < s->fall_s + BUSY_S);

	load_changes(l, t);
	if (t < l->next_s)
		return;
	status_line(l, load, now);
	l->next_s = floor(t) + (is_busy ? 1 : 2);
	if (t < s->step_s && l->next_s > s->step_s)
		l->next_s = s->step_s;
	(void)fflush(stdout);
}

void plm_live_decision(const struct plm_live *l, const struct plm_record_decision *d)
{
	const struct plm_demo_scenario *s = l->scenario;
	const struct plm_term *t = l->term;
	const bool is_out = d->to > d->from, has_fallen = d->t_s >= s->fall_s;

	print_time(d->t_s > 0 ? d->t_s : 0);
	printf("  %s%s%s %d %s %d %s%s", t->bold, is_out ? t->green : t->cyan, is_out ? t->up : t->down, d->from,
	       t->arrow, d->to, d->to == 1 ? "task" : "tasks", t->off);
	if (d->t_s >= s->step_s)
		printf(", %.1f s after the load %s", d->t_s - (has_fallen ? s->fall_s : s->step_s),
		       has_fallen ? "fell" : "rose");
	printf("\n%*s", 9, "");
	plm_term_wrap(d->cause, 9, 9);
	(void)fflush(stdout);
}
