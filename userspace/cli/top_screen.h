/* SPDX-License-Identifier: Apache-2.0
 * The terminal of `plimsoll top`. */
#ifndef PLM_CLI_TOP_SCREEN_H
#define PLM_CLI_TOP_SCREEN_H

#include "cli/top_read.h"

struct plm_top_settings {
	enum plm_top_view view;
	enum plm_top_sort sort;
	bool is_reversed;
	bool has_color;
	double delay_s;
	char filter[64];
	uint64_t max_updates; /* 0 = until q */
};

/* Runs until a key or a signal ends it; the terminal is as before. A plm_exit; a signal ends the process by that signal. */
int plm_top_screen(const struct plm_cli *cli, struct plm_top_reader *reader, struct plm_top_settings *settings);

#endif
