/* SPDX-License-Identifier: Apache-2.0
 *
 * Start, reload and end. The order of opening is the order of dependence; closing goes the other way round.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/num.h"
#include "daemon/daemon.h"
#include "daemon/notify.h"
#include "kernel/cgroupfs.h"

static void apply_flags(struct plm_config *c, const struct plm_daemon_flags *flags)
{
	if (flags->is_dry_run)
		c->is_dry_run = true;
	if (flags->listen_address)
		(void)plm_strcpy(c->listen_address, sizeof(c->listen_address), flags->listen_address);
}

static struct plm_backend_cfg backend_cfg(const struct plm_config *c, struct plm_db *db, struct plm_loop *loop)
{
	return (struct plm_backend_cfg){ .cluster = c->cluster,
					 .state_dir = c->state_dir,
					 .db = db,
					 .loop = loop,
					 .json = c->orchestrator,
					 .json_at = c->orchestrator ? &c->orchestrator_at : NULL };
}

static int find_backend(const struct plm_config *c, const struct plm_backend_ops **ret, struct plm_err *err)
{
	*ret = plm_backend_find(c->backend);
	if (*ret)
		return 0;
	struct plm_json_at at = c->orchestrator ? c->orchestrator_at : plm_json_root("");
	return plm_json_err(err, &at, "type", "is \"%s\"; it must be one of: local", c->backend);
}

static void warn_foreign(size_t foreign, const char *cluster)
{
	if (foreign)
		plm_log(PLM_LOG_WARN, "scaling",
			"%zu targets and policies are for other clusters than \"%s\", ignoring them", foreign, cluster);
}

int plm_daemon_check(const struct plm_daemon_flags *flags, char *ret_summary, size_t size, struct plm_err *err)
{
	struct plm_config *c = NULL;
	struct plm_policy_set policies = { .n_targets = 0 };
	const struct plm_backend_ops *backend;
	size_t foreign = 0;
	int r = plm_config_load(flags->config_file, &c, err);
	if (r != 0)
		return r;
	r = find_backend(c, &backend, err);
	if (r == 0)
		r = plm_config_policies(c, &policies, &foreign, err);
	if (r == 0) {
		struct plm_backend_cfg cfg = backend_cfg(c, NULL, NULL);
		r = backend->check(&cfg, err);
	}
	if (r == 0)
		(void)snprintf(ret_summary, size, "ok: %zu configuration files, %zu targets, %zu policies, backend %s",
			       c->n_docs, policies.n_targets, policies.n_policies, backend->name);
	plm_policy_set_done(&policies);
	plm_config_free(c);
	return r;
}

/* --- reload --- */

/* All or nothing: everything is read and checked before anything is replaced. */
static int try_reload(struct plm_daemon *d, struct plm_err *err)
{
	struct plm_config *fresh = NULL;
	struct plm_policy_set policies = { .n_targets = 0 };
	size_t foreign = 0;
	int r = plm_config_load(d->flags.config_file, &fresh, err);
	if (r != 0)
		return r;
	apply_flags(fresh, &d->flags);
	r = plm_config_same_base(d->config, fresh, err);
	if (r == 0)
		r = plm_config_policies(fresh, &policies, &foreign, err);
	if (r == 0) {
		struct plm_backend_cfg cfg = backend_cfg(fresh, &d->db, d->loop);
		r = d->backend->reload(d->backend_ctx, &cfg, &d->tick.now, err);
	}
	if (r != 0) {
		plm_policy_set_done(&policies);
		plm_config_free(fresh);
		return r;
	}
	warn_foreign(foreign, fresh->cluster);
	plm_policy_set_done(&d->policies);
	d->policies = policies;
	d->tick.n_decisions = d->view.n_decisions = 0; /* they speak of the old policies */
	plm_config_free(d->config);
	d->config = fresh;
	plm_ns period = fresh->sample_interval_ms * PLM_NS_PER_MS;
	(void)plm_loop_timer_set(d->timer, period, period);
	plm_aggregate_set_interval(d->aggregate, period);
	return 0;
}

static void on_reload(void *ctx, uint32_t signo)
{
	struct plm_daemon *d = ctx;
	struct plm_err err = PLM_ERR_INIT;
	(void)signo;
	plm_notify("RELOADING=1");
	d->tick.now = plm_clock_now();
	int r = try_reload(d, &err);
	d->self.is_config_good = r == 0;
	d->self.config_error[0] = '\0';
	if (r == 0) {
		d->self.config_wall = d->tick.now.wall;
		plm_log(PLM_LOG_INFO, "config", "reloaded: %zu targets, %zu policies", d->policies.n_targets,
			d->policies.n_policies);
	} else {
		(void)plm_strcpy(d->self.config_error, sizeof(d->self.config_error), plm_err_text(&err));
		plm_log(PLM_LOG_ERROR, "config", "%s, keeping the old configuration", plm_err_text(&err));
	}
	plm_notify("READY=1");
}

static void on_stop(void *ctx, uint32_t signo)
{
	struct plm_daemon *d = ctx;
	plm_log(PLM_LOG_INFO, "daemon", "signal %u, stopping", signo);
	plm_loop_stop(d->loop);
}

/* --- start --- */

static void look_at_host(struct plm_daemon *d)
{
	struct utsname names;
	struct sysinfo memory;
	struct plm_cgroup_layout layout;
	struct plm_host *h = &d->host;
	if (uname(&names) == 0) {
		(void)plm_strcpy(h->name, sizeof(h->name), names.nodename);
		(void)plm_strcpy(h->kernel, sizeof(h->kernel), names.release);
	}
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	h->cpus = cpus > 0 ? (uint32_t)cpus : 1;
	if (sysinfo(&memory) == 0)
		h->memory_bytes = (uint64_t)memory.totalram * memory.mem_unit;
	bool is_known = plm_cgroup_layout_detect(NULL, &layout, NULL) == 0;
	(void)plm_strcpy(d->cgroup_mode, sizeof(d->cgroup_mode), is_known ? plm_cgroup_mode_name(layout.mode) : "none");
	h->cgroup_mode = d->cgroup_mode;
}

static void connect_view(struct plm_daemon *d)
{
	d->view = (struct plm_view){ .version = PLM_VERSION,
				     .host = &d->host,
				     .rungs = d->rungs,
				     .samples = &d->tick.samples,
				     .cluster = &d->tick.cluster,
				     .usage = &d->tick.usage,
				     .policies = &d->policies,
				     .self = &d->self };
}

static int open_config(struct plm_daemon *d, struct plm_err *err)
{
	size_t foreign = 0;
	int r = plm_config_load(d->flags.config_file, &d->config, err);
	if (r != 0)
		return r;
	apply_flags(d->config, &d->flags);
	r = find_backend(d->config, &d->backend, err);
	if (r == 0)
		r = plm_config_policies(d->config, &d->policies, &foreign, err);
	if (r != 0)
		return r;
	warn_foreign(foreign, d->config->cluster);
	d->self.is_config_good = true;
	d->self.config_wall = d->self.started_wall = d->tick.now.wall;
	return 0;
}

static int open_state(struct plm_daemon *d, struct plm_err *err)
{
	char path[PATH_MAX];
	int r = plm_mkdirs(d->config->state_dir, 0750);
	if (r != 0)
		return plm_err_set(err, -r, d->config->state_dir, "cannot make the state folder: %s", strerror(-r));
	if (snprintf(path, sizeof(path), "%s/state.db", d->config->state_dir) >= (int)sizeof(path))
		return plm_err_set(err, ENAMETOOLONG, d->config->state_dir, "state_dir is too long");
	r = plm_db_open(path, &d->db, err);
	if (r == 0 && d->db.was_damaged)
		plm_log(PLM_LOG_ERROR, "state", "%s was damaged: moved to %s, starting a new one", path,
			d->db.moved_to);
	return r ? r : plm_state_open(&d->db, &d->state, err);
}

static int open_core(struct plm_daemon *d, struct plm_err *err)
{
	d->aggregate = plm_aggregate_new();
	d->engine = plm_engine_state_new();
	if (!d->aggregate || !d->engine)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	plm_aggregate_set_interval(d->aggregate, d->config->sample_interval_ms * PLM_NS_PER_MS);
	return plm_state_load_engine(d->state, d->engine, err);
}

static int open_backend(struct plm_daemon *d, struct plm_err *err)
{
	struct plm_backend_cfg cfg = backend_cfg(d->config, &d->db, d->loop);
	int r = d->backend->open(&cfg, &d->tick.now, &d->backend_ctx, err);
	if (r == 0)
		r = d->backend->list(d->backend_ctx, &d->tick.now, &d->tick.cluster, err);
	return r ? r : plm_activities_new(d->state, &d->tick.cluster, &d->tick.now, &d->activities, err);
}

static int open_api(struct plm_daemon *d, struct plm_err *err)
{
	const char *slash = strrchr(d->config->socket, '/');
	if (slash && slash != d->config->socket) {
		char folder[sizeof(d->config->socket)];
		(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - d->config->socket), d->config->socket);
		int r = plm_mkdirs(folder, 0755);
		if (r != 0)
			return plm_err_set(err, -r, folder, "cannot make the socket's folder: %s", strerror(-r));
	}
	struct plm_api_cfg cfg = { .listen_address = d->config->listen_address,
				   .socket = d->config->socket,
				   .loop = d->loop,
				   .control = &plm_daemon_control,
				   .control_ctx = d };
	int r = plm_api_open(&cfg, &d->api, err);
	if (r == 0)
		plm_log(PLM_LOG_INFO, "api", "serving on %s%s%s, port %d", d->config->socket,
			d->config->listen_address[0] ? " and " : "", d->config->listen_address, plm_api_port(d->api));
	return r;
}

static int watch_signals(struct plm_daemon *d, struct plm_err *err)
{
	int r = plm_loop_signal(d->loop, SIGTERM, on_stop, d, NULL);
	if (r == 0)
		r = plm_loop_signal(d->loop, SIGINT, on_stop, d, NULL);
	if (r == 0)
		r = plm_loop_signal(d->loop, SIGHUP, on_reload, d, NULL);
	return r == 0 ? 0 : plm_err_set(err, -r, NULL, "cannot watch signals: %s", strerror(-r));
}

int plm_daemon_open(struct plm_daemon *d, const struct plm_daemon_flags *flags, struct plm_err *err)
{
	*d = (struct plm_daemon){ .flags = *flags, .tick.now = plm_clock_now() };
	connect_view(d);
	look_at_host(d);
	int r = open_config(d, err);
	if (r == 0)
		r = plm_loop_new(&d->loop, err);
	if (r == 0)
		r = watch_signals(d, err);
	if (r == 0)
		r = open_state(d, err);
	if (r == 0)
		r = open_core(d, err);
	if (r == 0)
		r = open_backend(d, err);
	if (r == 0)
		r = open_api(d, err);
	return r;
}

int plm_daemon_run(struct plm_daemon *d)
{
	plm_ns period = d->config->sample_interval_ms * PLM_NS_PER_MS;
	int r = plm_loop_timer(d->loop, 1, period, plm_daemon_tick, d, &d->timer);
	if (r != 0)
		return r;
	plm_notify("READY=1");
	return plm_loop_run(d->loop);
}

/* --- end --- */

static void stop_tasks(struct plm_daemon *d)
{
	struct plm_err err = PLM_ERR_INIT;
	if (!d->backend_ctx || !d->config->stop_tasks_on_exit || !d->backend->stop_all)
		return;
	if (d->backend->stop_all(d->backend_ctx, &err) != 0)
		plm_log(PLM_LOG_WARN, "backend", "cannot stop every task: %s", plm_err_text(&err));
}

void plm_daemon_close(struct plm_daemon *d)
{
	plm_notify("STOPPING=1");
	plm_api_close(d->api);
	stop_tasks(d);
	if (d->state && d->engine)
		plm_state_save_engine(d->state, d->engine, &d->policies, plm_clock_now().wall);
	if (d->backend)
		d->backend->close(d->backend_ctx);
	plm_activities_free(d->activities);
	plm_ladder_close(d->ladder);
	plm_state_close(d->state);
	plm_db_close(&d->db);
	plm_engine_state_free(d->engine);
	plm_aggregate_free(d->aggregate);
	plm_policy_set_done(&d->policies);
	void *last;
	for (size_t i = 0; (last = plm_map_next(&d->records, &i));)
		free(last);
	plm_map_done(&d->records);
	plm_counters_done(&d->counters);
	plm_sample_set_done(&d->tick.samples);
	plm_attribution_done(&d->tick.attribution);
	plm_cluster_done(&d->tick.cluster);
	plm_usage_done(&d->tick.usage);
	free(d->tick.decisions);
	plm_loop_free(d->loop);
	plm_config_free(d->config);
}
