/* SPDX-License-Identifier: Apache-2.0
 *
 * What `plimsoll top` shows, apart from any terminal: rows of one view, their order, and each row as a line of text. The screen
 * and --batch draw from the same lines. Up to PLM_TOP_MAX_ROWS rows.
 */
#ifndef PLM_CLI_TOP_MODEL_H
#define PLM_CLI_TOP_MODEL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

#define PLM_TOP_MAX_ROWS 16384
#define PLM_TOP_LINE_MAX 1024
#define PLM_TOP_MIN_WIDTH 40

enum plm_top_view { PLM_TOP_SERVICES, PLM_TOP_TASKS, PLM_TOP_CGROUPS, _PLM_TOP_VIEW_MAX };
extern const char *const plm_top_view_names[]; /* NULL-terminated */

enum plm_top_sort {
	PLM_TOP_BY_CPU,
	PLM_TOP_BY_CPU_PERCENT,
	PLM_TOP_BY_MEMORY,
	PLM_TOP_BY_MEMORY_PERCENT,
	PLM_TOP_BY_THROTTLED,
	PLM_TOP_BY_CPU_PRESSURE,
	PLM_TOP_BY_MEMORY_PRESSURE,
	PLM_TOP_BY_NAME,
	_PLM_TOP_SORT_MAX,
};
extern const char *const plm_top_sort_names[]; /* NULL-terminated */

/* Unknown is NAN. */
struct plm_top_row {
	char name[256];
	char state[24];                      /* last column: "2/2/0", "RUNNING", pids */
	double cpu_cores, cpu_percent;       /* percent of the reservation; of the host for cgroups */
	double memory_bytes, memory_percent; /* working set; percent of the reservation, limit or host */
	double throttled_percent, cpu_pressure_percent, memory_pressure_percent;
};

struct plm_top_model {
	enum plm_top_view view;
	struct plm_top_row *rows;
	size_t n_rows, cap_rows, n_left_out;
	/* Head lines; "" and NAN when not known. */
	char host[64], kernel[64], rung[40], daemon[80], trouble[200];
	double cpus, memory_bytes;
	plm_ns wall;
};

void plm_top_model_done(struct plm_top_model *m);
void plm_top_model_clear(struct plm_top_model *m);                          /* rows and trouble */
struct plm_top_row *plm_top_add(struct plm_top_model *m, const char *name); /* all unknown; NULL = no room */

/* From the API's answers; either may be NULL. Services: use is the sum of their tasks', throttling and pressure their mean. */
void plm_top_add_services(struct plm_top_model *m, const cJSON *services, const cJSON *tasks);
void plm_top_add_tasks(struct plm_top_model *m, const cJSON *tasks);
void plm_top_set_host(struct plm_top_model *m, const cJSON *host);

/* Drops rows whose name does not contain `filter` (case ignored), sorts the rest: largest first (names A to Z), unknown last,
 * equal ones by name; `is_reversed` turns all but the unknown round. */
void plm_top_arrange(struct plm_top_model *m, const char *filter, enum plm_top_sort sort, bool is_reversed);

/* Where the bar stands in a line of `width` columns; 0 columns when there is no room for one. */
struct plm_top_bar {
	int column, width;
};
struct plm_top_bar plm_top_bar_place(const struct plm_top_model *m, int width);
/* Lines of at most `width` columns. */
void plm_top_head(const struct plm_top_model *m, int line, int width, char text[PLM_TOP_LINE_MAX]); /* lines 0 and 1 */
void plm_top_titles(const struct plm_top_model *m, int width, char text[PLM_TOP_LINE_MAX]);
void plm_top_line(const struct plm_top_model *m, const struct plm_top_row *row, int width, char text[PLM_TOP_LINE_MAX]);

#endif
