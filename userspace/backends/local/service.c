/* SPDX-License-Identifier: Apache-2.0
 * Services: documents against what runs, one converging step at a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/local/internal.h"
#include "base/log.h"
#include "base/num.h"

struct plm_local_service *plm_local_service_find(struct plm_local *l, const char *name)
{
	for (size_t i = 0; i < l->n_services; i++)
		if (strcmp(l->services[i]->name, name) == 0)
			return l->services[i];
	return NULL;
}

/* --- documents --- */

static struct plm_local_service *new_service(struct plm_local *l, const char *name)
{
	struct plm_local_service **bigger = realloc(l->services, (l->n_services + 1) * sizeof(struct plm_local_service *));
	if (!bigger)
		return NULL;
	l->services = bigger;
	struct plm_local_service *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	(void)plm_strcpy(s->name, sizeof(s->name), name);
	l->services[l->n_services++] = s;
	return s;
}

/* The file gives the first count; afterwards what was set stays, until the file itself says something new. */
static int take_service(struct plm_local *l, const struct plm_local_service_doc *doc, struct plm_err *err)
{
	struct plm_local_service *s = plm_local_service_find(l, doc->name);
	bool is_new = !s;
	if (is_new && !(s = new_service(l, doc->name)))
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	int known = is_new ? plm_local_store_get_service(l, s, err) : 1;
	if (known < 0)
		return known;
	bool is_changed = !known || s->declared != doc->desired;
	if (is_changed)
		s->desired = doc->desired;
	s->declared = doc->desired;
	s->is_daemon = doc->is_daemon;
	(void)plm_strcpy(s->family, sizeof(s->family), doc->family);
	return is_changed ? plm_local_store_put_service(l, s, err) : 0;
}

static void connect_definitions(struct plm_local *l)
{
	for (size_t i = 0; i < l->n_services; i++) {
		struct plm_local_service *s = l->services[i];
		bool is_listed = false;
		for (size_t d = 0; d < l->docs.n_services; d++)
			is_listed |= strcmp(l->docs.services[d].name, s->name) == 0;
		s->definition = NULL;
		for (size_t d = 0; is_listed && d < l->docs.n_definitions; d++)
			if (strcmp(l->docs.definitions[d].family, s->family) == 0)
				s->definition = &l->docs.definitions[d];
	}
}

int plm_local_services_load(struct plm_local *l, struct plm_local_docs *docs, struct plm_err *err)
{
	int r = plm_db_exec(l->db, "BEGIN IMMEDIATE", err);
	for (size_t i = 0; r == 0 && i < docs->n_definitions; i++)
		r = plm_local_store_number(l, &docs->definitions[i], err);
	for (size_t i = 0; r == 0 && i < docs->n_services; i++)
		r = take_service(l, &docs->services[i], err);
	if (r == 0)
		r = plm_db_exec(l->db, "COMMIT", err);
	if (r != 0) {
		(void)plm_db_exec(l->db, "ROLLBACK", NULL);
		return r;
	}
	plm_local_docs_done(&l->docs);
	l->docs = *docs;
	*docs = (struct plm_local_docs){ .n_services = 0 };
	connect_definitions(l);
	return 0;
}

void plm_local_services_sweep(struct plm_local *l)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->n_services; i++) {
		struct plm_local_service *s = l->services[i];
		size_t tasks = 0;
		for (size_t t = 0; t < l->n_tasks; t++)
			tasks += l->tasks[t]->service == s && l->tasks[t]->t.status != PLM_TASK_STOPPED;
		if (s->definition || tasks) {
			l->services[kept++] = s;
			continue;
		}
		char path[PLM_PATH_MAX];
		for (size_t t = 0; t < l->n_tasks; t++)
			if (l->tasks[t]->service == s)
				l->tasks[t]->service = NULL;
		if (snprintf(path, sizeof(path), "%s/%s", l->parent, s->name) < (int)sizeof(path))
			(void)plm_local_cgroup_remove(&l->cgroups, path);
		plm_local_store_drop_service(l, s->name);
		plm_log(PLM_LOG_INFO, "local", "service \"%s\" is gone from the documents and has ended", s->name);
		free(s);
	}
	l->n_services = kept;
}

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

void plm_local_service_failed(struct plm_local_service *s, const char *why, const struct plm_now *now)
{
	unsigned wait_s = 1;
	for (unsigned i = 0; i < s->failures && wait_s < PLM_LOCAL_BACKOFF_MAX_S; i++)
		wait_s *= 2;
	if (wait_s > PLM_LOCAL_BACKOFF_MAX_S)
		wait_s = PLM_LOCAL_BACKOFF_MAX_S;
	s->failures++;
	s->restarts++;
	s->start_mono = now->mono + wait_s * PLM_NS_PER_S;
	(void)snprintf(s->reason, sizeof(s->reason), "%.180s; next start in %u s (%u%s end in a row)", why, wait_s, s->failures,
		       ordinal(s->failures));
	plm_log_limited(PLM_LOG_WARN, "local", s->name, "service \"%s\": %s", s->name, s->reason);
}

/* --- converging --- */

struct census {
	int live, fresh, fresh_running, old; /* fresh: of the present revision */
	struct plm_local_task *victim;       /* whom to stop first: old revisions, then those not yet running, then the newest */
};

static bool goes_before(const struct plm_local_task *a, const struct plm_local_task *b, int revision)
{
	bool a_old = a->t.revision != revision, b_old = b->t.revision != revision;
	if (a_old != b_old)
		return a_old;
	bool a_pending = a->t.status == PLM_TASK_PENDING, b_pending = b->t.status == PLM_TASK_PENDING;
	if (a_pending != b_pending)
		return a_pending;
	return a->t.created_wall >= b->t.created_wall;
}

static struct census count_tasks(const struct plm_local *l, const struct plm_local_service *s)
{
	struct census c = { .live = 0 };
	int revision = s->definition ? s->definition->revision : 0;
	for (size_t i = 0; i < l->n_tasks; i++) {
		struct plm_local_task *t = l->tasks[i];
		if (t->service != s || !plm_local_task_is_live(t) || t->exited_mono)
			continue;
		c.live++;
		c.old += t->t.revision != revision;
		c.fresh += t->t.revision == revision;
		c.fresh_running += t->t.revision == revision && t->t.status == PLM_TASK_RUNNING;
		if (!c.victim || goes_before(t, c.victim, revision))
			c.victim = t;
	}
	return c;
}

void plm_local_service_converge(struct plm_local *l, struct plm_local_service *s, const struct plm_now *now)
{
	int want = s->definition ? s->desired : 0;
	struct census c = count_tasks(l, s);
	/* A new revision replaces the old one task by task: one more is started, one old is stopped when all new ones run. */
	int ceiling = want + (c.old > 0 && want > 0);
	if (now->mono >= s->start_mono) {
		int missing = c.old ? (c.fresh < want && c.live < ceiling ? 1 : 0) : want - c.live;
		for (; missing > 0; missing--)
			plm_local_task_start(l, s, now);
	}
	for (c = count_tasks(l, s); c.victim && c.live > want; c = count_tasks(l, s)) {
		if (c.old && c.live <= ceiling && c.fresh_running < c.fresh)
			break; /* the replacement does not run yet */
		plm_local_task_stop(c.victim, now,
				    !s->definition ? "its service was removed" :
				    c.victim->t.revision != s->definition->revision ? "replaced by a new revision" :
										      "scaled in");
	}
}
