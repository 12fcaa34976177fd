/* SPDX-License-Identifier: Apache-2.0 */
#include "model/usage.h"

#include <string.h>

const struct plm_service_usage *plm_usage_service(const struct plm_usage *u, const char *name)
{
	for (size_t i = 0; i < u->n_services; i++)
		if (strcmp(u->services[i].service, name) == 0)
			return &u->services[i];
	return NULL;
}

const struct plm_task_usage *plm_usage_task(const struct plm_usage *u, const char *id)
{
	for (size_t i = 0; i < u->n_tasks; i++)
		if (strcmp(u->tasks[i].task, id) == 0)
			return &u->tasks[i];
	return NULL;
}
