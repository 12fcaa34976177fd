/* SPDX-License-Identifier: Apache-2.0
 *
 * From cgroup to task: by the path that the backend gave the task. Pure; once per tick, O(rows * depth).
 */
#ifndef PLM_IDENTITY_IDENTITY_H
#define PLM_IDENTITY_IDENTITY_H

#include "model/attribution.h"

/* Fills *ret (its arrays are reused). Either input may be empty. 0 or -ENOMEM. */
int plm_identity_attribute(const struct plm_sample_set *samples, const struct plm_cluster *cluster,
			   struct plm_attribution *ret);

#endif
