/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fast profile remembers of one target: recommendations (for stabilisation) and changes made (for rate limits). Times
 * are wall time, so that they mean the same after a restart; while the daemon runs they are kept in step with the monotonic
 * clock. About 3 KiB per target. Pure.
 */
#ifndef PLM_SCALING_HISTORY_H
#define PLM_SCALING_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "model/policy.h"

#define PLM_EXTREMES_MAX 64 /* entries of one window; beyond that neighbours are merged */
#define PLM_RUNS_MAX 16     /* runs of equal ready counts within a metric's window */
#define PLM_CHANGES_MAX 64  /* changes remembered for rate limits; beyond that the oldest of a direction are merged */
/* Without a recommendation for longer than this the windows begin anew: three times the usual distance of recommendations, within
 * these bounds (samples are 0.1 s to 60 s apart). */
#define PLM_HISTORY_GAP_MIN_NS (15 * PLM_NS_PER_S)
#define PLM_HISTORY_GAP_MAX_NS (180 * PLM_NS_PER_S)
#define PLM_CLOCK_JUMP_NS (500 * PLM_NS_PER_MS) /* wall and monotonic clock differing by more: the wall clock was set */

struct plm_point {
	plm_ns wall;
	int count;
};

/* The extremes of a sliding window: times ascend, counts descend (for maxima) or ascend (for minima), so that the first entry
 * still inside the window is its extreme. */
struct plm_extremes {
	struct plm_point points[PLM_EXTREMES_MAX];
	size_t n;
};

/* Why the windows began anew. */
enum plm_seed { PLM_SEED_START, PLM_SEED_GAP, PLM_SEED_CHANGED, _PLM_SEED_MAX };

struct plm_history {
	struct plm_extremes maxima, minima;
	struct plm_point changes[PLM_CHANGES_MAX]; /* count = signed change; oldest first */
	size_t n_changes;
	struct plm_point
		ready[PLM_RUNS_MAX]; /* count = ready tasks up to `wall`, from the entry before; oldest first */
	size_t n_ready;
	plm_ns last_wall; /* of the newest recommendation; 0 = none yet */
	plm_ns step_ns;   /* from the one before it; 0 = not known */
	plm_ns seed_wall; /* when the windows last began anew, with the count found then */
	enum plm_seed seed;
	int desired;         /* desired count that we last saw or set; -1 = none yet */
	bool is_warm;        /* this process has added a recommendation; not saved */
	struct plm_now seen; /* the last plm_history_clock(), not saved; mono 0 = none in this process */
};

void plm_history_init(struct plm_history *h);

/* Once per evaluation, before anything else. A wall clock that was set while the daemon ran moves the remembered times with it, so
 * windows and limits keep their lengths. One that is behind the saved times after a restart moves them too (limits stay in
 * force), and the windows begin anew, because nobody knows how long the daemon was gone. */
void plm_history_clock(struct plm_history *h, struct plm_now now);

/* Adds a recommendation. After a gap, or when somebody else changed the desired count, the windows first begin anew with the count
 * found as their only entry: the change is respected, and nothing is scaled in before a whole window has been seen.
 * keep_s: the longest window that will be asked for. */
void plm_history_add(struct plm_history *h, plm_ns wall, int desired, int recommendation, int keep_s);
/* Highest / lowest recommendation of the last `window_s`; always at least the newest one. */
struct plm_point plm_history_max(const struct plm_history *h, plm_ns wall, int window_s);
struct plm_point plm_history_min(const struct plm_history *h, plm_ns wall, int window_s);
/* A change that was made. */
void plm_history_changed(struct plm_history *h, plm_ns wall, int from, int to);

/* How many tasks were ready in the interval that ended at `wall`; told on each evaluation with data. */
void plm_history_ready(struct plm_history *h, plm_ns wall, int ready);
/* Mean of that over the last `window_s` (0: the newest). What was before the first evaluation counts as the first. */
double plm_history_ready_mean(const struct plm_history *h, plm_ns wall, double window_s);

/* The furthest count that a direction's limits allow from `desired` now, as the Kubernetes HPA's `behavior` computes it: the count
 * at the period's start is desired minus what the period added (or plus what it removed); of MaxTasks and MaxPercent the larger
 * step rules; percent rounds up when scaling out and is cut when scaling in. No limit set: INT_MAX, or 0 for in.
 * 10 tasks of which 4 were added 6 s ago, limits 4 tasks or 100 % in 15 s: up to max(6 + 4, 6 + 6) = 12. */
int plm_history_limit_out(const struct plm_history *h, plm_ns wall, int desired, const struct plm_direction *d);
int plm_history_limit_in(const struct plm_history *h, plm_ns wall, int desired, const struct plm_direction *d);

/* One JSON object. 0 or -ENOMEM. */
int plm_history_save(const struct plm_history *h, struct plm_buf *out);
/* -EINVAL on anything unexpected; *ret untouched then. */
int plm_history_load(const char *json, struct plm_history *ret, struct plm_err *err);

#endif
