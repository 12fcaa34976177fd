/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fast profile remembers of one target: recommendations (for stabilisation) and changes made (for rate limits). Times
 * are wall time, so that they mean the same after a restart. Pure.
 */
#ifndef PLM_SCALING_HISTORY_H
#define PLM_SCALING_HISTORY_H

#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "model/policy.h"

#define PLM_EXTREMES_MAX 256 /* entries of one monotonic queue: distinct recommendations in a window */
#define PLM_CHANGES_MAX 256  /* changes remembered for rate limits; older ones are merged */
/* Without a recommendation for this long (restart, no data, clock jump) the windows begin anew from the count found. */
#define PLM_HISTORY_GAP_NS (15 * PLM_NS_PER_S)

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

struct plm_history {
	struct plm_extremes maxima, minima;
	struct plm_point changes[PLM_CHANGES_MAX]; /* count = signed change; oldest first */
	size_t n_changes;
	plm_ns last_wall;     /* of the newest recommendation; 0 = none yet */
	int desired;          /* desired count that we last saw or set; -1 = none yet */
};

void plm_history_init(struct plm_history *h);
/* Adds a recommendation. A gap, a clock that went back, or a desired count that somebody else changed first clears the windows and
 * puts the count found in their place: nothing is scaled in before a whole window has been seen. */
void plm_history_add(struct plm_history *h, plm_ns wall, int desired, int recommendation);
/* Highest / lowest recommendation of the last `window_s`; always at least the newest one. */
struct plm_point plm_history_max(const struct plm_history *h, plm_ns wall, int window_s);
struct plm_point plm_history_min(const struct plm_history *h, plm_ns wall, int window_s);
/* A change that was made. */
void plm_history_changed(struct plm_history *h, plm_ns wall, int from, int to);

/* The furthest count that a direction's limits allow from `desired` now, as the Kubernetes HPA's `behavior` computes it: the count
 * at the period's start is desired minus what the period added (or plus what it removed); of MaxTasks and MaxPercent the larger
 * step rules; percent rounds up when scaling out and is cut when scaling in. No limit set: INT_MAX, or 0 for in. */
int plm_history_limit_out(const struct plm_history *h, plm_ns wall, int desired, const struct plm_direction *d);
int plm_history_limit_in(const struct plm_history *h, plm_ns wall, int desired, const struct plm_direction *d);

/* One JSON object. 0 or -ENOMEM/-EMSGSIZE. */
int plm_history_save(const struct plm_history *h, struct plm_buf *out);
/* -EINVAL on anything unexpected; *ret untouched then. */
int plm_history_load(const char *json, struct plm_history *ret, struct plm_err *err);

#endif
