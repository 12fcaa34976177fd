/* SPDX-License-Identifier: Apache-2.0
 *
 * What survives a restart, in SQLite: activities, the scaling engine's memory per service, and the decision records in which
 * something changed. Writes that fail (disk full, locked) wait in bounded memory and are tried again each tick.
 */
#ifndef PLM_DAEMON_STATE_H
#define PLM_DAEMON_STATE_H

#include "base/db.h"
#include "base/json.h"
#include "model/decision.h"
#include "scaling/scaling.h"

#define PLM_STATE_MAX_WAITING \
	256 /* activities that wait for a database that refuses; the oldest are dropped and counted */
#define PLM_STATE_KEEP_DECISIONS 1000 /* decision records kept per service */
#define PLM_STATE_KEEP_DAYS 42        /* activities: six weeks, as AWS keeps them */

struct plm_state;

/* Makes the tables in an open database, which stays the caller's. */
int plm_state_open(struct plm_db *db, struct plm_state **ret, struct plm_err *err);
void plm_state_close(struct plm_state *s); /* NULL-safe; tries the waiting writes once more */

/* Inserts or replaces by id. Never fails for the caller: what cannot be written now waits. */
void plm_state_put_activity(struct plm_state *s, const struct plm_activity *a);
/* Activities whose status is Pending or InProgress. Up to `max`; returns how many or negative. */
int plm_state_open_activities(struct plm_state *s, struct plm_activity *ret, int max, struct plm_err *err);
/* Array elements, newest first (what waits included). service "" = all. */
int plm_state_list_activities(struct plm_state *s, const char *service, bool with_not_scaled, int max, struct plm_jw *w,
			      struct plm_err *err);

/* One decision record as a JSON object's text. */
void plm_state_put_decision(struct plm_state *s, const char *service, plm_ns at_wall, const char *json);
/* The newest record at or before at_wall into `out`. -ENOENT when there is none. */
int plm_state_get_decision(struct plm_state *s, const char *service, plm_ns at_wall, struct plm_buf *out,
			   struct plm_err *err);

/* The engine's memory of every target in `set`. */
void plm_state_save_engine(struct plm_state *s, const struct plm_engine_state *engine, const struct plm_policy_set *set,
			   plm_ns now_wall);
int plm_state_load_engine(struct plm_state *s, struct plm_engine_state *engine, struct plm_err *err);

/* Once per tick: tries what waits, prunes what is old (now and then). */
void plm_state_tick(struct plm_state *s, const struct plm_now *now);

/* Writes that failed so far, and why the last one did ("" = all is well now). */
uint64_t plm_state_failures(const struct plm_state *s);
const char *plm_state_trouble(const struct plm_state *s);

#endif
