/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "backends/local/internal.h"
#include "base/log.h"
#include "base/num.h"

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS local_definitions (family TEXT NOT NULL, revision INTEGER NOT NULL, json TEXT NOT NULL,"
	" PRIMARY KEY (family, revision));"
	"CREATE TABLE IF NOT EXISTS local_services (name TEXT PRIMARY KEY, declared INTEGER NOT NULL, desired INTEGER NOT NULL,"
	" restarts INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS local_tasks (id TEXT PRIMARY KEY, service TEXT NOT NULL, family TEXT NOT NULL,"
	" revision INTEGER NOT NULL, status INTEGER NOT NULL, cgroup TEXT NOT NULL, pid INTEGER NOT NULL, pid_start INTEGER NOT NULL,"
	" port INTEGER NOT NULL, cpu_units INTEGER NOT NULL, memory_bytes INTEGER NOT NULL, created_wall INTEGER NOT NULL,"
	" started_wall INTEGER NOT NULL, stopped_wall INTEGER NOT NULL, exit_code INTEGER NOT NULL, reason TEXT NOT NULL);";

int plm_local_store_open(struct plm_local *l, struct plm_err *err)
{
	return plm_db_exec(l->db, schema, err);
}

static int logged(int r, const struct plm_err *err)
{
	if (r != 0)
		plm_log_limited(PLM_LOG_WARN, "local", "local store", "%s, going on without writing it", plm_err_text(err));
	return r;
}

int plm_local_store_number(struct plm_local *l, struct plm_local_definition *d, struct plm_err *err)
{
	sqlite3_stmt *stmt;
	int revision = 0;
	bool is_same = false;
	int r = plm_db_query(l->db, &stmt, err,
			     "SELECT revision, json FROM local_definitions WHERE family=? ORDER BY revision DESC LIMIT 1", "s",
			     d->family);
	if (r != 0)
		return r;
	r = plm_db_step(l->db, stmt, err);
	if (r == 1) {
		revision = sqlite3_column_int(stmt, 0);
		is_same = strcmp(plm_db_text(stmt, 1), d->text) == 0;
	}
	(void)sqlite3_finalize(stmt);
	if (r < 0)
		return r;
	d->revision = is_same ? revision : revision + 1;
	if (is_same)
		return 0;
	return plm_db_run(l->db, err, "INSERT INTO local_definitions(family, revision, json) VALUES(?,?,?)", "sis", d->family,
			  (int64_t)d->revision, d->text);
}

int plm_local_store_get_service(struct plm_local *l, struct plm_local_service *s, struct plm_err *err)
{
	sqlite3_stmt *stmt;
	int r = plm_db_query(l->db, &stmt, err, "SELECT declared, desired, restarts FROM local_services WHERE name=?", "s", s->name);
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
	return plm_db_run(l->db, err, "INSERT OR REPLACE INTO local_services(name, declared, desired, restarts) VALUES(?,?,?,?)", "siii",
			  s->name, (int64_t)s->declared, (int64_t)s->desired, (int64_t)s->restarts);
}

void plm_local_store_drop_service(struct plm_local *l, const char *name)
{
	struct plm_err err = PLM_ERR_INIT;
	(void)logged(plm_db_run(l->db, &err, "DELETE FROM local_services WHERE name=?", "s", name), &err);
}

void plm_local_store_put_task(struct plm_local *l, const struct plm_local_task *task)
{
	const struct plm_task *t = &task->t;
	struct plm_err err = PLM_ERR_INIT;
	int r = plm_db_run(l->db, &err,
			   "INSERT OR REPLACE INTO local_tasks(id, service, family, revision, status, cgroup, pid, pid_start, port,"
			   " cpu_units, memory_bytes, created_wall, started_wall, stopped_wall, exit_code, reason)"
			   " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			   "sssiisiiiiiiiiis", t->id, t->service, t->family, (int64_t)t->revision, (int64_t)t->status, t->cgroup,
			   (int64_t)t->pid, (int64_t)task->pid_start, (int64_t)t->port, (int64_t)t->cpu_units,
			   (int64_t)t->memory_bytes, t->created_wall, t->started_wall, t->stopped_wall, (int64_t)t->exit_code,
			   t->reason);
	(void)logged(r, &err);
}

void plm_local_store_drop_task(struct plm_local *l, const char *id)
{
	struct plm_err err = PLM_ERR_INIT;
	(void)logged(plm_db_run(l->db, &err, "DELETE FROM local_tasks WHERE id=?", "s", id), &err);
}

static void read_task(sqlite3_stmt *stmt, struct plm_task *t, uint64_t *ret_pid_start)
{
	memset(t, 0, sizeof(*t));
	(void)plm_strcpy(t->id, sizeof(t->id), plm_db_text(stmt, 0));
	(void)plm_strcpy(t->service, sizeof(t->service), plm_db_text(stmt, 1));
	(void)plm_strcpy(t->family, sizeof(t->family), plm_db_text(stmt, 2));
	t->revision = sqlite3_column_int(stmt, 3);
	int status = sqlite3_column_int(stmt, 4);
	t->status = status >= 0 && status < _PLM_TASK_STATUS_MAX ? (enum plm_task_status)status : PLM_TASK_STOPPED;
	(void)plm_strcpy(t->cgroup, sizeof(t->cgroup), plm_db_text(stmt, 5));
	t->pid = sqlite3_column_int(stmt, 6);
	*ret_pid_start = (uint64_t)sqlite3_column_int64(stmt, 7);
	t->port = sqlite3_column_int(stmt, 8);
	t->cpu_units = (uint32_t)sqlite3_column_int64(stmt, 9);
	t->memory_bytes = (uint64_t)sqlite3_column_int64(stmt, 10);
	t->created_wall = sqlite3_column_int64(stmt, 11);
	t->started_wall = sqlite3_column_int64(stmt, 12);
	t->stopped_wall = sqlite3_column_int64(stmt, 13);
	t->exit_code = sqlite3_column_int(stmt, 14);
	(void)plm_strcpy(t->reason, sizeof(t->reason), plm_db_text(stmt, 15));
}

int plm_local_store_each_task(struct plm_local *l, void (*fn)(struct plm_local *l, const struct plm_task *t, uint64_t pid_start),
			      struct plm_err *err)
{
	sqlite3_stmt *stmt;
	int r = plm_db_query(l->db, &stmt, err,
			     "SELECT id, service, family, revision, status, cgroup, pid, pid_start, port, cpu_units, memory_bytes,"
			     " created_wall, started_wall, stopped_wall, exit_code, reason FROM local_tasks ORDER BY created_wall",
			     "");
	if (r != 0)
		return r;
	while ((r = plm_db_step(l->db, stmt, err)) == 1) {
		struct plm_task t;
		uint64_t pid_start;
		read_task(stmt, &t, &pid_start);
		fn(l, &t, pid_start);
	}
	(void)sqlite3_finalize(stmt);
	return r;
}
