/* SPDX-License-Identifier: Apache-2.0
 * Rows, order and lines of `plimsoll top`. */
#include "cli/top_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "cli/table.h"

#define SHOWN_ID 8 /* digits of a task's id behind its service's name */

const char *const plm_top_view_names[] = { "services", "tasks", "cgroups", NULL };
_Static_assert(PLM_ARRAY_SIZE(plm_top_view_names) == _PLM_TOP_VIEW_MAX + 1, "a name for each view");
const char *const plm_top_sort_names[] = { "cpu",      "cpu%",     "mem",  "mem%", "throttled",
					   "cpu-wait", "mem-wait", "name", NULL };
_Static_assert(PLM_ARRAY_SIZE(plm_top_sort_names) == _PLM_TOP_SORT_MAX + 1, "a name for each order");

/* --- rows --- */

void plm_top_model_done(struct plm_top_model *m)
{
	free(m->rows);
	m->rows = NULL;
	m->n_rows = m->cap_rows = 0;
}

void plm_top_model_clear(struct plm_top_model *m)
{
	m->n_rows = m->n_left_out = 0;
	m->trouble[0] = '\0';
}

struct plm_top_row *plm_top_add(struct plm_top_model *m, const char *name)
{
	if (m->n_rows == m->cap_rows && m->cap_rows < PLM_TOP_MAX_ROWS) {
		size_t cap = m->cap_rows ? m->cap_rows * 2 : 64;
		struct plm_top_row *rows = reallocarray(m->rows, cap, sizeof(*rows));
		if (rows) {
			m->rows = rows;
			m->cap_rows = cap;
		}
	}
	if (m->n_rows == m->cap_rows) {
		m->n_left_out++;
		return NULL;
	}
	struct plm_top_row *row = &m->rows[m->n_rows++];
	*row = (struct plm_top_row){ .cpu_cores = NAN,
				     .cpu_percent = NAN,
				     .memory_bytes = NAN,
				     .memory_percent = NAN,
				     .throttled_percent = NAN,
				     .cpu_pressure_percent = NAN,
				     .memory_pressure_percent = NAN };
	(void)plm_strcpy(row->name, sizeof(row->name), name);
	return row;
}

/* A sum or mean over the known ones. */
struct tally {
	double sum;
	int n;
};

static void tally_add(struct tally *t, double v)
{
	if (isnan(v))
		return;
	t->sum += v;
	t->n++;
}

static void add_service(struct plm_top_model *m, const cJSON *service, const cJSON *tasks)
{
	const char *name = plm_cell_string(service, "service");
	struct plm_top_row *row = plm_top_add(m, name ? name : "-");
	if (!row)
		return;
	struct tally cores = { 0 }, memory = { 0 }, throttled = { 0 }, cpu_wait = { 0 }, memory_wait = { 0 };
	const cJSON *t;
	cJSON_ArrayForEach(t, tasks)
	{
		const char *owner = plm_cell_string(t, "service"), *status = plm_cell_string(t, "status");
		if (!name || !owner || strcmp(owner, name) != 0 || (status && strcmp(status, "STOPPED") == 0))
			continue;
		tally_add(&cores, plm_cell_number(t, "cpu_cores"));
		tally_add(&memory, plm_cell_number(t, "memory_working_set_bytes"));
		tally_add(&throttled, plm_cell_number(t, "throttled_share"));
		tally_add(&cpu_wait, plm_cell_number(t, "cpu_pressure"));
		tally_add(&memory_wait, plm_cell_number(t, "memory_pressure"));
	}
	row->cpu_cores = cores.n ? cores.sum : NAN;
	row->memory_bytes = memory.n ? memory.sum : NAN;
	row->cpu_percent = plm_cell_number(service, "cpu_utilization_percent");
	row->memory_percent = plm_cell_number(service, "memory_utilization_percent");
	row->throttled_percent = throttled.n ? 100 * throttled.sum / throttled.n : NAN;
	row->cpu_pressure_percent = cpu_wait.n ? 100 * cpu_wait.sum / cpu_wait.n : NAN;
	row->memory_pressure_percent = memory_wait.n ? 100 * memory_wait.sum / memory_wait.n : NAN;
	static const char *const counts[] = { "desired", "running", "pending" };
	for (size_t i = 0, len = 0; i < PLM_ARRAY_SIZE(counts) && len < sizeof(row->state); i++) {
		double v = plm_cell_number(service, counts[i]);
		len += (size_t)snprintf(row->state + len, sizeof(row->state) - len, isnan(v) ? "%s-" : "%s%.0f",
					i ? "/" : "", v);
	}
}

void plm_top_add_services(struct plm_top_model *m, const cJSON *services, const cJSON *tasks)
{
	const cJSON *s;
	cJSON_ArrayForEach(s, cJSON_GetObjectItemCaseSensitive(services, "services"))
		add_service(m, s, cJSON_GetObjectItemCaseSensitive(tasks, "tasks"));
}

void plm_top_add_tasks(struct plm_top_model *m, const cJSON *tasks)
{
	const cJSON *t;
	cJSON_ArrayForEach(t, cJSON_GetObjectItemCaseSensitive(tasks, "tasks"))
	{
		const char *service = plm_cell_string(t, "service"), *id = plm_cell_string(t, "id"),
			   *status = plm_cell_string(t, "status");
		char name[256];
		if (status && strcmp(status, "STOPPED") == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.200s/%.*s", service ? service : "-", SHOWN_ID, id ? id : "-");
		struct plm_top_row *row = plm_top_add(m, name);
		if (!row)
			continue;
		row->cpu_cores = plm_cell_number(t, "cpu_cores");
		row->cpu_percent = plm_cell_number(t, "cpu_utilization_percent");
		row->memory_bytes = plm_cell_number(t, "memory_working_set_bytes");
		row->memory_percent = plm_cell_number(t, "memory_utilization_percent");
		row->throttled_percent = 100 * plm_cell_number(t, "throttled_share");
		row->cpu_pressure_percent = 100 * plm_cell_number(t, "cpu_pressure");
		row->memory_pressure_percent = 100 * plm_cell_number(t, "memory_pressure");
		(void)plm_strcpy(row->state, sizeof(row->state), status ? status : "-");
	}
}

static void copy_text(char *to, size_t size, const cJSON *doc, const char *path)
{
	const char *text = plm_cell_string(doc, path);
	if (text)
		(void)plm_strcpy(to, size, text);
}

void plm_top_set_host(struct plm_top_model *m, const cJSON *host)
{
	const char *version = plm_cell_string(host, "version"), *rung = plm_cell_string(host, "host.rung");
	const char *name = plm_cell_string(host, "host.rung_name");
	copy_text(m->host, sizeof(m->host), host, "host.name");
	copy_text(m->kernel, sizeof(m->kernel), host, "host.kernel");
	m->cpus = plm_cell_number(host, "host.cpus");
	m->memory_bytes = plm_cell_number(host, "host.memory_bytes");
	(void)snprintf(m->rung, sizeof(m->rung), "%.8s%s%.24s", rung ? rung : "-", name ? " " : "", name ? name : "");
	(void)snprintf(m->daemon, sizeof(m->daemon), "%.32s %s%s", version ? version : "-",
		       cJSON_IsTrue(plm_cell_at(host, "is_ready")) ? "ready" : "not ready",
		       cJSON_IsTrue(plm_cell_at(host, "self.is_dry_run")) ? ", dry run" : "");
}

/* --- order --- */

static double sort_value(const struct plm_top_row *r, enum plm_top_sort sort)
{
	switch (sort) {
	case PLM_TOP_BY_CPU:
		return r->cpu_cores;
	case PLM_TOP_BY_CPU_PERCENT:
		return r->cpu_percent;
	case PLM_TOP_BY_MEMORY:
		return r->memory_bytes;
	case PLM_TOP_BY_MEMORY_PERCENT:
		return r->memory_percent;
	case PLM_TOP_BY_THROTTLED:
		return r->throttled_percent;
	case PLM_TOP_BY_CPU_PRESSURE:
		return r->cpu_pressure_percent;
	case PLM_TOP_BY_MEMORY_PRESSURE:
		return r->memory_pressure_percent;
	default:
		return 0;
	}
}

struct order {
	enum plm_top_sort sort;
	bool is_reversed;
};

static int compare(const void *a, const void *b, void *ctx)
{
	const struct plm_top_row *x = a, *y = b;
	const struct order *o = ctx;
	int by_name = strcmp(x->name, y->name);
	if (o->sort == PLM_TOP_BY_NAME)
		return o->is_reversed ? -by_name : by_name;
	double vx = sort_value(x, o->sort), vy = sort_value(y, o->sort);
	if (isnan(vx) || isnan(vy))
		return isnan(vx) && isnan(vy) ? by_name : isnan(vx) ? 1 : -1;
	if (vx == vy)
		return by_name;
	return (vx > vy) != o->is_reversed ? -1 : 1;
}

void plm_top_arrange(struct plm_top_model *m, const char *filter, enum plm_top_sort sort, bool is_reversed)
{
	struct order o = { sort, is_reversed };
	size_t kept = 0;
	for (size_t i = 0; i < m->n_rows; i++)
		if (!filter || !filter[0] || strcasestr(m->rows[i].name, filter))
			m->rows[kept++] = m->rows[i];
	m->n_rows = kept;
	if (kept)
		qsort_r(m->rows, kept, sizeof(*m->rows), compare, &o);
}

/* --- lines --- */

enum column { NAME, CORES, CPU, BAR, MEMORY, MEM, THROTTLED, CPU_WAIT, MEM_WAIT, STATE, N_COLUMNS };

#define NAME_MIN 14
#define NAME_MIN_CGROUP 24 /* paths: at 80 columns they are worth more than the bar */
#define NAME_MAX_WIDTH 60
#define BAR_MIN 8
#define BAR_MAX 30

/* Columns that fit: name and CPU always, the rest from left to right; what is left goes to the name, then to the bar. */
struct layout {
	int width[N_COLUMNS]; /* 0 = not shown */
};

static struct layout lay_out(const struct plm_top_model *m, int width)
{
	const int name_min = m->view == PLM_TOP_CGROUPS ? NAME_MIN_CGROUP : NAME_MIN;
	const int fixed[N_COLUMNS] = {
		[NAME] = name_min, [CORES] = 6,     [CPU] = 6,      [BAR] = BAR_MIN, [MEMORY] = 7,
		[MEM] = 5,         [THROTTLED] = 5, [CPU_WAIT] = 5, [MEM_WAIT] = 5,  [STATE] = 9
	};
	static const enum column by_worth[] = {
		NAME, CORES, CPU, STATE, MEMORY, MEM, THROTTLED, CPU_WAIT, MEM_WAIT, BAR
	};
	struct layout l = { { 0 } };
	int used = -1; /* no blank before the first */
	for (size_t i = 0; i < PLM_ARRAY_SIZE(by_worth); i++) {
		enum column c = by_worth[i];
		if (used + 1 + fixed[c] > width)
			break;
		l.width[c] = fixed[c];
		used += 1 + fixed[c];
	}
	int name = name_min;
	for (size_t i = 0; i < m->n_rows; i++) {
		int w = plm_text_width(m->rows[i].name);
		name = w > name ? w : name;
	}
	name = name > NAME_MAX_WIDTH ? NAME_MAX_WIDTH : name;
	int more = width - used < name - name_min ? width - used : name - name_min;
	l.width[NAME] += more > 0 ? more : 0;
	used += more > 0 ? more : 0;
	if (l.width[BAR] && width > used)
		l.width[BAR] = l.width[BAR] + width - used > BAR_MAX ? BAR_MAX : l.width[BAR] + width - used;
	return l;
}

struct plm_top_bar plm_top_bar_place(const struct plm_top_model *m, int width)
{
	struct layout l = lay_out(m, width);
	return (struct plm_top_bar){ l.width[NAME] + 1 + l.width[CORES] + 1 + l.width[CPU] + 1, l.width[BAR] };
}

/* "1 task", "2 tasks" */
static void count_text(size_t n, enum plm_top_view view, char *text, size_t size)
{
	const char *name = plm_top_view_names[view];
	(void)snprintf(text, size, "%zu %.*s", n, (int)strlen(name) - (n == 1), name);
}

static void bytes_short(double v, char *text, size_t size)
{
	static const char units[] = "BKMGTP";
	size_t u = 0;
	while (v >= 1023.5 && units[u + 1]) {
		v /= 1024;
		u++;
	}
	(void)snprintf(text, size, v < 99.95 && u > 0 ? "%.1f%c" : "%.0f%c", v, units[u]);
}

static void percent(double v, char *text, size_t size)
{
	(void)snprintf(text, size, v < 999.95 ? "%.1f" : "%.0f", v);
}

static void bar(double share_percent, int width, char *text, size_t size)
{
	int inner = width - 2, filled = isnan(share_percent) ? 0 : (int)lround(fmin(share_percent, 100) / 100 * inner);
	size_t n = 0;
	for (int i = 0; i < width && n + 1 < size; i++)
		text[n++] = i == 0 ? '[' : i == width - 1 ? ']' : i <= filled ? '#' : ' ';
	text[n] = '\0';
}

static void join(const struct layout *l, char cells[N_COLUMNS][256], bool keeps_end, char text[PLM_TOP_LINE_MAX])
{
	size_t n = 0;
	for (int i = 0; i < N_COLUMNS; i++) {
		char fitted[512], raw[256];
		int w = l->width[i];
		if (w == 0)
			continue;
		int pad = i == NAME || i == BAR ? 0 : w - plm_text_width(cells[i]);
		(void)snprintf(raw, sizeof(raw), "%*s%.200s", pad > 0 ? pad : 0, "", cells[i]);
		plm_text_fit(raw, w, i == NAME && keeps_end, fitted, sizeof(fitted));
		n += (size_t)snprintf(text + n, PLM_TOP_LINE_MAX - n, "%s%s", n ? " " : "", fitted);
	}
}

void plm_top_line(const struct plm_top_model *m, const struct plm_top_row *row, int width, char text[PLM_TOP_LINE_MAX])
{
	struct layout l = lay_out(m, width);
	char cells[N_COLUMNS][256];
	const double percents[N_COLUMNS] = { [CPU] = row->cpu_percent,
					     [MEM] = row->memory_percent,
					     [THROTTLED] = row->throttled_percent,
					     [CPU_WAIT] = row->cpu_pressure_percent,
					     [MEM_WAIT] = row->memory_pressure_percent };
	for (int i = 0; i < N_COLUMNS; i++) {
		(void)plm_strcpy(cells[i], sizeof(cells[i]), "-");
		if (i != CORES && i != MEMORY && i != BAR && i != NAME && i != STATE && !isnan(percents[i]))
			percent(percents[i], cells[i], sizeof(cells[i]));
	}
	(void)plm_strcpy(cells[NAME], sizeof(cells[NAME]), row->name);
	if (!isnan(row->cpu_cores))
		(void)snprintf(cells[CORES], sizeof(cells[CORES]), row->cpu_cores < 99.995 ? "%.3f" : "%.1f",
			       row->cpu_cores);
	if (!isnan(row->memory_bytes))
		bytes_short(row->memory_bytes, cells[MEMORY], sizeof(cells[MEMORY]));
	bar(row->cpu_percent, l.width[BAR], cells[BAR], sizeof(cells[BAR]));
	(void)plm_strcpy(cells[STATE], sizeof(cells[STATE]), row->state[0] ? row->state : "-");
	join(&l, cells, m->view == PLM_TOP_CGROUPS, text);
}

void plm_top_titles(const struct plm_top_model *m, int width, char text[PLM_TOP_LINE_MAX])
{
	static const char *const names[_PLM_TOP_VIEW_MAX] = { "SERVICE", "TASK", "CGROUP" };
	static const char *const states[_PLM_TOP_VIEW_MAX] = { "DES/R/P", "STATUS", "PIDS" };
	struct layout l = lay_out(m, width);
	char cells[N_COLUMNS][256] = { "", "CORES", "CPU%", "", "MEMORY", "MEM%", "THR%", "CPUw%", "MEMw%", "" };
	(void)plm_strcpy(cells[NAME], sizeof(cells[NAME]), names[m->view]);
	(void)plm_strcpy(cells[STATE], sizeof(cells[STATE]), states[m->view]);
	join(&l, cells, false, text);
}

void plm_top_head(const struct plm_top_model *m, int line, int width, char text[PLM_TOP_LINE_MAX])
{
	char raw[PLM_TOP_LINE_MAX], memory[32] = "-", when[32], cpus[24] = "-", rows[40];
	double cores = 0;
	for (size_t i = 0; i < m->n_rows && m->view != PLM_TOP_CGROUPS; i++)
		cores += isnan(m->rows[i].cpu_cores) ? 0 : m->rows[i].cpu_cores;
	count_text(m->n_rows, m->view, rows, sizeof(rows));
	plm_local_time(m->wall, when, sizeof(when));
	if (!isnan(m->memory_bytes))
		plm_bytes_text(m->memory_bytes, memory, sizeof(memory));
	if (!isnan(m->cpus))
		(void)snprintf(cpus, sizeof(cpus), "%.0f", m->cpus);
	if (line == 0)
		(void)snprintf(raw, sizeof(raw), "plimsoll top  %s  %s  daemon %s", m->host[0] ? m->host : "-", when,
			       m->daemon[0] ? m->daemon : "none");
	else if (m->view == PLM_TOP_CGROUPS)
		(void)snprintf(raw, sizeof(raw), "%s CPUs, %s memory, rung %s, %s", cpus, memory,
			       m->rung[0] ? m->rung : "-", rows);
	else
		(void)snprintf(raw, sizeof(raw), "%s CPUs, %s memory, rung %s, %s on %.2f cores", cpus, memory,
			       m->rung[0] ? m->rung : "-", rows, cores);
	plm_text_fit(raw, width, false, text, PLM_TOP_LINE_MAX);
}
