/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon. The tick is in daemon.c and reads like a table of contents; start, reload and end are in lifecycle.c; what the
 * outside may ask is in control.c.
 */
#ifndef PLM_DAEMON_DAEMON_H
#define PLM_DAEMON_DAEMON_H

#include "aggregate/aggregate.h"
#include "api/api.h"
#include "backends/backend.h"
#include "base/loop.h"
#include "daemon/activities.h"
#include "daemon/config.h"
#include "daemon/counters.h"
#include "daemon/state.h"
#include "kernel/source.h"
#include "model/tick.h"
#include "model/view.h"
#include "scaling/scaling.h"

/* What flags say, above the configuration. */
struct plm_daemon_flags {
	const char *config_file;    /* NULL = the default place */
	const char *listen_address; /* NULL = from the configuration */
	bool is_dry_run;            /* true wins over the configuration */
};

struct plm_daemon {
	struct plm_daemon_flags flags;
	struct plm_config *config;
	struct plm_loop *loop;
	struct plm_db db;
	struct plm_state *state;
	struct plm_activities *activities;
	const struct plm_backend_ops *backend;
	void *backend_ctx;
	struct plm_ladder *ladder; /* NULL = no rung works now */
	unsigned read_failures;    /* in a row */
	plm_ns ladder_retry_mono;  /* none is opened before this */
	struct plm_aggregate *aggregate;
	struct plm_policy_set policies;
	struct plm_engine_state *engine;
	plm_ns engine_saved_mono;
	struct plm_map records; /* by service: what the last written decision record said */
	struct plm_api *api;
	struct plm_watch *timer;

	struct plm_tick tick;
	struct plm_counters counters;
	struct plm_host host;
	char cgroup_mode[16];
	struct plm_rung_view rungs[PLM_LADDER_MAX_REPORTS];
	struct plm_self self;
	struct plm_view view;
};

/* Loads everything and starts; on failure the caller still calls plm_daemon_close(). */
int plm_daemon_open(struct plm_daemon *d, const struct plm_daemon_flags *flags, struct plm_err *err);
/* Runs until a signal ends it. 0 or -errno. */
int plm_daemon_run(struct plm_daemon *d);
void plm_daemon_close(struct plm_daemon *d);

/* Reads configuration, policies and the backend's documents without starting anything. 0 and one line that says what was found,
 * or negative: the configuration is at fault. */
int plm_daemon_check(const struct plm_daemon_flags *flags, char *ret_summary, size_t size, struct plm_err *err);

/* One pass: the timer's callback. `expirations` counts the sample intervals since the last pass. */
void plm_daemon_tick(void *ctx, uint32_t expirations);

/* Carries out one change of a desired count through the one path: written down first, then applied, then its outcome. `a` has
 * service, cause and so on. 0 = done, 1 = dry run, negative on failure. */
int plm_daemon_apply(struct plm_daemon *d, struct plm_activity *a, const struct plm_now *now, struct plm_err *err);

extern const struct plm_control_ops plm_daemon_control;

#endif
