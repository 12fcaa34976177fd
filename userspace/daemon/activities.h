/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of activities: opened when a change is about to be made, fulfilled when the running count arrives, overridden by a
 * newer change; and outcomes in which nothing was done, repeats collapsed into one entry.
 */
#ifndef PLM_DAEMON_ACTIVITIES_H
#define PLM_DAEMON_ACTIVITIES_H

#include "base/map.h"
#include "daemon/state.h"
#include "model/service.h"

/* A change that has not arrived after this long is Unfulfilled. */
#define PLM_FULFIL_NS (600 * PLM_NS_PER_S)

struct plm_activities;

/* Takes up what an earlier daemon left open: still wanted → goes on; never sent → Failed, and the engine decides anew. */
int plm_activities_new(struct plm_state *state, const struct plm_cluster *cluster, const struct plm_now *now,
		       struct plm_activities **ret, struct plm_err *err);
void plm_activities_free(struct plm_activities *s);

/* Writes the activity down as Pending before anything is done. Fills a->id (a random UUID) and the start time. */
void plm_activities_begin(struct plm_activities *s, struct plm_activity *a, const struct plm_now *now);
/* The call was made: result 0 = InProgress, negative = Failed with the error's text, and the next try is put off. */
void plm_activities_sent(struct plm_activities *s, struct plm_activity *a, int result, const struct plm_err *err,
			 const struct plm_now *now);
/* Whether a change of this service may be tried now: after a failure 1 s, then doubling up to a minute apart. */
bool plm_activities_may_try(struct plm_activities *s, const char *service, const struct plm_now *now);
/* An outcome without a change. Writes the first one of a run of equals; later ones only count. Returns true for the first. */
bool plm_activities_not_scaled(struct plm_activities *s, struct plm_activity *a, const struct plm_now *now);
/* Once per tick: closes what has arrived or was overtaken, notices counts that somebody else changed. */
void plm_activities_tick(struct plm_activities *s, const struct plm_cluster *cluster, const struct plm_now *now);

#endif
