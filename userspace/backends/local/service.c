/* SPDX-License-Identifier: Apache-2.0
 *
 * Services: the desired count against what runs, one converging step at a time; back-off after failures; replacement of an old
 * revision task by task. A missing task is a task that waits (PENDING, no process) until it may start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/local/internal.h"
#include "base/log.h"
#include "base/num.h"

/* --- failures --- */

static const char *ordinal(unsigned n)
{
	unsigned tens = n % 100 / 10;
	switch (tens == 1 ? 0 : n % 10) {
	case 1:
		return "st";
	case 2:
		return "nd";
	case 3:
		return "rd";
	default:
		return "th";
	}
}

/* 1 s, doubled by each further round in a row, 60 s at most. */
static unsigned backoff_s(unsigned failures)
{
	unsigned wait_s = 1;
	while (--failures && wait_s < PLM_LOCAL_BACKOFF_MAX_S)
		wait_s *= 2;
	return wait_s < PLM_LOCAL_BACKOFF_MAX_S ? wait_s : PLM_LOCAL_BACKOFF_MAX_S;
}

void plm_local_service_failed(struct plm_local_service *s, const struct plm_local_task *t, const struct plm_now *now)
{
	s->owed_restarts++;
	(void)plm_strcpy(s->failure, sizeof(s->failure), t->t.reason);
	if (s->failures && t->launched_mono <= s->round_mono)
		return; /* begun together with one that has failed: the same round */
	if (t->t.started_mono && t->ended_mono - t->t.started_mono >= PLM_LOCAL_HEALTHY_NS)
		s->failures = 0;
	s->failures++;
	s->round_mono = now->mono;
	s->start_mono = now->mono + backoff_s(s->failures) * PLM_NS_PER_S;
	plm_log_limited(PLM_LOG_WARN, "local", s->name,
			"service \"%s\": task %s %s; next start in %u s, %u%s failure in a row", s->name, t->t.id,
			t->t.reason, backoff_s(s->failures), s->failures, ordinal(s->failures));
}

/* A task begun after the newest failure has run long enough. */
static void forget_failures(struct plm_local_service *s, const struct plm_now *now)
{
	for (size_t i = 0; s->failures && i < s->n_tasks; i++) {
		const struct plm_local_task *t = s->tasks[i];
		if (t->t.status == PLM_TASK_RUNNING && !t->ended_mono && t->launched_mono > s->round_mono &&
		    now->mono - t->t.started_mono >= PLM_LOCAL_HEALTHY_NS) {
			s->failures = 0;
			s->failure[0] = '\0';
		}
	}
}

/* --- counting --- */

struct census {
	int live;            /* waiting, starting, running */
	int old;             /* of these: of another revision than the present */
	int unsettled;       /* of these: of the present revision and not running long enough to rely on */
	int waiting;         /* of these: without a process */
	plm_ns settles_mono; /* when the first of them will have; 0 = not known */
};

static bool is_old(const struct plm_local_service *s, const struct plm_local_task *t)
{
	return s->definition && t->t.revision != s->definition->revision && !plm_local_task_is_waiting(t);
}

static struct census count_tasks(const struct plm_local_service *s, const struct plm_now *now)
{
	struct census c = { .live = 0 };
	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct plm_local_task *t = s->tasks[i];
		if (!plm_local_task_is_live(t))
			continue;
		c.live++;
		if (is_old(s, t)) {
			c.old++;
			continue;
		}
		plm_ns settled = t->t.started_mono + PLM_LOCAL_SETTLE_NS;
		if (t->t.status == PLM_TASK_RUNNING && now->mono >= settled)
			continue;
		c.unsettled++;
		c.waiting += plm_local_task_is_waiting(t);
		if (t->t.status == PLM_TASK_RUNNING && (!c.settles_mono || settled < c.settles_mono))
			c.settles_mono = settled;
	}
	return c;
}

/* --- fewer --- */

static void drop(struct plm_local_service *s, size_t i)
{
	plm_local_task_free(s->tasks[i]);
	memmove(&s->tasks[i], &s->tasks[i + 1], (--s->n_tasks - i) * sizeof(s->tasks[0]));
}

/* Whether a is stopped rather than b, which is older: an old revision first, then one that does not run yet, then the newest. */
static bool goes_before(const struct plm_local_service *s, const struct plm_local_task *a,
			const struct plm_local_task *b)
{
	bool a_old = is_old(s, a), b_old = is_old(s, b);
	if (a_old != b_old)
		return a_old;
	int a_rank = plm_local_task_is_waiting(a) ? 0 : a->t.status == PLM_TASK_PENDING ? 1 : 2;
	int b_rank = plm_local_task_is_waiting(b) ? 0 : b->t.status == PLM_TASK_PENDING ? 1 : 2;
	return a_rank <= b_rank;
}

static void stop_one(struct plm_local_service *s, const struct plm_now *now)
{
	size_t victim = SIZE_MAX;
	for (size_t i = 0; i < s->n_tasks; i++)
		if (plm_local_task_is_live(s->tasks[i]) &&
		    (victim == SIZE_MAX || goes_before(s, s->tasks[i], s->tasks[victim])))
			victim = i;
	if (victim == SIZE_MAX)
		return;
	struct plm_local_task *t = s->tasks[victim];
	if (plm_local_task_is_waiting(t)) {
		drop(s, victim);
		return;
	}
	plm_local_task_stop(t, now,
			    !s->definition ? "stopped: its service was removed"
			    : is_old(s, t) ? "stopped: replaced by a newer revision"
					   : "stopped: the desired count was lowered");
	if (t->kill_mono)
		plm_local_wake_at(t->local, t->kill_mono);
}

/* --- more --- */

/* A waiting task is always of the present revision. */
static void refresh(struct plm_local_task *t, const struct plm_local_definition *d)
{
	(void)plm_strcpy(t->t.family, sizeof(t->t.family), d->family);
	t->t.revision = d->revision;
	t->t.cpu_units = d->cpu_units;
	t->t.memory_bytes = d->memory_bytes;
	t->stop_timeout_s = d->stop_timeout_s;
	t->limits = (struct plm_local_limits){ .cpu_units = d->cpu_units,
					       .has_cpu_quota = d->has_cpu_quota,
					       .memory_bytes = d->memory_limit_bytes };
}

static bool take_port(struct plm_local *l, struct plm_local_service *s, struct plm_local_task *t)
{
	const struct plm_local_definition *d = s->definition;
	int port = d->host_port;
	if (port == PLM_LOCAL_NO_PORT)
		return true;
	if (port == 0) {
		port = plm_local_port_choose(l, d->is_udp);
		if (port == 0)
			(void)snprintf(s->obstacle, sizeof(s->obstacle), "no host port from %d to %d is free",
				       l->set.port_min, l->set.port_max);
	} else if (!plm_local_port_is_free(l, port, d->is_udp, s->obstacle)) {
		port = 0;
	}
	t->t.port = port;
	return port != 0;
}

static void launch_waiting(struct plm_local *l, struct plm_local_service *s, const struct plm_now *now)
{
	s->obstacle[0] = '\0';
	for (size_t i = 0; i < s->n_tasks; i++) {
		struct plm_local_task *t = s->tasks[i];
		if (!plm_local_task_is_waiting(t))
			continue;
		if (now->mono < s->start_mono) {
			plm_local_wake_at(l, s->start_mono);
			return;
		}
		if (l->starts == PLM_LOCAL_STARTS_PER_PASS) {
			plm_local_wake_at(l, now->mono);
			return;
		}
		refresh(t, s->definition);
		if (!take_port(l, s, t)) {
			plm_local_wake_at(l, now->mono + PLM_NS_PER_S);
			return;
		}
		l->starts++;
		if (s->owed_restarts) {
			s->owed_restarts--;
			s->restarts++;
			s->is_dirty = true;
		}
		plm_local_task_launch(t, now);
		if (t->ended_mono) {
			plm_local_wake_at(
				l,
				now->mono); /* counted by the next pass; a cause that stays must not be met at once again */
			return;
		}
	}
}

/* --- converging --- */

static bool has_fixed_port(const struct plm_local_service *s)
{
	return s->definition && s->definition->host_port > 0;
}

/* An old revision is replaced task by task: one more of the new one is started, and when it has settled an old one is stopped. A
 * fixed host port can be held by one task only: there the old one goes first. */
static void replace_old(struct plm_local *l, struct plm_local_service *s, const struct plm_now *now, int want,
			struct census *c)
{
	bool must_make_room = has_fixed_port(s); /* a waiting one waits for the old one's port */
	if (c->unsettled - (must_make_room ? c->waiting : 0) > 0) {
		if (c->settles_mono)
			plm_local_wake_at(l, c->settles_mono);
		return;
	}
	if (c->live > want || must_make_room) {
		stop_one(s, now);
		c->live--;
	} else if (plm_local_task_new(l, s, now)) {
		c->live++;
	}
}

/* All running tasks together weigh as much against other services as they reserve. */
static void weigh(struct plm_local *l, struct plm_local_service *s)
{
	char path[PLM_PATH_MAX];
	uint64_t weight = 0;
	for (size_t i = 0; i < s->n_tasks; i++)
		if (plm_local_task_is_live(s->tasks[i]) && !plm_local_task_is_waiting(s->tasks[i]))
			weight += s->tasks[i]->t.cpu_units ? s->tasks[i]->t.cpu_units : PLM_UNITS_PER_VCPU;
	if (!weight || weight == s->weight ||
	    snprintf(path, sizeof(path), "%s/%s", l->set.parent, s->name) >= (int)sizeof(path))
		return;
	plm_local_cgroup_weigh(&l->cgroups, path, weight);
	s->weight = weight;
}

void plm_local_service_converge(struct plm_local *l, struct plm_local_service *s, const struct plm_now *now)
{
	int want = s->definition ? s->desired : 0;
	if (l->is_ending)
		return;
	forget_failures(s, now);
	struct census c = count_tasks(s, now);
	bool is_replacing = c.old > 0 && want > 0;
	for (; c.live > want + (is_replacing && !has_fixed_port(s)); c.live--)
		stop_one(s, now);
	c = count_tasks(s, now);
	if (is_replacing && c.old > 0 && c.live >= want)
		replace_old(l, s, now, want, &c);
	for (; c.live < want && plm_local_task_new(l, s, now); c.live++)
		;
	if (s->definition)
		launch_waiting(l, s, now);
	weigh(l, s);
	if (s->is_dirty)
		(void)plm_local_store_note_service(l, s);
}

/* --- forgetting --- */

static void forget(struct plm_local *l, struct plm_local_service *s, size_t i)
{
	char log_file[PATH_MAX];
	if (plm_local_log_path(l, s->name, s->tasks[i]->t.id, log_file) == 0)
		(void)unlink(log_file);
	plm_local_store_drop_task(l, s->tasks[i]->t.id);
	drop(s, i);
}

void plm_local_service_prune(struct plm_local *l, struct plm_local_service *s)
{
	size_t stopped = 0;
	for (size_t i = s->n_tasks; i > 0; i--)
		if (s->tasks[i - 1]->t.status == PLM_TASK_STOPPED && ++stopped > PLM_LOCAL_KEEP_STOPPED)
			forget(l, s, i - 1);
}

void plm_local_services_sweep(struct plm_local *l)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->n_services; i++) {
		struct plm_local_service *s = l->services[i];
		size_t busy = 0;
		for (size_t t = 0; t < s->n_tasks; t++)
			busy += s->tasks[t]->t.status != PLM_TASK_STOPPED;
		if (s->definition || busy || l->is_ending) {
			l->services[kept++] = s;
			continue;
		}
		char path[PLM_PATH_MAX];
		if (snprintf(path, sizeof(path), "%s/%s", l->set.parent, s->name) < (int)sizeof(path))
			(void)plm_local_cgroup_remove(&l->cgroups, path);
		for (size_t t = 0; t < s->n_tasks;
		     t++) /* their logs stay: nobody will look at the list of tasks for them */
			plm_local_store_drop_task(l, s->tasks[t]->t.id);
		plm_local_store_drop_service(l, s->name);
		plm_log(PLM_LOG_INFO, "local", "service \"%s\" was removed from the documents and has ended", s->name);
		plm_local_service_free(s);
	}
	l->n_services = kept;
}

/* --- showing --- */

static void explain_gap(const struct plm_local_service *s, const struct plm_now *now, const struct plm_service *counts,
			char *ret)
{
	long wait_s = (long)((s->start_mono - now->mono + PLM_NS_PER_S - 1) / PLM_NS_PER_S);
	if (!s->definition)
		(void)snprintf(ret, PLM_REASON_MAX, "removed from the documents; its tasks are stopping");
	else if (s->failures && s->failure[0] && wait_s > 0)
		(void)snprintf(ret, PLM_REASON_MAX, "%.180s; next start in %ld s, %u%s failure", s->failure, wait_s,
			       s->failures, ordinal(s->failures));
	else if (s->obstacle[0])
		(void)plm_strcpy(ret, PLM_REASON_MAX, s->obstacle);
	else if (s->failures && s->failure[0])
		(void)snprintf(ret, PLM_REASON_MAX, "%.180s; started again after the %u%s failure", s->failure,
			       s->failures, ordinal(s->failures));
	else
		(void)snprintf(ret, PLM_REASON_MAX, "%d of %d tasks are starting", counts->desired - counts->running,
			       counts->desired);
}

void plm_local_service_describe(const struct plm_local *l, const struct plm_local_service *s, const struct plm_now *now,
				struct plm_service *ret)
{
	*ret = (struct plm_service){ .desired = s->definition ? s->desired : 0,
				     .is_scalable = s->definition && !s->is_daemon,
				     .restarts = s->restarts };
	(void)plm_strcpy(ret->cluster, sizeof(ret->cluster), l->cluster);
	(void)plm_strcpy(ret->name, sizeof(ret->name), s->name);
	(void)plm_strcpy(ret->family, sizeof(ret->family), s->family);
	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct plm_local_task *t = s->tasks[i];
		if (!plm_local_task_is_live(t))
			continue;
		ret->running += t->t.status == PLM_TASK_RUNNING;
		ret->pending += t->t.status == PLM_TASK_PENDING;
		ret->is_deploying |= is_old(s, t);
	}
	if (ret->pending < ret->desired - ret->running)
		ret->pending = ret->desired - ret->running; /* the next pass makes them */
	if (s->definition) {
		ret->revision = s->definition->revision;
		ret->cpu_units = s->definition->cpu_units;
		ret->memory_bytes = s->definition->memory_bytes;
	}
	if (ret->running < ret->desired || !s->definition || (ret->is_deploying && s->failures))
		explain_gap(s, now, ret, ret->reason);
}
