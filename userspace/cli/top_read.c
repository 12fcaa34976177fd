/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_read.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/client.h"

#define TIMEOUT_MS 1000 /* the keys do not answer while a request waits */

void plm_top_reader_open(struct plm_top_reader *r, const char *socket)
{
	cJSON *doc = NULL;
	*r = (struct plm_top_reader){ .socket = socket };
	r->has_daemon = plm_client_try(socket, "host", TIMEOUT_MS, &doc) == 0;
	cJSON_Delete(doc);
}

void plm_top_reader_close(struct plm_top_reader *r)
{
	plm_ladder_close(r->ladder);
	r->ladder = NULL;
	plm_sample_set_done(&r->set);
	plm_previous_done(&r->previous);
}

bool plm_top_reader_is_first(const struct plm_top_reader *r, enum plm_top_view view)
{
	return view == PLM_TOP_CGROUPS && r->previous.n_rows == 0;
}

/* What is known of the host without a daemon. */
static void own_host(struct plm_top_model *m)
{
	struct utsname u;
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE), cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (uname(&u) == 0) {
		(void)plm_strcpy(m->host, sizeof(m->host), u.nodename);
		(void)plm_strcpy(m->kernel, sizeof(m->kernel), u.release);
	}
	m->cpus = cpus > 0 ? (double)cpus : NAN;
	m->memory_bytes = pages > 0 && page > 0 ? (double)pages * (double)page : NAN;
	m->daemon[0] = m->rung[0] = '\0';
}

static void read_cgroup(const struct plm_top_reader *r, struct plm_top_model *m, const struct plm_sample *s)
{
	struct plm_rates rates;
	struct plm_top_row *row = plm_top_add(m, s->path);
	if (!row)
		return;
	plm_rates_between(plm_previous_get(&r->previous, s->id), s, &rates);
	row->cpu_cores = rates.cpu_cores;
	row->cpu_percent = 100 * rates.cpu_cores / m->cpus;
	row->throttled_percent = 100 * rates.throttled_share;
	row->cpu_pressure_percent = 100 * rates.psi_share[PLM_PSI_CPU_SOME];
	row->memory_pressure_percent = 100 * rates.psi_share[PLM_PSI_MEM_SOME];
	if (s->has & PLM_HAS_WORKING_SET) {
		bool is_limited = (s->has & PLM_HAS_MEM_LIMIT) && s->mem_limit_bytes != PLM_NO_MEM_LIMIT &&
				  s->mem_limit_bytes > 0;
		row->memory_bytes = (double)s->mem_working_set_bytes;
		row->memory_percent =
			100 * row->memory_bytes / (is_limited ? (double)s->mem_limit_bytes : m->memory_bytes);
	}
	if (s->has & PLM_HAS_PROCS)
		(void)snprintf(row->state, sizeof(row->state), "%llu", (unsigned long long)s->pids);
}

static void read_cgroups(struct plm_top_reader *r, struct plm_top_model *m)
{
	struct plm_err err = PLM_ERR_INIT;
	struct plm_source_cfg cfg = { .root = "/" };
	if (!r->ladder && !r->ladder_error[0] && plm_ladder_open(&cfg, 0, true, &r->ladder, &err) < 0)
		(void)plm_strcpy(r->ladder_error, sizeof(r->ladder_error), plm_err_text(&err));
	if (!r->ladder) {
		(void)snprintf(m->trouble, sizeof(m->trouble), "the kernel cannot be read: %.150s", r->ladder_error);
		return;
	}
	const struct plm_source_ops *ops = plm_ladder_source(r->ladder);
	(void)snprintf(m->rung, sizeof(m->rung), "%c %.24s", ops->rung, ops->name);
	if (plm_ladder_read(r->ladder, &r->set, &err) < 0) {
		(void)snprintf(m->trouble, sizeof(m->trouble), "the kernel cannot be read: %.150s", plm_err_text(&err));
		return;
	}
	for (size_t i = 0; i < r->set.n_rows; i++)
		read_cgroup(r, m, &r->set.rows[i]);
	(void)plm_previous_keep(&r->previous, &r->set); /* out of memory: the next rates are unknown */
}

static void read_daemon(struct plm_top_reader *r, struct plm_top_model *m)
{
	cJSON *services = NULL, *tasks = NULL;
	int failed = plm_client_try(r->socket, "tasks", TIMEOUT_MS, &tasks);
	if (failed == 0 && m->view == PLM_TOP_SERVICES)
		failed = plm_client_try(r->socket, "services", TIMEOUT_MS, &services);
	if (failed != 0)
		(void)snprintf(m->trouble, sizeof(m->trouble), "the daemon did not answer: %s", strerror(-failed));
	else if (m->view == PLM_TOP_SERVICES)
		plm_top_add_services(m, services, tasks);
	else
		plm_top_add_tasks(m, tasks);
	cJSON_Delete(services);
	cJSON_Delete(tasks);
}

void plm_top_read(struct plm_top_reader *r, struct plm_top_model *m)
{
	cJSON *host = NULL;
	plm_top_model_clear(m);
	own_host(m);
	m->wall = plm_clock_now().wall;
	int failed = plm_client_try(r->socket, "host", TIMEOUT_MS, &host);
	r->has_daemon = failed == 0;
	if (r->has_daemon)
		plm_top_set_host(m, host);
	cJSON_Delete(host);
	if (m->view == PLM_TOP_CGROUPS)
		read_cgroups(r, m);
	else if (r->has_daemon)
		read_daemon(r, m);
	else if (failed == -EACCES)
		(void)snprintf(m->trouble, sizeof(m->trouble),
			       "%.100s may not be opened by this user; view 3 needs no daemon", r->socket);
	else
		(void)snprintf(m->trouble, sizeof(m->trouble), "no daemon answers on %.100s; view 3 needs none",
			       r->socket);
}
