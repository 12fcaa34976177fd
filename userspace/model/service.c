/* SPDX-License-Identifier: Apache-2.0 */
#include "model/service.h"

#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = { "PENDING", "RUNNING", "STOPPING", "STOPPED" };
_Static_assert(sizeof(status_names) / sizeof(status_names[0]) == _PLM_TASK_STATUS_MAX, "a name for each status");

const char *plm_task_status_name(enum plm_task_status s)
{
	return status_names[s];
}

void plm_cluster_done(struct plm_cluster *c)
{
	free(c->services);
	free(c->tasks);
	memset(c, 0, sizeof(*c));
}

const struct plm_service *plm_cluster_service(const struct plm_cluster *c, const char *name)
{
	for (size_t i = 0; i < c->n_services; i++)
		if (strcmp(c->services[i].name, name) == 0)
			return &c->services[i];
	return NULL;
}
