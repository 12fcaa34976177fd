/* SPDX-License-Identifier: Apache-2.0
 *
 * What an earlier daemon left: tasks that still run are taken over by their pid, which must be alive, of the recorded age and in the
 * task's cgroup. Whatever else is in our cgroups is ended.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/local/internal.h"
#include "backends/local/spawn.h"
#include "base/log.h"
#include "base/num.h"

#define STRAYS_MAX 4096  /* looked at in one start; a later start goes on */
#define STRAY_ROUNDS 100 /* of 20 ms: how long a start waits for strays to die */
#define STRAY_ROUND_MS 20

/* A task whose service the documents no longer have gets one without a definition: it will be stopped. */
static struct plm_local_service *service_of(struct plm_local *l, const char *name)
{
	struct plm_local_service *s = plm_local_service_find(l, name);
	return s ? s : plm_local_service_new(l, name);
}

static int take_row(struct plm_local *l, const struct plm_local_row *row)
{
	struct plm_now none = { .mono = 0 };
	struct plm_local_service *s = service_of(l, row->t.service);
	struct plm_local_task *t = s ? plm_local_task_new(l, s, &none) : NULL;
	if (!t)
		return -ENOMEM;
	t->t = row->t;
	t->pid_start = row->pid_start;
	t->stop_timeout_s = row->stop_timeout_s;
	t->limits.memory_bytes = row->memory_limit_bytes;
	t->is_adopted = true;
	if (t->t.status == PLM_TASK_STOPPED)
		t->t.started_mono = 0; /* perhaps of an earlier boot */
	return 0;
}

/* pidfd of the process that the row names; -1 = it is gone. The age is asked again after the descriptor is had, which can only name
 * the process that had the number at that moment. */
static int open_process(const struct plm_local *l, const struct plm_local_task *t)
{
	if (t->t.pid <= 0 || !t->pid_start || !plm_local_cgroup_has(&l->cgroups, t->t.cgroup, t->t.pid))
		return -1;
	int pidfd = plm_local_pidfd_open(t->t.pid);
	if (pidfd < 0)
		return -1;
	if (plm_local_pid_start(t->t.pid) == t->pid_start)
		return pidfd;
	(void)close(pidfd);
	return -1;
}

static void adopt(struct plm_local *l, struct plm_local_task *t, const struct plm_now *now)
{
	t->launched_mono = t->t.started_mono ? t->t.started_mono : now->mono;
	t->pidfd = open_process(l, t);
	if (t->pidfd >= 0 && plm_local_task_watch(t) == 0) {
		if (t->t.status == PLM_TASK_PENDING) { /* the notice of its begin was lost with the daemon */
			t->t.status = PLM_TASK_RUNNING;
			t->t.started_wall = t->t.created_wall;
			t->t.started_mono = now->mono - (now->wall - t->t.created_wall);
			t->is_dirty = true;
		} else if (t->t.status == PLM_TASK_STOPPING) {
			t->is_asked_to_stop = true;
			t->kill_mono = now->mono + t->stop_timeout_s * PLM_NS_PER_S;
		}
		plm_log(PLM_LOG_INFO, "local", "task %s of service \"%s\" (pid %d) taken over", t->t.id, t->t.service,
			t->t.pid);
		return;
	}
	t->is_asked_to_stop = true; /* not counted as a failure: nobody knows when and how it ended */
	t->ended_mono = now->mono;
	(void)plm_strcpy(t->t.reason, sizeof(t->t.reason),
			 "ended while no daemon was running; its exit code is not known");
}

/* --- cgroups that no row knows --- */

struct strays {
	struct plm_local *l;
	const char *service;
	char (*paths)[PLM_PATH_MAX];
	size_t n;
};

static bool is_task_id(const char *name)
{
	return strlen(name) == 32 && strspn(name, "0123456789abcdef") == 32;
}

static bool is_known(const struct plm_local *l, const char *id)
{
	for (size_t i = 0; i < l->n_services; i++)
		for (size_t j = 0; j < l->services[i]->n_tasks; j++)
			if (strcmp(l->services[i]->tasks[j]->t.id, id) == 0)
				return true;
	return false;
}

/* Several hierarchies name the same one. */
static void note_stray(void *ctx, const char *name)
{
	struct strays *s = ctx;
	char path[PLM_PATH_MAX];
	if (!is_task_id(name) || is_known(s->l, name) || s->n == STRAYS_MAX ||
	    snprintf(path, sizeof(path), "%s/%s/%s", s->l->set.parent, s->service, name) >= (int)sizeof(path))
		return;
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->paths[i], path) == 0)
			return;
	char(*bigger)[PLM_PATH_MAX] = realloc(s->paths, (s->n + 1) * sizeof(*bigger));
	if (!bigger)
		return;
	s->paths = bigger;
	(void)plm_strcpy(s->paths[s->n++], PLM_PATH_MAX, path);
}

static void note_strays_of(void *ctx, const char *service)
{
	struct strays *s = ctx;
	char path[PLM_PATH_MAX];
	s->service = service;
	if (snprintf(path, sizeof(path), "%s/%s", s->l->set.parent, service) < (int)sizeof(path))
		plm_local_cgroup_children(&s->l->cgroups, path, note_stray, s);
}

/* Folders of services that are gone. */
static void remove_empty(void *ctx, const char *service)
{
	const struct plm_local *l = ctx;
	char path[PLM_PATH_MAX];
	if (!plm_local_service_find(l, service) &&
	    snprintf(path, sizeof(path), "%s/%s", l->set.parent, service) < (int)sizeof(path))
		(void)plm_local_cgroup_remove(&l->cgroups, path); /* one that holds processes stays */
}

/* A daemon was killed while its database refused writes, or somebody has removed the database. */
static void end_strays(struct plm_local *l)
{
	struct strays s = { .l = l };
	plm_local_cgroup_children(&l->cgroups, l->set.parent, note_strays_of, &s);
	for (size_t i = 0; i < s.n; i++)
		plm_log(PLM_LOG_WARN, "local", "cgroup %s belongs to no known task, ending what is in it", s.paths[i]);
	for (int round = 0; s.n && round < STRAY_ROUNDS; round++) {
		size_t left = 0;
		for (size_t i = 0; i < s.n; i++) {
			plm_local_cgroup_kill(&l->cgroups, s.paths[i]);
			if (plm_local_cgroup_remove(&l->cgroups, s.paths[i]) != 0 && left++ != i)
				memmove(s.paths[left - 1], s.paths[i], PLM_PATH_MAX);
		}
		s.n = left;
		if (left)
			(void)poll(NULL, 0, STRAY_ROUND_MS);
	}
	for (size_t i = 0; i < s.n; i++)
		plm_log(PLM_LOG_ERROR, "local", "cgroup %s cannot be emptied, leaving it", s.paths[i]);
	free(s.paths);
	plm_local_cgroup_children(&l->cgroups, l->set.parent, remove_empty, l);
}

int plm_local_adopt(struct plm_local *l, const struct plm_now *now, struct plm_err *err)
{
	int r = plm_local_store_each_task(l, take_row, err);
	if (r != 0)
		return r;
	for (size_t i = 0; i < l->n_services; i++)
		for (size_t j = 0; j < l->services[i]->n_tasks; j++)
			if (l->services[i]->tasks[j]->t.status != PLM_TASK_STOPPED)
				adopt(l, l->services[i]->tasks[j], now);
	end_strays(l);
	return 0;
}
