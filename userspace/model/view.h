/* SPDX-License-Identifier: Apache-2.0
 *
 * What the daemon shows to the outside: a read-only look at the state after the last tick, and the few things that
 * may be asked of it. Exports and the API see the daemon only through these two structs.
 */
#ifndef PLM_MODEL_VIEW_H
#define PLM_MODEL_VIEW_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "model/decision.h"
#include "model/policy.h"
#include "model/sample.h"
#include "model/service.h"
#include "model/usage.h"

/* Upper bounds of the sample-duration histogram's buckets, in seconds of CPU time. */
#define PLM_SAMPLE_BUCKETS 8
extern const double plm_sample_buckets[PLM_SAMPLE_BUCKETS];

struct plm_scaling_count { /* one per service, policy, direction and status */
	char service[PLM_NAME_MAX], policy[PLM_NAME_MAX];
	bool is_out;
	enum plm_activity_status status;
	bool is_dry_run;
	uint64_t count;
};
struct plm_not_scaled_count {
	char service[PLM_NAME_MAX], policy[PLM_NAME_MAX];
	enum plm_not_scaled reason;
	uint64_t count; /* evaluations that ended with this reason */
};

struct plm_rung_view { /* one line of the kernel ladder's report */
	char rung;
	const char *name;
	bool is_usable, is_chosen;
	const char *reason;
};

struct plm_self {
	plm_ns started_wall;
	uint64_t ticks, late_ticks;                     /* late: more than one sample interval passed unseen */
	uint64_t sample_bucket[PLM_SAMPLE_BUCKETS + 1]; /* not cumulative; the last is +Inf */
	double sample_sum_s;
	uint64_t sample_failures, backend_failures, state_failures; /* state: writes to the database that failed */
	uint64_t lost_events, lost_cgroups;
	bool is_config_good;                                          /* the last (re)load succeeded */
	plm_ns config_wall;                                           /* time of the last successful load */
	char config_error[512];                                       /* "" when good */
	char sample_error[256], backend_error[256], state_error[256]; /* present trouble; "" = none */
	bool is_dry_run;
};

struct plm_view {
	struct plm_now now; /* of the last tick */
	bool is_ready;      /* a full sample was taken and the backend answered */
	const char *version;
	const struct plm_host *host;
	const struct plm_rung_view *rungs;
	size_t n_rungs;
	const struct plm_sample_set *samples;
	const struct plm_cluster *cluster;
	const struct plm_usage *usage;
	const struct plm_policy_set *policies;
	const struct plm_decision *decisions; /* newest of each target */
	size_t n_decisions;
	const struct plm_scaling_count *scalings;
	size_t n_scalings;
	const struct plm_not_scaled_count *not_scaled;
	size_t n_not_scaled;
	const struct plm_self *self;
};

/* What may be asked of the daemon. Functions run on the tick's thread, between ticks. */
struct plm_control_ops {
	/* The present view; valid until control returns to the loop. */
	const struct plm_view *(*view)(void *ctx);
	/* Sets a desired count by hand, through the path that policies use. `actor` names who ("uid 0").
	 * 0, 1 = dry run, -ENOENT, -EPERM, -EINVAL, or what the backend said. */
	int (*scale)(void *ctx, const char *service, int desired, const char *actor, struct plm_err *err);
	/* Writes the JSON array elements of activities, newest first, into an array opened in `w`.
	 * service "" = all. */
	int (*activities)(void *ctx, const char *service, bool with_not_scaled, int max, struct plm_jw *w,
			  struct plm_err *err);
	/* Writes the members of the decision record nearest at or before `at_wall` (0 = newest) into an object opened in `w`.
	 * -ENOENT when there is none. */
	int (*explain)(void *ctx, const char *service, plm_ns at_wall, struct plm_jw *w, struct plm_err *err);
	/* Appends the metrics of `view` in the format that the Accept header asks for (NULL = none given) and sets their content
	 * type, a static text. 0, or -ENOMEM/-EMSGSIZE when they do not fit `out`. */
	int (*metrics)(void *ctx, const struct plm_view *view, const char *accept, const char **ret_content_type,
		       struct plm_buf *out);
};

#endif
