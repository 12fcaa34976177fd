/* SPDX-License-Identifier: Apache-2.0
 * plimsoll doctor: what this host can do, line by line, and how to mend what it cannot. Needs no daemon, changes nothing. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/num.h"
#include "cli/checks.h"
#include "cli/cli.h"
#include "cli/table.h"

#define STATE_DIR "/var/lib/plimsoll"
#define REPORT_MAX (64u << 10)
#define NAME_COLUMNS 15

struct args {
	const char *state_dir;
};

static const struct plm_option options[] = {
	{ "state-dir", 0, PLM_OPTION_TEXT, "DIR", "the daemon's state_dir (default " STATE_DIR ")",
	  offsetof(struct args, state_dir), 0, 0, NULL },
};

const char *plm_check_status_name(enum plm_check_status s)
{
	static const char *const names[] = { "ok", "degraded", "missing" };
	_Static_assert(PLM_ARRAY_SIZE(names) == _PLM_CHECK_STATUS_MAX, "a name for each status");
	return names[s];
}

struct plm_check *plm_checks_add(struct plm_checks *c, const char *name)
{
	if (c->n < PLM_DOCTOR_MAX_CHECKS)
		c->n++;
	struct plm_check *k = &c->rows[c->n - 1];
	*k = (struct plm_check){ .status = PLM_CHECK_OK };
	(void)plm_strcpy(k->name, sizeof(k->name), name);
	return k;
}

int plm_checks_exit(const struct plm_checks *c)
{
	int code = PLM_EXIT_OK;
	for (size_t i = 0; i < c->n; i++) {
		const struct plm_check *k = &c->rows[i];
		if (!k->is_needed || k->status != PLM_CHECK_MISSING)
			continue;
		if (!k->is_privilege)
			return PLM_EXIT_FAILED;
		code = PLM_EXIT_PRIVILEGE;
	}
	return code;
}

/* The last line: can the main job be done here? */
static void add_verdict(struct plm_checks *c)
{
	int code = plm_checks_exit(c);
	char needs[200] = "";
	for (size_t i = 0; i < c->n; i++)
		if (c->rows[i].is_needed && c->rows[i].status == PLM_CHECK_MISSING)
			(void)snprintf(needs + strlen(needs), sizeof(needs) - strlen(needs), "%s%s",
				       needs[0] ? ", " : "", c->rows[i].name);
	struct plm_check *v = plm_checks_add(c, "verdict");
	v->is_privilege = code == PLM_EXIT_PRIVILEGE;
	if (code == PLM_EXIT_OK) {
		(void)plm_strcpy(v->found, sizeof(v->found), "this host can measure tasks and scale services");
		return;
	}
	v->status = PLM_CHECK_MISSING;
	(void)snprintf(v->found, sizeof(v->found), "the daemon cannot do its work here: %s", needs);
	(void)plm_strcpy(v->mend, sizeof(v->mend),
			 code == PLM_EXIT_PRIVILEGE ? "only privilege is missing: run as root"
						    : "mend these lines above");
}

static void print_text(const struct plm_cli *cli, const struct plm_checks *c)
{
	static const char *const colors[] = { "\033[32m", "\033[33m", "\033[31m" };
	for (size_t i = 0; i < c->n; i++) {
		const struct plm_check *k = &c->rows[i];
		const char *status = plm_check_status_name(k->status);
		fprintf(cli->out, "%s%s%s%*s  %-*s  %s%s%s\n", cli->has_color ? colors[k->status] : "", status,
			cli->has_color ? "\033[0m" : "", (int)(8 - strlen(status)), "", NAME_COLUMNS, k->name, k->found,
			k->mend[0] ? "  → " : "", k->mend);
	}
}

static const struct plm_column columns[] = {
	{ "status", NULL, PLM_CELL_TEXT, NULL },    { "name", NULL, PLM_CELL_TEXT, NULL },
	{ "is_needed", NULL, PLM_CELL_BOOL, NULL }, { "is_privilege", NULL, PLM_CELL_BOOL, NULL },
	{ "found", NULL, PLM_CELL_TEXT, NULL },     { "mend", NULL, PLM_CELL_TEXT, NULL },
};

static void report_json(const struct plm_checks *c, struct plm_buf *out)
{
	struct plm_jw w;
	plm_jw_init(&w, out);
	plm_jw_obj(&w, NULL);
	plm_jw_i64(&w, "api_version", 1);
	plm_jw_bool(&w, "is_able", plm_checks_exit(c) == PLM_EXIT_OK);
	plm_jw_i64(&w, "exit_code", plm_checks_exit(c));
	plm_jw_arr(&w, "checks");
	for (size_t i = 0; i < c->n; i++) {
		const struct plm_check *k = &c->rows[i];
		plm_jw_obj(&w, NULL);
		plm_jw_str(&w, "name", k->name);
		plm_jw_str(&w, "status", plm_check_status_name(k->status));
		plm_jw_bool(&w, "is_needed", k->is_needed);
		plm_jw_bool(&w, "is_privilege", k->is_privilege);
		plm_jw_str(&w, "found", k->found);
		plm_jw_str(&w, "mend", k->mend[0] ? k->mend : NULL);
		plm_jw_end_obj(&w);
	}
	plm_jw_end_arr(&w);
	plm_jw_end_obj(&w);
}

static int print_rows(const struct plm_cli *cli, const struct plm_buf *report)
{
	cJSON *doc = cJSON_ParseWithLength(plm_buf_text(report), report->len);
	const cJSON *row;
	struct plm_table t;
	plm_table_begin(&t, cli, columns, PLM_ARRAY_SIZE(columns));
	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(doc, "checks")) plm_table_add(&t, row);
	cJSON_Delete(doc);
	return plm_table_end(&t);
}

static int run(const struct plm_cli *cli, const void *args, int n_operands, char **operands)
{
	const struct args *a = args;
	struct plm_checks c = { .n = 0 };
	(void)n_operands, (void)operands;
	plm_check_kernel(&c);
	plm_check_privilege(&c);
	plm_check_ladder(&c);
	plm_check_cgroups(&c);
	plm_check_pressure(&c);
	plm_check_clock(&c);
	plm_check_files(&c);
	plm_check_backend(&c);
	plm_check_state_dir(&c, a->state_dir ? a->state_dir : STATE_DIR);
	plm_check_daemon(&c, cli->socket);
	int code = plm_checks_exit(&c);
	if (cli->output == PLM_OUTPUT_TABLE) {
		add_verdict(&c);
		print_text(cli, &c);
		return code;
	}
	struct plm_buf report = PLM_BUF_INIT(REPORT_MAX);
	report_json(&c, &report);
	if (report.failed || (cli->output != PLM_OUTPUT_JSON && print_rows(cli, &report) < 0)) {
		plm_cli_say(cli, "not enough memory for the report");
		code = PLM_EXIT_FAILED;
	} else if (cli->output == PLM_OUTPUT_JSON) {
		fprintf(cli->out, "%s\n", plm_buf_text(&report));
	}
	plm_buf_done(&report);
	return code;
}

const struct plm_command plm_command_doctor = {
	.name = "doctor",
	.operands = "",
	.summary = "what this host can do, and how to mend what it cannot",
	.details = "Checks each capability of this host: kernel, eBPF rung by rung, cgroups, pressure, clock, limits, "
		   "where tasks and state go, the "
		   "daemon. Each line is ok, degraded or missing, then what was found and after the arrow how to mend "
		   "it. Ends with 0 when the "
		   "daemon can do its work here, 77 when only privilege is missing, else 1.",
	.options = options,
	.n_options = PLM_ARRAY_SIZE(options),
	.args_size = sizeof(struct args),
	.outputs = PLM_OUTPUTS_LIST,
	.uses_socket = true,
	.run = run,
};
