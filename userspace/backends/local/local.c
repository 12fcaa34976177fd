/* SPDX-License-Identifier: Apache-2.0
 *
 * The local backend's ops: tasks as processes of this host. All work is done in passes: one each tick, and one whenever a process
 * begins or ends or a deadline (stop timeout, back-off) comes, so that nothing has to wait for the next tick.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "backends/local/internal.h"
#include "base/log.h"
#include "base/num.h"

#define STOP_SLACK_NS (5 * PLM_NS_PER_S)
#define STOP_POLL_MS 10
#define LOCK_TRIES 20 /* of 50 ms: a child of a killed daemon holds its lock until it notices */
#define LOCK_TRY_MS 50

/* --- passes --- */

void plm_local_wake_at(struct plm_local *l, plm_ns mono)
{
	if (!l->next_mono || mono < l->next_mono)
		l->next_mono = mono;
}

void plm_local_wake(struct plm_local *l)
{
	(void)plm_loop_timer_set(l->timer, 1, 0);
}

static void pass(struct plm_local *l, const struct plm_now *now)
{
	l->now_mono = now->mono;
	l->next_mono = 0;
	l->starts = 0;
	for (size_t i = 0; i < l->n_services; i++) {
		struct plm_local_service *s = l->services[i];
		for (size_t j = 0; j < s->n_tasks; j++)
			plm_local_task_advance(s->tasks[j], now);
		plm_local_service_converge(l, s, now);
		plm_local_service_prune(l, s);
	}
	plm_local_services_sweep(l);
	plm_ns wait = l->next_mono - now->mono;
	(void)plm_loop_timer_set(l->timer, !l->next_mono ? 0 : wait > 0 ? wait : 1, 0);
}

static void on_timer(void *ctx, uint32_t expirations)
{
	struct plm_now now = plm_clock_now();
	(void)expirations;
	pass(ctx, &now);
}

static int local_converge(void *ctx, const struct plm_now *now, struct plm_err *err)
{
	(void)err;
	pass(ctx, now);
	return 0;
}

/* --- configuration --- */

static int local_check(const struct plm_backend_cfg *cfg, struct plm_err *err)
{
	struct plm_local_settings set;
	struct plm_local_docs docs;
	int r = plm_local_settings_read(cfg, &set, &docs, err);
	if (r == 0)
		plm_local_docs_done(&docs);
	return r;
}

static int local_reload(void *ctx, const struct plm_backend_cfg *cfg, const struct plm_now *now, struct plm_err *err)
{
	struct plm_local *l = ctx;
	struct plm_local_settings set;
	struct plm_local_docs docs;
	l->now_mono = now->mono;
	int r = plm_local_settings_read(cfg, &set, &docs, err);
	if (r != 0)
		return r;
	if (strcmp(set.parent, l->set.parent) != 0)
		r = plm_json_err(err, cfg->json_at, "cgroup_parent", "has changed from \"%.80s\": that takes a restart",
				 l->set.parent);
	else if (strcmp(set.log_dir, l->set.log_dir) != 0)
		r = plm_json_err(err, cfg->json_at, "log_dir", "has changed from \"%.200s\": that takes a restart",
				 l->set.log_dir);
	else
		r = plm_local_load(l, &docs, err);
	if (r != 0) {
		plm_local_docs_done(&docs);
		return r;
	}
	l->set.port_min = set.port_min;
	l->set.port_max = set.port_max;
	if (l->next_port < set.port_min || l->next_port > set.port_max)
		l->next_port = set.port_min;
	plm_local_wake(l);
	return 0;
}

/* --- open and close --- */

static void local_close(void *ctx)
{
	struct plm_local *l = ctx;
	if (!l)
		return;
	for (size_t i = 0; i < l->n_services; i++) {
		for (size_t j = 0; j < l->services[i]->n_tasks;
		     j++) /* last chance for rows that a full disk has refused */
			if (l->services[i]->tasks[j]->is_dirty)
				(void)plm_local_store_note_task(l, l->services[i]->tasks[j]);
		plm_local_service_free(l->services[i]);
	}
	free(l->services);
	plm_local_docs_done(&l->docs);
	plm_loop_remove(l->loop, l->timer);
	if (l->parent_lock >= 0)
		(void)close(l->parent_lock);
	if (l->state_lock >= 0)
		(void)close(l->state_lock);
	free(l);
}

/* flock on an open file or folder. */
static int lock(int fd)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		(void)poll(NULL, 0, LOCK_TRY_MS);
	}
	return -EBUSY;
}

static int lock_state(struct plm_local *l, struct plm_err *err)
{
	char path[PATH_MAX], owner[32] = "";
	if (snprintf(path, sizeof(path), "%s/local.lock", l->state_dir) >= (int)sizeof(path))
		return plm_err_set(err, ENAMETOOLONG, l->state_dir, "state_dir is too long");
	l->state_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (l->state_lock < 0)
		return plm_err_set(err, errno, path, "cannot open the lock: %s", strerror(errno));
	int r = lock(l->state_lock);
	if (r == -EBUSY) {
		ssize_t n = pread(l->state_lock, owner, sizeof(owner) - 1, 0);
		owner[n > 0 ? strcspn(owner, "\n") : 0] = '\0';
		return plm_err_set(err, EBUSY, path, "another daemon%s%s uses this state_dir; give each its own",
				   owner[0] ? ", pid " : "", owner);
	}
	if (r != 0)
		return plm_err_set(err, -r, path, "cannot lock: %s", strerror(-r));
	(void)snprintf(owner, sizeof(owner), "%d\n", (int)getpid());
	if (ftruncate(l->state_lock, 0) != 0 || pwrite(l->state_lock, owner, strlen(owner), 0) < 0)
		return 0; /* only the next one's message misses the pid */
	return 0;
}

/* The folder of the cgroup parent, in the hierarchy that is looked at last. */
static int lock_parent(struct plm_local *l, struct plm_err *err)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s%s", l->cgroups.h[l->cgroups.n - 1].mount, l->set.parent) >=
	    (int)sizeof(path))
		return plm_err_set(err, ENAMETOOLONG, l->set.parent, "cgroup_parent is too long");
	l->parent_lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->parent_lock < 0)
		return plm_err_set(err, errno, path, "cannot open the cgroup: %s", strerror(errno));
	int r = lock(l->parent_lock);
	if (r == -EBUSY)
		return plm_err_set(err, EBUSY, path, "another daemon uses this cgroup_parent; give each its own");
	return r == 0 ? 0 : plm_err_set(err, -r, path, "cannot lock: %s", strerror(-r));
}

/* Remembers what was not there before, so that the last daemon to stop its tasks can remove it. */
static int open_parent(struct plm_local *l, struct plm_err *err)
{
	char made[PLM_PATH_MAX];
	int r = plm_local_cgroup_make_parent(&l->cgroups, l->set.parent, made, sizeof(made), err);
	if (r == 0)
		r = lock_parent(l, err);
	if (r == 0)
		r = plm_local_store_get_made(l, err);
	if (r == 0 && made[0]) {
		(void)plm_strcpy(l->made, sizeof(l->made), made);
		plm_local_store_put_made(l);
	}
	return r;
}

static void warn_limits(const struct plm_local *l)
{
	bool has_cpu = false, has_memory = false;
	for (size_t i = 0; i < l->cgroups.n; i++) {
		has_cpu |= l->cgroups.h[i].has_cpu;
		has_memory |= l->cgroups.h[i].has_memory;
	}
	if (!has_cpu || !has_memory)
		plm_log(PLM_LOG_WARN, "local", "this host's cgroups have no %s controller, tasks run without %s limits",
			has_cpu      ? "memory"
			: has_memory ? "cpu"
				     : "cpu and no memory",
			has_cpu      ? "memory"
			: has_memory ? "cpu"
				     : "such");
}

static int open_all(struct plm_local *l, struct plm_local_docs *docs, const struct plm_now *now, struct plm_err *err)
{
	int r = plm_loop_timer(l->loop, 0, 0, on_timer, l, &l->timer);
	if (r != 0)
		return plm_err_set(err, -r, NULL, "cannot make a timer: %s", strerror(-r));
	r = lock_state(l, err);
	if (r == 0)
		r = plm_local_cgroups_find(NULL, &l->cgroups, err);
	if (r == 0)
		r = plm_local_store_open(l, err);
	if (r == 0)
		r = open_parent(l, err);
	if (r == 0)
		r = plm_local_load(l, docs, err);
	if (r == 0)
		r = plm_local_adopt(l, now, err);
	if (r == 0)
		warn_limits(l);
	return r;
}

static int local_open(const struct plm_backend_cfg *cfg, const struct plm_now *now, void **ret_ctx, struct plm_err *err)
{
	struct plm_local_settings set;
	struct plm_local_docs docs;
	int r = plm_local_settings_read(cfg, &set, &docs, err);
	if (r != 0)
		return r;
	struct plm_local *l = calloc(1, sizeof(*l));
	if (!l) {
		plm_local_docs_done(&docs);
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	}
	l->set = set;
	l->next_port = set.port_min;
	l->state_lock = l->parent_lock = -1;
	l->db = cfg->db;
	l->loop = cfg->loop;
	l->now_mono = now->mono;
	if (getrlimit(RLIMIT_NOFILE, &l->nofile) != 0)
		l->nofile = (struct rlimit){ .rlim_cur = 1024, .rlim_max = 4096 }; /* the kernel's own */
	(void)plm_strcpy(l->cluster, sizeof(l->cluster), cfg->cluster);
	(void)plm_strcpy(l->state_dir, sizeof(l->state_dir), cfg->state_dir);
	r = open_all(l, &docs, now, err);
	if (r != 0) {
		plm_local_docs_done(&docs);
		if (l->cgroups.n) /* as far as it is empty and ours */
			(void)plm_local_cgroup_remove_parent(&l->cgroups, l->set.parent, l->made);
		local_close(l);
		return r;
	}
	*ret_ctx = l;
	return 0;
}

/* --- what there is --- */

/* A task as the outside should see it: one whose process has ended is no longer running. */
static void show(const struct plm_local_task *t, struct plm_task *ret)
{
	*ret = t->t;
	if (t->ended_mono && ret->status != PLM_TASK_STOPPED)
		ret->status = PLM_TASK_STOPPING;
}

static int local_list(void *ctx, const struct plm_now *now, struct plm_cluster *ret, struct plm_err *err)
{
	struct plm_local *l = ctx;
	size_t n_tasks = 0;
	for (size_t i = 0; i < l->n_services; i++)
		n_tasks += l->services[i]->n_tasks;
	struct plm_cluster c = { .n_services = l->n_services, .asked_mono = now->mono };
	c.services = calloc(l->n_services + 1, sizeof(*c.services));
	c.tasks = calloc(n_tasks + 1, sizeof(*c.tasks));
	if (!c.services || !c.tasks) {
		plm_cluster_done(&c);
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	}
	for (size_t i = 0; i < l->n_services; i++) {
		const struct plm_local_service *s = l->services[i];
		plm_local_service_describe(l, s, now, &c.services[i]);
		for (size_t j = 0; j < s->n_tasks; j++) {
			if (s->tasks[j]->t.status == PLM_TASK_STOPPED)
				continue;
			struct plm_task *t = &c.tasks[c.n_tasks++];
			show(s->tasks[j], t);
			if (plm_local_task_is_waiting(s->tasks[j])) /* what keeps the service back keeps it back */
				(void)plm_strcpy(t->reason, sizeof(t->reason), c.services[i].reason);
		}
	}
	for (size_t i = 0; i < l->n_services; i++) /* newest stopped one of each service first */
		for (size_t j = l->services[i]->n_tasks; j > 0; j--)
			if (l->services[i]->tasks[j - 1]->t.status == PLM_TASK_STOPPED)
				show(l->services[i]->tasks[j - 1], &c.tasks[c.n_tasks++]);
	plm_cluster_done(ret);
	*ret = c;
	return 0;
}

static int local_set_desired(void *ctx, const char *service, int desired, const struct plm_now *now,
			     struct plm_err *err)
{
	struct plm_local *l = ctx;
	struct plm_local_service *s = plm_local_service_find(l, service);
	l->now_mono = now->mono;
	if (!s || !s->definition)
		return plm_err_set(err, ENOENT, NULL, "there is no service \"%.100s\"", service);
	if (desired < 0 || desired > PLM_LOCAL_MAX_DESIRED)
		return plm_err_set(err, EINVAL, NULL, "desired is %d; it must be from 0 to %d", desired,
				   PLM_LOCAL_MAX_DESIRED);
	if (s->is_daemon)
		return plm_err_set(err, EPERM, NULL, "service \"%.100s\" runs one task per host and is never scaled",
				   service);
	int before = s->desired;
	if (desired == before && !s->is_dirty)
		return 0;
	s->desired = desired;
	/* Durable also when the power fails; all other writes of this backend need to outlive only the daemon. */
	(void)plm_db_exec(l->db, "PRAGMA synchronous=FULL", NULL);
	int r = plm_local_store_put_service(l, s, err);
	(void)plm_db_exec(l->db, "PRAGMA synchronous=NORMAL", NULL);
	if (r != 0)
		s->desired = before;
	else
		s->is_dirty = false;
	plm_local_wake(l);
	return r;
}

/* --- end --- */

static size_t advance_all(struct plm_local *l, const struct plm_now *now)
{
	size_t left = 0;
	l->now_mono = now->mono;
	for (size_t i = 0; i < l->n_services; i++) {
		for (size_t j = 0; j < l->services[i]->n_tasks; j++) {
			struct plm_local_task *t = l->services[i]->tasks[j];
			if (t->t.status == PLM_TASK_STOPPED || plm_local_task_is_waiting(t))
				continue;
			plm_local_task_poll(t);
			plm_local_task_advance(t, now);
			left += t->t.status != PLM_TASK_STOPPED;
		}
	}
	return left;
}

static int remove_cgroups(struct plm_local *l, struct plm_err *err)
{
	for (size_t i = 0; i < l->n_services; i++) {
		char path[PLM_PATH_MAX];
		if (snprintf(path, sizeof(path), "%s/%s", l->set.parent, l->services[i]->name) < (int)sizeof(path))
			(void)plm_local_cgroup_remove(&l->cgroups, path);
	}
	int r = plm_local_cgroup_remove_parent(&l->cgroups, l->set.parent, l->made);
	if (r != 0)
		return plm_err_set(err, -r, l->set.parent, "cannot remove the cgroup: %s", strerror(-r));
	l->made[0] = '\0';
	plm_local_store_put_made(l);
	return 0;
}

/* The loop is not turned: the daemon's tick hangs on it, and it would start what is stopped here. */
static int local_stop_all(void *ctx, struct plm_err *err)
{
	struct plm_local *l = ctx;
	struct plm_now now = plm_clock_now();
	int patience_s = 0;
	l->is_ending = true;
	for (size_t i = 0; i < l->n_services; i++) {
		for (size_t j = 0; j < l->services[i]->n_tasks; j++) {
			struct plm_local_task *t = l->services[i]->tasks[j];
			if (plm_local_task_is_waiting(t) || t->t.status == PLM_TASK_STOPPED)
				continue;
			plm_local_task_stop(t, &now, "stopped: the daemon ends its tasks");
			patience_s = t->stop_timeout_s > patience_s ? t->stop_timeout_s : patience_s;
		}
	}
	plm_ns end = now.mono + patience_s * PLM_NS_PER_S + STOP_SLACK_NS;
	size_t left = advance_all(l, &now);
	while (left && now.mono < end) {
		(void)poll(NULL, 0, STOP_POLL_MS);
		now = plm_clock_now();
		left = advance_all(l, &now);
	}
	if (left)
		return plm_err_set(err, EBUSY, NULL, "%zu tasks did not end within %d s", left,
				   patience_s + (int)(STOP_SLACK_NS / PLM_NS_PER_S));
	return remove_cgroups(l, err);
}

const struct plm_backend_ops plm_backend_local = {
	.name = "local",
	.check = local_check,
	.open = local_open,
	.reload = local_reload,
	.converge = local_converge,
	.list = local_list,
	.set_desired = local_set_desired,
	.close = local_close,
	.stop_all = local_stop_all,
};
