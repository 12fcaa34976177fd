/* SPDX-License-Identifier: Apache-2.0
 * What was seen during a run, and what follows from it: verdicts, the table at the end, the plot. */
#ifndef PLM_DEMO_RECORD_H
#define PLM_DEMO_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "load.h"
#include "scenario.h"
#include "term.h"
#include "watch.h"

#define PLM_RECORD_MAX_POINTS 4096 /* four a second for 17 minutes */

struct plm_record_point {
	double t_s; /* after the load's start */
	int desired, running;
	double cpu_percent; /* NAN = not known */
};
struct plm_record_decision {
	double t_s;
	int from, to;
	char id[40], cause[320];
};
struct plm_record {
	const struct plm_demo_scenario *scenario;
	struct plm_load *load;
	struct plm_record_point points[PLM_RECORD_MAX_POINTS];
	size_t n_points;
	struct plm_record_decision decisions[PLM_WATCH_MAX_ACTIVITIES];
	size_t n_decisions;
	struct plm_watch_host host;  /* at the end */
	double daemon_cpu_s, wall_s; /* from the daemon's readiness to the end; NAN = not known */
};

/* Times are seconds after the load's start; NAN = did not happen. */
struct plm_record_facts {
	int peak, last; /* running: most, and at the end */
	int last_desired;
	double first_out_s;                                      /* decision */
	double capacity_s;                                       /* as many tasks running as the peak needs */
	double first_in_s;                                       /* decision, after the fall */
	double at_min_s;                                         /* desired back at the minimum, after the fall */
	struct plm_load_stats before, step, settled, after, all; /* by due time */
	double settled_from_s;                                   /* where the window of `settled` begins */
	double step_to_s;                                        /* where the window of `step` ends */
};

void plm_record_facts(const struct plm_record *r, struct plm_record_facts *ret);
/* The table. */
void plm_record_print(const struct plm_record *r, const struct plm_record_facts *f, const struct plm_term *term);
/* Prints each claim that does not hold; returns how many. */
int plm_record_check(const struct plm_record *r, const struct plm_record_facts *f, const struct plm_term *term);
int plm_record_plot(const struct plm_record *r, const struct plm_record_facts *f, const char *path,
		    struct plm_err *err);

#endif
