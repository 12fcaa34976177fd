/* SPDX-License-Identifier: Apache-2.0
 * plimsoll activities: what was done, and on demand what was not done and why not. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "cli/client.h"

#define MAX_ACTIVITIES 1000 /* the API's limit */

struct args {
	bool include_not_scaled;
	uint64_t max;
};

static const struct plm_option options[] = {
	{ "include-not-scaled", 'a', PLM_OPTION_FLAG, NULL, "also evaluations that changed nothing, with their reason",
	  offsetof(struct args, include_not_scaled), 0, 0, NULL },
	{ "max", 'n', PLM_OPTION_COUNT, "N", "at most N, newest first (default 50)", offsetof(struct args, max), 1,
	  MAX_ACTIVITIES, NULL },
};

static void change(const cJSON *row, char *text, size_t size)
{
	double from = plm_cell_number(row, "from"), to = plm_cell_number(row, "to");
	if (isnan(from) || isnan(to))
		return;
	if (from == to)
		(void)snprintf(text, size, "%.0f", to);
	else
		(void)snprintf(text, size, "%.0f → %.0f", from, to);
}

static void outcome(const cJSON *row, char *text, size_t size)
{
	const char *reason = plm_cell_string(row, "not_scaled_reasons.0.code"),
		   *status = plm_cell_string(row, "status_code");
	double repeats = plm_cell_number(row, "repeats");
	if (reason && repeats > 0)
		(void)snprintf(text, size, "%.100s (%.0f times)", reason, repeats + 1);
	else if (reason || status)
		(void)plm_strcpy(text, size, reason ? reason : status);
}

/* The cause; for what was not fulfilled, what the backend said. */
static void why(const cJSON *row, char *text, size_t size)
{
	const char *cause = plm_cell_string(row, "cause"), *message = plm_cell_string(row, "status_message");
	const char *status = plm_cell_string(row, "status_code");
	bool has_failed = status && (strcmp(status, "Failed") == 0 || strcmp(status, "Unfulfilled") == 0 ||
				     strcmp(status, "Overridden") == 0);
	if (message && has_failed && !plm_cell_at(row, "not_scaled_reasons.0"))
		(void)snprintf(text, size, "%.300s: %.200s", cause ? cause : "", message);
	else if (cause)
		(void)plm_strcpy(text, size, cause);
}

static const struct plm_column columns[] = {
	{ "activity_id", NULL, PLM_CELL_TEXT, NULL },
	{ "start_time", "TIME", PLM_CELL_TIME, NULL },
	{ "end_time", NULL, PLM_CELL_TIME, NULL },
	{ "cluster", NULL, PLM_CELL_TEXT, NULL },
	{ "service", "SERVICE", PLM_CELL_TEXT, NULL },
	{ "policy", NULL, PLM_CELL_TEXT, NULL },
	{ "status_code", NULL, PLM_CELL_TEXT, NULL },
	{ NULL, "DESIRED", PLM_CELL_TEXT, change },
	{ NULL, "OUTCOME", PLM_CELL_TEXT, outcome },
	{ "from", NULL, PLM_CELL_COUNT, NULL },
	{ "to", NULL, PLM_CELL_COUNT, NULL },
	{ "repeats", NULL, PLM_CELL_COUNT, NULL },
	{ "not_scaled_reasons.0.code", NULL, PLM_CELL_TEXT, NULL },
	{ "description", NULL, PLM_CELL_TEXT, NULL },
	{ "cause", NULL, PLM_CELL_TEXT, NULL },
	{ "status_message", NULL, PLM_CELL_TEXT, NULL },
	{ NULL, "CAUSE", PLM_CELL_TEXT, why },
};

static int run(const struct plm_cli *cli, const void *args, int n_operands, char **operands)
{
	const struct args *a = args;
	struct plm_client_path path;
	char max[24];
	plm_client_path_begin(&path, "activities");
	if (n_operands)
		plm_client_path_query(&path, "service", operands[0]);
	if (a->include_not_scaled)
		plm_client_path_query(&path, "include_not_scaled", "1");
	if (a->max) {
		(void)snprintf(max, sizeof(max), "%" PRIu64, a->max);
		plm_client_path_query(&path, "max", max);
	}
	return plm_client_list(cli, &path, "activities", columns, PLM_ARRAY_SIZE(columns));
}

const struct plm_command plm_command_activities = {
	.name = "activities",
	.operands = "[SERVICE]",
	.summary = "what was scaled and why; what was not and why not",
	.details = "Lists scaling activities, newest first. With --include-not-scaled also the evaluations that "
		   "changed nothing: the "
		   "outcome is then the reason, equal ones in a row are counted in one line.",
	.options = options,
	.n_options = PLM_ARRAY_SIZE(options),
	.args_size = sizeof(struct args),
	.max_operands = 1,
	.outputs = PLM_OUTPUTS_LIST,
	.needs_daemon = true,
	.run = run,
};
