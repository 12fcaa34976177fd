/* SPDX-License-Identifier: Apache-2.0
 * plimsoll services: the services as the daemon sees them. */
#include "base/cleanup.h"
#include "cli/client.h"

static const struct plm_column columns[] = {
	{ "cluster", NULL, PLM_CELL_TEXT, NULL },
	{ "service", "SERVICE", PLM_CELL_TEXT, NULL },
	{ "family", NULL, PLM_CELL_TEXT, NULL },
	{ "revision", NULL, PLM_CELL_COUNT, NULL },
	{ "desired", "DESIRED", PLM_CELL_COUNT, NULL },
	{ "running", "RUNNING", PLM_CELL_COUNT, NULL },
	{ "pending", "PENDING", PLM_CELL_COUNT, NULL },
	{ "ready", "READY", PLM_CELL_COUNT, NULL },
	{ "min", "MIN", PLM_CELL_COUNT, NULL },
	{ "max", "MAX", PLM_CELL_COUNT, NULL },
	{ "cpu_utilization_percent", "CPU%", PLM_CELL_PERCENT, NULL },
	{ "memory_utilization_percent", "MEM%", PLM_CELL_PERCENT, NULL },
	{ "cpu_units", NULL, PLM_CELL_COUNT, NULL },
	{ "memory_reserved_bytes", NULL, PLM_CELL_BYTES, NULL },
	{ "cpu_usage_us", NULL, PLM_CELL_US, NULL },
	{ "restarts", "RESTARTS", PLM_CELL_COUNT, NULL },
	{ "is_deploying", "DEPLOYING", PLM_CELL_BOOL, NULL },
	{ "is_scalable", NULL, PLM_CELL_BOOL, NULL },
	{ "reason", "REASON", PLM_CELL_TEXT, NULL },
};

static int run(const struct plm_cli *cli, const void *args, int n_operands, char **operands)
{
	(void)args, (void)n_operands, (void)operands;
	struct plm_client_path path;
	plm_client_path_begin(&path, "services");
	return plm_client_list(cli, &path, "services", columns, PLM_ARRAY_SIZE(columns));
}

const struct plm_command plm_command_services = {
	.name = "services",
	.operands = "",
	.summary = "services: counts, bounds, utilisation",
	.details = "Lists the services as the daemon sees them. CPU% and MEM% are utilisation: what all tasks used of "
		   "what they "
		   "reserve, as target tracking sees it; \"-\" is not known or not set.",
	.outputs = PLM_OUTPUTS_LIST,
	.needs_daemon = true,
	.run = run,
};
