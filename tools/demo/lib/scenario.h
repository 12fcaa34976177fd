/* SPDX-License-Identifier: Apache-2.0
 *
 * What the demo plays: one service of quarter-vCPU tasks, a load that steps up and down again, a policy in AWS's JSON,
 * and the daemon's configuration around them. Everything lives in one private folder.
 */
#ifndef PLM_DEMO_SCENARIO_H
#define PLM_DEMO_SCENARIO_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"
#include "load.h"

#define PLM_DEMO_CPU_MS 5.0    /* CPU time of one request */
#define PLM_DEMO_CPU_UNITS 256 /* of a task; 1024 = 1 vCPU, a hard limit */
#define PLM_DEMO_MEMORY_MIB 64
#define PLM_DEMO_TARGET 60.0 /* percent */
#define PLM_DEMO_MIN 1
#define PLM_DEMO_MAX 6
#define PLM_DEMO_LOW_RATE 12.0
#define PLM_DEMO_PEAK_RATE 110.0
#define PLM_DEMO_SECONDS 72.0
#define PLM_DEMO_QUICK_SECONDS 30.0
#define PLM_DEMO_INTERVAL_MS 500 /* the daemon's sample interval */

struct plm_demo_scenario {
	double seconds, peak;  /* as asked for */
	double step_s, fall_s; /* when the load rises and falls, from its start */
	int stabilize_in_s;    /* how long a lower count must be right before it is taken */
	int needed;            /* tasks that hold the target at the peak */
	int port, port_fd;     /* shared by the tasks; port_fd keeps it reserved, -1 = none */
	struct plm_load_profile profile;
	char folder[80], config[PATH_MAX], log[PATH_MAX], socket[108], cgroup[64];
	char daemon[PATH_MAX], worker[PATH_MAX]; /* programs, beside this one */
};

/* Plans; reserves a port; makes the folder and writes the files. On failure nothing is left. */
int plm_demo_scenario_open(double seconds, double peak, struct plm_demo_scenario *ret, struct plm_err *err);
/* Frees the port. The folder is the keeper's to remove once there is one. */
void plm_demo_scenario_close(struct plm_demo_scenario *s);

#endif
