/* SPDX-License-Identifier: Apache-2.0
 *
 * One task's life: waiting → row → cgroup → process → running → asked to stop → ended → cgroup removed → stopped. The row is written
 * before the fork and has the pid before the program begins, so a daemon killed at any moment leaves no double.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/local/internal.h"
#include "backends/local/spawn.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/num.h"

#define REMOVE_RETRY_NS (20 * PLM_NS_PER_MS) /* a cgroup whose processes are dying: tried again this soon */
#define REMOVE_SLOW_NS PLM_NS_PER_S          /* after a second of that: this often */

bool plm_local_task_is_waiting(const struct plm_local_task *t)
{
	return t->t.status == PLM_TASK_PENDING && !t->launched_mono;
}

bool plm_local_task_is_live(const struct plm_local_task *t)
{
	return (t->t.status == PLM_TASK_PENDING || t->t.status == PLM_TASK_RUNNING) && !t->ended_mono;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void unwatch(struct plm_local_task *t)
{
	plm_loop_remove(t->local->loop, t->exit_watch);
	plm_loop_remove(t->local->loop, t->report_watch);
	t->exit_watch = t->report_watch = NULL;
	close_fd(&t->pidfd);
	close_fd(&t->report);
}

void plm_local_task_free(struct plm_local_task *t)
{
	unwatch(t);
	free(t);
}

static int make_id(char id[PLM_TASK_ID_MAX])
{
	unsigned char b[16];
	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b)) /* up to 256 bytes are never cut short */
		return -EIO;
	for (int i = 0; i < 16; i++)
		(void)snprintf(id + 2 * i, 3, "%02x", b[i]);
	return 0;
}

struct plm_local_task *plm_local_task_new(struct plm_local *l, struct plm_local_service *s, const struct plm_now *now)
{
	if (s->n_tasks == s->cap_tasks) {
		size_t cap = s->cap_tasks ? s->cap_tasks * 2 : 8;
		struct plm_local_task **bigger = realloc(s->tasks, cap * sizeof(struct plm_local_task *));
		if (!bigger)
			return NULL;
		s->tasks = bigger;
		s->cap_tasks = cap;
	}
	struct plm_local_task *t = calloc(1, sizeof(*t));
	if (!t || make_id(t->t.id) != 0) {
		free(t);
		return NULL;
	}
	t->local = l;
	t->service = s;
	t->pidfd = t->report = -1;
	t->t.exit_code = -1;
	t->t.created_wall = now->wall;
	(void)plm_strcpy(t->t.service, sizeof(t->t.service), s->name);
	s->tasks[s->n_tasks++] = t;
	return t;
}

/* Field 22 of /proc/PID/stat. The program's name may hold blanks and brackets, so counted from the last bracket. */
uint64_t plm_local_pid_start(pid_t pid)
{
	char path[64];
	struct plm_buf text = PLM_BUF_INIT(4096);
	unsigned long long start = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (plm_file_read(AT_FDCWD, path, &text, NULL) == 0) {
		const char *p = strrchr(plm_buf_text(&text), ')');
		for (int field = 2; p && field < 22; field++)
			p = strchr(p + 1, ' ');
		if (!p || sscanf(p, " %llu", &start) != 1)
			start = 0;
	}
	plm_buf_done(&text);
	return start;
}

int plm_local_log_path(const struct plm_local *l, const char *service, const char *id, char ret[PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/%s/%s.log", l->set.log_dir, service, id);
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* --- events --- */

/* The report from the child: closed when the program has begun, else it says why not. */
static void on_report(void *ctx, uint32_t events)
{
	struct plm_local_task *t = ctx;
	struct plm_err err = PLM_ERR_INIT;
	(void)events;
	if (t->report < 0)
		return;
	int r = plm_local_spawn_result(t->report, &err);
	if (r == -EAGAIN)
		return;
	plm_loop_remove(t->local->loop, t->report_watch);
	t->report_watch = NULL;
	close_fd(&t->report);
	if (r != 0) {
		(void)plm_strcpy(t->t.reason, sizeof(t->t.reason), err.msg); /* its exit follows */
	} else if (t->t.status == PLM_TASK_PENDING) {
		struct plm_now now = plm_clock_now();
		t->t.status = PLM_TASK_RUNNING;
		t->t.started_wall = now.wall;
		t->t.started_mono = now.mono;
		t->is_dirty = true;
	}
	plm_local_wake(t->local);
}

/* The main process has ended: collect it at once, the rest is done by the next pass. */
static void on_ended(void *ctx, uint32_t events)
{
	struct plm_local_task *t = ctx;
	siginfo_t info = { .si_pid = 0 };
	on_report(t, events); /* it may have ended because it could not begin */
	if (waitid(P_PIDFD, (id_t)t->pidfd, &info, WEXITED | WNOHANG) == 0 && info.si_pid && t->t.started_mono)
		t->t.exit_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	t->ended_mono = plm_clock_mono();
	plm_loop_remove(t->local->loop, t->exit_watch);
	t->exit_watch = NULL;
	plm_local_wake(t->local);
}

int plm_local_task_watch(struct plm_local_task *t)
{
	int r = plm_loop_add(t->local->loop, t->pidfd, EPOLLIN, on_ended, t, &t->exit_watch);
	if (r == 0 && t->report >= 0)
		r = plm_loop_add(t->local->loop, t->report, EPOLLIN | EPOLLHUP, on_report, t, &t->report_watch);
	return r;
}

void plm_local_task_poll(struct plm_local_task *t)
{
	struct pollfd p = { .fd = t->pidfd, .events = POLLIN };
	on_report(t, 0);
	if (t->pidfd >= 0 && !t->ended_mono && poll(&p, 1, 0) == 1)
		on_ended(t, 0);
}

/* --- launch --- */

static int spawn(struct plm_local_task *t, struct plm_err *err)
{
	struct plm_local *l = t->local;
	char log_file[PATH_MAX], id[80], service[PLM_NAME_MAX + 24], cluster[PLM_NAME_MAX + 24];
	char family[PLM_NAME_MAX + 24], revision[48], port[16];
	if (plm_local_log_path(l, t->t.service, t->t.id, log_file) != 0)
		return plm_err_set(err, ENAMETOOLONG, NULL, "log_dir is too long");
	char *slash = strrchr(log_file, '/');
	*slash = '\0';
	int r = plm_mkdirs(log_file, 0755);
	if (r != 0 && r != -ENOSPC && r != -EDQUOT && r != -EROFS)
		return plm_err_set(err, -r, NULL, "cannot make the log folder '%s': %s", log_file, strerror(-r));
	*slash = '/';
	(void)snprintf(id, sizeof(id), "PLIMSOLL_TASK_ID=%s", t->t.id);
	(void)snprintf(service, sizeof(service), "PLIMSOLL_SERVICE=%s", t->t.service);
	(void)snprintf(cluster, sizeof(cluster), "PLIMSOLL_CLUSTER=%s", l->cluster);
	(void)snprintf(family, sizeof(family), "PLIMSOLL_TASK_FAMILY=%s", t->t.family);
	(void)snprintf(revision, sizeof(revision), "PLIMSOLL_TASK_REVISION=%d", t->t.revision);
	(void)snprintf(port, sizeof(port), "PORT=%d", t->t.port);
	const char *extra[] = { id, service, cluster, family, revision, t->t.port ? port : NULL, NULL };
	struct plm_local_spawn how = { .definition = t->service->definition,
				       .cgroups = &l->cgroups,
				       .cgroup = t->t.cgroup,
				       .nofile = l->nofile,
				       .log_file = log_file,
				       .extra_env = extra };
	struct plm_local_spawned child;
	r = plm_local_spawn(&how, &child, err);
	if (r != 0)
		return r;
	t->t.pid = child.pid;
	t->pidfd = child.pidfd;
	t->report = child.report;
	t->pid_start = plm_local_pid_start(child.pid);
	r = plm_local_task_watch(t);
	if (r != 0) { /* the closed gate ends the child */
		(void)close(child.gate);
		(void)waitid(P_PIDFD, (id_t)t->pidfd, &(siginfo_t){ .si_pid = 0 }, WEXITED);
		t->t.pid = 0;
		unwatch(t);
		return plm_err_set(err, -r, NULL, "cannot watch the new process: %s", strerror(-r));
	}
	(void)plm_local_store_note_task(l, t);
	plm_local_spawn_release(&child.gate);
	return 0;
}

void plm_local_task_launch(struct plm_local_task *t, const struct plm_now *now)
{
	struct plm_local *l = t->local;
	struct plm_err err = PLM_ERR_INIT;
	t->t.reason[0] = '\0';
	t->launched_mono = now->mono;
	if (snprintf(t->t.cgroup, sizeof(t->t.cgroup), "%s/%s/%s", l->set.parent, t->t.service, t->t.id) >=
	    (int)sizeof(t->t.cgroup)) {
		t->t.cgroup[0] = '\0';
		(void)plm_err_set(&err, ENAMETOOLONG, NULL, "the cgroup path is too long");
	} else {
		/* With a database that takes no writes the task starts all the same: a daemon killed before the row is written finds
		 * a cgroup that no row knows, ends it and starts another task. */
		(void)plm_local_store_note_task(l, t);
		if (plm_local_cgroup_make(&l->cgroups, t->t.cgroup, &t->limits, &err) == 0 && spawn(t, &err) == 0)
			return;
	}
	(void)plm_strcpy(t->t.reason, sizeof(t->t.reason), plm_err_text(&err));
	t->ended_mono = now->mono;
}

/* --- stop --- */

void plm_local_task_stop(struct plm_local_task *t, const struct plm_now *now, const char *why)
{
	if (!plm_local_task_is_live(t))
		return;
	on_report(t, 0); /* perhaps its program has begun since the loop last turned */
	bool has_begun = t->t.status == PLM_TASK_RUNNING;
	t->t.status = PLM_TASK_STOPPING;
	t->is_asked_to_stop = true;
	(void)plm_strcpy(t->t.reason, sizeof(t->t.reason), why);
	t->kill_mono = now->mono + t->stop_timeout_s * PLM_NS_PER_S;
	/* The main process leads a group. As long as its pidfd does not say that it has ended, its number is nobody else's. */
	if (!has_begun)
		(void)plm_local_pidfd_signal(t->pidfd,
					     SIGKILL); /* there is no program yet that could end in an orderly way */
	else if (plm_local_pidfd_signal(t->pidfd, 0) != 0 || kill(-t->t.pid, SIGTERM) != 0)
		(void)plm_local_pidfd_signal(t->pidfd, SIGTERM);
	(void)plm_local_store_note_task(t->local, t);
}

/* --- the end --- */

static double seconds_run(const struct plm_local_task *t)
{
	return t->t.started_mono ? (double)(t->ended_mono - t->t.started_mono) / (double)PLM_NS_PER_S : 0;
}

/* Why the main process ended, for a task that nobody asked to stop. */
static void explain_end(struct plm_local_task *t)
{
	char *reason = t->t.reason;
	int code = t->t.exit_code;
	double ran = seconds_run(t);
	if (reason[0])
		return; /* the start failed, and said why */
	if (t->is_adopted)
		(void)snprintf(reason, sizeof(t->t.reason),
			       "ended after %.1f s; its exit code is not known, since an earlier daemon had started it",
			       ran);
	else if (code > 128)
		(void)snprintf(reason, sizeof(t->t.reason), "killed by signal %d (%s) after %.1f s", code - 128,
			       strsignal(code - 128), ran);
	else if (code >= 0)
		(void)snprintf(reason, sizeof(t->t.reason), "exited with code %d after %.1f s", code, ran);
	else
		(void)snprintf(reason, sizeof(t->t.reason), "ended before its program began");
}

static void explain_oom(struct plm_local_task *t, uint64_t oom_kills)
{
	char before[PLM_REASON_MAX];
	if (!oom_kills)
		return;
	(void)plm_strcpy(before, sizeof(before), t->t.reason);
	if (t->limits.memory_bytes)
		(void)snprintf(t->t.reason, sizeof(t->t.reason), "out of memory (limit %llu MiB): %.180s",
			       (unsigned long long)(t->limits.memory_bytes >> 20), before);
	else
		(void)snprintf(t->t.reason, sizeof(t->t.reason), "out of memory: %.180s", before);
}

/* Once per task, when its main process is gone. */
static void tell_end(struct plm_local_task *t, const struct plm_now *now)
{
	uint64_t oom_kills = plm_local_cgroup_oom_kills(&t->local->cgroups, t->t.cgroup);
	t->is_told = true;
	t->t.status = PLM_TASK_STOPPING;
	t->t.stopped_wall = now->wall - (now->mono - t->ended_mono);
	if (!t->is_asked_to_stop) {
		explain_end(t);
		explain_oom(t, oom_kills);
		plm_local_service_failed(t->service, t, now);
	}
	t->is_dirty = true;
}

/* What the main process has left behind is killed; the task is STOPPED when its cgroup is gone. */
static void finish(struct plm_local_task *t, const struct plm_now *now)
{
	struct plm_local *l = t->local;
	if (!t->is_told)
		tell_end(t, now);
	int r = 0;
	if (t->t.cgroup[0]) {
		r = plm_local_cgroup_remove(&l->cgroups, t->t.cgroup);
		if (r != 0) {
			plm_local_cgroup_kill(&l->cgroups, t->t.cgroup);
			r = plm_local_cgroup_remove(&l->cgroups, t->t.cgroup);
		}
	}
	if (r != 0) {
		bool is_slow = now->mono - t->ended_mono > PLM_NS_PER_S;
		if (is_slow)
			plm_log_limited(PLM_LOG_WARN, "local", t->t.id, "cgroup %s cannot be removed: %s, trying again",
					t->t.cgroup, strerror(-r));
		plm_local_wake_at(l, now->mono + (is_slow ? REMOVE_SLOW_NS : REMOVE_RETRY_NS));
		return;
	}
	unwatch(t);
	t->t.status = PLM_TASK_STOPPED;
	(void)plm_local_store_note_task(l, t);
	plm_local_wake_at(l, now->mono); /* its port is free, its service may be complete */
	plm_log(PLM_LOG_INFO, "local", "task %s of service \"%s\" stopped: %s", t->t.id, t->t.service, t->t.reason);
}

static void run_out_of_patience(struct plm_local_task *t)
{
	plm_local_cgroup_kill(&t->local->cgroups, t->t.cgroup);
	(void)plm_local_pidfd_signal(t->pidfd, SIGKILL); /* in case it had left the cgroup */
	t->kill_mono = 0;
	size_t used = strlen(t->t.reason);
	(void)snprintf(t->t.reason + used, sizeof(t->t.reason) - used,
		       "; killed, since SIGTERM had not ended it within %d s", t->stop_timeout_s);
	t->is_dirty = true;
}

void plm_local_task_advance(struct plm_local_task *t, const struct plm_now *now)
{
	if (t->ended_mono && t->t.status != PLM_TASK_STOPPED)
		finish(t, now);
	else if (t->t.status == PLM_TASK_STOPPING && t->kill_mono && now->mono >= t->kill_mono)
		run_out_of_patience(t);
	if (t->t.status == PLM_TASK_STOPPING && t->kill_mono)
		plm_local_wake_at(t->local, t->kill_mono);
	if (t->is_dirty)
		(void)plm_local_store_note_task(t->local, t);
}
