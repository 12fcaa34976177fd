/* SPDX-License-Identifier: Apache-2.0
 * plimsoll version. */
#include "cli/cli.h"

static int run(const struct plm_cli *cli, const void *args, int n_operands, char **operands)
{
	(void)args, (void)n_operands, (void)operands;
	if (cli->output == PLM_OUTPUT_TABLE)
		fputs("plimsoll " PLM_VERSION "\n", cli->out);
	else
		fputs("{\"api_version\":1,\"version\":\"" PLM_VERSION "\"}\n", cli->out);
	return PLM_EXIT_OK;
}

const struct plm_command plm_command_version = {
	.name = "version",
	.operands = "",
	.summary = "the version of this program",
	.details = "Prints the version of this program; the daemon's own is in \"plimsoll doctor\".",
	.outputs = PLM_OUTPUTS_OBJECT,
	.run = run,
};
