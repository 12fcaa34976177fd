/* SPDX-License-Identifier: Apache-2.0
 * What survives the daemon: numbers of definitions, desired counts, tasks and their processes. */
#include <errno.h>
#include <string.h>

#include "backends/local/internal.h"
#include "base/log.h"
#include "base/num.h"

#define RETRY_NS PLM_NS_PER_S

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS local_definitions (family TEXT PRIMARY KEY, revision INTEGER NOT NULL, text TEXT "
	"NOT NULL);"
	"CREATE TABLE IF NOT EXISTS local_services (name TEXT PRIMARY KEY, declared INTEGER NOT NULL, desired INTEGER "
	"NOT NULL,"
	" restarts INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS local_tasks (id TEXT PRIMARY KEY, service TEXT NOT NULL, family TEXT NOT NULL,"
	" revision INTEGER NOT NULL, status INTEGER NOT NULL, cgroup TEXT NOT NULL, pid INTEGER NOT NULL, pid_start "
	"INTEGER NOT NULL,"
	" port INTEGER NOT NULL, cpu_units INTEGER NOT NULL, memory_bytes INTEGER NOT NULL, memory_limit_bytes INTEGER "
	"NOT NULL,"
	" stop_timeout_s INTEGER NOT NULL, created_wall INTEGER NOT NULL, started_wall INTEGER NOT NULL,"
	" started_mono INTEGER NOT NULL, stopped_wall INTEGER NOT NULL, exit_code INTEGER NOT NULL, reason TEXT NOT "
	"NULL);"
	"CREATE TABLE IF NOT EXISTS local_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);";

#define TASK_COLUMNS                                                                                               \
	"id, service, family, revision, status, cgroup, pid, pid_start, port, cpu_units, memory_bytes,"            \
	" memory_limit_bytes, stop_timeout_s, created_wall, started_wall, started_mono, stopped_wall, exit_code, " \
	"reason"

int plm_local_store_open(struct plm_local *l, struct plm_err *err)
{
	return plm_db_exec(l->db, schema, err);
}

static bool may_write(const struct plm_local *l)
{
	return !l->db_retry_mono || l->now_mono >= l->db_retry_mono;
}

static bool noted(struct plm_local *l, int r, const struct plm_err *err)
{
	if (r == 0) {
		l->db_retry_mono = 0;
		return true;
	}
	l->db_retry_mono = l->now_mono + RETRY_NS;
	plm_log_limited(PLM_LOG_WARN, "local", "local store", "%s, tasks go on, trying again", plm_err_text(err));
	return false;
}

/* --- definitions --- */

int plm_local_store_number(struct plm_local *l, struct plm_local_definition *d, struct plm_err *err)
{
	sqlite3_stmt *stmt;
	int newest = 0;
	bool is_same = false;
	int r = plm_db_query(l->db, &stmt, err, "SELECT revision, text FROM local_definitions WHERE family=?", "s",
			     d->family);
	if (r != 0)
		return r;
	r = plm_db_step(l->db, stmt, err);
	if (r == 1) {
		newest = sqlite3_column_int(stmt, 0);
		is_same = strcmp(plm_db_text(stmt, 1), d->text) == 0 && d->revision <= newest;
	}
	(void)sqlite3_finalize(stmt);
	if (r < 0)
		return r;
	d->revision = is_same ? newest : d->revision > newest ? d->revision : newest + 1;
	if (is_same)
		return 0;
	return plm_db_run(l->db, err, "INSERT OR REPLACE INTO local_definitions(family, revision, text) VALUES(?,?,?)",
			  "sis", d->family, (int64_t)d->revision, d->text);
}

/* --- services --- */

int plm_local_store_get_service(struct plm_local *l, struct plm_local_service *s, struct plm_err *err)
{
	sqlite3_stmt *stmt;
	int r = plm_db_query(l->db, &stmt, err, "SELECT declared, desired, restarts FROM local_services WHERE name=?",
			     "s", s->name);
	if (r != 0)
		return r;
	r = plm_db_step(l->db, stmt, err);
	if (r == 1) {
		s->declared = sqlite3_column_int(stmt, 0);
		s->desired = sqlite3_column_int(stmt, 1);
		s->restarts = (uint32_t)sqlite3_column_int64(stmt, 2);
	}
	(void)sqlite3_finalize(stmt);
	return r;
}

int plm_local_store_put_service(struct plm_local *l, const struct plm_local_service *s, struct plm_err *err)
{
	return plm_db_run(l->db, err,
			  "INSERT OR REPLACE INTO local_services(name, declared, desired, restarts) VALUES(?,?,?,?)",
			  "siii", s->name, (int64_t)s->declared, (int64_t)s->desired, (int64_t)s->restarts);
}

bool plm_local_store_note_service(struct plm_local *l, struct plm_local_service *s)
{
	struct plm_err err = PLM_ERR_INIT;
	s->is_dirty = !may_write(l) || !noted(l, plm_local_store_put_service(l, s, &err), &err);
	return !s->is_dirty;
}

void plm_local_store_drop_service(struct plm_local *l, const char *name)
{
	struct plm_err err = PLM_ERR_INIT;
	(void)noted(l, plm_db_run(l->db, &err, "DELETE FROM local_services WHERE name=?", "s", name), &err);
}

/* --- what we made --- */

int plm_local_store_get_made(struct plm_local *l, struct plm_err *err)
{
	sqlite3_stmt *stmt;
	int r = plm_db_query(l->db, &stmt, err, "SELECT value FROM local_meta WHERE key='made'", "");
	if (r != 0)
		return r;
	r = plm_db_step(l->db, stmt, err);
	if (r == 1)
		(void)plm_strcpy(l->made, sizeof(l->made), plm_db_text(stmt, 0));
	(void)sqlite3_finalize(stmt);
	return r < 0 ? r : 0;
}

void plm_local_store_put_made(struct plm_local *l)
{
	struct plm_err err = PLM_ERR_INIT;
	(void)noted(l,
		    plm_db_run(l->db, &err, "INSERT OR REPLACE INTO local_meta(key, value) VALUES('made', ?)", "s",
			       l->made),
		    &err);
}

/* --- tasks --- */

bool plm_local_store_note_task(struct plm_local *l, struct plm_local_task *task)
{
	const struct plm_task *t = &task->t;
	struct plm_err err = PLM_ERR_INIT;
	task->is_dirty = true;
	if (!may_write(l))
		return false;
	int r = plm_db_run(
		l->db, &err,
		"INSERT INTO local_tasks(" TASK_COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
		" ON CONFLICT(id) DO UPDATE SET status=excluded.status, cgroup=excluded.cgroup, pid=excluded.pid,"
		" pid_start=excluded.pid_start, port=excluded.port, started_wall=excluded.started_wall,"
		" started_mono=excluded.started_mono, stopped_wall=excluded.stopped_wall, exit_code=excluded.exit_code,"
		" reason=excluded.reason", /* keeps the rowid, which is the order of starts */
		"sssiisiiiiiiiiiiiis", t->id, t->service, t->family, (int64_t)t->revision, (int64_t)t->status,
		t->cgroup, (int64_t)t->pid, (int64_t)task->pid_start, (int64_t)t->port, (int64_t)t->cpu_units,
		(int64_t)t->memory_bytes, (int64_t)task->limits.memory_bytes, (int64_t)task->stop_timeout_s,
		t->created_wall, t->started_wall, t->started_mono, t->stopped_wall, (int64_t)t->exit_code, t->reason);
	task->is_dirty = !noted(l, r, &err);
	return !task->is_dirty;
}

void plm_local_store_drop_task(struct plm_local *l, const char *id)
{
	struct plm_err err = PLM_ERR_INIT;
	if (may_write(l)) /* a row left behind is a stopped task more to show after a restart */
		(void)noted(l, plm_db_run(l->db, &err, "DELETE FROM local_tasks WHERE id=?", "s", id), &err);
}

static void read_row(sqlite3_stmt *stmt, struct plm_local_row *row)
{
	struct plm_task *t = &row->t;
	memset(row, 0, sizeof(*row));
	(void)plm_strcpy(t->id, sizeof(t->id), plm_db_text(stmt, 0));
	(void)plm_strcpy(t->service, sizeof(t->service), plm_db_text(stmt, 1));
	(void)plm_strcpy(t->family, sizeof(t->family), plm_db_text(stmt, 2));
	t->revision = sqlite3_column_int(stmt, 3);
	int status = sqlite3_column_int(stmt, 4);
	t->status = status >= 0 && status < _PLM_TASK_STATUS_MAX ? (enum plm_task_status)status : PLM_TASK_STOPPED;
	(void)plm_strcpy(t->cgroup, sizeof(t->cgroup), plm_db_text(stmt, 5));
	t->pid = sqlite3_column_int(stmt, 6);
	row->pid_start = (uint64_t)sqlite3_column_int64(stmt, 7);
	t->port = sqlite3_column_int(stmt, 8);
	t->cpu_units = (uint32_t)sqlite3_column_int64(stmt, 9);
	t->memory_bytes = (uint64_t)sqlite3_column_int64(stmt, 10);
	row->memory_limit_bytes = (uint64_t)sqlite3_column_int64(stmt, 11);
	row->stop_timeout_s = sqlite3_column_int(stmt, 12);
	t->created_wall = sqlite3_column_int64(stmt, 13);
	t->started_wall = sqlite3_column_int64(stmt, 14);
	t->started_mono = sqlite3_column_int64(stmt, 15);
	t->stopped_wall = sqlite3_column_int64(stmt, 16);
	t->exit_code = sqlite3_column_int(stmt, 17);
	(void)plm_strcpy(t->reason, sizeof(t->reason), plm_db_text(stmt, 18));
}

int plm_local_store_each_task(struct plm_local *l, int (*fn)(struct plm_local *l, const struct plm_local_row *row),
			      struct plm_err *err)
{
	sqlite3_stmt *stmt;
	int r = plm_db_query(l->db, &stmt, err, "SELECT " TASK_COLUMNS " FROM local_tasks ORDER BY created_wall, rowid",
			     "");
	if (r != 0)
		return r;
	while ((r = plm_db_step(l->db, stmt, err)) == 1) {
		struct plm_local_row row;
		read_row(stmt, &row);
		if (fn(l, &row) != 0) {
			r = plm_err_set(err, ENOMEM, NULL, "out of memory");
			break;
		}
	}
	(void)sqlite3_finalize(stmt);
	return r;
}
