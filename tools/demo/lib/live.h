/* SPDX-License-Identifier: Apache-2.0
 * What is printed while the demo runs. */
#ifndef PLM_DEMO_LIVE_H
#define PLM_DEMO_LIVE_H

#include "record.h"
#include "term.h"

struct plm_live {
	const struct plm_term *term;
	const struct plm_demo_scenario *scenario;
	double next_s; /* when the next status line is due */
	bool has_risen, has_fallen;
};

void plm_live_intro(const struct plm_live *l, const struct plm_watch_host *host);
/* Prints what is due at `t_s`: a status line each second while something changes, else each other second. */
void plm_live_status(struct plm_live *l, struct plm_load *load, const struct plm_record_point *now);
void plm_live_decision(const struct plm_live *l, const struct plm_record_decision *d);

#endif
