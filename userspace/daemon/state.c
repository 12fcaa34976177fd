/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"

#define PRUNE_EVERY_NS (600 * PLM_NS_PER_S)
#define ENGINE_JSON_MAX (256u << 10)

struct plm_state {
	struct plm_db *db;
	struct plm_activity waiting[PLM_STATE_MAX_WAITING]; /* oldest first */
	size_t n_waiting;
	uint64_t failures;
	char trouble[256];
	plm_ns pruned_mono;
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS activities (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, "
	"cluster TEXT NOT NULL,"
	" service TEXT NOT NULL, policy TEXT NOT NULL, description TEXT NOT NULL, cause TEXT NOT NULL, start_wall "
	"INTEGER NOT NULL,"
	" end_wall INTEGER NOT NULL, status INTEGER NOT NULL, status_message TEXT NOT NULL, not_scaled INTEGER NOT "
	"NULL,"
	" from_count INTEGER NOT NULL, to_count INTEGER NOT NULL, repeats INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS activities_service ON activities(service, seq);"
	"CREATE TABLE IF NOT EXISTS decisions (service TEXT NOT NULL, at_wall INTEGER NOT NULL, json TEXT NOT NULL);"
	"CREATE INDEX IF NOT EXISTS decisions_service ON decisions(service, at_wall);"
	"CREATE TABLE IF NOT EXISTS engine_state (service TEXT PRIMARY KEY, json TEXT NOT NULL, saved_wall INTEGER NOT "
	"NULL);";

#define ACTIVITY_COLUMNS                                                                                              \
	"id, cluster, service, policy, description, cause, start_wall, end_wall, status, status_message, not_scaled," \
	" from_count, to_count, repeats"

int plm_state_open(struct plm_db *db, struct plm_state **ret, struct plm_err *err)
{
	int r = plm_db_exec(db, schema, err);
	if (r != 0)
		return r;
	struct plm_state *s = calloc(1, sizeof(*s));
	if (!s)
		return plm_err_set(err, ENOMEM, db->path, "out of memory");
	s->db = db;
	*ret = s;
	return 0;
}

/* Notes the outcome of a write; logs when it turns bad or good again. */
static bool noted(struct plm_state *s, int r, const struct plm_err *err)
{
	if (r == 0) {
		if (s->trouble[0])
			plm_log(PLM_LOG_INFO, "state", "the database takes writes again");
		s->trouble[0] = '\0';
		return true;
	}
	s->failures++;
	(void)plm_strcpy(s->trouble, sizeof(s->trouble), plm_err_text(err));
	plm_log_limited(PLM_LOG_WARN, "state", "state write", "%s, keeping it in memory", s->trouble);
	return false;
}

static bool write_activity(struct plm_state *s, const struct plm_activity *a)
{
	struct plm_err err = PLM_ERR_INIT;
	int r = plm_db_run(s->db, &err,
			   "INSERT INTO activities(" ACTIVITY_COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
			   " ON CONFLICT(id) DO UPDATE SET end_wall=excluded.end_wall, status=excluded.status,"
			   " status_message=excluded.status_message, repeats=excluded.repeats",
			   "ssssssiiisiiii", a->id, a->cluster, a->service, a->policy, a->description, a->cause,
			   a->start_wall, a->end_wall, (int64_t)a->status, a->status_message, (int64_t)a->not_scaled,
			   (int64_t)a->from, (int64_t)a->to, (int64_t)a->repeats);
	return noted(s, r, &err);
}

static void flush_waiting(struct plm_state *s)
{
	size_t done = 0;
	while (done < s->n_waiting && write_activity(s, &s->waiting[done]))
		done++;
	s->n_waiting -= done;
	memmove(s->waiting, s->waiting + done, s->n_waiting * sizeof(s->waiting[0]));
}

static void wait_with(struct plm_state *s, const struct plm_activity *a)
{
	for (size_t i = 0; i < s->n_waiting; i++) {
		if (strcmp(s->waiting[i].id, a->id) == 0) {
			s->waiting[i] = *a;
			return;
		}
	}
	if (s->n_waiting == PLM_STATE_MAX_WAITING) {
		plm_log_limited(PLM_LOG_ERROR, "state", "state full",
				"more than %d activities wait for the database, dropping the oldest",
				PLM_STATE_MAX_WAITING);
		memmove(s->waiting, s->waiting + 1, --s->n_waiting * sizeof(s->waiting[0]));
	}
	s->waiting[s->n_waiting++] = *a;
}

void plm_state_close(struct plm_state *s)
{
	if (!s)
		return;
	flush_waiting(s);
	free(s);
}

void plm_state_put_activity(struct plm_state *s, const struct plm_activity *a)
{
	if (s->n_waiting) /* order is kept: nothing overtakes what waits */
		flush_waiting(s);
	if (s->n_waiting || !write_activity(s, a))
		wait_with(s, a);
}

static void read_activity(sqlite3_stmt *stmt, struct plm_activity *a)
{
	memset(a, 0, sizeof(*a));
	(void)plm_strcpy(a->id, sizeof(a->id), plm_db_text(stmt, 0));
	(void)plm_strcpy(a->cluster, sizeof(a->cluster), plm_db_text(stmt, 1));
	(void)plm_strcpy(a->service, sizeof(a->service), plm_db_text(stmt, 2));
	(void)plm_strcpy(a->policy, sizeof(a->policy), plm_db_text(stmt, 3));
	(void)plm_strcpy(a->description, sizeof(a->description), plm_db_text(stmt, 4));
	(void)plm_strcpy(a->cause, sizeof(a->cause), plm_db_text(stmt, 5));
	a->start_wall = sqlite3_column_int64(stmt, 6);
	a->end_wall = sqlite3_column_int64(stmt, 7);
	int status = sqlite3_column_int(stmt, 8), not_scaled = sqlite3_column_int(stmt, 10);
	a->status =
		status >= 0 && status < _PLM_ACTIVITY_STATUS_MAX ? (enum plm_activity_status)status : PLM_ACT_FAILED;
	(void)plm_strcpy(a->status_message, sizeof(a->status_message), plm_db_text(stmt, 9));
	a->not_scaled =
		not_scaled >= 0 && not_scaled < _PLM_NOT_SCALED_MAX ? (enum plm_not_scaled)not_scaled : PLM_SCALED;
	a->from = sqlite3_column_int(stmt, 11);
	a->to = sqlite3_column_int(stmt, 12);
	a->repeats = (uint32_t)sqlite3_column_int64(stmt, 13);
}

int plm_state_open_activities(struct plm_state *s, struct plm_activity *ret, int max, struct plm_err *err)
{
	sqlite3_stmt *stmt;
	int n = 0;
	int r = plm_db_query(s->db, &stmt, err,
			     "SELECT " ACTIVITY_COLUMNS
			     " FROM activities WHERE status IN (?,?) ORDER BY seq DESC LIMIT ?",
			     "iii", (int64_t)PLM_ACT_PENDING, (int64_t)PLM_ACT_IN_PROGRESS, (int64_t)max);
	if (r != 0)
		return r;
	while ((r = plm_db_step(s->db, stmt, err)) == 1)
		read_activity(stmt, &ret[n++]);
	(void)sqlite3_finalize(stmt);
	return r < 0 ? r : n;
}

static void write_json(const struct plm_activity *a, struct plm_jw *w)
{
	plm_jw_obj(w, NULL);
	plm_activity_json(a, w);
	plm_jw_end_obj(w);
}

int plm_state_list_activities(struct plm_state *s, const char *service, bool with_not_scaled, int max, struct plm_jw *w,
			      struct plm_err *err)
{
	for (size_t i = s->n_waiting; i > 0 && max > 0; i--) {
		const struct plm_activity *a = &s->waiting[i - 1];
		if ((service[0] && strcmp(a->service, service) != 0) ||
		    (!with_not_scaled && a->not_scaled != PLM_SCALED))
			continue;
		write_json(a, w);
		max--;
	}
	sqlite3_stmt *stmt;
	int r = plm_db_query(s->db, &stmt, err,
			     "SELECT " ACTIVITY_COLUMNS
			     " FROM activities WHERE (?1='' OR service=?1) AND (?2 OR not_scaled=0)"
			     " ORDER BY seq DESC LIMIT ?3",
			     "sii", service, (int64_t)with_not_scaled, (int64_t)max);
	if (r != 0)
		return r;
	while ((r = plm_db_step(s->db, stmt, err)) == 1) {
		struct plm_activity a;
		read_activity(stmt, &a);
		write_json(&a, w);
	}
	(void)sqlite3_finalize(stmt);
	return r;
}

void plm_state_put_decision(struct plm_state *s, const char *service, plm_ns at_wall, const char *json)
{
	struct plm_err err = PLM_ERR_INIT;
	(void)noted(s,
		    plm_db_run(s->db, &err, "INSERT INTO decisions(service, at_wall, json) VALUES(?,?,?)", "sis",
			       service, at_wall, json),
		    &err);
}

int plm_state_get_decision(struct plm_state *s, const char *service, plm_ns at_wall, struct plm_buf *out,
			   struct plm_err *err)
{
	sqlite3_stmt *stmt;
	int r = plm_db_query(s->db, &stmt, err,
			     "SELECT json FROM decisions WHERE service=? AND at_wall<=? ORDER BY at_wall DESC LIMIT 1",
			     "si", service, at_wall);
	if (r != 0)
		return r;
	r = plm_db_step(s->db, stmt, err);
	if (r == 1)
		plm_buf_adds(out, plm_db_text(stmt, 0));
	(void)sqlite3_finalize(stmt);
	if (r == 0)
		return plm_err_set(err, ENOENT, NULL, "there is no decision record for service \"%.100s\" at that time",
				   service);
	return r < 0 ? r : 0;
}

void plm_state_save_engine(struct plm_state *s, const struct plm_engine_state *engine, const struct plm_policy_set *set,
			   plm_ns now_wall)
{
	struct plm_err err = PLM_ERR_INIT;
	int r = plm_db_exec(s->db, "BEGIN IMMEDIATE", &err);
	if (!noted(s, r, &err))
		return;
	struct plm_buf json = PLM_BUF_INIT(ENGINE_JSON_MAX);
	for (size_t i = 0; r == 0 && i < set->n_targets; i++) {
		plm_buf_reset(&json);
		if (plm_engine_state_save(engine, set->targets[i].service, &json) != 0 || json.failed)
			continue; /* nothing remembered yet for this one */
		r = plm_db_run(s->db, &err,
			       "INSERT INTO engine_state(service, json, saved_wall) VALUES(?,?,?) ON CONFLICT(service)"
			       " DO UPDATE SET json=excluded.json, saved_wall=excluded.saved_wall",
			       "ssi", set->targets[i].service, plm_buf_text(&json), now_wall);
	}
	plm_buf_done(&json);
	if (r == 0)
		r = plm_db_exec(s->db, "COMMIT", &err);
	if (!noted(s, r, &err))
		(void)plm_db_exec(s->db, "ROLLBACK", NULL);
}

int plm_state_load_engine(struct plm_state *s, struct plm_engine_state *engine, struct plm_err *err)
{
	sqlite3_stmt *stmt;
	int r = plm_db_query(s->db, &stmt, err, "SELECT service, json FROM engine_state", "");
	if (r != 0)
		return r;
	while ((r = plm_db_step(s->db, stmt, err)) == 1) {
		struct plm_err bad = PLM_ERR_INIT;
		if (plm_engine_state_load(engine, plm_db_text(stmt, 0), plm_db_text(stmt, 1), &bad) != 0)
			plm_log(PLM_LOG_WARN, "state",
				"saved scaling state of service \"%s\" is not usable (%s), starting it anew",
				plm_db_text(stmt, 0), plm_err_text(&bad));
	}
	(void)sqlite3_finalize(stmt);
	return r;
}

static void prune(struct plm_state *s, const struct plm_now *now)
{
	struct plm_err err = PLM_ERR_INIT;
	int r = plm_db_run(s->db, &err, "DELETE FROM activities WHERE start_wall < ? AND status NOT IN (?,?)", "iii",
			   now->wall - (plm_ns)PLM_STATE_KEEP_DAYS * 86400 * PLM_NS_PER_S, (int64_t)PLM_ACT_PENDING,
			   (int64_t)PLM_ACT_IN_PROGRESS);
	if (r == 0)
		r = plm_db_run(
			s->db, &err,
			"DELETE FROM decisions WHERE rowid IN (SELECT rowid FROM (SELECT rowid, row_number() OVER"
			" (PARTITION BY service ORDER BY at_wall DESC) AS n FROM decisions) WHERE n > ?)",
			"i", (int64_t)PLM_STATE_KEEP_DECISIONS);
	(void)noted(s, r, &err);
}

void plm_state_tick(struct plm_state *s, const struct plm_now *now)
{
	if (s->n_waiting)
		flush_waiting(s);
	if (now->mono - s->pruned_mono >= PRUNE_EVERY_NS) {
		prune(s, now);
		s->pruned_mono = now->mono;
	}
}

uint64_t plm_state_failures(const struct plm_state *s)
{
	return s->failures;
}

const char *plm_state_trouble(const struct plm_state *s)
{
	return s->trouble;
}
