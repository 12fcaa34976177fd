/* SPDX-License-Identifier: Apache-2.0
 *
 * What samples mean: use per task and per service, as totals since the daemon knows them and as rates and
 * utilisation over the last window. Every value says whether it is known and how much of the service it covers.
 */
#ifndef PLM_MODEL_USAGE_H
#define PLM_MODEL_USAGE_H

#include "model/sample.h"
#include "model/service.h"

/* One attributed task. */
struct plm_task_usage {
	char task[PLM_TASK_ID_MAX];
	char service[PLM_NAME_MAX];
	struct plm_sample last; /* newest counters; last.path points into the tick's sample set; has == 0: never seen */
	plm_ns sampled_mono;    /* time of the newest counters behind the values below; 0 = none */
	bool has_rates;         /* two samples exist, the newer one fresh */
	double cpu_cores;       /* mean over the last sample interval */
	double cpu_utilization; /* percent of the reserved units over the window; NAN = none reserved or no data */
	double memory_utilization; /* percent of the reserved memory, newest sample; NAN likewise */
	double throttled_share;    /* throttled periods / periods over the window, 0…1; NAN = not known */
	double cpu_pressure;       /* share of the window in which some task waited for CPU, 0…1; NAN = not known */
	double memory_pressure;
	bool is_ready; /* RUNNING, and measured over at least one full interval since it started */
};

/* A value that a policy can ask for. */
struct plm_signal {
	double value;    /* NAN = no data */
	double age_s;    /* since the newest sample in it */
	double window_s; /* length of the window it was taken over */
	double coverage; /* tasks in it / running tasks old enough to have been measured, 0…1; 0 without any */
	int tasks;       /* tasks counted */
};

struct plm_service_usage {
	char service[PLM_NAME_MAX];
	struct plm_signal
		cpu; /* ECSServiceAverageCPUUtilization, percent: 100 * units used / (units reserved * tasks) */
	struct plm_signal memory; /* ECSServiceAverageMemoryUtilization, percent */
	int running, ready, unready,
		missing;       /* tasks: RUNNING; of these ready, too young to tell, without a fresh sample */
	uint64_t cpu_usage_ns; /* all tasks since the service is known, ended ones included; only grows */
	uint64_t tasks_ended;  /* finals seen */
};

struct plm_usage {
	struct plm_task_usage *tasks; /* tasks[i] is the use of the cluster's tasks[i] */
	size_t n_tasks;
	struct plm_service_usage *services; /* same order as the cluster's services */
	size_t n_services;
};
const struct plm_service_usage *plm_usage_service(const struct plm_usage *u, const char *name);
const struct plm_task_usage *plm_usage_task(const struct plm_usage *u, const char *id);

#endif
