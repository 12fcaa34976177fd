/* SPDX-License-Identifier: Apache-2.0
 * Columns to text. A table keeps its cells until the end to know the widths; the other forms keep nothing. */
#include "cli/table.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/num.h"

#define LINE_MAX_BYTES (1u << 20)    /* one row as JSON */
#define EXACT_MAX 9007199254740992.0 /* 2^53: whole numbers below are exact in a double */

/* --- looking up --- */

const cJSON *plm_cell_at(const cJSON *row, const char *path)
{
	while (row && *path) {
		char part[64];
		size_t len = strcspn(path, ".");
		uint64_t index;
		(void)snprintf(part, sizeof(part), "%.*s", (int)len, path);
		if (cJSON_IsArray(row) && plm_parse_u64(part, 0, 1000000, &index) == 0)
			row = cJSON_GetArrayItem(row, (int)index);
		else
			row = cJSON_GetObjectItemCaseSensitive(row, part);
		path += len;
		path += *path == '.';
	}
	return row && !cJSON_IsNull(row) ? row : NULL;
}

double plm_cell_number(const cJSON *row, const char *path)
{
	const cJSON *v = plm_cell_at(row, path);
	return cJSON_IsNumber(v) ? v->valuedouble : NAN;
}

const char *plm_cell_string(const cJSON *row, const char *path)
{
	const cJSON *v = plm_cell_at(row, path);
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

/* --- one value --- */

/* As short as it can be without losing anything. */
static void raw_number(double v, char *text, size_t size)
{
	if (v == floor(v) && fabs(v) < EXACT_MAX) {
		(void)snprintf(text, size, "%.0f", v);
		return;
	}
	(void)snprintf(text, size, "%.15g", v);
	if (strtod(text, NULL) != v)
		(void)snprintf(text, size, "%.17g", v);
}

static void number_text(enum plm_cell kind, double v, char *text, size_t size)
{
	switch (kind) {
	case PLM_CELL_CORES:
		(void)snprintf(text, size, "%.3f", v);
		return;
	case PLM_CELL_PERCENT:
		(void)snprintf(text, size, "%.1f", v);
		return;
	case PLM_CELL_SHARE:
		(void)snprintf(text, size, "%.1f", v * 100);
		return;
	case PLM_CELL_BYTES:
		plm_bytes_text(v, text, size);
		return;
	case PLM_CELL_US:
		(void)snprintf(text, size, "%.3f", v / 1e6);
		return;
	default:
		raw_number(v, text, size);
	}
}

void plm_cell_text(enum plm_cell kind, const cJSON *value, char *text, size_t size)
{
	plm_ns wall;
	if (cJSON_IsBool(value)) {
		(void)plm_strcpy(text, size, cJSON_IsTrue(value) ? "yes" : "no");
	} else if (cJSON_IsNumber(value)) {
		number_text(kind, value->valuedouble, text, size);
	} else if (cJSON_IsString(value)) {
		(void)plm_strcpy(text, size, value->valuestring);
		if (kind == PLM_CELL_TIME && plm_time_parse(value->valuestring, &wall) == 0)
			plm_local_time(wall, text, size);
	} else {
		(void)plm_strcpy(text, size, "-");
	}
	for (char *p = text; *p; p++) /* nothing that steers the terminal */
		if (iscntrl((unsigned char)*p))
			*p = ' ';
}

static void line_value(const cJSON *v, const char *key, struct plm_jw *w)
{
	char text[40];
	if (cJSON_IsObject(v) || cJSON_IsArray(v)) {
		bool is_object = cJSON_IsObject(v);
		is_object ? plm_jw_obj(w, key) : plm_jw_arr(w, key);
		for (const cJSON *c = v->child; c; c = c->next)
			line_value(c, is_object ? c->string : NULL, w);
		is_object ? plm_jw_end_obj(w) : plm_jw_end_arr(w);
	} else if (cJSON_IsNumber(v)) {
		raw_number(v->valuedouble, text, sizeof(text));
		plm_jw_raw(w, key, text);
	} else if (cJSON_IsString(v)) {
		plm_jw_str(w, key, v->valuestring);
	} else if (cJSON_IsBool(v)) {
		plm_jw_bool(w, key, cJSON_IsTrue(v));
	} else {
		plm_jw_null(w, key);
	}
}

void plm_json_line(const cJSON *value, struct plm_buf *out)
{
	struct plm_jw w;
	plm_jw_init(&w, out);
	line_value(value, NULL, &w);
}

/* --- CSV and JSON lines --- */

static void csv_field(FILE *out, const char *text, bool is_first)
{
	if (!is_first)
		fputc(',', out);
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void csv_header(const struct plm_table *t)
{
	bool is_first = true;
	for (size_t i = 0; i < t->n_columns; i++) {
		char name[80];
		if (!t->columns[i].key)
			continue;
		(void)plm_strcpy(name, sizeof(name), t->columns[i].key);
		for (char *p = name; *p; p++)
			if (*p == '.')
				*p = '_';
		csv_field(t->cli->out, name, is_first);
		is_first = false;
	}
	fputs("\r\n", t->cli->out);
}

static void csv_row(const struct plm_table *t, const cJSON *row)
{
	bool is_first = true;
	for (size_t i = 0; i < t->n_columns; i++) {
		char text[40] = "";
		const char *field = text;
		if (!t->columns[i].key)
			continue;
		const cJSON *v = plm_cell_at(row, t->columns[i].key);
		if (cJSON_IsString(v))
			field = v->valuestring;
		else if (cJSON_IsNumber(v))
			raw_number(v->valuedouble, text, sizeof(text));
		else if (cJSON_IsBool(v))
			field = cJSON_IsTrue(v) ? "true" : "false";
		csv_field(t->cli->out, field, is_first);
		is_first = false;
	}
	fputs("\r\n", t->cli->out);
}

static void json_row(struct plm_table *t, const cJSON *row)
{
	struct plm_buf line = PLM_BUF_INIT(LINE_MAX_BYTES);
	struct plm_jw w;
	plm_jw_init(&w, &line);
	plm_jw_obj(&w, NULL);
	plm_jw_i64(&w, "api_version", 1);
	for (const cJSON *c = row->child; c; c = c->next)
		if (strcmp(c->string, "api_version") != 0)
			line_value(c, c->string, &w);
	plm_jw_end_obj(&w);
	if (line.failed)
		t->is_out_of_memory = true;
	else
		fprintf(t->cli->out, "%s\n", plm_buf_text(&line));
	plm_buf_done(&line);
}

/* --- tables --- */

static bool is_right(const struct plm_column *c)
{
	return !c->format && c->cell != PLM_CELL_TEXT && c->cell != PLM_CELL_TIME && c->cell != PLM_CELL_BOOL;
}

static void keep_row(struct plm_table *t, const cJSON *row)
{
	if (t->n_rows >= PLM_TABLE_MAX_ROWS) {
		t->n_rows = PLM_TABLE_MAX_ROWS + 1; /* tells the end that rows were left out */
		return;
	}
	if (t->n_rows == t->cap_rows) {
		size_t cap = t->cap_rows ? t->cap_rows * 2 : 64;
		char **cells = reallocarray(t->cells, cap * t->n_columns, sizeof(*cells));
		if (!cells) {
			t->is_out_of_memory = true;
			return;
		}
		t->cells = cells;
		t->cap_rows = cap;
	}
	char **cells = t->cells + t->n_rows * t->n_columns;
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct plm_column *c = &t->columns[i];
		char text[PLM_CELL_SIZE] = "";
		if (c->format)
			c->format(row, text, sizeof(text));
		else if (c->title)
			plm_cell_text(c->cell, plm_cell_at(row, c->key), text, sizeof(text));
		cells[i] = strdup(text[0] || !c->title ? text : "-");
		if (!cells[i])
			t->is_out_of_memory = true;
	}
	t->n_rows++;
}

static void print_cell(FILE *out, const char *text, int width, bool right, bool is_last)
{
	int pad = width - plm_text_width(text);
	char shown[PLM_CELL_SIZE];
	plm_text_fit(text, plm_text_width(text), false, shown, sizeof(shown));
	if (right)
		fprintf(out, "%*s%s", pad, "", shown);
	else
		fprintf(out, "%s%*s", shown, is_last ? 0 : pad, "");
	fputs(is_last ? "\n" : "  ", out);
}

static void print_line(const struct plm_table *t, char *const *cells, const int *widths, size_t last)
{
	for (size_t i = 0; i <= last; i++) {
		const struct plm_column *c = &t->columns[i];
		if (!c->title)
			continue;
		const char *text = cells ? cells[i] : c->title;
		print_cell(t->cli->out, text ? text : "-", widths[i], is_right(c), i == last);
	}
}

static void print_table(const struct plm_table *t, size_t n_rows)
{
	int widths[PLM_TABLE_MAX_COLUMNS] = { 0 };
	size_t last = 0;
	for (size_t i = 0; i < t->n_columns; i++) {
		if (!t->columns[i].title)
			continue;
		last = i;
		widths[i] = t->cli->no_headers ? 0 : plm_text_width(t->columns[i].title);
		for (size_t r = 0; r < n_rows; r++) {
			const char *text = t->cells[r * t->n_columns + i];
			int w = text ? plm_text_width(text) : 1;
			widths[i] = w > widths[i] ? w : widths[i];
		}
	}
	if (!t->cli->no_headers)
		print_line(t, NULL, widths, last);
	for (size_t r = 0; r < n_rows; r++)
		print_line(t, t->cells + r * t->n_columns, widths, last);
}

void plm_table_begin(struct plm_table *t, const struct plm_cli *cli, const struct plm_column *columns, size_t n_columns)
{
	*t = (struct plm_table){ .cli = cli, .columns = columns, .n_columns = n_columns };
	if (cli->output == PLM_OUTPUT_CSV && !cli->no_headers)
		csv_header(t);
}

void plm_table_add(struct plm_table *t, const cJSON *row)
{
	if (!cJSON_IsObject(row))
		return;
	if (t->cli->output == PLM_OUTPUT_CSV)
		csv_row(t, row);
	else if (t->cli->output == PLM_OUTPUT_TABLE)
		keep_row(t, row);
	else
		json_row(t, row);
}

int plm_table_end(struct plm_table *t)
{
	bool is_cut = t->n_rows > PLM_TABLE_MAX_ROWS;
	size_t n_rows = is_cut ? PLM_TABLE_MAX_ROWS : t->n_rows;
	if (t->cli->output == PLM_OUTPUT_TABLE)
		print_table(t, n_rows);
	for (size_t i = 0; i < n_rows * t->n_columns; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->n_rows = t->cap_rows = 0;
	if (t->is_out_of_memory)
		return -ENOMEM;
	return is_cut ? -E2BIG : 0;
}
