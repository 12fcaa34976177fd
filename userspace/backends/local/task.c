/* SPDX-License-Identifier: Apache-2.0
 *
 * One task's life: row → cgroup → process → running → asked to stop → gone → cgroup removed. The row is written before the
 * fork, and an unknown cgroup of ours is emptied at start, so a daemon killed at any moment leaves no double.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/local/internal.h"
#include "backends/local/spawn.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/num.h"

bool plm_local_task_is_live(const struct plm_local_task *t)
{
	return t->t.status == PLM_TASK_PENDING || t->t.status == PLM_TASK_RUNNING;
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
	plm_loop_remove(t->local->loop, t->pipe_watch);
	t->exit_watch = t->pipe_watch = NULL;
	close_fd(&t->pidfd);
	close_fd(&t->pipe);
}

void plm_local_task_free(struct plm_local_task *t)
{
	unwatch(t);
	free(t);
}

static struct plm_local_task *new_task(struct plm_local *l)
{
	struct plm_local_task **bigger = realloc(l->tasks, (l->n_tasks + 1) * sizeof(struct plm_local_task *));
	if (!bigger)
		return NULL;
	l->tasks = bigger;
	struct plm_local_task *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->local = l;
	t->pidfd = t->pipe = -1;
	t->t.exit_code = -1;
	l->tasks[l->n_tasks++] = t;
	return t;
}

/* Field 22 of /proc/PID/stat; 0 = not known. The program's name may hold blanks and brackets, so from the last bracket on. */
static uint64_t start_of(pid_t pid)
{
	char path[64];
	struct plm_buf text = PLM_BUF_INIT(4096);
	unsigned long long start = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (plm_file_read(AT_FDCWD, path, &text, NULL) == 0) {
		const char *p = strrchr(plm_buf_text(&text), ')');
		if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &start) != 1)
			start = 0;
	}
	plm_buf_done(&text);
	return start;
}

/* --- events --- */

/* The main process has ended: collect it at once, the rest is done by the next pass. */
static void on_ended(void *ctx, uint32_t events)
{
	struct plm_local_task *t = ctx;
	struct plm_now now = plm_clock_now();
	siginfo_t info = { .si_pid = 0 };
	(void)events;
	if (waitid(P_PIDFD, (id_t)t->pidfd, &info, WEXITED | WNOHANG) == 0 && info.si_pid)
		t->t.exit_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	t->exited_mono = now.mono;
	t->exited_wall = now.wall;
	plm_loop_remove(t->local->loop, t->exit_watch);
	t->exit_watch = NULL;
}

/* The pipe from the child: closed when the program has begun, else it says why not. */
static void on_begun(void *ctx, uint32_t events)
{
	struct plm_local_task *t = ctx;
	struct plm_err err = PLM_ERR_INIT;
	(void)events;
	int r = plm_local_spawn_result(t->pipe, t->service && t->service->definition ? t->service->definition : NULL, &err);
	if (r == -EAGAIN)
		return;
	plm_loop_remove(t->local->loop, t->pipe_watch);
	t->pipe_watch = NULL;
	close_fd(&t->pipe);
	if (r != 0) {
		(void)plm_strcpy(t->t.reason, sizeof(t->t.reason), err.msg);
		return; /* its exit follows */
	}
	if (t->t.status == PLM_TASK_PENDING) {
		struct plm_now now = plm_clock_now();
		t->t.status = PLM_TASK_RUNNING;
		t->t.started_wall = now.wall;
		t->t.started_mono = now.mono;
		plm_local_store_put_task(t->local, t);
	}
}

/* --- start --- */

static void make_id(char id[PLM_TASK_ID_MAX])
{
	unsigned char b[16];
	while (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		;
	for (int i = 0; i < 16; i++)
		(void)snprintf(id + 2 * i, 3, "%02x", b[i]);
}

static bool port_is_free(const struct plm_local *l, int port)
{
	for (size_t i = 0; i < l->n_tasks; i++)
		if (l->tasks[i]->t.port == port && l->tasks[i]->t.status != PLM_TASK_STOPPED)
			return false;
	PLM_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int on = 1; /* a port in TIME_WAIT is free for a server */
	return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	       bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0;
}

/* Goes round the range, so that a port rests before it is used again. 0 = none is free. */
static int choose_port(struct plm_local *l)
{
	for (int tries = l->port_max - l->port_min + 1; tries > 0; tries--) {
		int port = l->next_port;
		l->next_port = port >= l->port_max ? l->port_min : port + 1;
		if (port_is_free(l, port))
			return port;
	}
	return 0;
}

static int prepare(struct plm_local_task *t, struct plm_err *err)
{
	struct plm_local *l = t->local;
	const struct plm_local_definition *d = t->service->definition;
	if (d->host_port != PLM_LOCAL_NO_PORT) {
		t->t.port = d->host_port ? d->host_port : choose_port(l);
		if (!t->t.port)
			return plm_err_set(err, EADDRINUSE, NULL, "no free port from %d to %d", l->port_min, l->port_max);
	}
	plm_local_store_put_task(l, t);
	return plm_local_cgroup_make(&l->cgroups, t->t.cgroup, &t->limits, err);
}

static int run(struct plm_local_task *t, struct plm_err *err)
{
	struct plm_local *l = t->local;
	char folder[PATH_MAX], log_file[PATH_MAX], id[80], service[PLM_NAME_MAX + 24], cluster[PLM_NAME_MAX + 24], port[16];
	if (snprintf(folder, sizeof(folder), "%s/%s", l->log_dir, t->t.service) >= (int)sizeof(folder) ||
	    snprintf(log_file, sizeof(log_file), "%s/%s/%s.log", l->log_dir, t->t.service, t->t.id) >= (int)sizeof(log_file))
		return plm_err_set(err, ENAMETOOLONG, NULL, "log_dir is too long");
	int r = plm_mkdirs(folder, 0755);
	if (r != 0)
		return plm_err_set(err, -r, NULL, "cannot make the log folder %s: %s", folder, strerror(-r));
	(void)snprintf(id, sizeof(id), "PLIMSOLL_TASK_ID=%s", t->t.id);
	(void)snprintf(service, sizeof(service), "PLIMSOLL_SERVICE=%s", t->t.service);
	(void)snprintf(cluster, sizeof(cluster), "PLIMSOLL_CLUSTER=%s", l->cluster);
	(void)snprintf(port, sizeof(port), "PORT=%d", t->t.port);
	const char *extra[] = { id, service, cluster, t->t.port ? port : NULL, NULL };
	struct plm_local_spawn spawn = { .definition = t->service->definition, .cgroups = &l->cgroups, .cgroup = t->t.cgroup,
					 .log_file = log_file, .extra_env = extra };
	pid_t pid;
	r = plm_local_spawn(&spawn, &pid, &t->pidfd, &t->pipe, err);
	if (r != 0)
		return r;
	t->t.pid = pid;
	t->pid_start = start_of(pid);
	r = plm_loop_add(l->loop, t->pidfd, EPOLLIN, on_ended, t, &t->exit_watch);
	if (r == 0)
		r = plm_loop_add(l->loop, t->pipe, EPOLLIN | EPOLLHUP, on_begun, t, &t->pipe_watch);
	plm_local_store_put_task(l, t);
	return r == 0 ? 0 : plm_err_set(err, -r, NULL, "cannot watch the new process: %s", strerror(-r));
}

void plm_local_task_start(struct plm_local *l, struct plm_local_service *s, const struct plm_now *now)
{
	struct plm_err err = PLM_ERR_INIT;
	const struct plm_local_definition *d = s->definition;
	struct plm_local_task *t = new_task(l);
	if (!t) {
		plm_local_service_failed(s, "out of memory", now);
		return;
	}
	t->service = s;
	make_id(t->t.id);
	(void)plm_strcpy(t->t.service, sizeof(t->t.service), s->name);
	(void)plm_strcpy(t->t.family, sizeof(t->t.family), d->family);
	t->t.revision = d->revision;
	t->t.cpu_units = d->cpu_units;
	t->t.memory_bytes = d->memory_bytes;
	t->t.created_wall = now->wall;
	t->stop_timeout_s = d->stop_timeout_s;
	t->limits = (struct plm_local_limits){ .cpu_units = d->cpu_units, .has_cpu_quota = d->has_cpu_quota,
					       .memory_bytes = d->memory_limit_bytes };
	if (snprintf(t->t.cgroup, sizeof(t->t.cgroup), "%s/%s/%s", l->parent, s->name, t->t.id) >= (int)sizeof(t->t.cgroup)) {
		(void)plm_err_set(&err, ENAMETOOLONG, NULL, "the cgroup path is too long");
	} else if (prepare(t, &err) == 0 && run(t, &err) == 0) {
		return;
	}
	(void)plm_strcpy(t->t.reason, sizeof(t->t.reason), plm_err_text(&err));
	t->exited_mono = now->mono;
	t->exited_wall = now->wall;
}

/* --- adopt --- */

/* Whether that process is the one we started: alive, of the same age, still in the task's cgroup. */
static bool is_ours(const struct plm_local *l, const struct plm_task *row, uint64_t pid_start)
{
	pid_t pids[1024];
	size_t n = plm_local_cgroup_pids(&l->cgroups, row->cgroup, pids, PLM_ARRAY_SIZE(pids));
	if (row->pid <= 0 || !pid_start || start_of(row->pid) != pid_start)
		return false;
	for (size_t i = 0; i < n && i < PLM_ARRAY_SIZE(pids); i++)
		if (pids[i] == row->pid)
			return true;
	return false;
}

void plm_local_task_adopt(struct plm_local *l, const struct plm_task *row, uint64_t pid_start, const struct plm_now *now)
{
	struct plm_local_task *t = new_task(l);
	if (!t)
		return;
	t->t = *row;
	t->service = plm_local_service_find(l, row->service);
	if (row->status == PLM_TASK_STOPPED)
		return;
	t->pid_start = pid_start;
	t->is_adopted = true;
	t->stop_timeout_s = t->service && t->service->definition ? t->service->definition->stop_timeout_s : 30;
	t->t.started_mono = now->mono;
	t->pidfd = is_ours(l, row, pid_start) ? plm_local_pidfd_open(row->pid) : -1;
	if (t->pidfd >= 0 && plm_loop_add(l->loop, t->pidfd, EPOLLIN, on_ended, t, &t->exit_watch) == 0) {
		if (t->t.status == PLM_TASK_PENDING) { /* it was killed between fork and notice; the program runs by now */
			t->t.status = PLM_TASK_RUNNING;
			t->t.started_wall = now->wall;
		}
		if (t->t.status == PLM_TASK_STOPPING) {
			t->is_asked_to_stop = true;
			t->kill_mono = now->mono + t->stop_timeout_s * PLM_NS_PER_S;
		}
		plm_log(PLM_LOG_INFO, "local", "task %s of service \"%s\" (pid %d) taken over", t->t.id, t->t.service, t->t.pid);
		return;
	}
	close_fd(&t->pidfd);
	t->is_asked_to_stop = true; /* not a failure of the service: it ended while nobody watched */
	t->exited_mono = now->mono;
	t->exited_wall = now->wall;
	(void)plm_strcpy(t->t.reason, sizeof(t->t.reason), "ended while the daemon was away");
}

/* --- stop --- */

void plm_local_task_stop(struct plm_local_task *t, const struct plm_now *now, const char *why)
{
	if (!plm_local_task_is_live(t))
		return;
	t->t.status = PLM_TASK_STOPPING;
	t->is_asked_to_stop = true;
	(void)plm_strcpy(t->t.reason, sizeof(t->t.reason), why);
	t->kill_mono = now->mono + t->stop_timeout_s * PLM_NS_PER_S;
	if (t->pidfd >= 0)
		(void)plm_local_pidfd_signal(t->pidfd, SIGTERM);
	plm_local_store_put_task(t->local, t);
}

/* Why the main process ended, for a task that nobody asked to stop. */
static void tell_end(struct plm_local_task *t, uint64_t oom_kills)
{
	char *reason = t->t.reason;
	double ran = t->t.started_mono ? (double)(t->exited_mono - t->t.started_mono) / (double)PLM_NS_PER_S : 0;
	if (reason[0])
		return; /* the start failed, and said why */
	if (oom_kills)
		(void)snprintf(reason, sizeof(t->t.reason), "out of memory: killed by the kernel at its limit after %.1f s", ran);
	else if (t->t.exit_code > 128)
		(void)snprintf(reason, sizeof(t->t.reason), "killed by signal %d (%s) after %.1f s", t->t.exit_code - 128,
			       strsignal(t->t.exit_code - 128), ran);
	else if (t->t.exit_code >= 0)
		(void)snprintf(reason, sizeof(t->t.reason), "exited with code %d after %.1f s", t->t.exit_code, ran);
	else
		(void)snprintf(reason, sizeof(t->t.reason), "ended; its exit code is not known, an earlier daemon had started it");
}

/* The main process is gone: empty and remove the cgroup, then the task is STOPPED. */
static void finish(struct plm_local_task *t, const struct plm_now *now)
{
	struct plm_local *l = t->local;
	uint64_t oom_kills = plm_local_cgroup_oom_kills(&l->cgroups, t->t.cgroup);
	plm_local_cgroup_kill(&l->cgroups, t->t.cgroup);
	if (t->t.status != PLM_TASK_STOPPING) {
		t->t.status = PLM_TASK_STOPPING;
		if (!t->is_asked_to_stop) {
			tell_end(t, oom_kills);
			if (t->service && t->exited_mono - t->t.started_mono >= PLM_LOCAL_HEALTHY_NS && t->t.started_mono)
				t->service->failures = 0;
			if (t->service)
				plm_local_service_failed(t->service, t->t.reason, now);
		}
	}
	if (plm_local_cgroup_remove(&l->cgroups, t->t.cgroup) == -EBUSY)
		return; /* processes are still dying; the next pass tries again */
	unwatch(t);
	t->t.status = PLM_TASK_STOPPED;
	t->t.stopped_wall = t->exited_wall;
	plm_local_store_put_task(l, t);
	plm_log(PLM_LOG_INFO, "local", "task %s of service \"%s\" stopped: %s", t->t.id, t->t.service, t->t.reason);
}

void plm_local_task_advance(struct plm_local_task *t, const struct plm_now *now)
{
	if (t->t.status == PLM_TASK_STOPPED)
		return;
	if (t->exited_mono) {
		finish(t, now);
	} else if (t->t.status == PLM_TASK_STOPPING && t->kill_mono && now->mono >= t->kill_mono) {
		plm_local_cgroup_kill(&t->local->cgroups, t->t.cgroup);
		t->kill_mono = 0;
		size_t used = strlen(t->t.reason);
		(void)snprintf(t->t.reason + used, sizeof(t->t.reason) - used, "; killed after %d s of patience", t->stop_timeout_s);
	} else if (t->t.status == PLM_TASK_RUNNING && t->service && t->service->failures &&
		   now->mono - t->t.started_mono >= PLM_LOCAL_HEALTHY_NS) {
		t->service->failures = 0;
		t->service->reason[0] = '\0';
	}
}

void plm_local_tasks_prune(struct plm_local *l)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->n_tasks; i++) {
		struct plm_local_task *t = l->tasks[i];
		size_t newer = 0;
		for (size_t j = i + 1; t->t.status == PLM_TASK_STOPPED && j < l->n_tasks && newer < PLM_LOCAL_KEEP_STOPPED; j++)
			newer += l->tasks[j]->t.status == PLM_TASK_STOPPED && strcmp(l->tasks[j]->t.service, t->t.service) == 0;
		if (t->t.status == PLM_TASK_STOPPED && (newer >= PLM_LOCAL_KEEP_STOPPED || !t->service)) {
			plm_local_store_drop_task(l, t->t.id);
			plm_local_task_free(t);
		} else {
			l->tasks[kept++] = t;
		}
	}
	l->n_tasks = kept;
}
