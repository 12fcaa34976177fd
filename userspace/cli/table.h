/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of JSON objects as an aligned table, as CSV (RFC 4180) or as one JSON object a line. A command is a table of columns;
 * cells are looked up by key, null and absent are "-" in a table and empty in CSV.
 */
#ifndef PLM_CLI_TABLE_H
#define PLM_CLI_TABLE_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/cli.h"

enum plm_cell {
	PLM_CELL_TEXT,
	PLM_CELL_COUNT,   /* whole number */
	PLM_CELL_CORES,   /* three decimals */
	PLM_CELL_PERCENT, /* 0…100 and more, one decimal */
	PLM_CELL_SHARE,   /* 0…1, shown as percent */
	PLM_CELL_BYTES,   /* shown in KiB, MiB, … */
	PLM_CELL_US,      /* microseconds, shown in seconds */
	PLM_CELL_TIME,    /* RFC 3339, shown in local time */
	PLM_CELL_BOOL,    /* shown as yes or no */
};

struct plm_column {
	const char *key; /* member, or path ("reasons.0.code"); NULL = table only. CSV's header, with _ for the dots */
	const char *title; /* NULL = CSV only */
	enum plm_cell cell;
	/* Makes the table's cell from the whole row instead; "" counts as unknown. NULL = by key. */
	void (*format)(const cJSON *row, char *text, size_t size);
};
#define PLM_TABLE_MAX_COLUMNS 48
#define PLM_TABLE_MAX_ROWS 100000
#define PLM_CELL_SIZE 512

struct plm_table {
	const struct plm_cli *cli;
	const struct plm_column *columns;
	size_t n_columns;
	char **cells; /* n_rows * n_columns, tables only */
	size_t n_rows, cap_rows;
	bool is_out_of_memory;
};

/* For every form but JSON: CSV and JSON lines are written as rows come, a table at the end. */
void plm_table_begin(struct plm_table *t, const struct plm_cli *cli, const struct plm_column *columns,
		     size_t n_columns);
void plm_table_add(struct plm_table *t, const cJSON *row);
/* Writes what is left and frees. 0, -ENOMEM, or -E2BIG when rows above PLM_TABLE_MAX_ROWS were left out. */
int plm_table_end(struct plm_table *t);

/* The cell as a table shows it. */
void plm_cell_text(enum plm_cell kind, const cJSON *value, char *text, size_t size);
/* Member by path; NULL when absent or null. */
const cJSON *plm_cell_at(const cJSON *row, const char *path);
/* Number or NAN; text or NULL. */
double plm_cell_number(const cJSON *row, const char *path);
const char *plm_cell_string(const cJSON *row, const char *path);

/* "48.2 MiB"; exact below 1 KiB. */
void plm_bytes_text(double bytes, char *text, size_t size);
/* Wall time in the local zone: "2026-11-23 14:05:01". */
void plm_local_time(plm_ns wall, char *text, size_t size);
/* Columns that the text takes on a terminal. */
int plm_text_width(const char *text);
/* Cuts or pads with blanks to exactly `width` columns. `keeps_end` cuts at the front. Control characters become '?'. */
void plm_text_fit(const char *text, int width, bool keeps_end, char *ret, size_t size);

/* One JSON value on one line, whole numbers in full. */
void plm_json_line(const cJSON *value, struct plm_buf *out);

#endif
