/* SPDX-License-Identifier: Apache-2.0
 *
 * The local backend's own state. local.c: ops and configuration; service.c: desired counts; task.c: one task's life; store.c: what
 * survives. Sizes: up to 256 services, some thousand tasks; one converge per tick.
 */
#ifndef PLM_BACKENDS_LOCAL_INTERNAL_H
#define PLM_BACKENDS_LOCAL_INTERNAL_H

#include <limits.h>

#include "backends/backend.h"
#include "backends/local/cgroup.h"
#include "backends/local/definition.h"

#define PLM_LOCAL_KEEP_STOPPED 20 /* stopped tasks shown per service */
#define PLM_LOCAL_HEALTHY_NS (60 * PLM_NS_PER_S) /* a run this long ends the back-off */
#define PLM_LOCAL_BACKOFF_MAX_S 60

struct plm_local_service {
	char name[PLM_NAME_MAX], family[PLM_NAME_MAX];
	const struct plm_local_definition *definition; /* into the present documents; NULL = removed from them */
	int declared; /* desiredCount as the file last said */
	int desired;
	bool is_daemon;
	unsigned failures;  /* in a row */
	plm_ns start_mono;  /* no task is started before this */
	uint32_t restarts;
	char reason[PLM_REASON_MAX]; /* the newest failure; "" after a healthy run */
};

struct plm_local_task {
	struct plm_local *local;
	struct plm_local_service *service; /* NULL = its service is gone */
	struct plm_task t;
	struct plm_local_limits limits;
	int pidfd, pipe;           /* -1 = none */
	struct plm_watch *exit_watch, *pipe_watch;
	uint64_t pid_start;        /* the process's start time in clock ticks: tells a reused pid */
	int stop_timeout_s;
	plm_ns kill_mono;          /* STOPPING: when patience ends; 0 = killed already */
	plm_ns exited_mono;        /* 0 = the main process lives */
	plm_ns exited_wall;
	bool is_asked_to_stop;     /* by us: its end is no failure */
	bool is_adopted;           /* started by an earlier daemon: its exit code cannot be had */
};

struct plm_local {
	char cluster[PLM_NAME_MAX];
	char parent[PLM_PATH_MAX]; /* cgroup path */
	char log_dir[PATH_MAX];
	char state_dir[PATH_MAX];
	int port_min, port_max, next_port;
	int lock_fd;
	struct plm_local_cgroups cgroups;
	bool has_made_parent;
	struct plm_db *db;
	struct plm_loop *loop;
	struct plm_local_docs docs;
	struct plm_local_service **services;
	size_t n_services;
	struct plm_local_task **tasks;
	size_t n_tasks;
};

/* --- store.c: failures are logged (limited) and returned --- */
int plm_local_store_open(struct plm_local *l, struct plm_err *err);
/* Numbers the definition: the newest stored revision when its text is the same, else one more. */
int plm_local_store_number(struct plm_local *l, struct plm_local_definition *d, struct plm_err *err);
/* 1 = found (declared, desired, restarts filled), 0 = new. */
int plm_local_store_get_service(struct plm_local *l, struct plm_local_service *s, struct plm_err *err);
int plm_local_store_put_service(struct plm_local *l, const struct plm_local_service *s, struct plm_err *err);
void plm_local_store_drop_service(struct plm_local *l, const char *name);
void plm_local_store_put_task(struct plm_local *l, const struct plm_local_task *t);
void plm_local_store_drop_task(struct plm_local *l, const char *id);
/* Calls fn with each stored task that was not stopped. */
int plm_local_store_each_task(struct plm_local *l, void (*fn)(struct plm_local *l, const struct plm_task *t, uint64_t pid_start),
			      struct plm_err *err);

/* --- task.c --- */
/* Makes row, cgroup and process of one new task. A failure counts as a failure of the service. */
void plm_local_task_start(struct plm_local *l, struct plm_local_service *s, const struct plm_now *now);
/* Takes over (or cleans up after) a task of an earlier daemon. */
void plm_local_task_adopt(struct plm_local *l, const struct plm_task *row, uint64_t pid_start, const struct plm_now *now);
void plm_local_task_stop(struct plm_local_task *t, const struct plm_now *now, const char *why);
/* Goes on with what is under way: exits noted, patience over, cgroups to remove. */
void plm_local_task_advance(struct plm_local_task *t, const struct plm_now *now);
/* Stopped tasks beyond PLM_LOCAL_KEEP_STOPPED per service are forgotten. */
void plm_local_tasks_prune(struct plm_local *l);
void plm_local_task_free(struct plm_local_task *t); /* leaves the process alone */
bool plm_local_task_is_live(const struct plm_local_task *t); /* PENDING or RUNNING */

/* --- service.c --- */
/* Makes the service list match the documents. On failure nothing has changed. Takes over `docs`. */
int plm_local_services_load(struct plm_local *l, struct plm_local_docs *docs, struct plm_err *err);
struct plm_local_service *plm_local_service_find(struct plm_local *l, const char *name);
void plm_local_service_failed(struct plm_local_service *s, const char *why, const struct plm_now *now);
void plm_local_service_converge(struct plm_local *l, struct plm_local_service *s, const struct plm_now *now);
/* Forgets services that the documents no longer have, once their tasks are gone. */
void plm_local_services_sweep(struct plm_local *l);

#endif
