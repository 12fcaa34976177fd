/* SPDX-License-Identifier: Apache-2.0
 *
 * Hosts, services and tasks as a backend sees them. One list of services and one of tasks, replaced as a
 * whole each time the backend is asked; ids join them to samples and policies.
 */
#ifndef PLM_MODEL_SERVICE_H
#define PLM_MODEL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define PLM_NAME_MAX 256   /* service and cluster names, with NUL */
#define PLM_TASK_ID_MAX 40 /* 32 hex digits and room */
#define PLM_PATH_MAX 512
#define PLM_REASON_MAX 256
#define PLM_UNITS_PER_VCPU 1024

/* ECS's lastStatus values that a task passes through. */
enum plm_task_status {
	PLM_TASK_PENDING, /* decided, not yet running (includes waiting for a back-off) */
	PLM_TASK_RUNNING,
	PLM_TASK_STOPPING, /* asked to stop, still there */
	PLM_TASK_STOPPED,
	_PLM_TASK_STATUS_MAX,
};
const char *plm_task_status_name(enum plm_task_status s); /* "PENDING", … */

struct plm_task {
	char id[PLM_TASK_ID_MAX];
	char service[PLM_NAME_MAX];
	char family[PLM_NAME_MAX]; /* task definition family */
	int revision;
	enum plm_task_status status;
	char cgroup[PLM_PATH_MAX];                       /* path from the hierarchy's root; "" = none yet */
	int pid;                                         /* main process; 0 = none */
	int port;                                        /* host port given to it; 0 = none */
	uint32_t cpu_units;                              /* reserved, 1024 = 1 vCPU; 0 = none */
	uint64_t memory_bytes;                           /* reserved; 0 = none */
	plm_ns created_wall, started_wall, stopped_wall; /* 0 = not yet */
	plm_ns started_mono;         /* 0 = not yet; of this daemon's clock, also for re-adopted tasks */
	int exit_code;               /* of the main process; -1 = not known, 128+n = signal n */
	char reason[PLM_REASON_MAX]; /* why it waits or stopped; "" = nothing to say */
};

struct plm_service {
	char cluster[PLM_NAME_MAX];
	char name[PLM_NAME_MAX];
	char family[PLM_NAME_MAX];
	int revision;
	int desired, running, pending; /* counts of tasks; pending = not yet running, failures in back-off included */
	uint32_t cpu_units;            /* reserved per task, from the task definition; 0 = none */
	uint64_t memory_bytes;         /* reserved per task; 0 = none */
	bool is_deploying;
	bool is_scalable;            /* false for daemon-type services: never scaled */
	uint32_t restarts;           /* tasks started again after a failure, since the service was made */
	char reason[PLM_REASON_MAX]; /* why running < desired, when it is; "" otherwise */
};

/* What the backend knows now. */
struct plm_cluster {
	struct plm_service *services;
	size_t n_services;
	struct plm_task *tasks; /* not STOPPED ones first; recently stopped ones after */
	size_t n_tasks;
	plm_ns asked_mono; /* when the backend last answered; the model's age is now - this */
};
void plm_cluster_done(struct plm_cluster *c);
const struct plm_service *plm_cluster_service(const struct plm_cluster *c, const char *name); /* NULL = unknown */

struct plm_host {
	char name[PLM_NAME_MAX];
	char kernel[128];
	uint32_t cpus; /* online */
	uint64_t memory_bytes;
	const char *cgroup_mode; /* "v2", "hybrid", "v1" */
	char rung;               /* of the fallback ladder in use */
	const char *rung_name;
	bool has_events; /* finals of short-lived cgroups arrive */
};

#endif
