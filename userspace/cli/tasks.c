/* SPDX-License-Identifier: Apache-2.0
 * plimsoll tasks: the tasks as the daemon sees them. */
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "cli/client.h"

#define SHOWN_ID 12 /* of 32 hexadecimal digits: enough to tell the tasks of a host apart */

struct args {
	const char *service;
};

static const struct plm_option options[] = {
	{ "service", 's', PLM_OPTION_TEXT, "NAME", "only this service's tasks", offsetof(struct args, service), 0, 0,
	  NULL },
};

static void short_id(const cJSON *row, char *text, size_t size)
{
	const char *id = plm_cell_string(row, "id");
	if (id)
		(void)snprintf(text, size, "%.*s", SHOWN_ID, id);
}

static void why(const cJSON *row, char *text, size_t size)
{
	const char *reason = plm_cell_string(row, "reason");
	double code = plm_cell_number(row, "exit_code");
	if (reason)
		(void)plm_strcpy(text, size, reason);
	else if (code == code)
		(void)snprintf(text, size, "exit code %.0f", code);
}

static const struct plm_column columns[] = {
	{ NULL, "TASK", PLM_CELL_TEXT, short_id },
	{ "id", NULL, PLM_CELL_TEXT, NULL },
	{ "service", "SERVICE", PLM_CELL_TEXT, NULL },
	{ "family", NULL, PLM_CELL_TEXT, NULL },
	{ "revision", "REV", PLM_CELL_COUNT, NULL },
	{ "status", "STATUS", PLM_CELL_TEXT, NULL },
	{ "is_ready", "READY", PLM_CELL_BOOL, NULL },
	{ "pid", "PID", PLM_CELL_COUNT, NULL },
	{ "port", "PORT", PLM_CELL_COUNT, NULL },
	{ "cpu_cores", "CORES", PLM_CELL_CORES, NULL },
	{ "cpu_utilization_percent", "CPU%", PLM_CELL_PERCENT, NULL },
	{ "memory_working_set_bytes", "MEMORY", PLM_CELL_BYTES, NULL },
	{ "memory_utilization_percent", "MEM%", PLM_CELL_PERCENT, NULL },
	{ "throttled_share", "THR%", PLM_CELL_SHARE, NULL },
	{ "cgroup", NULL, PLM_CELL_TEXT, NULL },
	{ "cpu_units", NULL, PLM_CELL_COUNT, NULL },
	{ "memory_reserved_bytes", NULL, PLM_CELL_BYTES, NULL },
	{ "cpu_usage_us", NULL, PLM_CELL_US, NULL },
	{ "memory_usage_bytes", NULL, PLM_CELL_BYTES, NULL },
	{ "cpu_pressure", NULL, PLM_CELL_SHARE, NULL },
	{ "memory_pressure", NULL, PLM_CELL_SHARE, NULL },
	{ "pids", NULL, PLM_CELL_COUNT, NULL },
	{ "oom_kills", NULL, PLM_CELL_COUNT, NULL },
	{ "created_at", NULL, PLM_CELL_TIME, NULL },
	{ "started_at", "STARTED", PLM_CELL_TIME, NULL },
	{ "stopped_at", NULL, PLM_CELL_TIME, NULL },
	{ "exit_code", NULL, PLM_CELL_COUNT, NULL },
	{ "reason", NULL, PLM_CELL_TEXT, NULL },
	{ NULL, "REASON", PLM_CELL_TEXT, why },
};

static int run(const struct plm_cli *cli, const void *args, int n_operands, char **operands)
{
	const struct args *a = args;
	struct plm_client_path path;
	if (a->service && n_operands)
		return plm_cli_usage(cli, "the service is given twice");
	const char *service = n_operands ? operands[0] : a->service;
	plm_client_path_begin(&path, "tasks");
	if (service)
		plm_client_path_query(&path, "service", service);
	return plm_client_list(cli, &path, "tasks", columns, PLM_ARRAY_SIZE(columns));
}

const struct plm_command plm_command_tasks = {
	.name = "tasks",
	.operands = "[SERVICE]",
	.summary = "tasks: state, use, throttling",
	.details = "Lists the tasks as the daemon sees them, ended ones included as long as it remembers them. CPU% "
		   "and MEM% are of "
		   "the task's reservation, THR% the share of scheduler periods in which its CPU limit stopped it.",
	.options = options,
	.n_options = PLM_ARRAY_SIZE(options),
	.args_size = sizeof(struct args),
	.max_operands = 1,
	.outputs = PLM_OUTPUTS_LIST,
	.needs_daemon = true,
	.run = run,
};
