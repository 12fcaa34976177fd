/* SPDX-License-Identifier: Apache-2.0
 * plimsoll scale: a desired count by hand, through the path that policies use. */
#include <inttypes.h>
#include <math.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "cli/client.h"

#define MAX_DESIRED 100000 /* the API's limit */

struct args {
	bool is_dry_run;
};

static const struct plm_option options[] = {
	{ "dry-run", 'n', PLM_OPTION_FLAG, NULL, "print the API call and do nothing", offsetof(struct args, is_dry_run),
	  0, 0, NULL },
};

static void print_answer(const struct plm_cli *cli, const char *service, uint64_t desired, const cJSON *doc)
{
	double from = plm_cell_number(doc, "from");
	bool is_dry_run = cJSON_IsTrue(plm_cell_at(doc, "dry_run"));
	if (isnan(from))
		fprintf(cli->out, "%s: %" PRIu64, service, desired);
	else if (from == (double)desired)
		fprintf(cli->out, "%s: already %" PRIu64, service, desired);
	else
		fprintf(cli->out, "%s: %.0f → %" PRIu64, service, from, desired);
	fputs(is_dry_run ? " (the daemon runs with dry_run: nothing was changed)\n" : "\n", cli->out);
}

static int run(const struct plm_cli *cli, const void *args, int n_operands, char **operands)
{
	const struct args *a = args;
	struct plm_client_path path;
	struct plm_buf body = PLM_BUF_INIT(PLM_CLIENT_MAX_BODY);
	cJSON *doc = NULL;
	char json[48];
	uint64_t desired;
	(void)n_operands;
	if (plm_parse_u64(operands[1], 0, MAX_DESIRED, &desired) != 0)
		return plm_cli_usage(cli, "N is \"%.100s\"; it must be a whole number from 0 to %d", operands[1],
				     MAX_DESIRED);
	(void)snprintf(json, sizeof(json), "{\"desired\":%" PRIu64 "}", desired);
	plm_client_path_begin(&path, "services/");
	plm_client_path_add(&path, operands[0], true);
	plm_client_path_add(&path, "/desired", false);
	if (a->is_dry_run) {
		fprintf(cli->out, "POST %s\n%s\n", path.text, json);
		return PLM_EXIT_OK;
	}
	int code = plm_client_post(cli, &path, json, &body, &doc);
	if (code == PLM_EXIT_OK && cli->output != PLM_OUTPUT_TABLE)
		plm_client_print(cli, &body);
	else if (code == PLM_EXIT_OK)
		print_answer(cli, operands[0], desired, doc);
	cJSON_Delete(doc);
	plm_buf_done(&body);
	return code;
}

const struct plm_command plm_command_scale = {
	.name = "scale",
	.operands = "SERVICE N",
	.summary = "set a service's desired count by hand",
	.details = "Sets the desired count of SERVICE to N tasks. The daemon records it as an activity; policies go on "
		   "from there and "
		   "may change it again.",
	.options = options,
	.n_options = PLM_ARRAY_SIZE(options),
	.args_size = sizeof(struct args),
	.min_operands = 2,
	.max_operands = 2,
	.outputs = PLM_OUTPUTS_OBJECT,
	.needs_daemon = true,
	.run = run,
};
