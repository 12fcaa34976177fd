/* SPDX-License-Identifier: Apache-2.0
 * Where `plimsoll top` reads from: the daemon when it answers, and the kernel's ladder for the view of cgroups. */
#ifndef PLM_CLI_TOP_READ_H
#define PLM_CLI_TOP_READ_H

#include "cli/cli.h"
#include "cli/rates.h"
#include "cli/top_model.h"
#include "kernel/source.h"

struct plm_top_reader {
	const char *socket;
	bool has_daemon;           /* answered the last time */
	struct plm_ladder *ladder; /* NULL until the view of cgroups is asked for */
	char ladder_error[200];    /* why it did not open */
	struct plm_sample_set set;
	struct plm_previous previous;
};

/* Asks the daemon once, so that the first view can be chosen. */
void plm_top_reader_open(struct plm_top_reader *r, const char *socket);
void plm_top_reader_close(struct plm_top_reader *r);
/* Whether the next reading of this view only starts the rates. */
bool plm_top_reader_is_first(const struct plm_top_reader *r, enum plm_top_view view);
/* Fills the model's head and rows for m->view; what failed is in m->trouble. */
void plm_top_read(struct plm_top_reader *r, struct plm_top_model *m);

#endif
