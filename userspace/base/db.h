/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite with the habits of this project: WAL, one writer, a damaged file is moved aside and said so, a full
 * disk or a lock is an error to carry on from and never the end of the program.
 */
#ifndef PLM_BASE_DB_H
#define PLM_BASE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct plm_db {
	sqlite3 *handle;
	char path[256];
	bool was_damaged;   /* the file found was moved aside */
	char moved_to[300]; /* where to */
};

/* Opens or creates. The damaged file goes to "<path>.damaged-<epoch seconds>". -EIO/-ENOSPC/… on failure. */
int plm_db_open(const char *path, struct plm_db *ret, struct plm_err *err);
void plm_db_close(struct plm_db *db);
/* Runs statements without results (schema, BEGIN IMMEDIATE, COMMIT, ROLLBACK). */
int plm_db_exec(struct plm_db *db, const char *sql, struct plm_err *err);
/* Prepares with bound arguments: `types` has one letter per argument: i = int64_t, s = const char * (copied;
 * NULL binds NULL), d = double. The caller steps with plm_db_step and finalizes with sqlite3_finalize. */
int plm_db_query(struct plm_db *db, sqlite3_stmt **ret, struct plm_err *err, const char *sql, const char *types, ...);
/* 1 = a row, 0 = done, negative on error. */
int plm_db_step(struct plm_db *db, sqlite3_stmt *stmt, struct plm_err *err);
/* Query, step to the end, finalize. */
int plm_db_run(struct plm_db *db, struct plm_err *err, const char *sql, const char *types, ...);
const char *plm_db_text(sqlite3_stmt *stmt, int column); /* never NULL */

#endif
