/* SPDX-License-Identifier: Apache-2.0
 *
 * The only boundary through which the world is changed. Everything runs on the tick's thread. A dry run is decided
 * before this table (backends/apply.c), so no backend can forget it.
 */
#ifndef PLM_BACKENDS_BACKEND_H
#define PLM_BACKENDS_BACKEND_H

#include <cjson/cJSON.h>

#include "base/db.h"
#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "model/decision.h"
#include "model/service.h"

struct plm_backend_cfg {
	const char *cluster;
	const char *state_dir; /* exists; logs and working files go below it */
	struct plm_db *db;     /* the daemon's database, open; the backend makes its own tables ("local_…") */
	struct plm_loop *loop; /* for child exits and timers */
	/* The configuration's `orchestrator` object and its place, for the keys that only this backend knows;
	 * `type` is among them. May be NULL (all defaults). Not kept after open/configure. */
	const cJSON *json;
	const struct plm_json_at *json_at;
};

struct plm_backend_ops {
	const char *name; /* "local" */
	/* Required. Reads the configuration and reports its errors; changes nothing. 0 or -EINVAL. */
	int (*check)(const struct plm_backend_cfg *cfg, struct plm_err *err);
	/* Required. Starts; takes over what an earlier daemon left running. */
	int (*open)(const struct plm_backend_cfg *cfg, const struct plm_now *now, void **ret_ctx, struct plm_err *err);
	/* Required. Reads the configuration again (SIGHUP). On failure the old one stays in force. */
	int (*reload)(void *ctx, const struct plm_backend_cfg *cfg, const struct plm_now *now, struct plm_err *err);
	/* Required. Brings running tasks towards the desired counts; called each tick. Never blocks. A failure of one
	 * task is in that task's and service's `reason`, not in err; err is for the backend as a whole. */
	int (*converge)(void *ctx, const struct plm_now *now, struct plm_err *err);
	/* Required. Replaces *ret (frees its old arrays) by the present state. On failure *ret is untouched. */
	int (*list)(void *ctx, const struct plm_now *now, struct plm_cluster *ret, struct plm_err *err);
	/* Required. Sets the desired count and makes it durable before returning. Idempotent.
	 * 0, -ENOENT (no such service), -EPERM (not scalable), -EINVAL (desired < 0), or an I/O error. */
	int (*set_desired)(void *ctx, const char *service, int desired, const struct plm_now *now, struct plm_err *err);
	/* Required; accepts NULL. Leaves the tasks running. */
	void (*close)(void *ctx);
	/* Optional (NULL = tasks are not ours to stop). Stops every task, waits for them (stop timeouts), removes their cgroups.
	 * Blocks up to the longest stop timeout + 5 s. For shutdown with `orchestrator.stop_tasks_on_exit`. */
	int (*stop_all)(void *ctx, struct plm_err *err);
};

extern const struct plm_backend_ops plm_backend_local;

/* The backend of that name, NULL = unknown. */
const struct plm_backend_ops *plm_backend_find(const char *name);

/* The one call through which a desired count changes. With `is_dry_run` nothing reaches the backend.
 * 0 = done, 1 = dry run, negative on failure. */
int plm_apply_desired(const struct plm_backend_ops *ops, void *ctx, bool is_dry_run, const char *service, int desired,
		      const struct plm_now *now, struct plm_err *err);

#endif
