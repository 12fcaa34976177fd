/* SPDX-License-Identifier: Apache-2.0
 * plimsoll: the table of commands, in the order that help lists them. */
#include <locale.h>

#include "base/cleanup.h"
#include "cli/cli.h"

static const struct plm_command *const commands[] = {
	&plm_command_doctor,  &plm_command_sample,     &plm_command_top,          &plm_command_services,
	&plm_command_tasks,   &plm_command_scale,      &plm_command_policy_check, &plm_command_policy_list,
	&plm_command_explain, &plm_command_activities, &plm_command_version,
};

int main(int argc, char **argv)
{
	(void)setlocale(LC_CTYPE, "");
	return plm_cli_run(commands, PLM_ARRAY_SIZE(commands), argc, argv, stdout, stderr);
}
