/* SPDX-License-Identifier: Apache-2.0 */
#include "base/db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"

#define BUSY_TIMEOUT_MS 200 /* the daemon is the only writer; somebody's sqlite3 shell may hold it for a moment */

static int to_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return EROFS;
	case SQLITE_CANTOPEN:
		return ENOENT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return EUCLEAN;
	default:
		return EIO;
	}
}

static int fail(struct plm_db *db, int rc, const char *what, struct plm_err *err)
{
	return plm_err_set(err, to_errno(rc), db->path, "%s: %s", what,
			   db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc));
}

/* Opens, sets the pragmas and looks for damage. EUCLEAN when the file is not a healthy database. */
static int open_once(struct plm_db *db, struct plm_err *err)
{
	int rc = sqlite3_open_v2(db->path, &db->handle,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return fail(db, rc, "cannot open the database", err);
	(void)sqlite3_extended_result_codes(db->handle, 1);
	(void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	int r = plm_db_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;", err);
	if (r != 0)
		return r;
	sqlite3_stmt *stmt;
	r = plm_db_query(db, &stmt, err, "PRAGMA quick_check(1)", "");
	if (r != 0)
		return r;
	r = plm_db_step(db, stmt, err);
	bool is_healthy = r == 1 && strcmp(plm_db_text(stmt, 0), "ok") == 0;
	(void)sqlite3_finalize(stmt);
	if (r < 0)
		return r;
	return is_healthy ? 0 : plm_err_set(err, EUCLEAN, db->path, "the database is damaged");
}

static void move_with_suffix(const char *path, const char *moved_to, const char *suffix)
{
	char from[400], to[400];
	(void)snprintf(from, sizeof(from), "%s%s", path, suffix);
	(void)snprintf(to, sizeof(to), "%s%s", moved_to, suffix);
	(void)rename(from, to); /* -wal and -shm may not exist */
}

int plm_db_open(const char *path, struct plm_db *ret, struct plm_err *err)
{
	struct plm_db db = { .handle = NULL };
	if (plm_strcpy(db.path, sizeof(db.path), path) != 0)
		return plm_err_set(err, ENAMETOOLONG, path, "path is too long; at most %zu bytes", sizeof(db.path) - 1);
	int r = open_once(&db, err);
	if (r == -EUCLEAN) {
		plm_db_close(&db);
		(void)snprintf(db.moved_to, sizeof(db.moved_to), "%s.damaged-%lld", path,
			       (long long)(plm_clock_now().wall / PLM_NS_PER_S));
		if (rename(path, db.moved_to) != 0)
			return plm_err_set(err, errno, path, "damaged, and cannot be moved aside: %s", strerror(errno));
		move_with_suffix(path, db.moved_to, "-wal");
		move_with_suffix(path, db.moved_to, "-shm");
		db.was_damaged = true;
		r = open_once(&db, err);
	}
	if (r != 0) {
		plm_db_close(&db);
		return r;
	}
	*ret = db;
	return 0;
}

void plm_db_close(struct plm_db *db)
{
	if (db->handle)
		(void)sqlite3_close(db->handle);
	db->handle = NULL;
}

int plm_db_exec(struct plm_db *db, const char *sql, struct plm_err *err)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : fail(db, rc, "statement failed", err);
}

static int bind(sqlite3_stmt *stmt, const char *types, va_list ap)
{
	int rc = SQLITE_OK;
	for (int i = 1; rc == SQLITE_OK && types[i - 1]; i++) {
		switch (types[i - 1]) {
		case 'i':
			rc = sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
			break;
		case 'd':
			rc = sqlite3_bind_double(stmt, i, va_arg(ap, double));
			break;
		case 's': {
			const char *s = va_arg(ap, const char *);
			rc = s ? sqlite3_bind_text(stmt, i, s, -1, SQLITE_TRANSIENT) : sqlite3_bind_null(stmt, i);
			break;
		}
		default:
			rc = SQLITE_MISUSE;
		}
	}
	return rc;
}

static int vquery(struct plm_db *db, sqlite3_stmt **ret, struct plm_err *err, const char *sql, const char *types,
		  va_list ap)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return fail(db, rc, "cannot prepare a statement", err);
	rc = bind(stmt, types, ap);
	if (rc != SQLITE_OK) {
		(void)sqlite3_finalize(stmt);
		return fail(db, rc, "cannot bind an argument", err);
	}
	*ret = stmt;
	return 0;
}

int plm_db_query(struct plm_db *db, sqlite3_stmt **ret, struct plm_err *err, const char *sql, const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	int r = vquery(db, ret, err, sql, types, ap);
	va_end(ap);
	return r;
}

int plm_db_step(struct plm_db *db, sqlite3_stmt *stmt, struct plm_err *err)
{
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : fail(db, rc, "statement failed", err);
}

int plm_db_run(struct plm_db *db, struct plm_err *err, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt = NULL;
	va_list ap;
	va_start(ap, types);
	int r = vquery(db, &stmt, err, sql, types, ap);
	va_end(ap);
	if (r != 0)
		return r;
	do {
		r = plm_db_step(db, stmt, err);
	} while (r == 1);
	(void)sqlite3_finalize(stmt);
	return r;
}

const char *plm_db_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	return text ? text : "";
}
