/* SPDX-License-Identifier: Apache-2.0 */
#include "model/policy.h"

#include <stdlib.h>
#include <string.h>

static const char *const metric_names[] = { "ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization" };
_Static_assert(sizeof(metric_names) / sizeof(metric_names[0]) == _PLM_METRIC_MAX, "a name for each metric");
static const char *const evaluation_names[] = { "fast" };
_Static_assert(sizeof(evaluation_names) / sizeof(evaluation_names[0]) == _PLM_EVALUATION_MAX, "a name for each");

const char *plm_metric_name(enum plm_metric m)
{
	return metric_names[m];
}

const char *plm_evaluation_name(enum plm_evaluation e)
{
	return evaluation_names[e];
}

void plm_policy_set_done(struct plm_policy_set *set)
{
	free(set->targets);
	free(set->policies);
	memset(set, 0, sizeof(*set));
}

const struct plm_target *plm_policy_set_target(const struct plm_policy_set *set, const char *service)
{
	for (size_t i = 0; i < set->n_targets; i++)
		if (strcmp(set->targets[i].service, service) == 0)
			return &set->targets[i];
	return NULL;
}
