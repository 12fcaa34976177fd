/* SPDX-License-Identifier: Apache-2.0
 *
 * plimsoll sample: the kernel's counters now, without a daemon; with an interval, rates as well. Up to
 * PLM_SOURCE_MAX_CGROUPS rows a pass; JSON is written as the pass goes, unknown is null.
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/kernel.h"
#include "cli/rates.h"
#include "cli/table.h"

#define ROW_MAX_BYTES (16u << 10)
#define CGROUP_PATH_MAX 4096

struct args {
	const char *cgroup;
	double interval_s;
	uint64_t count;
	int rung;
};

static const char *const rungs[] = { "auto", "B", "C", "E", NULL };

static const struct plm_option options[] = {
	{ "cgroup", 'c', PLM_OPTION_TEXT, "PATH", "this cgroup and those below it (default /)",
	  offsetof(struct args, cgroup), 0, 0, NULL },
	{ "interval", 'i', PLM_OPTION_NUMBER, "S", "read every S seconds and show rates",
	  offsetof(struct args, interval_s), 0.01, 86400, NULL },
	{ "count", 'n', PLM_OPTION_COUNT, "N", "end after N intervals (default: go on; needs --interval)",
	  offsetof(struct args, count), 1, 1e9, NULL },
	{ "rung", 'r', PLM_OPTION_CHOICE, "RUNG",
	  "force a way to read: B iterator on v2, C iterator on hybrid, E files (default auto: "
	  "the best that works)",
	  offsetof(struct args, rung), 0, 0, rungs },
};

/* --- one row as JSON --- */

static void u64(struct plm_jw *w, const char *key, bool is_known, uint64_t value)
{
	if (is_known)
		plm_jw_u64(w, key, value);
	else
		plm_jw_null(w, key);
}

static void counters(const struct plm_sample *s, struct plm_jw *w)
{
	static const struct {
		const char *key;
		uint32_t has;
	} psi[_PLM_PSI_MAX] = {
		{ "pressure_cpu_some_us", PLM_HAS_PSI_CPU },    { "pressure_cpu_full_us", PLM_HAS_PSI_CPU },
		{ "pressure_memory_some_us", PLM_HAS_PSI_MEM }, { "pressure_memory_full_us", PLM_HAS_PSI_MEM },
		{ "pressure_io_some_us", PLM_HAS_PSI_IO },      { "pressure_io_full_us", PLM_HAS_PSI_IO },
	};
	bool has_cpu = s->has & PLM_HAS_CPU, has_throttle = s->has & PLM_HAS_THROTTLE;
	plm_jw_str(w, "cgroup", s->path);
	plm_jw_i64(w, "time_ns", s->time_ns);
	u64(w, "cpu_usage_us", has_cpu, s->cpu_usage_ns / 1000);
	u64(w, "cpu_user_us", has_cpu, s->cpu_user_ns / 1000);
	u64(w, "cpu_system_us", has_cpu, s->cpu_system_ns / 1000);
	u64(w, "periods", has_throttle, s->nr_periods);
	u64(w, "throttled_periods", has_throttle, s->nr_throttled);
	u64(w, "throttled_us", has_throttle, s->throttled_ns / 1000);
	u64(w, "memory_usage_bytes", s->has & PLM_HAS_MEM, s->mem_usage_bytes);
	u64(w, "memory_working_set_bytes", s->has & PLM_HAS_WORKING_SET, s->mem_working_set_bytes);
	u64(w, "memory_limit_bytes", (s->has & PLM_HAS_MEM_LIMIT) && s->mem_limit_bytes != PLM_NO_MEM_LIMIT,
	    s->mem_limit_bytes);
	u64(w, "oom_kills", s->has & PLM_HAS_OOM, s->oom_kills);
	u64(w, "pids", s->has & PLM_HAS_PROCS, s->pids);
	for (int i = 0; i < _PLM_PSI_MAX; i++)
		u64(w, psi[i].key, s->has & psi[i].has, s->psi_ns[i] / 1000);
}

static void rate_members(const struct plm_rates *r, struct plm_jw *w)
{
	static const char *const psi[_PLM_PSI_MAX] = { "pressure_cpu_some_share",    "pressure_cpu_full_share",
						       "pressure_memory_some_share", "pressure_memory_full_share",
						       "pressure_io_some_share",     "pressure_io_full_share" };
	plm_jw_num(w, "interval_s", r->interval_s);
	plm_jw_num(w, "cpu_cores", r->cpu_cores);
	plm_jw_num(w, "cpu_user_cores", r->cpu_user_cores);
	plm_jw_num(w, "cpu_system_cores", r->cpu_system_cores);
	plm_jw_num(w, "throttled_share", r->throttled_share);
	for (int i = 0; i < _PLM_PSI_MAX; i++)
		plm_jw_num(w, psi[i], r->psi_share[i]);
}

/* --- columns --- */

#define COUNTER_COLUMNS(cpu, user, system, throttled, some)                                                            \
	{ "cgroup", "CGROUP", PLM_CELL_TEXT, NULL }, { "time_ns", NULL, PLM_CELL_COUNT, NULL },                        \
		{ "cpu_usage_us", cpu, PLM_CELL_US, NULL }, { "cpu_user_us", user, PLM_CELL_US, NULL },                \
		{ "cpu_system_us", system, PLM_CELL_US, NULL }, { "periods", NULL, PLM_CELL_COUNT, NULL },             \
		{ "throttled_periods", NULL, PLM_CELL_COUNT, NULL }, { "throttled_us", throttled, PLM_CELL_US, NULL }, \
		{ "memory_usage_bytes", "MEMORY", PLM_CELL_BYTES, NULL },                                              \
		{ "memory_working_set_bytes", "WORKING-SET", PLM_CELL_BYTES, NULL },                                   \
		{ "memory_limit_bytes", "LIMIT", PLM_CELL_BYTES, NULL }, { "oom_kills", "OOM", PLM_CELL_COUNT, NULL }, \
		{ "pids", "PIDS", PLM_CELL_COUNT, NULL }, { "pressure_cpu_some_us", some, PLM_CELL_US, NULL },         \
		{ "pressure_cpu_full_us", NULL, PLM_CELL_US, NULL },                                                   \
		{ "pressure_memory_some_us", NULL, PLM_CELL_US, NULL },                                                \
		{ "pressure_memory_full_us", NULL, PLM_CELL_US, NULL },                                                \
		{ "pressure_io_some_us", NULL, PLM_CELL_US, NULL },                                                    \
	{                                                                                                              \
		"pressure_io_full_us", NULL, PLM_CELL_US, NULL                                                         \
	}

static const struct plm_column counter_columns[] = {
	COUNTER_COLUMNS("CPU(s)", "USER(s)", "SYSTEM(s)", "THROTTLED(s)", "CPU-WAIT(s)"),
};

static const struct plm_column rate_columns[] = {
	COUNTER_COLUMNS(NULL, NULL, NULL, NULL, NULL),
	{ "interval_s", NULL, PLM_CELL_CORES, NULL },
	{ "cpu_cores", "CORES", PLM_CELL_CORES, NULL },
	{ "cpu_user_cores", "USER", PLM_CELL_CORES, NULL },
	{ "cpu_system_cores", "SYSTEM", PLM_CELL_CORES, NULL },
	{ "throttled_share", "THR%", PLM_CELL_SHARE, NULL },
	{ "pressure_cpu_some_share", "CPU-WAIT%", PLM_CELL_SHARE, NULL },
	{ "pressure_cpu_full_share", NULL, PLM_CELL_SHARE, NULL },
	{ "pressure_memory_some_share", "MEM-WAIT%", PLM_CELL_SHARE, NULL },
	{ "pressure_memory_full_share", NULL, PLM_CELL_SHARE, NULL },
	{ "pressure_io_some_share", "IO-WAIT%", PLM_CELL_SHARE, NULL },
	{ "pressure_io_full_share", NULL, PLM_CELL_SHARE, NULL },
};

/* --- one pass --- */

struct pass {
	const struct plm_cli *cli;
	bool has_rates;
	bool is_repeated; /* headers only once */
	struct plm_previous previous;
	struct plm_buf row; /* one row, used again */
};

static void row_json(struct pass *p, const struct plm_sample *s)
{
	struct plm_jw w;
	plm_buf_reset(&p->row);
	plm_jw_init(&w, &p->row);
	plm_jw_obj(&w, NULL);
	if (p->cli->output == PLM_OUTPUT_JSONL)
		plm_jw_i64(&w, "api_version", 1);
	counters(s, &w);
	if (p->has_rates) {
		struct plm_rates rates;
		plm_rates_between(plm_previous_get(&p->previous, s->id), s, &rates);
		rate_members(&rates, &w);
	}
	plm_jw_end_obj(&w);
}

static void print_json(struct pass *p, const struct plm_sample_set *set)
{
	bool is_lines = p->cli->output == PLM_OUTPUT_JSONL;
	if (!is_lines)
		fputs("{\"api_version\":1,\"samples\":[", p->cli->out);
	for (size_t i = 0; i < set->n_rows; i++) {
		row_json(p, &set->rows[i]);
		fprintf(p->cli->out, "%s%s%s", i && !is_lines ? "," : "", plm_buf_text(&p->row), is_lines ? "\n" : "");
	}
	if (!is_lines)
		fputs("]}\n", p->cli->out);
}

static int print_columns(struct pass *p, const struct plm_sample_set *set)
{
	struct plm_cli cli = *p->cli;
	struct plm_table t;
	if (p->is_repeated && cli.output == PLM_OUTPUT_CSV)
		cli.no_headers = true;
	if (p->has_rates)
		plm_table_begin(&t, &cli, rate_columns, PLM_ARRAY_SIZE(rate_columns));
	else
		plm_table_begin(&t, &cli, counter_columns, PLM_ARRAY_SIZE(counter_columns));
	if (p->is_repeated && cli.output == PLM_OUTPUT_TABLE)
		fputc('\n', cli.out);
	for (size_t i = 0; i < set->n_rows; i++) {
		row_json(p, &set->rows[i]);
		cJSON *row = cJSON_ParseWithLength(plm_buf_text(&p->row), p->row.len);
		plm_table_add(&t, row);
		cJSON_Delete(row);
	}
	return plm_table_end(&t);
}

static int print_pass(struct pass *p, const struct plm_sample_set *set)
{
	int r = 0;
	if (p->cli->output == PLM_OUTPUT_JSON || p->cli->output == PLM_OUTPUT_JSONL)
		print_json(p, set);
	else
		r = print_columns(p, set);
	p->is_repeated = true;
	if (r == 0 && fflush(p->cli->out) != 0)
		r = -EIO;
	return p->row.failed ? -ENOMEM : r;
}

/* --- the command --- */

static void sleep_until(plm_ns mono)
{
	struct timespec ts = { .tv_sec = mono / PLM_NS_PER_S, .tv_nsec = mono % PLM_NS_PER_S };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static int read_set(const struct plm_cli *cli, struct plm_ladder *ladder, struct plm_sample_set *set)
{
	struct plm_err err = PLM_ERR_INIT;
	uint64_t lost = set->lost_cgroups;
	int r = plm_ladder_read(ladder, set, &err);
	if (r < 0) {
		plm_cli_say(cli, "%s", err.code ? plm_err_text(&err) : strerror(-r));
		return r == -EPERM || r == -EACCES ? PLM_EXIT_PRIVILEGE : PLM_EXIT_FAILED;
	}
	if (set->lost_cgroups > lost)
		plm_cli_say(cli, "%llu cgroups above the %d of one pass are not shown",
			    (unsigned long long)(set->lost_cgroups - lost), PLM_SOURCE_MAX_CGROUPS);
	return PLM_EXIT_OK;
}

static bool has_row(const struct plm_sample_set *set, const char *path)
{
	for (size_t i = 0; i < set->n_rows; i++)
		if (strcmp(set->rows[i].path, path) == 0)
			return true;
	return false;
}

static int passes(const struct args *a, struct pass *p, struct plm_ladder *ladder, const char *root,
		  struct plm_sample_set *set)
{
	int code = read_set(p->cli, ladder, set);
	if (code == PLM_EXIT_OK && root[1] && !has_row(set, root)) {
		plm_cli_say(p->cli, "there is no cgroup \"%s\"", root);
		return PLM_EXIT_FAILED;
	}
	if (code != PLM_EXIT_OK || a->interval_s == 0)
		return code != PLM_EXIT_OK ? code : print_pass(p, set) < 0 ? PLM_EXIT_FAILED : PLM_EXIT_OK;
	plm_ns period = (plm_ns)(a->interval_s * 1e9), next = plm_clock_mono();
	for (uint64_t i = 0; a->count == 0 || i < a->count; i++) {
		if (plm_previous_keep(&p->previous, set) < 0) {
			plm_cli_say(p->cli, "not enough memory for %zu cgroups", set->n_rows);
			return PLM_EXIT_FAILED;
		}
		next += period;
		sleep_until(next);
		code = read_set(p->cli, ladder, set);
		if (code != PLM_EXIT_OK)
			return code;
		if (root[1] && !has_row(set, root)) {
			plm_cli_say(p->cli, "cgroup \"%s\" has gone", root);
			return PLM_EXIT_FAILED;
		}
		if (print_pass(p, set) < 0)
			return PLM_EXIT_FAILED;
	}
	return PLM_EXIT_OK;
}

static int run(const struct plm_cli *cli, const void *args, int n_operands, char **operands)
{
	const struct args *a = args;
	char root[CGROUP_PATH_MAX] = "/";
	(void)n_operands, (void)operands;
	if (a->count && a->interval_s == 0)
		return plm_cli_usage(cli, "--count needs --interval");
	if (a->cgroup && plm_cli_cgroup_path(a->cgroup, root, sizeof(root)) < 0)
		return plm_cli_usage(
			cli, "--cgroup is \"%.200s\"; it must be a path from the hierarchy's root without \"..\"",
			a->cgroup);
	if (!plm_cli_cgroup_exists(root)) {
		plm_cli_say(cli, "there is no cgroup \"%s\"", root);
		return PLM_EXIT_FAILED;
	}
	struct plm_ladder *ladder = NULL;
	int code = plm_cli_ladder(cli, root, a->rung ? rungs[a->rung][0] : 0, &ladder);
	if (code != PLM_EXIT_OK)
		return code;
	struct pass p = { .cli = cli, .has_rates = a->interval_s > 0, .row = PLM_BUF_INIT(ROW_MAX_BYTES) };
	struct plm_sample_set set = { .rows = NULL };
	code = passes(a, &p, ladder, root, &set);
	plm_ladder_close(ladder);
	plm_sample_set_done(&set);
	plm_previous_done(&p.previous);
	plm_buf_done(&p.row);
	return code;
}

const struct plm_command plm_command_sample = {
	.name = "sample",
	.operands = "",
	.summary = "read the kernel's counters now, without a daemon",
	.details = "Reads each cgroup's counters from the kernel: cumulative since the cgroup's birth, children "
		   "included, parents first. With "
		   "--interval one pass per interval with the rates in it: cores, and shares of the interval that were "
		   "throttled or waited. "
		   "\"-\" (null in JSON) is not known on this host, or no limit.",
	.options = options,
	.n_options = PLM_ARRAY_SIZE(options),
	.args_size = sizeof(struct args),
	.outputs = PLM_OUTPUTS_LIST,
	.run = run,
};
