/* SPDX-License-Identifier: Apache-2.0
 *
 * The local backend's own state. local.c: ops; settings.c: configuration; service.c: desired counts; load.c: documents into services;
 * task.c: one task's life; adopt.c: what an earlier daemon left; store.c: what survives; port.c: host ports. Sizes: up to 256 services,
 * some thousand tasks; a pass over all of them each tick, and when a process begins or ends or a deadline comes.
 */
#ifndef PLM_BACKENDS_LOCAL_INTERNAL_H
#define PLM_BACKENDS_LOCAL_INTERNAL_H

#include <limits.h>
#include <sys/resource.h>

#include "backends/backend.h"
#include "backends/local/cgroup.h"
#include "backends/local/definition.h"

#define PLM_LOCAL_KEEP_STOPPED 20                /* stopped tasks kept per service, with their logs */
#define PLM_LOCAL_HEALTHY_NS (60 * PLM_NS_PER_S) /* a run this long ends the back-off */
#define PLM_LOCAL_BACKOFF_MAX_S 60
#define PLM_LOCAL_SETTLE_NS \
	(2 * PLM_NS_PER_S)           /* a new revision's task must have run this long before an old one is stopped */
#define PLM_LOCAL_STARTS_PER_PASS 16 /* a start costs about a millisecond; a pass must not hold up the tick */

struct plm_local_service {
	char name[PLM_NAME_MAX], family[PLM_NAME_MAX];
	const struct plm_local_definition *definition; /* into the present documents; NULL = removed from them */
	int revision;                                  /* that tasks were last converged to; 0 = none yet */
	int declared;                                  /* desiredCount as the file last said */
	int desired;
	bool is_daemon;
	struct plm_local_task **tasks; /* oldest first; stopped ones too; owned */
	size_t n_tasks, cap_tasks;
	unsigned failures;             /* rounds in a row */
	plm_ns round_mono;             /* when the newest round of failures began */
	plm_ns start_mono;             /* no task is started before this */
	char failure[PLM_REASON_MAX];  /* the newest failure; "" after a healthy run */
	char obstacle[PLM_REASON_MAX]; /* why a task that may start cannot (its port is taken); "" = none */
	uint32_t restarts;             /* durable */
	uint32_t owed_restarts;        /* failed tasks that nothing has been started for yet */
	uint64_t weight;               /* last written to its cgroup; 0 = none */
	bool is_dirty;                 /* its row waits to be written */
};

struct plm_local_task {
	struct plm_local *local;
	struct plm_local_service *service;
	struct plm_task t; /* PENDING without a pid: waits for its turn, has no row yet */
	struct plm_local_limits limits;
	int pidfd, report; /* -1 = none */
	struct plm_watch *exit_watch, *report_watch;
	uint64_t pid_start; /* the process's start time in clock ticks: tells a reused pid */
	int stop_timeout_s;
	plm_ns launched_mono;  /* 0 = not yet */
	plm_ns kill_mono;      /* STOPPING: when patience ends; 0 = killed already */
	plm_ns ended_mono;     /* 0 = the main process lives, or there is none yet */
	bool is_asked_to_stop; /* by us: its end is no failure */
	bool is_adopted;       /* started by an earlier daemon: its exit code cannot be had */
	bool is_told;          /* its end has been accounted for; what remains is its cgroup */
	bool is_dirty;         /* its row waits to be written */
};

/* The configuration's `orchestrator` object. */
struct plm_local_settings {
	char parent[PLM_PATH_MAX]; /* cgroup path */
	char log_dir[PATH_MAX];
	int port_min, port_max;
};

struct plm_local {
	char cluster[PLM_NAME_MAX];
	char state_dir[PATH_MAX];
	struct plm_local_settings set;
	int next_port;
	int state_lock, parent_lock; /* -1 = none */
	struct plm_local_cgroups cgroups;
	char made
		[PLM_PATH_MAX]; /* topmost cgroup above the services that we made, now or in an earlier run; "" = none */
	struct plm_db *db;
	plm_ns db_retry_mono; /* after a failed write none is tried before this */
	struct plm_loop *loop;
	struct plm_watch *timer;
	struct rlimit nofile; /* as the daemon was started with; reading files may raise its own */
	plm_ns now_mono;      /* of the pass under way */
	plm_ns next_mono;     /* nearest deadline found in it; 0 = none */
	unsigned starts;      /* in it */
	bool is_ending;       /* stop_all: nothing is started any more */
	struct plm_local_docs docs;
	struct plm_local_service **services;
	size_t n_services;
};

/* --- settings.c --- */
/* Reads the configuration and the documents it names. *ret_docs is the caller's. */
int plm_local_settings_read(const struct plm_backend_cfg *cfg, struct plm_local_settings *ret,
			    struct plm_local_docs *ret_docs, struct plm_err *err);

/* --- store.c. The put and drop functions without an error argument log failures (limited) and return false; after a failure they do
 * not try again for a second, so that a locked database does not hold up the tick. --- */
int plm_local_store_open(struct plm_local *l, struct plm_err *err);
/* Numbers the definition: the newest stored revision when its text is the same, else one more, or what its document says if that
 * is higher. */
int plm_local_store_number(struct plm_local *l, struct plm_local_definition *d, struct plm_err *err);
/* 1 = found (declared, desired, restarts filled), 0 = new. */
int plm_local_store_get_service(struct plm_local *l, struct plm_local_service *s, struct plm_err *err);
int plm_local_store_put_service(struct plm_local *l, const struct plm_local_service *s, struct plm_err *err);
bool plm_local_store_note_service(struct plm_local *l, struct plm_local_service *s);
bool plm_local_store_note_task(struct plm_local *l, struct plm_local_task *t);
void plm_local_store_drop_service(struct plm_local *l, const char *name);
void plm_local_store_drop_task(struct plm_local *l, const char *id);
/* The topmost cgroup we made ("" = none), across runs. */
int plm_local_store_get_made(struct plm_local *l, struct plm_err *err);
void plm_local_store_put_made(struct plm_local *l);
/* One stored task. */
struct plm_local_row {
	struct plm_task t;
	uint64_t pid_start;
	int stop_timeout_s;
	uint64_t memory_limit_bytes;
};
/* Calls fn with each stored task, oldest first; fn must not write to the store. Stops when fn fails. */
int plm_local_store_each_task(struct plm_local *l, int (*fn)(struct plm_local *l, const struct plm_local_row *row),
			      struct plm_err *err);

/* --- port.c --- */
/* Chooses a free port of the range. 0 = none is free. */
int plm_local_port_choose(struct plm_local *l, bool is_udp);
/* Whether nobody holds the port; `why` (PLM_REASON_MAX bytes) says who does. */
bool plm_local_port_is_free(const struct plm_local *l, int port, bool is_udp, char *why);

/* --- task.c --- */
/* A new task at the end of the service's list: PENDING, without a process. NULL = out of memory. */
struct plm_local_task *plm_local_task_new(struct plm_local *l, struct plm_local_service *s, const struct plm_now *now);
bool plm_local_task_is_waiting(const struct plm_local_task *t); /* PENDING, not launched */
bool plm_local_task_is_live(
	const struct plm_local_task *t); /* PENDING or RUNNING, and its main process has not ended */
/* Row, cgroup, process. A failure ends the task and is counted by the next plm_local_task_advance(). */
void plm_local_task_launch(struct plm_local_task *t, const struct plm_now *now);
/* Watches the process behind t->pidfd. 0 or -errno. */
int plm_local_task_watch(struct plm_local_task *t);
void plm_local_task_stop(struct plm_local_task *t, const struct plm_now *now, const char *why);
/* Goes on with what is under way: ends noted, patience over, cgroups to remove, rows to write. */
void plm_local_task_advance(struct plm_local_task *t, const struct plm_now *now);
/* Looks at the process without the loop: for stop_all. */
void plm_local_task_poll(struct plm_local_task *t);
/* Frees it; leaves process, cgroup and row alone. */
void plm_local_task_free(struct plm_local_task *t);
uint64_t plm_local_pid_start(pid_t pid); /* in clock ticks since boot; 0 = no such process */
int plm_local_log_path(const struct plm_local *l, const char *service, const char *id, char ret[PATH_MAX]);

/* --- adopt.c --- */
/* Reads the stored tasks, takes over those that still run, cleans up after the others, and ends cgroups that no row knows. */
int plm_local_adopt(struct plm_local *l, const struct plm_now *now, struct plm_err *err);

/* --- load.c --- */
/* Makes the service list match the documents, and numbers them. On failure nothing has changed. Takes the content of `docs`. */
int plm_local_load(struct plm_local *l, struct plm_local_docs *docs, struct plm_err *err);
struct plm_local_service *plm_local_service_find(const struct plm_local *l, const char *name);
struct plm_local_service *plm_local_service_new(struct plm_local *l, const char *name); /* NULL = out of memory */
void plm_local_service_free(struct plm_local_service *s);

/* --- service.c --- */
/* A task ended that nobody had asked to. */
void plm_local_service_failed(struct plm_local_service *s, const struct plm_local_task *t, const struct plm_now *now);
void plm_local_service_converge(struct plm_local *l, struct plm_local_service *s, const struct plm_now *now);
/* Forgets stopped tasks beyond PLM_LOCAL_KEEP_STOPPED, with rows and logs. */
void plm_local_service_prune(struct plm_local *l, struct plm_local_service *s);
/* Forgets services that the documents no longer have, once their tasks are gone. */
void plm_local_services_sweep(struct plm_local *l);
void plm_local_service_describe(const struct plm_local *l, const struct plm_local_service *s, const struct plm_now *now,
				struct plm_service *ret);

/* --- local.c --- */
/* A deadline for the pass under way: the next one is not later. */
void plm_local_wake_at(struct plm_local *l, plm_ns mono);
/* Another pass as soon as the loop turns. Callbacks use it, so that tasks are freed in passes only. */
void plm_local_wake(struct plm_local *l);

#endif
