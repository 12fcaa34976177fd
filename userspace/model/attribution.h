/* SPDX-License-Identifier: Apache-2.0
 *
 * Which task each sample and each final of a tick belongs to: indexes into the cluster's tasks, -1 for none.
 */
#ifndef PLM_MODEL_ATTRIBUTION_H
#define PLM_MODEL_ATTRIBUTION_H

#include "model/sample.h"
#include "model/service.h"

struct plm_attribution {
	int *row_task;   /* one per sample row: the task whose own cgroup this is; rows below a task's cgroup have -1,
			    because the task's counters already include them */
	int *final_task; /* one per final: the task whose cgroup this is or lies below */
	size_t cap_rows, cap_finals;
	size_t n_unattributed; /* rows that are neither a task's cgroup nor below one */
};
void plm_attribution_done(struct plm_attribution *a);

#endif
